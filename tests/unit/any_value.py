"""Examples of every public function, and the values that take each argument's place in turn.

``EXAMPLES`` holds a call that works, by the function's name. What a test cannot make at import time
(a network, a generator that a call uses up) is a :class:`Late`.
"""

import copy
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np


class Late(NamedTuple):
    """An argument that is made anew for each call."""

    make: Any


class Also(NamedTuple):
    """An argument, and what else takes its place."""

    example: Any
    others: tuple


RNG = Late(lambda: np.random.default_rng(0))
NAN, INF = float("nan"), float("inf")

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
    r"$\no{such$",
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


def variants(example) -> Iterator[Any]:
    """Yield what takes the place of this example: anything, and what looks like it but is not."""
    yield from ANYTHING
    yield from _like(example)


def _like(example) -> Iterator[Any]:
    if isinstance(example, Late | Also):
        yield from getattr(example, "others", ())
        example = getattr(example, "example", None)
    if isinstance(example, np.ndarray):
        yield from _arrays(example)
    elif isinstance(example, Mapping):
        for key in example:
            yield {other: value for other, value in example.items() if other != key}
            yield from ({**example, key: value} for value in (None, "no such name", NAN, -1, []))
        yield {**example, "no such name": next(iter(example.values()), None)}
        yield {**example, None: next(iter(example.values()), None)}
    elif isinstance(example, list | tuple) and example and not hasattr(example, "_fields"):
        yield type(example)(list(example)[:-1])
        yield type(example)([*example, *example])
        yield from (type(example)([value, *example[1:]]) for value in _few(example[0]))
        if isinstance(example[0], Mapping):
            yield from ([value, *example[1:]] for value in _like(example[0]))
    elif isinstance(example, FunctionType):
        yield lambda *_, **__: None
    elif isinstance(example, float) and not isinstance(example, bool):
        yield from (example * 1e6, -example, 0.0, np.array(example), np.full(2, example))
    elif isinstance(example, int) and not isinstance(example, bool):
        yield from (1, 2, float(example), -example, 10**6, np.int64(example), np.full(2, example))


def _few(example) -> Iterator[Any]:
    """Yield what takes the place of a part of an example."""
    yield from (None, "no such name", NAN, INF, -1, 1e308, [], {}, np.zeros((0, 3)))
    if isinstance(example, np.ndarray) and example.ndim:
        yield from (example[:-1], example[..., np.newaxis], example * NAN, example.astype(str))
    if isinstance(example, list | tuple) and len(example) and not hasattr(example, "_fields"):
        yield from (list(example)[:-1], [None, *example[1:]])
        if isinstance(example[0], np.ndarray):
            yield [example[0].T, *example[1:]]
            yield [example[0] * NAN, *example[1:]]


def _arrays(example: np.ndarray) -> Iterator[np.ndarray]:
    yield example.tolist()
    if example.dtype.kind == "f":
        yield from (np.full_like(example, value) for value in (NAN, INF, -INF, 1e308, -1e308))
        yield np.full_like(example, 5e-324)
        yield example.astype(np.float32)
    yield from (np.zeros_like(example), np.ones_like(example), -np.ones(example.shape, int))
    yield from (example[..., np.newaxis], example.astype(str), example.astype(object))
    yield from (example.astype(np.complex128), example.astype(bool), example.astype(np.float16))
    yield from (example.astype(np.int8), example.astype(float) + 10**6)
    yield example.astype(int) + 10**6
    if example.ndim:
        yield from (example[:-1], example[:0], example[:1], example[0], example[::-1])
        yield np.concatenate([example, example])
    if example.ndim > 1:
        yield from (example.T, example[..., :-1], example[..., :0], example[..., :1])


def made(value):
    """Return an argument as it is passed: made now, or a copy that a call may change."""
    if isinstance(value, Also):
        return value.example
    if isinstance(value, Late):
        return value.make()
    return copy.deepcopy(value) if isinstance(value, np.ndarray | list | dict) else value
