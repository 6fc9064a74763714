"""Arrays, and what else of NumPy a public function takes.

Apart from the other kinds, so that what needs no arrays does not import NumPy.
"""

from collections.abc import Callable

import numpy as np

from helpers.arguments import Instance, Interval, Kind, refuse


class Array(Kind):
    """Numbers in an array, or what NumPy makes one of.

    Args:
        shape: the axes, such as ``"n, features"``, ``"..., 3"`` or ``"n, ..."``; axes of one name
            are of one size in all arguments, and no axis is empty. None takes any shape, empty ones
            too.
        interval: where they have to lie, such as ``"[0, 1]"``; None takes infinities and NaN too.
        whole: whether they have to be whole numbers.
        boolean: whether they have to be True and False.
        gaps: whether infinities and NaN are taken beside what lies in the interval.
    """

    def __init__(
        self,
        shape: str | None = None,
        interval: str | None = None,
        *,
        whole: bool = False,
        boolean: bool = False,
        gaps: bool = False,
    ):
        self.shape = shape
        self.axes = None if shape is None else [axis.strip() for axis in shape.split(",")]
        self.interval = interval and Interval(interval)
        self.gaps = gaps
        self.dtypes = "b" if boolean else "iu" if whole else "iuf"
        self.what = "True and False" if boolean else "whole numbers" if whole else "numbers"

    def take(self, name, value, sizes):
        """Return the array."""
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, OverflowError):
            array = None
        if array is None or array.dtype.kind not in self.dtypes:
            refuse(name, self._expected(sizes), value)
        if self.axes is not None:
            self._fit(name, array, sizes)
        if self.interval is not None:
            self._look_at_range(name, array)
        return array

    def _look_at_range(self, name: str, array: np.ndarray) -> None:
        inside = self.interval.holds(array.astype(np.float64))  # float16 ends at 65,504
        if self.gaps:
            inside |= ~np.isfinite(array)
        if not inside.all():
            refuse(f"each number of {name}", self.interval.expected, array[~inside].flat[0].item())

    def _fit(self, name: str, array: np.ndarray, sizes: dict[str, int]) -> None:
        axes, shape = self.axes, array.shape
        if axes[0] == "...":
            axes = axes[1:]
            shape = shape[len(shape) - len(axes) :] if len(shape) >= len(axes) else ()
        elif axes[-1] == "...":
            axes = axes[:-1]
            shape = shape[: len(axes)]
        fits = len(shape) == len(axes) and array.size > 0
        known = dict(sizes)
        for axis, size in zip(axes, shape, strict=False):
            fits = fits and size == (int(axis) if axis.isdigit() else sizes.setdefault(axis, size))
        if not fits:
            refuse(name, self._expected(known), array)

    def _expected(self, sizes: dict[str, int]) -> str:
        if self.axes is None:
            return f"hold {self.what}"
        known = [f"{axis} = {sizes[axis]}" for axis in self.axes if axis in sizes]
        brackets = f"({self.shape}{',' * (len(self.axes) == 1 and self.shape != '...')})"
        return f"hold {self.what} in shape {brackets}" + f", {', '.join(known)}" * bool(known)


def check_labels(labels: np.ndarray, classes: int) -> None:
    """Refuse labels that are none of ``0 ... classes - 1``.

    Raises:
        ValueError: for such labels.
    """
    lowest, highest = labels.min(), labels.max()
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"labels must lie from 0 to {classes - 1}, a class each, got {lowest} to {highest}."
        )


def elementwise(function: Callable, x: np.ndarray) -> np.ndarray:
    """Return ``function(x)``, a number for each of ``x``, after a look at it.

    Raises:
        ValueError: for a result that is no number and no array of the shape of ``x``.
    """
    found = function(x)
    result = np.asarray(found)
    if result.dtype.kind not in "iufb" or result.shape not in ((), x.shape):
        refuse("the function", f"return numbers in shape {x.shape}", found)
    return np.broadcast_to(result, x.shape)


FLAG = Instance(bool, np.bool_, expected="True or False")
GENERATOR = Instance(
    np.random.Generator, expected="a generator of NumPy, such as np.random.default_rng(0)"
)
