"""Running a notebook's cells in a kernel of this very interpreter."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from tqdm import tqdm

CELL_TIMEOUT_SECONDS = 30 * 60
START_TIMEOUT_SECONDS = 2 * 60
# What TensorFlow's C++ side writes while it is loaded: times and process numbers, and no news.
LOADING_LINE = re.compile(
    r"^(?:[IWE]\d{4} \d\d:.*|WARNING: All log messages before absl.*)\n?", re.M
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class BuildError(Exception):
    """A notebook did not run to its end. The message holds the cell and the traceback."""


def execute(
    notebook: nbformat.NotebookNode, name: str, folder: Path, profile: str, python_path: Path
) -> None:
    """Run every code cell, in place, and keep outputs and the state of widgets.

    Args:
        name: what the progress bar and errors call the notebook.
        folder: the kernel's current folder.
        profile: the kernel's ``COURSE_PROFILE``.
        python_path: where the kernel finds ``helpers``, whatever is installed.

    Raises:
        BuildError: when a cell raises, runs for longer than ``CELL_TIMEOUT_SECONDS``, or ends
            the kernel. The kernel is gone by then, as it is after an interrupt.
    """
    # No bars: without the kernel that moves them they are stored as broken widgets.
    environment = {
        "COURSE_PROFILE": profile,
        "COURSE_PROGRESS": "0",  # a build reads nothing to the end, and its files show no dates
        "PYTHONPATH": _prepend(python_path),
        "TQDM_DISABLE": "1",
    }
    with _kernel(folder, environment) as (kernel, log):
        client = NotebookClient(
            notebook,
            km=kernel,
            timeout=CELL_TIMEOUT_SECONDS,
            startup_timeout=START_TIMEOUT_SECONDS,
            record_timing=False,  # the time of day would change the file with every build
            coalesce_streams=True,  # one output, however the kernel cut it into messages
            shutdown_kernel="immediate",  # nothing is left to do for it
        )
        try:
            with client.setup_kernel(cleanup_kc=True):
                _execute_cells(client, name)
        except RuntimeError as error:  # it did not start, or it died
            said = log.read_text(encoding="utf-8", errors="replace").strip()
            raise BuildError(f"{name}: no kernel (out of memory?), {error}\n{said}") from error
        client.set_widgets_metadata()
    drop_loading_lines(notebook)


def drop_loading_lines(notebook: nbformat.NotebookNode) -> None:
    """Take what TensorFlow writes while it is loaded out of the outputs on standard error."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                output.text = LOADING_LINE.sub("", output.text)
        cell.outputs = [
            output for output in cell.outputs if output.get("name") != "stderr" or output.text
        ]


def _execute_cells(client: NotebookClient, name: str) -> None:
    # The bar is for a person at a terminal: a log gets one line a chapter.
    cells = tqdm(client.nb.cells, desc=name, unit="cell", leave=False, disable=None)
    for index, cell in enumerate(cells):
        first_line = cell.source.partition("\n")[0]
        cells.set_postfix_str(f"cell {index + 1}: {first_line[:40]}")
        try:
            client.execute_cell(cell, index)
        except CellExecutionError as error:
            raise BuildError(
                f"{name}, cell {index + 1}: {COLOUR.sub('', str(error)).strip()}"
            ) from None
        except CellTimeoutError:
            raise BuildError(
                f"{name}, cell {index + 1}: not done after {CELL_TIMEOUT_SECONDS // 60} minutes: "
                f"let it do less in this profile. The cell:\n{cell.source}"
            ) from None
        except RuntimeError as error:
            raise RuntimeError(f"cell {index + 1}: {error}. The cell:\n{cell.source}") from error


@contextmanager
def _kernel(folder: Path, environment: dict[str, str]) -> Iterator[tuple[AsyncKernelManager, Path]]:
    """Give a started kernel of this interpreter and its log, and end it whatever happens.

    Without a folder of kernel specifications, ``python3`` is this interpreter and not the one
    that the user's own ``python3`` kernel names. The empty IPython folder keeps the user's start-up
    files and history out.
    """
    specifications = KernelSpecManager(kernel_dirs=[])
    manager = AsyncKernelManager(kernel_name=NATIVE_KERNEL_NAME, kernel_spec_manager=specifications)
    with TemporaryDirectory(prefix="course-build-", ignore_cleanup_errors=True) as scratch:
        log = Path(scratch) / "kernel.log"
        environment = {**os.environ, **environment, "IPYTHONDIR": scratch}
        try:
            with log.open("wb") as stream:
                run_sync(manager.start_kernel)(cwd=str(folder), env=environment, stderr=stream)
            yield manager, log
        finally:
            if manager.has_kernel:
                run_sync(manager.shutdown_kernel)(now=True)


def _prepend(folder: Path) -> str:
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
