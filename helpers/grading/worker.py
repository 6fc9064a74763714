"""The process that grades one notebook. ``grader`` starts it, and ends it when it takes too long.

Whatever a learner wrote is read here and nowhere else of the grader: the notebook, and the answers.
So a notebook or an answer that takes all memory, or keeps a judge busy for ever, ends this process,
and costs one task.

It is started as ``python -m helpers.grading.worker``. Standard input holds one line, the job, then
the notebook's bytes, and stays open: where it ends, the grader is gone, and so is this. Standard
output has a JSON line for each event: ``exercise`` or ``refused``, then for each task ``begin`` and
``done``, then ``notes``, with ``broken`` in place of any of them for what the teacher has to mend.
"""

import builtins
import json
import os
import re
import secrets
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from helpers.grading.exercises import Exercise, Planned, find_exercises, identify, plan
from helpers.grading.hidden import Hidden, judge
from helpers.grading.inside.values import ValueRefused, dumps, loads
from helpers.grading.limits import MIB, Limits
from helpers.grading.results import ERROR, FAILED, NOT_DONE, PASSED, STOPPED, TaskResult
from helpers.grading.session import MOST_INPUTS, Outcome, Question, converse
from helpers.grading.submissions import Refused, check_language, parse_notebook, readable

ADDRESS_SPACE = 4096 * MIB
MOST_NOTES = 20
LONGEST_LINE = 120
LONGEST_TEXT = 300


def main() -> None:
    """Grade the notebook on standard input."""
    stream = sys.stdin.buffer
    job = json.loads(stream.readline())
    content = stream.read(job["bytes"])
    threading.Thread(target=_end_with_the_grader, daemon=True).start()
    _limit_memory()

    def say(**event) -> None:
        print(json.dumps(event), flush=True)

    try:
        notebook = parse_notebook(content)
        exercise = identify(notebook, find_exercises(Path(job["root"])))
        if exercise is None:
            raise Refused(
                "it has no cell of an exercise of this course: hand in the exercise's own notebook."
            )
        say(exercise=exercise.name)
        check_language(notebook["metadata"])
    except Refused as error:
        say(refused=str(error))
        return
    try:
        grading = Grading(
            exercise, plan(notebook, exercise), job["command"], Limits(**job["limits"])
        )
        for task in job["tasks"] or [each.id for each in exercise.tasks]:
            say(begin=task)
            say(done=asdict(grading.grade(task)))
        say(notes=grading.notes())
    except ValueError as error:
        say(broken=str(error))


def _end_with_the_grader() -> None:
    while os.read(0, 1):  # not by sys.stdin, whose lock the end of this process needs
        pass
    os._exit(1)  # the sandbox ends with this process


def _limit_memory() -> None:
    """Let what takes too much raise ``MemoryError``. A soft limit: the sandbox has its own."""
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, hard))


@contextmanager
def _in_time(seconds: int):
    """End this process after so many seconds: NumPy does not stop for anything less."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
    try:
        yield
    finally:
        if hasattr(signal, "alarm"):
            signal.alarm(0)


class Grading:
    """Grades the tasks of one notebook, one after the other.

    All cells run for each task, in a fresh process. A cell that ends the process, or takes too
    long, costs its own task; for the others it is left out.
    """

    def __init__(
        self,
        exercise: Exercise,
        cells: list[Planned],
        command: list[str] | None,
        limits: Limits,
    ) -> None:
        self.hidden = exercise.hidden()
        self.cells, self.command, self.limits = cells, command, limits
        self.left_out: dict[int, str] = {}
        self.raised: dict[int, dict] = {}

    def grade(self, task: str) -> TaskResult:
        """Return what comes of a task.

        Raises:
            ValueError: for hidden tests that cannot be used, and a sandbox that does not start.
        """
        hidden = self.hidden[task]
        inputs = _make_inputs(task, hidden)
        ends = time.monotonic() + self.limits.task_seconds
        while True:
            for number, reason in self.left_out.items():
                if self.cells[number].task == task:
                    return TaskResult(task, STOPPED, f"The solution cell {reason}.")
            left = ends - time.monotonic()
            if left <= 0:
                return TaskResult(task, STOPPED, self._late())
            outcome = self._ask(hidden, inputs, left)
            if outcome.cell is None or outcome.ended == "late":
                return self._result(task, hidden, inputs, outcome)
            if outcome.cell not in range(len(self.cells)) or outcome.cell in self.left_out:
                return TaskResult(task, STOPPED, f"A cell {self._end(outcome)}.")
            self.left_out[outcome.cell] = self._end(outcome)

    def _ask(self, hidden: Hidden, inputs: dict, seconds: float) -> Outcome:
        """Run the cells in a new process, and ask."""
        outcome = converse(
            self.command,
            [(i, cell.source) for i, cell in enumerate(self.cells) if i not in self.left_out],
            Question(hidden.source, hidden.ask.__name__, inputs),
            self.limits,
            hidden.keras_backend,
            seconds,
        )
        if outcome.ended == "no start":
            raise ValueError(
                f"the sandbox did not start: {outcome.said or 'it said nothing'}. Other programs "
                "may have taken all memory; grade again, and it goes on from here."
            )
        self.raised |= _valid(outcome.raised, self.cells)
        return outcome

    def notes(self) -> list[str]:
        """Return a sentence for each cell that raised or was left out."""
        found = [
            f"{self.cells[number].where} {reason}; without it, the other cells were run."
            for number, reason in self.left_out.items()
        ]
        for number, about in sorted(self.raised.items()):
            if number not in self.left_out:
                text = f": {about['text']}" if about["text"] else ""
                found.append(f"{self._raised(number, about)}{text}")
        return [f"{each[:1].upper()}{each[1:]}" for each in dict.fromkeys(found)][:MOST_NOTES]

    def _result(self, task: str, hidden: Hidden, inputs: dict, outcome: Outcome) -> TaskResult:
        if outcome.ended == "failed":
            return self._failed(task, hidden, outcome.failed)
        if outcome.ended == "late":
            return TaskResult(task, STOPPED, self._late())
        if outcome.ended != "answered":
            return TaskResult(task, STOPPED, f"Asked for its answer, it {self._end(outcome)}.")
        try:
            with _in_time(self.limits.judge_seconds):
                verdicts = judge(hidden, inputs, loads(outcome.answer))
        except (ValueRefused, MemoryError):
            return TaskResult(task, FAILED, NOT_VALUES)
        failed = [each.text for each in verdicts if not each.holds]
        return TaskResult(
            task,
            FAILED if failed else PASSED,
            _count(len(verdicts), failed),
            tuple((each.text, each.holds) for each in verdicts),
            tuple(f"{each.text}: {each.problem}" for each in verdicts if each.problem),
        )

    def _failed(self, task: str, hidden: Hidden, failed: dict) -> TaskResult:
        """Return what to say of a question that raised."""
        number, line = failed.get("cell"), failed.get("line")
        known = type(number) is type(line) is int and 0 <= number < len(self.cells)
        match failed:
            case {"missing": str(name)} if re.search(
                rf"\blearner\.{re.escape(name)}\b", hidden.source
            ):
                return self._missing(task, name)
            case {"refused": _}:
                return TaskResult(task, FAILED, NOT_VALUES)
            case {"type": "NotImplementedError"}:
                other = self.cells[number].task if known else None
                needs = f"It needs {other}, whose stub still stands."
                return TaskResult(task, NOT_DONE, STUB if other in (None, task) else needs)
            case {"type": kind} if known:
                said = self._raised(number, {"type": kind, "line": line})
                return TaskResult(task, ERROR, f"Asked for its answer, {said}.")
            case {"type": kind}:
                said = f"What it answered could not be used ({_name(kind)})"
                return TaskResult(task, ERROR, f"{said}: compare it with what the task asks for.")
        return TaskResult(task, ERROR, "It gave no answer.")

    def _missing(self, task: str, name: str) -> TaskResult:
        """Return what to say of a name that no cell defined, and whose own cell may have raised."""
        for number, about in self.raised.items():
            if self.cells[number].task == task:
                if about["type"] == "NotImplementedError":
                    return TaskResult(task, NOT_DONE, STUB)
                said = f"{name} is not defined, for {self._raised(number, about)}."
                return TaskResult(task, ERROR, said)
        return TaskResult(task, NOT_DONE, f"No cell defines {name}.")

    def _raised(self, number: int, about: dict) -> str:
        """Return which cell raised what, with the line as the notebook has it."""
        cell, line = self.cells[number], about["line"]
        lines = cell.source.splitlines()
        said = f"{cell.where} raised {_name(about['type'])}"
        if line is None or not 1 <= line <= len(lines):
            return said
        return f"{said} in line {line}, {readable(lines[line - 1].strip(), LONGEST_LINE)!r}"

    def _end(self, outcome: Outcome) -> str:
        limits = self.limits
        return {
            "died": "ended Python",
            "slow": f"took longer than {limits.cell_seconds:g} s",
            "memory": f"took more than {limits.memory_mib} MiB of memory",
            "flood": f"sent more than {limits.answer_mib} MiB to the grader",
        }[outcome.ended]

    def _late(self) -> str:
        return f"All cells and the answer took longer than {self.limits.task_seconds:g} s."


STUB = "The stub still stands: nothing was written."
NOT_VALUES = (
    "It answered something that is not a number, a text, a list, a dictionary or an array, or too "
    "much of it."
)


def _count(properties: int, failed: list[str]) -> str:
    if not failed:
        return "All that was asked holds."
    holding = properties - len(failed)
    return f"{holding} of {properties} properties hold; the first that does not: {failed[0]}."


def _make_inputs(task: str, hidden: Hidden) -> dict:
    """Make inputs that nobody can know beforehand.

    Raises:
        ValueError: when the hidden test's own function fails.
    """
    try:
        inputs = hidden.inputs(np.random.default_rng(secrets.randbits(128)))
    except Exception as error:
        raise ValueError(
            f"the inputs of the hidden test of {task} cannot be made: {type(error).__name__}: "
            f"{error}"
        ) from error
    if not isinstance(inputs, dict):
        raise ValueError(f"the inputs of the hidden test of {task} are no dictionary.")
    try:
        dumps(inputs, MOST_INPUTS)
    except ValueRefused as error:
        raise ValueError(f"the inputs of the hidden test of {task} hold {error}.") from None
    return inputs


def _valid(raised: dict[int, dict], cells: list[Planned]) -> dict[int, dict]:
    """Return what of the claims about exceptions can be shown, in the types that it has."""
    found = {}
    for number, about in raised.items():
        text, line = about.get("text"), about.get("line")
        if number in range(len(cells)):
            found[number] = {
                "type": about.get("type"),
                "line": line if type(line) is int else None,
                "text": readable(text, LONGEST_TEXT) if isinstance(text, str) else "",
            }
    return found


def _name(kind) -> str:
    """Return an exception's name if Python has it: one of the learner's own could hold anything."""
    known = getattr(builtins, kind, None) if isinstance(kind, str) else None
    good = isinstance(known, type) and issubclass(known, BaseException)
    return kind if good else "an exception"


if __name__ == "__main__":
    main()
