"""The first code cell of every notebook: it installs the course where that is missing.

Colab opens one notebook and nothing beside it. The cell is the same in every notebook. It is not
in the sources but put in by the build, because it follows from the one setting of ``course
launch``: another address needs no other source, and nothing to be executed again.
"""

import copy

import nbformat
from nbformat import NotebookNode

from helpers.launch import Launch

ID = "install"  # of the cell, in every notebook
# Folded where a notebook is worked with (Colab folds what has a title), left out of the site.
METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["remove-cell"]}
FIND = 'importlib.util.find_spec("helpers")'
PIP = "pip install --quiet --no-deps"  # helpers.install adds what the course needs


def install_source(launch: Launch) -> str:
    """Return the code of the cell: a title, and at most three lines."""
    if not launch.is_set:
        problem = (
            "The course is not installed in this Python. Run make lab in the course's folder, "
            "and open the notebook there: README.md says how."
        )
        lines = (
            "# @title This cell only looks whether the course is installed",
            "import importlib.util",
            f'assert {FIND}, "{problem}"',
        )
        return "\n".join(lines)
    problem = (
        f"The course could not be installed from {launch.page}. "
        "Is there a network? Then run this cell again."
    )
    call = 'subprocess.call([sys.executable, "-m", *step.split()])'
    lines = (
        "# @title On Colab this cell installs the course, elsewhere it does nothing",
        "import importlib.util, subprocess, sys",
        f'steps = [] if {FIND} else ["{PIP} {launch.requirement}", "helpers.install"]',
        f'assert not any({call} for step in steps), "{problem}"',
    )
    return "\n".join(lines)


def put_install_cell(notebook: NotebookNode, launch: Launch) -> None:
    """Put the cell before the first code cell, in place, instead of one that is there already.

    The cell prints nothing where the course is installed, and so what the others gave stays
    right. A notebook that was executed from its first cell to its last gets the counts that it
    would have with the cell; another one keeps those that it has.
    """
    in_order = [cell.execution_count for cell in _code(notebook.cells)]
    executed = in_order == [*range(1, len(in_order) + 1)]
    replaced = [cell for cell in notebook.cells if cell.get("id") == ID]
    others = [cell for cell in notebook.cells if cell.get("id") != ID]
    if not _code(others):
        return
    cell = nbformat.v4.new_code_cell(
        install_source(launch),
        id=ID,
        metadata=copy.deepcopy(METADATA),
        execution_count=replaced[0].execution_count if replaced else None,
    )
    first = others.index(_code(others)[0])
    notebook.cells = [*others[:first], cell, *others[first:]]
    if executed:
        for count, each in enumerate(_code(notebook.cells), start=1):
            _count(each, count)


def _code(cells: list[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]


def _count(cell: NotebookNode, count: int) -> None:
    """Number a cell, and what it gave."""
    cell.execution_count = count
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = count
