"""The 20 x 100 network, its layers in one place, and the variants that chapter 09 compares.

Everything here is Keras 3 that runs on any backend. Images go in as ``uint8``: scaling is the
network's first layer, so that no float copy of a data set is ever made.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from helpers.arguments import (
    Dict,
    Items,
    Maybe,
    Model,
    Name,
    Number,
    Text,
    Whole,
    check_cost,
    takes,
)
from helpers.arguments.arrays import FLAG, Array
from helpers.backend import use_backend
from helpers.names import lookup

NORMALIZATION = ("before", "after")
DROPOUT = {"dropout": "Dropout", "alpha": "AlphaDropout"}
DROPOUT_PLACES = ("output", "hidden")
MOST_LAYERS = 1_000
MOST_WEIGHTS = 100_000_000  # of a network: 400 MB


@dataclass(frozen=True)
class Variant:
    """One row of the comparison: a network and how it is trained.

    Attributes:
        name: what ``course train --variant`` takes.
        title: what tables and legends show.
        network: arguments of :func:`deep_mlp` that differ from its defaults.
        standardize: pixels standardized per channel (else fed as they are, 0 to 255).
        optimizer: ``"nadam"`` or ``"sgd"`` (Nesterov momentum 0.9).
        learning_rate: constant rate, or the peak of the schedule.
        batch_size: images a step.
        one_cycle_epochs: length of a 1cycle schedule in ``full``; ``None`` for a constant rate.
        augment: mirrored and shifted copies in training, averaged over in prediction.
        monte_carlo_of: the variant whose trained weights this one predicts with, by MC dropout.
        weight_decay: share of each weight, times the rate, that a step takes off it (Loshchilov &
            Hutter 2019, algorithm 1); ``None`` takes nothing off.
    """

    name: str
    title: str
    network: dict
    optimizer: str = "nadam"
    learning_rate: float = 1e-3
    batch_size: int = 32
    standardize: bool = True
    one_cycle_epochs: int | None = None
    augment: bool = False
    monte_carlo_of: str | None = None
    weight_decay: float | None = None

    def settings(self) -> dict:
        """Return everything that changes the result, as plain values for JSON."""
        settings = asdict(self)
        del settings["title"]
        if self.weight_decay is None:  # runs from before there was one keep their place
            del settings["weight_decay"]
        return settings


_SELU = {"activation": "selu", "initializer": "lecun_normal"}
_ALPHA_DROPOUT = _SELU | {"dropout": "alpha", "dropout_rate": 0.1, "dropout_place": "output"}

VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("notes", "the notes' net (raw pixels)", {}, standardize=False),
        Variant("elu", "ELU + He", {}, learning_rate=3e-4),
        Variant("bn", "+ batch norm", {"normalization": "before"}, learning_rate=1e-4),
        Variant("selu", "SELU + LeCun", _SELU, learning_rate=1e-4),
        Variant("alpha-dropout", "+ alpha dropout", _ALPHA_DROPOUT, learning_rate=1e-4),
        Variant(
            "mc-dropout",
            "+ MC dropout",
            _ALPHA_DROPOUT,
            learning_rate=1e-4,
            monte_carlo_of="alpha-dropout",
        ),
        Variant(
            "1cycle",
            "SELU, 1cycle SGD",
            _ALPHA_DROPOUT,
            optimizer="sgd",
            learning_rate=0.03,
            batch_size=128,
            one_cycle_epochs=15,
        ),
        Variant(
            "best",
            "the course's recipe",
            {"normalization": "before", "activation": "silu"},
            optimizer="sgd",
            learning_rate=0.1,
            batch_size=128,
            one_cycle_epochs=100,
            augment=True,
        ),
    )
}


#: What the fields of a :class:`Variant` may be.
_FIELDS = {
    "name": Text(),
    "title": Text(),
    "network": Dict(),
    "optimizer": Name(("nadam", "sgd"), "optimizer"),
    "learning_rate": Number("(0, inf)"),
    "batch_size": Whole(),  # as many as there are images, which is looked at where they are
    "standardize": FLAG,
    "one_cycle_epochs": Maybe(Whole(1)),
    "augment": FLAG,
    "monte_carlo_of": Maybe(Name(VARIANTS, "variant")),
    "weight_decay": Maybe(Number("(0, inf)")),
}


def get_variant(name: "str | Variant", /, **changes) -> Variant:
    """Return the named variant (or the one given), with any fields in ``changes`` replaced.

    Raises:
        ValueError: for an unknown name or field, listing the known ones, or a bad value of a field.
    """
    for field, value in changes.items():
        changes[field] = lookup(field, _FIELDS, "field of a variant").take(field, value, {})
    variant = name if isinstance(name, Variant) else lookup(name, VARIANTS, "variant")
    return replace(variant, **changes)


@takes(
    input_shape=Items(Whole(1, 1_000_000)),
    n_classes=Whole(2),
    depth=Whole(0),
    width=Whole(1),
    normalization=Maybe(Name(NORMALIZATION, "normalization")),
    dropout=Maybe(Name(DROPOUT, "dropout")),
    dropout_rate=Number("[0, 1)"),
    dropout_place=Name(DROPOUT_PLACES, "dropout_place"),
    mean=Maybe(Array("channels", "(-inf, inf)")),
    variance=Maybe(Array("channels", "[0, inf)")),
    seed=Maybe(Whole(0)),
)
def deep_mlp(
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    n_classes: int = 10,
    depth: int = 20,
    width: int = 100,
    activation: str = "elu",
    initializer: str = "he_normal",
    normalization: str | None = None,
    dropout: str | None = None,
    dropout_rate: float = 0.1,
    dropout_place: str = "output",
    mean: Sequence[float] | None = None,
    variance: Sequence[float] | None = None,
    seed: int | None = None,
):
    """Build a multilayer perceptron for images or vectors: ``depth`` hidden layers of ``width``.

    Args:
        input_shape: shape of one input, without the batch dimension.
        n_classes: units of the softmax output layer.
        depth: number of hidden layers; 0 gives multinomial logistic regression.
        width: units of each hidden layer.
        activation: any Keras activation name.
        initializer: any Keras initializer name, for the hidden kernels. The output layer keeps
            Keras's own ``glorot_uniform``.
        normalization: batch normalization ``"before"`` or ``"after"`` each activation (Ioffe &
            Szegedy 2015 put it before), or ``None``. A layer that batch norm follows directly
            has no bias: batch norm would subtract it again.
        dropout: ``"dropout"``, ``"alpha"`` (Klambauer et al. 2017), or ``None``.
        dropout_rate: share of units dropped, in [0, 1).
        dropout_place: ``"output"``, once before the output layer, or ``"hidden"``, after every
            hidden layer.
        mean, variance: statistics of the training inputs along their last axis; when given, the
            first layer standardizes with them. Without them inputs go in as they are.
        seed: of the initial weights and the dropout masks; ``None`` draws one. No global random
            state is touched, which ``keras.utils.set_random_seed`` would do (and on JAX it would
            import TensorFlow, 450 MB).

    Returns:
        An uncompiled ``keras.Sequential``; input any dtype, output float32
        ``(batch, n_classes)`` probabilities.

    Raises:
        ValueError: for an unknown name, a number out of its range, or more layers or weights than a
            laptop can hold.

    >>> deep_mlp(depth=2, width=10).count_params()
    30950
    """
    _validate(input_shape, depth, width, n_classes, mean, variance)
    use_backend()
    check_activation(activation)
    _check_initializer(initializer)
    from keras import Input, Sequential, layers

    seeds = iter(np.random.SeedSequence(seed).generate_state(2 * depth + 2))

    def dropped() -> list:
        kind = None if dropout is None else getattr(layers, DROPOUT[dropout])
        return [] if kind is None else [kind(dropout_rate, seed=int(next(seeds)))]

    def hidden() -> list:
        kernel = _seeded(initializer, int(next(seeds)))
        block = [
            layers.Dense(width, kernel_initializer=kernel, use_bias=normalization != "before"),
            layers.Activation(activation),
        ]
        if normalization is not None:
            block.insert(1 if normalization == "before" else 2, layers.BatchNormalization())
        return block + (dropped() if dropout_place == "hidden" else [])

    model = Sequential([Input(tuple(input_shape))])
    if mean is not None:
        model.add(layers.Normalization(mean=np.asarray(mean), variance=np.asarray(variance)))
    model.add(layers.Flatten())
    for _ in range(depth):
        for layer in hidden():
            model.add(layer)
    if dropout_place == "output":
        for layer in dropped():
            model.add(layer)
    kernel = _seeded("glorot_uniform", int(next(seeds)))
    model.add(layers.Dense(n_classes, kernel_initializer=kernel))
    model.add(layers.Softmax())
    return model


def check_activation(activation) -> None:
    """Refuse what Keras does not know as an activation: a name, or a function.

    Raises:
        ValueError: for an unknown name, with the nearest spelling and all known names.
    """
    from keras import activations

    if not callable(activation):
        lookup(activation, _names_in(activations), "activation of Keras")


def _check_initializer(initializer) -> None:
    from keras import initializers

    if not isinstance(initializer, initializers.Initializer):
        lookup(initializer, _names_in(initializers), "initializer of Keras")


def _names_in(module) -> dict[str, None]:
    """Return what a module of Keras offers by name."""
    names = (name for name in dir(module) if callable(getattr(module, name)) and name[0] != "_")
    return dict.fromkeys(sorted(set(names) - {"get", "serialize", "deserialize", "Initializer"}))


@takes(model=Model())
def logits_of(model):
    """Return the network without its softmax, sharing all weights: train this one.

    With a loss on logits. A loss on probabilities is not the same on every backend: Keras cuts
    probabilities off at 1e-7, and with them the gradient, but on TensorFlow it finds the logits
    behind the softmax and does not. Measured on JAX: the notes' net with raw pixels, whose first
    losses are above 100, then never learns.

    Raises:
        ValueError: for what is no network that ends in a softmax layer.
    """
    import keras

    if not isinstance(model.layers[-1], keras.layers.Softmax):
        raise ValueError(
            "expected a network that ends in a softmax layer, as deep_mlp gives, got one that ends "
            f"in {type(model.layers[-1]).__name__}."
        )
    return keras.Model(model.inputs[0], model.layers[-2].output)


@takes(trainer=Model(), n_classes=Whole(2, 1_000_000))
def create_variables(trainer, n_classes: int) -> None:
    """Make the variables of a compiled model's optimizer and metrics before its first step.

    A step that creates variables is traced twice: on TensorFlow 5.9 s instead of 3.3 for 20 layers
    with batch norm. And keep TensorFlow from holding the traced graph for good.

    Args:
        trainer: compiled, with a loss on logits, see :func:`logits_of`.
        n_classes: units of its output layer.

    Raises:
        ValueError: for a network that is not compiled.
    """
    if not trainer.compiled:
        raise ValueError("expected a compiled network, got one that is not: call compile first.")
    trainer.optimizer.build(trainer.trainable_variables)
    trainer.compute_metrics(
        None, np.zeros(1, np.int32), np.full((1, n_classes), 1 / n_classes, np.float32)
    )
    trainer.reset_metrics()
    # tensorflow#97697: the graph that a custom gradient is traced in is never freed, and Keras
    # sums gradients over devices with one. On one device that sum changes nothing. Without the
    # next line a fit of 20 layers costs 35 MiB for good, with it 8. Should a release of Keras have
    # no such method, the line has no effect.
    trainer.optimizer._all_reduce_sum_gradients = list


def _seeded(initializer: str, seed: int):
    """Return the Keras initializer of that name, with ``seed`` where it takes one."""
    from keras import initializers

    unseeded = initializers.get(initializer)
    config = unseeded.get_config()
    return type(unseeded).from_config(config | {"seed": seed} if "seed" in config else config)


def _validate(input_shape, depth, width, n_classes, mean, variance) -> None:
    check_cost("depth", depth, MOST_LAYERS)
    inputs = math.prod(input_shape)
    weights = inputs * width + depth * width**2 + width * n_classes
    check_cost("weights of a network", weights, MOST_WEIGHTS)
    if (mean is None) != (variance is None):
        raise ValueError("mean and variance go together: give both or neither, got one.")
    if mean is not None and len(mean) not in (1, input_shape[-1]):
        raise ValueError(
            f"mean and variance have one number for each of {input_shape[-1]} channels, got "
            f"{len(mean)}."
        )
