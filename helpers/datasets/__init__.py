"""CIFAR-10 from any verified source, the stand-in, digits, and splits that no mirror changes."""

from helpers.datasets.dataset import CLASS_NAMES, STAND_IN_NAME, DataError, Dataset, Split, take
from helpers.datasets.digits import lesson_data, load_digits
from helpers.datasets.loading import find_data, load_cifar10
from helpers.datasets.stand_in import make_stand_in

__all__ = [
    "CLASS_NAMES",
    "STAND_IN_NAME",
    "DataError",
    "Dataset",
    "Split",
    "find_data",
    "lesson_data",
    "load_cifar10",
    "load_digits",
    "make_stand_in",
    "take",
]
