"""Initializers: how large the weights of a layer start, and what they are drawn from.

Names are Keras's. Two are written as they are read: ``"normal(0.1)"`` draws from a normal
distribution with mean 0 and that standard deviation, ``"constant(0.1)"`` sets every weight to it.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.arguments import Number, check_cost, takes
from helpers.arguments.arrays import GENERATOR
from helpers.names import lookup, shown

# The standard deviation of a standard normal distribution cut off at -2 and 2. Keras divides by it,
# so that what is drawn has the variance that was asked for.
TRUNCATED_STD = 0.87962566103423978
MOST_WEIGHTS = 30_000_000  # of a kernel: 240 MB
WRITTEN = re.compile(r"(normal|constant)\(\s*([-+0-9.e]+)\s*\)")


class Initializer(NamedTuple):
    """How the weights of a layer start.

    Attributes:
        name: Keras's name, or ``normal(std)``, ``constant(value)``.
        title: for figures and text.
        fan: which number of connections the variance is divided by: ``"fan_in"``, ``"fan_out"``,
            ``"fan_avg"``, or ``None`` where the variance follows from no fan.
        scale: the variance is ``scale / fan``; without a fan, ``scale`` is the standard deviation,
            or the constant.
        distribution: ``"truncated normal"``, ``"normal"``, ``"uniform"``, ``"constant"`` or
            ``"orthogonal"``.
    """

    name: str
    title: str
    fan: str | None
    scale: float
    distribution: str


#: By name. Sources: Glorot & Bengio 2010, eq. 12 (variance) and 16 (uniform limit); He et al. 2015,
#: eq. 10; LeCun et al. 1998, section 4.6; orthogonal: Saxe et al. 2014.
INITIALIZERS = {
    initializer.name: initializer
    for initializer in (
        Initializer("glorot_uniform", "Glorot uniform", "fan_avg", 1.0, "uniform"),
        Initializer("glorot_normal", "Glorot normal", "fan_avg", 1.0, "truncated normal"),
        Initializer("he_uniform", "He uniform", "fan_in", 2.0, "uniform"),
        Initializer("he_normal", "He normal", "fan_in", 2.0, "truncated normal"),
        Initializer("lecun_uniform", "LeCun uniform", "fan_in", 1.0, "uniform"),
        Initializer("lecun_normal", "LeCun normal", "fan_in", 1.0, "truncated normal"),
        Initializer("orthogonal", "orthogonal", None, 1.0, "orthogonal"),
        Initializer("zeros", "zeros", None, 0.0, "constant"),
        Initializer("ones", "ones", None, 1.0, "constant"),
    )
}


def get_initializer(name: str) -> Initializer:
    """Return the named initializer.

    Raises:
        ValueError: for an unknown name, with the nearest spelling and all known names.

    >>> get_initializer("normal(1)").title
    'N(0, 1²)'
    """
    written = WRITTEN.fullmatch(name) if isinstance(name, str) else None
    if not written:
        return lookup(
            name, {**INITIALIZERS, "normal(1)": None, "constant(0.1)": None}, "initializer"
        )
    kind, text = written.groups()
    try:
        scale = float(text)
    except ValueError:
        raise ValueError(f"{name}: expected a number in the brackets, got {text!r}.") from None
    if kind == "normal" and not 0 <= scale < np.inf:
        raise ValueError(f"{name}: a standard deviation is at least 0 and finite, got {scale}.")
    if not np.isfinite(scale):
        raise ValueError(f"{name}: a constant is finite, got {scale}.")
    title = f"N(0, {text}²)" if kind == "normal" else f"constant {text}"
    return Initializer(name, title, None, scale, kind)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return ``fan_in`` and ``fan_out`` of a kernel, as Keras counts them.

    Args:
        shape: of a Keras kernel: ``(fan_in, fan_out)`` for a dense layer, ``(height, width,
            channels in, channels out)`` for a convolution.

    Raises:
        ValueError: for fewer than two dimensions, or one that is not a whole number above 0 (and
            below 2**31).

    >>> fans((300, 100)), fans((3, 3, 16, 32))
    ((300, 100), (144, 288))
    """
    listed = isinstance(shape, Sequence) or (isinstance(shape, np.ndarray) and shape.ndim > 0)
    sizes = shape if listed else ()
    whole = all(isinstance(size, int | np.integer) and 0 < size < 2**31 for size in sizes)
    if len(sizes) < 2 or not whole:
        raise ValueError(
            "a kernel's shape has two or more whole numbers above 0, (fan_in, fan_out) for a "
            f"dense layer, got {shown(shape)}."
        )
    field = math.prod(map(int, shape[:-2]))
    return int(shape[-2]) * field, int(shape[-1]) * field


def weight_variance(name: str, shape: tuple[int, ...]) -> float:
    """Return the variance that the initializer gives each weight of a kernel of that shape.

    For a constant it is 0. An orthogonal ``(rows, columns)`` has ``1 / max(rows, columns)``.

    Raises:
        ValueError: for an unknown name or a bad shape.

    >>> weight_variance("he_normal", (50, 200)), weight_variance("glorot_normal", (50, 200))
    (0.04, 0.008)
    """
    initializer = get_initializer(name)
    fan_in, fan_out = fans(shape)
    match initializer.distribution:
        case "constant":
            return 0.0
        case "normal":
            return initializer.scale**2
        case "orthogonal":
            return initializer.scale**2 / max(_flat(shape))
    counts = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    return initializer.scale / counts[initializer.fan]


@takes(variance=Number("[0, inf)"))
def uniform_limit(variance: float) -> float:
    """Return the limit of the uniform distribution on [-limit, limit] that has this variance.

    The variance of that distribution is limit² / 3 (Glorot & Bengio 2010, eq. 16).

    Raises:
        ValueError: for a variance below 0, or one that is not finite.
    """
    return float(np.sqrt(3 * variance))


@takes(rng=GENERATOR)
def sample(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return a kernel, float64, drawn as Keras draws it (from another random generator).

    Args:
        name: an initializer's name.
        shape: of the kernel, see :func:`fans`.
        rng: where the numbers come from.

    Raises:
        ValueError: for an unknown name, a bad shape, or more weights than memory should hold.
    """
    initializer = get_initializer(name)
    fan_in, _ = fans(shape)
    check_cost("the weights of a kernel", fan_in * int(shape[-1]), MOST_WEIGHTS)
    std = np.sqrt(weight_variance(name, shape))
    match initializer.distribution:
        case "constant":
            return np.full(shape, initializer.scale)
        case "normal":
            return rng.normal(0, std, shape)
        case "uniform":
            return rng.uniform(-uniform_limit(std**2), uniform_limit(std**2), shape)
        case "orthogonal":
            return initializer.scale * _orthogonal(shape, rng)
    return std / TRUNCATED_STD * _truncated_normal(shape, rng)


def _truncated_normal(shape, rng: np.random.Generator) -> np.ndarray:
    """Draw from a standard normal distribution, again wherever it lies beyond -2 and 2."""
    drawn = rng.standard_normal(shape)
    beyond = np.flatnonzero(np.abs(drawn) > 2)
    flat = drawn.reshape(-1)
    while len(beyond):
        flat[beyond] = rng.standard_normal(len(beyond))
        beyond = beyond[np.abs(flat[beyond]) > 2]
    return drawn


def _orthogonal(shape, rng: np.random.Generator) -> np.ndarray:
    rows, columns = _flat(shape)
    drawn = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r))  # without it, QR does not draw every orthogonal matrix alike
    return (q if rows >= columns else q.T).reshape(shape)


def _flat(shape) -> tuple[int, int]:
    return math.prod(map(int, shape[:-1])), int(shape[-1])
