"""A call that works of every public function, by its name below ``helpers``.

``test_any_value.py`` replaces the arguments. A new public function needs an example here; arrays
and lists are small, since each is replaced some fifty times.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from any_value import NAN, Also, Late

from helpers.datasets import Dataset, Split, load_digits
from helpers.figures.base import Mark
from helpers.models import VARIANTS
from helpers.profiles import Profile
from helpers.theory import batch_norm, fitting, network, normalized_network, optimizers, signal
from helpers.theory.surfaces import SURFACES

RNG = Late(lambda: np.random.default_rng(0))
_rng = np.random.default_rng(0)
X, LABELS = _rng.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2])
Z = np.array([[-2.0, 0.0, 0.5], [1.0, 3.0, -1.0]])
STEPS = np.array([0.0, 5.0, 10.0])
ONES, ZEROS = np.ones(4), np.zeros(4)
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
PASSES = np.stack([PROBABILITIES, PROBABILITIES[::-1]])
KERNELS = [np.array([[3.0, -1.0], [0.0, 2.0]]), np.array([0.5, -0.2])]

# --- networks, and others that do not fit

_parameters = network.make_parameters((4, 5, 3), "he_normal", _rng)
_smaller = network.make_parameters((3, 2), "he_normal", _rng)
PARAMETERS = Also(
    _parameters,
    (
        _smaller,
        network.Parameters([], []),
        network.Parameters(None, 3),
        network.Parameters(["a"], [None]),
        network.Parameters(_parameters.kernels, _smaller.biases),
        network.Parameters(_parameters.kernels[::-1], _parameters.biases),
        network.Parameters([kernel * NAN for kernel in _parameters.kernels], _parameters.biases),
    ),
)
DIGIT_PARAMETERS = Also(
    network.make_parameters((64, 5, 10), "he_normal", _rng), (_parameters, _smaller)
)
_signals = network.forward(X, _parameters, "relu")
SIGNALS = Also(
    _signals,
    (network.forward(X[:3], _parameters, "relu"), network.forward(X[:, :3], _smaller, "relu")),
)
LOGITS = _signals.logits
_, BY_LOGITS = network.softmax_cross_entropy(LOGITS, LABELS)
_normalized = normalized_network.make_network((4, 5, 3), "he_normal", "before", "relu", 0)
NORMALIZED = Also(
    _normalized,
    (
        normalized_network.make_network((3, 2), "he_normal", "none", "relu", 0),
        normalized_network.make_network((4, 3), "he_normal", "before", "relu", 0),
    ),
)
_layers, _ = normalized_network.training_pass(X, _normalized)
LAYERS = Also(_layers, (_layers * 2, normalized_network.training_pass(X[:2], _normalized)[0]))
PASSED = Also(batch_norm.forward(X), (batch_norm.forward(X[:2]), batch_norm.forward(X[:, :2])))
MOVING = Also(batch_norm.start_moving(4), (batch_norm.start_moving(1), batch_norm.start_moving(3)))
_adam = optimizers.make_optimizer("adam")
OPTIMIZER = Also(
    _adam,
    (
        optimizers.make_optimizer("sgd", learning_rate=1e300),
        optimizers.make_optimizer("momentum", learning_rate=lambda step: 0.1 / (step + 1)),
        optimizers.make_optimizer("adam", learning_rate=[0.1, 0.2, 0.3]),
    ),
)
SURFACE = Also(SURFACES["ravine"], tuple(SURFACES.values()))
_fit = fitting.fit(X, LABELS, _adam, hidden=(5,), batch_size=2)

# --- data, Keras networks and documents

IMAGES = _rng.integers(0, 17, (4, 8, 8, 1)).astype(np.uint8)
PICTURES = np.zeros((3, 4, 4, 3), np.uint8)
_digits = load_digits()
DIGITS = _digits._replace(
    **{
        part: Split(getattr(_digits, part).images[:count], getattr(_digits, part).labels[:count])
        for part, count in (("train", 64), ("validation", 8), ("test", 8))
    }
)
COLOURED = Dataset(
    *(
        Split(np.zeros((n, 32, 32, 3), np.uint8), np.arange(n, dtype=np.int32) % 10)
        for n in (64, 8, 8)
    ),
    name="black images",
    source="this test",
    class_names=DIGITS.class_names,
    fingerprint="0",
)
PROFILE = Profile("ci", epochs=1, patience=1, lesson_epochs=1, lesson_seeds=1, mc_passes=1)


@lru_cache(maxsize=1)
def _keras():
    from helpers.models import deep_mlp

    shape = {"input_shape": (8, 8, 1), "n_classes": 3, "depth": 1, "width": 4}
    return deep_mlp(**shape, dropout="dropout", seed=0)


@lru_cache(maxsize=1)
def _compiled():
    import keras

    from helpers.models import deep_mlp, logits_of

    model = logits_of(deep_mlp(input_shape=(8, 8, 1), depth=1, width=4, seed=0))
    model.compile(keras.optimizers.SGD(), keras.losses.SparseCategoricalCrossentropy(True))
    return model


MODEL, COMPILED = Late(_keras), Late(_compiled)
RUN = {
    "variant": "bn",
    "title": "batch norm",
    "data": "digits",
    "profile": "ci",
    "seed": 0,
    "history": {
        name: [0.5, 0.6]
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")
    },
    "best_epoch": 2,
}
FINISHED = RUN | {
    "settings": VARIANTS["bn"].settings(),
    "planned_epochs": 2,
    "finished": "2026-08-01",
    "validation_accuracy": 0.5,
    "test_accuracy": 0.5,
    "epochs": 2,
    "seconds_per_epoch": 1.0,
}
ROW = {
    "variant": "bn",
    "title": "batch norm",
    "seeds": [0, 1],
    "published": [0.5],
    **dict.fromkeys(("validation_mean", "validation_std", "test_mean", "test_std"), 0.4),
}
TIMES = {"best_epoch": 2.0, "epochs": 3.0, "seconds_per_epoch": 1.0}
FOUND = [
    {"variant": "bn", "learning_rate": rate, "validation_accuracy": 0.4} for rate in (0.01, 0.1)
]
ABLATION = {"results": [{"changes": {}, "validation_accuracy": 0.6}]}
AVERAGING = {
    "epochs": 20,
    "members": 5,
    "rows": [
        {
            "schedule": "1cycle",
            **dict.fromkeys(("one_view", "last_epoch", "average", "ensemble"), 0.5),
        }
    ],
}
BINS = [{"confidence": 0.5, "accuracy": 0.4, "count": 3}]
MEASURED = {
    "how": "executed",
    "backend": "jax",
    "versions": {"jax": "1"},
    "hardware": {"cores": 2, "processor": "a processor"},
}
QUESTION = {
    "question": "Is it?",
    "type": "multiple_choice",
    "answers": [{"answer": "yes", "correct": True, "feedback": "It is."}],
}
MARK = Mark("#000000", "-", "o")
DATA = {"data_name": "digits"}
PREDICTED = {"probabilities": PROBABILITIES, "labels": LABELS[:3]}
MOMENTS = {"mean": 0.5, "variance": 1.0, "omega": 0.1, "tau": 1.0}
NORM = {"gamma": ONES, "beta": 0.0, "moving_mean": ZEROS, "moving_variance": ONES, "epsilon": 1e-3}
MAP = {"activation": "tanh", "scaled_variance": 2.0, "bias_variance": 0.1, "centered": False}
SIGNAL = {"activation": "tanh", "initializer": "he_normal", "depth": 3, "width": 4}
DROPPED = {"x": X, "labels": LABELS, "rate": 0.5}
SMALL = {"depth": 1, "width": 4}

THEORY = {
    "activations.get_activation": {"name": "elu"},
    "activations.value": {"name": "elu", "z": Z, "alpha": 1.5},
    "activations.slope": {"name": "elu", "z": Z, "alpha": 1.5},
    "batch_norm.forward": {"x": X, "gamma": ONES, "beta": ZEROS, "epsilon": 1e-3},
    "batch_norm.backward": {"passed": PASSED, "gamma": ONES, "output_gradient": X},
    "batch_norm.inference": {"x": X, **NORM},
    "batch_norm.start_moving": {"units": 4},
    "batch_norm.update_moving": {"moving": MOVING, "passed": PASSED, "momentum": 0.9},
    "batch_norm.moving_averages": {"values": STEPS, "start": 0.0, "momentum": 0.9},
    "batch_norm.steps_until": {"share": 0.01, "momentum": 0.9},
    "batch_norm.fold": {"kernel": X, "bias": ZEROS, **NORM},
    "dropout.dropout": {"x": Z, "rate": 0.5, "rng": RNG},
    "dropout.alpha_dropout": {"x": Z, "rate": 0.5, "rng": RNG},
    "dropout.alpha_dropout_constants": {"rate": 0.5},
    "dropout.max_norm": {"kernel": X, "limit": 1.0},
    "dropout.dropout_gradients": {
        "parameters": PARAMETERS,
        **DROPPED,
        "rng": RNG,
        "activation": "relu",
    },
    "dropout.train_epoch": {
        "parameters": PARAMETERS,
        **DROPPED,
        "rng": RNG,
        "learning_rate": 0.1,
        "batch_size": 2,
        "limit": 1.0,
    },
    "dropout.train_epochs": {
        **DROPPED,
        "epochs": 2,
        "seed": 0,
        "hidden": (5,),
        "learning_rate": 0.1,
        "batch_size": 2,
        "limit": 1.0,
    },
    "dropout.mc_predict": {
        "parameters": PARAMETERS,
        "x": X,
        "rate": 0.5,
        "passes": 2,
        "rng": RNG,
        "activation": "relu",
        "kind": "dropout",
    },
    "dropout.softmax": {"logits": LOGITS},
    "dropout.predictive_mean": {"passes": PASSES},
    "dropout.predictive_std": {"passes": PASSES},
    "dropout.entropy": {"probabilities": PROBABILITIES},
    "dropout.mutual_information": {"passes": PASSES},
    "fitting.fit": {
        "x": X,
        "labels": LABELS,
        "optimizer": OPTIMIZER,
        "hidden": (5,),
        "activation": "relu",
        "initializer": "he_normal",
        "batch_size": 2,
        "epochs": 1,
        "seed": 0,
    },
    "fitting.final_losses": {
        "x": X,
        "labels": LABELS,
        "optimizer": "sgd",
        "rates": [0.1, 0.2],
        "seeds": [0, 1],
        "epochs": 1,
        "batch_size": 2,
    },
    "fitting.Fit.final_loss": {"self": _fit, "share": 0.5},
    "fitting.Fit.accuracy": {"self": _fit, "x": X, "labels": LABELS},
    "initializers.get_initializer": {"name": "normal(1)"},
    "initializers.fans": {"shape": (3, 4)},
    "initializers.weight_variance": {"name": "he_normal", "shape": (3, 4)},
    "initializers.uniform_limit": {"variance": 2.0},
    "initializers.sample": {"name": "orthogonal", "shape": (3, 4), "rng": RNG},
    "mean_field.normal_mean": {"function": lambda z: z**2, "std": 2.0},
    "mean_field.variance_map": {"q": 1.5, **MAP},
    "mean_field.correlation_map": {"c": 0.5, "q": 1.5, **MAP},
    "mean_field.chi": {"q": 1.5, "activation": "tanh", "scaled_variance": 2.0},
    "mean_field.fixed_point": {"start": 1.0, **MAP},
    "mean_field.depth_scales": {
        "q": 1.5,
        "activation": "tanh",
        "scaled_variance": 2.0,
        "centered": True,
    },
    "mean_field.predict": {**SIGNAL, "input_scale": 1.0, "gain": 1.0, "centered": True},
    "mean_field.saturated_share": {"q": 1.5, "activation": "tanh"},
    "moments.selu_moments": {**MOMENTS, "variance": STEPS, "alpha": 1.6, "scale": 1.05},
    "moments.selu_jacobian": {**MOMENTS, "alpha": 1.6, "scale": 1.05},
    "moments.solve_selu_constants": {"mean": 0.0, "variance": 1.0},
    "moments.expectation": {"function": lambda z: z**2, "mean": 0.5, "variance": STEPS},
    "moments.quadrature_moments": {"activation": "elu", **MOMENTS, "alpha": 1.0},
    "moments.iterate": {"step": lambda m, v: (m / 2, v / 2), "start": (0.0, 1.0), "layers": 3},
    "moments.random_layer_moments": {
        "mean": 0.5,
        "variance": STEPS,
        "activation": "selu",
        "tau": 1.0,
        "architecture": "sequential",
        "dropout": "alpha",
        "dropout_rate": 0.1,
    },
    "moments.measure_path": {
        "x": X,
        "layers": 3,
        "rng": RNG,
        "activation": "selu",
        "initializer": "lecun_normal",
        "architecture": "sequential",
        "dropout": "alpha",
        "dropout_rate": 0.1,
        "input_mean": 0.0,
        "largest": 1e6,
    },
    "network.count_classes": {"labels": LABELS},
    "network.make_parameters": {"sizes": (4, 5, 3), "initializer": "he_normal", "rng": RNG},
    "network.forward": {"x": X, "parameters": PARAMETERS, "activation": "tanh"},
    "network.backward": {
        "signals": SIGNALS,
        "parameters": PARAMETERS,
        "activation": "relu",
        "logit_gradient": BY_LOGITS,
    },
    "network.softmax_cross_entropy": {"logits": LOGITS, "labels": LABELS},
    "normalized_network.make_network": {
        "sizes": (4, 5, 3),
        "initializer": "he_normal",
        "place": "before",
        "activation": "relu",
        "seed": 0,
    },
    "normalized_network.training_pass": {"x": X, "network": NORMALIZED},
    "normalized_network.gradients": {
        "layers": LAYERS,
        "network": NORMALIZED,
        "logit_gradient": BY_LOGITS,
    },
    "normalized_network.step": {
        "network": NORMALIZED,
        "x": X,
        "labels": LABELS,
        "learning_rate": 0.1,
        "momentum": 0.9,
    },
    "normalized_network.logits_in_inference": {"x": X, "network": NORMALIZED},
    "normalized_network.accuracy": {"logits": LOGITS, "labels": LABELS},
    "normalized_network.train": {
        "network": NORMALIZED,
        "x": X,
        "labels": LABELS,
        "steps": 3,
        "batch_size": 2,
        "learning_rate": 0.1,
        "seed": 0,
        "momentum": 0.9,
        "layer": 0,
        "looks": 2,
    },
    "optimizers.clip_by_value": {"gradient": Z, "limit": 1.0},
    "optimizers.clip_by_norm": {"gradient": Z, "limit": 1.0, "axis": 0},
    "optimizers.make_optimizer": {
        "name": "adam",
        "learning_rate": 0.1,
        "beta_1": 0.8,
        "beta_2": 0.9,
        "epsilon": 1e-7,
        "weight_decay": 0.1,
        "clipnorm": 1.0,
    },
    "optimizers.Optimizer.rate": {"self": _adam, "count": 3},
    "optimizers.Optimizer.step": {
        "self": _adam,
        "weights": Z,
        "gradient": Z,
        "state": None,
        "axis": 0,
    },
    "optimizers.optimize": {
        "surface": SURFACE,
        "optimizer": OPTIMIZER,
        "start": (1.0, 1.0),
        "steps": 5,
    },
    "optimizers.optimize_at_each": {
        "surface": SURFACE,
        "optimizer": OPTIMIZER,
        "start": (1.0, 1.0),
        "steps": 5,
        "rates": [0.1, 0.2],
    },
    "optimizers.momentum_path": {
        "curvature": 1.0,
        "start": 1.0,
        "rate": 0.1,
        "momentum": 0.9,
        "steps": 5,
        "nesterov": False,
    },
    "optimizers.steps_until_close": {
        "curvatures": (1.0, 2.0),
        "start": (1.0, 1.0),
        "rate": 0.1,
        "momentum": 0.5,
        "tolerance": 0.01,
        "most": 500,
        "nesterov": False,
    },
    "optimizers.contraction": {
        "curvatures": (1.0, 2.0),
        "rate": 0.1,
        "momentum": 0.5,
        "nesterov": False,
    },
    "optimizers.best_rate": {"curvatures": (1.0, 2.0), "momentum": 0.5},
    "optimizers.best_momentum": {"curvatures": (1.0, 2.0)},
    "pruning.count_zeros": {"kernels": KERNELS},
    "pruning.sparsity": {"kernels": KERNELS},
    "pruning.magnitude_masks": {"kernels": KERNELS, "target": 0.5, "scope": "deviations"},
    "pruning.magnitude_ranks": {"kernels": KERNELS, "scope": "deviations"},
    "pruning.masks_of_ranks": {"ranks": [np.array([0, 2, 1])], "target": 0.5, "scope": "layer"},
    "pruning.threshold_masks": {"kernels": KERNELS, "threshold": 0.5},
    "pruning.apply_masks": {"kernels": KERNELS, "masks": [kernel > 0 for kernel in KERNELS]},
    "pruning.cubic_sparsity": {
        "step": STEPS,
        "final": 0.8,
        "begin": 0,
        "end": 10,
        "initial": 0.0,
        "power": 3.0,
    },
    "pruning.soft_threshold": {"weights": Z, "amount": 0.1},
    "pruning.sizes": {"kernels": KERNELS, "dtype": "float32"},
    "schedules.constant": {"step": STEPS, "rate": 0.1},
    "schedules.inverse_time": {
        "step": STEPS,
        "first_rate": 0.1,
        "decay_steps": 10.0,
        "decay_rate": 1.0,
    },
    "schedules.power": {"step": STEPS, "first_rate": 0.1, "decay_steps": 10.0, "exponent": 1.0},
    "schedules.exponential": {
        "step": STEPS,
        "first_rate": 0.1,
        "decay_steps": 10.0,
        "decay_rate": 0.5,
    },
    "schedules.piecewise_constant": {"step": STEPS, "boundaries": [4.0, 6.0], "rates": STEPS},
    "schedules.cosine": {"step": STEPS, "first_rate": 0.1, "decay_steps": 10.0, "last_share": 0.1},
    "schedules.warm_up": {
        "step": STEPS,
        "schedule": lambda step: 0.1 + 0 * step,
        "warm_up_steps": 4.0,
        "first_rate": 0.0,
    },
    "schedules.one_cycle": {
        "step": STEPS,
        "max_rate": 0.1,
        "total_steps": 10,
        "warm_up_share": 0.3,
    },
    "schedules.make_schedule": {
        "name": "cosine",
        "peak": 0.1,
        "steps": 10,
        "warm_up_share": 0.1,
        "last_share": 0.01,
    },
    "signal.propagate": {
        **SIGNAL,
        "inputs": 3,
        "input_scale": 1.0,
        "gain": 1.0,
        "centered": True,
        "seed": 0,
    },
    "signal.flow": {
        "activation": "tanh",
        "signals": signal.propagate("tanh", "he_normal", depth=3, width=4, inputs=3),
    },
    "signal.signal_flow": {**SIGNAL, "inputs": 3, "seed": 0},
    "signal.gradient_ratio": {**SIGNAL, "seed": 0},
    "signal.largest_slope": {"activation": "tanh"},
    "surfaces.quadratic": {"curvatures": (1.0, 2.0)},
    "surfaces.get_surface": {"name": "ravine"},
    **{
        f"surfaces.SURFACES.{name}.{part}": {"point": np.array([[1.0, 2.0]])}
        for name in SURFACES
        for part in ("value", "gradient")
    },
}

FIGURES = {
    "CourseFigure": {"alt_text": "a picture", "width": 3.0, "height": 2.0, "layout": "constrained"},
    "accuracy_against_sparsity": {
        "targets": np.array([0.0, 0.5]),
        "accuracies": {"a": np.array([[0.9, 0.8], [0.8, 0.7]])},
        "dense": np.array([0.9, 0.8]),
        **DATA,
    },
    "accuracy_by_setting": {
        "settings": [1, 2],
        "accuracies": {"none": np.array([[0.5, 0.6], [0.4, 0.5]])},
        "name": "rate",
        **DATA,
    },
    "accuracy_over_seeds": {"results": {"a": [0.5, 0.6]}, **DATA, "chance": 0.1},
    "comparison": {"rows": [ROW], **DATA},
    "cost_bars": {"costs": {"ELU": {"alone": 2.0}}, "what": "timed here"},
    "error_gallery": {
        "images": PICTURES,
        "labels": np.array([0, 1, 0]),
        "probabilities": PROBABILITIES,
        "class_names": ("a", "b", "c"),
        **DATA,
        "count": 4,
    },
    "fit_curves": {"run": RUN, **DATA},
    "gradient_by_layer": {"measured": {"a": STEPS}, "predicted": {"a": STEPS}, **DATA},
    "image_grid": {
        "images": PICTURES,
        "labels": np.array([0, 1, 0]),
        "class_names": ("a", "b", "c"),
        **DATA,
        "per_class": 2,
    },
    "learning_curves": {"runs": [RUN, RUN | {"seed": 1}], "metric": "loss", **DATA},
    "losses_by_rate": {
        "rates": np.array([0.1, 0.2]),
        "losses": {"Adam": np.array([[0.5, 0.6], [0.4, 0.5]])},
        **DATA,
        "title": "Losses",
        "marks": [MARK],
    },
    "momentum_near_one": {
        "momenta": np.array([0.9, 0.99]),
        "measured": np.array([100, 200]),
        "nesterov": np.array([90, 180]),
        "predicted": np.array([100.0, 210.0]),
        "best": 0.9,
        "title": "Momentum",
    },
    "rate_range": {
        "rates": np.array([0.01, 0.1, 1.0]),
        "losses": np.array([2.0, 1.0, 3.0]),
        "chosen": 0.1,
        **DATA,
    },
    "rate_search": {"results": FOUND, **DATA},
    "ablation": {
        "rows": [{"title": "the recipe", "accuracies": [0.5, 0.6]}],
        "spread": 0.01,
        **DATA,
    },
    "reliability_diagram": {"bins": BINS, "ece": 0.1, **DATA, "title": "a network"},
    "schedule": {"steps": STEPS, "rates": np.array([0.1, 0.2, 0.05]), "title": "cosine"},
    "seed_curves": {
        "curves": {"a": np.array([[0.1, 0.2], [0.2, 0.3]])},
        "label": "accuracy",
        **DATA,
        "marks": {"a": MARK},
    },
    "through_layers": {
        "mean": np.array([0.0, 0.1]),
        "std": np.array([1.0, 0.9]),
        "published": {"mean": (-0.1, 0.1), "std": (0.8, 1.0), "every": 1},
        **DATA,
    },
    "time_to_accuracy": {"runs": [RUN, RUN | {"seed": 1}], **DATA},
    "units_while_training": {
        "steps": np.array([0, 5]),
        "entering": {"none": np.ones((2, 2, 3))},
        "layer": "layer 1",
        **DATA,
    },
}

TRAINING = {
    "RunStore": {"folder": "a folder"},
    "learning_rate_range": {
        "variant": "elu",
        "data": COLOURED,
        "profile": PROFILE,
        "seed": 0,
        "first": 1e-3,
        "last": 0.1,
        "steps": 3,
    },
    "recorded_runs": {"backend": "jax"},
    "search_rate": {
        "variant": "elu",
        "data": COLOURED,
        "profile": PROFILE,
        "seed": 0,
        "rates": (0.1,),
        "store": None,
        "progress": False,
    },
    "stored_runs": {"folder": "a folder"},
    "train": {
        "variant": "elu",
        "data": COLOURED,
        "profile": PROFILE,
        "seed": 0,
        "epochs": 1,
        "batch_size": 32,
        "learning_rate": 0.1,
        "store": None,
        "progress": False,
    },
    "comparison.as_markdown": {"rows": [ROW | TIMES]},
    "comparison.compare": {"runs": [FINISHED], "data": "digits", "profile": "ci"},
    "comparison.published_protocol": {},
    "costs.activation_costs": {"activations": {"ELU": "elu"}, "repeats": 1},
    "costs.regularizer_costs": {"repeats": 1},
    "networks.network_for": {"data": DIGITS, **SMALL},
    "networks.scaling": {"data": DIGITS},
    "places.accuracy_by_rate": {
        "place": "none",
        "rates": [0.1],
        "data": DIGITS,
        "profile": PROFILE,
        **SMALL,
    },
    "rates.steepest_rate": {
        "rates": np.geomspace(0.01, 1, 5),
        "losses": np.array([3.0, 2.0, 1.0, 2.0, 3.0]),
    },
    "repeats.accuracies": {
        "model": COMPILED,
        "starts": Late(lambda: [_compiled().get_weights()]),
        "data": DIGITS,
        "profile": PROFILE,
        "rate": 0.1,
    },
    "repeats.compiled": {"data": DIGITS, **SMALL},
    "repeats.first_weights": {"data": DIGITS, "profile": PROFILE, **SMALL},
    "schedules.OneCycle": {"max_rate": 0.1, "total_steps": 10, "warm_up": 0.3},
    "seed_runs.validation_accuracies": {
        "data": DIGITS,
        "profile": PROFILE,
        "networks": {"a": SMALL},
        "learning_rate": 0.1,
    },
    "store.recorded_search": {},
    "store.recorded_ablation": {},
    "ablation.ablation_rows": {"ablation": ABLATION, "averaging": AVERAGING},
}

OTHERS = {
    "augmentation.mirror_and_shift": {"images": IMAGES, "rng": RNG, "reach": 2},
    "augmentation.views": {"images": IMAGES, "reach": 2},
    "backend.backend_name": {},
    "backend.use_backend": {},
    "datasets.find_data": {},
    "datasets.lesson_data": {"profile": PROFILE},
    "datasets.load_cifar10": {
        "download": False,
        "profile": replace(PROFILE, train_images=20, validation_images=10, test_images=10),
        "sources": (),
    },
    "datasets.load_digits": {},
    "datasets.make_stand_in": {"n_train": 20, "n_validation": 10, "n_test": 10, "seed": 0},
    "datasets.take": {"data": DIGITS, "profile": PROFILE},
    "evaluation.accuracy": PREDICTED,
    "evaluation.cross_entropy": PREDICTED,
    "evaluation.ensemble": {"probabilities": [PROBABILITIES, PROBABILITIES]},
    "evaluation.expected_calibration_error": {**PREDICTED, "n_bins": 5},
    "evaluation.mc_dropout": {"model": MODEL, "images": IMAGES, "passes": 2, "seed": 0},
    "evaluation.predict_probabilities": {"model": MODEL, "images": IMAGES},
    "evaluation.predict_views": {"model": MODEL, "images": IMAGES},
    "evaluation.reliability": {**PREDICTED, "n_bins": 5},
    "files.course_home": {},
    "files.replacing": {"path": "a folder/a file"},
    "labs.all_labs": {},
    "labs.digit_inputs.digit_inputs": {},
    "labs.dying_relu.dead_units": {"parameters": DIGIT_PARAMETERS, "activation": "relu"},
    "labs.dying_relu.start": {"depth": 1, "bias": 0.0, "seed": 0},
    "labs.dying_relu.train": {
        "parameters": DIGIT_PARAMETERS,
        "activation": "relu",
        "learning_rate": 0.1,
        "steps": 2,
        "seed": 0,
    },
    "labs.dying_relu.unit_slopes": {"parameters": DIGIT_PARAMETERS, "activation": "relu"},
    "labs.mc_dropout.predictions": {"rate": 0.2, "passes": 2, "noise": 1.0, "seed": 0},
    "labs.symmetry.train_units": {
        "weights": "constant(0.1)",
        "biases": "zeros",
        "activation": "tanh",
        "width": 2,
        "steps": 2,
        "learning_rate": 0.1,
        "seed": 0,
    },
    "labs.trained.held_out_digits": {},
    "labs.trained.network_document": {"name": "plain"},
    "labs.trained.standardized": {
        "images": IMAGES,
        "document": {"standardization": {"mean": 5.0, "variance": 9.0}},
    },
    "labs.trained.trained_network": {"name": "plain"},
    "linear_algebra.one_thread": {},
    "minutes.conditions": {"measured": {"a chapter": MEASURED}},
    "minutes.in_words": {"seconds": 12.0},
    "minutes.read_minutes": {},
    "minutes.seconds": {"chapter": "04_selu", "profile": "quick", "backend": "tensorflow"},
    "models.check_activation": {"activation": "elu"},
    "models.create_variables": {"trainer": COMPILED, "n_classes": 10},
    "models.deep_mlp": {
        "input_shape": (8,),
        "n_classes": 3,
        **SMALL,
        "activation": "elu",
        "initializer": "he_normal",
        "normalization": "before",
        "dropout": "alpha",
        "dropout_rate": 0.1,
        "dropout_place": "hidden",
        "mean": [0.0],
        "variance": [1.0],
        "seed": 0,
    },
    "models.get_variant": {
        "name": "bn",
        "learning_rate": 0.1,
        "batch_size": 32,
        "augment": False,
        "one_cycle_epochs": 15,
    },
    "models.logits_of": {"model": MODEL},
    "names.lookup": {"name": "a", "known": {"a": 1}, "kind": "letter"},
    "names.shown": {"value": "a"},
    "profiles.get_profile": {"name": "ci"},
    "quiz.Quiz": {"chapter": "04_selu", "questions": [QUESTION]},
    "quiz.as_html": {"text": "`a` is *b*"},
    "quiz.load_quiz": {"chapter": "04_selu"},
    "sparsity.MagnitudePruning": {
        "final_sparsity": 0.5,
        "begin_step": 0,
        "end_step": 5,
        "frequency": 1,
        "initial_sparsity": 0.0,
        "scope": "layer",
    },
    "sparsity.SoftThresholding": {"strength": 0.1},
    "sparsity.kernels_of": {"model": MODEL},
    "sparsity.penalize": {"model": MODEL, "kind": "l1", "strength": 0.1},
    "sparsity.prune": {"model": MODEL, "target": 0.5, "scope": "layer"},
    "sparsity.prune_with_toolkit": {
        "model": MODEL,
        "images": IMAGES,
        "labels": LABELS[:4],
        "target": 0.5,
        "epochs": 4,
        "batch_size": 2,
        "learning_rate": 0.1,
        "seed": 0,
    },
    "sparsity.pruned_copy": {"model": MODEL, "target": 0.5, "scope": "layer"},
    "sparsity.recorded_pruning": {},
    "sparsity.size_on_disk": {"model": MODEL},
    "sparsity.toolkit_is_installed": {},
}

EXAMPLES: dict[str, dict] = {
    **{f"theory.{name}": example for name, example in THEORY.items()},
    **{f"figures.{name}": example for name, example in FIGURES.items()},
    **{f"training.{name}": example for name, example in TRAINING.items()},
    **OTHERS,
}
