"""The exercises that were handed out, and which cells of a submission the grader runs.

All that is locked comes from the exercise, whatever became of it in the submission: only what is
the learner's to write comes from the learner.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.build.sources import HIDDEN_TESTS, exercise_path
from helpers.grading.hidden import Hidden, load_hidden

GRADED_CELL = re.compile(r"(?:task|solution)-(\d+)-(\w+)")
TITLE = re.compile(r"^#+ +([\w.]+)\s+(.+?)(?: *\(\d[^)]*\))? *$", re.MULTILINE)
NOT_RUN = "measure"  # the tag of cells that train, or take more than a second


@dataclass(frozen=True)
class Task:
    """A graded task: ``id`` as ``"2.1"``."""

    id: str
    title: str
    points: float


@dataclass(frozen=True)
class Cell:
    """A code cell of the exercise.

    ``kind`` is ``given`` (locked and run), ``left out`` (checks and measurements), or ``solution``.
    """

    kind: str
    source: str
    task: str | None
    keys: frozenset[str]


@dataclass(frozen=True)
class Planned:
    """A cell to run: ``where`` is what a reader calls it, ``task`` whose solution it is."""

    source: str
    where: str
    task: str | None = None


@dataclass(frozen=True)
class Exercise:
    """An exercise and its hidden tests; ``digest`` changes when either does."""

    name: str
    tasks: tuple[Task, ...]
    cells: tuple[Cell, ...]
    hidden_path: Path
    digest: str

    def hidden(self) -> dict[str, Hidden]:
        """Import the hidden tests.

        Raises:
            ValueError: when they cannot be imported, or are for other tasks than the exercise has.
        """
        tests, wanted = load_hidden(self.hidden_path), {task.id for task in self.tasks}
        if tests.keys() != wanted:
            raise ValueError(
                f"{self.hidden_path} tests {', '.join(sorted(tests))}, and exercise {self.name} "
                f"has {', '.join(sorted(wanted))}: write the missing ones, or run: course build"
            )
        return tests


def find_exercises(root: Path) -> dict[str, Exercise]:
    """Return the exercises of the course's repository that have hidden tests, by name.

    Raises:
        ValueError: when there is none, or when one was not built.
    """
    found = {}
    for hidden in sorted(root.glob(f"chapters/*/{HIDDEN_TESTS}")):
        name = hidden.parent.name
        notebook = exercise_path(root, name)
        if not notebook.exists():
            raise ValueError(f"{notebook} is missing: run: course build {name}")
        found[name] = read_exercise(name, notebook, hidden)
    if not found:
        raise ValueError(f"no exercise to grade: expected {root}/chapters/NAME/{HIDDEN_TESTS}.")
    return found


def read_exercise(name: str, notebook: Path, hidden: Path) -> Exercise:
    """Return one exercise.

    Raises:
        ValueError: for a notebook without a graded task.
    """
    content = notebook.read_bytes()
    document = json.loads(content)
    titles = {}
    for cell in document["cells"]:
        if cell["cell_type"] == "markdown":
            titles |= dict(TITLE.findall(text_of(cell)))
    tasks, cells = [], []
    for cell in document["cells"]:
        if cell["cell_type"] != "code":
            continue
        cells.append(_read_cell(cell))
        about = cell["metadata"].get("nbgrader", {})
        if about.get("grade"):
            task = cells[-1].task
            tasks.append(Task(task, titles.get(task, ""), about["points"]))
    if not tasks:
        raise ValueError(f"{notebook} has no graded task: run: course build {name}")
    both = hashlib.sha256(content + hashlib.sha256(hidden.read_bytes()).digest())
    return Exercise(name, tuple(tasks), tuple(cells), hidden, both.hexdigest())


def _read_cell(cell: dict) -> Cell:
    about = cell["metadata"].get("nbgrader", {})
    named = GRADED_CELL.fullmatch(str(about.get("grade_id")))
    task = ".".join(named.groups()) if named else None
    if about.get("grade") or NOT_RUN in cell["metadata"].get("tags", ()):
        kind = "left out"
    else:
        kind = "solution" if about.get("solution") else "given"
    return Cell(kind, text_of(cell), task, frozenset(keys_of(cell)))


def text_of(cell: Mapping) -> str:
    """Return a cell's source, which a file holds as one text or as a list of lines."""
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source if isinstance(source, str) else ""


def keys_of(cell: Mapping) -> Iterator[str]:
    """Yield what a cell can be recognized by: nbgrader's id first, then Jupyter's, then Colab's."""
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    about = metadata.get("nbgrader")
    named = about.get("grade_id") if isinstance(about, dict) else None
    for kind, key in (("grade", named), ("cell", cell.get("id")), ("cell", metadata.get("id"))):
        if isinstance(key, str):
            yield f"{kind} {key}"


def identify(notebook: Mapping, exercises: Mapping[str, Exercise]) -> Exercise | None:
    """Return the exercise that most cells of a submission are of; None when no cell is of any."""
    present = {key for cell in notebook["cells"] for key in keys_of(cell)}
    known = Counter(
        {
            name: sum(not cell.keys.isdisjoint(present) for cell in exercise.cells)
            for name, exercise in exercises.items()
        }
    )
    name, matches = known.most_common(1)[0]
    return exercises[name] if matches else None


def plan(notebook: Mapping, exercise: Exercise) -> list[Planned]:
    """Return the cells to run, in the order of the submission.

    A locked cell has the exercise's source, and comes once. One that was deleted comes after the
    cell that it followed in the exercise. The learner's own cells run where they stand.
    """
    by_key = {key: number for number, cell in enumerate(exercise.cells) for key in cell.keys}
    placed: list[tuple[int | None, Planned | None]] = []
    seen = set()
    code = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    for count, cell in enumerate(code, start=1):
        number = next((by_key[key] for key in keys_of(cell) if key in by_key), None)
        known = exercise.cells[number] if number is not None else None
        if known is None:
            placed.append((None, Planned(text_of(cell), f"code cell {count}")))
        elif known.kind == "solution":
            where = f"the solution cell of {known.task}"
            placed.append((number, Planned(text_of(cell), where, known.task)))
        elif number not in seen:
            placed.append((number, _given(known)))
        seen.add(number)
    for number, cell in enumerate(exercise.cells):
        if number not in seen:
            before = (place for place, (other, _) in enumerate(placed) if other == number - 1)
            placed.insert(max(before, default=-1) + 1, (number, _given(cell)))
    return [cell for _, cell in placed if cell is not None]


def _given(cell: Cell) -> Planned | None:
    return Planned(cell.source, "a given cell") if cell.kind == "given" else None
