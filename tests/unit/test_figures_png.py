"""The PNG of a picture holds its pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers.figures.png import png_of


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 5, 3), (50, 300, 3)])
def test_another_reader_finds_the_same_pixels(shape, level):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    picture = Image.open(io.BytesIO(png_of(pixels, level)))
    picture.load()  # looks at the checksums too
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    assert np.array_equal(np.asarray(picture), pixels)


def test_pixels_that_do_not_lie_side_by_side_are_taken():
    rgba = np.random.default_rng(0).integers(0, 256, (4, 6, 4), dtype=np.uint8)
    assert png_of(rgba[..., :3]) == png_of(rgba[..., :3].copy())
