"""Dropout in NumPy: against Keras on the same numbers, by its properties, and its errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.theory.activations import value
from helpers.theory.dropout import (
    SELU_FLOOR,
    alpha_dropout,
    alpha_dropout_constants,
    dropout,
    dropout_gradients,
    entropy,
    max_norm,
    mc_predict,
    mutual_information,
    predictive_mean,
    predictive_std,
    softmax,
    train_epoch,
    train_epochs,
)
from helpers.theory.network import Parameters, backward, forward, make_parameters
from helpers.theory.network import softmax_cross_entropy as loss_of

RATES = st.floats(0, 0.95)
BOUNDED = settings(max_examples=40, deadline=None, derandomize=True)
WIDE = 200_000  # entries: a mean of as many draws is good to 1%


def rng(seed=0):
    return np.random.default_rng(seed)


def network(sizes=(6, 20, 15, 4), seed=1):
    return make_parameters(sizes, "he_normal", rng(seed))


# --- dropout


@BOUNDED
@given(rate=RATES, seed=st.integers(0, 99), number=st.floats(-1e3, 1e3, width=32))
def test_dropout_zeroes_a_share_and_scales_the_rest(rate, seed, number):
    x = np.full(5_000, number)
    out = dropout(x, rate, rng(seed))
    kept = out != 0
    assert out[kept] == pytest.approx(number / (1 - rate), rel=1e-12)
    if number:
        assert kept.mean() == pytest.approx(1 - rate, abs=5 * 0.5 / np.sqrt(len(x)))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_expected_value_and_has_the_variance_it_states(rate):
    x = np.array([1.0, -3.0])
    out = dropout(np.broadcast_to(x, (WIDE, 2)), rate, rng())
    std = np.abs(x) * np.sqrt(rate / (1 - rate))
    assert out.mean(axis=0) == pytest.approx(x, abs=5 * std.max() / np.sqrt(WIDE))
    assert out.std(axis=0) == pytest.approx(std, rel=0.02)


def test_dropout_of_rate_0_changes_nothing_and_one_seed_gives_one_mask():
    x = rng().normal(size=(30, 7)).astype(np.float32)
    assert np.array_equal(dropout(x, 0, rng()), x)
    assert np.array_equal(dropout(x, 0.5, rng(3)), dropout(x, 0.5, rng(3)))
    assert not np.array_equal(dropout(x, 0.5, rng(3)), dropout(x, 0.5, rng(4)))


@pytest.mark.parametrize("kind", [dropout, alpha_dropout])
def test_float32_stays_float32_and_whole_numbers_become_float64(kind):
    assert kind(np.ones(3, np.float32), 0.3, rng()).dtype == np.float32
    assert kind(np.ones(3), 0.3, rng()).dtype == np.float64
    assert kind(np.ones(3, int), 0.3, rng()).dtype == np.float64
    assert kind([1, 2], 0.3, rng()).shape == (2,)


@pytest.mark.parametrize("kind", [dropout, alpha_dropout])
@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, np.nan])
def test_a_rate_outside_its_range_is_named(kind, rate):
    with pytest.raises(ValueError, match=r"\[0, 1\).*got"):
        kind(np.ones(3), rate, rng())


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.8])
def test_kept_units_are_scaled_exactly_as_keras_scales_them(rate):
    import keras

    x = rng().normal(size=(200, 50)).astype(np.float32)
    theirs = np.asarray(keras.layers.Dropout(rate, seed=0)(x, training=True))
    ours = dropout(x, rate, rng())
    both = (theirs != 0) & (ours != 0)
    assert both.sum() > 100
    assert np.array_equal(theirs[both], ours[both])
    assert np.array_equal(np.asarray(keras.layers.Dropout(rate)(x, training=False)), x)
    assert (ours != 0).mean() == pytest.approx((theirs != 0).mean(), abs=0.03)


# --- alpha dropout


@BOUNDED
@given(rate=st.floats(0, 0.9))
def test_alpha_dropouts_constants_give_mean_0_and_variance_1_exactly(rate):
    a, b = alpha_dropout_constants(rate)
    kept = 1 - rate  # moments of the masked input, when its own are 0 and 1
    mean, square = rate * SELU_FLOOR, kept + rate * SELU_FLOOR**2
    assert a * mean + b == pytest.approx(0, abs=1e-12)
    assert a**2 * (square - mean**2) == pytest.approx(1)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_alpha_dropout_keeps_mean_and_variance_where_dropout_does_not(rate):
    x = rng().standard_normal(WIDE)
    out = alpha_dropout(x, rate, rng(1))
    assert out.mean() == pytest.approx(0, abs=0.02)
    assert out.var() == pytest.approx(1, abs=0.02)
    assert dropout(x, rate, rng(1)).var() == pytest.approx(1 / (1 - rate), rel=0.02)


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_alpha_dropout_is_keras_on_the_same_mask(rate):
    import keras

    x = rng().normal(size=(100, 40)).astype(np.float32)
    theirs = np.asarray(keras.layers.AlphaDropout(rate, seed=0)(x, training=True))
    a, b = alpha_dropout_constants(rate)
    floor = np.float32(a * SELU_FLOOR + b)
    dropped = np.isclose(theirs, floor, atol=1e-5)
    assert dropped.mean() == pytest.approx(rate, abs=0.05)
    assert theirs[~dropped] == pytest.approx((a * x + b)[~dropped], abs=1e-5)
    ours = alpha_dropout(x, rate, rng())
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.06)
    assert ours.std() == pytest.approx(theirs.std(), abs=0.06)
    kept = ~np.isclose(ours, floor, atol=1e-5)
    assert ours[kept] == pytest.approx((a * x + b)[kept], abs=1e-5)


# --- max-norm


KERNELS = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-9, 9)
)


@BOUNDED
@given(kernel=KERNELS, limit=st.floats(0.1, 20))
def test_max_norm_shortens_only_what_is_too_long_and_turns_nothing(kernel, limit):
    norms, out = np.linalg.norm(kernel, axis=0), max_norm(kernel, limit)
    assert np.linalg.norm(out, axis=0) == pytest.approx(np.minimum(norms, limit))
    assert np.array_equal(out[:, norms <= limit], kernel[:, norms <= limit])
    assert (out * kernel >= 0).all()
    assert max_norm(out, limit) == pytest.approx(out)


def test_max_norm_is_kerass_along_axis_0():
    import keras

    kernel = rng().normal(size=(30, 20)).astype(np.float32)
    for limit in (0.5, 5.0, 100.0):
        theirs = np.asarray(keras.constraints.MaxNorm(limit, axis=0)(kernel))
        assert max_norm(kernel, limit) == pytest.approx(theirs, rel=1e-6)
    assert max_norm(kernel, 1.0).dtype == np.float32


def test_max_norm_of_a_wrong_shape_or_limit_is_named():
    with pytest.raises(ValueError, match="fan_in, fan_out"):
        max_norm(np.ones(3), 1)
    for limit in (0, -1, np.nan):
        with pytest.raises(ValueError, match="above 0"):
            max_norm(np.ones((2, 2)), limit)


# --- training


def batch(n=24, seed=5):
    return rng(seed).normal(size=(n, 6)), rng(seed).integers(0, 4, n)


@pytest.mark.parametrize("activation", ["relu", "tanh", "selu"])
def test_without_dropout_the_gradients_are_those_of_the_network(activation):
    parameters, (x, labels) = network(), batch()
    loss, gradients = dropout_gradients(parameters, x, labels, 0, rng(), activation)
    signals = forward(x, parameters, activation)
    expected, at_logits = loss_of(signals.logits, labels)
    whole = backward(signals, parameters, activation, at_logits)
    assert loss == pytest.approx(expected)
    for ours, theirs in zip(gradients, whole, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one == pytest.approx(other)


@BOUNDED
@given(rate=st.floats(0.05, 0.8), seed=st.integers(0, 50), layer=st.integers(0, 2))
def test_gradients_with_dropout_equal_finite_differences_on_the_same_masks(rate, seed, layer):
    parameters, (x, labels) = network(), batch()
    _, gradients = dropout_gradients(parameters, x, labels, rate, rng(seed), "tanh")
    direction = rng(seed + 1).normal(size=parameters.kernels[layer].shape)

    def loss(step):
        kernels = list(parameters.kernels)
        kernels[layer] = kernels[layer] + step * direction
        moved = Parameters(kernels, parameters.biases)
        return dropout_gradients(moved, x, labels, rate, rng(seed), "tanh")[0]

    slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
    assert (gradients.kernels[layer] * direction).sum() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_an_epoch_lowers_the_loss_leaves_the_old_weights_and_holds_the_limit():
    parameters, (x, labels) = network(), batch(64)
    before = [kernel.copy() for kernel in parameters.kernels]
    trained, source = parameters, rng()
    for _ in range(20):
        trained = train_epoch(trained, x, labels, 0.2, source, 0.1, 16, limit=1.5)
    losses = [loss_of(forward(x, p, "relu").logits, labels)[0] for p in (parameters, trained)]
    assert losses[1] < losses[0] - 0.1
    assert all(np.array_equal(a, b) for a, b in zip(before, parameters.kernels, strict=True))
    assert max(np.linalg.norm(k, axis=0).max() for k in trained.kernels) <= 1.5 * (1 + 1e-9)
    assert max(np.linalg.norm(k, axis=0).max() for k in parameters.kernels) > 1.5
    again = train_epoch(parameters, x, labels, 0.2, rng(3))
    assert np.array_equal(
        again.kernels[0], train_epoch(parameters, x, labels, 0.2, rng(3)).kernels[0]
    )


@pytest.mark.parametrize("size", [0, 25])
def test_an_epoch_without_a_whole_batch_is_refused(size):
    with pytest.raises(ValueError, match=r"batch_size must lie in 1 \.\.\. 24"):
        train_epoch(network(), *batch(), 0.5, rng(), batch_size=size)


# --- Monte Carlo


def test_passes_at_rate_0_all_equal_the_network():
    parameters, (x, _) = network(), batch()
    expected = softmax(forward(x, parameters, "relu").logits)
    passes = mc_predict(parameters, x, 0, 3, rng())
    assert passes.shape == (3, 24, 4)
    assert all(one == pytest.approx(expected) for one in passes)
    assert mutual_information(passes) == pytest.approx(0, abs=1e-12)


def test_more_passes_go_on_where_fewer_ended_and_change_no_weight():
    parameters, (x, _) = network(), batch()
    before = [array.copy() for part in parameters for array in part]
    few, many = (mc_predict(parameters, x, 0.5, count, rng(7)) for count in (3, 8))
    assert np.array_equal(many[:3], few)
    assert not np.allclose(many[0], many[1])
    after = [array for part in parameters for array in part]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_without_activation_the_mean_of_the_logits_is_the_network():
    """In a linear network the expected logits are those with dropout off; a mean comes near."""
    parameters, (x, _) = network((6, 40, 4)), batch(2)
    passes = mc_predict(parameters, x, 0.3, 20_000, rng(), "linear")
    logits = np.log(passes)
    logits -= logits.mean(axis=2, keepdims=True)
    expected = forward(x, parameters, "linear").logits
    expected = expected - expected.mean(axis=1, keepdims=True)
    error = logits.std(axis=0) / np.sqrt(len(passes))
    assert (np.abs(logits.mean(axis=0) - expected) < 5 * error).all()


def test_mc_predict_has_the_spread_of_keras_with_dropout_on():
    from helpers.evaluation import mc_dropout
    from helpers.models import deep_mlp

    drop = {"dropout": "dropout", "dropout_rate": 0.4, "dropout_place": "hidden"}
    model = deep_mlp(
        input_shape=(6,), n_classes=4, depth=2, width=20, activation="relu", seed=0, **drop
    )
    dense = [layer.get_weights() for layer in model.layers if len(layer.weights) == 2]
    parameters = Parameters([kernel for kernel, _ in dense], [bias for _, bias in dense])
    x, count = batch(8)[0].astype(np.float32), 400
    ours, theirs = mc_predict(parameters, x, 0.4, count, rng()), mc_dropout(model, x, count)
    assert ours.dtype == np.float32 and ours.shape == theirs.shape
    error = predictive_std(theirs).max() / np.sqrt(count)
    assert predictive_mean(ours) == pytest.approx(predictive_mean(theirs), abs=7 * error)
    assert predictive_std(ours) == pytest.approx(predictive_std(theirs), abs=10 * error)


def test_alpha_dropout_is_a_kind_for_selu_networks():
    parameters, (x, _) = network(), batch()
    alpha = mc_predict(parameters, x, 0.2, 2, rng(), "selu", kind="alpha")
    signal = x
    masks = rng()
    for kernel, bias in zip(parameters.kernels[:-1], parameters.biases[:-1], strict=True):
        signal = alpha_dropout(value("selu", signal @ kernel + bias), 0.2, masks)
    expected = softmax(signal @ parameters.kernels[-1] + parameters.biases[-1])
    assert alpha[0] == pytest.approx(expected)


def test_a_bad_request_for_passes_is_named():
    x = batch()[0]
    with pytest.raises(ValueError, match="passes must be a whole number of at least 1, got 0"):
        mc_predict(network(), x, 0.5, 0, rng())
    with pytest.raises(ValueError, match="did you mean 'alpha'"):
        mc_predict(network(), x, 0.5, 1, rng(), kind="alhpa")
    with pytest.raises(ValueError, match="dropout rate"):
        mc_predict(network(), x, 1.0, 1, rng())


PASSES = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.floats(-9, 9)
)


@BOUNDED
@given(logits=PASSES)
def test_disagreement_lies_between_0_and_the_entropy_of_the_mean(logits):
    passes = softmax(logits)
    assert passes.sum(axis=2) == pytest.approx(1)
    information, whole = mutual_information(passes), entropy(predictive_mean(passes))
    assert (information >= -1e-12).all() and (information <= whole + 1e-12).all()
    assert (whole <= np.log(passes.shape[2]) + 1e-12).all()
    swapped = mutual_information(passes[::-1])  # passes are exchangeable
    assert swapped == pytest.approx(information, abs=1e-12)


def test_passes_that_are_sure_of_different_classes_disagree_by_the_whole_entropy():
    passes = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert mutual_information(passes) == pytest.approx([np.log(2)])
    unsure = np.full((5, 1, 2), 0.5)
    assert entropy(predictive_mean(unsure)) == pytest.approx([np.log(2)])
    assert mutual_information(unsure) == pytest.approx([0])


def test_softmax_takes_large_logits():
    assert softmax(np.array([1e4, 0.0])) == pytest.approx([1, 0])


# --- from scratch


def test_training_from_scratch_starts_alike_at_every_rate_and_repeats():
    from itertools import islice

    x, labels = batch(64)
    settings = {"epochs": 5, "seed": 3, "hidden": (8,), "batch_size": 16}
    every = list(train_epochs(x, labels, 0.0, **settings))
    assert len(every) == 5 and [k.shape for k in every[0].kernels] == [(6, 8), (8, 4)]
    again = list(train_epochs(x, labels, 0.0, **settings))
    assert np.array_equal(every[-1].kernels[1], again[-1].kernels[1])
    source = rng(3)
    start = make_parameters((6, 8, 4), "he_normal", source)
    for rate in (0.0, 0.5):
        (first,) = islice(train_epochs(x, labels, rate, **settings, learning_rate=1e-12), 1)
        assert first.kernels[0] == pytest.approx(start.kernels[0], abs=1e-9)
