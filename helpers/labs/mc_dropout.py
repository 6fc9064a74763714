"""MC dropout: one trained network asked many times, and how far to trust what it answers."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox, TransformedBbox

from helpers.arguments import SEED, Choice, Number, Whole, takes
from helpers.datasets.digits import TEST_IMAGES
from helpers.evaluation import accuracy, expected_calibration_error, reliability
from helpers.figures.base import (
    PALETTE,
    SMALL_SIZE,
    TEXT_GREY,
    TITLE_SIZE,
    name_data,
)
from helpers.labs.base import Lab, Settings, Table, control
from helpers.labs.trained import (
    held_out_digits,
    network_document,
    standardized,
    trained_network,
)
from helpers.theory.dropout import (
    mc_predict,
    mutual_information,
    predictive_mean,
    predictive_std,
    softmax,
)
from helpers.theory.network import forward

#: The stored network that was trained with each rate.
RATES = {0.0: "plain", 0.2: "dropout-0.2", 0.5: "dropout-0.5", 0.8: "dropout-0.8"}
MOST_PASSES = 100
BRIGHTEST = 16  # grey levels of a digit: from 0 to this
MOST_NOISE = 8.0
MOST_SEEDS = 20
BINS = 10  # of confidence: 300 images leave more of them nearly empty
N_CLASSES = 10
ROUNDING = 1e-5  # nats: passes that agree to the bit have a mutual information of about 1e-8

# The two ways to predict look the same wherever they are drawn.
OFF = {"color": "black", "marker": "D", "markersize": 5.5, "markerfacecolor": "none"}
MEAN = {"color": PALETTE["vermillion"], "marker": "s", "markersize": 5, "linestyle": (0, (5, 2))}
OFF, MEAN = ({"linewidth": 1, **look} for look in (OFF, MEAN))


class Picture(NamedTuple):
    """All that the picture shows.

    Attributes:
        data_name: of the data set, with the noise.
        number, label, image: the image that was picked, its digit, and its pixels ``(8, 8)``.
        rate, noise: dropout's rate; standard deviation of the noise in grey levels.
        passes: probabilities of the image, float32 ``(passes, 10)``, a row a pass.
        ordinary, mean, std: ``(10,)`` with dropout off; mean and standard deviation over passes.
        information: mutual information of the image's passes, in nats.
        most_disputed: number of the test image whose passes disagree most; None where no two
            passes differ.
        accuracies, errors, bins: accuracy, expected calibration error and reliability over all test
            images, each with dropout off and for the mean over passes.
        confidences: mean confidence, likewise.
    """

    data_name: str
    number: int
    label: int
    image: np.ndarray
    rate: float
    noise: float
    passes: np.ndarray
    ordinary: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    information: float
    most_disputed: int | None
    accuracies: tuple[float, float]
    confidences: tuple[float, float]
    errors: tuple[float, float]
    bins: tuple[list[dict], list[dict]]

    @property
    def titles(self) -> tuple[str, str]:
        """The two ways to predict."""
        return "dropout off", f"mean of {counted_passes(len(self.passes))}"


class Predictions(NamedTuple):
    """What a network says about all test images; read-only.

    Attributes:
        images: pixels ``(n, 8, 8)``, with the noise.
        ordinary: probabilities ``(n, 10)`` with dropout off.
        passes: ``(passes, n, 10)`` with dropout on.
    """

    images: np.ndarray
    ordinary: np.ndarray
    passes: np.ndarray


@takes(
    rate=Choice(*RATES),
    passes=Whole(1, 10_000),
    noise=Number("[0, 1e6]"),
    seed=SEED,
)
@lru_cache(maxsize=4)
def predictions(rate: float, passes: int, noise: float, seed: int) -> Predictions:
    """Return what the network of this rate says about the test images. Kept, for the next image.

    More passes go on where fewer ended; noise and masks of one seed do not depend on each other.

    Raises:
        ValueError: for a rate that no stored network has, or a number out of its range.
    """
    name = RATES[rate]
    parameters, document = trained_network(name), network_document(name)
    digits = held_out_digits()
    rng = np.random.default_rng([seed, 0])
    noisy = digits.images[..., 0] + noise * rng.standard_normal(digits.images.shape[:3])
    noisy = np.clip(noisy, 0, BRIGHTEST)
    x = standardized(noisy, document)
    ordinary = softmax(forward(x, parameters, "relu").logits)
    masks = np.random.default_rng([seed, 1])
    found = Predictions(noisy, ordinary, mc_predict(parameters, x, rate, passes, masks))
    for array in found:
        array.flags.writeable = False
    return found


class MCDropout(Lab):
    """Pick a digit; see what each pass with dropout on says, and what all passes are worth.

    Args:
        settings: ``image`` (number of the test image), ``rate`` (0, 0.2, 0.5 or 0.8: each has a
            network that was trained with it), ``passes``, ``noise`` (standard deviation of noise on
            the pixels, in grey levels), ``seed`` (of noise and masks).

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 8.4, 4.4
    kinds = Settings(
        image=Whole(0, TEST_IMAGES - 1),
        rate=Choice(*RATES),
        passes=Whole(1, MOST_PASSES),
        noise=Number(f"[0, {MOST_NOISE:g}]"),
        seed=Whole(0, MOST_SEEDS),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return a noisy image on which the passes disagree, and a rate that calibrates."""
        return {"image": 106, "rate": 0.2, "passes": 30, "noise": 4.0, "seed": 0}

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the settings that cost the most."""
        return {**cls.default_settings(), "rate": 0.8, "passes": MOST_PASSES, "noise": MOST_NOISE}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the five controls."""
        return {
            "image": control(
                widgets.IntSlider,
                "image",
                "which of the test images to look at; no network has seen one of them in training",
                max=TEST_IMAGES - 1,
                value=settings["image"],
            ),
            "rate": control(
                widgets.SelectionSlider,
                "rate",
                "share of units that every pass drops; each rate has the network trained with it",
                options=list(RATES),
                value=settings["rate"],
            ),
            "passes": control(
                widgets.IntSlider,
                "passes",
                "how often each image is predicted with dropout on",
                min=1,
                max=MOST_PASSES,
                value=settings["passes"],
            ),
            "noise": control(
                widgets.FloatSlider,
                "noise",
                "standard deviation of random noise on every pixel, in grey levels of 16",
                max=MOST_NOISE,
                step=0.5,
                value=settings["noise"],
                readout_format=".1f",
            ),
            "seed": control(
                widgets.IntSlider,
                "seed",
                "draws other noise, and drops other units",
                max=MOST_SEEDS,
                value=settings["seed"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Picture:
        """Return what the network says about the image, and about all test images.

        Raises:
            ValueError: for a rate that no stored network has, or a number out of its range.
        """
        number, rate, noise = settings["image"], settings["rate"], float(settings["noise"])
        digits = held_out_digits()
        found = predictions(rate, settings["passes"], noise, settings["seed"])
        both = (found.ordinary, predictive_mean(found.passes))
        information = mutual_information(found.passes)
        return Picture(
            digits.name + (f" with noise of {noise:g} grey levels" if noise else ""),
            number,
            int(digits.labels[number]),
            found.images[number],
            rate,
            noise,
            found.passes[:, number],
            found.ordinary[number],
            both[1][number],
            predictive_std(found.passes[:, number]),
            max(0.0, float(information[number])),
            int(information.argmax()) if information.max() > ROUNDING else None,
            tuple(accuracy(p, digits.labels) for p in both),
            tuple(float(p.max(axis=1).mean()) for p in both),
            tuple(expected_calibration_error(p, digits.labels, BINS) for p in both),
            tuple(reliability(p, digits.labels, BINS) for p in both),
        )

    @staticmethod
    def draw(data: Picture, figure) -> None:
        """Draw the image, the probabilities of each pass, and the reliability of both ways."""
        _draw_image(figure, data)
        _draw_passes(figure.add_axes((0.27, 0.22, 0.36, 0.6)), data)
        _draw_reliability(figure.add_axes((0.715, 0.22, 0.265, 0.6)), data)
        figure.suptitle(
            name_data(f"MC dropout at rate {data.rate:g}", data.data_name),
            x=0.012,
            y=0.985,
            ha="left",
            va="top",
            fontsize=TITLE_SIZE,
        )

    @staticmethod
    def describe(data: Picture) -> str:
        """Return what both ways say about the image, and how well calibrated they are."""
        off, mc = data.ordinary.argmax(), data.mean.argmax()
        votes = int((data.passes.argmax(axis=1) == mc).sum())
        accuracies, errors, confidences = data.accuracies, data.errors, data.confidences
        disputed = "no two passes differ on any image"
        if data.most_disputed is not None:
            disputed = f"the most disputed image is number {data.most_disputed}"
        return (
            f"Test image {data.number} is a {data.label}. With dropout off the network says {off} "
            f"with probability {data.ordinary[off]:.2f}; the mean over "
            f"{counted_passes(len(data.passes))} at rate {data.rate:g} says {mc} with "
            f"{data.mean[mc]:.2f} ± {data.std[mc]:.2f}; {votes} of {len(data.passes)} say so "
            f"(mutual information {data.information:.2f} nats; {disputed}). Over all test images, "
            f"off against mean: accuracy {accuracies[0]:.3f} and {accuracies[1]:.3f}, mean "
            f"confidence {confidences[0]:.3f} and {confidences[1]:.3f}, expected calibration error "
            f"{errors[0]:.3f} and {errors[1]:.3f}."
        )

    @staticmethod
    def table(data: Picture) -> Table:
        """Return a row a class: its probability with dropout off, and over the passes."""
        votes = np.bincount(data.passes.argmax(axis=1), minlength=N_CLASSES)
        low, high = data.passes.min(axis=0), data.passes.max(axis=0)
        rows = [
            [
                str(digit),
                f"{data.ordinary[digit]:.3f}",
                f"{data.mean[digit]:.3f} ± {data.std[digit]:.3f}",
                f"{low[digit]:.3f} to {high[digit]:.3f}",
                str(votes[digit]),
            ]
            for digit in range(N_CLASSES)
        ]
        header = [
            "digit",
            "dropout off",
            "mean ± standard deviation over passes",
            "lowest to highest",
            "passes that say it",
        ]
        return Table(
            name_data(f"Test image {data.number}, a {data.label}", data.data_name), header, rows
        )


def counted_passes(number: int) -> str:
    """Return a number of passes in words.

    >>> counted_passes(1), counted_passes(50)
    ('1 pass', '50 passes')
    """
    return "1 pass" if number == 1 else f"{number} passes"


def _draw_image(figure, data: Picture) -> None:
    """Draw the image without axes around it: they would take a tenth of the drawing time."""
    place = TransformedBbox(Bbox.from_bounds(0.015, 0.34, 0.185, 0.353), figure.transFigure)
    norm = Normalize(0, BRIGHTEST)
    image = BboxImage(place, cmap="gray_r", norm=norm, interpolation="nearest", data=data.image)
    figure.add_artist(image)
    title = f"image {data.number}: a {data.label}"
    figure.text(0.1075, 0.71, title, ha="center", va="bottom")


def _draw_passes(axes, data: Picture) -> None:
    """Draw a column a class: a dot a pass, a bar for their mean, a diamond for dropout off."""
    count = len(data.passes)
    digits = np.arange(N_CLASSES)
    shift = np.linspace(-0.3, 0.3, count) if count > 1 else np.zeros(1)
    dots = {"color": PALETTE["sky blue"], "markersize": 3, "linestyle": "none", "alpha": 0.6}
    x = (digits + shift[:, np.newaxis]).ravel()
    axes.plot(x, data.passes.ravel(), marker="o", markeredgewidth=0, **dots)
    bar = {"marker": "_", "markersize": 18, "markeredgewidth": 2.5, "linestyle": "none"}
    axes.plot(digits, data.mean, color=MEAN["color"], **bar)
    axes.plot(digits, data.ordinary, **{**OFF, "linestyle": "none"})
    axes.set(xlim=(-0.6, N_CLASSES - 0.4), ylim=(-0.03, 1.03), xticks=digits)
    axes.set_yticks((0, 0.5, 1))
    axes.set(xlabel="digit", ylabel="probability", title="this image, pass by pass")
    axes.grid(visible=False, axis="x")
    handles = [
        Line2D([], [], marker="o", label="one pass", **{**dots, "markersize": 5, "alpha": 1}),
        Line2D([], [], label=data.titles[1], **MEAN),
        Line2D([], [], label=data.titles[0], **OFF),
    ]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.85, -0.19),  # under both axes: it holds for both
        ncol=3,
        fontsize=SMALL_SIZE,
        borderaxespad=0,
    )


def _draw_reliability(axes, data: Picture) -> None:
    """Draw accuracy against confidence over all test images, a marker a bin."""
    axes.plot([0, 1], [0, 1], color=TEXT_GREY, linestyle=(0, (4, 3)), linewidth=1)
    total = sum(part["count"] for part in data.bins[0])
    for bins, look in zip(data.bins, (OFF, MEAN), strict=True):
        x, y, counts = np.array([(b["confidence"], b["accuracy"], b["count"]) for b in bins]).T
        axes.plot(x, y, **look)
        size = {"s": 25 + 300 * counts / total, "marker": look["marker"], "color": look["color"]}
        axes.scatter(x, y, alpha=0.2, linewidths=0, **size)
    axes.set(xlim=(0, 1.06), ylim=(-0.03, 1.06), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.set(xlabel="confidence", ylabel="share right")
    off, mean = data.errors
    axes.set_title(f"{total} images: calibration\nerror {off:.3f} off, {mean:.3f} mean")
