"""What probabilities are worth: accuracy, MC dropout, calibration, ensembles."""

from collections.abc import Iterable

import numpy as np

from helpers.augmentation import views
from helpers.models import DROPOUT

BATCH = 250  # images a prediction step: keeps the float copies of a step to a few MB


def predict_probabilities(model, images: np.ndarray) -> np.ndarray:
    """Return the network's softmax output for ``images``: ``float32 (n, classes)``.

    Calls the network directly. ``Model.predict`` would trace and compile it first, which takes a
    second for 20 layers and saves less than that on 10,000 images.
    """
    return _in_batches(lambda batch: _call(model, batch, training=False), images)


def predict_views(model, images: np.ndarray) -> np.ndarray:
    """Return probabilities averaged over 18 mirrored and shifted versions of each image."""
    return _in_batches(
        lambda batch: ensemble(_call(model, view, training=False) for view in views(batch)), images
    )


def _call(layer, inputs: np.ndarray, training: bool) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(layer(ops.convert_to_tensor(inputs), training=training))


def _in_batches(function, inputs: np.ndarray) -> np.ndarray:
    starts = range(0, len(inputs), BATCH)
    return np.concatenate([function(inputs[start : start + BATCH]) for start in starts])


def ensemble(probabilities: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean of several networks' probabilities, each ``(n, classes)``.

    Raises:
        ValueError: when there are none, or their shapes differ.
    """
    total, count = None, 0
    for member in probabilities:
        if total is None:
            total = np.zeros(member.shape, dtype=np.float64)
        elif member.shape != total.shape:
            raise ValueError(
                f"every member must have the same shape: got {member.shape} after {total.shape}."
            )
        total += member
        count += 1
    if not count:
        raise ValueError("an ensemble needs at least one member's probabilities, got none.")
    return (total / count).astype(np.float32)


def mc_dropout(model, images: np.ndarray, passes: int, seed: int = 0) -> np.ndarray:
    """Predict ``passes`` times with dropout on (Gal & Ghahramani 2016, equation 6).

    The network is not trained again. Only dropout layers run as in training: batch norm keeps its
    moving averages. Layers before the first dropout layer give the same in every pass, so they run
    once.

    Args:
        model: a ``keras.Sequential`` with at least one dropout layer.
        images: ``(n, ...)`` inputs.
        passes: predictions per image, at least 1.
        seed: of the dropout masks; the same seed gives the same passes.

    Returns:
        ``float32 (passes, n, classes)``. The mean over the first axis is the prediction, the
        spread along it the uncertainty.

    Raises:
        ValueError: without a dropout layer, or for ``passes`` below 1.
    """
    import keras

    if passes < 1:
        raise ValueError(f"passes must be at least 1, got {passes}.")
    kinds = tuple(getattr(keras.layers, kind) for kind in DROPOUT.values())
    places = [i for i, layer in enumerate(model.layers) if isinstance(layer, kinds)]
    if not places:
        raise ValueError("MC dropout needs a network with a dropout layer; this one has none.")

    def head(batch):
        for layer in model.layers[: places[0]]:
            batch = _call(layer, batch, training=False)
        return batch

    def tail(batch):
        for layer in model.layers[places[0] :]:
            batch = _call(layer, batch, training=isinstance(layer, kinds))
        return batch

    for place in places:
        state = keras.random.SeedGenerator(seed + place).state
        model.layers[place].seed_generator.state.assign(state)
    features = _in_batches(head, images)
    return np.stack([_in_batches(tail, features) for _ in range(passes)])


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of rows whose most probable class is the label."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of minus the logarithm of the label's probability, in nats."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(chosen, 1e-7)).mean())


def reliability(probabilities: np.ndarray, labels: np.ndarray, n_bins: int = 15) -> list[dict]:
    """Group predictions by confidence into equal-width bins (Guo et al. 2017, section 2).

    Returns:
        One dict per bin that is not empty: ``confidence`` and ``accuracy`` (means over the bin),
        ``count``, and the bin's edges ``low`` and ``high``.

    Raises:
        ValueError: when shapes do not fit or rows do not sum to 1.
    """
    if probabilities.ndim != 2 or len(probabilities) != len(labels):
        raise ValueError(
            "expected probabilities (n, classes) and labels (n,), got "
            f"{probabilities.shape} and {np.shape(labels)}."
        )
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise ValueError("each row of probabilities must sum to 1: give softmax outputs.")
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    numbers = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return [
        {
            "low": number / n_bins,
            "high": (number + 1) / n_bins,
            "confidence": float(confidence[numbers == number].mean()),
            "accuracy": float(right[numbers == number].mean()),
            "count": int((numbers == number).sum()),
        }
        for number in np.unique(numbers)
    ]


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, n_bins: int = 15
) -> float:
    """Return the expected calibration error, in [0, 1] (Guo et al. 2017, equation 3).

    The mean distance between confidence and accuracy over the bins of :func:`reliability`,
    weighted by how many predictions each holds.
    """
    bins = reliability(probabilities, labels, n_bins)
    gaps = sum(part["count"] * abs(part["confidence"] - part["accuracy"]) for part in bins)
    return gaps / len(labels)
