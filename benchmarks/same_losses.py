"""Shows that the plain way and the course's, on TensorFlow and on JAX, compute the same training.

    CIFAR10_DIR=... python benchmarks/same_losses.py

The 20 x 100 network takes 50 steps from the same first weights on the same batches. Prints the
largest difference of a loss from the plain way's, relative to it, within 1, 10 and 50 steps.

How far rounding alone may take them apart is measured beside it: *nudged* is the plain way once
more, with every first weight made larger by one part in 2^23, or in float64 in 2^52, the smallest
step there is at 1.

In float32, as networks train, and in float64. Training makes a difference of rounding larger with
every step: Nadam's first steps are as long for a gradient of 1e-9 as for one of 1, and have its
sign. So equal mathematics shows in float64, where there is room before rounding is seen. And with
plain SGD, for on JAX Keras's Nadam keeps some of its constants in float32.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from results_of import about, in_a_process, write
from training import NETWORKS, plain_network

from helpers.datasets import load_cifar10

WAYS = {  # with their backends
    "plain": "tensorflow",
    "nudged": "tensorflow",
    "tensorflow": "tensorflow",
    "jax": "jax",
}
STEPS, BATCH_SIZE, RATE = 50, 32, 3e-4
SHOWN = (1, 10, 50)  # steps
CASES = (("float32", "nadam"), ("float64", "nadam"), ("float64", "sgd"))


def losses(way: str, network: str, precision: str, optimizer: str) -> list[float]:
    """Return the loss of each step."""
    from helpers.backend import use_backend
    from helpers.training.batches import EpochBatches, pixel_statistics

    use_backend()
    import keras

    keras.config.set_floatx(precision)
    data = load_cifar10()
    images = data.train.images[: STEPS * BATCH_SIZE]
    batches = EpochBatches(
        images, data.train.labels[: len(images)], batch_size=BATCH_SIZE, seed=0, epoch=0
    )
    is_plain = way in ("plain", "nudged")
    model = (plain_model if is_plain else course_model)(data, network, optimizer)
    if way == "nudged":
        model.set_weights(
            [weight * (1 + np.finfo(precision).eps) for weight in model.get_weights()]
        )
    mean, variance = map(np.array, pixel_statistics(data.train.images))
    found = []
    for number in range(STEPS):
        pixels, labels = batches[number]
        if is_plain:
            pixels = ((pixels - mean) / np.sqrt(variance)).astype(precision)
        found.append(float(model.train_on_batch(pixels, labels)))
    return found


def plain_model(data, network: str, optimizer: str):
    """Return the network of a tutorial, compiled, with the weights that all ways start from."""
    model = plain_network(data.train.images.shape[1:], network)
    start(model)
    return compiled(model, optimizer, from_logits=False)


def course_model(data, network: str, optimizer: str):
    """Return the course's network, compiled, with the same weights."""
    from helpers.models import deep_mlp, logits_of
    from helpers.training.networks import scaling

    model = deep_mlp(**NETWORKS[network], **scaling(data), seed=0)
    start(model)
    return compiled(logits_of(model), optimizer, from_logits=True)


def start(model) -> None:
    """Give each dense layer a kernel that follows from its place and shape alone."""
    import keras

    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for place, layer in enumerate(dense):
        shape = layer.kernel.shape
        kernel = np.random.default_rng(place).normal(scale=np.sqrt(2 / shape[0]), size=shape)
        layer.kernel.assign(kernel)


def compiled(model, optimizer: str, from_logits: bool):
    """Return the model, compiled as both ways do it."""
    import keras

    kinds = {"nadam": keras.optimizers.Nadam(RATE), "sgd": keras.optimizers.SGD(10 * RATE)}

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(kinds[optimizer], loss)
    return model


def main() -> None:
    """Read the command line, run every way in a process of its own, and keep the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(losses(*options.one)))
        return
    rows, lines = [], [f"{'largest relative difference within steps':40} {SHOWN}"]
    for case in CASES:
        for network in NETWORKS:
            found = {way: np.array(losses_of(way, network, *case)) for way in WAYS}
            for way in list(WAYS)[1:]:
                differences = np.abs(found[way] - found["plain"]) / found["plain"]
                largest = {str(steps): float(differences[:steps].max()) for steps in SHOWN}
                rows.append(
                    {
                        "precision": case[0],
                        "optimizer": case[1],
                        "network": network,
                        "way": way,
                        "largest": largest,
                    }
                )
                shown = "  ".join(f"{value:.1e}" for value in largest.values())
                lines.append(f"{', '.join(case)}, {network}, {way}".ljust(40) + shown)
    write(
        "same_losses",
        about() | {"data": load_cifar10().name, "steps": STEPS, "rows": rows},
        "\n".join(lines),
    )


def losses_of(way: str, network: str, precision: str, optimizer: str) -> list[float]:
    """Return the losses of one way, from a process of its own."""
    command = [str(Path(__file__)), "--one", way, network, precision, optimizer]
    return in_a_process(*command, COURSE_BACKEND=WAYS[way], JAX_ENABLE_X64="1")


if __name__ == "__main__":
    main()
