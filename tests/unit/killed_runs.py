"""Trains small runs in processes that are killed again and again, until one gets to the end.

Run by test_resume.py, a process a backend:

    python killed_runs.py FOLDER SEED KILLS VARIANT ...

Writes a file ``VARIANT.txt`` for each: what came of a run that was never killed, then a line a
process: what killed it, or what came of the run. The children are forks of this process, which has
imported Keras and computed nothing: a start costs milliseconds, not seconds.
"""

import json
import os
import random
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from helpers.backend import use_backend

use_backend()
import keras  # noqa: E402,F401  before the forks

from helpers import files  # noqa: E402
from helpers.datasets import make_stand_in  # noqa: E402
from helpers.models import get_variant  # noqa: E402
from helpers.profiles import get_profile  # noqa: E402
from helpers.training import RunStore, checkpoint, progress  # noqa: E402
from helpers.training.loop import train  # noqa: E402

EPOCHS = 24  # more than ten processes get through
DATA = make_stand_in(320, 100, 100)
SMALL = {"depth": 3, "width": 16}
WHERE = ("in a step", "between epochs", "while a checkpoint is written", "while the run is stored")


def kill(where: str) -> None:
    """End this process as a lost machine would."""
    os.write(1, f"killed {where}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


def die(where: str, countdown: int) -> None:
    """Arrange for this process to be killed at the ``countdown``-th passage of a place."""
    left = [countdown]

    def passing():
        left[0] -= 1
        if left[0] == 0:
            kill(where)

    match where:
        case "in a step":
            make = progress.step_clock

            def step_clock(bar):
                clock = make(bar)
                ended = clock.on_train_batch_end
                clock.on_train_batch_end = lambda batch, logs=None: (passing(), ended(batch, logs))
                return clock

            sys.modules["helpers.training.loop"].step_clock = step_clock
        case "between epochs":
            keep = checkpoint.Checkpoint.keep
            checkpoint.Checkpoint.keep = lambda self, state: (passing(), keep(self, state))
        case "while a checkpoint is written":
            save = checkpoint.np.savez

            def half_of_it(file, **arrays):
                save(file, **arrays)
                if left[0] == 1:  # as if the rest had never reached the disk
                    file.truncate(file.tell() // 2)
                passing()

            checkpoint.np = type("numpy", (), {**vars(checkpoint.np), "savez": half_of_it})
        case "while the run is stored":
            RunStore.save = lambda *arguments: passing()


def trained(variant: str, store: str, epochs: int = EPOCHS):
    """Return a small run."""
    profile = replace(get_profile("ci"), train_images=None)  # all that there are
    settings = get_variant(variant)
    settings = replace(settings, network={**settings.network, **SMALL}, batch_size=32)
    return train(settings, DATA, profile, 3, epochs=epochs, store=RunStore(store), progress=False)


def what_came_of(result) -> str:
    """Return what must be the same however often a run was cut off."""
    history = {name: values for name, values in result.history.items() if name != "seconds"}
    document = {"sha256": result.weights_sha256, "history": history, "ended": result.ended}
    document |= {"best_epoch": result.best_epoch, "test_accuracy": result.test_accuracy}
    return json.dumps(document, sort_keys=True)


def run(variant: str, store: str, where: str | None, countdown: int) -> None:
    """Train in this process, which may be killed meanwhile; print what came of it."""
    if where:
        die(where, countdown)
    files.os.fsync = lambda descriptor: None  # what a power cut loses is not tested here
    os.write(1, f"{what_came_of(trained(variant, store))}\n".encode())


def drive(variant: str, folder: Path, seed: int, kills: int) -> None:
    """Train one run whole; then kill ``kills`` processes at random moments, and let one end."""
    with (folder / f"{variant}.txt").open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    rng = random.Random(seed)  # noqa: S311
    moments = [(where, 2) for where in WHERE[1:3]]
    moments += [("in a step", rng.randint(1, 25)) for _ in range(kills - 3)]
    rng.shuffle(moments)
    in_fork(run, variant, str(folder / f"{variant}-whole"), None, 0)()
    for where, countdown in [*moments, (WHERE[3], 1), (None, 0)]:
        in_fork(run, variant, str(folder / variant), where, countdown)()


def in_fork(function, *arguments):
    """Call a function in a fork of this process, and return a function that waits for its end."""
    child = os.fork()
    if child == 0:
        try:
            function(*arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    return lambda: os.waitpid(child, 0)


def main(folder: str, seed: str, kills: str, *variants: str) -> None:
    """Do so for several variants at once."""
    waits = [in_fork(drive, name, Path(folder), int(seed), int(kills)) for name in variants]
    for wait in waits:
        wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
