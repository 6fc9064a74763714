"""Schedules in NumPy: Keras's formulas, and the shapes they are named for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.backend import use_backend
from helpers.theory.schedules import (
    SCHEDULES,
    constant,
    cosine,
    exponential,
    inverse_time,
    make_schedule,
    one_cycle,
    piecewise_constant,
    power,
    warm_up,
)

STEPS = np.arange(0, 130)
FALLING = [name for name, design in SCHEDULES.items() if design.has_end]


@pytest.fixture(scope="module")
def keras_schedules():
    use_backend()
    import keras

    return keras.optimizers.schedules


def theirs(schedule):
    return np.array([float(schedule(int(step))) for step in STEPS])


def test_inverse_time_is_that_of_keras(keras_schedules):
    expected = theirs(keras_schedules.InverseTimeDecay(0.1, decay_steps=20, decay_rate=0.7))
    np.testing.assert_allclose(inverse_time(STEPS, 0.1, 20, 0.7), expected, rtol=1e-6)
    np.testing.assert_allclose(power(STEPS, 0.1, 20), inverse_time(STEPS, 0.1, 20))


def test_exponential_is_that_of_keras(keras_schedules):
    expected = theirs(keras_schedules.ExponentialDecay(0.1, decay_steps=20, decay_rate=0.7))
    np.testing.assert_allclose(exponential(STEPS, 0.1, 20, 0.7), expected, rtol=2e-6)


def test_piecewise_constant_is_that_of_keras(keras_schedules):
    boundaries, rates = [10, 50, 51], [1.0, 0.3, 0.1, 0.03]
    expected = theirs(keras_schedules.PiecewiseConstantDecay(boundaries, rates))
    np.testing.assert_allclose(piecewise_constant(STEPS, boundaries, rates), expected, rtol=1e-6)


def test_cosine_is_that_of_keras_with_and_without_warm_up(keras_schedules):
    expected = theirs(keras_schedules.CosineDecay(0.1, decay_steps=90, alpha=0.05))
    np.testing.assert_allclose(cosine(STEPS, 0.1, 90, 0.05), expected, rtol=1e-5)
    warmed = keras_schedules.CosineDecay(
        0.01, decay_steps=90, alpha=0.05, warmup_target=0.1, warmup_steps=30
    )
    own = warm_up(STEPS, lambda step: cosine(step, 0.1, 90, 0.05), 30, first_rate=0.01)
    np.testing.assert_allclose(own, theirs(warmed), rtol=1e-5)


@pytest.mark.parametrize("warm", [0.1, 0.3, 0.77])
def test_one_cycle_is_the_courses_own(warm):
    use_backend()
    from helpers.training.schedules import OneCycle

    expected = theirs(OneCycle(0.05, total_steps=100, warm_up=warm))
    np.testing.assert_allclose(one_cycle(STEPS, 0.05, 100, warm), expected, rtol=2e-5, atol=1e-9)
    chosen = make_schedule("one_cycle", 0.05, 100, warm)
    np.testing.assert_allclose(chosen(STEPS), expected, rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize("name", FALLING)
@given(
    peak=st.floats(1e-3, 10),
    steps=st.integers(10, 2_000),
    share=st.floats(0, 0.9),
    last=st.floats(1e-3, 0.9),
)
@settings(deadline=None, derandomize=True, max_examples=40)
def test_every_falling_schedule_rises_to_the_peak_and_ends_at_its_share(
    name, peak, steps, share, last
):
    schedule = make_schedule(name, peak, steps, share, last)
    rising = share * steps
    assert schedule(steps) == pytest.approx(peak * last)
    assert schedule(rising) == pytest.approx(peak)
    rates = schedule(np.arange(steps + 1))
    assert (rates >= 0).all() and rates.max() <= peak * (1 + 1e-9)
    before, after = rates[: int(rising) + 1], rates[int(np.ceil(rising)) :]
    assert (np.diff(before) >= -1e-12).all() and (np.diff(after) <= 1e-12).all()
    if rising > 1:
        assert rates[0] == 0
        assert rates[1] == pytest.approx(peak / rising)


def test_constant_has_a_warm_up_and_no_end():
    rates = make_schedule("constant", 0.1, 100, 0.2, 0.01)(np.arange(101))
    np.testing.assert_allclose(rates[:21], np.arange(21) * 0.1 / 20)
    assert (rates[20:] == 0.1).all()
    assert constant(7, 0.3).shape == () and constant(7, 0.3) == 0.3


def test_one_cycle_starts_peaks_and_ends_where_it_should():
    rates = one_cycle(np.array([0, 30, 100, 500]), 1.0, 100)
    np.testing.assert_allclose(rates, [1 / 25, 1.0, 1e-4, 1e-4])


def test_names_in_keras_exist(keras_schedules):
    for design in SCHEDULES.values():
        assert design.keras_name is None or hasattr(keras_schedules, design.keras_name)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("cosin", 0.1, 10), "did you mean 'cosine'"),
        (("cosine", 0.0, 10), "peak > 0"),
        (("cosine", 0.1, 0), "steps >= 1"),
        (("cosine", 0.1, 10, 1.0), "warm_up_share in"),
        (("cosine", 0.1, 10, 0.0, 0.0), "last_share in"),
        (("one_cycle", 0.1, 10, 0.0), "give it a warm-up"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_schedule(*arguments)


def test_other_bad_arguments_are_named():
    with pytest.raises(ValueError, match="one rate more than boundaries"):
        piecewise_constant(3, [1, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="rising boundaries"):
        piecewise_constant(3, [2, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="a share in"):
        one_cycle(3, 0.1, 10, 1.0)
