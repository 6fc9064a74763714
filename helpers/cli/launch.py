"""``course launch``: which public repository the badges and the notebooks lead to."""

import argparse


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "launch",
        help="set the repository that Binder and Colab open",
        description="Write the links and badges of README.md, and the cell of every notebook that "
        "installs the course on Colab, for a public repository. Nothing is executed. Without "
        "OWNER/REPO, say what is set.",
    )
    parser.add_argument("repository", nargs="?", metavar="OWNER/REPO", help="as on GitHub")
    parser.add_argument("--ref", metavar="NAME", help="branch, tag or commit (default: main)")
    parser.add_argument(
        "--remove", action="store_true", help="forget the repository: no links are shown"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write, or say what is set."""
    from helpers.build.sources import find_repository
    from helpers.launch import Launch, read_launch

    root = find_repository()
    if args.remove and (args.repository or args.ref):
        raise ValueError("--remove takes neither OWNER/REPO nor --ref.")
    if args.remove:
        return _write(root, Launch())
    if args.repository:
        return _write(root, Launch(args.repository, args.ref or Launch.ref))
    launch = read_launch(root)
    if args.ref:
        if not launch.is_set:
            raise ValueError("no repository is set: course launch OWNER/REPO --ref NAME.")
        return _write(root, Launch(launch.repository, args.ref))
    print(as_text(launch))
    return 0


def as_text(launch) -> str:
    """Return what is set, and the addresses that it gives for the first notebook."""
    if not launch.is_set:
        return "No repository is set, and no links are shown. To set it: course launch OWNER/REPO"
    start = "notebooks/00_start_here.ipynb"
    rows = {
        "repository": launch.page,
        "ref": launch.ref,
        "Binder": launch.binder(start),
        "Colab": launch.colab(start),
    }
    return "\n".join(f"{name:<10} {value}" for name, value in rows.items())


def _write(root, launch) -> int:
    from helpers.cli.build import require

    require("jupytext", "nbformat", extra="test")
    from helpers.build.launching import set_launch

    changed = set_launch(root, launch)
    print(as_text(launch))
    print(f"{len(changed)} files written." if changed else "Everything said so already.")
    return 0
