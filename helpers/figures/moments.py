"""Mean and standard deviation through many layers, and accuracies of several seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from helpers.arguments import Document, Entries, Items, Maybe, Number, Whole, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DATA_NAME,
    DRAWN,
    PALETTE,
    SHARES,
    TEXT_GREY,
    CourseFigure,
    course_style,
    in_words,
    name_data,
    plain,
    set_caption,
    set_title,
)
from helpers.figures.parts import legend_beside
from helpers.names import shown

MEAN, STD = PALETTE["blue"], PALETTE["vermillion"]


def _range_in_words(values) -> str:
    return f"{in_words(values.min(), '.2f')} to {in_words(values.max(), '.2f')}"


_RANGE = Array("2", DRAWN)
_PUBLISHED = Document({"mean": _RANGE, "std": _RANGE, "every": Whole(1)})


@takes(
    mean=Array(interval=DRAWN), std=Array(interval=DRAWN), published=_PUBLISHED, data_name=DATA_NAME
)
@course_style()
def through_layers(mean, std, published, data_name) -> CourseFigure:
    """Draw mean and standard deviation after each layer, with the published ranges behind them.

    Args:
        mean, std: after each layer ``(layers,)``, the first layer first.
        published: ``{"mean": (low, high), "std": (low, high), "every": layers}``; the published
            values were taken every so many layers, and the same of ours are marked.
        data_name: what went through the layers, for the title.

    Raises:
        ValueError: when there are no layers, or the lengths differ.
    """
    mean, std = np.asarray(mean, dtype=float), np.asarray(std, dtype=float)
    if mean.shape != std.shape or mean.ndim != 1 or not len(mean):
        raise ValueError(f"expected two values a layer, got {mean.shape} and {std.shape}.")
    figure = CourseFigure("being drawn", width=8.2, height=3.9)
    axes = figure.subplots()
    every = published["every"]
    layers = np.arange(len(mean))
    for values, name, color in ((mean, "mean", MEAN), (std, "std", STD)):
        axes.axhspan(*published[name], color=color, alpha=0.18, linewidth=0)
        axes.plot(layers, values, color=color, linewidth=0.8)
        axes.plot(
            layers[::every], values[::every], "s" if name == "mean" else "o", color=color, zorder=3
        )
    axes.set(xlabel="layer (the first is 0)", ylabel="value", xlim=(0, len(mean)))
    legend_beside(
        axes,
        [
            Line2D([], [], color=STD, marker="o", label="standard deviation of a unit"),
            Line2D([], [], color=MEAN, marker="s", label="mean"),
            Patch(color=TEXT_GREY, alpha=0.25, label="published range"),
        ],
        inches=1.6,
    )
    set_title(figure, name_data(f"SELU through {len(mean):,} layers", data_name))
    set_caption(figure, f"Marks: every {every}th layer, as published. Lines: every layer.")
    figure.alt_text = (
        f"Mean and standard deviation over {len(mean):,} layers, {data_name}. Every layer: mean "
        f"{_range_in_words(mean)}, standard deviation {_range_in_words(std)}. Every {every}th "
        f"layer: mean {_range_in_words(mean[::every])}, standard deviation "
        f"{_range_in_words(std[::every])}; published {published['std'][0]:.2f} to "
        f"{published['std'][1]:.2f}."
    )
    return figure


@takes(
    results=Entries(Items(Number(SHARES), least=0), least=0),
    chance=Maybe(Number(SHARES)),
    data_name=DATA_NAME,
)
@course_style()
def accuracy_over_seeds(
    results: Mapping[str, Sequence[float]], data_name, chance=None
) -> CourseFigure:
    """Draw a row for each network: a dot a seed, and mean ± standard deviation over the seeds.

    Args:
        results: accuracies by what the network is called; from the top down.
        data_name: the data set's name, for the title.
        chance: accuracy of guessing, drawn as a line; None for no line.

    Raises:
        ValueError: when there is no network, or one without an accuracy.
    """
    if not results or not all(len(accuracies) for accuracies in results.values()):
        raise ValueError(
            f"expected at least one network, each with an accuracy a seed, got {shown(results)}."
        )
    figure = CourseFigure("being drawn", width=8.0, height=1.5 + 0.36 * len(results))
    axes = figure.subplots()
    said = []
    for row, (name, accuracies) in enumerate(results.items()):
        mean, std = np.mean(accuracies), np.std(accuracies)
        axes.errorbar(
            mean, row, xerr=std, color=PALETTE["blue"], marker="D", capsize=4, linestyle="none"
        )
        axes.plot(
            accuracies,
            [row + 0.22] * len(accuracies),
            "o",
            color=PALETTE["orange"],
            alpha=0.8,
            zorder=3,
        )
        said.append(f"{name}: {mean:.3f} ± {std:.3f}")
    handles = [
        Line2D([], [], color=PALETTE["orange"], marker="o", linestyle="none", label="one seed"),
        Line2D([], [], color=PALETTE["blue"], marker="D", label="mean ± standard deviation"),
    ]
    if chance is not None:
        style = {"color": TEXT_GREY, "linestyle": (0, (4, 2))}
        axes.axvline(chance, **style)
        handles.append(Line2D([], [], label="guessing", **style))
    axes.set(xlim=(0, 1), xlabel="validation accuracy (share of images)")
    axes.set_yticks(range(len(results)), [plain(name) for name in results])
    axes.set_ylim(len(results) - 0.4, -0.6)
    legend_beside(axes, handles, inches=1.5)
    set_title(figure, name_data("Validation accuracy", data_name))
    figure.alt_text = f"Validation accuracy on {data_name}. {'; '.join(said)}."
    return figure
