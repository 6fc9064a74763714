"""From ``chapters/NAME/exercise.py`` to ``exercises/NAME.ipynb`` and ``solutions/NAME.ipynb``.

Both carry nbgrader's metadata (schema 3), so a school that runs nbgrader can take the solution for
its source, or the exercise for its release version. nbgrader's own preprocessors make the second of
the first. The points of the tasks go to ``helpers/checks`` too, for a notebook without the others.
"""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from helpers.build.install_cell import put_install_cell
from helpers.build.notebook import read_source, render
from helpers.build.sources import EXERCISE, exercise_path, find_exercises
from helpers.files import replacing
from helpers.launch import read_launch

SCHEMA = 3  # of nbgrader's cell metadata
OURS = ("task", "check", "points", "stub")  # metadata of the source that the notebooks do not have


def points_path(root: Path, chapter: str) -> Path:
    """Return where the points of a chapter's tasks are kept for ``progress()``."""
    return root / "helpers" / "checks" / f"chapter_{chapter_number(chapter)}.json"


def chapter_number(chapter: str) -> str:
    """Return the number in a chapter's name.

    >>> chapter_number("02_initialization")
    '02'
    """
    return chapter.partition("_")[0]


def read_solution(source: Path, profile: str) -> NotebookNode:
    """Return the notebook with its solutions, not yet executed, as nbgrader reads a source.

    The markers around each solution stay, for nbgrader to find. The cell that installs is none of
    nbgrader's: another address changes no checksum.
    """
    notebook = _read_marked(source, profile)
    put_install_cell(notebook, read_launch(source.parents[2]))
    return notebook


def _read_marked(source: Path, profile: str) -> NotebookNode:
    notebook = read_source(source, profile)
    for cell in notebook.cells:
        marks = {key: cell.metadata.pop(key) for key in OURS if key in cell.metadata}
        cell.metadata["nbgrader"] = _grading(cell.id, marks)
    return notebook


def make_exercise(source: Path) -> NotebookNode:
    """Return the notebook that learners fill in: solutions replaced, cells locked, no outputs.

    The preprocessors are those of ``nbgrader generate_assignment``, in its order, without what is
    about its database, its headers and tests in notebooks (here they are hidden elsewhere).

    Raises:
        RuntimeError: for a solution without an end, or one in a cell that is no task's.
    """
    from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, ComputeChecksums, LockCells

    notebook = _read_marked(source, profile="")
    del notebook.metadata["course"]  # nothing is executed, and so under no profile
    stubs = read_stubs(source)
    notebook, _ = LockCells().preprocess(notebook, {})
    notebook.cells = [_without_solution(cell, stubs) for cell in notebook.cells]
    for preprocessor in (ClearOutput, CheckCellMetadata, ComputeChecksums):
        notebook, _ = preprocessor().preprocess(notebook, {})
    put_install_cell(notebook, read_launch(source.parents[2]))
    return notebook


def read_stubs(source: Path) -> dict[str, str]:
    """Return the line that takes the place of each task's solution, by task id."""
    cells = read_source(source, profile="").cells
    return {
        cell.metadata["task"]: stub_line(cell.metadata["task"], cell.metadata.get("stub", ""))
        for cell in cells
        if "task" in cell.metadata
    }


def stub_line(task: str, stub: str) -> str:
    """Return the line that takes the place of a solution.

    >>> stub_line("2.1", "return two numbers")
    'raise NotImplementedError("2.1 is yours: return two numbers.")'
    """
    sentence = f"{task} is yours: {stub.rstrip('.')}."
    return f"raise NotImplementedError({json.dumps(sentence, ensure_ascii=False)})"


def read_points(source: Path) -> dict[str, int]:
    """Return the points of each task by its id, from the check cells."""
    return {
        cell.metadata["check"]: cell.metadata["points"]
        for cell in read_source(source, profile="").cells
        if "check" in cell.metadata
    }


def render_points(source: Path) -> str:
    """Return the text of the file of points."""
    return json.dumps(read_points(source), indent=1) + "\n"


def write_exercise(root: Path, chapter: str) -> bool:
    """Write the exercise of a chapter and its points, and return whether any of it is new."""
    texts = _render_files(root, chapter)
    changed = [path for path, text in texts.items() if not _holds(path, text)]
    for path in changed:
        with replacing(path) as temporary:
            temporary.write_text(texts[path], encoding="utf-8", newline="\n")
    return bool(changed)


def check_exercise_files(root: Path, chapter: str) -> Iterator[str]:
    """Yield each file of a chapter's exercise that is not what its source gives."""
    for path, text in _render_files(root, chapter).items():
        if not _holds(path, text):
            where = path.relative_to(root).as_posix()
            given = f"chapters/{chapter}/{EXERCISE}"
            yield f"{where} is not what {given} gives: run: course build {chapter}"


def _render_files(root: Path, chapter: str) -> dict[Path, str]:
    source = find_exercises(root)[chapter]
    return {
        exercise_path(root, chapter): render(make_exercise(source)),
        points_path(root, chapter): render_points(source),
    }


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_bytes() == text.encode()


def _grading(cell_id: str, marks: dict) -> dict:
    """Return nbgrader's metadata of a cell: a solution, a check, or what only is to be read."""
    kind = {"schema_version": SCHEMA, "grade": False, "solution": False, "locked": True}
    kind["task"] = False  # nbgrader's word for what is graded by hand
    if "task" in marks:
        return kind | {
            "solution": True,
            "locked": False,
            "grade_id": _id("solution", marks["task"]),
        }
    if "check" in marks:
        name = _id("task", marks["check"])
        return kind | {"grade": True, "grade_id": name, "points": marks["points"]}
    return kind | {"grade_id": f"cell-{cell_id}"}


def _id(kind: str, task: str) -> str:
    return f"{kind}-{re.sub(r'[^0-9a-zA-Z]', '-', task)}"


def _without_solution(cell: NotebookNode, stubs: dict[str, str]) -> NotebookNode:
    from nbgrader.preprocessors import ClearSolutions

    by_id = {_id("solution", task): stub for task, stub in stubs.items()}
    stub = by_id.get(cell.metadata.nbgrader.grade_id, "")
    clear = ClearSolutions(code_stub={"python": stub})
    return clear.preprocess_cell(copy.deepcopy(cell), {"language": "python"}, 0)[0]
