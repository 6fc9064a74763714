"""What ``course build`` makes of an exercise, what it refuses, and what is handed out."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.build.check import check_repository
from helpers.build.exercise_shape import check_exercise_shape
from helpers.build.exercises import make_exercise, read_points, read_solution
from helpers.build.install_cell import ID as INSTALL
from helpers.build.leaks import find_leaks, find_secrets, is_telling, without_texts
from helpers.build.notebook import render
from helpers.build.sources import choose_chapters, exercise_path, find_exercises
from helpers.build.student import find_student_leaks, student_files, write_student_folder
from helpers.checks import Mistake, Task
from helpers.cli import main
from helpers.minutes import read_minutes

ROOT = Path(__file__).parents[2]
EXERCISES = find_exercises(ROOT)
CHAPTER = next(iter(EXERCISES))  # any will do


def small_task(number, mistakes=3, hints=2):
    return Task(
        id=f"4.{number}",
        title=f"Part {number}",
        run=lambda answer: answer(),
        reference=lambda: number,
        mistakes=tuple(Mistake(lambda: None, f"mistake {each}") for each in range(mistakes)),
        hints=tuple(f"hint {each}" for each in range(hints)),
    )


SMALL_TASKS = [small_task(number) for number in (1, 2, 3)]
SETUP = 'from helpers import course\n\ncheck = print\ncourse.start("04_small", exercise=True)'
SOLUTION = (
    "    ### BEGIN SOLUTION\n    answer = {n} * 10 + 4 - 2\n    return answer\n    ### END SOLUTION"
)


def small_exercise(**changes):
    """Return the source of an exercise of three tasks that keeps every rule but what is changed."""
    cells = {
        "title": "# %% [markdown]\n# # Exercises: small",
        "setup": f"# %%\n{SETUP}",
    }
    for n in (1, 2, 3):
        cells[f"text{n}"] = f"# %% [markdown]\n# ## 4.{n} Part {n} (2 points)"
        given = f"def part{n}():\n{SOLUTION.format(n=n)}"
        cells[f"task{n}"] = f'# %% task="4.{n}" stub="return {n}"\n{given}'
        cells[f"check{n}"] = f'# %% check="4.{n}" points=2\nprint(check("4.{n}", part{n}))'
    return "\n\n".join(text for text in (cells | changes).values() if text) + "\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one chapter, whose exercise has the tasks above."""
    chapter = tmp_path / "chapters/04_small"
    chapter.mkdir(parents=True)
    (tmp_path / "helpers/checks").mkdir(parents=True)
    lesson = "# %% [markdown]\n# # Small\n\n# %%\n1 + 1\n"
    (chapter / "lesson.py").write_text(lesson, encoding="utf-8", newline="\n")
    (chapter / "exercise.py").write_text(small_exercise(), encoding="utf-8", newline="\n")
    (chapter / "hidden_tests.py").write_text("TASKS = {}\n", encoding="utf-8")
    monkeypatch.setattr("helpers.build.sources.find_repository", lambda: tmp_path)
    monkeypatch.setattr("helpers.build.exercise_shape.chapter_tasks", lambda number: SMALL_TASKS)
    return tmp_path


@pytest.fixture
def source(tmp_path):
    """Return a function that writes an exercise's source and returns its path."""
    (tmp_path / "hidden_tests.py").write_text("TASKS = {}\n", encoding="utf-8")

    def write(text):
        path = tmp_path / "exercise.py"
        path.write_bytes(text.encode())
        return path

    return write


# What a source gives


def test_the_exercise_has_stubs_for_solutions_and_all_else_as_it_was(source, nbgrader):
    path = source(small_exercise())
    solution, exercise = read_solution(path, "quick"), make_exercise(path)
    assert [cell.id for cell in exercise.cells] == [cell.id for cell in solution.cells]
    for given, cell in zip(solution.cells, exercise.cells, strict=True):
        if cell.id == INSTALL:
            assert cell == given and "nbgrader" not in cell.metadata
            continue
        if cell.metadata.nbgrader.solution:
            number = cell.metadata.nbgrader.grade_id[-1]
            assert cell.source == (
                f"def part{number}():\n"
                f'    raise NotImplementedError("4.{number} is yours: return {number}.")'
            )
            assert "BEGIN SOLUTION" in given.source
        else:
            assert cell.source == given.source
            assert cell.metadata.editable is False
        assert cell.metadata.deletable is False


def test_nbgraders_metadata_holds_the_contract(source, nbgrader):
    path = source(small_exercise())
    assert read_points(path) == {"4.1": 2, "4.2": 2, "4.3": 2}
    for notebook in (read_solution(path, "quick"), make_exercise(path)):
        marks = [cell.metadata.nbgrader for cell in notebook.cells if cell.id != INSTALL]
        assert {mark.schema_version for mark in marks} == {3}
        graded = [(mark.grade_id, mark.points) for mark in marks if mark.grade]
        assert graded == [(f"task-4-{number}", 2) for number in (1, 2, 3)]
        written = [(mark.grade_id, mark.locked) for mark in marks if mark.solution]
        assert written == [(f"solution-4-{number}", False) for number in (1, 2, 3)]
        assert all(mark.locked for mark in marks if not mark.solution)
        assert len({mark.grade_id for mark in marks}) == len(marks)
        nbgrader.nbgraderformat.MetadataValidator().validate_nb(notebook)


def test_the_same_source_gives_the_same_bytes(source, nbgrader):
    text = small_exercise()
    first = render(make_exercise(source(text)))
    assert render(make_exercise(source(text))) == first
    assert render(make_exercise(source(text.replace("\n", "\r\n")))) == first


def test_several_solutions_in_one_class_are_all_taken_out(source, nbgrader):
    body = SOLUTION.replace("    ", "        ").format(n=1)
    text = '# %% task="4.1" stub="do"\nclass Part:\n    def a(self):\n' + body
    text += "\n\n    def b(self):\n" + body
    _, cell = make_exercise(source(f"{text}\n")).cells
    assert cell.source.count("raise NotImplementedError") == 2
    assert "answer" not in cell.source and "SOLUTION" not in cell.source


# The shape of an exercise


def shape(path, tasks=SMALL_TASKS):
    return list(check_exercise_shape("04_small", path, tasks))


def test_a_good_exercise_breaks_no_rule(source):
    assert shape(source(small_exercise())) == []


TASK2 = '# %% task="4.2" stub="return 2"\ndef part2():\n'


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": ""}, "0 titles"),
        ({"text1": "# %% [markdown]\n# # Another\n#\n# ## 4.1 Part 1 (2 points)"}, "2 titles"),
        ({"setup": "# %%\nx = 1"}, "the first code cell is not the set-up cell"),
        ({"setup": f"# %%\n{SETUP}\na = 1"}, "more than 3 lines of code"),
        ({"text2": "# %% [markdown]\n# ## 4.2 Part (2 points)"}, "no heading '## 4.2 Part 2 (2 p"),
        ({"text2": "# %% [markdown]\n# ## 4.2 Part 2 (1 point)"}, "no heading '## 4.2 Part 2 (2 p"),
        ({"task2": "# %%\npart2 = 2"}, "tasks 4.1, 4.3, expected 4.1, 4.2, 4.3"),
        ({"task2": TASK2.replace("4.2", "4.9") + SOLUTION}, "tasks 4.1, 4.9, 4.3, expected 4.1"),
        ({"check2": ""}, "checks of 4.1, 4.3, expected one check= for each task="),
        (
            {"check2": "", "check4": '# %% check="4.2" points=2\ncheck("4.2", 1)'},
            "expected the che",
        ),
        ({"check2": '# %% check="4.2" points=2\ncheck("4.1", 1)'}, 'does not call check("4.2", '),
        ({"check2": '# %% check="4.2"\ncheck("4.2", 1)'}, "points=None, expected a whole number"),
        ({"check2": '# %% check="4.2" points=0\ncheck("4.2", 1)'}, "points=0, expected a whole"),
        ({"task2": TASK2.replace(' stub="return 2"', "") + SOLUTION}, 'no stub="..."'),
        ({"task2": TASK2.replace("return 2", "x" * 60) + SOLUTION}, "characters too long for its"),
        ({"task2": f"{TASK2}    return 2"}, "has no ### BEGIN SOLUTION"),
        ({"task2": TASK2 + SOLUTION.replace("END", "BEGIN")}, "in turn, each alone on its line"),
        ({"task2": TASK2 + SOLUTION + "\n    ### END SOLUTION"}, "in turn, each alone on its line"),
        ({"task2": TASK2 + SOLUTION.replace("### BEGIN", "# BEGIN")}, "in turn, each alone"),
        ({"more": f"# %%\ndef f():\n{SOLUTION}"}, "a solution in a cell without task="),
        ({"more": "# %%\n" + "x = 1\n" * 16}, "16 lines outside the solution, at most 15"),
        ({"task2": TASK2 + "    x = 1\n" * 16 + SOLUTION}, "17 lines outside the solution"),
        ({"task2": TASK2.replace("def", "import os\ndef") + SOLUTION}, "an import where learners"),
    ],
)
def test_an_exercise_out_of_shape_is_told_which_rule(source, changes, expected):
    assert expected in "\n".join(shape(source(small_exercise(**changes))))


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (SMALL_TASKS[:2], "while TASKS has 4.1, 4.2"),
        ([], "while TASKS has none"),
        (
            [*SMALL_TASKS[:2], small_task(3, mistakes=2)],
            "4.3: 2 known mistakes, expected 3 or more",
        ),
        ([*SMALL_TASKS[:2], small_task(3, hints=4)], "4.3: 4 hints, expected 2 to 3"),
        ([*SMALL_TASKS[:2], small_task(3, hints=1)], "4.3: 1 hints, expected 2 to 3"),
    ],
)
def test_tasks_that_do_not_fit_the_exercise_are_named(source, tasks, expected):
    assert expected in "\n".join(shape(source(small_exercise()), tasks))


def test_two_mistakes_that_are_told_alike_are_named(source):
    alike = small_task(3)
    object.__setattr__(alike, "mistakes", (Mistake(None, "same"),) * 3)
    assert "said 3 times: 'same'" in "\n".join(
        shape(source(small_exercise()), [*SMALL_TASKS[:2], alike])
    )


def test_an_exercise_without_hidden_tests_is_named(source, tmp_path):
    path = source(small_exercise())
    (tmp_path / "hidden_tests.py").unlink()
    assert shape(path) == ["chapters/04_small/hidden_tests.py is missing: write it"]


def test_two_tasks_are_too_few(source):
    text = small_exercise(text3="", task3="", check3="")
    assert "tasks 4.1, 4.2, expected 4.1, 4.2, 4.3" in "\n".join(shape(source(text)))


# course build


def test_a_build_makes_all_three_and_a_second_one_changes_nothing(repository, capsys, nbgrader):
    assert main(["build"]) == 0
    said = capsys.readouterr().out
    assert "04_small: built (" in said and "04_small, exercise: built (" in said
    solution = repository / "solutions/04_small.ipynb"
    executed = nbformat.read(solution, as_version=4)
    assert executed.cells[5].outputs[0].text.startswith("4.1 <function part1")  # its check cell
    points = json.loads((repository / "helpers/checks/chapter_04.json").read_text())
    assert points == {"4.1": 2, "4.2": 2, "4.3": 2}
    made = [exercise_path(repository, "04_small"), solution, repository / "helpers/checks"]
    before = [path.stat().st_mtime_ns for path in made]

    assert main(["build", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["chapters"]
    assert [(each["kind"], each["status"]) for each in results] == [
        ("lesson", "unchanged"),
        ("exercise", "unchanged"),
    ]
    assert [path.stat().st_mtime_ns for path in made] == before


def test_what_differs_from_its_source_is_named(repository, capsys, nbgrader):
    def found():
        chapters = choose_chapters(repository, [])
        lines = check_repository(repository, chapters, "quick")
        ours = ("exercises/", "solutions/", "helpers/checks/", "chapters/04_small/exercise.py")
        return [line for line in lines if line.startswith(ours)]

    assert "exercises/04_small.ipynb is not what chapters/04_small/exercise.py gives" in found()[0]
    main(["build"])
    capsys.readouterr()
    assert found() == []
    exercise = exercise_path(repository, "04_small")
    exercise.write_text(exercise.read_text().replace("Part 1", "Part one"))
    (repository / "helpers/checks/chapter_04.json").write_text("{}")
    (repository / "solutions/04_small.ipynb").write_text("{}")
    (repository / "solutions/05_gone.ipynb").write_text("{}")
    named = " ".join(found())
    for path in (
        "exercises/04_small.ipynb is not",
        "helpers/checks/chapter_04.json is not",
        "solutions/04_small.ipynb is not a notebook",
        "solutions/05_gone.ipynb has no source chapters/05_gone/exercise.py",
    ):
        assert path in named


def test_an_exercise_out_of_shape_is_not_built(repository, capsys, nbgrader):
    source = repository / "chapters/04_small/exercise.py"
    text = small_exercise().replace("    ### END SOLUTION\n", "", 1)
    source.write_text(text, encoding="utf-8")
    assert main(["build"]) == 1
    assert "each alone on its line" in capsys.readouterr().err
    assert not (repository / "exercises").exists()


def test_without_nbgrader_the_build_says_what_to_install(repository, capsys, monkeypatch):
    monkeypatch.setattr(
        "helpers.cli.build.find_spec", lambda name: None if name == "nbgrader" else 1
    )
    assert main(["build", "--check"]) == 1
    assert 'nbgrader, which is not installed: python -m pip install -e ".[grade]"' in (
        capsys.readouterr().err
    )


# No solution in what is handed out


@pytest.mark.parametrize(
    ("line", "telling"),
    [
        ("return x", False),
        (")", False),
        ("", False),
        ("else:", False),
        ("for layer in layers:", False),
        ("import numpy as np  # and more words than five", False),
        ("self.gamma = np.ones(units)", False),
        ("return np.sqrt(2 / fan_in)", False),
        ("std = (2 / fan_in) ** 0.5", True),
        ("weights[outside] = rng.normal(scale=width, size=outside.sum())", True),
        ("# divide by the number of inputs of a unit", True),
    ],
)
def test_a_line_is_a_secret_when_it_decides_something(line, telling):
    assert is_telling(line) is telling


def test_docstrings_and_comments_after_code_are_no_part_of_a_line():
    code = 'def f():\n    """Adds\n    one."""\n    x = 1  # one\n    # all of it\n    return "#"\n'
    assert without_texts(code).splitlines() == [
        "def f():",
        "    ",
        "",
        "    x = 1  ",
        "    # all of it",
        '    return "#"',
    ]


LEAKS = {
    "notes.md": "Try `answer = 1 * 10 + 4 - 2` first.",
    "helpers/theory.py": "def f():\n        answer=1*10+4-2  # found\n",
    "data.json": '{"deep": [{"hint": "answer =  1 * 10 + 4 - 2"}]}',
    "exercises/a.ipynb": render(
        nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell("def a():\n    answer = 1 * 10 + 4 - 2", id="a")]
        )
    ),
    "notebooks/b.ipynb": render(
        nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_code_cell(
                    "1",
                    id="b",
                    outputs=[nbformat.v4.new_output("stream", text="answer = 1 * 10 + 4 - 2")],
                )
            ]
        )
    ),
    "hidden.txt": "expected = inputs['a'] * 3 + inputs['b']",
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_found_with_its_place(repository, name):
    hidden = "TASKS = {}\nexpected = inputs['a'] * 3 + inputs['b']\n"
    (repository / "chapters/04_small/hidden_tests.py").write_text(hidden)
    planted = repository / name
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(LEAKS[name], encoding="utf-8")
    (line,) = find_leaks([planted], find_secrets(repository), repository)
    origin = "hidden_tests.py" if "inputs" in LEAKS[name] else "the solution of 4.1, chapters/04_sm"
    assert line.startswith(f"{name} holds a line of ") and origin in line


def test_what_is_not_to_be_handed_out_is_named_by_its_name(repository):
    for name in ("exercise.py", "hidden_tests.py", "solutions/x.ipynb"):
        path = repository / "handed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        (line,) = find_leaks([path], [], repository)
        assert line.endswith("is not to be handed out")


def test_a_picture_is_passed_over(repository):
    picture = repository / "picture.png"
    picture.write_bytes(b"\x89PNG\xff\xfe")
    assert list(find_leaks([picture], find_secrets(repository), repository)) == []


def test_every_solution_and_hidden_test_has_lines_to_look_for():
    secrets = find_secrets(ROOT)
    places = {secret.where for secret in secrets}
    for chapter, path in EXERCISES.items():
        assert f"chapters/{chapter}/hidden_tests.py" in places
        for task in read_points(path):
            assert f"the solution of {task}, chapters/{chapter}" in places


def test_nothing_that_the_course_hands_out_holds_a_solution():
    assert list(find_student_leaks(ROOT)) == []


# What a teacher hands out


def test_the_students_folder_has_all_that_is_needed_and_no_secret(tmp_path):
    target = tmp_path / "new/course"
    count = write_student_folder(ROOT, target)
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert len(found) == count
    assert {f"exercises/{chapter}.ipynb" for chapter in EXERCISES} <= found
    assert {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= found
    assert {"README.md", "LICENSE", "Makefile", "pyproject.toml", "requirements.lock"} <= found
    assert {"helpers/checks/__init__.py", "helpers/checks/chapter_02.py"} <= found
    secret = ("exercise.py", "hidden_tests.py", "solutions/", "chapters/", "tests/", "__pycache__")
    assert not [name for name in found if any(part in name for part in secret)]
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]
    assert list((tmp_path / "new").iterdir()) == [target]


def test_the_students_folder_works_on_its_own(tmp_path):
    target = tmp_path / "course"
    write_student_folder(ROOT, target)
    code = (
        "import helpers\n"
        "from helpers import course\n"
        "from helpers.checks import check, hint, progress\n"
        "from helpers.checks.catalogue import all_tasks\n"
        "from helpers.cli import main\n"
        "task = all_tasks()[0]\n"
        "check(task.id, task.reference), hint(task.id)\n"
        "print(helpers.__file__, progress()[0].solved is not None, len(course.chapters()))\n"
        "main(['build'])\n"
    )
    environment = os.environ | {"PYTHONPATH": str(target), "COURSE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=target / "exercises",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    where, solved, chapters = done.stdout.splitlines()[-1].split()
    assert Path(where) == target / "helpers/__init__.py"
    assert solved == "True" and int(chapters) == len(read_minutes())
    assert "run this in a clone of the course's repository" in done.stderr  # there is no chapters/


def test_the_readmes_links_work_in_the_students_folder():
    handed = {path.relative_to(ROOT).as_posix() for path in student_files(ROOT)}
    linked = set(re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / "README.md").read_text()))
    assert linked and linked <= handed


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["build", "--student", str(tmp_path)]) == 1
    assert "is not empty: name a new folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_is_written_where_a_secret_would_be_in_it(repository, tmp_path, capsys):
    (repository / "README.md").write_text("Try `answer = 1 * 10 + 4 - 2` first.")
    assert main(["build", "--student", str(repository / "out")]) == 1
    assert "README.md holds a line of the solution of 4.1" in capsys.readouterr().err
    assert not (repository / "out").exists()
    assert not list(repository.glob(".out*"))

    (repository / "README.md").write_text("Read it.")
    assert main(["build", "--student", str(repository / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 1


# nbgrader itself


class School:
    """A gradebook of nbgrader's, and the steps of its autograder, without its folders."""

    def __init__(self, folder):
        self.where = {
            "nbgrader": {
                "notebook": CHAPTER,
                "assignment": "exercises",
                "student": "someone",
                "db_url": f"sqlite:///{folder / 'gradebook.db'}",
            }
        }

    def book(self):
        from nbgrader.api import Gradebook

        return Gradebook(self.where["nbgrader"]["db_url"])

    def assign(self, exercise):
        from nbgrader.preprocessors import SaveCells

        with self.book() as book:
            book.add_assignment("exercises")
            book.add_student("someone")
        SaveCells().preprocess(exercise, self.where)

    def grade(self, submitted):
        """Execute and grade a submission, and return the score of each graded cell."""
        from nbgrader.preprocessors import Execute, OverwriteCells, SaveAutoGrades
        from nbgrader.utils import setenv

        with self.book() as book:
            book.update_or_create_submission("exercises", "someone")
        submitted, _ = OverwriteCells().preprocess(submitted, self.where)
        with setenv(NBGRADER_EXECUTION="autograde", COURSE_PROGRESS="0"):
            submitted, _ = Execute(timeout=120).preprocess(submitted, {"metadata": {}})
        SaveAutoGrades().preprocess(submitted, self.where)
        with self.book() as book:
            graded = book.find_submission_notebook(CHAPTER, "exercises", "someone").grades
            return {grade.name: grade.auto_score for grade in graded}


@pytest.fixture
def school(tmp_path, nbgrader, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    for folder in (Path(nbgrader.__file__).parents[1] / "bin", Path(sys.executable).parent):
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)  # it starts alembic
    return School(tmp_path)


@pytest.fixture
def exercise():
    return nbformat.read(exercise_path(ROOT, CHAPTER), as_version=4)


@pytest.mark.filterwarnings("ignore:Object of type <Submitted")  # nbgrader's, of its database
def test_nbgrader_reads_ids_and_points_and_grades_by_them(school, exercise):
    """The solution earns every point, the untouched exercise none."""
    school.assign(exercise)
    with school.book() as book:
        notebook = book.find_notebook(CHAPTER, "exercises")
        points = {cell.name: cell.max_score for cell in notebook.grade_cells}
        solutions = {cell.name for cell in notebook.solution_cells}
    wanted = read_points(EXERCISES[CHAPTER])
    assert points == {f"task-{task.replace('.', '-')}": each for task, each in wanted.items()}
    assert solutions == {name.replace("task", "solution") for name in points}

    solved = nbformat.from_dict(exercise)
    source = read_solution(EXERCISES[CHAPTER], "ci")
    for cell, solution in zip(solved.cells, source.cells, strict=True):
        if cell.id != INSTALL and cell.metadata.nbgrader.solution:
            cell.source = solution.source
    assert school.grade(solved) == points
    assert school.grade(exercise) == dict.fromkeys(points, 0)


def test_nbgrader_makes_the_same_exercise_of_the_solution(nbgrader, exercise):
    """A school that takes the solution for its source releases our exercise, but for the stubs."""
    from nbgrader.converters.generate_assignment import GenerateAssignment

    notebook = nbformat.read(ROOT / "solutions" / f"{CHAPTER}.ipynb", as_version=4)
    for kind in GenerateAssignment.preprocessors.default_args[0]:
        if kind.__name__ not in ("SaveCells", "IncludeHeaderFooter", "InstantiateTests"):
            notebook, _ = kind().preprocess(notebook, {})
    for ours, theirs in zip(exercise.cells, notebook.cells, strict=True):
        if ours.id != INSTALL and ours.metadata.nbgrader.solution:
            assert "raise NotImplementedError()" in theirs.source
            ours.source = theirs.source = ""
            ours.metadata.nbgrader.pop("checksum")
            theirs.metadata.nbgrader.pop("checksum")
        assert ours == theirs
