"""What an exercise calls: ``check``, ``hint``, ``expected`` and ``progress``."""

import html
import os
import sys
from typing import NamedTuple

from helpers import progress as record
from helpers.checks.catalogue import chapter_numbers, chapter_tasks, find_task, points
from helpers.checks.feedback import Feedback, Line
from helpers.checks.judge import judge

SOLVED = "solved"

_hints_given: dict[str, int] = {}  # by task id, in this kernel


class CheckFailed(AssertionError):
    """A check that failed, where nbgrader runs the notebook: it gives points unless a cell raises.

    The message is the feedback.
    """


def check(task_id: str, answer) -> None:
    """Show what holds of an answer, what does not, and the mistake that it looks like.

    It never raises, but for an interrupt and under nbgrader (whose ``NBGRADER_EXECUTION`` is set),
    which takes a cell that raises for a failed one. A right answer is noted for :func:`progress`.

    Args:
        task_id: for example ``"2.1"``.
        answer: the function or class itself, or the value, as the exercise has it.

    Raises:
        CheckFailed: under nbgrader only.
    """
    try:
        task = find_task(task_id)
    except ValueError as error:
        feedback = Feedback(f"check: {error}", passed=False)
    else:
        feedback = judge(task, answer)
    if feedback.passed:
        problem = record.note(task_id, SOLVED)
        feedback.lines += (Line("note", problem),) if problem else ()
    _show(feedback)
    if not feedback.passed and os.environ.get("NBGRADER_EXECUTION"):
        raise CheckFailed(repr(feedback))


def hint(task_id: str) -> None:
    """Show the next step to a task's solution; at the end, all of them.

    It counts in this kernel only. An unknown id is answered with the known ones.
    """
    try:
        task = find_task(task_id)
    except ValueError as error:
        _show(Feedback(f"hint: {error}"))
        return
    given = _hints_given.get(task.id, 0)
    _hints_given[task.id] = given + 1
    steps = [Line(f"step {n} of {len(task.hints)}", says) for n, says in enumerate(task.hints, 1)]
    heading = f"{task.id} {task.title}"
    if given < len(steps):
        _show(Feedback(heading, (steps[given],)))
    else:
        _show(Feedback(f"{heading}: there are no more hints; these were all", tuple(steps)))


def expected(task_id: str):
    """Return the figure that a task asks for, as a right answer gives it; a notebook shows it.

    Where the task asks for none, or is unknown, a sentence says so.
    """
    try:
        task = find_task(task_id)
    except ValueError as error:
        return Feedback(f"expected: {error}")
    if task.picture is None:
        return Feedback(f"{task.id} {task.title}: this task asks for no figure")
    return task.picture()


class Row(NamedTuple):
    """A task in the table of progress."""

    id: str
    title: str
    points: int | None  # None where the chapter was not built yet
    solved: str | None  # the day


class Progress(tuple[Row, ...]):
    """Every task of the course, and whether it is done; a notebook shows it as a table."""

    problem: str | None = None  # why it may not be what was noted

    @property
    def summary(self) -> str:
        """How much is done, in a sentence."""
        done = [row for row in self if row.solved]
        tasks = f"{len(done)} of {len(self)} tasks done"
        earned, all_ = (sum(row.points or 0 for row in rows) for rows in (done, self))
        return f"{tasks}, {earned} of {all_} points."

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                row.id,
                row.title,
                "" if row.points is None else str(row.points),
                f"done {row.solved}" if row.solved else "open",
            )
            for row in self
        ]

    def _notes(self) -> list[str]:
        return [self.summary, *([self.problem] if self.problem else [])]

    def __repr__(self) -> str:
        cells = [("task", "title", "points", "you"), *self._cells()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join([*lines, *self._notes()])

    def _repr_html_(self) -> str:
        left = 'style="text-align:left"'  # JupyterLab sets every cell on the right
        head = "".join(
            f'<th scope="col" {left}>{name}</th>' for name in ("task", "title", "points", "you")
        )
        body = "".join(
            f"<tr>{''.join(f'<td {left}>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self._cells()
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._notes())
        return (
            f'<table class="course-progress"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>{notes}"
        )


def progress() -> Progress:
    """Return every task of every chapter with its points, and the day it was solved, if it was.

    It is kept in ``COURSE_HOME``, so it is the same in every notebook; ``COURSE_PROGRESS=0`` turns
    it off. A damaged file is set aside and named.
    """
    known, problem = record.read_progress() if record.is_kept() else ({}, "Nothing is noted here.")
    rows = Progress(
        Row(task.id, task.title, worth.get(task.id), (known or {}).get(task.id, {}).get(SOLVED))
        for number in chapter_numbers()
        for worth in [points(number)]
        for task in chapter_tasks(number)
    )
    rows.problem = problem
    return rows


def _show(feedback: Feedback) -> None:
    """Show it at once, wherever in a cell the call stands; outside a notebook, print it."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        ipython.display.display(feedback)
    else:
        print(feedback)
