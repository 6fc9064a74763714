"""Training a small network from several seeds."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.datasets import load_digits
from helpers.profiles import get_profile
from helpers.training.seed_runs import validation_accuracies


@pytest.fixture(scope="module")
def profile():
    return replace(get_profile("ci"), lesson_epochs=2, lesson_seeds=2)


def test_accuracies_by_seed_and_epoch_and_the_same_again(profile):
    data = load_digits()
    network = {"depth": 1, "width": 16, "activation": "tanh", "initializer": "glorot_normal"}
    found, again = (validation_accuracies(data, profile, {"small": network}) for _ in range(2))
    assert list(found) == ["small"] and found["small"].shape == (2, 2)
    np.testing.assert_array_equal(found["small"], again["small"])
    assert found["small"][0].tolist() != found["small"][1].tolist()
    assert found["small"][:, -1].min() > 0.6  # far above chance: it did train


def test_every_seed_starts_afresh(profile):
    data = load_digits()
    network = {"depth": 1, "width": 16, "activation": "tanh", "initializer": "glorot_normal"}
    alone = validation_accuracies(data, replace(profile, lesson_seeds=1), {"small": network})
    both = validation_accuracies(data, profile, {"small": network})
    np.testing.assert_array_equal(alone["small"][0], both["small"][0])
    still = validation_accuracies(data, profile, {"small": network}, learning_rate=1e-12)["small"]
    assert still[:, -1].max() < 0.35  # from the first seed's end, the second would be far above


def test_networks_that_share_a_compiled_model_do_not_share_weights(profile):
    data = load_digits()
    network = {"depth": 1, "width": 16, "activation": "tanh"}
    named = {name: {**network, "initializer": name} for name in ("glorot_normal", "he_uniform")}
    both = validation_accuracies(data, profile, named)
    for name, alone in named.items():
        found = validation_accuracies(data, profile, {name: alone})[name]
        np.testing.assert_array_equal(both[name], found)
    assert both["glorot_normal"].tolist() != both["he_uniform"].tolist()
