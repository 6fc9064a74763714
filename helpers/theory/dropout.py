"""Dropout, alpha dropout, max-norm, training with them, and prediction by Monte Carlo dropout.

``rate`` is the probability to be dropped, as in Keras. (In Srivastava et al. 2014 and Klambauer et
al. 2017 the letter in the formulas is the probability to be *kept*.) Everything random comes from
the generator that is passed in: the same state gives the same masks.
"""

from collections.abc import Iterator

import numpy as np

from helpers.arguments import SEED, Items, Maybe, Number, Whole, check_cost, takes
from helpers.arguments.arrays import GENERATOR, Array
from helpers.names import lookup
from helpers.theory.activations import SELU_ALPHA, SELU_SCALE, get_activation, slope, value
from helpers.theory.network import (
    Gradients,
    Parameters,
    Weights,
    count_classes,
    make_parameters,
    softmax_cross_entropy,
)

RATE = Number("[0, 1)", "a dropout rate of 0.5 drops half of the units")
_SAMPLES = {"x": Array("n, inputs"), "labels": Array("n", whole=True), "rate": RATE}
_DESCENT = {
    "learning_rate": Number("[0, inf)"),
    "batch_size": Whole(),
    "limit": Maybe(Number("(0, inf)")),
}
MOST_PASSES = 100_000
MOST_PROBABILITIES = 30_000_000  # of all passes together: 240 MB

# What SELU tends to for very negative inputs, and what alpha dropout sets a dropped unit to.
SELU_FLOOR = -SELU_SCALE * SELU_ALPHA


@takes(x=Array(), rate=RATE, rng=GENERATOR)
@np.errstate(all="ignore")
def dropout(x: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Set each entry to 0 with probability ``rate``, and divide the others by ``1 - rate``.

    Srivastava et al. 2014 drop by their section 4 and scale the weights down after training; this
    is the other way that their section 10 gives, *inverted* dropout: scale up while training, so
    that nothing is left to do at inference. The expected value of each entry stays what it was; its
    variance over the masks is ``x² · rate / (1 - rate)``.

    Args:
        x: any shape; float32 stays float32, everything else becomes float64.
        rate: probability to be dropped, in [0, 1).
        rng: where the mask comes from.

    Raises:
        ValueError: for a rate outside [0, 1).

    >>> dropout(np.ones(6), 0.5, np.random.default_rng(1))
    array([0., 2., 2., 2., 0., 0.])
    """
    x, kept = _mask(x, rate, rng)
    return np.where(kept, x * x.dtype.type(1 / (1 - rate)), x.dtype.type(0))


@takes(x=Array(), rate=RATE, rng=GENERATOR)
@np.errstate(all="ignore")
def alpha_dropout(x: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Set entries to SELU's floor with probability ``rate``, then restore mean 0 and variance 1.

    Klambauer et al. 2017, section 2, "New Dropout Technique". Of inputs with mean 0 and variance 1,
    mean and variance stay: see :func:`alpha_dropout_constants`.

    Args and errors: as :func:`dropout`.

    >>> alpha_dropout(np.zeros(3), 0.0, np.random.default_rng(0))
    array([0., 0., 0.])
    """
    a, b = alpha_dropout_constants(rate)
    x, kept = _mask(x, rate, rng)
    floor, a, b = (x.dtype.type(number) for number in (SELU_FLOOR, a, b))
    return a * np.where(kept, x, floor) + b


@takes(rate=RATE)
def alpha_dropout_constants(rate: float) -> tuple[float, float]:
    """Return ``a`` and ``b``, by which alpha dropout maps the masked input: ``a * masked + b``.

    With the floor ``f = -1.7581`` and the share kept ``q = 1 - rate``, the masked input has mean
    ``(1 - q) f`` and variance ``q (1 + (1 - q) f²)`` where it had 0 and 1. ``a`` divides by its
    standard deviation, ``b`` takes what is then its mean away (Klambauer et al. 2017, section 2).

    Raises:
        ValueError: for a rate outside [0, 1).
    """
    kept = 1 - rate
    a = (kept * (1 + rate * SELU_FLOOR**2)) ** -0.5
    return a, -a * rate * SELU_FLOOR


DROPOUTS = {"dropout": dropout, "alpha": alpha_dropout}


@takes(kernel=Array(), limit=Number("(0, inf)"))
@np.errstate(all="ignore")
def max_norm(kernel: np.ndarray, limit: float) -> np.ndarray:
    """Shorten the incoming weights of each unit that are longer than ``limit``, as a vector.

    Srivastava et al. 2014, section 5.1: ``||w|| <= c`` after every update. Units within the limit
    keep their weights to the bit. (Keras's ``MaxNorm`` divides by ``norm + 1e-7``, also there.)

    Args:
        kernel: ``(fan_in, fan_out)``, a column a unit: Keras's ``axis=0``.
        limit: above 0.

    Returns:
        A kernel of the same shape; float32 stays float32.

    Raises:
        ValueError: for a kernel that has no columns, or a limit not above 0.

    >>> max_norm(np.array([[3.0, 0.3], [4.0, 0.4]]), 2.5)
    array([[1.5, 0.3],
           [2. , 0.4]])
    """
    kernel = _floating(kernel)
    if kernel.ndim != 2:
        raise ValueError(f"expected a kernel (fan_in, fan_out), got shape {kernel.shape}.")
    norms = np.linalg.norm(kernel, axis=0)
    return kernel * (limit / np.maximum(norms, limit)).astype(kernel.dtype)


@takes(parameters=Weights(), rng=GENERATOR, **_SAMPLES)
@np.errstate(all="ignore")
def dropout_gradients(
    parameters: Parameters,
    x: np.ndarray,
    labels: np.ndarray,
    rate: float,
    rng: np.random.Generator,
    activation: str = "relu",
) -> tuple[float, Gradients]:
    """Return loss and gradients of one training step with dropout after every hidden activation.

    What a mask has set to 0 passes nothing back; what it has scaled up passes back as much more
    (Srivastava et al. 2014, section 5.1).

    Args:
        parameters: weights of the network.
        x, labels: a batch, ``(n, fan_in)`` and whole numbers ``(n,)``.
        rate: probability to be dropped, in [0, 1).
        rng: where the masks come from.
        activation: of the hidden layers.

    Raises:
        ValueError: for a rate outside [0, 1), an unknown activation, shapes that do not fit, or
            labels out of their range.
    """
    get_activation(activation)
    last = len(parameters.kernels) - 1
    inputs, factors, slopes, signal = [], [], [], x
    for place, (kernel, bias) in enumerate(zip(*parameters, strict=True)):
        inputs.append(signal)
        z = signal @ kernel + bias
        if place < last:
            factors.append(dropout(np.ones_like(z), rate, rng))
            slopes.append(slope(activation, z))
            signal = value(activation, z) * factors[-1]
    loss, gradient = softmax_cross_entropy(z, labels)
    back = [gradient]
    for kernel, factor, steep in zip(
        parameters.kernels[:0:-1], reversed(factors), reversed(slopes), strict=True
    ):
        back.append((back[-1] @ kernel.T) * factor * steep)
    back.reverse()
    kernels = [signal.T @ gradient for signal, gradient in zip(inputs, back, strict=True)]
    return loss, Gradients(kernels, [gradient.sum(axis=0) for gradient in back], back)


@takes(parameters=Weights(), rng=GENERATOR, **_SAMPLES, **_DESCENT)
@np.errstate(all="ignore")
def train_epoch(
    parameters: Parameters,
    x: np.ndarray,
    labels: np.ndarray,
    rate: float,
    rng: np.random.Generator,
    learning_rate: float = 0.1,
    batch_size: int = 32,
    limit: float | None = None,
) -> Parameters:
    """Return the weights after an epoch of gradient descent with dropout; the old ones stay.

    Args:
        parameters, x, labels, rate: as :func:`dropout_gradients`; ``x`` is the whole training set.
        rng: order of the batches, and masks.
        learning_rate: per step.
        batch_size: samples a step; those that do not fill a last batch are left out.
        limit: of :func:`max_norm`, after every step; None for none.

    Raises:
        ValueError: for a rate outside [0, 1), or when not even one batch is filled.
    """
    if not 1 <= batch_size <= len(x):
        raise ValueError(f"batch_size must lie in 1 ... {len(x)} samples, got {batch_size}.")
    kernels, biases = list(parameters.kernels), list(parameters.biases)
    order = rng.permutation(len(x))[: len(x) // batch_size * batch_size]
    for batch in order.reshape(-1, batch_size):
        _, gradients = dropout_gradients(
            Parameters(kernels, biases), x[batch], labels[batch], rate, rng
        )
        kernels = [k - learning_rate * g for k, g in zip(kernels, gradients.kernels, strict=True)]
        biases = [b - learning_rate * g for b, g in zip(biases, gradients.biases, strict=True)]
        if limit is not None:
            kernels = [max_norm(kernel, limit) for kernel in kernels]
    return Parameters(kernels, biases)


@takes(
    epochs=Whole(1, 100_000),
    seed=SEED,
    hidden=Items(Whole(1), least=0),
    **_SAMPLES,
    **_DESCENT,
)
def train_epochs(
    x: np.ndarray,
    labels: np.ndarray,
    rate: float,
    *,
    epochs: int,
    seed: int,
    hidden: tuple[int, ...] = (100, 100),
    **settings,
) -> Iterator[Parameters]:
    """Train a ReLU network with dropout from scratch; yield its weights after each epoch.

    One seed gives the same first weights at every rate.

    Args:
        x, labels, rate: as :func:`train_epoch`.
        epochs: how many.
        seed: of the first weights (He), the order of the batches, and the masks.
        hidden: units of each hidden layer.
        settings: ``learning_rate``, ``batch_size`` and ``limit`` of :func:`train_epoch`.

    Raises:
        ValueError: as :func:`train_epoch`.
    """
    rng = np.random.default_rng(seed)
    sizes = (x.shape[1], *hidden, count_classes(labels))
    parameters = make_parameters(sizes, "he_normal", rng)
    for _ in range(epochs):
        parameters = train_epoch(parameters, x, labels, rate, rng, **settings)
        yield parameters


@takes(
    parameters=Weights(),
    x=Array("n, inputs"),
    rate=RATE,
    passes=Whole(1),
    rng=GENERATOR,
)
@np.errstate(all="ignore")
def mc_predict(
    parameters: Parameters,
    x: np.ndarray,
    rate: float,
    passes: int,
    rng: np.random.Generator,
    activation: str = "relu",
    kind: str = "dropout",
) -> np.ndarray:
    """Predict ``passes`` times with dropout after every hidden activation.

    Each pass draws its own masks; no weight changes. The network is one that was trained with such
    dropout: only then are the passes a sample of what it holds possible (Gal & Ghahramani 2016).

    Args:
        parameters: weights of the network.
        x: inputs ``(n, fan_in)``, standardized as in training.
        rate: probability to be dropped, in [0, 1); the one of the training.
        passes: predictions for each input, at least 1.
        rng: where the masks come from.
        activation: of the hidden layers.
        kind: ``"dropout"``, or ``"alpha"`` for SELU networks.

    Returns:
        Probabilities ``(passes, n, classes)``, a softmax of each pass.

    Raises:
        ValueError: for a rate outside [0, 1), no passes, or an unknown activation or kind.
    """
    check_cost("passes", passes, MOST_PASSES)
    probabilities = passes * len(x) * len(parameters.biases[-1])
    check_cost("passes x inputs x classes", probabilities, MOST_PROBABILITIES)
    drop = lookup(kind, DROPOUTS, "kind of dropout")
    *hidden, output = zip(*parameters, strict=True)
    first = x
    for kernel, bias in hidden[:1]:  # before the first mask every pass computes the same
        first = value(activation, x @ kernel + bias)
    logits = []
    for _ in range(passes):
        signal = first
        for place, (kernel, bias) in enumerate(hidden):
            signal = value(activation, signal @ kernel + bias) if place else signal
            signal = drop(signal, rate, rng)
        logits.append(signal @ output[0] + output[1])
    return softmax(np.stack(logits))


@takes(logits=Array("..., classes"))
@np.errstate(all="ignore")
def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis, of the same shape."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


@takes(passes=Array("passes, ..."))
@np.errstate(all="ignore")
def predictive_mean(passes: np.ndarray) -> np.ndarray:
    """Return the prediction of MC dropout: the mean over passes (Gal & Ghahramani 2016, eq. 6).

    Args:
        passes: probabilities ``(passes, n, classes)``.

    Returns:
        Probabilities ``(n, classes)``.
    """
    return passes.mean(axis=0)


@takes(passes=Array("passes, ..."))
@np.errstate(all="ignore")
def predictive_std(passes: np.ndarray) -> np.ndarray:
    """Return the standard deviation over passes of each class's probability: ``(n, classes)``."""
    return passes.std(axis=0)


@takes(probabilities=Array("..., classes"))
@np.errstate(all="ignore")
def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy in nats along the last axis: 0 for certain, log(classes) for no idea.

    >>> float(entropy(np.array([1.0, 0.0]))), round(float(entropy(np.array([0.5, 0.5]))), 4)
    (0.0, 0.6931)
    """
    safe = np.where(probabilities > 0, probabilities, 1)  # the limit of p log p at 0 is 0
    return -(probabilities * np.log(safe)).sum(axis=-1) + 0.0  # no -0.0


@takes(passes=Array("passes, ..."))
@np.errstate(all="ignore")
def mutual_information(passes: np.ndarray) -> np.ndarray:
    """Return how much the passes disagree, in nats: 0 where all of them predict the same.

    The entropy of the mean less the mean entropy (Houlsby et al. 2011, eq. 2; Gal 2016, section
    3.3.1). What is left of the entropy is doubt that every single pass has.

    Args:
        passes: probabilities ``(passes, n, classes)``.

    Returns:
        ``(n,)``, at least 0 but for rounding.
    """
    return entropy(predictive_mean(passes)) - entropy(passes).mean(axis=0)


def _mask(x, rate: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return ``x`` as float, and where it is kept: boolean, of its shape."""
    x = _floating(x)
    return x, rng.random(x.shape, dtype=np.float32) >= np.float32(rate)


def _floating(x) -> np.ndarray:
    x = np.asarray(x)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
