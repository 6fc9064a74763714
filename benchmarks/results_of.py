"""What benchmarks share: a process of one's own, bars, and how results are kept.

As JSON, as text, and as a picture, in ``benchmarks/results``.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from helpers import machine
from helpers.backend import DEFAULT, backend_name
from helpers.figures.base import PALETTE, CourseFigure, course_style
from helpers.files import replacing

RESULTS = Path(__file__).resolve().parent / "results"


def about() -> dict:
    """Return what a result is worth nothing without: machine, versions, date and command."""
    arguments = " ".join(sys.argv[1:])
    backend = "" if backend_name() == DEFAULT else f"COURSE_BACKEND={backend_name()} "
    return {
        "command": f"{backend}python benchmarks/{Path(sys.argv[0]).name} {arguments}".strip(),
        "hardware": machine.hardware(),
        "versions": machine.versions(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def spread(values) -> dict[str, float]:
    """Return median, smallest and largest of repeated measurements."""
    return {
        "median": float(np.median(values)),
        "smallest": float(np.min(values)),
        "largest": float(np.max(values)),
    }


def in_a_process(*command: str, **environment: str):
    """Run Python with these arguments, and return the JSON on the last line that it prints."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def bars(
    alt_text: str, names: Sequence[str], series: Mapping[str, tuple[Sequence[float], str]]
) -> CourseFigure:
    """Return a picture with a row for each name and a bar for each of one or two series.

    Args:
        alt_text: what is seen.
        names: from the top down.
        series: by what the legend calls it: a value for each name, and a colour of the palette.
    """
    with course_style():
        figure = CourseFigure(alt_text, 8, 4.5)
        axes = figure.subplots()
        places, height = np.arange(len(names)), 0.8 / len(series)
        for number, (label, (values, color)) in enumerate(series.items()):
            shift = (number - (len(series) - 1) / 2) * height
            axes.barh(places + shift, values, 0.95 * height, label=label, color=PALETTE[color])
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower right", ncols=2)
    return figure


def write(name: str, document: dict, text: str, figure: CourseFigure | None = None) -> None:
    """Print the text, and keep all three under ``benchmarks/results/NAME``."""
    print(text, flush=True)
    contents = {
        "json": (json.dumps(document, indent=1, sort_keys=True) + "\n").encode(),
        "txt": (text + "\n").encode(),
    }
    if figure is not None:
        contents["png"] = figure.to_png()
        contents["alt.txt"] = (figure.alt_text + "\n").encode()
    for ending, content in contents.items():
        with replacing(RESULTS / f"{name}.{ending}") as path:
            path.write_bytes(content)


def read(name: str) -> dict:
    """Return what a benchmark found when it was last run."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
