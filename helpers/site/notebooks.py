"""A page's copy of a committed notebook: pictures in files, labs as they open, no live widgets.

Live widgets would need scripts from another host, and a kernel. What is stored beside each of them
is a picture with alt text; the state of the controls is stored too, and is told in words.
"""

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.build.notebook import MARKER, WIDGET_STATE

VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = "pictures"  # the folder, beside the folders of the pages
PICTURE = re.compile(r'src="data:image/(?P<kind>png|jpeg);base64,(?P<data>[A-Za-z0-9+/=\s]+)"')
LAB = '<div class="course-lab-static">'
IMAGE = re.compile(r"<img [^>]+>")
BUTTONS = {"ToggleButtonModel", "ButtonModel"}
ANCHOR = re.compile(r"\]\(#([^)\s]+)\)")
MARKER_LINE = re.compile(rf"^#\s*{MARKER}\n", re.MULTILINE)


def read_page(path: Path, pictures: Path) -> NotebookNode:
    """Return a notebook as its page shows it, and write its pictures.

    Args:
        path: the committed notebook.
        pictures: the folder for the pictures; a page finds it at ``../pictures``.
    """
    notebook = nbformat.read(path, as_version=4)
    state = notebook.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _lower_anchors(cell.source)
        else:
            cell.source = MARKER_LINE.sub("", cell.source)
            cell.outputs = list(_outputs(cell.outputs, state, pictures))
    return notebook


def _lower_anchors(text: str) -> str:
    """Return Markdown whose links to a heading are written as Sphinx names headings.

    >>> _lower_anchors("[above](#The-chapters)")
    '[above](#the-chapters)'
    """
    return ANCHOR.sub(lambda link: f"](#{link[1].lower()})", text)


def _outputs(outputs, state: Mapping, pictures: Path) -> Iterator[NotebookNode]:
    """Yield the outputs that a page can show. A live widget without a picture is left out."""
    for output in outputs:
        data = output.get("data", {})
        view = data.pop(VIEW, None)
        if view and "text/html" not in data:
            continue
        if "text/html" in data:
            shown = _with_pictures_in_files(data["text/html"], pictures)
            if view:
                shown = shown.replace(LAB, LAB + controls_html(view["model_id"], state), 1)
            data["text/html"] = shown
        yield output


def _with_pictures_in_files(shown: str, pictures: Path) -> str:
    def moved(found: re.Match) -> str:
        content = base64.b64decode(found["data"])
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{found['kind']}"
        (pictures / name).write_bytes(content)
        return f'loading="lazy" src="../{PICTURES}/{name}"'

    return PICTURE.sub(moved, shown)


def first_lab_picture(page: Path) -> str:
    """Return the picture of the first lab on a page, for a page in the folder above it.

    Args:
        page: what :func:`read_page` returned, as a file.

    Raises:
        ValueError: for a notebook without a lab.
    """
    for cell in nbformat.read(page, as_version=4).cells:
        for output in cell.get("outputs", ()):
            _before, lab, shown = output.get("data", {}).get("text/html", "").partition(LAB)
            if lab:
                return IMAGE.search(shown)[0].replace(f"../{PICTURES}/", f"{PICTURES}/")
    raise ValueError(f"{page.name} has no lab whose picture could be shown.")


def controls_html(model_id: str, state: Mapping) -> str:
    """Return a list of a lab's controls and what they are set to, from the stored state.

    Args:
        model_id: the lab's box.
        state: of all widgets of the notebook, by model id.
    """
    items = "".join(
        f"<li>{html.escape(name)}: <strong>{html.escape(value)}</strong></li>"
        for name, value in _controls(model_id, state)
    )
    return f'<p>The lab as it opens:</p><ul class="course-lab-controls">{items}</ul>'


def _controls(model_id: str, state: Mapping) -> Iterator[tuple[str, str]]:
    model = state[model_id]
    settings = model["state"]
    if settings.get("description") and model["model_name"] not in BUTTONS:
        yield settings["description"], _value(settings)
    for child in settings.get("children", ()):
        yield from _controls(child.removeprefix("IPY_MODEL_"), state)


def _value(settings: Mapping) -> str:
    """Return what a control is set to, as the control shows it.

    >>> _value({"value": 0.25, "readout_format": ".2g"}), _value({"value": True})
    ('0.25', 'yes')
    >>> _value({"_options_labels": ["tanh", "ReLU", "ELU"], "index": [0, 2]})
    'tanh, ELU'
    """
    if "_options_labels" in settings:
        index, labels = settings["index"], settings["_options_labels"]
        chosen = index if isinstance(index, list | tuple) else [index]
        return ", ".join(labels[each] for each in chosen if each is not None) or "none"
    value = settings.get("value")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, settings.get("readout_format", ""))
