"""Curves over seeds: what a small network of chapters 01 to 08 does when only luck changes."""

from collections.abc import Mapping

import numpy as np

from helpers.arguments import Entries, Instance, Maybe, Text, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DASHES,
    DATA_NAME,
    DRAWN,
    PALETTE,
    CourseFigure,
    Mark,
    counted,
    course_style,
    in_words,
    name_data,
    plain,
    set_caption,
    set_title,
)
from helpers.figures.parts import epoch_axis, legend_beside, legend_line

MARKS = (
    Mark(PALETTE["blue"], DASHES["solid"], "o"),
    Mark(PALETTE["vermillion"], DASHES["dashed"], "s"),
    Mark(PALETTE["green"], DASHES["dash dot"], "^"),
    Mark(PALETTE["orange"], DASHES["long dashed"], "D"),
    Mark(PALETTE["purple"], DASHES["dotted"], "v"),
    Mark(PALETTE["black"], DASHES["dash dot dot"], "P"),
    Mark(PALETTE["sky blue"], DASHES["solid"], "*"),
    Mark(PALETTE["grey"], DASHES["dashed"], "X"),
)


@takes(
    curves=Entries(Array("...", DRAWN, gaps=True), least=0),
    label=Text(),
    marks=Maybe(Entries(Instance(Mark, expected="a Mark of helpers.figures.base"), least=0)),
    data_name=DATA_NAME,
)
@course_style()
def seed_curves(
    curves: Mapping[str, np.ndarray],
    label: str,
    data_name: str,
    marks: Mapping[str, Mark] | None = None,
) -> CourseFigure:
    """Draw a metric by epoch: the mean over seeds, and a band of a standard deviation either side.

    Args:
        curves: what each line is called -> values ``(seeds, epochs)``.
        label: what the values are, for the axis and the title.
        data_name: the data set's name, for the title.
        marks: how each line looks; those that are not named follow the course's order of colours.

    Raises:
        ValueError: when there is nothing to draw.
    """
    if not curves:
        raise ValueError("expected the curves of one network or more, got none.")
    figure = CourseFigure("being drawn", width=8.2, height=4.2)
    axes = figure.subplots()
    handles, said, longest, most = [], [], 1, 1
    for place, (name, values) in enumerate(curves.items()):
        values = np.atleast_2d(np.where(np.isfinite(values), values, np.nan).astype(float))
        if values.ndim > 2:
            raise ValueError(f"expected values (seeds, epochs) for {name}, got {values.shape}.")
        mark = (marks or {}).get(name) or MARKS[place % len(MARKS)]
        mean, std = values.mean(axis=0), values.std(axis=0)
        epochs = np.arange(len(mean)) + 1
        axes.plot(epochs, mean, color=mark.color, linestyle=mark.linestyle)
        axes.plot(epochs[-1], mean[-1], color=mark.color, marker=mark.marker)
        axes.fill_between(epochs, mean - std, mean + std, color=mark.color, alpha=0.18, linewidth=0)
        handles.append(legend_line(mark, name))
        said.append(f"{name}: {in_words(mean[-1])} ± {in_words(std[-1])}")
        longest, most = max(longest, len(mean)), max(most, len(values))
    epoch_axis(axes, longest)
    axes.set_ylabel(plain(label))
    legend_beside(axes, handles)
    set_title(figure, name_data(f"{label[:1].upper()}{label[1:]}", data_name))
    set_caption(
        figure,
        f"Line: mean over {counted(most, 'seed')}. Band: one standard deviation over the seeds on "
        "either side.",
    )
    figure.alt_text = (
        f"{label} by epoch on {data_name}, mean and standard deviation over "
        f"{counted(most, 'seed')}; at the last epoch: {'; '.join(said)}."
    )
    return figure
