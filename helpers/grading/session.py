"""One conversation with a runner: cells in, then one question, then values out or a reason.

Every line that comes is a claim of the learner's process. What a claim can do is bounded here:
its size, its time, and what it is used for.
"""

import json
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from helpers.grading.inside.values import dumps
from helpers.grading.limits import MIB, Limits
from helpers.grading.sandbox import start

LOOK_SECONDS = 0.2  # between two looks at memory and clock
GONE_SECONDS = 5
MOST_LINES = 20_000
MOST_SAID = 2000  # bytes kept of standard error
MOST_INPUTS = 32 * MIB
ANSWER = b'{"answer": '


@dataclass
class Outcome:
    """How a conversation ended.

    ``ended`` is ``answered``, ``failed`` (the question raised), ``died``, ``slow`` (a cell, or the
    answer), ``late`` (all of it), ``memory``, ``flood`` (said too much), or ``no start``.
    ``cell`` is the number of the cell that ran then, None once the question was asked.
    """

    ended: str
    cell: int | None = None
    answer: bytes | None = None
    failed: dict = field(default_factory=dict)
    raised: dict[int, dict] = field(default_factory=dict)
    said: str = ""


@dataclass(frozen=True)
class Question:
    """What is asked of the names that the cells defined."""

    source: str
    name: str
    inputs: dict


def converse(
    command: list[str] | None,
    cells: Sequence[tuple[int, str]],
    question: Question,
    limits: Limits,
    keras_backend: str | None = None,
    seconds: float | None = None,
) -> Outcome:
    """Run numbered cells, ask the question, and return how that went. Nothing is left running.

    Args:
        command: of the sandbox; None runs without one.
        seconds: what is left of ``limits.task_seconds``.
    """
    with tempfile.TemporaryDirectory(prefix="course-grade-", ignore_cleanup_errors=True) as folder:
        process = start(command, Path(folder))
        talk = _Conversation(process, limits, limits.task_seconds if seconds is None else seconds)
        opening = {
            "cells": cells,
            "keras_backend": keras_backend,
            "limits": _process_limits(limits, command is not None),
            "most_bytes": limits.answer_mib * MIB,
        }
        asked = {"ask": question.source, "name": question.name, "inputs": question.inputs}
        try:
            return talk.hold(json.dumps(opening).encode(), dumps(asked, MOST_INPUTS + MIB))
        finally:
            talk.end()


def _process_limits(limits: Limits, sandboxed: bool) -> dict[str, int]:
    return limits.for_process(sandboxed) if psutil.LINUX else {}


class _Conversation:
    def __init__(self, process: subprocess.Popen, limits: Limits, seconds: float) -> None:
        self.process, self.limits = process, limits
        self.incoming: queue.Queue[bytes] = queue.Queue(maxsize=64)
        self.said = b""
        self.over = False
        self.deadline = time.monotonic() + seconds + limits.start_seconds  # until the first cell
        self.seconds = seconds
        self.step_deadline = time.monotonic() + limits.start_seconds
        self.started = False
        self.cell: int | None = None
        self.ready = False
        self.raised: dict[int, dict] = {}
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.drain = threading.Thread(target=self._drain, daemon=True)
        self.drain.start()

    def hold(self, opening: bytes, question: bytes) -> Outcome:
        """Return how the conversation ended."""
        self._send(opening)
        pending, count, total = b"", 0, 0
        next_look = 0.0
        while True:
            if time.monotonic() >= next_look:
                trouble = self._look()
                if trouble:
                    return self._outcome(trouble)
                next_look = time.monotonic() + LOOK_SECONDS
            try:
                chunk = self.incoming.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            if not chunk:
                if not self.started:
                    self.drain.join(timeout=1)  # what bubblewrap said of it
                return self._outcome("died" if self.started else "no start")
            total += len(chunk)
            *lines, pending = (pending + chunk).split(b"\n")
            count += len(lines)
            if total > (self.limits.answer_mib + 1) * MIB or count > MOST_LINES:
                return self._outcome("flood")
            for line in lines:
                outcome = self._hear(line, question)
                if outcome is not None:
                    return outcome

    def end(self) -> None:
        """Kill the runner and all that it started."""
        self.over = True
        with suppress(psutil.Error):  # in the sandbox they go with it
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
        self.process.kill()
        self.process.wait()
        with suppress(queue.Empty):
            while True:
                self.incoming.get_nowait()  # lets the reading thread see that it is over
        self.reader.join(timeout=GONE_SECONDS)  # the pipe ends with the last that holds it

    def _hear(self, line: bytes, question: bytes) -> Outcome | None:
        if self.ready and line.startswith(ANSWER):
            return self._outcome("answered", answer=line[len(ANSWER) : -1])
        try:
            claim = json.loads(line[:MIB])
        except (ValueError, RecursionError):
            return None
        now = time.monotonic()
        match claim:
            case {"failed": dict(failed)} if self.ready:
                return self._outcome("failed", failed=failed)
            case {"begin": int(cell)} if not self.ready:
                self._begin(now)
                self.cell, self.step_deadline = cell, now + self.limits.cell_seconds
            case {"raised": {"cell": int(cell)}} if not self.ready:
                self.raised[cell] = claim["raised"]
            case {"ready": True} if not self.ready:
                self._begin(now)
                self.ready, self.cell = True, None
                self.step_deadline = now + self.limits.cell_seconds
                self._send(question)
        return None

    def _begin(self, now: float) -> None:
        if not self.started:
            self.started = True
            self.deadline = now + self.seconds

    def _look(self) -> str | None:
        """Return what is beyond its limit."""
        now = time.monotonic()
        if now > self.deadline:
            return "late" if self.started else "no start"
        if now > self.step_deadline:
            return "slow" if self.started else "no start"
        return "memory" if self._takes_too_much() else None

    def _takes_too_much(self) -> bool:
        most, processes = self.limits.memory_mib * MIB, []
        with suppress(psutil.Error):
            mine = psutil.Process(self.process.pid)
            processes = [mine, *mine.children(recursive=True)]
        # The first sum counts what processes share once for each, and costs little.
        return _sum(processes, _resident) > most and _sum(processes, _own_share) > most

    def _outcome(self, ended: str, **more) -> Outcome:
        said = self.said.decode("utf-8", "replace").strip()
        return Outcome(ended, self.cell, raised=self.raised, said=said, **more)

    def _send(self, line: bytes) -> None:
        """Send in a thread: who does not read must not keep the grader waiting."""

        def write() -> None:
            with suppress(OSError):
                self.process.stdin.write(line + b"\n")
                self.process.stdin.flush()

        threading.Thread(target=write, daemon=True).start()

    def _read(self) -> None:
        stream = self.process.stdout
        chunk = b"started"
        while chunk and not self.over:
            try:
                chunk = stream.read1(2**16)
            except (OSError, ValueError):
                chunk = b""
            self.incoming.put(chunk)

    def _drain(self) -> None:
        """Keep the beginning of standard error: bubblewrap says there why it cannot start."""
        stream = self.process.stderr
        with suppress(OSError, ValueError):
            while chunk := stream.read1(2**16):
                self.said = (self.said + chunk)[:MOST_SAID]


def _sum(processes: list[psutil.Process], measure: Callable[[psutil.Process], int]) -> int:
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += measure(process)
    return total


def _resident(process: psutil.Process) -> int:
    return process.memory_info().rss


def _own_share(process: psutil.Process) -> int:
    """Return its memory, with its share of what it has in common with others."""
    try:
        return process.memory_full_info().pss
    except (psutil.AccessDenied, AttributeError):  # it hides, or this is not Linux
        return _resident(process)
