"""helpers.build and ``course build``: what a source gives, and what --check finds."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from helpers.build.check import check_notebook, check_repository, check_shape
from helpers.build.notebook import is_checked, name_widgets, read_source, render
from helpers.build.sources import choose_chapters, find_repository
from helpers.cli import main

ROOT = Path(__file__).parents[2]
SMALL = '# %% [markdown]\n# # Small\n\n# %%\nimport os\n\nos.environ["COURSE_PROFILE"]\n'


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """An empty repository that ``course build`` finds."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr("helpers.build.sources.find_repository", lambda: tmp_path)
    return tmp_path


def add_chapter(root, name, text):
    lesson = root / "chapters" / name / "lesson.py"
    lesson.parent.mkdir(parents=True, exist_ok=True)
    lesson.write_text(text, encoding="utf-8", newline="\n")
    return lesson


@pytest.fixture
def start_here(tmp_path):
    """The committed first chapter: its source, and a copy of its notebook to spoil."""
    committed = ROOT / "notebooks/00_start_here.ipynb"
    copy = tmp_path / committed.name
    copy.write_bytes(committed.read_bytes())
    return ROOT / "chapters/00_start_here/lesson.py", copy


def differences(lesson, path, profile="quick"):
    return list(check_notebook("00_start_here", lesson, path, profile))


# What a source gives


def test_the_same_source_gives_the_same_notebook(tmp_path):
    lesson = add_chapter(tmp_path, "small", SMALL)
    windows = add_chapter(tmp_path, "windows", "")
    windows.write_bytes(SMALL.replace("\n", "\r\n").encode())
    assert render(read_source(lesson, "quick")) == render(read_source(windows, "quick"))


def test_a_cell_keeps_its_id_when_another_is_put_before_it(tmp_path):
    before = read_source(add_chapter(tmp_path, "before", SMALL), "quick")
    after = read_source(add_chapter(tmp_path, "after", "# %%\nx = 1\n\n" + SMALL), "quick")
    assert [cell.id for cell in after.cells[1:]] == [cell.id for cell in before.cells]


def test_equal_cells_have_different_ids(tmp_path):
    lesson = add_chapter(tmp_path, "twice", "# %%\nx = 1\n\n# %%\nx = 1\n\n# %% [markdown]\n# x\n")
    assert len({cell.id for cell in read_source(lesson, "quick").cells}) == 3


def test_tags_are_kept_and_jupytext_leaves_no_trace(tmp_path):
    text = '# %% tags=["raises-exception"]\n1 / 0\n\n\n\n\n# %%\nx = 1\n'
    notebook = read_source(add_chapter(tmp_path, "tags", text), "ci")
    assert [cell.metadata for cell in notebook.cells] == [{"tags": ["raises-exception"]}, {}]
    assert sorted(notebook.metadata) == ["course", "kernelspec", "language_info"]
    assert notebook.metadata.course.profile == "ci"


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("# NBVAL_CHECK_OUTPUT\n1", True),
        ("if True:\n    # NBVAL_CHECK_OUTPUT\n    print(1)", True),
        ("print(1)  # NBVAL_CHECK_OUTPUT", False),
        ("# NBVAL_CHECK_OUTPUT: the ratio\n1", False),
    ],
)
def test_the_marker_counts_only_where_nbval_sees_it(source, seen):
    from nbval.plugin import find_comment_markers

    assert is_checked(nbformat.v4.new_code_cell(source)) is seen
    assert (("check", True) in find_comment_markers(source)) is seen


def test_widgets_get_the_same_ids_at_every_execution():
    def executed(slider, layout):
        view = {"application/vnd.jupyter.widget-view+json": {"model_id": slider}}
        state = {layout: {"state": {}}, slider: {"state": {"layout": f"IPY_MODEL_{layout}"}}}
        cell = nbformat.v4.new_code_cell("slider")
        cell.outputs = [nbformat.v4.new_output("display_data", view)]
        widgets = {"application/vnd.jupyter.widget-state+json": {"state": state}}
        return nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": widgets})

    first, second = (executed(*ids) for ids in (("a" * 32, "b" * 32), ("c" * 32, "d" * 32)))
    second.cells[0].id = first.cells[0].id
    assert render(name_widgets(first, "01")) == render(name_widgets(second, "01"))
    named = name_widgets(first, "01").metadata.widgets
    assert "aaaa" not in json.dumps(named)
    assert "bbbb" not in json.dumps(named)


# course build --check


def test_an_untouched_notebook_does_not_differ(start_here):
    assert differences(*start_here) == []


def _edit_cell(notebook):
    notebook.cells[1].source += "\n"


def _edit_id(notebook):
    notebook.cells[0].id = "mine"


def _edit_tags(notebook):
    notebook.cells[0].metadata.tags = ["mine"]


def _delete_cell(notebook):
    del notebook.cells[0]


def _add_cell(notebook):
    notebook.cells.append(nbformat.v4.new_markdown_cell("mine"))


def _add_version(notebook):
    notebook.metadata.language_info.version = "3.11.7"


def _clear_counts(notebook):
    notebook.cells[1].execution_count = None


def _clear_checked_outputs(notebook):
    for cell in filter(is_checked, notebook.cells):
        cell.outputs = []


def _raise(notebook):
    notebook.cells[1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="no")]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_edit_cell, "cell 2 not equal to cell 2 as built"),
        (_edit_id, "cell 1 not equal to cell 1 as built"),
        (_edit_tags, "cell 1 not equal to cell 1 as built"),
        (_delete_cell, "cell 1 as built not in the notebook"),
        (_add_cell, "not in the source"),
        (_add_version, "metadata 'language_info'"),
        (_clear_counts, "cell 2 has execution count None, expected 1"),
        (_clear_checked_outputs, "is marked NBVAL_CHECK_OUTPUT and has no output"),
        (_raise, "cell 2 holds an error"),
    ],
)
def test_whatever_is_spoilt_is_named_with_the_cure(start_here, spoil, expected):
    lesson, path = start_here
    notebook = nbformat.read(path, as_version=4)
    spoil(notebook)
    path.write_text(render(notebook), encoding="utf-8", newline="\n")
    found = differences(lesson, path)
    assert expected in found[0]
    assert all("run: course build 00_start_here" in line for line in found)


def test_another_profile_and_another_layout_of_the_file_differ(start_here):
    lesson, path = start_here
    assert "metadata 'course'" in differences(lesson, path, profile="full")[0]
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert "is not written as the build writes it" in differences(lesson, path)[0]


@pytest.mark.parametrize("damaged", [b"", b"{", b"{}", b"[]", b"\xff", b'{"nbformat": 4}'])
def test_a_damaged_notebook_is_one_line(start_here, damaged):
    lesson, path = start_here
    path.write_bytes(damaged)
    (line,) = differences(lesson, path)
    assert "is not a notebook, or a damaged one" in line


def test_a_notebook_without_a_source_and_a_source_without_a_notebook(repository):
    add_chapter(repository, "07_here", SMALL)
    (repository / "notebooks/08_gone.ipynb").write_text("{}")
    found = list(check_repository(repository, choose_chapters(repository, []), "quick"))
    assert "notebooks/07_here.ipynb is missing: run: course build 07_here" in found
    assert any(line.startswith("notebooks/08_gone.ipynb has no source") for line in found)


# The shape of a lesson


def lesson_text(
    *, titles=1, aims=3, setup='course.start("05_shape")', lines=1, marker=None, quiz="05_shape"
):
    """A lesson of fifteen cells that keeps every rule, unless told otherwise."""
    marker = marker or "# NBVAL_CHECK_OUTPUT\n1"
    text = ["# # Title"] * titles + ["#", "# You will be able to"] + ["# - x"] * aims
    cells = ["# %% [markdown]\n" + "\n".join(text), f"# %%\n{setup}"]
    cells += [f"# %%\n{marker}"] * 3 + ["# %%\n" + "x = 1\n" * lines] * 9
    cells += [f'# %%\ncourse.quiz("{quiz}")']
    return "\n\n".join(cells) + "\n"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"titles": 2}, "2 titles"),
        ({"titles": 0}, "0 titles"),
        ({"aims": 2}, "2 points"),
        ({"aims": 6}, "6 points"),
        ({"setup": "x = 1"}, "the first code cell is not the set-up cell"),
        ({"setup": 'course.start("05_shape")\na = 1\nb = 1\nc = 1'}, "more than 3 lines"),
        ({"lines": 16}, "cell 6 has 16 lines, at most 15"),
        ({"marker": "x = 1"}, "0 cells marked"),
        ({"marker": "print(1)  # NBVAL_CHECK_OUTPUT"}, "nbval overlooks"),
        ({"quiz": "06_other"}, "no cell asks the quiz"),
    ],
)
def test_a_lesson_out_of_shape_is_told_which_rule(tmp_path, change, expected):
    good = add_chapter(tmp_path, "05_shape", lesson_text())
    assert list(check_shape("05_shape", good)) == []
    bad = add_chapter(tmp_path, "05_shape", lesson_text(**change))
    assert any(expected in line for line in check_shape("05_shape", bad))


@pytest.mark.parametrize("cells", [14, 31])
def test_a_lesson_too_short_or_too_long(tmp_path, cells):
    parts = lesson_text().split("\n\n# %%\n")
    parts = parts[:5] + parts[6:] if cells == 14 else parts + ["y = 1"] * 16
    lesson = add_chapter(tmp_path, "05_shape", "\n\n# %%\n".join(parts))
    (line,) = check_shape("05_shape", lesson)
    assert f"{cells} cells, expected 15 to 30" in line


# course build


def test_a_chapter_is_executed_once_and_a_failing_one_leaves_the_good_notebook(repository, capsys):
    add_chapter(repository, "small", SMALL)
    path = repository / "notebooks/small.ipynb"
    assert main(["build", "small"]) == 0
    assert capsys.readouterr().out.startswith("small: built (")
    good = path.read_bytes()
    outputs = nbformat.reads(good.decode(), as_version=4).cells[-1].outputs
    assert outputs[0]["data"]["text/plain"] == "'quick'"  # whatever COURSE_PROFILE says

    assert main(["build", "small", "--json"]) == 0
    (built,) = json.loads(capsys.readouterr().out)["chapters"]
    assert built["status"] == "unchanged"

    add_chapter(repository, "small", SMALL + "\n# %%\nvalue = {}\nvalue['missing']\n")
    assert main(["build", "small"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("small: failed (")
    assert "small, cell 4:" in captured.err
    assert "KeyError: 'missing'" in captured.err
    assert path.read_bytes() == good
    assert list(path.parent.iterdir()) == [path]

    assert main(["build", "small", "--check"]) == 1
    assert "cell 4 as built not in the notebook" in capsys.readouterr().out


def test_two_executions_write_the_same_bytes(repository):
    add_chapter(repository, "small", SMALL)
    path = repository / "notebooks/small.ipynb"
    assert main(["build", "small"]) == 0
    first = path.read_bytes()
    assert main(["build", "small", "--force"]) == 0
    assert path.read_bytes() == first


def test_the_kernel_is_this_interpreter_in_the_folder_of_notebooks(repository, monkeypatch):
    other = repository / "kernels/python3"
    other.mkdir(parents=True)
    wrong = {"argv": ["no-such-python", "{connection_file}"], "display_name": "x", "language": "x"}
    (other / "kernel.json").write_text(json.dumps(wrong))
    monkeypatch.setenv("JUPYTER_PATH", str(repository))  # as a user's own python3 kernel would be
    add_chapter(repository, "where", "# %%\nimport os\nimport sys\n\n(sys.executable, os.getcwd())")
    assert main(["build", "where"]) == 0
    notebook = nbformat.read(repository / "notebooks/where.ipynb", as_version=4)
    shown = notebook.cells[-1].outputs[0]["data"]["text/plain"]
    executable, folder = ast.literal_eval(shown)
    assert Path(executable).samefile(sys.executable)
    assert Path(folder).samefile(repository / "notebooks")


def test_a_kernel_that_dies_is_named_with_its_cell(repository, capsys):
    add_chapter(repository, "dies", "# %%\nimport os\n\nos._exit(3)\n")
    assert main(["build", "dies"]) == 1
    error = capsys.readouterr().err
    assert "dies: no kernel" in error
    assert "cell 2: Kernel died" in error
    assert "os._exit(3)" in error


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_an_interrupt_leaves_no_kernel(tmp_path):
    (tmp_path / "notebooks").mkdir()
    cell = (
        "import os, pathlib, signal, time\n\n"
        "pathlib.Path('kernel').write_text(str(os.getpid()))\n"
        "os.kill(os.getppid(), signal.SIGINT)  # as Ctrl-C would, while this cell runs\n"
        "time.sleep(600)\n"
    )
    add_chapter(tmp_path, "sleeps", f"# %%\n{cell}")
    build = (
        "import pathlib, signal, sys; import helpers.build.sources as sources; "
        "from helpers.cli import main; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored in a background job
        f"sources.find_repository = lambda: pathlib.Path({str(tmp_path)!r}); "
        "sys.exit(main(['build', 'sleeps']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 130, done.stderr
    assert "course: interrupted" in done.stderr
    assert not psutil.pid_exists(int((tmp_path / "notebooks/kernel").read_text()))
    assert not (tmp_path / "notebooks/sleeps.ipynb").exists()


def test_an_unknown_chapter_is_answered_with_the_nearest(capsys):
    assert main(["build", "00_start_her", "--check"]) == 1
    assert "did you mean '00_start_here'?" in capsys.readouterr().err


def test_without_a_repository_the_error_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.build.sources.__file__", str(tmp_path / "a/b/c.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="run this in a clone of the course's repository"):
        find_repository()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert find_repository() == Path.cwd().parent


def test_what_tensorflow_writes_while_loading_is_dropped_and_warnings_stay():
    from helpers.build.execution import drop_loading_lines

    noise = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1795483427.769639    3029 port.cc:153] oneDNN custom operations are on.\n"
    )
    told = "This is NOT CIFAR-10.\n"
    cells = [
        nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", name=name, text=text)])
        for name, text in (("stderr", noise), ("stderr", noise + told), ("stdout", noise))
    ]
    drop_loading_lines(nbformat.v4.new_notebook(cells=cells))
    assert cells[0].outputs == []
    assert cells[1].outputs[0].text == told
    assert cells[2].outputs[0].text == noise
