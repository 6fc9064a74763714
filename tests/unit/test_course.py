"""helpers.course: the set-up cell's line, errors that outlive their outputs, the map."""

import json
import subprocess
import sys
from datetime import date

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from helpers import course, minutes
from helpers.profiles import PROFILES


@pytest.fixture
def shell(monkeypatch):
    monkeypatch.setattr(course, "_recorder", None)
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "")
    settings = Config({"HistoryManager": {"enabled": False}})
    yield InteractiveShell.instance(config=settings)
    InteractiveShell.clear_instance()


def run_cell(shell, source):
    return shell.run_cell(source, store_history=True)


def measured(seconds, backend="tensorflow", how="executed", cores=2):
    hardware = {"cores": cores, "processor": "x86-64"}
    versions = {backend: "1.2", "numpy": "2.0"}
    record = {"seconds": seconds, "how": how, "backend": backend}
    return record | {"hardware": hardware, "versions": versions}


MEASURED = {
    "00_start_here": {"title": "Start here", "ci": measured(3), "quick": measured(3)},
    "09_cifar10": {
        "title": "CIFAR-10",
        "quick": measured(301),
        "full": measured(9000, "jax", "recorded runs", cores=1),
    },
}


@pytest.fixture
def times(tmp_path, monkeypatch):
    """Times that are known, and a reader of whom nothing is known yet."""
    file = tmp_path / "minutes.json"
    file.write_text(json.dumps(MEASURED))
    monkeypatch.setattr(minutes, "FILE", file)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return file


@pytest.mark.parametrize(
    ("profile", "time"),
    [("ci", ""), ("quick", " (6 minutes)"), ("full", "")],  # full was measured on another backend
)
def test_start_prints_one_line(shell, times, monkeypatch, capsys, profile, time):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    monkeypatch.setenv("COURSE_BACKEND", "tensorflow")
    course.start("09_cifar10")
    line = f"Chapter 09_cifar10 · profile {profile}{time} · backend tensorflow\n"
    assert capsys.readouterr().out == line


def test_an_exercise_is_started_without_the_lessons_time_and_opens_no_lesson(
    shell, times, monkeypatch, capsys
):
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    monkeypatch.setenv("COURSE_BACKEND", "tensorflow")
    course.start("09_cifar10", exercise=True)
    line = "Exercises of 09_cifar10 · profile quick · backend tensorflow\n"
    assert capsys.readouterr().out == line
    assert not (times.parent / "home").exists()
    assert not course.errors()  # kept from here on, as in a lesson


def test_an_unknown_backend_is_named_and_its_error_kept(shell, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_BACKEND", "tensorflw")
    run_cell(shell, 'from helpers import course\ncourse.start("09_cifar10")')
    assert "did you mean 'tensorflow'?" in course.errors()[0].summary


def test_errors_of_any_kind_are_kept_whole_and_plain(shell, capsys):
    course.start("00_start_here")
    run_cell(shell, "def divide(a, b):\n    return a / b")
    run_cell(shell, "try:\n    divide(1, 0)\nexcept ZeroDivisionError:\n    {}['key']")
    run_cell(shell, "1 +")
    run_cell(shell, "raise KeyboardInterrupt")
    run_cell(shell, "1 + 1")

    chained, syntax, interrupt = course.errors()
    assert (chained.cell, syntax.cell, interrupt.cell) == (2, 3, 4)
    assert chained.summary == "KeyError: 'key'"
    assert "ZeroDivisionError: division by zero" in chained.traceback  # the cause, too
    assert "Cell In[1], line 2, in divide" in chained.traceback
    assert "return a / b" in chained.traceback
    assert "interactiveshell" not in chained.traceback  # begins at the cell
    assert syntax.summary.startswith("SyntaxError")
    assert interrupt.summary == "KeyboardInterrupt"
    shown = repr(course.errors())
    assert shown.startswith("3 errors since course.start().\n\nCell In[2] at ")
    assert chained.traceback in shown
    assert "\x1b" not in shown


def test_the_display_of_a_traceback_is_as_without_the_course(shell, capsys):
    run_cell(shell, "1 / 0")
    without = capsys.readouterr().out
    course.start("00_start_here")
    capsys.readouterr()
    shell.execution_count = 1
    run_cell(shell, "1 / 0")
    assert "ZeroDivisionError" in without
    assert capsys.readouterr().out == without


def test_starting_again_keeps_one_recorder_and_its_errors(shell, capsys):
    course.start("00_start_here")
    run_cell(shell, "1 / 0")
    course.start("00_start_here")
    run_cell(shell, "[][0]")
    assert [error.summary for error in course.errors()] == [
        "ZeroDivisionError: division by zero",
        "IndexError: list index out of range",
    ]


def test_only_the_newest_errors_are_kept(shell, monkeypatch, capsys):
    monkeypatch.setattr(course, "MOST_ERRORS", 3)
    course.start("00_start_here")
    for number in range(5):
        run_cell(shell, f"raise ValueError({number})")
    found = course.errors()
    assert [error.summary for error in found] == ["ValueError: 2", "ValueError: 3", "ValueError: 4"]
    assert repr(found).startswith("5 errors since course.start(); the newest 3 are kept.")


def test_no_error_is_said_in_words(shell, capsys):
    course.start("00_start_here")
    assert repr(course.errors()) == "No error since course.start()."


def test_errors_before_the_start_says_what_to_do(monkeypatch):
    monkeypatch.setattr(course, "_recorder", None)
    with pytest.raises(RuntimeError, match="run the set-up cell"):
        course.errors()


def test_outside_a_notebook_start_says_where_to_go(monkeypatch):
    monkeypatch.setattr(course, "_recorder", None)
    with pytest.raises(RuntimeError, match="open it in JupyterLab"):
        course.start("00_start_here")


def test_the_set_up_cell_imports_nothing_heavy():
    source = (
        "import sys; from helpers import course; "
        "heavy = {'tensorflow', 'keras', 'jax', 'matplotlib', 'numpy', 'IPython'}; "
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_map_has_links_times_and_how_far_the_reader_has_come(shell, times, capsys):
    course.start("00_start_here")
    course.quiz("09_cifar10")
    found = course.chapters()
    today = date.today().isoformat()
    assert found[0].name == "00_start_here" and found[0].title == "Start here"
    assert found[0].reached == f"opened {today}"
    (timed,) = (chapter for chapter in found if chapter.name == "09_cifar10")
    assert timed.times == {"quick": "6 minutes", "full": "2.5 hours on JAX"}
    lines = found._repr_markdown_().splitlines()
    assert lines[0] == "| chapter | `ci` | `quick` | `full` | you |"
    start = "| [Start here](00_start_here.ipynb) | under 1 minute | under 1 minute |  | opened"
    assert lines[2] == f"{start} {today} |"
    (row,) = (line for line in lines if "(09_cifar10.ipynb)" in line)
    assert f"read to the end {today}" in row
    assert len({line.count("|") for line in lines[:-2]}) == 1
    assert lines[-1] == (
        "Times: whole notebooks, tensorflow 1.2, 2 cores of x86-64; "
        "09 in full: training steps only, jax 1.2, 1 core of x86-64."
    )
    assert lines[-1] in repr(found)


def test_the_map_without_times_and_without_progress(times, monkeypatch):
    times.unlink()
    monkeypatch.setenv("COURSE_PROGRESS", "0")
    shown = course.chapters()._repr_markdown_()
    assert shown.splitlines()[0] == "| chapter | `ci` | `quick` | `full` |"
    assert "| [Start here](00_start_here.ipynb) |  |  |  |" in shown
    assert "No times have been measured yet." in shown and "opened" not in shown


def test_without_the_repository_the_map_is_that_of_the_package(times, monkeypatch):
    def no_repository():
        raise ValueError("no folder with chapters/")

    monkeypatch.setattr(course, "find_repository", no_repository)
    assert [each.title for each in course.chapters()] == ["Start here", "CIFAR-10"]
    times.unlink()
    with pytest.raises(ValueError, match="no folder with chapters"):
        course.chapters()


def test_a_progress_that_cannot_be_noted_is_one_line(shell, times, monkeypatch, capsys):
    times.with_name("home").write_text("a file where the folder should be")
    course.start("00_start_here")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Chapter 00_start_here")
    assert second.startswith("Your progress ")
    assert course.chapters()[0].reached == "not opened"


def test_the_times_that_are_recorded_can_be_shown():
    recorded = minutes.read_minutes()
    assert recorded["00_start_here"]["title"] == "Start here"
    for chapter in recorded.values():
        for profile in chapter.keys() - {"title"}:
            assert profile in PROFILES
            assert minutes.in_words(chapter[profile]["seconds"])
            assert minutes.conditions({"x": chapter[profile]}).startswith("Times: ")
