"""What a teacher and the learners get: ``scores.csv``, a summary of the class, a page a learner."""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

from helpers.files import replacing
from helpers.grading.exercises import Exercise
from helpers.grading.grader import Graded
from helpers.grading.pages import SCORES, learner_page, pairs, points, summary_page
from helpers.grading.results import REFUSED

COLUMNS = ("learner", "exercise", "task", "points", "max_points", "status", "message")
SUMMARY, LEARNERS = "index.html", "learners"
# What a spreadsheet would take for the start of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_report(folder: Path, graded: Sequence[Graded], exercises: Mapping[str, Exercise]) -> None:
    """Write scores and pages; pages of learners who are no longer there are removed."""
    by_learner = defaultdict(list)
    for each in graded:
        by_learner[each.submission.learner].append(each)
    names = {learner: f"{LEARNERS}/{name}" for learner, name in _page_names(by_learner).items()}
    for old in folder.glob(f"{LEARNERS}/*.html"):
        if old.relative_to(folder).as_posix() not in names.values():
            old.unlink()
    for learner, own in by_learner.items():
        _write(folder / names[learner], learner_page(learner, own, exercises))
    _write(folder / SUMMARY, summary_page(graded, exercises, names))
    _write(folder / SCORES, scores_table(graded, exercises))


def rows(graded: Iterable[Graded], exercises: Mapping[str, Exercise]) -> Iterator[dict]:
    """Yield a row for each task, with ``COLUMNS`` as keys; one for a notebook of no exercise."""
    for each in graded:
        learner, result = each.submission.learner, each.result
        if result.exercise is None:
            yield dict(zip(COLUMNS, (learner, "", "", 0, 0, REFUSED, result.refused), strict=True))
            continue
        for task, done in pairs(each, exercises):
            row = (learner, result.exercise, task.id, points(task, done), task.points)
            yield dict(zip(COLUMNS, (*row, done.status, done.message), strict=True))


def scores_table(graded: Iterable[Graded], exercises: Mapping[str, Exercise]) -> str:
    """Return the rows as CSV."""
    stream = StringIO(newline="")
    table = csv.DictWriter(stream, COLUMNS)
    table.writeheader()
    for row in rows(graded, exercises):
        table.writerow({key: _cell(value) for key, value in row.items()})
    return stream.getvalue()


def _cell(value) -> str:
    if not isinstance(value, str):
        return f"{value:g}"
    return f"'{value}" if value.startswith(FORMULA) else value


def _page_names(learners: Iterable[str]) -> dict[str, str]:
    """Return the file of each learner's page: readable, and one each on any file system."""
    plain = {
        name: "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:60]
        for name in learners
    }
    taken = Counter(each.casefold() for each in plain.values())
    return {
        name: f"{each}.html"
        if each == name and taken[each.casefold()] == 1
        else f"{each}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.html"
        for name, each in plain.items()
    }


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
