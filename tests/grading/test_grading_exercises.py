"""helpers.grading.exercises: which cells of a submission are run, and from where."""

import pytest
from tiny_course import (
    EXERCISE,
    RIGHT,
    SETUP,
    STUBS,
    TASKS,
    TITLES,
    cell,
    find,
    make_course,
    notebook,
    own_cell,
)

from helpers.grading.exercises import find_exercises, identify, plan


@pytest.fixture
def exercise(tmp_path):
    return find_exercises(make_course(tmp_path))[EXERCISE]


def sources(document, exercise) -> list[str]:
    return [each.source for each in plan(document, exercise)]


HONEST = [SETUP, RIGHT["1.1"], RIGHT["1.2"], "SMALLEST = 0.0", RIGHT["1.3"]]


def test_tasks_have_the_points_and_titles_of_the_notebook(exercise):
    assert {task.id: task.points for task in exercise.tasks} == TASKS
    assert {task.id: task.title for task in exercise.tasks} == TITLES


def test_checks_and_measurements_are_left_out(exercise):
    assert sources(notebook(RIGHT), exercise) == HONEST


def test_an_untouched_exercise_runs_its_stubs(exercise):
    assert [each for each in sources(notebook(), exercise) if each in STUBS.values()] == list(
        STUBS.values()
    )


def test_a_locked_cell_has_the_source_of_the_exercise(exercise):
    document = notebook(RIGHT)
    for name in ("setup", "given", "task-1-1"):
        find(document, name)["source"] = "changed"
    assert sources(document, exercise) == HONEST


def test_a_deleted_cell_comes_where_it_was(exercise):
    document = notebook(RIGHT)
    gone = {"setup", "given", "task-1-2", "measure"}
    document["cells"] = [each for each in document["cells"] if each.get("id") not in gone]
    assert sources(document, exercise) == HONEST


def test_a_copied_locked_cell_runs_once_and_halves_of_a_solution_both(exercise):
    document = notebook(RIGHT)
    document["cells"] += [find(document, "setup"), find(document, "solution-1-1")]
    assert sources(document, exercise) == [*HONEST, RIGHT["1.1"]]


def test_the_order_and_the_learners_own_cells_are_those_of_the_submission(exercise):
    document = notebook(RIGHT)
    document["cells"].reverse()
    document["cells"].insert(0, own_cell("mine = 1"))
    assert sources(document, exercise) == ["mine = 1", *reversed(HONEST)]
    assert plan(document, exercise)[0].where == "code cell 1"


@pytest.mark.parametrize("kept", ["grade_id", "id", "metadata.id"])
def test_a_cell_is_known_by_any_of_its_ids(exercise, kept):
    document = notebook(RIGHT)
    for each in document["cells"]:
        name, metadata = each.pop("id"), each.pop("metadata")
        each["metadata"] = {"metadata.id": {"id": name}}.get(kept, {})
        if kept == "id":
            each["id"] = name
        if kept == "grade_id" and "nbgrader" in metadata:
            each["metadata"] = metadata
    assert identify(document, {EXERCISE: exercise}) is exercise
    assert sources(document, exercise) == HONEST


def test_a_solution_knows_its_task(exercise):
    tasks = [each.task for each in plan(notebook(RIGHT), exercise)]
    assert tasks == [None, "1.1", "1.2", None, "1.3"]


def test_a_notebook_is_of_the_exercise_that_most_cells_are_of(exercise, tmp_path):
    other = find_exercises(make_course(tmp_path / "other"))[EXERCISE]
    others = [each for each in other.cells if each.kind == "given"]
    import dataclasses

    other = dataclasses.replace(other, name="02_other", cells=tuple(others))
    both = {"02_other": other, EXERCISE: exercise}
    assert identify(notebook(), both) is exercise
    assert identify({"metadata": {}, "cells": [own_cell("x = 1")]}, both) is None


def test_an_exercise_without_its_notebook_says_how_to_make_it(tmp_path):
    root = make_course(tmp_path)
    (root / "exercises" / f"{EXERCISE}.ipynb").unlink()
    with pytest.raises(ValueError, match=f"run: course build {EXERCISE}"):
        find_exercises(root)


def test_hidden_tests_of_other_tasks_are_named(tmp_path):
    root = make_course(tmp_path)
    path = root / "chapters" / EXERCISE / "hidden_tests.py"
    path.write_text(path.read_text() + "\nTASKS['1.9'] = TASKS.pop('1.1')\n")
    with pytest.raises(ValueError, match=r"tests 1\.2, 1\.3, 1\.9, and .* has 1\.1, 1\.2, 1\.3"):
        find_exercises(root)[EXERCISE].hidden()


def test_the_digest_changes_with_the_notebook_and_with_the_hidden_tests(tmp_path):
    root = make_course(tmp_path)
    digests = {find_exercises(root)[EXERCISE].digest}
    for path in (root / "exercises").rglob("*.ipynb"):
        path.write_text(path.read_text() + " ")
    digests.add(find_exercises(root)[EXERCISE].digest)
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    hidden.write_text(hidden.read_text() + "\n")
    digests.add(find_exercises(root)[EXERCISE].digest)
    assert len(digests) == 3


def test_cells_of_these_tests_are_as_nbgrader_knows_them():
    assert (
        cell("x", "task-1-1", grade=True, points=1)["metadata"]["nbgrader"]["schema_version"] == 3
    )
