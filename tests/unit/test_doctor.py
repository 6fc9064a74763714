"""``course doctor``: every problem is provoked, and answered with a sentence and status 1."""

import json
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from helpers import cli
from helpers.cli import doctor

GIB = 2**30


@pytest.fixture(autouse=True)
def healthy(monkeypatch):
    """Start from a machine with room to spare, whatever this one has."""
    monkeypatch.setattr(doctor, "available_memory", lambda: (16 * GIB, 8 * GIB))
    free = SimpleNamespace(total=100 * GIB, used=50 * GIB, free=50 * GIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)


@pytest.fixture
def problem(capsys):
    """Return a function that runs the doctor and returns its only problem."""

    def run() -> str:
        assert cli.main(["doctor", "--json"]) == 1
        (only,) = json.loads(capsys.readouterr().out)["problems"]
        return only

    return run


def claim(monkeypatch, package: str, version: str | None) -> None:
    """Make the installer's record say that ``package`` is there in ``version``, or missing."""
    real = metadata.version

    def recorded(name):
        if name != package:
            return real(name)
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", recorded)


def test_a_healthy_machine(capsys):
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "All is well."
    table = {line[2:].split("  ")[0]: line for line in lines[:-2]}
    assert {"Python", "keras", "backend", "profile", "cores", "memory", "disk"} <= table.keys()
    assert table["profile"].endswith(" ci")
    assert f"TensorFlow {metadata.version('tensorflow')}" in table["backend"]
    assert "8.0 GiB free of 16.0" in table["memory"]
    assert "off (COURSE_OFFLINE)" in table["data: download"]


def test_the_table_is_aligned_and_marks_what_is_wrong():
    findings = [
        doctor.Finding("a", "one"),
        doctor.Finding("longer", "two", "Two is wrong: mend it."),
        doctor.Finding("b", "three", "Three too."),
    ]
    assert doctor.as_table(findings).splitlines() == [
        "  a       one",
        "! longer  two",
        "! b       three",
        "",
        "2 problems:",
        "! Two is wrong: mend it.",
        "! Three too.",
    ]


def test_json_is_one_document_with_every_finding(capsys):
    assert cli.main(["doctor", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert document["problems"] == []
    assert {"topic": "profile", "found": "ci", "problem": None} in document["findings"]


def test_every_dependency_is_looked_at():
    required = [Requirement(line) for line in metadata.requires(doctor.DISTRIBUTION)]
    base = {each.name for each in required if "extra" not in str(each.marker)}
    assert {"keras", "tensorflow"} <= base
    assert base <= {finding.topic for finding in doctor.examine()}


@pytest.mark.parametrize("version", ["3.10.13", "3.14.0", "3.14.0rc1"])
def test_a_python_out_of_range(monkeypatch, problem, version):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: version)
    text = problem()
    assert text.startswith(f"This is Python {version}, and the course needs ")
    assert "install one of those" in text


@pytest.mark.parametrize("version", ["3.11.0", "3.13.9", "3.12.1+"])
def test_a_python_in_range(monkeypatch, version):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: version)
    assert doctor.check_python(">=3.11,<3.14").problem is None


def test_a_package_that_is_too_old(monkeypatch, problem):
    claim(monkeypatch, "keras", "3.11.3")
    assert problem() == (
        "keras is 3.11.3, and the course needs keras>=3.12: "
        'run python -m pip install "keras>=3.12".'
    )


def test_a_package_that_is_missing(monkeypatch, problem):
    claim(monkeypatch, "pooch", None)
    assert problem() == 'pooch is missing: run python -m pip install "pooch>=1.8".'


def test_a_package_of_an_extra_may_be_missing(monkeypatch):
    claim(monkeypatch, "jupyterlab", None)
    assert cli.main(["doctor"]) == 0


def test_a_package_of_an_extra_may_not_be_out_of_range(monkeypatch, problem):
    claim(monkeypatch, "jax", "0.4.1")
    assert problem().startswith("jax is 0.4.1, and the course needs jax>=")


def test_where_the_package_is_alone_extras_are_nobodys_business(monkeypatch, tmp_path):
    """Colab's jupyter-client is older than the tests want, and must not be touched."""
    claim(monkeypatch, "jupyter-client", "7.4.9")
    monkeypatch.setattr(doctor, "PROJECT", tmp_path / "pyproject.toml")
    assert cli.main(["doctor"]) == 0


def test_a_course_that_is_not_installed(monkeypatch, problem):
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-distribution")
    assert "The course itself is not installed" in problem()


def test_an_unknown_backend(monkeypatch, problem):
    monkeypatch.setenv("COURSE_BACKEND", "jaks")
    text = problem()
    assert "COURSE_BACKEND" in text
    assert "did you mean 'jax'?" in text


def test_a_backend_that_is_missing(monkeypatch, problem):
    monkeypatch.setenv("COURSE_BACKEND", "jax")
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert problem() == (
        "COURSE_BACKEND asks for JAX, which is not installed: "
        "run python -m pip install jax, or unset COURSE_BACKEND to use TensorFlow."
    )


def test_an_unknown_profile(monkeypatch, problem):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    text = problem()
    assert text.startswith("Unknown profile 'fast'")
    assert text.endswith("Set COURSE_PROFILE to one of them.")


def test_too_little_memory(monkeypatch, problem):
    monkeypatch.setattr(doctor, "available_memory", lambda: (2 * GIB, GIB // 2))
    text = problem()
    assert text.startswith("0.5 GiB of memory is free")
    assert "COURSE_PROFILE=ci" in text


def test_too_little_disk(monkeypatch, problem):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=GIB // 4))
    text = problem()
    assert text.startswith("0.2 GiB is free at ")
    assert "set COURSE_HOME" in text


def test_a_folder_that_cannot_be_written_to(monkeypatch, problem, tmp_path):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "not" / "yet"))
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    text = problem()
    assert f"{tmp_path} cannot be written to (Permission denied)" in text
    assert "set COURSE_HOME" in text


def test_a_file_where_the_folder_should_be(monkeypatch, tmp_path):
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    assert f"{tmp_path / 'home'} cannot be written to" in doctor.check_disk().problem
    assert cli.main(["doctor"]) == 1


def test_the_check_of_the_disk_writes_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    assert doctor.check_disk().problem is None
    assert list(tmp_path.iterdir()) == []


def test_data_that_cannot_be_used(monkeypatch, problem, tmp_path):
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / "nothing-here"))
    text = problem()
    assert text.startswith("CIFAR10_DIR is unusable. ")
    assert "nothing-here" in text


def test_memory_is_read_within_bounds(monkeypatch):
    monkeypatch.undo()  # the real one
    total, free = doctor.available_memory()
    assert 0 < free <= total


def test_nothing_heavy_is_imported():
    # Another test may have imported it in this process: so look at a process of its own.
    code = (
        "import sys; from helpers.cli import main; main(['doctor']); "
        "sys.exit(bool({'tensorflow', 'keras', 'jax'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
