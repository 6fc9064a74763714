"""Trains one small run in processes that are killed again and again, until one gets to the end.

Run by test_resume.py, a process a backend:

    python killed_runs.py VARIANT STORE SEED KILLS

Prints a line a process: what killed it, or what came of the run. The children are forks of this
process, which has imported Keras and computed nothing: a start costs milliseconds, not seconds.
"""

import json
import os
import random
import signal
import sys
from dataclasses import replace

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
    files.os.fsync = lambda descriptor: None  # what a power cut loses is not tested here


def run(variant: str, store: str, where: str | None, countdown: int) -> None:
    """Train in this process, which may be killed meanwhile; print what came of it."""
    if where:
        die(where, countdown)
    profile = replace(get_profile("ci"), train_images=None)  # all that there are
    settings = get_variant(variant)
    settings = replace(settings, network={**settings.network, **SMALL}, batch_size=32)
    result = train(settings, DATA, profile, 3, epochs=EPOCHS, store=RunStore(store), progress=False)
    history = {name: values for name, values in result.history.items() if name != "seconds"}
    document = {"sha256": result.weights_sha256, "history": history, "ended": result.ended}
    document |= {"best_epoch": result.best_epoch, "test_accuracy": result.test_accuracy}
    document |= {"from_store": result.from_store}
    os.write(1, f"{json.dumps(document)}\n".encode())


def main(variant: str, store: str, seed: int, kills: int) -> None:
    """Kill ``kills`` processes at random moments; then let one go on to the end."""
    rng = random.Random(seed)  # noqa: S311
    moments = [(where, 2) for where in WHERE[1:3]]
    moments += [("in a step", rng.randint(1, 25)) for _ in range(kills - 3)]
    rng.shuffle(moments)
    moments = [*moments, (WHERE[3], 1)] if kills else []
    for where, countdown in [*moments, (None, 0)]:
        child = os.fork()
        if child == 0:
            try:
                run(variant, store, where, countdown)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
