"""Mirrored and shifted copies of images, for training and for prediction."""

import numpy as np

from helpers.arguments import Whole, takes
from helpers.arguments.arrays import GENERATOR, Array

_IMAGES = Array("n, height, width, channels")


@takes(images=_IMAGES, rng=GENERATOR, reach=Whole(0))
def mirror_and_shift(images: np.ndarray, rng: np.random.Generator, reach: int = 4) -> np.ndarray:
    """Mirror each image left to right with probability 1/2, and shift it at random.

    Shifts are whole pixels, uniform in ``-reach ... reach`` along each side; what comes in at the
    edge is the image reflected. Takes and returns ``uint8 (n, height, width, channels)``.

    Raises:
        ValueError: for images of another shape, or a reach that is not below their sides.
    """
    _check_reach(images, reach)
    count = len(images)
    mirrored = rng.random(count) < 0.5
    down, right = rng.integers(0, 2 * reach + 1, size=(2, count))
    images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    return _windows(images, reach)[np.arange(count), down, right].transpose(0, 2, 3, 1)


@takes(images=_IMAGES, reach=Whole(0))
def views(images: np.ndarray, reach: int = 2):
    """Yield 18 versions of ``images``: 9 shifts by ``-reach, 0, reach`` pixels, each mirrored too.

    Averaging a network's predictions over them is test-time augmentation.

    Raises:
        ValueError: as :func:`mirror_and_shift`.
    """
    _check_reach(images, reach)
    return _views(images, reach)


def _check_reach(images: np.ndarray, reach: int) -> None:
    least = min(images.shape[1:3])
    if reach >= least:
        raise ValueError(f"reach must be below the {least} pixels of a side, got {reach}.")


def _views(images: np.ndarray, reach: int):
    windows = _windows(images, reach)
    for down in (0, reach, 2 * reach):
        for right in (0, reach, 2 * reach):
            shifted = windows[:, down, right].transpose(0, 2, 3, 1)
            yield shifted
            yield shifted[:, :, ::-1]


def _windows(images: np.ndarray, reach: int) -> np.ndarray:
    """Return all shifts as a view: ``(n, 2 reach + 1, 2 reach + 1, channels, height, width)``."""
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], axis=(1, 2))
