"""What a reader has opened, read and solved: ``progress.json`` in the course's home folder.

``course.start``, ``course.quiz`` and ``check`` keep it. ``COURSE_PROGRESS=0`` turns it off: nothing
is read or written then, which is how the course's own notebooks are built. No failure here keeps a
notebook from going on: functions return a sentence for the reader instead.
"""

import json
import os
from datetime import date, datetime
from pathlib import Path

from helpers.files import course_home, replacing

STEPS = {"read": "read to the end", "opened": "opened"}  # the furthest first


def is_kept() -> bool:
    """Return whether progress is kept at all."""
    return os.environ.get("COURSE_PROGRESS", "1") != "0"


def progress_file() -> Path:
    """Return where progress is kept; the file need not exist yet."""
    return course_home() / "progress.json"


def note(chapter: str, step: str) -> str | None:
    """Note that a reader came to a step of a chapter today: ``opened`` or ``read``.

    ``check`` notes a task (``"2.1"``) in place of a chapter, with the step ``solved``.

    Returns:
        A sentence when it could not be noted, or when the file was damaged.
    """
    if not is_kept():
        return None
    known, said = read_progress()
    if known is None:  # it is still there, and must not be written over
        return said
    steps = known.setdefault(chapter, {})
    today = date.today().isoformat()
    if steps.get(step) == today:
        return said
    steps[step] = today
    try:
        with replacing(progress_file()) as temporary:
            temporary.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        return f"Your progress is not noted: {error}"
    return said


def read_progress() -> tuple[dict[str, dict[str, str]] | None, str | None]:
    """Return the day of each step by chapter, and a sentence when that is not what was noted.

    A damaged file is set aside and named; nothing of it is lost. None where the file can be neither
    read nor set aside.
    """
    path = progress_file()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, None
    except OSError as error:
        return None, f"Your progress cannot be read: {error}"
    known = _parse(content)
    if known is not None:
        return known, None
    aside = path.with_name(f"progress.damaged-{datetime.now():%Y%m%d-%H%M%S-%f}.json")
    try:
        path.replace(aside)
    except OSError as error:
        return None, f"Your progress cannot be read, {path} is damaged: {error}"
    return {}, f"{path} was damaged, so your progress begins anew; the old file is {aside.name}."


def in_words(steps: dict[str, str]) -> str:
    """Return how far a reader has come in a chapter.

    >>> in_words({"opened": "2026-08-01", "read": "2026-08-02"}), in_words({})
    ('read to the end 2026-08-02', 'not opened')
    """
    reached = (f"{words} {steps[step]}" for step, words in STEPS.items() if step in steps)
    return next(reached, "not opened")


def _parse(content: bytes) -> dict[str, dict[str, str]] | None:
    """Return what a file holds; None for a damaged one."""
    try:
        known = json.loads(content)
    except ValueError:  # not JSON, or not even text
        return None
    good = isinstance(known, dict) and all(isinstance(steps, dict) for steps in known.values())
    return known if good else None
