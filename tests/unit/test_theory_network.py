"""The NumPy network, against Keras on the same numbers and against finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.theory.activations import ACTIVATIONS, get_activation
from helpers.theory.network import (
    Gradients,
    Parameters,
    backward,
    forward,
    make_parameters,
    softmax_cross_entropy,
)

SIZES = (5, 7, 6, 4)


def some_network(seed=0, sizes=SIZES, n=8, dtype=np.float64):
    """Return parameters with biases that are not 0, inputs, and labels."""
    rng = np.random.default_rng(seed)
    kernels, biases = make_parameters(sizes, "he_normal", rng)
    biases = [rng.normal(0, 0.5, bias.shape) for bias in biases]
    x = rng.normal(0, 1, (n, sizes[0]))
    as_dtype = Parameters([k.astype(dtype) for k in kernels], [b.astype(dtype) for b in biases])
    return as_dtype, x.astype(dtype), rng.integers(0, sizes[-1], n)


def loss_and_gradients(parameters, x, labels, activation) -> tuple[float, Gradients]:
    signals = forward(x, parameters, activation)
    loss, by_logits = softmax_cross_entropy(signals.logits, labels)
    return loss, backward(signals, parameters, activation, by_logits)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 1e-5)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_loss_and_gradients_are_those_of_keras(activation, dtype, tolerance):
    import keras
    import tensorflow as tf

    functions = [keras_function(activation)] * (len(SIZES) - 2) + [None]
    layers = [
        keras.layers.Dense(units, function, dtype=dtype)
        for units, function in zip(SIZES[1:], functions, strict=True)
    ]
    model = keras.Sequential([keras.Input(SIZES[:1], dtype=dtype), *layers])
    parameters, x, labels = some_network(dtype=np.dtype(dtype))
    model.set_weights([array for pair in zip(*parameters, strict=True) for array in pair])
    with tf.GradientTape() as tape:
        logits = model(x)
        loss = tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        )
    expected = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    ours, gradients = loss_and_gradients(parameters, x, labels, activation)
    assert ours == pytest.approx(float(loss), abs=tolerance)
    signals = forward(x, parameters, activation)
    np.testing.assert_allclose(signals.logits, logits, atol=tolerance)
    pairs = zip(gradients.kernels, gradients.biases, strict=True)
    for mine, theirs in zip([a for pair in pairs for a in pair], expected, strict=True):
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine, theirs, atol=tolerance)


def keras_function(activation):
    """Return the activation as Keras computes it; PReLU starts as a leaky ReLU of slope 0.25."""
    import keras

    if activation == "prelu":
        return lambda z: keras.activations.leaky_relu(z, negative_slope=0.25)
    return keras.activations.get(get_activation(activation).keras_name)


@given(
    st.integers(0, 10_000),
    st.sampled_from(["logistic", "tanh", "gelu", "swish", "mish", "linear"]),
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_gradients_are_finite_differences(seed, activation, sizes):
    sizes[-1] += 1  # two classes or more
    parameters, x, labels = some_network(seed, sizes, n=3)
    _, gradients = loss_and_gradients(parameters, x, labels, activation)
    rng = np.random.default_rng(seed)
    layer = int(rng.integers(len(sizes) - 1))
    step = 1e-5
    for arrays, found in zip(parameters, (gradients.kernels, gradients.biases), strict=True):
        place = tuple(int(rng.integers(size)) for size in arrays[layer].shape)
        before = arrays[layer][place]
        losses = []
        for sign in (1, -1):
            arrays[layer][place] = before + sign * step
            losses.append(loss_and_gradients(parameters, x, labels, activation)[0])
        arrays[layer][place] = before
        assert found[layer][place] == pytest.approx(
            (losses[0] - losses[1]) / (2 * step), rel=1e-5, abs=1e-8
        )


@given(st.integers(0, 10_000), st.floats(-500, 500))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_cross_entropy_does_not_change_when_all_logits_move(seed, shift):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 3, (6, 4)), rng.integers(0, 4, 6)
    loss, gradient = softmax_cross_entropy(logits, labels)
    moved, same = softmax_cross_entropy(logits + shift, labels)
    assert moved == pytest.approx(loss, abs=1e-9)
    np.testing.assert_allclose(same, gradient, atol=1e-9)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-12)


def test_cross_entropy_of_equal_logits_is_the_log_of_the_classes_and_of_huge_ones_is_finite():
    loss, _ = softmax_cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9]))
    assert loss == pytest.approx(np.log(10))
    loss, gradient = softmax_cross_entropy(np.array([[1e4, -1e4]]), np.array([1]))
    assert loss == pytest.approx(2e4) and np.isfinite(gradient).all()


def test_parameters_have_keras_shapes_and_biases_start_at_0():
    kernels, biases = make_parameters(SIZES, "glorot_uniform", np.random.default_rng(0))
    assert [kernel.shape for kernel in kernels] == [(5, 7), (7, 6), (6, 4)]
    assert [bias.shape for bias in biases] == [(7,), (6,), (4,)]
    assert not any(bias.any() for bias in biases) and all(kernel.any() for kernel in kernels)
    again, _ = make_parameters(SIZES, "glorot_uniform", np.random.default_rng(0))
    np.testing.assert_array_equal(kernels[1], again[1])


@pytest.mark.parametrize(
    ("sizes", "initializer", "hint"),
    [((5,), "he_normal", "two sizes or more"), ((5, 2), "he_norml", "did you mean 'he_normal'")],
)
def test_bad_parameters_are_explained(sizes, initializer, hint):
    with pytest.raises(ValueError, match=hint):
        make_parameters(sizes, initializer, np.random.default_rng(0))
