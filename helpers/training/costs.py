"""How long activations and regularizers take, by ReLU or by none in the same minute."""

from collections.abc import Callable, Mapping
from itertools import chain
from time import perf_counter

import numpy as np

from helpers.arguments import Entries, Kind, Whole, takes
from helpers.backend import use_backend

ROWS, UNITS = 512, 512  # of the array that an activation alone is given
LAYERS = 8  # of it in a row, so that the call itself counts for little
BATCH = 128
PRELU = "prelu"  # no activation in Keras, but a layer, for it has weights
ALONE, IN_NETWORK = "alone", "training step"
MEASURED = (
    f"Alone: {LAYERS} in a row on {ROWS} x {UNITS} numbers, forward. Training step: 3 hidden "
    f"layers of 100 units, batch {BATCH}, forward, backward and update. In Keras, on this machine."
)


@takes(activations=Entries(Kind(), least=0), repeats=Whole(1, 100_000))
def activation_costs(
    activations: Mapping[str, str], repeats: int = 15
) -> dict[str, dict[str, float]]:
    """Return the time of each activation by that of ReLU, alone and in a network that trains.

    The networks take turns, so that whatever else the machine does befalls all alike, and the best
    time of each counts.

    Args:
        activations: Keras's name of each, by a title; ``prelu`` for its layer ``PReLU``. ReLU is
            timed in any case.
        repeats: how often each is timed.

    Returns:
        title -> ``ALONE`` or ``IN_NETWORK`` -> multiple of ReLU's time.

    Raises:
        ValueError: for a name that Keras does not know.
    """
    use_backend()
    from helpers.models import check_activation

    for activation in activations.values():
        if activation != PRELU:
            check_activation(activation)
    every = {"ReLU": "relu", **activations}
    costs = {title: {} for title in every}
    for what, make in ((ALONE, _alone), (IN_NETWORK, _training_step)):
        calls = [make(activation) for activation in every.values()]
        for call in calls:
            for _ in range(4):  # compiles; with fewer calls TensorFlow warns of tracing too often
                call()
        best = np.min([[_timed(call) for call in calls] for _ in range(repeats)], axis=0)
        for title, seconds in zip(every, best, strict=True):
            costs[title][what] = float(seconds / best[0])
    return costs


@takes(repeats=Whole(1, 1_000))
def regularizer_costs(repeats: int = 50) -> dict[str, np.ndarray]:
    """Return the time of a training step with dropout and its kin, by that without.

    One hidden layer of 100 SELU units, batch 128, forward, backward and update.

    Returns:
        ``dropout``, ``alpha dropout``, ``max-norm`` -> multiples, float64 ``(repeats,)``, each of
        two steps taken one right after the other.

    Raises:
        ValueError: for a number of repeats out of its range.
    """
    use_backend()
    from keras import constraints, layers

    def hidden(**options):
        return layers.Dense(100, "selu", **options)

    without = _step(hidden())
    steps = {
        "dropout": _step(hidden(), layers.Dropout(0.2)),
        "alpha dropout": _step(hidden(), layers.AlphaDropout(0.2)),
        "max-norm": _step(hidden(kernel_constraint=constraints.MaxNorm(3.0))),
    }
    for call in (without, *steps.values()):
        call()  # compiles
    return {
        name: np.array([_timed(call) / _timed(without) for _ in range(repeats)])
        for name, call in steps.items()
    }


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _alone(activation: str) -> Callable[[], object]:
    from keras import Input, Sequential

    model = Sequential([Input((UNITS,)), *(_layer(activation) for _ in range(LAYERS))])
    x = np.random.default_rng(0).standard_normal((ROWS, UNITS)).astype(np.float32)
    return lambda: model.predict_on_batch(x)


def _layer(activation: str):
    from keras import layers

    return layers.PReLU() if activation == PRELU else layers.Activation(activation)


def _training_step(activation: str) -> Callable[[], object]:
    from keras import layers

    hidden = ([layers.Dense(100), _layer(activation)] for _ in range(3))
    return _step(*chain.from_iterable(hidden))


def _step(*hidden) -> Callable[[], object]:
    """Return what takes a step of a network with these hidden layers."""
    from keras import Input, Sequential, layers, losses, optimizers

    model = Sequential([Input((100,)), *hidden, layers.Dense(10)])
    model.compile(optimizers.SGD(1e-3), losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, 100)).astype(np.float32)
    labels = rng.integers(0, 10, BATCH)
    return lambda: model.train_on_batch(x, labels)
