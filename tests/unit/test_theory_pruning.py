"""Zeros in NumPy: against Keras, against SciPy, and what must hold of any kernels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from helpers.theory.pruning import (
    SCOPES,
    apply_masks,
    count_zeros,
    cubic_sparsity,
    magnitude_masks,
    magnitude_ranks,
    masks_of_ranks,
    sizes,
    soft_threshold,
    sparsity,
    threshold_masks,
)

quickly = settings(max_examples=40, derandomize=True, deadline=None)
weights = arrays(np.float64, (4, 5), elements=st.floats(-2, 2, width=32))
shares = st.floats(0, 1)


def kernels(seed=0, scales=(1.0, 0.3, 2.0)):
    rng = np.random.default_rng(seed)
    shapes = (8, 10), (10, 6), (6,)
    return [rng.normal(0, scale, shape) for scale, shape in zip(scales, shapes, strict=True)]


def test_only_exact_zeros_count():
    found = [np.array([0.0, -0.0, 1e-300]), np.zeros((2, 2), np.float32)]
    assert count_zeros(found) == 6 and sparsity(found) == pytest.approx(6 / 7)
    with pytest.raises(ValueError, match="at least one weight"):
        sparsity([])


@quickly
@given(kernel=weights, target=shares, scope=st.sampled_from([*SCOPES]))
def test_masks_drop_the_exact_number_and_none_that_is_larger_than_one_kept(kernel, target, scope):
    (mask,) = magnitude_masks([kernel], target, scope)
    assert mask.shape == kernel.shape and mask.dtype == bool
    assert np.sum(~mask) == round(target * kernel.size)
    magnitudes = np.abs(kernel)
    assert magnitudes[~mask].max(initial=0) <= magnitudes[mask].min(initial=np.inf)


@quickly
@given(kernel=weights, low=shares, high=shares)
def test_a_higher_target_never_brings_a_weight_back(kernel, low, high):
    low, high = sorted((low, high))
    (few,), (many,) = (magnitude_masks([kernel], target) for target in (low, high))
    assert not np.any(many & ~few)


def test_scopes_rank_by_layer_over_all_and_in_standard_deviations():
    found = kernels()
    by_layer = magnitude_masks(found, 0.5, "layer")
    assert [np.sum(~mask) for mask in by_layer] == [40, 30, 3]
    together = magnitude_masks(found, 0.5, "global")
    assert sum(np.sum(~mask) for mask in together) == 73
    cut = np.sort(np.abs(np.concatenate([k.ravel() for k in found])))[73]
    for kernel, mask in zip(found, together, strict=True):
        np.testing.assert_array_equal(mask, np.abs(kernel) >= cut)
    assert np.mean(~together[1]) > 0.7 > np.mean(~together[0])  # the smallest layer loses most
    spread = magnitude_masks(found, 0.5, "deviations")
    dropped = [np.abs(k)[~m].max(initial=0) / k.std() for k, m in zip(found, spread, strict=True)]
    kept = [np.abs(k)[m].min(initial=9) / k.std() for k, m in zip(found, spread, strict=True)]
    assert max(dropped) <= min(kept)  # one threshold, in standard deviations of the layer
    shares = [
        np.mean(~mask) for mask in magnitude_masks([100 * found[0], found[0]], 0.5, "deviations")
    ]
    assert shares == [0.5, 0.5]


def test_ranks_give_the_masks_of_any_target():
    found = kernels()
    for scope in SCOPES:
        ranks = magnitude_ranks(found, scope)
        for target in (0, 0.3, 0.77, 1):
            pairs = zip(
                masks_of_ranks(ranks, target, scope),
                magnitude_masks(found, target, scope),
                strict=True,
            )
            assert all(np.array_equal(one, other) for one, other in pairs)


def test_equal_magnitudes_are_dropped_from_the_front_and_a_constant_layer_is_no_trouble():
    for scope in SCOPES:
        (mask,) = magnitude_masks([np.array([1.0, -1.0, 1.0, 0.0])], 0.5, scope)
        assert mask.tolist() == [False, True, True, False]
        (mask,) = magnitude_masks([np.full(4, 2.0)], 0.25, scope)
        assert mask.tolist() == [False, True, True, True]


@pytest.mark.parametrize("target", [-0.1, 1.1, float("nan")])
def test_a_target_is_a_share(target):
    with pytest.raises(ValueError, match="from 0 to 1"):
        magnitude_masks(kernels(), target)


def test_an_unknown_scope_is_explained():
    with pytest.raises(ValueError, match="did you mean 'layer'"):
        magnitude_masks(kernels(), 0.5, "layers")


def test_a_threshold_keeps_what_reaches_it():
    found = [np.array([0.1, -0.2, 0.3])]
    assert threshold_masks(found, 0.2)[0].tolist() == [False, True, True]
    assert threshold_masks(found, 0)[0].all()
    with pytest.raises(ValueError, match="0 or above"):
        threshold_masks(found, -1)


def test_masks_are_applied_without_changing_what_came():
    found = [kernel.astype(np.float32) for kernel in kernels()]
    before = [kernel.copy() for kernel in found]
    masks = magnitude_masks(found, 0.4)
    pruned = apply_masks(found, masks)
    for kernel, mask, result, old in zip(found, masks, pruned, before, strict=True):
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, kernel * mask)
        np.testing.assert_array_equal(kernel, old)
    with pytest.raises(ValueError, match="the shape of its kernel"):
        apply_masks(found, masks[::-1])
    (result,) = apply_masks([np.array([np.inf, 1.0])], [np.array([False, True])])
    assert result.tolist() == [0.0, 1.0]  # multiplying would give NaN


def test_the_schedule_is_the_polynomial_decay_of_keras():
    """Keras's schedule of the learning rate is the same polynomial, from one value to another."""
    from keras.optimizers.schedules import PolynomialDecay

    theirs = PolynomialDecay(0.2, decay_steps=80, end_learning_rate=0.9, power=3)
    steps = np.arange(20, 120, 7)
    ours = cubic_sparsity(steps, final=0.9, begin=20, end=100, initial=0.2)
    np.testing.assert_allclose(ours, [float(theirs(step - 20)) for step in steps], atol=1e-6)


@quickly
@given(step=st.integers(-10, 300), final=shares, power=st.floats(0.5, 5))
def test_the_schedule_rises_between_its_ends_and_stays_there(step, final, power):
    setting = {"final": final, "begin": 50, "end": 150, "initial": final / 3, "power": power}
    now, later = cubic_sparsity([step, step + 1], **setting)
    assert final / 3 - 1e-12 <= now <= later + 1e-12 <= final + 2e-12
    if step <= 50:
        assert now == pytest.approx(final / 3)
    if step >= 150:
        assert now == pytest.approx(final)


@pytest.mark.parametrize(
    "changes", [{"final": 1.1}, {"initial": 0.95}, {"begin": 100}, {"begin": -1}, {"power": 0}]
)
def test_a_schedule_that_cannot_be_is_explained(changes):
    with pytest.raises(ValueError, match="a schedule needs"):
        cubic_sparsity(3, **{"final": 0.9, "begin": 0, "end": 100, **changes})


@quickly
@given(w=weights, amount=st.floats(0, 1.5))
def test_soft_thresholding_is_the_proximal_step_of_l1(w, amount):
    """It minimizes (v - w)² / 2 + amount * |v|: no v nearby, and not 0 either, does better."""
    best = soft_threshold(w, amount)

    def objective(v):
        return (v - w) ** 2 / 2 + amount * np.abs(v)

    for other in (best - 1e-3, best + 1e-3, np.zeros_like(w), w):
        assert np.all(objective(best) <= objective(other) + 1e-12)
    assert np.array_equal(best == 0, np.abs(w) <= amount)


def test_soft_thresholding_keeps_the_dtype_and_refuses_to_push_away():
    assert soft_threshold(np.array([0.5, -0.5], np.float32), 0.1).dtype == np.float32
    with pytest.raises(ValueError, match="by 0 or more"):
        soft_threshold(np.ones(3), -0.1)


def test_l1_by_gradient_leaves_no_zero_and_by_proximal_step_many():
    """Of (w - 1)² and (w - 0.01)², summed, the second weight belongs at 0 under a strong L1."""
    target, rate, strength = np.array([1.0, 0.01]), 0.1, 0.3
    by_gradient = by_step = np.array([0.5, 0.5123])
    for _ in range(500):
        by_gradient = by_gradient - rate * (by_gradient - target + strength * np.sign(by_gradient))
        by_step = soft_threshold(by_step - rate * (by_step - target), rate * strength)
    assert count_zeros([by_gradient]) == 0 and abs(by_gradient[1]) < rate * strength
    assert by_step == pytest.approx([0.7, 0.0]) and by_step[1] == 0


def test_sizes_are_those_of_the_bytes():
    found = apply_masks(kernels(), magnitude_masks(kernels(), 0.8))
    bias = np.arange(7.0)
    size = sizes([*found[:2], bias])
    assert size.dense == 4 * (80 + 60 + 7)
    in_scipy = 0
    for kernel in found[:2]:
        rows = csr_array(kernel.astype(np.float32))
        parts = rows.data, rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
        in_scipy += sum(part.nbytes for part in parts)
    assert size.csr == in_scipy + 4 * 7  # a vector stays as it is
    assert sizes([bias], "float64").dense == 56


def test_zip_packs_zeros_and_not_noise():
    noise = [np.random.default_rng(0).normal(size=(100, 100))]
    pruned = apply_masks(noise, magnitude_masks(noise, 0.9))
    assert sizes(noise).zipped > 0.85 * sizes(noise).dense
    assert sizes(pruned).zipped < 0.2 * sizes(noise).dense
