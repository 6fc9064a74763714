"""A course of one small exercise, and submissions of it: honest ones, and those that are not.

No code of a submission runs here: it is text, and only the sandbox runs it.
"""

import json
import shutil
import textwrap
from pathlib import Path

EXERCISE = "01_tiny"
TASKS = {"1.1": 2, "1.2": 3, "1.3": 1.5}

SETUP = "import numpy as np\nfrom helpers.checks import check, hint, progress"
TITLES = {"1.1": "How wide to draw", "1.2": "Standardize", "1.3": "Count the dead"}
STUBS = {
    "1.1": "def he_std(fan_in):\n    raise NotImplementedError('1.1 is yours: return a number.')",
    "1.2": "def standardize(batch):\n    raise NotImplementedError('1.2 is yours: an array.')",
    "1.3": "def dead_units(outputs):\n    raise NotImplementedError('1.3 is yours: count them.')",
}
RIGHT = {
    "1.1": "def he_std(fan_in):\n    return (2 / fan_in) ** 0.5",
    "1.2": "def standardize(batch):\n    return (batch - batch.mean(axis=0)) / batch.std(axis=0)",
    "1.3": "def dead_units(outputs):\n    return int((outputs <= SMALLEST).all(axis=0).sum())",
}
WRONG = {
    "1.1": "def he_std(fan_in):\n    return 2 / fan_in",
    "1.2": "def standardize(batch):\n    return batch - batch.mean(axis=0)",
    "1.3": "def dead_units(outputs):\n    return 0",
}
NAMES = {"1.1": "he_std", "1.2": "standardize", "1.3": "dead_units"}


def grade_id(kind: str, task: str) -> str:
    return f"{kind}-{task.replace('.', '-')}"


def cell(source: str, name: str, **about) -> dict:
    """Return a code cell as the course builds it."""
    tags = about.pop("tags", [])
    grading = {"grade": False, "solution": False, "locked": True, "schema_version": 3} | about
    return {
        "cell_type": "code",
        "id": name,
        "execution_count": None,
        "metadata": {"tags": tags, "nbgrader": grading | {"grade_id": name}},
        "outputs": [],
        "source": textwrap.dedent(source),
    }


def own_cell(source: str) -> dict:
    """Return a cell that a learner added."""
    source = textwrap.dedent(source)
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}


def notebook(answers: dict[str, str] | None = None) -> dict:
    """Return the exercise, with answers in the place of stubs."""
    cells = [cell(SETUP, "setup")]
    for task, points in TASKS.items():
        title = f"## {task} {TITLES[task]} ({points:g} points)\n\nDo it."
        cells.append(
            {"cell_type": "markdown", "id": f"text-{task}", "metadata": {}, "source": title}
        )
        if task == "1.3":
            cells.append(cell("SMALLEST = 0.0", "given"))
        source = (answers or {}).get(task, STUBS[task])
        cells.append(cell(source, grade_id("solution", task), solution=True, locked=False))
        check = f"check({task!r}, {NAMES[task]})"
        cells.append(cell(check, grade_id("task", task), grade=True, points=points))
    cells.insert(4, cell("raise RuntimeError('measured')", "measure", tags=["measure"]))
    metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def find(document: dict, name: str) -> dict:
    return next(each for each in document["cells"] if each.get("id") == name)


def make_course(root: Path) -> Path:
    """Write the course's folders, with solutions that a hostile submission may look for."""
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    hidden.parent.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("tiny_hidden_tests.py"), hidden)
    for folder, answers in (("exercises", None), ("solutions", RIGHT)):
        save(root / folder / f"{EXERCISE}.ipynb", notebook(answers))
    return root


def save(path: Path, document: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
