"""A multilayer perceptron in NumPy: forward, backward, and its loss.

Shapes: ``n`` samples, and layers of ``fan_in`` inputs and ``fan_out`` units. Kernels are
``(fan_in, fan_out)`` and biases ``(fan_out,)``, as in Keras. The last layer has no activation: its
pre-activations are the logits. What a function here checks has these shapes; inside, axes before
them pass through, for a lab that trains networks side by side and unwraps the functions.
"""

from collections.abc import Sequence
from inspect import unwrap
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from helpers.arguments import Instance, Items, Kind, Whole, refuse, takes
from helpers.arguments.arrays import GENERATOR, Array, check_labels
from helpers.theory.activations import get_activation, slope, value
from helpers.theory.initializers import sample

MOST_CLASSES = 10_000
# What a function here takes it has looked at: not again for each layer.
_value, _slope = map(unwrap, (value, slope))


class Parameters(NamedTuple):
    """Weights of a network, a list entry a layer.

    Attributes:
        kernels: arrays ``(fan_in, fan_out)``.
        biases: arrays ``(fan_out,)``.
    """

    kernels: list[np.ndarray]
    biases: list[np.ndarray]


class Signals(NamedTuple):
    """What passes through a network, a list entry a layer.

    Attributes:
        inputs: ``(n, fan_in)`` of each layer: the data, then the activations of the layer before.
        pre_activations: ``(n, fan_out)`` of each layer; the last are the logits.
    """

    inputs: list[np.ndarray]
    pre_activations: list[np.ndarray]

    @property
    def logits(self) -> np.ndarray:
        """The outputs of the network, ``(n, units of the last layer)``."""
        return self.pre_activations[-1]


class Gradients(NamedTuple):
    """Derivatives of the loss, a list entry a layer, shaped like what they are the derivative by.

    Attributes:
        kernels, biases: by the weights.
        pre_activations: by the pre-activations, ``(n, fan_out)``.
    """

    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    pre_activations: list[np.ndarray]


class Weights(Kind):
    """The :class:`Parameters` of a network whose layers fit on one another.

    Arrays beside it call its numbers of inputs and of outputs so in their shapes.

    Args:
        inputs, outputs: how many there have to be; None for any.
    """

    def __init__(self, inputs: int | None = None, outputs: int | None = None):
        self.sizes = {"inputs": inputs, "outputs": outputs}

    def take(self, name, value, sizes):
        """Return the parameters, with arrays for lists."""
        if not isinstance(value, Parameters):
            refuse(name, "be Parameters(kernels, biases)", value)
        kernels = Items(Array("fan_in, fan_out")).take(f"{name}.kernels", value.kernels, sizes)
        biases = Items(Array("fan_out")).take(f"{name}.biases", value.biases, sizes)
        layers = [kernel.shape for kernel in kernels]
        ours = {"inputs": layers[0][0], "outputs": layers[-1][1]}
        expected = {end: self.sizes[end] or sizes.get(end, size) for end, size in ours.items()}
        fits = all(above[1] == below[0] for above, below in pairwise(layers))
        fits = fits and [bias.shape for bias in biases] == [shape[1:] for shape in layers]
        if not fits or ours != expected:
            raise ValueError(
                f"{name} must have kernels whose fan_in is the fan_out before, the first of "
                f"{expected['inputs']} inputs, the last of {expected['outputs']} outputs, and a "
                f"bias for each unit; got kernels {layers} and biases "
                f"{[bias.shape for bias in biases]}."
            )
        sizes |= ours
        return Parameters(kernels, biases)


@takes(labels=Array("n", whole=True))
def count_classes(labels: np.ndarray) -> int:
    """Return how many classes there are: one more than the highest label.

    Raises:
        ValueError: for a label below 0, or far above any class.
    """
    check_labels(labels, MOST_CLASSES)
    return int(labels.max()) + 1


@takes(sizes=Items(Whole(1)), rng=GENERATOR)
def make_parameters(sizes: Sequence[int], initializer: str, rng: np.random.Generator) -> Parameters:
    """Return the weights a network starts from; biases start at 0.

    Args:
        sizes: number of inputs, of units of each hidden layer, and of outputs.
        initializer: see ``helpers.theory.initializers``.
        rng: where the numbers come from.

    Raises:
        ValueError: for an unknown initializer, fewer than two sizes, or a bad one.
    """
    if len(sizes) < 2:
        raise ValueError(f"a network needs inputs and outputs: two sizes or more, got {sizes}.")
    kernels = [sample(initializer, pair, rng) for pair in pairwise(sizes)]
    return Parameters(kernels, [np.zeros(size) for size in sizes[1:]])


@takes(x=Array("n, inputs"), parameters=Weights())
@np.errstate(all="ignore")
def forward(x: np.ndarray, parameters: Parameters, activation: str) -> Signals:
    """Return all that a network computes from ``x``, ``(n, fan_in)`` of the first layer.

    Raises:
        ValueError: for shapes that do not fit, or an unknown activation.
    """
    get_activation(activation)
    inputs, pre_activations = [], []
    for kernel, bias in zip(*parameters, strict=True):
        if pre_activations:
            x = _value(activation, pre_activations[-1])
        inputs.append(x)
        pre_activations.append(x @ kernel + bias[..., None, :])
    return Signals(inputs, pre_activations)


@takes(
    signals=Instance(Signals, expected="what forward returns"),
    logit_gradient=Array("n, outputs"),
    parameters=Weights(),
)
@np.errstate(all="ignore")
def backward(
    signals: Signals, parameters: Parameters, activation: str, logit_gradient: np.ndarray
) -> Gradients:
    """Propagate ``logit_gradient``, ``(n, outputs)``, back through the network.

    Raises:
        ValueError: for shapes that do not fit, signals of another network, or an unknown
            activation.
    """
    get_activation(activation)
    *samples, _ = logit_gradient.shape
    units = [(*samples, kernel.shape[-1]) for kernel in parameters.kernels]
    if [z.shape for z in signals.pre_activations] != units:
        raise ValueError(
            f"signals must be those of this network for {samples[-1]} inputs, {units}, "
            f"got {[z.shape for z in signals.pre_activations]}."
        )
    at_pre_activation = [logit_gradient]
    for kernel, z in zip(
        reversed(parameters.kernels[1:]), reversed(signals.pre_activations[:-1]), strict=True
    ):
        at_pre_activation.append((at_pre_activation[-1] @ kernel.mT) * _slope(activation, z))
    at_pre_activation.reverse()
    pairs = zip(signals.inputs, at_pre_activation, strict=True)
    kernels = [x.mT @ gradient for x, gradient in pairs]
    return Gradients(kernels, [g.sum(axis=-2) for g in at_pre_activation], at_pre_activation)


@takes(logits=Array("n, classes"), labels=Array("n", whole=True))
@np.errstate(all="ignore")
def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean cross-entropy in nats, and its gradient by the logits.

    Args:
        logits: ``(n, classes)``.
        labels: whole numbers ``(n,)``, from 0 to ``classes - 1``.

    Raises:
        ValueError: for shapes that do not fit, or labels out of their range.
    """
    check_labels(labels, logits.shape[-1])
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(log_probabilities)
    gradient[..., rows, labels] -= 1
    return float(-log_probabilities[..., rows, labels].mean()), gradient / len(labels)
