"""Activation explorer: values and slopes side by side, and both at a point of your choice."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from helpers.arguments import Items, Name, Number, Whole, takes
from helpers.figures.activations import activation_mark
from helpers.figures.base import TEXT_GREY, TITLE_SIZE
from helpers.labs.base import Lab, Settings, Table, control
from helpers.theory.activations import get_activation, slope, value

FUNCTIONS = (
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "gelu",
    "swish",
    "mish",
)
POINTS = 120  # on either side of 0
BESIDE = 1e-9  # the curves stop this close to 0, so that a slope that jumps there is seen to jump


class Curve(NamedTuple):
    """One activation: value and slope along the curve, at the chosen point, and for the table."""

    name: str
    label: str
    values: np.ndarray
    slopes: np.ndarray
    value: float
    slope: float
    tabled: np.ndarray  # (2, points of the table): values, slopes


class Picture(NamedTuple):
    """All that the picture shows.

    Attributes:
        z: pre-activations, ``(2 * POINTS + 1,)``; NaN in the middle parts left from right.
        at: the chosen pre-activation.
        points: the pre-activations of the table.
        curves: one for each function.
    """

    z: np.ndarray
    at: float
    points: np.ndarray
    curves: tuple[Curve, ...]


def _parameters(name: str, settings: dict) -> dict[str, float]:
    """Return the parameters of an activation that the sliders set."""
    chosen = {
        "leaky_relu": {"negative_slope": settings["leaky_slope"]},
        "prelu": {"negative_slope": settings["prelu_slope"]},
        "elu": {"alpha": settings["elu_alpha"]},
    }
    return chosen.get(name, {})


def _label(name: str, parameters: dict[str, float]) -> str:
    title = get_activation(name).title
    return f"{title} ({next(iter(parameters.values())):g})" if parameters else title


def _slider(description: str, tooltip: str, low: float, high: float, step: float, start: float):
    limits = {"min": low, "max": high, "step": step, "value": start}
    return control(widgets.FloatSlider, description, tooltip, **limits)


class ActivationExplorer(Lab):
    """Several activations over each other, with their slopes, and both at a chosen point.

    Args:
        settings: ``functions`` (names), ``z`` (the point), ``reach`` (the curves go from -reach to
            reach), ``leaky_slope``, ``prelu_slope``, ``elu_alpha``.

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 8.2, 3.9
    kinds = Settings(
        functions=Items(Name(FUNCTIONS, "activation"), least=0),
        z=Number("[-10, 10]"),
        reach=Whole(1, 10),
        leaky_slope=Number("[0, 1]"),
        prelu_slope=Number("[-0.5, 1]"),
        elu_alpha=Number("[0.1, 3]"),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return the settings at the start: ReLU beside three that have a slope below 0."""
        return {
            "functions": ("relu", "leaky_relu", "elu", "swish"),
            "z": -2.0,
            "reach": 5,
            "leaky_slope": 0.2,
            "prelu_slope": 0.25,
            "elu_alpha": 1.0,
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the settings that draw every function."""
        return {**cls.default_settings(), "functions": FUNCTIONS, "reach": 10}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the six controls."""
        return {
            "functions": control(
                widgets.SelectMultiple,
                "functions",
                "which to draw; Ctrl or Shift with a click or the arrows picks several",
                options=[(get_activation(name).title, name) for name in FUNCTIONS],
                value=tuple(settings["functions"]),
                rows=6,
            ),
            "z": _slider("z", "where value and slope are read off", -10, 10, 0.1, settings["z"]),
            "reach": control(
                widgets.IntSlider,
                "reach",
                "how far the curves go on either side of 0",
                min=1,
                max=10,
                value=settings["reach"],
            ),
            "leaky_slope": _slider(
                "leaky ReLU slope", "its slope below 0, chosen once", 0, 1, 0.01,
                settings["leaky_slope"],
            ),
            "prelu_slope": _slider(
                "PReLU slope", "its slope below 0, which training moves", -0.5, 1, 0.01,
                settings["prelu_slope"],
            ),
            "elu_alpha": _slider(
                "ELU alpha", "ELU falls to minus this, far below 0", 0.1, 3, 0.1,
                settings["elu_alpha"],
            ),
        }  # fmt: skip

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Picture:
        """Return the curves, and the values at the point.

        Raises:
            ValueError: for an unknown function, for none, or for a point beyond the reach.
        """
        if not settings["functions"]:
            raise ValueError("expected a function, got none: pick at least one from the list.")
        at, reach = settings["z"], settings["reach"]
        if abs(at) > reach:
            raise ValueError(
                f"z lies outside the picture, got {at:g}: raise the reach, now {reach}."
            )
        right = np.linspace(BESIDE, reach, POINTS)
        z = np.concatenate([-right[::-1], [np.nan], right])
        points = np.array(sorted({*range(-reach, reach + 1, max(1, reach // 5)), at}), dtype=float)
        curves = []
        for name in settings["functions"]:
            parameters = _parameters(name, settings)
            curve, point, tabled = (
                [part(name, where, **parameters) for part in (value, slope)]
                for where in (z, at, points)
            )
            numbers = (*curve, *map(float, point), np.array(tabled))
            curves.append(Curve(name, _label(name, parameters), *numbers))
        return Picture(z, float(at), points, tuple(curves))

    @staticmethod
    def draw(data: Picture, figure) -> None:
        """Draw values at the left and slopes at the right, a dot on each curve at the point."""
        figure.suptitle(
            f"Activations and their slopes; dots at z = {data.at:g}", x=0.012, y=0.985, ha="left",
            va="top", fontsize=TITLE_SIZE,
        )  # fmt: skip
        left = figure.add_axes((0.055, 0.13, 0.33, 0.7))
        right = figure.add_axes((0.445, 0.13, 0.33, 0.7))
        for axes, field, point in ((left, "values", "value"), (right, "slopes", "slope")):
            for curve in data.curves:
                mark = activation_mark(curve.name)
                axes.plot(data.z, getattr(curve, field), color=mark.color, linestyle=mark.linestyle)
                axes.plot(
                    data.at, getattr(curve, point), mark.marker, color=mark.color, markersize=7
                )
            axes.axvline(data.at, color=TEXT_GREY, linewidth=0.8)
            axes.set(xlabel="pre-activation z", title=point)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(5))
        handles = [
            Line2D([], [], label=curve.label, **activation_mark(curve.name)._asdict())
            for curve in data.curves
        ]
        right.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.03, 1.02), handlelength=3.2
        )

    @staticmethod
    def describe(data: Picture) -> str:
        """Return the value and the slope of each function at the point."""
        said = "; ".join(
            f"{curve.label} {curve.value:.3g} with slope {curve.slope:.3g}" for curve in data.curves
        )
        return f"At z = {data.at:g}: {said}."

    @staticmethod
    def table(data: Picture) -> Table:
        """Return values and slopes at whole numbers and at the point."""
        header = ["z", *(f"{c.label}, {what}" for c in data.curves for what in ("value", "slope"))]
        rows = [
            [f"{z:g}", *(f"{number:.3g}" for c in data.curves for number in c.tabled[:, place])]
            for place, z in enumerate(data.points)
        ]
        return Table("Activations and their slopes", header, rows)
