"""Batch normalization in NumPy: training, inference, gradients, moving averages, folding.

Ioffe & Szegedy 2015 (arXiv 1502.03167). Units stand along the last axis, and everything before it
is the batch: ``(n, units)`` after a dense layer, ``(n, height, width, channels)`` after a
convolution, whose pixels all count. Momentum, epsilon and the start of the moving averages are
Keras's.
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from helpers.arguments import Instance, Number, Whole, takes
from helpers.arguments.arrays import Array

MOMENTUM = 0.99  # Keras's defaults; the paper leaves both open
EPSILON = 1e-3
MOVING_MEAN, MOVING_VARIANCE = 0.0, 1.0  # where the moving averages start


class Forward(NamedTuple):
    """What a training pass computes (algorithm 1 of the paper), with what its gradients need.

    Attributes:
        outputs: gamma * normalized + beta, of the shape of the inputs.
        normalized: the inputs less their mean, over their standard deviation; same shape.
        mean, variance: of the batch, ``(units,)``. The variance divides by the number of values,
            not by one less: that is what it is normalized with.
        epsilon: what was added to the variance.
    """

    outputs: np.ndarray
    normalized: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float


class Gradients(NamedTuple):
    """Derivatives of the loss: by the inputs, of their shape, by gamma and by beta ``(units,)``."""

    inputs: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray


class Moving(NamedTuple):
    """Moving averages of the batches' means and variances, each ``(units,)``."""

    mean: np.ndarray
    variance: np.ndarray


EPSILONS = Number("(0, inf)", "lest a variance of 0 divide by 0")
MOMENTA = Number("[0, 1]")
PASSED = Instance(Forward, expected="what batch_norm.forward returns")
_IN_INFERENCE = {
    **dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), Array()),
    "epsilon": EPSILONS,
}
MOVED = Instance(Moving, expected="what batch_norm.start_moving returns")


@takes(x=Array(), gamma=Array(), beta=Array(), epsilon=EPSILONS)
@np.errstate(all="ignore")
def forward(x, gamma=1.0, beta=0.0, epsilon: float = EPSILON) -> Forward:
    """Normalize a batch with its own mean and variance, as in training (algorithm 1).

    Args:
        x: inputs ``(..., units)``, one value or more a unit; float32 stays float32.
        gamma, beta: scale and shift, ``(units,)`` or a number.
        epsilon: added to the variance, above 0.

    Raises:
        ValueError: for an empty batch, parameters of another shape, or an epsilon of 0 or below.

    >>> forward([[1.0], [3.0]], gamma=2, beta=5, epsilon=1e-9).outputs.round(3).tolist()
    [[3.0], [7.0]]
    """
    x = _inputs(x)
    gamma, beta = _for_units(x, gamma=gamma, beta=beta)
    axes = tuple(range(x.ndim - 1))
    # Sums in double precision: a long float32 sum along the first axis loses digits.
    mean = x.mean(axis=axes, dtype=np.float64).astype(x.dtype)
    centred = x - mean
    variance = np.square(centred).mean(axis=axes, dtype=np.float64).astype(x.dtype)
    normalized = centred / np.sqrt(variance + x.dtype.type(epsilon))
    return Forward(gamma * normalized + beta, normalized, mean, variance, epsilon)


@takes(passed=PASSED, gamma=Array(), output_gradient=Array())
@np.errstate(all="ignore")
def backward(passed: Forward, gamma, output_gradient) -> Gradients:
    """Propagate a gradient back through :func:`forward` (section 3 of the paper, chain rule).

    The paper's six lines, with the means written out: the gradient by a normalized value is
    ``gamma * output_gradient``; from it its mean over the batch is taken, and the part of it along
    the normalized values, because mean and variance depend on every input.

    Args:
        passed: what :func:`forward` returned.
        gamma: the scale it was called with.
        output_gradient: derivative of the loss by the outputs, of their shape.

    Raises:
        ValueError: for a gradient or a gamma of another shape.
    """
    output_gradient = np.asarray(output_gradient, dtype=passed.outputs.dtype)
    if output_gradient.shape != passed.outputs.shape:
        raise ValueError(
            f"the gradient has the shape of the outputs, {passed.outputs.shape}, "
            f"got {output_gradient.shape}."
        )
    (gamma,) = _for_units(passed.outputs, gamma=gamma)
    axes = tuple(range(output_gradient.ndim - 1))
    std = np.sqrt(passed.variance + passed.outputs.dtype.type(passed.epsilon))
    by_normalized = gamma * output_gradient
    along = (by_normalized * passed.normalized).mean(axis=axes)
    by_inputs = (by_normalized - by_normalized.mean(axis=axes) - passed.normalized * along) / std
    by_gamma = (output_gradient * passed.normalized).sum(axis=axes)
    return Gradients(by_inputs, by_gamma, output_gradient.sum(axis=axes))


@takes(x=Array(), **_IN_INFERENCE)
@np.errstate(all="ignore")
def inference(x, gamma, beta, moving_mean, moving_variance, epsilon: float = EPSILON) -> np.ndarray:
    """Normalize with the moving averages, as in inference (algorithm 2, line 11).

    Each output depends on its own input alone, whatever else is in the batch. (The paper takes the
    variance times m / (m - 1), for batches of m; Keras takes the moving average as it is.)

    Args:
        x: inputs ``(..., units)``.
        gamma, beta, moving_mean, moving_variance: ``(units,)`` or a number each.
        epsilon: added to the variance, above 0.

    Raises:
        ValueError: for another shape, a negative variance, or an epsilon of 0 or below.
    """
    x = _inputs(x)
    scale, shift = _scale_and_shift(x, gamma, beta, moving_mean, moving_variance, epsilon)
    return x * scale + shift


@takes(units=Whole(1, 10_000_000))
def start_moving(units: int) -> Moving:
    """Return the moving averages of a new layer: mean 0 and variance 1 for each unit.

    Raises:
        ValueError: for fewer than one unit.
    """
    return Moving(np.full(units, MOVING_MEAN), np.full(units, MOVING_VARIANCE))


@takes(moving=MOVED, passed=PASSED, momentum=MOMENTA)
@np.errstate(all="ignore")
def update_moving(moving: Moving, passed: Forward, momentum: float = MOMENTUM) -> Moving:
    """Return the moving averages after one more training batch.

    ``momentum`` is the share that the old value keeps, as in Keras. (PyTorch calls the share of
    the new one momentum.)

    Raises:
        ValueError: for a momentum outside [0, 1], or a batch of other units.
    """
    shapes = moving.mean.shape, np.shape(passed.mean)
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"expected a batch of the units of the averages, got {shapes}.") from None
    pairs = zip(moving, (passed.mean, passed.variance), strict=True)
    return Moving(*(momentum * old + (1 - momentum) * new for old, new in pairs))


@takes(values=Array("..."), start=Number(), momentum=MOMENTA)
@np.errstate(all="ignore")
def moving_averages(values, start: float, momentum: float = MOMENTUM) -> np.ndarray:
    """Return the moving average after each of the values, float64 ``(steps, ...)``.

    Args:
        values: what is averaged, step after step along the first axis.
        start: the average before the first step.
        momentum: the share that the old average keeps.

    Raises:
        ValueError: for a momentum outside [0, 1].

    >>> moving_averages([10, 10], start=0, momentum=0.9).round(2).tolist()
    [1.0, 1.9]
    """
    if values.ndim == 0:
        raise ValueError(f"values must have an axis of steps, got the number {values}.")
    values = np.asarray(values, dtype=np.float64)
    before = np.full((1, *values.shape[1:]), momentum * start)
    averages, _ = lfilter([1 - momentum], [1, -momentum], values, axis=0, zi=before)
    return averages


@takes(share=Number("(0, 1)"), momentum=Number("(0, 1)"))
def steps_until(share: float, momentum: float = MOMENTUM) -> int:
    """Return after how many steps the start weighs at most ``share`` in a moving average.

    After ``t`` steps it weighs ``momentum ** t``.

    Raises:
        ValueError: for a share or a momentum outside (0, 1).

    >>> steps_until(0.01, 0.99)
    459
    """
    return int(np.ceil(np.log(share) / np.log(momentum)))


@takes(kernel=Array(), bias=Array(), **_IN_INFERENCE)
@np.errstate(all="ignore")
def fold(
    kernel, bias, gamma, beta, moving_mean, moving_variance, epsilon: float = EPSILON
) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of one layer that does what a layer and its batch norm do.

    It holds in inference, and for a batch norm that follows the layer directly, before the
    activation: there it is a scale and a shift of each unit (algorithm 2, line 11).

    Args:
        kernel: of the layer before, units along the last axis: ``(fan_in, units)``, or a
            convolution's.
        bias: of the layer before, ``(units,)`` or a number; 0 where it has none.
        gamma, beta, moving_mean, moving_variance: of the batch norm, ``(units,)`` or a number.
        epsilon: of the batch norm.

    Returns:
        kernel of the same shape, and bias ``(units,)``.

    Raises:
        ValueError: as :func:`inference`.
    """
    kernel = _inputs(kernel)
    (bias,) = _for_units(kernel, bias=bias)
    scale, shift = _scale_and_shift(kernel, gamma, beta, moving_mean, moving_variance, epsilon)
    return kernel * scale, np.broadcast_to(bias * scale + shift, kernel.shape[-1:]).copy()


def _scale_and_shift(x, gamma, beta, moving_mean, moving_variance, epsilon):
    """Return what inference multiplies each unit of ``x`` with, and what it adds then."""
    gamma, beta, mean, variance = _for_units(
        x, gamma=gamma, beta=beta, moving_mean=moving_mean, moving_variance=moving_variance
    )
    if np.any(variance < 0):
        raise ValueError(f"a variance is at least 0, got {variance.min()}.")
    scale = gamma / np.sqrt(variance + x.dtype.type(epsilon))
    return scale, beta - mean * scale


def _inputs(x) -> np.ndarray:
    x = np.asarray(x)
    x = x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)
    if x.ndim < 2 or not x.size:
        raise ValueError(
            f"expected (..., units), two axes or more and at least one value, got shape {x.shape}."
        )
    return x


def _for_units(x: np.ndarray, **parameters) -> list[np.ndarray]:
    """Return each parameter in the dtype of ``x``, after a look at its shape."""
    arrays = [np.asarray(values, dtype=x.dtype) for values in parameters.values()]
    for name, array in zip(parameters, arrays, strict=True):
        if array.shape not in ((), x.shape[-1:]):
            raise ValueError(
                f"{name} is a number or has one value for each of {x.shape[-1]} units, "
                f"got shape {array.shape}."
            )
    return arrays
