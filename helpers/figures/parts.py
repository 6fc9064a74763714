"""What several figures share: axes, legends, bands, and the marks of a variant."""

from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from helpers.figures.base import SMALL_SIZE, Mark, short_power, wrapped
from helpers.figures.runs import Band

LEGEND_INCHES = 2.1


def legend_beside(axes, handles: Sequence[Line2D], inches: float = LEGEND_INCHES) -> None:
    """Put the legend to the right of the axes, where it covers nothing."""
    labels = [wrapped(handle.get_label(), inches, SMALL_SIZE) for handle in handles]
    axes.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        handlelength=3,
        labelspacing=0.8,
        borderaxespad=0,
    )


def epoch_axis(axes, longest: int) -> None:
    """Whole epochs on the x axis, also when there is but one."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(0.5 if longest < 10 else 0, longest + (0.5 if longest < 10 else 0.02 * longest))


def rate_axis(axes, low: float, high: float) -> None:
    """Make the x axis logarithmic, with ticks as rates are typed in code."""
    narrow = high / low < 100
    axes.set_xscale("log")
    axes.set_xlabel("learning rate (per step)")
    axis = axes.xaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=12))
    axis.set_major_formatter(FuncFormatter(short_power))
    axis.set_minor_formatter(NullFormatter())


def loss_axis(axes, values: np.ndarray) -> None:
    """Make the y axis logarithmic when finite losses span more than two powers of ten."""
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() > 0 and finite.max() / finite.min() > 100:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(short_power))
        axes.yaxis.set_minor_formatter(NullFormatter())


def draw_band(
    axes, x: np.ndarray, band: Band, mark: Mark, seeds: int, linestyle=None, linewidth=1.8
) -> None:
    """Draw mean and band; the mean is paler from where some of the seeds have ended.

    Args:
        axes: where to draw.
        x: the place of each value of the band, same shape.
        band: mean and band of ``seeds`` curves.
        mark: the variant's colours; ``linestyle`` takes the place of its own.
        seeds: how many curves there are.
        linestyle, linewidth: of the mean.
    """
    style = {"color": mark.color, "linestyle": linestyle or mark.linestyle}
    whole = band.whole(seeds)
    axes.plot(x[:whole], band.mean[:whole], linewidth=linewidth, **style)
    if whole < len(x):
        rest = slice(max(whole - 1, 0), None)
        axes.plot(x[rest], band.mean[rest], linewidth=0.7 * linewidth, alpha=0.5, **style)
    if seeds > 1:
        axes.fill_between(x, band.low, band.high, color=mark.color, alpha=0.18, linewidth=0)
    if seeds > 1 and len(x) == 1:  # one epoch has no area
        axes.vlines(x, band.low, band.high, color=mark.color, alpha=0.5, linewidth=4)


def legend_line(mark: Mark, label: str, **style) -> Line2D:
    """Return what stands in the legend for a variant; ``style`` goes before its own."""
    own = {"color": mark.color, "linestyle": mark.linestyle, "marker": mark.marker}
    return Line2D([], [], label=label, **{**own, **style})


def echo_style(earlier: int) -> dict:
    """Return how a second group of one variant (other data, another profile) looks different."""
    return {"linewidth": 1.0, "markerfacecolor": "white"} if earlier else {}
