"""The shape of an exercise: what every one of them has, so that learner and grader find their way.

Every function yields sentences: one for each rule that is broken.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbformat import NotebookNode

from helpers.build.exercises import chapter_number, stub_line
from helpers.build.notebook import CODE_LINES, SETUP_LINES, count_titles, read_source
from helpers.build.sources import EXERCISE, HIDDEN_TESTS
from helpers.checks import Task
from helpers.checks.catalogue import chapter_tasks

FEWEST_TASKS = 3
FEWEST_MISTAKES = 3
FEWEST_HINTS, MOST_HINTS = 2, 3
STUB_COLUMNS = 100
IMPORT = re.compile(r"(import|from) ")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def check_exercise_shape(
    chapter: str, source: Path, tasks: Sequence[Task] | None = None
) -> Iterator[str]:
    """Yield each rule for an exercise that this one breaks, with the task or the cell's number.

    Args:
        chapter: its name, ``02_initialization``.
        source: its ``exercise.py``.
        tasks: those of ``helpers.checks``; None for the chapter's own.
    """
    if tasks is None:
        tasks = chapter_tasks(chapter_number(chapter))
    where = f"chapters/{chapter}"
    cells = read_source(source, profile="").cells
    for broken in (*_check_cells(chapter, cells), *_check_order(chapter, cells)):
        yield f"{where}/{EXERCISE}: {broken}"
    for broken in _check_tasks(cells, tasks):
        yield f"{where}/{EXERCISE}, helpers/checks/chapter_{chapter_number(chapter)}.py: {broken}"
    if not source.with_name(HIDDEN_TESTS).exists():
        yield f"{where}/{HIDDEN_TESTS} is missing: write it"


def _check_cells(chapter: str, cells: Sequence[NotebookNode]) -> Iterator[str]:
    titles = count_titles(cells)
    if titles != 1:
        yield f"{titles} titles (# ...), expected 1"
    code = [(number, cell) for number, cell in enumerate(cells, 1) if cell.cell_type == "code"]
    call = f'course.start("{chapter}", exercise=True)'
    if not code or call not in code[0][1].source:
        yield f"the first code cell is not the set-up cell, expected {call} in it"
    elif len(list(filter(str.strip, code[0][1].source.splitlines()))) > SETUP_LINES:
        yield f"the set-up cell has more than {SETUP_LINES} lines of code"
    for number, cell in code:
        yield from (f"cell {number}: {broken}" for broken in _check_code(cell))


def _check_code(cell: NotebookNode) -> Iterator[str]:
    marks = [line.strip() for line in cell.source.splitlines() if "SOLUTION" in line]
    if marks != [BEGIN, END] * (len(marks) // 2):
        yield f"expected {BEGIN} and {END} in turn, each alone on its line, got {marks}"
        return
    if "task" not in cell.metadata:
        if marks:
            yield "a solution in a cell without task=: it would be handed out"
    elif not marks:
        yield f"task {cell.metadata.task} has no {BEGIN}: the whole cell would be a stub"
    given = list(given_lines(cell.source))
    if len(given) > CODE_LINES:
        yield f"{len(given)} lines outside the solution, at most {CODE_LINES}: make a helper of it"
    if "task" in cell.metadata and any(IMPORT.match(line) for line in given):
        yield "an import where learners write: a slip there costs every task; give it its own cell"


def given_lines(code: str) -> Iterator[str]:
    """Yield the lines of a cell that stand outside its solutions."""
    inside = False
    for line in code.splitlines():
        if line.strip() == BEGIN:
            inside = True
        elif line.strip() == END:
            inside = False
        elif not inside:
            yield line


def solution_lines(code: str) -> Iterator[str]:
    """Yield the lines of a cell that stand inside its solutions."""
    inside = False
    for line in code.splitlines():
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif inside:
            yield line


def _check_order(chapter: str, cells: Sequence[NotebookNode]) -> Iterator[str]:
    solutions = [cell.metadata.task for cell in cells if "task" in cell.metadata]
    checks = [cell.metadata.check for cell in cells if "check" in cell.metadata]
    number = int(chapter_number(chapter))
    wanted = [f"{number}.{count}" for count in range(1, max(len(solutions), FEWEST_TASKS) + 1)]
    if solutions != wanted:
        yield f"tasks {', '.join(map(str, solutions))}, expected {', '.join(wanted)}, in this order"
    if checks != solutions:
        yield f"checks of {', '.join(map(str, checks))}, expected one check= for each task="
    order = [kind for cell in cells for kind in ("task", "check") if kind in cell.metadata]
    if order != ["task", "check"] * len(solutions):
        yield "expected the check of a task after its solution, and before the next task"


def _check_tasks(cells: Sequence[NotebookNode], tasks: Sequence[Task]) -> Iterator[str]:
    known = {task.id: task for task in tasks}
    ids = [cell.metadata.task for cell in cells if "task" in cell.metadata]
    if ids != list(known):
        yield f"tasks {', '.join(ids)}, while TASKS has {', '.join(known) or 'none'}"
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for cell in cells:
        if "task" in cell.metadata:
            yield from _check_stub(cell.metadata.task, cell.metadata.get("stub"))
        if "check" in cell.metadata:
            yield from _check_points(cell, known, prose)
    for task in tasks:
        yield from (f"{task.id}: {broken}" for broken in _check_task(task))


def _check_stub(task: str, stub: str | None) -> Iterator[str]:
    if not stub:
        yield f'{task}: no stub="...", what the learner is asked to write'
        return
    columns = len(stub_line(task, stub)) + 8  # in a method
    if columns > STUB_COLUMNS:
        yield f"{task}: its stub is {columns - STUB_COLUMNS} characters too long for its line"


def _check_points(cell: NotebookNode, known: dict[str, Task], prose: str) -> Iterator[str]:
    task, points = cell.metadata.check, cell.metadata.get("points")
    if not isinstance(points, int) or points < 1:
        yield f"{task}: points={points!r}, expected a whole number from 1"
    if f'check("{task}", ' not in cell.source:
        yield f'{task}: its check cell does not call check("{task}", ...)'
    title = known[task].title if task in known else "..."
    heading = f"## {task} {title} ({points} point{'s' * (points != 1)})"
    if not re.search(f"^{re.escape(heading)}$", prose, re.MULTILINE):
        yield f"{task}: no heading {heading!r}"


def _check_task(task: Task) -> Iterator[str]:
    if len(task.mistakes) < FEWEST_MISTAKES:
        yield f"{len(task.mistakes)} known mistakes, expected {FEWEST_MISTAKES} or more"
    if not FEWEST_HINTS <= len(task.hints) <= MOST_HINTS:
        yield f"{len(task.hints)} hints, expected {FEWEST_HINTS} to {MOST_HINTS}"
    said = Counter([*task.hints, *(mistake.says for mistake in task.mistakes)])
    yield from (f"said {times} times: {text!r}" for text, times in said.items() if times > 1)
