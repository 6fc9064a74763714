"""Zeros in Keras networks: pruning while training, the proximal step, and files."""

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from helpers import sparsity as package
from helpers.backend import use_backend

use_backend()

import keras  # noqa: E402  the backend must be chosen before Keras is imported

from helpers.figures import accuracy_against_sparsity  # noqa: E402
from helpers.models import deep_mlp, logits_of  # noqa: E402
from helpers.sparsity import (  # noqa: E402
    MagnitudePruning,
    SoftThresholding,
    kernels_of,
    penalize,
    prune,
    prune_with_toolkit,
    pruned_copy,
    recorded_pruning,
    size_on_disk,
    toolkit_is_installed,
)
from helpers.theory.pruning import (  # noqa: E402
    count_zeros,
    cubic_sparsity,
    magnitude_masks,
    soft_threshold,
    sparsity,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 12)).astype("float32")
Y = RNG.integers(0, 3, 64)


def network(depth=2, **changes):
    return deep_mlp(
        input_shape=(12,),
        n_classes=3,
        depth=depth,
        width=10,
        activation="relu",
        seed=0,
        **changes,
    )


def compiled(model, optimizer=None):
    trained = logits_of(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(optimizer or keras.optimizers.Adam(0.01), loss)
    return trained


def values(model):
    return [kernel.numpy() for kernel in kernels_of(model)]


def zeros(model):
    return [int(np.sum(kernel == 0)) for kernel in values(model)]


class Watch(keras.callbacks.Callback):
    """Notes the zeros of each kernel after every step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append([kernel == 0 for kernel in values(self.model)])


def test_kernels_are_those_of_dense_layers_in_order():
    model = network(normalization="before")
    assert [tuple(kernel.shape) for kernel in kernels_of(model)] == [(12, 10), (10, 10), (10, 3)]
    with pytest.raises(ValueError, match="has no kernel"):
        kernels_of(keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]))
    with pytest.raises(ValueError, match="that is built"):
        kernels_of(keras.Sequential([keras.layers.Dense(3)]))


def test_pruning_at_once_zeroes_the_smallest_and_a_copy_leaves_the_model_alone():
    model = network()
    before = values(model)
    copy = pruned_copy(model, 0.5)
    assert all(np.array_equal(a, b) for a, b in zip(before, values(model), strict=True))
    for kernel, mask, after in zip(before, magnitude_masks(before, 0.5), values(copy), strict=True):
        np.testing.assert_array_equal(after, kernel * mask)
    assert prune(model, 0.5) is model and zeros(model) == zeros(copy) == [60, 50, 15]
    prune(model, 0.7, "global")
    assert sum(zeros(model)) == round(0.7 * 250)


def test_pruning_while_training_follows_the_schedule_and_keeps_zeros_at_zero():
    model, watch = network(), Watch()
    pruning = MagnitudePruning(0.8, begin_step=2, end_step=12, frequency=3, initial_sparsity=0.2)
    compiled(model).fit(X, Y, batch_size=16, epochs=5, verbose=0, callbacks=[pruning, watch])
    assert [step for step, _ in pruning.history] == [2, 5, 8, 11, 12]
    assert [target for _, target in pruning.history] == pytest.approx(
        cubic_sparsity([2, 5, 8, 11, 12], final=0.8, begin=2, end=12, initial=0.2)
    )
    assert len(watch.seen) == 20 and not any(part.any() for part in watch.seen[0])
    for step, seen in enumerate(watch.seen, start=1):
        target = max((t for at, t in pruning.history if at <= step), default=0)
        assert [part.sum() for part in seen] == [round(target * part.size) for part in seen], step
    for earlier, later in zip(watch.seen, watch.seen[1:], strict=False):
        assert not any(np.any(a & ~b) for a, b in zip(earlier, later, strict=True))
    assert zeros(model) == [96, 80, 24]


def test_weights_that_are_kept_go_on_training():
    model = network()
    pruning = MagnitudePruning(0.5, begin_step=0, end_step=1, frequency=1)
    trained = compiled(model)
    trained.fit(X, Y, batch_size=16, epochs=1, verbose=0, callbacks=[pruning])
    before = values(model)
    trained.fit(X, Y, batch_size=16, epochs=1, verbose=0, callbacks=[pruning])
    for old, new in zip(before, values(model), strict=True):
        assert np.array_equal(old == 0, new == 0)
        assert np.mean(old[old != 0] != new[old != 0]) > 0.9
    assert len(pruning.history) == 1  # the second call of fit goes on, and chooses no more


def test_the_first_step_is_the_first_with_this_callback():
    model = network()
    trained = compiled(model)
    trained.fit(X, Y, batch_size=16, epochs=3, verbose=0)
    pruning = MagnitudePruning(0.9, begin_step=1, end_step=4, frequency=1)
    trained.fit(X, Y, batch_size=16, epochs=1, verbose=0, callbacks=[pruning])
    assert [step for step, _ in pruning.history] == [1, 2, 3, 4]


def test_a_global_schedule_ranks_all_kernels_together():
    model = network()
    pruning = MagnitudePruning(0.6, 0, 2, frequency=1, scope="global")
    compiled(model).fit(X, Y, batch_size=16, epochs=1, verbose=0, callbacks=[pruning])
    assert sum(zeros(model)) == round(0.6 * 250)
    assert len(set(np.divide(zeros(model), [120, 100, 30]))) == 3


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"frequency": 0}, "at least 1"),
        ({"final_sparsity": 1.5}, "a schedule needs"),
        ({"end_step": 0}, "a schedule needs"),
        ({"scope": "layers"}, "did you mean 'layer'"),
    ],
)
def test_a_bad_schedule_is_refused_before_training(arguments, hint):
    with pytest.raises(ValueError, match=hint):
        MagnitudePruning(**{"final_sparsity": 0.5, "begin_step": 0, "end_step": 9, **arguments})


def test_penalty_is_that_of_the_layers_own_argument():
    """One SGD step with ``penalize`` is one with ``kernel_regularizer``."""
    layer = {"kernel_initializer": keras.initializers.GlorotUniform(seed=1)}
    kinds = {"l1": keras.regularizers.L1, "l2": keras.regularizers.L2}
    for kind, regularizer in kinds.items():
        built = [
            keras.Sequential([keras.Input((12,)), keras.layers.Dense(3, **layer, **more)])
            for more in ({}, {"kernel_regularizer": regularizer(0.1)})
        ]
        penalize(built[0], kind, 0.1)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for model in built:
            model.compile(keras.optimizers.SGD(0.1), loss)
            model.fit(X, Y, batch_size=64, epochs=1, verbose=0)
        np.testing.assert_allclose(*(values(model)[0] for model in built), atol=1e-6)
    with pytest.raises(ValueError, match="unknown penalty"):
        penalize(network(), "l3", 0.1)
    with pytest.raises(ValueError, match="0 or above"):
        penalize(network(), "l1", -1)


@pytest.mark.parametrize("make", [keras.optimizers.SGD, keras.optimizers.Adam])
@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_no_penalty_makes_an_exact_zero(make, kind):
    model = penalize(network(), kind, 0.01)
    compiled(model, make(0.01)).fit(X, Y, batch_size=16, epochs=15, verbose=0)
    assert count_zeros(values(model)) == 0


def test_soft_thresholding_after_a_step_of_sgd_is_the_proximal_step():
    plain, proximal = network(depth=0), network(depth=0)
    compiled(plain, keras.optimizers.SGD(0.5)).fit(X, Y, batch_size=64, epochs=1, verbose=0)
    trained = compiled(proximal, keras.optimizers.SGD(0.5))
    trained.fit(X, Y, batch_size=64, epochs=1, verbose=0, callbacks=[SoftThresholding(0.2)])
    (expected,), (found,) = values(plain), values(proximal)
    np.testing.assert_allclose(found, soft_threshold(expected, 0.1), atol=1e-6)
    assert 0 < np.mean(found == 0) < 1
    many = network()
    trained = compiled(many, keras.optimizers.SGD(0.1))
    trained.fit(X, Y, batch_size=16, epochs=15, verbose=0, callbacks=[SoftThresholding(0.05)])
    assert sparsity(values(many)) > 0.2


@pytest.mark.parametrize(
    ("optimizer", "hint"),
    [
        (keras.optimizers.Adam(0.01), "got Adam"),
        (keras.optimizers.SGD(0.01, momentum=0.9), "momentum 0.9"),
    ],
)
def test_soft_thresholding_refuses_another_optimizer(optimizer, hint):
    trained = compiled(network(), optimizer)
    with pytest.raises(ValueError, match=hint):
        trained.fit(X, Y, verbose=0, callbacks=[SoftThresholding(0.1)])
    with pytest.raises(ValueError, match="0 or above"):
        SoftThresholding(-1)


def test_size_on_disk_is_that_of_the_file_and_zeros_shrink_only_the_zip(tmp_path):
    model = deep_mlp(depth=1, width=100, input_shape=(100,), seed=0)
    model.save(tmp_path / "model.keras")
    file = size_on_disk(model)
    assert abs(file.keras - (tmp_path / "model.keras").stat().st_size) < 200  # it holds the date
    with zipfile.ZipFile(tmp_path / "zip.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "model.keras")
    assert abs(file.zipped - (tmp_path / "zip.zip").stat().st_size) < 600
    pruned = size_on_disk(prune(model, 0.9))
    assert abs(pruned.keras - file.keras) < 200 and pruned.zipped < 0.4 * file.zipped
    compiled_model = compiled(model)
    with pytest.raises(ValueError, match="state of its optimizer"):
        size_on_disk(compiled_model)


def test_pruning_works_on_jax():
    """In a process of its own: a backend is chosen once. JAX keeps weights elsewhere in ``fit``."""
    pytest.importorskip("jax", reason="JAX is an extra of the course: pip install jax")
    code = """
import numpy as np, keras
from helpers.sparsity import MagnitudePruning, SoftThresholding, kernels_of
assert keras.config.backend() == "jax"
for optimizer, callback in (
    ("adam", MagnitudePruning(0.8, 1, 6, frequency=2)),
    (keras.optimizers.SGD(0.1), SoftThresholding(0.1)),
):
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(10), keras.layers.Dense(3)])
    model.compile(optimizer, "mse")
    x = np.random.default_rng(0).normal(size=(64, 12))
    model.fit(x, x[:, :3], batch_size=8, epochs=2, verbose=0, callbacks=[callback])
    print([int((np.asarray(k.value) == 0).sum()) for k in kernels_of(model)])
"""
    environment = {**os.environ, "COURSE_BACKEND": "jax", "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    scheduled, proximal = done.stdout.strip().splitlines()
    assert scheduled == "[96, 24]"
    assert sum(map(int, proximal.strip("[]").split(","))) > 20


def test_the_package_loads_keras_only_when_it_is_needed():
    code = (
        "import sys, helpers.sparsity as s; from helpers.sparsity import recorded_pruning;"
        "recorded_pruning(); assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {*package.__all__} == {*package._MODULES}
    with pytest.raises(AttributeError, match="no attribute"):
        package.no_such_name  # noqa: B018


def test_the_recorded_pruning_is_whole_and_says_how_it_was_made():
    from helpers.labs.trained import network_document, trained_network

    pruning, document = recorded_pruning()
    assert document["network"] == network_document("plain")["sha256"]
    assert "make.py toolkit" in document["command"] and "tf_keras" in document["versions"]
    assert [k.shape for k in pruning.before] == [k.shape for k in trained_network("plain").kernels]
    parts = zip(pruning.before, pruning.chosen, pruning.transferred, strict=True)
    for before, kept, after in parts:
        assert np.array_equal(kept, magnitude_masks([before], document["settings"]["target"])[0])
        assert np.array_equal(after == 0, ~kept)
    assert pruning.largest_difference == 0 and "90.0% of 17,400" in repr(pruning)


def test_a_damaged_recording_is_named(tmp_path, monkeypatch):
    from helpers.sparsity import toolkit

    monkeypatch.setattr(toolkit, "RECORDED", tmp_path / "toolkit.json")
    with pytest.raises(ValueError, match=r"toolkit\.json"):
        recorded_pruning()
    (tmp_path / "toolkit.json").write_text('{"sha256": "0"}')
    (tmp_path / "toolkit.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="expected SHA-256 0"):
        recorded_pruning()


@pytest.mark.skipif(toolkit_is_installed(), reason="says what to do where the toolkit is missing")
def test_without_the_toolkit_the_error_holds_the_two_lines_of_the_readme():
    from helpers.build.sources import find_repository
    from helpers.sparsity.toolkit import INSTALL

    with pytest.raises(ImportError) as raised:
        prune_with_toolkit(network(), X, Y)
    readme = (find_repository() / "README.md").read_text(encoding="utf-8")
    for line in INSTALL:
        assert line in str(raised.value) and f"    {line}\n" in readme


# --- the figure


def test_figure_has_a_line_with_bars_for_each_way():
    ways = {"at once": [[0.9, 0.4], [0.8, 0.2]], "while training": [[0.9, 0.9], [0.9, 0.9]]}
    figure = accuracy_against_sparsity([0.5, 0.9], ways, [0.95, 0.97], "digits")
    (axes,) = figure.axes
    level, *lines = axes.get_legend_handles_labels()[1]
    assert (level, *lines) == ("no weight is 0", "at once", "while training")
    means = [container[0].get_ydata() for container in axes.containers]
    assert means[0] == pytest.approx([0.85, 0.3]) and means[1] == pytest.approx([0.9, 0.9])
    assert "at once: 85.0% ± 5.0% at 50% zeros, 30.0% ± 10.0% at 90% zeros" in figure.alt_text
    assert "96.0% without" in figure.alt_text and "digits" in figure.get_suptitle()


def test_figure_refuses_what_does_not_fit():
    for ways in ({}, {"a": [[0.5]]}, {str(n): [[0.5, 0.5]] for n in range(4)}):
        with pytest.raises(ValueError, match="arrays of shape"):
            accuracy_against_sparsity([0.5, 0.9], ways, [0.9], "digits")
