"""Runs a submission's cells in a fresh IPython shell, and asks one question of what they define.

It is started as ``python -m helpers.grading.inside.runner`` and talks in lines of JSON: requests
come on standard input, answers go to what was standard output. First it gets the cells; it says
``{"begin": 3}`` before each, ``{"raised": ...}`` after one that raised, and ``{"ready": true}``
after the last. Only then does it get the question, so no cell can see it. The answer is
``{"answer": values}`` or ``{"failed": ...}``.

The learner's code shares this process and may change anything in it. So nothing here is for safety,
limits apart, which no process can raise again: the grader takes every line for a mere claim.
"""

import json
import os
import sys
import types

from helpers.grading.inside.values import ValueRefused, dumps, loads

LONGEST_TEXT = 300


class NameMissing(AttributeError):
    """The question is about a name that no cell defined."""


class Learner:
    """Gives what the cells defined as attributes."""

    def __init__(self, names: dict) -> None:
        self._names = names

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._names[name]
        except KeyError:
            raise NameMissing(name) from None


def main() -> None:
    """Run the cells, answer the question, and end without asking threads or exit handlers."""
    requests, answers = _take_streams()
    first = json.loads(requests.readline())
    _limit(first["limits"])

    def say(line: bytes) -> None:
        answers.write(line + b"\n")
        answers.flush()

    _prepare_course(first["keras_backend"])
    shell = _start_shell()
    for number, source in first["cells"]:
        say(json.dumps({"begin": number}).encode())
        error = _run_cell(shell, number, source)
        if error is not None:
            say(json.dumps({"raised": _describe(error, number)}).encode())
    say(b'{"ready": true}')
    question = loads(requests.readline())
    say(_answer(shell, question, first["most_bytes"]))
    os._exit(0)


def _take_streams():
    """Keep standard input and output for the grader; cells get the null device."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)
    return requests, answers


def _limit(limits: dict[str, int]) -> None:
    """Set limits, soft and hard: without privileges a hard limit cannot be raised again."""
    if limits:
        import resource  # not on Windows

        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))


def _prepare_course(keras_backend: str | None) -> None:
    """Put what does nothing in the place of ``helpers.checks``, and choose Keras's backend."""
    checks = types.ModuleType("helpers.checks")
    checks.__path__ = []
    checks.__getattr__ = lambda name: lambda *args, **kwargs: None
    sys.modules["helpers.checks"] = checks
    if keras_backend:
        from helpers import backend

        backend.BACKENDS.setdefault(keras_backend, keras_backend)
        os.environ["COURSE_BACKEND"] = os.environ["KERAS_BACKEND"] = keras_backend


def _start_shell():
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = InteractiveShell.instance(config=config)
    # There is no shell to run "!pip install" with: what follows in the cell still runs.
    shell.system = shell.system_raw = shell.system_piped = lambda command: None
    shell.getoutput = lambda command, split=True, depth=0: [] if split else ""
    shell.register_magic_function(lambda line: None, "line", "matplotlib")  # nothing is shown
    shell.showtraceback = lambda *args, **kwargs: None  # said by the grader, from the source it has
    shell.showsyntaxerror = lambda *args, **kwargs: None
    return shell


def _run_cell(shell, number: int, source: str) -> BaseException | None:
    """Run a cell and return what ended it, if anything did."""
    shell.compile.get_code_name = lambda raw, transformed, count: f"<cell {number}>"
    try:
        result = shell.run_cell(source, store_history=False, silent=True)
    except BaseException as error:  # an interrupt that the shell passes on
        return error
    return result.error_before_exec or result.error_in_exec


def _describe(error: BaseException, number: int) -> dict:
    """Return what a cell raised: nothing hidden is in this process yet, so the text is harmless."""
    cell, line = _place(error)
    text = str(error).strip().partition("\n")[0][:LONGEST_TEXT]
    if isinstance(error, SyntaxError):  # it happened to the cell, not in it
        cell, line, text = number, error.lineno, str(error.msg)[:LONGEST_TEXT]
    line = line if cell == number else None
    return {"cell": number, "line": line, "text": text, "type": type(error).__name__}


def _place(error: BaseException) -> tuple[int | None, int | None]:
    """Return the innermost line of a cell that an exception passed through."""
    place, frame = (None, None), error.__traceback__
    while frame is not None:
        filename = frame.tb_frame.f_code.co_filename
        if filename.startswith("<cell "):
            place = int(filename[6:-1]), frame.tb_lineno
        frame = frame.tb_next
    return place


def _answer(shell, question: dict, most_bytes: int) -> bytes:
    """Return the line that answers, or says why there is no answer.

    What an exception says is left out here: it could hold the question.
    """
    names: dict = {"__name__": "question"}
    try:
        exec(question["ask"], names)  # noqa: S102 - the grader's own source, in the sandbox
        answer = names[question["name"]](Learner(shell.user_ns), **question["inputs"])
        values = dumps(answer, most_bytes - 20)
        return b'{"answer": ' + values + b"}"
    except NameMissing as error:
        failed = {"missing": str(error)}
    except ValueRefused as error:
        failed = {"refused": str(error)}
    except BaseException as error:
        cell, line = _place(error)
        failed = {"cell": cell, "line": line, "type": type(error).__name__}
    return json.dumps({"failed": failed}).encode()


if __name__ == "__main__":
    main()
