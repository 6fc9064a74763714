"""``course compare``: the table of all variants that were trained, beside the published figures."""

import argparse
import sys

from helpers.cli.output import print_json


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "compare",
        help="print the table of trained variants",
        description="Compare the runs in the store: mean and standard deviation over seeds.",
    )
    parser.add_argument("--profile", metavar="NAME", help="ci, quick or full (COURSE_PROFILE)")
    parser.add_argument("--store", metavar="DIR", help="folder of runs (default: course's own)")
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="show the full-length runs kept in recorded/ instead",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one table for each data set and profile that has runs."""
    from helpers.profiles import get_profile
    from helpers.training import recorded_runs, stored_runs
    from helpers.training.comparison import as_text, compare

    profile = get_profile("full" if args.recorded and not args.profile else args.profile).name
    runs = recorded_runs() if args.recorded else stored_runs(args.store)
    names = sorted({run["data"] for run in runs if run["profile"] == profile})
    tables = {name: compare(runs, data=name, profile=profile) for name in names}
    if args.json:
        print_json(
            {
                "profile": profile,
                "tables": [{"data": name, "rows": rows} for name, rows in tables.items()],
            }
        )
        return 0
    if not tables:
        print(
            f"No runs under the {profile} profile yet: "
            f"course train --variant bn --profile {profile}",
            file=sys.stderr,
        )
    for name, rows in tables.items():
        print(f"{name}, profile {profile}: accuracy, mean ± standard deviation over seeds\n")
        print(as_text(rows) + "\n")
        missing = [row["variant"] for row in rows if not row["seeds"]]
        if missing:
            print(f"Not trained yet: {', '.join(missing)}.", file=sys.stderr)
    return 0
