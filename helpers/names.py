"""Looking up a name, with an error that lists the known ones."""

import difflib
from collections.abc import Mapping


def lookup(name, known: Mapping, kind: str):
    """Return ``known[name]``.

    Raises:
        ValueError: for an unknown name. The message holds the nearest spelling first, then all
            known names, so that the reader need not open the documentation.

    >>> lookup("quik", {"ci": 1, "quick": 2}, "profile")
    Traceback (most recent call last):
    ValueError: unknown profile 'quik': did you mean 'quick'? Known: ci, quick.
    """
    if isinstance(name, str) and name in known:
        return known[name]
    near = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    hint = f": did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}.")
