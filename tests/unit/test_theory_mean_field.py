"""Mean-field theory: closed forms, other quadratures, properties, and wide networks."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from helpers.theory.activations import ACTIVATIONS, slope, value
from helpers.theory.mean_field import (
    chi,
    correlation_map,
    depth_scales,
    fixed_point,
    normal_mean,
    predict,
    saturated_share,
    variance_map,
)
from helpers.theory.signal import signal_flow

variances = st.floats(1e-3, 1e3)


def integrated(function, std):
    """Return the mean of ``function`` over N(0, std²), by adaptive quadrature on either side."""

    def weighted(z):
        return float(function(np.array(std * z))) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    bends = [end / std for end in (1e-2, 0.1, 1, 10) if end / std < 9]
    sides = (quad(weighted, *ends, points=points, limit=400, epsabs=1e-12)[0] for ends, points in (
        ((-9, 0), [-bend for bend in bends]),
        ((0, 9), bends),
    ))  # fmt: skip
    return sum(sides)


# --- integrals over one normal number


def test_moments_of_the_normal_distribution():
    for power, moment in ((0, 1), (1, 0), (2, 1), (3, 0), (4, 3), (6, 15), (8, 105)):
        assert normal_mean(lambda z, power=power: z**power) == pytest.approx(
            moment, rel=1e-9, abs=1e-9
        )


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("std", [0.03, 1.0, 40.0])
def test_integrals_are_those_of_adaptive_quadrature(activation, std):
    for function in (lambda z: value(activation, z) ** 2, lambda z: slope(activation, z) ** 2):
        expected = integrated(function, std)
        assert normal_mean(function, std) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(st.floats(1e-6, 1e6))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_bend_at_any_distance_is_seen(std):
    # tanh² + 1 / cosh² = 1, however steep; and for steep ones, E[1 / cosh²] tends to √(2/π) / std
    whole = normal_mean(lambda z: np.tanh(z) ** 2 + slope("tanh", z), std)
    assert whole == pytest.approx(1, abs=1e-9)
    if std > 1e3:
        steep = normal_mean(lambda z: slope("tanh", z), std)
        assert steep * std == pytest.approx(np.sqrt(2 / np.pi), rel=1e-5)


# --- the maps


@given(variances, st.floats(0.01, 10), st.floats(0, 5))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_variance_map_of_straight_functions(q, scaled, bias):
    assert variance_map(q, "linear", scaled, bias) == pytest.approx(scaled * q + bias)
    assert variance_map(q, "relu", scaled, bias) == pytest.approx(scaled * q / 2 + bias)
    leaky = scaled * q * (1 + 0.2**2) / 2 + bias
    assert variance_map(q, "leaky_relu", scaled, bias) == pytest.approx(leaky)
    assert chi(q, "relu", scaled) == pytest.approx(scaled / 2)
    assert chi(q, "linear", scaled) == pytest.approx(scaled)


def test_the_mean_of_the_logistic_function_is_in_its_map():
    for q in (1e-4, 1.0, 50.0):
        plain, moved = (variance_map(q, "logistic", 1.0, centered=on) for on in (False, True))
        assert plain == pytest.approx(moved + 0.25)  # E[(s + 1/2)²] = E[s²] + 1/4, s is odd
        assert moved == pytest.approx(variance_map(q / 4, "tanh", 0.25))  # s(z) = tanh(z / 2) / 2
    assert chi(1e-8, "logistic", 1.0) == pytest.approx(1 / 16, rel=1e-6)


def arc_cosine(c):
    """Cho & Saul 2009, eq. 6 with n = 1: what ReLU makes of a correlation under He's variance."""
    return (np.sqrt(1 - c**2) + (np.pi - np.arccos(c)) * c) / np.pi


@given(st.floats(-1, 1), variances)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_correlation_map_of_straight_functions(c, q):
    assert correlation_map(c, q, "relu", 2.0) == pytest.approx(arc_cosine(c), abs=1e-6)
    assert correlation_map(c, q, "linear", 1.3) == pytest.approx(c, abs=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_correlation_map_is_that_of_drawn_pairs(activation):
    rng = np.random.default_rng(0)
    first, other = rng.standard_normal((2, 400_000))
    for c, q, scaled, bias in ((0.3, 2.0, 1.5, 0.2), (-0.6, 0.5, 1.0, 0.0), (0.95, 30.0, 2.0, 1.0)):
        second = c * first + np.sqrt(1 - c**2) * other
        a, b = (value(activation, np.sqrt(q) * z) for z in (first, second))
        drawn = (scaled * np.mean(a * b) + bias) / (scaled * np.mean((a**2 + b**2) / 2) + bias)
        assert correlation_map(c, q, activation, scaled, bias) == pytest.approx(drawn, abs=0.012)


@given(st.sampled_from(sorted(ACTIVATIONS)), variances)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_equal_inputs_stay_equal(activation, q):
    assert correlation_map(1.0, q, activation, 1.7, 0.3) == pytest.approx(1, abs=1e-12)


@given(st.sampled_from(["logistic", "tanh", "elu", "gelu", "swish", "mish"]), st.floats(0.05, 20))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_chi_is_the_slope_of_the_correlation_map_at_1(activation, scaled):
    q = 1.0
    total = variance_map(q, activation, scaled)
    step = 1e-5
    climb = (1 - correlation_map(1 - step, q, activation, scaled)) / step
    assert climb == pytest.approx(chi(q, activation, scaled) * q / total, rel=1e-2)


def test_chi_is_the_slope_also_where_the_angle_is_too_small_to_integrate():
    for step in (1e-14, 1e-11):  # on both sides of the switch to first order
        away = (1 - correlation_map(1 - step, 1.0, "tanh", 1.0)) * variance_map(1.0, "tanh", 1.0)
        assert away / step == pytest.approx(chi(1.0, "tanh", 1.0), rel=1e-2)


# --- fixed points and depth scales


@given(
    st.sampled_from(["logistic", "tanh"]), st.floats(1.5, 1e4), st.floats(0, 4), st.floats(1e-3, 50)
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_fixed_point_maps_to_itself_from_any_start(activation, scaled, bias, start):
    q = fixed_point(activation, scaled, bias, start)
    assert 0 < q < np.inf
    assert variance_map(q, activation, scaled, bias) == pytest.approx(q, rel=1e-9)
    assert fixed_point(activation, scaled, bias, 7.0) == pytest.approx(q, rel=1e-6)


def test_fixed_points_that_are_known():
    assert fixed_point("relu", 2.0, start=3.0) == 3.0  # He's variance keeps what comes
    assert fixed_point("relu", 1.0) == 0 and fixed_point("relu", 2.1) == np.inf
    assert fixed_point("relu", 1.0, bias_variance=0.5) == pytest.approx(1)  # q = q / 2 + 1 / 2
    assert fixed_point("tanh", 0.9) == 0 and fixed_point("tanh", 1.0) == 0
    assert fixed_point("selu", 1.0) == pytest.approx(1, abs=1e-6)  # Klambauer et al. 2017
    assert fixed_point("logistic", 1.0, centered=True) == 0


def test_a_fixed_point_is_where_the_iteration_ends():
    for activation, scaled in (("logistic", 1.0), ("tanh", 2.0), ("gelu", 2.5), ("selu", 1.0)):
        q = 0.7
        for _ in range(400):
            q = variance_map(q, activation, scaled)
        ends = fixed_point(activation, scaled, start=0.7)
        assert q == pytest.approx(ends, rel=1e-6) or (ends == np.inf and q > 100)


def test_depth_scales_are_rates_of_the_maps():
    for activation, scaled, bias in (("tanh", 1.7, 0.1), ("logistic", 4.0, 0.0)):
        q = fixed_point(activation, scaled, bias)
        scales = depth_scales(q, activation, scaled)
        step = 1e-5 * q
        ends = [variance_map(q + sign * step, activation, scaled, bias) for sign in (1, -1)]
        assert np.exp(-1 / scales.variance) == pytest.approx(
            (ends[0] - ends[1]) / (2 * step), rel=1e-5
        )
        apart = 1 - correlation_map(1 - 1e-6, q, activation, scaled, bias)
        assert np.exp(-1 / scales.correlation) == pytest.approx(apart / 1e-6, rel=1e-2)
        factor = chi(q, activation, scaled)
        assert np.exp(-1 / scales.gradient) == pytest.approx(factor)
        assert (scales.gradient > 0) == (factor < 1)
    assert depth_scales(1.0, "relu", 2.0).gradient == np.inf


# --- predictions


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scaled", [0.6, 8.0])
def test_predictions_lie_within_their_sampling_error_of_wide_networks(activation, scaled):
    depth, width, seeds = 4, 1000, 3
    initializer = f"normal({np.sqrt(scaled / width):.12f})"
    network = (activation, initializer, depth, width)
    theory = predict(*network, input_scale=0.8)
    flows = [signal_flow(*network, inputs=24, seed=seed, input_scale=0.8) for seed in range(seeds)]
    for name in ("pre_activation_std", "activation_std", "activation_spread", "gradient_std"):
        logs = np.log([getattr(flow, name) / getattr(theory, name) for flow in flows])
        error = np.sqrt(logs.var(axis=0, ddof=1).mean() / seeds)  # pooled over the layers
        assert error < 0.04, f"{name}: too few networks to say anything"
        assert np.abs(logs.mean(axis=0)).max() < 4.5 * error + 2 / width, name
    means = np.array([flow.activation_mean for flow in flows]).mean(axis=0)
    size = np.hypot(theory.activation_mean, theory.activation_std)
    assert np.abs((means - theory.activation_mean) / size).max() < 0.04
    shares = np.array([flow.saturated for flow in flows]).mean(axis=0)
    assert np.abs(shares - theory.saturated).max() < 0.03


def test_predictions_for_moved_functions_and_gains():
    chosen = {"gain": 4.0, "centered": True}
    theory = predict("logistic", "glorot_normal", 8, 600, **chosen)
    flows = [signal_flow("logistic", "glorot_normal", 8, 600, seed=s, **chosen) for s in range(3)]
    for name in ("activation_std", "activation_spread", "gradient_std"):
        found = np.mean([getattr(flow, name) for flow in flows], axis=0)
        np.testing.assert_allclose(found, getattr(theory, name), rtol=0.05)
    assert not theory.activation_mean.any() or np.abs(theory.activation_mean).max() < 1e-12


def test_a_prediction_is_the_maps_layer_by_layer():
    theory = predict("tanh", "normal(0.2)", 6, 50, input_scale=3.0)
    scaled = 50 * 0.2**2
    q, c = scaled * 9.0, 0.0
    for layer in range(6):
        assert theory.pre_activation_std[layer] ** 2 == pytest.approx(q)
        if layer:
            back = theory.gradient_std[layer - 1] ** 2 / theory.gradient_std[layer] ** 2
            assert back == pytest.approx(chi(before, "tanh", scaled))  # noqa: F821
        before = q  # noqa: F841
        shared = correlation_map(c, q, "tanh", scaled)
        q = variance_map(q, "tanh", scaled)
        assert theory.activation_spread[layer] ** 2 == pytest.approx(q * (1 - shared) / scaled)
        c = shared


@given(st.sampled_from(["relu", "linear", "leaky_relu"]), st.integers(2, 400))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_glorot_and_he_do_not_depend_on_the_width_and_normal_1_does(activation, width):
    for initializer in ("glorot_normal", "he_uniform", "lecun_normal", "orthogonal"):
        narrow, wide = (predict(activation, initializer, 5, w) for w in (10, width))
        np.testing.assert_allclose(narrow.gradient_std, wide.gradient_std)
    narrow, wide = (predict(activation, "normal(1)", 2, w).gradient_std for w in (10, width))
    ratio = (wide[0] / wide[1]) / (narrow[0] / narrow[1])
    assert ratio == pytest.approx(np.sqrt(width / 10))


def test_numbers_beyond_float64_are_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for activation in ACTIVATIONS:
            for scale in (0.0, 1e-200, 1e200):
                theory = predict(activation, "normal(1e20)", 30, 100, input_scale=scale)
                assert len(theory.gradient_std) == 30
        relu = predict("relu", "normal(1e20)", 30, 100)
    assert np.isfinite(relu.pre_activation_std[0]) and not np.isfinite(relu.pre_activation_std[-1])


def test_saturated_shares():
    # The slope of tanh is below 0.1 where |tanh| > √0.9, beyond z = 1.8184.
    beyond = 2 * quad(lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), 1.8184464592, 12)[0]
    assert saturated_share(1.0, "tanh") == pytest.approx(beyond, abs=1e-3)
    assert saturated_share(4.0, "logistic") == pytest.approx(beyond, abs=1e-3)
    assert saturated_share(1e-9, "tanh") == 0 and saturated_share(0.0, "tanh") == 0
    assert saturated_share(3.0, "relu") == pytest.approx(0.5, abs=1e-3)
    assert saturated_share(1.0, "linear") == 0 == saturated_share(5.0, "leaky_relu")


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: variance_map(1.0, "tahn", 1.0), "did you mean 'tanh'"),
        (lambda: variance_map(-1.0, "tanh", 1.0), "q must be at least 0"),
        (lambda: variance_map(1.0, "tanh", np.nan), "scaled_variance must be at least 0"),
        (lambda: correlation_map(1.2, 1.0, "tanh", 1.0), "between -1 and 1"),
        (lambda: chi(np.inf, "tanh", 1.0), "q must be at least 0 and finite"),
        (lambda: fixed_point("tanh", 1.0, start=0), "start must be above 0"),
        (lambda: depth_scales(0.0, "tanh", 1.0), "q must be above 0"),
        (lambda: predict("tanh", "zeros"), "drawn at random"),
        (lambda: predict("tanh", "constant(1)"), "drawn at random"),
        (lambda: predict("tanh", "he_normal", input_scale=-1), "input_scale must be"),
    ],
)
def test_bad_arguments_are_explained(call, hint):
    with pytest.raises(ValueError, match=hint):
        call()
