"""Pictures of images: a grid of each class, and the errors a network is surest of."""

from collections.abc import Sequence

import numpy as np

from helpers.arguments import Items, Text, Whole, takes
from helpers.arguments.arrays import Array
from helpers.figures.base import (
    DATA_NAME,
    SHARES,
    SMALL_SIZE,
    CourseFigure,
    course_style,
    message_figure,
    name_data,
    set_caption,
    set_title,
    wrapped,
)

COLUMNS = 4  # of the gallery
_CLASS_NAMES = Items(Text())


def _check_images(images: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> None:
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or not images.size:
        raise ValueError(
            f"expected uint8 images of shape (n, height, width, 3), got {images.dtype} "
            f"{images.shape}: pass the images as the loader gives them"
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(f"expected {len(images)} labels, one an image, got {labels.shape}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(class_names):
        raise ValueError(
            f"expected labels from 0 to {len(class_names) - 1}, one of {len(class_names)} "
            f"classes, got {labels.min()} to {labels.max()}"
        )


def _mosaic(images: np.ndarray, rows: Sequence[np.ndarray], columns: int, gap: int) -> np.ndarray:
    """Lay the images with these indices out in rows, on white; returns uint8 (h, w, 3)."""
    height, width = images.shape[1] + gap, images.shape[2] + gap
    mosaic = np.full((len(rows) * height - gap, columns * width - gap, 3), 255, np.uint8)
    for row, indices in enumerate(rows):
        for column, index in enumerate(indices):
            top, left = row * height, column * width
            mosaic[top : top + height - gap, left : left + width - gap] = images[index]
    return mosaic


@takes(
    images=Array(),
    labels=Array(whole=True),
    class_names=_CLASS_NAMES,
    per_class=Whole(1, 50),
    data_name=DATA_NAME,
)
@course_style()
def image_grid(images, labels, class_names, data_name, per_class=8) -> CourseFigure:
    """Show the first images of each class, a row a class.

    Args:
        images: uint8 ``(n, height, width, 3)``.
        labels: integers ``(n,)``.
        class_names: the name of each label.
        data_name: the data set's name, for the title.
        per_class: how many of each class; a class with fewer leaves white places.

    Raises:
        ValueError: for images or labels of another shape or type, or labels out of range.
    """
    _check_images(images, labels, class_names)
    rows = [np.flatnonzero(labels == label)[:per_class] for label in range(len(class_names))]
    shown = ", ".join(f"{name} {len(row)}" for name, row in zip(class_names, rows, strict=True))
    height, width = images.shape[1:3]
    figure = CourseFigure(
        f"Images of {data_name}, {width} x {height} pixels, a row for each of "
        f"{len(class_names)} classes. Images shown: {shown}.",
        width=max(4.5, 1.2 + 0.62 * per_class),
        height=0.7 + 0.62 * len(class_names),
        layout="compressed",
    )
    gap = max(1, width // 12)
    axes = figure.subplots()
    axes.imshow(_mosaic(images, rows, per_class, gap), interpolation="nearest")
    centres = np.arange(len(rows)) * (height + gap) + (height - 1) / 2
    axes.set_yticks(centres, [wrapped(name, 1.4, 10) for name in class_names], fontsize=10)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    set_title(figure, name_data(f"The first {per_class} images of each class", data_name))
    return figure


def _confident_errors(labels: np.ndarray, probabilities: np.ndarray, classes: int):
    """Return predicted labels, their probabilities, and the errors' indices, the surest first."""
    if probabilities.shape != (len(labels), classes):
        raise ValueError(
            f"expected probabilities of shape {(len(labels), classes)}, "
            f"(images, classes), got {probabilities.shape}"
        )
    broken = len(labels) - int(np.isfinite(probabilities).all(axis=1).sum())
    if broken:
        raise ValueError(
            f"expected probabilities that are numbers, got others for {broken} of {len(labels)} "
            "images (the network diverged): train it at a lower learning rate"
        )
    Array(interval=SHARES).take("probabilities", probabilities, {})
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    return predicted, confidence, wrong[np.argsort(-confidence[wrong], kind="stable")]


@takes(
    images=Array(),
    labels=Array(whole=True),
    probabilities=Array(),
    class_names=_CLASS_NAMES,
    count=Whole(1, 100),
    data_name=DATA_NAME,
)
@course_style()
def error_gallery(images, labels, probabilities, class_names, data_name, count=16) -> CourseFigure:
    """Show the errors that the network is surest of: predicted class, its probability, the truth.

    Args:
        images: uint8 ``(n, height, width, 3)``.
        labels: integers ``(n,)``, the true classes.
        probabilities: floats ``(n, classes)``.
        class_names: the name of each label.
        data_name: the data set's name, for the title.
        count: how many errors at most.

    Raises:
        ValueError: for shapes that do not fit, and for probabilities that are no numbers.
    """
    _check_images(images, labels, class_names)
    predicted, confidence, errors = _confident_errors(labels, probabilities, len(class_names))
    if not len(errors):
        text = name_data(f"No errors: all {len(labels):,} images classified correctly", data_name)
        return message_figure(text)
    said = [
        f"{class_names[predicted[i]]} ({confidence[i]:.3f}) for {class_names[labels[i]]}"
        for i in errors[:count]
    ]
    rows = -(-len(said) // COLUMNS)
    figure = CourseFigure(
        f"{len(said)} of {len(errors):,} errors among {len(labels):,} images of {data_name}, the "
        f"surest first. Predicted class, its probability, true class: {'; '.join(said)}.",
        width=6.4,
        height=1.0 + 1.6 * rows,
    )
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, i in zip(grid.flat, errors[:count], strict=False):
        axes.imshow(images[i], interpolation="nearest")
        words = f"{class_names[predicted[i]]} {confidence[i]:.3f}\nis {class_names[labels[i]]}"
        words = "\n".join(wrapped(line, 1.4, SMALL_SIZE) for line in words.split("\n"))
        axes.set_title(words, fontsize=SMALL_SIZE, linespacing=1.15, pad=3)
    set_title(figure, name_data("The errors the network is surest of", data_name))
    set_caption(
        figure,
        f"Above each image: the predicted class with its probability, then what it is. "
        f"{len(said)} of {len(errors):,} errors among {len(labels):,} images.",
    )
    return figure
