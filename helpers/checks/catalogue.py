"""The tasks of all chapters: found by id, with their points."""

import json
import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from helpers.checks.task import Task
from helpers.names import lookup

FOLDER = Path(__file__).parent
PREFIX = "chapter_"


@cache
def chapter_tasks(number: str) -> tuple[Task, ...]:
    """Return the tasks of a chapter (``"02"``), none where it has no exercise."""
    if number not in chapter_numbers():
        return ()
    return import_module(f"helpers.checks.{PREFIX}{number}").TASKS


def chapter_numbers() -> list[str]:
    """Return the chapters that have tasks, ``["02", ...]``, without importing them."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]


def find_task(task_id) -> Task:
    """Return the task of that id, ``"2.1"``. Imports its chapter only, if there is one.

    Raises:
        ValueError: for an unknown id, with the nearest and all known ones.
    """
    chapter = str(task_id).partition(".")[0]
    known = {task.id: task for task in chapter_tasks(chapter.zfill(2))}
    if not isinstance(task_id, str) or task_id not in known:
        known = {task.id: task for task in all_tasks()}
    return lookup(task_id, known, "task")


def all_tasks() -> list[Task]:
    """Return every task of every chapter, in order."""
    return [task for number in chapter_numbers() for task in chapter_tasks(number)]


def points_file(number: str) -> Path:
    """Return where the points of a chapter's tasks are kept; ``course build`` writes it."""
    return FOLDER / f"{PREFIX}{number}.json"


def points(number: str) -> dict[str, int]:
    """Return the points of a chapter's tasks by id; nothing where it was not built yet."""
    path = points_file(number)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
