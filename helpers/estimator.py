"""The course's networks as a scikit-learn classifier."""

import math
import tempfile
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from helpers import evaluation
from helpers.backend import use_backend
from helpers.models import create_variables, deep_mlp, logits_of
from helpers.names import lookup

OPTIMIZERS = {
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "nadam": ("Nadam", {}),
    "rmsprop": ("RMSprop", {}),
    "sgd": ("SGD", {"momentum": 0.9, "nesterov": True}),
}
TRACING_PAYS_FROM = 10  # steps in the whole fit: see _compile_options
DTYPES = [np.float32, np.uint8]  # what samples are kept as; others become the first
CHUNK = 1_000  # samples made float64 at a time


class KerasClassifier(ClassifierMixin, BaseEstimator):
    """A multilayer perceptron (:func:`helpers.models.deep_mlp`) that scikit-learn can handle.

    Results depend on the data, the parameters and ``random_state`` only, and no global random state
    is touched (``random_state=None`` draws a seed from NumPy's, as everywhere in scikit-learn).

    Pickles hold the network in Keras's own ``.keras`` format and load it in safe mode. Like any
    pickle, open only those that you wrote.

    Args:
        depth, width, activation, initializer, normalization, dropout, dropout_rate: of the
            network, as for ``deep_mlp``.
        optimizer: ``"adam"``, ``"adamw"``, ``"nadam"``, ``"rmsprop"``, or ``"sgd"`` (Nesterov
            momentum 0.9).
        learning_rate: constant, above 0.
        epochs: passes over the training samples; the most there are when stopping early.
        batch_size: samples a step, at most. An epoch is cut into the fewest batches of one size:
            41 samples at 32 a batch are 2 batches of 21, and one sample is seen twice.
        class_weight: ``None``; ``"balanced"``, for weights in inverse proportion to how often a
            class occurs; or a dict with a weight for every class label that occurs. Only the
            weights' ratios matter: they are scaled to a mean of 1 over the samples.
        standardize: whether the network's first layer standardizes its inputs, with the training
            samples' mean and variance along the last axis (feature by feature; for images, channel
            by channel). Else inputs go in as they are.
        patience: stop after this many epochs without a lower validation loss, and keep the weights
            of the best epoch. ``None`` trains all ``epochs`` on all samples.
        validation_fraction: share of the samples, stratified, held out for that, in (0, 1).
        random_state: a seed, a ``numpy.random.RandomState``, or ``None`` for another each time.
        verbose: 1 prints a line an epoch.

    Attributes:
        classes_: the class labels, sorted: ``(n_classes,)``, of the dtype of ``y``.
        n_features_in_: numbers in one sample; 3072 for an image of 32 x 32 x 3.
        input_shape_: shape of one sample, a tuple.
        history_: ``loss`` and ``accuracy``, with ``patience`` also ``validation_loss`` and
            ``validation_accuracy``: lists with one value an epoch. The training loss is weighted
            as ``class_weight`` says.
        n_iter_: epochs trained.
        model_: the trained ``keras.Sequential``, not compiled.

    >>> KerasClassifier(depth=2, width=30).get_params()["width"]
    30
    """

    def __init__(
        self,
        depth=20,
        width=100,
        activation="elu",
        initializer="he_normal",
        normalization=None,
        dropout=None,
        dropout_rate=0.1,
        optimizer="nadam",
        learning_rate=1e-3,
        epochs=10,
        batch_size=32,
        class_weight=None,
        standardize=True,
        patience=None,
        validation_fraction=0.1,
        random_state=None,
        verbose=0,
    ):
        self.depth = depth
        self.width = width
        self.activation = activation
        self.initializer = initializer
        self.normalization = normalization
        self.dropout = dropout
        self.dropout_rate = dropout_rate
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.class_weight = class_weight
        self.standardize = standardize
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y):
        """Train a new network.

        Args:
            X: ``(n, features)`` or, for images, ``(n, height, width, channels)`` or any other
                shape ``(n, ...)``. ``uint8`` stays ``uint8``; all else becomes ``float32``.
            y: labels ``(n,)`` of any type that can be sorted, at least two classes.

        Returns:
            The estimator itself.

        Raises:
            ValueError: for a parameter out of its range or unknown; samples that are not finite
                numbers; a single class; class weights that do not fit the labels; or a training
                whose loss became infinite or not a number.
        """
        self._network = None  # should this fit fail, then there is none
        self._check_parameters()
        X, y = self._validate(X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least two classes, got one class: "
                f"{self.classes_.tolist()[0]!r}."
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        weights = self._class_weights(labels)
        held_out = None
        if self.patience is not None:
            share = self.validation_fraction
            X, held_out_X, labels, held_out_labels = train_test_split(
                X, labels, test_size=share, stratify=labels, random_state=seed
            )
            held_out = (held_out_X, held_out_labels)
        network = self._build(X, seed)
        steps = math.ceil(len(X) / self.batch_size)
        trainer = self._compile(network, steps * self.epochs)
        rng = np.random.default_rng(seed)
        self._train(network, trainer, X, labels, weights, held_out, steps, rng)
        self._network = network
        return self

    def predict_proba(self, X):
        """Return the probability of each class, in the order of ``classes_``.

        Args:
            X: samples of the shape that ``fit`` saw, ``(n, ...)``.

        Returns:
            ``float32 (n, n_classes)``; each row sums to 1 up to rounding.

        Raises:
            NotFittedError: before ``fit``.
            ValueError: for samples of another shape, or that are not finite numbers.
        """
        check_is_fitted(self)
        return evaluation.predict_probabilities(self.model_, self._validate_as_trained(X))

    def predict(self, X):
        """Return the most probable class label of each sample: ``(n,)``.

        Takes and raises what :meth:`predict_proba` does.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    @property
    def model_(self):
        check_is_fitted(self)
        if isinstance(self._network, bytes):  # just unpickled
            self._network = _from_bytes(self._network)
        return self._network

    def __sklearn_is_fitted__(self):
        return getattr(self, "_network", None) is not None

    def __getstate__(self):
        state = dict(super().__getstate__())
        if self.__sklearn_is_fitted__() and not isinstance(self._network, bytes):
            state["_network"] = _to_bytes(self._network)
        return state

    def _check_parameters(self) -> None:
        lookup(self.optimizer, OPTIMIZERS, "optimizer")
        whole = {"epochs": self.epochs, "batch_size": self.batch_size}
        if self.patience is not None:
            whole["patience"] = self.patience
        for name, value in whole.items():
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate!r}.")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must lie in (0, 1), got {self.validation_fraction!r}."
            )

    def _validate(self, X, y):
        """Check samples and labels; remember the shape of a sample."""
        X, shape = _as_table(X)
        X, y = validate_data(self, X, y, dtype=DTYPES)
        self.input_shape_ = shape or X.shape[1:]
        return X.reshape(len(X), *self.input_shape_), y

    def _validate_as_trained(self, X):
        X, shape = _as_table(X)
        X = validate_data(self, X, reset=False, dtype=DTYPES)
        if (shape or X.shape[1:]) != self.input_shape_:
            raise ValueError(
                f"{type(self).__name__} was trained on samples of shape {self.input_shape_}, "
                f"got samples of shape {shape or X.shape[1:]}."
            )
        return X.reshape(len(X), *self.input_shape_)

    def _class_weights(self, labels: np.ndarray) -> np.ndarray | None:
        """Return a weight per class, with a mean of 1 over the samples."""
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, dict):
            self._check_class_weight()
        elif self.class_weight != "balanced":
            raise ValueError(
                "class_weight must be None, 'balanced' or a dict with a weight for every class "
                f"label, got {self.class_weight!r}."
            )
        weights = compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[labels]
        )
        return (weights / weights[labels].mean()).astype(np.float32)

    def _check_class_weight(self) -> None:
        known = self.classes_.tolist()
        missing = [label for label in known if label not in self.class_weight]
        foreign = [label for label in self.class_weight if label not in known]
        if missing or foreign:
            raise ValueError(
                "class_weight needs a weight for every class label that occurs in y, and for no "
                f"other. Missing: {missing or 'none'}. Not in y: {foreign or 'none'}."
            )
        values = np.array(list(self.class_weight.values()), dtype=float)
        if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
            raise ValueError(
                "the weights in class_weight must be finite numbers of at least 0, and one of "
                f"them above 0, got {self.class_weight!r}."
            )

    def _build(self, X: np.ndarray, seed: int):
        mean, variance = _statistics(X) if self.standardize else (None, None)
        return deep_mlp(
            input_shape=self.input_shape_,
            n_classes=len(self.classes_),
            depth=self.depth,
            width=self.width,
            activation=self.activation,
            initializer=self.initializer,
            normalization=self.normalization,
            dropout=self.dropout,
            dropout_rate=self.dropout_rate,
            mean=mean,
            variance=variance,
            seed=seed,
        )

    def _compile(self, network, steps: int):
        """Return a compiled model over the layers of ``network``.

        The optimizer's slots and the traced functions go away with it, and stay out of pickles.
        """
        backend = use_backend()
        from keras import losses, optimizers

        kind, settings = OPTIMIZERS[self.optimizer]
        trainer = logits_of(network)
        trainer.compile(
            optimizer=getattr(optimizers, kind)(self.learning_rate, **settings),
            loss=losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            **_compile_options(backend, steps),
        )
        create_variables(trainer, len(self.classes_))
        return trainer

    def _train(self, network, trainer, X, labels, weights, held_out, steps, rng) -> None:
        """Run the epochs; set ``history_`` and ``n_iter_``; leave the weights to keep."""
        names = ("loss", "accuracy")
        if held_out:
            names += ("validation_loss", "validation_accuracy")
        self.history_ = {name: [] for name in names}
        size, best, best_weights = math.ceil(len(X) / steps), 0, None
        for epoch in range(1, self.epochs + 1):
            batches = np.resize(rng.permutation(len(X)), (steps, size))
            values = _one_epoch(trainer, X, labels, weights, batches)
            if not math.isfinite(values[0]):
                raise ValueError(
                    f"the training diverged in epoch {epoch} (loss {values[0]}): lower "
                    f"learning_rate, which is {self.learning_rate!r}, or scale the samples."
                )
            if held_out:
                values += _validation(network, *held_out)
            for name, value in zip(names, values, strict=True):
                self.history_[name].append(value)
            self.n_iter_ = epoch
            if self.verbose:
                shown = ", ".join(f"{n} {v:.4f}" for n, v in zip(names, values, strict=True))
                print(f"epoch {epoch}/{self.epochs}: {shown}")
            if held_out:
                losses = self.history_["validation_loss"]
                if not best or losses[-1] < losses[best - 1]:
                    best, best_weights = epoch, network.get_weights()
                if epoch - best >= self.patience:
                    break
        if held_out:
            network.set_weights(best_weights)


def _as_table(X):
    """Return samples as rows, the way scikit-learn checks them, and the shape of an image.

    That shape is ``None`` for what is not an array of more than two dimensions.
    """
    if isinstance(X, list | tuple):
        X = np.asarray(X)
    if getattr(X, "ndim", 0) <= 2:
        return X, None
    shape = X.shape[1:]
    return np.reshape(X, (len(X), math.prod(shape))), shape


def _compile_options(backend: str, steps: int) -> dict:
    """Choose how the ``steps`` of a whole fit are executed: here and nowhere else in this module.

    Measured on one core, in seconds of processor time for a fit with Nadam. TensorFlow, traced and
    eager: depth 1, 8 steps: 0.19, 0.16; 16 steps: 0.20, 0.28. Depth 20, 8 steps: 1.53, 1.25; 16
    steps: 1.59, 2.15. So tracing pays from about 10 steps on, whatever the depth. XLA would add a
    second or more to each fit. JAX without compiling takes 3.5 s for its first step at depth 1,
    where compiling takes 0.7, and 0.1 s for each step at depth 20: there it always compiles.

    Steps go through ``train_on_batch``, because ``Model.fit`` sets up a data pipeline each epoch:
    60 epochs of one batch at depth 2 took 0.7 s against 3.3; from 150 steps an epoch on, the two
    are even on TensorFlow.
    """
    if backend == "jax":
        return {"jit_compile": True}
    return {"jit_compile": False, "run_eagerly": steps < TRACING_PAYS_FROM}


def _one_epoch(trainer, X, labels, weights, batches) -> tuple[float, float]:
    """Train on each row of ``batches`` (indices of samples); return mean loss and accuracy."""
    logs = [
        trainer.train_on_batch(
            X[batch],
            labels[batch],
            sample_weight=None if weights is None else weights[labels[batch]],
        )
        for batch in batches
    ]
    loss, accuracy = np.mean(logs, axis=0)
    return float(loss), float(accuracy)


def _validation(network, X, labels) -> tuple[float, float]:
    probabilities = evaluation.predict_probabilities(network, X)
    return (
        evaluation.cross_entropy(probabilities, labels),
        evaluation.accuracy(probabilities, labels),
    )


def _statistics(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance along the last axis; 1 as the variance where all are equal."""
    axes = tuple(range(X.ndim - 1))
    mean = X.mean(axis=axes, dtype=np.float64)
    squares = sum(
        ((X[start : start + CHUNK] - mean) ** 2).sum(axis=axes) for start in range(0, len(X), CHUNK)
    )
    variance = squares / (X.size / X.shape[-1])
    return mean, np.where(X.min(axis=axes) == X.max(axis=axes), 1.0, variance)


def _to_bytes(network) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.keras"
        network.save(file)
        return file.read_bytes()


def _from_bytes(saved: bytes):
    use_backend()
    import keras

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.keras"
        file.write_bytes(saved)
        return keras.models.load_model(file, safe_mode=True)
