"""What becomes of a gradient on its way back through a network."""

from collections.abc import Mapping

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from helpers.arguments import Entries, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DATA_NAME,
    DRAWN_SIZES,
    PALETTE,
    CourseFigure,
    Mark,
    course_style,
    in_words,
    name_data,
    set_caption,
    set_title,
    short_power,
)
from helpers.figures.parts import legend_beside

LOOKS = (
    Mark(PALETTE["vermillion"], "-", "o"),
    Mark(PALETTE["orange"], (0, (5, 2)), "s"),
    Mark(PALETTE["blue"], (0, (5, 1.5, 1, 1.5)), "^"),
    Mark(PALETTE["green"], (0, (1, 1.2)), "D"),
    Mark(PALETTE["purple"], (0, (9, 2.5)), "v"),
    Mark(PALETTE["black"], (0, (4, 1.5, 1, 1.5, 1, 1.5)), "X"),
)


_SIZES = Entries(Array("layers", DRAWN_SIZES, gaps=True), least=0)


@takes(measured=_SIZES, predicted=_SIZES, data_name=DATA_NAME)
@course_style()
def gradient_by_layer(
    measured: Mapping[str, np.ndarray], predicted: Mapping[str, np.ndarray], data_name: str
) -> CourseFigure:
    """Draw the standard deviation of the gradient in each layer, with theory dashed beneath.

    Args:
        measured: by the network's title, ``(layers,)``; at most six networks.
        predicted: the same from theory, by the same titles.
        data_name: for the title.

    Raises:
        ValueError: for no network, more than there are marks, or titles that differ.
    """
    if not 1 <= len(measured) <= len(LOOKS):
        raise ValueError(f"expected one to {len(LOOKS)} networks, got {len(measured)}.")
    if list(measured) != list(predicted):
        raise ValueError(
            "expected the same networks, in the same order, in theory and measured; got "
            f"{list(predicted)} and {list(measured)}."
        )
    layers = {title: (len(measured[title]), len(predicted[title])) for title in measured}
    if any(ours != theirs for ours, theirs in layers.values()):
        raise ValueError(f"expected as many layers in theory as measured, got {layers}.")
    figure = CourseFigure("being drawn", width=8.2, height=4.2)
    axes = figure.subplots()
    said, handles = [], []
    for look, (title, sizes) in zip(LOOKS, measured.items(), strict=False):
        layers = np.arange(len(sizes)) + 1
        theory = predicted[title]
        axes.plot(layers, theory, color=look.color, linestyle=(0, (4, 2)), linewidth=1.2)
        axes.plot(layers, sizes, color=look.color, linestyle="none", marker=look.marker)
        handles.append(Line2D([], [], color=look.color, marker=look.marker, ls="", label=title))
        said.append(
            f"{title}: {in_words(sizes[-1], '.1g')} at layer {len(sizes)}, "
            f"{in_words(sizes[0], '.1g')} at layer 1 (theory {in_words(theory[0], '.1g')})."
        )
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(short_power))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set(xlabel="layer", ylabel="standard deviation of the gradient")
    theory_line = {"color": PALETTE["grey"], "linestyle": (0, (4, 2)), "linewidth": 1.2}
    handles.append(Line2D([], [], label="theory for infinite width", **theory_line))
    legend_beside(axes, handles)
    set_title(figure, name_data("The gradient on its way back", data_name))
    set_caption(figure, "The gradient is sent in at the right, and travels to the left.")
    figure.alt_text = f"Standard deviation of the gradient by layer, {data_name}. {' '.join(said)}"
    return figure
