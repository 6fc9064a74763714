"""The small data of chapters 01 to 08: scikit-learn's handwritten digits, no download."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from helpers.arguments import takes
from helpers.datasets.dataset import PROFILE, Dataset, Split
from helpers.datasets.loading import load_cifar10
from helpers.datasets.splits import content_hashes, split_by_content
from helpers.profiles import Profile

DIGITS_NAME = "digits (scikit-learn)"
DIGITS_FILE = Path("datasets", "data", "digits.csv.gz")  # in scikit-learn's folder
TEST_IMAGES, VALIDATION_IMAGES = 300, 300


def load_digits() -> Dataset:
    """Return the 1,797 handwritten digits: 1,197 for training, 300 for validation, 300 for test.

    Images are uint8 ``(n, 8, 8, 1)`` from 0 to 16, labels int32. The split follows from the images
    alone (see ``helpers.datasets.splits``), equally many of each digit.
    """
    images, labels = _read_digits()
    splits = {}
    left = np.arange(len(labels))
    for name, count in (("test", TEST_IMAGES), ("validation", VALIDATION_IMAGES)):
        rest, chosen = split_by_content(content_hashes(images[left]), labels[left], count)
        splits[name] = Split(images[left[chosen]], labels[left[chosen]])
        left = left[rest]
    splits["train"] = Split(images[left], labels[left])
    parts = [splits[name] for name in ("train", "validation", "test")]
    content = b"".join(split.images.tobytes() for split in parts)
    content += b"".join(split.labels.tobytes() for split in parts)
    return Dataset(
        **splits,
        name=DIGITS_NAME,
        source="scikit-learn",
        class_names=tuple(str(digit) for digit in range(10)),
        fingerprint=hashlib.sha256(content).hexdigest(),
    )


def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return all images and labels, in scikit-learn's order.

    From scikit-learn's file, without importing it: that takes a second, which a reader would wait
    for the first lab of a chapter.
    """
    file = Path(find_spec("sklearn").origin).parent / DIGITS_FILE
    if file.exists():
        table = np.loadtxt(file, delimiter=",")
    else:  # a version of scikit-learn that keeps it elsewhere
        from sklearn import datasets

        table = np.column_stack(datasets.load_digits(return_X_y=True))
    images = table[:, :-1].astype(np.uint8).reshape(-1, 8, 8, 1)
    return images, table[:, -1].astype(np.int32)


@takes(profile=PROFILE)
def lesson_data(profile: Profile) -> Dataset:
    """Return what the small networks train on: digits, and in ``full`` CIFAR-10 (or its stand-in).

    Raises:
        DataError: in ``full``, as :func:`load_cifar10` does.
        ValueError: for what is no profile.
    """
    return load_cifar10() if profile.name == "full" else load_digits()
