"""Run explorer: curves of recorded runs, with your own over them."""

from collections.abc import Sequence
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from helpers.arguments import Items, Name, Text, takes
from helpers.arguments.arrays import FLAG
from helpers.figures.base import (
    PALETTE,
    SMALL_SIZE,
    TEXT_GREY,
    TITLE_SIZE,
    VARIANT_MARKS,
    in_words,
    message_figure,
    name_data,
    variant_mark,
    wrapped,
)
from helpers.figures.parts import draw_band, epoch_axis, legend_line, loss_axis
from helpers.figures.runs import (
    METRICS,
    Band,
    Group,
    Metric,
    best_index,
    diverged,
    group_runs,
    history,
    over_seeds,
)
from helpers.labs.base import Lab, Settings, Table, control
from helpers.names import lookup

SHOWN = ("validation_accuracy", "accuracy", "validation_loss", "loss", "learning_rate")
X_AXES = {"epoch": "epoch", "seconds": "time in training steps (seconds)"}
DASHES = (0, (5, 2))
DOTS = (0, (1, 1.5))
NO_RUNS = (
    "There are no runs to show yet. Train one in a cell of this chapter, or with `course train "
    "--variant bn --profile quick` in a terminal, and run this cell again."
)


class Curve(NamedTuple):
    """One line of the picture: the mean of recorded seeds, or a single run of yours."""

    variant: str
    title: str
    data: str
    profile: str
    seeds: tuple[int, ...]  # one for each run
    own: bool
    diverged: int  # how many of the runs
    x: np.ndarray  # (epochs,)
    band: Band  # of shape (epochs,)


class Picture(NamedTuple):
    """All that the picture shows; ``curves`` is empty when there are no runs at all."""

    metric: str
    x: str
    data_name: str
    curves: tuple[Curve, ...]
    left_out: tuple[str, ...]

    @property
    def elsewhere(self) -> list[str]:
        """The names of the data sets of curves on other data than the title names."""
        return sorted({curve.data for curve in self.curves if curve.data != self.data_name})


def _curve(group: Group, metric: str, x: str, own: bool) -> Curve:
    """Join the runs of a group; against time only as far as all go, lest the mean run backwards."""
    band = over_seeds([history(run, metric) for run in group.runs])
    places = np.arange(len(band.mean)) + 1.0
    if x == "seconds":
        times = [np.cumsum(history(run, "seconds")) for run in group.runs]
        shared = min(map(len, times))
        places = np.mean([time[:shared] for time in times], axis=0)
        band = Band(*(part[:shared] for part in band))
    seeds = tuple(sorted(run["seed"] for run in group.runs))
    who = (group.variant, group.title, group.data, group.profile)
    lost = sum(diverged(run, metric) for run in group.runs)
    return Curve(*who, seeds, own, lost, places, band)


def _data_name(runs: Sequence[dict], recorded: Sequence[dict]) -> str:
    """Return the data set of the recorded runs, or, without any, that of your own."""
    return " and ".join(sorted({run["data"] for run in recorded or runs}))


def _all_runs(runs, recorded) -> tuple[list, list]:
    """Return both lists of runs; one that is None comes from where the course keeps it.

    The store also holds the runs of rate searches. Those at another rate than the variant's own,
    and no longer than a search, are no runs to look at here.
    """
    if runs is None:
        from helpers.training.store import stored_runs  # late: labs open without the training side

        runs = [run for run in stored_runs() if not _is_search(run)]
    if recorded is None:
        from helpers.training.store import recorded_runs

        recorded = recorded_runs()
    return list(runs), list(recorded)


def _is_search(run: dict) -> bool:
    from helpers.models import VARIANTS
    from helpers.profiles import PROFILES

    variant, profile = VARIANTS.get(run["variant"]), PROFILES.get(run["profile"])
    if variant is None or profile is None:
        return False
    own_rate = run["settings"]["learning_rate"] == variant.learning_rate
    return not own_rate and run["planned_epochs"] <= profile.search_epochs


def _titles(runs: Sequence[dict]) -> dict[str, str]:
    """Return the title of each variant that has a run, in the course's order of variants."""
    titles = {run["variant"]: run["title"] for run in reversed(runs)}
    order = [name for name in VARIANT_MARKS if name in titles]
    return {name: titles[name] for name in [*order, *sorted(set(titles) - set(order))]}


class RunExplorer(Lab):
    """Pick variants and a metric; see recorded seeds as bands, and your own runs over them.

    Args:
        runs: your own run documents; None for those in the run store.
        recorded: the recorded ones; None for those that come with the course.
        settings: ``variants`` (names), ``metric``, ``x`` ("epoch" or "seconds"), ``own`` (show
            your own runs).

    Raises:
        ValueError: for an unknown setting, variant, metric or x axis, with the known ones.
    """

    width, height = 8.2, 4.4
    kinds = Settings(
        variants=Items(Text(), least=0),
        metric=Name(SHOWN, "metric"),
        x=Name(X_AXES, "x axis"),
        own=FLAG,
    )

    def __init__(self, runs=None, recorded=None, **settings):
        self.runs, self.recorded = _all_runs(runs, recorded)
        super().__init__(**settings)

    @classmethod
    def default_settings(cls) -> dict:
        """Return the settings at the start: every variant, validation accuracy by epoch."""
        variants = tuple(VARIANT_MARKS)
        return {"variants": variants, "metric": "validation_accuracy", "x": "epoch", "own": True}

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the settings that draw the most."""
        return {**cls.default_settings(), "metric": "validation_loss"}

    @property
    def inputs(self) -> dict:
        """The runs."""
        return {"runs": self.runs, "recorded": self.recorded}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the four controls; only variants that have a run are offered."""
        titles = _titles([*self.recorded, *self.runs])
        known = {**dict.fromkeys(VARIANT_MARKS), **titles}
        for name in settings["variants"]:
            lookup(name, known, "variant")
        return {
            "variants": control(
                widgets.SelectMultiple,
                "variants",
                "which variants to draw; Ctrl or Shift with a click or the arrows picks several",
                options=[(f"{name}: {title}", name) for name, title in titles.items()],
                value=[name for name in titles if name in settings["variants"]],
                rows=min(8, max(3, len(titles))),
            ),
            "metric": control(
                widgets.Dropdown,
                "metric",
                "what the y axis shows",
                options=[(METRICS[name].title, name) for name in SHOWN],
                value=settings["metric"],
            ),
            "x": control(
                widgets.Dropdown,
                "x axis",
                "count epochs, or the seconds that training took",
                options=[("epoch", "epoch"), ("seconds of training", "seconds")],
                value=settings["x"],
            ),
            "own": control(
                widgets.Checkbox,
                "show your own runs",
                "draw the runs that you have trained over the recorded ones",
                value=bool(settings["own"]),
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict, runs=None, recorded=None) -> Picture:
        """Return the curves to draw.

        Args:
            settings: see the class.
            runs, recorded: run documents; None for those that the course keeps.

        Raises:
            ValueError: for unknown settings, for no variant picked, and when nothing is left to
                draw though there are runs.
        """
        runs, recorded = _all_runs(runs, recorded)
        metric, x, own = settings["metric"], settings["x"], settings["own"]
        known = {**dict.fromkeys(VARIANT_MARKS), **_titles([*recorded, *runs])}
        for name in settings["variants"]:
            lookup(name, known, "variant")
        if not runs and not recorded:
            return Picture(metric, x, "no data yet", (), ())
        if not settings["variants"]:
            raise ValueError("expected a variant, got none: pick at least one from the list")
        needed = [metric, *(["seconds"] if x == "seconds" else [])]
        theirs, left_out = _usable(recorded, settings["variants"], needed)
        mine, also_left_out = _usable(runs if own else [], settings["variants"], needed)
        if not theirs and not mine:
            raise ValueError(
                f"no run of {', '.join(settings['variants'])} holds {' and '.join(needed)}: pick "
                f"another variant or metric{'' if own else ', or show your own runs'}"
            )
        curves = [_curve(group, metric, x, own=False) for group in _groups(theirs)]
        curves += [_curve(*_groups([run]), metric, x, own=True) for run in mine]
        name = _data_name(runs, recorded)
        return Picture(metric, x, name, tuple(curves), (*left_out, *also_left_out))

    @staticmethod
    def draw(data: Picture, figure) -> None:
        """Draw recorded runs as dashed means in bands, your own as bold lines, a legend beside."""
        if not data.curves:
            message_figure(NO_RUNS, figure)
            return
        axes = figure.add_axes((0.1, 0.19, 0.57, 0.69))
        for curve in data.curves:
            _draw_curve(axes, curve, data.data_name)
        metric = METRICS[data.metric]
        loss_axis(axes, np.concatenate([curve.band.mean for curve in data.curves]))
        epoch_axis(axes, max(len(curve.x) for curve in data.curves))
        for axis in (axes.xaxis, axes.yaxis):  # making ticks is a quarter of the drawing time
            if isinstance(axis.get_major_locator(), MaxNLocator):
                axis.set_major_locator(MaxNLocator(6, integer=axis is axes.xaxis, min_n_ticks=1))
        if data.x == "seconds":
            axes.set_xlim(0, 1.02 * max(curve.x[-1] for curve in data.curves))
        axes.set(xlabel=X_AXES[data.x], ylabel=metric.label)
        axes.legend(
            handles=_legend(data), loc="upper left", bbox_to_anchor=(1.02, 1.04), handlelength=3
        )
        title = wrapped(name_data(metric.title, data.data_name), figure.get_figwidth(), TITLE_SIZE)
        figure.suptitle(title, x=0.012, y=0.985, ha="left", va="top", fontsize=TITLE_SIZE)
        if data.elsewhere:
            figure.text(
                0.012,
                0.02,
                wrapped(_warning(data), figure.get_figwidth(), SMALL_SIZE),
                color=PALETTE["vermillion"],
                weight="bold",
                fontsize=SMALL_SIZE,
            )

    @staticmethod
    def describe(data: Picture) -> str:
        """Return the best value of each curve, and what is on other data."""
        if not data.curves:
            return NO_RUNS
        metric = METRICS[data.metric]
        said = [f"{metric.title} by {X_AXES[data.x]} on {data.data_name}. {_profiles(data)}"]
        if data.elsewhere:
            said.append(_warning(data))
        for whose, own in (("Recorded", False), ("Yours", True)):
            curves = [curve for curve in data.curves if curve.own == own]
            if curves:
                said.append(f"{whose}: {'; '.join(_in_words(c, data, metric) for c in curves)}.")
        if data.left_out:
            said.append(f"Left out: {'; '.join(data.left_out)}.")
        return " ".join(said)

    @staticmethod
    def table(data: Picture) -> Table:
        """Return a row an epoch, a column a curve: the value, or mean and range over seeds."""
        longest = max((len(curve.x) for curve in data.curves), default=0)
        header = ["epoch", *(_heading(curve, data.data_name) for curve in data.curves)]
        rows = [
            [str(at + 1), *(_cell(curve, at, data.x) for curve in data.curves)]
            for at in range(longest)
        ]
        return Table(name_data(METRICS[data.metric].title, data.data_name), header, rows)


def _usable(runs: Sequence[dict], variants, needed: Sequence[str]) -> tuple[list, list[str]]:
    """Return the runs of these variants that hold what is needed, and the others in words."""
    usable, left_out = [], []
    for run in runs:
        if run["variant"] not in variants:
            continue
        missing = [name for name in needed if not run["history"].get(name)]
        if missing:
            left_out.append(f"{run['title']} seed {run['seed']}, without {' and '.join(missing)}")
        else:
            usable.append(run)
    return usable, left_out


def _groups(runs: Sequence[dict]) -> list[Group]:
    return group_runs(runs) if runs else []


def _draw_curve(axes, curve: Curve, data_name: str) -> None:
    """Draw one curve, with the variant's marker at its end."""
    mark = variant_mark(curve.variant)
    elsewhere = curve.data != data_name
    dashes = DOTS if elsewhere else ("-" if curve.own else DASHES)
    width = 2.6 if curve.own else 1.5
    draw_band(axes, curve.x, curve.band, mark, len(curve.seeds), dashes, width)
    last = np.flatnonzero(np.isfinite(curve.band.mean))
    if len(last):  # where a run ends, or stops being a number
        axes.plot(
            curve.x[last[-1]],
            curve.band.mean[last[-1]],
            color=mark.color,
            marker=mark.marker,
            markersize=9 if curve.own else 6,
            markerfacecolor="white" if elsewhere else mark.color,
        )


def _legend(data: Picture) -> list[Line2D]:
    """Return a line for each variant, then one for each way of drawing that is in the picture."""
    variants = {curve.variant: curve.title for curve in data.curves}
    order = {name: place for place, name in enumerate(VARIANT_MARKS)}
    names = sorted(variants, key=lambda name: (order.get(name, len(order)), name))
    lines = [
        legend_line(variant_mark(name), wrapped(variants[name], 1.9, SMALL_SIZE), linestyle="-")
        for name in names
    ]
    ways = {(curve.own, curve.data != data.data_name) for curve in data.curves}
    own = {"color": TEXT_GREY, "linewidth": 2.6}
    if (False, False) in ways:
        band = "recorded: mean over seeds,\nband from lowest to highest"
        lines.append(Line2D([], [], color=TEXT_GREY, linewidth=1.5, linestyle=DASHES, label=band))
    if (True, False) in ways:
        lines.append(Line2D([], [], label="yours: each run", **own))
    if any(elsewhere for _, elsewhere in ways):
        lines.append(
            Line2D(
                [],
                [],
                linestyle=DOTS,
                marker="o",
                markerfacecolor="white",
                label="ON OTHER DATA",
                **own,
            )
        )
    return lines


def _warning(data: Picture) -> str:
    return (
        f"Dotted runs are on other data: {' and '.join(data.elsewhere)}. They do not compare with "
        f"{data.data_name}."
    )


def _profiles(data: Picture) -> str:
    """Return a sentence with the profiles and seeds of the recorded runs, and of yours."""
    said = []
    for whose, own in (("Recorded", False), ("Yours", True)):
        curves = [curve for curve in data.curves if curve.own == own]
        if curves:
            profiles = ", ".join(sorted({curve.profile for curve in curves}))
            seeds = ", ".join(map(str, sorted({s for curve in curves for s in curve.seeds})))
            said.append(f"{whose}: profile {profiles}, seeds {seeds}.")
    return " ".join(said)


def _in_words(curve: Curve, data: Picture, metric: Metric) -> str:
    best = best_index(curve.band.mean[: curve.band.whole(len(curve.seeds))], metric)
    name = _heading(curve, data.data_name)
    lost = f", {curve.diverged} of {len(curve.seeds)} diverged" if curve.diverged else ""
    if best is None:
        return f"{name}, without an epoch at which every run has a number{lost}"
    word = "highest" if metric.better == "neither" else "best"
    where = f"epoch {best + 1}" if data.x == "epoch" else f"{curve.x[best]:.0f} s"
    mean = "mean " if len(curve.seeds) > 1 else ""
    return f"{name}, {word} {mean}{curve.band.mean[best]:.3g} at {where}{lost}"


def _heading(curve: Curve, data_name: str) -> str:
    """Return how the text and the table name a curve."""
    whose = "your " if curve.own else ""
    seeds = ", ".join(map(str, curve.seeds))
    name = f"{curve.title}, {whose}seed{'s' * (len(curve.seeds) > 1)} {seeds}"
    return name if curve.data == data_name else f"{name}, ON OTHER DATA: {curve.data}"


def _cell(curve: Curve, at: int, x: str) -> str:
    if at >= len(curve.x):
        return "-"
    text = in_words(curve.band.mean[at])
    if len(curve.seeds) > 1:
        text += f" ({in_words(curve.band.low[at])} to {in_words(curve.band.high[at])})"
    return f"{text} at {curve.x[at]:.1f} s" if x == "seconds" else text
