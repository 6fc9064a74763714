"""Judging an answer: run it, compare, and find the known mistake that it looks like."""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np

from helpers.checks.compare import Difference, count_parts, differences
from helpers.checks.errors import explain, explain_warnings, message_of
from helpers.checks.feedback import Feedback, Line
from helpers.checks.task import Task, UnusableError, described
from helpers.linear_algebra import one_thread

MOST_DIFFERENCES = 3  # told one by one


def judge(task: Task, answer) -> Feedback:
    """Return what a learner is told about an answer. It never raises, whatever the answer does.

    Only an interrupt goes through, so that an answer that does not return can be stopped.
    """
    name = f"{task.id} {task.title}"
    right_result(task)  # before: what raises from here on is the answer's doing
    with _watched() as warned:
        try:
            unfit = _unfit(task, answer)
            if unfit:
                raise UnusableError(unfit)
            lines, passed = _compared(task, task.run(answer))
        except NotImplementedError as error:
            return _unwritten(name, error)
        except UnusableError as error:
            lines, passed = [Line("not yet", str(error))], False
        except (Exception, SystemExit) as error:
            lines, passed = list(explain(error)), False
    if not passed:
        lines += [*explain_warnings(warned), _next_step(task)]
    return Feedback(f"{name}: {'right' if passed else 'not yet'}", tuple(lines), passed)


@cache
def right_result(task: Task):
    """Return what a right answer gives; computed at the first call."""
    with _watched():
        return task.run(task.reference)


@cache
def mistaken_result(task: Task, number: int):
    """Return what the task's known mistake of that number gives; computed at the first call."""
    with _watched():
        return task.run(task.mistakes[number].answer)


def find_mistake(task: Task, found) -> Line | None:
    """Return what to say of the known mistake that a result looks like; None where of none.

    A mistake explains a result when every part that is wrong is what the mistake gives there. Of
    several that do, the one that agrees in most parts is taken, then the first. Where none does,
    the one that explains the most numbers, if they are a third or more of those that are wrong:
    two mistakes at once. Booleans and names agree too easily to count there.
    """
    wrong = differences(right_result(task), found, task.tolerance)
    numeric = [part for part, difference in wrong.items() if difference.numeric]
    whole = partly = (0, None)
    for number, mistake in enumerate(task.mistakes):
        result = mistaken_result(task, number)
        other = differences(result, found, task.tolerance)
        if not other:  # it is this mistake, in every part
            return Line("likely mistake", mistake.says)
        unexplained = {part for part in wrong if any(_overlap(part, name) for name in other)}
        agreeing = count_parts(result) - len(other)
        explained = len(set(numeric) - unexplained)
        if not unexplained and agreeing > whole[0]:
            whole = (agreeing, mistake.says)
        if explained > partly[0]:
            partly = (explained, mistake.says)
    if whole[1]:
        return Line("likely mistake", whole[1])
    if partly[1] and partly[0] >= len(numeric) / 3:
        return Line("likely mistake, among others", partly[1])
    return None


def _overlap(part: str, other: str) -> bool:
    """Return whether two parts are the same, or one of them is within the other."""
    shorter, longer = sorted((part, other), key=len)
    return not shorter or f"{longer}, ".startswith(f"{shorter}, ")


def _compared(task: Task, found) -> tuple[list[Line], bool]:
    """Return what there is to say of a result, and whether it is right."""
    reveal = callable(task.reference)  # of a plain value, the expected one is the solution
    wrong = differences(right_result(task), found, task.tolerance, reveal)
    held, failed = _properties(task, found)
    if not wrong:
        return held or [Line("holds", "everything that was tried")], True
    lines = [*_form(wrong), *held, *failed, *_told(wrong)]
    likely = find_mistake(task, found)
    if likely:
        lines.append(likely)
    return lines, False


def _properties(task: Task, found) -> tuple[list[Line], list[Line]]:
    held, failed = [], []
    for property_ in task.holds:
        try:
            holds = bool(property_.test(found))
        except Exception:  # a result of another form than the test expects
            holds = False
        place = held if holds else failed
        place.append(Line("holds" if holds else "not yet", property_.says))
    return held, failed


def _form(wrong: dict[str, Difference]) -> Iterator[Line]:
    """Yield what holds of an answer whose numbers are wrong."""
    kinds = {difference.kind for difference in wrong.values()}
    if "form" not in kinds:
        yield Line("holds", "the form is right: kinds, lengths, shapes")
        if "finite" not in kinds:
            yield Line("holds", "every number is finite")


def _told(wrong: dict[str, Difference]) -> Iterator[Line]:
    for part, difference in list(wrong.items())[:MOST_DIFFERENCES]:
        yield Line("not yet", f"{part}: {difference.says}" if part else difference.says)
    if len(wrong) > MOST_DIFFERENCES:
        yield Line("not yet", f"{len(wrong) - MOST_DIFFERENCES} more of what was tried")


def _next_step(task: Task) -> Line:
    return Line("next", f'`hint("{task.id}")` gives a step')


def _unwritten(name: str, error: NotImplementedError) -> Feedback:
    sentence = message_of(error) or "it raises NotImplementedError"
    return Feedback(f"{name}: not written yet", (Line("to do", sentence),), passed=False)


def _unfit(task: Task, answer) -> str | None:
    """Return why an answer is not of the kind that the task asks for; None where it is."""
    reference = task.reference
    if not callable(reference):
        if callable(answer):
            kind = "class" if isinstance(answer, type) else "function"
            return f"expected a value, got the {kind} itself: call it, and give what it returns"
        return None
    kind = "class" if isinstance(reference, type) else "function"
    wants = f'expected the {kind} itself, as in `check("{task.id}", name)` without brackets after '
    if not callable(answer) or isinstance(answer, type) != isinstance(reference, type):
        return f"{wants}the name; got {described(answer)}"
    return _misfit(reference, answer, kind)


def _misfit(reference, answer, kind: str) -> str | None:
    """Return how the arguments differ from those that the task calls the answer with."""
    try:
        wanted, given = inspect.signature(reference), inspect.signature(answer)
    except Exception:  # some built-in functions have none; an object may raise anything
        return None
    required = [each for each in wanted.parameters.values() if each.default is each.empty]
    optional = [name for name, each in wanted.parameters.items() if each.default is not each.empty]
    try:
        given.bind(*required, **dict.fromkeys(optional))
    except TypeError:
        return f"the {kind} takes {_arguments(given)}, expected {_arguments(wanted)}"
    return None


def _arguments(signature: inspect.Signature) -> str:
    return f"({', '.join(signature.parameters)})"


@contextmanager
def _watched() -> Iterator[list[warnings.WarningMessage]]:
    """Keep warnings for the feedback: a notebook would show them apart, and nbgrader as errors."""
    with warnings.catch_warnings(record=True) as warned, np.errstate(all="warn"), one_thread():
        warnings.simplefilter("default")
        yield warned
