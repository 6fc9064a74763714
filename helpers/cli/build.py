"""``course build``: notebooks from chapters, executed; ``--check`` compares without executing."""

import argparse
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from helpers.cli.output import print_json


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "build",
        help="make the notebooks from chapters/",
        description="Make notebooks/CHAPTER.ipynb from chapters/CHAPTER/lesson.py and execute it; "
        "from exercise.py, exercises/CHAPTER.ipynb without solutions, and solutions/CHAPTER.ipynb, "
        "executed. What has not changed with its source and profile is left alone; after a change "
        "in helpers/, say --force.",
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all chapters")
    parser.add_argument(
        "--check", action="store_true", help="compare with the sources, execute nothing"
    )
    parser.add_argument(
        "--student",
        metavar="FOLDER",
        help="write what a teacher hands out, without solutions and hidden tests; build nothing",
    )
    parser.add_argument("--force", action="store_true", help="execute unchanged chapters too")
    parser.add_argument(
        "--profile",
        metavar="NAME",
        default="quick",
        help="ci, quick or full; committed notebooks are quick (default), whatever COURSE_PROFILE",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build or check the chosen chapters. 1 when a cell fails or something differs."""
    from helpers.build.sources import EXERCISE, choose_chapters, find_repository
    from helpers.profiles import get_profile

    root = find_repository()
    chapters = choose_chapters(root, args.chapters)
    profile = get_profile(args.profile).name
    require("jupytext", "nbclient", "yaml", extra="test")
    if args.student:
        return _hand_out(root, Path(args.student), args.json)
    if any(lesson.with_name(EXERCISE).exists() for lesson in chapters.values()):
        require("nbgrader", extra="grade")
    if args.check:
        return _check(root, chapters, profile, args.json)
    return _build(root, chapters, profile, args.force, args.json)


def require(*packages: str, extra: str) -> None:
    """Raise ValueError for packages that are not installed, with the extra that holds them."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"this needs {' and '.join(missing)}, which is not installed: "
            f'python -m pip install -e ".[{extra}]"'
        )


def _hand_out(root: Path, target: Path, as_json: bool) -> int:
    from helpers.build.student import write_student_folder

    files = write_student_folder(root, target)
    if as_json:
        print_json({"folder": str(target), "files": files})
    else:
        print(f"{target}: {files} files, none with a solution or a hidden test")
    return 0


def _check(root: Path, chapters: dict[str, Path], profile: str, as_json: bool) -> int:
    from helpers.build.check import check_repository

    differences = list(check_repository(root, chapters, profile))
    if as_json:
        print_json({"differences": differences})
    else:
        for difference in differences:
            print(difference)
    return 1 if differences else 0


def _build(root: Path, chapters: dict[str, Path], profile: str, force: bool, as_json: bool) -> int:
    from helpers.build.check import check_shape

    log = sys.stderr if as_json else sys.stdout
    results = []
    for chapter, lesson in chapters.items():
        for broken in check_shape(chapter, lesson):
            print(broken, file=sys.stderr)
        for kind, build in (("lesson", _build_lesson), ("exercise", _build_exercise)):
            started = time.perf_counter()
            status = build(root, chapter, profile, force)
            if status is None:
                continue
            seconds = round(time.perf_counter() - started, 1)
            name = chapter if kind == "lesson" else f"{chapter}, {kind}"
            print(f"{name}: {status} ({seconds} s)", file=log, flush=True)
            results.append({"chapter": chapter, "kind": kind, "status": status, "seconds": seconds})
    if as_json:
        print_json({"profile": profile, "chapters": results})
    return 1 if any(result["status"] == "failed" for result in results) else 0


def _build_lesson(root: Path, chapter: str, profile: str, force: bool) -> str:
    """Build the lesson of a chapter; return ``built``, ``renewed``, ``unchanged`` or ``failed``.

    Renewed: only the cell that installs was another. Nothing was executed.
    """
    from helpers.build.check import check_notebook
    from helpers.build.launching import renew_notebook
    from helpers.build.notebook import read_lesson
    from helpers.build.quizzes import write_quiz
    from helpers.build.sources import find_chapters, notebook_path
    from helpers.launch import read_launch

    lesson, path = find_chapters(root)[chapter], notebook_path(root, chapter)
    try:
        changed = write_quiz(root, chapter)
    except ValueError as error:
        print(f"{chapter}, quiz.yaml: {error}", file=sys.stderr)
        return "failed"
    renewed = renew_notebook(path, read_launch(root))
    if not force and not changed and not any(check_notebook(chapter, lesson, path, profile)):
        return "renewed" if renewed else "unchanged"
    return _execute(read_lesson(lesson, profile), path, chapter, profile, root)


def _build_exercise(root: Path, chapter: str, profile: str, force: bool) -> str | None:
    """Build a chapter's exercise and its solution; None where it has none."""
    from helpers.build.check import check_solution
    from helpers.build.exercise_shape import check_exercise_shape
    from helpers.build.exercises import read_solution, write_exercise
    from helpers.build.launching import renew_notebook
    from helpers.build.sources import find_exercises, solution_path
    from helpers.launch import read_launch

    source = find_exercises(root).get(chapter)
    if source is None:
        return None
    broken = list(check_exercise_shape(chapter, source))
    if broken:
        print("\n".join(broken), file=sys.stderr)
        return "failed"
    changed, path = write_exercise(root, chapter), solution_path(root, chapter)
    renewed = renew_notebook(path, read_launch(root))
    if not force and not any(check_solution(root, chapter, profile)):
        return "built" if changed else "renewed" if renewed else "unchanged"
    name = f"{chapter}, exercise"
    return _execute(read_solution(source, profile), path, name, profile, root)


def _execute(notebook, path: Path, name: str, profile: str, root: Path) -> str:
    """Execute a notebook and put it in place, and return ``built`` or ``failed``."""
    from helpers.build.execution import BuildError, execute
    from helpers.build.notebook import name_widgets, write

    path.parent.mkdir(exist_ok=True)
    try:
        execute(notebook, name, path.parent, profile, root)
    except BuildError as error:
        print(error, file=sys.stderr)
        return "failed"
    write(name_widgets(notebook, name), path)
    return "built"
