"""The handwritten digits as labs feed them to small networks: standardized rows, kept in memory."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from helpers.datasets import load_digits

SIDE = 8  # pixels of an image's side
N_CLASSES = 10


class DigitInputs(NamedTuple):
    """Digits ready for a dense network; the arrays are read-only.

    Attributes:
        x: training images, float64 ``(1197, 64)``, standardized by the mean and the standard
            deviation of all their pixels.
        labels: int32 ``(1197,)``.
        validation_x, validation_labels: the 300 validation images, standardized with the same two
            numbers, and their labels.
        name: what a picture calls the data.
    """

    x: np.ndarray
    labels: np.ndarray
    validation_x: np.ndarray
    validation_labels: np.ndarray
    name: str


@lru_cache(maxsize=1)
def digit_inputs() -> DigitInputs:
    """Return the digits; read once a process, a megabyte."""
    data = load_digits()
    mean, std = data.train.images.mean(), data.train.images.std()
    train, validation = (
        (split.images.reshape(len(split.images), -1) - mean) / std
        for split in (data.train, data.validation)
    )
    arrays = (train, data.train.labels, validation, data.validation.labels)
    for array in arrays:
        array.flags.writeable = False
    return DigitInputs(*arrays, data.name)
