"""What a task is made of, and what its author needs to feed an answer."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer that people give.

    Attributes:
        answer: of the same kind as the learner's: a function, a class or a value.
        says: what was done, and what to think about; never the code. Text between backticks is
            shown as code.
    """

    answer: Any
    says: str


@dataclass(frozen=True, eq=False)
class Holds:
    """A property that an answer may have although it is not right yet.

    Attributes:
        says: the property, in words that are true where it holds.
        test: from what ``Task.run`` returns to whether it holds. Where it raises, it does not hold.
    """

    says: str
    test: Callable[[Any], bool]


@dataclass(frozen=True, eq=False)
class Task:
    """A task of an exercise, and what is known about answers to it.

    Attributes:
        id: chapter and number, ``"2.1"``.
        title: as the exercise has it.
        run: feeds an answer fixed, seeded inputs and returns what came of it: numbers, arrays,
            booleans, texts, and tuples or mappings of them. The keys of a mapping are shown, so
            they are words. For a plain value it returns the value.
        reference: a right answer.
        mistakes: known wrong ones, at least three, the likeliest first.
        hints: two or three steps, from a nudge to nearly the code, never the code.
        holds: what can be said of partial success beside shapes and numbers.
        tolerance: by how much numbers may differ, as a share of the largest number in their array.
        picture: makes the figure that the task asks for (a ``helpers.figures.CourseFigure``).
    """

    id: str
    title: str
    run: Callable[[Any], Any]
    reference: Any
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    holds: tuple[Holds, ...] = ()
    tolerance: float = 1e-5
    picture: Callable[[], Any] | None = None


class UnusableError(Exception):
    """What an answer gave cannot be used at all; the message says why, in a sentence."""


def as_array(value, what: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return what an answer gave as an array, float64, for ``Task.run``.

    Args:
        value: anything.
        what: it is, for the message: "what `draw` returns".
        shape: that it has to have; None for any. Leave it out where a known mistake has another.

    Raises:
        UnusableError: for what is no array of real numbers, or one of another shape.

    >>> as_array([[1, 2]], "the kernel", shape=(1, 3))
    Traceback (most recent call last):
    helpers.checks.task.UnusableError: the kernel has shape (1, 2), expected (1, 3)
    """
    array = numbers(value)
    if array is None:
        raise UnusableError(f"{what} is {described(value)}, expected an array of numbers")
    if shape is not None and array.shape != shape:
        raise UnusableError(f"{what} has shape {array.shape}, expected {shape}")
    return array.astype(np.float64)


def named(value, *names: str):
    """Return the values that an answer returned together, by name; others as they are.

    >>> named((0.1, 0.2), "std", "limit"), named(None, "std", "limit")
    ({'std': 0.1, 'limit': 0.2}, None)
    """
    several = isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim)
    if several and len(value) == len(names):
        return dict(zip(names, value, strict=True))
    return value


def numbers(value) -> np.ndarray | None:
    """Return a value as an array of real numbers or booleans; None for what is none."""
    if isinstance(value, str | bytes | Mapping) or value is None or callable(value):
        return None
    try:
        array = np.asarray(value)
        if array.dtype == object:  # whole numbers beyond int64, fractions, rows of unequal length
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a complex one would lose its imaginary part
                array = array.astype(np.float64)
    except Exception:  # whatever an object of the learner's raises when it is asked for numbers
        return None
    return array if array.dtype.kind in "biuf" else None


def described(value) -> str:
    """Return in a few words what a value is, without what it holds.

    >>> described(None), described(lambda x: x), described(np.zeros((2, 3)))
    ('None', 'a function', 'an array of shape (2, 3)')
    """
    if value is None:
        return "None"
    if isinstance(value, type):
        return "a class"
    for kinds, words in (
        (bool | np.bool_, "True or False"),
        (int | float | np.number, "a number"),
        (complex, "a complex number"),
        (str, "a text"),
        (Mapping, "a dictionary"),
    ):
        if isinstance(value, kinds):
            return words
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of length {len(value)}"
    if isinstance(value, np.ndarray):
        kind = "" if value.dtype.kind in "biuf" else f" and dtype {value.dtype}"
        boolean = "a boolean" if value.dtype == bool else "an"
        return f"{boolean} array of shape {value.shape}{kind}"
    return "a function" if callable(value) else f"an object of the class {type(value).__name__}"
