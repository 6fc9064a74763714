"""Reliability diagrams: is a network right as often as it says?"""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.arguments import Document, Items, Kind, Number, Text, takes
from helpers.figures.base import (
    DATA_NAME,
    PALETTE,
    SHARES,
    SMALL_SIZE,
    TEXT_GREY,
    CourseFigure,
    course_style,
    name_data,
    set_caption,
    set_title,
    wrapped,
)

COLUMNS = 4  # panels beside each other


_BINS = Items(
    Document(
        {"confidence": Number(SHARES), "accuracy": Number(SHARES), "count": Number("[0, 1e12]")}
    ),
    least=0,
)


def _models(bins, ece, title) -> list[tuple]:
    """Return (bins, ece, title) of each model, from those of one or of several."""
    if isinstance(title, str):
        bins, ece, title = [bins], [ece], [title]
    listed = Items(Kind(), least=0)
    bins, ece, title = (
        listed.take(name, several, {})
        for name, several in (("bins", bins), ("ece", ece), ("title", title))
    )
    if not len(bins) == len(ece) == len(title) > 0:
        raise ValueError(
            "expected as many lists of bins as errors and titles, at least one; got "
            f"{len(bins)}, {len(ece)} and {len(title)}"
        )
    return [
        (_BINS.take("bins", b, {}), Number(SHARES).take("ece", e, {}), Text().take("title", t, {}))
        for b, e, t in zip(bins, ece, title, strict=True)
    ]


def _filled(bins: Sequence[dict]) -> np.ndarray:
    """Return confidence, accuracy and count of the bins that hold images: float ``(3, n)``."""
    rows = [(b["confidence"], b["accuracy"], b["count"]) for b in bins if b["count"]]
    return np.array(rows, dtype=float).reshape(-1, 3).T


def _in_words(bins: Sequence[dict], ece: float, title: str) -> str:
    confidence, accuracy, count = _filled(bins)
    if not len(count):
        return f"{title}: no predictions."
    mean = (confidence * count).sum() / count.sum(), (accuracy * count).sum() / count.sum()
    side = "over" if mean[0] > mean[1] else "under"
    worst = int(np.abs(confidence - accuracy).argmax())
    return (
        f"{title}: expected calibration error {ece:.3f}; {side}confident on the whole, mean "
        f"confidence {mean[0]:.3f} against accuracy {mean[1]:.3f} on {count.sum():,.0f} images; "
        f"the widest gap is at confidence {confidence[worst]:.2f}, where {accuracy[worst]:.2f} "
        "are right."
    )


def _draw_model(upper, lower, bins, ece, title, inches) -> None:
    """Draw one model: accuracy against confidence above, the share of the images below."""
    confidence, accuracy, count = _filled(bins)
    upper.plot([0, 1], [0, 1], color=TEXT_GREY, linestyle=(0, (4, 3)), linewidth=1)
    upper.vlines(confidence, confidence, accuracy, color=PALETTE["orange"], linewidth=5, alpha=0.6)
    upper.plot(confidence, accuracy, color=PALETTE["blue"], marker="o", clip_on=False)
    upper.set_title(f"{wrapped(title, inches, 10)}\nECE {ece:.3f}")
    upper.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=np.linspace(0, 1, 3))
    upper.set_yticks(np.linspace(0, 1, 5))
    upper.tick_params(labelbottom=False)
    lower.bar(confidence, count / max(1, count.sum()), width=0.05, color=PALETTE["grey"])
    lower.set(xlim=(0, 1), xticks=np.linspace(0, 1, 3))
    lower.yaxis.set_major_locator(MaxNLocator(2))
    lower.set_xlabel("confidence")


@takes(data_name=DATA_NAME)
@course_style()
def reliability_diagram(bins, ece, data_name, title) -> CourseFigure:
    """Draw accuracy against confidence, with the share of the images in each bin below.

    See Guo et al. 2017, "On calibration of modern neural networks", figure 1.

    Args:
        bins: for one model, a list of dicts ``confidence`` (mean of the bin), ``accuracy``,
            ``count``; for several models beside each other, a list of such lists. Bins with
            ``count`` 0 are not drawn.
        ece: the expected calibration error, or a list of them.
        data_name: the data set's name, for the title.
        title: the model's name, or a list of them.

    Raises:
        ValueError: when there are not as many bins as errors and titles, or a share is none.
    """
    models = _models(bins, ece, title)
    columns = min(COLUMNS, len(models))
    rows = -(-len(models) // columns)
    inches = {1: 3.4, 2: 3.2, 3: 2.7}.get(columns, 2.2)
    figure = CourseFigure(
        f"Accuracy against confidence on {data_name}; on the diagonal a model is right as often "
        f"as it says. {' '.join(_in_words(*model) for model in models)}",
        width=max(4.6, 0.7 + inches * columns),
        height=1.2 + (inches * 1.25 + 0.6) * rows,
        layout="compressed",
    )
    grid = figure.subplots(
        2 * rows, columns, squeeze=False, gridspec_kw={"height_ratios": [4, 1] * rows}
    )
    for axes in grid.flat:
        axes.set_visible(False)
    for place, model in enumerate(models):
        row, column = divmod(place, columns)
        upper, lower = grid[2 * row, column], grid[2 * row + 1, column]
        upper.set_visible(True)
        lower.set_visible(True)
        _draw_model(upper, lower, *model, inches * 0.8)
        if column == 0:
            upper.set_ylabel("accuracy (fraction correct)")
            lower.set_ylabel("share of\nimages", fontsize=SMALL_SIZE)
    tallest = max(lower.get_ylim()[1] for lower in grid[1::2].flat)
    for lower in grid[1::2].flat:  # one scale, so that the bars compare
        lower.set_ylim(0, tallest)
    set_title(figure, name_data("Reliability diagram", data_name))
    set_caption(
        figure,
        "Dashed: as often right as confident. Orange: the gap, by which points below the diagonal "
        "are overconfident. ECE: expected calibration error.",
    )
    return figure
