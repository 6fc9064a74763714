"""Repeated training: from each seed's weights, and the same again."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.datasets import Split
from helpers.datasets.digits import load_digits
from helpers.profiles import get_profile
from helpers.training.repeats import accuracies, compiled, first_weights

NETWORK = {"depth": 2, "width": 16, "activation": "selu"}


@pytest.fixture(scope="module")
def data():
    digits = load_digits()
    return digits._replace(train=Split(*(part[:320] for part in digits.train)))


def test_each_run_starts_from_the_weights_given_and_repeats(data):
    profile = replace(get_profile("ci"), lesson_epochs=8, lesson_seeds=2)
    starts = first_weights(data, profile, **NETWORK, initializer="lecun_normal")
    assert len(starts) == 2 and not np.array_equal(starts[0][0], starts[1][0])
    model = compiled(data, **NETWORK)
    found = accuracies(model, starts, data, profile, rate=0.05)
    assert len(found) == 2 and min(found) > 0.5  # of ten classes
    # nothing is left of an earlier run: the other way round, the same comes out
    assert accuracies(model, starts[::-1], data, profile, rate=0.05) == pytest.approx(found[::-1])
    # without learning the weights stay those it started from
    accuracies(model, starts, data, profile, rate=0.0)
    for weights, start in zip(model.get_weights(), starts[-1], strict=True):
        assert np.array_equal(weights, start)


def test_first_weights_follow_the_initializer(data):
    profile = replace(get_profile("ci"), lesson_seeds=1)
    for name, variance in (("lecun_normal", 1 / 100), ("he_normal", 2 / 100)):
        (start,) = first_weights(data, profile, depth=2, width=100, initializer=name)
        assert start[2].var() == pytest.approx(variance, rel=0.05)  # the second kernel
