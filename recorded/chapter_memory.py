"""Measures what the kernel of each notebook holds at most, for ``recorded/memory.json``.

A whole notebook is executed in ``quick`` in a kernel of its own, as ``course build`` does, in an
empty course home: the data is read anew, which takes more memory than reading the cache. A last
cell asks the kernel for its own peak.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
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
LAST_CELL = "from helpers.machine import peak_memory_mib\n\nprint(peak_memory_mib())"


def read_memory() -> dict[str, dict]:
    """Return for each chapter its record: ``peak_memory_mib``, and what it was measured on."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def record_memory(names: list[str], data_name: str) -> None:
    """Measure chapters, and write each result as soon as it is there; print the table."""
    if not os.environ.get("CIFAR10_DIR"):
        sys.exit("set CIFAR10_DIR: the notebooks run in an empty COURSE_HOME, without its data.")
    root = find_repository()
    for name, lesson in choose_chapters(root, names).items():
        record = {
            "peak_memory_mib": round(peak_of(root, name, lesson)),
            "profile": PROFILE,
            "data": data_name,
            "backend": backend_name(),
            "versions": machine.versions(),
            "hardware": machine.hardware(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write(read_memory() | {name: record})
        print(f"{name:<24} {record['peak_memory_mib']:>6,} MiB", flush=True)


def peak_of(root: Path, name: str, lesson: Path) -> float:
    """Execute a notebook, and return the most memory that its kernel held, in MiB."""
    notebook = read_source(lesson, PROFILE)
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
    with (
        TemporaryDirectory(prefix="course-memory-") as home,
        patch.dict("os.environ", {"COURSE_HOME": home}),  # the kernel inherits it
    ):
        execute(notebook, name, Path(home), PROFILE, root)
    return float(notebook.cells[-1].outputs[0].text)


def write(measured: dict) -> None:
    """Write all records, a line for each chapter."""
    lines = [f" {json.dumps(name)}: {json.dumps(measured[name])}" for name in sorted(measured)]
    with replacing(FILE) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
