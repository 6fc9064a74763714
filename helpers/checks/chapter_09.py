"""Chapter 09, CIFAR-10: right answers, and wrong ones that people give.

Nothing is trained here. A network is described by its layers, and how it would be trained is noted
by a ``Rehearsal`` in a network's place. Keras is imported late, as it takes seconds.
"""

from collections import Counter, namedtuple
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import SimpleNamespace

import numpy as np

from helpers.checks.task import Holds, Mistake, Task, UnusableError, as_array, described, named

# Networks, in words

DEPTH, WIDTH = 3, 7
MEAN, VARIANCE = (120.0, 110.0, 100.0), (3600.0, 4900.0, 2500.0)
PIXEL = (200, 75, 150)
SHAPE = (32, 32, 3)
KNOWN_INITIALIZERS = {
    (scale, mode): name
    for scale, mode, name in (
        (2.0, "fan_in", "he"),
        (1.0, "fan_in", "lecun"),
        (1.0, "fan_avg", "glorot"),
    )
}
ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax")
DROPOUT_LAYERS = ("Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D")


def _describe(model) -> dict:
    """Return what a network is made of, for a reader, the same on every backend."""
    if not hasattr(model, "layers") or not hasattr(model, "count_params"):
        raise UnusableError(f"it returns {described(model)}, expected a Keras model")
    blocks, drops = _blocks(_leaves(model.layers))
    if len(blocks) < 2:
        raise UnusableError(f"the network has {len(blocks)} dense layers: where are the others?")
    *hidden, last = blocks
    return {
        "hidden layers": len(hidden),
        "units of a hidden layer": _each(block["units"] for block in hidden),
        "activation of the hidden layers": _each(block["activation"] for block in hidden),
        "initializer of the hidden layers": _each(block["initializer"] for block in hidden),
        "bias of the hidden layers": _each(block["bias"] for block in hidden),
        "batch norm": _each(block["norm"] for block in hidden),
        "dropout": ", ".join(drops) or "none",
        "the output layer": f"{last['units']} units, {last['activation']}",
        "what comes out for an image": str(tuple(model.output_shape[1:])),
        "a pixel as the first hidden layer gets it": _first_pixel(model),
        "weights and biases in all": model.count_params(),
    }


def _leaves(layers) -> Iterator:
    """Yield all layers in their order, also those of a model within a model."""
    for layer in layers:
        inside = getattr(layer, "layers", None)
        if inside:
            yield from _leaves(inside)
        else:
            yield layer


def _blocks(layers: Iterable) -> tuple[list[dict], list[str]]:
    """Return a description of each dense layer with what belongs to it, and every dropout."""
    blocks, drops = [], []
    for layer in layers:
        kind = type(layer).__name__
        if kind == "Dense":
            blocks.append(
                {
                    "units": layer.units,
                    "activation": layer.activation.__name__,
                    "initializer": _initializer(layer.kernel_initializer),
                    "bias": "yes" if layer.use_bias else "no",
                    "norm": "none",
                }
            )
        elif blocks and kind == "Activation":
            blocks[-1]["activation"] = layer.activation.__name__
        elif blocks and kind in ACTIVATION_LAYERS:
            blocks[-1]["activation"] = kind.lower()
        elif blocks and kind == "BatchNormalization":
            linear = blocks[-1]["activation"] == "linear"
            blocks[-1]["norm"] = f"{'before' if linear else 'after'} the activation"
        elif kind in DROPOUT_LAYERS and layer.rate:
            drops.append(f"{kind} {layer.rate:g} after layer {len(blocks)}")
    return blocks, drops


def _initializer(initializer) -> str:
    """Return an initializer's usual name: Keras gives the same rule several classes."""
    rule = getattr(initializer, "scale", None), getattr(initializer, "mode", None)
    if rule not in KNOWN_INITIALIZERS:
        return type(initializer).__name__
    uniform = initializer.distribution == "uniform"
    return f"{KNOWN_INITIALIZERS[rule]}_{'uniform' if uniform else 'normal'}"


def _each(values: Iterable) -> str:
    """Return the values in words, each of them once."""
    return ", ".join(map(str, dict.fromkeys(values)))


def _first_pixel(model) -> np.ndarray:
    """Return what the layers before the first dense one make of a pixel."""
    from keras import ops

    signal = ops.convert_to_tensor(np.full((1, *SHAPE), PIXEL, np.uint8))
    for layer in _leaves(model.layers):
        if type(layer).__name__ == "Dense":
            break
        signal = layer(signal)
    return np.ravel(ops.convert_to_numpy(signal))[:3].astype(float)


def _make(
    activation: str = "elu",
    initializer: str = "he_normal",
    norm: str | None = None,
    scaling: str = "standardize",
    outputs: int | None = 10,
    softmax: bool = True,
    fewer: int = 0,
    bias: bool | None = None,
    drop: tuple[str, str] | None = None,
) -> Callable:
    """Return an answer that builds a network, right or not.

    Args:
        activation, initializer: of the hidden layers.
        norm: batch norm "before" or "after" the activation, or "last", once before the output.
        scaling: "standardize", "variance" (divided by it), "share" (of 255) or "none".
        outputs: units of the output layer; None for as many as the hidden layers have.
        softmax: whether probabilities come out.
        fewer: hidden layers that are missing.
        bias: of the hidden layers; None for what goes with ``norm``.
        drop: kind of dropout and where, "hidden" or "output".
    """

    def build(depth, width, mean, variance, dropout=0.0):
        from keras import Input, Sequential, layers

        has_bias = (norm != "before") if bias is None else bias
        dropping = [getattr(layers, drop[0])] if drop and dropout else []
        parts = [Input(SHAPE), *_scale(scaling, mean, variance), layers.Flatten()]
        for _ in range(depth - fewer):
            inside = None if norm == "before" else activation
            parts.append(layers.Dense(width, inside, has_bias, kernel_initializer=initializer))
            if norm in ("before", "after"):
                parts.append(layers.BatchNormalization())
            if norm == "before":
                parts.append(layers.Activation(activation))
            parts += [kind(dropout) for kind in dropping if drop[1] == "hidden"]
        if norm == "last":
            parts.append(layers.BatchNormalization())
        parts += [kind(dropout) for kind in dropping if drop[1] == "output"]
        last = "softmax" if softmax else None
        parts.append(layers.Dense(width if outputs is None else outputs, activation=last))
        return Sequential(parts)  # at once: added one by one, every layer builds all anew

    return build


def _scale(scaling: str, mean, variance) -> list:
    from keras import layers

    if scaling == "none":
        return []
    if scaling == "share":
        return [layers.Rescaling(1 / 255)]
    spread = np.square(variance) if scaling == "variance" else variance
    return [layers.Normalization(mean=mean, variance=spread)]


def _plain(build: Callable) -> Callable:
    """Return a builder without dropout's argument, as the learner's has none either."""
    return lambda depth, width, mean, variance: build(depth, width, mean, variance)


# 9.1: the network


def _described(build) -> dict:
    return _describe(build(DEPTH, WIDTH, MEAN, VARIANCE))


NETWORK = Task(
    id="9.1",
    title="(a) The network",
    run=_described,
    reference=_plain(_make()),
    mistakes=(
        Mistake(
            _plain(_make(initializer="glorot_uniform")),
            "the weights are drawn by Keras's default, Glorot's uniform rule. He's has to be asked "
            "for in every hidden layer.",
        ),
        Mistake(
            _plain(_make(initializer="he_uniform")),
            "He's rule is right, and its distribution is the uniform one. The task asks for the "
            "normal one.",
        ),
        Mistake(
            _plain(_make(activation="linear")),
            "the hidden layers have no activation, so all of them together can do no more than one "
            "of them.",
        ),
        Mistake(
            _plain(_make(activation="relu")),
            "the hidden units are ReLU; the task asks for ELU.",
        ),
        Mistake(
            _plain(_make(fewer=1)),
            "one hidden layer is missing: `depth` counts the hidden layers, and the output layer "
            "comes on top.",
        ),
        Mistake(
            _plain(_make(outputs=None)),
            "the output layer has `width` units, as in the notes. There is one output for each of "
            "the ten classes, however wide the network is.",
        ),
        Mistake(
            _plain(_make(softmax=False)),
            "what comes out are not probabilities: the ten numbers need to be positive and to add "
            "up to 1.",
        ),
        Mistake(
            _plain(_make(scaling="none")),
            "the pixels go in raw. Their mean and variance are given, so that the network can "
            "standardize them itself.",
        ),
        Mistake(
            _plain(_make(scaling="share")),
            "the pixels are divided by 255. That makes them small, not standardized: they keep a "
            "mean far from 0.",
        ),
        Mistake(
            _plain(_make(scaling="variance")),
            "the pixels are divided by their variance, and not by its root. Look up whether the "
            "layer wants a variance or a standard deviation.",
        ),
    ),
    hints=(
        "Keras has a layer for each step: `Normalization`, `Flatten`, and `Dense` for the hidden "
        "layers and for the output. A loop adds the hidden ones.",
        "`Normalization` takes a mean and a variance, one number a channel, and needs no `adapt` "
        "then. It comes before the image is flattened, as long as there are channels.",
        "A `Dense` layer takes its activation by name, and the name of its rule as "
        "`kernel_initializer`. The output layer has ten units and the activation softmax.",
    ),
    holds=(
        Holds(
            "there are as many hidden layers as were asked for",
            lambda got: got["hidden layers"] == DEPTH,
        ),
        Holds(
            "every pixel is standardized, channel by channel",
            lambda got: np.allclose(
                got["a pixel as the first hidden layer gets it"],
                (np.array(PIXEL) - MEAN) / np.sqrt(VARIANCE),
                atol=1e-3,
            ),
        ),
        Holds(
            "ten probabilities come out",
            lambda got: got["the output layer"] == "10 units, softmax",
        ),
    ),
)


# Training that is only rehearsed

Pair = namedtuple("Pair", "images labels")
IMAGES = {"train": 1000, "validation": 200, "test": 300}


def _data() -> SimpleNamespace:
    """Return a few black images: what a Dataset has, told apart by how many there are."""
    return SimpleNamespace(
        **{
            name: Pair(np.zeros((count, 2, 2, 3), np.uint8), np.zeros(count, np.int32))
            for name, count in IMAGES.items()
        }
    )


class Rehearsal:
    """Stands in for a network: it trains nothing, and notes how it was to be trained.

    Args:
        scores: from the rate to the histories that such a training would leave.
    """

    def __init__(self, scores: Callable):
        self.scores = scores
        self.fits = []
        self.optimizer, self.loss, self.metrics = None, "none", []

    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, **rest):
        from keras import optimizers

        self.optimizer = optimizers.get(optimizer)
        self.loss = _loss_name(loss)
        self.metrics = [each if isinstance(each, str) else each.name for each in metrics or []]

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        **rest,
    ):
        if self.optimizer is None:
            raise UnusableError("fit was called before compile: a network has to be compiled first")
        validated = None if validation_data is None else validation_data[0]
        self.fits.append(
            {
                "images": _which(x),
                "validation images": "none" if validated is None else _which(validated),
                "batch size": batch_size or 32,
                "epochs": epochs,
                "callbacks": list(callbacks or []),
            }
        )
        history = self.scores(float(self.optimizer.learning_rate), len(self.fits))
        kept = {
            name: values[:epochs]
            for name, values in history.items()
            if "accuracy" not in name or {"accuracy", "acc"} & set(self.metrics)
            if not name.startswith("val_") or validated is not None
        }
        return SimpleNamespace(history=kept, epoch=list(range(epochs)), model=self)


def _which(images) -> str:
    """Return which images these are, by their number."""
    names = {count: f"the {name} images" for name, count in IMAGES.items()}
    count = len(images) if hasattr(images, "__len__") else 0
    return names.get(count, "others")


def _loss_name(loss) -> str:
    if loss is None or isinstance(loss, str):
        return str(loss).lower()
    known = getattr(loss, "name", None) or getattr(loss, "__name__", type(loss).__name__)
    logits = hasattr(loss, "get_config") and loss.get_config().get("from_logits")
    return f"{known}{', of logits' if logits else ''}"


def _stopping(fit: dict) -> dict:
    """Return what early stopping of a fit does, in words."""
    from keras.callbacks import EarlyStopping

    found = [each for each in fit["callbacks"] if isinstance(each, EarlyStopping)]
    if not found:
        return {"it watches": "nothing", "its patience": 0, "it restores the best epoch": False}
    return {
        "it watches": found[0].monitor,
        "its patience": found[0].patience,
        "it restores the best epoch": bool(found[0].restore_best_weights),
    }


# 9.2: Nadam, early stopping, a rate

RATES = (1e-4, 1e-3, 3e-3, 1e-2)
EPOCHS, PATIENCE = 5, 4
HISTORIES = {
    1e-4: {
        "accuracy": [0.30, 0.35, 0.38, 0.40, 0.41],
        "val_accuracy": [0.31, 0.35, 0.38, 0.40, 0.41],
        "val_loss": [1.9, 1.8, 1.7, 1.6, 1.5],
    },
    1e-3: {
        "accuracy": [0.36, 0.44, 0.48, 0.51, 0.54],
        "val_accuracy": [0.38, 0.47, 0.44, 0.42, 0.40],
        "val_loss": [1.9, 1.7, 1.7, 1.8, 1.9],
    },
    3e-3: {
        "accuracy": [0.34, 0.40, 0.42, 0.43, 0.44],
        "val_accuracy": [0.36, 0.42, 0.43, 0.44, 0.45],
        "val_loss": [1.9, 1.8, 1.8, 1.7, 1.6],
    },
    1e-2: {
        "accuracy": [0.40, 0.52, 0.61, 0.68, 0.72],
        "val_accuracy": [0.20, 0.25, 0.22, 0.21, 0.20],
        "val_loss": [2.2, 2.3, 2.5, 2.8, 3.2],
    },
}
HEAD_START = 0.1  # of a network that was trained before


def _history(rate: float, fits: int) -> dict[str, list[float]]:
    nearest = min(HISTORIES, key=lambda known: abs(known - rate))
    gain = HEAD_START * (fits - 1)
    return {
        name: [value + gain * name.endswith("accuracy") for value in values]
        for name, values in HISTORIES[nearest].items()
    }


def _run_search(answer):
    built, marker = [], _Marker()

    def build():
        built.append(Rehearsal(_history))
        return built[-1]

    found = answer(build, _data(), RATES, EPOCHS, PATIENCE, callbacks=[marker])
    fits = [fit for network in built for fit in network.fits]
    if not fits:
        raise UnusableError("no network that `build` made was fitted")
    first, returned = built[0], named(found, "the best rate", "by rate")
    if not isinstance(returned, dict):
        raise UnusableError(f"it returns {described(found)}, expected a rate and a dictionary")
    return {
        "the best rate": returned["the best rate"],
        "validation accuracies in what is returned": _accuracies(returned["by rate"]),
        "fits": len(fits),
        "a fresh network for every rate": all(len(network.fits) == 1 for network in built),
        "optimizer": type(first.optimizer).__name__,
        "rates": np.array([float(each.optimizer.learning_rate) for each in built if each.fits]),
        "loss": first.loss,
        "trained on": fits[0]["images"],
        "validated on": fits[0]["validation images"],
        "epochs at most": fits[0]["epochs"],
        "early stopping": _stopping(fits[0]),
        "the callbacks that are given are used": all(marker in fit["callbacks"] for fit in fits),
    }


class _Marker:
    """A callback that only is to be passed on."""


def _accuracies(by_rate):
    """Return the validation accuracies that each rate's result holds, as lists in order."""
    if not hasattr(by_rate, "items"):
        raise UnusableError(f"the second result is {described(by_rate)}, expected a dictionary")
    if any(not hasattr(fit, "history") for fit in by_rate.values()):
        one = described(next(iter(by_rate.values())))
        raise UnusableError(f"for a rate there is {one}, expected what `fit` returned")
    return {f"{rate:g}": np.array(fit.history["val_accuracy"]) for rate, fit in by_rate.items()}


def _search(
    optimizer: str = "Nadam",
    loss: str | None = "sparse_categorical_crossentropy",
    judged_by: Callable = lambda history: max(history["val_accuracy"]),
    stops: dict | None = None,
    fresh: bool = True,
    validated_on: str = "validation",
    passed_on: bool = True,
) -> Callable:
    """Return an answer to 9.2 that compiles, trains or chooses in its own way.

    Args:
        optimizer: its class.
        loss: by name; None for the sparse one, of logits.
        judged_by: from a history to how good it is.
        stops: arguments of early stopping that differ; {"none": True} for no early stopping.
        fresh: whether each rate gets a network of its own.
        validated_on: a split.
        passed_on: whether the callbacks that are given are used.
    """

    def answer(build, data, rates, epochs, patience, callbacks=()):
        from keras import losses, optimizers
        from keras.callbacks import EarlyStopping

        wanted = {"monitor": "val_accuracy", "patience": patience, "restore_best_weights": True}
        shared, results = None if fresh else build(), {}
        for rate in rates:
            network = shared or build()
            network.compile(
                getattr(optimizers, optimizer)(learning_rate=rate),
                loss=loss or losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
            )
            own = [] if stops and "none" in stops else [EarlyStopping(**wanted | (stops or {}))]
            images, labels = data.train
            results[rate] = network.fit(
                images,
                labels,
                epochs=epochs,
                validation_data=getattr(data, validated_on),
                callbacks=own + (list(callbacks) if passed_on else []),
            )
        best = max(results, key=lambda rate: judged_by(results[rate].history))
        return best, results

    return answer


SEARCH = Task(
    id="9.2",
    title="(b) Nadam, early stopping, a rate",
    run=_run_search,
    reference=_search(),
    mistakes=(
        Mistake(
            _search(stops={"restore_best_weights": False}),
            "the weights of the last epoch are kept. Early stopping stops `patience` epochs after "
            "the best one, and has to be told to go back to it.",
        ),
        Mistake(
            _search(stops={"monitor": "val_loss"}),
            "early stopping watches the validation loss, as it does by itself. The loss turns "
            "long before the accuracy; the task asks for the accuracy.",
        ),
        Mistake(
            _search(stops={"monitor": "accuracy"}),
            "early stopping watches the training accuracy, which rises on while the network learns "
            "its images by heart.",
        ),
        Mistake(
            _search(stops={"none": True}),
            "nothing stops the training early.",
        ),
        Mistake(
            _search(stops={"patience": 0}),
            "early stopping waits for no epoch at all: `patience` says how many.",
        ),
        Mistake(
            _search(fresh=False),
            "all rates train the same network, so each goes on where the one before it ended. "
            "`build` makes a fresh one.",
        ),
        Mistake(
            _search(judged_by=lambda history: history["val_accuracy"][-1]),
            "the rates are compared by their last epochs. What is kept of each is its best epoch.",
        ),
        Mistake(
            _search(judged_by=lambda history: max(history["accuracy"])),
            "the rates are compared by their training accuracy. That says how well the network "
            "knows these images, not how well it will do on others.",
        ),
        Mistake(
            _search(judged_by=lambda history: -min(history["val_loss"])),
            "the rates are compared by their validation loss; the task compares accuracies.",
        ),
        Mistake(
            _search(validated_on="test"),
            "the test images choose the rate here. Then they can no longer say how good it is.",
        ),
        Mistake(
            _search(loss=None),
            "the loss expects logits. The network ends in softmax, so it gets probabilities.",
        ),
        Mistake(
            _search(loss="categorical_crossentropy"),
            "this loss expects a row of ten zeros and ones for each image. The labels are whole "
            "numbers: there is a sparse form of it.",
        ),
        Mistake(
            _search(optimizer="Adam"),
            "the optimizer is Adam. Nadam is Adam with Nesterov's look ahead.",
        ),
        Mistake(
            _search(passed_on=False),
            "the callbacks that were given are not used: `fit` gets them beside your own.",
        ),
    ),
    hints=(
        "A loop over the rates: build, compile, fit, keep what `fit` returned. The choice comes "
        "after the loop.",
        "`keras.callbacks.EarlyStopping` has an argument for what it watches (validation "
        "measures begin with `val_`), one for its patience, and one for putting the best "
        "weights back.",
        "What `fit` returned has a dictionary `history`, a list for each measure with a value for "
        "each epoch. A rate counts by the highest value of its validation accuracy.",
    ),
    holds=(
        Holds("the optimizer is Nadam", lambda got: got["optimizer"] == "Nadam"),
        Holds(
            "every rate trains a network of its own",
            lambda got: got["a fresh network for every rate"],
        ),
        Holds(
            "it stops early, and goes back to the best epoch",
            lambda got: got["early stopping"]["it restores the best epoch"],
        ),
    ),
)


# 9.3: batch norm

CURVES = {
    "one rises, one turns": {
        "plain": {
            "val_accuracy": [0.30, 0.36, 0.41, 0.44, 0.46],
            "seconds": [6.0, 5.0, 5.0, 5.0, 5.0],
        },
        "norm": {
            "val_accuracy": [0.42, 0.47, 0.51, 0.49, 0.45],
            "seconds": [9.0, 8.0, 8.5, 8.0, 8.0],
        },
    },
    "three runs": {
        "slow": {"val_accuracy": [0.20, 0.25, 0.31], "seconds": [1.0, 1.5, 1.0]},
        "fast": {"val_accuracy": [0.33, 0.30, 0.38, 0.36], "seconds": [4.0, 3.0, 3.0, 3.0]},
        "late": {
            "val_accuracy": [0.10, 0.28, 0.29, 0.30, 0.35, 0.32],
            "seconds": [2.0, 2.0, 2.5, 2.0, 2.0, 2.0],
        },
    },
}


def _run_batch_norm(answer):
    build, compare = answer
    return {
        "the network": _normalized() if build is _NORMALIZED else _described(build),
        "the comparison": {name: _times(compare, name) for name in CURVES},
    }


@cache
def _normalized() -> dict:
    """Return what is right, once: half of the known mistakes have this network."""
    return _described(_NORMALIZED)


def _times(compare, case: str) -> dict:
    runs = {
        name: {measure: list(values) for measure, values in history.items()}
        for name, history in CURVES[case].items()
    }
    found = named(compare(runs), "target", "times")
    if not isinstance(found, dict) or not hasattr(found["times"], "items"):
        raise UnusableError("`compare` has to return a number and a dictionary")
    times = {str(name): named(each, "epochs", "seconds") for name, each in found["times"].items()}
    return {"target": found["target"], **times}


def _compare(
    target: Callable = min,
    reached: Callable = lambda values: max(values),
    until: Callable = lambda values, goal: next(
        number for number, value in enumerate(values) if value >= goal
    ),
    counted_from: int = 1,
    seconds: Callable = sum,
) -> Callable:
    """Return a comparison that chooses its target, or counts, in its own way.

    Args:
        target: of what the runs reached.
        reached: from a run's accuracies to what it reached.
        until: from accuracies and target to the epoch, counted from 0.
        counted_from: the number of the first epoch.
        seconds: of the times of the epochs until then.
    """

    def compare(histories):
        goal = target(reached(each["val_accuracy"]) for each in histories.values())
        ends = {name: until(each["val_accuracy"], goal) for name, each in histories.items()}
        return goal, {
            name: (end + counted_from, seconds(histories[name]["seconds"][: end + 1]))
            for name, end in ends.items()
        }

    return compare


def _or_last(values, goal) -> int:
    return next((at for at, value in enumerate(values) if value >= goal), len(values) - 1)


_NORMALIZED = _plain(_make(norm="before"))

BATCH_NORM = Task(
    id="9.3",
    title="(c) Batch norm: faster, or better?",
    run=_run_batch_norm,
    reference=(_NORMALIZED, _compare()),
    mistakes=(
        Mistake(
            (_plain(_make(norm="after")), _compare()),
            "batch norm comes after the activation here, for instance because the `Dense` layer "
            "has its activation inside. The task puts it between the sum and the activation.",
        ),
        Mistake(
            (_plain(_make(norm="before", bias=True)), _compare()),
            "the hidden layers still have a bias. Batch norm subtracts the mean right after it, "
            "and has a shift of its own.",
        ),
        Mistake(
            (_plain(_make(norm="last")), _compare()),
            "there is batch norm in one place only. The task asks for it in every hidden layer.",
        ),
        Mistake(
            (_plain(_make(norm="before", activation="linear")), _compare()),
            "the hidden layers have lost their activation: it comes after batch norm, as a layer "
            "of its own.",
        ),
        Mistake(
            (_plain(_make(norm="before", initializer="glorot_uniform")), _compare()),
            "the hidden layers have lost He's initialization. Only batch norm may differ from 9.1, "
            "or the comparison is of two things.",
        ),
        Mistake(
            (_NORMALIZED, _compare(target=max, until=_or_last)),
            "the target is the highest accuracy of all. A run that never gets there has no time "
            "to compare: take what all of them reached.",
        ),
        Mistake(
            (_NORMALIZED, _compare(reached=lambda values: values[-1], until=_or_last)),
            "the target comes from the last epochs. What a run reached is its best epoch, and "
            "early stopping goes back to that.",
        ),
        Mistake(
            (_NORMALIZED, _compare(counted_from=0)),
            "the epochs are counted from 0: a run that is there after its first epoch took one.",
        ),
        Mistake(
            (_NORMALIZED, _compare(seconds=lambda times: times[-1])),
            "the seconds are those of one epoch. All epochs up to the target took time.",
        ),
        Mistake(
            (
                _NORMALIZED,
                _compare(until=lambda values, goal: int(np.argmax(values))),
            ),
            "this counts until each run's own best epoch. A better run would be punished for "
            "going on: count until it is first as good as the target.",
        ),
    ),
    hints=(
        "The network: three layers in the place of one, a `Dense` layer without activation and "
        "without bias, batch norm, and the activation.",
        "The target: the best epoch of each run, and of those the lowest. Every run has reached "
        "it, so there is always a first epoch to find.",
        "Find the first epoch at or above the target, count it from 1, and add up as many of the "
        "seconds.",
    ),
    holds=(
        Holds(
            "batch norm stands before every activation",
            lambda got: got["the network"]["batch norm"] == "before the activation",
        ),
        Holds(
            "the target is what every run reached",
            lambda got: all(
                np.isclose(got["the comparison"][name]["target"], goal)
                for name, goal in (("one rises, one turns", 0.46), ("three runs", 0.31))
            ),
        ),
    ),
)


# 9.4: SELU

DROPPED = 0.2
_SELU = {"activation": "selu", "initializer": "lecun_normal"}


def _run_selu(answer):
    return {
        "without dropout": _describe(answer(2, WIDTH, MEAN, VARIANCE)),
        f"with dropout {DROPPED}": _describe(answer(2, 5, MEAN, VARIANCE, dropout=DROPPED)),
    }


def _no_dropout_argument_used(depth, width, mean, variance, dropout=0.0):
    return _make(**_SELU)(depth, width, mean, variance)


SELU = Task(
    id="9.4",
    title="(d) SELU, and what it needs",
    run=_run_selu,
    reference=_make(**_SELU, drop=("AlphaDropout", "output")),
    mistakes=(
        Mistake(
            _make("selu", "he_normal", drop=("AlphaDropout", "output")),
            "the weights are still He's, with twice the variance that SELU needs: there is no "
            "fixed point left.",
        ),
        Mistake(
            _make("selu", "glorot_uniform", drop=("AlphaDropout", "output")),
            "the weights are drawn by Keras's default. Glorot's variance is LeCun's where a layer "
            "has as many inputs as units; the first one has thirty times as many.",
        ),
        Mistake(
            _make(**_SELU, drop=("Dropout", "output")),
            "this is ordinary dropout: it divides what it keeps, and the variance is no longer 1. "
            "Another kind drops units to SELU's lowest value and restores mean and variance.",
        ),
        Mistake(
            _make(**_SELU, drop=("AlphaDropout", "hidden")),
            "there is dropout after every hidden layer. The task asks for it once, before the "
            "output layer; in every layer it drowns the signal.",
        ),
        Mistake(
            _no_dropout_argument_used,
            "`dropout` has no effect.",
        ),
        Mistake(
            _make(**_SELU, scaling="none", drop=("AlphaDropout", "output")),
            "the pixels go in raw. SELU's fixed point is mean 0 and variance 1, so its inputs have "
            "to begin there.",
        ),
        Mistake(
            _make(**_SELU, scaling="share", drop=("AlphaDropout", "output")),
            "the pixels are divided by 255. SELU's inputs need mean 0 and variance 1.",
        ),
        Mistake(
            _make("selu", "lecun_normal", norm="before", drop=("AlphaDropout", "output")),
            "batch norm is still there. SELU is to do without it.",
        ),
        Mistake(
            _make("elu", "lecun_normal", drop=("AlphaDropout", "output")),
            "the units are ELU. SELU is ELU with two constants of its own, and only those keep the "
            "variance.",
        ),
        Mistake(
            _make("selu", "lecun_uniform", drop=("AlphaDropout", "output")),
            "LeCun's variance is right, and the distribution is the uniform one. Take the normal "
            "one, which the theory of SELU is about.",
        ),
    ),
    hints=(
        "Go through the conditions of chapter 04: which activation, which variance of the weights, "
        "which inputs, which dropout?",
        "The weights are LeCun's, by name. The inputs are standardized already if you kept that "
        "layer from 9.1.",
        "`keras.layers` has a dropout made for SELU. It is one layer, before the output layer, and "
        "only where `dropout` is not 0.",
    ),
    holds=(
        Holds(
            "the hidden units are SELU",
            lambda got: got["without dropout"]["activation of the hidden layers"] == "selu",
        ),
        Holds(
            "the weights have LeCun's variance",
            lambda got: got["without dropout"]["initializer of the hidden layers"].startswith(
                "lecun"
            ),
        ),
        Holds(
            "without dropout there is none", lambda got: _drops(got, "without dropout") == "none"
        ),
        Holds(
            "with dropout there is one layer of it, before the output",
            lambda got: _drops(got, f"with dropout {DROPPED}").endswith(f"{DROPPED} after layer 2"),
        ),
    ),
)


def _drops(got, case: str) -> str:
    return got[case]["dropout"] if "," not in got[case]["dropout"] else "several"


# 9.5: MC dropout

EQUAL_IMAGES, FEATURES, CLASSES, PASSES = 900, 6, 3, 8
CLOSE = 0.15  # means of so many passes: 0.12 to 0.13; shares of votes: 0.18; one pass: 0.36


def _run_often(answer):
    """Ask a small network about many equal images: the mean over them is nearly exact."""
    network = _trained()
    before = [np.array(weights) for weights in network.get_weights()]
    images = np.tile(np.linspace(-1, 1, FEATURES, dtype=np.float32), (EQUAL_IMAGES, 1))
    found = named(answer(network, images, PASSES), "mean", "spread")
    if not isinstance(found, dict):
        raise UnusableError(f"it returns {described(found)}, expected a mean and a spread")
    mean, spread = (as_array(found[name], f"the {name}") for name in ("mean", "spread"))
    after = network.get_weights()
    return {
        "shape of the mean": str(mean.shape),
        "shape of the spread": str(spread.shape),
        "mean, averaged over equal images": np.atleast_2d(mean).mean(axis=0),
        "spread, averaged over equal images": np.atleast_2d(spread).mean(axis=0),
        "the means of equal images lie close together": np.atleast_2d(mean).std(axis=0).max()
        < CLOSE,
        "the network is as it was": all(map(np.array_equal, before, after)),
    }


def _trained():
    """Return a network with batch norm and two kinds of dropout, as training might leave it."""
    from keras import Input, Sequential, layers

    network = Sequential(
        [
            Input((FEATURES,)),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.Dropout(0.3, seed=5),
            layers.Dense(8, activation="selu"),
            layers.AlphaDropout(0.3, seed=50),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(9)
    weights = [rng.normal(scale=0.6, size=each.shape) for each in network.get_weights()]
    weights[5] = 1 + weights[5] ** 2  # the moving variance
    network.set_weights(weights)
    return network


def _often(
    active: tuple[str, ...] | None = ("Dropout", "AlphaDropout"),
    mean: Callable = lambda outputs: np.mean(outputs, axis=0),
    spread: Callable = lambda outputs: np.std(outputs, axis=0),
    passes_made: Callable = lambda passes: passes,
) -> Callable:
    """Return an answer to 9.5.

    Args:
        active: the kinds of layer that run as in training; None for all of them.
        mean, spread: of the outputs (passes, images, classes).
        passes_made: from the passes asked for to those made.
    """

    def ask(network, images, passes):
        from keras import ops

        outputs = []
        for _ in range(passes_made(passes)):
            values = ops.convert_to_tensor(images)
            for part in network.layers:
                values = part(values, training=active is None or type(part).__name__ in active)
            outputs.append(ops.convert_to_numpy(values))
        stacked = np.stack(outputs)
        return mean(stacked), spread(stacked)

    return ask


def _votes(outputs):
    chosen = outputs.argmax(axis=2)[..., np.newaxis] == np.arange(outputs.shape[2])
    return chosen.mean(axis=0)


def _shape_is_right(got) -> bool:
    wanted = str((EQUAL_IMAGES, CLASSES))
    return got["shape of the mean"] == got["shape of the spread"] == wanted


OFTEN = Task(
    id="9.5",
    title="(e) Alpha dropout, asked often",
    run=_run_often,
    reference=_often(),
    mistakes=(
        Mistake(
            _often(active=None),
            "all layers run as in training. Batch norm then takes the mean of the images at hand, "
            "and its moving averages move: only dropout layers may.",
        ),
        Mistake(
            _often(active=()),
            "dropout is off, so every pass gives the same. A layer drops units only when it is "
            "called with `training=True`.",
        ),
        Mistake(
            _often(active=("Dropout",)),
            "alpha dropout stays off: it is a class of its own, and no subclass of `Dropout`.",
        ),
        Mistake(
            _often(active=("AlphaDropout",)),
            "ordinary dropout stays off: both kinds have to be on.",
        ),
        Mistake(
            _often(passes_made=lambda passes: 1),
            "one pass was made. The mean is over `passes` of them, each with other units dropped.",
        ),
        Mistake(
            _often(mean=lambda outputs: np.sum(outputs, axis=0)),
            "the passes are added up, and not divided by their number: the rows have to add up "
            "to 1.",
        ),
        Mistake(
            _often(spread=lambda outputs: np.var(outputs, axis=0)),
            "the second result is the variance over the passes; its root was asked for.",
        ),
        Mistake(
            _often(spread=lambda outputs: outputs.std(axis=1)),
            "the spread is taken over the images. It is about one image, over the passes.",
        ),
        Mistake(
            _often(mean=_votes),
            "the passes vote, each for its most probable class. The task asks for the mean of the "
            "probabilities.",
        ),
    ),
    hints=(
        "A `Sequential` network is a list, `network.layers`. Send the images through it layer by "
        "layer, and you decide for each layer whether it runs as in training.",
        "Every layer takes `training=True` or `training=False` when it is called. `isinstance` "
        "says whether it is one of the two kinds of dropout.",
        "Keep what comes out of each pass, as a NumPy array (`keras.ops.convert_to_numpy`). At the "
        "end, mean and standard deviation over the passes.",
    ),
    holds=(
        Holds("both results have a row for each image", _shape_is_right),
        Holds(
            "the probabilities of an image add up to 1",
            lambda got: np.isclose(got["mean, averaged over equal images"].sum(), 1, atol=1e-4),
        ),
        Holds(
            "the network is as it was before",
            lambda got: got["the network is as it was"],
        ),
    ),
    tolerance=0.06,
)


# 9.6: 1cycle, and the verdict

PEAK, CYCLE_EPOCHS, BATCH = 0.2, 5, 128
STEPS = 8 * CYCLE_EPOCHS  # eight batches an epoch, the last a small one
LOOKED_AT = {
    "at the first step": 0,
    "on the way up": 6,
    "at its peak": 12,
    "half-way down": 26,
    "one epoch before the end": 32,
    "at the end": STEPS,
}


def _run_cycle(answer):
    train, verdict = answer
    network, data, marker = Rehearsal(_history), _data(), _Marker()
    fitted = train(network, data, PEAK, CYCLE_EPOCHS, BATCH, callbacks=[marker])
    if not network.fits:
        raise UnusableError("`train_one_cycle` did not fit the network")
    fit, optimizer = network.fits[0], network.optimizer
    return {
        "training": {
            "optimizer": type(optimizer).__name__,
            "momentum": float(getattr(optimizer, "momentum", 0)),
            "Nesterov": bool(getattr(optimizer, "nesterov", False)),
            "the rate": {name: _rate_at(optimizer, step) for name, step in LOOKED_AT.items()},
            "loss": network.loss,
            "trained on": fit["images"],
            "validated on": fit["validation images"],
            "batch size": fit["batch size"],
            "epochs": fit["epochs"],
            "early stopping watches": _stopping(fit)["it watches"],
            "the callbacks that are given are used": marker in fit["callbacks"],
            "it returns what fit returned": hasattr(fitted, "history"),
        },
        "the verdict": {
            case: named(verdict([dict(run) for run in runs]), "network", "mean", "spread")
            for case, runs in RUNS.items()
        },
    }


def _rate_at(optimizer, step: int) -> float:
    optimizer.iterations.assign(step)
    return float(optimizer.learning_rate)


def _runs(**networks) -> list[dict]:
    """Return runs from (validation, test) of each seed, the networks in turn."""
    runs = [
        {"variant": name, "seed": seed, "validation_accuracy": chosen, "test_accuracy": quoted}
        for name, pairs in networks.items()
        for seed, (chosen, quoted) in enumerate(pairs)
    ]
    return sorted(runs, key=lambda run: -run["seed"])


RUNS = {
    "three networks": _runs(
        steady=[(0.52, 0.51), (0.53, 0.53), (0.54, 0.52)],
        lucky=[(0.58, 0.55), (0.47, 0.48), (0.48, 0.47)],
        tested=[(0.50, 0.55), (0.51, 0.56), (0.50, 0.54)],
    ),
    "two networks": _runs(
        a=[(0.41, 0.49), (0.42, 0.50)],
        b=[(0.46, 0.44), (0.40, 0.41), (0.44, 0.45), (0.43, 0.43)],
    ),
}


def _train(
    steps: Callable = lambda images, batch, epochs: -(-images // batch) * epochs,
    scheduled: bool = True,
    momentum: float = 0.9,
    nesterov: bool = True,
    batched: bool = True,
    stops: bool = False,
    optimizer: str = "SGD",
) -> Callable:
    """Return a training by 1cycle, by Keras's own schedule of the same shape.

    Args:
        steps: how many the cycle takes, of images, batch size and epochs.
        scheduled: whether the rate follows the cycle, or is its peak all the time.
        momentum, nesterov: of SGD.
        batched: whether ``fit`` is told the batch size.
        stops: whether there is early stopping.
        optimizer: its class.
    """

    def train(network, data, max_rate, epochs, batch_size, callbacks=()):
        from keras import optimizers
        from keras.callbacks import EarlyStopping

        images, labels = data.train
        total = steps(len(images), batch_size, epochs)
        rise = 0.3 * total
        rate = optimizers.schedules.CosineDecay(
            max_rate / 25, total - rise, 1e-4, warmup_target=max_rate, warmup_steps=rise
        )
        own = {"momentum": momentum, "nesterov": nesterov} if optimizer == "SGD" else {}
        network.compile(
            getattr(optimizers, optimizer)(learning_rate=rate if scheduled else max_rate, **own),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        extra = [EarlyStopping("val_accuracy", patience=3)] if stops else []
        return network.fit(
            images,
            labels,
            batch_size=batch_size if batched else None,
            epochs=epochs,
            validation_data=data.validation,
            callbacks=[*extra, *callbacks],
        )

    return train


def _judge(
    chosen_by: str = "validation_accuracy",
    over_seeds: Callable = np.mean,
    quoted: str = "test_accuracy",
    ddof: int = 1,
) -> Callable:
    """Return a verdict that chooses, or quotes, in its own way.

    Args:
        chosen_by, quoted: the accuracies used for each.
        over_seeds: from the accuracies of a network's seeds to what it is chosen by.
        ddof: of the standard deviation.
    """

    def verdict(runs):
        def of(name, key):
            return [run[key] for run in runs if run["variant"] == name]

        names = Counter(run["variant"] for run in runs)
        best = max(names, key=lambda name: over_seeds(of(name, chosen_by)))
        values = of(best, quoted)
        return best, float(np.mean(values)), float(np.std(values, ddof=ddof))

    return verdict


CYCLE = Task(
    id="9.6",
    title="(f) 1cycle, and the verdict",
    run=_run_cycle,
    reference=(_train(), _judge()),
    mistakes=(
        Mistake(
            (_train(steps=lambda images, batch, epochs: epochs), _judge()),
            "the cycle is as many steps long as there are epochs. It steps with every batch, so it "
            "would be over within the first epoch.",
        ),
        Mistake(
            (_train(steps=lambda images, batch, epochs: -(-images // batch)), _judge()),
            "the cycle is one epoch long, and the rate stays at its lowest for the others.",
        ),
        Mistake(
            (_train(steps=lambda images, batch, epochs: images // batch * epochs), _judge()),
            "the small batch at the end of each epoch is not counted: the cycle ends before the "
            "training does.",
        ),
        Mistake(
            (_train(steps=lambda images, batch, epochs: -(-images // 32) * epochs), _judge()),
            "the steps are counted for Keras's own batches of 32. With larger batches there are "
            "fewer, and the rate would never come down.",
        ),
        Mistake(
            (_train(batched=False), _judge()),
            "`fit` is not told the batch size and takes 32. There are more steps then than the "
            "cycle has.",
        ),
        Mistake(
            (_train(stops=True), _judge()),
            "there is early stopping. At the peak of the rate the accuracy rests or falls, and "
            "1cycle earns its result at the very end, so nothing may cut that off.",
        ),
        Mistake(
            (_train(scheduled=False), _judge()),
            "the rate is the peak all the time: it has to follow the cycle.",
        ),
        Mistake(
            (_train(momentum=0.0, nesterov=False), _judge()),
            "SGD has no momentum: Keras's default is 0.",
        ),
        Mistake(
            (_train(nesterov=False), _judge()),
            "the momentum is the ordinary one: Nesterov's has to be asked for.",
        ),
        Mistake(
            (_train(optimizer="Nadam"), _judge()),
            "the optimizer is Nadam; part (f) asks for SGD.",
        ),
        Mistake(
            (_train(), _judge(chosen_by="test_accuracy")),
            "the network is chosen by its test accuracy. Then that number is no longer one that "
            "nothing was chosen by, and it flatters.",
        ),
        Mistake(
            (_train(), _judge(quoted="validation_accuracy")),
            "the validation accuracy is quoted. The network, its rate and its epoch were chosen by "
            "it, so it flatters.",
        ),
        Mistake(
            (_train(), _judge(over_seeds=max)),
            "the network with the best single seed is chosen. One lucky seed is no property of a "
            "network: compare means over the seeds.",
        ),
        Mistake(
            (_train(), _judge(ddof=0)),
            "the standard deviation divides by the number of seeds. Estimated from few, it is too "
            "small by that: divide by one less.",
        ),
    ),
    hints=(
        "How many batches has an epoch? The last one may be small, and counts. How many steps has "
        "the whole training then?",
        "The schedule takes the place of the rate in `keras.optimizers.SGD`, beside `momentum` and "
        "`nesterov`. `fit` needs the batch size too, and no early stopping: 1cycle ends by itself.",
        "The verdict: collect the runs of each network, compare the means of their validation "
        "accuracies, and of the best one return mean and spread of its test accuracies.",
    ),
    holds=(
        Holds(
            "the rate peaks where it should",
            lambda got: np.isclose(got["training"]["the rate"]["at its peak"], PEAK, rtol=1e-3),
        ),
        Holds(
            "nothing ends the training early",
            lambda got: got["training"]["early stopping watches"] == "nothing",
        ),
        Holds(
            "the network is chosen by its validation accuracy, over all seeds",
            lambda got: (
                got["the verdict"]["three networks"]["network"] == "steady"
                and got["the verdict"]["two networks"]["network"] == "b"
            ),
        ),
    ),
    tolerance=1e-4,
)

TASKS = (NETWORK, SEARCH, BATCH_NORM, SELU, OFTEN, CYCLE)
