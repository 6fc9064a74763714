"""Grades all submissions: starts a worker for each, side by side, and keeps what comes of them."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from helpers.grading.exercises import Exercise, find_exercises
from helpers.grading.journal import Journal
from helpers.grading.limits import Limits
from helpers.grading.probe import require_sandbox
from helpers.grading.results import REFUSED, STOPPED, NotebookResult, TaskResult
from helpers.grading.sandbox import PACKAGE, make_command
from helpers.grading.submissions import (
    Refused,
    Submission,
    find_submissions,
    read_submission,
    readable,
)
from helpers.jobs import check_place, require_one_thread_a_worker, run_jobs

JOURNAL = "journal"
ENDED_BY_ALARM = -signal.SIGALRM if hasattr(signal, "SIGALRM") else None  # not on Windows
MOST_DEATHS = 2  # the first may have been for want of memory that others took


class GradingStopped(ValueError):
    """Grading cannot go on, for a reason that is no learner's."""


@dataclass(frozen=True)
class Graded:
    """A submission and what came of it."""

    submission: Submission
    result: NotebookResult


def grade(
    submissions: Path,
    report: Path,
    root: Path,
    jobs: int | None = None,
    sandboxed: bool = True,
    limits: Limits | None = None,
    backend: str = "local",
    scheduler: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Graded]:
    """Grade all that is in a folder, and return it in the order of the learners' names.

    Results are kept in ``report/journal`` as they come. What is there already is not graded again,
    so a grading that was killed goes on where it was.

    Args:
        root: the course's repository, with ``chapters/`` and ``exercises/``.
        jobs: submissions at a time here; as many as there are processor cores by default.
        backend, scheduler: where they run, see :func:`helpers.jobs.run_jobs`. The machines of a
            cluster find the same repository at ``root``, and have a sandbox of their own.
        say: gets a line for each notebook: how far it is, and how long it may take yet.

    Raises:
        ValueError: when nothing can be graded: no submissions, no exercises, hidden tests that do
            not fit them, no sandbox.
    """
    submissions, report, root = (path.resolve() for path in (submissions, report, root))
    if report == submissions or report.is_relative_to(submissions):
        raise ValueError(f"{report} is in the folder of submissions: put the report elsewhere.")
    limits = limits or Limits()
    exercises = find_exercises(root)
    for exercise in exercises.values():
        exercise.hidden()  # what is wrong with them is said before anything runs
    found = find_submissions(submissions, most_notebooks=len(exercises))
    secret = _secret(root, submissions, report) if sandboxed else None
    journal = Journal(report / JOURNAL, exercises)
    check_place(backend, scheduler)
    if backend == "local":
        cores = _cores()
        slots = _Slots(min(jobs or len(cores), len(found)), cores)
        if secret is not None:
            program = require_sandbox(limits, secret)
            slots.commands = [make_command(program, limits, secret, slot) for slot in slots.free]
        run = _RunHere(root, exercises, journal, limits, say, slots)
    else:
        if jobs is not None:
            raise ValueError("--jobs goes with --backend local: a cluster has its own workers.")
        run = _RunOnCluster(root, exercises, journal, limits, say, secret, scheduler)
    return _settle(run.grade(submissions, found), exercises)


def _secret(root: Path, submissions: Path, report: Path) -> list[Path]:
    """Return the folders that no submission may see, without those around the interpreter.

    Of such a folder the sandbox shows no more than the way to the interpreter.
    """
    folders = [root / name for name in ("chapters", "exercises", "solutions", "tests")]
    folders += [submissions, report, PACKAGE / "grading"]
    shown = (Path(sys.prefix), Path(sys.base_prefix))
    return [each for each in folders if not any(path.is_relative_to(each) for path in shown)]


def _cores() -> list[int]:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


class _Slots:
    """Numbers for what runs at a time, each with its processor core and its sandbox."""

    def __init__(self, count: int, cores: Sequence[int]) -> None:
        self.count, self.cores = max(count, 1), cores
        self.free = list(range(self.count))
        self.commands: list[list[str] | None] = [None] * self.count
        self.lock = threading.Lock()

    def take(self) -> int:
        """Return a free slot, and keep this thread, and what it starts, to the slot's core.

        So a submission that keeps its core busy takes nothing from the one beside it.
        """
        with self.lock:
            slot = self.free.pop()
        if hasattr(os, "sched_setaffinity"):
            with suppress(OSError):
                os.sched_setaffinity(0, {self.cores[slot % len(self.cores)]})
        return slot

    def give(self, slot: int) -> None:
        """Give a slot back."""
        with self.lock:
            self.free.append(slot)


class _Run:
    """All notebooks of one grading; where they are graded is said by a class below."""

    def __init__(self, root, exercises, journal, limits, say=lambda line: None) -> None:
        self.root, self.exercises, self.journal = root, exercises, journal
        self.limits, self.say = limits, say
        self.workers: set[subprocess.Popen] = set()
        self.stopping = False

    def grade(self, folder: Path, found: list[Submission]) -> list[Graded]:
        """Grade what the journal does not hold, and return everything."""
        graded, waiting, before = [], defaultdict(list), 0
        for submission in found:
            try:
                if submission.refused:
                    raise Refused(submission.refused)
                content = read_submission(folder, submission.path)
            except Refused as error:
                graded.append(Graded(submission, NotebookResult(None, str(error))))
                continue
            known = self.journal.find(content)
            if known is not None:
                graded.append(Graded(submission, known))
                before += 1
            else:  # the same content twice is graded once
                waiting[hashlib.sha256(content).hexdigest()].append(submission)
        if before:
            self.say(f"{before} of {len(found)} were graded before.")
        graded += self._grade_all(folder, list(waiting.values()), len(graded), len(found))
        return graded

    def _grade_all(self, folder, waiting, done: int, total: int) -> list[Graded]:
        graded, begun = [], time.monotonic()
        for same, result in self._results(folder, waiting):
            graded += [Graded(each, result) for each in same]
            self._report(same[0], result, done + len(graded), total, len(graded), begun)
        return graded

    def _report(self, submission, result, done, total, new, begun) -> None:
        left = (time.monotonic() - begun) / new * (total - done)
        passed = sum(task.status == "passed" for task in result.tasks)
        what = "refused" if result.refused else f"{passed} of {len(result.tasks)} tasks passed"
        time_left = f", about {left:.0f} s left" if done < total else ""
        self.say(f"{done} of {total}{time_left}: {submission.learner}, {what}")


class _RunHere(_Run):
    def __init__(self, root, exercises, journal, limits, say, slots) -> None:
        super().__init__(root, exercises, journal, limits, say)
        self.slots = slots

    def _results(self, folder: Path, waiting) -> Iterator[tuple[list[Submission], NotebookResult]]:
        """Yield the submissions of one content, and what came of it, as they are graded."""
        pool = ThreadPoolExecutor(self.slots.count)
        try:
            futures = {pool.submit(self._grade_one, folder, same[0]): same for same in waiting}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:  # an interrupt, or an error: what is in the journal stays
            self.stopping = True
            for worker in list(self.workers):
                worker.kill()
            pool.shutdown(cancel_futures=True)

    def _grade_one(self, folder: Path, submission: Submission) -> NotebookResult:
        slot = self.slots.take()
        try:
            content = read_submission(folder, submission.path)
            result = _Notebook(self, content, self.slots.commands[slot]).grade()
        except Refused as error:  # it changed since it was found
            return NotebookResult(None, str(error))
        finally:
            self.slots.give(slot)
        self.journal.keep(content, result)
        return result


class _RunOnCluster(_Run):
    def __init__(self, root, exercises, journal, limits, say, secret, scheduler) -> None:
        super().__init__(root, exercises, journal, limits, say)
        self.secret, self.scheduler = secret, scheduler

    def _results(self, folder: Path, waiting) -> Iterator[tuple[list[Submission], NotebookResult]]:
        """Yield the submissions of one content, and what came of it, as they are graded."""
        contents, jobs = {}, {}
        secret = None if self.secret is None else tuple(self.secret)
        for same in waiting:
            try:
                content = read_submission(folder, same[0].path)
            except Refused as error:  # it changed since it was found
                yield same, NotebookResult(None, str(error))
                continue
            name = hashlib.sha256(content).hexdigest()
            contents[name] = (same, content)
            jobs[name] = (content, self.root, self.journal.digests, self.limits, secret)
        where = {"backend": "dask", "scheduler": self.scheduler, "say": self.say}
        for name, result in run_jobs(grade_there, jobs, **where):
            same, content = contents[name]
            self.journal.keep(content, result)
            yield same, result


def grade_there(
    content: bytes,
    root: Path,
    digests: dict[str | None, str],
    limits: Limits,
    secret: tuple[Path, ...] | None,
) -> NotebookResult:
    """Grade a notebook in a worker of a cluster.

    Args:
        content: of the notebook.
        root: the course's repository, on the worker's machine.
        digests: of the exercises that are graded; the worker must have the same ones.
        limits: of what a submission may take.
        secret: folders that the sandbox hides; ``None`` runs without one.

    Raises:
        ValueError: where there are other exercises, or no sandbox.
    """
    require_one_thread_a_worker()
    exercises = find_exercises(root)
    if Journal(root, exercises).digests != digests:
        raise ValueError(
            f"{socket.gethostname()} has other exercises or hidden tests at {root} than this "
            "machine: give the cluster's machines the same repository."
        )
    command = None
    if secret is not None:
        command = make_command(_sandbox_there(limits, secret), limits, secret, 0)
    return _Notebook(_Run(root, exercises, None, limits), content, command).grade()


@lru_cache(maxsize=1)
def _sandbox_there(limits: Limits, secret: tuple[Path, ...]) -> str:
    try:
        return require_sandbox(limits, secret)
    except ValueError as error:
        raise ValueError(f"{socket.gethostname()}: {error}") from None


class _Notebook:
    """One notebook's worker, and the next one where the first ended before it was done."""

    def __init__(self, run: _Run, content: bytes, command: list[str] | None) -> None:
        self.run, self.content, self.command = run, content, command
        self.exercise: Exercise | None = None
        self.refused: str | None = None
        self.tasks: dict[str, TaskResult] = {}
        self.notes: list[str] = []
        self.begun: str | None = None
        self.deaths: Counter[str | None] = Counter()
        self.finished = False

    def grade(self) -> NotebookResult:
        """Return what came of all tasks."""
        while not self.finished:
            self._work()
        return NotebookResult(
            self.exercise.name if self.exercise else None,
            self.refused,
            tuple(self.tasks.values()),
            tuple(self.notes),
        )

    def _left(self) -> list[str]:
        known = self.exercise.tasks if self.exercise else ()
        return [task.id for task in known if task.id not in self.tasks]

    def _work(self) -> None:
        self.begun = None
        job = {
            "bytes": len(self.content),
            "root": str(self.run.root),
            "command": self.command,
            "limits": asdict(self.run.limits),
            "tasks": self._left(),
        }
        worker = self._start()
        clock = threading.Timer(self._seconds(), worker.kill)
        clock.daemon = True
        clock.start()
        try:
            with suppress(BrokenPipeError):
                worker.stdin.write(json.dumps(job).encode() + b"\n" + self.content)
                worker.stdin.flush()
            for line in worker.stdout:
                if line.endswith(b"\n"):  # else it was ended in the middle of it
                    self._hear(json.loads(line))
            worker.wait()
        finally:
            clock.cancel()
            worker.kill()
            worker.wait()
            worker.stdin.close()
            worker.stdout.close()
            self.run.workers.discard(worker)
        if not self.finished:
            self._ended_early(worker.returncode)

    def _start(self) -> subprocess.Popen:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH")))
            ),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        worker = subprocess.Popen(
            [sys.executable, "-m", "helpers.grading.worker"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt is for the grader, which then ends its workers
        )
        self.run.workers.add(worker)
        if self.run.stopping:
            worker.kill()
        return worker

    def _seconds(self) -> float:
        """Return more than a worker needs that keeps to its own limits."""
        limits, most = self.run.limits, max(len(each.tasks) for each in self.run.exercises.values())
        once = limits.start_seconds + limits.task_seconds + limits.judge_seconds
        return limits.start_seconds + most * 2 * once

    def _hear(self, event: dict) -> None:
        match event:
            case {"exercise": name}:
                self.exercise = self.run.exercises[name]
            case {"refused": sentence}:
                self._refuse(sentence)
            case {"begin": task}:
                self.begun = task
            case {"done": result}:
                self.tasks[result["task"]] = TaskResult.read(result)
            case {"notes": notes}:
                self.notes, self.finished = notes, True
            case {"broken": sentence}:
                raise GradingStopped(sentence)

    def _refuse(self, sentence: str) -> None:
        self.refused, self.finished = sentence, True
        for task in self._left():
            self.tasks[task] = TaskResult(task, REFUSED, sentence)

    def _ended_early(self, code: int) -> None:
        """Go on without the task, or refuse the notebook, that two workers did not survive."""
        if self.run.stopping:
            raise GradingStopped("stopped; grade again, and it goes on from here.")
        if self.begun in self.tasks:  # it was done, and the next not yet begun
            self.finished = not self._left()
            return
        # By its own alarm it ends the same way every time.
        self.deaths[self.begun] += MOST_DEATHS if code == ENDED_BY_ALARM else 1
        if self.deaths[self.begun] < MOST_DEATHS:
            return
        if self.begun is None:
            self._refuse("it could not be read: it takes too much memory or time.")
        else:
            sentence = "Judging its answer took too much memory or time."
            self.tasks[self.begun] = TaskResult(self.begun, STOPPED, sentence)
            self.finished = not self._left()


def _settle(graded: list[Graded], exercises: dict[str, Exercise]) -> list[Graded]:
    """Sort by learner and exercise, and refuse two notebooks of one exercise from one learner."""
    together = defaultdict(list)
    for each in graded:
        together[each.submission.learner, each.result.exercise or ""].append(each)
    settled = []
    for (_, name), own in sorted(together.items()):
        if name and len(own) > 1:
            paths = sorted(readable(str(each.submission.path)) for each in own)
            sentence = f"two or more notebooks of one exercise ({', '.join(paths)}): keep one."
            tasks = tuple(TaskResult(task.id, REFUSED, sentence) for task in exercises[name].tasks)
            own = [Graded(own[0].submission, NotebookResult(name, sentence, tasks))]
        settled += sorted(own, key=lambda each: each.submission.path)
    return settled
