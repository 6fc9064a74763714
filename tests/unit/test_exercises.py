"""Every exercise of the course: its tasks, its known mistakes, its solution and its stubs.

Nothing here names a chapter: an exercise that is added is tested with the others.
"""

from pathlib import Path

import pytest

from helpers.build.exercise_shape import check_exercise_shape
from helpers.build.exercises import make_exercise, read_solution
from helpers.build.sources import find_chapters, find_exercises
from helpers.checks import CheckFailed
from helpers.checks.catalogue import all_tasks
from helpers.checks.compare import differences
from helpers.checks.judge import judge, right_result
from helpers.figures import CourseFigure
from helpers.linear_algebra import one_thread

ROOT = Path(__file__).parents[2]
EXERCISES = find_exercises(ROOT)
TASKS = {task.id: task for task in all_tasks()}
MISTAKES = [(task.id, number) for task in TASKS.values() for number in range(len(task.mistakes))]

by_chapter = pytest.mark.parametrize("chapter", EXERCISES)
by_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


@by_task
def test_a_right_answer_passes_and_everything_holds_of_it(task):
    feedback = judge(task, task.reference)
    assert feedback.passed, feedback
    held = [line.says for line in feedback.lines if line.label == "holds"]
    assert held == [each.says for each in task.holds] or not task.holds


@by_task
def test_the_same_answer_gives_the_same_result(task):
    with one_thread():  # as the judge runs it: sums in another order differ in the last bits
        again = task.run(task.reference)
    assert not differences(right_result(task), again, tolerance=0)


@pytest.mark.parametrize(("task_id", "number"), MISTAKES)
def test_each_known_mistake_is_told_apart(task_id, number):
    task = TASKS[task_id]
    mistake = task.mistakes[number]
    feedback = judge(task, mistake.answer)
    assert not feedback.passed
    said = [line.says for line in feedback.lines if line.label == "likely mistake"]
    assert said == [mistake.says], feedback


@by_task
def test_the_picture_of_a_task_is_a_figure_with_alt_text(task):
    if task.picture:
        figure = task.picture()
        assert isinstance(figure, CourseFigure) and len(figure.alt_text) > 40


@by_chapter
def test_the_exercise_has_the_shape_of_one(chapter):
    assert list(check_exercise_shape(chapter, EXERCISES[chapter])) == []


# In one process, without what trains: what the grader runs, but for its sandbox.


def is_graded(cell) -> bool:
    """Return whether a cell is a task's check; the one that installs the course is none of it."""
    return cell.metadata.get("nbgrader", {}).get("grade", False)


@pytest.fixture
def earned(monkeypatch, tmp_path):
    """Return a function that runs a notebook's cells and says which tasks earned their points."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")  # a failed check raises
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr("helpers.course.start", lambda *args, **options: None)  # wants IPython

    def run(notebook, may_raise):
        names, passed = {"__name__": "__main__"}, set()
        for cell in notebook.cells:
            if cell.cell_type != "code" or "measure" in cell.metadata.get("tags", ()):
                continue
            code = compile(cell.source, f"cell {cell.id}", "exec")
            try:
                exec(code, names)  # noqa: S102  the course's own exercise
            except may_raise:
                continue
            if is_graded(cell):
                passed.add(cell.metadata.nbgrader.grade_id)
        return passed

    return run


@by_chapter
def test_the_solution_earns_every_point(chapter, earned):
    solution = read_solution(EXERCISES[chapter], "ci")
    checks = [cell.metadata.nbgrader for cell in solution.cells if is_graded(cell)]
    assert len(checks) >= 3
    assert earned(solution, may_raise=()) == {check.grade_id for check in checks}


@by_chapter
def test_the_untouched_exercise_earns_nothing(chapter, earned, nbgrader):
    exercise = make_exercise(EXERCISES[chapter])
    assert earned(exercise, may_raise=(CheckFailed, NotImplementedError, NameError)) == set()


def test_every_chapter_but_the_first_has_an_exercise_of_three_tasks_or_more():
    chapters = [chapter for chapter in find_chapters(ROOT) if not chapter.startswith("00_")]
    missing = [chapter for chapter in chapters if chapter not in EXERCISES]
    assert missing == []
    assert len(TASKS) >= 27
