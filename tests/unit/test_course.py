"""helpers.course: the set-up cell's line, and errors that outlive their outputs."""

import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from helpers import course


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


@pytest.mark.parametrize(
    ("profile", "meaning"),
    [
        ("ci", "2 epochs on 2,000 images"),
        ("quick", "3 epochs"),
        ("full", "up to 100 epochs"),
    ],
)
def test_start_prints_one_line(shell, monkeypatch, capsys, profile, meaning):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    monkeypatch.setenv("COURSE_BACKEND", "tensorflow")
    course.start("09_cifar10")
    line = f"Chapter 09_cifar10 · profile {profile} ({meaning}) · backend tensorflow\n"
    assert capsys.readouterr().out == line


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


def test_the_chapters_are_links_with_their_titles():
    found = course.chapters()
    assert found[0] == ("00_start_here", "Start here")
    assert "- [Start here](00_start_here.ipynb)" in found._repr_markdown_().splitlines()
