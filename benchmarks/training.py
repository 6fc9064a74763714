"""Measures how fast the 20 x 100 network trains: the plain way, the course's, and a floor.

    CIFAR10_DIR=... python benchmarks/training.py

Six ways, on all training images of CIFAR-10, each in a process of its own, one after the other and
then all again, so that a machine that slows down slows all of them:

- plain: a float32 array of standardized pixels, ``compile`` and ``fit`` on TensorFlow;
- tensorflow, jax: ``train`` of this course;
- tensorflow XLA: the same, compiled by XLA, which the course does without (``execution.py``);
- floor: the matrix products of a step and one fused Nadam update, with NumPy;
- by hand: nearly all of a step, with NumPy, in place (both are in ``numpy_step.py``).

The images are all in memory, and twice 250 steps are taken. The first times building and compiling
too, the second the step; what an epoch and more of them take is reckoned with both. JAX keeps what
it compiles: ``jax`` is a first start, ``jax again`` a second one.

The plain way's time ends with its last step, not with its epoch: ``tf.data`` may end an epoch up to
as long again later, when its tuning thread wakes (after 1.28, 2.56 or 5.12 s). That hits short
epochs, by chance. The course feeds TensorFlow without tuning, and its time is that of whole epochs.

Prints and keeps milliseconds a step, seconds to 1, 5 and 10 epochs with all that comes before
(building, compiling), peak memory, and each way's median ratio to the plain one within a round.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy_step import CLASSES, LAYERS, WIDTH, ByHand, Floor
from results_of import about, in_a_process, spread, write

from helpers import machine
from helpers.datasets import Split, load_cifar10

WAYS = ("plain", "tensorflow", "tensorflow XLA", "jax", "jax again", "floor", "by hand")
NETWORKS = {"elu": {}, "bn": {"normalization": "before"}}
BATCH_SIZES = (32, 128)
STEPS, ROUNDS = 250, 3  # STEPS are taken twice
LENGTHS = (1, 5, 10)  # epochs
IMAGES = 45_000


def one(way: str, network: str, batch_size: int) -> dict:
    """Train in this process; return the seconds at the end of each half, and the peak memory."""
    if way in ("floor", "by hand"):
        by_hand = way == "by hand"
        ended = numpy(ByHand(batch_size, bool(NETWORKS[network])) if by_hand else Floor(batch_size))
    else:
        data = load_cifar10()
        if way == "tensorflow XLA":
            compile_with_xla()
        ended = (plain if way == "plain" else course)(data, network, batch_size)
    return {"ended": ended, "memory_mib": machine.peak_memory_mib()}


def compile_with_xla() -> None:
    """Let the course compile its steps on TensorFlow as well."""
    from helpers.training import loop

    options = loop.compile_options
    loop.compile_options = lambda *arguments: options(*arguments) | {"jit_compile": True}


def plain(data, network: str, batch_size: int) -> list[float]:
    """Train as a tutorial does."""
    started, ended = time.perf_counter(), []
    from helpers.backend import use_backend

    use_backend()
    import keras

    images = data.train.images.astype(np.float32)
    images = (images - images.mean(axis=(0, 1, 2))) / images.std(axis=(0, 1, 2))
    model = plain_network(images.shape[1:], network)
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Nadam(3e-4), loss, metrics=["accuracy"])
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ended.append(time.perf_counter() - started)
    )
    used = STEPS * batch_size
    model.fit(
        images[:used], data.train.labels[:used], batch_size=batch_size, epochs=2, verbose=0,
        callbacks=[clock],
    )  # fmt: skip
    first, begun, last = ended[STEPS - 1], ended[STEPS], ended[-1]
    return [first, first + (last - begun) * STEPS / (STEPS - 1)]


def plain_network(shape: tuple[int, ...], network: str):
    """Return the network as a tutorial builds it."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input(shape), layers.Flatten()])
    for _ in range(LAYERS):
        model.add(layers.Dense(WIDTH, kernel_initializer="he_normal"))
        if NETWORKS[network]:
            model.add(layers.BatchNormalization())
        model.add(layers.Activation("elu"))
    model.add(layers.Dense(CLASSES, activation="softmax"))
    return model


def course(data, network: str, batch_size: int) -> list[float]:
    """Train as the course does; its epochs end in a validation, which the plain way has not."""
    started = time.perf_counter()
    few = {name: Split(*(a[:250] for a in getattr(data, name))) for name in ("validation", "test")}
    data = data._replace(train=Split(*(array[: STEPS * batch_size] for array in data.train)), **few)
    from helpers.training import loop

    ended, epoch_started = [], []
    one_epoch = loop._one_epoch

    def timed(*arguments, **options):
        epoch_started.append(time.perf_counter())
        result = one_epoch(*arguments, **options)
        ended.append(time.perf_counter())
        return result

    loop._one_epoch = timed
    train_once(network, data, 2, batch_size)
    first = ended[0] - started
    return [first, first + ended[1] - epoch_started[1]]


def train_once(network: str, data, epochs: int, batch_size: int) -> None:
    """Train as the course does, in a run store of its own that goes with it."""
    from helpers.profiles import get_profile
    from helpers.training import RunStore, train

    with tempfile.TemporaryDirectory() as folder:
        train(
            network, data, get_profile("full"), epochs=epochs, batch_size=batch_size,
            store=RunStore(folder), progress=False,
        )  # fmt: skip


def numpy(step: Floor) -> list[float]:
    """Time a step in NumPy, again and again."""
    for _ in range(5):
        step()
    started, ended = time.perf_counter(), []
    for _ in range(2):
        for _ in range(STEPS):
            step()
        ended.append(time.perf_counter() - started)
    return ended


def measure(way: str, network: str, batch_size: int, home: Path) -> dict:
    """Run one way in a process of its own."""
    backend = way.split()[0] if way.startswith("jax") else "tensorflow"
    environment = {"COURSE_BACKEND": backend}
    if "CIFAR10_DIR" in os.environ:  # else what was downloaded is in the reader's own folder
        environment["COURSE_HOME"] = str(home)
    name = "jax" if backend == "jax" else way
    return in_a_process(__file__, "--one", name, network, str(batch_size), **environment)


def summary(found: list[dict], batch_size: int) -> dict:
    """Return milliseconds a step, seconds to each length, and memory, over the rounds."""
    steps = [(each["ended"][1] - each["ended"][0]) / STEPS for each in found]
    firsts = [each["ended"][0] for each in found]
    epoch = IMAGES // batch_size
    return {
        "step_ms": spread([1e3 * step for step in steps]),
        "seconds_to_epochs": {
            str(count): spread(
                [
                    first + (count * epoch - STEPS) * step
                    for first, step in zip(firsts, steps, strict=True)
                ]
            )
            for count in LENGTHS
        },
        "memory_mib": spread([each["memory_mib"] for each in found]),
    }


def main() -> None:
    """Read the command line, measure, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=BATCH_SIZES)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, network, batch_size = options.one
        print(json.dumps(one(way, network, int(batch_size))))
        return
    rows = []
    for network in options.networks:
        for batch_size in options.batch_sizes:
            with tempfile.TemporaryDirectory() as home:
                rows.append(compare(network, batch_size, options, Path(home)))
    text = as_text(rows)
    write(
        "training",
        about() | {"data": load_cifar10().name, "steps": 2 * STEPS, "rows": rows},
        text,
        draw(rows),
    )


def compare(network: str, batch_size: int, options, home: Path) -> dict:
    """Return what all ways took for one network and batch size, the rounds interleaved."""
    found: dict[str, list[dict]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS:
            # A first start finds nothing compiled; the second of the same round does.
            folder = home / (str(number) if way.startswith("jax") else "other")
            found[way].append(measure(way, network, batch_size, folder))
            print(f"{network}, batch {batch_size}, round {number + 1}: {way}", file=sys.stderr)
    ways = {way: summary(runs, batch_size) for way, runs in found.items()}
    steps = {
        way: np.array([each["ended"][1] - each["ended"][0] for each in runs])
        for way, runs in found.items()
    }
    for way in WAYS:
        ways[way]["times_as_fast_as_plain"] = spread(steps["plain"] / steps[way])
    ways["jax again"]["times_the_floor"] = spread(steps["jax again"] / steps["floor"])
    ways["jax again"]["times_by_hand"] = spread(steps["jax again"] / steps["by hand"])
    return {"network": network, "batch_size": batch_size, "ways": ways}


def as_text(rows: list[dict]) -> str:
    """Return the table that is printed and kept."""
    lines = [f"{'':24} {'ms a step (spread)':>22} {'as fast':>8} {'1':>7} {'5':>7} {'10':>7}  MiB"]
    for row in rows:
        lines.append(f"{row['network']}, batch {row['batch_size']}")
        for way in WAYS:
            found = row["ways"][way]
            step, fast = found["step_ms"], found["times_as_fast_as_plain"]["median"]
            spreads = f"{step['median']:.2f} ({step['smallest']:.2f} to {step['largest']:.2f})"
            seconds = " ".join(
                f"{found['seconds_to_epochs'][str(count)]['median']:>7.1f}" for count in LENGTHS
            )
            lines.append(
                f"  {way:22} {spreads:>22} {fast:>8.2f} {seconds} "
                f"{found['memory_mib']['median']:>5.0f}"
            )
        jax = row["ways"]["jax again"]
        lines.append(
            f"  jax again takes {jax['times_the_floor']['median']:.2f} times the floor's step, "
            f"{jax['times_by_hand']['median']:.2f} times that by hand"
        )
    return "\n".join(lines)


def draw(rows: list[dict]):
    """Return a picture of the milliseconds a step."""
    from helpers.figures.base import PALETTE, CourseFigure, course_style

    colors = ("grey", "orange", "purple", "blue", "sky blue", "green", "vermillion")
    said = "; ".join(
        f"{row['network']}, batch {row['batch_size']}: "
        + ", ".join(f"{way} {row['ways'][way]['step_ms']['median']:.1f}" for way in WAYS)
        for row in rows
    )
    with course_style():
        figure = CourseFigure(f"Bars of milliseconds a step. {said}.", 8, 4.5)
        axes = figure.subplots()
        for place, way in enumerate(WAYS):
            steps = [row["ways"][way]["step_ms"] for row in rows]
            middle = np.array([step["median"] for step in steps])
            ends = [
                middle - [step["smallest"] for step in steps],
                [step["largest"] for step in steps] - middle,
            ]
            where = np.arange(len(rows)) + (place - 3) * 0.13
            axes.bar(where, middle, 0.12, label=way, color=PALETTE[colors[place]])
            axes.errorbar(where, middle, ends, fmt="none", ecolor="black", elinewidth=1, capsize=2)
        labels = [f"{row['network']}, batch {row['batch_size']}" for row in rows]
        axes.set_xticks(range(len(rows)), labels)
        axes.set_ylabel("milliseconds a step")
        axes.set_title("One training step of the 20 x 100 network: median, smallest, largest")
        axes.legend()
        axes.grid(axis="x", visible=False)
    return figure


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
