"""What takes the place of an argument, and what may come of it.

A public function answers any value with a result or with a ``ValueError`` of its own: one that is
raised in ``helpers`` and says what came. It never hangs, never raises anything else, and never
warns.
"""

import copy
import itertools
import re
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import helpers
from helpers.figures import CourseFigure

HELPERS = str(Path(helpers.__file__).parent)
SAYS_WHAT_CAME = re.compile(r"\b(got|unknown|holds)\b")
NAN, INF = float("nan"), float("inf")
HUGE = 10**6  # steps, layers, passes, units: too many for any of them


class Late(NamedTuple):
    """An argument that is made anew for each call, or that takes long to make."""

    make: Callable[[], Any]


class Also(NamedTuple):
    """An argument, and what else takes its place."""

    example: Any
    others: tuple


class Accepted(BaseException):
    """Raised in place of a training: the arguments were taken. No code under test catches it."""


#: What takes the place of any argument, whatever it is.
ANYTHING = (
    None,
    True,
    0,
    -1,
    3,
    10**9,
    10**30,
    0.5,
    -0.5,
    NAN,
    INF,
    -INF,
    1e308,
    -1e308,
    5e-324,
    np.float32(1e30),
    1j,
    "",
    "no such name",
    r"$\no{such$",  # no mathematics for Matplotlib
    "long " * 1_000,
    b"bytes",
    (),
    [],
    {},
    [[1.0], [1.0, 2.0]],
    object(),
    np.array([]),
    np.array([NAN, INF, -INF]),
    np.array([1e308, -1e308]),
    np.array(["a", "b"]),
    np.array([None, 1], dtype=object),
    np.zeros((0, 3)),
    np.zeros((2, 1, 3)),
)


def variants(example) -> list:
    """Return what takes the place of this example: anything, and what looks almost like it."""
    return [*ANYTHING, *_like(example)]


def _like(example) -> Iterator[Any]:
    if isinstance(example, Also):
        yield from example.others
        example = example.example
    if isinstance(example, np.ndarray):
        yield from _arrays(example)
    elif isinstance(example, Mapping):
        yield from _mappings(example)
    elif isinstance(example, list | tuple) and example and not hasattr(example, "_fields"):
        kind = type(example)
        yield from (kind(example[:-1]), kind([*example, *example]))
        yield from (kind([part, *example[1:]]) for part in _parts(example[0]))
    elif isinstance(example, types.FunctionType):
        yield lambda *_, **__: None
    elif isinstance(example, float):
        yield from (example * 1e6, -example, 0.0, np.array(example), np.full(2, example))
    elif isinstance(example, int) and not isinstance(example, bool):
        yield from (1, 2, -example, HUGE, float(example), np.int64(example), np.full(2, example))


def _arrays(example: np.ndarray) -> Iterator[np.ndarray]:
    if example.dtype.kind == "f":
        numbers = (NAN, INF, -INF, 1e308, -1e308, 5e-324)
        yield from (np.full_like(example, number) for number in numbers)
    yield from (np.zeros_like(example), np.ones_like(example), -np.ones(example.shape, int))
    yield from (example.astype(int) + HUGE, example.astype(float) + HUGE, example.tolist())
    dtypes = (str, object, bool, np.complex128, np.float32, np.float16, np.int8)
    yield from (example.astype(dtype) for dtype in dtypes)
    yield example[..., np.newaxis]
    if example.ndim:
        yield from (example[:-1], example[:0], example[:1], example[0], example[::-1])
        yield np.concatenate([example, example])
    if example.ndim > 1:
        yield from (example.T, example[..., :-1], example[..., :0], example[..., :1])


def _mappings(example: Mapping) -> Iterator[dict]:
    for key, value in example.items():
        rest = {other: each for other, each in example.items() if other != key}
        yield from (rest, {**rest, None: value}, {**rest, r"$\no{such$": value})
        yield from ({**rest, key: part} for part in (None, "no such name", NAN, -1, []))


def _parts(example) -> Iterator[Any]:
    """Yield what takes the place of the first part of a list."""
    yield from (None, "no such name", NAN, INF, -1, 1e308, [], {}, np.zeros((0, 3)))
    if isinstance(example, np.ndarray) and example.ndim:
        yield from (example[:-1], example[..., np.newaxis], example * NAN, example.astype(str))
    elif isinstance(example, Mapping):
        yield from _mappings(example)


def made(value):
    """Return an argument as it is passed: made now, or a copy that a call may change."""
    if isinstance(value, Also):
        return value.example
    if isinstance(value, Late):
        return value.make()
    return copy.deepcopy(value) if isinstance(value, np.ndarray | list | dict) else value


def shown(value) -> str:
    """Return a value for a report: on one line, with the shape of an array."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape} {value.ravel()[:3]}"
    return " ".join(repr(value)[:80].split())


def complaint(function: Callable, arguments: Mapping, drawn: set[str]) -> str | None:
    """Call a function, use what it returns, and say what is wrong with that; None for nothing.

    Args:
        function: any.
        arguments: by name.
        drawn: the alt texts of figures that were drawn before; a figure is drawn once.
    """
    arguments = {name: made(value) for name, value in arguments.items()}
    first = [arguments.pop(name) for name in _without_names(function)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Keras's own, on its own ways with NumPy.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras")
        try:
            _use(function(*first, **arguments), drawn)
        except Accepted:
            return None
        except Exception as error:
            file, line = _raised_at(error)
            ours = isinstance(error, ValueError) and file.startswith(HELPERS)
            if ours and SAYS_WHAT_CAME.search(str(error)):
                return None
            return f"{error!r} from {file}:{line}"
    return None


def _raised_at(error: Exception) -> tuple[str, int]:
    """Return file and line of the innermost frame."""
    frame = error.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    return frame.tb_frame.f_code.co_filename, frame.tb_lineno


@lru_cache(maxsize=1_000)
def _without_names(function: Callable) -> tuple[str, ...]:
    """Return the parameters that are passed by their place alone."""
    parameters = signature(function).parameters.items()
    return tuple(name for name, each in parameters if each.kind is Parameter.POSITIONAL_ONLY)


def _use(result, drawn: set[str]) -> None:
    if isinstance(result, types.GeneratorType):
        list(itertools.islice(result, 3))
    elif isinstance(result, CourseFigure) and result.alt_text not in drawn:
        if len(result.alt_text) < max(map(len, drawn), default=0):
            result.set_layout_engine("none")  # there was room for more words: half of the time
        drawn.add(result.alt_text)
        result.to_png(0.5)
    elif isinstance(result, AbstractContextManager) and not isinstance(result, CourseFigure | Path):
        with result as given:
            if isinstance(given, Path):
                given.write_text("written")
