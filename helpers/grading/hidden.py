"""What a chapter's ``hidden_tests.py`` holds: what is asked of an answer, and what must hold of it.

Only the source of ``ask`` and the inputs enter the sandbox. What is expected stays here, in the
grader's own process, and what comes back is only ever values (``inside.values``).
"""

import importlib.util
import inspect
import textwrap
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Property:
    """One thing that must hold of an answer.

    Args:
        text: what the learner reads of it: the property, not the code, and not what is expected.
        judge: ``judge(inputs, answer)`` says whether it holds. The answer may be anything that
            JSON holds: what ``judge`` raises counts as "does not hold".
    """

    text: str
    judge: Callable[[dict, object], bool]


@dataclass(frozen=True)
class Hidden:
    """The hidden test of one task.

    Args:
        ask: ``ask(learner, **inputs)``, a plain function. Its source runs in the sandbox, so it
            imports inside itself; ``learner`` has the notebook's names as attributes. It returns
            numbers, texts, lists, dictionaries and NumPy arrays.
        inputs: makes the inputs from a ``numpy.random.Generator`` whose seed no learner can know.
        properties: at least one; the task's points are for all of them together.
        keras_backend: what Keras computes with in the sandbox; ``"numpy"`` loads no TensorFlow.
    """

    ask: Callable
    inputs: Callable[[np.random.Generator], dict]
    properties: tuple[Property, ...]
    keras_backend: str | None = None

    @property
    def source(self) -> str:
        """The source of ``ask``, as the sandbox gets it."""
        return textwrap.dedent(inspect.getsource(self.ask))


@dataclass(frozen=True)
class Verdict:
    """Whether a property holds of an answer; ``problem`` names an exception of its judge."""

    text: str
    holds: bool
    problem: str | None = None


def judge(hidden: Hidden, inputs: dict, answer) -> list[Verdict]:
    """Return a verdict for each property. No answer, whatever it is, makes this raise."""
    return [_judge(each, inputs, answer) for each in hidden.properties]


def _judge(asked: Property, inputs: dict, answer) -> Verdict:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return Verdict(asked.text, bool(asked.judge(inputs, answer)))
    except Exception as error:  # MemoryError and RecursionError too
        return Verdict(asked.text, False, type(error).__name__)


def close(answer, expected, rtol: float = 1e-6, atol: float = 1e-9) -> bool:
    """Return whether an answer is an array, or lists, of numbers as expected, in shape and values.

    NaN equals NaN. Unlike ``np.allclose`` it never broadcasts: an answer of one number is not right
    for a whole array, and one of a wrong shape costs no memory.

    >>> close([1.0, 2.0], np.array([1.0, 2.0])), close(1.0, np.ones(3)), close("one", 1.0)
    (True, False, False)
    """
    expected = np.asarray(expected)
    try:
        given = np.asarray(answer)
    except (ValueError, TypeError, OverflowError):  # ragged lists
        return False
    if given.shape != expected.shape or given.dtype.kind not in "bfiu":
        return False
    return bool(np.allclose(given, expected, rtol=rtol, atol=atol, equal_nan=True))


def load_hidden(path: Path) -> dict[str, Hidden]:
    """Import a chapter's hidden tests and return them by task. It is the teacher's own file.

    Raises:
        ValueError: for a file that cannot be imported, or whose ``TASKS`` is not what is expected.
    """
    specification = importlib.util.spec_from_file_location(f"hidden_tests_{path.parent.name}", path)
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    tasks = getattr(module, "TASKS", None)
    if not isinstance(tasks, Mapping) or not tasks:
        raise ValueError(f"{path}: expected TASKS, a dictionary of task id to Hidden.")
    for task, hidden in tasks.items():
        for mistake in _mistakes(hidden):
            raise ValueError(f"{path}, task {task}: {mistake}.")
    return dict(tasks)


def _mistakes(hidden):
    if not isinstance(hidden, Hidden):
        yield f"expected a Hidden, got {type(hidden).__name__}"
        return
    if not inspect.isfunction(hidden.ask) or hidden.ask.__name__ == "<lambda>":
        yield "ask is not a function with a name, and its source has to be sent"
    elif hidden.ask.__closure__:
        yield "ask uses names of a function around it, which do not travel with its source"
    if not hidden.properties or not all(isinstance(each, Property) for each in hidden.properties):
        yield "expected at least one Property in properties"
    elif len({each.text for each in hidden.properties}) != len(hidden.properties):
        yield "two properties have the same text"
