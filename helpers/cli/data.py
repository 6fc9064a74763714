"""``course data``: get the data, and say what it is and where it came from."""

import argparse
import time

from helpers.cli.output import print_json


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "data",
        help="get CIFAR-10 and say what was found",
        description=(
            "Load CIFAR-10, downloading it if need be, and say what it is. Where it cannot be had "
            "the course goes on with its stand-in: that is said, and the exit status is 0, since "
            "everything works. With --json, see is_stand_in."
        ),
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--offline", action="store_true", help="never download")
    which.add_argument("--stand-in", action="store_true", help="make and show the stand-in")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the data and describe it; exit status 0 for CIFAR-10 and for the stand-in."""
    from helpers.datasets import load_cifar10, make_stand_in

    start = time.perf_counter()
    data = (
        make_stand_in() if args.stand_in else load_cifar10(download=False if args.offline else None)
    )
    document = describe(data) | {"seconds": round(time.perf_counter() - start, 3)}
    if args.json:
        print_json(document)
    else:
        print(_table(document))
    return 0


def describe(data) -> dict:
    """Return what ``course data`` says about a data set, as plain values."""
    from helpers.datasets.cache import file_of

    file = file_of(data)
    return {
        "name": data.name,
        "is_stand_in": data.is_stand_in,
        "source": data.source,
        **{f"{part}_images": count for part, count in data.counts.items()},
        "class_names": list(data.class_names),
        "fingerprint": data.fingerprint,
        "cache": str(file) if file else None,
    }


def _table(document: dict) -> str:
    counts = ", ".join(f"{document[f'{part}_images']:,} {part}" for part in _PARTS)
    rows = {
        "data": document["name"],
        "source": document["source"],
        "images": counts,
        "classes": ", ".join(document["class_names"]),
        "fingerprint": document["fingerprint"],
        "cache": document["cache"] or "none (in memory)",
        "loaded in": f"{document['seconds']:.2f} s",
    }
    if document["is_stand_in"]:
        rows = {"NOTE": "this is NOT CIFAR-10 but the course's stand-in for it"} | rows
    return "\n".join(f"{name:<12} {value}" for name, value in rows.items())


_PARTS = ("train", "validation", "test")
