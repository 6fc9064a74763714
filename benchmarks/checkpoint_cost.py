"""Measures what it costs to keep checkpoints, as a share of the training time.

    python benchmarks/checkpoint_cost.py

The 20 x 100 network of chapter 09 trains a few epochs on 5,000 images of the stand-in, with
checkpoints and without, one after the other and in both orders, so that a machine that slows down
slows both. Without means all of it: nothing is copied, nothing is written. The first epoch, which
compiles, is left out; what is written after it is not. Prints each pair, and the time with
checkpoints divided by the time without.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean, median
from tempfile import TemporaryDirectory
from unittest.mock import patch

from helpers import machine
from helpers.datasets import make_stand_in
from helpers.profiles import get_profile
from helpers.training import RunStore, loop
from helpers.training.checkpoint import Checkpoint

IMAGES, EPOCHS, REPEATS, VARIANT = 5_000, 8, 5, "elu"


class Timed(Checkpoint):
    """A checkpoint that notes the time before each state and after each writing."""

    def __init__(self, path: Path | None, times: list[float]):
        super().__init__(path)
        self.times = times

    def keep(self, state) -> None:
        """Look at the clock, then keep the state."""
        self.times.append(time.perf_counter())
        super().keep(state)

    def flush(self) -> None:
        """Write what is not written yet, then look at the clock."""
        super().flush()
        self.times.append(time.perf_counter())


def seconds(data, folder: Path, checkpoints: bool, epochs: int, variant: str) -> float:
    """Train, and return the seconds from the end of the first epoch, which compiles, to the last
    checkpoint: ``epochs`` epochs, and all that was written."""
    times: list[float] = []
    profile = replace(get_profile("full"), train_images=None)
    with (
        patch.object(loop, "Checkpoint", lambda path: Timed(path if checkpoints else None, times)),
        patch.object(loop, "variables_of", loop.variables_of if checkpoints else lambda model: []),
    ):
        loop.train(
            variant, data, profile, epochs=epochs + 1, store=RunStore(folder), progress=False
        )
    return times[-1] - times[0]


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
    ratios = []
    for number in range(options.repeats):
        took = {}
        for checkpoints in (number % 2 == 0, number % 2 == 1):
            with TemporaryDirectory() as folder:
                took[checkpoints] = seconds(
                    data, Path(folder), checkpoints, options.epochs, options.variant
                )
        ratios.append(took[True] / took[False])
        print(f"with {took[True]:.2f} s, without {took[False]:.2f} s: {ratios[-1]:.4f}", flush=True)
    print(f"median {median(ratios):.4f}, geometric mean {geometric_mean(ratios):.4f}")


if __name__ == "__main__":
    main()
