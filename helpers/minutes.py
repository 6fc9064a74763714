"""How long each chapter takes in each profile, as it was measured.

``recorded/make.py minutes`` executes the notebooks and writes ``minutes.json`` here, beside the
code, so that a notebook without the repository (Colab) can say it too.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from helpers.arguments import Dict, Document, Entries, Number, Text, Whole, takes

FILE = Path(__file__).parent / "minutes.json"


def read_minutes() -> dict[str, dict]:
    """Return for each chapter its ``title``, and for each profile that was measured a record.

    A record holds ``seconds``, ``how`` (``executed``, or ``recorded runs``: the sum of their
    training steps), ``backend``, ``versions``, ``hardware``, ``data`` and ``finished``.
    """
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


@takes(chapter=Text(), profile=Text(), backend=Text())
def seconds(chapter: str, profile: str, backend: str) -> float | None:
    """Return how long a chapter takes; None where nobody measured that on this backend.

    Raises:
        ValueError: for what is no text.
    """
    record = read_minutes().get(chapter, {}).get(profile, {})
    return record["seconds"] if record.get("backend") == backend else None


@takes(seconds=Number("[0, inf)"))
def in_words(seconds: float) -> str:
    """Return a time to plan with.

    Raises:
        ValueError: for a time below 0, or one that is not finite.

    >>> in_words(12), in_words(61), in_words(3000), in_words(9000)
    ('under 1 minute', '2 minutes', '50 minutes', '2.5 hours')
    """
    if seconds < 60:
        return "under 1 minute"
    if seconds < 5400:
        return f"{math.ceil(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


_RECORD = Document(
    {
        "hardware": Document({"cores": Whole(1), "processor": Text()}),
        "backend": Text(),
        "how": Text(),
        "versions": Dict(),
    }
)


@takes(measured=Entries(_RECORD, least=0))
def conditions(measured: Mapping[str, Mapping]) -> str:
    """Return in a sentence what the times were measured on, and which of them on something else.

    Args:
        measured: what each record is of (``09 in full``) -> the record.

    Raises:
        ValueError: for a record that does not say how it was measured.
    """
    groups: dict[str, list[str]] = {}
    for what, record in measured.items():
        groups.setdefault(_condition(record), []).append(what)
    if not groups:
        return "No times have been measured yet."
    usual = max(groups, key=lambda condition: len(groups[condition]))
    said = [f"Times: {usual}"]
    said += [f"{', '.join(groups[each])}: {each}" for each in groups if each != usual]
    return "; ".join(said) + "."


def _condition(record: Mapping) -> str:
    hardware, backend = record["hardware"], record["backend"]
    cores = f"{hardware['cores']} core{'s' * (hardware['cores'] != 1)}"
    how = "whole notebooks" if record["how"] == "executed" else "training steps only"
    version = record["versions"].get(backend, "of unknown version")
    return f"{how}, {backend} {version}, {cores} of {hardware['processor']}"
