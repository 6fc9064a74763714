"""What ``train`` gives, keeps, repeats and survives, on a network of two layers."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_disk import files_end_at

from helpers.backend import backend_name
from helpers.datasets import make_stand_in
from helpers.models import VARIANTS, get_variant
from helpers.profiles import Profile
from helpers.training import RunStore, stored_runs, train
from helpers.training.batches import EpochBatches, feed, pixel_statistics
from helpers.training.checkpoint import Checkpoint, State
from helpers.training.execution import steps_per_execution
from helpers.training.schedules import ExponentialRise, OneCycle

SMALL = {"depth": 2, "width": 16}
CUTS = 200  # of a stored run's files, each met by train
TINY = Profile("tiny", epochs=3, patience=9, train_images=256, validation_images=64, test_images=64)


@pytest.fixture(scope="module")
def data():
    return make_stand_in(300, 80, 80, seed=0)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A store with one run of the small ELU network; tests work on a copy."""
    store = RunStore(tmp_path_factory.mktemp("trained"))
    go(small("elu"), data, store)
    return store


def copied(trained, store):
    shutil.copytree(trained.folder, store.folder)
    return store


def small(name: str, **changes):
    variant = get_variant(name)
    return get_variant(variant, network=variant.network | SMALL, **changes)


def go(variant, data, store, profile=TINY, seed=0, **options):
    return train(variant, data, profile, seed, store=store, progress=False, **options)


# --- batches ---------------------------------------------------------------------------------


def test_an_epoch_holds_each_image_at_most_once_in_whole_batches(data):
    images, labels = data.train
    batches = EpochBatches(images, labels, batch_size=64, seed=1, epoch=0)
    assert len(batches) == 4
    seen = np.concatenate([batches.order[i] for i in range(4)])
    assert len(set(seen)) == 256
    first_images, first_labels = batches[0]
    assert first_images.dtype == np.uint8 and np.array_equal(first_labels, labels[seen[:64]])


def test_batches_depend_on_seed_epoch_and_number_only(data):
    def batch(seed, epoch, number):
        made = EpochBatches(*data.train, batch_size=32, seed=seed, epoch=epoch, augment=True)
        return made[number][0]

    assert np.array_equal(batch(1, 2, 3), batch(1, 2, 3))
    for other in ((0, 2, 3), (1, 0, 3), (1, 2, 0)):
        assert not np.array_equal(batch(1, 2, 3), batch(*other))


@pytest.mark.parametrize("size", [0, 301])
def test_a_batch_that_cannot_be_filled_is_refused(data, size):
    with pytest.raises(ValueError, match=r"batch_size must lie in 1 \.\.\. 300"):
        EpochBatches(*data.train, batch_size=size, seed=0, epoch=0)


def test_tensorflow_is_fed_the_same_batches_and_waits_for_no_tuning(data):
    batches = EpochBatches(*data.train, batch_size=64, seed=1, epoch=0, augment=True)
    fed = feed(batches, ahead=3)
    if backend_name() == "jax":
        assert fed is batches
        return
    pairs = list(zip(fed.as_numpy_iterator(), batches, strict=True))
    assert len(pairs) == len(fed) == 4
    for got, expected in pairs:
        assert all(map(np.array_equal, got, expected))
    assert fed.options().autotune.enabled is False


def test_pixel_statistics_are_numpys(data):
    images = data.train.images
    mean, variance = pixel_statistics(images)
    assert np.allclose(mean, images.mean(axis=(0, 1, 2)))
    assert np.allclose(variance, images.var(axis=(0, 1, 2)))


# --- schedules -------------------------------------------------------------------------------


def test_one_cycle_rises_peaks_and_ends_low():
    schedule = OneCycle(0.1, total_steps=1000)
    rates = np.array([float(schedule(step)) for step in (0, 150, 300, 650, 1000, 5000)])
    expected = [0.004, 0.052, 0.1, 0.1 * (0.5 + 0.5e-4), 1e-5, 1e-5]
    assert np.allclose(rates, expected, rtol=1e-3)


def test_the_range_test_rises_by_one_factor():
    schedule = ExponentialRise(1e-4, 1.0, total_steps=5)
    assert np.allclose([float(schedule(step)) for step in range(5)], [1e-4, 1e-3, 1e-2, 0.1, 1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: OneCycle(0, 10),
        lambda: OneCycle(0.1, 0),
        lambda: OneCycle(0.1, 10, warm_up=1),
        lambda: ExponentialRise(1, 1, 10),
        lambda: ExponentialRise(0.1, 1, 1),
    ],
)
def test_impossible_schedules_are_refused(make):
    with pytest.raises(ValueError, match="takes"):
        make()


def test_one_cycle_steps_per_batch(data, store):
    run = go(small("1cycle", batch_size=64, one_cycle_epochs=3), data, store)
    expected = [float(OneCycle(VARIANTS["1cycle"].learning_rate, 12)(step)) for step in (4, 8, 12)]
    assert np.allclose(run.history["learning_rate"], expected, rtol=1e-4)


# --- executing -------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "size"), [(15, 1), (47, 1), (1406, 19), (351, 13), (48, 24)])
def test_steps_a_call_divide_an_epoch_as_well_as_they_can(steps, size):
    assert steps_per_execution(steps) == size


def test_every_step_is_taken_when_calls_do_not_divide_the_epoch(data, store):
    """62 steps in calls of 20 leave 2 over: Nadam must have stepped for these too."""
    from helpers.training import loop

    kept = []
    original = loop._epoch_loop

    def watching(trained, *arguments):
        result = original(trained, *arguments)
        kept.append(int(trained.optimizer.iterations))
        return result

    profile = replace(TINY, epochs=2, train_images=248)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_epoch_loop", watching)
        go(small("elu", batch_size=4), data, store, profile)
    assert steps_per_execution(62) == 20 and kept == [124]


# --- train -----------------------------------------------------------------------------------


def test_a_run_says_all_it_must(data, store):
    run = go(small("elu"), data, store)
    for name in [
        "variant",
        "data",
        "profile",
        "seed",
        "backend",
        "epochs",
        "validation_accuracy",
        "test_accuracy",
        "seconds_per_epoch",
        "compile_seconds",
        "peak_memory_mib",
        "weights_sha256",
        "best_epoch",
        "versions",
        "hardware",
    ]:
        assert run.document[name] is not None
    assert run.variant == "elu" and run.profile == "tiny" and run.epochs == 3
    assert run.data == "stand-in (not CIFAR-10)"
    assert all(len(values) == 3 for values in run.history.values())
    assert run.images == {"train": 256, "validation": 64, "test": 64}
    assert "stand-in (not CIFAR-10)" in repr(run)


def test_the_best_epoch_is_kept_and_its_network_gives_the_figures_again(data, store):
    run = go(small("bn", learning_rate=0.02), data, store, replace(TINY, epochs=6))
    accuracies = run.history["validation_accuracy"]
    assert run.best_epoch == 1 + int(np.argmax(accuracies))
    assert run.validation_accuracy == pytest.approx(max(accuracies))
    images, labels = data.test.images[:64], data.test.labels[:64]
    assert (run.predict(images).argmax(1) == labels).mean() == pytest.approx(run.test_accuracy)


def test_training_learns(data, store):
    losses = go(small("elu", learning_rate=3e-3), data, store, replace(TINY, epochs=8)).history[
        "loss"
    ]
    assert losses[-1] < 0.9 * losses[0]


def test_the_same_run_is_read_back_not_repeated(data, store, monkeypatch):
    first = go(small("bn"), data, store)
    monkeypatch.setattr("helpers.training.loop._fit", None)  # training now would fail
    again = go(small("bn"), data, store)
    assert not first.from_store and again.from_store
    assert again.document == json.loads(json.dumps(first.document))
    assert all(np.array_equal(a, b) for a, b in zip(first.weights, again.weights, strict=True))


def test_training_twice_gives_the_same_bits(data, tmp_path):
    for name in ("bn", "alpha-dropout", "best"):
        runs = [go(small(name), data, RunStore(tmp_path / f"{name}{i}")) for i in (0, 1)]
        assert runs[0].weights_sha256 == runs[1].weights_sha256, name
        assert runs[0].history["loss"] == runs[1].history["loss"]


CHANGES = {
    "seed": lambda v, d, p: ((v, d, p), {"seed": 1}),
    "learning rate": lambda v, d, p: ((get_variant(v, learning_rate=0.01), d, p), {}),
    "batch size": lambda v, d, p: ((v, d, p), {"batch_size": 16}),
    "network": lambda v, d, p: ((get_variant(v, network=v.network | {"width": 9}), d, p), {}),
    "epochs": lambda v, d, p: ((v, d, p), {"epochs": 2}),
    "profile": lambda v, d, p: ((v, d, replace(p, name="other")), {}),
    "number of images": lambda v, d, p: ((v, d, replace(p, train_images=200)), {}),
    "images": lambda v, d, p: ((v, make_stand_in(300, 80, 80, seed=1), p), {}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_setting_or_data_set_is_a_new_run(change, data, trained, store):
    variant = small("elu")
    store = copied(trained, store)
    (changed, changed_data, profile), options = change(variant, data, TINY)
    other = go(changed, changed_data, store, profile, **options)
    assert not other.from_store
    assert len(store.documents()) == 2


def test_a_changed_library_version_is_a_new_run(data, trained, store, monkeypatch):
    copied(trained, store)
    monkeypatch.setattr("helpers.machine.version", lambda name: "999")
    assert not go(small("elu"), data, store).from_store


def test_a_changed_title_is_the_same_run(data, trained, store):
    copied(trained, store)
    assert go(small("elu", title="another"), data, store).from_store


def test_early_stopping_waits_for_its_patience(data, store):
    run = go(small("elu", learning_rate=1e-9), data, store, replace(TINY, epochs=30, patience=2))
    assert run.ended == "early stopping"
    assert run.epochs == run.best_epoch + 2


def test_a_diverged_run_ends_and_says_so(data, store):
    variant = small("1cycle", learning_rate=1e12, batch_size=64, one_cycle_epochs=3)
    run = go(variant, data, store)
    assert run.ended == "diverged" and run.epochs < 3
    assert math.isfinite(run.validation_accuracy)


def test_mc_dropout_uses_the_trained_network_of_its_base(data, store):
    variants = {name: small(name) for name in ("alpha-dropout", "mc-dropout")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "alpha-dropout", variants["alpha-dropout"])
        base = go(variants["alpha-dropout"], data, store)
        run = go(variants["mc-dropout"], data, store)
    assert run.weights_sha256 == base.weights_sha256
    assert run.variant == "mc-dropout"
    assert run.test_loss != base.test_loss


def interrupt_in_epoch(monkeypatch, number):
    from helpers.training import loop

    original = loop._one_epoch

    def epoch(trained, variant, split, seed, epoch, *arguments, **options):
        if epoch == number:
            raise KeyboardInterrupt
        return original(trained, variant, split, seed, epoch, *arguments, **options)

    monkeypatch.setattr(loop, "_one_epoch", epoch)


def test_an_interrupt_gives_what_there_is_and_stores_nothing(data, store, monkeypatch, capsys):
    interrupt_in_epoch(monkeypatch, 2)
    run = go(small("elu"), data, store)
    assert run.ended == "interrupted" and run.epochs == 2
    assert len(run.history["loss"]) == 2
    assert "keeping the 2 epochs" in capsys.readouterr().err
    assert run.predict(data.test.images[:5]).shape == (5, 10)
    assert stored_runs(store.folder) == []


def test_after_an_interrupt_it_goes_on_to_the_same_bits(data, store, trained, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, 2)
        go(small("elu"), data, store)
    run = go(small("elu"), data, store)
    (never_cut,) = trained.documents()
    assert "Going on after epoch 2" in capsys.readouterr().err
    assert run.weights_sha256 == never_cut["weights_sha256"] and run.ended == "all epochs"
    same = [name for name in run.history if name != "seconds"]
    assert {name: run.history[name] for name in same} == {
        name: never_cut["history"][name] for name in same
    }


@pytest.mark.parametrize("function", ["_figures", "_after"])
def test_a_real_interrupt_waits_until_an_epoch_that_is_nearly_over_is_kept(
    function, data, store, monkeypatch
):
    from helpers.training import loop

    original, calls = getattr(loop, function), []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(loop, function, interrupted)
    run = go(small("elu"), data, store)
    assert run.ended == "interrupted" and run.epochs == 2


def test_a_real_interrupt_within_an_epoch_is_taken_between_two_steps(data, store, monkeypatch):
    batches = EpochBatches.__getitem__
    seen = []

    def interrupted(self, number):
        seen.append((self.epoch, number))
        if seen[-1] == (1, 3):
            signal.raise_signal(signal.SIGINT)
        return batches(self, number)

    monkeypatch.setattr(EpochBatches, "__getitem__", interrupted)
    run = go(small("elu", batch_size=4), data, store, replace(TINY, epochs=2))
    assert run.ended == "interrupted" and run.epochs == 1
    assert (1, 63) not in seen  # the epoch was not trained to its end


def test_an_interrupt_before_the_first_epoch_ended_has_nothing_to_give(data, store, monkeypatch):
    interrupt_in_epoch(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        go(small("elu"), data, store)


def test_an_interrupt_after_the_last_epoch_loses_no_epoch(data, store, trained, monkeypatch):
    from helpers.training import loop

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_results", interrupted)
        with pytest.raises(KeyboardInterrupt):
            go(small("elu"), data, store)
    monkeypatch.setattr(loop, "_one_epoch", None)  # another epoch now would fail
    run = go(small("elu"), data, store)
    assert run.weights_sha256 == trained.documents()[0]["weights_sha256"]


def scripted_accuracies(monkeypatch, accuracies):
    """Let the epochs have these validation accuracies, whatever the network learns."""
    from helpers.training import loop

    original = loop._after

    def after(state, figures, *arguments):
        epoch = len(state.document["history"]["loss"])
        changed = figures | {"validation_accuracy": accuracies[epoch]}
        return original(state, changed, *arguments)

    monkeypatch.setattr(loop, "_after", after)


def test_patience_goes_on_where_it_was(data, store, monkeypatch):
    scripted_accuracies(monkeypatch, [0.2, 0.5, 0.4, 0.3, 0.4, 0.3, 0.9, 0.1])
    profile = replace(TINY, epochs=8, patience=4)
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, 5)  # three epochs after the best
        assert go(small("elu"), data, store, profile).ended == "interrupted"
    run = go(small("elu"), data, store, profile)
    assert (run.ended, run.epochs, run.best_epoch) == ("early stopping", 6, 2)


def test_the_schedule_goes_on_where_it_was(data, store, monkeypatch):
    variant = small("1cycle", batch_size=64, one_cycle_epochs=3)
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, 2)
        go(variant, data, store)
    run = go(variant, data, store)
    expected = [float(OneCycle(variant.learning_rate, 12)(step)) for step in (4, 8, 12)]
    assert np.allclose(run.history["learning_rate"], expected, rtol=1e-4)


def test_a_checkpoint_of_another_version_is_named_and_the_run_starts_over(
    data, store, trained, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, 2)
        go(small("elu"), data, store)
    (file,) = store.folder.glob(".checkpoints/*.npz")
    kept = Checkpoint(file)
    state = kept.read()
    kept.keep(state._replace(variables=state.variables[1:]))
    run = go(small("elu"), data, store)
    assert f"{file} is of another version of the course" in capsys.readouterr().err
    assert run.weights_sha256 == trained.documents()[0]["weights_sha256"]


@pytest.mark.parametrize("history", [None, {}, {"loss": [1.0]}, {"loss": [1.0], "accuracy": []}])
def test_a_checkpoint_with_another_history_is_named_and_not_used(history, tmp_path, capsys):
    from helpers.training.loop import _resumed

    kept = Checkpoint(tmp_path / "run.npz")
    kept.keep(State({} if history is None else {"history": history}, 0, [], []))
    assert _resumed(None, kept) is None
    assert "is of another version of the course" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epochs": 0}, "epochs must be"),
        ({"seed": -1}, "seed must be"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": math.nan}, "learning_rate must be above 0"),
        ({"batch_size": 1000}, "batch_size must lie in"),
        ({"profile": "quik"}, "did you mean 'quick'"),
    ],
)
def test_bad_arguments_are_explained(options, said, data, store):
    options = {"profile": TINY} | options
    with pytest.raises(ValueError, match=said):
        go(small("elu"), data, store, **options)


# --- the store -------------------------------------------------------------------------------


def damaged(store, name, change):
    (file,) = store.folder.glob(f"*/{name}")
    file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize("name", ["run.json", "weights.npz"])
@pytest.mark.parametrize(
    "change",
    [lambda held: b"", lambda held: held[: len(held) // 2], lambda held: held[:-300] + b"x" * 300],
    ids=["empty", "cut", "altered"],
)
def test_a_damaged_run_is_named_and_trained_again(name, change, data, trained, store, capsys):
    (first,) = copied(trained, store).documents()
    damaged(store, name, change)
    again = go(small("elu"), data, store)
    assert not again.from_store
    assert name in capsys.readouterr().err
    assert again.weights_sha256 == first["weights_sha256"]
    assert go(small("elu"), data, store).from_store


def test_train_never_uses_a_file_cut_at_any_byte(data, trained, store, monkeypatch, capsys):
    """Two hundred times ``train`` as it is, but for the training itself, which is counted."""
    from helpers.training import loop

    stored = go(small("elu"), data, copied(trained, store))
    network = SimpleNamespace(get_weights=lambda: stored.weights)
    trainings = []
    monkeypatch.setattr(loop, "_results", lambda *arguments: {})
    monkeypatch.setattr(
        loop, "_fit", lambda *arguments: trainings.append(1) or (dict(stored.document), network)
    )
    rng = np.random.default_rng(0)
    for number in range(CUTS):
        name = ("run.json", "weights.npz")[number % 2]
        (file,) = store.folder.glob(f"[!.]*/{name}")
        whole = file.read_bytes()
        file.write_bytes(whole[: rng.integers(len(whole) - 1)])
        again = go(small("elu"), data, store)
        said = capsys.readouterr().err
        assert not again.from_store and len(trainings) == number + 1
        assert name in said and said.count("It is trained again.") == 1
    assert go(small("elu"), data, store).from_store


def test_a_store_that_cannot_be_written_loses_no_result(data, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    run = go(small("elu"), data, RunStore(blocked))
    assert run.epochs == 3
    assert "could not be kept" in capsys.readouterr().err
    assert blocked.read_text() == "not a folder"


def test_a_failed_write_leaves_nothing_behind(data, store, monkeypatch, capsys):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("helpers.training.store.np.savez", full)
        go(small("elu"), data, store)
    assert "No space left" in capsys.readouterr().err
    assert [path.name for path in store.folder.glob("[!.]*")] == []
    assert not list(store.folder.glob(".writing-*")) and not list(store.folder.rglob("*.part"))


def test_a_store_on_a_full_disk_loses_no_result(data, trained, store, capsys):
    with files_end_at(1000):
        run = go(small("elu"), data, store)
    assert run.weights_sha256 == trained.documents()[0]["weights_sha256"]
    said = capsys.readouterr().err
    assert said.count("No checkpoint is kept") == 1
    assert f"The run could not be kept in {store.folder}" in said
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert [path for path in files if path.stat().st_size] == []  # but for the lock


def test_documents_leave_out_what_is_damaged(data, trained, store, capsys):
    copied(trained, store)
    go(small("elu"), data, store, seed=1)
    next(store.folder.glob("*seed1*/run.json")).write_text("{")
    assert [run["seed"] for run in store.documents()] == [0]
    assert "is damaged" in capsys.readouterr().err


# --- what a person sees ------------------------------------------------------------------------


def test_curves_grow_in_a_notebook_and_are_taken_away_at_the_end(data, store, monkeypatch):
    import IPython.display

    from helpers.training import progress

    shown = []

    class Handle:
        def update(self, thing):
            shown.append(thing)

    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda *things, **options: Handle())
    train(small("elu"), data, TINY, 0, store=store, progress=True)
    *curves, last = shown
    assert "stand-in (not CIFAR-10)" in curves[0].alt_text
    assert last.data == ""


def test_a_build_turns_the_bar_off():
    """tqdm reads the variable when it is imported, so in a process of its own."""
    code = (
        "from helpers.training.progress import Progress;"
        "print(*(Progress('run', 3, 2, shown=shown).bar.disable for shown in (True, False)))"
    )
    for off, expected in (("1", "True True"), ("", "False True")):
        environment = os.environ | {"TQDM_DISABLE": off}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        assert done.stdout.strip() == expected, done.stderr


def test_without_progress_nothing_is_written(data, store, capfd):
    go(small("elu"), data, store)
    captured = capfd.readouterr()
    assert captured.out == "" and "step/s" not in captured.err
