"""A training step of the 20 x 100 network in NumPy, in place: what others can be held against.

The *floor* is the matrix products and one fused Nadam update. No activation, no batch norm, no
loss, no data: a network cannot be trained in less. The step *by hand* adds what else a step has,
but for the loss of its ten logits: images are drawn and standardized, and every hidden layer has
its bias or batch norm, and its ELU, forward and backward.

A layer gets the same numbers in every step, not what the layer before gave: chained, random numbers
shrink until they are slow to add. The work is the same.
"""

import itertools

import numpy as np

LAYERS, WIDTH, INPUTS, CLASSES = 20, 100, 3072, 10
IMAGES = 10_000  # to draw from
EPSILON = np.float32(1e-3)


class Floor:
    """The floor: call it to take a step on ``batch_size`` images."""

    def __init__(self, batch_size: int):
        rng = np.random.default_rng(0)
        sizes = [INPUTS, *[WIDTH] * LAYERS, CLASSES]
        pairs = list(itertools.pairwise(sizes))
        count = sum(a * b + b for a, b in pairs)
        self.weights, self.gradient, self.first, self.second, self.scratch = (
            rng.normal(size=count).astype(np.float32) * 0.01 for _ in range(5)
        )
        np.abs(self.second, out=self.second)
        self.kernels, self.changes, place = [], [], 0
        for a, b in pairs:
            self.kernels.append(self.weights[place : place + a * b].reshape(a, b))
            self.changes.append(self.gradient[place : place + a * b].reshape(a, b))
            place += a * b + b
        self.inputs, self.deltas = (
            [rng.normal(size=(batch_size, size)).astype(np.float32) for size in sizes]
            for _ in range(2)
        )
        self.results = [np.empty_like(array) for array in self.inputs]

    def __call__(self) -> None:
        """Take the step."""
        self.feed()
        for layer, kernel in enumerate(self.kernels):
            np.matmul(self.inputs[layer], kernel, out=self.results[layer + 1])
            self.pass_on(layer)
        for layer in reversed(range(len(self.kernels))):
            self.pass_back(layer)
            np.matmul(self.inputs[layer].T, self.deltas[layer + 1], out=self.changes[layer])
            if layer:  # nothing needs the gradient of the pixels
                np.matmul(self.deltas[layer + 1], self.kernels[layer].T, out=self.results[layer])
        nadam(self.weights, self.gradient, self.first, self.second, self.scratch)

    def feed(self) -> None:
        """Put images in, which the floor has not."""

    def pass_on(self, layer: int) -> None:
        """Turn the products of a layer into its outputs, which the floor does not."""

    def pass_back(self, layer: int) -> None:
        """Take the gradient by those outputs back to the products, which the floor does not."""


class ByHand(Floor):
    """The step by hand, with batch norm if ``normalized``: call it to take a step."""

    def __init__(self, batch_size: int, normalized: bool):
        super().__init__(batch_size)
        self.rng = np.random.default_rng(0)
        self.images = self.rng.integers(0, 256, (IMAGES, INPUTS), dtype=np.uint8)
        layer = BatchNorm if normalized else Bias
        self.between = [layer(batch_size, WIDTH) for _ in range(LAYERS)]
        self.spare = np.empty((batch_size, WIDTH), np.float32)
        self.given = [delta.copy() for delta in self.deltas]

    def feed(self) -> None:
        """Draw images, and standardize them."""
        chosen = self.rng.integers(0, IMAGES, len(self.inputs[0]))
        np.multiply(self.images[chosen], np.float32(1 / 64), out=self.inputs[0])
        self.inputs[0] -= np.float32(2)

    def pass_on(self, layer: int) -> None:
        """Bias or batch norm, then ELU, in place."""
        if layer < LAYERS:
            self.between[layer].forward(self.results[layer + 1])
            elu(self.results[layer + 1], self.spare)

    def pass_back(self, layer: int) -> None:
        """Back through them, in place."""
        if layer < LAYERS:
            delta = self.deltas[layer + 1]
            delta[:] = self.given[layer + 1]
            elu_backward(delta, self.results[layer + 1])
            self.between[layer].backward(delta)


class Bias:
    """A bias a unit, for batches of ``batch_size``."""

    def __init__(self, batch_size: int, units: int):
        self.beta = np.zeros(units, np.float32)
        self.ones = np.ones(batch_size, np.float32)

    def forward(self, z: np.ndarray) -> None:
        """Add it to ``z``, ``(batch_size, units)``, in place."""
        z += self.beta

    def backward(self, delta: np.ndarray) -> None:
        """Find its gradient."""
        self.by_beta = self.ones @ delta


class BatchNorm:
    """Batch norm in training, as ``helpers.theory.batch_norm``, for batches of ``batch_size``."""

    def __init__(self, batch_size: int, units: int):
        self.ones = np.ones(batch_size, np.float32)
        self.share = np.float32(1 / batch_size)
        self.gamma, self.beta = np.ones(units, np.float32), np.zeros(units, np.float32)
        self.moving = np.zeros((2, units), np.float32)
        self.normalized, self.spare = (np.empty((batch_size, units), np.float32) for _ in range(2))

    def forward(self, z: np.ndarray) -> None:
        """Normalize ``z``, ``(batch_size, units)``, in place, and update the moving averages."""
        mean = self.share * (self.ones @ z)
        np.subtract(z, mean, out=self.normalized)
        variance = self.share * np.einsum("ij,ij->j", self.normalized, self.normalized)
        self.inverse_std = 1 / np.sqrt(variance + EPSILON)
        self.normalized *= self.inverse_std
        np.multiply(self.normalized, self.gamma, out=z)
        z += self.beta
        self.moving += np.float32(0.01) * (np.stack([mean, variance]) - self.moving)

    def backward(self, delta: np.ndarray) -> None:
        """Turn the gradient by the outputs into that by the inputs, in place."""
        self.by_beta = self.ones @ delta
        self.by_gamma = np.einsum("ij,ij->j", delta, self.normalized)
        np.multiply(self.normalized, self.share * self.by_gamma, out=self.spare)
        delta -= self.spare
        delta -= self.share * self.by_beta
        delta *= self.gamma * self.inverse_std


def elu(z: np.ndarray, spare: np.ndarray) -> None:
    """Turn ``z`` into ELU of ``z``; ``spare`` is an array of its shape."""
    np.minimum(z, 0, out=spare)
    np.expm1(spare, out=spare)
    np.maximum(z, 0, out=z)
    z += spare


def elu_backward(delta: np.ndarray, outputs: np.ndarray) -> None:
    """Multiply ``delta`` by ELU's slope. ``outputs`` are ELU's, and are lost."""
    np.minimum(outputs, 0, out=outputs)
    outputs += np.float32(1)  # the slope: below 0 it is the output plus 1
    delta *= outputs


def nadam(weights, gradient, first, second, scratch, rate=3e-4) -> None:
    """Update all weights in place, without a copy (Dozat 2016, without its schedule)."""
    np.multiply(gradient, 0.1, out=scratch)
    first *= 0.9
    first += scratch
    np.multiply(gradient, gradient, out=scratch)
    scratch *= 0.001
    second *= 0.999
    second += scratch
    np.sqrt(second, out=scratch)
    scratch += 1e-7
    np.divide(first, scratch, out=scratch)
    scratch *= rate
    weights -= scratch
