"""Keeps the tests apart from the machine they run on: their own folders, no network, ``ci``.

This runs when pytest loads the file, before any test module, and so before Keras is imported.
The kernels that nbval starts, and commands that a test starts, inherit it.
"""

import gc
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
_BROWSER_TESTS = Path(__file__).parent / "tests" / "browser"
# These hold no examples, and as modules of one name they would stand in each other's way.
collect_ignore_glob = ["tests/*/conftest.py"]
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
    """Add ``--slow``, ``--browser`` and ``--screenshots``."""
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")
    parser.addoption("--browser", action="store_true", help="also run the tests in a browser")
    parser.addoption("--screenshots", help="with --browser: keep its pictures in this folder")


def pytest_collection_modifyitems(config, items):
    """Mark what needs nbgrader; leave out what takes minutes or a browser, unless asked for."""
    for item in items:
        if "nbgrader" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.needs_nbgrader)
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="takes minutes: pytest --slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    if not config.getoption("--browser"):
        skip = pytest.mark.skip(reason="needs a browser: pytest --browser")
        for item in items:
            if item.path.is_relative_to(_BROWSER_TESTS):
                item.add_marker(skip)


def pytest_collection_finish():
    """Take what all tests share out of every later search for unused objects: it is a million."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def nbgrader():
    """nbgrader. ``.ci/run`` installs it apart: a learner's JupyterLab gets none of its menus."""
    if importlib.util.find_spec("nbgrader") is None:
        if os.environ.get("COURSE_NEEDS_NBGRADER"):
            pytest.fail("nbgrader should be here", pytrace=False)
        pytest.skip('nbgrader is the optional extra "grade"; .ci/run installs it')
    import nbgrader

    return nbgrader


_peaks: dict[str, float] = {}  # MiB, by notebook and profile


def _hold_memory(notebook: str, profile: str, peak: float) -> None:
    """Note what a notebook's kernel held, for the table at the end; fail when that is too much."""
    from helpers.machine import KERNEL_MEMORY_MIB

    _peaks[f"{notebook}, {profile}"] = peak
    if peak >= KERNEL_MEMORY_MIB:
        said = f"{notebook}: its kernel held {peak:,.0f} MiB, expected < {KERNEL_MEMORY_MIB:,}"
        pytest.fail(said, pytrace=False)


@pytest.fixture
def hold_memory():
    """Give the function that notes and holds the memory of a notebook's kernel."""
    return _hold_memory


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """Hold the kernel that nbval ran a notebook in, once its last cell was run."""
    kernel = getattr(item.parent, "kernel", None)
    is_last = nextitem is None or nextitem.parent is not item.parent
    peak = _peak_of(kernel) if kernel and is_last else None
    torn_down = yield  # the kernel is ended here
    if peak is not None:
        _hold_memory(item.parent.path.stem, os.environ["COURSE_PROFILE"], peak)
    return torn_down


def _peak_of(kernel) -> float | None:
    import psutil

    from helpers.machine import peak_memory_mib

    try:
        return peak_memory_mib(kernel.km.provisioner.pid)
    except (NotImplementedError, psutil.NoSuchProcess):  # macOS does not tell; or the kernel died
        return None


def pytest_sessionfinish(session):
    """Hand what a process of ``--numprocesses`` has noted to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["peaks"] = _peaks


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take it there."""
    _peaks.update(getattr(node, "workeroutput", {}).get("peaks", {}))


def pytest_terminal_summary(terminalreporter):
    """Show what the kernels of the notebooks held."""
    if _peaks:
        terminalreporter.section("peak memory of each notebook's kernel")
        for name, peak in _peaks.items():
            terminalreporter.line(f"{name:<32} {peak:>6,.0f} MiB")
