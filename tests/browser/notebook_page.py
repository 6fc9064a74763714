"""A notebook open in a browser, and what a reader does with it: run it all, run a cell, type."""

import re
from pathlib import Path

import nbformat
from lab_server import LabServer

RUN_MENU = ("Run", "Run All Cells")
PROMPTS = "[...document.querySelectorAll('.jp-InputArea-prompt')]"
RUNNING = f"{PROMPTS}.some(prompt => prompt.textContent.includes('*'))"
CONNECTED = """async () => {
  for (let tries = 0; tries < 1200; tries++) {
    const sessions = await (await fetch("/api/sessions")).json();
    const ready = ({kernel}) => kernel.connections > 0 && kernel.execution_state === "idle";
    if (sessions.some(ready)) { return true; }
    await new Promise(resume => setTimeout(resume, 100));
  }
  return false;
}"""
TRAINING = 300_000  # milliseconds: how long a whole notebook may take on a busy machine
ERRORS = '[data-mime-type="application/vnd.jupyter.error"]'
BROKEN_WIDGET = ".jupyter-widgets-error-widget"


def write_notebook(path: Path, sources: list[str]) -> None:
    """Write a notebook with these code cells, to be opened."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": python})
    nbformat.write(made, path)


class NotebookPage:
    """Opens a notebook and waits until it can be used.

    Args:
        page: Playwright's page.
        server: JupyterLab, or Notebook 7.
        path: of the notebook, below the server's root.
        lab: whether the server is JupyterLab.
    """

    def __init__(self, page, server: LabServer, path: str, lab: bool = True):
        self.page, self.server = page, server
        place = f"lab/tree/{path}?reset&" if lab else f"notebooks/{path}?"
        page.goto(f"{server.url}/{place}token={server.token}")
        # A page says "idle" before it has a kernel, too: whoever runs a cell then is asked for one.
        assert page.evaluate(CONNECTED), "no kernel came up"
        idle = page.get_by_text("| Idle") if lab else page.locator('[data-status="idle"]')
        idle.first.wait_for()

    def run_all(self) -> None:
        """Pick "Run All Cells" from the menu, and wait until the last cell has run."""
        self.start_all()
        self.wait_until_run()

    def start_all(self) -> None:
        """Pick "Run All Cells" from the menu, and wait until the first cell runs."""
        for name in RUN_MENU:
            self.page.get_by_role("menuitem", name=name, exact=True).click()
        self.page.wait_for_function(RUNNING)

    def wait_until_run(self) -> None:
        """Wait until no cell runs or waits for its turn."""
        self.page.wait_for_function(f"!{RUNNING}", timeout=TRAINING)

    def cell(self, holds: str | re.Pattern):
        """Return the first code cell whose source holds a text."""
        editor = self.page.locator(".jp-InputArea-editor", has_text=holds)
        return self.page.locator(".jp-CodeCell", has=editor).first

    def write(self, cell, source: str) -> None:
        """Replace what stands in a cell, as a reader who pastes."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def run(self, cell) -> str:
        """Run a cell with Shift and Enter, and return the text that it shows."""
        prompt = cell.locator(".jp-InputArea-prompt")
        before = prompt.inner_text()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        done = (
            "([prompt, before]) => /\\d/.test(prompt.textContent) && prompt.textContent !== before"
        )
        self.page.wait_for_function(done, arg=[prompt.element_handle(), before])
        return cell.locator(".jp-OutputArea").inner_text()

    def labs(self) -> list:
        """Return every lab that is shown."""
        return self.page.locator(".course-lab").all()

    def broken(self) -> list[str]:
        """Return what the page shows in place of outputs and widgets that failed."""
        return self.page.locator(f"{ERRORS}, {BROKEN_WIDGET}").all_inner_texts()
