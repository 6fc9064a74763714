"""The committed notebooks, and whether the tests of notebooks can fail at all.

nbval itself collects ``notebooks/*.ipynb`` (see pyproject.toml); here is what it does not see.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers import course
from helpers.build.check import check_repository
from helpers.build.execution import execute
from helpers.build.notebook import is_checked
from helpers.build.sources import find_chapters

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_notebooks_are_what_their_sources_give():
    assert list(check_repository(ROOT, find_chapters(ROOT), "quick")) == []


@each_notebook
def test_a_notebook_is_not_vacuous(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.execution_count for cell in code)
    assert sum(is_checked(cell) and bool(cell.outputs) for cell in code) >= 3


def test_the_list_of_chapters_is_up_to_date(monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "0")  # as builds do: the notebook shows nobody's progress
    notebook = nbformat.read(ROOT / "notebooks/00_start_here.ipynb", as_version=4)
    (shown,) = (cell for cell in notebook.cells if cell.source == "course.chapters()")
    expected = course.chapters()._repr_markdown_()
    cure = "run: course build 00_start_here --force"
    assert shown.outputs[0]["data"]["text/markdown"] == expected, cure


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_code_in_notebooks_is_linted_as_code(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "chapters"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_stored_number_makes_nbval_fail(tmp_path):
    right = nbformat.read(ROOT / "notebooks/00_start_here.ipynb", as_version=4)
    nbformat.write(right, tmp_path / "right.ipynb")
    number = next(n for n, cell in enumerate(right.cells) if is_checked(cell))
    output = right.cells[number].outputs[0]
    output.text = output.text.replace("1e+06", "2e+06")
    nbformat.write(right, tmp_path / "wrong.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-rA", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    outcomes = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    code_cells = sum(cell.cell_type == "code" for cell in right.cells)
    failed = sum(cell.cell_type == "code" for cell in right.cells[:number])
    assert done.returncode == 1, done.stdout
    assert len(outcomes) == 1
    assert outcomes[0].startswith(f"FAILED wrong.ipynb::Cell {failed}")
    assert done.stdout.count("PASSED right.ipynb::Cell") == code_cells


def test_a_traceback_outlives_cleared_outputs_and_is_shown_once(tmp_path):
    def cell(source, **metadata):
        return nbformat.v4.new_code_cell(source, metadata=metadata)

    notebook = nbformat.v4.new_notebook(
        cells=[
            cell('from helpers import course\n\ncourse.start("00_start_here")'),
            cell("import json\n\njson.loads('')", tags=["raises-exception"]),
            cell("course.errors()"),
        ]
    )
    execute(notebook, "errors", tmp_path, "ci", ROOT)
    _, failing, errors = notebook.cells
    assert [output.output_type for output in failing.outputs] == ["error"]  # not printed again

    failing.outputs = []  # all that "clear outputs" does: the kernel is not told
    shown = errors.outputs[0]["data"]["text/plain"]
    assert shown.startswith("1 error since course.start().")
    assert "Cell In[2]" in shown
    assert "raise JSONDecodeError" in shown  # down to the frame that raised
    assert "\x1b" not in shown
