"""The scikit-learn side: its own checks, and what the notes' wrapper got wrong."""

import copy
import gc
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import RandomizedSearchCV, cross_validate
from sklearn.utils.estimator_checks import parametrize_with_checks

from helpers import estimator
from helpers.estimator import KerasClassifier

SMALL = {"depth": 1, "width": 16, "learning_rate": 0.02, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300], y[:300]


@parametrize_with_checks([KerasClassifier(**SMALL, epochs=12, optimizer="adam")])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_it_learns(digits):
    X, y = digits
    classifier = KerasClassifier(**SMALL, epochs=8).fit(X[:200], y[:200])
    assert classifier.score(X[200:], y[200:]) > 0.7


def test_cross_validation_trains_the_epochs_it_was_asked_for(digits):
    results = cross_validate(
        KerasClassifier(**SMALL, epochs=4), *digits, cv=2, return_estimator=True
    )
    assert [fitted.n_iter_ for fitted in results["estimator"]] == [4, 4]
    assert all(len(fitted.history_["loss"]) == 4 for fitted in results["estimator"])


def test_a_randomized_search_sets_every_parameter(digits):
    search = RandomizedSearchCV(
        KerasClassifier(**SMALL, epochs=2), {"width": [7, 9], "epochs": [2, 3]},
        n_iter=2, cv=2, random_state=0,
    ).fit(*digits)  # fmt: skip
    best = search.best_estimator_
    assert best.n_iter_ == search.best_params_["epochs"]
    assert best.model_.layers[-2].kernel.shape[0] == search.best_params_["width"]


def test_probabilities_sum_to_one_and_follow_classes(digits):
    X, y = digits
    names = np.array([f"digit {label}" for label in y])
    classifier = KerasClassifier(**SMALL, epochs=3).fit(X, names)
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (300, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (classifier.classes_[probabilities.argmax(axis=1)] == classifier.predict(X)).all()


def test_the_same_random_state_gives_the_same_network_and_touches_no_global_state(digits):
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    first, again = (KerasClassifier(**SMALL, epochs=2).fit(*digits) for _ in range(2))
    assert np.random.random() == expected
    assert np.array_equal(first.predict_proba(digits[0]), again.predict_proba(digits[0]))
    other = clone(first).set_params(random_state=1).fit(*digits)
    assert not np.array_equal(first.predict_proba(digits[0]), other.predict_proba(digits[0]))


def test_class_weights_change_what_is_predicted(digits):
    X, y = digits
    nines = y == 9
    keep = ~nines | (np.cumsum(nines) <= 4)  # 4 nines among about 270 others
    X, y = X[keep], y[keep] == 9
    weights = {None: None, "balanced": "balanced", "by hand": {False: 1, True: 50}}
    found = {
        name: KerasClassifier(**SMALL, epochs=2, class_weight=weight).fit(X, y).predict(X).sum()
        for name, weight in weights.items()
    }
    assert found["balanced"] > found[None] and found["by hand"] > found[None]


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({0: 1, 1: 3}, r"Missing: \[2, 3, 4, 5, 6, 7, 8, 9\]"),
        (dict.fromkeys([*range(10), "cat"], 1), r"Not in y: \['cat'\]"),
        (dict.fromkeys(range(10), -1), "at least 0"),
        ("balance", "None, 'balanced' or a dict"),
    ],
)
def test_class_weights_that_do_not_fit_the_labels_are_refused(digits, weights, said):
    with pytest.raises(ValueError, match=said):
        KerasClassifier(**SMALL, class_weight=weights).fit(*digits)


def test_early_stopping_keeps_the_best_epoch(digits):
    classifier = KerasClassifier(**SMALL | {"learning_rate": 0.3}, epochs=40, patience=2)
    classifier.fit(*digits)
    losses = classifier.history_["validation_loss"]
    assert classifier.n_iter_ == len(losses) == 1 + int(np.argmin(losses)) + 2


def test_images_stay_bytes_and_keep_their_shape():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (40, 6, 6, 3), dtype=np.uint8), np.arange(40) % 2
    classifier = KerasClassifier(**SMALL, epochs=1).fit(X, y)
    assert classifier.input_shape_ == (6, 6, 3) and classifier.n_features_in_ == 108
    assert classifier.predict(X).shape == (40,)
    with pytest.raises(ValueError, match=r"trained on samples of shape \(6, 6, 3\)"):
        classifier.predict(X.reshape(40, 108))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"epochs": 0}, "epochs must be"),
        ({"batch_size": 1.5}, "batch_size must be"),
        ({"learning_rate": -1}, "learning_rate must be above 0"),
        ({"optimizer": "adamm"}, "did you mean 'adam'"),
        ({"patience": 0}, "patience must be"),
        ({"validation_fraction": 1.0}, "validation_fraction must lie"),
        ({"learning_rate": 1e30, "optimizer": "sgd", "epochs": 5}, "diverged in epoch"),
    ],
)
def test_bad_parameters_are_explained(digits, parameters, said):
    with pytest.raises(ValueError, match=said):
        KerasClassifier(**SMALL | parameters).fit(*digits)


def test_one_class_is_refused(digits):
    with pytest.raises(ValueError, match="one class: 3"):
        KerasClassifier(**SMALL).fit(digits[0][:5], [3] * 5)


def test_samples_that_do_not_fit_are_refused(digits):
    X, y = digits
    broken = X.copy()
    broken[3, 5] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        KerasClassifier(**SMALL).fit(broken, y)
    classifier = KerasClassifier(**SMALL, epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        classifier.predict(broken)
    with pytest.raises(ValueError, match="X has 63 features, but KerasClassifier is expecting 64"):
        classifier.predict(X[:, 1:])


def test_after_a_fit_that_failed_it_is_not_fitted(digits):
    classifier = KerasClassifier(**SMALL, epochs=1).fit(*digits)
    with pytest.raises(ValueError, match="learning_rate"):
        classifier.set_params(learning_rate=0).fit(*digits)
    with pytest.raises(NotFittedError):
        classifier.predict(digits[0])


def test_every_parameter_of_the_network_reaches_it(digits):
    classifier = KerasClassifier(
        depth=2, width=7, activation="selu", initializer="lecun_normal", normalization="after",
        dropout="alpha", dropout_rate=0.25, standardize=False, epochs=1,
    ).fit(*digits)  # fmt: skip
    config = [(type(layer).__name__, layer.get_config()) for layer in classifier.model_.layers]
    block, output = ["Dense", "Activation", "BatchNormalization"], ["Dense", "Softmax"]
    assert [name for name, _ in config] == ["Flatten", *block, *block, "AlphaDropout", *output]
    assert config[1][1]["units"] == 7
    assert config[1][1]["kernel_initializer"]["class_name"] == "LecunNormal"
    assert config[2][1]["activation"] == "selu"
    assert config[-3][1]["rate"] == 0.25


def test_inputs_are_standardized_along_the_last_axis_and_constants_only_centered():
    rng = np.random.default_rng(0)
    X = rng.normal([5, -3, 7], [2, 0.1, 0], (1_500, 4, 4, 3)).astype(np.float32)  # over a chunk
    classifier = KerasClassifier(**SMALL, epochs=1).fit(X, np.arange(1_500) % 2)
    scaled = np.asarray(classifier.model_.layers[0](X))
    assert np.allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    assert np.allclose(scaled.std(axis=(0, 1, 2)), [1, 1, 0], atol=1e-3)
    moved = np.asarray(classifier.model_.layers[0](X[:1] + 1))  # a constant that then changes
    assert np.allclose(moved[..., 2], 1)


def test_an_epoch_is_batches_of_one_size_that_hold_every_sample(digits, monkeypatch):
    epochs = []
    train = estimator._one_epoch

    def recorded(trainer, X, labels, weights, batches):
        epochs.append(batches)
        return train(trainer, X, labels, weights, batches)

    monkeypatch.setattr(estimator, "_one_epoch", recorded)
    KerasClassifier(**SMALL, epochs=2, batch_size=32).fit(digits[0][:41], digits[1][:41])
    assert [batches.shape for batches in epochs] == [(2, 21), (2, 21)]
    assert all(np.array_equal(np.unique(batches), np.arange(41)) for batches in epochs)
    assert not np.array_equal(*epochs)


def test_traced_steps_learn_what_eager_ones_do_and_leave_no_graph_behind(digits, monkeypatch):
    def fit(traced_from):
        monkeypatch.setattr(estimator, "TRACING_PAYS_FROM", traced_from)
        made = KerasClassifier(**SMALL, epochs=2, normalization="before").fit(*digits)
        gc.collect()
        return made.predict_proba(digits[0]), made.history_["loss"], graphs()

    def graphs():
        return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())

    eager, eager_losses, none = fit(traced_from=10_000)
    traced, traced_losses, before = fit(traced_from=0)
    after = [fit(traced_from=0)[2] for _ in range(3)]
    assert np.allclose(traced_losses, eager_losses, rtol=1e-3)
    assert np.allclose(traced, eager, atol=1e-2)
    assert max(after) <= before, f"graphs kept: {none} before tracing, {before}, then {after}"


def test_a_pickle_predicts_the_same_in_another_process(digits, tmp_path):
    X, y = digits
    classifier = KerasClassifier(**SMALL, epochs=2).fit(X, y)
    file, inputs = tmp_path / "classifier.pickle", tmp_path / "inputs.npy"
    file.write_bytes(pickle.dumps(copy.deepcopy(classifier)))  # a copy, whose network is bytes yet
    np.save(inputs, X)
    script = (
        "import pickle, sys, numpy, pathlib\n"
        "held = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "numpy.save(sys.argv[3], held.predict_proba(numpy.load(sys.argv[2])))\n"
    )
    outputs = tmp_path / "outputs.npy"
    command = [sys.executable, "-c", script, str(file), str(inputs), str(outputs)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    assert np.array_equal(np.load(outputs), classifier.predict_proba(X))


def test_it_learns_on_jax_too():
    script = (
        "from sklearn.datasets import load_digits\n"
        "from helpers.estimator import KerasClassifier\n"
        "X, y = load_digits(return_X_y=True)\n"
        f"made = KerasClassifier(**{SMALL!r}, epochs=8).fit(X[:200], y[:200])\n"
        "assert made.score(X[200:300], y[200:300]) > 0.7\n"
        "import keras; assert keras.config.backend() == 'jax'\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"COURSE_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
