"""How each activation looks in every figure and lab, and what each costs."""

from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.arguments import Entries, Number, Text, takes
from helpers.figures.base import (
    DASHES,
    PALETTE,
    CourseFigure,
    Mark,
    course_style,
    plain,
    set_caption,
    set_title,
    variant_mark,
)
from helpers.names import shown

ACTIVATION_MARKS = {
    "linear": Mark(PALETTE["grey"], DASHES["dotted"], "X"),
    "logistic": Mark(PALETTE["purple"], DASHES["dashed"], "D"),
    "tanh": Mark(PALETTE["orange"], DASHES["dash dot"], "v"),
    "relu": Mark(PALETTE["black"], DASHES["solid"], "o"),
    "leaky_relu": Mark(PALETTE["vermillion"], DASHES["dashed"], "s"),
    "prelu": Mark(PALETTE["purple"], DASHES["dotted"], "p"),
    "elu": Mark(PALETTE["blue"], DASHES["solid"], "^"),
    "selu": Mark(PALETTE["sky blue"], DASHES["long dashed"], "P"),
    "gelu": Mark(PALETTE["green"], DASHES["dash dot"], "h"),
    "swish": Mark(PALETTE["green"], DASHES["solid"], "d"),
    "mish": Mark(PALETTE["orange"], DASHES["dotted"], "*"),
}


def activation_mark(name: str) -> Mark:
    """Return the colour, line style and marker of an activation; any other name gets its own."""
    return ACTIVATION_MARKS.get(name) or variant_mark(name)


@takes(costs=Entries(Entries(Number("[0, 1e100]")), least=0), what=Text())
@course_style()
def cost_bars(costs: Mapping[str, Mapping[str, float]], what: str) -> CourseFigure:
    """Draw how long each activation takes, as a multiple of ReLU's time.

    Args:
        costs: title of the activation -> name of the measurement -> multiple of ReLU's time.
        what: what was timed, for the caption.

    Raises:
        ValueError: when there is nothing to draw, or not every activation has every measurement.
    """
    if not costs:
        raise ValueError("expected the cost of one activation or more, got none.")
    measurements = list(next(iter(costs.values())))
    if any(cost.keys() != set(measurements) for cost in costs.values()):
        raise ValueError(f"expected of every activation {measurements}, got {shown(costs)}.")
    figure = CourseFigure("being drawn", width=7.5, height=1.6 + 0.32 * len(costs))
    axes = figure.subplots()
    colors = [PALETTE["blue"], PALETTE["orange"], PALETTE["green"]]
    height = 0.8 / len(measurements)
    for place, name in enumerate(measurements):
        rows = np.arange(len(costs)) + (place - (len(measurements) - 1) / 2) * height
        values = [cost[name] for cost in costs.values()]
        hatch = ("", "//", "..")[place % 3]
        style = {"color": colors[place % 3], "hatch": hatch, "edgecolor": "white"}
        axes.barh(rows, values, height, label=plain(name), **style)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(np.arange(len(costs)), [plain(title) for title in costs])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.set_xlabel("time, as a multiple of ReLU's")
    axes.legend(loc="best", frameon=True)
    set_title(figure, "What an activation costs")
    set_caption(figure, what)
    said = (
        f"{title}: " + ", ".join(f"{value:.2g} ({name})" for name, value in cost.items())
        for title, cost in costs.items()
    )
    figure.alt_text = f"Time of each activation as a multiple of ReLU's. {what} {'; '.join(said)}."
    return figure
