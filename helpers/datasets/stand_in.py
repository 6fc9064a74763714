"""The stand-in for CIFAR-10: ten classes of real pixels, made from what ships with scikit-learn.

Handwritten digits (8 x 8, enlarged, turned, sheared, scaled, coloured) are blended over patches of
two photographs. Like CIFAR-10 it has 32 x 32 RGB images in which the object has any colour, size
and place and the background says nothing about the class, so that networks differ on it.
"""

from collections.abc import Iterator

import numpy as np

from helpers.arguments import SEED, Whole, check_cost, takes
from helpers.datasets.cache import cache_path, cached
from helpers.datasets.dataset import IMAGE_SHAPE, N_CLASSES, SIDE, STAND_IN_NAME, Dataset, Split

VERSION = 1  # part of the cache's key: change it when the pictures change
CLASS_NAMES = tuple(f"digit {digit}" for digit in range(N_CLASSES))
SOURCE = "scikit-learn's handwritten digits over its sample photographs"
# Parts of the 1,797 digits: nothing drawn for one split is ever seen in another.
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
MOST_IMAGES = 200_000  # 600 MB
_CHUNK = 500  # images made at a time: bounds memory, and keeps the first images for any number
_ENLARGED = 4  # each digit is enlarged once by this factor

_TURN = np.deg2rad(20)  # largest turn to either side; more would make a 6 of a 9
_SHEAR = 0.25
_SCALE = (0.65, 1.0)  # 1: a digit as high as the picture
_STRETCH = 0.15
_SHIFT = 3.0  # pixels
_BLEND = (0.55, 0.95)  # how opaque the digit is
_CONTRAST = 60.0  # least difference in brightness (0 to 255) from the patch under the digit


@takes(n_train=Whole(1), n_validation=Whole(1), n_test=Whole(1), seed=SEED)
def make_stand_in(
    n_train: int = 45_000, n_validation: int = 5_000, n_test: int = 10_000, seed: int = 0
) -> Dataset:
    """Make, or load from the course's cache, a data set of the same form as CIFAR-10.

    The splits are made from disjoint sets of handwritten digits. For one ``seed``, the first
    images of a split are the same for every number of images.

    Args:
        n_train, n_validation, n_test: number of images of each split.
        seed: of every random choice, including which digits are in which split.

    Raises:
        ValueError: for a number of images below 1, more than memory should hold, or a negative
            seed.

    >>> data = make_stand_in(20, 10, 10)
    >>> data.train.images.shape, data.name
    ((20, 32, 32, 3), 'stand-in (not CIFAR-10)')
    """
    counts = {"train": n_train, "validation": n_validation, "test": n_test}
    check_cost("images", sum(counts.values()), MOST_IMAGES)

    def make() -> Dataset:
        splits = {part: _split(part, count, seed) for part, count in counts.items()}
        return Dataset(
            **splits, name=STAND_IN_NAME, source=SOURCE, class_names=CLASS_NAMES, fingerprint=""
        )

    key = f"stand-in {VERSION} {tuple(counts.values())} {seed}"
    return cached(stand_in_path(**counts, seed=seed), key, make)


def stand_in_path(train: int = 45_000, validation: int = 5_000, test: int = 10_000, seed: int = 0):
    """Return the cache file of the stand-in with these numbers of images."""
    return cache_path(f"stand-in-{train}-{validation}-{test}-{seed}")


def digits_of(part: str, seed: int) -> np.ndarray:
    """Return which of scikit-learn's digits a split is made from: int indices, in order."""
    from sklearn.datasets import load_digits

    shuffled = np.random.default_rng([seed, 0]).permutation(len(load_digits().target))
    ends = np.round(np.cumsum(list(SHARES.values())) * len(shuffled)).astype(int)
    return np.sort(dict(zip(SHARES, np.split(shuffled, ends[:-1]), strict=True))[part])


def _split(part: str, count: int, seed: int) -> Split:
    images = np.empty((count, *IMAGE_SHAPE), np.uint8)
    labels = np.empty(count, np.int32)
    start = 0
    for chunk_images, chunk_labels in _chunks(part, seed):
        end = min(start + _CHUNK, count)
        images[start:end] = chunk_images[: end - start]
        labels[start:end] = chunk_labels[: end - start]
        start = end
        if start == count:
            break
    return Split(images, labels)


def _chunks(part: str, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield images and labels without end, each chunk from a generator of its own."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = digits_of(part, seed)
    large = _enlarge(digits.images[chosen] / digits.images.max())
    by_class = [np.flatnonzero(digits.target[chosen] == label) for label in range(N_CLASSES)]
    photographs = _photographs()
    number = 0
    while True:
        random = np.random.default_rng([seed, 1 + list(SHARES).index(part), number])
        labels = random.permutation(np.arange(_CHUNK, dtype=np.int32) % N_CLASSES)
        picks = np.array([random.choice(by_class[label]) for label in labels])
        masks = _place(large[picks], random)
        yield _blend(masks, _patches(photographs, random), random), labels
        number += 1


def _enlarge(digits: np.ndarray) -> np.ndarray:
    """Return float32 digits of 40 x 40, from 8 x 8, by cubic splines.

    Most digits touch the upper and lower edge of their picture: in a frame of one pixel they fade
    out instead of being cut off.
    """
    from scipy.interpolate import CubicSpline

    large = np.pad(digits, ((0, 0), (1, 1), (1, 1)))
    for axis in (1, 2):
        known = np.arange(large.shape[axis])
        wanted = np.linspace(0, known[-1], _ENLARGED * len(known))
        large = CubicSpline(known, large, axis=axis)(wanted)
    return np.clip(large, 0, 1).astype(np.float32)


def _place(digits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return masks ``(n, 32, 32)`` in 0..1: each digit turned, sheared, scaled and shifted."""
    from scipy import ndimage

    n = len(digits)
    turn = random.uniform(-_TURN, _TURN, n)
    shear = random.uniform(-_SHEAR, _SHEAR, n)
    scale = random.uniform(*_SCALE, n)
    stretch = random.uniform(1 - _STRETCH, 1 + _STRETCH, n)
    shift = random.uniform(-_SHIFT, _SHIFT, (2, n, 1, 1))
    # From a pixel of the picture back to the place in the digit, about both centres.
    cosine, sine = np.cos(turn), np.sin(turn)
    back = np.array([[cosine, sine], [shear * cosine - sine, cosine + shear * sine]])
    back = back / (scale * np.array([[stretch], [1 / stretch]]))
    centre = (SIDE - 1) / 2
    rows, columns = np.meshgrid(*[np.arange(SIDE) - centre] * 2, indexing="ij")
    rows, columns = rows - shift[0], columns - shift[1]
    places = [
        back[axis, 0][:, None, None] * rows
        + back[axis, 1][:, None, None] * columns
        + (digits.shape[1] - 1) / 2
        for axis in range(2)
    ]
    which = np.broadcast_to(np.arange(n)[:, None, None], rows.shape)
    return ndimage.map_coordinates(digits, [which, *places], order=1, output=np.float32)


def _photographs() -> list[np.ndarray]:
    """Return the two photographs, each at three sizes, as uint8 ``(height, width, 3)``."""
    from sklearn.datasets import load_sample_images

    sizes = []
    for photograph in load_sample_images().images:
        for step in (1, 2, 4):
            height, width = (side // step for side in photograph.shape[:2])
            whole = photograph[: height * step, : width * step]
            blocks = whole.reshape(height, step, width, step, 3)
            sizes.append(blocks.mean(axis=(1, 3)).astype(np.uint8))
    return sizes


def _patches(photographs: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Return uint8 ``(n, 32, 32, 3)``: patches from anywhere, at any size, half mirrored."""
    patches = np.empty((_CHUNK, *IMAGE_SHAPE), np.uint8)
    which = random.integers(len(photographs), size=_CHUNK)
    window = np.arange(SIDE)
    for number, photograph in enumerate(photographs):
        mine = np.flatnonzero(which == number)
        height, width = photograph.shape[:2]
        rows = random.integers(height - SIDE + 1, size=(len(mine), 1, 1)) + window[:, None]
        columns = random.integers(width - SIDE + 1, size=(len(mine), 1, 1)) + window
        patches[mine] = photograph[rows, columns]
    mirrored = random.random(_CHUNK) < 0.5
    patches[mirrored] = patches[mirrored, :, ::-1]
    return patches


def _blend(masks: np.ndarray, patches: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return uint8 ``(n, 32, 32, 3)``: the digits in one colour each, over the patches."""
    n = len(masks)
    background = patches.astype(np.float32)
    colours = random.uniform(0, 255, (n, 3)).astype(np.float32)
    # A colour about as bright as what lies under the digit is made darker or lighter, wherever
    # there is more room: otherwise nobody could read the digit.
    weights = masks[..., None] / (3 * masks.sum(axis=(1, 2), keepdims=True)[..., None])
    under = (background * weights).sum(axis=(1, 2, 3))
    difference = colours.mean(axis=1) - under
    away = np.where(under < 127.5, _CONTRAST, -_CONTRAST)
    colours += np.where(np.abs(difference) < _CONTRAST, away - difference, 0)[:, None]
    alpha = random.uniform(*_BLEND, n).astype(np.float32)[:, None, None, None] * masks[..., None]
    mixed = background + alpha * (colours[:, None, None, :] - background)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
