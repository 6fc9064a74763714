"""Accuracy against sparsity, with what it varies by from seed to seed."""

from collections.abc import Mapping

import numpy as np

from helpers.arguments import Entries, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DATA_NAME,
    PALETTE,
    SHARES,
    CourseFigure,
    Mark,
    counted,
    course_style,
    name_data,
    plain,
    set_caption,
    set_title,
)

MARKS = (
    Mark(PALETTE["vermillion"], (0, (5, 2)), "s"),
    Mark(PALETTE["blue"], "-", "o"),
    Mark(PALETTE["green"], (0, (1, 1.2)), "^"),
)


@takes(
    targets=Array("points", SHARES),
    accuracies=Entries(Array(interval=SHARES), least=0),
    dense=Array("networks", SHARES),
    data_name=DATA_NAME,
)
@course_style()
def accuracy_against_sparsity(
    targets, accuracies: Mapping[str, np.ndarray], dense, data_name: str
) -> CourseFigure:
    """Draw a line for each way of pruning: mean over the seeds, a bar of a standard deviation.

    Args:
        targets: shares of the weights that are 0, ``(points,)``, rising.
        accuracies: at most three ways of pruning, label -> accuracy ``(seeds, points)``.
        dense: accuracy of each network before pruning, ``(seeds,)``.
        data_name: the data set's name, for the title.

    Raises:
        ValueError: when shapes do not fit, or there are more ways than marks.
    """
    targets, dense = np.asarray(targets, dtype=float), np.asarray(dense, dtype=float)
    found = {label: np.asarray(values, dtype=float) for label, values in accuracies.items()}
    shapes = {values.shape for values in found.values()}
    if shapes != {(len(dense), len(targets))} or len(found) > len(MARKS):
        raise ValueError(
            f"expected 1 to {len(MARKS)} arrays of shape (seeds, points), "
            f"({len(dense)}, {len(targets)}); got {shapes or 'none'}"
        )
    figure = CourseFigure("being drawn", width=7.6, height=4.2)
    axes = figure.subplots()
    axes.axhline(dense.mean(), color=PALETTE["grey"], linewidth=1.2, label="no weight is 0")
    said = []
    for mark, (label, values) in zip(MARKS, found.items(), strict=False):
        mean, std = values.mean(axis=0), values.std(axis=0)
        style = {"color": mark.color, "linestyle": mark.linestyle, "marker": mark.marker}
        axes.errorbar(targets, mean, std, capsize=4, label=plain(label), **style)
        points = zip(targets, mean, std, strict=True)
        spoken = ", ".join(f"{m:.1%} ± {s:.1%} at {t:.0%} zeros" for t, m, s in points)
        said.append(f"{label}: {spoken}.")
    axes.set_xticks(targets, [f"{target:.0%}" for target in targets])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set(xlabel="share of the weights that are 0", ylabel="test accuracy", ylim=(0, 1.02))
    axes.legend(loc="lower left")
    set_title(figure, name_data("Accuracy against sparsity", data_name))
    set_caption(figure, f"Mean and standard deviation over {counted(len(dense), 'seed')}.")
    figure.alt_text = (
        f"Test accuracy against the share of zeros on {data_name}; {dense.mean():.1%} without "
        f"pruning. {' '.join(said)}"
    )
    return figure
