"""Every code cell run twice in a row gives what it gave once. Slow: see CONTRIBUTING.md, Tests."""

import copy
from pathlib import Path

import nbformat
import pytest

from helpers.build.execution import execute
from helpers.build.notebook import is_checked, read_source
from helpers.build.sources import find_chapters

ROOT = Path(__file__).parents[2]


def with_every_cell_twice(notebook):
    """Return the notebook with each code cell followed by a copy of itself."""
    twice = copy.deepcopy(notebook)
    twice.cells = []
    for cell in notebook.cells:
        twice.cells.append(cell)
        if cell.cell_type == "code":
            again = copy.deepcopy(cell)
            again.id = f"again-{cell.id}"
            twice.cells.append(again)
    return twice


def printed(cell) -> str:
    """Return what a cell printed and the text of what it showed."""
    texts = [output.get("text", "") for output in cell.outputs if output.get("name") != "stderr"]
    texts += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "".join(texts)


@pytest.mark.slow
@pytest.mark.parametrize("chapter", find_chapters(ROOT))
def test_a_cell_run_twice_gives_the_same(chapter, tmp_path):
    committed = nbformat.read(ROOT / f"notebooks/{chapter}.ipynb", as_version=4)
    expected = {cell.id: printed(cell) for cell in committed.cells if is_checked(cell)}
    notebook = with_every_cell_twice(read_source(find_chapters(ROOT)[chapter], "ci"))
    execute(notebook, chapter, tmp_path, "ci", ROOT)
    found = {cell.id: printed(cell) for cell in notebook.cells if is_checked(cell)}
    assert expected and found.keys() == expected.keys() | {f"again-{name}" for name in expected}
    for name, text in expected.items():
        assert found[name] == text
        assert found[f"again-{name}"] == text


def test_the_test_sees_a_cell_that_depends_on_how_often_it_ran(tmp_path):
    cells = ["count = 0", "# NBVAL_CHECK_OUTPUT\ncount += 1\nprint(count)"]
    source = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    notebook = with_every_cell_twice(source)
    execute(notebook, "counting", tmp_path, "ci", ROOT)
    assert [printed(cell) for cell in notebook.cells] == ["", "", "1\n", "2\n"]
