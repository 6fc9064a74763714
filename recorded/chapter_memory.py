"""Measures what each notebook takes of memory and processor, for ``recorded/memory.json``.

A whole notebook is executed in ``quick`` in a kernel of its own, as ``course build`` does, in an
empty course home: the data is read anew, which takes more of both than reading the cache. A last
cell asks the kernel for the most memory that it held, and for the processor's seconds of all its
threads, and of the processes that it started and that have ended.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch

import nbformat

from helpers import machine
from helpers.backend import backend_name
from helpers.build.execution import execute
from helpers.build.notebook import read_source
from helpers.build.sources import choose_chapters, find_repository
from helpers.files import replacing

FILE = Path(__file__).resolve().parent / "memory.json"
PROFILE = "quick"
LAST_CELL = """
import os

from helpers.machine import peak_memory_mib

print(peak_memory_mib(), sum(os.times()[:4]))
"""


class Taken(NamedTuple):
    """What a notebook's kernel took."""

    peak_memory_mib: float
    cpu_seconds: float


def read_memory() -> dict[str, dict]:
    """Return for each chapter its record.

    It holds ``peak_memory_mib``, ``cpu_seconds``, and what they were measured on.
    """
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def record_memory(names: list[str], data_name: str) -> None:
    """Measure chapters, and write each result as soon as it is there; print the table."""
    if not os.environ.get("CIFAR10_DIR"):
        sys.exit("set CIFAR10_DIR: the notebooks run in an empty COURSE_HOME, without its data.")
    root = find_repository()
    for name, lesson in choose_chapters(root, names).items():
        taken = taken_by(root, name, lesson)
        record = {
            "peak_memory_mib": round(taken.peak_memory_mib),
            "cpu_seconds": round(taken.cpu_seconds, 1),
            "profile": PROFILE,
            "data": data_name,
            "backend": backend_name(),
            "versions": machine.versions(),
            "hardware": machine.hardware(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write(read_memory() | {name: record})
        print(
            f"{name:<24} {record['peak_memory_mib']:>6,} MiB {record['cpu_seconds']:>8,} CPU s",
            flush=True,
        )


def taken_by(root: Path, name: str, lesson: Path) -> Taken:
    """Execute a notebook, and return what its kernel took."""
    notebook = read_source(lesson, PROFILE)
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
    with (
        TemporaryDirectory(prefix="course-memory-") as home,
        patch.dict("os.environ", {"COURSE_HOME": home}),  # the kernel inherits it
    ):
        execute(notebook, name, Path(home), PROFILE, root)
    return Taken(*map(float, notebook.cells[-1].outputs[0].text.split()))


def write(measured: dict) -> None:
    """Write all records, a line for each chapter."""
    lines = [f" {json.dumps(name)}: {json.dumps(measured[name])}" for name in sorted(measured)]
    with replacing(FILE) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
