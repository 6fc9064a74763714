"""What a data set is in this course, and the one error that reading it raises."""

import hashlib
import html
import sys
from typing import NamedTuple

import numpy as np

from helpers.arguments import Instance, takes
from helpers.profiles import Profile

SIDE, CHANNELS = 32, 3
IMAGE_SHAPE = (SIDE, SIDE, CHANNELS)
IMAGE_BYTES = SIDE * SIDE * CHANNELS
CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
N_CLASSES = len(CLASS_NAMES)
STAND_IN_NAME = "stand-in (not CIFAR-10)"
HOW_TO_GET_CIFAR10 = (
    "To get CIFAR-10, run `course data` with a network, "
    "or set CIFAR10_DIR to a folder that holds it."
)


class DataError(Exception):
    """Data that cannot be used: the message names the file, what was expected and what to do."""


def say(message: str) -> None:
    """Print one line for the reader on standard error, where it never mixes with results."""
    print(message, file=sys.stderr, flush=True)


class Split(NamedTuple):
    """Images with their labels.

    Attributes:
        images: uint8 ``(n, 32, 32, 3)``, red, green, blue; may be a read-only memory map. Of the
            digits ``(n, 8, 8, 1)``, from 0 to 16.
        labels: int32 ``(n,)``, from 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray


class Dataset(NamedTuple):
    """Images for training, validation and test, and what they are.

    Attributes:
        train, validation, test: the three :class:`Split` s.
        name: what results and figures call the data, such as ``"CIFAR-10"``.
        source: where it came from, for people.
        class_names: the name of each label.
        fingerprint: SHA-256 (hexadecimal) of all images, then all labels, in split order.
    """

    train: Split
    validation: Split
    test: Split
    name: str
    source: str
    class_names: tuple[str, ...]
    fingerprint: str

    @property
    def is_stand_in(self) -> bool:
        """Whether these are the course's own made-up images rather than CIFAR-10."""
        return self.name == STAND_IN_NAME

    @property
    def counts(self) -> dict[str, int]:
        """Number of images of each split."""
        return {name: len(getattr(self, name).labels) for name in ("train", "validation", "test")}

    def __repr__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return f"<{self.name}: {counts} images, from {self.source}>"

    def _repr_html_(self) -> str:
        """Return a card with the counts, for notebooks; with a banner when it is the stand-in.

        The banner sets both text and background colour and the card neither, so that they can be
        read in a light and in a dark theme.
        """
        cells = "".join(
            f"<td style='text-align: right; padding: 0 1.5em 0 0'>"
            f"<strong>{count:,}</strong> {name}</td>"
            for name, count in self.counts.items()
        )
        return (
            "<div style='border: 1px solid #808080; border-radius: 4px; padding: 0.6em 1em; "
            "max-width: 46em'>"
            f"{_BANNER if self.is_stand_in else ''}"
            f"<strong>{html.escape(self.name)}</strong><br>"
            f"<table style='margin: 0.3em 0'><tr>{cells}</tr></table>"
            f"{_size(self.train.images)} images, {len(self.class_names)} classes: "
            f"{html.escape(', '.join(self.class_names))}<br>"
            f"<small>from {html.escape(self.source)}; "
            f"fingerprint <code>{self.fingerprint[:12]}</code></small></div>"
        )


def _size(images: np.ndarray) -> str:
    height, width, channels = images.shape[1:]
    return f"{height} x {width} {'RGB' if channels == CHANNELS else 'grey'}"


_BANNER = (
    "<div role='alert' style='background: #8a2b00; color: #ffffff; padding: 0.5em 0.8em; "
    "border-radius: 4px; margin-bottom: 0.6em'><strong>This is NOT CIFAR-10.</strong> "
    "It is the course's stand-in: handwritten digits over photographs. Nothing measured on it is "
    f"a result about CIFAR-10. {html.escape(HOW_TO_GET_CIFAR10)}</div>"
)


DATASET = Instance(Dataset, expected="a data set, such as load_digits() gives")
PROFILE = Instance(Profile, expected="a profile, such as get_profile('ci') gives")


@takes(data=DATASET, profile=PROFILE)
def take(data: Dataset, profile: Profile) -> Dataset:
    """Return the first images of each split, as many as ``profile`` has a budget for.

    Splits are in an order that has nothing to do with their classes, so the first images are a
    fair sample. A subset gets a fingerprint of its own; nothing is copied.

    Raises:
        ValueError: for what is no data set, or no profile.
    """
    budget = {
        "train": profile.train_images,
        "validation": profile.validation_images,
        "test": profile.test_images,
    }
    parts = {
        name: Split(*(array[:limit] for array in getattr(data, name)))
        for name, limit in budget.items()
    }
    smaller = data._replace(**parts)
    if smaller.counts == data.counts:
        return data
    of_what = f"{data.fingerprint} {tuple(smaller.counts.values())}"
    return smaller._replace(fingerprint=hashlib.sha256(of_what.encode()).hexdigest())
