"""The small data of chapters 01 to 08: scikit-learn's handwritten digits, no download."""

import hashlib

import numpy as np

from helpers.arguments import takes
from helpers.datasets.dataset import PROFILE, Dataset, Split
from helpers.datasets.loading import load_cifar10
from helpers.datasets.splits import content_hashes, split_by_content
from helpers.profiles import Profile

DIGITS_NAME = "digits (scikit-learn)"
TEST_IMAGES, VALIDATION_IMAGES = 300, 300


def load_digits() -> Dataset:
    """Return the 1,797 handwritten digits: 1,197 for training, 300 for validation, 300 for test.

    Images are uint8 ``(n, 8, 8, 1)`` from 0 to 16, labels int32. The split follows from the images
    alone (see ``helpers.datasets.splits``), equally many of each digit.
    """
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = bunch.images.astype(np.uint8)[..., np.newaxis]
    labels = bunch.target.astype(np.int32)
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


@takes(profile=PROFILE)
def lesson_data(profile: Profile) -> Dataset:
    """Return what the small networks train on: digits, and in ``full`` CIFAR-10 (or its stand-in).

    Raises:
        DataError: in ``full``, as :func:`load_cifar10` does.
        ValueError: for what is no profile.
    """
    return load_cifar10() if profile.name == "full" else load_digits()
