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
        description="Make notebooks/CHAPTER.ipynb from chapters/CHAPTER/lesson.py and execute it. "
        "A chapter whose source and profile have not changed is left alone; after a change in "
        "helpers/, say --force.",
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all chapters")
    parser.add_argument(
        "--check", action="store_true", help="compare with the sources, execute nothing"
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
    _require_extra()
    from helpers.build.sources import choose_chapters, find_repository
    from helpers.profiles import get_profile

    root = find_repository()
    chapters = choose_chapters(root, args.chapters)
    profile = get_profile(args.profile).name
    if args.check:
        return _check(root, chapters, profile, args.json)
    return _build(root, chapters, profile, args.force, args.json)


def _require_extra() -> None:
    missing = [name for name in ("jupytext", "nbclient", "yaml") if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"building notebooks needs {' and '.join(missing)}, which is not installed: "
            'python -m pip install -e ".[test]"'
        )


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
        started = time.perf_counter()
        status = _build_chapter(root, chapter, lesson, profile, force)
        seconds = round(time.perf_counter() - started, 1)
        print(f"{chapter}: {status} ({seconds} s)", file=log, flush=True)
        results.append({"chapter": chapter, "status": status, "seconds": seconds})
    if as_json:
        print_json({"profile": profile, "chapters": results})
    return 1 if any(result["status"] == "failed" for result in results) else 0


def _build_chapter(root: Path, chapter: str, lesson: Path, profile: str, force: bool) -> str:
    """Build one chapter and return ``built``, ``unchanged`` or ``failed``."""
    from helpers.build.check import check_notebook
    from helpers.build.execution import BuildError, execute
    from helpers.build.notebook import name_widgets, read_source, write
    from helpers.build.quizzes import write_quiz
    from helpers.build.sources import notebook_path

    path = notebook_path(root, chapter)
    try:
        changed = write_quiz(root, chapter)
    except ValueError as error:
        print(f"{chapter}, quiz.yaml: {error}", file=sys.stderr)
        return "failed"
    if not force and not changed and not any(check_notebook(chapter, lesson, path, profile)):
        return "unchanged"
    notebook = read_source(lesson, profile)
    path.parent.mkdir(exist_ok=True)
    try:
        execute(notebook, chapter, path.parent, profile, root)
    except BuildError as error:
        print(error, file=sys.stderr)
        return "failed"
    write(name_widgets(notebook, chapter), path)
    return "built"
