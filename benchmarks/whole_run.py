"""Measures what a whole run holds in memory on TensorFlow: as the course runs it, and with XLA.

    CIFAR10_DIR=... python benchmarks/whole_run.py

Three epochs on all training images, with validation, checkpoints and test, each in a process of its
own. ``training.py`` takes 500 steps, and holds less. The course asks that a run stay below
``LIMIT_MIB``.
"""

import argparse
import json

from results_of import about, in_a_process, write
from training import BATCH_SIZES, NETWORKS, compile_with_xla, train_once

from helpers import machine
from helpers.datasets import load_cifar10

LIMIT_MIB = 1229  # 1.2 GiB
WAYS = ("tensorflow", "tensorflow XLA")
EPOCHS = 3  # a second and a third hold no more than the first


def one(way: str, network: str, batch_size: int) -> dict:
    """Train in this process, and return the most memory that it held."""
    if way == "tensorflow XLA":
        compile_with_xla()
    train_once(network, load_cifar10(), EPOCHS, batch_size)
    return {"memory_mib": machine.peak_memory_mib()}


def main() -> None:
    """Read the command line, measure, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, network, batch_size = options.one
        print(json.dumps(one(way, network, int(batch_size))))
        return
    rows = [
        {"way": way, "network": network, "batch_size": batch_size}
        | in_a_process(__file__, "--one", way, network, str(batch_size))
        for network in NETWORKS
        for batch_size in BATCH_SIZES
        for way in WAYS
    ]
    document = {"data": load_cifar10().name, "limit_mib": LIMIT_MIB, "rows": rows}
    write("whole_run", about() | document, as_text(rows))


def as_text(rows: list[dict]) -> str:
    """Return the table that is printed and kept."""
    lines = [f"MiB of a whole run; {LIMIT_MIB:,} are allowed"]
    for row in rows:
        name = f"{row['network']}, batch {row['batch_size']}, {row['way']}"
        lines.append(f"{name:32} {row['memory_mib']:>6,.0f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
