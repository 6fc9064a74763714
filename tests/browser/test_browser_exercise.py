"""An exercise in JupyterLab: run it as it is, answer wrong, answer right, and read what is said."""

from pathlib import Path

import pytest
from notebook_page import NotebookPage

from helpers.build.notebook import read_source
from helpers.checks.chapter_02 import SPREAD

SOURCE = Path(__file__).parents[2] / "chapters" / "02_initialization" / "exercise.py"


@pytest.fixture(scope="module")
def right() -> str:
    """The course's own answer to task 2.1."""
    cells = read_source(SOURCE, "ci").cells
    found = next(cell.source for cell in cells if cell.source.startswith("def weight_spread"))
    return "\n".join(line for line in found.splitlines() if "###" not in line)


@pytest.fixture(scope="module")
def wrong(right) -> str:
    """The first mistake that the check knows: fan_out in fan_in's place."""
    changed = right.replace("1 / incoming", "1 / outgoing").replace("2 / incoming", "2 / outgoing")
    assert changed.count("/ outgoing") == 2
    return changed


def test_an_exercise_is_checked_wrong_then_right(lab, page, right, wrong, findings, album):
    notebook = NotebookPage(page, lab, "exercises/02_initialization.ipynb")
    notebook.run_all()
    answer, check = notebook.cell("def weight_spread"), notebook.cell('check("2.1"')

    notebook.write(answer, wrong)
    notebook.run(answer)
    said = notebook.run(check)
    assert SPREAD.mistakes[0].says.replace("`", "") in " ".join(said.split())
    assert findings(page, ".course-check") == []
    if album is not None:
        album.still("exercise_feedback", check)

    notebook.write(answer, right)
    assert notebook.run(answer) == ""
    assert "2.1" in (said := notebook.run(check)) and SPREAD.mistakes[0].says not in said
    assert "right" in said.lower()
