"""Measures what a sweep and a grading cost, and writes docs/scale.md, which reckons with it.

    CIFAR10_DIR=... python benchmarks/scale.py
    python benchmarks/scale.py --page        # only the page, from what was measured before

- four short runs by ``course sweep`` with one worker and with two, again and again, in turn;
- copies of two solved exercises by ``course grade``, one at a time and two;
- jobs that do nothing, on a Dask cluster of this machine with two workers: what each costs;
- what a stored run and a checkpoint take on the disk.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from grading import grade_copies
from results_of import about, read, spread, write

from helpers.datasets import load_cifar10
from helpers.files import replacing
from helpers.jobs import run_jobs
from helpers.training import RunStore, recorded_runs
from helpers.training.sweep import sweep
from helpers.training.sweep_spec import read_spec

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "unit"))
from dask_cluster import Cluster  # noqa: E402

PAGE = ROOT / "docs" / "scale.md"
ROUNDS, EPOCHS, RUNS, COPIES, NOTHINGS = 2, 3, 4, 6, 2_000
EXERCISES = ("02_initialization", "06_dropout")
NODE_CORES = 16
NODES = (1, 10, 100)
MANY_RUNS, MANY_SUBMISSIONS = 1_000, 10_000


def short_sweep(workers: int, data) -> tuple[float, float, int]:
    """Return the seconds of a sweep, with the start of its workers; of an epoch; and a run's bytes.

    The bytes are those of the weights.
    """
    with tempfile.TemporaryDirectory() as name:
        spec, store = Path(name) / "sweep.yaml", RunStore(Path(name) / "runs")
        spec.write_text(
            f"variants: [elu]\nseeds: {list(range(RUNS))}\nprofile: full\nepochs: {EPOCHS}\n",
            encoding="utf-8",
        )
        started = time.perf_counter()
        done = sweep(read_spec(spec), data, store, workers=workers)
        seconds = time.perf_counter() - started
        if done.failures:
            raise SystemExit(done.failures)
        epoch = float(np.median([run["seconds_per_epoch"] for run in done.documents.values()]))
        (weights,) = {path.stat().st_size for path in store.folder.glob("*/weights.npz")}
    return seconds, epoch, weights


def nothing(number: int) -> int:
    """Do nothing: what is left is what a job costs."""
    return number


def seconds_a_job() -> float:
    """Return what a job on a cluster costs beside its own work."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), PYTHONPATH=f"{ROOT}:{ROOT / 'benchmarks'}")
        try:
            cluster.add_worker()
            cluster.add_worker()
            where = {"backend": "dask", "scheduler": cluster.address}
            list(run_jobs(nothing, {"first": (0,)}, **where))  # until the workers are there
            started = time.perf_counter()
            jobs = {f"nothing-{number}": (number,) for number in range(NOTHINGS)}
            list(run_jobs(nothing, jobs, **where))
            return (time.perf_counter() - started) / NOTHINGS
        finally:
            cluster.close()


def measure(rounds: int) -> dict:
    """Return all that the page reckons with."""
    data = load_cifar10()
    taken: dict[int, list[float]] = {1: [], 2: []}
    epochs: dict[int, list[float]] = {1: [], 2: []}
    graded: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers in (1, 2):
            seconds, epoch, weights = short_sweep(workers, data)
            taken[workers].append(seconds)
            epochs[workers].append(epoch)
            print(f"{RUNS} runs, {workers} workers: {seconds:.1f} s", file=sys.stderr)
        for jobs in (1, 2):
            seconds, count = 0.0, 0
            for name in EXERCISES:
                each, tasks = grade_copies(name, COPIES, jobs)
                seconds, count = seconds + each, count + COPIES
                bad = [task for task in tasks if task.status != "passed"]
                if bad:
                    raise SystemExit(f"{name}: {bad[0].task} {bad[0].message}")
            graded[jobs].append(seconds / count)
            print(f"grading, {jobs} at a time: {seconds / count:.2f} s each", file=sys.stderr)
    runs = [run for run in recorded_runs() if run["variant"] != "mc-dropout"]
    notebook = (ROOT / "solutions" / f"{EXERCISES[0]}.ipynb").stat().st_size
    parameters = int(np.median([run["parameters"] for run in runs]))
    return {
        "data": data.name,
        "sweep_seconds": {str(count): spread(values) for count, values in taken.items()},
        "sweep_speed_up": spread(np.array(taken[1]) / np.array(taken[2])),
        "epoch_speed_up": spread(2 * np.array(epochs[1]) / np.array(epochs[2])),
        "grading_seconds_each": {str(count): spread(values) for count, values in graded.items()},
        "grading_speed_up": spread(np.array(graded[1]) / np.array(graded[2])),
        "dask_seconds_a_job": seconds_a_job(),
        "run_seconds": spread([run["epochs"] * run["seconds_per_epoch"] for run in runs]),
        "run_seconds_mean": float(
            np.mean([run["epochs"] * run["seconds_per_epoch"] for run in runs])
        ),
        "epoch_seconds": float(np.median([run["seconds_per_epoch"] for run in runs])),
        "run_bytes": weights,
        "checkpoint_bytes": weights + 3 * 4 * parameters,  # weights, and Nadam's two moments
        "submission_bytes": notebook,
    }


def page(found: dict) -> str:
    """Return docs/scale.md: everything in it is reckoned from what was measured."""
    one = found["grading_seconds_each"]["1"]["median"]
    efficiency = found["epoch_speed_up"]["median"] / 2
    grading_efficiency = found["grading_speed_up"]["median"] / 2
    longest = found["run_seconds"]["largest"]
    rows = []
    for nodes in NODES:
        cores = nodes * NODE_CORES
        train = max(
            longest, MANY_RUNS * found["run_seconds_mean"] / efficiency / min(cores, MANY_RUNS)
        )
        marks = max(one, MANY_SUBMISSIONS * one / grading_efficiency / cores)
        rows.append(f"| {nodes} | {cores:,} | {words(train)} | {words(marks)} |")
    cores = NODES[-1] * NODE_CORES
    writing = min(cores, MANY_RUNS) * found["checkpoint_bytes"] / found["epoch_seconds"] / 2**20
    hardware = found["hardware"]
    template = Path(__file__).with_name("scale_page.md").read_text(encoding="utf-8")
    return template.format(
        table="\n".join(rows),
        processor=hardware["processor"], cores=hardware["cores"], data=found["data"],
        runs=MANY_RUNS, submissions=MANY_SUBMISSIONS, node_cores=NODE_CORES,
        mean=found["run_seconds_mean"], longest=longest,
        speed_up=found["sweep_speed_up"]["median"],
        low=found["sweep_speed_up"]["smallest"], high=found["sweep_speed_up"]["largest"],
        epoch_speed_up=found["epoch_speed_up"]["median"],
        one_worker=found["sweep_seconds"]["1"]["median"],
        two_workers=found["sweep_seconds"]["2"]["median"],
        short_runs=RUNS, epochs=EPOCHS,
        submission=one, grading_speed_up=found["grading_speed_up"]["median"],
        job_ms=1e3 * found["dask_seconds_a_job"],
        jobs_a_second=1 / found["dask_seconds_a_job"],
        busy=found["run_seconds_mean"] / found["dask_seconds_a_job"],
        graders=one / found["dask_seconds_a_job"],
        store=MANY_RUNS * found["run_bytes"] / 2**30, run_mib=found["run_bytes"] / 2**20,
        checkpoint=found["checkpoint_bytes"] / 2**20, epoch=found["epoch_seconds"],
        writing=writing, writers=min(cores, MANY_RUNS),
        contents=MANY_SUBMISSIONS * found["submission_bytes"] / 2**20,
    )  # fmt: skip


def words(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds >= 5_400:
        return f"{seconds / 3_600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def main() -> None:
    """Read the command line, measure, and keep results and page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--page", action="store_true", help="write the page only")
    options = parser.parse_args()
    if not options.page:
        document = about() | measure(options.rounds)
        write("scale", document, json.dumps(document, indent=1, sort_keys=True))
    with replacing(PAGE) as path:
        path.write_text(page(read("scale")), encoding="utf-8")


if __name__ == "__main__":
    main()
