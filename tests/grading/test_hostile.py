"""No hostile submission earns what it should not, stops another, or goes unnamed."""

import socket
import time

import pytest
from hostile import hostile_notebooks, odd_files
from tiny_course import EXERCISE, RIGHT, TASKS, WRONG, make_course, notebook, save

from helpers.grading.exercises import find_exercises
from helpers.grading.grader import grade
from helpers.grading.limits import Limits
from helpers.grading.report import rows, write_report

LIMITS = Limits(start_seconds=30, cell_seconds=4, task_seconds=8, memory_mib=600, address_mib=2048)
HONEST = {"0-right": RIGHT, "z-half": RIGHT | {"1.2": WRONG["1.2"]}, "z-untouched": {}}


class Graded:
    """The class that was graded: what was handed in, and what came of it."""

    def __init__(self, tmp_path, server) -> None:
        self.root = make_course(tmp_path / "course")
        folder = tmp_path / "submissions"
        for learner, answers in HONEST.items():
            save(folder / f"{learner}.ipynb", notebook(answers))
        neighbour = folder / "0-right.ipynb"
        port = server.getsockname()[1]
        self.notebooks = {each.name: each for each in hostile_notebooks(self.root, neighbour, port)}
        for name, each in self.notebooks.items():
            save(folder / f"{name}.ipynb", each.document)
        self.files = odd_files(neighbour)
        for name, (write, _) in self.files.items():
            write(folder / name)
        self.report = tmp_path / "report"
        begun = time.monotonic()
        self.results = grade(folder, self.report, self.root, jobs=2, limits=LIMITS)
        self.seconds = time.monotonic() - begun
        exercises = find_exercises(self.root)
        write_report(self.report, self.results, exercises)
        self.rows = list(rows(self.results, exercises))

    def of(self, learner: str):
        (found,) = [each for each in self.results if each.submission.learner == learner]
        return found.result


@pytest.fixture(scope="module")
def graded(bubblewrap, tmp_path_factory):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        found = Graded(tmp_path_factory.mktemp("hostile"), server)
        found.reached = True
        try:
            server.accept()
        except BlockingIOError:
            found.reached = False
    return found


def names(of) -> list[str]:
    """Return the names of the fixtures, without the folders that they are about."""
    from pathlib import Path

    return (
        [each.name for each in hostile_notebooks(Path("r"), Path("n"), 1)]
        if of == "notebooks"
        else list(odd_files(Path("n")))
    )


@pytest.mark.parametrize("name", names("notebooks"))
def test_a_hostile_notebook_gets_what_is_right_in_it_and_no_more(graded, name):
    asked, result = graded.notebooks[name], graded.of(name)
    statuses = {task.task: task.status for task in result.tasks}
    assert statuses.keys() == TASKS.keys()
    passed = tuple(task for task, status in statuses.items() if status == "passed")
    assert passed == asked.passes, result
    assert statuses.items() >= asked.statuses.items(), result
    said = [*(task.message for task in result.tasks), *result.notes]
    assert any(asked.says in each for each in said), said


@pytest.mark.parametrize("name", names("files"))
def test_what_is_no_notebook_of_the_exercise_is_refused_with_a_sentence(graded, name):
    result = graded.of(name)
    assert graded.files[name][1] in result.refused
    assert all(row["points"] == 0 for row in graded.rows if row["learner"] == name)


def test_honest_learners_get_their_points_beside_hostile_ones(graded):
    for learner, answers in HONEST.items():
        statuses = {task.task: task.status for task in graded.of(learner).tasks}
        expected = {
            task: "passed"
            if answers.get(task) == RIGHT[task]
            else "failed"
            if answers
            else "not done"
            for task in TASKS
        }
        assert statuses == expected


def test_everybody_is_named_in_the_report(graded):
    learners = {*HONEST, *graded.notebooks, *graded.files}
    assert {row["learner"] for row in graded.rows} == learners
    summary = (graded.report / "index.html").read_text(encoding="utf-8")
    for learner in learners:
        assert learner in summary
        assert list((graded.report / "learners").glob(f"{learner}*.html"))


def test_nothing_of_the_hidden_tests_is_in_the_report(graded):
    for page in graded.report.rglob("*.*"):
        text = page.read_text(encoding="utf-8")
        assert "SECRET-OF" not in text
        assert "learner.he_std" not in text
        assert "np.allclose(answer" not in text


def test_the_network_was_not_reached(graded):
    assert not graded.reached


def test_all_of_it_ends_within_the_limits(graded):
    """A task may take its limits and no more, whoever is beside it."""
    worst = LIMITS.task_seconds + LIMITS.start_seconds
    assert graded.seconds < worst * len(TASKS) * len(graded.notebooks) / 2


def test_the_exercise_is_told_by_its_cells(graded):
    assert {each.result.exercise for each in graded.results} == {EXERCISE, None}
