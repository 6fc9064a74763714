"""helpers.install: what is missing is added, and nothing that is there becomes another version."""

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from helpers import install

HERE = {"numpy": "2.0.2", "ipywidgets": "7.7.1", "some-thing": "of my own"}


@pytest.fixture
def pip(monkeypatch):
    """Something in pip's place: it keeps what it was asked, and installs what it is told to."""

    class Pip:
        def __init__(self):
            self.asked, self.status, self.installs = [], 0, {}
            self.here = dict(HERE)

        def __call__(self, *arguments):
            text = ""
            if "--constraint" in arguments:
                file = Path(arguments[arguments.index("--constraint") + 1])
                text = file.read_text(encoding="utf-8")
            self.asked.append((arguments, text))
            if arguments[0] == "install" and self.status == 0:
                self.here |= self.installs
            return self.status

    pip = Pip()
    monkeypatch.setattr(install, "_pip", pip)
    monkeypatch.setattr(install, "installed_versions", lambda: dict(pip.here))
    return pip


@pytest.fixture
def wants(monkeypatch):
    """Return a function that sets what the course needs."""

    def set_requirements(*lines):
        monkeypatch.setattr(
            install, "course_requirements", lambda: [Requirement(line) for line in lines]
        )

    return set_requirements


def test_only_what_is_missing_is_installed_and_all_else_held(pip, wants, capsys):
    wants("numpy>=2.0", "ipywidgets>=7.7", "JupyterQuiz>=2.9")
    pip.installs = {"jupyterquiz": "2.9.6"}
    assert install.main() == 0
    ((arguments, constraints),) = pip.asked
    assert arguments[0] == "install" and arguments[-1] == "JupyterQuiz>=2.9"
    assert "--upgrade" not in arguments and not any("numpy" in each for each in arguments)
    assert constraints == "numpy==2.0.2\nipywidgets==7.7.1\n"  # pip would refuse "of my own"
    assert "jupyterquiz 2.9.6" in capsys.readouterr().out


def test_where_nothing_is_missing_pip_is_not_asked(pip, wants, capsys):
    wants("numpy>=2.0")
    assert install.main() == 0
    assert pip.asked == []
    assert "nothing" in capsys.readouterr().out


def test_an_older_package_is_named_and_not_replaced(pip, wants, capsys):
    wants("ipywidgets>=8", "jupyterquiz>=2.9")
    assert install.main() == 1
    said = capsys.readouterr().err
    assert "ipywidgets is 7.7.1, and the course needs ipywidgets>=8" in said
    assert [arguments[0] for arguments, _ in pip.asked] == ["uninstall"]


def test_where_pip_fails_the_course_is_taken_away_so_that_the_cell_can_run_again(
    pip, wants, capsys
):
    wants("jupyterquiz>=2.9")
    pip.status = 1
    assert install.main() == 1
    assert "could not install jupyterquiz>=2.9. Is there a network?" in capsys.readouterr().err
    last, _ = pip.asked[-1]
    assert last[0] == "uninstall" and last[-1] == install.COURSE


def test_a_changed_version_is_named(pip, wants, capsys):
    wants("jupyterquiz>=2.9")
    pip.installs = {"jupyterquiz": "2.9.6", "numpy": "2.4.0"}
    assert install.main() == 1
    assert "pip changed numpy: restart the runtime" in capsys.readouterr().err


def test_the_courses_own_requirements_are_read_without_its_extras():
    names = {each.name for each in install.course_requirements()}
    assert {"keras", "numpy", "jupyterquiz"} <= names
    assert not names & {"jupyterlab", "pytest", "jax", "nbgrader"}


def test_what_is_installed_is_what_python_finds():
    found = install.installed_versions()
    assert found["numpy"] == metadata.version("numpy")
    assert found["scikit-learn"] == metadata.version("scikit-learn")
    assert install.find_missing(install.course_requirements(), found) == []
    assert install.find_unfit(install.course_requirements(), found) == []
