"""Initializers: Keras's variances, limits and shapes, and the rules that they follow from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.theory.initializers import (
    INITIALIZERS,
    TRUNCATED_STD,
    fans,
    get_initializer,
    sample,
    uniform_limit,
    weight_variance,
)

RANDOM = [name for name, each in INITIALIZERS.items() if each.fan]
SHAPE = (500, 200)


def from_keras(name, shape, seed=0):
    import keras

    kind = type(keras.initializers.get(name))
    initializer = kind(seed=seed)
    return keras.ops.convert_to_numpy(initializer(shape)).astype(np.float64)


@pytest.mark.parametrize("shape", [SHAPE, (3, 3, 40, 30)])
@pytest.mark.parametrize("name", RANDOM)
def test_variance_and_largest_weight_are_those_of_keras(name, shape):
    ours = sample(name, shape, np.random.default_rng(0))
    theirs = from_keras(name, shape)
    variance = weight_variance(name, shape)
    for kernel in (ours, theirs):
        assert kernel.shape == shape
        # The variance of n numbers is known to 1.4 / sqrt(n), and less for these: five times that.
        assert kernel.var() / variance == pytest.approx(1, abs=7 / np.sqrt(kernel.size))
        assert kernel.mean() == pytest.approx(0, abs=5 * np.sqrt(variance / kernel.size))
    limit = uniform_limit(variance)
    if get_initializer(name).distribution == "truncated normal":
        limit = 2 * np.sqrt(variance) / TRUNCATED_STD
    for kernel in (ours, theirs):
        assert 0.98 * limit < np.abs(kernel).max() <= limit * (1 + 1e-6)


def test_quantiles_of_the_truncated_normal_are_those_of_keras():
    share = np.linspace(0.02, 0.98, 25)
    ours = np.quantile(sample("he_normal", SHAPE, np.random.default_rng(0)), share)
    theirs = np.quantile(from_keras("he_normal", SHAPE), share)
    std = np.sqrt(weight_variance("he_normal", SHAPE))
    assert np.abs(ours - theirs).max() < 0.03 * std


def test_truncated_std_is_that_of_the_cut_normal():
    z = np.linspace(-2, 2, 200_001)
    density = np.exp(-(z**2) / 2)
    assert np.sqrt((z**2 * density).sum() / density.sum()) == pytest.approx(TRUNCATED_STD, rel=1e-4)


@given(fan_in=st.integers(1, 5000), fan_out=st.integers(1, 5000))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_variances_follow_from_the_fans(fan_in, fan_out):
    shape = (fan_in, fan_out)
    for kind in ("normal", "uniform"):
        assert weight_variance(f"lecun_{kind}", shape) == pytest.approx(1 / fan_in)
        assert weight_variance(f"he_{kind}", shape) == pytest.approx(2 / fan_in)
        assert weight_variance(f"glorot_{kind}", shape) == pytest.approx(2 / (fan_in + fan_out))
    assert weight_variance("normal(0.3)", shape) == pytest.approx(0.09)
    assert weight_variance("zeros", shape) == weight_variance("constant(7)", shape) == 0


@given(st.floats(1e-6, 1e3))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_uniform_limit_has_that_variance(variance):
    assert uniform_limit(variance) ** 2 / 3 == pytest.approx(variance)


def test_forward_wants_fan_in_and_backward_fan_out():
    rng = np.random.default_rng(0)
    x, delta = rng.standard_normal((1000, 400)), rng.standard_normal((1000, 100))
    for name, forward, backward in (
        ("lecun_normal", 1, 0.25),
        ("he_uniform", 2, 0.5),
        ("glorot_uniform", 1.6, 0.4),
    ):
        kernel = sample(name, (400, 100), rng)
        assert (x @ kernel).var() == pytest.approx(forward, rel=0.05)
        assert (delta @ kernel.T).var() == pytest.approx(backward, rel=0.05)


@pytest.mark.parametrize("shape", [(30, 30), (50, 20), (20, 50), (3, 3, 4, 8)])
def test_orthogonal_is_orthogonal_as_in_keras(shape):
    for kernel in (sample("orthogonal", shape, np.random.default_rng(0)),
                   from_keras("orthogonal", shape)):  # fmt: skip
        flat = kernel.reshape(-1, shape[-1])
        smaller = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
        assert smaller == pytest.approx(np.eye(len(smaller)), abs=1e-5)
        assert (kernel**2).mean() == pytest.approx(weight_variance("orthogonal", shape), rel=1e-4)


def test_orthogonal_draws_every_matrix_alike():
    # Without the signs of R, the first entry of Q would always have one sign.
    rng = np.random.default_rng(0)
    signs = [np.sign(sample("orthogonal", (3, 3), rng)[0, 0]) for _ in range(100)]
    assert 25 < signs.count(1.0) < 75


def test_constants_and_written_names():
    rng = np.random.default_rng(0)
    assert (sample("zeros", (2, 3), rng) == 0).all() and (sample("ones", (2, 3), rng) == 1).all()
    assert (sample("constant(-0.5)", (2, 3), rng) == -0.5).all()
    drawn = sample("normal(0.01)", SHAPE, rng)
    assert drawn.std() == pytest.approx(0.01, rel=0.02)
    assert np.abs(drawn).max() > 0.035  # not cut off
    assert get_initializer("normal(1e-2)").title == "N(0, 1e-2²)"


def test_same_seed_gives_the_same_weights():
    for name in INITIALIZERS:
        first, again = (sample(name, (5, 4), np.random.default_rng(3)) for _ in range(2))
        assert (first == again).all() and first.dtype == np.float64


@pytest.mark.parametrize("shape", [(300, 100), (3, 3, 16, 32), (5, 7, 2)])
def test_fans_are_those_of_keras(shape):
    from keras.src.initializers.random_initializers import compute_fans

    assert fans(shape) == compute_fans(shape)


@pytest.mark.parametrize("shape", [(3,), (), (0, 3), (2.5, 3), (-1, 2)])
def test_bad_shapes_are_explained(shape):
    with pytest.raises(ValueError, match="whole numbers above 0"):
        fans(shape)
    with pytest.raises(ValueError, match="whole numbers above 0"):
        sample("zeros", shape, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("he_norml", "did you mean 'he_normal'"),
        ("normal(-1)", "at least 0 and finite"),
        ("normal(1e999)", "at least 0 and finite"),
        ("constant(1e999)", "a constant is finite"),
        ("normal(1e)", "expected a number"),
        (None, "unknown initializer"),
    ],
)
def test_bad_names_are_explained(name, hint):
    with pytest.raises(ValueError, match=hint):
        get_initializer(name)
