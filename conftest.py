"""Keeps the tests apart from the machine they run on: their own folders, no network, ``ci``.

This runs when pytest loads the file, before any test module, and so before Keras is imported.
The kernels that nbval starts, and commands that a test starts, inherit it.
"""

import importlib.util
import os
import tempfile
from pathlib import Path

import matplotlib
import pytest

_SESSION = tempfile.TemporaryDirectory(
    prefix="course-tests-",
    ignore_cleanup_errors=True,  # Windows cannot remove a file that is still mapped into memory
)
_FOLDERS = ("COURSE_HOME", "KERAS_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")
_UNSET = ("CIFAR10_DIR", "COURSE_BACKEND", "KERAS_BACKEND", "MPLBACKEND")

for _name in _FOLDERS:
    os.environ[_name] = str(Path(_SESSION.name) / _name.lower())
for _name in _UNSET:
    os.environ.pop(_name, None)
os.environ |= {"COURSE_PROFILE": "ci", "COURSE_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}

# Not by MPLBACKEND: kernels would inherit it, and then draw no figure as a reader's kernel does.
matplotlib.use("Agg")


def pytest_unconfigure():
    """Remove what the tests wrote."""
    _SESSION.cleanup()


def pytest_addoption(parser):
    """Add ``--slow``, which ``.ci/run`` sets."""
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config, items):
    """Mark what needs nbgrader; leave out what takes minutes, unless it is asked for."""
    for item in items:
        if "nbgrader" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.needs_nbgrader)
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="takes minutes: pytest --slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def nbgrader():
    """nbgrader. ``.ci/run`` installs it apart: a learner's JupyterLab gets none of its menus."""
    if importlib.util.find_spec("nbgrader") is None:
        if os.environ.get("COURSE_NEEDS_NBGRADER"):
            pytest.fail("nbgrader should be here", pytrace=False)
        pytest.skip('nbgrader is the optional extra "grade"; .ci/run installs it')
    import nbgrader

    return nbgrader
