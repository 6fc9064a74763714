"""Mean-field theory: the signal in a random network whose layers are infinitely wide.

There every pre-activation of a layer is normal with mean 0, and one number, its variance ``q``,
says all: it follows from that of the layer before (Poole et al. 2016, arXiv 1606.05340), and so
does the variance of the gradient on its way back (Schoenholz et al. 2017, arXiv 1611.01232).

``scaled_variance`` is sigma_w² in both papers: ``fan_in`` times the variance of a weight. ``q`` is
a mean square over units, so the mean of an activation function that is not centred is in it.

A layer of finite width scatters about these predictions, and each layer passes its error on: the
variance of log q grows like depth / width (Hanin & Rolnick 2018, arXiv 1803.01719, for ReLU). The
formulas leave that out. They also take the kernel of the way back for independent of the one of
the way forward, which for infinite width makes no difference.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from helpers.arguments import Called, Name, Number, Whole, takes
from helpers.arguments.arrays import FLAG, elementwise
from helpers.theory.activations import ACTIVATIONS, slope, value
from helpers.theory.initializers import get_initializer, weight_variance
from helpers.theory.signal import SATURATED, largest_slope

STEP = 0.15  # of log |z| between two nodes; the error of the integrals is then about 1e-11
PAIR_STEP = 0.2  # the same for pairs, in two dimensions; about 1e-8
SMALLEST, LARGEST = np.exp(-26.0), 9.2  # |z| of the nodes; beyond both there is 1e-11 of the whole
LINEAR = 1e-6  # two inputs at a smaller angle (in radians) differ only to first order
FLAT = 1e-10  # two numbers as close as this, relatively, are equal but for the integrals' error
MOST_LAYERS = 10_000
FARTHEST = 2.0**1000


class DepthScales(NamedTuple):
    """Over how many layers something shrinks by a factor e; infinite where it does not.

    Attributes:
        variance: the distance of q from its fixed point (the paper's ξ_q).
        correlation: the distance of the correlation of two like inputs from 1 (its ξ_c, at c* = 1).
            Negative where they move apart.
        gradient: the variance of the gradient (its ξ_∇). Negative where it grows.
    """

    variance: float
    correlation: float
    gradient: float


class Prediction(NamedTuple):
    """What ``signal.Flow`` tends to as the width grows; arrays ``(depth,)``.

    Attributes:
        pre_activation_std, activation_mean, activation_std, activation_spread, gradient_std,
        saturated: as those of ``Flow``. The mean of the pre-activations and of the gradients is 0.
    """

    pre_activation_std: np.ndarray
    activation_mean: np.ndarray
    activation_std: np.ndarray
    activation_spread: np.ndarray
    gradient_std: np.ndarray
    saturated: np.ndarray


_SIZE = Number("[0, inf)")
_ACTIVATION = Name(ACTIVATIONS, "activation")
_MAP = {
    "q": _SIZE,
    "activation": _ACTIVATION,
    "scaled_variance": _SIZE,
    "bias_variance": _SIZE,
    "centered": FLAG,
}


@takes(function=Called(), std=_SIZE)
@np.errstate(all="ignore")
def normal_mean(function: Callable[[np.ndarray], np.ndarray], std: float = 1.0) -> float:
    """Return the mean of ``function(z)``, ``z`` from N(0, std²).

    The nodes are even in log |z|, on both sides of 0. So a kink at 0 does no harm, and neither does
    a curve that bends within a distance of ``1 / std``, however large ``std`` is: where
    Gauss-Hermite's nodes step over the bend of a logistic function, these have it in view.

    >>> round(normal_mean(np.square, std=3.0), 9)
    9.0
    """
    z, weights = _nodes()
    return float(weights @ elementwise(function, std * z))


@takes(**_MAP)
@np.errstate(all="ignore")
def variance_map(
    q: float,
    activation: str,
    scaled_variance: float,
    bias_variance: float = 0.0,
    centered: bool = False,
) -> float:
    """Return the variance of a layer's pre-activations (Poole et al. 2016, eq. 3).

    Args:
        q: that of the layer before.
        activation: see ``helpers.theory.activations``.
        scaled_variance: ``fan_in`` times the variance of a weight.
        bias_variance: of the biases.
        centered: as in ``signal.propagate``.

    Raises:
        ValueError: for an unknown activation, or a negative number.

    >>> round(variance_map(5.0, "relu", scaled_variance=2.0), 9)
    5.0
    """
    curve = _curve(activation, centered)
    return scaled_variance * normal_mean(lambda z: curve(z) ** 2, np.sqrt(q)) + bias_variance


@takes(c=Number("[-1, 1]", "a correlation lies between -1 and 1"), **_MAP)
@np.errstate(all="ignore")
def correlation_map(
    c: float,
    q: float,
    activation: str,
    scaled_variance: float,
    bias_variance: float = 0.0,
    centered: bool = False,
) -> float:
    """Return the correlation of the pre-activations of two inputs (Poole et al. 2016, eq. 5).

    Args:
        c: the correlation in the layer before, from -1 to 1; both inputs have variance ``q`` there.
        others: as :func:`variance_map`.

    Raises:
        ValueError: as :func:`variance_map`, and for a correlation out of its range.

    >>> round(correlation_map(0.0, 1.0, "relu", 2.0), 6)  # 1 / pi: Cho & Saul 2009, eq. 6
    0.31831
    """
    total = variance_map(q, activation, scaled_variance, bias_variance, centered)
    apart = _difference(q * (1 - c), q, _curve(activation, centered), activation)
    return 1 - scaled_variance * apart / total if total else 1.0


@takes(**_MAP)
@np.errstate(all="ignore")
def chi(q: float, activation: str, scaled_variance: float) -> float:
    """Return χ, the factor of the gradient's variance in a layer (Poole et al. 2016, eq. 6).

    At the fixed point it is the papers' χ₁: below 1 the gradient vanishes and two like inputs
    become one, above 1 it explodes and they part.

    Args and errors: as :func:`variance_map`.

    >>> round(chi(1.0, "relu", scaled_variance=2.0), 9)
    1.0
    """
    return scaled_variance * _mean_square_slope(q, activation)


@takes(start=Number("(0, inf)"), **_MAP)
@np.errstate(all="ignore")
def fixed_point(
    activation: str,
    scaled_variance: float,
    bias_variance: float = 0.0,
    start: float = 1.0,
    centered: bool = False,
) -> float:
    """Return q*, where the variance ends that begins at ``start``: 0, a number, or infinity.

    ReLU under He's variance keeps any variance that it gets, so q* is ``start`` there.

    Args and errors: as :func:`variance_map`; ``start`` must be above 0.
    """

    def growth(log_q: float) -> float:
        q = np.exp(log_q)
        mapped = variance_map(q, activation, scaled_variance, bias_variance, centered)
        return np.log(mapped / q) if mapped else -np.inf

    first = growth(np.log(start))
    if abs(first) < FLAT:
        return float(start)
    factor = 2.0 if first > 0 else 0.5
    here = start
    while 1 / FARTHEST < here * factor < FARTHEST:
        there = growth(np.log(here * factor))
        if there * first <= 0 and abs(there) > FLAT:
            ends = sorted((np.log(here), np.log(here * factor)))
            return float(np.exp(brentq(growth, *ends, xtol=1e-14, rtol=1e-14)))
        if abs(there) < FLAT:  # it creeps to the end of the numbers, ever slower
            break
        here *= factor
    return np.inf if first > 0 else 0.0


@takes(**{**_MAP, "q": Number("(0, inf)", "at q = 0 nothing is left to measure")})
@np.errstate(all="ignore")
def depth_scales(
    q: float,
    activation: str,
    scaled_variance: float,
    centered: bool = False,
) -> DepthScales:
    """Return the depth scales at the fixed point ``q`` (Schoenholz et al. 2017, section 3).

    Args and errors: as :func:`variance_map`; ``q`` must be above 0.

    >>> round(depth_scales(1.0, "linear", 0.5).gradient, 4)  # 1 / log(2): halved in each layer
    1.4427
    """
    curve, std = _curve(activation, centered), np.sqrt(q)
    # The derivative of the variance map. The paper has a term with φ'' where this has φ' times z.
    # The two are equal (integrate by parts), and this one also holds where the slope jumps.
    of_map = scaled_variance * normal_mean(lambda z: curve(z) * slope(activation, z) * z, std) / q
    factor = chi(q, activation, scaled_variance)
    return DepthScales(*(_layers_to_shrink(x) for x in (of_map, factor, factor)))


@takes(
    activation=_ACTIVATION,
    depth=Whole(1, MOST_LAYERS),
    width=Whole(1, 10**9),
    input_scale=_SIZE,
    gain=_SIZE,
    centered=FLAG,
)
def predict(
    activation: str,
    initializer: str,
    depth: int = 20,
    width: int = 100,
    *,
    input_scale: float = 1.0,
    gain: float = 1.0,
    centered: bool = False,
) -> Prediction:
    """Return what theory says of ``signal.signal_flow`` with these arguments.

    Args: as ``signal.propagate``; the first layer's variance is exact for inputs of any scale.

    Raises:
        ValueError: for an unknown name, a constant initializer (its units are no random sample), or
            a number out of its range.
    """
    if get_initializer(initializer).distribution == "constant":
        raise ValueError(
            f"mean-field theory is about weights drawn at random, got initializer {initializer}."
        )
    with np.errstate(all="ignore"):
        scaled_variance = np.float64(gain) ** 2 * width * weight_variance(initializer, (width,) * 2)
        return _predict(activation, scaled_variance, depth, np.float64(input_scale) ** 2, centered)


def _predict(activation, scaled_variance, depth, input_variance, centered) -> Prediction:
    curve = _curve(activation, centered)
    z, weights = _nodes()
    q, apart = (scaled_variance * input_variance,) * 2  # any two inputs are uncorrelated
    rows, slopes = [], []
    for _ in range(depth):
        curved, steep = curve(np.sqrt(q) * z), slope(activation, np.sqrt(q) * z)
        square, mean = weights @ curved**2, weights @ curved
        slopes.append(weights @ steep**2)
        variance = weights @ (curved - mean) ** 2
        apart = _difference(apart, q, curve, activation, slopes[-1])
        flat = _saturated_share(q, activation)
        rows.append((np.sqrt(q), mean, np.sqrt(variance), np.sqrt(apart), flat))
        q, apart = scaled_variance * square, scaled_variance * apart
    # By the activations of the last layer the gradient has variance 1.
    gradient = np.cumprod([slopes[-1], *(scaled_variance * s for s in reversed(slopes[:-1]))])[::-1]
    std, mean, activation_std, spread, saturated = (
        np.array(row) for row in zip(*rows, strict=True)
    )
    return Prediction(std, mean, activation_std, spread, np.sqrt(gradient), saturated)


@takes(q=_SIZE, activation=_ACTIVATION)
def saturated_share(q: float, activation: str) -> float:
    """Return the probability that a pre-activation from N(0, q) is where the slope is flat.

    Flat is below a tenth of the activation's largest slope, as in ``signal.flow``.

    Raises:
        ValueError: for an unknown activation, or a variance below 0 or not finite.

    >>> round(saturated_share(1.0, "relu"), 3)
    0.5
    """
    return _saturated_share(q, activation)


def _saturated_share(q: float, activation: str) -> float:
    if np.isnan(q):
        return np.nan
    if q == 0:
        steep = abs(slope(activation, 0.0)) >= SATURATED * largest_slope(activation)
        return float(not steep)
    ends = _flat_intervals(activation) / np.sqrt(q)
    return float(np.sum(ndtr(ends[:, 1]) - ndtr(ends[:, 0])))


@lru_cache(maxsize=32)
def _flat_intervals(activation: str) -> np.ndarray:
    """Return where the slope is below a tenth of the largest, an array ``(intervals, 2)``."""
    z = np.linspace(-20, 20, 40_001)  # every curve is straight beyond
    flat = np.abs(slope(activation, z)) < SATURATED * largest_slope(activation)
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    ends = (z[changes] + z[changes + 1]) / 2
    if flat[0]:
        ends = np.concatenate([[-np.inf], ends])
    if flat[-1]:
        ends = np.concatenate([ends, [np.inf]])
    return ends.reshape(-1, 2)


def _curve(activation: str, centered: bool) -> Callable[[np.ndarray], np.ndarray]:
    shift = value(activation, 0.0) if centered else 0.0
    return lambda z: value(activation, z) - shift


def _mean_square_slope(q: float, activation: str) -> float:
    return normal_mean(lambda z: slope(activation, z) ** 2, np.sqrt(q))


def _difference(apart: float, q: float, curve, activation: str, square_slope=None) -> float:
    """Return half the mean square difference of a unit's activations for two inputs.

    That is the variance of the activation over inputs, of one unit, with its mean over inputs
    being what the two share.

    Args:
        apart: the same of the pre-activations, ``q (1 - c)``.
        q: the variance of the pre-activations.
        curve: the activation function.
        activation: its name, for its slope.
        square_slope: the mean of its squared slope, if it is known already.
    """
    if q == 0 or not np.isfinite(q):
        return 0.0 if q == 0 else np.nan
    angle = 2 * np.arcsin(np.sqrt(np.clip(apart / (2 * q), 0, 1)))
    if angle < LINEAR:
        return apart * (_mean_square_slope(q, activation) if square_slope is None else square_slope)
    first, second, weights = _pair_nodes(angle)
    std = np.sqrt(q)
    return float(weights @ (curve(std * first) - curve(std * second)) ** 2) / 2


@lru_cache(maxsize=1)
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights for the mean over N(0, 1): the trapezoidal rule in log |z|."""
    positive = np.exp(np.arange(np.log(SMALLEST), np.log(LARGEST), STEP))
    weights = STEP * positive * np.exp(-(positive**2) / 2) / np.sqrt(2 * np.pi)
    return np.concatenate([-positive[::-1], positive]), np.concatenate([weights[::-1], weights])


@lru_cache(maxsize=1)
def _radii() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights for the distance from 0 of a point from N(0, 1) x N(0, 1)."""
    radii = np.exp(np.arange(-10.0, np.log(LARGEST), PAIR_STEP))
    return radii, PAIR_STEP * radii**2 * np.exp(-(radii**2) / 2)


@lru_cache(maxsize=1)
def _unit_interval() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes in (0, 1), dense at both ends, and weights (tanh-sinh, Takahasi & Mori 1974)."""
    t = np.arange(-3.0, 3.0 + PAIR_STEP / 2, PAIR_STEP)
    bent = np.pi / 2 * np.sinh(t)
    return (1 + np.tanh(bent)) / 2, PAIR_STEP * np.pi / 4 * np.cosh(t) / np.cosh(bent) ** 2


def _pair_nodes(angle: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of standard normal numbers with correlation cos(angle), and their weights.

    In polar coordinates each of the two is 0 along two rays, whatever the radius. The intervals of
    directions end on these rays, where the activation functions bend.
    """
    radii, radial = _radii()
    unit, weights = _unit_interval()
    ends = np.pi / 2 + np.array([0.0, angle, np.pi, np.pi + angle, 2 * np.pi])
    lengths = np.diff(ends)
    directions = (ends[:-1, None] + lengths[:, None] * unit).ravel()
    angular = (lengths[:, None] * weights).ravel() / (2 * np.pi)
    first, second = np.cos(directions), np.cos(directions - angle)
    pairs = (np.multiply.outer(radii, along).ravel() for along in (first, second))
    return *pairs, np.multiply.outer(radial, angular).ravel()


def _layers_to_shrink(factor: float) -> float:
    """Return after how many layers a number is e times smaller that is multiplied by ``factor``."""
    if factor == 0:
        return 0.0
    return float(-1 / np.log(factor)) if abs(factor - 1) > FLAT else np.inf
