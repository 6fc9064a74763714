"""``course grade``: scores and feedback for a folder of submissions, each run in a sandbox."""

import argparse
import sys
from pathlib import Path

from helpers.cli.output import print_json
from helpers.cli.place import add_place


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "grade",
        help="grade a folder of submissions",
        description="Grade exercises that learners handed in. SUBMISSIONS holds a notebook for "
        "each learner, or a folder with notebooks; the file's or folder's name is the learner's. "
        "REPORT gets scores.csv, index.html, and a page for each learner. They run in bubblewrap, "
        "without network. A grading that was cut off goes on where it was.",
    )
    parser.add_argument("submissions", metavar="SUBMISSIONS", help="folder of submissions")
    parser.add_argument("--out", required=True, metavar="REPORT", help="folder for the report")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="submissions at a time here (default: one a core)"
    )
    add_place(parser)
    parser.add_argument(
        "--no-sandbox",
        action="store_true",
        help="run them as ordinary programs, which may read and delete your files and use the "
        "network: for notebooks that you wrote yourself",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Grade, write the report and say where it is."""
    from helpers.build.sources import find_repository
    from helpers.grading.exercises import find_exercises
    from helpers.grading.grader import grade
    from helpers.grading.pages import SCORES
    from helpers.grading.report import SUMMARY, rows, write_report

    if args.jobs is not None and args.jobs < 1:
        raise ValueError(f"--jobs is {args.jobs}, expected 1 or more.")
    report, root = Path(args.out).expanduser(), find_repository()
    graded = grade(
        Path(args.submissions).expanduser(),
        report,
        root,
        jobs=args.jobs,
        sandboxed=not args.no_sandbox,
        backend=args.backend,
        scheduler=args.scheduler,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    exercises = find_exercises(root)
    write_report(report, graded, exercises)
    if args.json:
        print_json({"report": str(report), "scores": list(rows(graded, exercises))})
    else:
        print(f"{report / SUMMARY}: the class; {report / SCORES}: a row for each task")
    return 0
