"""The Stop button of a training, pressed in a page: the run ends, and the cell goes on."""

import nbformat
import pytest
from notebook_page import NotebookPage

# It would train for days: where it ends, the button has ended it.
CELL = """
from helpers.datasets import make_stand_in
from helpers.models import get_variant
from helpers.profiles import Profile
from helpers.training import RunStore, train

data = make_stand_in(320, 64, 64)
small = get_variant("elu", network=get_variant("elu").network | {"depth": 2, "width": 8})
endless = Profile("endless", epochs=100_000, patience=100_000)
run = train(small, data, endless, store=RunStore("runs"))
print("ended:", run.ended)
"""


@pytest.fixture
def notebook(jupyterlab):
    """The path of a notebook with one long training."""
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(CELL)]
    found = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": python})
    nbformat.write(found, jupyterlab.notebooks / "stop.ipynb")
    return "stop.ipynb"


def test_a_training_ends_when_its_stop_button_is_pressed(lab, page, notebook):
    opened = NotebookPage(page, lab, notebook)
    opened.start_all()
    button = page.locator("button.jupyter-button", has_text="Stop")
    button.click()
    opened.wait_until_run()
    assert "ended: interrupted" in page.locator(".jp-OutputArea").first.inner_text()
    assert button.count() == 0 and opened.broken() == []
