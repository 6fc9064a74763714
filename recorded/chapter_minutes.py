"""Measures how long each chapter takes in each profile, for ``helpers/minutes.json``.

A whole notebook is executed in a kernel of its own, as ``course build`` does, in an empty course
home: no run comes from the store. The full profile of chapter 09 takes hours, and its runs have
been timed already: there it is the sum of their training steps, for one seed of every variant.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers import machine
from helpers.backend import backend_name
from helpers.build.execution import execute
from helpers.build.notebook import read_source
from helpers.build.sources import choose_chapters, find_repository, read_title
from helpers.files import replacing
from helpers.minutes import FILE, read_minutes
from helpers.models import VARIANTS
from helpers.training import recorded_runs

FROM_RUNS = ("09_cifar10", "full")


def record_minutes(names: list[str], profiles: list[str], data_name: str) -> None:
    """Measure chapters in profiles, and write each result as soon as it is there."""
    if not os.environ.get("CIFAR10_DIR"):
        sys.exit("set CIFAR10_DIR: the notebooks run in an empty COURSE_HOME, without its data.")
    root = find_repository()
    for name, lesson in choose_chapters(root, names).items():
        for profile in profiles:
            if (name, profile) == FROM_RUNS:
                record = from_recorded_runs()
            else:
                record = {"data": data_name, **execute_timed(root, name, lesson, profile)}
            measured = read_minutes()
            measured.setdefault(name, {}).update({"title": read_title(lesson), profile: record})
            write(measured)
            print(f"{name}, {profile}: {record['seconds']} s", flush=True)


def execute_timed(root: Path, name: str, lesson: Path, profile: str) -> dict:
    """Execute a notebook, and return how long that took and on what."""
    with TemporaryDirectory(prefix="course-minutes-") as home:
        os.environ["COURSE_HOME"] = home  # the kernel inherits it
        notebook = read_source(lesson, profile)
        started = time.perf_counter()
        execute(notebook, name, Path(home), profile, root)
        seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 1),
        "how": "executed",
        "backend": backend_name(),
        "versions": machine.versions(),
        "hardware": machine.hardware(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def from_recorded_runs() -> dict:
    """Return the training time of one recorded run of every variant that is trained."""
    trained = {name for name, variant in VARIANTS.items() if variant.monte_carlo_of is None}
    runs = [run for run in recorded_runs() if run["seed"] == 0 and run["variant"] in trained]
    seconds = sum(sum(run["history"]["seconds"]) + run["compile_seconds"] for run in runs)
    of_all = ("backend", "data", "versions", "hardware")
    same = {key: runs[0][key] for key in of_all}
    if any(run[key] != same[key] for run in runs for key in of_all):
        sys.exit("the recorded runs were made in different ways: their sum would mean nothing.")
    last = max(run["finished"] for run in runs)
    return {"seconds": round(seconds, 1), "how": "recorded runs", "finished": last, **same}


def write(measured: dict) -> None:
    """Write all times, a line for each chapter."""
    lines = [f" {json.dumps(name)}: {json.dumps(measured[name])}" for name in sorted(measured)]
    with replacing(FILE) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
