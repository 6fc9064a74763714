"""What a notebook's set-up cell uses: ``course.start(...)`` and then ``course.errors()``."""

import re
import sys
import traceback
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

from helpers.backend import use_backend
from helpers.build.sources import find_chapters, find_repository, read_title
from helpers.profiles import Profile, get_profile

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


def start(chapter: str) -> None:
    """Make the notebook ready, and print one line: chapter, profile, backend.

    From here on, tracebacks are kept for ``errors()``, and Keras will use the backend that
    ``COURSE_BACKEND`` names. Running it again changes nothing. Keras is not imported.

    Raises:
        RuntimeError: outside IPython; when the backend is missing; when Keras already runs on
            another one.
        ValueError: for an unknown profile or backend.
    """
    global _recorder
    shell = _running_shell()
    if _recorder is None or _recorder.shell is not shell:
        _recorder = _Recorder(shell)
    profile = get_profile()
    backend = use_backend()
    print(f"Chapter {chapter} · profile {profile.name} ({_meaning(profile)}) · backend {backend}")


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


class ChapterList(tuple[tuple[str, str], ...]):
    """Names and titles of chapters; a notebook shows them as links."""

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {title}" for name, title in self)

    def _repr_markdown_(self) -> str:
        return "\n".join(f"- [{title}]({name}.ipynb)" for name, title in self)


def chapters() -> ChapterList:
    """Return the chapters that this repository holds, in order: those that are written.

    Raises:
        ValueError: outside the course's repository.
    """
    found = find_chapters(find_repository())
    return ChapterList((name, read_title(lesson)) for name, lesson in found.items())


def _running_shell():
    ipython = sys.modules.get("IPython")  # loaded wherever there is a shell
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        raise RuntimeError(
            "course.start keeps the errors of a notebook's cells, and no notebook runs here: "
            "open it in JupyterLab, or start ipython."
        )
    return shell


def _meaning(profile: Profile) -> str:
    most = "up to " if profile.patience < profile.epochs else ""
    epochs = "1 epoch" if profile.epochs == 1 else f"{most}{profile.epochs} epochs"
    if profile.train_images is None:
        return epochs
    return f"{epochs} on {profile.train_images:,} images"


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
