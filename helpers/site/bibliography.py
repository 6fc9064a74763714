"""The bibliography: what the lessons name under "Further reading", each work once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from helpers.site.lessons import bullets, read_prose

HEADING = "**Further reading**"
WORK = re.compile(
    r"(?P<authors>.+?), \*(?P<title>.+?)\*(?P<more>.*?), (?P<year>\d{4})"
    r"(?:: \[(?P<label>.+?)\]\((?P<url>\S+)\))?\.?$"
)
DOI = re.compile(r"https://doi\.org/(10\.\d{4,9}/\S+)$")


@dataclass
class Work:
    """A paper, a book or a thesis.

    Attributes:
        authors, title, year: as the lesson that names most authors has them.
        more: what stands between title and year, such as the kind of a thesis.
        url: where it is to be had, "" for what is only in a library.
        label: what a lesson calls the link, for a link that is no DOI.
        chapters: the chapters that name it.
    """

    authors: str
    title: str
    more: str
    year: int
    url: str
    label: str
    chapters: list[str] = field(default_factory=list)

    @property
    def doi(self) -> str:
        """The work's DOI, "" where it has none."""
        found = DOI.match(self.url)
        return unquote(found[1]) if found else ""


def read_bibliography(lessons: Mapping[str, Path]) -> list[Work]:
    """Return every work that the lessons name, by first author and year.

    Raises:
        ValueError: for a line that is not of the form of the others.
    """
    works: dict[str, Work] = {}
    for chapter, lesson in lessons.items():
        for work in read_works(lesson):
            known = works.setdefault(work.url or work.title, work)
            # Lessons shorten: "and others", a part of the title.
            if len(work.authors) > len(known.authors.removesuffix(" and others")):
                known.authors = work.authors
            known.title = max(known.title, work.title, key=len)
            known.chapters.append(chapter)
    return sorted(works.values(), key=lambda work: (work.authors.casefold(), work.year))


def read_works(lesson: Path) -> Iterator[Work]:
    """Yield the works that one lesson names."""
    for text in read_prose(lesson):
        for line in bullets(text.partition(HEADING)[2]):
            yield parse_work(line, lesson)


def parse_work(line: str, lesson: Path) -> Work:
    """Return the work that a point of a lesson's list names.

    >>> parse_work("Polyak, *Some methods*, 1964: [x](https://doi.org/10.1016/1%2829)", Path()).doi
    '10.1016/1(29'
    """
    found = WORK.match(line)
    if not found:
        raise ValueError(
            f"{lesson}: expected 'Authors, *Title*, year: [name](address)' under {HEADING}, "
            f"got {line!r}."
        )
    more = re.sub(r"^\s*\(.*?\)", "", found["more"]).removeprefix(", ")  # "(for small batches)"
    return Work(
        authors=found["authors"],
        title=found["title"],
        more=more,
        year=int(found["year"]),
        url=found["url"] or "",
        label=found["label"] or "",
    )
