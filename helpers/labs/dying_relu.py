"""Dying ReLU: which hidden units still answer to any training image, as the learning rate rises."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from inspect import unwrap
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator

from helpers.arguments import SEED, Choice, Name, Number, Whole, takes
from helpers.figures.base import (
    PALETTE,
    SMALL_SIZE,
    TEXT_GREY,
    TITLE_SIZE,
    counted,
    name_data,
    short_power,
)
from helpers.labs.base import Lab, Settings, Table, control
from helpers.labs.digit_inputs import N_CLASSES, SIDE, digit_inputs
from helpers.theory.activations import get_activation, slope, value
from helpers.theory.network import (
    Parameters,
    Weights,
    backward,
    forward,
    make_parameters,
    softmax_cross_entropy,
)

WIDTH = 24  # units of each hidden layer
BATCH = 32  # images a step
RECORDED = 8  # times that the units are looked at, evenly spread over the steps
ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "swish", "mish", "tanh", "logistic")
RATES = (0.1, 0.3, 1.0, 3.0)
LOOKS = dict(
    zip(
        RATES,
        (
            (PALETTE["blue"], (0, (5, 1.5, 1, 1.5))),
            (PALETTE["green"], (0, (5, 2))),
            (PALETTE["orange"], (0, (9, 2.5))),
            (PALETTE["purple"], "-"),
        ),
        strict=True,
    )
)
DEAD = 1e-3  # a unit whose slope is below this for every training image lets nothing through
KEY = (
    "Orange-red: dead for every training image. Blue: mean slope over the training images, from 0 "
    "(pale) to 1 (dark)."
)
LOST = 1e6  # a weight beyond this: training has diverged, and is stopped

# A step is small: a look at the arguments of each took a third of its time. Those of ``train`` are
# looked at once.
_forward, _backward, _loss = map(unwrap, (forward, backward, softmax_cross_entropy))
_value, _slope = map(unwrap, (value, slope))


class Course(NamedTuple):
    """What became of the hidden units of one network, in the order of the layers.

    Attributes:
        steps: at which they were looked at, ``(times,)``; shorter when training diverged.
        slopes: mean absolute slope of each unit over all training images, ``(times, units)``.
        dead: whether its slope is below ``DEAD`` for every one of them, bool ``(times, units)``.
        diverged: the step after which a weight was beyond ``LOST``, or None.
        accuracy: share of the 300 validation images that it gets right at the end.
        parameters: at the end.
    """

    steps: np.ndarray
    slopes: np.ndarray
    dead: np.ndarray
    diverged: int | None
    accuracy: float
    parameters: Parameters

    @property
    def dead_share(self) -> np.ndarray:
        """Share of all hidden units that are dead, ``(times,)``."""
        return self.dead.mean(axis=1)


class Picture(NamedTuple):
    """All that the picture shows: the settings, a course for each rate, and the data's name."""

    settings: dict
    courses: dict[float, Course]
    data_name: str

    @property
    def chosen(self) -> Course:
        """The course at the chosen rate."""
        return self.courses[self.settings["learning_rate"]]


_NETWORK = Weights(inputs=SIDE**2, outputs=N_CLASSES)


@takes(parameters=_NETWORK)
@np.errstate(all="ignore")
def unit_slopes(parameters: Parameters, activation: str) -> np.ndarray:
    """Return the absolute slope of every hidden unit for every training image.

    Returns:
        float64 ``(1197, hidden units)``, in the order of the layers.

    Raises:
        ValueError: for a network of other inputs or outputs, or an unknown activation.
    """
    get_activation(activation)
    return np.concatenate(list(_slopes_by_layer(parameters, activation))).T


def _slopes_by_layer(parameters: Parameters, activation: str) -> Iterator[np.ndarray]:
    """Yield the absolute slopes of a hidden layer's units (rows) for the training images (columns).

    What is asked of a unit then lies together in memory, which takes a quarter off a look.
    """
    pre_activation = None
    for kernel, bias in zip(parameters.kernels[:-1], parameters.biases[:-1], strict=True):
        first = pre_activation is None
        inputs = digit_inputs().x.T if first else _value(activation, pre_activation)
        pre_activation = kernel.T @ inputs + bias[:, None]
        yield np.abs(_slope(activation, pre_activation))


def dead_units(parameters: Parameters, activation: str) -> np.ndarray:
    """Return which hidden units are dead: bool ``(hidden units,)``, in the order of the layers.

    Raises:
        ValueError: as :func:`unit_slopes`.
    """
    return unit_slopes(parameters, activation).max(axis=0) < DEAD


@takes(depth=Whole(1, 1_000), bias=Number(), seed=SEED)
def start(depth: int = 2, bias: float = 0.0, seed: int = 0) -> Parameters:
    """Return He's weights for ``depth`` hidden layers of 24, the hidden biases at ``bias``.

    Raises:
        ValueError: for a number out of its range.
    """
    sizes = (SIDE**2, *[WIDTH] * depth, N_CLASSES)
    parameters = make_parameters(sizes, "he_normal", np.random.default_rng(seed))
    for hidden in parameters.biases[:-1]:
        hidden[:] = bias
    return parameters


@takes(
    parameters=_NETWORK,
    learning_rate=Number("[0, inf)"),
    steps=Whole(0, 10_000),
    seed=SEED,
)
@np.errstate(all="ignore")
def train(
    parameters: Parameters, activation: str, learning_rate: float, steps: int, seed: int = 0
) -> Course:
    """Train a copy of ``parameters`` by gradient descent on batches of 32 digits.

    Args:
        parameters: of a network ``64 -> ... -> 10``, see :func:`start`.
        activation: of its hidden layers.
        learning_rate, steps: how far, and how often.
        seed: of the order of the images.

    Raises:
        ValueError: for an unknown activation, a network of other inputs or outputs, or a number out
            of its range.
    """
    get_activation(activation)
    (course,) = _train_side_by_side(parameters, activation, (learning_rate,), steps, seed)
    return course


def _train_side_by_side(
    parameters: Parameters, activation: str, rates: Sequence[float], steps: int, seed: int
) -> list[Course]:
    """Train a copy of ``parameters`` at each rate, all on the same batches.

    Their weights lie in one stack: a step of four takes half as long again as a step of one.
    One that diverged goes on in the stack, unseen, until all are through.
    """
    data, rng = digit_inputs(), np.random.default_rng(seed)
    rows, by_row = range(len(rates)), np.array(rates, dtype=float)
    stack = Parameters(*([np.stack([each] * len(rates)) for each in some] for some in parameters))
    networks = [Parameters(*([each[row] for each in some] for some in stack)) for row in rows]
    looks = set(np.linspace(0, steps, RECORDED + 1).astype(int).tolist())
    seen, courses = [[] for _ in rows], {}
    for step in range(steps + 1):
        running = [row for row in rows if row not in courses]
        if step in looks:
            for row in running:
                seen[row].append((step, *_look(networks[row], activation)))
        if step == steps or not running:
            break
        chosen = rng.integers(0, len(data.x), BATCH)
        _descend(stack, activation, data.x[chosen], data.labels[chosen], by_row)
        largest = np.max([np.abs(kernel).max(axis=(1, 2)) for kernel in stack.kernels], axis=0)
        for row in running:
            if largest[row] > LOST:
                courses[row] = _course(seen[row], step + 1, networks[row], activation)
    for row in running:
        courses[row] = _course(seen[row], None, networks[row], activation)
    return [courses[row] for row in rows]


def _look(parameters: Parameters, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean slope of every hidden unit, and whether it is dead."""
    # Layer by layer: putting all into one array first took a tenth of the training.
    layers = list(_slopes_by_layer(parameters, activation))
    means, most = ([ask(layer, axis=1) for layer in layers] for ask in (np.mean, np.max))
    return np.concatenate(means), np.concatenate(most) < DEAD


def _course(seen: list, diverged: int | None, parameters: Parameters, activation: str) -> Course:
    data = digit_inputs()
    parameters = Parameters(*([array.copy() for array in arrays] for arrays in parameters))
    logits = _forward(data.validation_x, parameters, activation).logits
    accuracy = float((logits.argmax(axis=1) == data.validation_labels).mean())
    steps, slopes, dead = map(np.array, zip(*seen, strict=True))
    return Course(steps, slopes, dead, diverged, accuracy, parameters)


def _descend(stack: Parameters, activation: str, x, labels, rates: np.ndarray) -> None:
    """Take one step of each network of the stack, in place; ``rates`` holds one for each."""
    signals = _forward(x, stack, activation)
    _, logit_gradient = _loss(signals.logits, labels)
    gradients = _backward(signals, stack, activation, logit_gradient)
    for kernel, bias, by_kernel, by_bias in zip(*stack, *gradients[:2], strict=True):
        kernel -= rates[:, None, None] * by_kernel
        bias -= rates[:, None] * by_bias


@lru_cache(maxsize=16)
@np.errstate(all="ignore")
def _courses(activation: str, depth: int, bias: float, steps: int, seed: int) -> dict:
    trained = _train_side_by_side(start(depth, bias, seed), activation, RATES, steps, seed)
    return dict(zip(RATES, trained, strict=True))


class DyingReLU(Lab):
    """Hidden units by step, at four learning rates: how many let no training image through.

    Args:
        settings: ``activation``, ``learning_rate`` (of ``RATES``), ``depth``, ``bias`` (where the
            hidden biases start), ``steps``, ``seed``.

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 7.8, 4.4
    kinds = Settings(
        activation=Name(ACTIVATIONS, "activation"),
        learning_rate=Choice(*RATES),
        depth=Whole(1, 3),
        bias=Number("[-8, 0]"),
        steps=Whole(10, 80),
        seed=Whole(0, 9),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return the settings at the start: ReLU, at a rate that kills some of its units."""
        return {
            "activation": "relu",
            "learning_rate": 1.0,
            "depth": 2,
            "bias": 0.0,
            "steps": 40,
            "seed": 0,
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the deepest network and the most steps, of a slow activation that survives."""
        return {**cls.default_settings(), "activation": "tanh", "depth": 3, "steps": 80}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the six controls."""
        return {
            "activation": control(
                widgets.Dropdown,
                "activation",
                "activation function of the hidden units",
                options=[(get_activation(name).title, name) for name in ACTIVATIONS],
                value=settings["activation"],
            ),
            "learning_rate": control(
                widgets.SelectionSlider,
                "learning rate",
                "the rate whose units are shown one by one",
                options=RATES,
                value=settings["learning_rate"],
            ),
            "depth": control(
                widgets.IntSlider,
                "hidden layers",
                f"how many hidden layers of {WIDTH} units",
                min=1,
                max=3,
                value=settings["depth"],
            ),
            "bias": control(
                widgets.FloatSlider,
                "first biases",
                "where every hidden bias starts; far below 0 a unit starts switched off",
                min=-8,
                max=0,
                step=0.5,
                value=settings["bias"],
            ),
            "steps": control(
                widgets.IntSlider,
                "steps",
                f"how many steps, on {BATCH} images each",
                min=10,
                max=80,
                step=10,
                value=settings["steps"],
            ),
            "seed": control(
                widgets.IntSlider,
                "seed",
                "draws other weights and another order of the images",
                min=0,
                max=9,
                value=settings["seed"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Picture:
        """Return the course of the network at every rate.

        Raises:
            ValueError: for an unknown activation or rate.
        """
        asked = [settings[name] for name in ("activation", "depth", "bias", "steps", "seed")]
        return Picture(dict(settings), _courses(*asked), digit_inputs().name)

    @staticmethod
    def draw(data: Picture, figure) -> None:
        """Draw every unit's slope by step at the chosen rate, and the dead share at all rates."""
        name = get_activation(data.settings["activation"]).title
        title = name_data(f"{name} units as they learn", data.data_name)
        figure.suptitle(title, x=0.012, y=0.985, ha="left", va="top", fontsize=TITLE_SIZE)
        _draw_units(figure.add_axes((0.075, 0.22, 0.4, 0.62)), data)
        _draw_shares(figure.add_axes((0.575, 0.5, 0.405, 0.34)), data)
        figure.text(0.012, 0.02, KEY, fontsize=SMALL_SIZE, color=TEXT_GREY)

    @staticmethod
    def describe(data: Picture) -> str:
        """Return how many units are dead at the chosen rate, and at the lowest and highest."""
        chosen, settings = data.chosen, data.settings
        name, rate = get_activation(settings["activation"]).title, settings["learning_rate"]
        dead, units = int(chosen.dead[-1].sum()), chosen.dead.shape[1]
        others = ", ".join(
            f"{short_power(rate)}: {course.dead_share[-1]:.0%}{_ending(course)}"
            for rate, course in data.courses.items()
        )
        return (
            f"{name}, {counted(settings['depth'], 'hidden layer')} of {WIDTH} units, first biases "
            f"{settings['bias']:g}. At rate {short_power(rate)}, {dead} of {units} units are dead "
            f"for every training image at step {chosen.steps[-1]}{_ending(chosen)}, and "
            f"{chosen.accuracy:.0%} of the validation digits are right. "
            f"Dead at each rate: {others}."
        )

    @staticmethod
    def table(data: Picture) -> Table:
        """Return the share of dead units by step, a column a rate."""
        longest = max((course.steps for course in data.courses.values()), key=len)
        rows = [
            [str(step), *(_cell(course, place) for course in data.courses.values())]
            for place, step in enumerate(longest)
        ]
        accuracy = [f"{course.accuracy:.0%}" for course in data.courses.values()]
        name = get_activation(data.settings["activation"]).title
        return Table(
            name_data(f"Share of {name} units that are dead", data.data_name),
            ["step", *(f"rate {short_power(rate)}" for rate in data.courses)],
            [*rows, ["validation digits right at the end", *accuracy]],
        )


def _ending(course: Course) -> str:
    return "" if course.diverged is None else f" (diverged at step {course.diverged})"


def _cell(course: Course, place: int) -> str:
    return f"{course.dead_share[place]:.0%}" if place < len(course.steps) else "diverged"


def _draw_units(axes, data: Picture) -> None:
    """Draw a row a unit and a column a look: how steep it is, and a solid colour where dead."""
    course, depth = data.chosen, data.settings["depth"]
    slopes = np.where(course.dead, np.nan, np.clip(course.slopes, 0, 1)).T
    axes.set_facecolor(PALETTE["vermillion"])
    last = data.settings["steps"]
    half = last / RECORDED / 2
    units = len(slopes)
    extent = (-half, course.steps[-1] + half, units + 0.5, 0.5)
    axes.imshow(
        slopes, aspect="auto", extent=extent, cmap="Blues", vmin=-0.3, vmax=1,
        interpolation="nearest",
    )  # fmt: skip
    if course.diverged is not None:
        axes.axvspan(course.steps[-1] + half, last + half, color="white")
        middle = (course.steps[-1] + half + last + half) / 2
        axes.text(middle, WIDTH / 2, "diverged", rotation=90, va="center", ha="center")
    axes.set_xlim(-half, last + half)
    for layer in range(1, depth):
        axes.axhline(layer * WIDTH + 0.5, color="black", linewidth=1)
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(FixedLocator([0, last // 2, last]))
    axes.yaxis.set_major_locator(FixedLocator((np.arange(depth) + 0.5) * WIDTH))
    axes.set_yticklabels([f"layer {layer + 1}" for layer in range(depth)], rotation=90, va="center")
    axes.tick_params(axis="y", length=0)
    axes.set(
        xlabel="step", title=f"each unit, at rate {short_power(data.settings['learning_rate'])}"
    )


def _draw_shares(axes, data: Picture) -> None:
    handles = []
    for rate, course in data.courses.items():
        color, dashes = LOOKS[rate]
        bold = rate == data.settings["learning_rate"]
        style = {"color": color, "linestyle": dashes, "linewidth": 3 if bold else 1.6}
        axes.plot(course.steps, 100 * course.dead_share, **style)
        if course.diverged is not None:
            axes.plot(course.steps[-1], 100 * course.dead_share[-1], "x", color=color, mew=2)
        ending = "diverged" if course.diverged is not None else f"{course.accuracy:.0%} right"
        label = f"rate {short_power(rate)}: {course.dead_share[-1]:.0%} dead, {ending}"
        handles.append(Line2D([], [], label=label, **style))
    axes.set_ylim(-4, 104)
    axes.set_xlim(-1, data.settings["steps"] + 1)
    axes.yaxis.set_major_locator(FixedLocator([0, 50, 100]))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set(xlabel="step", ylabel="dead units (%)", title="all units, at every rate")
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(-0.05, -0.33), handlelength=3.2,
        labelspacing=0.3,
    )  # fmt: skip
