"""helpers.datasets.stand_in: the same from a seed, honest splits, learnable and not easy."""

import numpy as np
import pytest
import sklearn.datasets
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from helpers.datasets import make_stand_in, stand_in

PARTS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path_factory.getbasetemp() / "stand-in"))


@pytest.fixture(scope="module")
def plenty():
    """Return 3,000 images to learn from and 1,000 to test with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stand_in, "cached", lambda path, key, make: make())
        return make_stand_in(3_000, 10, 1_000)


def test_it_has_the_form_of_cifar10(plenty):
    assert plenty.train.images.shape == (3_000, 32, 32, 3)
    assert plenty.train.images.dtype == np.uint8
    assert plenty.train.labels.dtype == np.int32
    assert plenty.counts == {"train": 3_000, "validation": 10, "test": 1_000}
    assert plenty.is_stand_in
    assert plenty.class_names[3] == "digit 3"
    assert np.bincount(plenty.train.labels).tolist() == [300] * 10


def test_the_first_images_do_not_depend_on_how_many_there_are(plenty):
    for n_train, n_validation, n_test in ((1, 10, 20), (750, 1, 500)):
        fewer = make_stand_in(n_train, n_validation, n_test)
        for part in PARTS:
            few, many = getattr(fewer, part), getattr(plenty, part)
            assert np.array_equal(few.images, many.images[: len(few.images)])
            assert np.array_equal(few.labels, many.labels[: len(few.labels)])


def test_a_seed_gives_the_same_and_another_seed_others(monkeypatch):
    first = make_stand_in(30, 10, 10, seed=5)
    other = make_stand_in(30, 10, 10, seed=6)
    monkeypatch.setattr(stand_in, "cached", lambda path, key, make: make())
    again = make_stand_in(30, 10, 10, seed=5)
    assert np.array_equal(first.train.images, again.train.images)
    assert not np.array_equal(first.train.images, other.train.images)
    assert first.fingerprint != other.fingerprint


def test_no_image_occurs_twice(plenty):
    images = [image.tobytes() for part in PARTS for image in getattr(plenty, part).images]
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_splits_share_no_digit_and_leave_none_out(seed):
    digits = {part: stand_in.digits_of(part, seed) for part in PARTS}
    assert sorted(np.concatenate(list(digits.values()))) == list(range(1797))
    pixels = sklearn.datasets.load_digits().data
    seen = {part: {pixels[i].tobytes() for i in which} for part, which in digits.items()}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


def test_test_images_are_made_of_test_digits_only(monkeypatch):
    monkeypatch.setattr(stand_in, "cached", lambda path, key, make: make())
    before = make_stand_in(40, 40, 40)
    used_in_test = stand_in.digits_of("test", 0)
    digits = sklearn.datasets.load_digits()
    digits.images[used_in_test] = digits.images[used_in_test][:, ::-1]  # upside down
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: digits)
    after = make_stand_in(40, 40, 40)
    assert np.array_equal(before.train.images, after.train.images)
    assert np.array_equal(before.validation.images, after.validation.images)
    changed = (before.test.images != after.test.images).any(axis=(1, 2, 3))
    assert changed.all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_small_network_learns_it_but_not_well_and_a_linear_model_hardly(plenty):
    def pixels(split):
        return split.images.mean(axis=3).reshape(len(split.images), -1) / 127.5 - 1

    def accuracy(model):
        model.fit(pixels(plenty.train), plenty.train.labels)
        return model.score(pixels(plenty.test), plenty.test.labels)

    # Grey pixels are enough, and fast. With 1,000 test images the standard error of an accuracy is
    # at most 0.016; chance is 0.1.
    network = accuracy(MLPClassifier((100,), max_iter=10, random_state=0))
    assert 0.16 < network < 0.7
    assert accuracy(LogisticRegression(C=1e-4, max_iter=50)) < 0.5


def test_backgrounds_say_nothing_about_the_class(plenty):
    corners = plenty.train.images[:, [0, 0, -1, -1], [0, -1, 0, -1]].astype(float)
    means = np.array([corners[plenty.train.labels == label].mean() for label in range(10)])
    spread = corners.mean(axis=(1, 2)).std() / np.sqrt(300)  # standard error of a class's mean
    assert np.abs(means - means.mean()).max() < 4 * spread


def test_the_second_time_it_comes_from_the_cache(monkeypatch):
    first = make_stand_in(20, 10, 10, seed=7)
    monkeypatch.setattr(stand_in, "_split", None)  # making it again would fail
    second = make_stand_in(20, 10, 10, seed=7)
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(second.train.images, first.train.images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_train": 0}, "n_train must be a whole number of at least 1, got 0"),
        ({"n_test": 2.5}, "n_test must be a whole number of at least 1, got 2.5"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_impossible_numbers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_stand_in(**arguments)
