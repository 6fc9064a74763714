"""What a lesson says of itself, read from its source."""

import re
from pathlib import Path

from helpers.build.check import AIMS
from helpers.build.notebook import read_source

BULLET = re.compile(r"^[-*] (.+(?:\n(?:  |\t).+)*)", re.MULTILINE)


def read_prose(lesson: Path) -> list[str]:
    """Return the Markdown cells of a lesson, in order."""
    cells = read_source(lesson, profile="").cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def read_aims(lesson: Path) -> list[str]:
    """Return what the reader will be able to do, a line of Markdown for each.

    Raises:
        ValueError: for a lesson that does not say it.
    """
    for text in read_prose(lesson):
        if AIMS in text:
            return bullets(text.partition(AIMS)[2])
    raise ValueError(f"{lesson}: no {AIMS!r}: write it into the first cell.")


def read_opening(lesson: Path) -> str:
    """Return the first paragraph below the title, on one line."""
    _title, paragraph, *_rest = read_prose(lesson)[0].split("\n\n")
    return " ".join(paragraph.split())


def bullets(text: str) -> list[str]:
    """Return the points of a list, each on one line; what stands after the list is left out.

    >>> bullets("- one\\n  and a half\\n- two")
    ['one and a half', 'two']
    """
    return [" ".join(point.split()) for point in BULLET.findall(text)]
