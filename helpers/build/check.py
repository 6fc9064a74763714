"""Comparing what is committed with its sources, and lessons with the shape of a lesson.

Every function yields sentences: one for each difference, with what to do about it.
"""

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from importlib.util import find_spec
from pathlib import Path

import nbformat

from helpers.build.exercise_shape import check_exercise_shape
from helpers.build.exercises import check_exercise_files, read_solution
from helpers.build.launching import check_links
from helpers.build.notebook import (
    CODE_LINES,
    MARKER,
    SETUP_LINES,
    count_titles,
    is_checked,
    read_lesson,
    read_source,
    render,
)
from helpers.build.quizzes import QUIZ, check_quiz, quiz_source
from helpers.build.sources import (
    EXERCISE,
    LESSON,
    find_chapters,
    find_exercises,
    notebook_path,
    solution_path,
)
from helpers.build.student import find_student_leaks

START = "00_start_here"  # a map and not a lesson: it may be shorter and measure less
FEWEST_CELLS, MOST_CELLS = 15, 30
FEWEST_CHECKED = 3
FEWEST_AIMS, MOST_AIMS = 3, 5
AIMS = "You will be able to"


def check_repository(root: Path, chapters: dict[str, Path], profile: str) -> Iterator[str]:
    """Yield what is wrong with the chapters, and every notebook whose chapter is gone.

    With it, what is wrong with what is handed out: a solution or a hidden test in it.
    """
    for chapter, lesson in chapters.items():
        yield from check_shape(chapter, lesson)
        if not quiz_source(root, chapter).exists():
            yield f"chapters/{chapter}/{QUIZ} is missing: write it, run: course build {chapter}"
        yield from check_quiz(root, chapter)
        yield from check_notebook(chapter, lesson, notebook_path(root, chapter), profile)
        yield from check_exercise(root, chapter, profile)
    yield from _without_source(root, "notebooks", LESSON, find_chapters(root))
    for folder in ("exercises", "solutions"):
        yield from _without_source(root, folder, EXERCISE, find_exercises(root))
    yield from check_links(root)
    yield from find_student_leaks(root)


def _without_source(root: Path, folder: str, source: str, known: dict) -> Iterator[str]:
    for path in sorted((root / folder).glob("*.ipynb")):
        if path.stem not in known:
            yield (
                f"{folder}/{path.name} has no source chapters/{path.stem}/{source}: "
                "delete the notebook, or write its source."
            )


def check_exercise(root: Path, chapter: str, profile: str) -> Iterator[str]:
    """Yield what is wrong with the exercise of a chapter, if it has one, and with its solution."""
    source = find_exercises(root).get(chapter)
    if source is None:
        return
    broken = [*check_exercise_shape(chapter, source)]
    yield from broken
    if broken:  # there is nothing that could be built
        return
    if find_spec("nbgrader"):  # a plain set-up has none, and course build --check wants one
        yield from check_exercise_files(root, chapter)
    yield from check_solution(root, chapter, profile)


def check_solution(root: Path, chapter: str, profile: str) -> Iterator[str]:
    """Yield each difference between an executed solution and what its source gives."""
    expected = read_solution(find_exercises(root)[chapter], profile)
    path = solution_path(root, chapter)
    yield from _check_executed(f"solutions/{path.name}", path, expected, chapter)


def check_notebook(chapter: str, lesson: Path, path: Path, profile: str) -> Iterator[str]:
    """Yield each difference between a notebook's file and what its source gives."""
    expected = read_lesson(lesson, profile)
    yield from _check_executed(f"notebooks/{path.name}", path, expected, chapter)


def _check_executed(where: str, path: Path, expected, chapter: str) -> Iterator[str]:
    rebuild = f"run: course build {chapter}"
    if not path.exists():
        yield f"{where} is missing: {rebuild}"
        return
    try:
        text = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(text, as_version=4)
        canonical = render(notebook)
    except (ValueError, AttributeError, nbformat.ValidationError):  # as nbformat meets bad JSON
        yield f"{where} is not a notebook, or a damaged one: {rebuild}"
        return
    for difference in (*_compare_cells(notebook, expected), *_compare_metadata(notebook, expected)):
        yield f"{where}: {difference}: {rebuild}"
    for difference in _check_execution(notebook):
        yield f"{where}: {difference}: {rebuild} --force"
    if text != canonical:
        yield f"{where}: is not written as the build writes it: {rebuild} --force"


def _compare_cells(notebook, expected) -> Iterator[str]:
    committed, wanted = ([_identity(cell) for cell in nb.cells] for nb in (notebook, expected))
    matcher = SequenceMatcher(None, committed, wanted, autojunk=False)
    for operation, first, last, source_first, source_last in matcher.get_opcodes():
        here, there = _cells(first, last), _cells(source_first, source_last)
        if operation == "delete":
            yield f"{here} not in the source"
        elif operation == "insert":
            yield f"{there} as built not in the notebook"
        elif operation == "replace":
            yield f"{here} not equal to {there} as built"


def _identity(cell) -> tuple[str, ...]:
    metadata = json.dumps(cell.metadata, sort_keys=True)
    return cell.get("id", ""), cell.cell_type, cell.source, metadata


def _cells(first: int, last: int) -> str:
    return f"cell {first + 1}" if last == first + 1 else f"cells {first + 1} to {last}"


def _compare_metadata(notebook, expected) -> Iterator[str]:
    found = dict(notebook.metadata)
    found.pop("widgets", None)  # state of widgets, for readers without a kernel
    for key in sorted(found.keys() | expected.metadata.keys()):
        if found.get(key) != expected.metadata.get(key):
            yield f"metadata {key!r} is {found.get(key)}, expected {expected.metadata.get(key)}"


def _check_execution(notebook) -> Iterator[str]:
    code = [
        (number, cell)
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code"
    ]
    for count, (number, cell) in enumerate(code, start=1):
        if cell.execution_count != count:
            yield f"cell {number} has execution count {cell.execution_count}, expected {count}"
        if is_checked(cell) and not cell.outputs:
            yield f"cell {number} is marked {MARKER} and has no output"
        may_raise = "raises-exception" in cell.metadata.get("tags", ())
        if not may_raise and any(output.output_type == "error" for output in cell.outputs):
            yield f"cell {number} holds an error"


def check_shape(chapter: str, lesson: Path) -> Iterator[str]:
    """Yield each rule for a lesson that this one breaks, with the cell's number in the source."""
    cells = read_source(lesson, profile="quick").cells
    where = f"chapters/{chapter}/{LESSON}"
    for broken in (*_check_text(chapter, cells), *_check_code(chapter, cells)):
        yield f"{where}: {broken}: edit it, then run: course build {chapter}"


def _check_text(chapter: str, cells) -> Iterator[str]:
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    titles = count_titles(cells)
    if titles != 1:
        yield f"{titles} titles (# ...), expected 1"
    fewest = 1 if chapter == START else FEWEST_CELLS
    if not fewest <= len(cells) <= MOST_CELLS:
        yield f"{len(cells)} cells, expected {fewest} to {MOST_CELLS}"
    listed = [text.partition(AIMS)[2] for text in prose if AIMS in text]
    aims = len(re.findall(r"^[-*] ", listed[0], re.MULTILINE)) if listed else 0
    if not FEWEST_AIMS <= aims <= MOST_AIMS:
        yield f"{aims} points under {AIMS!r}, expected {FEWEST_AIMS} to {MOST_AIMS}"


def _check_code(chapter: str, cells) -> Iterator[str]:
    code = [(number, cell) for number, cell in enumerate(cells, 1) if cell.cell_type == "code"]
    call = f'course.start("{chapter}")'
    if not code or call not in code[0][1].source:
        yield f"the first code cell is not the set-up cell, expected {call} in it"
    elif len(code[0][1].source.splitlines()) > SETUP_LINES:
        yield f"the set-up cell has more than {SETUP_LINES} lines"
    for number, cell in code:
        lines = len(cell.source.splitlines())
        if lines > CODE_LINES:
            yield f"cell {number} has {lines} lines, at most {CODE_LINES}: make a helper of it"
        if MARKER in cell.source and not is_checked(cell):
            yield f"cell {number}: nbval overlooks {MARKER} unless it is alone on a comment line"
    quiz = f'course.quiz("{chapter}")'
    if chapter != START and not any(quiz in cell.source for _, cell in code):
        yield f"no cell asks the quiz, expected {quiz}"
    checked = sum(is_checked(cell) for _, cell in code)
    if chapter != START and checked < FEWEST_CHECKED:
        yield f"{checked} cells marked {MARKER}, expected {FEWEST_CHECKED} or more"
