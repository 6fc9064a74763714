"""The course's own exercises through the grader: solutions, stubs, and known mistakes.

Nothing here names a chapter: an exercise that is added is tested with the others.
"""

import json
import re
import shutil
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest

from helpers.build.exercises import read_solution
from helpers.build.sources import find_exercises as find_sources
from helpers.checks.catalogue import all_tasks
from helpers.grading.exercises import find_exercises
from helpers.grading.grader import grade
from helpers.grading.hidden import judge
from helpers.grading.inside.values import dumps, loads
from helpers.linear_algebra import one_thread

ROOT = Path(__file__).parents[2]
EXERCISES = find_exercises(ROOT)
TASKS = {task.id: task for task in all_tasks()}
HIDDEN = {task: hidden for each in EXERCISES.values() for task, hidden in each.hidden().items()}
SEEDS = (1, 2, 3)
SHORTEST = min(EXERCISES, key=lambda name: len(EXERCISES[name].tasks))
JUNK = (None, 1, True, "text", float("nan"), [], {}, [[1]], [None] * 50, {"a": [1, 2, 3]})

by_task = pytest.mark.parametrize("task", HIDDEN)


@pytest.fixture(scope="session")
def graded(bubblewrap, tmp_path_factory):
    """The scores of two learners: one hands in every solution, one an untouched exercise."""
    folder = tmp_path_factory.mktemp("class")
    shutil.copytree(ROOT / "solutions", folder / "in" / "solved")
    (folder / "in" / "untouched").mkdir()
    shutil.copy(ROOT / "exercises" / f"{SHORTEST}.ipynb", folder / "in" / "untouched")
    results = grade(folder / "in", folder / "out", ROOT, jobs=2)
    return {(each.submission.learner, each.result.exercise): each.result for each in results}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_solution_earns_every_point(name, graded):
    result = graded["solved", name]
    assert {each.task: each.status for each in result.tasks} == {
        task.id: "passed" for task in EXERCISES[name].tasks
    }, result


def test_an_untouched_exercise_earns_nothing(graded):
    statuses = Counter(task.status for task in graded["untouched", SHORTEST].tasks)
    assert statuses == {"not done": len(EXERCISES[SHORTEST].tasks)}


# The rest runs in this process: what is asked of the course's own answers is no stranger's code.


def names_of(notebook) -> tuple[dict, dict[str, list[str]]]:
    """Return what a notebook's answers define, and for each task the name, or names, of its own."""
    names, answers = {"__name__": "__main__"}, {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "measure" in cell.metadata.get("tags", ()):
            continue
        checked = re.fullmatch(r'check\("(\d+\.\d+)", \(?([\w, ]+?)\)?\)', cell.source.strip())
        imports = re.match("import|from", cell.source) and "course.start" not in cell.source
        if checked:
            answers[checked[1]] = checked[2].split(", ")
        elif cell.metadata.get("nbgrader", {}).get("solution") or imports:
            exec(compile(cell.source, cell.id, "exec"), names)  # noqa: S102  the course's own
    return names, answers


@pytest.fixture(scope="module")
def solved():
    """For each task what the solution of its chapter defines, and the names of the answer."""
    found = {}
    for chapter in EXERCISES:
        names, answers = names_of(read_solution(find_sources(ROOT)[chapter], "ci"))
        found |= {task: (names, answer) for task, answer in answers.items()}
    assert found.keys() == TASKS.keys()
    return found


def failed(task: str, names: dict, seed: int) -> list[str] | None:
    """Return the properties that do not hold of an answer; None where it raises."""
    hidden = HIDDEN[task]
    inputs = hidden.inputs(np.random.default_rng(seed))
    try:
        with one_thread(), warnings.catch_warnings(action="ignore"):
            answer = hidden.ask(SimpleNamespace(**names), **json.loads(json.dumps(inputs)))
    except Exception:
        return None
    verdicts = judge(hidden, inputs, loads(dumps(answer, 2**24)))
    return [verdict.text for verdict in verdicts if not verdict.holds]


@pytest.fixture(scope="module")
def untouched():
    """For each task what the exercise of its chapter defines."""
    found = {}
    for chapter in EXERCISES:
        notebook = nbformat.read(ROOT / "exercises" / f"{chapter}.ipynb", as_version=4)
        names, answers = names_of(notebook)
        found |= dict.fromkeys(answers, names)
    assert found.keys() == TASKS.keys()
    return found


@by_task
def test_an_answer_that_nobody_gave_is_not_done(task, untouched):
    hidden = HIDDEN[task]
    inputs = hidden.inputs(np.random.default_rng(1))
    with pytest.raises(NotImplementedError, match=rf"{task} is yours"):
        hidden.ask(SimpleNamespace(**untouched[task]), **json.loads(json.dumps(inputs)))


@by_task
def test_a_solution_holds_whatever_the_seed(task, solved):
    names, _ = solved[task]
    for seed in range(10):
        assert failed(task, names, seed) == []


@by_task
def test_every_known_mistake_fails_a_property(task, solved):
    names, answer = solved[task]
    for mistake in TASKS[task].mistakes:
        parts = mistake.answer if len(answer) > 1 else [mistake.answer]
        changed = names | dict(zip(answer, parts, strict=True))
        assert all(failed(task, changed, seed) != [] for seed in SEEDS), mistake.says


@by_task
def test_no_property_holds_of_junk(task):
    inputs = HIDDEN[task].inputs(np.random.default_rng(1))
    for junk in JUNK:
        assert not any(verdict.holds for verdict in judge(HIDDEN[task], inputs, junk)), junk
