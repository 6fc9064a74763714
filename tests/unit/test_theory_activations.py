"""Activations: Keras's values and gradients on the same numbers, true derivatives, and extremes."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from helpers.theory import activations
from helpers.theory.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE, slope, value

NAMES = list(ACTIVATIONS)
KINKS = {"relu", "leaky_relu", "prelu", "selu"}  # at 0; ELU has one where alpha is not 1
Z = np.concatenate([np.linspace(-12, 12, 97), [0.0, -0.0, 1e-9, -1e-9, 40, -40, 1e3, -1e3, 1e6]])


def keras_pair(function, z):
    """Return what Keras on TensorFlow computes at ``z``, and what it propagates back."""
    import tensorflow as tf

    x = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return y.numpy(), tape.gradient(y, x).numpy()


def keras_function(name, **parameters):
    import keras

    if name == "prelu":
        parameters = {"negative_slope": 0.25, **parameters}
    function = keras.activations.get(ACTIVATIONS[name].keras_name)
    return lambda z: function(z, **parameters)


@pytest.mark.parametrize("name", NAMES)
def test_value_and_slope_are_those_of_keras(name):
    expected, gradient = keras_pair(keras_function(name), Z)
    # Keras keeps some constants, such as GELU's root of 2, in float32.
    assert value(name, Z) == pytest.approx(expected, rel=2e-8, abs=1e-8)
    assert slope(name, Z) == pytest.approx(gradient, rel=2e-8, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("elu", {"alpha": 0.5}),
        ("elu", {"alpha": 2.0}),
        ("leaky_relu", {"negative_slope": 0.01}),
        ("leaky_relu", {"negative_slope": 0.0}),
    ],
)
def test_parameters_are_those_of_keras(name, parameters):
    expected, gradient = keras_pair(keras_function(name, **parameters), Z)
    assert value(name, Z, **parameters) == pytest.approx(expected, rel=1e-7)
    assert slope(name, Z, **parameters) == pytest.approx(gradient, rel=1e-7)


def test_prelu_is_the_layer_of_keras_everywhere_but_at_0():
    import keras

    z = Z[Z != 0][:, np.newaxis].astype(np.float32)
    layer = keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25))
    expected, gradient = keras_pair(layer, z)
    assert value("prelu", z) == pytest.approx(expected)
    assert slope("prelu", z) == pytest.approx(gradient)


@given(z=st.floats(-30, 30), name=st.sampled_from(NAMES))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_slope_is_the_derivative(z, name):
    step = 1e-6
    if name in KINKS and abs(z) <= step:
        z = 2 * step
    difference = (value(name, z + step) - value(name, z - step)) / (2 * step)
    assert slope(name, z) == pytest.approx(difference, abs=1e-6)


@given(z=st.floats(-30, 30), alpha=st.floats(0.1, 3), negative=st.floats(-0.5, 1))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_slope_is_the_derivative_at_other_parameters_too(z, alpha, negative):
    step = 1e-6
    z = z if abs(z) > step else 2 * step
    for name, parameters in (("elu", {"alpha": alpha}), ("prelu", {"negative_slope": negative})):
        ends = [value(name, z + sign * step, **parameters) for sign in (-1, 1)]
        expected = (ends[1] - ends[0]) / (2 * step)
        assert slope(name, z, **parameters) == pytest.approx(expected, abs=1e-6)


def test_formulas_of_the_papers():
    z = np.linspace(-5, 5, 41)
    assert value("logistic", z) == pytest.approx(1 / (1 + np.exp(-z)))
    assert value("gelu", z) == pytest.approx(z * (1 + erf(z / np.sqrt(2))) / 2)
    assert value("swish", z) == pytest.approx(z / (1 + np.exp(-z)))
    assert value("mish", z) == pytest.approx(z * np.tanh(np.log(1 + np.exp(z))))
    negative = z[z <= 0]
    expected = 1.0507009873554805 * 1.6732632423543772 * (np.exp(negative) - 1)
    assert value("selu", negative) == pytest.approx(expected)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_elu_meets_at_0_and_is_smooth_only_at_alpha_1(alpha):
    assert value("elu", 0.0, alpha=alpha) == 0
    assert value("elu", 1.0, alpha=alpha) == 1
    left, right = slope("elu", np.array([-1e-12, 1e-12]), alpha=alpha)
    assert (left, right) == pytest.approx((alpha, 1))
    assert slope("elu", 0.0, alpha=alpha) == alpha  # as Keras


def test_selu_has_two_slopes_at_0():
    left, right = slope("selu", np.array([-1e-12, 1e-12]))
    assert (left, right) == pytest.approx((SELU_SCALE * SELU_ALPHA, SELU_SCALE))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_extremes_give_limits_and_no_warning(name, dtype):
    most = np.finfo(dtype).max
    z = np.array([-np.inf, -most, most, np.inf], dtype)
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        values, slopes = value(name, z), slope(name, z)
    assert values.dtype == slopes.dtype == dtype
    low = {
        "logistic": 0,
        "tanh": -1,
        "elu": -1,
        "selu": -SELU_SCALE * SELU_ALPHA,
        **dict.fromkeys(("relu", "gelu", "swish", "mish"), 0),
    }
    bounded = {"logistic": 1, "tanh": 1}
    assert values[[0, 3]] == pytest.approx([low.get(name, -np.inf), bounded.get(name, np.inf)])
    steep = {"linear": 1, "leaky_relu": 0.2, "prelu": 0.25}
    right = {"logistic": 0, "tanh": 0, "selu": SELU_SCALE}
    sides = [steep.get(name, 0)] * 2 + [right.get(name, 1)] * 2
    assert slopes == pytest.approx(sides)


@pytest.mark.parametrize("name", NAMES)
def test_not_a_number_stays_so(name):
    assert np.isnan(value(name, np.array([np.nan]))) and np.isnan(slope(name, np.array([np.nan])))


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_whole_numbers(name):
    z = np.arange(-3, 3).reshape(2, 3)
    for function in (value, slope):
        assert function(name, z).dtype == np.float64
        assert function(name, z).shape == (2, 3) and np.shape(function(name, 1)) == ()
        assert function(name, z) == pytest.approx(function(name, z.astype(float)))


def test_smooth_ones_dip_below_0_and_others_rise():
    z = np.linspace(-8, 8, 4001)
    for name in NAMES:
        falls = (slope(name, z) < 0).any()
        assert falls == (name in {"gelu", "swish", "mish"}), name


def test_unknown_names_are_explained():
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        value("rleu", 0.0)
    with pytest.raises(ValueError, match="unknown parameter of ELU 'alfa': did you mean 'alpha'"):
        slope("elu", 0.0, alfa=1)
    with pytest.raises(ValueError, match="parameter of ReLU"):
        value("relu", 0.0, alpha=1)


def test_input_is_not_changed():
    z = np.linspace(-2, 2, 5)
    for name in NAMES:
        value(name, z), slope(name, z)
    assert (z == np.linspace(-2, 2, 5)).all()
    assert activations.get_activation("elu").parameters == {"alpha": 1.0}
