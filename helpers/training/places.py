"""Training one network with batch norm before, after or without, at several rates and seeds."""

from collections.abc import Sequence

import numpy as np

from helpers.arguments import Items, Number, takes
from helpers.backend import use_backend
from helpers.datasets import Dataset
from helpers.datasets.dataset import DATASET, PROFILE
from helpers.models import logits_of
from helpers.names import lookup
from helpers.profiles import Profile
from helpers.training.networks import network_for

PLACES = {"none": None, "before": "before", "after": "after"}
SMALLEST_BATCH, MOST_STEPS = 64, 100  # images a step, and steps an epoch
MOST_IMAGES = 15_000  # to train on: 45 trainings on all of CIFAR-10 would take half an hour


@takes(rates=Items(Number("[0, inf)")), data=DATASET, profile=PROFILE)
def accuracy_by_rate(
    place: str,
    rates: Sequence[float],
    data: Dataset,
    profile: Profile,
    *,
    depth: int = 5,
    width: int = 50,
) -> np.ndarray:
    """Return validation accuracies, ``(rates, seeds)``, of a ReLU network trained with plain SGD.

    A seed draws the kernels, which are the same at every rate and place. The order of the images is
    the same for all.

    Args:
        place: of batch norm: ``"none"``, ``"before"`` or ``"after"`` each activation.
        rates: learning rates.
        data: any data set of the course; of a large one the first ``MOST_IMAGES`` train.
        profile: ``lesson_epochs`` and ``lesson_seeds`` count.
        depth, width: of the hidden layers.

    Raises:
        ValueError: for an unknown place, or a number out of its range.
    """
    normalization = lookup(place, PLACES, "place of batch norm")
    use_backend()
    import keras

    shape = {"depth": depth, "width": width, "activation": "relu", "normalization": normalization}
    networks = [network_for(data, **shape, seed=seed) for seed in range(profile.lesson_seeds)]
    starts = [network.get_weights() for network in networks]
    # SGD keeps nothing between steps, so one compiled network serves every rate and seed.
    model = logits_of(networks[0])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(), loss, metrics=["accuracy"])
    images, labels = (array[:MOST_IMAGES] for array in data.train)
    batch_size = max(SMALLEST_BATCH, len(images) // MOST_STEPS)
    fitting = {"batch_size": batch_size, "epochs": profile.lesson_epochs, "shuffle": False}

    def trained(rate: float, start: list) -> float:
        model.optimizer.learning_rate = rate
        model.set_weights(start)
        model.fit(images, labels, **fitting, verbose=0)
        return float(model.evaluate(*data.validation, verbose=0)[1])

    return np.array([[trained(rate, start) for start in starts] for rate in rates])
