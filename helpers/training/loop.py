"""``train``: one variant, one data set, one budget, one seed; a ``Run`` comes back."""

import math
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from helpers import evaluation, machine
from helpers.arguments import Instance, Maybe, Number, Whole, takes
from helpers.arguments.arrays import FLAG
from helpers.backend import use_backend
from helpers.datasets import Dataset, take
from helpers.datasets.dataset import DATASET
from helpers.models import Variant, create_variables, deep_mlp, get_variant, logits_of
from helpers.names import shown
from helpers.profiles import Profile, get_profile
from helpers.training.batches import EpochBatches, feed, steps_per_epoch
from helpers.training.checkpoint import Checkpoint, State, restore, variables_of
from helpers.training.execution import compile_options, keep_compiled
from helpers.training.interrupts import between_steps, held_back
from helpers.training.networks import scaling
from helpers.training.progress import Progress, step_clock
from helpers.training.store import RunStore, weights_sha256

# Raise it when a change to this package changes what a run gives: stored runs are made anew then.
REVISION = 1


@dataclass(frozen=True)
class Run:
    """What came of one training.

    Attributes:
        document: everything that is known of it, as plain values (see ``CONTRIBUTING.md``).
        weights: of the best epoch, as ``Model.get_weights`` gives them.
        from_store: whether it had been trained before.
    """

    document: dict
    weights: list[np.ndarray]
    from_store: bool

    def __getattr__(self, name: str):
        if name.startswith("__") or name not in self.document:
            raise AttributeError(f"a Run has no {name!r}; it has {', '.join(self.document)}.")
        return self.document[name]

    def model(self):
        """Return the trained ``keras.Sequential``, with the weights of its best epoch."""
        model = _build(get_variant(self._variant()), self.document["pixel_statistics"])
        model.set_weights(self.weights)
        return model

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return probabilities ``float32 (n, 10)``, by this variant's own way of predicting."""
        return _predict(self.model(), self._variant(), images, self.document["mc_passes"])

    def _variant(self) -> Variant:
        return Variant(title=self.document["title"], **self.document["settings"])

    def __repr__(self) -> str:
        document = self.document
        return (
            f"{document['title']} on {document['data']}, {document['profile']}, seed "
            f"{document['seed']}: validation accuracy {document['validation_accuracy']:.4f} "
            f"(best of {document['epochs']} epochs: {document['best_epoch']}), "
            f"test accuracy {document['test_accuracy']:.4f}"
        )


@takes(
    data=DATASET,
    batch_size=Maybe(Whole()),
    learning_rate=Maybe(Number("(0, inf)")),
    store=Maybe(Instance(RunStore, expected="a RunStore")),
    progress=FLAG,
)
def train(
    variant: str | Variant,
    data: Dataset,
    profile: str | Profile | None = None,
    seed: int = 0,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    store: RunStore | None = None,
    progress: bool = True,
) -> Run:
    """Train a variant, or return what came of it when it was trained before.

    The weights kept are those of the epoch with the highest validation accuracy. The test images
    are used once, after that choice. An interrupt ends the training after the last whole epoch
    and gives what there is by then; so does the Stop button, at the end of the present epoch. That
    is no finished run and is not stored as one; but called again, after an interrupt or a kill,
    ``train`` goes on after that epoch and ends with the same bits as a run that was never cut off
    (on one machine and backend). While another process trains the same run, this one waits, and
    returns what came of it.

    Args:
        variant: a name in ``helpers.models.VARIANTS``, or a ``Variant`` of your own.
        data: from ``load_cifar10`` or ``make_stand_in``.
        profile: the budget; by default the one in force.
        seed: of weights, order of images, augmentation and dropout.
        epochs, batch_size, learning_rate: instead of the profile's and the variant's.
        store: where finished runs are kept; by default in ``course_home()``.
        progress: whether to show a bar and, in a notebook, live curves.

    Raises:
        ValueError: for an unknown variant or profile, or a number out of its range.
        KeyboardInterrupt: when interrupted before the first epoch ended, or after the last one,
            while the run is evaluated and stored. What was trained is kept, see above.
    """
    profile = profile if isinstance(profile, Profile) else get_profile(profile)
    changes = {"batch_size": batch_size, "learning_rate": learning_rate}
    variant = get_variant(variant, **{k: v for k, v in changes.items() if v is not None})
    identity = run_identity(variant, data, profile, seed, epochs)
    epochs, store, data = identity["epochs"], store or RunStore(), take(data, profile)
    with store.lock(identity):
        stored = store.load(identity)
        if stored:
            return Run(*stored, from_store=True)
        if variant.monte_carlo_of:
            document, model = _monte_carlo(variant, data, profile, seed, epochs, store, progress)
        else:
            checkpoint = Checkpoint(store.checkpoint_path(identity))
            document, model = _fit(variant, data, profile, seed, epochs, progress, checkpoint)
        weights = model.get_weights()
        document |= {"peak_memory_mib": round(machine.peak_memory_mib()), "finished": _now()}
        document |= _results(model, variant, data, profile)
        document["weights_sha256"] = weights_sha256(weights)
        if document["ended"] != "interrupted":
            _keep(store, identity, document, weights)
    return Run(document, weights, from_store=False)


def _monte_carlo(variant, data, profile, seed, epochs, store, progress) -> tuple[dict, object]:
    """Return the document and the network of the variant that this one predicts with."""
    base_variant = get_variant(variant.monte_carlo_of)
    base_variant = replace(
        variant, name=base_variant.name, title=base_variant.title, monte_carlo_of=None
    )
    base = train(base_variant, data, profile, seed, epochs=epochs, store=store, progress=progress)
    if base.ended == "interrupted":
        print(f"{variant.name} predicts with an interrupted training.", file=sys.stderr)
    return base.document | _description(variant, data, profile, seed), base.model()


def _keep(store: RunStore, identity: dict, document: dict, weights: list) -> None:
    try:
        store.save(identity, document, weights)
    except OSError as error:
        print(f"The run could not be kept in {store.folder}: {error}.", file=sys.stderr)
    else:
        Checkpoint(store.checkpoint_path(identity)).remove()


def _epochs(variant: Variant, profile: Profile, asked: int | None) -> int:
    if asked is None:
        return min(profile.epochs, variant.one_cycle_epochs or profile.epochs)
    if not isinstance(asked, int) or asked < 1:
        raise ValueError(f"epochs must be a whole number of at least 1, got {shown(asked)}.")
    return asked


def _validate(variant: Variant, seed: int) -> None:
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be a whole number in 0 ... 2**32 - 1, got {shown(seed)}.")
    if not (variant.learning_rate > 0 and math.isfinite(variant.learning_rate)):
        raise ValueError(f"learning_rate must be above 0, got {variant.learning_rate!r}.")


def run_identity(
    variant: Variant, data: Dataset, profile: Profile, seed: int, epochs: int | None = None
) -> dict:
    """Return everything that a run's result depends on; the run store's key is made from it.

    Args:
        variant: with its own settings or changed ones.
        data: all of it; the run takes what the profile uses.
        profile: the budget.
        seed: as for :func:`train`.
        epochs: instead of the profile's.

    Raises:
        ValueError: as ``train``.
    """
    _validate(variant, seed)
    return {
        "settings": variant.settings(),
        "data": take(data, profile).fingerprint,
        "profile": profile.name,
        "patience": profile.patience,
        "mc_passes": profile.mc_passes,
        "epochs": _epochs(variant, profile, epochs),
        "seed": int(seed),
        "versions": machine.versions(),
        "revision": REVISION,
    }


def _description(variant, data, profile, seed) -> dict:
    return {
        "variant": variant.name,
        "title": variant.title,
        "settings": variant.settings(),
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "images": {split: len(getattr(data, split).images) for split in SPLITS},
        "profile": profile.name,
        "mc_passes": profile.mc_passes,
        "seed": int(seed),
        "backend": use_backend(),
        "versions": machine.versions(),
        "hardware": machine.hardware(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


SPLITS = ("train", "validation", "test")


def _results(model, variant: Variant, data: Dataset, profile: Profile) -> dict:
    """Return the figures of the best epoch's weights; the one place that looks at the test set."""
    results = {}
    for split in ("validation", "test"):
        images, labels = getattr(data, split)
        with held_back():
            probabilities = _predict(model, variant, images, profile.mc_passes)
        results[f"{split}_accuracy"] = evaluation.accuracy(probabilities, labels)
        results[f"{split}_loss"] = evaluation.cross_entropy(probabilities, labels)
    return results


def _build(variant: Variant, statistics: dict | None, seed: int | None = None):
    return deep_mlp(**variant.network, **(statistics or {}), seed=seed)


def _predict(model, variant: Variant, images, passes: int) -> np.ndarray:
    if variant.monte_carlo_of:
        return evaluation.ensemble(evaluation.mc_dropout(model, images, passes))
    if variant.augment:
        return evaluation.predict_views(model, images)
    return evaluation.predict_probabilities(model, images)


def make_optimizer(variant: Variant, rate):
    """Return the variant's Keras optimizer at ``rate``, a number or a schedule."""
    from keras import optimizers

    rate = float(rate) if isinstance(rate, int) else rate  # Keras takes no whole number
    match variant.optimizer:
        case "nadam":
            return optimizers.Nadam(rate, weight_decay=variant.weight_decay)
        case "sgd":
            return optimizers.SGD(
                rate, momentum=0.9, nesterov=True, weight_decay=variant.weight_decay
            )
    raise ValueError(f"unknown optimizer {variant.optimizer!r}. Known: nadam, sgd.")


def _learning_rate(variant: Variant, total_steps: int):
    from helpers.training.schedules import OneCycle

    rate = variant.learning_rate
    return OneCycle(rate, total_steps) if variant.one_cycle_epochs else rate


def _fit(variant, data, profile, seed, epochs, shown, checkpoint) -> tuple[dict, object]:
    """Train, and return a document with the history, and the network of the best epoch."""
    with held_back():
        trained, model, state = _prepared(variant, data, profile, seed, epochs, checkpoint)
    steps = steps_per_epoch(len(data.train.images), variant.batch_size)
    bar = Progress(f"{variant.name}, seed {seed}", steps, epochs, shown)
    bar.start_at(len(state.document["history"]["loss"]))
    patience = math.inf if variant.one_cycle_epochs else profile.patience
    try:
        state = _epoch_loop(
            trained, model, variant, data, seed, epochs, patience, state, checkpoint, bar
        )
    finally:
        bar.close()
    model.set_weights(state.weights)
    return state.document, model


def _prepared(variant, data, profile, seed, epochs, checkpoint) -> tuple[object, object, State]:
    """Return the compiled network, the one with probabilities on the same weights, and the state
    to go on from."""
    backend = use_backend()
    import keras

    keras.utils.clear_session()
    keep_compiled(backend)
    statistics = scaling(data) if variant.standardize else None
    steps = steps_per_epoch(len(data.train.images), variant.batch_size)
    model = _build(variant, statistics, seed)
    trained = logits_of(model)
    trained.compile(
        optimizer=make_optimizer(variant, _learning_rate(variant, steps * epochs)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **compile_options(backend, steps),
    )
    create_variables(trained, len(data.class_names))
    state = _resumed(trained, checkpoint) or State(
        _description(variant, data, profile, seed)
        | {
            "pixel_statistics": statistics,
            "parameters": model.count_params(),
            "planned_epochs": epochs,
            "history": {name: [] for name in HISTORY},
        },
        best=-1,
        weights=[],
        variables=[],
    )
    return trained, model, state


def _resumed(trained, checkpoint: Checkpoint) -> State | None:
    """Put the network where an earlier process left it, and return the state, if there is one."""
    state = checkpoint.read()
    if state is None:
        return None
    try:
        (done,) = {len(state.document["history"][name]) for name in HISTORY}
        restore(trained, state.variables)
    except (KeyError, ValueError) as error:
        print(
            f"{checkpoint.path} is of another version of the course ({error!r}): "
            "the run starts over.",
            file=sys.stderr,
        )
        return None
    print(f"Going on after epoch {done}, from {checkpoint.path}.", file=sys.stderr)
    return state


HISTORY = (
    "loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "seconds",
)


def _epoch_loop(
    trained, model, variant, data, seed, epochs, patience, state, checkpoint, bar
) -> State:
    """Run the epochs that are left, and return the state after the last one."""
    first, clock = len(state.document["history"]["loss"]), step_clock(bar)
    ended = state.document.get("ended")
    try:
        for epoch in range(first, 0 if ended else epochs):
            with held_back() as take:
                logs, seconds, compiling = _one_epoch(
                    trained, variant, data.train, seed, epoch, clock, take, first=epoch == first
                )
                figures = _figures(trained, model, data.validation, logs, seconds)
                state = _after(state, figures, compiling, model, trained, epochs, patience)
                checkpoint.keep(state)
            bar.epoch_ended(state.document)
            if state.document.get("ended"):
                break
            if bar.stop_asked:
                raise KeyboardInterrupt  # as an interrupt, but where no step is lost
    except KeyboardInterrupt:
        if not state.weights:
            raise
        done = len(state.document["history"]["loss"])
        print(f"Interrupted: keeping the {done} epochs so far.", file=sys.stderr)
        # Another document: the one that the checkpoint holds is of a run that goes on.
        state = state._replace(document=state.document | {"ended": "interrupted"})
    finally:
        checkpoint.flush()
    return state


def _figures(trained, model, validation, logs: dict, seconds: float) -> dict[str, float]:
    """Return one epoch's entry of the history."""
    probabilities = evaluation.predict_probabilities(model, validation.images)
    values = (
        logs["loss"],
        logs["accuracy"],
        evaluation.cross_entropy(probabilities, validation.labels),
        evaluation.accuracy(probabilities, validation.labels),
        float(trained.optimizer.learning_rate),
        seconds,
    )
    return dict(zip(HISTORY, values, strict=True))


def _after(state: State, figures, compiling, model, trained, epochs, patience) -> State:
    """Return the state after one more epoch. The one before stays as it is: an interrupt in here
    must not leave half an epoch in it."""
    before = state.document["history"]
    history = {name: [*before[name], figures[name]] for name in HISTORY}
    epoch = len(before["loss"])
    best, weights = state.best, state.weights
    if best < 0 or figures["validation_accuracy"] > before["validation_accuracy"][best]:
        best, weights = epoch, model.get_weights()
    document = state.document | {
        "history": history,
        "epochs": epoch + 1,
        "best_epoch": best + 1,
        "seconds_per_epoch": float(np.median(history["seconds"])),
    }
    document.setdefault("compile_seconds", compiling)
    if not math.isfinite(figures["loss"]):
        document["ended"] = "diverged"
    elif epoch - best >= patience:
        document["ended"] = "early stopping"
    elif epoch + 1 == epochs:
        document["ended"] = "all epochs"
    return State(document, best, weights, variables_of(trained))


def _one_epoch(
    trained, variant, split, seed, epoch, clock, take, first: bool
) -> tuple[dict, float, float]:
    """Train one epoch; return its logs, its seconds without compiling, and those of compiling.

    Compiling is what the first call of steps took longer than the median of the others.
    """
    started = time.perf_counter()
    batches = EpochBatches(
        *split, batch_size=variant.batch_size, seed=seed, epoch=epoch, augment=variant.augment
    )
    callbacks = [clock, between_steps(take)]
    fed = feed(batches, trained.steps_per_execution)
    logs = trained.fit(fed, shuffle=False, verbose=0, callbacks=callbacks).history
    seconds = time.perf_counter() - started
    calls = np.diff([started, *clock.ended_at])
    compiling = 0.0
    if first and len(calls) > 1:
        compiling = max(0.0, float(calls[0] - np.median(calls[1:])))
    return {name: values[0] for name, values in logs.items()}, seconds - compiling, compiling
