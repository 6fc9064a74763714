"""Signal propagation: what a random deep network makes of its inputs, and of a gradient sent back.

The network has ``depth`` hidden layers of ``width`` units, biases 0. Its inputs are drawn from
N(0, input_scale²), as many as there are units in a layer. The gradient that starts at the top, by
the activations of the last hidden layer, is drawn from N(0, 1). "Gradient" here is the derivative
by the pre-activations, as in Glorot & Bengio 2010 (section 4.2) and Schoenholz et al. 2017.

All of it is float64: a network that explodes leaves float32 after 38 powers of ten, float64 after
308. What passes even those becomes NaN, without a warning.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from helpers.arguments import SEED, Instance, Name, Number, Whole, check_cost, takes
from helpers.arguments.arrays import FLAG
from helpers.theory.activations import ACTIVATIONS, slope, value
from helpers.theory.initializers import get_initializer, sample

SATURATED = 0.1  # a unit is saturated where its slope is below this share of the largest slope
DEAD = 1e-6  # ... and dead where its slope is below this share for every input
MOST_LAYERS = 10_000
MOST_NUMBERS = 40_000_000  # of a propagation, weights and signals: 320 MB
ROUNDED = 16 * np.finfo(np.float64).eps  # what is left of a difference that rounding made


class Propagation(NamedTuple):
    """What passes through a network of ``depth`` layers, for ``n`` inputs.

    Attributes:
        pre_activations, activations, slopes: forward, ``(depth, n, width)``; the slope is that of
            the activation function at the pre-activation.
        gradients: backward, by the pre-activations, ``(depth, n, width)``.
    """

    pre_activations: np.ndarray
    activations: np.ndarray
    slopes: np.ndarray
    gradients: np.ndarray


class Flow(NamedTuple):
    """Statistics of each layer, arrays ``(depth,)``; NaN from where numbers left float64.

    Attributes:
        pre_activation_mean, pre_activation_std: over inputs and units.
        activation_mean, activation_std: over inputs and units.
        activation_spread: how far the inputs differ: the standard deviation of a unit's activation
            over inputs, root mean square over units. 0 where every input gives the same outputs,
            but for what float64 rounds.
        gradient_mean, gradient_std: over inputs and units, by the pre-activations.
        saturated: share of (input, unit) pairs with a slope below a tenth of the largest slope.
        dead: share of units whose slope is (nearly) 0 for every input.
    """

    pre_activation_mean: np.ndarray
    pre_activation_std: np.ndarray
    activation_mean: np.ndarray
    activation_std: np.ndarray
    activation_spread: np.ndarray
    gradient_mean: np.ndarray
    gradient_std: np.ndarray
    saturated: np.ndarray
    dead: np.ndarray


@takes(
    activation=Name(ACTIVATIONS, "activation"),
    depth=Whole(1),
    width=Whole(1),
    inputs=Whole(2),
    input_scale=Number("[0, inf)"),
    gain=Number("[0, inf)"),
    centered=FLAG,
    seed=SEED,
)
def propagate(
    activation: str,
    initializer: str,
    depth: int = 20,
    width: int = 100,
    *,
    inputs: int = 25,
    input_scale: float = 1.0,
    gain: float = 1.0,
    centered: bool = False,
    seed: int = 0,
) -> Propagation:
    """Send random inputs forward through a random network, and a random gradient back.

    Args:
        activation: see ``helpers.theory.activations``.
        initializer: of every kernel, see ``helpers.theory.initializers``.
        depth: number of hidden layers, at least 1.
        width: units of each layer, and of an input.
        inputs: how many inputs, ``n``.
        input_scale: standard deviation of the inputs.
        gain: every kernel is multiplied by it.
        centered: subtract the activation's value at 0 from what each unit passes on, 1/2 for the
            logistic function: the same curve with mean 0. (It is the same as a bias of minus half
            the sum of a unit's incoming weights.)
        seed: of kernels, inputs and gradient. A deeper network begins with the same layers.

    Raises:
        ValueError: for an unknown name, a number out of its range, or a network with more numbers
            than memory should hold.
    """
    check_cost("depth", depth, MOST_LAYERS)
    numbers = depth * width * (width + 4 * inputs)
    check_cost("numbers of a network, depth x width x (width + 4 inputs)", numbers, MOST_NUMBERS)
    get_initializer(initializer)
    shape = (depth, inputs, width)
    z, activations, slopes, gradients = (np.empty(shape) for _ in range(4))
    at_ends, at_weights = (np.random.default_rng([seed, stream]) for stream in (0, 1))
    with np.errstate(over="ignore"):
        x = input_scale * at_ends.standard_normal(shape[1:])
    gradient = at_ends.standard_normal(shape[1:])
    shift = value(activation, 0.0) if centered else 0.0
    kernels = []
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for layer in range(depth):
            kernels.append(gain * sample(initializer, (width, width), at_weights))
            np.matmul(x, kernels[-1], out=z[layer])
            activations[layer] = value(activation, z[layer]) - shift
            slopes[layer] = slope(activation, z[layer])
            x = activations[layer]
        for layer in reversed(range(depth)):
            np.multiply(gradient, slopes[layer], out=gradients[layer])
            gradient = gradients[layer] @ kernels[layer].T
    return Propagation(z, activations, slopes, gradients)


@takes(signals=Instance(Propagation, expected="what propagate returns"))
@np.errstate(all="ignore")
def flow(activation: str, signals: Propagation) -> Flow:
    """Return the statistics of each layer; ``activation`` is that of the network.

    Raises:
        ValueError: for an unknown activation.
    """
    steepest = largest_slope(activation)
    flat = np.abs(signals.slopes)
    return Flow(
        *_mean_and_std(signals.pre_activations),
        *_mean_and_std(signals.activations),
        _spread(signals.activations),
        *_mean_and_std(signals.gradients),
        _share(flat < SATURATED * steepest, signals.pre_activations),
        _share((flat < DEAD * steepest).all(axis=1, keepdims=True), signals.pre_activations),
    )


def signal_flow(activation: str, initializer: str, depth: int = 20, width: int = 100, **network):
    """Return :func:`flow` of :func:`propagate` with these arguments.

    >>> flow = signal_flow("relu", "he_normal", depth=5, seed=1)
    >>> bool(abs(flow.pre_activation_std[-1] - 2**0.5) < 0.3)
    True
    """
    return flow(activation, propagate(activation, initializer, depth, width, **network))


def gradient_ratio(
    activation: str, initializer: str, depth: int = 20, seed: int = 0, **network
) -> float:
    """Return the standard deviation of the gradient at layer 1, divided by that at layer ``depth``.

    Args and errors: as :func:`propagate`.

    >>> gradient_ratio("linear", "orthogonal", depth=30) > 0.999
    True
    """
    found = signal_flow(activation, initializer, depth, seed=seed, **network).gradient_std
    with np.errstate(all="ignore"):
        return float(found[0] / found[-1])


@takes(activation=Name(ACTIVATIONS, "activation"))
@lru_cache(maxsize=32)
def largest_slope(activation: str) -> float:
    """Return the largest slope that the activation function has, to four digits.

    Raises:
        ValueError: for an unknown activation.

    >>> round(largest_slope("logistic"), 4), round(largest_slope("relu"), 4)
    (0.25, 1.0)
    """
    z = np.linspace(-8, 8, 16_001)  # in steps of 0.001; -0.0 and 0 beside the kinks
    return float(np.max(slope(activation, np.concatenate([z, [-1e-9]]))))


def _mean_and_std(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both over inputs and units, without squaring a number that float64 barely holds."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        size = _size(x)
        scaled = x / size
        mean, std = scaled.mean(axis=(1, 2)), scaled.std(axis=(1, 2))
        return mean * size[:, 0, 0], std * size[:, 0, 0]


def _spread(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        size = _size(x)
        spread = np.sqrt((x / size).var(axis=1, ddof=1).mean(axis=1))
        return np.where(spread < ROUNDED, 0, spread) * size[:, 0, 0]


def _size(x: np.ndarray) -> np.ndarray:
    """Return the largest absolute value of each layer, 1 where all are 0, ``(depth, 1, 1)``."""
    size = np.maximum(x.max(axis=(1, 2), keepdims=True), -x.min(axis=(1, 2), keepdims=True))
    return np.where(size == 0, 1, size)


def _share(which: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the share of True of each layer, NaN where the layer's numbers left float64."""
    lost = ~np.isfinite(z).all(axis=(1, 2))
    return np.where(lost, np.nan, which.mean(axis=(1, 2)))
