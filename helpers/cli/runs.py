"""``course runs``: what is in the run store; show, export or delete one run."""

import argparse
import shutil
import sys
from pathlib import Path

from helpers.cli.output import print_json

ACTIONS = ("list", "show", "export", "delete")


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "runs",
        help="list, show, export or delete trained runs",
        description="List the runs in the store, those that were cut off too. A run is called by "
        "its name in the list, or by the start of it where no other run starts so.",
    )
    parser.add_argument("action", nargs="?", default="list", metavar="ACTION",
                        help="list (default), show, export or delete")  # fmt: skip
    parser.add_argument("name", nargs="?", metavar="RUN", help="name of a run")
    parser.add_argument("--to", metavar="FOLDER", help="where export copies the run's files")
    parser.add_argument("--store", metavar="DIR", help="folder of runs (default: course's own)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what is asked and return the exit status."""
    from helpers.names import lookup
    from helpers.training.store import RunStore

    store = RunStore(args.store)
    action = lookup(args.action, {name: name for name in ACTIONS}, "action")
    if action == "list":
        return _list(store, args.json)
    name = _find(store, args.name, action)
    match action:
        case "show":
            print_json(store.document(name))
        case "export":
            print(f"{name}: copied to {_export(store, name, args.to)}")
        case "delete":
            _delete(store, name)
            print(f"{name}: deleted", file=sys.stderr if args.json else sys.stdout)
    return 0


def _list(store, as_json: bool) -> int:
    found = store.listing()
    if as_json:
        print_json({"folder": str(store.folder), "runs": found})
        return 0
    if not found:
        print(f"No runs in {store.folder} yet: course train --variant bn", file=sys.stderr)
    width = max((len(entry["name"]) for entry in found), default=0)
    for entry in found:
        print(f"{entry['name']:<{width}}  {_line(entry)}")
    return 0


def _line(entry: dict) -> str:
    if entry["state"] == "damaged":
        return f"damaged: {entry['reason']}"
    epochs = f"{entry['epochs']} of {entry['planned_epochs']} epochs"
    head = f"{entry['profile']:<5}  {entry['data']}, {epochs}"
    if entry["state"] == "cut off":
        return f"{head}, cut off: train it again and it goes on"
    return f"{head}, validation accuracy {entry['validation_accuracy']:.4f}"


def _find(store, name: str | None, action: str) -> str:
    """Return the whole name of the run that is meant.

    Raises:
        ValueError: for none, an unknown, or an ambiguous name.
    """
    from helpers.names import lookup

    known = {entry["name"]: entry["name"] for entry in store.listing()}
    if name is None:
        raise ValueError(f"course runs {action} needs the name of a run: course runs list")
    if not known:
        raise ValueError(f"there is no run in {store.folder}.")
    meant = [each for each in known if each.startswith(name)]
    if len(meant) > 1 and name not in known:
        raise ValueError(f"{name!r} may be any of {', '.join(meant)}: give more of the name.")
    return meant[0] if len(meant) == 1 else lookup(name, known, "run")


def _export(store, name: str, folder: str | None) -> Path:
    if folder is None:
        raise ValueError("course runs export needs --to FOLDER.")
    target = Path(folder).expanduser() / name
    if target.exists():
        raise ValueError(f"{target} exists already: choose another folder, nothing was changed.")
    store.document(name)  # a damaged run, or one that was cut off, is refused with a reason
    temporary = target.with_name(f".{name}.part")
    try:
        shutil.copytree(store.folder / name, temporary, dirs_exist_ok=True)
        temporary.rename(target)
    except OSError as error:
        raise ValueError(f"{name} could not be copied to {target}: {error}.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _delete(store, name: str) -> None:
    try:
        store.delete(name)
    except OSError as error:
        raise ValueError(f"{name} could not be deleted: {error}.") from None
