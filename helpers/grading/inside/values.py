"""Numbers, texts and arrays as JSON, both ways. Whoever decodes need not trust who encoded.

An array is ``{"__array__": [dtype, shape, base64 of its bytes]}``; lists, dictionaries with texts
as keys, numbers, texts, truth values and None are themselves. NaN and infinities survive.
"""

import base64
import binascii
import json
import math

import numpy as np

ARRAY = "__array__"
DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
MOST_LEVELS = 20
MOST_DIMENSIONS = 16
MOST_NUMBERS = 2**31  # also of the sides of an empty array, along which a judge may sum


class ValueRefused(ValueError):
    """A value that does not travel. The message says which, and what does."""


def dumps(value, most_bytes: int) -> bytes:
    """Return one line of JSON.

    Raises:
        ValueRefused: for a type that does not travel, and for more than ``most_bytes``.
    """
    left = [most_bytes]
    line = json.dumps(_encode(value, MOST_LEVELS, left)).encode()
    if len(line) > most_bytes:
        raise _too_large(most_bytes)
    return line


def loads(line: bytes):
    """Return what a line of JSON holds, with its arrays.

    Raises:
        ValueRefused: for anything that ``dumps`` does not write. Sizes are compared before an array
            is made, so it takes no more memory than a few times the line.
    """
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, too long a number
        raise ValueRefused(f"not a value in JSON ({type(error).__name__})") from None
    return _decode(document, MOST_LEVELS)


def _encode(value, levels: int, left: list[int]):
    if levels < 0:
        raise ValueRefused(f"lists within lists, more than {MOST_LEVELS} deep")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        value = np.asarray(value)
        return value.item() if value.dtype.name in DTYPES else _array(value, left)
    if isinstance(value, list | tuple):
        return [_encode(each, levels - 1, left) for each in value]
    if isinstance(value, dict):
        if ARRAY in value or not all(isinstance(key, str) for key in value):
            raise ValueRefused("a dictionary whose keys are not all texts")
        return {key: _encode(each, levels - 1, left) for key, each in value.items()}
    if hasattr(value, "__array__"):  # a tensor or variable of Keras too
        return _array(np.asarray(value), left)
    raise ValueRefused(
        f"a value of the type {type(value).__name__}; numbers, texts, lists, dictionaries and "
        "arrays of numbers are understood"
    )


def _array(array: np.ndarray, left: list[int]) -> dict:
    if array.dtype.name not in DTYPES:
        raise ValueRefused(f"an array of the dtype {array.dtype}; expected numbers or bool")
    left[0] -= 2 * array.nbytes  # base64 and slack: before the copies are made
    if left[0] < 0:
        raise ValueRefused("an array too large to be answered")
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    data = base64.b64encode(little.tobytes()).decode()
    return {ARRAY: [array.dtype.name, list(array.shape), data]}


def _decode(document, levels: int):
    if levels < 0:
        raise ValueRefused(f"lists within lists, more than {MOST_LEVELS} deep")
    if isinstance(document, list):
        return [_decode(each, levels - 1) for each in document]
    if not isinstance(document, dict):
        return document
    if ARRAY in document:
        return _read_array(document)
    return {key: _decode(each, levels - 1) for key, each in document.items()}


def _read_array(document: dict) -> np.ndarray:
    match document:
        case {"__array__": [str(name), list(shape), str(data)]} if len(document) == 1:
            pass
        case _:
            raise ValueRefused("an array of a wrong form")
    if name not in DTYPES:
        raise ValueRefused("an array of a dtype that is not numbers or bool")
    good = len(shape) <= MOST_DIMENSIONS and all(type(side) is int and side >= 0 for side in shape)
    if not good or math.prod(max(side, 1) for side in shape) > MOST_NUMBERS:
        raise ValueRefused("an array of a wrong shape")
    dtype = np.dtype(name).newbyteorder("<")
    size = math.prod(shape) * dtype.itemsize
    if len(data) != 4 * -(-size // 3):
        raise ValueRefused("an array whose shape does not fit its data")
    try:
        content = base64.b64decode(data, validate=True)
        flat = np.frombuffer(content, dtype).astype(np.dtype(name))  # a copy that may be written to
        return flat.reshape(shape)
    except (binascii.Error, ValueError):
        raise ValueRefused("an array whose shape does not fit its data") from None


def _too_large(most_bytes: int) -> ValueRefused:
    return ValueRefused(f"more than {most_bytes // 2**20} MiB")
