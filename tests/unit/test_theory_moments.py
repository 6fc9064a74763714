"""The map of mean and variance: against integrals, finite differences, Keras and real networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from helpers.theory.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE, value
from helpers.theory.dropout import DROPOUTS
from helpers.theory.initializers import sample
from helpers.theory.moments import (
    ARCHITECTURES,
    BROKEN,
    Moments,
    expectation,
    iterate,
    measure_path,
    quadrature_moments,
    random_layer_moments,
    selu_jacobian,
    selu_moments,
    solve_selu_constants,
)

MEANS = st.floats(-3, 3)
VARIANCES = st.floats(0.01, 9)
few = settings(max_examples=40, deadline=None, derandomize=True)


def normal(size, seed=0):
    return np.random.default_rng(seed).normal(size=size)


def keras_selu(z):
    from keras import activations, ops

    return ops.convert_to_numpy(activations.selu(ops.convert_to_tensor(z, "float64")))


# --- one unit: eq. 4 and 5


@few
@given(MEANS, VARIANCES, st.floats(-2, 2), st.floats(0.1, 3), st.floats(0.2, 3), st.floats(0.2, 2))
def test_closed_form_equals_quadrature(mean, variance, omega, tau, alpha, scale):
    closed = selu_moments(mean, variance, omega, tau, alpha, scale)
    numeric = quadrature_moments("selu", mean, variance, omega, tau, alpha=alpha, scale=scale)
    assert closed.mean == pytest.approx(numeric.mean, abs=1e-10)
    assert closed.variance == pytest.approx(numeric.variance, abs=1e-9)


@pytest.mark.parametrize(("mean", "variance"), [(0, 1), (1.5, 0.3), (-2, 4)])
def test_quadrature_equals_scipys_adaptive_integral_for_every_activation(mean, variance):
    std = np.sqrt(variance)

    def integral(function):
        def integrand(z):
            density = np.exp(-((z - mean) ** 2) / (2 * variance)) / (std * np.sqrt(2 * np.pi))
            return float(function(z)) * density

        halves = (mean - 10 * std, 0), (0, mean + 10 * std)
        return sum(integrate.quad(integrand, *half, epsabs=1e-11)[0] for half in halves)

    for name in ACTIVATIONS:
        first = integral(lambda z, name=name: value(name, z))
        second = integral(lambda z, name=name: value(name, z) ** 2)
        found = quadrature_moments(name, mean, variance, omega=1)
        assert found.mean == pytest.approx(first, abs=1e-8)
        assert found.variance == pytest.approx(second - first**2, abs=1e-8)


def test_moments_equal_those_of_keras_own_selu():
    for mean, variance in ((0, 1), (0.5, 2), (-1, 0.2)):
        ours = selu_moments(mean, variance, omega=1)
        first = expectation(keras_selu, mean, variance)
        second = expectation(lambda z: keras_selu(z) ** 2, mean, variance)
        assert ours.mean == pytest.approx(first, abs=1e-10)
        assert ours.variance == pytest.approx(second - first**2, abs=1e-10)


def test_arrays_come_back_in_their_shape():
    mean, variance = np.zeros((3, 2)), np.ones((3, 2))
    for moments in (selu_moments(mean, variance), quadrature_moments("tanh", mean, variance)):
        assert moments.mean.shape == moments.variance.shape == (3, 2)


@pytest.mark.parametrize("mean", [-2.0, 0.0, 3.0])
def test_a_variance_of_0_is_a_single_point(mean):
    for moments in (selu_moments(mean, 0, omega=1), quadrature_moments("selu", mean, 0, omega=1)):
        assert moments.mean == pytest.approx(value("selu", mean), abs=1e-6)
        assert moments.variance == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("variance", [1e-8, 1e4, 1e8])
def test_far_variances_stay_finite_and_follow_the_two_straight_ends(variance):
    mean, spread = selu_moments(0, variance)
    assert np.isfinite(mean) and np.isfinite(spread)
    if variance > 1:  # all but a ReLU
        expected = SELU_SCALE**2 * variance * (0.5 - 1 / (2 * np.pi))
        assert spread == pytest.approx(expected, rel=0.02)
    else:  # two straight lines that meet at 0
        second = SELU_SCALE**2 * variance * (1 + SELU_ALPHA**2) / 2
        assert spread + mean**2 == pytest.approx(second, rel=1e-3)


def test_expectation_cuts_at_the_kink():
    assert expectation(lambda z: (z > 0).astype(float)) == pytest.approx(0.5, abs=1e-14)
    assert expectation(np.abs) == pytest.approx(np.sqrt(2 / np.pi), abs=1e-13)


@pytest.mark.parametrize("call", [selu_moments, lambda m, v: quadrature_moments("elu", m, v)])
def test_a_negative_variance_is_refused(call):
    with pytest.raises(ValueError, match=r"at least 0, got -1"):
        call(0, -1)
    with pytest.raises(ValueError, match="at least 0"):
        expectation(np.abs, 0, -1)


# --- the fixed point


def test_constants_equal_the_published_ones_and_keras():
    alpha, scale = solve_selu_constants()
    assert alpha == pytest.approx(SELU_ALPHA, abs=1e-12)
    assert scale == pytest.approx(SELU_SCALE, abs=1e-12)
    one, floor = keras_selu(np.array([1.0, -100.0]))
    assert scale == pytest.approx(one, abs=1e-12)
    assert alpha == pytest.approx(-floor / one, abs=1e-12)


@pytest.mark.parametrize(("mean", "variance"), [(0, 2), (0.1, 1), (-0.2, 0.5)])
def test_constants_for_another_fixed_point_keep_it(mean, variance):
    alpha, scale = solve_selu_constants(mean, variance)
    kept = selu_moments(mean, variance, alpha=alpha, scale=scale)
    assert kept.mean == pytest.approx(mean, abs=1e-9)
    assert kept.variance == pytest.approx(variance, abs=1e-9)
    assert (alpha, scale) != pytest.approx((SELU_ALPHA, SELU_SCALE), abs=1e-3)


def test_an_impossible_fixed_point_is_refused():
    with pytest.raises(ValueError, match="found no alpha and scale"):
        solve_selu_constants(mean=5, variance=0.01)


@few
@given(MEANS, VARIANCES, st.floats(-2, 2), st.floats(0.1, 3))
def test_jacobian_equals_finite_differences(mean, variance, omega, tau):
    h = 1e-5
    columns = []
    for change in ((h, 0), (0, h * variance)):
        after = selu_moments(mean + change[0], variance + change[1], omega, tau)
        before = selu_moments(mean - change[0], variance - change[1], omega, tau)
        columns.append((np.array(after) - np.array(before)) / (2 * sum(change)))
    assert selu_jacobian(mean, variance, omega, tau) == pytest.approx(
        np.array(columns).T, abs=1e-6, rel=1e-5
    )


def test_the_map_contracts_at_the_fixed_point_by_the_published_factor():
    jacobian = selu_jacobian(0, 1)
    assert np.linalg.norm(jacobian, 2) == pytest.approx(0.7877, abs=5e-5)
    assert jacobian[:, 0] == pytest.approx(0)


def test_jacobian_refuses_a_single_point():
    with pytest.raises(ValueError, match="above 0"):
        selu_jacobian(0, 0)


@few
@given(st.floats(-1, 1), st.floats(0.1, 9), st.floats(-0.1, 0.1), st.floats(0.95, 1.05))
def test_iterated_the_map_goes_to_a_fixed_point_near_0_and_1(mean, variance, omega, tau):
    path = iterate(lambda m, v: selu_moments(m, v, omega, tau), (mean, variance), layers=200)
    assert path.mean.shape == (201,)
    assert (path.mean[0], path.variance[0]) == (mean, variance)
    assert path.mean[-1] == pytest.approx(path.mean[-2], abs=1e-8)
    assert abs(path.mean[-1]) < 0.1 and 0.7 < path.variance[-1] < 1.4


# --- a layer of random weights


@pytest.mark.parametrize(("mean", "variance", "tau"), [(0, 1, 1), (1.5, 0.5, 1), (-0.5, 2, 2)])
def test_over_random_units_the_sum_of_weights_acts_as_variance(mean, variance, tau):
    omegas, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    units = selu_moments(mean, variance, omegas * np.sqrt(tau), tau)
    first = units.mean @ weights
    second = (units.variance + units.mean**2) @ weights
    layer = random_layer_moments(mean, variance, tau=tau)
    assert layer.mean == pytest.approx(first, abs=1e-6)
    assert layer.variance == pytest.approx(second - first**2, abs=1e-6)


@pytest.mark.parametrize("activation", ["selu", "elu", "relu", "tanh"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dropout", [None, *DROPOUTS])
def test_theory_lies_near_a_wide_layer(activation, architecture, dropout):
    x = 0.3 + 1.2 * normal((100, 600))
    condition = {"architecture": architecture, "dropout": dropout, "dropout_rate": 0.2}
    rng = np.random.default_rng(1)
    path = measure_path(x, 1, rng, activation, "lecun_normal", **condition)
    layer = random_layer_moments(x.mean(), x.var(), activation, **condition)
    assert path.mean[1] == pytest.approx(layer.mean, abs=0.05)
    assert path.std[1] == pytest.approx(np.sqrt(layer.variance), rel=0.05)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.8])
def test_alpha_dropout_keeps_the_fixed_point_and_ordinary_dropout_does_not(rate):
    kept = random_layer_moments(0, 1, dropout="alpha", dropout_rate=rate)
    assert np.array(kept) == pytest.approx(np.array([0, 1]), abs=1e-9)
    moved = random_layer_moments(0, 1, dropout="dropout", dropout_rate=rate)
    assert moved.mean == pytest.approx(0, abs=1e-9)
    assert moved.variance == pytest.approx(1 / (1 - rate))


def test_skip_connections_add_variances():
    assert np.array(random_layer_moments(0, 1, architecture="skip connections")) == pytest.approx(
        np.array([0, 2]), abs=1e-9
    )


def test_unknown_names_and_impossible_settings_are_refused():
    for changes, message in (
        ({"activation": "sellu"}, "did you mean 'selu'"),
        ({"architecture": "skip"}, "skip connections"),
        ({"dropout": "alfa"}, "did you mean 'alpha'"),
        ({"dropout": "alpha", "dropout_rate": 1.0}, r"\[0, 1\)"),
        ({"architecture": "max pooling", "activation": "swish"}, "never falls"),
    ):
        with pytest.raises(ValueError, match=message):
            random_layer_moments(0, 1, **changes)
        with pytest.raises(ValueError, match=message):
            measure_path(normal((5, 4)), 1, np.random.default_rng(0), **changes)


# --- a real network


def test_measured_path_is_that_of_the_network():
    x = normal((50, 20))
    path = measure_path(x, 3, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for layer in range(4):
        assert path.mean[layer] == pytest.approx(x.mean())
        assert path.std[layer] == pytest.approx(x.std())
        assert path.unit_std[layer] == pytest.approx(x.std(axis=0).mean())
        x = value("selu", x @ sample("lecun_normal", (20, 20), rng))


def test_input_mean_is_added_and_the_inputs_stay_as_they_were():
    x = normal((50, 20))
    before = x.copy()
    moved = measure_path(x, 1, np.random.default_rng(5), input_mean=2.0)
    assert moved.mean[0] == pytest.approx(x.mean() + 2)
    assert np.array_equal(x, before)


def test_a_path_ends_where_it_leaves_the_range():
    arguments = {"initializer": "normal(1)", "largest": 1e3}
    path = measure_path(normal((20, 100)), 50, np.random.default_rng(0), **arguments)
    assert len(path.mean) < 10
    assert path.std[-1] > 1e3 > path.std[-2]


def test_a_path_is_measured_where_squares_overflow():
    path = measure_path(normal((20, 100)), 210, np.random.default_rng(0), initializer="normal(1)")
    assert np.isfinite(path.std).all() and path.std[-1] > 1e160


def test_signals_of_0_are_measured_as_0():
    path = measure_path(np.zeros((5, 4)), 2, np.random.default_rng(0))
    assert not np.any(path)


@pytest.mark.parametrize("name", BROKEN)
def test_each_condition_shows_when_it_is_broken(name):
    path = measure_path(normal((100, 100), seed=3), 50, np.random.default_rng(4), **BROKEN[name])
    unit_std = path.unit_std[30:].mean()  # one layer scatters, twenty tell
    holds = 0.75 < unit_std < 1.1 and abs(path.mean[30:].mean()) < 0.1
    assert holds == (name in ("nothing", "Glorot's weights", "alpha dropout 0.5"))


def test_moments_are_a_pair():
    assert Moments(0, 1) == (0, 1)
