"""Signal flow: what each layer of a random network outputs, and the gradient that comes back."""

from collections.abc import Sequence
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from helpers.arguments import Choice, Name, Number, Whole, takes
from helpers.figures.base import (
    PALETTE,
    SMALL_SIZE,
    TEXT_GREY,
    TITLE_SIZE,
    counted,
    in_words,
    name_data,
    short_power,
)
from helpers.labs.base import Lab, Settings, Table, control
from helpers.theory.activations import ACTIVATIONS
from helpers.theory.initializers import INITIALIZERS
from helpers.theory.mean_field import Prediction, predict
from helpers.theory.signal import Flow, flow, propagate

INPUTS = 25  # thin, but enough: 2,500 values in each layer of 100 units
DATA_NAME = f"{INPUTS} random inputs"
CENTERED = "centered logistic"
FUNCTIONS = {name: activation.title for name, activation in ACTIVATIONS.items()}
FUNCTIONS |= {CENTERED: "logistic − ½"}  # noqa: RUF001
#: What the lab calls weights -> the initializer, the number that multiplies it, and a title.
WEIGHTS = {
    "normal(1)": ("normal(1)", 1.0, "N(0, 1²)"),
    "classic": ("lecun_uniform", 3**-0.5, "U(±1/√fan_in)"),
    **{
        name: (name, 1.0, initializer.title)
        for name, initializer in INITIALIZERS.items()
        if initializer.distribution != "constant"
    },
    "4 x glorot": ("glorot_normal", 4.0, "4 × Glorot normal"),  # noqa: RUF001
}
WIDTHS = (10, 20, 50, 100)
RANGES = {"logistic": (0.0, 1.0), "tanh": (-1.0, 1.0), CENTERED: (-0.5, 0.5)}
SHOWN, BINS = 5, 40
LEFT, RIGHT, TALL = 0.04, 0.525, 0.26  # where the histograms stand, in shares of the figure
FLOAT32 = np.log10([float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)])

FORWARD, BACKWARD, BETWEEN = PALETTE["blue"], PALETTE["vermillion"], PALETTE["sky blue"]
DOTS = {"linestyle": "none", "marker": "o", "markersize": 4}
TRIANGLES = {"linestyle": "none", "marker": "^", "markersize": 4.5, "color": BETWEEN}
SQUARES = {"linestyle": "none", "marker": "s", "markersize": 4, "color": PALETTE["orange"]}
CROSSES = {"linestyle": "none", "marker": "x", "markersize": 5, "color": PALETTE["black"]}
THEORY = {"linestyle": (0, (4, 2)), "linewidth": 1.3, "color": PALETTE["black"]}
#: Where in the figure each mark is explained: left, height, how it looks, what it means.
KEY = (
    (0.025, 0.07, DOTS | {"color": TEXT_GREY}, "this network, all units and inputs"),
    (0.025, 0.03, TRIANGLES, "one unit over the inputs"),
    (0.33, 0.07, THEORY, "theory for infinite width"),
    (0.33, 0.03, SQUARES, "slope below a tenth of the largest"),
    (0.66, 0.03, CROSSES, "unit without slope for every input"),
)


class Histogram(NamedTuple):
    """How often which value occurs in a layer.

    Attributes:
        layer: its number, from 1.
        low, high: between them lie the bins.
        heights: of the bins, ``(BINS,)``, the largest 1; empty where numbers left float64.
        total: how many values there are, those beyond the bins too.
    """

    layer: int
    low: float
    high: float
    heights: np.ndarray
    total: int


class SignalPicture(NamedTuple):
    """All that the picture shows: the network, what was measured in it, and what theory says."""

    settings: dict
    flow: Flow
    prediction: Prediction
    activations: tuple[Histogram, ...]
    gradients: tuple[Histogram, ...]

    @property
    def title(self) -> str:
        """The network in words."""
        chosen = self.settings
        weights = WEIGHTS[chosen["initializer"]][2]
        layers = counted(chosen["depth"], "layer")
        return f"{FUNCTIONS[chosen['activation']]}, {weights}, {layers} of {chosen['width']} units"

    @property
    def lost(self) -> int | None:
        """The first layer, from 1, whose pre-activations left float64; None where none did."""
        beyond = np.flatnonzero(~np.isfinite(self.flow.pre_activation_std))
        return int(beyond[0]) + 1 if len(beyond) else None


class SignalFlow(Lab):
    """Pick an activation function, weights, depth and width; see the signal go up and back down.

    Args:
        settings: ``activation`` (a name of ``theory.activations``, or ``"centered logistic"``),
            ``initializer`` (one of ``WEIGHTS``: those of ``theory.initializers`` that draw at
            random, ``"normal(1)"``, ``"classic"`` for U(±1/√fan_in), ``"4 x glorot"``), ``depth``
            (1 to 100 hidden layers), ``width`` (units of a layer), ``input_scale`` (standard
            deviation of the inputs), ``seed``.

    Raises:
        ValueError: for an unknown setting, or a value that its control does not offer.
    """

    width, height = 8.2, 4.9
    kinds = Settings(
        activation=Name(FUNCTIONS, "activation"),
        initializer=Name(WEIGHTS, "initializer"),
        depth=Whole(1, 100),
        width=Choice(*WIDTHS),
        input_scale=Number("[0, inf)"),
        seed=Whole(0, 99),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return what books give as the setting before 2010: logistic units, weights N(0, 1)."""
        return {
            "activation": "logistic",
            "initializer": "normal(1)",
            "depth": 20,
            "width": 100,
            "input_scale": 1.0,
            "seed": 42,
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the deepest and widest network, with the costliest function and weights."""
        largest = {"activation": "mish", "initializer": "orthogonal", "depth": 100}
        return {**cls.default_settings(), **largest, "width": max(WIDTHS)}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the six controls."""
        return {
            "activation": control(
                widgets.Dropdown,
                "activation",
                "what each unit makes of its pre-activation",
                options=[(title, name) for name, title in FUNCTIONS.items()],
                value=settings["activation"],
            ),
            "initializer": control(
                widgets.Dropdown,
                "weights",
                "what the weights are drawn from; biases are 0",
                options=[(title, name) for name, (_, _, title) in WEIGHTS.items()],
                value=settings["initializer"],
            ),
            "depth": control(
                widgets.IntSlider,
                "depth",
                "how many hidden layers",
                min=1,
                max=100,
                value=settings["depth"],
            ),
            "width": control(
                widgets.SelectionSlider,
                "width",
                "units of each layer; theory is about very wide ones",
                options=WIDTHS,
                value=settings["width"],
            ),
            "input_scale": control(
                widgets.FloatLogSlider,
                "input scale",
                "standard deviation of the inputs; 1 for standardized ones",
                min=-2,
                max=2,
                step=0.25,
                value=settings["input_scale"],
                readout_format=".2g",
            ),
            "seed": control(
                widgets.IntSlider,
                "seed",
                "another one draws other weights and other inputs",
                min=0,
                max=99,
                value=settings["seed"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> SignalPicture:
        """Return what passes through the network, and what mean-field theory predicts.

        Raises:
            ValueError: for an unknown name, or a number out of its range.
        """
        initializer, gain, _ = WEIGHTS[settings["initializer"]]
        centered = settings["activation"] == CENTERED
        activation = "logistic" if centered else settings["activation"]
        of_both = {"input_scale": settings["input_scale"], "gain": gain, "centered": centered}
        network = (activation, initializer, settings["depth"], settings["width"])
        signals = propagate(*network, inputs=INPUTS, seed=settings["seed"], **of_both)
        measured = flow(activation, signals)
        bounds = RANGES.get(settings["activation"])
        shown = np.unique(np.linspace(0, settings["depth"] - 1, SHOWN).round().astype(int))
        outputs = tuple(_histogram(at, signals.activations[at], bounds) for at in shown)
        gradients = tuple(
            _histogram(at, signals.gradients[at], _symmetric(measured.gradient_std[at]))
            for at in shown
        )
        return SignalPicture(
            dict(settings), measured, predict(*network, **of_both), outputs, gradients
        )

    @staticmethod
    def draw(data: SignalPicture, figure) -> None:
        """Draw histograms of some layers at the left; sizes and shares of all at the right."""
        _draw_histograms(figure, data)
        right = [figure.add_axes((0.6, bottom, 0.385, 0.195)) for bottom in (0.7, 0.43, 0.16)]
        measured, theory, depth = data.flow, data.prediction, data.settings["depth"]
        _draw_sizes(
            right[0],
            "standard deviation of the activations",
            [
                (measured.activation_std, theory.activation_std, DOTS | {"color": FORWARD}),
                (measured.activation_spread, theory.activation_spread, TRIANGLES),
            ],
        )
        _draw_sizes(
            right[1],
            "standard deviation of the gradients",
            [(measured.gradient_std, theory.gradient_std, DOTS | {"color": BACKWARD})],
        )
        _draw_shares(right[2], data)
        for axes in right:
            axes.set_xlim(0.5 - 0.01 * depth, depth + 0.5 + 0.01 * depth)
            axes.xaxis.set_visible(axes is right[2])
        _layer_axis(right[2], depth)
        figure.suptitle(
            name_data(data.title, DATA_NAME), x=0.012, y=0.985, ha="left", fontsize=TITLE_SIZE
        )
        if data.lost:
            figure.text(
                0.042, 0.14, _overflow(data), color=PALETTE["vermillion"], fontsize=SMALL_SIZE
            )
        _draw_key(figure)

    @staticmethod
    def describe(data: SignalPicture) -> str:
        """Return the ends of each curve, and what share of the gradient arrives at layer 1."""
        depth, measured, theory = data.settings["depth"], data.flow, data.prediction
        if depth == 1:
            return (
                f"{data.title}, {DATA_NAME}. Its activations have a standard deviation of "
                f"{_number(measured.activation_std[0])} (theory {_number(theory.activation_std[0])}"
                f"), {measured.saturated[0]:.0%} of the slopes are saturated."
            )
        if data.lost:
            known = measured.activation_std[np.isfinite(measured.activation_std)]
            begins = f"begins at {_number(known[0])} and " if len(known) else ""
            return (
                f"{data.title}, {DATA_NAME}. The standard deviation of the activations {begins}"
                f"leaves what a computer's numbers can hold. {_overflow(data)}"
            )
        return (
            f"{data.title}, {DATA_NAME}. Layer 1 receives {_ratio(measured.gradient_std)} times "
            f"the gradient at layer {depth} (theory {_ratio(theory.gradient_std)}). Activations: "
            f"standard deviation {_ends(measured.activation_std)} from layer 1 to {depth}, of one "
            f"unit over the inputs {_ends(measured.activation_spread)}. At layer {depth}, "
            f"{measured.saturated[-1]:.0%} of the slopes are saturated and "
            f"{measured.dead[-1]:.0%} of the units are dead."
        )

    @staticmethod
    def table(data: SignalPicture) -> Table:
        """Return a row for each layer."""
        measured, theory = data.flow, data.prediction
        header = [
            "layer",
            "std of activations (theory)",
            "of one unit over inputs (theory)",
            "std of gradients (theory)",
            "saturated (theory)",
            "dead",
        ]
        pairs = [
            (measured.activation_std, theory.activation_std, _number),
            (measured.activation_spread, theory.activation_spread, _number),
            (measured.gradient_std, theory.gradient_std, _number),
            (measured.saturated, theory.saturated, _percent),
        ]
        rows = [
            [
                str(at + 1),
                *(f"{form(here[at])} ({form(there[at])})" for here, there, form in pairs),
                _percent(measured.dead[at]),
            ]
            for at in range(data.settings["depth"])
        ]
        return Table(name_data(data.title, DATA_NAME), header, rows)


def _symmetric(std: float) -> tuple[float, float]:
    return -3 * std, 3 * std


def _histogram(at: int, values: np.ndarray, bounds: tuple[float, float] | None) -> Histogram:
    """Count the values of layer ``at``; without bounds between the extremes, far ones left out."""
    size = np.abs(values).max()
    if not np.isfinite(size) or size == 0:
        return Histogram(at + 1, 0.0, 0.0, np.zeros(0) if size else np.ones(1), values.size)
    if bounds is None:
        scaled = values / size  # so that no square leaves float64
        mean, std = scaled.mean(), scaled.std()
        bounds = (
            size * max(scaled.min(), mean - 3.5 * std),
            size * min(scaled.max(), mean + 3.5 * std),
        )
    low, high = bounds
    inside = (values.ravel() - low) / (high - low) * BINS
    inside = inside[(inside >= 0) & (inside <= BINS)].astype(int)
    counts = np.bincount(np.minimum(inside, BINS - 1), minlength=BINS)
    return Histogram(at + 1, float(low), float(high), counts / counts.max(), values.size)


def _draw_histograms(figure, data: SignalPicture) -> None:
    """Draw two rows of histograms, each in its own range, which stands beneath.

    On the figure itself: axes for each would take most of the drawing time.
    """
    centers = LEFT + (np.arange(len(data.activations)) + 0.5) * (RIGHT - LEFT) / SHOWN
    style = {"size": SMALL_SIZE, "ha": "center", "linespacing": 1.1}
    for bottom, histograms, color, name, symmetric in (
        (0.61, data.activations, FORWARD, "activations", False),
        (0.25, data.gradients, BACKWARD, "gradients", True),
    ):
        figure.add_artist(
            PolyCollection(
                [
                    _outline(center, bottom, histogram.heights)
                    for center, histogram in zip(centers, histograms, strict=True)
                    if len(histogram.heights)
                ],
                facecolor=color,
                linewidth=0,
                transform=figure.transFigure,
            )
        )
        ground = {"color": PALETTE["black"], "linewidth": 0.8}
        figure.add_artist(Line2D([LEFT, RIGHT], [bottom, bottom], **ground))
        for center, histogram in zip(centers, histograms, strict=True):
            text = _range(histogram, symmetric)
            figure.text(center, bottom - 0.012, text, va="top", **style)
        middle = bottom + TALL / 2
        figure.text(LEFT - 0.008, middle, name, rotation=90, ha="right", va="center")
    for center, histogram in zip(centers, data.activations, strict=True):
        figure.text(center, 0.875, f"layer {histogram.layer}", va="bottom", **style)


def _outline(center: float, bottom: float, heights: np.ndarray) -> np.ndarray:
    """Return the corners of a histogram, in shares of the figure, ``(corners, 2)``."""
    wide = 0.86 * (RIGHT - LEFT) / SHOWN if len(heights) > 1 else 0.003  # all values are 0
    x = np.repeat(center + wide * np.linspace(-0.5, 0.5, len(heights) + 1), 2)
    y = bottom + TALL * np.concatenate([[0], np.repeat(heights, 2), [0]])
    return np.column_stack([x, y])


def _range(histogram: Histogram, symmetric: bool) -> str:
    """Return what stands beneath a histogram."""
    if not len(histogram.heights):
        return "beyond\n1e308"
    if len(histogram.heights) == 1:
        return "all 0"
    if symmetric:
        return f"±{short_power(histogram.high)}"
    low, high = _short(histogram.low), _short(histogram.high)
    return f"{low} to {high}" if len(low + high) < 7 else f"{low} to\n{high}"


def _short(number: float) -> str:
    return short_power(float(f"{number:.2g}"))


def _draw_sizes(axes, title: str, curves: Sequence[tuple[np.ndarray, np.ndarray, dict]]) -> None:
    """Draw measured sizes as marks and predicted ones dashed, on a logarithmic axis.

    What is drawn is the power of ten, on an even axis: Matplotlib's own logarithmic axis is slower,
    and overflows itself near the ends of float64.
    """
    powers = [(_power(measured), _power(theory)) for measured, theory, _ in curves]
    for (measured, theory), (_, _, style) in zip(powers, curves, strict=True):
        layers = np.arange(len(measured)) + 1
        axes.plot(layers, measured, **_thin(style, len(measured)))
        axes.plot(layers, theory, **THEORY)
    low, high = _decades(np.concatenate([part for pair in powers for part in pair]))
    axes.set_ylim(low, high)
    step = max(1, -(-(high - low) // 3))
    axes.yaxis.set_major_locator(FixedLocator(np.arange(low, high + 1, step)))
    axes.yaxis.set_major_formatter(FuncFormatter(_as_number))
    _heading(axes, title)
    for limit, name in zip(FLOAT32, ("smallest", "largest"), strict=True):
        if low < limit < high:
            axes.axhline(limit, color=TEXT_GREY, linewidth=1, linestyle=":")
            axes.text(
                0.99, limit, f"{name} float32", ha="right", va="bottom", size=SMALL_SIZE,
                color=TEXT_GREY, transform=axes.get_yaxis_transform(),
            )  # fmt: skip


def _power(sizes: np.ndarray) -> np.ndarray:
    """Return log10, NaN where there is none."""
    return np.log10(sizes, where=np.isfinite(sizes) & (sizes > 0), out=np.full(len(sizes), np.nan))


def _decades(powers: np.ndarray) -> tuple[int, int]:
    """Return the whole powers of ten around these."""
    powers = powers[np.isfinite(powers)]
    if not len(powers):
        return -1, 1
    return int(np.floor(powers.min() - 0.1)), int(np.ceil(powers.max() + 0.1))


def _as_number(power: float, _position=None) -> str:
    return short_power(10.0**power) if abs(power) < 3 else f"1e{power:.0f}"


def _thin(style: dict, layers: int) -> dict:
    """Return the style with smaller marks where there are many."""
    return style | {"markersize": style["markersize"] * (1 if layers <= 40 else 0.6)}


def _draw_shares(axes, data: SignalPicture) -> None:
    layers = np.arange(data.settings["depth"]) + 1
    axes.plot(layers, 100 * data.flow.saturated, **_thin(SQUARES, len(layers)))
    axes.plot(layers, 100 * data.flow.dead, **_thin(CROSSES, len(layers)))
    axes.plot(layers, 100 * data.prediction.saturated, **THEORY)
    axes.set_ylim(-5, 105)
    axes.yaxis.set_major_locator(FixedLocator([0, 50, 100]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0f}%"))
    _heading(axes, "saturated slopes and dead units")


def _heading(axes, text: str) -> None:
    axes.text(
        0, 1.03, text, size=SMALL_SIZE, va="bottom", transform=axes.transAxes
    )  # no title: slow


def _layer_axis(axes, depth: int) -> None:
    step = next(step for step in (1, 2, 5, 10, 20, 25) if depth / step <= 5)
    axes.xaxis.set_major_locator(FixedLocator([1, *range(max(step, 2), depth + 1, step)]))
    axes.set_xlabel("layer", labelpad=1)


def _draw_key(figure) -> None:
    """Say what each mark means. (A legend lays its text out twice, a fifth of the drawing time.)"""
    for x, y, style, text in KEY:
        figure.add_artist(
            Line2D([x - 0.012, x, x + 0.012], [y] * 3, markevery=[1], **style),
        )
        figure.text(x + 0.022, y, text, va="center_baseline", size=SMALL_SIZE)


def _overflow(data: SignalPicture) -> str:
    return f"From layer {data.lost} on, numbers pass 1e308 and become infinite."


def _number(value: float) -> str:
    return short_power(value) if np.isfinite(value) else in_words(value)


def _percent(share: float) -> str:
    return f"{share:.0%}" if np.isfinite(share) else in_words(share)


def _ends(values: np.ndarray) -> str:
    return f"{_number(values[0])} to {_number(values[-1])}"


def _ratio(gradient: np.ndarray) -> str:
    return _number(gradient[0] / gradient[-1]) if gradient[-1] > 0 else "an unknown number of"
