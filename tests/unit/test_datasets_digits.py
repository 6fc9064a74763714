"""The small data of chapters 01 to 08, and the network that fits a data set."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.datasets import lesson_data, load_digits
from helpers.datasets.splits import content_hashes
from helpers.profiles import PROFILES
from helpers.training.networks import network_for, scaling


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def test_digits_are_those_of_scikit_learn_in_three_parts(digits):
    from sklearn import datasets

    assert digits.counts == {"train": 1197, "validation": 300, "test": 300}
    images = np.concatenate([split.images for split in (digits.train, *digits[1:3])])
    labels = np.concatenate([split.labels for split in (digits.train, *digits[1:3])])
    theirs = datasets.load_digits()
    ours = sorted(zip(map(bytes, images), labels.tolist(), strict=True))
    expected = theirs.images.astype(np.uint8)
    assert ours == sorted(zip(map(bytes, expected), theirs.target.tolist(), strict=True))
    assert images.dtype == np.uint8 and images.shape[1:] == (8, 8, 1)


def test_scikit_learn_is_not_imported_for_them():
    code = (
        "import sys; from helpers.labs import Symmetry; Symmetry(); "
        "sys.exit(str([name for name in sys.modules if name == 'sklearn']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_version_of_scikit_learn_may_keep_them_elsewhere(digits, monkeypatch):
    module = importlib.import_module("helpers.datasets.digits")
    monkeypatch.setattr(module, "DIGITS_FILE", Path("elsewhere.csv.gz"))
    assert load_digits().fingerprint == digits.fingerprint


def test_parts_share_no_image_and_hold_each_digit_alike(digits):
    parts = [set(content_hashes(split.images).tolist()) for split in digits[:3]]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    for split in digits[1:3]:
        assert np.bincount(split.labels).tolist() == [30] * 10


def test_the_card_tells_the_size_of_the_images(digits):
    assert "8 x 8 grey images, 10 classes" in digits._repr_html_()
    assert "NOT CIFAR-10" not in digits._repr_html_()


def test_lessons_train_on_digits_and_in_full_on_images_of_cifar10():
    assert lesson_data(PROFILES["ci"]).name == lesson_data(PROFILES["quick"]).name
    assert lesson_data(PROFILES["full"]).train.images.shape[1:] == (32, 32, 3)


def test_a_network_fits_its_data_and_standardizes_it(digits):
    pixels = digits.train.images / 1.0
    assert scaling(digits)["mean"] == pytest.approx([pixels.mean()])
    assert scaling(digits)["variance"] == pytest.approx([pixels.var()])
    network = network_for(digits, depth=1, width=20, seed=0)
    assert network.count_params() == 64 * 20 + 20 + 20 * 10 + 10
    assert network.predict(digits.test.images[:4], verbose=0).shape == (4, 10)
