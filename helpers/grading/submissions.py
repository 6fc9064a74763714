"""Finding what learners handed in, and reading it without trusting it.

Nothing here raises because of what a learner handed in: a ``Refused`` says why it cannot be graded.
"""

import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 32 * 2**20
MOST_CELLS = 2000
MOST_ENTRIES = 2000  # of a learner's folder
MOST_LEVELS = 4
LONGEST_NAME = 100


class Refused(Exception):
    """Why a submission cannot be graded: a sentence for the learner and the teacher."""


@dataclass(frozen=True)
class Submission:
    """A file that a learner handed in. ``path`` is relative to the folder of submissions."""

    learner: str
    path: Path
    refused: str | None = None


def find_submissions(folder: Path, most_notebooks: int = 1) -> list[Submission]:
    """Return what is in the folder, sorted: a notebook or a folder of notebooks each.

    The learner's name is the name of the file without its ending, or of the folder. What cannot be
    graded is there too, with the reason.

    Args:
        most_notebooks: how many exercises there are, and so how many notebooks a learner may have.

    Raises:
        ValueError: when the folder is none, or holds nothing.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: expected a folder of submissions.")
    found = []
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            found += _of_learner(folder, path, most_notebooks)
    if not found:
        raise ValueError(f"{folder} is empty: expected a notebook or a folder for each learner.")
    return found


def _of_learner(folder: Path, path: Path, most: int) -> Iterator[Submission]:
    if path.is_symlink():
        yield _make(folder, path, path.stem, "a symbolic link: hand in the notebook itself.")
    elif not path.is_dir():
        yield _make(folder, path, path.stem)
    else:
        try:
            notebooks = list(_notebooks(path, MOST_LEVELS, [MOST_ENTRIES]))
            if not 1 <= len(notebooks) <= most:
                expected = "one" if most == 1 else f"one for each exercise, {most} at most"
                raise Refused(f"a folder with {len(notebooks)} notebooks: expected {expected}.")
        except (Refused, OSError) as error:
            yield _make(folder, path, path.name, str(error))
            return
        for notebook in notebooks:
            yield _make(folder, notebook, path.name)


def _notebooks(folder: Path, levels: int, left: list[int]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        left[0] -= 1
        if left[0] < 0 or levels == 0:
            raise Refused("a folder with too many files: hand in the notebook alone.")
        if path.name.startswith("."):  # .ipynb_checkpoints
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _notebooks(path, levels - 1, left)
        elif path.suffix == ".ipynb":
            yield path


def _make(folder: Path, path: Path, name: str, refused: str | None = None) -> Submission:
    return Submission(readable(name), path.relative_to(folder), refused)


def readable(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text of a learner's as one that can be printed and stored.

    >>> readable("anna\\nbob"), readable("x" * 200) == "x" * 100
    ('anna\ufffdbob', True)
    """
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text[:longest])


def read_submission(folder: Path, path: Path) -> bytes:
    """Return a file's content.

    Raises:
        Refused: for a link, a folder, a pipe, an empty file, one larger than ``MOST_BYTES``, and
            one that cannot be read. Nothing is read of these.
    """
    try:
        # Not following a link, and not waiting for somebody to write into a pipe.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(folder / path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Refused("not a file: hand in the notebook itself.")
            if about.st_size > MOST_BYTES:
                raise Refused(
                    f"{about.st_size / 2**20:.0f} MiB, and at most {MOST_BYTES // 2**20} are read: "
                    "clear its outputs, save, and hand it in again."
                )
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused("a symbolic link: hand in the notebook itself.") from None
        raise Refused(f"it cannot be read: {error.strerror}.") from None
    if not content.strip():
        raise Refused("an empty file.")
    if len(content) > MOST_BYTES:
        raise Refused("it grew while it was read.")
    return content


def parse_notebook(content: bytes) -> dict:
    """Return a notebook as plain JSON, with ``metadata`` and ``cells`` of the right types.

    Raises:
        Refused: for anything else.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError, MemoryError) as error:
        kind = "nested too deeply" if isinstance(error, RecursionError) else "not JSON"
        raise Refused(f"not a notebook ({kind}): hand in the .ipynb file.") from None
    good = (
        isinstance(document, dict)
        and isinstance(document.get("cells"), list)
        and isinstance(document.get("metadata", {}), dict)
        and all(isinstance(cell, dict) for cell in document["cells"])
    )
    if not good or document.get("nbformat") != 4:
        raise Refused("not a notebook in Jupyter's format 4: open it in JupyterLab and save it.")
    if not document["cells"]:
        raise Refused("a notebook without cells.")
    if len(document["cells"]) > MOST_CELLS:
        raise Refused(f"{len(document['cells'])} cells, and at most {MOST_CELLS} are run.")
    return {"metadata": document.get("metadata", {}), "cells": document["cells"]}


def check_language(metadata: dict) -> None:
    """Compare the language of a notebook with Python.

    Raises:
        Refused: for one that says it is for another language.
    """
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        about = metadata.get(key)
        said = about.get(name) if isinstance(about, dict) else None
        if isinstance(said, str) and said.lower() not in ("python", "python3", "ipython"):
            raise Refused(
                f"its kernel is for {readable(said)}, expected Python: choose the kernel Python 3, "
                "run it, save it."
            )
