"""Training one small network again and again, from the weights of several seeds."""

from collections.abc import Sequence

import numpy as np

from helpers.arguments import Items, Model, Number, takes
from helpers.arguments.arrays import Array
from helpers.backend import use_backend
from helpers.datasets import Dataset
from helpers.datasets.dataset import DATASET, PROFILE
from helpers.models import logits_of
from helpers.profiles import Profile
from helpers.training.execution import compile_options
from helpers.training.networks import network_for

SMALLEST_BATCH, MOST_STEPS = 32, 100  # images a step, and steps an epoch


@takes(data=DATASET)
def compiled(data: Dataset, **network):
    """Return a network for these images, its outputs logits, compiled with plain SGD.

    SGD keeps nothing between steps, so one compiled network can train from any weights, at any
    rate, again and again: for small networks compiling takes as long as training.

    Args:
        data: any data set of the course.
        network: arguments of :func:`helpers.models.deep_mlp`; no batch norm, which does keep
            something. With dropout, ``seed`` is that of the masks.

    Raises:
        ValueError: as ``deep_mlp``.
    """
    backend = use_backend()
    import keras

    model = logits_of(network_for(data, **network))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    images = len(data.train.images)
    options = compile_options(backend, steps=-(-images // _batch_size(images)))
    model.compile(keras.optimizers.SGD(), loss, **options)
    return model


@takes(data=DATASET, profile=PROFILE)
def first_weights(data: Dataset, profile: Profile, **network) -> list[list[np.ndarray]]:
    """Return the weights that the network starts from, for each of the profile's seeds.

    Raises:
        ValueError: as ``deep_mlp``.
    """
    seeds = range(profile.lesson_seeds)
    return [network_for(data, seed=seed, **network).get_weights() for seed in seeds]


@takes(
    model=Model(),
    starts=Items(Items(Array())),
    data=DATASET,
    profile=PROFILE,
    rate=Number("[0, inf)"),
)
def accuracies(
    model, starts: Sequence[Sequence[np.ndarray]], data: Dataset, profile: Profile, rate: float
) -> list[float]:
    """Train from each of these weights, and return the validation accuracies.

    Every run sees the same images in the same order for half of the profile's ``lesson_epochs``:
    such comparisons train many networks.

    Args:
        model: what :func:`compiled` returns; it ends with the weights of the last run.
        starts: what :func:`first_weights` returns for a network of that shape.
        data: the same data set.
        profile: says how long.
        rate: the learning rate.

    Raises:
        ValueError: for weights of another network, or a rate below 0.
    """
    from keras import ops

    shapes = [weight.shape for weight in model.get_weights()]
    for weights in starts:
        if [weight.shape for weight in weights] != shapes:
            raise ValueError(
                f"expected weights of the shapes {shapes}, got {[w.shape for w in weights]}."
            )
    model.optimizer.learning_rate = rate
    batch_size = _batch_size(len(data.train.images))
    epochs = max(1, profile.lesson_epochs // 2)
    found = []
    for weights in starts:
        model.set_weights(weights)
        model.fit(*data.train, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
        # called and not "evaluated": that would compile once more
        logits = ops.convert_to_numpy(model(data.validation.images, training=False))
        found.append(float(np.mean(logits.argmax(axis=-1) == data.validation.labels)))
    return found


def _batch_size(images: int) -> int:
    return max(SMALLEST_BATCH, images // MOST_STEPS)
