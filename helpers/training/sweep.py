"""A sweep: many runs side by side, each of them trained once, kept in the run store."""

import os
import socket
import tempfile
import traceback
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from helpers.backend import backend_name
from helpers.datasets import Dataset, load_cifar10
from helpers.jobs import require_one_thread_a_worker, run_jobs, use_one_thread
from helpers.profiles import get_profile
from helpers.training.comparison import mean_and_std
from helpers.training.loop import run_identity, train
from helpers.training.store import RunStore
from helpers.training.sweep_spec import PlannedRun


class Sweep(NamedTuple):
    """What came of a sweep, by the run's place in the plan: its document, or what went wrong."""

    documents: dict[int, dict]
    failures: dict[int, str]


class _Job(NamedTuple):
    """A run, and what the worker needs to be sure that it trains the same one."""

    run: PlannedRun
    name: str  # of its folder in the store: a key over all that the result depends on
    store: Path
    sign: str  # a file in the store: who sees it sees the same folder
    backend: str  # that Keras computes with


class _Failure(NamedTuple):
    """What went wrong in a run: a value, so that the others go on."""

    report: str


class OtherMachine(ValueError):
    """A worker that would train another run than it was asked for."""


def sweep(
    runs: Sequence[PlannedRun],
    data: Dataset,
    store: RunStore,
    *,
    backend: str = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Sweep:
    """Train the runs that the store does not hold yet, and return what came of all.

    Each trains with one thread, so that a run gives the same bits here and on a cluster of such
    machines. What was cut off goes on after its last epoch. A run that fails lets the others go on.

    Args:
        runs: see :func:`helpers.training.sweep_spec.read_spec`.
        data: of which each run takes what its profile uses.
        store: where runs are kept; on a cluster in a folder that all machines share.
        backend, scheduler, workers: where they run, see :func:`helpers.jobs.run_jobs`.
        say: gets a line for each run that ends: how far it is, and how long it may take yet.

    Raises:
        ValueError: when no run can be trained there, as ``run_jobs``.
        OtherMachine: when a worker has other versions or other data than this machine, or does not
            see the run store.
    """
    identities = [_identity(run, data) for run in runs]
    names = [store.path(identity).name for identity in identities]
    found = {name: store.load(identity) for name, identity in zip(names, identities, strict=True)}
    ended = {name: stored[0] for name, stored in found.items() if stored}
    planned = {name: run for name, run in zip(names, runs, strict=True) if name not in ended}
    say(f"{len(found)} runs, {len(ended)} of them in {store.folder} already.")
    epochs = {
        name: 1 if run.variant.monte_carlo_of else identity["epochs"]  # that one trains nothing
        for name, run, identity in zip(names, runs, identities, strict=True)
        if name in planned
    }
    clock = _Clock(planned, epochs, len(found))
    store.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".sweep-", dir=store.folder) as sign:
        # A run that predicts with the weights of another would only wait for it.
        for late in (False, True):
            jobs = {
                name: (_Job(run, name, store.folder, Path(sign.name).name, backend_name()),)
                for name, run in planned.items()
                if (run.variant.monte_carlo_of is not None) == late
            }
            where = {"backend": backend, "scheduler": scheduler, "workers": workers}
            for name, result in run_jobs(train_job, jobs, **where, say=say):
                ended[name] = result
                say(clock.line(name, result))
    by_place = {place: ended[name] for place, name in enumerate(names) if name in ended}
    return Sweep(
        {place: one for place, one in by_place.items() if not isinstance(one, _Failure)},
        {place: one.report for place, one in by_place.items() if isinstance(one, _Failure)},
    )


def _identity(run: PlannedRun, data: Dataset) -> dict:
    return run_identity(run.variant, data, get_profile(run.profile), run.seed, run.epochs)


class _Clock:
    """Says how far a sweep is. Runs count by their epochs: they are what takes the time."""

    def __init__(self, planned: dict[str, PlannedRun], epochs: dict[str, int], total: int) -> None:
        self.planned, self.done, self.total = planned, total - len(planned), total
        self.left, self.epochs, self.begun = dict(epochs), sum(epochs.values()), monotonic()

    def line(self, name: str, result) -> str:
        """Return the line for a run that has just ended."""
        self.done += 1
        gone = self.epochs - sum(self.left.values()) + self.left.pop(name)
        seconds = (monotonic() - self.begun) / gone * sum(self.left.values())
        time_left = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        left = f", about {time_left} left" if self.left else ""
        if isinstance(result, _Failure):
            what = f"failed: {result.report.strip().splitlines()[-1]}"
        else:
            what = f"validation accuracy {result['validation_accuracy']:.4f}"
        return f"{self.done} of {self.total}{left}: {self.planned[name]}, {what}"


def train_job(job: _Job) -> dict | _Failure:
    """Train one run in a worker, and return its document.

    Raises:
        OtherMachine: when this would be another run than the one that was asked for.
        KeyboardInterrupt: when interrupted; the epochs so far are kept.
    """
    use_one_thread()
    require_one_thread_a_worker()
    os.environ["COURSE_BACKEND"] = job.backend
    run, store, profile = job.run, RunStore(job.store), get_profile(job.run.profile)
    if not (job.store / job.sign).exists():
        raise OtherMachine(
            f"{socket.gethostname()} does not see the run store {job.store}: name a folder that "
            "all machines share, with --store."
        )
    data = _data(run.profile)
    identity = _identity(run, data)
    if store.path(identity).name != job.name:
        raise OtherMachine(
            f"{socket.gethostname()} would train another run than {job.name}. It has {data.name}, "
            f"fingerprint {identity['data'][:12]}, and versions {identity['versions']}: expected "
            "those of this machine."
        )
    try:
        document = train(
            run.variant, data, profile, run.seed, epochs=run.epochs, store=store, progress=False
        ).document
    except Exception:
        return _Failure(traceback.format_exc())
    if document["ended"] == "interrupted":  # the sweep is meant, not this run alone
        raise KeyboardInterrupt
    return document


@lru_cache(maxsize=1)
def _data(profile: str) -> Dataset:
    """Return the data that a worker trains all its runs on."""
    return load_cifar10(profile=get_profile(profile))


def summary(runs: Sequence[PlannedRun], documents: dict[int, dict]) -> list[dict]:
    """Return a row for each combination of variant and settings, best first.

    Each has ``title``, ``seeds``, ``validation_mean`` and ``validation_std`` (0 for one seed). Test
    accuracies are left out: who chooses among many runs by them has no test set any more.
    """
    seeds: dict[str, dict[int, float]] = {}
    for place, document in documents.items():
        by_seed = seeds.setdefault(runs[place].title, {})
        by_seed[document["seed"]] = document["validation_accuracy"]
    rows = []
    for title, by_seed in seeds.items():
        mean, std = mean_and_std(by_seed.values())
        row = {"title": title, "seeds": sorted(by_seed)}
        rows.append(row | {"validation_mean": mean, "validation_std": std})
    return sorted(rows, key=lambda row: -row["validation_mean"])
