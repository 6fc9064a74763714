"""What came of grading: as objects, and as the documents in which they are kept and handed over."""

from dataclasses import asdict, dataclass, field

PASSED, FAILED, NOT_DONE, ERROR, STOPPED, REFUSED = (
    "passed",
    "failed",
    "not done",
    "error",
    "stopped",
    "refused",
)


@dataclass(frozen=True)
class TaskResult:
    """What came of one task.

    Args:
        status: ``passed`` or ``failed`` (a property does not hold), ``not done``, ``error`` (the
            answer raised), ``stopped`` (a limit, or the process ended), ``refused``.
        message: a sentence for the learner.
        properties: each hidden property's text and whether it holds; none without an answer.
        problems: exceptions of judges, for the teacher.
    """

    task: str
    status: str
    message: str
    properties: tuple[tuple[str, bool], ...] = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: dict) -> "TaskResult":
        """Return the result that ``asdict`` made a document of."""
        pairs = tuple((text, holds) for text, holds in document["properties"])
        return cls(**document | {"properties": pairs, "problems": tuple(document["problems"])})


@dataclass(frozen=True)
class NotebookResult:
    """What came of one notebook: a result for each task, or why there is none.

    Args:
        exercise: its name; None where the notebook is of no known exercise.
        refused: why nothing was graded.
        notes: sentences about cells that raised or were left out.
    """

    exercise: str | None
    refused: str | None = None
    tasks: tuple[TaskResult, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def document(self) -> dict:
        """Return what ``read`` makes the same object of, as JSON keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, document: dict) -> "NotebookResult":
        """Return the result of a document."""
        tasks = tuple(TaskResult.read(each) for each in document["tasks"])
        return cls(**document | {"tasks": tasks, "notes": tuple(document["notes"])})
