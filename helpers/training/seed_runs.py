"""Small networks of a lesson, each trained from several seeds: what error bars are made of."""

from collections.abc import Mapping

import numpy as np

from helpers.arguments import Dict, Entries, Number, takes
from helpers.backend import use_backend
from helpers.datasets import Dataset
from helpers.datasets.dataset import DATASET, PROFILE
from helpers.profiles import Profile
from helpers.training.networks import network_for

SMALL_DATA = 10_000  # below as many training images, a step takes 64 of them, else 128
MOST_IMAGES = 20_000  # to train on: enough to see who learns, and a lesson is over in minutes


@takes(
    data=DATASET,
    profile=PROFILE,
    networks=Entries(Dict(), least=0),
    learning_rate=Number("[0, inf)"),
)
def validation_accuracies(
    data: Dataset,
    profile: Profile,
    networks: Mapping[str, dict],
    learning_rate: float = 0.1,
) -> dict[str, np.ndarray]:
    """Train each network from each of the profile's seeds, with plain gradient descent.

    Plain, because an optimizer that divides by the size of the gradient, as Adam does, hides how
    small it is. A seed gives the initial weights and the order of the images, which is the same in
    each epoch. Of more than 20,000 training images each seed draws as many.

    Args:
        data: what to train on.
        profile: its ``lesson_epochs`` and ``lesson_seeds``.
        networks: arguments of ``network_for``, without ``seed``, by a title; no batch norm, which
            keeps something between runs.
        learning_rate: of ``keras.optimizers.SGD``.

    Returns:
        validation accuracy after each epoch, ``(seeds, epochs)``, by title.

    Raises:
        ValueError: as ``deep_mlp``, and for a rate below 0.
    """
    use_backend()
    from keras import losses, optimizers

    from helpers.models import logits_of

    def train(model, seed: int) -> list[float]:
        # Keras would shuffle with a random state of its own, and no run would be like the last.
        order = np.random.default_rng(seed).permutation(len(data.train.images))[:MOST_IMAGES]
        history = model.fit(
            data.train.images[order],
            data.train.labels[order],
            validation_data=tuple(data.validation),
            epochs=profile.lesson_epochs,
            batch_size=64 if len(order) < SMALL_DATA else 128,
            shuffle=False,
            verbose=0,
        )
        return history.history["val_accuracy"]

    found, compiled = {}, {}
    for title, arguments in networks.items():
        # Compiling takes longer than a small network trains, and plain gradient descent keeps
        # nothing between steps: networks that differ only in their first weights share one model.
        shape = repr(sorted((k, v) for k, v in arguments.items() if k != "initializer"))
        rows = []
        for seed in range(profile.lesson_seeds):
            network = network_for(data, seed=seed, **arguments)
            if shape not in compiled:
                compiled[shape] = model = logits_of(network)
                loss = losses.SparseCategoricalCrossentropy(from_logits=True)
                model.compile(optimizers.SGD(float(learning_rate)), loss, metrics=["accuracy"])
            compiled[shape].set_weights(network.get_weights())
            rows.append(train(compiled[shape], seed))
        found[title] = np.array(rows)
    return found
