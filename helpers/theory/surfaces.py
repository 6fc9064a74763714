"""Loss surfaces over two weights: where optimizers race.

A point is ``(x, y)`` in the last dimension of an array; the dimensions before it are as many
points as one likes. Every surface is 0 at its minimum and above 0 elsewhere.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from helpers.arguments import Items, Number, takes
from helpers.arguments.arrays import Array
from helpers.names import lookup

RAVINE_CURVATURES = (1.0, 50.0)
ROSENBROCK_STEEPNESS = 100.0
CLIFF_STEEPNESS = 3.0
STEEPEST = 300.0  # exponents stop here: far beyond any picture, and nothing overflows


class Surface(NamedTuple):
    """A loss over two weights.

    Attributes:
        name: what the course's functions and labs call it.
        title: for figures and text.
        value: function of points ``(..., 2)``; float64 ``(...)``.
        gradient: its derivative; float64 ``(..., 2)``.
        minima: where the value is 0, each ``(x, y)``.
        start: a point from which the way down shows what the surface is about.
        window: ``(left, right, bottom, top)``, the part worth drawing.
        about: what is hard about it, in a sentence.
    """

    name: str
    title: str
    value: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    minima: tuple[tuple[float, float], ...]
    start: tuple[float, float]
    window: tuple[float, float, float, float]
    about: str


def _of_points(function: Callable) -> Callable:
    """Return a function of points that refuses anything else, and whose overflow is infinite."""
    return takes(point=Array("..., 2"))(np.errstate(all="ignore")(function))


def _parts(point) -> tuple[np.ndarray, np.ndarray]:
    point = np.asarray(point, dtype=np.float64)
    return point[..., 0], point[..., 1]


@takes(curvatures=Items(Number()))
def quadratic(curvatures: tuple[float, float]) -> tuple[Callable, Callable]:
    """Return value and gradient of ``(a * x² + b * y²) / 2``.

    Args:
        curvatures: ``a`` and ``b``; the larger by the smaller is the condition number.

    Raises:
        ValueError: unless there are two curvatures above 0: else there is no minimum.

    >>> value, gradient = quadratic((1.0, 50.0))
    >>> float(value([2.0, 1.0])), gradient([2.0, 1.0]).tolist()
    (27.0, [2.0, 50.0])
    """
    if len(curvatures) != 2 or not min(curvatures) > 0:
        raise ValueError(f"a quadratic surface has two curvatures above 0, got {curvatures}.")
    scales = np.asarray(curvatures, dtype=np.float64)

    @_of_points
    def value(point):
        return (scales * np.square(point)).sum(axis=-1) / 2

    @_of_points
    def gradient(point):
        return scales * point

    return value, gradient


@_of_points
def _saddle(point):
    x, y = _parts(point)
    return x**2 / 2 + (y**2 - 1) ** 2 / 4


@_of_points
def _saddle_gradient(point):
    x, y = _parts(point)
    return np.stack([x, y**3 - y], axis=-1)


@_of_points
def _rosenbrock(point):
    x, y = _parts(point)
    return (1 - x) ** 2 + ROSENBROCK_STEEPNESS * (y - x**2) ** 2


@_of_points
def _rosenbrock_gradient(point):
    x, y = _parts(point)
    across = 2 * ROSENBROCK_STEEPNESS * (y - x**2)
    return np.stack([2 * (x - 1) - 2 * x * across, across], axis=-1)


@_of_points
def _plateau(point):
    x, y = _parts(point)
    return -np.expm1(-(x**2 + y**2) / 2)


@_of_points
def _plateau_gradient(point):
    point = np.asarray(point, dtype=np.float64)
    return point * np.exp(-np.square(point).sum(axis=-1, keepdims=True) / 2)


def _wall(x):
    return np.expm1(np.minimum(CLIFF_STEEPNESS * x, STEEPEST))


@_of_points
def _cliff(point):
    x, y = _parts(point)
    return y**2 / 2 + (_wall(x) - CLIFF_STEEPNESS * x) / CLIFF_STEEPNESS


@_of_points
def _cliff_gradient(point):
    x, y = _parts(point)
    return np.stack([_wall(x), y], axis=-1)


#: By name. Rosenbrock 1960; the cliff is after Pascanu, Mikolov & Bengio 2013, figure 6.
SURFACES = {
    surface.name: surface
    for surface in (
        Surface(
            "ravine",
            "ravine",
            *quadratic(RAVINE_CURVATURES),
            ((0.0, 0.0),),
            (-4.0, 1.0),
            (-5.0, 5.0, -1.8, 1.8),
            "50 times as steep across as along",
        ),
        Surface(
            "saddle",
            "saddle",
            _saddle,
            _saddle_gradient,
            ((0.0, 1.0), (0.0, -1.0)),
            (1.8, 0.001),
            (-2.0, 2.0, -1.5, 1.5),
            "flat at (0, 0), where it goes down on both sides",
        ),
        Surface(
            "rosenbrock",
            "Rosenbrock's valley",
            _rosenbrock,
            _rosenbrock_gradient,
            ((1.0, 1.0),),
            (-1.2, 1.0),
            (-2.0, 2.0, -1.0, 3.0),
            "a bent valley with steep walls and an almost level floor",
        ),
        Surface(
            "plateau",
            "plateau",
            _plateau,
            _plateau_gradient,
            ((0.0, 0.0),),
            (-3.0, 1.5),
            (-4.0, 4.0, -2.5, 2.5),
            "almost level far from the minimum",
        ),
        Surface(
            "cliff",
            "cliff",
            _cliff,
            _cliff_gradient,
            ((0.0, 0.0),),
            (1.5, 1.5),
            (-8.0, 2.2, -2.2, 2.2),
            "an even slope that ends in a wall, steeper by the step",
        ),
    )
}


def get_surface(name: str) -> Surface:
    """Return the named surface.

    Raises:
        ValueError: for an unknown name, with the nearest spelling and all known names.

    >>> float(get_surface("saddle").value([0.0, 0.0]))
    0.25
    """
    return lookup(name, SURFACES, "surface")
