"""Instant feedback on the exercises: what holds, what does not, and which mistake it looks like.

An exercise begins with ``from helpers.checks import check, hint, progress``. Then
``check("2.1", answer)`` says at once what is wrong with an answer, ``hint("2.1")`` gives the next
step, ``expected("2.4")`` shows the figure that a task asks for, and ``progress()`` what is done.

``check`` runs the answer in the notebook's own process and waits for it. An answer that does not
return is stopped as any other cell: by *Interrupt* in JupyterLab, or Ctrl-C.

``task`` says what a task is made of; ``chapter_02`` and its like hold them, one module a chapter,
imported when asked for. CONTRIBUTING.md tells how to add one.
"""

from helpers.checks.notebook import CheckFailed, check, expected, hint, progress
from helpers.checks.task import Holds, Mistake, Task

__all__ = ["CheckFailed", "Holds", "Mistake", "Task", "check", "expected", "hint", "progress"]
