"""No solution and no hidden test in what is handed out: line by line, in every text file.

A line is compared as a row of words, signs and texts, so that other spaces, another indent or a
comment after it hide nothing, and it is found inside a longer line too.

Some lines are in any program, and tell nothing: ``return x``, ``else:``, a bracket. A line counts
as a secret when it holds at least five names, numbers, texts or operators. Keywords, ``self``,
``np``, brackets, commas, colons, dots and ``=`` hold no decision and are not counted, and an import
only names what is public.
"""

import io
import json
import keyword
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from helpers.build.exercise_shape import solution_lines
from helpers.build.notebook import read_source
from helpers.build.sources import EXERCISE, HIDDEN_TESTS, find_exercises

FEWEST_TOKENS = 5
NO_DECISION = {*keyword.kwlist, "self", "np", "keras", *"()[]{},:.;=`#", "->"}
TOKEN = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|\w+(?:\.\d\w*)?|->|\*\*|//|[<>=!]=|[^\w\s]')
BASE64 = re.compile(r"base64,[A-Za-z0-9+/=]+")
FORBIDDEN = (EXERCISE, HIDDEN_TESTS, "solutions")


class Secret(NamedTuple):
    """A line that must not be handed out.

    Attributes:
        where: the file it is from, and for a solution its task.
        line: as it stands there.
    """

    where: str
    line: str


def find_secrets(root: Path) -> list[Secret]:
    """Return the telling lines of every solution and every hidden test in ``chapters/``."""
    secrets = []
    for chapter, source in find_exercises(root).items():
        for cell in read_source(source, profile="").cells:
            where = f"the solution of {cell.metadata.get('task')}, chapters/{chapter}"
            if "task" in cell.metadata:
                lines = solution_lines(without_texts(cell.source))
                secrets += [Secret(where, line) for line in lines]
    for path in sorted((root / "chapters").glob(f"*/{HIDDEN_TESTS}")):
        where = path.relative_to(root).as_posix()
        code = without_texts(path.read_text(encoding="utf-8"))
        secrets += [Secret(where, line) for line in code.splitlines()]
    return [secret for secret in secrets if is_telling(secret.line)]


def is_telling(line: str) -> bool:
    """Return whether a line holds enough to be recognized, and to be worth hiding.

    >>> is_telling("return upright"), is_telling("std = variances[rule] ** 0.5")
    (False, True)
    """
    tokens = _tokens(line)
    telling = sum(token not in NO_DECISION for token in tokens)
    return telling >= FEWEST_TOKENS and tokens[0] not in ("import", "from")


def find_leaks(files: Iterable[Path], secrets: Iterable[Secret], root: Path) -> Iterator[str]:
    """Yield each file that holds a secret line, or that is itself not to be handed out.

    Args:
        files: what is handed out; notebooks are read cell by cell, with their outputs.
        secrets: see :func:`find_secrets`.
        root: the folder that the files are named from.
    """
    needles = [(secret, _row(secret.line)) for secret in secrets]
    for path in files:
        where = path.relative_to(root)
        if any(part in FORBIDDEN for part in where.parts):
            yield f"{where.as_posix()} is not to be handed out"
        rows = "\n".join(_row(line) for line in _lines(path))
        for secret, needle in needles:
            if needle in rows:
                yield (
                    f"{where.as_posix()} holds a line of {secret.where}: {secret.line.strip()!r}: "
                    "write one of the two in another way"
                )


def without_texts(code: str) -> str:
    """Return Python code without docstrings, and without the comments that stand after code."""
    lines = code.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        (first, start), (last, end) = token.start, token.end
        before = lines[first - 1][:start] if first <= len(lines) else ""
        docstring = token.type == tokenize.STRING and not before.strip()
        if (docstring and token.string.endswith('"""')) or (
            token.type == tokenize.COMMENT and before.strip()
        ):
            kept = before + lines[last - 1][end:]
            lines[first - 1 : last] = [kept, *[""] * (last - first)]
    return "\n".join(lines)


def _tokens(line: str) -> list[str]:
    return TOKEN.findall(line)


def _row(line: str) -> str:
    return f" {' '.join(_tokens(line))} "


def _lines(path: Path) -> list[str]:
    """Return the lines of a file that a person can read in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # a picture, an archive: nothing to be read
        return []
    if path.suffix in (".ipynb", ".json"):
        text = "\n".join(_texts(json.loads(text)))
    return BASE64.sub("", text).splitlines()


def _texts(document) -> Iterator[str]:
    """Yield every text in a JSON document, but for pictures."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        if all(isinstance(each, str) for each in document):  # a cell's source, line by line
            yield "".join(document)
        else:
            for each in document:
                yield from _texts(each)
    elif isinstance(document, dict):
        for key, value in document.items():
            if not key.startswith("image/"):
                yield from _texts(value)
