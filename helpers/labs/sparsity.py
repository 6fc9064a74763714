"""Sparsity: zero the smallest weights of a trained network, and see what is left of it."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, NoNorm
from matplotlib.image import BboxImage
from matplotlib.transforms import Bbox, TransformedBbox

from helpers.arguments import Name, Number, takes
from helpers.figures.base import PALETTE, SMALL_SIZE, TITLE_SIZE, Mark, name_data
from helpers.labs.base import Lab, Settings, Table, control
from helpers.labs.trained import (
    NETWORKS,
    held_out_digits,
    network_document,
    standardized,
    trained_network,
)
from helpers.theory.network import Parameters, forward
from helpers.theory.pruning import (
    SCOPES,
    Sizes,
    apply_masks,
    count_zeros,
    magnitude_ranks,
    masks_of_ranks,
    sizes,
)

#: The networks that the lab offers, and how each looks.
SHOWN = {
    "plain": Mark(PALETTE["blue"], "-", "o"),
    "l1": Mark(PALETTE["vermillion"], (0, (5, 2)), "s"),
    "l2": Mark(PALETTE["green"], (0, (5, 1.5, 1, 1.5)), "^"),
    "dropout-0.5": Mark(PALETTE["purple"], (0, (1, 1.2)), "D"),
}
TITLES = {"plain": "no regularization", "l1": "L1", "l2": "L2", "dropout-0.5": "dropout 0.5"}
METHODS = {
    "layer": "the same share of each layer",
    "global": "all layers together",
    "deviations": "one threshold in standard deviations",
}
LARGEST = 0.99
TARGETS = np.array([*np.arange(0, 0.7, 0.1), *np.arange(0.7, 0.96, 0.05), 0.97, LARGEST])
BINS = 61  # an odd number: one of them is centred at 0
FORMATS = {"dense": "as they are", "zipped": "zipped", "csr": "sparse (CSR)"}
ZEROED = "#BBBBBB"
MASK_COLORS = ListedColormap(["white", PALETTE["blue"], "#DDDDDD"])  # zero, kept, no weight
GAP, FRAME = 20, 2  # columns between two masks, and around all
MASKS = (0.02, 0.03, 0.434, 0.345)  # left, bottom, width, height of the image of the masks
COUNTS = (1, 10, 100, 1_000)  # ticks of the histogram


class Layer(NamedTuple):
    """One kernel after pruning.

    Attributes:
        mask: boolean ``(fan_in, fan_out)``, True where the weight is kept.
        cut: the largest magnitude that was set to 0, or 0.
    """

    mask: np.ndarray
    cut: float

    @property
    def share(self) -> float:
        """The share of weights that are set to 0."""
        return 1 - float(self.mask.mean())


class Picture(NamedTuple):
    """All that the picture shows.

    Attributes:
        network, method: as in the settings.
        title: how the network was trained.
        data_name: of the images that accuracy is measured on.
        layers: one entry a kernel.
        weights: number of weights in all kernels.
        zeros_before, zeros: how many are exactly 0 before and after.
        accuracy: share of the test images that the pruned network gets right.
        curves: accuracy of each network at ``TARGETS``, with this method.
        edges: of the histogram's bins, ``(BINS + 1,)``.
        kept, dropped: weights of each bin, ``(BINS,)``.
        sizes, sizes_before: bytes of the kernels in float32.
    """

    network: str
    method: str
    title: str
    data_name: str
    layers: tuple[Layer, ...]
    weights: int
    zeros_before: int
    zeros: int
    accuracy: float
    curves: dict[str, np.ndarray]
    edges: np.ndarray
    kept: np.ndarray
    dropped: np.ndarray
    sizes: Sizes
    sizes_before: Sizes

    @property
    def sparsity(self) -> float:
        """The share of all weights that are exactly 0."""
        return self.zeros / self.weights


@lru_cache(maxsize=len(SHOWN))
def _inputs(name: str) -> np.ndarray:
    """Return the test images as this network takes them, float64 ``(300, 64)``."""
    rows = standardized(held_out_digits().images, network_document(name)).astype(np.float64)
    rows.flags.writeable = False
    return rows


def _accuracy(name: str, masks) -> float:
    """Return the accuracy of a stored network with these masks, computed in float64."""
    network = trained_network(name)
    parameters = Parameters(apply_masks(network.kernels, masks), network.biases)
    logits = forward(_inputs(name), parameters, "relu").logits
    return float((logits.argmax(axis=1) == held_out_digits().labels).mean())


@lru_cache(maxsize=len(SHOWN))
def _sizes(name: str) -> Sizes:
    return sizes(trained_network(name).kernels)


@lru_cache(maxsize=len(SHOWN) * len(SCOPES))
def _ranks(name: str, method: str) -> tuple[np.ndarray, ...]:
    return tuple(magnitude_ranks(trained_network(name).kernels, method))


@lru_cache(maxsize=len(SHOWN) * len(SCOPES))
def _curve(name: str, method: str) -> np.ndarray:
    """Return the accuracy at each of ``TARGETS``."""
    ranks = _ranks(name, method)
    curve = np.array([_accuracy(name, masks_of_ranks(ranks, t, method)) for t in TARGETS])
    curve.flags.writeable = False
    return curve


class Sparsity(Lab):
    """Pick a trained network and a share of its weights; see what zeroing them costs and saves.

    Args:
        settings: ``sparsity`` (share to reach, 0 to 0.99), ``network`` (a name in ``SHOWN``),
            ``method`` (a name in ``METHODS``).

    Raises:
        ValueError: for an unknown setting, network or method, or a share out of its range.
    """

    width, height = 7.8, 4.8
    kinds = Settings(
        sparsity=Number(f"[0, {LARGEST}]", f"the share of zeros goes from 0 to {LARGEST}"),
        network=Name(SHOWN, "network"),
        method=Name(METHODS, "method"),
    )

    @classmethod
    def default_settings(cls) -> dict:
        """Return the settings at the start: half of a plain network is gone, and it still reads."""
        return {"sparsity": 0.5, "network": "plain", "method": "layer"}

    @classmethod
    def largest_settings(cls) -> dict:
        """Return the settings that cost the most: a weight that is kept costs more than a zero."""
        return {"sparsity": 0.2, "network": "l1", "method": "deviations"}

    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return the three controls."""
        return {
            "sparsity": control(
                widgets.FloatSlider,
                "share of zeros",
                "which share of the weights is set to 0, the smallest first",
                min=0.0,
                max=LARGEST,
                step=0.01,
                value=settings["sparsity"],
                readout_format=".0%",
            ),
            "network": control(
                widgets.Dropdown,
                "trained with",
                "which trained network: they differ only in how their weights were regularized",
                options=[(TITLES[name], name) for name in SHOWN],
                value=settings["network"],
            ),
            "method": control(
                widgets.Dropdown,
                "smallest of",
                "what a weight is compared with: its layer, all weights, or its layer's spread",
                options=[(title, name) for name, title in METHODS.items()],
                value=settings["method"],
            ),
        }

    @staticmethod
    @takes(settings=kinds)
    def compute(settings: dict) -> Picture:
        """Prune the stored network, and measure it on the test images of the digits.

        Raises:
            ValueError: for an unknown network or method, or a share out of its range.
        """
        name, method = settings["network"], settings["method"]
        kernels = trained_network(name).kernels
        masks = masks_of_ranks(_ranks(name, method), settings["sparsity"], method)
        pruned = apply_masks(kernels, masks)
        flat = np.concatenate([kernel.ravel() for kernel in kernels])
        keep = np.concatenate([mask.ravel() for mask in masks])
        limit = float(np.abs(flat).max())
        edges = np.linspace(-limit, limit, BINS + 1)
        return Picture(
            network=name,
            method=method,
            title=NETWORKS[name],
            data_name=held_out_digits().name,
            layers=tuple(map(_layer, kernels, masks)),
            weights=flat.size,
            zeros_before=count_zeros(kernels),
            zeros=count_zeros(pruned),
            accuracy=_accuracy(name, masks),
            curves={other: _curve(other, method) for other in SHOWN},
            edges=edges,
            kept=np.histogram(flat[keep], edges)[0],
            dropped=np.histogram(flat[~keep], edges)[0],
            sizes=sizes(pruned),
            sizes_before=_sizes(name),
        )

    @staticmethod
    def draw(data: Picture, figure) -> None:
        """Draw weights and accuracy above, masks and bytes below."""
        _draw_weights(figure.add_axes((0.085, 0.61, 0.36, 0.29)), data)
        _draw_curves(figure.add_axes((0.56, 0.61, 0.42, 0.29)), data)
        _draw_masks(figure, data.layers)
        _draw_sizes(figure, data)
        title = f"{data.sparsity:.0%} zeros, trained with {TITLES[data.network]}"
        figure.suptitle(
            name_data(title, data.data_name), x=0.012, y=0.985, ha="left", fontsize=TITLE_SIZE
        )

    @staticmethod
    def describe(data: Picture) -> str:
        """Return how many weights are 0, what the network still gets right, and its bytes."""
        shares = ", ".join(f"{layer.share:.0%}" for layer in data.layers)
        before, now = data.sizes_before, data.sizes
        return (
            f"A network trained with {data.title}: {data.zeros:,} of its {data.weights:,} weights "
            f"are set to 0 ({data.sparsity:.1%}; by layer {shares}), {data.zeros_before:,} were 0 "
            f"before. On the {len(held_out_digits().labels)} test images of {data.data_name} it "
            f"gets {data.accuracy:.1%} right, {data.curves[data.network][0]:.1%} before. Its "
            f"kernels take {now.dense:,} bytes as they are, {now.zipped:,} zipped "
            f"({before.zipped:,} before), {now.csr:,} as compressed sparse rows."
        )

    @staticmethod
    def table(data: Picture) -> Table:
        """Return a row for each share of zeros, with the accuracy of each network."""
        header = ["share of zeros", *(TITLES[name] for name in SHOWN)]
        rows = [
            [f"{target:.0%}", *(f"{data.curves[name][at]:.1%}" for name in SHOWN)]
            for at, target in enumerate(TARGETS)
        ]
        caption = f"Accuracy on test images, smallest of: {METHODS[data.method]}"
        return Table(name_data(caption, data.data_name), header, rows)


def _layer(kernel: np.ndarray, mask: np.ndarray) -> Layer:
    return Layer(mask, float(np.abs(kernel[~mask]).max(initial=0)))


def _draw_weights(axes, data: Picture) -> None:
    """Draw a histogram: the weights that are kept, and those that were set to 0.

    Its axis is linear and holds logarithms: Matplotlib's own logarithmic axis costs 20 ms.
    """
    bottom = -0.2
    kept, dropped = (
        np.where(counts > 0, np.log10(np.maximum(counts, 1)), bottom)
        for counts in (data.kept, data.dropped)
    )
    shared = {"edges": data.edges, "baseline": bottom}
    axes.stairs(dropped, fill=True, color=ZEROED, **shared)
    axes.stairs(kept, color=PALETTE["blue"], linewidth=1.5, **shared)
    limit = round(0.6 * data.edges[-1], 1)
    axes.set_xticks([-limit, 0, limit])
    axes.set_yticks(np.log10(COUNTS), [f"{count:,}" for count in COUNTS])
    axes.set(ylim=(bottom, 5.1), xlabel="weight before pruning")
    axes.set_ylabel("weights", labelpad=1)
    words = "grey: set to 0, blue outline: kept"  # a legend costs three times as much
    axes.text(0, 4.5, words, ha="center", fontsize=SMALL_SIZE)


def _draw_curves(axes, data: Picture) -> None:
    """Draw accuracy against sparsity: this network bold with the present point, others thin."""
    for name, mark in SHOWN.items():
        chosen = name == data.network
        axes.plot(
            TARGETS,
            data.curves[name],
            color=mark.color,
            linestyle=mark.linestyle,
            linewidth=2.6 if chosen else 1.2,
            label=TITLES[name],
            zorder=3 if chosen else 2,
        )
    mark = SHOWN[data.network]
    point = {"color": mark.color, "marker": mark.marker, "markeredgecolor": "black"}
    axes.plot(data.sparsity, data.accuracy, markersize=9, zorder=4, **point)
    axes.annotate(
        f"{data.accuracy:.1%}",
        (data.sparsity, data.accuracy),
        xytext=(8, 7) if data.sparsity < 0.9 else (-9, 7),
        textcoords="offset points",
        ha="left" if data.sparsity < 0.9 else "right",
    )
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
    axes.set(xlim=(-0.02, 1.02), ylim=(0, 1.2))
    axes.set(xlabel="share of weights that are 0", ylabel="test accuracy")
    axes.yaxis.labelpad = 1
    axes.legend(loc="lower left", borderaxespad=0.1)


def _draw_masks(figure, layers) -> None:
    """Draw a point for each weight, input down and unit across: blue if kept, white if 0.

    All layers are one image, placed on the figure itself: axes with their ticks cost 15 ms each.
    """
    left, bottom, width, height = MASKS
    rows = max(len(layer.mask) for layer in layers)
    widths = [layer.mask.shape[1] for layer in layers]
    starts = FRAME + np.cumsum([0, *(columns + GAP for columns in widths)])
    columns = starts[-1] - GAP + FRAME
    shown = np.full((rows + 2 * FRAME, columns), 2)
    top = bottom + height + 0.01
    for number, (layer, start) in enumerate(zip(layers, starts, strict=False), 1):
        fan_in, fan_out = layer.mask.shape
        shown[FRAME : FRAME + fan_in, start : start + fan_out] = layer.mask
        middle = left + (start + fan_out / 2) / columns * width
        words = f"layer {number}: {layer.share:.0%}" if fan_out > GAP else f"{layer.share:.0%}"
        figure.text(middle, top, words, ha="center", fontsize=SMALL_SIZE)
    words = "Weights that are 0 (white), input down, unit across"
    figure.text(left, top + 0.045, words, fontsize=SMALL_SIZE)
    place = TransformedBbox(Bbox.from_bounds(*MASKS), figure.transFigure)
    image = BboxImage(place, cmap=MASK_COLORS, norm=NoNorm(), interpolation="nearest")
    image.set_data(shown)
    figure.add_artist(image)


def _draw_sizes(figure, data: Picture) -> None:
    """Draw the bytes of the kernels in each format: full length is twice those of all weights."""
    left, width = 0.56, 0.42
    figure.text(left, 0.425, "Size of the kernels", fontsize=SMALL_SIZE)
    bars = []
    for name, y in zip(FORMATS, (0.335, 0.21, 0.085), strict=True):
        now, before = getattr(data.sizes, name), getattr(data.sizes_before, name)
        length = width * now / (2.1 * data.sizes.dense)
        bars.append([(left, y - 0.03), (left + length, y - 0.03)])
        words = f"{FORMATS[name]}: {now:,} bytes" + f" ({before:,} before)" * (now != before)
        figure.text(left, y + 0.015, words, fontsize=SMALL_SIZE)
    style = {"colors": PALETTE["blue"], "linewidths": 14, "capstyle": "butt"}
    figure.add_artist(LineCollection(bars, transform=figure.transFigure, **style))
