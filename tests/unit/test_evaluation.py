"""Accuracy, calibration, MC dropout and ensembles against values worked out by hand."""

import numpy as np
import pytest

from helpers import evaluation
from helpers.models import deep_mlp

RNG = np.random.default_rng(5)


def small_network(**changes):
    return deep_mlp(input_shape=(6,), n_classes=3, depth=2, width=30, seed=1, **changes)


def test_cross_entropy_and_accuracy_by_hand():
    probabilities = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]])
    labels = np.array([0, 2])
    assert evaluation.cross_entropy(probabilities, labels) == pytest.approx(
        -(np.log(0.5) + np.log(0.7)) / 2
    )
    assert evaluation.accuracy(probabilities, labels) == 1.0


def test_direct_prediction_is_what_keras_predicts():
    network, inputs = small_network(), RNG.normal(size=(601, 6)).astype("float32")
    expected = network.predict(inputs, verbose=0)
    assert np.allclose(evaluation.predict_probabilities(network, inputs), expected, atol=1e-6)


def test_predictions_over_views_are_the_mean_over_them_in_any_batch():
    from helpers.augmentation import views

    network = deep_mlp(input_shape=(8, 8, 3), n_classes=3, depth=1, width=5, seed=0)
    images = RNG.integers(0, 256, (300, 8, 8, 3), dtype=np.uint8)
    one_by_one = [np.asarray(network(np.ascontiguousarray(view))) for view in views(images)]
    assert len(one_by_one) == 18
    found = evaluation.predict_views(network, images)
    assert np.allclose(found, np.mean(one_by_one, axis=0), atol=1e-5)


def test_calibration_error_by_hand():
    # Bin 0.6: 4 predictions, 3 right; bin 0.9: 4 predictions, all right.
    probabilities = np.array([[0.6, 0.4]] * 4 + [[0.9, 0.1]] * 4)
    labels = np.array([0, 0, 0, 1, 0, 0, 0, 0])
    bins = evaluation.reliability(probabilities, labels, n_bins=10)
    assert [(part["count"], part["accuracy"]) for part in bins] == [(4, 0.75), (4, 1.0)]
    assert evaluation.expected_calibration_error(probabilities, labels, n_bins=10) == pytest.approx(
        0.5 * 0.15 + 0.5 * 0.1
    )


def test_certain_predictions_fall_into_the_last_bin():
    bins = evaluation.reliability(np.array([[1.0, 0.0]]), np.array([0]))
    assert bins[0]["high"] == 1.0


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [(np.ones((2, 3)), "must sum to 1"), (np.ones((3, 3)) / 3, r"expected probabilities")],
)
def test_what_is_no_probability_is_refused(probabilities, said):
    with pytest.raises(ValueError, match=said):
        evaluation.reliability(probabilities, np.array([0, 1]))


def test_ensemble_is_the_mean_and_refuses_what_does_not_fit():
    members = [np.full((2, 2), 0.25), np.full((2, 2), 0.75)]
    assert np.array_equal(evaluation.ensemble(members), np.full((2, 2), 0.5, dtype="float32"))
    with pytest.raises(ValueError, match="at least one"):
        evaluation.ensemble([])
    with pytest.raises(ValueError, match=r"\(3, 2\) after \(2, 2\)"):
        evaluation.ensemble([np.ones((2, 2)), np.ones((3, 2))])


@pytest.mark.parametrize("kind", ["dropout", "alpha"])
def test_mc_dropout_spreads_repeats_with_its_seed_and_averages_to_the_prediction(kind):
    # A small rate: the mean of a softmax is the softmax of the mean only where the spread is small.
    network = small_network(dropout=kind, dropout_rate=0.01)
    inputs = RNG.normal(size=(20, 6)).astype("float32")
    passes = evaluation.mc_dropout(network, inputs, passes=400, seed=3)
    again = evaluation.mc_dropout(network, inputs, passes=20, seed=3)
    other = evaluation.mc_dropout(network, inputs, passes=20, seed=4)
    assert passes.shape == (400, 20, 3)
    assert np.array_equal(passes[:20], again)
    assert not np.array_equal(passes[:20], other)
    assert passes.std(axis=0).max() > 0.001
    plain = evaluation.predict_probabilities(network, inputs)
    assert np.abs(passes.mean(axis=0) - plain).max() < 0.05


def test_mc_dropout_leaves_batch_norm_in_inference():
    network = small_network(normalization="before", dropout="dropout", dropout_rate=0.5)
    before = [weights.copy() for weights in network.get_weights()]
    inputs = RNG.normal(size=(8, 6)).astype("float32")
    alone = evaluation.mc_dropout(network, inputs[:1], passes=3, seed=0)
    assert np.isfinite(alone).all()  # batch statistics of one image would be degenerate
    # dropout's own seed state is not among the weights Keras returns; the statistics are
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))


def test_mc_dropout_needs_dropout_and_a_pass():
    inputs = np.zeros((1, 6), "float32")
    with pytest.raises(ValueError, match="has none"):
        evaluation.mc_dropout(small_network(), inputs, passes=2)
    with pytest.raises(ValueError, match="at least 1"):
        evaluation.mc_dropout(small_network(dropout="alpha"), inputs, passes=0)


def test_a_network_that_its_first_images_build_predicts_and_one_without_layers_does_not():
    import keras

    unbuilt = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    assert evaluation.predict_probabilities(unbuilt, np.ones((2, 4), np.float32)).shape == (2, 3)
    with pytest.raises(ValueError, match="a Keras network that is built"):
        evaluation.predict_probabilities(keras.Sequential(), np.ones((2, 4), np.float32))
