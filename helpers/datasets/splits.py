"""Splitting into training and validation by what the images are, not by where they stood.

The sources of CIFAR-10 hold the same images in different orders, and a few images occur twice. So
the split is a function of the *set* of images: it is the same from every source, and two copies of
an image are never on both sides.
"""

import hashlib

import numpy as np

from helpers.datasets.dataset import N_CLASSES, DataError


def content_hashes(images: np.ndarray) -> np.ndarray:
    """Return the SHA-256 of each image's bytes (rows, columns, RGB), as ``(n,)`` of dtype ``V32``.

    Args:
        images: uint8 ``(n, 32, 32, 3)``.
    """
    digests = b"".join(hashlib.sha256(image.tobytes()).digest() for image in images)
    return np.frombuffer(digests, dtype="V32")


def content_order(hashes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the indices that sort by hash, then by label: the same for any order of the input."""
    return np.lexsort((labels, *_sortable(hashes)))


def split_by_content(
    hashes: np.ndarray, labels: np.ndarray, n_validation: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose ``n_validation`` images, equally many of each class, by their content alone.

    Copies of one image form a group that is never taken apart. In each class, groups are taken in
    the order of their hash until the class has its share; a group that would overshoot is passed
    over. Images whose copies carry different labels stay in the training set.

    Args:
        hashes: ``(n,)``, one per image, from :func:`content_hashes`.
        labels: ``(n,)``.
        n_validation: a multiple of the number of classes.

    Returns:
        Indices of the training and of the validation images, each in :func:`content_order`.

    Raises:
        DataError: where a class has too few images.
        ValueError: where ``n_validation`` cannot be shared equally.
    """
    share, rest = divmod(n_validation, N_CLASSES)
    if rest or n_validation < 0:
        raise ValueError(
            f"n_validation must be a multiple of {N_CLASSES}, so that each class has as many "
            f"images, got {n_validation}."
        )
    order = content_order(hashes, labels)
    sorted_hashes = hashes[order]
    starts = np.flatnonzero(np.append(True, sorted_hashes[1:] != sorted_hashes[:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    # Within a group labels are sorted, so its first and last tell whether all agree.
    first, last = labels[order[starts]], labels[order[starts + sizes - 1]]
    in_validation = np.zeros(len(starts), dtype=bool)
    for label in range(N_CLASSES):
        left = share
        for group in np.flatnonzero((first == label) & (last == label)):
            if sizes[group] <= left:
                in_validation[group] = True
                left -= sizes[group]
        if left:
            raise DataError(
                f"class {label} has too few images for a validation set of {n_validation:,}: "
                f"{share} are needed, {share - left} can be taken. Get a complete copy of the data."
            )
    chosen = np.repeat(in_validation, sizes)
    return order[~chosen], order[chosen]


def _sortable(hashes: np.ndarray) -> list[np.ndarray]:
    """Return sort keys of raw hashes, least significant first, as ``numpy.lexsort`` wants them."""
    words = hashes.view(">u8").reshape(len(hashes), 4)
    return [words[:, column] for column in (3, 2, 1, 0)]
