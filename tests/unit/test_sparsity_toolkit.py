"""What the Model Optimization Toolkit does, run for real: ``.ci/run`` installs it for this file."""

import os

import numpy as np
import pytest

from helpers.backend import use_backend
from helpers.sparsity import prune_with_toolkit, recorded_pruning, toolkit_is_installed

if not toolkit_is_installed():
    if os.environ.get("COURSE_NEEDS_TOOLKIT"):
        pytest.fail("tensorflow-model-optimization and tf_keras should be here", pytrace=False)
    pytest.skip(
        "the Model Optimization Toolkit is an optional extra (README.md); .ci/run installs it",
        allow_module_level=True,
    )

use_backend()

from helpers.datasets import load_digits  # noqa: E402
from helpers.evaluation import accuracy, predict_probabilities  # noqa: E402
from helpers.labs.trained import trained_network  # noqa: E402
from helpers.models import deep_mlp  # noqa: E402
from helpers.sparsity.toolkit import _import_toolkit, _rebuilt  # noqa: E402
from helpers.theory.pruning import cubic_sparsity, magnitude_masks  # noqa: E402
from helpers.training.networks import network_for  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 12)).astype("float32")
Y = RNG.integers(0, 3, 64)


def holds(pruning, target):
    """Return whether all that was zeroed was smallest in its layer, and nothing else is zero."""
    parts = zip(pruning.before, pruning.chosen, pruning.transferred, strict=True)
    return pruning.largest_difference == 0 and all(
        np.array_equal(kept, magnitude_masks([before], target)[0])
        and np.array_equal(after == 0, ~kept)
        for before, kept, after in parts
    )


def test_the_recorded_claims_hold_when_it_is_run_again():
    """As ``recorded/make.py toolkit``; weights may differ in their last digits elsewhere."""
    recorded, document = recorded_pruning()
    data, settings = load_digits(), document["settings"]
    network = network_for(data, depth=2, width=100, activation="relu", initializer="he_normal")
    pairs = zip(*trained_network("plain"), strict=True)
    network.set_weights([array for pair in pairs for array in pair])
    found = prune_with_toolkit(network, *data.train, **settings)
    assert holds(found, settings["target"]) and holds(recorded, settings["target"])
    assert [np.sum(k == 0) for k in found.transferred] == [
        np.sum(k == 0) for k in recorded.transferred
    ]
    right = accuracy(predict_probabilities(network, data.test.images), data.test.labels)
    assert right == pytest.approx(document["test_accuracy"]["after"], abs=0.05)


def test_the_environment_of_later_processes_is_left_alone():
    before = dict(os.environ)
    _import_toolkit()
    assert dict(os.environ) == before


@pytest.mark.parametrize("normalization", [None, "before", "after"])
def test_every_layer_is_rebuilt_to_compute_the_same(normalization):
    _, tf_keras = _import_toolkit()
    network = deep_mlp(
        input_shape=(12,),
        n_classes=3,
        depth=2,
        width=10,
        normalization=normalization,
        dropout="alpha",
        mean=np.arange(12.0),
        variance=np.arange(1.0, 13.0),
        seed=0,
    )
    layers = [_rebuilt(layer, tf_keras) for layer in network.layers]
    twin = tf_keras.Sequential([tf_keras.Input((12,)), *layers])
    twin.set_weights(network.get_weights())
    np.testing.assert_allclose(twin(X).numpy(), predict_probabilities(network, X), atol=1e-6)


def test_it_prunes_and_transfers_a_network_with_batch_norm():
    network = deep_mlp(
        input_shape=(12,), n_classes=3, depth=2, width=10, normalization="before", seed=0
    )
    found = prune_with_toolkit(network, X, Y, target=0.8, epochs=4, batch_size=16)
    assert holds(found, 0.8) and [np.sum(k == 0) for k in found.transferred] == [96, 80, 24]


def test_our_schedule_is_that_of_the_toolkit():
    toolkit, _ = _import_toolkit()
    theirs = toolkit.PolynomialDecay(0.1, 0.9, 5, 50)
    import tensorflow as tf

    for step in (0, 5, 17, 50, 60):
        expected = float(theirs(tf.constant(step, tf.int64))[1])
        found = cubic_sparsity(step, final=0.9, begin=5, end=50, initial=0.1)
        assert found == pytest.approx(expected, abs=1e-6)


def test_what_cannot_be_pruned_is_explained():
    import keras

    network = keras.Sequential([keras.Input((12,)), keras.layers.UnitNormalization()])
    with pytest.raises(ValueError, match="is a UnitNormalization, which cannot be rebuilt"):
        prune_with_toolkit(network, X, Y)
    with pytest.raises(ValueError, match="4 steps of training or more"):
        prune_with_toolkit(deep_mlp(input_shape=(12,), n_classes=3, depth=0), X, Y, epochs=1)
