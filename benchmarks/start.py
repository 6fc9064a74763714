"""Measures how long a reader waits: from the start of a kernel to the first lab's picture.

    python benchmarks/start.py

For each chapter with a lab a kernel is started, runs the lesson's set-up cell, and makes the
lesson's first lab, whose picture is then there. All chapters in turn, and then all again. The time
from the set-up cell is that without the start of the kernel, which is Jupyter's. Beside them stands
``import helpers``, in a process that does nothing else.
"""

import argparse
import re
import subprocess
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel
from results_of import about, bars, in_a_process, spread, write

from helpers import labs
from helpers.figures.base import CourseFigure

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
IMPORT = """
import time
started = time.perf_counter()
import helpers
print(time.perf_counter() - started)
"""


def first_lab(notebook: Path) -> tuple[str, str] | None:
    """Return the source of the set-up cell and the name of the first lab that the lesson makes."""
    code = [c.source for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
    names = "|".join(lab.__name__ for lab in labs.all_labs())
    setup = next(source for source in code if "course.start(" in source)
    for source in code:
        if found := re.search(rf"^({names})\(", source, flags=re.MULTILINE):
            return setup, found[1]
    return None


def seconds_to_picture(setup: str, lab: str) -> tuple[float, float]:
    """Return the seconds to the picture of a lab: from the kernel's start, and from the set-up."""
    code = f"{setup}\nfrom helpers.labs import {lab}\nassert len({lab}().picture.value) > 1000"
    started = time.perf_counter()
    manager, client = start_new_kernel(cwd=str(ROOT / "notebooks"), stderr=subprocess.DEVNULL)
    try:
        ready = time.perf_counter()
        reply = client.execute_interactive(code, output_hook=lambda message: None)
        ended = time.perf_counter()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise SystemExit(f"{lab}: {reply['content']['evalue']}")
    return ended - started, ended - ready


def seconds_to_import() -> float:
    """Return the seconds that ``import helpers`` takes in a fresh process."""
    return in_a_process("-c", IMPORT, PYTHONPATH=str(ROOT))


def main() -> None:
    """Read the command line, measure, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    lessons = {path.stem: first_lab(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    lessons = {name: found for name, found in lessons.items() if found}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in lessons}
    imports = []
    for _ in range(options.rounds):
        imports.append(seconds_to_import())
        for name, found in lessons.items():
            taken[name].append(seconds_to_picture(*found))
    rows = []
    for name, values in taken.items():
        whole, from_setup = (spread(seconds) for seconds in zip(*values, strict=True))
        rows.append({"lesson": name, "lab": lessons[name][1], "seconds": whole})
        rows[-1]["from_setup_seconds"] = from_setup
    document = about() | {"rows": rows, "import_helpers_seconds": spread(imports)}
    write("start", document, as_text(document), draw(rows))


def as_text(document: dict) -> str:
    """Return the table that is printed and kept."""
    lines = [
        "seconds to the first picture, median (smallest to largest)",
        f"{'':44} {'from the kernel':18} from the set-up cell",
    ]
    for row in document["rows"]:
        whole, from_setup = (shown(row[name], 1) for name in ("seconds", "from_setup_seconds"))
        lines.append(f"{row['lesson'] + ', ' + row['lab']:44} {whole:18} {from_setup}")
    lines.append(f"{'import helpers':44} {shown(document['import_helpers_seconds'], 3)}")
    return "\n".join(lines)


def shown(seconds: dict[str, float], digits: int) -> str:
    """Return a spread in words."""
    middle, low, high = (
        f"{seconds[name]:.{digits}f}" for name in ("median", "smallest", "largest")
    )
    return f"{middle} ({low} to {high})"


def draw(rows: list[dict]) -> CourseFigure:
    """Return a picture of the seconds."""
    medians = [row["seconds"]["median"] for row in rows]
    said = ", ".join(f"{row['lesson']} {row['seconds']['median']:.1f}" for row in rows)
    alt_text = f"Bars of seconds to the first picture: {said}."
    figure = bars(alt_text, [row["lesson"] for row in rows], {"median": (medians, "blue")})
    (axes,) = figure.axes
    ends = [
        [row["seconds"]["median"] - row["seconds"]["smallest"] for row in rows],
        [row["seconds"]["largest"] - row["seconds"]["median"] for row in rows],
    ]
    axes.errorbar(medians, range(len(rows)), xerr=ends, fmt="none", ecolor="black", capsize=3)
    axes.set_xlabel("seconds; thin lines from the smallest to the largest")
    axes.set_title("From the start of a kernel to the first lab's picture")
    return figure


if __name__ == "__main__":
    main()
