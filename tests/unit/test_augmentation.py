"""Mirrored and shifted copies."""

import numpy as np

from helpers.augmentation import mirror_and_shift, views

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)


def test_every_copy_is_a_window_of_the_reflected_image_or_its_mirror():
    copies = mirror_and_shift(IMAGES, np.random.default_rng(1), reach=2)
    assert copies.shape == IMAGES.shape and copies.dtype == np.uint8
    seen = set()
    for image, copy in zip(IMAGES, copies, strict=True):
        found = [
            (mirrored, down, right)
            for mirrored in (False, True)
            for down in range(5)
            for right in range(5)
            if np.array_equal(
                np.pad(image[:, ::-1] if mirrored else image, ((2, 2), (2, 2), (0, 0)), "reflect")[
                    down : down + 12, right : right + 12
                ],
                copy,
            )
        ]
        assert len(found) == 1
        seen.update(found)
    assert len({place[0] for place in seen}) == 2 and len(seen) > 20


def test_the_same_generator_gives_the_same_copies():
    first, again = (mirror_and_shift(IMAGES, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first, again)


def test_views_hold_the_image_itself_and_its_mirror():
    found = list(views(IMAGES))
    assert len(found) == 18
    assert any(np.array_equal(view, IMAGES) for view in found)
    assert any(np.array_equal(view, IMAGES[:, :, ::-1]) for view in found)
