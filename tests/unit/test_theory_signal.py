"""Signal propagation: measured in a random network, against the plain network and algebra."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.theory.activations import ACTIVATIONS, slope, value
from helpers.theory.initializers import sample
from helpers.theory.network import Parameters, backward, forward
from helpers.theory.signal import (
    DEAD,
    SATURATED,
    Propagation,
    flow,
    gradient_ratio,
    largest_slope,
    propagate,
    signal_flow,
)


def redraw(seed, initializer, depth, width, inputs):
    """Return inputs, top gradient and kernels, drawn as ``propagate`` draws them."""
    ends, weights = (np.random.default_rng([seed, stream]) for stream in (0, 1))
    x, gradient = ends.standard_normal((inputs, width)), ends.standard_normal((inputs, width))
    kernels = [sample(initializer, (width, width), weights) for _ in range(depth)]
    return x, gradient, kernels


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("centered", [False, True])
def test_it_is_the_plain_network_with_a_gradient_sent_back(activation, centered):
    depth, width, inputs = 4, 12, 6
    signals = propagate(
        activation, "glorot_normal", depth, width, inputs=inputs, gain=2, seed=3, centered=centered
    )
    x, gradient, kernels = redraw(3, "glorot_normal", depth, width, inputs)
    kernels = [2 * kernel for kernel in kernels]
    # Subtracting a number from every output is a bias in the next layer.
    shift = value(activation, 0.0) if centered else 0.0
    biases = [np.zeros(width), *(-shift * kernel.sum(axis=0) for kernel in kernels[1:])]
    parameters = Parameters(kernels, biases)
    expected = forward(x, parameters, activation)
    np.testing.assert_allclose(signals.pre_activations, expected.pre_activations, atol=1e-12)
    outputs = [*expected.inputs[1:], value(activation, expected.logits)]
    np.testing.assert_allclose(signals.activations, np.array(outputs) - shift, atol=1e-12)
    at_top = gradient * slope(activation, expected.logits)
    back = backward(expected, parameters, activation, at_top).pre_activations
    np.testing.assert_allclose(signals.gradients, back, atol=1e-12)


def test_a_deeper_network_begins_with_the_same_layers_and_a_seed_gives_the_same_network():
    short, deep, again, other = (
        propagate("tanh", "glorot_uniform", depth, 20, seed=seed)
        for depth, seed in ((3, 1), (5, 1), (5, 1), (5, 2))
    )
    np.testing.assert_array_equal(short.activations, deep.activations[:3])
    np.testing.assert_array_equal(deep.gradients, again.gradients)
    assert not np.allclose(deep.activations, other.activations)


def test_flow_is_what_numpy_says_of_the_arrays():
    signals = propagate("relu", "he_normal", 6, 30, inputs=9, seed=5)
    found = flow("relu", signals)
    for name, array in (
        ("pre_activation", signals.pre_activations),
        ("activation", signals.activations),
        ("gradient", signals.gradients),
    ):
        np.testing.assert_allclose(getattr(found, f"{name}_mean"), array.mean(axis=(1, 2)))
        np.testing.assert_allclose(getattr(found, f"{name}_std"), array.std(axis=(1, 2)))
    each = signals.activations.var(axis=1, ddof=1)
    np.testing.assert_allclose(found.activation_spread, np.sqrt(each.mean(axis=1)))
    np.testing.assert_allclose(found.saturated, (signals.pre_activations <= 0).mean(axis=(1, 2)))
    dead = (signals.activations == 0).all(axis=1).mean(axis=1)
    np.testing.assert_allclose(found.dead, dead)
    assert dead.max() > 0  # or the line above proves nothing


def test_saturated_and_dead_are_shares_of_the_largest_slope():
    slopes = np.array([[[0.25, 0.024, 0.026, 2e-7], [0.25, 0.1, 0.26, 1e-7]]])
    filler = np.ones_like(slopes)
    found = flow("logistic", Propagation(filler, filler, slopes, filler))
    assert SATURATED * largest_slope("logistic") == pytest.approx(0.025)
    assert DEAD * largest_slope("logistic") == pytest.approx(2.5e-7)
    assert found.saturated == pytest.approx([3 / 8]) and found.dead == pytest.approx([1 / 4])


@pytest.mark.parametrize(
    ("activation", "steepest"),
    [("logistic", 0.25), ("tanh", 1), ("relu", 1), ("selu", 1.7581), ("swish", 1.0998)],
)
def test_largest_slopes(activation, steepest):
    assert largest_slope(activation) == pytest.approx(steepest, abs=1e-4)


@given(st.floats(1e-3, 1e3), st.sampled_from(["linear", "relu", "leaky_relu", "prelu"]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_straight_functions_scale_the_signal_with_the_inputs_and_leave_the_gradient(scale, name):
    one, other = (
        signal_flow(name, "he_uniform", 5, 15, inputs=5, input_scale=by) for by in (1.0, scale)
    )
    np.testing.assert_allclose(other.activation_std, scale * one.activation_std, rtol=1e-9)
    np.testing.assert_allclose(other.activation_spread, scale * one.activation_spread, rtol=1e-9)
    np.testing.assert_allclose(other.gradient_std, one.gradient_std, rtol=1e-9)


@given(st.floats(0.1, 10))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_gain_multiplies_a_linear_network_once_a_layer(gain):
    one, other = (
        signal_flow("linear", "normal(0.3)", 4, 10, inputs=4, gain=by) for by in (1.0, gain)
    )
    powers = gain ** np.arange(1, 5)
    np.testing.assert_allclose(other.activation_std, powers * one.activation_std, rtol=1e-9)
    np.testing.assert_allclose(
        other.gradient_std, gain ** np.arange(3, -1, -1) * one.gradient_std, rtol=1e-9
    )


def test_orthogonal_weights_keep_the_length_of_every_signal():
    signals = propagate("linear", "orthogonal", 30, 40, inputs=7)
    lengths = np.linalg.norm(signals.activations, axis=2)
    np.testing.assert_allclose(lengths, lengths[:1].repeat(30, axis=0))
    assert gradient_ratio("linear", "orthogonal", 30) == pytest.approx(
        1, abs=1e-3
    )  # but for the mean


def test_the_two_causes_of_chapter_01_are_apart():
    for seed in range(3):
        by_function = gradient_ratio("logistic", "glorot_normal", seed=seed)
        without_mean = gradient_ratio("logistic", "glorot_normal", seed=seed, centered=True)
        by_weights = gradient_ratio("tanh", "normal(1)", seed=seed)
        assert by_function < 1e-11 and without_mean < 1e-10 and by_weights > 1e5
        assert 0.05 < gradient_ratio("tanh", "glorot_normal", seed=seed) < 1


def test_the_spread_is_0_where_all_inputs_become_one():
    found = signal_flow("logistic", "glorot_normal", 60)
    assert found.activation_spread[0] > 0.1 and found.activation_spread[-1] == 0
    assert found.activation_std[-1] > 0.05  # from unit to unit, not from input to input


@pytest.mark.parametrize("activation", ["linear", "relu", "elu", "gelu", "mish", "tanh"])
def test_overflow_becomes_nan_without_a_warning(activation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = signal_flow(activation, "normal(1e30)", 15, 10, inputs=4, input_scale=1e200)
        ratio = gradient_ratio(activation, "normal(1e30)", 15, width=10, inputs=4)
    if activation == "tanh":
        assert found.activation_std[-1] == pytest.approx(1, abs=0.1)
        return
    lost = np.isnan(found.pre_activation_std)
    assert not lost[0] and lost[-1] and np.isnan(found.saturated[-1]) and np.isnan(found.dead[-1])
    assert np.isfinite(found.activation_std[~lost]).all()  # no square overflowed before
    assert np.isnan(ratio) or ratio > 1e100


def test_a_signal_of_0_is_no_error():
    found = signal_flow("relu", "zeros", 3, 5)
    assert not found.activation_std.any() and (found.dead == 1).all()
    assert np.isnan(gradient_ratio("relu", "zeros", 3, width=5))


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"activation": "logistc"}, "did you mean 'logistic'"),
        ({"initializer": "glorot"}, "glorot_normal"),
        ({"depth": 0}, "depth must be a whole number of at least 1"),
        ({"width": 2.5}, "width must be a whole number"),
        ({"inputs": 1}, "inputs must be a whole number of at least 2"),
        ({"input_scale": -1.0}, "input_scale must be at least 0"),
        ({"gain": np.inf}, "gain must be at least 0 and finite"),
    ],
)
def test_bad_arguments_are_explained(changes, hint):
    with pytest.raises(ValueError, match=hint):
        propagate(**{"activation": "tanh", "initializer": "he_normal"} | changes)
