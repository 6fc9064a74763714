"""A notebook alone in an empty folder, with Colab's versions: it installs the course and runs.

``colab.txt`` holds the versions; Python itself is this one's, where Colab has 3.13.
"""

import shutil
from pathlib import Path

import nbformat
import pytest
from places import LAUNCH, ROOT, Place, make_environment, publish

from helpers.build.install_cell import ID
from helpers.build.sources import find_chapters, find_exercises

VERSIONS = Path(__file__).with_name("colab.txt")
COURSE = "training-deep-networks"
LESSON = "notebooks/02_initialization.ipynb"  # theory, with a network in Keras
LESSONS = [f"notebooks/{name}.ipynb" for name in find_chapters(ROOT)]
# With the solutions in it an exercise is as a learner has it in the end.
EXERCISES = [f"solutions/{name}.ipynb" for name in find_exercises(ROOT)]

pytestmark = pytest.mark.needs_index


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The repository that the links lead to, and the variables with which git finds it here."""
    folder = tmp_path_factory.mktemp("published")
    return folder, publish(folder)


@pytest.fixture(scope="module")
def colab(tmp_path_factory, published):
    """Give an environment with Colab's versions, without the course."""
    folder = tmp_path_factory.mktemp("colab") / "venv"
    make_environment(folder, "--no-deps", "--requirement", str(VERSIONS))
    yield Place(folder, **published[1])
    shutil.rmtree(folder)  # two gigabytes


@pytest.fixture
def open_alone(published, tmp_path):
    """Return a function that copies a notebook into an empty folder, as Colab opens it."""
    return lambda name: Path(shutil.copy(published[0] / name, tmp_path))


def test_a_lesson_alone_installs_the_course_and_changes_nothing(colab, open_alone):
    before = colab.versions()
    assert COURSE not in before
    assert before["tensorflow"] == "2.20.0" and before["ipywidgets"] == "7.7.1"
    executed = colab.execute(open_alone(LESSON))
    after = colab.versions()
    assert {name: after.get(name) for name in before} == before
    assert after.keys() - before.keys() == {COURSE, "jupyterquiz"}
    assert next(cell.id for cell in executed.cells if cell.cell_type == "code") == ID
    count = "from helpers.training import recorded_runs; print(len(recorded_runs()))"
    found = colab.run(str(colab.python), "-c", count, cwd=colab.folder)
    assert int(found) == len([*(ROOT / "recorded/runs").glob("*.json")])  # chapter 09 shows them


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in (*LESSONS, *EXERCISES) if name != LESSON])
def test_it_runs_there_to_its_end(name, colab, open_alone):
    executed = colab.execute(open_alone(name))
    if name in EXERCISES:
        committed = nbformat.read(ROOT / name, as_version=4)
        assert answers(executed) == answers(committed)


def answers(notebook) -> dict[str, str]:
    """Return what each check of an exercise said."""
    return {
        cell.id: cell.outputs[0]["data"]["text/plain"]
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }


def test_where_it_cannot_be_had_the_cell_says_so_and_leaves_nothing(open_alone, tmp_path):
    nowhere = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{tmp_path.as_uri()}/.insteadOf"}
    bare = Place(
        make_environment(tmp_path / "venv", "pip"), **nowhere, GIT_CONFIG_VALUE_0="https://github"
    )
    notebook = nbformat.read(open_alone(LESSON), as_version=4)
    (source,) = (cell.source for cell in notebook.cells if cell.id == ID)
    done = bare.try_to_run(str(bare.python), "-c", source, cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.rstrip().endswith(
        f"AssertionError: The course could not be installed from {LAUNCH.page}. "
        "Is there a network? Then run this cell again."
    )
    assert COURSE not in bare.versions()


@pytest.mark.slow
def test_where_there_is_only_a_kernel_it_installs_all_that_is_missing(
    published, open_alone, tmp_path
):
    plain = Place(make_environment(tmp_path / "venv", "pip", "ipykernel"), **published[1])
    before = plain.versions()
    plain.execute(open_alone(LESSON))
    after = plain.versions()
    assert {name: after.get(name) for name in before} == before
    assert {COURSE, "tensorflow", "ipywidgets", "jupyterquiz"} <= after.keys()
    shutil.rmtree(plain.folder)  # two gigabytes
