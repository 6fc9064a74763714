"""``course launch``: one setting, and everything that follows from it says the same."""

import ast
import json
import re
import runpy
import shutil
from pathlib import Path

import nbformat
import pytest

from helpers.build.check import check_notebook
from helpers.build.install_cell import ID, install_source, put_install_cell
from helpers.build.launching import CLOSE, NOTEBOOKS, OPEN, check_links, renew_notebook, set_launch
from helpers.build.notebook import SETUP_LINES, render
from helpers.cli import main
from helpers.launch import Launch, read_launch, write_launch

ROOT = Path(__file__).parents[2]
CHAPTER = "00_start_here"
ADA = Launch("ada/deep", "v1.0")
# Every address in the course that leads to a repository: what comes after is OWNER/REPO.
PLACES = re.compile(
    r"(?:mybinder\.org/v2/gh/|colab\.research\.google\.com/github/|git\+https://github\.com/)"
    r"([\w.-]+/[\w.-]+?)(?=[/@?\")])"
)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small repository of the course that ``course launch`` finds."""
    for name in ("README.md", f"chapters/{CHAPTER}/lesson.py", f"notebooks/{CHAPTER}.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "exercises").mkdir()
    exercise = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="one")])
    put_install_cell(exercise, Launch())
    (tmp_path / "exercises/07_small.ipynb").write_text(render(exercise), encoding="utf-8")
    lesson = tmp_path / "chapters/07_small/exercise.py"
    lesson.parent.mkdir()
    lesson.write_text("# %%\n1\n", encoding="utf-8")
    monkeypatch.setattr("helpers.build.sources.find_repository", lambda: tmp_path)
    set_launch(tmp_path, Launch())
    return tmp_path


def texts(root):
    """Return what is in each file, by its path."""
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def launch(*arguments):
    return main(["launch", *arguments])


def test_all_files_lead_to_the_repository_that_is_set():
    setting = read_launch()
    files = [ROOT / "README.md", *(p for name in NOTEBOOKS for p in (ROOT / name).glob("*.ipynb"))]
    found = {path.name: set(PLACES.findall(path.read_text(encoding="utf-8"))) for path in files}
    assert set().union(*found.values()) == ({setting.repository} if setting.is_set else set())
    assert list(check_links(ROOT)) == []


def test_the_search_for_addresses_sees_each_of_them():
    shown = [ADA.binder("a.ipynb"), ADA.colab("a.ipynb"), f'"{ADA.requirement}"']
    assert [PLACES.findall(text) for text in shown] == [["ada/deep"]] * 3


@pytest.mark.parametrize("folder", NOTEBOOKS)
def test_every_notebook_begins_with_the_same_cell(folder):
    sources = set()
    for path in (ROOT / folder).glob("*.ipynb"):
        first = next(c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
        assert first.id == ID, path
        sources.add(first.source)
    assert sources == {install_source(read_launch())}


@pytest.mark.parametrize("setting", [Launch(), ADA], ids=["not set", "set"])
def test_the_cell_is_short_plain_python(setting):
    title, *code = install_source(setting).splitlines()
    assert title.startswith("# @title ")
    assert len(code) <= SETUP_LINES
    ast.parse("\n".join(code))
    assert not re.search(r"^[!%]|get_ipython|shell=|os\.system", "\n".join(code), re.MULTILINE)


@pytest.fixture
def run_cell(tmp_path):
    """Return a function that runs the cell for a setting, in this process."""

    def run(setting):
        file = tmp_path / "cell.py"
        file.write_text(install_source(setting), encoding="utf-8")
        runpy.run_path(str(file))

    return run


def test_where_nothing_is_set_the_cell_says_what_to_do(run_cell, monkeypatch):
    run_cell(Launch())  # here the course is installed
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AssertionError, match=r"not installed in this Python\. Run make lab"):
        run_cell(Launch())


def test_the_cell_stops_at_what_fails_and_says_so(run_cell, monkeypatch):
    called, status = [], [1]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("subprocess.call", lambda command: called.append(command) or status[0])
    with pytest.raises(AssertionError, match="could not be installed from https://github"):
        run_cell(ADA)
    (command,) = called
    assert command[1:4] == ["-m", "pip", "install"] and "--no-deps" in command
    assert command[-1] == "git+https://github.com/ada/deep@v1.0"
    status[0] = 0
    run_cell(ADA)
    assert called[-1][1:] == ["-m", "helpers.install"]


def test_launch_writes_all_of_it_and_removes_all_of_it(repository, capsys):
    before = texts(repository)
    assert launch("ada/deep", "--ref", "v1.0") == 0
    assert "https://github.com/ada/deep" in capsys.readouterr().out
    assert read_launch(repository) == ADA
    after = texts(repository)
    changed = {
        path.relative_to(repository).as_posix() for path in after if after[path] != before.get(path)
    }
    assert changed == {
        "README.md",
        "exercises/07_small.ipynb",
        "helpers/launch.json",
        f"notebooks/{CHAPTER}.ipynb",
    }
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert f"[00]({ADA.colab(f'notebooks/{CHAPTER}.ipynb')})" in readme
    assert f"[07]({ADA.colab('exercises/07_small.ipynb')})" in readme
    assert ADA.binder(f"notebooks/{CHAPTER}.ipynb") in readme
    assert list(check_links(repository)) == []

    assert launch("ada/deep", "--ref", "v1.0") == 0
    assert "Everything said so already." in capsys.readouterr().out
    assert launch("--ref", "v2") == 0
    assert read_launch(repository) == Launch("ada/deep", "v2")
    assert launch("--remove") == 0
    document = json.loads((repository / "helpers/launch.json").read_text())
    assert document == {"repository": None, "ref": "main"}
    left = texts(repository)
    assert left.pop(repository / "helpers/launch.json")
    assert left == before


def test_a_notebook_for_another_address_keeps_its_outputs_and_is_not_executed(repository):
    path = repository / f"notebooks/{CHAPTER}.ipynb"
    committed = nbformat.read(path, as_version=4)
    launch("ada/deep")
    launched = nbformat.read(path, as_version=4)
    assert [c for c in launched.cells if c.id != ID] == [c for c in committed.cells if c.id != ID]
    lesson = repository / f"chapters/{CHAPTER}/lesson.py"
    assert list(check_notebook(CHAPTER, lesson, path, "quick")) == []
    write_launch(repository, Launch())
    (difference,) = check_notebook(CHAPTER, lesson, path, "quick")
    assert "cell 2 not equal to cell 2 as built" in difference
    assert main(["build", CHAPTER]) == 0
    assert nbformat.read(path, as_version=4) == committed


def test_a_build_after_another_setting_only_renews(repository, capsys):
    write_launch(repository, ADA)
    assert main(["build", CHAPTER]) == 0
    assert f"{CHAPTER}: renewed (" in capsys.readouterr().out
    assert main(["build", CHAPTER]) == 0
    assert f"{CHAPTER}: unchanged (" in capsys.readouterr().out


def test_a_notebook_of_before_the_cell_gets_it_and_the_numbers_it_would_have(repository):
    path = repository / f"notebooks/{CHAPTER}.ipynb"
    wanted = path.read_bytes()
    old = nbformat.read(path, as_version=4)
    old.cells = [cell for cell in old.cells if cell.id != ID]
    for cell in old.cells:
        if cell.cell_type == "code":
            cell.execution_count -= 1
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count -= 1
    path.write_text(render(old), encoding="utf-8")
    assert renew_notebook(path, Launch())
    assert path.read_bytes() == wanted
    assert not renew_notebook(path, Launch())


def test_a_notebook_that_was_run_by_hand_is_not_taken_for_a_built_one(repository):
    path = repository / f"notebooks/{CHAPTER}.ipynb"
    lesson = repository / f"chapters/{CHAPTER}/lesson.py"
    notebook = nbformat.read(path, as_version=4)
    for each in notebook.cells:
        if each.cell_type == "code":
            each.execution_count += 7
    by_hand = json.dumps(notebook)  # and not as the build writes it
    path.write_text(by_hand, encoding="utf-8")
    assert not renew_notebook(path, Launch())
    assert path.read_text(encoding="utf-8") == by_hand
    assert renew_notebook(path, ADA)
    write_launch(repository, ADA)
    assert "has execution count" in "\n".join(check_notebook(CHAPTER, lesson, path, "quick"))


def test_without_an_argument_it_says_what_is_set(repository, capsys):
    assert launch() == 0
    assert "No repository is set" in capsys.readouterr().out
    launch("ada/deep")
    capsys.readouterr()
    before = texts(repository)
    assert launch() == 0
    out = capsys.readouterr().out
    assert ADA.page in out and "main" in out and "mybinder.org" in out
    assert texts(repository) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deep"], "'deep', expected OWNER/REPO as on github.com, such as ada/deep."),
        (["ada/deep/notebooks"], "expected OWNER/REPO"),
        (["ada deep/x"], "expected OWNER/REPO"),
        (["ada/.."], "expected OWNER/REPO"),
        (['ada/"); import os'], "expected OWNER/REPO"),
        (["https://github.com/ada/deep.git"], "did you mean ada/deep?"),
        (["git@github.com:ada/deep"], "did you mean ada/deep?"),
        (["ada/deep", "--ref", "a b"], "the ref is 'a b', expected a branch, tag or commit"),
        (["ada/deep", "--ref", "../main"], "the ref is '../main'"),
        (["--ref", "v2"], "no repository is set: course launch OWNER/REPO --ref NAME"),
        (["ada/deep", "--remove"], "--remove takes neither OWNER/REPO nor --ref"),
    ],
)
def test_what_cannot_be_is_explained_and_nothing_written(repository, capsys, arguments, said):
    before = texts(repository)
    assert launch(*arguments) == 1
    captured = capsys.readouterr()
    assert said in captured.err and captured.out == ""
    assert texts(repository) == before


@pytest.mark.parametrize("content", ["{", '{"nbformat": 4, "nbformat_minor": 5}', "{}"])
@pytest.mark.parametrize("spoilt", ["README.md", f"notebooks/{CHAPTER}.ipynb"])
def test_a_spoilt_file_is_named_and_nothing_written(repository, capsys, spoilt, content):
    (repository / spoilt).write_text(content, encoding="utf-8")
    before = texts(repository)
    assert launch("ada/deep") == 1
    assert spoilt in capsys.readouterr().err
    assert texts(repository) == before


def test_links_that_were_written_by_hand_are_named(repository):
    readme = repository / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(text.replace(CLOSE, f"{ADA.page}\n{CLOSE}"), encoding="utf-8")
    (said,) = check_links(repository)
    assert "other links" in said and "course launch --remove" in said
    launch("ada/deep", "--ref", "v1.0")
    readme.write_text(text, encoding="utf-8")
    (said,) = check_links(repository)
    assert "course launch ada/deep --ref v1.0" in said
    readme.write_text(text.replace(OPEN, ""), encoding="utf-8")
    (said,) = check_links(repository)
    assert "README.md has no <!-- launch" in said


@pytest.mark.parametrize("content", ["{", "[1]", '{"repo": "a/b"}', '{"repository": "a"}'])
def test_a_damaged_setting_is_named(tmp_path, content):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers/launch.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"launch.json is damaged .*: run course launch"):
        read_launch(tmp_path)
    write_launch(tmp_path, ADA)
    assert read_launch(tmp_path) == ADA


def test_there_are_no_addresses_before_there_is_a_repository():
    for ask in (
        lambda: Launch().page,
        lambda: Launch().requirement,
        lambda: Launch().binder("a.ipynb"),
        lambda: Launch().colab("a.ipynb"),
    ):
        with pytest.raises(ValueError, match="no repository is set: run course launch OWNER/REPO"):
            ask()
