"""What a teacher hands out: a folder that works on its own, without solutions and hidden tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from helpers.build.leaks import find_leaks, find_secrets

# The course as a learner has it. The package is handed out whole, with ``grading``: it is the one
# that the grader itself runs, and it holds no test and no solution, so there is nothing to hide.
FOLDERS = ("notebooks", "exercises", "helpers", "recorded", "docs", ".binder")
FILES = (
    "README.md",
    "CONTRIBUTING.md",
    "PROMISES.md",
    "CITATION.cff",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    "requirements.lock",
    "environment.yml",
    "conftest.py",
    ".gitignore",
)
LEFT_BEHIND = {"__pycache__", ".ipynb_checkpoints", ".DS_Store"}


def student_files(root: Path) -> list[Path]:
    """Return every file of the repository that is handed out, in order."""
    found = [root / name for name in FILES if (root / name).is_file()]
    for folder in FOLDERS:
        found += (path for path in sorted((root / folder).rglob("*")) if path.is_file())
    return [path for path in found if not LEFT_BEHIND & set(path.relative_to(root).parts)]


def find_student_leaks(root: Path) -> Iterator[str]:
    """Yield each line of a solution or of a hidden test in what would be handed out."""
    yield from find_leaks(student_files(root), find_secrets(root), root)


def write_student_folder(root: Path, target: Path) -> int:
    """Write the folder, whole or not at all, and return how many files it has.

    Raises:
        ValueError: where something is there already, or where a secret would be handed out.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target} is not empty: name a new folder.")
    files = student_files(root)  # before the folder is made, which may be inside the repository
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        folder = Path(scratch) / "course"
        for path in files:
            copy = folder / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        leaks = list(
            find_leaks(sorted(filter(Path.is_file, folder.rglob("*"))), find_secrets(root), folder)
        )
        if leaks:
            raise ValueError("; ".join(leaks))
        if target.exists():
            target.rmdir()
        folder.replace(target)
    return len(files)
