"""Batch norm in training: what enters the units of a layer, and accuracy by setting and place."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from helpers.arguments import Entries, Items, Name, Number, Text, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DASHES,
    DATA_NAME,
    DRAWN,
    PALETTE,
    SHARES,
    CourseFigure,
    Mark,
    course_style,
    in_words,
    name_data,
    plain,
    set_caption,
    set_title,
)
from helpers.figures.parts import legend_beside
from helpers.names import shown

_BEFORE = Mark(PALETTE["vermillion"], DASHES["dashed"], "s")
_AFTER = Mark(PALETTE["green"], DASHES["dash dot"], "^")
PLACES = {
    "none": ("without batch norm", Mark(PALETTE["blue"], DASHES["solid"], "o")),
    "before": ("batch norm before the activation", _BEFORE),
    "after": ("batch norm after the activation", _AFTER),
}
STATISTICS = ("mean", "standard deviation")
_PLACE = Name(PLACES, "place of batch norm")


def _draw_units(axes, steps: np.ndarray, values: np.ndarray, mark: Mark) -> None:
    """Draw a thin line for each unit of ``values``, (looks, units), and their median."""
    lines = [np.column_stack([steps, unit]) for unit in values.T]
    axes.add_collection(LineCollection(lines, colors=mark.color, linewidths=0.8, alpha=0.35))
    axes.plot(steps, np.median(values, axis=1), color="black", linewidth=2.2)


@takes(
    steps=Array("looks", DRAWN),
    entering=Entries(Array("looks, 2, units", DRAWN), alike=True, key=_PLACE),
    layer=Text(),
    data_name=DATA_NAME,
)
@course_style()
def units_while_training(
    steps, entering: Mapping[str, np.ndarray], layer: str, data_name: str
) -> CourseFigure:
    """Draw mean and standard deviation of what enters each unit of a layer, over training steps.

    Args:
        steps: after how many steps was looked, ``(looks,)``.
        entering: place of batch norm (``"none"``, ``"before"``, ``"after"``) -> means and standard
            deviations over images, ``(looks, 2, units)``.
        layer: what to call the layer, such as ``"layer 6 of 10"``.
        data_name: the data set's name, for the title.

    Raises:
        ValueError: for an unknown place, no data set's name, steps that do not rise, or shapes that
            do not fit.
    """
    if not (np.diff(steps) > 0).all():
        raise ValueError(f"expected steps that rise, got {shown(steps.tolist())}.")
    figure = CourseFigure("being drawn", width=8.2, height=4.6)
    grid = figure.subplots(2, len(entering), sharex=True, sharey="row", squeeze=False)
    said = []
    for column, (place, values) in zip(grid.T, entering.items(), strict=True):
        title, mark = PLACES[place]
        for row, axes in enumerate(column):
            _draw_units(axes, steps, values[:, row], mark)
            axes.set_xlim(steps[0], max(steps[-1], steps[0] + 1))
            axes.yaxis.set_major_locator(MaxNLocator(5))
        column[0].set_title(title)
        column[-1].set_xlabel("training step")
        said.append(f"{title}: {_units_in_words(values)}")
    for axes, name in zip(grid[:, 0], STATISTICS, strict=True):
        axes.set_ylabel(name)
    everything = np.concatenate([values for values in entering.values()])
    for row, axes in enumerate(grid[:, 0]):
        low, high = everything[:, row].min(), everything[:, row].max()
        margin = 0.05 * (high - low) or 1
        axes.set_ylim(min(0, low) - margin * (row == 0), high + margin)
    set_title(figure, name_data(f"What enters the activations of {layer}", data_name))
    set_caption(figure, "Coloured: each unit, over 256 images. Black: the median unit.")
    figure.alt_text = (
        f"Mean and standard deviation of what enters each unit of {layer} in "
        f"{steps[-1]} training steps on {data_name}. {' '.join(said)}"
    )
    return figure


def _units_in_words(values: np.ndarray) -> str:
    (low, high), (first, last) = (
        (values[-1, 0].min(), values[-1, 0].max()),
        np.median(values[[0, -1], 1], axis=1),
    )
    return (
        f"at the end the means lie from {in_words(low, '.2f')} to {in_words(high, '.2f')}, and the "
        f"median standard deviation went from {in_words(first, '.2f')} to {in_words(last, '.2f')}."
    )


@takes(
    settings=Items(Number(DRAWN)),
    accuracies=Entries(Array("settings, seeds", SHARES), alike=True, key=_PLACE),
    name=Text(),
    data_name=DATA_NAME,
)
@course_style()
def accuracy_by_setting(
    settings: Sequence, accuracies: Mapping[str, np.ndarray], name: str, data_name: str
) -> CourseFigure:
    """Draw accuracy for each setting, with and without batch norm: mean ± standard deviation.

    Args:
        settings: values of what is varied, in the order of the x axis.
        accuracies: place of batch norm -> validation accuracies ``(settings, seeds)``.
        name: what is varied, for the axis.
        data_name: the data set's name, for the title.

    Raises:
        ValueError: for an unknown place, no data set's name, or another number of settings.
    """
    figure = CourseFigure("being drawn", width=8.2, height=4.0)
    axes = figure.subplots()
    handles, said = [], []
    for number, (place, values) in enumerate(accuracies.items()):
        title, mark = PLACES[place]
        values = np.asarray(values)
        if len(values) != len(settings):
            raise ValueError(
                "expected accuracies for each setting, got "
                f"{len(settings)} settings, and accuracies of {len(values)} ({place})."
            )
        mean, std = values.mean(axis=1), values.std(axis=1, ddof=min(1, values.shape[1] - 1))
        # Side by side, or the bars would hide one another.
        at = np.arange(len(settings)) + 0.08 * (number - (len(accuracies) - 1) / 2)
        look = {"color": mark.color, "linestyle": mark.linestyle, "marker": mark.marker}
        axes.errorbar(at, mean, std, capsize=4, **look)
        handles.append(Line2D([], [], label=title, **look))
        pairs = zip(settings, mean, std, strict=True)
        said.append(f"{title}: " + ", ".join(f"{s:g}: {m:.2f} ± {d:.2f}" for s, m, d in pairs))
    seeds = values.shape[1]
    axes.set_xticks(range(len(settings)), [f"{setting:g}" for setting in settings])
    axes.set(xlabel=plain(name), ylabel="validation accuracy", ylim=(0, 1))
    legend_beside(axes, handles)
    set_title(figure, name_data(f"Accuracy by {name}", data_name))
    set_caption(figure, f"Mean ± standard deviation over {seeds} seeds.")
    figure.alt_text = (
        f"Validation accuracy by {name} on {data_name}, mean ± standard deviation over {seeds} "
        f"seeds. {'. '.join(said)}."
    )
    return figure
