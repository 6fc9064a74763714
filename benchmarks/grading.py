"""How long grading takes: ``python benchmarks/grading.py 02_initialization --jobs 2``.

The submissions are the exercise's own solution, each with a cell of its own, so that none is known
from another. Prints the seconds, and how many tasks passed: it should be all of them.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from helpers.build.sources import find_repository
from helpers.grading.grader import grade


def grade_copies(exercise: str, submissions: int, jobs: int) -> tuple[float, list]:
    """Grade copies of a solution; return the seconds, and what came of each task."""
    root = find_repository()
    solution = json.loads((root / "solutions" / f"{exercise}.ipynb").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "submissions"
        folder.mkdir()
        for number in range(submissions):
            own = {"cell_type": "code", "metadata": {}, "outputs": [], "source": f"# {number}"}
            document = solution | {"cells": [*solution["cells"], own]}
            (folder / f"learner-{number:03}.ipynb").write_text(json.dumps(document), "utf-8")
        begun = time.perf_counter()
        graded = grade(folder, Path(scratch) / "report", root, jobs=jobs)
        seconds = time.perf_counter() - begun
    return seconds, [task for each in graded for task in each.result.tasks]


def main() -> None:
    """Grade copies of a solution and print how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("exercise")
    parser.add_argument("--submissions", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    seconds, tasks = grade_copies(args.exercise, args.submissions, args.jobs)
    passed = sum(task.status == "passed" for task in tasks)
    print(
        f"{args.submissions} submissions of {args.exercise}, {args.jobs} at a time: {seconds:.0f} s"
        f" ({seconds / len(tasks):.2f} a task), {passed} of {len(tasks)} tasks passed"
    )
    for task in tasks:
        if task.status != "passed":
            print(task.task, task.status, task.message)


if __name__ == "__main__":
    main()
