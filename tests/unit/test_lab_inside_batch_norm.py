"""The lab of chapter 05: its numbers, its picture, its words."""

import html
import warnings

import numpy as np
import pytest

from helpers.figures.base import CourseFigure
from helpers.labs.inside_batch_norm import (
    BATCH_SIZES,
    BINS,
    EPSILONS,
    MOMENTA,
    TRUE_MEAN,
    TRUE_STD,
    InsideBatchNorm,
)
from helpers.theory import batch_norm

DEFAULT = InsideBatchNorm.default_settings()


def compute(**settings):
    return InsideBatchNorm.compute({**DEFAULT, **settings})


def draw(data):
    figure = CourseFigure("x", InsideBatchNorm.width, InsideBatchNorm.height, layout="none")
    InsideBatchNorm.draw(data, figure)
    return figure


# --- compute


def test_default_shows_an_evaluation_that_came_too_early():
    data = compute()
    held = batch_norm.MOMENTUM**data.steps
    assert data.start_share == pytest.approx(held)
    assert data.mean.moving[-1] == pytest.approx(TRUE_MEAN * (1 - held), abs=0.15)
    assert abs(data.training.mean) < 1e-6 and data.training.std == pytest.approx(1, abs=1e-3)
    assert data.inference.mean > 0.7 and data.inference.std > 1.1


def test_enough_steps_close_the_gap():
    data = compute(steps=1000, batch_size=256)
    assert data.mean.moving[-1] == pytest.approx(TRUE_MEAN, abs=0.05)
    assert data.std.moving[-1] == pytest.approx(TRUE_STD, abs=0.05)
    assert data.inference.mean == pytest.approx(0, abs=0.05)
    assert data.inference.std == pytest.approx(1, abs=0.03)


def test_moving_averages_are_updates_one_after_the_other():
    data = compute(momentum=0.9, steps=20)
    moving = batch_norm.start_moving(1)
    for mean, std, now_mean, now_std in zip(
        data.mean.batch, data.std.batch, data.mean.moving, data.std.moving, strict=True
    ):
        passed = batch_norm.Forward(None, None, mean, std**2, 1e-3)
        moving = batch_norm.update_moving(moving, passed, 0.9)
        assert [now_mean, now_std**2] == pytest.approx([moving.mean[0], moving.variance[0]])


def test_a_batch_of_one_gives_zero_in_training_and_explodes_in_inference():
    data = compute(batch_size=1, steps=1000)
    assert not data.std.batch.any()
    assert data.training.mean == data.training.std == 0
    assert data.training.shares.max() == 1
    assert data.inference.std == pytest.approx(TRUE_STD / np.sqrt(1e-3), rel=0.05)


def test_a_batch_of_two_gives_two_values_and_half_the_variance():
    data = compute(batch_size=2, steps=1000, momentum=0.999)
    centres = (data.edges[:-1] + data.edges[1:]) / 2
    width = data.edges[1] - data.edges[0]
    near = np.abs(np.abs(centres) - 1) < width
    assert data.training.shares[near].sum() > 0.95
    seen = (data.std.batch**2).mean()  # the batch's variance divides by 2, not by 1
    assert seen == pytest.approx(TRUE_STD**2 / 2, rel=0.1)


def test_shift_midway_moves_the_data_and_the_averages_follow():
    data = compute(shift=2.0, steps=200)
    assert data.mean.true[99] == TRUE_MEAN and data.mean.true[100] == TRUE_MEAN + 2 * TRUE_STD
    assert data.mean.moving[-1] > data.mean.moving[99] and not data.unseen


def test_shift_after_training_is_seen_by_inference_alone():
    settled = {"steps": 1000, "batch_size": 256, "shift": 2.0}
    data = compute(when="after", **settled)
    assert (data.mean.true == TRUE_MEAN).all() and data.unseen
    assert data.inference.mean == pytest.approx(2, abs=0.1)
    assert data.training.mean == pytest.approx(0, abs=1e-6)


def test_epsilon_shrinks_what_comes_out():
    small, large = (compute(steps=1000, epsilon=epsilon) for epsilon in (1e-5, 0.1))
    assert large.training.std < small.training.std


def test_a_seed_gives_the_same_data_again():
    one, two, other = compute(seed=1), compute(seed=1), compute(seed=2)
    assert np.array_equal(one.mean.batch, two.mean.batch)
    assert not np.array_equal(one.mean.batch, other.mean.batch)


def test_no_setting_that_a_control_offers_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in BATCH_SIZES:
            for momentum in MOMENTA:
                for epsilon in EPSILONS:
                    data = compute(
                        batch_size=size, momentum=momentum, epsilon=epsilon, steps=10, shift=-3.0
                    )
                    for outputs in (data.training, data.inference):
                        assert np.isfinite([outputs.mean, outputs.std]).all()
                        assert outputs.shares.sum() == pytest.approx(1, abs=0.01)
                        assert len(outputs.shares) == BINS


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"batch_size": 3}, "batch_size must be one of 1, 2, 4"),
        ({"momentum": 1.0}, "momentum must be one of"),
        ({"epsilon": 0}, "epsilon must be one of"),
        ({"steps": 5}, "steps must be a whole number from 10 to 1,000"),
        ({"shift": 4}, r"shift must lie in \[-3, 3\]"),
        ({"when": "midwy"}, "did you mean 'midway'"),
        ({"momentun": 0.9}, "did you mean 'momentum'"),
    ],
)
def test_bad_settings_are_explained(bad, message):
    with pytest.raises(ValueError, match=message):
        InsideBatchNorm(**bad)


# --- draw, describe, table


def test_picture_holds_what_was_computed():
    data = compute()
    mean_axes, std_axes, out_axes = draw(data).axes
    for axes, statistic in ((mean_axes, data.mean), (std_axes, data.std)):
        drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
        assert np.array_equal(drawn["batch"], statistic.batch)
        assert np.array_equal(drawn["moving average"], statistic.moving)
        assert np.array_equal(drawn["data"], statistic.true)
    outlines = [patch.get_data() for patch in out_axes.patches if not patch.get_fill()]
    assert np.array_equal(outlines[0].values, 100 * data.training.shares)
    assert np.array_equal(outlines[1].values, 100 * data.inference.shares)
    assert "random inputs" in out_axes.get_title(loc="left")


def test_inputs_that_training_never_saw_are_marked():
    data = compute(shift=1.0, when="after")
    marks = [line for line in draw(data).axes[0].lines if line.get_label() == "in inference"]
    assert marks[0].get_ydata()[0] == TRUE_MEAN + TRUE_STD
    assert "mean 6.00, and training never saw such" in InsideBatchNorm.describe(data)
    assert all(line.get_label() != "in inference" for line in draw(compute()).axes[0].lines)


def test_description_has_the_numbers():
    data = compute()
    said = InsideBatchNorm.describe(data)
    for value in (data.mean.moving[-1], data.std.moving[-1], data.inference.mean):
        assert f"{value:.2f}" in said
    assert "still weighs 36.6%" in said and "-0.00" not in said
    assert "every output is beta" in InsideBatchNorm.describe(compute(batch_size=1))


def test_table_has_first_and_last_step():
    data = compute(steps=1000)
    table = InsideBatchNorm.table(data)
    assert len(table.header) == 7 and table.rows[0][0] == "1" and table.rows[-1][0] == "1000"
    assert table.rows[-1][2] == f"{data.mean.moving[-1]:.3g}"


def test_a_change_of_each_control_changes_picture_and_text():
    lab = InsideBatchNorm()
    changes = {"batch_size": 8, "steps": 200, "momentum": 0.9, "shift": 1.0, "when": "after"}
    for name, value in {**changes, "epsilon": 0.1, "seed": 1}.items():
        before = lab.picture.value
        lab.controls[name].value = value
        assert lab.picture.value != before, name
    assert html.escape(InsideBatchNorm.describe(InsideBatchNorm.compute(lab.settings))) in (
        lab.text.value
    )
