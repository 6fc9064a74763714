"""Where the chapters are. Needs nothing but Python, so that notebooks may import it."""

import re
from pathlib import Path

from helpers.names import lookup

LESSON, EXERCISE, HIDDEN_TESTS = "lesson.py", "exercise.py", "hidden_tests.py"
# A markdown cell's H1 in percent format; "# %%" itself does not match.
TITLE = re.compile(r"^# # +(.+?) *$", re.MULTILINE)


def find_repository() -> Path:
    """Return the root of the course's repository: the folder that holds ``chapters/``.

    That is the folder around this package, or else the current folder or one above it.

    Raises:
        ValueError: when there is none.
    """
    around_package = Path(__file__).resolve().parents[2]
    here = Path.cwd()
    for folder in (around_package, here, *here.parents):
        if (folder / "chapters").is_dir():
            return folder
    raise ValueError(
        f"no folder with chapters/ around {around_package} or in {here} and above: "
        "run this in a clone of the course's repository."
    )


def find_chapters(root: Path) -> dict[str, Path]:
    """Return the source of every chapter that has one, by name and in the course's order."""
    return {path.parent.name: path for path in sorted((root / "chapters").glob(f"*/{LESSON}"))}


def find_exercises(root: Path) -> dict[str, Path]:
    """Return the exercise of every chapter that has one, by the chapter's name and in order."""
    return {path.parent.name: path for path in sorted((root / "chapters").glob(f"*/{EXERCISE}"))}


def choose_chapters(root: Path, names: list[str]) -> dict[str, Path]:
    """Return the named chapters, or all when none is named.

    Raises:
        ValueError: for a chapter that does not exist, and when there is none at all.
    """
    known = find_chapters(root)
    if not known:
        raise ValueError(f"no chapter in {root / 'chapters'}: expected chapters/NAME/{LESSON}.")
    return {name: lookup(name, known, "chapter") for name in names} or known


def notebook_path(root: Path, chapter: str) -> Path:
    """Return where the notebook of a chapter is built."""
    return root / "notebooks" / f"{chapter}.ipynb"


def exercise_path(root: Path, chapter: str) -> Path:
    """Return where the exercise of a chapter is built."""
    return root / "exercises" / f"{chapter}.ipynb"


def solution_path(root: Path, chapter: str) -> Path:
    """Return where the solution of a chapter's exercise is built."""
    return root / "solutions" / f"{chapter}.ipynb"


def read_title(lesson: Path) -> str:
    """Return a lesson's H1.

    Raises:
        ValueError: for a lesson without one.
    """
    found = TITLE.search(lesson.read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f"{lesson}: no title: expected a line '# # Title' in the first cell.")
    return found[1]
