"""All that follows from the setting of ``course launch``; nothing of it needs to be executed."""

import copy
from collections.abc import Iterator
from pathlib import Path

import nbformat

from helpers.build.install_cell import put_install_cell
from helpers.build.notebook import render
from helpers.build.sources import find_chapters, find_exercises
from helpers.files import replacing
from helpers.launch import BINDER_BADGE, COLAB_BADGE, Launch, read_launch, write_launch

NOTEBOOKS = ("notebooks", "exercises", "solutions")
START = "notebooks/00_start_here.ipynb"
OPEN = "<!-- launch: what is in here is written by `course launch` -->"
CLOSE = "<!-- /launch -->"
NOT_A_NOTEBOOK = (ValueError, AttributeError, nbformat.ValidationError)  # as nbformat says it


def set_launch(root: Path, launch: Launch) -> list[Path]:
    """Write the setting and all that follows from it, and return the files that are new.

    Everything is made before anything is written, and the setting itself is written last: a call
    that was cut off can be made again.

    Raises:
        ValueError: where README.md or a notebook is not as it should be; nothing was written then.
    """
    texts = render_launch_files(root, launch)
    for path, text in texts.items():
        _write(path, text)
    changed = [*texts]
    if launch != read_launch(root):
        write_launch(root, launch)
        changed += [root / "helpers" / "launch.json"]
    return changed


def render_launch_files(root: Path, launch: Launch) -> dict[Path, str]:
    """Return the new text of each file that shows, or should show, another address."""
    readme = root / "README.md"
    texts = {readme: render_readme(root, launch)}
    for folder in NOTEBOOKS:
        for path in sorted((root / folder).glob("*.ipynb")):
            try:
                texts[path] = render_notebook(path, launch)
            except NOT_A_NOTEBOOK as error:
                raise ValueError(
                    f"{folder}/{path.name} is not a notebook, or a damaged one "
                    f"({type(error).__name__}): run course build {path.stem}"
                ) from None
    return {path: text for path, text in texts.items() if path.read_bytes() != text.encode()}


def render_notebook(path: Path, launch: Launch) -> str:
    """Return the text of a notebook's file with the cell that installs as it should be.

    It is the file's own text where that cell is so already.
    """
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    before = copy.deepcopy(notebook)
    put_install_cell(notebook, launch)
    return text if notebook == before else render(notebook)


def renew_notebook(path: Path, launch: Launch) -> bool:
    """Give a notebook the cell that installs, as it should be; return whether it had another.

    Nothing is executed, and a file that is no notebook is left to who builds it.
    """
    try:
        text = render_notebook(path, launch)
    except (OSError, *NOT_A_NOTEBOOK):
        return False
    if path.read_bytes() == text.encode():
        return False
    _write(path, text)
    return True


def render_readme(root: Path, launch: Launch) -> str:
    """Return the text of README.md with badges and links between its two marks.

    Raises:
        ValueError: where the marks are not there.
    """
    text = (root / "README.md").read_text(encoding="utf-8")
    before, opened, rest = text.partition(OPEN)
    _, closed, after = rest.partition(CLOSE)
    if not (opened and closed):
        raise ValueError(f"README.md has no {OPEN} with a {CLOSE} after it: put them in.")
    links = "".join(f"{line}\n" for line in link_lines(root, launch))
    return f"{before}{OPEN}\n{links}{CLOSE}{after}"


def link_lines(root: Path, launch: Launch) -> list[str]:
    """Return the lines that open the course on Binder and Colab; none where nothing is set."""
    if not launch.is_set:
        return []
    badges = (
        f"[![Open on Binder]({BINDER_BADGE})]({launch.binder(START)})",
        f"[![Open in Colab]({COLAB_BADGE})]({launch.colab(START)})",
    )
    lessons = _numbers(find_chapters(root), "notebooks", launch)
    exercises = _numbers(find_exercises(root), "exercises", launch)
    return [
        "\n".join(badges),
        "",
        "Binder opens the whole course, Colab one notebook at a time:",
        f"lessons {lessons};",
        f"exercises {exercises}.",
    ]


def check_links(root: Path) -> Iterator[str]:
    """Yield whether README.md shows other links than the setting gives."""
    launch = read_launch(root)
    cure = f"{launch.repository} --ref {launch.ref}" if launch.is_set else "--remove"
    readme = root / "README.md"
    try:
        same = not readme.exists() or render_readme(root, launch) == readme.read_text("utf-8")
    except ValueError as error:
        yield str(error)
        return
    if not same:
        yield f"README.md has other links than helpers/launch.json: run: course launch {cure}"


def _numbers(chapters, folder: str, launch: Launch) -> str:
    links = (
        f"[{name.partition('_')[0]}]({launch.colab(f'{folder}/{name}.ipynb')})" for name in chapters
    )
    return "\n".join(links)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
