"""What a layer does to the mean and the variance of a signal (Klambauer et al. 2017, SELU).

A unit adds up many inputs, so its pre-activation is close to a normal distribution, and two numbers
describe it. A layer then is a map from one pair (mean, variance) to the next. SELU's two constants
are chosen so that (0, 1) maps to itself.

Equations are those of "Self-Normalizing Neural Networks", NeurIPS 30, 2017 (arXiv 1706.02515).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import root
from scipy.special import log_ndtr, ndtr

from helpers.arguments import Called, Items, Number, Whole, refuse, takes
from helpers.arguments.arrays import GENERATOR, Array, elementwise
from helpers.names import lookup
from helpers.theory.activations import SELU_ALPHA, SELU_SCALE, get_activation, value
from helpers.theory.dropout import DROPOUTS, SELU_FLOOR, alpha_dropout_constants
from helpers.theory.initializers import sample

#: How layers may be joined: each fed to the next alone; its input added to its output; or twice the
#: units, of which only the larger of each pair is passed on.
ARCHITECTURES = ("sequential", "skip connections", "max pooling")
#: Each condition of self-normalization broken alone: the changed arguments of `measure_path`.
BROKEN = {
    "nothing": {},
    "Glorot's weights": {"initializer": "glorot_normal"},
    "He's weights": {"initializer": "he_normal"},
    "inputs of mean 5": {"input_mean": 5.0},
    "skip connections": {"architecture": "skip connections"},
    "max pooling": {"architecture": "max pooling"},
    "dropout 0.1": {"dropout": "dropout", "dropout_rate": 0.1},
    "dropout 0.5": {"dropout": "dropout", "dropout_rate": 0.5},
    "alpha dropout 0.5": {"dropout": "alpha", "dropout_rate": 0.5},
    "ELU": {"activation": "elu"},
    "ReLU": {"activation": "relu"},
    "tanh": {"activation": "tanh"},
}
FALLING = ("gelu", "swish", "mish")  # for a while, left of 0
POINT = 1e-150  # stands for a standard deviation of 0: its square is still above 0
MOST_LAYERS = 10_000
FARTHEST = 9  # standard deviations; beyond, a normal distribution holds 2e-19
NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)


class Moments(NamedTuple):
    """A mean and a variance: floats, or float64 arrays of one shape."""

    mean: np.ndarray
    variance: np.ndarray


class Path(NamedTuple):
    """What is measured in a network, from its inputs on; float64 arrays ``(layers + 1,)``.

    Attributes:
        mean, std: over all units and all inputs.
        unit_std: of one unit over the inputs, averaged over the units. Where it is small, the
            network answers every input alike, however large ``std`` is.
    """

    mean: np.ndarray
    std: np.ndarray
    unit_std: np.ndarray


_NUMBERS = Array(interval="(-inf, inf)")
_DROPOUT_RATE = Number("[0, 1)", "a dropout rate of 0.5 drops half of the units")


@takes(
    mean=_NUMBERS,
    variance=_NUMBERS,
    omega=_NUMBERS,
    tau=_NUMBERS,
    alpha=Number(),
    scale=Number(),
)
@np.errstate(all="ignore")
def selu_moments(mean, variance, omega=0.0, tau=1.0, alpha=SELU_ALPHA, scale=SELU_SCALE) -> Moments:
    """Return mean and variance of a SELU unit, from those of its inputs (eq. 4 and 5).

    The inputs are independent, and many: the pre-activation is normal, with mean ``mean * omega``
    and variance ``variance * tau``.

    Args:
        mean, variance: of the inputs; numbers or arrays.
        omega: sum of the unit's weights.
        tau: sum of their squares.
        alpha, scale: SELU's constants; the paper writes the second as lambda.

    Raises:
        ValueError: for a negative variance or tau, shapes that do not go together, or what is no
            finite number.

    >>> mean, variance = selu_moments(0, 1)
    >>> abs(float(mean)) < 1e-12, abs(float(variance) - 1) < 1e-12
    (True, True)
    """
    alpha, scale = np.float64(alpha), np.float64(scale)  # overflow: infinite, no exception
    m, s = _pre_activation(mean, variance, omega, tau)
    below = ndtr(-m / s)
    one, two = _exponential_part(m, s, 1), _exponential_part(m, s, 2)
    density = s * _density(m / s)
    first = m * ndtr(m / s) + density + alpha * (one - below)
    second = (m**2 + s**2) * ndtr(m / s) + m * density + alpha**2 * (two - 2 * one + below)
    return Moments(scale * first, np.maximum(scale**2 * (second - first**2), 0))


@takes(
    mean=Number(),
    variance=Number(),
    omega=Number(),
    tau=Number(),
    alpha=Number(),
    scale=Number(),
)
@np.errstate(all="ignore")
def selu_jacobian(
    mean, variance, omega=0.0, tau=1.0, alpha=SELU_ALPHA, scale=SELU_SCALE
) -> np.ndarray:
    """Return the derivatives of :func:`selu_moments`: rows mean and variance out, columns in.

    The paper's appendix has the entries. They follow from two rules for a normal z with mean m and
    variance v: E[f(z)] changes by E[f'(z)] with m, and by E[f''(z)] / 2 with v. At the fixed point,
    without omega, the largest singular value is 0.7877, below 1: the map contracts there.

    Args:
        mean, variance, omega, tau, alpha, scale: numbers, as in :func:`selu_moments`.

    Returns:
        float64 ``(2, 2)``.

    Raises:
        ValueError: for a variance or tau that is not above 0: the slope by it is not finite there.
    """
    alpha, scale = np.float64(alpha), np.float64(scale)
    m, s = (np.float64(part) for part in _pre_activation(mean, variance, omega, tau))
    if s <= np.maximum(1e-9 * abs(m), POINT):
        raise ValueError(f"expected variance and tau above 0, got {variance} and {tau}.")
    above, density = ndtr(m / s), _density(m / s)
    one, two = _exponential_part(m, s, 1), _exponential_part(m, s, 2)
    first = float(selu_moments(mean, variance, omega, tau, alpha, scale).mean)
    mean_by_m = scale * (above + alpha * one)
    mean_by_v = scale / 2 * (alpha * one + (1 - alpha) * density / s)
    second_by_m = 2 * scale**2 * (m * above + s * density + alpha**2 * (two - one))
    second_by_v = scale**2 * (above + alpha**2 * (2 * two - one))
    rows = (
        (mean_by_m, mean_by_v),
        (second_by_m - 2 * first * mean_by_m, second_by_v - 2 * first * mean_by_v),
    )
    return np.array(rows) * (omega, tau)


@takes(mean=Number(), variance=Number("[0, inf)"))
@np.errstate(all="ignore")
def solve_selu_constants(mean=0.0, variance=1.0) -> tuple[float, float]:
    """Return the ``alpha`` and ``scale`` for which (mean, variance) maps to itself (eq. 14).

    It solves the two equations numerically, with weights that sum to 0 and squares that sum to 1.

    Raises:
        ValueError: when the search ends without a solution, as for a variance near 0.

    >>> alpha, scale = solve_selu_constants()
    >>> f"{alpha:.10f} {scale:.10f}"
    '1.6732632424 1.0507009874'
    """

    def residual(constants):
        moments = selu_moments(mean, variance, 0.0, 1.0, *constants)
        return moments.mean - mean, moments.variance - variance

    found = root(residual, x0=(1.0, 1.0), tol=1e-15)
    if not np.allclose(found.fun, 0, atol=1e-10):
        raise ValueError(
            f"found no alpha and scale that keep what was got, mean {mean}, variance {variance}: "
            f"{' '.join(found.message.split())}"
        )
    return float(found.x[0]), float(found.x[1])


@takes(function=Called(), mean=_NUMBERS, variance=_NUMBERS)
@np.errstate(all="ignore")
def expectation(function: Callable, mean=0.0, variance=1.0) -> np.ndarray:
    """Return the mean of ``function(z)`` over a normal z, by Gauss-Legendre quadrature.

    The range is cut in two at z = 0, where activations have their kinks, so that a kink or a jump
    there costs no accuracy.

    Args:
        function: of a float64 array, elementwise.
        mean, variance: of z; numbers or arrays.

    Raises:
        ValueError: for a negative variance.

    >>> round(float(expectation(np.square, mean=3, variance=4)), 9)
    13.0
    """
    m, s = _pre_activation(mean, variance, 1.0, 1.0)
    m, s = np.broadcast_arrays(m[..., np.newaxis], s[..., np.newaxis])
    cut = np.clip(0, m - FARTHEST * s, m + FARTHEST * s)
    total = 0.0
    for low, high in ((m - FARTHEST * s, cut), (cut, m + FARTHEST * s)):
        z = low + (high - low) * (NODES + 1) / 2
        values = elementwise(function, z) * _density((z - m) / s) / s
        total = total + (values * WEIGHTS * (high - low) / 2).sum(axis=-1)
    return total


@takes(mean=_NUMBERS, variance=_NUMBERS, omega=_NUMBERS, tau=_NUMBERS)
@np.errstate(all="ignore")
def quadrature_moments(activation: str, mean, variance, omega=0.0, tau=1.0, **parameters):
    """Return the :class:`Moments` of a unit with any activation, by quadrature.

    Args:
        activation: a name of ``helpers.theory.activations``.
        mean, variance, omega, tau: as in :func:`selu_moments`.
        parameters: those of the activation.

    Raises:
        ValueError: for an unknown name, or a negative variance or tau.
    """
    get_activation(activation)
    m, s = _pre_activation(mean, variance, omega, tau)
    first = expectation(lambda z: value(activation, z, **parameters), m, s**2)
    shift = first[..., np.newaxis]  # about the mean: no digits cancel
    return Moments(
        first, expectation(lambda z: (value(activation, z, **parameters) - shift) ** 2, m, s**2)
    )


@takes(step=Called(), start=Items(Number()), layers=Whole(0, MOST_LAYERS))
@np.errstate(all="ignore")
def iterate(step: Callable, start, layers: int) -> Moments:
    """Return the path of ``step(mean, variance)`` from ``start``, as arrays ``(layers + 1,)``.

    Raises:
        ValueError: for a start that is no mean and variance, or too many layers.

    >>> iterate(selu_moments, (0, 4), layers=50).variance[-1].round(3)
    np.float64(1.0)
    """
    if len(start) != 2:
        raise ValueError(f"start must be a mean and a variance, got {start}.")
    path = [Moments(*(float(part) for part in start))]
    for _ in range(layers):
        found = np.asarray(step(*path[-1]))
        if found.dtype.kind not in "iuf" or found.shape != (2,):
            refuse("step", "return a mean and a variance, two numbers", found)
        path.append(Moments(*(float(part) for part in found)))
    return Moments(*np.array(path).T)


@takes(mean=_NUMBERS, variance=_NUMBERS, tau=Number("[0, inf)"), dropout_rate=_DROPOUT_RATE)
@np.errstate(all="ignore")
def random_layer_moments(
    mean,
    variance,
    activation: str = "selu",
    tau: float = 1.0,
    architecture: str = "sequential",
    dropout: str | None = None,
    dropout_rate: float = 0.0,
) -> Moments:
    """Return mean and variance over all units of a wide layer whose weights are drawn at random.

    Eq. 4 and 5 follow one unit, whose weights add up to omega. Over the units of a random layer
    omega is itself normal, with mean 0 and variance tau. So all pre-activations together have mean
    0 and variance ``tau * (variance + mean²)``: the mean of the inputs is forgotten at once.

    Args:
        mean, variance: of the layer's inputs; numbers or arrays.
        activation: a name of ``helpers.theory.activations``.
        tau: fan_in times the variance of the weights; 1 for LeCun, 2 for He.
        architecture: one of ``ARCHITECTURES``.
        dropout: after the activation; ``None``, or a name of ``helpers.theory.dropout.DROPOUTS``.
        dropout_rate: probability to be dropped, in [0, 1).

    Raises:
        ValueError: for an unknown name, a negative variance or tau, a bad rate, or max pooling of
            an activation that falls somewhere.
    """
    _check(architecture, activation, dropout)
    _check_shapes(mean, variance)
    mean, variance = np.asarray(mean, float), np.asarray(variance, float)
    _, s = _pre_activation(0.0, variance + mean**2, 0.0, tau)
    outputs = value(activation, s[..., np.newaxis] * UNITS)
    shares = LARGER_SHARES if architecture == "max pooling" else SHARES
    first = outputs @ shares
    layer = Moments(first, (outputs - first[..., np.newaxis]) ** 2 @ shares)
    if dropout is not None:
        layer = _after_dropout(layer, dropout, dropout_rate)
    if architecture == "skip connections":  # weights with mean 0: output and input do not covary
        return Moments(mean + layer.mean, variance + layer.variance)
    return layer


@takes(
    x=Array("n, width"),
    layers=Whole(0, MOST_LAYERS),
    rng=GENERATOR,
    dropout_rate=_DROPOUT_RATE,
    input_mean=Number(),
    largest=Number("[1, inf]"),
)
@np.errstate(all="ignore")
def measure_path(
    x: np.ndarray,
    layers: int,
    rng: np.random.Generator,
    activation: str = "selu",
    initializer: str = "lecun_normal",
    architecture: str = "sequential",
    dropout: str | None = None,
    dropout_rate: float = 0.0,
    input_mean: float = 0.0,
    largest: float = np.inf,
) -> Path:
    """Send ``x`` through layers of random weights and return what is measured after each.

    Every layer passes on as many units as the inputs have features. Biases are 0.

    Args:
        x: inputs ``(n, width)``.
        layers: how many.
        rng: where weights, and the units to drop, come from.
        activation, architecture, dropout, dropout_rate: as in :func:`random_layer_moments`.
        initializer: a name of ``helpers.theory.initializers``.
        input_mean: added to ``x``.
        largest: stop after the layer whose standard deviation exceeds this or falls below its
            inverse; the path then has fewer entries.

    Raises:
        ValueError: for an unknown name, or a number out of its range.
    """
    _check(architecture, activation, dropout)
    x = np.asarray(x, dtype=float) + input_mean
    kernels = 2 if architecture == "max pooling" else 1
    measured = [_measure(x)]
    for _ in range(layers):
        drawn = [sample(initializer, (x.shape[1], x.shape[1]), rng) for _ in range(kernels)]
        outputs = np.maximum.reduce([value(activation, x @ kernel) for kernel in drawn])
        if dropout is not None:
            outputs = DROPOUTS[dropout](outputs, dropout_rate, rng)
        x = x + outputs if architecture == "skip connections" else outputs
        measured.append(_measure(x))
        if not 1 / largest <= measured[-1][1] <= largest:
            break
    return Path(*np.array(measured).T)


def _measure(x: np.ndarray) -> tuple[float, float, float]:
    """Return mean, standard deviation and a unit's standard deviation, also where x² overflows."""
    size = np.abs(x).max()
    if size == 0 or not np.isfinite(size):
        return (0.0, 0.0, 0.0) if size == 0 else (np.nan, np.inf, np.inf)
    x = x / size
    return x.mean() * size, x.std() * size, x.std(axis=0).mean() * size


def _after_dropout(moments: Moments, dropout: str, rate: float) -> Moments:
    """Return mean and variance after dropout, from those before."""
    a, b = alpha_dropout_constants(rate)  # also answers for a bad rate
    mean, variance = moments
    if dropout == "dropout":  # kept units are divided by 1 - rate: the mean stays
        return Moments(mean, (variance + rate * mean**2) / (1 - rate))
    masked = (1 - rate) * mean + rate * SELU_FLOOR
    spread = (1 - rate) * (variance + rate * (mean - SELU_FLOOR) ** 2)
    return Moments(a * masked + b, a**2 * spread)


def _check(architecture: str, activation: str, dropout: str | None) -> None:
    get_activation(activation)
    lookup(architecture, dict.fromkeys(ARCHITECTURES), "architecture")
    if dropout is not None:
        lookup(dropout, DROPOUTS, "kind of dropout")
    if architecture == "max pooling" and activation in FALLING:
        raise ValueError(
            f"with max pooling, expected an activation that never falls, got {activation!r}: the "
            "larger of two pre-activations need not be the larger of two activations."
        )


def _pre_activation(mean, variance, omega, tau) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the pre-activation."""
    if np.any(np.asarray(variance) < 0) or np.any(np.asarray(tau) < 0):
        raise ValueError(f"variance and tau are at least 0, got {variance} and {tau}.")
    _check_shapes(mean, variance, omega, tau)
    m = np.asarray(mean, dtype=float) * omega
    s = np.sqrt(np.asarray(variance, dtype=float) * tau)
    return m, np.maximum(s, np.maximum(1e-9 * np.abs(m), POINT))  # a single point is a narrow peak


def _check_shapes(*moments) -> None:
    shapes = [np.shape(each) for each in moments]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"means and variances must be of one shape, got {shapes}.") from None


def _density(z) -> np.ndarray:
    return np.exp(-(np.asarray(z) ** 2) / 2) / np.sqrt(2 * np.pi)


def _exponential_part(m, s, k: int):
    """Return E[exp(k z)] over the part of a normal z below 0; in logarithms, so that it is finite.

    The paper writes it with exp and erfc, whose product overflows for large variances.
    """
    return np.exp(k * m + (k * s) ** 2 / 2 + log_ndtr(-(m + k * s**2) / s))


# For a normal z with mean 0 and standard deviation s: E[f(z)] is f(s * UNITS) @ SHARES. The larger
# of two such z has the density 2 p(z) P(z).
UNITS = np.concatenate([FARTHEST * (NODES - 1) / 2, FARTHEST * (NODES + 1) / 2])
SHARES = np.tile(WEIGHTS * FARTHEST / 2, 2) * _density(UNITS)
LARGER_SHARES = 2 * SHARES * ndtr(UNITS)
