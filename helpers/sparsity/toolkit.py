"""Pruning with the TensorFlow Model Optimization Toolkit, which knows Keras 2 only.

It cannot prune a Keras 3 network. So the network is rebuilt with ``tf_keras``, pruned and trained
there, stripped of what the toolkit added, and its weights are put back. All in one process.
"""

import hashlib
import importlib.util
import io
import json
import os
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.arguments import Model, Number, Whole, takes
from helpers.arguments.arrays import Array
from helpers.theory.pruning import sparsity

TOOLKIT = "tensorflow_model_optimization"
INSTALL = (
    'python -m pip install -e ".[prune]"',
    "python -m pip install --no-deps tensorflow-model-optimization==0.8.1",
)
RECORDED = Path(__file__).resolve().parent / "toolkit.json"
# Layers that are rebuilt, and what of their configuration counts: the same words in both Keras.
COPIED = {
    "Dense": ("units", "activation", "use_bias"),
    "Activation": ("activation",),
    "Flatten": (),
    "Dropout": ("rate",),
    "AlphaDropout": ("rate",),
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Softmax": ("axis",),
}


class Pruning(NamedTuple):
    """What the toolkit did to a network.

    Attributes:
        before: float32 kernels as they were when it last chose which weights to zero.
        chosen: boolean arrays of their shapes, True where it kept the weight.
        stripped: kernels of the stripped ``tf_keras`` network, after training.
        transferred: kernels of the Keras network, after the weights were put back.
    """

    before: list[np.ndarray]
    chosen: list[np.ndarray]
    stripped: list[np.ndarray]
    transferred: list[np.ndarray]

    @property
    def largest_difference(self) -> float:
        """The largest difference of a weight between the stripped and the Keras network."""
        pairs = zip(self.stripped, self.transferred, strict=True)
        return max(float(np.abs(there - here).max()) for there, here in pairs)

    def __repr__(self) -> str:
        """Return the sparsity of the result, for a notebook that ends a cell in it."""
        return (
            f"<pruned with the toolkit: {sparsity(self.transferred):.1%} of "
            f"{sum(kernel.size for kernel in self.transferred):,} weights are 0>"
        )


def toolkit_is_installed() -> bool:
    """Return whether the toolkit and the Keras that it needs can be imported."""
    return all(importlib.util.find_spec(name) for name in (TOOLKIT, "tf_keras"))


def _import_toolkit():
    """Return the toolkit and ``tf_keras``, and leave the environment as it was.

    Importing it sets ``TF_USE_LEGACY_KERAS``, which programs started from here would inherit.

    Raises:
        ImportError: when either is not installed, with the two lines that install them.
    """
    if not toolkit_is_installed():
        raise ImportError(
            "pruning with the toolkit needs tensorflow-model-optimization and tf_keras, which are "
            "not part of the course's own install. Run these two lines in the course's folder, "
            "then restart the kernel:\n" + "\n".join(f"    {line}" for line in INSTALL)
        )
    with _environment_kept():
        import tensorflow_model_optimization as toolkit
        import tf_keras
    return toolkit.sparsity.keras, tf_keras


@contextmanager
def _environment_kept():
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@takes(
    model=Model(),
    images=Array("n, ..."),
    labels=Array("n", whole=True),
    target=Number("[0, 1)"),
    epochs=Whole(1),
    batch_size=Whole(1),
    learning_rate=Number("(0, inf)"),
    seed=Whole(0, 2**32 - 1),
)
def prune_with_toolkit(
    model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    target: float = 0.9,
    epochs: int = 4,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> Pruning:
    """Train a network further while the toolkit prunes its dense layers; ``model`` is changed.

    Sparsity rises from 0 to the target over the first half of the steps, by the toolkit's
    own ``PolynomialDecay`` (Zhu & Gupta 2017, equation 1), in 20 choices or fewer. It trains with
    Adam on TensorFlow, also where the course runs on another backend.

    Args:
        model: a Keras network from ``deep_mlp``, trained or not, that takes ``images``.
        images: ``(n, ...)`` inputs; ``labels``: whole numbers ``(n,)``.
        target: sparsity of each dense kernel at the end, in [0, 1).
        epochs, batch_size, learning_rate: of the training.
        seed: of the order of the images and of dropout; sets the global seeds.

    Returns:
        What it chose to zero, and the weights before and after the transfer.

    Raises:
        ImportError: without the toolkit, with the two lines that install it.
        ValueError: for a layer that cannot be rebuilt, fewer than 4 steps of training, or an
            argument out of its range.
    """
    tfmot, tf_keras = _import_toolkit()
    steps = epochs * -(-len(images) // batch_size)
    end = steps // 2
    if end < 3:
        raise ValueError(f"pruning takes 4 steps of training or more, {epochs=} make {steps}.")
    tf_keras.utils.set_random_seed(seed)
    schedule = tfmot.PolynomialDecay(0.0, target, 1, end, frequency=_divisor(end - 1, 20))
    layers = [_rebuilt(layer, tf_keras) for layer in model.layers]
    wrapped = [
        tfmot.prune_low_magnitude(layer, pruning_schedule=schedule)
        if isinstance(layer, tf_keras.layers.Dense)
        else layer
        for layer in layers
    ]
    twin = tf_keras.Sequential([tf_keras.Input(model.input_shape[1:]), *wrapped])
    for theirs, ours in zip(twin.layers, model.layers, strict=True):
        theirs.set_weights(ours.get_weights())
    is_softmax = isinstance(layers[-1], tf_keras.layers.Softmax)
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=not is_softmax)
    twin.compile(tf_keras.optimizers.Adam(learning_rate), loss)
    dense = [layer for layer in layers if isinstance(layer, tf_keras.layers.Dense)]
    choice = _last_choice(tf_keras, dense, end)
    twin.fit(
        images.astype(np.float32),
        labels,
        epochs=epochs,
        batch_size=batch_size,
        verbose=0,
        callbacks=[tfmot.UpdatePruningStep(), choice],
    )
    masks = [layer.pruning_vars[0][1].numpy() > 0 for layer in wrapped if layer not in layers]
    stripped = tfmot.strip_pruning(twin)
    model.set_weights(stripped.get_weights())
    after = [layer.get_weights()[0] for layer in stripped.layers if hasattr(layer, "kernel")]
    ours = [layer.get_weights()[0] for layer in model.layers if hasattr(layer, "kernel")]
    return Pruning(choice.kernels, masks, after, ours)


def _divisor(steps: int, choices: int) -> int:
    """Return how many steps lie between choices, so that the last falls on the last step."""
    return next(n for n in range(max(1, steps // choices), steps + 1) if steps % n == 0)


def _rebuilt(layer, tf_keras):
    """Return the ``tf_keras`` layer that computes what a Keras layer does, without its weights."""
    kind, config = type(layer).__name__, layer.get_config()
    if kind == "Normalization":  # fixed numbers, no weights
        mean, variance = (np.ravel(config[name]) for name in ("mean", "variance"))
        return tf_keras.layers.Normalization(mean=mean, variance=variance)
    if kind not in COPIED:
        raise ValueError(
            f"the layer {layer.name} is a {kind}, which cannot be rebuilt with tf_keras here: "
            f"expected {', '.join(['Normalization', *COPIED])}."
        )
    return getattr(tf_keras.layers, kind)(**{name: config[name] for name in COPIED[kind]})


def _last_choice(tf_keras, dense: Sequence, end: int):
    """Return a callback that keeps the kernels as they are when masks are chosen the last time.

    The toolkit chooses at the beginning of a step, before anything is computed.
    """

    class LastChoice(tf_keras.callbacks.Callback):
        step = 0
        kernels: Sequence[np.ndarray] = ()

        def on_train_batch_begin(self, batch, logs=None):
            self.step += 1
            if self.step == end:
                self.kernels = [layer.kernel.numpy() for layer in dense]

    return LastChoice()


class RecordedPruning(NamedTuple):
    """A pruning that comes with the course: the result, and the document that says how it ran."""

    pruning: Pruning
    document: dict


def recorded_pruning() -> RecordedPruning:
    """Return what the toolkit did to a network when ``python recorded/make.py toolkit`` ran.

    Raises:
        ValueError: when a file is missing or is not what was stored.
    """
    try:
        document = json.loads(RECORDED.read_text(encoding="utf-8"))
        content = RECORDED.with_suffix(".npz").read_bytes()
        expected = document["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{RECORDED} or the .npz beside it is damaged: {error!r}.") from None
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(f"{RECORDED.stem}.npz: expected SHA-256 {expected}, found {found}.")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        count = len(archive.files) // len(Pruning._fields)
        parts = [[archive[f"{name}_{i}"] for i in range(count)] for name in Pruning._fields]
    return RecordedPruning(Pruning(*parts), document)


def pack_pruning(pruning: Pruning) -> bytes:
    """Return the file that :func:`recorded_pruning` reads, compressed."""
    buffer = io.BytesIO()
    arrays = {
        f"{name}_{i}": array
        for name, part in zip(Pruning._fields, pruning, strict=True)
        for i, array in enumerate(part)
    }
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
