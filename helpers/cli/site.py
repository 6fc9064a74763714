"""``course site``: the pages to read, from what is committed; ``make site`` calls it."""

import argparse
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path

from helpers.cli.output import print_json

NEEDED = ("sphinx", "sphinx_book_theme", "myst_nb", "math_core", "ziamath", "fontTools")


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "site",
        help="make the pages to read",
        description="Make a site of the committed notebooks: lessons, exercises, pages for "
        "teachers, glossary and bibliography. Nothing is executed and nothing is fetched. It needs "
        "the packages of requirements-site.lock; make site installs them apart and calls this.",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", help="where to (default: build/site in the repository)"
    )
    parser.add_argument(
        "--with-solutions",
        action="store_true",
        help="publish the solved exercises too, for a site that only teachers see",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the site and say where it begins."""
    from helpers.build.sources import find_repository

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"this needs {', '.join(missing)}, which is not installed here: run make site, or "
            "install requirements-site.lock into an environment of its own."
        )
    from helpers.site.publish import publish

    root = find_repository()
    out = Path(args.out).expanduser() if args.out else root / "build" / "site"
    with redirect_stdout(sys.stderr):  # what is said on the way is no result
        pages = publish(root, out, args.with_solutions)
    if args.json:
        print_json({"folder": str(out), "pages": pages})
    else:
        print(f"{out / 'index.html'}: {pages} pages")
    return 0
