"""The Stop button of a training, pressed in a page: the run ends, and the cell goes on."""

from notebook_page import NotebookPage, write_notebook

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


def test_a_training_ends_when_its_stop_button_is_pressed(lab, page):
    write_notebook(lab.notebooks / "stop.ipynb", [CELL])
    opened = NotebookPage(page, lab, "stop.ipynb")
    opened.start_all()
    button = page.locator("button.jupyter-button", has_text="Stop")
    button.click()
    opened.wait_until_run()
    assert "ended: interrupted" in page.locator(".jp-OutputArea").first.inner_text()
    assert button.count() == 0 and opened.broken() == []
