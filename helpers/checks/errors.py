"""Explaining an exception in a learner's code, with the line of theirs that it comes from."""

import linecache
import os
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import helpers
from helpers.checks.compare import shortened
from helpers.checks.feedback import Line

# Code under these folders is not the learner's.
_LIBRARIES = tuple(
    f"{Path(folder)}{os.sep}"
    for folder in (
        Path(helpers.__file__).parent,
        *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
    )
)
_NO_FILES = ("<frozen", "<__array_function__", "<string>")

# The first that fits; what it usually means.
USUAL = (
    (ModuleNotFoundError, "A package or a module is missing, or its name is misspelt."),
    (UnboundLocalError, "A name is used in the function before it is set there."),
    (NameError, "A name is misspelt, or the cell that makes it was not run."),
    (AttributeError, "Something has another type than you think, or a name is misspelt."),
    (IndexError, "An index lies beyond the end: print the shape or the length."),
    (KeyError, "A dictionary has no such key: print its keys."),
    (ZeroDivisionError, "Something is divided by 0: which number can be 0 here?"),
    (RecursionError, "A function calls itself without an end."),
    (MemoryError, "An array is far larger than it should be: print the shapes."),
    (SystemExit, "An answer must return, and not end Python."),
    (TypeError, "A value has another type than the operation takes, or a call other arguments."),
    (ValueError, "Often two shapes that do not fit together: print the shapes."),
)


def explain(error: BaseException) -> Iterator[Line]:
    """Yield what a learner is told about an exception in their code: it, their line, its cause."""
    message = message_of(error)
    name = type(error).__name__
    yield Line("error", f"{name}: {message}" if message else name)
    place = own_line(error)
    if place:
        yield place
    meaning = next((says for kind, says in USUAL if isinstance(error, kind)), None)
    if meaning:
        yield Line("usually", meaning)


def explain_warnings(warned: list[warnings.WarningMessage]) -> Iterator[Line]:
    """Yield the first warning that the learner's own code gave."""
    for warning in warned:
        if _is_own(warning.filename):
            code = linecache.getline(warning.filename, warning.lineno).strip()
            says = f"{warning.category.__name__}: {message_of(warning.message)}"
            yield Line("warning", f"{says}, in line {warning.lineno}", shortened(code))
            return


def own_line(error: BaseException) -> Line | None:
    """Return the deepest line of the learner's code that the exception came through."""
    found = None
    frames = error.__traceback__
    while frames:
        code = frames.tb_frame.f_code
        if _is_own(code.co_filename):
            found = (code.co_filename, frames.tb_lineno, frames.tb_frame.f_globals)
        frames = frames.tb_next
    if found is None:
        return None
    filename, number, names = found
    return Line(f"your line {number}", "", shortened(linecache.getline(filename, number, names)))


def _is_own(filename: str) -> bool:
    return not filename.startswith((*_LIBRARIES, *_NO_FILES))


def message_of(error: BaseException | str) -> str:
    """Return an exception's message on one line, whatever its ``__str__`` does."""
    try:
        return shortened(str(error).replace("`", "'"), most=300)
    except Exception:  # a class of the learner's
        return ""
