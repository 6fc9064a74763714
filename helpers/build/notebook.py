"""A chapter's source as notebook cells, and a notebook as a file that only changes when it must."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbformat

from helpers.build.install_cell import put_install_cell
from helpers.files import replacing
from helpers.launch import read_launch

MARKER = "NBVAL_CHECK_OUTPUT"
SETUP_LINES = 3  # of the first code cell
CODE_LINES = 15  # of any; a longer one is a helper
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def read_source(lesson: Path, profile: str) -> nbformat.NotebookNode:
    """Return the notebook, not yet executed, that a source in percent format gives.

    Cell ids and metadata follow from the source alone: no version of a library or of Python, no
    time and no path is in them.

    Args:
        lesson: the source, for example ``chapters/09_cifar10/lesson.py``.
        profile: the budget that the notebook is, or will be, executed under.
    """
    text = lesson.read_text(encoding="utf-8")
    notebook = nbformat.v4.new_notebook(metadata=_metadata(text, profile))
    occurrences = Counter()
    for parsed in jupytext.reads(text, fmt="py:percent").cells:
        content = f"{parsed.cell_type}\n{parsed.source}"
        metadata = {
            key: value for key, value in parsed.metadata.items() if key != "lines_to_next_cell"
        }
        make = getattr(nbformat.v4, f"new_{parsed.cell_type}_cell")
        identity = _digest(f"{content}\n{occurrences[content]}")[:16]
        notebook.cells.append(make(parsed.source, id=identity, metadata=metadata))
        occurrences[content] += 1
    return notebook


def read_lesson(lesson: Path, profile: str) -> nbformat.NotebookNode:
    """Return the notebook of a chapter's lesson, not yet executed, with the cell that installs."""
    notebook = read_source(lesson, profile)
    put_install_cell(notebook, read_launch(lesson.parents[2]))
    return notebook


def render(notebook: nbformat.NotebookNode) -> str:
    """Return the text of the notebook's file: sorted, and with a newline at the end.

    Raises:
        nbformat.ValidationError: for a notebook that no Jupyter would open.
    """
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Put the notebook's file in place, whole or not at all."""
    text = render(notebook)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def name_widgets(notebook: nbformat.NotebookNode, chapter: str) -> nbformat.NotebookNode:
    """Return an executed notebook whose widgets have the same model ids at every execution.

    The state of widgets is stored for readers without a kernel, under ids that are random.
    """
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    text = json.dumps(notebook)
    for number, model_id in enumerate(state):
        text = text.replace(model_id, _digest(f"{chapter} widget {number}")[:32])
    return nbformat.from_dict(json.loads(text))


def is_checked(cell: nbformat.NotebookNode) -> bool:
    """Return whether nbval compares the output of this cell.

    nbval sees the marker only where it is the whole comment of a line of its own.
    """
    lines = (line.strip() for line in cell.source.splitlines())
    return cell.cell_type == "code" and any(
        line.startswith("#") and line.lstrip("#").strip() == MARKER for line in lines
    )


def count_titles(cells: Iterable[nbformat.NotebookNode]) -> int:
    """Return how many H1 there are in the prose of a notebook."""
    prose = (cell.source for cell in cells if cell.cell_type == "markdown")
    return sum(len(re.findall(r"^# ", _without_code(text), re.MULTILINE)) for text in prose)


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def _metadata(text: str, profile: str) -> dict:
    return {
        "course": {"profile": profile, "source_sha256": _digest(text)},
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
