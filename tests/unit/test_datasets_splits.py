"""helpers.datasets.splits: a split that no order and no copy changes."""

import hashlib

import numpy as np
import pytest
from dataset_samples import COUNTS, FILES, make_images, shuffled, write
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.datasets import DataError
from helpers.datasets.cache import fingerprint_of
from helpers.datasets.formats import read_folder
from helpers.datasets.loading import assemble
from helpers.datasets.splits import content_hashes, content_order, split_by_content


def hashes_of(numbers):
    """Return a hash for each number, so that equal numbers stand for copies of one image."""
    digests = b"".join(hashlib.sha256(bytes([number])).digest() for number in numbers)
    return np.frombuffer(digests, "V32")


def test_the_split_is_the_same_from_three_layouts_in_three_orders(tmp_path):
    images = make_images()
    found = set()
    for seed, layout in enumerate(FILES):
        folder = write(FILES[layout](shuffled(images, seed)), tmp_path / layout)
        data = assemble(read_folder(folder, COUNTS), layout, verified=False, n_validation=50)
        assert data.counts == {"train": 150, "validation": 50, "test": 40}
        assert np.bincount(data.validation.labels).tolist() == [5] * 10
        found.add(fingerprint_of(data))
    assert len(found) == 1


def test_another_image_is_another_fingerprint():
    images = make_images()
    first = fingerprint_of(assemble(dict(images), "", verified=False))
    images["test"].images[7, 3, 3, 1] ^= 1
    assert fingerprint_of(assemble(dict(images), "", verified=False)) != first


def test_labels_travel_with_their_images():
    images = make_images()
    label_of = {i.tobytes(): int(n) for s in images.values() for i, n in zip(*s, strict=True)}
    data = assemble(images, "", verified=False, n_validation=50)
    for split in data[:3]:
        assert [label_of[i.tobytes()] for i in split.images] == split.labels.tolist()
        assert split.labels.dtype == np.int32
        digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in split.images]
        assert digests == sorted(digests)


def test_hashes_are_sha256_of_rows_columns_rgb():
    image = make_images()["train"].images[:3]
    planes = image.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1)  # other strides, same image
    expected = [hashlib.sha256(one.tobytes()).digest() for one in image]
    assert [bytes(one) for one in content_hashes(planes)] == expected
    order = content_order(content_hashes(image), np.zeros(3, np.uint8))
    assert [expected[i] for i in order] == sorted(expected)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), max_size=80), st.randoms())
def test_copies_stay_together_whatever_they_are(extra, random):
    # Thirty images of each class that occur once, so that there is always enough to choose from.
    rows = [(100 + i % 150, i % 10) for i in range(150)] + extra
    random.shuffle(rows)
    numbers, labels = np.array(rows).T
    hashes = hashes_of(numbers)
    train, validation = split_by_content(hashes, labels, 30)
    assert sorted([*train, *validation]) == list(range(len(rows)))
    assert np.bincount(labels[validation], minlength=10).tolist() == [3] * 10
    assert not set(numbers[train]) & set(numbers[validation])
    by_number = {n: set(labels[numbers == n]) for n in numbers[validation]}
    assert all(len(found) == 1 for found in by_number.values())
    again = np.array(sorted(range(len(rows)), key=lambda _: random.random()))
    _, other = split_by_content(hashes[again], labels[again], 30)
    assert numbers[again][other].tolist() == numbers[validation].tolist()


def test_a_group_that_would_overshoot_is_passed_over():
    # Class 0: a pair and a single, one wanted. Every other class: a single.
    numbers, labels = np.array([0, 0, 1, *range(11, 20)]), np.array([0, 0, 0, *range(1, 10)])
    _, validation = split_by_content(hashes_of(numbers), labels, 10)
    assert 1 in numbers[validation]
    assert 0 not in numbers[validation]


def test_copies_with_different_labels_stay_in_training():
    numbers = np.array([0, 0, *range(10, 30)])
    labels = np.array([3, 5, *(n % 10 for n in range(10, 30))])
    train, _ = split_by_content(hashes_of(numbers), labels, 20)
    assert numbers[train].tolist() == [0, 0]
    assert labels[train].tolist() == [3, 5]


def test_too_few_images_of_a_class_is_an_error():
    numbers = np.arange(20)
    labels = np.where(numbers % 10 == 4, 5, numbers % 10)
    with pytest.raises(DataError, match="class 4 has too few images"):
        split_by_content(hashes_of(numbers), labels, 10)


@pytest.mark.parametrize("wrong", [15, -10])
def test_a_share_that_is_not_whole_is_refused(wrong):
    with pytest.raises(ValueError, match=f"multiple of 10.*got {wrong}"):
        split_by_content(hashes_of(range(20)), np.arange(20) % 10, wrong)


def test_nothing_may_be_set_aside():
    train, validation = split_by_content(hashes_of(range(20)), np.arange(20) % 10, 0)
    assert len(train) == 20
    assert len(validation) == 0
