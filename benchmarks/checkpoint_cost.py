"""Measures what it costs to keep checkpoints, as a share of the training time.

    python benchmarks/checkpoint_cost.py

The 20 x 100 network of chapter 09 trains a few epochs on 5,000 images of the stand-in, with
checkpoints and without, one after the other and in both orders, so that a machine that slows down
slows both. Without means all of it: nothing is copied, nothing is written. The first epoch, which
compiles, is left out; what is written after it is not.

Prints for each pair the time with checkpoints divided by the time without, and the share of the
time that copying and writing took by themselves. On a machine that does other things as well, the
ratio says little, and the share still does.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from tempfile import TemporaryDirectory
from unittest.mock import patch

from helpers import machine
from helpers.datasets import make_stand_in
from helpers.profiles import get_profile
from helpers.training import RunStore, loop
from helpers.training.checkpoint import Checkpoint

IMAGES, EPOCHS, REPEATS, VARIANT = 5_000, 8, 5, "elu"


class Stopwatch:
    """Times the calls of functions, those inside others once."""

    def __init__(self):
        self.calls: list[tuple[float, float]] = []  # from, to
        self._inside = 0

    def timed(self, function: Callable) -> Callable:
        """Return the function, timed."""

        def call(*arguments):
            started = time.perf_counter()
            self._inside += 1
            try:
                return function(*arguments)
            finally:
                self._inside -= 1
                if not self._inside:
                    self.calls.append((started, time.perf_counter()))

        return call


def measure(data, checkpoints: bool, epochs: int, variant: str) -> tuple[float, float]:
    """Train, and return the seconds after the first epoch and, of these, those for checkpoints."""
    watch = Stopwatch()
    profile = replace(get_profile("full"), train_images=None)
    copies = loop.variables_of if checkpoints else lambda trainer: []
    with (
        TemporaryDirectory() as folder,
        patch.object(loop, "Checkpoint", lambda path: Checkpoint(path if checkpoints else None)),
        patch.object(loop, "variables_of", watch.timed(copies)),
        patch.object(Checkpoint, "keep", watch.timed(Checkpoint.keep)),
        patch.object(Checkpoint, "flush", watch.timed(Checkpoint.flush)),
    ):
        loop.train(
            variant, data, profile, epochs=epochs + 1, store=RunStore(folder), progress=False
        )
    # A copy and a keeping an epoch, and the last writing.
    return watch.calls[-1][1] - watch.calls[0][0], sum(end - start for start, end in watch.calls)


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="timed, after one that is not")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--variant", default=VARIANT)
    options = parser.parse_args()
    data = make_stand_in(options.images, 500, 500)
    print(f"{options.variant}, {options.images:,} images, {options.epochs} epochs, {data.name}")
    print(f"{machine.hardware()['processor']}, {machine.cores()} cores, {machine.versions()}")
    ratios, shares = [], []
    for number in range(options.repeats):
        took = {}
        for checkpoints in (number % 2 == 0, number % 2 == 1):
            took[checkpoints], spent = measure(data, checkpoints, options.epochs, options.variant)
            if checkpoints:
                shares.append(spent / took[checkpoints])
        ratios.append(took[True] / took[False])
        print(
            f"with {took[True]:.2f} s, without {took[False]:.2f} s: ratio {ratios[-1]:.3f}, "
            f"share {shares[-1]:.2%}",
            flush=True,
        )
    print(f"median: ratio {median(ratios):.3f}, share {median(shares):.2%}")


if __name__ == "__main__":
    main()
