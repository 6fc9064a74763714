"""Make the recorded results again: the search for each rate, then every variant with every seed.

    python recorded/make.py search
    python recorded/make.py runs --seeds 0 1 2 3 4
    python recorded/make.py ablation
    python recorded/make.py averaging --seeds 3 4
    python recorded/make.py networks
    python recorded/make.py toolkit
    python recorded/make.py minutes --profiles ci quick
    python recorded/make.py memory

Runs land in the run store as they end, so a stopped call goes on where it was when it is made
again. Only then are they written here. Both take hours on TensorFlow; COURSE_BACKEND=jax is faster.

The networks are the small ones of the labs. They train on digits in a minute, and are kept beside
the labs in ``helpers``, so that they travel with the package. So is what the Model Optimization
Toolkit, which must be installed (README.md), made of one of them. So are the minutes, which is how
long each notebook takes: let nothing else run meanwhile. Memory is the most that its kernel
holds, and with it the processor's seconds, which is what Binder counts.
"""

import argparse
import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

from averaging import LAST, MEMBERS, averaging_results  # beside this file
from chapter_memory import record_memory
from chapter_minutes import record_minutes

from helpers import machine
from helpers.backend import backend_name
from helpers.datasets import load_cifar10, load_digits
from helpers.evaluation import accuracy, ensemble, mc_dropout, predict_probabilities
from helpers.files import replacing
from helpers.jobs import use_one_thread
from helpers.labs.trained import (
    FOLDER,
    NETWORKS,
    network_document,
    pack_parameters,
    standardized,
    trained_network,
)
from helpers.models import VARIANTS, logits_of
from helpers.profiles import PROFILES, get_profile
from helpers.theory.network import Parameters, forward
from helpers.training import RunStore, search_rate, train
from helpers.training.networks import network_for, scaling
from helpers.training.rates import best_rate
from helpers.training.store import RECORDED_RUNS
from helpers.training.sweep import sweep
from helpers.training.sweep_spec import PlannedRun, read_spec

HERE = Path(__file__).resolve().parent

# Strong enough to show in a histogram of the weights, weak enough to leave the accuracy close.
REGULARIZATION = {
    "plain": {},
    "dropout-0.2": {"dropout": 0.2},
    "dropout-0.5": {"dropout": 0.5},
    "dropout-0.8": {"dropout": 0.8},
    "l1": {"l1": 1e-4},
    "l2": {"l2": 1e-3},
}
NETWORK = {"depth": 2, "width": 100, "activation": "relu", "initializer": "he_normal", "seed": 0}
FIT = {"batch_size": 32, "epochs": 100}
ADAM_RATE = 1e-3
PRUNING = {"target": 0.9, "epochs": 20, "batch_size": 32, "learning_rate": 1e-3, "seed": 0}


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=list(COMMANDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--chapters", nargs="+", default=[], help="minutes, memory: default all")
    parser.add_argument("--profiles", nargs="+", default=list(PROFILES), choices=list(PROFILES))
    parser.add_argument("--store", help="folder of runs (default: the course's own)")
    options = parser.parse_args()
    COMMANDS[options.what](options)


def search(options) -> None:
    """Search the rate of every variant."""
    record_search(_cifar10(), RunStore(options.store))


def runs(options) -> None:
    """Train the variants at full length."""
    record_runs(_cifar10(), RunStore(options.store), options.seeds, options.variants)


def ablation(options) -> None:
    """Train the recipe with one ingredient out, changed or added."""
    use_one_thread()
    record_ablation(_cifar10(), RunStore(options.store), HERE / "ablation.yaml")


def averaging(options) -> None:
    """Average the weights and the predictions of several epochs of the recipe."""
    use_one_thread()
    data = _cifar10()
    rows = averaging_results(data, RunStore(options.store), options.seeds)
    about = _about(data, f"averaging --seeds {' '.join(map(str, options.seeds))}")
    _write(HERE / "averaging.json", about | {"epochs": LAST, "members": MEMBERS, "rows": rows})


def networks(_options) -> None:
    """Train the small networks of the labs."""
    record_networks(load_digits())


def minutes(options) -> None:
    """Measure how long the notebooks take."""
    record_minutes(options.chapters, options.profiles, _cifar10().name)


def memory(options) -> None:
    """Measure how much memory and how much of the processor the notebooks take."""
    record_memory(options.chapters, _cifar10().name)


def toolkit(_options) -> None:
    """Prune the labs' plain network with the Model Optimization Toolkit."""
    record_pruning(load_digits())


def _cifar10():
    data = load_cifar10()
    if data.is_stand_in:
        sys.exit("recorded/ holds results on CIFAR-10 only: set CIFAR10_DIR.")
    return data


def record_search(data, store: RunStore) -> None:
    """Search the rate of every variant that is trained, and write all results to one file."""
    results = []
    for variant in VARIANTS.values():
        if variant.monte_carlo_of is None:
            found = search_rate(variant, data, "full", store=store)
            print(f"{variant.name}: {best_rate(found):g}", flush=True)
            results += found
    document = {
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "profile": "full",
        "seed": 0,
        "command": f"{_backend()}python recorded/make.py search",
        "results": results,
    }
    _write(HERE / "rate_search.json", document)


def record_ablation(data, store: RunStore, file: Path) -> None:
    """Train what is missing of the ablation, and write the validation accuracy of each run."""
    plan = read_spec(file)
    done = sweep(plan, data, store, workers=1, say=lambda line: print(line, flush=True))
    if done.failures:
        sys.exit("\n".join(done.failures.values()))
    names = ("seed", "validation_accuracy", "epochs", "best_epoch", "ended")
    results = []
    for place, run in done.documents.items():
        results.append({"changes": plan[place].changes} | {name: run[name] for name in names})
        if "dropout" in plan[place].variant.network:
            results[-1]["mc_validation_accuracy"] = asked_often(plan[place], data, store)
    document = _about(data, "ablation") | {"variant": "best", "results": results}
    _write(HERE / "ablation.json", document)


def asked_often(planned: PlannedRun, data, store: RunStore) -> float:
    """Return the validation accuracy of a run by MC dropout."""
    profile = get_profile(planned.profile)
    run = train(planned.variant, data, profile, planned.seed, store=store)  # from the store
    images, labels = data.validation
    return accuracy(ensemble(mc_dropout(run.model(), images, profile.mc_passes)), labels)


def _about(data, command: str) -> dict:
    return {
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "profile": "full",
        "versions": machine.versions(),
        "hardware": machine.hardware(),
        "command": f"{_backend()}python recorded/make.py {command}",
    }


def record_runs(data, store: RunStore, seeds: list[int], variants: list[str]) -> None:
    """Train every variant with every seed, and write each run's document to a file."""
    for seed in seeds:
        for name in variants:
            run = train(name, data, "full", seed, store=store)
            print(run, flush=True)
            if run.ended == "interrupted":
                sys.exit("interrupted: make the same call again, and it goes on.")
            command = f"{_backend()}course train --variant {name} --profile full --seed {seed}"
            folder = HERE / RECORDED_RUNS[backend_name()]
            _write(folder / f"{name}-seed{seed}.json", run.document | {"command": command})


def record_networks(data) -> None:
    """Train the labs' networks on digits; write weights and document of each."""
    mean, variance = (values[0] for values in scaling(data).values())
    splits = {name: getattr(data, name) for name in ("train", "validation", "test")}
    for name in NETWORKS:
        parameters, loss = train_network(data, **REGULARIZATION[name])
        content = pack_parameters(parameters)
        document = {
            "name": name,
            "title": NETWORKS[name],
            "network": NETWORK,
            "regularization": REGULARIZATION[name],
            "fit": {**FIT, "optimizer": "adam", "learning_rate": ADAM_RATE},
            "training_loss": loss,
            "data": data.name,
            "data_fingerprint": data.fingerprint,
            "images": {part: len(split.labels) for part, split in splits.items()},
            "standardization": {"mean": mean, "variance": variance},
            "versions": machine.versions(),
            "hardware": machine.hardware(),
            "command": f"{_backend()}python recorded/make.py networks",
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        document["accuracy"] = {
            part: network_accuracy(parameters, split, document) for part, split in splits.items()
        }
        with replacing(FOLDER / f"{name}.npz") as temporary:
            temporary.write_bytes(content)
        _write(FOLDER / f"{name}.json", document)
        print(f"{name}: {document['accuracy']}, {len(content):,} bytes", flush=True)


def network_accuracy(parameters: Parameters, split, document: dict) -> float:
    """Return the share of a split's images that a network with this scaling gets right."""
    logits = forward(standardized(split.images, document), parameters, "relu").logits
    return float((logits.argmax(axis=1) == split.labels).mean())


def train_network(data, dropout=None, l1=0.0, l2=0.0) -> tuple[Parameters, float]:
    """Return the weights of a network trained with Keras on all training digits, and its loss."""
    import keras

    keras.utils.set_random_seed(NETWORK["seed"])
    drop = {"dropout": "dropout", "dropout_rate": dropout, "dropout_place": "hidden"}
    network = network_for(data, **NETWORK, **(drop if dropout else {}))
    dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    if l1 or l2:
        for layer in dense:
            layer.kernel.regularizer = keras.regularizers.L1L2(l1, l2)
    model = logits_of(network)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(ADAM_RATE), loss)
    history = model.fit(data.train.images, data.train.labels, verbose=0, **FIT).history
    weights = [layer.get_weights() for layer in dense]
    kernels, biases = ([pair[place] for pair in weights] for place in (0, 1))
    return Parameters(kernels, biases), history["loss"][-1]


def record_pruning(data) -> None:
    """Let the toolkit prune the plain network on all training digits; write what it did."""
    from helpers.sparsity.toolkit import RECORDED, pack_pruning, prune_with_toolkit

    network = stored_network(data)
    before = test_accuracy(network, data)
    pruning = prune_with_toolkit(network, data.train.images, data.train.labels, **PRUNING)
    content = pack_pruning(pruning)
    versions = {name: version(name) for name in ("tensorflow-model-optimization", "tf_keras")}
    document = {
        "network": network_document("plain")["sha256"],
        "settings": PRUNING,
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "test_accuracy": {"before": before, "after": test_accuracy(network, data)},
        "versions": machine.versions() | versions,
        "hardware": machine.hardware(),
        "command": "python recorded/make.py toolkit",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    with replacing(RECORDED.with_suffix(".npz")) as temporary:
        temporary.write_bytes(content)
    _write(RECORDED, document)
    print(f"{pruning}, test accuracy {document['test_accuracy']}, {len(content):,} bytes")


def stored_network(data):
    """Return the labs' plain network as a Keras network, with the weights that are stored."""
    network = network_for(data, **NETWORK)
    parameters = trained_network("plain")
    network.set_weights([array for pair in zip(*parameters, strict=True) for array in pair])
    return network


def test_accuracy(network, data) -> float:
    """Return the share of the test images that a Keras network gets right."""
    return accuracy(predict_probabilities(network, data.test.images), data.test.labels)


def _backend() -> str:
    chosen = os.environ.get("COURSE_BACKEND")
    return f"COURSE_BACKEND={chosen} " if chosen else ""


def _write(file: Path, document: dict) -> None:
    """Write JSON with a line for each entry, which diffs better than one line or thousands."""
    lines = [f" {json.dumps(name)}: {json.dumps(document[name])}" for name in sorted(document)]
    with replacing(file) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


#: What can be made, by its name on the command line; each takes the parsed options.
COMMANDS = {
    "search": search,
    "runs": runs,
    "ablation": ablation,
    "averaging": averaging,
    "networks": networks,
    "toolkit": toolkit,
    "minutes": minutes,
    "memory": memory,
}

if __name__ == "__main__":
    main()
