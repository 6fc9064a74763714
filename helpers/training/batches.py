"""The batches of one epoch, in the order they are trained on, mirrored and shifted where asked.

What a batch holds is a function of (seed, epoch, batch) alone. So a run can go on at any epoch,
and TensorFlow and JAX see the same images in the same order.
"""

import numpy as np

from helpers.augmentation import mirror_and_shift
from helpers.backend import use_backend

use_backend()

from keras.utils import PyDataset  # noqa: E402  the backend must be chosen before Keras is imported

CHUNK = 1_000  # images counted at a time: bounds the copy that np.bincount makes


class EpochBatches(PyDataset):
    """One shuffled epoch, cut from the images batch by batch: no copy of the data set is made.

    Feeding arrays of 45,000 images to ``fit`` instead costs 540 MB more at its peak (measured on
    TensorFlow) and saves no time.

    The images that do not fill a last batch are left out of this epoch (another few each time): a
    batch of another size would be traced and compiled a second time.

    Args:
        images: ``uint8 (n, height, width, channels)``; may be a memory map.
        labels: ``int32 (n,)``.
        batch_size: images a step, at most ``n``.
        seed: of the run.
        epoch: counted from 0.
        augment: mirror half of the images and shift each by up to 4 pixels.

    Raises:
        ValueError: when not even one batch can be filled.
    """

    def __init__(self, images, labels, *, batch_size, seed, epoch, augment=False):
        super().__init__()
        self.steps = steps_per_epoch(len(images), batch_size)
        self.images, self.labels = images, labels
        self.seed, self.epoch, self.augment = seed, epoch, augment
        order = np.random.default_rng([seed, epoch]).permutation(len(images))
        self.order = order[: self.steps * batch_size].reshape(self.steps, batch_size)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ``uint8 (batch_size, height, width, channels)`` and ``int32 (batch_size,)``."""
        chosen = self.order[batch]
        images = self.images[chosen]
        if self.augment:
            rng = np.random.default_rng([self.seed, self.epoch, batch])
            images = mirror_and_shift(images, rng)
        return images, self.labels[chosen]


def feed(batches: EpochBatches, ahead: int):
    """Return what ``fit`` is to take these batches from: the same ones in the same order.

    On TensorFlow a ``tf.data.Dataset`` that cuts ``ahead`` batches (a call's steps) in advance.
    The one that Keras makes of a ``PyDataset`` lets ``tf.data`` tune itself, and then ``fit`` can
    end only when the tuning thread wakes up, after 1.28, 2.56 or 5.12 s (TensorFlow 2.21; one
    epoch in four of 500 steps was twice as long for it).
    """
    if use_backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = tuple(tf.TensorSpec(array.shape, array.dtype) for array in batches[0])
    options = tf.data.Options()
    options.autotune.enabled = False
    cut = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)
    counted = cut.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return counted.prefetch(ahead).with_options(options)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return how many whole batches ``count`` images fill.

    Raises:
        ValueError: when there is not even one.
    """
    if not 1 <= batch_size <= count:
        raise ValueError(
            f"batch_size must lie in 1 ... {count}, the number of training images, "
            f"got {batch_size}."
        )
    return count // batch_size


def pixel_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Return mean and variance per channel of ``uint8 (n, height, width, channels)``, exactly.

    Counts the 256 levels instead of making a float copy of the images.
    """
    levels = np.arange(256.0)
    mean, variance = [], []
    for channel in range(images.shape[-1]):
        counts = np.zeros(256)
        for start in range(0, len(images), CHUNK):
            counts += np.bincount(
                images[start : start + CHUNK, ..., channel].ravel(), minlength=256
            )
        share = counts / counts.sum()
        mean.append(float(share @ levels))
        variance.append(float(share @ (levels - mean[-1]) ** 2))
    return mean, variance
