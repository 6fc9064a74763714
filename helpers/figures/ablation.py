"""What each ingredient of a recipe gave: a dot a seed, a line at the recipe itself."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from helpers.arguments import Document, Items, Number, Text, takes
from helpers.figures.base import (
    DATA_NAME,
    GRID_GREY,
    PALETTE,
    SHARES,
    TEXT_GREY,
    CourseFigure,
    counted,
    course_style,
    name_data,
    set_caption,
    set_title,
    wrapped,
)

_ROWS = Items(Document({"title": Text(), "accuracies": Items(Number(SHARES))}))
SEED = {"marker": "o", "markersize": 6, "markerfacecolor": "white", "linestyle": "none"}
MEAN = {"marker": "|", "markersize": 16, "markeredgewidth": 2.5, "linestyle": "none"}


@takes(rows=_ROWS, data_name=DATA_NAME, spread=Number(SHARES))
@course_style()
def ablation(rows, data_name, spread) -> CourseFigure:
    """Draw the validation accuracy of a recipe and of its changes: a dot a seed, a bar at the mean.

    Args:
        rows: dicts with ``title`` and ``accuracies``, a share for each seed; the recipe first.
        data_name: the data set's name, for the title.
        spread: standard deviation of the recipe over seeds: a band of two of them either side says
            which changes luck alone explains.

    Raises:
        ValueError: for a row without one of these, or with an accuracy that is no share.
    """
    means = [float(np.mean(row["accuracies"])) for row in rows]
    figure = CourseFigure("being drawn", width=8.2, height=1.9 + 0.36 * len(rows))
    axes = figure.subplots()
    axes.axvspan(means[0] - 2 * spread, means[0] + 2 * spread, color=GRID_GREY, linewidth=0)
    axes.axvline(means[0], color=PALETTE["grey"], linestyle=(0, (4, 2)), linewidth=1.2)
    for y, (row, mean) in enumerate(zip(rows, means, strict=True)):
        color = PALETTE["black"] if y == 0 else PALETTE["blue"]
        axes.plot(row["accuracies"], [y] * len(row["accuracies"]), color=color, **SEED)
        axes.plot([mean], [y], color=color, **MEAN)
    axes.set_yticks(range(len(rows)), [wrapped(row["title"], 3.2, 9) for row in rows])
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="validation accuracy (fraction correct)")
    axes.margins(x=0.06)
    handles = [
        Line2D([], [], label="one seed", color=TEXT_GREY, **SEED),
        Line2D([], [], label="mean", color=TEXT_GREY, **MEAN),
        Patch(color=GRID_GREY, label="what seeds alone do"),
    ]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    set_title(figure, name_data("What each ingredient gave", data_name))
    set_caption(
        figure, "Dashed: the mean of the recipe. Grey: two of its standard deviations over seeds."
    )
    said = " ".join(
        f"{row['title']} {mean:.3f}." for row, mean in zip(rows[1:], means[1:], strict=True)
    )
    figure.alt_text = (
        f"Validation accuracy on {data_name}, {counted(len(rows[0]['accuracies']), 'seed')} each. "
        f"{rows[0]['title']} {means[0]:.3f}, standard deviation over seeds {spread:.3f}; "
        f"{counted(len(rows) - 1, 'change')}: {said}"
    )
    return figure
