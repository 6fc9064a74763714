"""Writes what a benchmark found: as JSON, as text, and as a picture, in ``benchmarks/results``."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from helpers import machine
from helpers.figures.base import CourseFigure
from helpers.files import replacing

RESULTS = Path(__file__).resolve().parent / "results"


def about() -> dict:
    """Return what a result is worth nothing without: machine, versions, date and command."""
    arguments = " ".join(sys.argv[1:])
    return {
        "command": f"python benchmarks/{Path(sys.argv[0]).name} {arguments}".strip(),
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
