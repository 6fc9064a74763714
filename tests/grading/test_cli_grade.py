"""``course grade``: what it prints, writes and refuses, and that it loads on any system."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_course import RIGHT, WRONG, make_course, notebook, save

from helpers import cli
from helpers.build import sources
from helpers.grading import grader, sandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def submissions(tmp_path, monkeypatch):
    root = make_course(tmp_path / "course")
    monkeypatch.setattr(sources, "find_repository", lambda: root)
    folder = tmp_path / "submissions"
    save(folder / "=anna.ipynb", notebook(RIGHT))
    save(folder / "ben.ipynb", notebook(RIGHT | {"1.2": WRONG["1.2"]}))
    return folder


@pytest.mark.usefixtures("bubblewrap")
def test_it_writes_scores_and_pages_and_says_where(submissions, tmp_path, capsys):
    report = tmp_path / "report"
    assert cli.main(["grade", str(submissions), "--out", str(report), "--jobs", "2"]) == 0
    said = capsys.readouterr()
    assert (
        said.out
        == f"{report / 'index.html'}: the class; {report / 'scores.csv'}: a row for each task\n"
    )
    assert [line.partition(":")[0].partition(",")[0] for line in said.err.splitlines()] == [
        "1 of 2",
        "2 of 2",
    ]
    assert "s left: " in said.err
    with (report / "scores.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [(row["learner"], row["points"]) for row in found] == [
        *(("'=anna", points) for points in ("2", "3", "1.5")),
        *(("ben", points) for points in ("2", "0", "1.5")),
    ]
    assert len(list((report / "learners").glob("*.html"))) == 2


def test_json_is_one_document(submissions, tmp_path, capsys):
    report = tmp_path / "report"
    arguments = ["grade", str(submissions), "--out", str(report), "--no-sandbox", "--json"]
    assert cli.main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["report"] == str(report)
    assert [row["status"] for row in document["scores"]] == ["passed"] * 4 + ["failed", "passed"]


def test_without_bubblewrap_it_refuses_with_the_cure(submissions, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert cli.main(["grade", str(submissions), "--out", str(tmp_path / "report")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(
        "course: bubblewrap is missing" if sys.platform == "linux" else "course: "
    )
    assert "--no-sandbox" in said.err
    assert not (tmp_path / "report").exists()


def test_what_no_sandbox_gives_up_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        cli.main(["grade", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "may read and delete your files and use the network" in said


@pytest.mark.parametrize("jobs", ["0", "-1"])
def test_no_jobs_are_refused(submissions, tmp_path, capsys, jobs):
    assert cli.main(["grade", str(submissions), "--out", str(tmp_path), f"--jobs={jobs}"]) == 1
    assert f"--jobs is {jobs}, expected 1 or more" in capsys.readouterr().err


def test_the_grader_loads_where_linux_modules_are_missing():
    missing = ("resource", "fcntl", "pwd", "grp", "termios")
    modules = sorted(path.stem for path in (ROOT / "helpers/grading").glob("[a-z]*.py"))
    code = (
        "import sys, psutil, subprocess, tempfile\n"
        f"for name in {missing}: sys.modules[name] = None\n"
        f"import helpers.cli.grade, helpers.grading.inside.runner\n"
        f"import {', '.join(f'helpers.grading.{name}' for name in modules)}"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"grader", "sandbox", "session", "worker"} <= set(modules)


def test_the_grader_loads_no_keras_and_no_pyplot():
    code = (
        "import sys, helpers.grading.grader, helpers.grading.report\n"
        "assert not {'keras', 'tensorflow', 'matplotlib', 'IPython'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert grader.__doc__
