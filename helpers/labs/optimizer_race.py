"""Optimizer race: paths of optimizers over a surface, and what the loss does meanwhile."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from helpers.arguments import Choice, Items, Name, Number, takes
from helpers.arguments.arrays import FLAG
from helpers.figures.base import (
    PALETTE,
    SMALL_SIZE,
    TITLE_SIZE,
    Mark,
    counted,
    short_power,
)
from helpers.figures.optimizers import OPTIMIZER_MARKS
from helpers.labs.base import Lab, Settings, Table, control
from helpers.theory.optimizers import (
    OPTIMIZERS,
    Path,
    make_optimizer,
    optimize,
    optimize_at_each,
)
from helpers.theory.surfaces import SURFACES, Surface, get_surface

MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.99, 0.999, 0.9999, 0.99999)
STEPS = (20, 50, 100, 200, 500)
RATES = tuple(10 ** (power / 4) for power in range(-16, 1))  # 1e-4 to 1, four a decade
CLIPPING = {"none": {}, "norm": {"clipnorm": 1.0}, "value": {"clipvalue": 1.0}}
CLIPPING_WORDS = {"none": "not clipped", "norm": "clipped by norm", "value": "clipped by value"}
ARRIVED = 0.01  # of the loss at the start
LOWEST = 1e-9  # losses below are drawn here: what float64 still tells apart is not the subject
GRID = (84, 56)  # points of the contour lines


class Run(NamedTuple):
    """One optimizer's way.

    Attributes:
        name: the optimizer's.
        rate: its learning rate.
        path: see ``helpers.theory.optimizers``.
        arrived: the number of steps after which the loss stays under ``ARRIVED`` of the first;
            None when it does not.
    """

    name: str
    rate: float
    path: Path
    arrived: int | None


class Race(NamedTuple):
    """All that the picture shows."""

    surface: Surface
    runs: tuple[Run, ...]
    steps: int
    momentum: float
    clipping: str
    best_rates: bool


def _arrival(path: Path) -> int | None:
    away = ~(path.losses <= ARRIVED * path.losses[0])
    if path.diverged or away[-1]:
        return None
    return len(away) - int(away[::-1].argmax()) if away.any() else 0


def _late_loss(path: Path) -> float:
    """Return the highest loss of the last tenth: who only passes the minimum is not there."""
    return np.inf if path.diverged else float(path.losses[-max(1, len(path.losses) // 10) :].max())


@lru_cache(maxsize=len(SURFACES))
def _landscape(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the x and y of a grid, the surface there, and levels for its contour lines."""
    surface = get_surface(name)
    left, right, bottom, top = surface.window
    x, y = np.linspace(left, right, GRID[0]), np.linspace(bottom, top, GRID[1])
    values = surface.value(np.stack(np.meshgrid(x, y), axis=-1))
    return x, y, values, np.quantile(values, [0.03, 0.08, 0.16, 0.28, 0.42, 0.56, 0.7, 0.85])


class OptimizerRace(Lab):
    """Let optimizers race down a surface of two weights.

    Args:
        settings: ``surface`` and ``optimizers`` (names), ``best_rates`` (each races at the best of
            ``RATES`` for it; else all at ``learning_rate``), ``learning_rate``, ``momentum`` (of
            momentum and Nesterov momentum), ``steps``, ``clipping`` ("none", "norm", "value", with
            a limit of 1).

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 8.2, 3.9
    kinds = Settings(
        surface=Name(SURFACES, "surface"),
        optimizers=Items(Name(OPTIMIZERS, "optimizer"), least=0),
        best_rates=FLAG,
        learning_rate=Number("[1e-4, 1]"),
        momentum=Choice(*MOMENTA),
        steps=Choice(*STEPS),
        clipping=Name(CLIPPING, "clipping"),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return a ravine with four optimizers, each at its best rate."""
        return {
            "surface": "ravine",
            "optimizers": ("sgd", "momentum", "nesterov", "adam"),
            "best_rates": True,
            "learning_rate": 0.01,
            "momentum": 0.9,
            "steps": 100,
            "clipping": "none",
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return all optimizers and the most steps, with clipping."""
        largest = {"optimizers": tuple(OPTIMIZERS), "steps": STEPS[-1], "clipping": "norm"}
        return {**cls.default_settings(), **largest, "surface": "cliff"}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the seven controls."""
        return {
            "surface": control(
                widgets.Dropdown,
                "surface",
                "the loss over two weights that they go down",
                options=[(surface.title, name) for name, surface in SURFACES.items()],
                value=settings["surface"],
            ),
            "optimizers": control(
                widgets.SelectMultiple,
                "optimizers",
                "who races; Ctrl or Shift with a click or the arrows picks several",
                options=[(entry.title, name) for name, entry in OPTIMIZERS.items()],
                value=[name for name in OPTIMIZERS if name in settings["optimizers"]],
                rows=len(OPTIMIZERS),
            ),
            "best_rates": control(
                widgets.Checkbox,
                "each at its best rate",
                "try 17 rates from 1e-4 to 1 for each and show the best; else one rate for all",
                value=bool(settings["best_rates"]),
            ),
            "learning_rate": control(
                widgets.FloatLogSlider,
                "learning rate",
                "the one rate for all, when they do not race at their best rates",
                base=10,
                min=-4,
                max=0,
                step=0.05,
                value=settings["learning_rate"],
                readout_format=".2g",
            ),
            "momentum": control(
                widgets.SelectionSlider,
                "momentum",
                "what momentum and Nesterov momentum keep of their velocity from step to step",
                options=[(f"{momentum:g}", momentum) for momentum in MOMENTA],
                value=settings["momentum"],
            ),
            "steps": control(
                widgets.SelectionSlider,
                "steps",
                "how long they race",
                options=STEPS,
                value=settings["steps"],
            ),
            "clipping": control(
                widgets.Dropdown,
                "clip gradient",
                "limit to 1 the norm of the gradient (its direction stays), or each of its parts",
                options=[("no", "none"), ("by norm", "norm"), ("by value", "value")],
                value=settings["clipping"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Race:
        """Return the race.

        Raises:
            ValueError: for unknown settings, and when no optimizer is picked.
        """
        surface = get_surface(settings["surface"])
        clip = CLIPPING[settings["clipping"]]
        if not settings["optimizers"]:
            raise ValueError(
                "nobody races, got no optimizer: pick at least one optimizer from the list"
            )
        runs = []
        for name in settings["optimizers"]:
            known = OPTIMIZERS[name].settings
            own = {"momentum": settings["momentum"]} if "momentum" in known else {}
            optimizer = make_optimizer(name, learning_rate=settings["learning_rate"], **own, **clip)
            rate, path = settings["learning_rate"], None
            if settings["best_rates"]:
                paths = optimize_at_each(
                    surface, optimizer, surface.start, settings["steps"], RATES
                )
                best = int(np.argmin([_late_loss(path) for path in paths]))
                rate, path = RATES[best], paths[best]
            else:
                path = optimize(surface, optimizer, surface.start, settings["steps"])
            runs.append(Run(name, rate, path, _arrival(path)))
        shown = ("steps", "momentum", "clipping", "best_rates")
        return Race(surface, tuple(runs), *(settings[name] for name in shown))

    @staticmethod
    def draw(data: Race, figure) -> None:
        """Draw the paths over contour lines, and beside them the loss by step."""
        above = figure.add_axes((0.08, 0.13, 0.35, 0.72))
        beside = figure.add_axes((0.525, 0.13, 0.23, 0.72))
        _draw_paths(above, data)
        _draw_losses(beside, data)
        handles = [_legend_line(run, data) for run in data.runs]
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker="*",
                markersize=11,
                color=PALETTE["grey"],
                markeredgecolor="black",
                label="minimum",
            )
        )
        if any(run.path.diverged for run in data.runs):
            handles.append(Line2D([], [], label="left the picture:\ndiverged", **CROSS))
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0.764, 0.88),
            handlelength=2.4,
            labelspacing=0.7,
            borderaxespad=0,
        )
        rates = "each at its best rate" if data.best_rates else "one rate for all"
        clipping = "" if data.clipping == "none" else f", {CLIPPING_WORDS[data.clipping]}"
        title = f"Race on a surface of two weights: {data.surface.title}, {rates}{clipping}"
        figure.suptitle(title, x=0.012, y=0.985, ha="left", va="top", fontsize=TITLE_SIZE)

    @staticmethod
    def describe(data: Race) -> str:
        """Return who arrives, after how many steps, and who does not."""
        title = data.surface.title
        said = [f"{title[0].upper()}{title[1:]}: {data.surface.about}."]
        arrived = sorted(
            (run for run in data.runs if run.arrived is not None), key=lambda run: run.arrived
        )
        if arrived:
            steps = ", ".join(f"{_name(run, data)} after {run.arrived}" for run in arrived)
            said.append(f"Below 1% of the first loss for good: {steps} of {data.steps:,} steps.")
        late = [run for run in data.runs if run.arrived is None and not run.path.diverged]
        if late:
            losses = ", ".join(
                f"{_name(run, data)} ({run.path.losses[-1] / run.path.losses[0]:.1%} left)"
                for run in late
            )
            said.append(f"Not within {counted(data.steps, 'step')}: {losses}.")
        lost = [run for run in data.runs if run.path.diverged]
        if lost:
            steps = ", ".join(f"{_name(run, data)} at step {len(run.path.losses)}" for run in lost)
            said.append(
                f"Diverged: {steps}; each step overshoots by more than the step before, so lower "
                "the rate or clip the gradient."
            )
        return " ".join(said)

    @staticmethod
    def table(data: Race) -> Table:
        """Return a row an optimizer."""
        rows = [
            [
                _title(run, data),
                short_power(run.rate),
                "diverged" if run.path.diverged else f"{run.path.losses[-1]:.2g}",
                "-" if run.arrived is None else str(run.arrived),
                f"({run.path.positions[-1][0]:.3g}, {run.path.positions[-1][1]:.3g})",
            ]
            for run in data.runs
        ]
        header = ["optimizer", "rate", "last loss", "steps to 1% for good", "last position"]
        clipping = CLIPPING_WORDS[data.clipping]
        caption = f"{data.surface.title}, {counted(data.steps, 'step')}, gradient {clipping}"
        return Table(caption, header, rows)


CROSS = {
    "color": "black",
    "marker": "x",
    "markersize": 8,
    "markeredgewidth": 2,
    "linestyle": "none",
    "zorder": 5,
}


def _title(run: Run, data: Race, between: str = " ") -> str:
    entry = OPTIMIZERS[run.name]
    own = f"{between}{data.momentum:g}" if "momentum" in entry.settings else ""
    return f"{entry.title}{own}"


def _name(run: Run, data: Race) -> str:
    return f"{_title(run, data)} (rate {short_power(run.rate)})"


def _legend_text(run: Run, data: Race) -> str:
    rate = f"rate {short_power(run.rate)}"
    title = _title(run, data, between="\n")
    return f"{title}, {rate}" if "\n" in title else f"{title}\n{rate}"


def _legend_line(run: Run, data: Race) -> Line2D:
    mark = OPTIMIZER_MARKS[run.name]
    return Line2D(
        [],
        [],
        color=mark.color,
        linestyle=mark.linestyle,
        marker=mark.marker,
        label=_legend_text(run, data),
    )


def _line(mark: Mark) -> dict:
    return {"color": mark.color, "linestyle": mark.linestyle}


def _linewidth(run: Run) -> float:
    """A path that turns a hundred times is a blot unless it is drawn thin."""
    return 1.6 if len(run.path.losses) <= 250 else 0.7


def _draw_paths(axes, data: Race) -> None:
    surface = data.surface
    left, right, bottom, top = surface.window
    x, y, values, levels = _landscape(surface.name)
    axes.contour(x, y, values, levels=levels, colors="#AAAAAA", linewidths=0.8)
    for run in data.runs:
        mark = OPTIMIZER_MARKS[run.name]
        along, across = run.path.positions.T
        axes.plot(along, across, linewidth=_linewidth(run), **_line(mark))
        end = run.path.positions[-1]
        axes.plot(*end, color=mark.color, marker=mark.marker, markeredgecolor="white")
        if run.path.diverged:
            edge = np.clip(end, (left, bottom), (right, top))
            axes.plot(*edge, clip_on=False, **CROSS)
    axes.plot(*surface.start, marker="o", markersize=8, color="white", markeredgecolor="black")
    for minimum in surface.minima:
        axes.plot(
            *minimum,
            marker="*",
            markersize=11,
            color=PALETTE["grey"],
            markeredgecolor="black",
            zorder=4,
        )
    axes.annotate(
        "start",
        surface.start,
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL_SIZE,
    )
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="weight 1", ylabel="weight 2")
    axes.grid(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))


def _draw_losses(axes, data: Race) -> None:
    for run in data.runs:
        mark = OPTIMIZER_MARKS[run.name]
        losses = np.maximum(run.path.losses, LOWEST)
        steps = np.arange(len(losses))
        axes.plot(steps, losses, linewidth=_linewidth(run), **_line(mark))
        axes.plot(
            steps[-1], losses[-1], color=mark.color, marker=mark.marker, markeredgecolor="white"
        )
        if run.path.diverged:
            axes.plot(steps[-1], min(losses[-1], 1e8 * losses[0]), clip_on=False, **CROSS)
    first = data.runs[0].path.losses[0]
    lowest = min(run.path.losses.min() for run in data.runs)
    diverged = any(run.path.diverged for run in data.runs)
    axes.set_yscale("log")
    axes.set(
        xlim=(0, 1.03 * data.steps),
        ylim=(max(lowest, LOWEST) / 3, first * (1e8 if diverged else 30)),
        xlabel="step",
        ylabel="loss",
    )
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.yaxis.set_major_locator(LogLocator(numticks=5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(short_power))
