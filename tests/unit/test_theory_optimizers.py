"""Optimizers in NumPy: equal to Keras's on the same gradients, and true to the theory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.backend import use_backend
from helpers.theory.fitting import final_losses, fit
from helpers.theory.optimizers import (
    FAR,
    OPTIMIZERS,
    best_momentum,
    best_rate,
    clip_by_norm,
    clip_by_value,
    contraction,
    make_optimizer,
    momentum_path,
    optimize,
    optimize_at_each,
    steps_until_close,
)
from helpers.theory.surfaces import RAVINE_CURVATURES, SURFACES, get_surface

STEPS = 60
SHAPES = [(4, 3), (3,)]  # two variables: Keras clips each by itself
# Keras rounds its settings to float32. These are sums of few powers of 2, so nothing is rounded.
RATE = 2**-4
EXACT = {
    "sgd": {"learning_rate": RATE},
    "momentum": {"learning_rate": RATE, "momentum": 1 - 2**-5},
    "nesterov": {"learning_rate": RATE, "momentum": 1 - 2**-5},
    "rmsprop": {"learning_rate": RATE, "rho": 0.75, "epsilon": 2**-10},
    "adam": {"learning_rate": RATE, "beta_1": 0.75, "beta_2": 0.9375, "epsilon": 2**-12},
    "nadam": {"learning_rate": RATE, "beta_1": 0.75, "beta_2": 0.9375, "epsilon": 2**-12},
    "adamw": {"learning_rate": RATE, "beta_1": 0.75, "beta_2": 0.9375, "weight_decay": 0.25},
}
RATES = st.floats(1e-4, 0.02)  # both kinds of momentum converge at these on the ravine
MOMENTA = st.floats(0, 0.995)


def keras_run(optimizer, gradients, **more):
    """Return what Keras makes of weights of 1, variable by variable, in float64."""
    use_backend()
    import keras

    more |= {"nesterov": True} if optimizer.name == "nesterov" else {}
    theirs = getattr(keras.optimizers, optimizer.keras_name)(**optimizer.settings, **more)
    variables = [keras.Variable(np.ones(shape), dtype="float64") for shape in SHAPES]
    for step in gradients:
        theirs.apply(
            [keras.ops.convert_to_tensor(gradient, "float64") for gradient in step], variables
        )
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def own_run(optimizer, gradients):
    weights, states = [np.ones(shape) for shape in SHAPES], [None] * len(SHAPES)
    for step in gradients:
        for place, gradient in enumerate(step):
            moved = optimizer.step(weights[place], gradient, states[place])
            weights[place], states[place] = moved
    assert all(state.count == len(gradients) for state in states)
    return weights


@pytest.fixture(scope="module")
def gradients():
    """Gradients whose size changes a lot from variable to variable and step to step."""
    rng = np.random.default_rng(5)
    sizes = 10.0 ** rng.uniform(-2, 1, STEPS)
    return [[size * rng.normal(0.3, 1, shape) for shape in SHAPES] for size in sizes]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6], ids=["defaults", "exact"])
def test_each_optimizer_takes_the_steps_of_keras(name, tolerance, gradients):
    optimizer = make_optimizer(name, **(EXACT[name] if tolerance < 1e-5 else {}))
    for own, theirs in zip(
        own_run(optimizer, gradients), keras_run(optimizer, gradients), strict=True
    ):
        assert np.abs(own - 1).max() > 1e-3
        np.testing.assert_allclose(own - 1, theirs - 1, rtol=tolerance, atol=0.1 * tolerance)


@pytest.mark.parametrize(
    "name, clipping",
    [
        ("sgd", {"clipnorm": 0.5}),
        ("sgd", {"clipvalue": 0.125}),
        ("nesterov", {"clipnorm": 0.5}),
        ("adam", {"clipvalue": 0.125}),
        ("nadam", {"clipnorm": 0.5}),
        ("momentum", {"clipnorm": 0.5, "weight_decay": 0.25}),
    ],
)
def test_clipping_and_decay_are_those_of_keras(name, clipping, gradients):
    optimizer = make_optimizer(name, **EXACT[name], **clipping)
    own, plain = (
        own_run(optimizer, gradients),
        own_run(make_optimizer(name, **EXACT[name]), gradients),
    )
    for mine, theirs, other in zip(own, keras_run(optimizer, gradients), plain, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-7)
        assert np.abs(mine - other).max() > 1e-3


def test_a_rate_may_be_a_schedule_as_in_keras(gradients):
    use_backend()
    import keras

    schedule = keras.optimizers.schedules.ExponentialDecay(RATE, decay_steps=8, decay_rate=0.5)
    exact = {**EXACT["adam"], "learning_rate": schedule}
    theirs = keras_run(make_optimizer("adam", **exact), gradients)
    exact["learning_rate"] = lambda count: RATE * 0.5 ** (count / 8)
    for mine, other in zip(
        own_run(make_optimizer("adam", **exact), gradients), theirs, strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)


def test_the_defaults_are_those_of_keras():
    use_backend()
    import keras

    for name, entry in OPTIMIZERS.items():
        theirs = getattr(keras.optimizers, entry.keras_name)().get_config()
        differ = {
            key for key, value in entry.settings.items() if theirs[key] != pytest.approx(value)
        }
        assert differ == ({"momentum"} if name in ("momentum", "nesterov") else set())


# --- clipping


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(1e-3, 1e3))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_clipping_limits_and_by_norm_keeps_the_direction(values, limit):
    gradient = np.array(values)
    by_norm, by_value = clip_by_norm(gradient, limit), clip_by_value(gradient, limit)
    norm = np.linalg.norm(gradient)
    assert np.linalg.norm(by_norm) <= limit * (1 + 1e-12)
    assert np.abs(by_value).max() <= limit
    np.testing.assert_allclose(by_norm * max(norm, limit), gradient * limit, rtol=1e-9, atol=1e-300)
    if norm <= limit:
        np.testing.assert_allclose(by_norm, gradient, rtol=1e-12)


def test_norm_can_be_taken_row_by_row():
    gradients = np.array([[30.0, 40.0], [0.3, 0.4]])
    np.testing.assert_allclose(clip_by_norm(gradients, 1.0, axis=-1), [[0.6, 0.8], [0.3, 0.4]])


# --- paths


def test_sgd_on_a_quadratic_is_what_one_computes_by_hand():
    path = optimize(get_surface("ravine"), make_optimizer("sgd", learning_rate=0.01), (2, 1), 3)
    np.testing.assert_allclose(path.positions[:, 0], 2 * 0.99 ** np.arange(4))
    np.testing.assert_allclose(path.positions[:, 1], 0.5 ** np.arange(4))
    np.testing.assert_allclose(path.losses[:2], [27.0, (1.98**2 + 50 * 0.25) / 2])
    assert not path.diverged


@pytest.mark.parametrize("rate, diverges", [(0.0399, False), (0.0401, True)])
def test_plain_sgd_diverges_from_twice_over_the_largest_curvature(rate, diverges):
    path = optimize(get_surface("ravine"), make_optimizer("sgd", learning_rate=rate), (1, 1), 9_000)
    assert path.diverged == diverges
    assert np.abs(path.positions).max() <= FAR
    assert (len(path.positions) < 9_001) == diverges
    assert np.isfinite(path.losses).all() and len(path.losses) == len(path.positions)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_many_rates_at_once_give_the_paths_of_each_alone(name):
    rates = [1e-3, 0.02, 0.5, 30.0]
    surface = get_surface("cliff")
    optimizer = make_optimizer(name, clipnorm=2.0)
    together = optimize_at_each(surface, optimizer, surface.start, 40, rates)
    for rate, path in zip(rates, together, strict=True):
        alone = make_optimizer(name, clipnorm=2.0, learning_rate=rate)
        expected = optimize(surface, alone, surface.start, 40)
        np.testing.assert_allclose(path.positions, expected.positions, rtol=1e-12)
        assert path.diverged == expected.diverged


def test_every_optimizer_arrives_on_the_ravine():
    surface = get_surface("ravine")
    for name in OPTIMIZERS:
        paths = optimize_at_each(
            surface, make_optimizer(name), surface.start, 300, np.geomspace(1e-3, 1, 13)
        )
        assert min(path.losses[-1] for path in paths) < 1e-3 * paths[0].losses[0], name


def test_nothing_warns_however_far_it_goes():
    with np.errstate(all="raise"):
        for surface in SURFACES.values():
            for name in OPTIMIZERS:
                optimize(surface, make_optimizer(name, learning_rate=50.0), surface.start, 80)


# --- momentum on a quadratic


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
@given(rate=RATES, momentum=MOMENTA)
@settings(deadline=None, derandomize=True, max_examples=30)
def test_the_filter_takes_the_optimizers_steps(name, rate, momentum):
    start = (-4.0, 1.0)
    optimizer = make_optimizer(name, learning_rate=rate, momentum=momentum)
    path = optimize(get_surface("ravine"), optimizer, start, 80)
    for place, curvature in enumerate(RAVINE_CURVATURES):
        quick = momentum_path(curvature, start[place], rate, momentum, 80, name == "nesterov")
        np.testing.assert_allclose(quick, path.positions[:, place], rtol=1e-9, atol=1e-9)


@given(rate=RATES, momentum=MOMENTA, nesterov=st.booleans())
@settings(deadline=None, derandomize=True, max_examples=30)
def test_contraction_is_the_radius_of_the_iterations_matrix(rate, momentum, nesterov):
    """Velocity and place after a step are linear in those before: its eigenvalues are the truth."""
    radii = []
    for curvature in RAVINE_CURVATURES:
        slope = rate * curvature
        velocity = [momentum, -slope]
        ahead = [momentum**2, 1 - slope - momentum * slope]
        place = ahead if nesterov else [momentum, 1 - slope]
        radii.append(np.abs(np.linalg.eigvals(np.array([velocity, place]))).max())
    # Two equal roots are found to the square root of the precision only.
    assert contraction(RAVINE_CURVATURES, rate, momentum, nesterov) == pytest.approx(
        max(radii), abs=1e-7
    )


@pytest.mark.parametrize("momentum", [0.9, 0.99, 0.999, 0.9999, 0.99999])
def test_close_to_one_steps_grow_as_one_over_the_gap_whatever_the_rate(momentum):
    predicted = np.log(0.01) / np.log(np.sqrt(momentum))
    for rate in (0.01, 0.03, best_rate(RAVINE_CURVATURES, momentum)):
        steps = steps_until_close(RAVINE_CURVATURES, (-4.0, 1.0), rate, momentum)
        assert 0.75 * predicted < steps < 1.25 * predicted


def test_steps_until_close_counts_to_the_last_time_it_was_away():
    curvatures, start = RAVINE_CURVATURES, (-4.0, 1.0)
    for nesterov, name in ((False, "momentum"), (True, "nesterov")):
        optimizer = make_optimizer(name, learning_rate=0.02)
        path = optimize(get_surface("ravine"), optimizer, start, 400)
        distances = np.linalg.norm(path.positions, axis=1)
        expected = 1 + int(np.flatnonzero(distances > 0.01 * distances[0])[-1])
        steps = steps_until_close(curvatures, start, 0.02, 0.9, most=5_000, nesterov=nesterov)
        assert steps == expected
    assert steps_until_close(curvatures, start, 0.02, 0.99999, most=5_000) is None
    assert steps_until_close(curvatures, start, 1.0, 0.9, most=5_000) is None  # diverges


@pytest.mark.parametrize("condition", [4.0, 50.0, 1000.0])
def test_best_momentum_and_rate_are_those_of_a_search(condition):
    curvatures = (1.0, condition)
    best = best_momentum(curvatures)
    root = np.sqrt(condition)
    lowest = contraction(curvatures, best_rate(curvatures, best), best)
    assert lowest == pytest.approx((root - 1) / (root + 1), abs=1e-6)
    for momentum in np.linspace(0, 0.99, 25):
        for rate in np.linspace(0.05, 3.9, 60) / condition:
            assert contraction(curvatures, rate, momentum) >= lowest - 1e-6
        at_best = contraction(curvatures, best_rate(curvatures, momentum), momentum)
        others = [
            contraction(curvatures, r / condition, momentum) for r in np.linspace(0.05, 4, 60)
        ]
        assert at_best <= min(others) + 1e-6
    assert contraction(curvatures, best_rate(curvatures, 0.0), 0.0) == pytest.approx(
        (condition - 1) / (condition + 1)
    )


def test_on_an_even_slope_momentum_reaches_one_over_the_gap():
    optimizer = make_optimizer("momentum", learning_rate=0.1, momentum=0.95)
    place, state = np.array(0.0), None
    for _ in range(400):
        before = place
        place, state = optimizer.step(place, np.array(2.0), state)
    assert before - place == pytest.approx(0.1 * 2.0 / (1 - 0.95))


def test_adam_divides_an_l2_penalty_by_the_gradients_and_adamw_does_not():
    noise = np.random.default_rng(0).normal(scale=[1.0, 0.01], size=(3_000, 2))
    left = {}
    for name, penalty, decay in (("adam", 0.1, None), ("adamw", 0.0, 0.1)):
        optimizer = make_optimizer(name, learning_rate=1e-3, weight_decay=decay)
        weights, state = np.ones(2), None
        for gradient in noise:
            weights, state = optimizer.step(weights, gradient + penalty * weights, state)
        left[name] = weights
    assert left["adam"][0] > 0.5 and abs(left["adam"][1]) < 0.05
    np.testing.assert_allclose(left["adamw"], (1 - 1e-4) ** 3_000, atol=0.1)


# --- training a network


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=240)
    x = rng.normal(size=(240, 5)) + 2 * np.eye(3, 5)[labels]
    return x.astype(np.float32), labels


def test_a_step_of_fit_is_a_step_of_keras(blobs):
    use_backend()
    import keras

    x, labels = blobs
    settings = {"hidden": (6,), "batch_size": len(x), "seed": 3}
    rate = 1e-30  # the weights that it starts from
    first = fit(x, labels, make_optimizer("sgd", learning_rate=rate), **settings).parameters
    ours = fit(x, labels, make_optimizer("nadam", learning_rate=0.05), **settings, epochs=4)
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(3)]
    )
    model.set_weights([array for pair in zip(*first, strict=True) for array in pair])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Nadam(0.05), loss)
    theirs = [float(model.train_on_batch(x, labels)) for _ in range(4)]
    np.testing.assert_allclose(ours.losses, theirs, rtol=1e-5)
    weights = [array for pair in zip(*ours.parameters, strict=True) for array in pair]
    for own, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(own, other, atol=1e-5)


def test_fit_learns_and_depends_on_the_seed_alone(blobs):
    optimizer = make_optimizer("adam", learning_rate=0.02)
    one, again = (fit(*blobs, optimizer, epochs=8, seed=1) for _ in range(2))
    assert np.array_equal(one.losses, again.losses)
    assert one.losses.shape == (8 * (240 // 32),)
    assert one.accuracy(*blobs) > 0.9 and one.final_loss() < 0.5 * one.losses[0]
    assert not np.array_equal(one.losses, fit(*blobs, optimizer, epochs=8, seed=2).losses)
    assert all(part.dtype == np.float32 for parts in one.parameters for part in parts)


def test_fit_stops_where_it_diverges_and_says_so(blobs):
    lost = fit(*blobs, make_optimizer("sgd", learning_rate=1e20), epochs=2)
    assert np.isnan(lost.losses[-1]) and np.isfinite(lost.losses[0])
    assert lost.final_loss() == np.inf


def test_final_losses_are_those_of_each_fit(blobs):
    table = final_losses(
        *blobs, "momentum", rates=(0.01, 0.1), seeds=(0, 1), epochs=2, batch_size=40, momentum=0.5
    )
    one = make_optimizer("momentum", learning_rate=0.1, momentum=0.5)
    assert table.shape == (2, 2)
    assert table[1, 0] == fit(*blobs, one, epochs=2, batch_size=40, seed=0).final_loss()


# --- errors


@pytest.mark.parametrize(
    "name, changes, message",
    [
        ("adma", {}, "did you mean 'adam'"),
        ("adam", {"momentum": 0.9}, "unknown setting of Adam 'momentum'"),
        ("sgd", {"learning_rate": 0}, "learning_rate must be above 0"),
        ("sgd", {"learning_rate": np.nan}, "learning_rate must be above 0"),
        ("momentum", {"momentum": 1.0}, "momentum must lie in"),
        ("adam", {"beta_2": -0.1}, "beta_2 must lie in"),
        ("sgd", {"clipnorm": 0.0}, "clipnorm must be above 0"),
        ("sgd", {"clipnorm": 1.0, "clipvalue": 1.0}, "only one of"),
        ("adamw", {"weight_decay": -1.0}, "weight_decay must be at least 0"),
    ],
)
def test_bad_settings_are_named(name, changes, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer(name, **changes)


def test_bad_arguments_are_named(blobs):
    with pytest.raises(ValueError, match="one step or more"):
        optimize(get_surface("ravine"), make_optimizer("sgd"), (1, 1), 0)
    with pytest.raises(ValueError, match="curvatures above 0"):
        best_momentum((0.0, 1.0))
    with pytest.raises(ValueError, match="batch_size must lie in"):
        fit(*blobs, make_optimizer("sgd"), batch_size=241)
