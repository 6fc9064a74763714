"""The ``course`` command; ``COMMANDS`` lists what comes after it.

A command is a module of this package with a function ``register(subparsers)``, which adds its
parser and sets ``run=<function(args) -> int>``: the exit status. These modules import nothing
heavy at their top, so that ``course --help`` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from helpers import __version__
from helpers.names import lookup

COMMANDS = (
    "doctor", "data", "train", "sweep", "runs", "compare", "build", "grade", "launch", "site",
    "bench",
)  # fmt: skip


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of ``course`` with the given commands registered."""
    parser = argparse.ArgumentParser(
        prog="course",
        description="Training deep neural networks: look after the course, train, compare.",
        epilog="course COMMAND --help tells what a command takes.",
    )
    parser.add_argument("--version", action="version", version=f"course {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in commands:
        import_module(f"helpers.cli.{command}").register(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one ``course`` command and return its exit status.

    0: done. 1: it cannot be done, and one line on standard error says why. 2: the command line
    is wrong. 130: interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv and not argv[0].startswith("-"):
        try:
            lookup(argv[0], dict.fromkeys(COMMANDS), "command")
        except ValueError as error:
            return _fail(error, status=2)
    args = build_parser(argv[:1] if argv and argv[0] in COMMANDS else COMMANDS).parse_args(argv)
    if not hasattr(args, "run"):
        build_parser().print_help()
        return 0
    try:
        status = args.run(args)
        sys.stdout.flush()  # here, so that a closed pipe is noticed inside this try
        return status
    except KeyboardInterrupt as interrupt:
        return _fail(": ".join(["interrupted", *map(str, interrupt.args)]), status=130)
    except BrokenPipeError:
        # The reader went away (course compare | head). Python's flush at exit must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _explained_errors() as error:
        return _fail(error, status=1)


def _explained_errors() -> tuple[type[Exception], ...]:
    """Return the errors whose message is written for the reader. Called only once one is raised."""
    from helpers.datasets import DataError

    return ValueError, DataError


def _fail(reason: object, status: int) -> int:
    print(f"course: {reason}", file=sys.stderr)
    return status
