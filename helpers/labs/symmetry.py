"""Symmetry: hidden units that start alike, and whether training ever tells them apart."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.arguments import SEED, Choice, Name, Number, Text, Whole, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import PALETTE, SMALL_SIZE, TEXT_GREY, TITLE_SIZE, counted, name_data
from helpers.labs.base import Lab, Settings, Table, control
from helpers.labs.digit_inputs import N_CLASSES, SIDE, digit_inputs
from helpers.theory.activations import get_activation
from helpers.theory.initializers import get_initializer, weight_variance
from helpers.theory.network import (
    Parameters,
    backward,
    forward,
    make_parameters,
    softmax_cross_entropy,
)

IMAGES = 400  # that the network trains on: all of them at every step
SAME_DRAW = "one He draw"
WEIGHTS = {
    "zeros": "all 0",
    "constant(0.1)": "all 0.1",
    SAME_DRAW: "all the same: one number drawn with He's variance",
    "normal(0.001)": "random: N(0, 0.001²)",
    "normal(1)": "random: N(0, 1²)",
    "glorot_uniform": "random: Glorot uniform",
    "he_normal": "random: He normal",
    "orthogonal": "random: orthogonal",
}
BIASES = {"zeros": "all 0", "constant(0.1)": "all 0.1", "normal(0.1)": "random: N(0, 0.1²)"}
ACTIVATIONS = ("tanh", "logistic", "relu", "leaky_relu", "elu", "gelu")
RATES = (0.01, 0.03, 0.1, 0.3)
REFERENCE = "glorot_uniform"
# Of the largest weight. A processor may round the sums of two equal units differently, in the last
# digit, and training makes the difference grow: to 5e-6 in 150 steps at the highest rate here. (At
# a rate of 1 rounding alone breaks the tie within those steps, on some processors.)
ALIKE = 1e-3


class Training(NamedTuple):
    """What became of a network ``64 -> width -> 10`` on the digits.

    Attributes:
        kernels: of the hidden layer at every step, from step 0 on, ``(steps + 1, 64, width)``.
        biases: of the hidden layer, ``(steps + 1, width)``.
        output_kernel: after the last step, ``(width, 10)``.
        losses: cross-entropy in nats on the training images, ``(steps + 1,)``.
        accuracy: share of the 300 validation images that it gets right after the last step.
    """

    kernels: np.ndarray
    biases: np.ndarray
    output_kernel: np.ndarray
    losses: np.ndarray
    accuracy: float

    def distinct(self, step: int) -> int:
        """Return how many hidden units differ from every unit before them, at this step."""
        return distinct_units(self.kernels[step], self.biases[step])


class Picture(NamedTuple):
    """All that the picture shows.

    Attributes:
        settings: see :class:`Symmetry`.
        training: of the chosen network.
        reference: the losses of the same network from Glorot's weights and biases of 0.
        reference_accuracy: and its accuracy.
        shown: the three steps whose weights are shown, ``(3,)``.
        counted: the steps at which distinct units are counted.
        distinct: how many there are, at those steps.
        data_name: the data set.
    """

    settings: dict
    training: Training
    reference: np.ndarray
    reference_accuracy: float
    shown: np.ndarray
    counted: np.ndarray
    distinct: np.ndarray
    data_name: str


@takes(kernel=Array("fan_in, units"), bias=Array("units"))
def distinct_units(kernel: np.ndarray, bias: np.ndarray) -> int:
    """Return how many units of a layer differ in an incoming weight or in their bias.

    Args:
        kernel: ``(fan_in, units)``.
        bias: ``(units,)``.

    Two values count as equal when they differ by at most a thousandth of the largest.

    Raises:
        ValueError: for shapes that do not fit.

    >>> distinct_units(np.array([[1.0, 1.0, 2.0]]), np.zeros(3))
    2
    """
    columns = np.vstack([kernel, bias])
    apart = np.abs(columns[:, :, np.newaxis] - columns[:, np.newaxis, :]).max(axis=0)
    alike = apart <= ALIKE * np.abs(columns).max()
    return int((alike.argmax(axis=0) == np.arange(columns.shape[1])).sum())


@takes(width=Whole(1), seed=SEED)
def initial_parameters(weights: str, biases: str, width: int, seed: int) -> Parameters:
    """Return the weights that a network ``64 -> width -> 10`` starts from.

    Args:
        weights: of both kernels: one of ``WEIGHTS``, or any initializer's name.
        biases: of the hidden layer: one of ``BIASES``, or an initializer without a fan. Those of
            the output layer start at 0.
        width: hidden units.
        seed: of whatever is drawn.

    Raises:
        ValueError: for an unknown name.
    """
    rng = np.random.default_rng(seed)
    sizes = (SIDE**2, width, N_CLASSES)
    start = make_parameters(sizes, "zeros" if weights == SAME_DRAW else weights, rng)
    if weights == SAME_DRAW:
        for kernel in start.kernels:
            kernel[:] = rng.normal(0, np.sqrt(weight_variance("he_normal", kernel.shape)))
    drawn = get_initializer(biases)
    if drawn.distribution not in ("constant", "normal"):
        raise ValueError(f"biases have no fans: expected one of {', '.join(BIASES)}, got {biases}.")
    normal = drawn.distribution == "normal"
    start.biases[0][:] = rng.normal(0, drawn.scale, width) if normal else drawn.scale
    return start


@takes(
    weights=Text(),
    biases=Text(),
    activation=Text(),
    width=Whole(1, 1_000),
    steps=Whole(0, 10_000),
    learning_rate=Number("[0, inf)"),
    seed=SEED,
)
@lru_cache(maxsize=32)
@np.errstate(all="ignore")
def train_units(
    weights: str = "constant(0.1)",
    biases: str = "zeros",
    activation: str = "tanh",
    width: int = 8,
    steps: int = 60,
    learning_rate: float = 0.3,
    seed: int = 0,
) -> Training:
    """Train a network with one hidden layer by gradient descent on 400 digits, all at every step.

    Args:
        weights, biases, width, seed: see :func:`initial_parameters`.
        activation: of the hidden layer.
        steps: of gradient descent.
        learning_rate: of each step.

    Raises:
        ValueError: for an unknown name.
    """
    get_activation(activation)
    data = digit_inputs()
    x, labels = data.x[:IMAGES], data.labels[:IMAGES]
    parameters = initial_parameters(weights, biases, width, seed)
    kernels, hidden_biases, losses = [], [], []
    for step in range(steps + 1):
        signals = forward(x, parameters, activation)
        loss, logit_gradient = softmax_cross_entropy(signals.logits, labels)
        kernels.append(parameters.kernels[0].copy())
        hidden_biases.append(parameters.biases[0].copy())
        losses.append(loss)
        if step < steps:
            gradients = backward(signals, parameters, activation, logit_gradient)
            for name in ("kernels", "biases"):
                pairs = zip(getattr(parameters, name), getattr(gradients, name), strict=True)
                for array, gradient in pairs:
                    array -= learning_rate * gradient
    logits = forward(data.validation_x, parameters, activation).logits
    accuracy = float((logits.argmax(axis=1) == data.validation_labels).mean())
    output = parameters.kernels[1]
    return Training(*map(np.array, (kernels, hidden_biases, output, losses)), accuracy)


class Symmetry(Lab):
    """Hidden units side by side as a small network learns, from weights that you choose.

    Args:
        settings: ``weights`` (a key of ``WEIGHTS``), ``biases`` (of ``BIASES``), ``activation``,
            ``width``, ``steps``, ``learning_rate`` (of ``RATES``), ``seed``.

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 7.6, 5.3
    kinds = Settings(
        weights=Name(WEIGHTS, "choice of weights"),
        biases=Name(BIASES, "choice of biases"),
        activation=Name(ACTIVATIONS, "activation"),
        width=Whole(2, 8),
        steps=Whole(0, 150),
        learning_rate=Choice(*RATES),
        seed=Whole(0, 9),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return the settings at the start: eight tanh units, every weight 0.1."""
        return {
            "weights": "constant(0.1)",
            "biases": "zeros",
            "activation": "tanh",
            "width": 8,
            "steps": 60,
            "learning_rate": 0.3,
            "seed": 0,
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the most units and steps."""
        most = {"weights": "normal(1)", "activation": "gelu", "width": 8, "steps": 150}
        return {**cls.default_settings(), **most}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the seven controls."""
        titles = [(get_activation(name).title, name) for name in ACTIVATIONS]
        return {
            "weights": control(
                widgets.Dropdown,
                "weights",
                "what the weights of both layers start from",
                options=[(title, name) for name, title in WEIGHTS.items()],
                value=settings["weights"],
            ),
            "biases": control(
                widgets.Dropdown,
                "hidden biases",
                "what the biases of the hidden layer start from",
                options=[(title, name) for name, title in BIASES.items()],
                value=settings["biases"],
            ),
            "activation": control(
                widgets.Dropdown,
                "activation",
                "activation function of the hidden units",
                options=titles,
                value=settings["activation"],
            ),
            "width": control(
                widgets.IntSlider,
                "width",
                "how many hidden units",
                min=2,
                max=8,
                value=settings["width"],
            ),
            "steps": control(
                widgets.IntSlider,
                "steps",
                "how many steps of gradient descent, on all 400 images each",
                min=0,
                max=150,
                step=10,
                value=settings["steps"],
            ),
            "learning_rate": control(
                widgets.SelectionSlider,
                "learning rate",
                "how far a step goes along the gradient",
                options=RATES,
                value=settings["learning_rate"],
            ),
            "seed": control(
                widgets.IntSlider,
                "seed",
                "draws other random numbers",
                min=0,
                max=9,
                value=settings["seed"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Picture:
        """Return the training of the chosen network, and of the one that it is compared with.

        Raises:
            ValueError: for an unknown name.
        """
        training = train_units(**settings)
        reference = train_units(**{**settings, "weights": REFERENCE, "biases": "zeros"})
        steps = settings["steps"]
        at = np.unique(np.linspace(0, steps, 21).astype(int))
        return Picture(
            settings=dict(settings),
            training=training,
            reference=reference.losses,
            reference_accuracy=reference.accuracy,
            shown=np.array([0, steps // 4, steps]),
            counted=at,
            distinct=np.array([training.distinct(step) for step in at]),
            data_name=digit_inputs().name,
        )

    @staticmethod
    def draw(data: Picture, figure) -> None:
        """Draw the weights of each unit at three steps, and below them the loss."""
        title = name_data("Weights into each hidden unit", data.data_name)
        figure.suptitle(title, x=0.012, y=0.985, ha="left", va="top", fontsize=TITLE_SIZE)
        _draw_units(figure, data)
        _draw_loss(figure.add_axes((0.09, 0.105, 0.56, 0.25)), data)

    @staticmethod
    def describe(data: Picture) -> str:
        """Return how many units are left distinct, and what that costs."""
        chosen, training = data.settings, data.training
        name = get_activation(chosen["activation"]).title
        return (
            f"{chosen['width']} {name} units, weights {WEIGHTS[chosen['weights']]}; hidden biases "
            f"{BIASES[chosen['biases']]}. After {counted(chosen['steps'], 'step')} "
            f"{data.distinct[-1]} of {chosen['width']} units are distinct. The loss went from "
            f"{training.losses[0]:.2f} to {training.losses[-1]:.2f}, and {training.accuracy:.0%} "
            f"of the validation digits are right; from Glorot's weights {data.reference[-1]:.2f} "
            f"and {data.reference_accuracy:.0%}."
        )

    @staticmethod
    def table(data: Picture) -> Table:
        """Return loss and distinct units by step."""
        rows = [
            [
                str(step),
                f"{data.training.losses[step]:.4f}",
                f"{data.reference[step]:.4f}",
                f"{count} of {data.settings['width']}",
            ]
            for step, count in zip(data.counted, data.distinct, strict=True)
        ]
        header = ["step", "loss", "loss from Glorot uniform", "distinct hidden units"]
        return Table(name_data("Training from chosen weights", data.data_name), header, rows)


def _mosaic(kernels: np.ndarray) -> np.ndarray:
    """Return one image with a row a kernel and a column a unit, 8 x 8 pixels each, NaN between."""
    rows, _, units = kernels.shape
    tiles = np.full((rows, SIDE + 1, units, SIDE + 1), np.nan)
    tiles[:, :SIDE, :, :SIDE] = kernels.reshape(rows, SIDE, SIDE, units).transpose(0, 1, 3, 2)
    return tiles.reshape(rows * (SIDE + 1), units * (SIDE + 1))


def _draw_units(figure, data: Picture) -> None:
    units = data.settings["width"]
    image = _mosaic(data.training.kernels[data.shown])
    largest = float(np.nanmax(np.abs(image))) or 1.0  # zeros: any scale shows them white
    axes = figure.add_axes((0.16, 0.45, 0.83, 0.46))
    axes.axis("off")  # and texts instead of ticks, which would take as long as all the rest
    style = {"cmap": "PuOr", "vmin": -largest, "vmax": largest, "interpolation": "nearest"}
    axes.imshow(image, aspect="equal", **style)
    axes.set_anchor("NW")
    axes.set_xlim(-1, 8 * (SIDE + 1) - 1)  # few units stay as small as many
    for row, step in enumerate(data.shown):
        label = f"step {step}:\n{data.training.distinct(step)} of {units} distinct"
        middle = row * (SIDE + 1) + (SIDE - 1) / 2
        axes.text(-2, middle, label, ha="right", va="center", fontsize=SMALL_SIZE)
    colors = f"Units 1 to {units}, from left to right. Purple: {largest:.2g}, white: 0, orange: "
    below = {"fontsize": SMALL_SIZE, "color": TEXT_GREY, "va": "top"}
    axes.text(-0.5, 3 * (SIDE + 1), f"{colors}-{largest:.2g}.", **below)


def _draw_loss(axes, data: Picture) -> None:
    steps = np.arange(len(data.reference))
    mark = "o" if len(steps) == 1 else None
    losses = data.training.losses
    axes.plot(steps, losses, color=PALETTE["blue"], marker=mark, label="these weights")
    glorot = {"color": PALETTE["vermillion"], "linestyle": (0, (5, 2)), "marker": mark}
    axes.plot(steps, data.reference, label="Glorot's weights", **glorot)
    guess = {"color": TEXT_GREY, "linestyle": (0, (1, 1.5)), "linewidth": 1.4}
    axes.axhline(np.log(N_CLASSES), label="every digit equally likely", **guess)
    axes.set_ylim(0, 1.05 * max(3, losses.max(), data.reference.max()))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.set(xlabel="step", ylabel="loss (nats)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.05))
