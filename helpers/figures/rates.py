"""Learning rates: the range test, a schedule, and the search for each variant's rate."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from helpers.arguments import Document, Items, Maybe, Number, Text, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DATA_NAME,
    DRAWN,
    DRAWN_POWERS,
    DRAWN_SIZES,
    PALETTE,
    SHARES,
    TEXT_GREY,
    CourseFigure,
    Mark,
    course_style,
    in_words,
    name_data,
    set_title,
    short_power,
    variant_mark,
)
from helpers.figures.parts import legend_beside, legend_line, rate_axis
from helpers.figures.runs import METRICS

CHOSEN = {"color": PALETTE["vermillion"], "linestyle": (0, (4, 2))}
RING = {"marker": "o", "markerfacecolor": "none", "markeredgewidth": 2, "linestyle": "none"}
CROSS = {"marker": "x", "markeredgewidth": 2, "markersize": 8, "linestyle": "none"}


def _range_in_words(rates, losses, top: float) -> str:
    finite = np.flatnonzero(np.isfinite(losses))
    lowest = finite[losses[finite].argmin()]
    text = (
        f"rates {short_power(rates[0])} to {short_power(rates[-1])}: {losses[finite[0]]:.3g} at "
        f"first, lowest {losses[lowest]:.3g} at {short_power(rates[lowest])}"
    )
    left = [i for i in finite if i > lowest and losses[i] > top]
    if left:
        text += f", leaving the picture upwards at {short_power(rates[left[0]])}"
    if len(finite) < len(losses):
        text += f", not a number after {short_power(rates[finite[-1]])}"
    return text


@takes(
    rates=Array(interval=DRAWN_POWERS),
    losses=Array(interval=DRAWN, gaps=True),
    chosen=Maybe(Number(DRAWN_POWERS)),
    data_name=DATA_NAME,
)
@course_style()
def rate_range(rates, losses, chosen, data_name) -> CourseFigure:
    """Draw the learning-rate range test: loss against a rate that rises step by step.

    Args:
        rates: positive learning rates ``(steps,)``, rising.
        losses: the loss at each ``(steps,)``; NaN where training had diverged.
        chosen: the rate that was chosen, or None.
        data_name: the data set's name, for the title.

    Raises:
        ValueError: when lengths differ, a rate is not positive, or no loss is a number.
    """
    rates, losses = np.asarray(rates, dtype=float), np.asarray(losses, dtype=float)
    finite = np.isfinite(losses)
    alike = rates.shape == losses.shape and rates.ndim == 1
    if not alike or not finite.any():
        raise ValueError(
            f"expected positive rates and as many losses, some of them numbers; got {rates.shape} "
            f"rates, {losses.shape} losses, {finite.sum()} of them numbers"
        )
    # The way down sets the scale, not the explosion after it.
    before = losses[: np.where(finite, losses, np.inf).argmin() + 1]
    bottom, start = np.nanmin(before), np.nanmax(before)
    room = max(start - bottom, 0.05 * abs(bottom), 1e-6)
    figure = CourseFigure("being drawn", width=8.0, height=4.0)
    axes = figure.subplots()
    axes.plot(rates, np.where(finite, losses, np.nan), color=PALETTE["blue"])
    rate_axis(axes, rates[0], rates[-1])
    axes.set(ylim=(bottom - 0.2 * room, start + 0.5 * room), ylabel=METRICS["loss"].label)
    handles = [Line2D([], [], color=PALETTE["blue"], label="training loss")]
    said = _range_in_words(rates, losses, start + 0.5 * room)
    if chosen is not None:
        axes.axvline(chosen, **CHOSEN)
        handles.append(Line2D([], [], label=f"chosen: {short_power(chosen)}", **CHOSEN))
        said += f". Chosen: {short_power(chosen)}"
    legend_beside(axes, handles, inches=1.4)
    set_title(figure, name_data("Learning-rate range test", data_name))
    figure.alt_text = f"Training loss against learning rate on {data_name}, {said}."
    return figure


@takes(steps=Array("n", DRAWN), rates=Array("n", DRAWN_SIZES), title=Text())
@course_style()
def schedule(steps, rates, title) -> CourseFigure:
    """Draw a learning-rate schedule.

    Args:
        steps: step numbers ``(n,)``, rising.
        rates: the learning rate at each ``(n,)``.
        title: the figure's title; a schedule is about no data set.

    Raises:
        ValueError: for no steps, another number of rates, or a rate below 0.
    """
    steps, rates = np.asarray(steps), np.asarray(rates, dtype=float)
    peak = int(rates.argmax())
    figure = CourseFigure(
        f"{title}: learning rate {short_power(rates[0])} at step {steps[0]:,}, highest "
        f"{short_power(rates[peak])} at step {steps[peak]:,}, {short_power(rates[-1])} at step "
        f"{steps[-1]:,}.",
        width=7.0,
        height=3.4,
    )
    axes = figure.subplots()
    axes.plot(steps, rates, color=PALETTE["blue"])
    axes.plot(steps[peak], rates[peak], color=PALETTE["blue"], marker="o")
    axes.annotate(
        f"{short_power(rates[peak])} at step {steps[peak]:,}",
        (steps[peak], rates[peak]),
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
    )
    axes.set(
        ylim=(0, rates[peak] * 1.2 or 1),
        xlabel="training step (batches)",
        ylabel="learning rate (per step)",
    )
    axes.margins(x=0.12)
    axes.yaxis.set_major_formatter(FuncFormatter(short_power))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    set_title(figure, title)
    return figure


def _by_variant(results) -> list[dict]:
    """Group the results of a search: each variant's title, rates (rising), values and choice."""
    grouped: dict[str, list[dict]] = {}
    for result in results:
        grouped.setdefault(result["variant"], []).append(result)
    searches = []
    for variant, tried in grouped.items():
        tried = sorted(tried, key=lambda result: result["learning_rate"])
        values = [result["validation_accuracy"] for result in tried]
        values = np.array([np.nan if value is None else value for value in values], dtype=float)
        rates = np.array([result["learning_rate"] for result in tried], dtype=float)
        best = None if np.isnan(values).all() else int(np.nanargmax(values))
        title = tried[0].get("title", variant)
        searches.append(
            {"variant": variant, "title": title, "rates": rates, "values": values, "best": best}
        )
    return searches


def _draw_search(axes, search: dict, mark: Mark) -> tuple[str, str]:
    """Draw one variant's search; returns its chosen rate, and all of it, in words."""
    rates, values, best = search["rates"], search["values"], search["best"]
    color = mark.color
    axes.plot(rates, values, color=color, linestyle=mark.linestyle, marker=mark.marker)
    diverged = rates[np.isnan(values)]
    # At the foot of the picture: a rate that was tried must not vanish from it.
    foot = {"transform": axes.get_xaxis_transform(), "color": color}
    axes.plot(diverged, [0.03] * len(diverged), **CROSS, **foot)
    chosen = "none"
    if best is not None:
        chosen = short_power(rates[best])
        axes.plot(rates[best], values[best], markersize=15, markeredgecolor=color, **RING)
    tried = ", ".join(
        f"{in_words(value, '.3f')} at {short_power(rate)}"
        for rate, value in zip(rates, values, strict=True)
    )
    return chosen, f"{search['title']}: {tried}; chosen {chosen}."


_RESULTS = Items(
    Document(
        {
            "variant": Text(),
            "learning_rate": Number(DRAWN_POWERS),
            "validation_accuracy": Maybe(Number(SHARES, gaps=True)),
        },
        {"title": Text()},
    ),
    least=0,
)


@takes(results=_RESULTS, data_name=DATA_NAME)
@course_style()
def rate_search(results, data_name) -> CourseFigure:
    """Draw validation accuracy against learning rate, a line a variant, the chosen rate ringed.

    The chosen rate is the one with the highest accuracy, the lower one of equals.

    Args:
        results: what ``helpers.training.search_rate`` gives, for one variant or for several, one
            after another: dicts ``variant``, ``learning_rate``, ``validation_accuracy`` (NaN or
            None for a rate that diverged), and ``title`` where it should not be the variant's name.
        data_name: the data set's name, for the title.

    Raises:
        ValueError: when there is no result.
    """
    searches = _by_variant(results)
    if not searches:
        raise ValueError("expected at least one search result, got none: run the search first")
    figure = CourseFigure("being drawn", width=8.2, height=max(4.2, 1.4 + 0.5 * len(searches)))
    axes = figure.subplots()
    handles, said = [], []
    for search in searches:
        mark = variant_mark(search["variant"])
        chosen, words = _draw_search(axes, search, mark)
        handles.append(legend_line(mark, f"{search['title']}: {chosen}"))
        said.append(words)
    rates = np.concatenate([search["rates"] for search in searches])
    rate_axis(axes, rates.min(), rates.max())
    axes.set_ylabel(METRICS["validation_accuracy"].label)
    ring = {**RING, "color": TEXT_GREY, "markersize": 12}
    handles.append(Line2D([], [], label="the chosen rate", **ring))
    if any(np.isnan(search["values"]).any() for search in searches):
        handles.append(Line2D([], [], label="diverged", color=TEXT_GREY, **CROSS))
    legend_beside(axes, handles)
    set_title(figure, name_data("The search for each variant's learning rate", data_name))
    figure.alt_text = (
        f"Validation accuracy against learning rate on {data_name}, a line a variant. "
        + " ".join(said)
    )
    return figure
