"""Inside batch norm: one unit's statistics over training steps, and its outputs both ways."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.arguments import Choice, Name, Number, Whole, takes
from helpers.figures.base import (
    PALETTE,
    TITLE_SIZE,
    counted,
    in_words,
    name_data,
    plain,
)
from helpers.labs.base import Lab, Settings, Table, control
from helpers.theory import batch_norm

DATA = "random inputs"
TRUE_MEAN, TRUE_STD = 4.0, 2.0  # of the inputs, far from where the moving averages start
SHOWN_OUTPUTS = 8_192  # inputs behind each histogram
BINS = 60
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MOMENTA = (0.0, 0.5, 0.9, 0.99, 0.999)
EPSILONS = (1e-5, 1e-3, 1e-1)
WHEN = {
    "midway": "midway in training",
    "after": "after training, in inference",
}
LOOKS = {
    "batch": {"color": PALETTE["sky blue"], "linestyle": "none", "marker": ".", "markersize": 4},
    "moving": {"color": PALETTE["vermillion"], "linestyle": "-", "linewidth": 2.2},
    "true": {"color": "black", "linestyle": (0, (5, 2)), "linewidth": 1.4},
}
UNSEEN = {
    "color": "black",
    "linestyle": "none",
    "marker": "D",
    "markersize": 7,
    "clip_on": False,
    "zorder": 5,
}
OUTPUTS = {
    "training": {"color": PALETTE["blue"], "linestyle": "-"},
    "inference": {"color": PALETTE["vermillion"], "linestyle": (0, (5, 2))},
}


class Statistic(NamedTuple):
    """Mean or standard deviation at each step: of the batch, moving, and of the data, (steps,)."""

    batch: np.ndarray
    moving: np.ndarray
    true: np.ndarray


class Outputs(NamedTuple):
    """What comes out for the same kind of inputs: mean, standard deviation, share in each bin."""

    mean: float
    std: float
    shares: np.ndarray


class Picture(NamedTuple):
    """All that the picture shows; ``training`` and ``inference`` share their ``edges``."""

    batch_size: int
    momentum: float
    mean: Statistic
    std: Statistic
    training: Outputs
    inference: Outputs
    edges: np.ndarray
    inference_mean: float  # of the inputs

    @property
    def unseen(self) -> bool:
        """Whether the inputs in inference are not those of training."""
        return self.inference_mean != self.mean.true[-1]

    @property
    def steps(self) -> int:
        """How many steps it trained."""
        return len(self.mean.batch)

    @property
    def start_share(self) -> float:
        """What the start still weighs in the moving averages."""
        return self.momentum**self.steps


def _true_means(settings: dict) -> tuple[np.ndarray, float, float]:
    """Return the data's mean at each step, then in training's last batch and in inference."""
    steps, shift = settings["steps"], settings["shift"] * TRUE_STD
    means = np.full(steps, TRUE_MEAN)
    if settings["when"] == "midway":
        means[steps // 2 :] += shift
        return means, means[-1], means[-1]
    return means, TRUE_MEAN, TRUE_MEAN + shift


def _histograms(training: np.ndarray, inference: np.ndarray) -> tuple[np.ndarray, list[Outputs]]:
    """Count both in the same bins, which are as wide as the wider of the two needs."""
    both = [training.reshape(-1), inference.reshape(-1)]
    low = min(-4.0, *(values.mean() - 4 * values.std() for values in both))
    high = max(4.0, *(values.mean() + 4 * values.std() for values in both))
    edges = np.linspace(low, high, BINS + 1)
    found = []
    for values in both:
        counts, _ = np.histogram(values, edges)
        found.append(Outputs(float(values.mean()), float(values.std()), counts / values.size))
    return edges, found


class InsideBatchNorm(Lab):
    """One unit behind batch norm: batch, moving and true statistics, and what comes out.

    The inputs of the unit are normal; gamma is 1 and beta 0.

    Args:
        settings: ``batch_size``, ``steps`` of training, ``momentum`` of the moving averages,
            ``shift`` of the data's mean in its standard deviations, ``when`` it shifts
            ("midway", "after"), ``epsilon``, ``seed``.

    Raises:
        ValueError: for an unknown setting, or a value that no control offers.
    """

    width, height = 8.2, 4.3
    kinds = Settings(
        batch_size=Choice(*BATCH_SIZES),
        steps=Whole(10, 1000),
        momentum=Choice(*MOMENTA),
        shift=Number("[-3, 3]"),
        when=Name(WHEN, "time of the shift"),
        epsilon=Choice(*EPSILONS),
        seed=Whole(0, 99),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return Keras's momentum and epsilon, and too few steps for them."""
        return {
            "batch_size": 32,
            "steps": 100,
            "momentum": batch_norm.MOMENTUM,
            "shift": 0.0,
            "when": "midway",
            "epsilon": batch_norm.EPSILON,
            "seed": 42,
        }

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the largest batch, most often, with a shift."""
        return {**cls.default_settings(), "batch_size": 256, "steps": 1000, "shift": 2.0}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the seven controls."""
        return {
            "batch_size": control(
                widgets.SelectionSlider,
                "batch size",
                "how many inputs each training batch holds",
                options=BATCH_SIZES,
                value=settings["batch_size"],
            ),
            "steps": control(
                widgets.IntSlider,
                "steps",
                "how many batches it trains on before inference",
                min=10,
                max=1000,
                step=10,
                value=settings["steps"],
            ),
            "momentum": control(
                widgets.SelectionSlider,
                "momentum",
                "the share that the old moving average keeps at each step",
                options=MOMENTA,
                value=settings["momentum"],
            ),
            "shift": control(
                widgets.FloatSlider,
                "shift of the data",
                "by how many of their standard deviations the inputs move",
                min=-3.0,
                max=3.0,
                step=0.5,
                value=settings["shift"],
            ),
            "when": control(
                widgets.Dropdown,
                "it shifts",
                "whether training sees the shifted inputs too, or inference alone",
                options=[(title, name) for name, title in WHEN.items()],
                value=settings["when"],
            ),
            "epsilon": control(
                widgets.SelectionSlider,
                "epsilon",
                "what is added to the variance before the division",
                options=[(f"{value:g}", value) for value in EPSILONS],
                value=settings["epsilon"],
            ),
            "seed": control(
                widgets.IntSlider,
                "seed",
                "draws other inputs of the same kind",
                min=0,
                max=99,
                value=settings["seed"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Picture:
        """Train the moving averages on batches, then send the same inputs through both ways.

        Raises:
            ValueError: for a setting that no control offers.
        """
        size, epsilon = settings["batch_size"], settings["epsilon"]
        rng = np.random.default_rng(settings["seed"])
        true, training_mean, inference_mean = _true_means(settings)
        # A column a step: batch norm takes the statistics of each column by itself.
        seen = batch_norm.forward(
            rng.normal(true, TRUE_STD, (size, settings["steps"])), epsilon=epsilon
        )
        starts = (batch_norm.MOVING_MEAN, batch_norm.MOVING_VARIANCE)
        mean, variance = (
            batch_norm.moving_averages(values, start, settings["momentum"])
            for values, start in zip((seen.mean, seen.variance), starts, strict=True)
        )
        fresh = rng.normal(0, TRUE_STD, (size, SHOWN_OUTPUTS // size))
        in_training = batch_norm.forward(training_mean + fresh, epsilon=epsilon).outputs
        moving = mean[-1], variance[-1]
        in_inference = batch_norm.inference(inference_mean + fresh, 1.0, 0.0, *moving, epsilon)
        edges, (training, inference) = _histograms(in_training, in_inference)
        return Picture(
            size,
            settings["momentum"],
            Statistic(seen.mean, mean, true),
            Statistic(np.sqrt(seen.variance), np.sqrt(variance), np.full(len(true), TRUE_STD)),
            training,
            inference,
            edges,
            inference_mean,
        )

    @staticmethod
    def draw(data: Picture, figure) -> None:
        """Draw mean and standard deviation over steps, and beside them the outputs' histograms."""
        mean_axes = figure.add_axes((0.075, 0.53, 0.42, 0.36))
        std_axes = figure.add_axes((0.075, 0.12, 0.42, 0.36))
        out_axes = figure.add_axes((0.585, 0.12, 0.4, 0.6))
        for axes, statistic, label in (
            (mean_axes, data.mean, "mean of the inputs"),
            (std_axes, data.std, "standard deviation"),
        ):
            _draw_statistic(axes, statistic, label)
        if data.unseen:
            mean_axes.plot(data.steps, data.inference_mean, label="in inference", **UNSEEN)
        mean_axes.xaxis.set_visible(False)  # the steps stand below
        std_axes.set_xlabel("training step")
        std_axes.set_ylim(bottom=0)
        mean_axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.03),
            ncols=4,
            columnspacing=1.0,
            handlelength=1.6,
            handletextpad=0.5,
            borderaxespad=0,
        )
        _draw_outputs(out_axes, data)
        title = name_data(f"One unit, {counted(data.steps, 'step')}", DATA)
        out_axes.set_title(plain(title), loc="left", fontsize=TITLE_SIZE, y=1.23)

    @staticmethod
    def describe(data: Picture) -> str:
        """Return where the moving averages got to, and what comes out in training and inference."""
        training, inference = data.training, data.inference
        said = [
            f"After {counted(data.steps, 'step')} with batches of {data.batch_size}, the start "
            f"still weighs {data.start_share:.1%}: the moving mean is {data.mean.moving[-1]:.2f}, "
            f"the data's {data.mean.true[-1]:.2f}; the moving standard deviation "
            f"{data.std.moving[-1]:.2f}, the data's {data.std.true[-1]:.2f}.",
            f"Outputs in training {_two(training.mean)} ± {_two(training.std)} (mean ± standard "
            f"deviation), in inference {_two(inference.mean)} ± {_two(inference.std)}.",
        ]
        if data.unseen:
            said.append(
                f"The inputs in inference have mean {data.inference_mean:.2f}, and training never "
                "saw such."
            )
        if data.batch_size == 1:
            said.append("An input alone is its own mean: in training every output is beta, 0.")
        return " ".join(said)

    @staticmethod
    def table(data: Picture) -> Table:
        """Return the statistics at up to a dozen steps, then the outputs."""
        steps = np.unique(np.linspace(1, data.steps, 12).astype(int))
        parts = ("batch", "moving", "true")
        header = ["step", *(f"{part} {name}" for name in ("mean", "std") for part in parts)]
        rows = [
            [
                str(step),
                *(in_words(values[step - 1]) for s in (data.mean, data.std) for values in s),
            ]
            for step in steps
        ]
        caption = (
            f"One unit, batches of {data.batch_size} — {DATA}. Outputs, mean ± standard deviation: "
            f"in training {data.training.mean:.3g} ± {data.training.std:.3g}, in inference "
            f"{data.inference.mean:.3g} ± {data.inference.std:.3g}."
        )
        return Table(caption, header, rows)


def _draw_statistic(axes, statistic: Statistic, label: str) -> None:
    steps = np.arange(1, len(statistic.batch) + 1)
    names = {"batch": "batch", "moving": "moving average", "true": "data"}
    for name, values in zip(statistic._fields, statistic, strict=True):
        axes.plot(steps, values, label=names[name], **LOOKS[name])
    axes.set_xlim(0, len(steps) + 1)
    axes.set_ylabel(label)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))


def _draw_outputs(axes, data: Picture) -> None:
    for name, style in OUTPUTS.items():
        outputs = getattr(data, name)
        shares = 100 * outputs.shares
        label = f"in {name}: {_two(outputs.mean)} ± {_two(outputs.std)}"
        axes.stairs(shares, data.edges, fill=True, color=style["color"], alpha=0.12, linewidth=0)
        axes.stairs(shares, data.edges, label=label, linewidth=2, **style)
    axes.set(xlabel="output of batch norm", ylabel="share of outputs (%)")
    axes.set_xlim(data.edges[0], data.edges[-1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.2, handlelength=2.4)


def _two(value: float) -> str:
    """Format with two decimals, and 0 without a sign."""
    return f"{round(value, 2) + 0.0:.2f}"
