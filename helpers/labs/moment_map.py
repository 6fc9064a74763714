"""Moment map: where a layer sends a mean and a variance, and a real network's path on that map."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from helpers.arguments import Choice, Name, Number, Whole, takes
from helpers.figures.base import (
    PALETTE,
    SMALL_SIZE,
    TITLE_SIZE,
    counted,
    in_words,
    name_data,
    short_power,
)
from helpers.labs.base import Lab, Settings, Table, control
from helpers.theory.activations import get_activation
from helpers.theory.initializers import get_initializer, weight_variance
from helpers.theory.moments import (
    ARCHITECTURES,
    Moments,
    Path,
    iterate,
    measure_path,
    random_layer_moments,
)

WIDTH, INPUTS = 100, 64
DATA_NAME = "random inputs"
LARGEST = 1e6  # a standard deviation beyond this, or below its inverse, ends a path
ACTIVATIONS = ("selu", "elu", "relu", "tanh")
INITIALIZERS = (
    "lecun_normal",
    "lecun_uniform",
    "glorot_normal",
    "he_normal",
    "orthogonal",
    "normal(0.05)",
)
DROPOUTS = {"none": "no dropout", "dropout": "ordinary dropout", "alpha": "alpha dropout"}
DEPTHS = (10, 20, 50, 100, 200)
LEGEND_COLUMNS = (0.015, 0.385, 0.74)  # where each begins, share of the figure
GRID = 7  # arrows each way
MAP = (0.08, 0.135, 0.4, 0.645)  # left, bottom, width, height of the map, shares of the figure
NETWORK = {"color": PALETTE["vermillion"]}
UNIT = {"color": PALETTE["purple"], "linestyle": (0, (4, 2)), "linewidth": 1.5}
THEORY = {"color": PALETTE["black"], "linestyle": (0, (1, 1.5)), "linewidth": 1.5}
LANDING = {"color": PALETTE["sky blue"], "linewidth": 2.5}
ARROW = {"color": "#8C8C8C"}
FIXED = {"marker": "*", "markersize": 13, "linestyle": "none", "color": PALETTE["green"]}


class MapPicture(NamedTuple):
    """All that the picture shows.

    Attributes:
        settings: those that it was computed for.
        broken: conditions of self-normalization that do not hold, in words.
        starts, ends: mean and variance before and after a layer, ``(arrows,)`` each: the arrows.
        landing: mean and variance that a layer can give at all, ``(points,)``, by rising variance;
            without points where it can give any.
        network: measured after each layer, from the inputs on; ends early when it left LARGEST.
        theory: the same from the map, for infinitely wide layers; ends likewise.
        limits: of mean and of variance, on the map.
    """

    settings: dict
    broken: tuple[str, ...]
    starts: Moments
    ends: Moments
    landing: Moments
    network: Path
    theory: Moments
    limits: tuple[tuple[float, float], tuple[float, float]]


def _broken(settings: dict, tau: float) -> tuple[str, ...]:
    """Return in words which conditions do not hold."""
    chosen = settings["architecture"]
    found = []
    if settings["activation"] != "selu":
        found.append(f"{get_activation(settings['activation']).title} in place of SELU")
    if not np.isclose(tau, 1):
        found.append(f"weights of {tau:.3g} times LeCun's variance")
    if (settings["input_mean"], settings["input_std"]) != (0, 1):
        found.append(
            f"inputs with mean {settings['input_mean']:.3g} and standard deviation "
            f"{settings['input_std']:.3g}"
        )
    if chosen != "sequential":
        found.append(chosen)
    if settings["dropout"] == "dropout" and settings["dropout_rate"] > 0:
        found.append(f"ordinary dropout at rate {settings['dropout_rate']:.2f}")
    return tuple(found)


def _within(path: Moments) -> Moments:
    """Return a path as far as this lab's range goes, with 0 for a mean that is only rounding."""
    std = np.sqrt(path.variance)
    mean = np.where(np.abs(path.mean) > 1e-9 * std, path.mean, 0)
    left = np.flatnonzero((std > LARGEST) | (std < 1 / LARGEST))
    last = left[0] + 1 if len(left) else len(std)
    return Moments(mean[:last], path.variance[:last])


def _limits(network: Path, theory: Moments):
    """Return limits that hold (0, 1), and the paths as far as they stay near it."""
    means = np.clip(np.concatenate([network.mean, theory.mean]), -3, 3)
    variances = np.clip(np.concatenate([network.std**2, theory.variance]), 0.02, 50)
    reach = 1.15 * max(0.8, np.abs(means).max())
    return (-reach, reach), (min(0.3, variances.min() / 1.3), max(3.5, variances.max() * 1.3))


class MomentMap(Lab):
    """Break the conditions of self-normalization one by one, and watch mean and variance.

    Args:
        settings: ``activation``, ``initializer``, ``input_mean``, ``input_std``, ``architecture``,
            ``dropout`` ("none", "dropout" or "alpha"), ``dropout_rate``, ``depth`` (layers),
            ``seed``.

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 8.0, 4.1
    kinds = Settings(
        activation=Name(ACTIVATIONS, "activation"),
        initializer=Name(INITIALIZERS, "initializer"),
        input_mean=Number("[0, 5]"),
        input_std=Number("[0.1, 10]"),
        architecture=Name(ARCHITECTURES, "architecture"),
        dropout=Name(DROPOUTS, "kind of dropout"),
        dropout_rate=Number("[0, 0.8]"),
        depth=Choice(*DEPTHS),
        seed=Whole(0, 99),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return the settings at the start: every condition holds."""
        return {
            "activation": "selu",
            "initializer": "lecun_normal",
            "input_mean": 0.0,
            "input_std": 1.0,
            "architecture": "sequential",
            "dropout": "none",
            "dropout_rate": 0.1,
            "depth": 50,
            "seed": 42,
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the settings that cost the most: deepest, two kernels a layer, masks to draw."""
        return {
            **cls.default_settings(),
            "architecture": "max pooling",
            "dropout": "alpha",
            "depth": DEPTHS[-1],
        }

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return a switch for each condition, and depth and seed."""

        def choice(name, tooltip, options):
            label = name.replace("_", " ")
            return control(widgets.Dropdown, label, tooltip, options=options, value=settings[name])

        def slider(kind, name, tooltip, **traits):
            label = name.replace("_", " ").replace("std", "standard deviation")
            return control(kind, label, tooltip, value=settings[name], **traits)

        return {
            "activation": choice(
                "activation",
                "what each unit makes of its pre-activation; the theorem is about SELU",
                [(get_activation(name).title, name) for name in ACTIVATIONS],
            ),
            "initializer": choice(
                "initializer",
                "how the weights are drawn; SELU wants variance 1/fan_in, LeCun's",
                [(get_initializer(name).title, name) for name in INITIALIZERS],
            ),
            "input_mean": slider(
                widgets.FloatSlider,
                "input_mean",
                "mean of the inputs; 0 when they are standardized",
                min=0.0,
                max=5.0,
                step=0.5,
                readout_format=".1f",
            ),
            "input_std": slider(
                widgets.FloatLogSlider,
                "input_std",
                "standard deviation of the inputs; 1 when they are standardized",
                min=-1.0,
                max=1.0,
                step=0.1,
                readout_format=".2f",
            ),
            "architecture": choice(
                "architecture",
                "how layers are joined; the theorem wants dense layers in sequence",
                [(name, name) for name in ARCHITECTURES],
            ),
            "dropout": choice(
                "dropout",
                "what drops units after each activation, as in training",
                [(title, name) for name, title in DROPOUTS.items()],
            ),
            "dropout_rate": slider(
                widgets.FloatSlider,
                "dropout_rate",
                "share of the units that is dropped, where there is dropout",
                min=0.0,
                max=0.8,
                step=0.05,
                readout_format=".2f",
            ),
            "depth": control(
                widgets.SelectionSlider,
                "layers",
                "how many layers the inputs pass",
                options=DEPTHS,
                value=settings["depth"],
            ),
            "seed": slider(
                widgets.IntSlider,
                "seed",
                "draws other inputs and weights",
                min=0,
                max=99,
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> MapPicture:
        """Return the map for these settings, and a network's path on it.

        Raises:
            ValueError: for an unknown name or a number out of its range.
        """
        layer = {name: settings[name] for name in ("activation", "architecture", "dropout_rate")}
        layer["dropout"] = None if settings["dropout"] == "none" else settings["dropout"]
        initializer, depth = settings["initializer"], settings["depth"]
        tau = WIDTH * weight_variance(initializer, (WIDTH, WIDTH))

        def step(mean, variance):
            return random_layer_moments(mean, variance, tau=tau, **layer)

        rng = np.random.default_rng(settings["seed"])
        inputs = rng.normal(settings["input_mean"], settings["input_std"], (INPUTS, WIDTH))
        network = measure_path(
            inputs, depth, rng, initializer=initializer, largest=LARGEST, **layer
        )
        start = settings["input_mean"], settings["input_std"] ** 2
        theory = _within(iterate(step, start, depth))
        limits = _limits(network, theory)
        means = np.linspace(*limits[0], GRID + 2)[1:-1]
        variances = np.geomspace(*limits[1], GRID + 2)[1:-1]
        starts = Moments(*(grid.ravel() for grid in np.meshgrid(means, variances)))
        before = np.geomspace(limits[1][0] / 30, limits[1][1] * 10, 60)
        if layer["architecture"] == "skip connections":  # then a layer lands anywhere
            before = before[:0]
        landing = step(np.zeros_like(before), before)
        said = dict(settings), _broken(settings, tau)
        return MapPicture(*said, starts, step(*starts), landing, network, theory, limits)

    @staticmethod
    def draw(data: MapPicture, figure) -> None:
        """Draw the map with arrows and both paths, and beside it the spread after each layer."""
        _draw_map(figure.add_axes(MAP), data)
        _draw_layers(figure.add_axes((0.58, 0.135, 0.405, 0.645)), data)
        _draw_legend(figure, data)
        title = name_data("Mean and variance through the layers", DATA_NAME)
        figure.suptitle(title, x=0.012, y=0.985, ha="left", va="top", fontsize=TITLE_SIZE)

    @staticmethod
    def describe(data: MapPicture) -> str:
        """Return which conditions hold, and where the network and the theory end."""
        network, theory = data.network, data.theory
        layers = len(network.mean) - 1
        said = f"Broken: {'; '.join(data.broken)}." if data.broken else "Every condition holds."
        ended = ""
        if layers < data.settings["depth"]:
            ended = f" It left the range from {1 / LARGEST:.0e} to {LARGEST:.0e} there."
        last = min(layers, len(theory.mean) - 1)
        return (
            f"{said} After {counted(layers, 'layer')} of {WIDTH} units the activations of "
            f"{INPUTS} {DATA_NAME} have mean {in_words(network.mean[-1], '.2g')} and standard "
            f"deviation {in_words(network.std[-1], '.2g')}; one unit over the inputs has "
            f"{in_words(network.unit_std[-1], '.2g')}.{ended} Theory after {last}: mean "
            f"{in_words(theory.mean[last], '.2g')}, standard deviation "
            f"{in_words(np.sqrt(theory.variance[last]), '.2g')}."
        )

    @staticmethod
    def table(data: MapPicture) -> Table:
        """Return a row a layer, from the inputs on; beyond layer 20 every tenth."""
        header = ("layer", "mean", "standard deviation", "of one unit", "mean, theory", "theory")
        longest = max(len(data.network.mean), len(data.theory.mean))
        rows = [
            ["inputs" if at == 0 else str(at), *_cells(data, at)]
            for at in range(longest)
            if at <= 20 or at % 10 == 0 or at == longest - 1
        ]
        return Table(
            name_data("Mean and standard deviation after each layer", DATA_NAME), header, rows
        )


def _cells(data: MapPicture, at: int) -> list[str]:
    columns = (*data.network, data.theory.mean, np.sqrt(data.theory.variance))
    return [in_words(part[at]) if at < len(part) else "-" for part in columns]


def _draw_map(axes, data: MapPicture) -> None:
    """Draw mean across, variance upwards on a log scale."""
    (left, right), (low, high) = data.limits
    axes.set(xlim=(left, right), ylim=(low, high), yscale="log")
    axes.set(xlabel="mean", ylabel="variance")
    axes.xaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    _log_ticks(axes.yaxis, low, high)
    _draw_arrows(axes, data)
    axes.plot(*data.landing, **LANDING)
    axes.plot(*data.theory, marker=".", markersize=5, **THEORY)
    axes.plot(
        data.network.mean, data.network.std**2, marker="o", markersize=2.5, linewidth=0.8, **NETWORK
    )
    axes.plot(data.network.mean[0], data.network.std[0] ** 2, marker="s", markersize=6, **NETWORK)
    axes.plot(0, 1, zorder=5, markeredgecolor="white", **FIXED)


def _draw_arrows(axes, data: MapPicture) -> None:
    """Draw towards where a layer goes from each start; long ones cut, so that none cross."""
    (left, right), (low, high) = data.limits
    inches = np.array([MAP[2] * MomentMap.width, MAP[3] * MomentMap.height])
    share = inches / np.array([right - left, np.log(high / low)])
    moved = np.stack([data.ends.mean - data.starts.mean, _log_ratio(data)]) * share[:, np.newaxis]
    length = np.maximum(np.hypot(*moved), 1e-9)
    moved *= np.minimum(length, 0.65 * inches.min() / (GRID + 1)) / length
    axes.quiver(
        *data.starts,
        *moved,
        scale=1,
        scale_units="inches",
        units="inches",
        width=0.014,
        headwidth=5,
        headlength=5.5,
        headaxislength=5,
        **ARROW,
    )


def _log_ratio(data: MapPicture) -> np.ndarray:
    return np.log(np.maximum(data.ends.variance, 1e-12) / data.starts.variance)


def _draw_layers(axes, data: MapPicture) -> None:
    """Draw the standard deviation after each layer, on a log scale."""
    stds = (data.network.std, data.network.unit_std, np.sqrt(data.theory.variance))
    for std, style in zip(stds, (NETWORK, UNIT, THEORY), strict=True):
        axes.plot(np.arange(len(std)), std, **style)
    everything = np.concatenate(stds)
    positive = everything[everything > 0]
    low, high = min(0.3, positive.min() / 1.3), max(3.0, positive.max() * 1.3)
    depth = data.settings["depth"]
    axes.set(xlim=(0, depth), ylim=(low, high), yscale="log")
    axes.set(xlabel="layer", ylabel="standard deviation")
    axes.xaxis.set_major_locator(FixedLocator([0, depth / 2, depth]))
    _log_ticks(axes.yaxis, low, high)


def _log_ticks(axis, low: float, high: float) -> None:
    narrow = high / low < 60
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=5))
    axis.set_major_formatter(FuncFormatter(short_power))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_minor_formatter(NullFormatter())


def _draw_legend(figure, data: MapPicture) -> None:
    """Draw the legend above both axes, by hand: Matplotlib's own is a quarter of the cost."""
    arrow = {"marker": ">", "markersize": 5, **ARROW}
    entries = [
        ("network: all units, from the square on", {"marker": "s", "markersize": 5, **NETWORK}),
        ("network: one unit over the inputs", UNIT),
        ("theory, infinitely wide", THEORY),
        ("where a layer goes from there (cut)", arrow),
        ("mean 0, variance 1", FIXED),
        ("where every layer lands", LANDING),
    ]
    entries = entries if len(data.landing.mean) else entries[:-1]
    for number, (label, style) in enumerate(entries):
        x, y = LEGEND_COLUMNS[number // 2], 0.895 - 0.05 * (number % 2)
        places = [x + 0.02] if style is FIXED else [x, x + 0.02, x + 0.04]
        key = Line2D(places, [y] * len(places), markevery=[len(places) // 2], **style)
        figure.add_artist(key)
        figure.text(x + 0.05, y, label, va="center_baseline", fontsize=SMALL_SIZE)
