"""The labs in plain Jupyter Notebook 7, which JupyterLab's extensions serve as well."""

import importlib.util
from pathlib import Path

import pytest
from lab_driver import LabDriver
from lab_server import LabServer
from notebook_page import NotebookPage

# What Notebook 7.6 reports of its own settings, with any notebook.
NOT_OURS = "Cannot read properties of undefined (reading 'schema')"


@pytest.fixture
def notebook7(tmp_path):
    """Notebook 7: not in the lock, so ``.ci/run`` installs it apart."""
    found = importlib.util.find_spec("notebook")
    if found is None:
        pytest.fail("notebook is missing; .ci/run shows how to install it apart", pytrace=False)
    server = LabServer(tmp_path, "notebook", packages=Path(found.origin).parents[1])
    yield server
    server.close()


def test_a_lab_works_in_plain_notebook(notebook7, page, page_errors, findings):
    opened = NotebookPage(page, notebook7, "notebooks/00_start_here.ipynb", lab=False)
    opened.run_all()
    assert opened.broken() == []
    for box in opened.labs():
        driver = LabDriver(page, box)
        driver.check_moves()
        driver.check_table()
    assert findings(page, ".course-lab") == []
    page_errors[:] = [error for error in page_errors if error != NOT_OURS]
