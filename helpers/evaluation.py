"""What probabilities are worth: accuracy, MC dropout, calibration, ensembles."""

from collections.abc import Iterable

import numpy as np

from helpers.arguments import Model, Whole, check_cost, takes
from helpers.arguments.arrays import Array, check_labels
from helpers.augmentation import views
from helpers.models import DROPOUT
from helpers.names import shown

BATCH = 250  # images a prediction step: keeps the float copies of a step to a few MB
MOST_PASSES = 10_000
MOST_PREDICTIONS = 10_000_000  # passes times images
_IMAGES = Array("n, ...")
_SHARES = "[-1e-3, 1.001]"  # float32 sums of shares are not exact
_PREDICTED = {"probabilities": Array("n, classes"), "labels": Array("n", whole=True)}


@takes(model=Model(unbuilt=True), images=_IMAGES)
def predict_probabilities(model, images: np.ndarray) -> np.ndarray:
    """Return the network's softmax output for ``images``: ``float32 (n, classes)``.

    Calls the network directly. ``Model.predict`` would trace and compile it first, which takes a
    second for 20 layers and saves less than that on 10,000 images.

    Raises:
        ValueError: for what is no network, or images that it does not take.
    """
    if model.built:
        _check_images(model, images)
    return _in_batches(lambda batch: _call(model, batch, training=False), images)


@takes(model=Model(), images=Array("n, height, width, channels"))
def predict_views(model, images: np.ndarray) -> np.ndarray:
    """Return probabilities averaged over 18 mirrored and shifted versions of each image.

    Raises:
        ValueError: as :func:`predict_probabilities`, and for images of less than 3 pixels a side.
    """
    _check_images(model, images)
    return _in_batches(
        lambda batch: ensemble(_call(model, view, training=False) for view in views(batch)), images
    )


def _check_images(model, images: np.ndarray) -> None:
    """Refuse images of another shape than the network takes."""
    expected = tuple(model.input_shape[1:])
    sizes = zip(expected, images.shape[1:], strict=False)
    if len(expected) != images.ndim - 1 or any(size not in (None, ours) for size, ours in sizes):
        raise ValueError(
            f"the network takes images of shape {expected}, got {images.dtype} {images.shape}."
        )


def _call(layer, inputs: np.ndarray, training: bool) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(layer(ops.convert_to_tensor(inputs), training=training))


def _in_batches(function, inputs: np.ndarray) -> np.ndarray:
    starts = range(0, len(inputs), BATCH)
    return np.concatenate([function(inputs[start : start + BATCH]) for start in starts])


@np.errstate(all="ignore")
def ensemble(probabilities: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean of several networks' probabilities, each ``(n, classes)``.

    Raises:
        ValueError: when there are none, their shapes differ, or they are no numbers.
    """
    if not isinstance(probabilities, Iterable) or getattr(probabilities, "ndim", 1) == 0:
        raise ValueError(f"expected several networks' probabilities, got {shown(probabilities)}.")
    total, count = None, 0
    for member in probabilities:
        member = Array("...").take("a member's probabilities", member, {})
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


@takes(model=Model(), images=_IMAGES, passes=Whole(1), seed=Whole(0, 2**31 - 1))
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
        ValueError: without a dropout layer, for ``passes`` below 1, or for images that the network
            does not take.
    """
    import keras

    _check_images(model, images)
    check_cost("passes", passes, MOST_PASSES)
    check_cost("passes times images", passes * len(images), MOST_PREDICTIONS)
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


@takes(**_PREDICTED)
def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of rows whose most probable class is the label.

    Raises:
        ValueError: here and below: for shapes that do not fit.
    """
    return float((probabilities.argmax(axis=1) == labels).mean())


@takes(**_PREDICTED)
@np.errstate(all="ignore")
def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of minus the logarithm of the label's probability, in nats."""
    check_labels(labels, probabilities.shape[1])
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(chosen, 1e-7)).mean())


@takes(probabilities=Array(), labels=Array(whole=True), n_bins=Whole(1, 100_000))
@np.errstate(all="ignore")
def reliability(probabilities: np.ndarray, labels: np.ndarray, n_bins: int = 15) -> list[dict]:
    """Group predictions by confidence into equal-width bins (Guo et al. 2017, section 2).

    Returns:
        One dict per bin that is not empty: ``confidence`` and ``accuracy`` (means over the bin),
        ``count``, and the bin's edges ``low`` and ``high``.

    Raises:
        ValueError: when shapes do not fit or rows do not sum to 1.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not probabilities.size:
        raise ValueError(
            "expected probabilities (n, classes) and labels (n,), got "
            f"{probabilities.shape} and {labels.shape}."
        )
    Array(interval=_SHARES).take("probabilities", probabilities, {})
    sums = probabilities.sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(
            "each row of probabilities must sum to 1, as softmax outputs do, got sums from "
            f"{sums.min():.3g} to {sums.max():.3g}."
        )
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


@takes(labels=Array(whole=True))
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
