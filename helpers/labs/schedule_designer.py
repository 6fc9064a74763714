"""Schedule designer: the rate by step, and what it does to a small training on real digits."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from scipy.optimize import minimize
from scipy.special import expit

from helpers.arguments import SEED, Choice, Name, Number, Whole, takes
from helpers.arguments.arrays import Array
from helpers.datasets import load_digits
from helpers.figures.base import DASHES, PALETTE, TITLE_SIZE, Mark, name_data, short_power
from helpers.labs.base import Lab, Settings, Table, control
from helpers.theory.schedules import SCHEDULES, make_schedule

STEPS = (100, 200, 500, 1000, 2000)
LAST_SHARES = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
CONSTANT_RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
BATCH_SIZE = 16
PENALTY = 1e-3  # times half the squared norm of the weights
SNAPSHOTS = 60  # points of a loss curve
OWN = Mark(PALETTE["vermillion"], DASHES["solid"], "o")
PEAK = Mark(PALETTE["blue"], DASHES["dashed"], "s")
BEST = Mark(PALETTE["black"], DASHES["dotted"], "^")


class Task(NamedTuple):
    """Odd or even, by logistic regression on the pixels of digits.

    Unlike ten classes, two cannot be told apart without error by a linear model: a batch always
    disagrees with the others, and the noise of the gradient does not die out by itself. The small
    penalty is there because some pixels are dark in almost every image: without it their weights
    would grow for ever, and there would be no lowest loss to measure from.

    Attributes:
        x: standardized pixels and a 1 for the bias, ``(n, 65)``.
        signs: 1 for odd, -1 for even, ``(n,)``.
        lowest: the lowest loss, penalty included, that any weights have.
        data_name: of the data set.
    """

    x: np.ndarray
    signs: np.ndarray
    lowest: float
    data_name: str


class Curve(NamedTuple):
    """One training.

    Attributes:
        label: for text.
        rates: by step ``(steps,)``.
        at: steps after which the loss is known.
        losses: on all training images, above the lowest possible, there.
    """

    label: str
    rates: np.ndarray
    at: np.ndarray
    losses: np.ndarray

    @property
    def final(self) -> float:
        """The mean of the last tenth of the losses."""
        return float(self.losses[-max(1, len(self.losses) // 10) :].mean())


class Design(NamedTuple):
    """All that the picture shows."""

    title: str
    data_name: str
    own: Curve
    at_peak: Curve
    best_constant: Curve


@lru_cache(maxsize=1)
def task() -> Task:
    """Return the task; its lowest loss is found once, by BFGS."""
    data = load_digits()
    pixels = data.train.images.reshape(len(data.train.images), -1).astype(np.float64)
    pixels = (pixels - pixels.mean()) / pixels.std()
    x = np.column_stack([pixels, np.ones(len(pixels))])
    signs = 2.0 * (data.train.labels % 2) - 1

    def loss_and_gradient(weights):
        margins = signs * (x @ weights)
        loss = _logistic_loss(margins) + PENALTY / 2 * weights @ weights
        return loss, -(signs * expit(-margins)) @ x / len(x) + PENALTY * weights

    start = np.zeros(x.shape[1])
    found = minimize(loss_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-7})
    return Task(x, signs, float(found.fun), data.name)


def _logistic_loss(margins: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of ``log(1 + exp(-margin))``, without overflow.

    ``np.logaddexp`` is as exact and takes six times as long.
    """
    return (np.maximum(-margins, 0) + np.log(1 + np.exp(-np.abs(margins)))).mean(axis=0)


@takes(rates=Array("steps, schedules"), seed=SEED)
@np.errstate(all="ignore")
def train(rates: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train with plain SGD under several schedules at once, all on the same batches.

    Args:
        rates: ``(steps, schedules)``.
        seed: of the batches.

    Returns:
        The steps after which the loss is known ``(m,)``, and the loss on all training images above
        the lowest possible ``(m, schedules)``.

    Raises:
        ValueError: for rates of another shape.
    """
    x, signs, lowest, _ = task()
    steps = len(rates)
    chosen = np.random.default_rng(seed).integers(len(x), size=(steps, BATCH_SIZE))
    at = np.unique(np.linspace(0, steps, min(SNAPSHOTS, steps) + 1).astype(int))
    kept = set(at.tolist())
    weights = np.zeros((x.shape[1], rates.shape[1]))
    snapshots = [weights]
    signed = signs[:, None] * x
    for step in range(steps):
        batch = signed[chosen[step]]
        slopes = expit(-(batch @ weights)) / BATCH_SIZE
        weights = weights + rates[step] * (batch.T @ slopes - PENALTY * weights)
        if step + 1 in kept:
            snapshots.append(weights)
    shown = np.concatenate(snapshots, axis=1)
    losses = _logistic_loss(signed @ shown) + PENALTY / 2 * (shown**2).sum(axis=0)
    return at, losses.reshape(len(at), -1) - lowest


class ScheduleDesigner(Lab):
    """Shape a learning-rate schedule, and see what it does to SGD on real digits.

    Args:
        settings: ``schedule`` (a name in ``SCHEDULES``), ``peak`` (the highest rate),
            ``warm_up_share`` (of the steps), ``last_share`` (what is left of the peak at the end),
            ``steps``, ``seed`` (of the batches).

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 8.0, 3.6
    kinds = Settings(
        schedule=Name(SCHEDULES, "schedule"),
        peak=Number("[0.01, 3.17]"),
        warm_up_share=Number("[0, 0.9]"),
        last_share=Choice(*LAST_SHARES),
        steps=Choice(*STEPS),
        seed=Whole(0, 20),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return a cosine with a short warm-up, from a rate a little too high to keep."""
        return {
            "schedule": "cosine",
            "peak": 0.3,
            "warm_up_share": 0.05,
            "last_share": 0.01,
            "steps": 500,
            "seed": 0,
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the longest training."""
        return {**cls.default_settings(), "schedule": "one_cycle", "steps": STEPS[-1]}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the six controls."""
        return {
            "schedule": control(
                widgets.Dropdown,
                "schedule",
                "how the rate goes from the peak to the end",
                options=[(design.title, name) for name, design in SCHEDULES.items()],
                value=settings["schedule"],
            ),
            "peak": control(
                widgets.FloatLogSlider,
                "peak rate",
                "the highest learning rate of the run",
                base=10,
                min=-2,
                max=0.5,
                step=0.05,
                value=settings["peak"],
                readout_format=".2g",
            ),
            "warm_up_share": control(
                widgets.FloatSlider,
                "warm-up",
                "share of the steps in which the rate rises to the peak",
                min=0,
                max=0.9,
                step=0.05,
                value=settings["warm_up_share"],
            ),
            "last_share": control(
                widgets.SelectionSlider,
                "left at the end",
                "share of the peak that is left at the last step; 1cycle and constant have their "
                "own",
                options=[(f"{share:g}", share) for share in LAST_SHARES],
                value=settings["last_share"],
            ),
            "steps": control(
                widgets.SelectionSlider,
                "steps",
                f"length of the training, in batches of {BATCH_SIZE} images",
                options=STEPS,
                value=settings["steps"],
            ),
            "seed": control(
                widgets.IntSlider,
                "seed",
                "which images come in which batch",
                min=0,
                max=20,
                value=settings["seed"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Design:
        """Return the schedule and three trainings on the same batches.

        Raises:
            ValueError: for unknown settings, and for 1cycle without a warm-up.
        """
        design = SCHEDULES[settings["schedule"]]
        steps, peak = settings["steps"], settings["peak"]
        shape = [settings[name] for name in ("warm_up_share", "last_share")]
        schedule = make_schedule(settings["schedule"], peak, steps, *shape)
        own = schedule(np.arange(steps))
        constants = (peak, *CONSTANT_RATES)
        rates = np.column_stack([own, *(np.full(steps, rate) for rate in constants)])
        at, losses = train(rates, settings["seed"])
        labels = [design.title, *(f"constant {short_power(rate)}" for rate in constants)]
        curves = [
            Curve(label, rates[:, column], at, losses[:, column])
            for column, label in enumerate(labels)
        ]
        best = min(curves[2:], key=lambda curve: curve.final)
        return Design(design.title, task().data_name, curves[0], curves[1], best)

    @staticmethod
    def draw(data: Design, figure) -> None:
        """Draw the rate by step, and beside it the loss by step."""
        left = figure.add_axes((0.08, 0.14, 0.29, 0.69))
        right = figure.add_axes((0.465, 0.14, 0.29, 0.69))
        handles = []
        for curve, mark, label in _shown(data):
            style = {"color": mark.color, "linestyle": mark.linestyle}
            left.plot(np.arange(len(curve.rates)), curve.rates, **style)
            right.plot(curve.at, np.maximum(curve.losses, 1e-6), **style)
            right.plot(curve.at[-1], max(curve.losses[-1], 1e-6), marker=mark.marker, **style)
            handles.append(Line2D([], [], marker=mark.marker, label=label, **style))
        steps = len(data.own.rates)
        for axes in (left, right):
            axes.set(xlim=(0, 1.03 * steps), xlabel="step")
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        top = max(data.own.rates.max(), data.best_constant.rates.max())
        left.set(ylim=(0, 1.08 * top), ylabel="learning rate (per step)")
        left.yaxis.set_major_locator(MaxNLocator(3))
        left.yaxis.set_major_formatter(FuncFormatter(short_power))
        right.set_yscale("log")
        right.set_ylabel("loss above the lowest possible")
        right.yaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=5))
        right.yaxis.set_minor_locator(NullLocator())
        right.yaxis.set_major_formatter(FuncFormatter(short_power))
        place = {"loc": "upper left", "bbox_to_anchor": (0.767, 0.85), "borderaxespad": 0}
        figure.legend(handles=handles, handlelength=2.8, labelspacing=0.9, **place)
        title = name_data(f"{data.title}: odd or even, logistic regression", data.data_name)
        figure.suptitle(
            title[0].upper() + title[1:], x=0.012, y=0.98, ha="left", va="top", fontsize=TITLE_SIZE
        )

    @staticmethod
    def describe(data: Design) -> str:
        """Return where the rate starts, peaks and ends, and the losses at the end."""
        rates = data.own.rates
        peak = int(rates.argmax())
        title = data.title[0].upper() + data.title[1:]
        losses = ", ".join(f"{curve.final:.2g} for {label}" for curve, _, label in _shown(data))
        return (
            f"{title}: the rate starts at {short_power(rates[0])}, is highest at step {peak} with "
            f"{short_power(rates[peak])}, and ends at {short_power(rates[-1])}. Training loss "
            f"above the lowest possible, mean of the last tenth: {losses.replace(chr(10), ' ')}."
        )

    @staticmethod
    def table(data: Design) -> Table:
        """Return the rate of the schedule and the three losses at some steps."""
        own = data.own
        shown = _shown(data)
        rows = [
            [
                str(step),
                short_power(own.rates[min(step, len(own.rates) - 1)]),
                *(f"{curve.losses[place]:.3g}" for curve, _, _ in shown),
            ]
            for place, step in enumerate(own.at)
        ]
        losses = [f"loss, {label}".replace("\n", " ") for _, _, label in shown]
        caption = name_data("Training loss above the lowest possible", data.data_name)
        return Table(caption, ["step", "rate of the schedule", *losses], rows)


def _shown(data: Design) -> list[tuple[Curve, Mark, str]]:
    """Return the curves, each with its mark and its label, the schedule last: it lies on top."""
    peak, best = (short_power(curve.rates[0]) for curve in (data.at_peak, data.best_constant))
    return [
        (data.at_peak, PEAK, f"the peak kept ({peak})"),
        (data.best_constant, BEST, f"the best of six\nconstant rates ({best})"),
        (data.own, OWN, "the schedule"),
    ]
