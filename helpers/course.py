"""What a notebook asks of the course: to start, its errors, its quiz, and the map of chapters."""

import re
import sys
import traceback
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import NamedTuple

from helpers import minutes, progress
from helpers.backend import BACKENDS, DEFAULT, use_backend
from helpers.build.sources import find_chapters, find_repository, read_title
from helpers.profiles import PROFILES, get_profile
from helpers.quiz import Quiz, load_quiz

MOST_ERRORS = 50


@dataclass(frozen=True)
class CellError:
    """An exception that ended a cell. Text only: it keeps no frame and no array alive."""

    cell: int | None  # what stands in In[...]; None for a cell that was run without a history
    time: datetime
    summary: str  # the exception's type, and its message's first line
    traceback: str

    def __str__(self) -> str:
        cell = "a cell without a number" if self.cell is None else f"Cell In[{self.cell}]"
        return f"{cell} at {self.time:%H:%M:%S}: {self.summary}\n\n{self.traceback}"


class CellErrors(tuple[CellError, ...]):
    """Errors, oldest first; a notebook shows them as text."""

    total: int = 0  # how many there were, with those no longer kept

    def __repr__(self) -> str:
        if not self:
            return "No error since course.start()."
        kept = "" if len(self) == self.total else f"; the newest {len(self)} are kept"
        plural = "" if self.total == 1 else "s"
        heading = f"{self.total} error{plural} since course.start(){kept}."
        return "\n\n".join((heading, *map(str, self)))


class _Recorder:
    """Listens to a shell and keeps the newest errors of its cells.

    It listens after the shell has shown the traceback, instead of showing it in the shell's
    place: what the reader sees in the notebook stays exactly as it is.
    """

    def __init__(self, shell) -> None:
        self.shell = shell
        self.total = 0
        self.kept: deque[CellError] = deque(maxlen=MOST_ERRORS)
        shell.events.register("post_run_cell", self.note)

    def note(self, result) -> None:
        """Keep what ended the cell, if anything did: an interrupt too, for where it stood."""
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            return
        message = str(error).partition("\n")[0]
        summary = f"{type(error).__name__}: {message}" if message else type(error).__name__
        text = _plain_traceback(error, self.shell)
        self.total += 1
        self.kept.append(CellError(result.execution_count, datetime.now(), summary, text))


_recorder: _Recorder | None = None


def start(chapter: str, exercise: bool = False) -> None:
    """Make the notebook ready, and print one line: chapter, profile, how long it takes, backend.

    From here on, tracebacks are kept for ``errors()``, and Keras will use the backend that
    ``COURSE_BACKEND`` names. That the chapter was opened is noted for ``chapters()``. Running it
    again changes nothing. Keras is not imported.

    Args:
        chapter: its name, for example ``01_vanishing_gradients``.
        exercise: whether this is the chapter's exercise: how long the lesson takes is no matter
            then, and it is not the lesson that was opened.

    Raises:
        RuntimeError: outside IPython; when the backend is missing; when Keras already runs on
            another one.
        ValueError: for an unknown profile or backend.
    """
    global _recorder
    shell = _running_shell()
    if _recorder is None or _recorder.shell is not shell:
        _recorder = _Recorder(shell)
    profile = get_profile().name
    backend = use_backend()
    if exercise:
        print(f"Exercises of {chapter} · profile {profile} · backend {backend}")
        return
    seconds = minutes.seconds(chapter, profile, backend)
    time = f" ({minutes.in_words(seconds)})" if seconds else ""
    print(f"Chapter {chapter} · profile {profile}{time} · backend {backend}")
    _note(chapter, "opened")


def errors() -> CellErrors:
    """Return every error since ``start``, also those whose output is cleared; the newest 50.

    Raises:
        RuntimeError: before ``start``.
    """
    if _recorder is None:
        raise RuntimeError("nothing is kept yet: run the set-up cell (course.start) first.")
    found = CellErrors(_recorder.kept)
    found.total = _recorder.total
    return found


def quiz(chapter: str) -> Quiz:
    """Return the questions of a chapter; a notebook asks them.

    Who comes to the quiz has read the chapter to its end: that is noted for ``chapters()``.

    Raises:
        ValueError: for a chapter without a quiz, with the known ones.
    """
    asked = load_quiz(chapter)
    _note(chapter, "read")
    return asked


class Chapter(NamedTuple):
    """A row of the map: a chapter, how long it takes, and how far the reader has come."""

    name: str
    title: str
    times: dict[str, str]  # by profile, in words; without those that nobody measured
    reached: str | None  # None where progress is not kept


class ChapterList(tuple[Chapter, ...]):
    """The map of the course; a notebook shows it as a table of links."""

    conditions: str = ""  # what the times were measured on

    def __repr__(self) -> str:
        rows = (
            [f"{each.name}: {each.title}", *(f"{k} {v}" for k, v in each.times.items())]
            + [each.reached] * (each.reached is not None)
            for each in self
        )
        return "\n".join([*(" · ".join(row) for row in rows), self.conditions])

    def _repr_markdown_(self) -> str:
        kept = any(each.reached for each in self)
        header = ["chapter", *(f"`{name}`" for name in PROFILES), *["you"] * kept]
        rows = [
            [f"[{each.title}]({each.name}.ipynb)", *(each.times.get(name, "") for name in PROFILES)]
            + [each.reached] * kept
            for each in self
        ]
        # Without it JupyterLab sets every column on the right.
        rule = [":---", *["---:"] * len(PROFILES), *[":---"] * kept]
        lines = [header, rule, *rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{table}\n\n{self.conditions}"


def chapters() -> ChapterList:
    """Return the chapters that are written, in order: their times, and how far you have come.

    Raises:
        ValueError: where there is neither the course's repository nor a record of its chapters.
    """
    measured = minutes.read_minutes()
    try:
        found = find_chapters(find_repository())
        titles = {name: read_title(lesson) for name, lesson in found.items()}
    except ValueError:  # a notebook alone, as Colab opens it
        titles = {name: each["title"] for name, each in measured.items()}
        if not titles:
            raise
    records = {
        name: {key: measured[name][key] for key in PROFILES if key in measured.get(name, {})}
        for name in titles
    }
    kept = progress.is_kept()
    reached, problem = progress.read_progress() if kept else ({}, None)
    if problem:
        print(problem)
    map_ = ChapterList(
        Chapter(
            name,
            title,
            {key: _time(each) for key, each in records[name].items()},
            progress.in_words((reached or {}).get(name, {})) if kept else None,
        )
        for name, title in titles.items()
    )
    map_.conditions = minutes.conditions(
        {f"{name[:2]} in {key}": each for name, of in records.items() for key, each in of.items()}
    )
    return map_


def _time(record: dict) -> str:
    """Return how long a chapter takes, and on what where that is not the usual backend."""
    said, backend = minutes.in_words(record["seconds"]), record["backend"]
    return said if backend == DEFAULT else f"{said} on {BACKENDS[backend]}"


def _note(chapter: str, step: str) -> None:
    problem = progress.note(chapter, step)
    if problem:
        print(problem)


def _running_shell():
    ipython = sys.modules.get("IPython")  # loaded wherever there is a shell
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        raise RuntimeError(
            "course.start keeps the errors of a notebook's cells, and no notebook runs here: "
            "open it in JupyterLab, or start ipython."
        )
    return shell


def _plain_traceback(error: BaseException, shell) -> str:
    """Return the whole traceback without colours, from the cell on, with cells named ``In[3]``."""
    frames = _from_cell(error.__traceback__)  # none where the cell did not even compile
    text = "".join(traceback.format_exception(type(error), error, frames))
    label = getattr(shell.compile, "format_code_name", lambda filename: None)  # IPython 8 on

    def name(match: re.Match) -> str:
        found = label(match[1])
        return " ".join(found) if found else match[0]

    return re.sub(r'File "([^"\n]+)"', name, text)


def _from_cell(frames: TracebackType | None) -> TracebackType | None:
    """Skip the frames of IPython itself, which stand before the cell's first."""
    while frames and frames.tb_frame.f_globals.get("__name__", "").startswith("IPython."):
        frames = frames.tb_next
    return frames
