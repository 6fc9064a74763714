"""How long activations take, each as a multiple of ReLU's time in the same minute."""

from collections.abc import Callable, Mapping
from time import perf_counter

import numpy as np

from helpers.arguments import Entries, Kind, Whole, takes
from helpers.backend import use_backend

ROWS, UNITS = 512, 512  # of the array that an activation alone is given
LAYERS = 8  # of it in a row, so that the call itself counts for little
BATCH = 128
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
        activations: Keras's name of each, by a title. ReLU is timed in any case.
        repeats: how often each is timed.

    Returns:
        title -> ``ALONE`` or ``IN_NETWORK`` -> multiple of ReLU's time.

    Raises:
        ValueError: for a name that Keras does not know.
    """
    use_backend()
    from helpers.models import check_activation

    for activation in activations.values():
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


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _alone(activation: str) -> Callable[[], object]:
    from keras import Input, Sequential, layers

    model = Sequential([Input((UNITS,)), *(layers.Activation(activation) for _ in range(LAYERS))])
    x = np.random.default_rng(0).standard_normal((ROWS, UNITS)).astype(np.float32)
    return lambda: model.predict_on_batch(x)


def _training_step(activation: str) -> Callable[[], object]:
    from keras import losses, optimizers

    from helpers.models import deep_mlp, logits_of

    model = logits_of(
        deep_mlp(input_shape=(100,), depth=3, width=100, activation=activation, seed=0)
    )
    model.compile(optimizers.SGD(1e-3), losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, 100)).astype(np.float32)
    labels = rng.integers(0, 10, BATCH)
    return lambda: model.train_on_batch(x, labels)
