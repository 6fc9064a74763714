"""Costs of activations: multiples of ReLU's time, each measured both ways."""

import pytest

from helpers.training.costs import ALONE, IN_NETWORK, activation_costs, regularizer_costs


def test_relu_costs_1_and_the_others_a_multiple():
    costs = activation_costs({"GELU": "gelu", "PReLU": "prelu"}, repeats=2)
    assert list(costs) == ["ReLU", "GELU", "PReLU"]
    assert costs["ReLU"] == {ALONE: 1.0, IN_NETWORK: 1.0}
    assert set(costs["GELU"]) == {ALONE, IN_NETWORK}
    assert all(cost > 0 for cost in costs["GELU"].values())


def test_each_regularizer_is_held_against_the_step_before_it():
    costs = regularizer_costs(repeats=3)
    assert list(costs) == ["dropout", "alpha dropout", "max-norm"]
    assert all(found.shape == (3,) and (found > 0).all() for found in costs.values())


def test_unknown_names_are_explained():
    with pytest.raises(ValueError, match="rleu"):
        activation_costs({"ReLU?": "rleu"})
