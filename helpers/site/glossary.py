"""The terms of the course, from ``chapters/glossary.yaml``."""

from pathlib import Path
from typing import NamedTuple

import yaml

from helpers.build.sources import find_chapters
from helpers.names import lookup

FILE = Path("chapters") / "glossary.yaml"


class Term(NamedTuple):
    """A term, what it means, and the chapter that is about it."""

    name: str
    chapter: str
    meaning: str


def read_glossary(root: Path) -> list[Term]:
    """Return every term, in alphabetical order.

    Raises:
        ValueError: for a chapter that does not exist, or a term without a meaning.
    """
    chapters = {name: name for name in find_chapters(root)}
    terms = []
    for name, entry in yaml.safe_load((root / FILE).read_text(encoding="utf-8")).items():
        missing = {"chapter", "meaning"} - set(entry)
        if missing:
            raise ValueError(f"{FILE}, {name}: no {' and no '.join(sorted(missing))}.")
        chapter = lookup(entry["chapter"], chapters, f"chapter of {name!r} in {FILE}")
        terms.append(Term(name, chapter, " ".join(entry["meaning"].split())))
    return sorted(terms, key=lambda term: term.name.casefold())
