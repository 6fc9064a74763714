"""``course sweep``: train a grid of runs, on this machine or on a Dask cluster."""

import argparse
import sys
from pathlib import Path

from helpers.cli.output import print_json
from helpers.cli.place import add_place


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "sweep",
        help="train a grid of variants, seeds and settings",
        description="Train every combination of the variants, seeds and settings that SPEC names. "
        "A run that is in the run store is not trained again, and a sweep that was stopped goes on "
        "where it was. On a cluster, COURSE_HOME or --store is a folder that all machines share.",
    )
    parser.add_argument("spec", metavar="SPEC", help="file in YAML, see README.md")
    add_place(parser)
    parser.add_argument(
        "--workers", type=int, metavar="N", help="runs at a time here (default: one a core)"
    )
    parser.add_argument("--store", metavar="DIR", help="folder of runs (default: course's own)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train what is missing, and print a table; exit status 1 when a run failed."""
    from helpers.jobs import use_one_thread

    use_one_thread()  # one worker is this process
    from helpers.training.sweep_spec import read_spec

    runs = read_spec(Path(args.spec).expanduser())
    from helpers.datasets import load_cifar10
    from helpers.profiles import get_profile
    from helpers.training.store import RunStore
    from helpers.training.sweep import summary, sweep

    profile = get_profile(runs[0].profile)
    data = load_cifar10(profile=profile)
    try:
        done = sweep(
            runs,
            data,
            RunStore(args.store),
            backend=args.backend,
            scheduler=args.scheduler,
            workers=args.workers,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except KeyboardInterrupt:
        said = "what was trained is kept, and the same command goes on"
        raise KeyboardInterrupt(said) from None
    rows = summary(runs, done.documents)
    failures = {str(runs[place]): report for place, report in done.failures.items()}
    if args.json:
        print_json({"runs": list(done.documents.values()), "rows": rows, "failures": failures})
    else:
        print(f"{data.name}, profile {profile.name}\n\n{as_text(rows)}")
        for title, report in failures.items():
            print(f"\n{title} failed:\n{report}", file=sys.stderr)
    return 1 if failures else 0


def as_text(rows: list[dict]) -> str:
    """Return the rows of a summary as a table in plain text."""
    from helpers.training.comparison import spread_in_words

    width = max((len(row["title"]) for row in rows), default=0)
    lines = [f"{'run':<{width}}  seeds  validation accuracy, mean ± standard deviation"]
    for row in rows:
        accuracy = spread_in_words(row, "validation")
        lines.append(f"{row['title']:<{width}}  {len(row['seeds']):>5}  {accuracy}")
    return "\n".join(lines)
