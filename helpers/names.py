"""Looking up a name, with an error that lists the known ones."""

import difflib
import reprlib
from collections.abc import Mapping

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def shown(value) -> str:
    """Return how a value is written, on one line and cut short: for errors, whatever came.

    >>> shown("selu"), shown(list(range(1_000)))
    ("'selu'", '[0, 1, 2, 3, 4, 5, ...]')
    """
    return " ".join(_SHORT.repr(value).split())


def lookup(name, known: Mapping, kind: str):
    """Return ``known[name]``.

    Raises:
        ValueError: for an unknown name. The message holds the nearest spelling first, then all
            known names, so that the reader need not open the documentation.

    >>> lookup("quik", {"ci": 1, "quick": 2}, "profile")
    Traceback (most recent call last):
    ValueError: unknown profile 'quik': did you mean 'quick'? Known: ci, quick.
    """
    if isinstance(name, str) and isinstance(known, Mapping) and name in known:
        return known[name]
    if not isinstance(known, Mapping) or not all(isinstance(each, str) for each in known):
        raise ValueError(f"known must be a mapping from names, got {shown(known)}.")
    near = difflib.get_close_matches(shown(name).strip("'").lower(), list(known), n=1, cutoff=0.5)
    hint = f": did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {kind} {shown(name)}{hint} Known: {', '.join(known)}.")
