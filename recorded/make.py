"""Make the recorded results again: the search for each rate, then every variant with every seed.

    python recorded/make.py search
    python recorded/make.py runs --seeds 0 1 2

Runs land in the run store as they end, so a stopped call goes on where it was when it is made
again. Only then are they written here. Both take hours on TensorFlow; COURSE_BACKEND=jax is faster.
"""

import argparse
import json
import os
from pathlib import Path

from helpers.datasets import load_cifar10
from helpers.files import replacing
from helpers.models import VARIANTS
from helpers.training import RunStore, search_rate, train
from helpers.training.rates import best_rate

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["search", "runs"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--store", help="folder of runs (default: the course's own)")
    options = parser.parse_args()
    data, store = load_cifar10(), RunStore(options.store)
    if data.is_stand_in:
        parser.exit(1, "recorded/ holds results on CIFAR-10 only: set CIFAR10_DIR.\n")
    if options.what == "search":
        record_search(data, store)
    else:
        record_runs(data, store, options.seeds, options.variants)


def record_search(data, store: RunStore) -> None:
    """Search the rate of every variant that is trained, and write all results to one file."""
    results = []
    for variant in VARIANTS.values():
        if variant.monte_carlo_of is None:
            found = search_rate(variant, data, "full", store=store)
            print(f"{variant.name}: {best_rate(found):g}", flush=True)
            results += found
    document = {
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "profile": "full",
        "seed": 0,
        "command": f"{_backend()}python recorded/make.py search",
        "results": results,
    }
    _write(HERE / "rate_search.json", document)


def record_runs(data, store: RunStore, seeds: list[int], variants: list[str]) -> None:
    """Train every variant with every seed, and write each run's document to a file."""
    for seed in seeds:
        for name in variants:
            run = train(name, data, "full", seed, store=store)
            print(run, flush=True)
            command = f"{_backend()}course train --variant {name} --profile full --seed {seed}"
            _write(HERE / "runs" / f"{name}-seed{seed}.json", run.document | {"command": command})


def _backend() -> str:
    chosen = os.environ.get("COURSE_BACKEND")
    return f"COURSE_BACKEND={chosen} " if chosen else ""


def _write(file: Path, document: dict) -> None:
    """Write JSON with a line for each entry, which diffs better than one line or thousands."""
    lines = [f" {json.dumps(name)}: {json.dumps(document[name])}" for name in sorted(document)]
    with replacing(file) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
