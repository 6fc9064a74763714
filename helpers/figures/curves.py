"""Curves of training: by epoch, training against validation, and by time."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D

from helpers.arguments import takes
from helpers.figures.base import (
    DATA_NAME,
    TEXT_GREY,
    CourseFigure,
    Mark,
    counted,
    course_style,
    in_words,
    name_data,
    set_caption,
    set_title,
    variant_mark,
)
from helpers.figures.parts import (
    draw_band,
    echo_style,
    epoch_axis,
    legend_beside,
    legend_line,
    loss_axis,
)
from helpers.figures.runs import (
    METRICS,
    RUN,
    RUNS,
    Band,
    Group,
    best_index,
    diverged,
    find_metric,
    group_label,
    group_runs,
    history,
    over_seeds,
    provenance,
)

DIVERGED = {"color": "black", "marker": "x", "markeredgewidth": 2, "linestyle": "none"}


def _group_in_words(label: str, runs: Sequence[dict], name: str, band: Band) -> str:
    metric = METRICS[name]
    # As far as every run goes: the last seed that is left is not the mean of all.
    everyone = band.mean[: band.whole(len(runs))]
    lost = sum(diverged(run, name) for run in runs)
    ended = f", {lost} of {counted(len(runs), 'run')} diverged" if lost else ""
    best = best_index(everyone, metric)
    if best is None:
        return f"{label}: no epoch at which every run has a number{ended}."
    word = "highest" if metric.better == "neither" else "best"
    return (
        f"{label}: from {everyone[0]:.3g} to {everyone[-1]:.3g} in the "
        f"{counted(len(everyone), 'epoch')} that all runs have, {word} mean {everyone[best]:.3g} "
        f"(seeds {band.low[best]:.3g} to {band.high[best]:.3g}) at epoch {best + 1}{ended}."
    )


def _draw_ends(axes, group: Group, curves, mark: Mark, style: dict, shift: float) -> None:
    """Mark each seed's best epoch, and put a cross where a run stopped being a number."""
    look = {"color": mark.color, "marker": mark.marker, "linestyle": "none", "zorder": 3}
    look |= {"markersize": 12 if mark.marker == "*" else 8, **style}
    for run, curve in zip(group.runs, curves, strict=True):
        best = run.get("best_epoch")
        if best and best <= len(curve):
            axes.plot(best + shift, curve[best - 1], **look)
        finite = np.flatnonzero(np.isfinite(curve))
        if 0 < len(finite) < len(curve):
            axes.plot(finite[-1] + 1, curve[finite[-1]], markersize=9, zorder=4, **DIVERGED)


@takes(runs=RUNS, data_name=DATA_NAME)
@course_style()
def learning_curves(runs, metric, data_name) -> CourseFigure:
    """Draw one metric by epoch: a line a variant, the mean over its seeds in their band.

    Args:
        runs: run documents; those of one variant, data set and profile make one line.
        metric: a name in ``METRICS``.
        data_name: the data set's name, for the title; a run on other data is labelled so.

    Raises:
        ValueError: for an unknown metric (with the known ones), no runs, or a run without it.
    """
    found, groups = find_metric(metric), group_runs(runs)
    figure = CourseFigure("being drawn", width=8.2, height=max(4.2, 1.4 + 0.5 * len(groups)))
    axes = figure.subplots()
    handles, said, everything, seen = [], [], [], Counter()
    longest = max(len(history(run, metric)) for run in runs)
    for place, group in enumerate(groups):
        mark, label = variant_mark(group.variant), group_label(group, groups, data_name)
        style = echo_style(seen[group.variant])
        curves = [history(run, metric) for run in group.runs]
        band = over_seeds(curves)
        # With a single epoch all would stand on one spot: side by side then.
        shift = 0.08 * (place - (len(groups) - 1) / 2) if longest == 1 else 0
        epochs = np.arange(len(band.mean)) + 1 + shift
        draw_band(axes, epochs, band, mark, len(curves), linewidth=style.get("linewidth", 1.8))
        _draw_ends(axes, group, curves, mark, style, shift)
        handles.append(legend_line(mark, label, **style))
        said.append(_group_in_words(label, group.runs, metric, band))
        everything.extend(curves)
        seen[group.variant] += 1
    loss_axis(axes, np.concatenate(everything))
    epoch_axis(axes, longest)
    axes.set_ylabel(found.label)
    if not np.isfinite(np.concatenate(everything)).all():
        handles.append(Line2D([], [], label="last number before a run diverged", **DIVERGED))
    legend_beside(axes, handles)
    set_title(figure, name_data(found.title, data_name))
    set_caption(
        figure,
        "Line: mean over the seeds still running, paler once one has ended. Band: smallest to "
        f"largest seed. Marker: best epoch of each seed. {provenance(runs)}",
    )
    figure.alt_text = f"{found.title} by epoch on {data_name}, a line a variant. {' '.join(said)}"
    return figure


TRAINING = {"linestyle": (0, (4, 2)), "marker": "o", "markerfacecolor": "white"}
VALIDATION = {"linestyle": "-", "marker": "o"}
BEST = {"color": TEXT_GREY, "linestyle": (0, (1, 1.5)), "linewidth": 1.2}


def _fit_panel(axes, run: dict, name: str, color: str) -> str:
    """Draw training against validation of one metric; returns the gap in words."""
    training, validation = history(run, name), history(run, f"validation_{name}")
    best = run.get("best_epoch") or 1
    if len(training) != len(validation) or best > len(training):
        raise ValueError(
            f"expected {name} in training and in validation up to the best epoch, {best}, got "
            f"{len(training)} and {len(validation)} epochs."
        )
    epochs = np.arange(len(training)) + 1
    axes.plot(epochs, training, color=color, markevery=[-1], **TRAINING)
    axes.plot(epochs, validation, color=color, markevery=[-1], **VALIDATION)
    axes.fill_between(epochs, training, validation, color=color, alpha=0.15, linewidth=0)
    loss_axis(axes, np.concatenate([training, validation]))
    epoch_axis(axes, len(training))
    axes.set(ylabel=METRICS[name].label, title=name.capitalize())
    said = []
    if best := run.get("best_epoch"):
        axes.axvline(best, **BEST)
        said.append((f"at the best epoch, {best}", best - 1))
    said.append((f"at the last epoch, {len(training)}", -1))
    return f"{name.capitalize()} in training and in validation: " + "; ".join(
        f"{when}, {in_words(training[at])} and {in_words(validation[at])}" for when, at in said
    )


@takes(run=RUN, data_name=DATA_NAME)
@course_style()
def fit_curves(run, data_name) -> CourseFigure:
    """Draw training against validation loss and accuracy of one run, with the gap between them.

    Args:
        run: one run document.
        data_name: the data set's name, for the title; a run on other data is labelled so.

    Raises:
        ValueError: for what is no run document, or one whose histories differ in length.
    """
    color = variant_mark(run["variant"]).color
    figure = CourseFigure("being drawn", width=9, height=4.2)
    left, right = figure.subplots(1, 2)
    said = [_fit_panel(left, run, "loss", color), _fit_panel(right, run, "accuracy", color)]
    handles = [
        Line2D([], [], color=color, label="training", **TRAINING),
        Line2D([], [], color=color, label="validation", **VALIDATION),
        Line2D([], [], color=color, linewidth=9, alpha=0.15, label="generalization gap"),
    ]
    if best := run.get("best_epoch"):
        handles.append(Line2D([], [], label=f"best epoch: {best}", **BEST))
    legend_beside(right, handles, inches=1.4)
    elsewhere = "" if run["data"] == data_name else f" (ON OTHER DATA: {run['data']})"
    set_title(figure, name_data(f"{run['title']}: training and validation{elsewhere}", data_name))
    set_caption(
        figure,
        "Training values are means over the epoch, while the weights still change and with "
        f"dropout on; validation values are taken at its end. {provenance([run])}",
    )
    figure.alt_text = (
        f"{run['title']}{elsewhere}, seed {run['seed']}, on {data_name}. {'. '.join(said)}."
    )
    return figure


def _machines(runs: Sequence[dict]) -> str:
    """Return a warning when the runs' times come from several machines, or nothing."""
    machines = {json.dumps(run.get("hardware"), sort_keys=True, default=str) for run in runs}
    return f"FROM {len(machines)} MACHINES: times do not compare. " if len(machines) > 1 else ""


def _draw_times(axes, times, accuracies, mark: Mark, style: dict) -> None:
    """Draw a thin line a run, and their mean, epoch by epoch, as far as all of them go."""
    for time, accuracy in zip(times, accuracies, strict=True):
        axes.plot(time, accuracy, color=mark.color, linewidth=0.9, alpha=0.45)
    shared = min(map(len, times))
    mean = [np.mean([part[:shared] for part in parts], axis=0) for parts in (times, accuracies)]
    own = {"color": mark.color, "linestyle": mark.linestyle, "marker": mark.marker}
    size = 12 if mark.marker == "*" else 8
    axes.plot(*mean, markevery=[-1], markersize=size, **{**own, **style})


def _time_in_words(label: str, times, accuracies) -> str:
    best = [best_index(accuracy, METRICS["validation_accuracy"]) for accuracy in accuracies]
    runs = zip(times, accuracies, best, strict=True)
    reached = [(time[at], accuracy[at]) for time, accuracy, at in runs if at is not None]
    if not reached:
        return f"{label}: no accuracy is a number."
    time, accuracy = np.mean(reached, axis=0)
    return f"{label}: best accuracy {accuracy:.3f} after {time:.0f} s (mean over runs)."


@takes(runs=RUNS, data_name=DATA_NAME)
@course_style()
def time_to_accuracy(runs, data_name) -> CourseFigure:
    """Draw validation accuracy against seconds of training, a thin line a run, a thick one a mean.

    The mean joins, epoch by epoch, the mean time and the mean accuracy of the runs of a variant,
    as far as all of them go. Compiling and validation are not in the time.

    Args:
        runs: run documents.
        data_name: the data set's name, for the title; a run on other data is labelled so.

    Raises:
        ValueError: when there are no runs, or one without times.
    """
    groups = group_runs(runs)
    figure = CourseFigure("being drawn", width=8.2, height=max(4.2, 1.4 + 0.5 * len(groups)))
    axes = figure.subplots()
    handles, said, seen = [], [], Counter()
    for group in groups:
        mark, label = variant_mark(group.variant), group_label(group, groups, data_name)
        times = [np.cumsum(history(run, "seconds")) for run in group.runs]
        accuracies = [history(run, "validation_accuracy") for run in group.runs]
        style = echo_style(seen[group.variant])
        _draw_times(axes, times, accuracies, mark, style)
        handles.append(legend_line(mark, label, **style))
        said.append(_time_in_words(label, times, accuracies))
        seen[group.variant] += 1
    axes.set(xlabel="time in training steps (seconds)")
    axes.set(ylabel=METRICS["validation_accuracy"].label)
    axes.set_xlim(left=0)
    legend_beside(axes, handles)
    set_title(figure, name_data("Validation accuracy against training time", data_name))
    set_caption(
        figure,
        f"{_machines(runs)}Thin: each run. Thick: mean over its seeds, as far as all go. Without "
        f"compiling and validation. {provenance(runs)}",
    )
    figure.alt_text = (
        f"Validation accuracy against seconds of training on {data_name}. {_machines(runs)}"
        + " ".join(said)
    )
    return figure
