"""Optimizers: the marks they have in every picture, momentum near 1, and losses by rate."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from helpers.arguments import Entries, Instance, Items, Number, Text, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DASHES,
    DATA_NAME,
    DRAWN_POWERS,
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
from helpers.figures.parts import legend_beside, legend_line, rate_axis

OPTIMIZER_MARKS = {
    "sgd": Mark(PALETTE["black"], DASHES["solid"], "o"),
    "momentum": Mark(PALETTE["vermillion"], DASHES["dashed"], "s"),
    "nesterov": Mark(PALETTE["orange"], DASHES["dash dot"], "^"),
    "rmsprop": Mark(PALETTE["green"], DASHES["long dashed"], "v"),
    "adam": Mark(PALETTE["blue"], DASHES["solid"], "D"),
    "nadam": Mark(PALETTE["sky blue"], DASHES["dash dot dot"], "P"),
    "adamw": Mark(PALETTE["purple"], DASHES["dotted"], "X"),
}


_STEPS = Array(interval=DRAWN_POWERS)


@takes(
    momenta=Array(interval=DRAWN_SIZES),
    measured=_STEPS,
    nesterov=_STEPS,
    predicted=_STEPS,
    best=Number("[0, 1)"),
    title=Text(),
)
@course_style()
def momentum_near_one(momenta, measured, nesterov, predicted, best, title) -> CourseFigure:
    """Draw how many steps it takes to converge, against how far momentum is from 1.

    Args:
        momenta: ``(n,)``, rising, below 1.
        measured: steps that momentum takes at each ``(n,)``.
        nesterov: steps that Nesterov momentum takes ``(n,)``.
        predicted: what theory says of momentum ``(n,)``.
        best: the momentum that theory calls best.
        title: the figure's title, with the surface and the tolerance.

    Raises:
        ValueError: when lengths differ, or a momentum is not below 1.
    """
    series = momenta, measured, nesterov, predicted
    alike = len({each.shape for each in series}) == 1 and momenta.ndim == 1 and momenta.size
    if not alike or momenta.max() >= 1:
        raise ValueError(
            "expected momenta below 1 and three numbers of steps for each, got shapes "
            f"{[each.shape for each in series]}, highest momentum {momenta.max(initial=0)}."
        )
    lowest = int(measured.argmin())
    figure = CourseFigure(
        f"{title}. Steps against momentum: {measured[0]:,} at {momenta[0]:g}, fewest "
        f"{measured[lowest]:,} at {momenta[lowest]:.3g}, {measured[-1]:,} at {momenta[-1]:.6g}; "
        f"theory says {predicted[0]:,.0f}, {predicted[lowest]:,.0f} and {predicted[-1]:,.0f}, and "
        f"calls {best:.3g} best. Nesterov momentum: {nesterov[0]:,}, {nesterov[lowest]:,} and "
        f"{nesterov[-1]:,}.",
        width=7.5,
        height=3.8,
    )
    axes = figure.subplots()
    theory = {"color": PALETTE["black"], "linestyle": "-", "linewidth": 1.2}
    dots = {"color": PALETTE["vermillion"], "marker": "o", "linestyle": "none", "markersize": 5}
    triangles = {**dots, "color": PALETTE["orange"], "marker": "^"}
    mark = {"color": PALETTE["blue"], "linestyle": DASHES["dashed"]}
    gaps = 1 - momenta
    axes.plot(gaps, predicted, label="momentum, theory", **theory)
    axes.plot(gaps, measured, label="momentum, measured", **dots)
    axes.plot(gaps, nesterov, label="Nesterov momentum, measured", **triangles)
    axes.axvline(1 - best, label=f"best by theory: {best:.3g}", **mark)
    axes.set(xscale="log", yscale="log", xlabel="momentum", ylabel="steps until close for good")
    axes.invert_xaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda gap, _: f"{1 - gap:.6g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:,.0f}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=9))
        axis.set_minor_formatter(NullFormatter())
    legend_beside(axes, axes.get_legend_handles_labels()[0], inches=1.3)
    set_title(figure, title)
    return figure


@takes(
    rates=Array("rates", DRAWN_POWERS),
    losses=Entries(Array(interval=DRAWN_SIZES, gaps=True), least=0),
    title=Text(),
    marks=Items(Instance(Mark, expected="a Mark of helpers.figures.base"), least=0),
    data_name=DATA_NAME,
)
@course_style()
def losses_by_rate(
    rates, losses: Mapping[str, np.ndarray], data_name: str, title: str, marks: Sequence[Mark] = ()
) -> CourseFigure:
    """Draw the final loss against the learning rate, a line an optimizer, with error bars.

    Args:
        rates: those tried ``(n,)``, rising: the same for every line.
        losses: by label: ``(n, seeds)``, infinite where a run diverged.
        data_name: the data set's name, for the title.
        title: what the figure is about.
        marks: for each line; those of the optimizers, in the course's order, when left out.

    Raises:
        ValueError: for no line, more lines than marks, or losses that do not fit the rates.
    """
    rates = np.asarray(rates, dtype=float)
    shapes = {label: np.shape(values) for label, values in losses.items()}
    if not shapes or any(len(s) != 2 or s[0] != len(rates) or not s[1] for s in shapes.values()):
        raise ValueError(f"expected losses ({len(rates)} rates, seeds) by label, got {shapes}.")
    marks = marks or list(OPTIMIZER_MARKS.values())
    if len(losses) > len(marks):
        raise ValueError(
            f"expected at most {len(marks)} lines, a mark for each, got {len(losses)}."
        )
    figure = CourseFigure("being drawn", width=8.2, height=max(4.2, 1.6 + 0.42 * len(losses)))
    axes = figure.subplots()
    handles, said = [], []
    for mark, (label, values) in zip(marks, losses.items(), strict=False):
        best, words = _draw_by_rate(axes, rates, np.asarray(values), mark)
        handles.append(legend_line(mark, f"{label}: {best}"))
        said.append(f"{label}: {words}.")
    rate_axis(axes, rates[0], rates[-1])
    axes.set(yscale="log", ylabel="training loss at the end (nats)")
    axes.yaxis.set_major_formatter(FuncFormatter(short_power))
    axes.yaxis.set_minor_formatter(NullFormatter())
    ring = {"marker": "o", "markerfacecolor": "none", "linestyle": "none", "markersize": 13}
    handles.append(Line2D([], [], color="black", label="its best rate", **ring))
    legend_beside(axes, handles, inches=2.0)
    seeds = next(iter(shapes.values()))[1]
    set_title(figure, name_data(title, data_name))
    set_caption(
        figure,
        f"Mean and standard deviation over {seeds} seeds; a rate at which a seed diverged is left "
        "out. Loss: mean over the last tenth of the batches.",
    )
    figure.alt_text = f"{title}, on {data_name}, a line each. {' '.join(said)}"
    return figure


def _draw_by_rate(axes, rates, values, mark: Mark) -> tuple[str, str]:
    """Draw one line; returns its best rate in words, and its best loss with it."""
    whole = np.isfinite(values).all(axis=1)
    if not whole.any():
        return "diverged", "diverged at every rate"
    rates, values = rates[whole], values[whole]
    mean, spread = values.mean(axis=1), values.std(axis=1)
    axes.errorbar(
        rates,
        mean,
        yerr=np.stack([np.minimum(spread, 0.9 * mean), spread]),  # a log axis has no 0
        color=mark.color,
        linestyle=mark.linestyle,
        marker=mark.marker,
        markersize=5,
        capsize=2,
        elinewidth=1,
    )
    best = int(mean.argmin())
    ring = {"marker": "o", "markersize": 13, "markerfacecolor": "none"}
    axes.plot(rates[best], mean[best], color=mark.color, linestyle="none", **ring)
    rate = short_power(rates[best])
    words = f"lowest {in_words(mean[best])} ± {in_words(spread[best], '.2g')} at rate {rate}"
    return f"best at {rate}", words
