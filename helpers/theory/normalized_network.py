"""A multilayer perceptron with batch norm, trained in NumPy, and what a layer sees meanwhile.

Shapes as in ``helpers.theory.network``. Batch norm stands before each activation (Ioffe & Szegedy
2015, section 3.2), after it, or nowhere. Training is plain gradient descent on batches.
"""

from typing import NamedTuple

import numpy as np

from helpers.arguments import SEED, Instance, Items, Name, Number, Whole, takes
from helpers.arguments.arrays import Array, check_labels
from helpers.theory import batch_norm
from helpers.theory.activations import ACTIVATIONS, slope, value
from helpers.theory.network import make_parameters, softmax_cross_entropy

PLACES = ("none", "before", "after")
MOST_STEPS = 100_000
LOOKED_AT = 256  # images that a layer is watched on


class Network(NamedTuple):
    """A network: a list entry a hidden layer, and one more kernel and bias for the outputs.

    Attributes:
        kernels, biases: of the dense layers.
        gammas, betas, moving: of the batch norms; empty lists without them.
        place: where batch norm stands, one of ``PLACES``.
        activation: of the hidden layers.
    """

    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    gammas: list[np.ndarray]
    betas: list[np.ndarray]
    moving: list[batch_norm.Moving]
    place: str
    activation: str


class Layer(NamedTuple):
    """What a hidden layer computes from a training batch.

    Attributes:
        inputs: ``(n, fan_in)``.
        pre_activations: what its dense part gives, ``(n, units)``.
        entering: what enters its activation function, ``(n, units)``: the pre-activations, or
            batch norm of them.
        passed: the pass through its batch norm; None without one.
        outputs: what the next layer gets, ``(n, units)``.
    """

    inputs: np.ndarray
    pre_activations: np.ndarray
    entering: np.ndarray
    passed: batch_norm.Forward | None
    outputs: np.ndarray


class Run(NamedTuple):
    """A training run, and how one of its layers was doing on one fixed batch.

    Attributes:
        network: as it is at the end.
        losses: of each training batch, ``(steps,)``.
        looks: after how many steps the layer was looked at, ``(looks,)``, from 0.
        pre_activations, entering: ``(looks, 2, units)``: mean and standard deviation over the
            fixed batch, of what the layer's dense part gives each unit, and of what enters the
            unit's activation function.
    """

    network: Network
    losses: np.ndarray
    looks: np.ndarray
    pre_activations: np.ndarray
    entering: np.ndarray


NETWORK = Instance(Network, expected="what make_network returns")


@takes(
    sizes=Items(Whole(1), least=2),
    place=Name(PLACES, "place of batch norm"),
    activation=Name(ACTIVATIONS, "activation"),
    seed=SEED,
)
def make_network(sizes, initializer: str, place: str, activation: str, seed: int) -> Network:
    """Return a new network; the weights of one seed are the same wherever batch norm stands.

    Args:
        sizes: number of inputs, of units of each hidden layer, and of outputs.
        initializer, activation: names, see the modules of theory.
        place: one of ``PLACES``.
        seed: of the weights.

    Raises:
        ValueError: for an unknown name, or a size below 1.
    """
    kernels, biases = make_parameters(sizes, initializer, np.random.default_rng(seed))
    hidden = [] if place == "none" else sizes[1:-1]
    gammas, betas = [np.ones(size) for size in hidden], [np.zeros(size) for size in hidden]
    moving = [batch_norm.start_moving(size) for size in hidden]
    return Network(kernels, biases, gammas, betas, moving, place, activation)


@takes(x=Array("n, inputs"), network=NETWORK)
@np.errstate(all="ignore")
def training_pass(x: np.ndarray, network: Network) -> tuple[list[Layer], np.ndarray]:
    """Return what each hidden layer computes from a batch ``(n, inputs)``, and the logits.

    Raises:
        ValueError: here and below: for inputs of another number than the network has, and for
            labels that are none of its classes.
    """
    _check_inputs(x, network)
    layers = []
    for at, kernel in enumerate(network.kernels[:-1]):
        z = x @ kernel + network.biases[at]
        passed = _normalize(z, network, at) if network.place == "before" else None
        entering = passed.outputs if passed else z
        outputs = value(network.activation, entering)
        if network.place == "after":
            passed = _normalize(outputs, network, at)
            outputs = passed.outputs
        layers.append(Layer(x, z, entering, passed, outputs))
        x = outputs
    return layers, x @ network.kernels[-1] + network.biases[-1]


def _normalize(x: np.ndarray, network: Network, at: int) -> batch_norm.Forward:
    return batch_norm.forward(x, network.gammas[at], network.betas[at])


@takes(
    layers=Items(Instance(Layer, expected="a layer of training_pass")),
    network=NETWORK,
    logit_gradient=Array("n, outputs"),
)
@np.errstate(all="ignore")
def gradients(
    layers: list[Layer], network: Network, logit_gradient: np.ndarray
) -> tuple[list, list, list, list]:
    """Return the derivatives of the loss by kernels, biases, gammas and betas.

    Args:
        layers: what :func:`training_pass` returned; one hidden layer or more.
        network: the same.
        logit_gradient: derivative of the loss by the logits, ``(n, outputs)``.

    Raises:
        ValueError: for layers of another network, or a gradient of another shape.
    """
    units = [kernel.shape[1] for kernel in network.kernels]
    expected = [(len(logit_gradient), size) for size in units[:-1]]
    found = [layer.outputs.shape for layer in layers]
    if found != expected or logit_gradient.shape[1] != units[-1]:
        raise ValueError(
            f"expected layers {expected} and a gradient of {units[-1]} logits, got {found} and "
            f"{logit_gradient.shape}."
        )
    kernels, biases = [layers[-1].outputs.T @ logit_gradient], [logit_gradient.sum(axis=0)]
    gammas, betas = [], []
    gradient = logit_gradient
    for at in reversed(range(len(layers))):
        layer = layers[at]
        by = gradient @ network.kernels[at + 1].T
        for part in reversed(_parts(network.place)):
            if part == "activation":
                by = by * slope(network.activation, layer.entering)
            else:
                by, by_gamma, by_beta = batch_norm.backward(layer.passed, network.gammas[at], by)
                gammas.append(by_gamma)
                betas.append(by_beta)
        kernels.append(layer.inputs.T @ by)
        biases.append(by.sum(axis=0))
        gradient = by
    return kernels[::-1], biases[::-1], gammas[::-1], betas[::-1]


def _parts(place: str) -> tuple[str, ...]:
    """Return what a hidden layer does to its pre-activations, in order."""
    return {
        "none": ("activation",),
        "before": ("norm", "activation"),
        "after": ("activation", "norm"),
    }[place]


@takes(
    network=NETWORK,
    x=Array("n, inputs"),
    labels=Array("n", whole=True),
    learning_rate=Number("[0, inf)"),
    momentum=batch_norm.MOMENTA,
)
@np.errstate(all="ignore")
def step(
    network: Network, x: np.ndarray, labels: np.ndarray, learning_rate: float, momentum: float
) -> tuple[Network, float]:
    """Return the network after one step of gradient descent, and the batch's loss before it.

    Args:
        network: before the step.
        x, labels: a training batch, ``(n, inputs)`` and ``(n,)``.
        learning_rate: of the step.
        momentum: of the moving averages.
    """
    layers, logits = training_pass(x, network)
    loss, logit_gradient = softmax_cross_entropy(logits, labels)
    changes = gradients(layers, network, logit_gradient)
    parameters = [
        [old - learning_rate * by for old, by in zip(*pair, strict=True)]
        for pair in zip(network[:4], changes, strict=True)
    ]
    moving = [
        batch_norm.update_moving(old, layer.passed, momentum)
        for old, layer in zip(network.moving, layers, strict=False)  # none without batch norm
    ]
    return Network(*parameters, moving, network.place, network.activation), loss


@takes(x=Array("n, inputs"), network=NETWORK)
@np.errstate(all="ignore")
def logits_in_inference(x: np.ndarray, network: Network) -> np.ndarray:
    """Return the logits of ``(n, inputs)``, normalized with the moving averages."""
    _check_inputs(x, network)
    for at, kernel in enumerate(network.kernels[:-1]):
        x = x @ kernel + network.biases[at]
        for part in _parts(network.place):
            if part == "activation":
                x = value(network.activation, x)
            else:
                norm = network.gammas[at], network.betas[at], *network.moving[at]
                x = batch_norm.inference(x, *norm)
    return x @ network.kernels[-1] + network.biases[-1]


def _check_inputs(x: np.ndarray, network: Network) -> None:
    inputs = len(network.kernels[0])
    if x.shape[1] != inputs:
        raise ValueError(f"x must have the network's {inputs} inputs, got shape {x.shape}.")


@takes(logits=Array("n, classes"), labels=Array("n", whole=True))
def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of rows whose largest logit is that of the label."""
    return float((logits.argmax(axis=1) == labels).mean())


@takes(
    network=NETWORK,
    x=Array("n, inputs"),
    labels=Array("n", whole=True),
    steps=Whole(most=MOST_STEPS),
    batch_size=Whole(),
    learning_rate=Number("[0, inf)"),
    seed=SEED,
    momentum=batch_norm.MOMENTA,
    layer=Whole(0),
    looks=Whole(1, MOST_STEPS),
)
@np.errstate(all="ignore")
def train(
    network: Network,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    momentum: float = batch_norm.MOMENTUM,
    layer: int = 0,
    looks: int = 1,
) -> Run:
    """Train a network, and look at one of its layers on the way.

    Args:
        network: where to start.
        x, labels: training data, ``(n, inputs)`` and ``(n,)``.
        steps, batch_size, learning_rate: of gradient descent.
        seed: of the order of the images: one seed gives every network the same batches.
        momentum: of the moving averages.
        layer: which hidden layer to look at, from 0.
        looks: how often to look after the start, spread evenly.

    Raises:
        ValueError: for fewer than one step, a batch that is larger than the data, a layer that the
            network does not have, or a number out of its range.
    """
    _check_inputs(x, network)
    check_labels(labels, network.kernels[-1].shape[1])
    hidden = len(network.kernels) - 1
    if layer >= hidden:
        raise ValueError(f"layer must be one of the {hidden} hidden ones, from 0, got {layer}.")
    if steps < 1 or not 1 <= batch_size <= len(x):
        raise ValueError(
            f"expected 1 step or more and a batch of 1 to {len(x)}, got {steps} and {batch_size}."
        )
    rng = np.random.default_rng(seed)
    due = np.unique(np.linspace(0, steps, looks + 1).astype(int))
    losses, seen = [], [_look(x, network, layer)]
    order = np.empty(0, int)
    for at in range(1, steps + 1):
        if len(order) < batch_size:
            order = rng.permutation(len(x))
        chosen, order = order[:batch_size], order[batch_size:]
        network, loss = step(network, x[chosen], labels[chosen], learning_rate, momentum)
        losses.append(loss)
        if at in due:
            seen.append(_look(x, network, layer))
    return Run(network, np.array(losses), due, *np.array(seen).swapaxes(0, 1))


def _look(x: np.ndarray, network: Network, layer: int) -> list:
    """Return mean and standard deviation of each unit, (2, units), before and after the norm."""
    watched = training_pass(x[:LOOKED_AT], network)[0][layer]
    return [
        [values.mean(axis=0), values.std(axis=0)]
        for values in (watched.pre_activations, watched.entering)
    ]
