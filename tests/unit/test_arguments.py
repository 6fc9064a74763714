"""What each kind of argument takes, hands on and refuses; ``test_any_value.py`` uses them all."""

import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.arguments import (
    Called,
    Choice,
    Dict,
    Document,
    Entries,
    Instance,
    Items,
    Maybe,
    Model,
    Name,
    Number,
    Place,
    Text,
    Whole,
    check_cost,
    takes,
)
from helpers.arguments.arrays import FLAG, GENERATOR, Array, check_labels, elementwise


def take(kind, value):
    return kind.take("x", value, {})


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        (Whole(1), np.int64(3), 3),
        (Number("[0, 1)"), np.float32(0.5), 0.5),
        (Number("(0, inf]"), np.inf, np.inf),
        (Number(), 10**20, 1e20),
        (Number("[0, 1]", gaps=True), -np.inf, -np.inf),
        (Maybe(Whole(1)), None, None),
        (Choice(1, 2.5, "a"), np.float64(2.5), 2.5),
        (Choice(1, 2.5, "a"), "a", "a"),
        (Items(Whole(1)), (1, 2), [1, 2]),
        (Items(Number()), np.array([0.5]), [0.5]),
        (Entries(Whole()), {"a": 1}, {"a": 1}),
        (Document({"a": Whole()}, {"b": Text()}), {"a": 1, "c": 3}, {"a": 1, "c": 3}),
        (Name({"relu": 1}, "activation"), "relu", "relu"),
        (Place(), Path("a"), Path("a")),
        (Dict(), {}, {}),
    ],
)
def test_what_fits_is_handed_on_as_plain_values(kind, value, taken):
    found = take(kind, value)
    assert found == taken and type(found) is type(taken)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Whole(1), 0, "x must be a whole number of at least 1, got 0."),
        (Whole(1, 1_000), 2_000, "x must be a whole number from 1 to 1,000, got 2000."),
        (Whole(most=9), 10, "x must be a whole number of at most 9, got 10."),
        (Whole(), True, "x must be a whole number, got True."),
        (Whole(), 2.0, "x must be a whole number, got 2.0."),
        (Number("[0, 1)"), 1, "x must lie in [0, 1), got 1."),
        (Number("[0, 1)"), np.nan, "x must lie in [0, 1), got nan."),
        (Number("[0, 1)"), "a", "x must be a number in [0, 1), got 'a'."),
        (Number("(0, inf)"), np.inf, "x must be above 0 and finite, got inf."),
        (Number("[0, inf]"), -1, "x must be at least 0, got -1."),
        (Number("[0, 1]", "a share"), 2, "x must lie in [0, 1], got 2: a share."),
        (Number(), 1j, "x must be a number, got 1j."),
        (Choice(1, 2), 3, "x must be one of 1, 2, got 3."),
        (Choice(1, 2), True, "x must be one of 1, 2, got True."),
        (Name({"relu": 1}, "activation"), "rel", "unknown activation 'rel': did you mean 'relu'?"),
        (Text(), " ", "x must be a text, not blank, of at most 200 characters, got ' '."),
        (Items(Whole(1)), [1, 0], "x[1] must be a whole number of at least 1, got 0."),
        (Items(Whole(1)), "12", "x must be a list, got '12'."),
        (Items(Whole(1)), [], "x must have at least 1 in it, got []."),
        (Items(Whole(1)), np.array(1), "x must have at least 1 in it, got int64 of shape ()."),
        (Entries(Whole()), {"a": None}, "x['a'] must be a whole number, got None."),
        (Entries(Whole()), {3: 1}, "a key of x must be a text, not blank"),
        (Document({"a": Whole()}), {"b": 1}, "x must be a dict that holds a, got {'b': 1}."),
        (Instance(str, expected="a text"), 3, "x must be a text, got 3."),
        (FLAG, 1, "x must be True or False, got 1."),
        (GENERATOR, 3, "x must be a generator of NumPy, such as np.random.default_rng(0), got 3."),
        (Called(), 3, "x must be a function, got 3."),
        (Place(), "a\0b", "x must be a path, of names of at most 255 characters, got"),
        (Model(), "a", "x must be a Keras network that is built, such as deep_mlp gives, got 'a'."),
    ],
)
def test_what_does_not_fit_is_refused_with_what_came(kind, value, message):
    with pytest.raises(ValueError) as caught:
        take(kind, value)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Array("n, 3"), np.zeros((2, 4)), "x must hold numbers in shape (n, 3), got float64 of"),
        (Array("n"), [], "x must hold numbers in shape (n,), got float64 of shape (0,)."),
        (Array("..., 2"), np.zeros(3), "x must hold numbers in shape (..., 2), got float64 of"),
        (Array("n, ..."), 3, "x must hold numbers in shape (n, ...), got int64 of shape ()."),
        (Array(whole=True), [0.5], "x must hold whole numbers, got [0.5]."),
        (Array(boolean=True), [0], "x must hold True and False, got [0]."),
        (Array(), [[1], [1, 2]], "x must hold numbers, got [[1], [1, 2]]."),
        (Array(), [True], "x must hold numbers, got [True]."),
        (Array(interval="[0, 1]"), [0, 2], "each number of x must lie in [0, 1], got 2."),
        (Array(interval="(-inf, inf)"), np.nan, "each number of x must be finite, got nan."),
    ],
)
def test_an_array_of_another_shape_or_type_is_refused(kind, value, message):
    with pytest.raises(ValueError) as caught:
        take(kind, value)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8])
def test_an_array_keeps_its_dtype_and_is_not_copied(dtype):
    x = np.ones((2, 3), dtype)
    for kind in (Array(), Array("n, 3"), Array("...", "[0, 1e100]"), Array("n, ...", gaps=True)):
        assert take(kind, x) is x


def test_gaps_are_taken_beside_what_lies_in_the_interval():
    values = [0.5, np.nan, np.inf]
    assert take(Array(interval="[0, 1]", gaps=True), values).shape == (3,)
    with pytest.raises(ValueError, match=r"got 2\.0"):
        take(Array(interval="[0, 1]", gaps=True), [*values, 2.0])


def test_axes_of_one_name_have_one_size_in_all_arguments():
    @takes(x=Array("n, features"), labels=Array("n", whole=True), rate=Number("[0, 1)"))
    def fit(x, labels, rate=5, *, more=None):
        """Return its arguments."""
        return x, labels, rate, more

    x, labels, rate, more = fit([[1, 2], [3, 4]], labels=[0, 1], more="other")
    assert x.shape == (2, 2) and labels.shape == (2,)
    assert rate == 5, "a default is not looked at"
    assert more == "other" and fit.__doc__ == "Return its arguments."
    with pytest.raises(ValueError, match=r"labels must hold .* \(n,\), n = 2, got int64 .*\(3,\)"):
        fit(np.ones((2, 2)), np.array([0, 1, 2]))
    with pytest.raises(TypeError, match="missing 1 required"):
        fit([[1, 2]])


def test_entries_share_their_axes_only_where_they_are_alike():
    values = {"a": [1, 2], "b": [1, 2, 3]}
    assert take(Entries(Array("n")), values).keys() == values.keys()
    with pytest.raises(ValueError, match=r"x\['b'\] .* n = 2"):
        take(Entries(Array("n"), alike=True), values)


def test_a_network_is_looked_at_without_importing_keras(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    with pytest.raises(ValueError, match="Keras network"):
        take(Model(), None)
    assert "keras" not in sys.modules


def test_what_costs_too_much_and_labels_out_of_their_range_are_refused():
    check_cost("steps", 10, 10)
    with pytest.raises(ValueError, match=r"steps must be at most 10, .* got 11"):
        check_cost("steps", 11, 10)
    check_labels(np.array([0, 2]), 3)
    for bad in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match="labels must lie from 0 to 2"):
            check_labels(np.array(bad), 3)


def test_a_function_that_forgets_to_return_is_named():
    x = np.arange(3.0)
    assert elementwise(np.square, x).tolist() == [0, 1, 4]
    assert elementwise(lambda _: 2, x).tolist() == [2, 2, 2]
    for wrong in (lambda _: None, lambda x: x[:2], lambda _: "a"):
        with pytest.raises(ValueError, match=r"the function must return numbers in shape \(3,\)"):
            elementwise(wrong, x)
