"""Measures what grows with depth, width, samples and the number of runs, on logarithmic axes.

    python benchmarks/growth.py

- a training step of the course's network, on the backend in force, against depth, width and batch;
- a picture of the lab of signals (compute and draw), against depth and width;
- the table of ``course compare``, against the number of runs in the store.

Beside each point stands the slope since the one before: 1 means twice the size takes twice as long,
0 that size costs nothing yet. Where a slope changes, the text says why.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from results_of import about, spread, write

from helpers.backend import use_backend
from helpers.figures.base import PALETTE, CourseFigure, course_style
from helpers.labs import SignalFlow

ROUNDS = 5
STEPS = 48  # a call
BEND = 0.3  # where slopes of one curve differ by more, the text says why
DEPTHS, WIDTHS, BATCHES = (2, 5, 10, 20, 50, 100), (25, 50, 100, 200, 400, 800), (8, 32, 128, 512)
LAB_DEPTHS, LAB_WIDTHS, RUNS = (2, 5, 10, 20, 50, 100), (10, 20, 50, 100), (1, 10, 100, 1000)


def training_step(depth: int = 20, width: int = 100, batch: int = 32) -> Callable[[], None]:
    """Return a function that takes one compiled training step, called as in training."""
    use_backend()
    import keras

    from helpers.models import create_variables, deep_mlp, get_variant, logits_of
    from helpers.training.execution import compile_options
    from helpers.training.loop import make_optimizer

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (STEPS * batch, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, STEPS * batch).astype(np.int32)
    model = deep_mlp(depth=depth, width=width, mean=[120.0], variance=[4000.0], seed=0)
    trainer = logits_of(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    options = compile_options(keras.config.backend(), steps=STEPS)
    trainer.compile(make_optimizer(get_variant("elu"), 1e-4), loss, **options)
    create_variables(trainer, 10)

    def steps() -> None:
        trainer.fit(images, labels, batch_size=batch, shuffle=False, verbose=0)

    return steps


def picture(depth: int = 20, width: int = 100) -> Callable[[], None]:
    """Return a function that computes and draws the lab of signals anew."""
    lab = SignalFlow(depth=depth, width=width)
    seed = lab.controls["seed"]

    def change() -> None:
        seed.value = seed.min + (seed.value + 1 - seed.min) % (seed.max + 1 - seed.min)

    return change


def table(runs: int) -> Callable[[], None]:
    """Return a function that reads a store of so many runs and makes the table of them."""
    from helpers.training import recorded_runs
    from helpers.training.comparison import as_text, compare
    from helpers.training.store import DOCUMENT, RunStore

    store = tempfile.TemporaryDirectory()  # as long as the function below
    documents = recorded_runs()
    for number in range(runs):
        document = documents[number % len(documents)] | {"seed": number}
        place = Path(store.name) / f"{document['variant']}-seed{number}"
        place.mkdir()
        (place / DOCUMENT).write_text(json.dumps(document), encoding="utf-8")

    def read() -> None:
        found = RunStore(store.name).documents()
        as_text(compare(found, data=documents[0]["data"], profile="full"))

    return read


MEASURED = {
    "a training step": (
        training_step,
        {"depth": DEPTHS, "width": WIDTHS, "batch": BATCHES},
        STEPS,
    ),
    "a lab's picture": (picture, {"depth": LAB_DEPTHS, "width": LAB_WIDTHS}, 1),
    "the table of runs": (table, {"runs": RUNS}, 1),
}
WHY = {
    ("a training step", "depth"): "building and calling a step costs the same for any network; "
    "from there on each layer costs alike.",
    ("a training step", "width"): "below some hundred units a layer's products are too small to "
    "fill the processor; the first layer, of 3,072 inputs, grows with the width, the others with "
    "its square.",
    ("a training step", "batch"): "the update of all weights costs the same for any batch, and is "
    "most of a small step.",
    ("a lab's picture", "depth"): "drawing axes and texts costs the same whatever they show; then "
    "the products of each layer count.",
    ("a lab's picture", "width"): "as with depth; the products grow with the square of the width, "
    "which the lab's fewer samples make up for in part.",
    ("the table of runs", "runs"): "one file a run is opened, read and checked.",
}


def measure(make: Callable, name: str, sizes, calls: int, rounds: int) -> list[dict]:
    """Return seconds at each size, the rounds interleaved."""
    functions = {size: make(**{name: size}) for size in sizes}
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for function in functions.values():
        function()  # compiles, fills caches
    for _ in range(rounds):
        for size, function in functions.items():
            started = time.perf_counter()
            function()
            taken[size].append((time.perf_counter() - started) / calls)
    return [{"size": size, "seconds": spread(values)} for size, values in taken.items()]


def slopes(points: list[dict]) -> list[float]:
    """Return the slope on logarithmic axes between each two neighbours."""
    sizes = np.log([point["size"] for point in points])
    seconds = np.log([point["seconds"]["median"] for point in points])
    return list(np.diff(seconds) / np.diff(sizes))


def main() -> None:
    """Read the command line, measure, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    curves = []
    for what, (make, axes, calls) in MEASURED.items():
        for name, sizes in axes.items():
            points = measure(make, name, sizes, calls, options.rounds)
            curves.append({"what": what, "against": name, "points": points})
    write("growth", about() | {"curves": curves}, as_text(curves), draw(curves))


def as_text(curves: list[dict]) -> str:
    """Return the tables that are printed and kept."""
    lines = []
    for curve in curves:
        lines.append(f"{curve['what']} against {curve['against']}: milliseconds (slope)")
        found = slopes(curve["points"])
        cells = []
        for point, slope in zip(curve["points"], [None, *found], strict=True):
            cell = f"{point['size']}: {1e3 * point['seconds']['median']:.1f}"
            cells.append(cell + (f" ({slope:.2f})" if slope is not None else ""))
        lines.append("  " + ", ".join(cells))
        if max(found) - min(found) > BEND:
            lines.append(f"  It bends: {WHY[curve['what'], curve['against']]}")
    return "\n".join(lines)


def draw(curves: list[dict]) -> CourseFigure:
    """Return a picture with a part for each thing that was measured."""
    said = "; ".join(
        f"{c['what']} against {c['against']} from {1e3 * c['points'][0]['seconds']['median']:.1f} "
        f"to {1e3 * c['points'][-1]['seconds']['median']:.1f} ms"
        for c in curves
    )
    looks = [("blue", "o", "-"), ("vermillion", "s", "--"), ("green", "^", "-.")]
    with course_style():
        figure = CourseFigure(f"Lines on logarithmic axes: {said}.", 10, 4)
        parts = figure.subplots(1, len(MEASURED), sharey=True)
        for axes, what in zip(parts, MEASURED, strict=True):
            own = [curve for curve in curves if curve["what"] == what]
            for curve, (color, marker, line) in zip(own, looks, strict=False):
                axes.loglog(
                    [point["size"] for point in curve["points"]],
                    [1e3 * point["seconds"]["median"] for point in curve["points"]],
                    color=PALETTE[color], marker=marker, linestyle=line, label=curve["against"],
                )  # fmt: skip
            axes.set_title(what)
            axes.set_xlabel("size")
            axes.legend(title="against")
        parts[0].set_ylabel("milliseconds")
    return figure


if __name__ == "__main__":
    main()
