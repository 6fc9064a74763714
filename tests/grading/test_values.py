"""helpers.grading.inside.values: what travels survives, and nothing else gets through."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers.grading.inside.values import DTYPES, ValueRefused, dumps, loads

MOST = 2**20
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
any_array = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: arrays.arrays(name, arrays.array_shapes(min_dims=0, min_side=0, max_side=4))
)


@given(plain)
def test_plain_values_survive(value):
    np.testing.assert_equal(loads(dumps(value, MOST)), value)


@given(any_array)
def test_arrays_survive_to_the_bit(array):
    back = loads(dumps({"found": [array]}, MOST))["found"][0]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()  # NaN too


def test_what_numpy_makes_of_numbers_becomes_numbers():
    given = (np.float32(0.5), np.int8(-3), np.bool_(True), math.inf, -math.inf)
    assert loads(dumps(given, MOST)) == [0.5, -3, True, math.inf, -math.inf]
    assert math.isnan(loads(dumps(math.nan, MOST)))


def test_an_array_of_the_other_byte_order_has_the_same_numbers():
    array = np.arange(3, dtype=">i4")
    assert (loads(dumps(array, MOST)) == array).all()


def test_a_tensor_travels_as_an_array():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.eye(2)

    assert (loads(dumps(Tensor(), MOST)) == np.eye(2)).all()


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {"__array__": []}, b"bytes", 1j, np.array(["a"]), np.array([1j]), deep(30)],
    ids=lambda value: type(value).__name__,  # the same in every process: no address in it
)
def test_other_values_do_not_travel(value):
    with pytest.raises(ValueRefused):
        dumps(value, MOST)


@pytest.mark.parametrize("value", [np.zeros(2**20), "x" * 2**21, list(range(10**6))])
def test_too_much_does_not_travel(value):
    with pytest.raises(ValueRefused):
        dumps(value, MOST)


def array(dtype="float64", shape=(1,), data="AAAAAAAAAAA="):
    return json.dumps({"__array__": [dtype, list(shape), data]}).encode()


def test_the_array_of_these_tests_is_one():
    assert loads(array()) == np.zeros(1)


@pytest.mark.parametrize(
    "line",
    [
        array(dtype="object"),
        array(dtype="datetime64"),
        array(dtype="U8"),
        array(shape=[-1]),
        array(shape=[True]),
        array(shape=[1.0]),
        array(shape=[2]),
        array(shape=[10**9, 10**9]),
        array(shape=[10**9, 0, 10**9], data=""),
        array(shape=[1] * 40),
        array(data="AAAAAAAAAAA!"),
        array(data="=AAAAAAAAAA="),
        array(data="AAAA"),
        b'{"__array__": 1}',
        b'{"__array__": ["float64", [0], ""], "more": 1}',
        b"[" * 10**5 + b"]" * 10**5,
        b"[" * 25 + b"]" * 25,
        b"9" * 10**5,
        b"\xff",
        b"",
        b"{} {}",
    ],
    ids=lambda line: line[:40].decode(errors="replace"),
)
def test_what_was_never_written_by_dumps_is_refused(line):
    with pytest.raises(ValueRefused):
        loads(line)


def test_a_refused_size_takes_no_memory():
    import tracemalloc

    line = array(shape=[2**30])
    tracemalloc.start()
    with pytest.raises(ValueRefused):
        loads(line)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**16
