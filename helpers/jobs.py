"""Independent jobs side by side: on this machine's cores, or on the machines of a Dask cluster.

joblib runs those of this machine. It could run those of a cluster as well, but its connection to
Dask gives no result before the last one is there, and does not tell a lost scheduler from one. So
a cluster is spoken to with Dask's own client.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping

from helpers import machine
from helpers.names import lookup, shown

BACKENDS = ("local", "dask")
MOST_DEATHS = 3  # of workers in a row, while no job ends
WORKER_MEMORY_MIB = 1_300  # what a worker takes that trains on CIFAR-10
CONNECT_SECONDS, WAIT_SECONDS = 20, 3_600  # for a scheduler at first, and for one that was lost
HOW = "start them with: dask worker ADDRESS --nthreads 1"
# Read by TensorFlow and by XLA when they start; joblib and Dask do the same for other libraries.
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "NPROC": "1"}


class JobsStopped(ValueError):
    """Jobs cannot go on, for a reason that is not in a job; what has ended stays."""


def run_jobs(
    function: Callable,
    jobs: Mapping[str, tuple],
    *,
    backend: str = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[str, object]]:
    """Yield the name of each job and what ``function(*job)`` gave, as the jobs end.

    A job whose worker dies is begun anew, on another one. So it may run twice, and has to bear it.

    Args:
        function: can be imported by the workers; what it raises ends everything.
        jobs: arguments by the job's name. Those that come first are begun first.
        backend: ``"local"``, processes of this machine, or ``"dask"``.
        scheduler: address of the Dask scheduler, such as ``tcp://10.0.0.1:8786``.
        workers: processes of this machine, by default :func:`worker_count`. A cluster has those
            that joined it.
        say: gets a line for what the reader should know meanwhile.

    Raises:
        ValueError: for an unknown backend, or an option that the backend does not take.
        JobsStopped: when there is no scheduler, or workers die again and again.
    """
    check_place(backend, scheduler)
    if backend == "local":
        yield from _on_this_machine(function, dict(jobs), worker_count(workers), say)
        return
    if workers is not None:
        raise ValueError("--workers goes with --backend local: a cluster has those that joined it.")
    yield from _on_a_cluster(function, dict(jobs), scheduler, say)


def check_place(backend: str, scheduler: str | None) -> None:
    """Refuse a backend that does not exist, and an address that does not go with it.

    Raises:
        ValueError: there.
    """
    lookup(backend, dict.fromkeys(BACKENDS), "backend")
    if backend == "local" and scheduler is not None:
        raise ValueError("--scheduler goes with --backend dask.")
    if backend == "dask" and not scheduler:
        raise ValueError("--backend dask needs --scheduler, such as tcp://10.0.0.1:8786.")


def worker_count(asked: int | None = None) -> int:
    """Return how many processes to start: one a core, as far as the memory goes.

    Raises:
        ValueError: when fewer than one is asked for.
    """
    if asked is None:
        return max(1, min(machine.cores(), machine.hardware()["memory_mib"] // WORKER_MEMORY_MIB))
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise ValueError(f"workers must be a whole number of at least 1, got {shown(asked)}.")
    return asked


def use_one_thread() -> None:
    """Let Keras compute with one thread in this process: call it before Keras computes anything.

    One run with two threads is not twice as fast, two runs with one thread each nearly are. And
    results are the same bits on every machine of a kind, however many cores it has.
    """
    os.environ.update(ONE_THREAD)


def _on_this_machine(function, left: dict, workers: int, say) -> Iterator[tuple[str, object]]:
    import joblib
    from joblib.externals.loky.process_executor import BrokenProcessPool

    deaths = 0
    while left:
        try:
            with joblib.parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
                calls = [joblib.delayed(_named)(name, function, left[name]) for name in left]
                parallel = joblib.Parallel(
                    return_as="generator_unordered", batch_size=1, pre_dispatch="all"
                )
                for name, result in parallel(calls):
                    deaths = 0
                    del left[name]
                    yield name, result
        except BrokenProcessPool:
            deaths += 1
            if deaths == MOST_DEATHS:
                raise JobsStopped(
                    f"worker processes were ended {deaths} times in a row, as happens for want of "
                    "memory: try fewer with --workers."
                ) from None
            say("A worker process was ended from outside: going on with new ones.")


def _named(name: str, function: Callable, arguments: tuple) -> tuple[str, object]:
    return name, function(*arguments)


def _on_a_cluster(function, left: dict, address: str, say) -> Iterator[tuple[str, object]]:
    try:
        import distributed
    except ImportError:
        raise ValueError(
            "--backend dask needs distributed, which is not installed: "
            f'{sys.executable} -m pip install -e ".[cluster]"'
        ) from None
    patience = CONNECT_SECONDS
    while left:
        with _connected(distributed, address, patience, say) as client:
            futures = {
                client.submit(function, *job, key=f"{name}-{client.id}", priority=-place): name
                for place, (name, job) in enumerate(left.items())
            }
            ended = distributed.as_completed(list(futures), loop=client.loop)
            for future in ended:
                if future.status in ("cancelled", "lost"):  # with all others: the scheduler is gone
                    break
                name = futures[future]
                yield name, _result(future, name, distributed)
                del left[name]
        if left:
            say(f"The scheduler at {address} is gone: waiting for one there, with workers.")
            patience = WAIT_SECONDS


def _connected(distributed, address: str, patience: float, say):
    """Return a client of the scheduler, for which it waits."""
    try:
        client = distributed.Client(address, timeout=patience, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise JobsStopped(
            f"no Dask scheduler answers at {shown(address)} ({type(error).__name__}). "
            "Start one with: dask scheduler"
        ) from None
    count = len(client.scheduler_info(n_workers=-1)["workers"])
    say(f"{count} workers at {address}." if count else f"{address} waits for workers: {HOW}")
    return client


def _result(future, name: str, distributed):
    try:
        return future.result()
    except distributed.KilledWorker:
        raise JobsStopped(
            f"{name} was begun on {MOST_DEATHS + 1} workers, and each of them died meanwhile, as "
            "happens for want of memory."
        ) from None


def require_one_thread_a_worker() -> None:
    """Refuse to go on in a Dask worker that runs several jobs at a time.

    Raises:
        ValueError: there. Keras keeps one state a process, which two trainings would share.
    """
    if "distributed.worker" not in sys.modules:
        return
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # no worker's process
        return
    if worker.state.nthreads != 1:
        raise ValueError(
            f"the worker at {worker.address} runs {worker.state.nthreads} jobs at a time, expected "
            f"one: {HOW}"
        )
