"""Training in NumPy: a multilayer perceptron, mini-batch by mini-batch, with any optimizer."""

from typing import NamedTuple

import numpy as np

from helpers.arguments import SEED, Instance, Items, Number, Whole, check_cost, takes
from helpers.arguments.arrays import Array
from helpers.theory.activations import get_activation
from helpers.theory.network import (
    Parameters,
    backward,
    count_classes,
    forward,
    make_parameters,
    softmax_cross_entropy,
)
from helpers.theory.optimizers import Optimizer, make_optimizer

MOST_STEPS = 200_000  # of training: half a minute


class Fit(NamedTuple):
    """A network after training.

    Attributes:
        parameters: its weights, float32.
        losses: of each batch before its step, ``float64 (steps,)``; NaN from where it diverged.
        activation: of its hidden layers.
    """

    parameters: Parameters
    losses: np.ndarray
    activation: str

    @takes(share=Number("(0, 1]"))
    def final_loss(self, share: float = 0.1) -> float:
        """Return the mean loss of the last ``share`` of the batches; infinite if it diverged.

        Raises:
            ValueError: for a share outside (0, 1].
        """
        last = self.losses[-max(1, round(share * len(self.losses))) :]
        return float(last.mean()) if np.isfinite(last).all() else float("inf")

    @takes(x=Array("n, features"), labels=Array("n", whole=True))
    def accuracy(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Return the share of ``x``, ``(n, features)``, whose largest logit is its label's.

        Raises:
            ValueError: for shapes that do not fit.
        """
        logits = forward(x, self.parameters, self.activation).logits
        return float((logits.argmax(axis=1) == labels).mean())


OPTIMIZER = Instance(Optimizer, expected="an optimizer, such as make_optimizer('adam')")


@takes(
    x=Array("n, features"),
    labels=Array("n", whole=True),
    optimizer=OPTIMIZER,
    hidden=Items(Whole(1), least=0),
    batch_size=Whole(),
    epochs=Whole(1),
    seed=SEED,
)
def fit(
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: Optimizer,
    *,
    hidden: tuple[int, ...] = (32, 32),
    activation: str = "relu",
    initializer: str = "he_normal",
    batch_size: int = 32,
    epochs: int = 1,
    seed: int = 0,
) -> Fit:
    """Train a network from scratch in float32. What it draws depends on ``seed`` alone.

    So two optimizers with one seed start from the same weights and see the same batches. Samples
    that do not fill a last batch are left out of that epoch.

    Args:
        x: standardized inputs ``(n, features)``.
        labels: whole numbers ``(n,)``, from 0.
        optimizer: see ``helpers.theory.optimizers``. All weights are one variable to it: its
            ``clipnorm`` is what Keras calls ``global_clipnorm``.
        hidden: units of each hidden layer.
        activation, initializer: of the hidden layers, by name.
        batch_size: samples a step.
        epochs: passes over the samples.
        seed: of the first weights and of the order of the samples.

    Raises:
        ValueError: when the samples do not fill one batch, for an unknown name, or a number out of
            its range.
    """
    get_activation(activation)
    if not 1 <= batch_size <= len(x):
        raise ValueError(f"batch_size must lie in 1 ... {len(x)} samples, got {batch_size}.")
    rng = np.random.default_rng(seed)
    sizes = (x.shape[1], *hidden, count_classes(labels))
    drawn = make_parameters(sizes, initializer, rng)
    # All weights in one vector, and the arrays of the network are views of it: the optimizer is
    # called once a step instead of once an array, which halves the time.
    weights = _joined(drawn).astype(np.float32)
    shapes = [[array.shape for array in part] for part in drawn]
    state = None
    steps = len(x) // batch_size
    check_cost("steps of training", epochs * steps, MOST_STEPS)
    losses = np.full(epochs * steps, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is cut off
        for epoch in range(epochs):
            order = rng.permutation(len(x))[: steps * batch_size].reshape(steps, batch_size)
            for step, batch in enumerate(order, start=epoch * steps):
                parameters = _views(weights, shapes)
                signals = forward(x[batch], parameters, activation)
                loss, at_logits = softmax_cross_entropy(signals.logits, labels[batch])
                if not np.isfinite(loss):
                    return Fit(parameters, losses, activation)
                losses[step] = loss
                gradients = backward(signals, parameters, activation, at_logits)[:2]
                weights, state = optimizer.step(weights, _joined(gradients), state)
    return Fit(_views(weights, shapes), losses, activation)


@takes(
    x=Array("n, features"),
    labels=Array("n", whole=True),
    rates=Items(Number("(0, inf)")),
    seeds=Items(SEED),
    epochs=Whole(1),
    batch_size=Whole(),
)
def final_losses(
    x: np.ndarray,
    labels: np.ndarray,
    optimizer: str,
    *,
    rates,
    seeds,
    epochs: int,
    batch_size: int,
    **settings,
) -> np.ndarray:
    """Train at every rate with every seed, and return the losses at the end.

    Args:
        x, labels, epochs, batch_size: as in :func:`fit`, whose other defaults are used.
        optimizer: a name in ``OPTIMIZERS``.
        rates: learning rates ``(n,)``.
        seeds: whole numbers ``(m,)``.
        settings: of the optimizer, beside the rate.

    Returns:
        ``float64 (n, m)``: :meth:`Fit.final_loss` of each, infinite where it diverged.

    Raises:
        ValueError: as :func:`fit` and ``make_optimizer``.
    """
    made = [make_optimizer(optimizer, learning_rate=rate, **settings) for rate in rates]
    budget = {"epochs": epochs, "batch_size": batch_size}
    return np.array(
        [[fit(x, labels, one, seed=seed, **budget).final_loss() for seed in seeds] for one in made]
    )


def _joined(parts) -> np.ndarray:
    return np.concatenate([array.ravel() for part in parts for array in part])


def _views(weights: np.ndarray, shapes) -> Parameters:
    parts, place = [], 0
    for part in shapes:
        arrays = []
        for shape in part:
            size = int(np.prod(shape))
            arrays.append(weights[place : place + size].reshape(shape))
            place += size
        parts.append(arrays)
    return Parameters(*parts)
