"""What a public function takes: looked at before anything is computed.

:func:`takes` stands above a function and says what its arguments may be::

    @takes(x=Array("n, features"), labels=Array("n", whole=True), rate=Number("[0, 1)"))
    def fit(x, labels, rate=0.5): ...

A bad value, of whatever type, is a ``ValueError`` that says which argument it is, what was expected
and what came. ``TypeError`` stays what Python raises for a call with an argument too many or too
few.
"""

import inspect
import math
import operator
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from numbers import Integral, Real
from os import PathLike

from helpers.names import lookup, shown

MOST_CHARACTERS = 200  # of a text that a figure shows


def takes(**kinds: "Kind") -> Callable:
    """Return a decorator that looks at the named arguments of every call.

    Defaults are not looked at. A kind may hand on another value than came, such as an array for a
    list. The arguments are looked at in the order of the signature: sizes that an array has, later
    ones must share.

    >>> @takes(share=Number("[0, 1]"))
    ... def percent(share):
    ...     return 100 * share
    >>> percent(1.5)
    Traceback (most recent call last):
    ValueError: share must lie in [0, 1], got 1.5.
    """

    def decorate(function: Callable) -> Callable:
        names = tuple(inspect.signature(function).parameters)

        @wraps(function)
        def looked_at(*args, **settings):
            sizes: dict[str, int] = {}
            taken = list(args)
            for place, name in enumerate(names[: len(args)]):
                if name in kinds:
                    taken[place] = kinds[name].take(name, args[place], sizes)
            for name, value in settings.items():
                if name in kinds:
                    settings[name] = kinds[name].take(name, value, sizes)
            return function(*taken, **settings)

        for name in ("cache_clear", "cache_info"):  # of functools.lru_cache
            if hasattr(function, name):
                setattr(looked_at, name, getattr(function, name))
        return looked_at

    return decorate


def refuse(name: str, expected: str, value, why: str = "") -> None:
    """Raise the error of a bad argument.

    Raises:
        ValueError: always.
    """
    came = shown(value)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        came = f"{value.dtype} of shape {value.shape}"
    raise ValueError(f"{name} must {expected}, got {came}{why}.")


def check_cost(what: str, count: int, most: int) -> None:
    """Refuse what would take minutes, or more memory than there is.

    Args:
        what: is counted, in words, such as ``"depth times width"``.
        count: how many there would be.
        most: how many there may be.

    Raises:
        ValueError: for a count above ``most``.
    """
    if count > most:
        raise ValueError(
            f"{what} must be at most {most:,}, lest it take minutes or all of the memory, "
            f"got {count:,}."
        )


class Kind:
    """What an argument may be; anything, here."""

    def take(self, name: str, value, sizes: dict[str, int]):
        """Return the value to go on with.

        Args:
            name: of the argument, for the error.
            value: what came.
            sizes: of the arrays that were looked at before, by the name of the axis.

        Raises:
            ValueError: for another value than is expected.
        """
        return value


class Maybe(Kind):
    """None, or another kind."""

    def __init__(self, kind: Kind):
        self.kind = kind

    def take(self, name, value, sizes):
        """Return None, or what the other kind returns."""
        return None if value is None else self.kind.take(name, value, sizes)


class Whole(Kind):
    """A whole number from ``least`` to ``most``, as a Python int; a bool is none."""

    def __init__(self, least: int | None = None, most: int | None = None):
        self.least = -math.inf if least is None else least
        self.most = math.inf if most is None else most
        self.bounds = "" if least is None else f" of at least {least}"
        if most is not None:
            self.bounds = f" of at most {most:,}" if least is None else f" from {least} to {most:,}"

    def take(self, name, value, sizes):
        """Return the number."""
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or not self.least <= value <= self.most:
            refuse(name, f"be a whole number{self.bounds}", value)
        return int(value)


class Interval:
    """An interval such as ``"[0, 1)"``, and what it is in words."""

    def __init__(self, text: str):
        opens, low, high, closes = re.fullmatch(r"([\[(])(\S+), (\S+)([\])])", text).groups()
        self.low, self.high = float(low), float(high)
        self.above = operator.ge if opens == "[" else operator.gt
        self.below = operator.le if closes == "]" else operator.lt
        least = f"{'at least' if opens == '[' else 'above'} {low}"
        finite = ["finite"] * (closes == ")")
        if self.high < math.inf:
            self.of_kind, self.expected = f" in {text}", f"lie in {text}"
        elif self.low > -math.inf:
            self.of_kind, self.expected = f" {least}", f"be {' and '.join([least, *finite])}"
        else:
            self.of_kind, self.expected = "", "be finite"

    def holds(self, numbers):
        """Return whether a number lies in it, or for an array each of them; NaN never does."""
        return self.above(numbers, self.low) & self.below(numbers, self.high)


class Number(Kind):
    """A number in an interval such as ``"[0, 1)"``; finite, unless the interval ends in ``inf]``.

    ``hint`` says in the error what the number is; with ``gaps``, infinities and NaN are taken too.
    """

    def __init__(self, interval: str = "(-inf, inf)", hint: str = "", gaps: bool = False):
        self.gaps = gaps
        self.interval = Interval(interval)
        self.hint = f": {hint}" if hint else ""

    def take(self, name, value, sizes):
        """Return the number, as a Python float unless it is a small whole number."""
        if not isinstance(value, Real) or isinstance(value, bool):
            refuse(name, f"be a number{self.interval.of_kind}", value, self.hint)
        try:
            small = isinstance(value, Integral) and abs(value) < 2**53
            number = int(value) if small else float(value)
        except OverflowError:
            number = math.nan
        if not self.interval.holds(number) and not (self.gaps and not math.isfinite(number)):
            refuse(name, self.interval.expected, value, self.hint)
        return number


class Name(Kind):
    """A key of ``known``; another one is explained by ``helpers.names.lookup``."""

    def __init__(self, known: Mapping | Sequence[str], kind: str):
        self.known = known if isinstance(known, Mapping) else dict.fromkeys(known)
        self.kind = kind

    def take(self, name, value, sizes):
        """Return the name."""
        lookup(value, self.known, self.kind)
        return value


class Choice(Kind):
    """One of a few numbers or texts."""

    def __init__(self, *options):
        self.options = options

    def take(self, name, value, sizes):
        """Return the option, of the type that it has in the list."""
        if isinstance(value, Real | str) and not isinstance(value, bool) and value in self.options:
            return self.options[self.options.index(value)]
        refuse(name, f"be one of {', '.join(map(str, self.options))}", value)


class Instance(Kind):
    """An object of one of these types; ``expected`` says in words how to come by it."""

    def __init__(self, *types: type, expected: str):
        self.types = types
        self.expected = expected

    def take(self, name, value, sizes):
        """Return the object."""
        if not isinstance(value, self.types):
            refuse(name, f"be {self.expected}", value)
        return value


class Text(Kind):
    """A text of one to ``MOST_CHARACTERS`` characters that is not blank."""

    def take(self, name, value, sizes):
        """Return the text."""
        if not isinstance(value, str) or not value.strip() or len(value) > MOST_CHARACTERS:
            refuse(name, f"be a text, not blank, of at most {MOST_CHARACTERS} characters", value)
        return value


class Place(Kind):
    """A file or a folder, as a text or as a path."""

    def take(self, name, value, sizes):
        """Return what came."""
        text = str(value) if isinstance(value, str | PathLike) else ""
        if not text.strip() or "\0" in text or max(map(len, re.split(r"[/\\]", text))) > 255:
            refuse(name, "be a path, of names of at most 255 characters", value)
        return value


class Model(Kind):
    """A Keras network that is built; with ``unbuilt``, also one that its first images build.

    Keras itself is not imported for this.
    """

    def __init__(self, unbuilt: bool = False):
        self.unbuilt = unbuilt

    def take(self, name, value, sizes):
        """Return the network."""
        keras = sys.modules.get("keras")  # without it there is no network
        is_model = keras is not None and isinstance(value, keras.Model)
        if not is_model or not (value.built or (self.unbuilt and value.layers)):
            refuse(name, "be a Keras network that is built, such as deep_mlp gives", value)
        return value


class Called(Kind):
    """A function."""

    def take(self, name, value, sizes):
        """Return the function."""
        if not callable(value):
            refuse(name, "be a function", value)
        return value


class Items(Kind):
    """A sequence (no text) of ``least`` items or more, each of one kind; handed on as a list."""

    def __init__(self, kind: Kind, least: int = 1):
        self.kind, self.least = kind, least

    def take(self, name, value, sizes):
        """Return a list of what the kind returns for each; sizes are those of one item alone."""
        listed = isinstance(value, Sequence) or hasattr(value, "shape")
        if not listed or isinstance(value, str | bytes):
            refuse(name, "be a list", value)
        if getattr(value, "ndim", 1) == 0 or len(value) < self.least:
            refuse(name, f"have at least {self.least} in it", value)
        return [self.kind.take(f"{name}[{i}]", item, {}) for i, item in enumerate(value)]


class Entries(Kind):
    """A mapping from keys of one kind, texts, to values of another; ``least`` entries or more.

    Axes of arrays in it have one size in all entries where they are ``alike``.
    """

    def __init__(self, kind: Kind, least: int = 1, alike: bool = False, key: Kind | None = None):
        self.kind, self.least, self.alike = kind, least, alike
        self.key = key or Text()

    def take(self, name, value, sizes):
        """Return a dict of what the kind returns for each."""
        if not isinstance(value, Mapping) or len(value) < self.least:
            refuse(name, f"be a dict with at least {self.least} in it", value)
        found = {}
        for key, item in value.items():
            self.key.take(f"a key of {name}", key, {})
            shared = sizes if self.alike else dict(sizes)
            found[key] = self.kind.take(f"{name}[{key!r}]", item, shared)
        return found


class Dict(Kind):
    """A mapping, whatever is in it."""

    def take(self, name, value, sizes):
        """Return the mapping."""
        if not isinstance(value, Mapping):
            refuse(name, "be a dict", value)
        return value


class Document(Kind):
    """A mapping that holds these entries, each of its kind; the optional ones may be missing."""

    def __init__(self, needed: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None):
        self.needed, self.kinds = needed, {**needed, **(optional or {})}

    def take(self, name, value, sizes):
        """Return a dict with all that was in it, the known entries as their kinds return them."""
        if not isinstance(value, Mapping) or not self.needed.keys() <= value.keys():
            refuse(name, f"be a dict that holds {', '.join(self.needed)}", value)
        known = {key: kind for key, kind in self.kinds.items() if key in value}
        took = {key: kind.take(f"{name}[{key!r}]", value[key], {}) for key, kind in known.items()}
        return {**value, **took}


SEED = Whole(0)
