"""Batch norm in NumPy: equal to Keras, its properties, folding, and the network that uses it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers.theory import batch_norm, normalized_network
from helpers.theory.network import softmax_cross_entropy

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
SHAPES = [(32, 5), (2, 3), (1, 3), (4, 6, 6, 3)]
bounded = settings(max_examples=40, deadline=None, derandomize=True)
parameters = st.floats(-3, 3)


def batches(fewest=2):
    """Return batches (n, 3) whose units vary: no unit is (nearly) constant."""
    shapes = st.tuples(st.integers(fewest, 12), st.just(3))
    values = arrays.arrays(np.float64, shapes, elements=st.integers(-50, 50).map(float))
    return values.filter(lambda x: x.std(axis=0).min() > 0.5)


def numbers(shape, seed=0, spread=3.0):
    rng = np.random.default_rng(seed)
    units = shape[-1]
    x = rng.normal(rng.normal(0, 4, units), spread, shape)
    return x.astype(np.float32), rng


# --- equal to Keras


def keras_layer(x, gamma=None, beta=None, **arguments):
    from keras import layers

    layer = layers.BatchNormalization(**arguments)
    layer.build(x.shape)
    if gamma is not None:
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
    return layer


def array(tensor):
    from keras import ops

    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("shape", SHAPES)
def test_training_and_inference_equal_keras_over_several_steps(shape):
    x, rng = numbers(shape)
    gamma, beta = rng.normal(1, 0.5, shape[-1]), rng.normal(0, 1, shape[-1])
    layer = keras_layer(x, gamma, beta)
    moving = batch_norm.start_moving(shape[-1])
    for step in range(6):
        batch = (x * (1 + 0.1 * step) + step).astype(np.float32)
        ours = batch_norm.forward(batch, gamma, beta)
        moving = batch_norm.update_moving(moving, ours)
        np.testing.assert_allclose(ours.outputs, array(layer(batch, training=True)), **TOLERANCE)
        np.testing.assert_allclose(moving.mean, array(layer.moving_mean), **TOLERANCE)
        np.testing.assert_allclose(moving.variance, array(layer.moving_variance), **TOLERANCE)
    inferred = batch_norm.inference(x, gamma, beta, *moving)
    np.testing.assert_allclose(inferred, array(layer(x, training=False)), **TOLERANCE)


def test_defaults_are_those_of_keras():
    layer = keras_layer(np.zeros((2, 3), np.float32))
    assert (layer.momentum, layer.epsilon) == (batch_norm.MOMENTUM, batch_norm.EPSILON)
    start = batch_norm.start_moving(3)
    assert np.array_equal(array(layer.moving_mean), start.mean)
    assert np.array_equal(array(layer.moving_variance), start.variance)


def test_moving_variance_is_that_of_the_batch_and_not_the_unbiased_one():
    x = np.float32([[1], [3]])  # variance 1 over two, 2 with the paper's m / (m - 1)
    layer = keras_layer(x, momentum=0.0)
    layer(x, training=True)
    assert array(layer.moving_variance) == pytest.approx(1.0)
    passed = batch_norm.forward(x)
    assert batch_norm.update_moving(batch_norm.start_moving(1), passed, 0.0).variance == 1.0


@pytest.mark.parametrize("units", [1, 4])
@pytest.mark.parametrize("n", [1, 2, 8, 32])
def test_gradients_equal_keras(n, units):
    """By one step of SGD at rate 1: what a weight moves by is its gradient, on any backend.

    The inputs are an identity matrix, so the kernel of the layer before *is* the batch. It runs
    eagerly: in a TensorFlow graph (2.21) the kernel's gradient is now and then taken with gamma as
    it is after the step, which at rate 1 is far off.
    """
    from keras import Sequential, layers, ops, optimizers

    x, rng = numbers((n, units), seed=n)
    gamma, beta = rng.normal(1, 0.5, units), rng.normal(0, 1, units)
    by_outputs = rng.normal(size=(n, units)).astype(np.float32)
    dense = layers.Dense(units, use_bias=False)
    norm = layers.BatchNormalization()
    model = Sequential([dense, norm])
    model.build((n, n))
    dense.set_weights([x])
    norm.set_weights([gamma, beta, *norm.get_weights()[2:]])
    model.compile(
        optimizers.SGD(1.0),
        loss=lambda weights, outputs: n * ops.sum(weights * outputs, axis=-1),
        run_eagerly=True,
    )
    model.train_on_batch(np.eye(n, dtype=np.float32), by_outputs)
    ours = batch_norm.backward(batch_norm.forward(x, gamma, beta), gamma, by_outputs)
    theirs = [x - dense.get_weights()[0], gamma - norm.get_weights()[0]]
    theirs.append(beta - norm.get_weights()[1])
    for mine, keras in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, keras, **TOLERANCE)


def test_folded_keras_layers_give_the_same_outputs():
    from keras import Sequential, layers

    rng = np.random.default_rng(0)
    for before, shape in ((layers.Dense(6), (8, 10)), (layers.Conv2D(6, 3), (2, 7, 7, 3))):
        norm = layers.BatchNormalization()
        model = Sequential([before, norm])
        x = rng.normal(2, 3, shape).astype(np.float32)
        model(x)
        norm.set_weights([rng.uniform(0.5, 2, 6) for _ in range(4)])
        want = array(model(x, training=False))
        before.set_weights(batch_norm.fold(*before.get_weights(), *norm.get_weights()))
        np.testing.assert_allclose(array(before(x)), want, **TOLERANCE)


def test_a_layer_that_is_not_trainable_runs_in_inference_mode():
    x, _ = numbers((16, 3))
    layer = keras_layer(x)
    layer.trainable = False
    np.testing.assert_allclose(
        array(layer(x, training=True)), batch_norm.inference(x, 1, 0, 0, 1), **TOLERANCE
    )
    assert not array(layer.moving_mean).any()


# --- properties


@bounded
@given(batches(), st.lists(parameters, min_size=6, max_size=6))
def test_outputs_have_mean_beta_and_standard_deviation_gamma(x, numbers):
    gamma, beta = np.array(numbers[:3]), np.array(numbers[3:])
    outputs = batch_norm.forward(x, gamma, beta, epsilon=1e-9).outputs
    np.testing.assert_allclose(outputs.mean(axis=0), beta, atol=1e-9)
    np.testing.assert_allclose(outputs.std(axis=0), np.abs(gamma), atol=1e-6)


@bounded
@given(batches(), st.floats(0.1, 100), st.floats(-100, 100))
def test_scale_and_shift_of_the_inputs_change_nothing(x, scale, shift):
    before = batch_norm.forward(x, epsilon=1e-12).outputs
    after = batch_norm.forward(scale * x + shift, epsilon=1e-12).outputs
    np.testing.assert_allclose(after, before, atol=1e-6)
    # With Keras's epsilon only if it is scaled too: then exactly.
    same = batch_norm.forward(scale * x, epsilon=scale**2 * batch_norm.EPSILON).outputs
    np.testing.assert_allclose(same, batch_norm.forward(x).outputs, atol=1e-9)


@bounded
@given(batches(), st.integers(0, 2**32 - 1))
def test_gradients_by_the_inputs_sum_to_zero_and_do_not_scale_the_batch(x, seed):
    by_outputs = np.random.default_rng(seed).normal(size=x.shape)
    passed = batch_norm.forward(x, gamma=2.0, epsilon=1e-12)
    by_inputs = batch_norm.backward(passed, 2.0, by_outputs).inputs
    np.testing.assert_allclose(by_inputs.sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose((by_inputs * passed.normalized).sum(axis=0), 0, atol=1e-6)


@bounded
@given(batches(), st.integers(0, 2**32 - 1))
def test_gradients_equal_finite_differences(x, seed):
    rng = np.random.default_rng(seed)
    gamma, beta, by_outputs = rng.normal(size=3), rng.normal(size=3), rng.normal(size=x.shape)

    def loss(x, gamma, beta):
        return (by_outputs * batch_norm.forward(x, gamma, beta).outputs).sum()

    found = batch_norm.backward(batch_norm.forward(x, gamma, beta), gamma, by_outputs)
    directions = [rng.normal(size=x.shape), rng.normal(size=3), rng.normal(size=3)]
    for at, (direction, gradient) in enumerate(zip(directions, found, strict=True)):
        ends = []
        for sign in (1, -1):
            point = [x, gamma, beta]
            point[at] = point[at] + sign * 1e-5 * direction
            ends.append(loss(*point))
        slope = (ends[0] - ends[1]) / 2e-5
        assert slope == pytest.approx((gradient * direction).sum(), abs=1e-5)


@bounded
@given(batches(fewest=1), st.lists(parameters, min_size=6, max_size=6))
def test_folding_equals_the_two_layers(x, numbers):
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(3, 3)), rng.normal(size=3)
    norm = (np.array(numbers[:3]), np.array(numbers[3:]), rng.normal(size=3), rng.uniform(0, 4, 3))
    folded_kernel, folded_bias = batch_norm.fold(kernel, bias, *norm)
    want = batch_norm.inference(x @ kernel + bias, *norm)
    np.testing.assert_allclose(x @ folded_kernel + folded_bias, want, atol=1e-8)


@pytest.mark.parametrize("x", [[[7.0, -3.0]], [[0.0, 1e6]]])
def test_a_batch_of_one_gives_beta_and_passes_nothing_back(x):
    passed = batch_norm.forward(x, gamma=[2.0, 3.0], beta=[5.0, -1.0])
    assert passed.outputs.tolist() == [[5.0, -1.0]]
    by = batch_norm.backward(passed, [2.0, 3.0], [[1.0, 1.0]])
    assert not by.inputs.any() and not by.gamma.any() and by.beta.tolist() == [1, 1]


def test_a_bias_before_it_is_subtracted_again():
    x, rng = numbers((16, 3))
    plain, biased = (batch_norm.forward(x + b) for b in (0, rng.normal(0, 5, 3)))
    np.testing.assert_allclose(plain.outputs, biased.outputs, atol=1e-5)


def test_pixels_of_all_images_count_as_one_batch():
    x, _ = numbers((4, 5, 6, 3))
    together = batch_norm.forward(x).outputs
    np.testing.assert_allclose(
        together.reshape(-1, 3), batch_norm.forward(x.reshape(-1, 3)).outputs, atol=1e-6
    )


def test_float32_stays_and_a_long_batch_keeps_its_digits():
    x = np.full((400_000, 1), 1000.1, np.float32)
    x[::2] += 1
    passed = batch_norm.forward(x)
    assert {part.dtype for part in passed[:4]} == {np.dtype(np.float32)}
    assert passed.mean[0] == pytest.approx(1000.6, abs=1e-3)
    assert passed.variance[0] == pytest.approx(0.25, abs=1e-3)
    assert batch_norm.forward(np.arange(4).reshape(2, 2)).outputs.dtype == np.float64


# --- moving averages


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99, 1.0])
def test_all_moving_averages_at_once_equal_one_after_the_other(momentum):
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, (20, 4))
    one_by_one, average = [], np.full(4, 1.5)
    for row in values:
        average = momentum * average + (1 - momentum) * row
        one_by_one.append(average)
    np.testing.assert_allclose(batch_norm.moving_averages(values, 1.5, momentum), one_by_one)


@given(st.floats(0.01, 0.999), st.floats(1e-6, 0.99))
@bounded
def test_the_start_weighs_little_enough_for_the_first_time(momentum, share):
    steps = batch_norm.steps_until(share, momentum)
    assert momentum**steps <= share * (1 + 1e-9)
    assert steps == 1 or momentum ** (steps - 1) > share * (1 - 1e-9)


def test_moving_average_of_constants_is_what_theory_says():
    averages = batch_norm.moving_averages(np.full(100, 4.0), start=0.0)
    assert averages[-1] == pytest.approx(4 * (1 - 0.99**100))


# --- errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batch_norm.forward([1.0, 2.0]), r"two axes or more.*shape \(2,\)"),
        (lambda: batch_norm.forward(np.empty((0, 3))), "at least one value"),
        (lambda: batch_norm.forward(np.ones((2, 3)), gamma=[1, 2]), "gamma.*3 units"),
        (lambda: batch_norm.forward(np.ones((2, 3)), epsilon=0), "epsilon must be above 0"),
        (lambda: batch_norm.inference(np.ones((2, 1)), 1, 0, 0, -1), "variance is at least 0"),
        (
            lambda: batch_norm.backward(batch_norm.forward(np.ones((2, 3))), 1, np.ones((3, 2))),
            r"outputs, \(2, 3\), got \(3, 2\)",
        ),
        (lambda: batch_norm.moving_averages([1.0], 0, 1.1), r"momentum must lie in \[0, 1\]"),
        (lambda: batch_norm.steps_until(0, 0.9), r"share must lie in \(0, 1\)"),
        (lambda: batch_norm.fold(np.ones((2, 3)), np.ones(2), 1, 0, 0, 1), "bias.*3 units"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- the network


def small(place, seed=0, sizes=(4, 5, 6, 3)):
    return normalized_network.make_network(sizes, "he_normal", place, "tanh", seed)


def examples(n=12):
    rng = np.random.default_rng(3)
    return rng.normal(size=(n, 4)), rng.integers(0, 3, n)


@pytest.mark.parametrize("place", normalized_network.PLACES)
def test_gradients_of_the_network_equal_finite_differences(place):
    network, (x, labels), rng = small(place), examples(), np.random.default_rng(5)

    def loss(network):
        _, logits = normalized_network.training_pass(x, network)
        return softmax_cross_entropy(logits, labels)

    layers, _ = normalized_network.training_pass(x, network)
    found = normalized_network.gradients(layers, network, loss(network)[1])
    for kind, gradients in enumerate(found):
        assert len(gradients) == len(network[kind])
        for at, gradient in enumerate(gradients):
            direction = rng.normal(size=gradient.shape)
            ends = []
            for sign in (1, -1):
                moved = list(network[kind])
                moved[at] = moved[at] + sign * 1e-5 * direction
                ends.append(loss(network._replace(**{network._fields[kind]: moved}))[0])
            slope = (ends[0] - ends[1]) / 2e-5
            assert slope == pytest.approx((gradient * direction).sum(), abs=1e-7)


@pytest.mark.parametrize("place", ["before", "after"])
def test_network_equals_keras_in_training_and_inference(place):
    from helpers.models import deep_mlp, logits_of

    x, labels = examples(32)
    network = small(place, sizes=(4, 5, 5, 5, 3))
    run = normalized_network.train(
        network, x, labels, steps=5, batch_size=8, learning_rate=0.1, seed=0
    )
    trained = run.network
    model = deep_mlp(
        input_shape=(4,), n_classes=3, depth=3, width=5, activation="tanh", normalization=place
    )
    dense = [layer for layer in model.layers if "dense" in layer.name]
    norms = [layer for layer in model.layers if "batch_norm" in layer.name]
    for layer, kernel, bias in zip(dense, trained.kernels, trained.biases, strict=True):
        layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
        # A bias before batch norm moves its mean alone: nothing in training, and here it is 0.
        assert layer.use_bias or np.abs(bias).max() < 1e-12
    for layer, *weights in zip(norms, trained.gammas, trained.betas, trained.moving, strict=True):
        layer.set_weights([*weights[:2], *weights[2]])
    logits = logits_of(model)
    want = array(logits(x, training=False))
    ours = normalized_network.logits_in_inference(x, trained)
    np.testing.assert_allclose(ours, want, rtol=1e-4, atol=1e-4)
    _, ours = normalized_network.training_pass(x, trained)
    np.testing.assert_allclose(ours, array(logits(x, training=True)), rtol=1e-4, atol=1e-4)


def test_training_is_followed_and_repeats():
    x, labels = examples(30)
    arguments = {"steps": 20, "batch_size": 7, "learning_rate": 0.5, "seed": 2, "looks": 4}
    one, two = (
        normalized_network.train(small("before"), x, labels, layer=1, **arguments) for _ in "ab"
    )
    assert np.array_equal(one.losses, two.losses) and one.losses[-1] < one.losses[0]
    assert one.looks.tolist() == [0, 5, 10, 15, 20]
    assert one.pre_activations.shape == one.entering.shape == (5, 2, 6)
    # At the start gamma is 1 and beta 0: what enters is standardized, what came before is not.
    np.testing.assert_allclose(one.entering[0, 0], 0, atol=1e-12)
    np.testing.assert_allclose(one.entering[0, 1], 1, atol=1e-2)
    layers, _ = normalized_network.training_pass(x, one.network)
    np.testing.assert_allclose(one.pre_activations[-1, 0], layers[1].pre_activations.mean(axis=0))


def test_places_start_from_the_same_weights_and_see_the_same_batches():
    none, before = (small(place, seed=4) for place in ("none", "before"))
    assert all(map(np.array_equal, none.kernels, before.kernels))
    assert not none.gammas and len(before.gammas) == 2


def test_accuracy_counts_the_largest_logit():
    assert normalized_network.accuracy(np.eye(4), np.array([0, 1, 2, 0])) == 0.75


def test_network_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="did you mean 'before'"):
        small("befor")
    for bad in ({"batch_size": 13}, {"steps": 0}):
        arguments = {"steps": 1, "batch_size": 4, "learning_rate": 0.1, "seed": 0} | bad
        with pytest.raises(ValueError, match="1 step or more and a batch of 1 to 12"):
            normalized_network.train(small("none"), *examples(), **arguments)
