"""Every lesson in JupyterLab: run it all, drive every lab, answer a question of its quiz."""

import ast
import html
import re
from functools import partial
from pathlib import Path

import nbformat
import pytest
from lab_driver import LabDriver
from notebook_page import NotebookPage

from helpers.labs import MomentMap, RunExplorer, all_labs
from helpers.quiz import FOLDER, RIGHT, WRONG, as_html, load_quiz

ROOT = Path(__file__).parents[2]
# The longest first: of two processes neither then waits for the other at the end.
LESSONS = sorted((path.stem for path in (ROOT / "notebooks").glob("*.ipynb")), reverse=True)
FEW = 2  # moves of a lab that the lesson has shown before
QUIZZES = {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_and_its_labs_show_what_their_controls_say(
    lesson, lab, page, findings, album
):
    notebook = NotebookPage(page, lab, f"notebooks/{lesson}.ipynb")
    notebook.run_all()
    assert notebook.broken() == []
    labs = [
        LabDriver(page, box, partial(lab_in_python, settings))
        for box, (_, settings) in zip(notebook.labs(), labs_in(lesson), strict=True)
    ]
    assert labs, "every lesson has a lab"
    assert findings(page, ".course-lab") == []
    driven = set()
    for driver in labs:
        take_pictures(driver, album)
        driver.check_moves(FEW if driver.name in driven else None)
        driver.check_table()
        driven.add(driver.name)
    if lesson in QUIZZES:
        answer_quiz(page, lesson)
        assert findings(page, ".course-quiz") == []
    assert notebook.broken() == []


def labs_in(lesson: str) -> list[tuple[str, dict]]:
    """Return the name of each lab of a notebook, in their order, and what is set in it."""
    names = {kind.__name__ for kind in all_labs()}
    cells = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", 4).cells
    return [
        (node.func.id, {each.arg: ast.literal_eval(each.value) for each in node.keywords})
        for cell in cells
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def lab_in_python(settings: dict, kind):
    """Return a lab of this class; the run explorer shows the runs that the kernel has stored."""
    if kind is not RunExplorer:
        return kind(**settings)
    from helpers.models import VARIANTS
    from helpers.training.store import stored_runs

    order = list(VARIANTS)
    return kind(sorted(stored_runs(), key=lambda run: order.index(run["variant"])), **settings)


def answer_quiz(page, lesson: str) -> None:
    """Click a wrong answer, then the right one; each says what is wrong or right about it."""
    from playwright.sync_api import expect

    questions = load_quiz(lesson).questions
    at = next(n for n, each in enumerate(questions) if each["type"] == "multiple_choice")
    asked = page.locator(".course-quiz .Quiz").nth(at)
    for is_right, verdict in ((False, WRONG), (True, RIGHT)):
        answer = next(
            each for each in questions[at]["answers"] if each.get("correct", False) == is_right
        )
        asked.locator(".MCButton", has_text=on_page(answer["answer"])).first.click()
        said = f"{verdict} {on_page(answer['feedback'])}"
        expect(asked.locator(".Feedback")).to_have_text(said)


def on_page(text: str) -> str:
    """Return a text of a quiz as a page shows it."""
    return html.unescape(re.sub("<[^>]+>", "", as_html(text)))


def take_pictures(driver: LabDriver, album) -> None:
    """Keep a moving picture of a lab, where pictures are wanted."""
    if album is None or not isinstance(driver.twin, MomentMap):
        return
    if driver.settings()["architecture"] == "sequential":
        place = driver.places["input_std"]
        with album.film("moment_map", driver.box) as film:
            for share in (0.6, 0.7, 0.8, 0.9):
                driver.drag(place, share)
                driver.check()
                film()
