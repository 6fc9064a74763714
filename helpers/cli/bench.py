"""``course bench``: measure what the course costs, one benchmark after the other."""

import argparse
import subprocess
import sys

# In the order in which they run, with what each is about.
BENCHMARKS = {
    "training": "a training step: the plain way, the course's, and a floor",
    "same_losses": "whether those compute the same",
    "whole_run": "what a whole run holds in memory, with XLA and without",
    "labs": "from a changed control to the picture",
    "start": "from the start of a kernel to the first picture",
    "scale": "sweeps, gradings and Dask; writes docs/scale.md",
    "growth": "what grows with depth, width, samples and runs",
    "course": "the table of what the notebooks take",
    "speed": "writes docs/speed.md: what was found, beside what was aimed for",
}


def register(subparsers) -> None:
    """Add the command and its options."""
    about = "; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    parser = subparsers.add_parser(
        "bench",
        help="measure what the course costs",
        description="Run benchmarks of the repository, all or those named, and keep what they "
        "found in benchmarks/results. Let nothing else run meanwhile; all take about half an hour. "
        f"{about}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the benchmarks; the status is that of the first that fails."""
    from helpers.build.sources import find_repository
    from helpers.names import lookup

    for name in args.names:
        lookup(name, BENCHMARKS, "benchmark")
    chosen = [name for name in BENCHMARKS if name in args.names or not args.names]
    folder = find_repository() / "benchmarks"
    for place, name in enumerate(chosen, start=1):
        print(f"{place} of {len(chosen)}: {name}, {BENCHMARKS[name]}", file=sys.stderr, flush=True)
        command = [sys.executable, str(folder / f"{name}.py")]
        status = subprocess.run(command).returncode  # noqa: S603
        if status:
            return status
    return 0
