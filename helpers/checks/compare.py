"""Comparing what an answer gave with what a right one gives, part by part."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from helpers.checks.task import described, numbers

NUMBER = ".4g"


class Difference(NamedTuple):
    """How one part differs.

    Attributes:
        kind: ``"form"`` (what it is, its length, its shape), ``"finite"`` or ``"value"``.
        says: the rest of a sentence that begins with the part's name.
        numeric: whether numbers were expected, and not a boolean or a text.
    """

    kind: str
    says: str
    numeric: bool = False


def differences(
    expected, found, tolerance: float, reveal: bool = True, part: str = ""
) -> dict[str, Difference]:
    """Return for each part of ``expected`` that ``found`` has otherwise, how it differs.

    Args:
        expected: numbers, arrays, booleans, texts, and tuples or mappings of them.
        found: anything.
        tolerance: see ``Task.tolerance``.
        reveal: whether sentences may say what was expected.
        part: the name of ``expected`` itself, within something larger.

    >>> differences({"std": 0.5, "limit": 1.0}, {"std": 0.25, "limit": 1.0}, 1e-5)
    {'std': Difference(kind='value', says='got 0.25, expected 0.5', numeric=True)}
    """
    if isinstance(expected, Mapping):
        return _in_mapping(expected, found, tolerance, reveal, part)
    if isinstance(expected, tuple | list):
        return _in_sequence(expected, found, tolerance, reveal, part)
    difference = _in_leaf(expected, found, tolerance, reveal)
    return {part: difference} if difference else {}


def count_parts(expected) -> int:
    """Return how many parts there are to differ."""
    if isinstance(expected, Mapping):
        return sum(map(count_parts, expected.values()))
    return sum(map(count_parts, expected)) if isinstance(expected, tuple | list) else 1


def _in_mapping(expected, found, tolerance, reveal, part) -> dict[str, Difference]:
    wanted = f"{len(expected)} values: {', '.join(map(str, expected))}"
    if not isinstance(found, Mapping):
        return {part: Difference("form", f"got {described(found)}, expected {wanted}")}
    if set(found) != set(expected):
        keys = ", ".join(sorted(map(str, found))) or "nothing"
        return {part: Difference("form", f"got {keys}, expected {wanted}")}
    inside = {}
    for key, value in expected.items():
        name = f"{part}, {key}" if part else str(key)
        inside |= differences(value, found[key], tolerance, reveal, name)
    return inside


def _in_sequence(expected, found, tolerance, reveal, part) -> dict[str, Difference]:
    if isinstance(found, np.ndarray) and found.ndim:
        found = list(found)
    if not isinstance(found, tuple | list) or len(found) != len(expected):
        return {
            part: Difference("form", f"got {described(found)}, expected {len(expected)} values")
        }
    inside = {}
    for number, (value, other) in enumerate(zip(expected, found, strict=True), start=1):
        name = f"{part}, value {number}" if part else f"value {number}"
        inside |= differences(value, other, tolerance, reveal, name)
    return inside


def _in_leaf(expected, found, tolerance, reveal) -> Difference | None:
    if isinstance(expected, bool | np.bool_):
        return _in_boolean(bool(expected), found)
    if isinstance(expected, str) or expected is None:
        return _in_text(expected, found, reveal)
    return _in_numbers(np.asarray(expected), found, tolerance, reveal)


def _in_boolean(expected: bool, found) -> Difference | None:
    if not isinstance(found, bool | np.bool_):
        return Difference("form", f"got {described(found)}, expected True or False")
    return None if bool(found) == expected else Difference("value", "this does not hold")


def _in_text(expected: str | None, found, reveal: bool) -> Difference | None:
    if type(found) in (str, np.str_, type(None)) and found == expected:
        return None
    if not isinstance(found, str) or expected is None:
        wanted = "None" if expected is None else "a text"
        return Difference("form", f"got {described(found)}, expected {wanted}")
    told = f", expected {expected!r}" if reveal else ", which is not right"
    return Difference("value", f"got {shortened(repr(found))}{told}")


def _in_numbers(expected: np.ndarray, found, tolerance, reveal) -> Difference | None:
    array = numbers(found)
    wanted = described(expected if expected.ndim else expected[()])
    if array is None or (array.dtype == bool) != (expected.dtype == bool):
        return Difference("form", f"got {described(found)}, expected {wanted}")
    if array.shape != expected.shape:
        got = described(array if array.ndim else array[()])
        return Difference("form", f"got {got}, expected {wanted}", numeric=True)
    with np.errstate(all="ignore"):
        lost = np.isfinite(expected) & ~np.isfinite(array)
        off = ~_close(expected, array, tolerance)
    if lost.any():
        return Difference("finite", _not_finite(array, lost), numeric=True)
    if not off.any():
        return None
    return Difference("value", _off(expected, array, off, reveal), numeric=array.dtype != bool)


def _close(expected: np.ndarray, found: np.ndarray, tolerance: float) -> np.ndarray:
    """Return where two arrays agree: to a share of the largest number that is expected."""
    if expected.dtype == bool or not expected.size:
        return expected == found
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    finite = np.abs(expected[np.isfinite(expected)])
    largest = finite.max(initial=0.0) or 1.0
    near = np.abs(found - expected) <= tolerance * largest
    return near | (found == expected) | (np.isnan(found) & np.isnan(expected))


def _not_finite(array: np.ndarray, lost: np.ndarray) -> str:
    what = "not a number (NaN)" if np.isnan(array[lost]).any() else "infinite"
    return f"{lost.sum()} of {array.size} numbers {what}" if array.ndim else f"it is {what}"


def _off(expected: np.ndarray, found: np.ndarray, off: np.ndarray, reveal: bool) -> str:
    if not off.ndim:
        told = f"expected {_shown(expected)}" if reveal else "which is not right"
        return f"got {_shown(found)}, {told}"
    first = tuple(int(index) for index in np.argwhere(off)[0])
    place = f"the first at [{', '.join(map(str, first))}]"
    told = f", expected {_shown(expected[first])}" if reveal else ""
    return f"{off.sum()} of {off.size} numbers differ, {place}: got {_shown(found[first])}{told}"


def _shown(number) -> str:
    return str(number) if number.dtype == bool else format(float(number), NUMBER)


def shortened(text: str, most: int = 120) -> str:
    """Return a text on one line that is not longer than that."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 3]}..."
