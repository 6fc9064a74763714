"""Every code cell run twice in a row gives what it gave once. Slow: see CONTRIBUTING.md, Tests."""

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from helpers.build.execution import execute
from helpers.build.notebook import is_checked, read_source
from helpers.build.sources import find_chapters

ROOT = Path(__file__).parents[2]
# Cells that measure seconds, by what is in their source: theirs differ from one time to the next.
MEASURE_TIME = ("activation_costs(", "timeit(", "timeit import repeat")


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


def shown(cell) -> str:
    """Return all that a cell printed and showed, its figures too, but for bars of progress."""
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        bar = "application/vnd.jupyter.widget-view+json" in data
        parts.append(output.get("text", "") if output.get("name") != "stderr" else "")
        parts.append(data.get("text/html", "" if bar else data.get("text/plain", "")))
    return "".join(parts)


@pytest.fixture(scope="module")
def executed(request, tmp_path_factory):
    """Return a function that gives a chapter's executed notebook.

    A kernel rarely keeps two cores busy, so two notebooks run at a time.
    """

    def execute_twice(chapter):
        notebook = with_every_cell_twice(read_source(find_chapters(ROOT)[chapter], "ci"))
        execute(notebook, chapter, tmp_path_factory.mktemp(chapter), "ci", ROOT)
        return notebook

    tests = [item for item in request.session.items if item.path == request.path]
    chosen = [item.callspec.params["chapter"] for item in tests if hasattr(item, "callspec")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        running = {chapter: pool.submit(execute_twice, chapter) for chapter in chosen}
        yield lambda chapter: running[chapter].result()
        pool.shutdown(cancel_futures=True)  # those of tests that an interrupt left out


@pytest.mark.slow
@pytest.mark.parametrize("chapter", find_chapters(ROOT))
def test_a_cell_run_twice_gives_the_same(chapter, executed):
    committed = nbformat.read(ROOT / f"notebooks/{chapter}.ipynb", as_version=4)
    expected = {cell.id: printed(cell) for cell in committed.cells if is_checked(cell)}
    cells = {cell.id: cell for cell in executed(chapter).cells if cell.cell_type == "code"}
    found = {name: printed(cell) for name, cell in cells.items() if is_checked(cell)}
    assert expected and found == expected | {f"again-{name}": expected[name] for name in expected}
    for name, cell in cells.items():
        if f"again-{name}" in cells and not any(each in cell.source for each in MEASURE_TIME):
            assert shown(cells[f"again-{name}"]) == shown(cell), cell.source


def test_the_test_sees_a_cell_that_depends_on_how_often_it_ran(tmp_path):
    cells = ["count = 0", "# NBVAL_CHECK_OUTPUT\ncount += 1\nprint(count)"]
    source = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    notebook = with_every_cell_twice(source)
    execute(notebook, "counting", tmp_path, "ci", ROOT)
    assert [printed(cell) for cell in notebook.cells] == ["", "", "1\n", "2\n"]
    assert [shown(cell) for cell in notebook.cells] == ["", "", "1\n", "2\n"]
