"""Schedule designer: the rates, the training under them, and what is said of both."""

import numpy as np
import pytest

from helpers.figures.base import CourseFigure
from helpers.labs.schedule_designer import (
    BATCH_SIZE,
    CONSTANT_RATES,
    PENALTY,
    SNAPSHOTS,
    STEPS,
    ScheduleDesigner,
    task,
    train,
)
from helpers.theory.schedules import SCHEDULES, make_schedule


def settings(**changes):
    return {**ScheduleDesigner.default_settings(), **changes}


def design(**changes):
    return ScheduleDesigner.compute(settings(**changes))


def draw(data):
    figure = CourseFigure("x", ScheduleDesigner.width, ScheduleDesigner.height, layout="none")
    ScheduleDesigner.draw(data, figure)
    return figure


def test_the_lowest_loss_is_that_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    x, signs, lowest, name = task()
    model = LogisticRegression(C=1 / (PENALTY * len(x)), fit_intercept=False, tol=1e-8)
    weights = model.set_params(solver="newton-cholesky").fit(x, signs).coef_[0]
    loss = np.logaddexp(0, -signs * (x @ weights)).mean() + PENALTY / 2 * weights @ weights
    assert lowest == pytest.approx(loss, abs=1e-8)
    assert lowest > 0.05  # the noise of the gradients does not die out at the minimum
    assert set(np.unique(signs)) == {-1, 1} and "digits" in name


def test_training_is_plain_sgd_on_the_logistic_loss():
    x, signs, lowest, _ = task()
    rates = np.array([[0.3], [0.1], [0.2]])
    at, losses = train(rates, seed=4)
    weights = np.zeros(x.shape[1])
    chosen = np.random.default_rng(4).integers(len(x), size=(3, BATCH_SIZE))
    expected = [np.log(2) - lowest]
    for rate, batch in zip(rates[:, 0], chosen, strict=True):
        margins = signs[batch] * (x[batch] @ weights)
        gradient = -(signs[batch] / (1 + np.exp(margins))) @ x[batch] / BATCH_SIZE
        weights = weights - rate * (gradient + PENALTY * weights)
        loss = np.logaddexp(0, -signs * (x @ weights)).mean()
        expected.append(loss + PENALTY / 2 * weights @ weights - lowest)
    assert at.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(losses[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_the_schedules_own(name):
    data = design(schedule=name, warm_up_share=0.25, last_share=0.1, steps=200)
    schedule = make_schedule(name, 0.3, 200, 0.25, 0.1)
    np.testing.assert_array_equal(data.own.rates, schedule(np.arange(200)))
    assert (data.at_peak.rates == 0.3).all()
    assert data.best_constant.rates[0] in CONSTANT_RATES


def test_the_best_constant_rate_is_the_best_of_all():
    data = design(steps=200)
    alone = train(np.tile(CONSTANT_RATES, (200, 1)), seed=0)[1]
    finals = alone[-6:].mean(axis=0)
    assert data.best_constant.final == pytest.approx(finals.min())


def test_a_schedule_pays_from_a_high_peak_and_costs_from_a_low_one():
    for seed in range(3):
        high, low = design(peak=0.3, seed=seed), design(peak=0.03, seed=seed)
        assert 1.2 * high.own.final < high.best_constant.final <= high.at_peak.final
        assert low.own.final > 1.2 * low.at_peak.final


def test_a_constant_schedule_without_warm_up_is_the_peak_kept():
    data = design(schedule="constant", warm_up_share=0.0, peak=0.3)
    np.testing.assert_allclose(data.own.losses, data.at_peak.losses, rtol=1e-9)


def test_the_seed_changes_the_batches_and_nothing_else():
    one, again, other = (design(seed=seed, steps=100) for seed in (3, 3, 4))
    assert np.array_equal(one.own.losses, again.own.losses)
    assert not np.array_equal(one.own.losses, other.own.losses)
    assert np.array_equal(one.own.rates, other.own.rates)


def test_the_picture_holds_rates_and_losses():
    data = design(schedule="one_cycle", warm_up_share=0.3)
    figure = draw(data)
    left, right = figure.axes
    for curve in (data.own, data.at_peak, data.best_constant):
        assert any(np.array_equal(line.get_ydata(), curve.rates) for line in left.lines)
        assert any(np.array_equal(line.get_ydata(), curve.losses) for line in right.lines)
    assert right.get_yscale() == "log"
    assert data.data_name in figure.get_suptitle() and "1cycle" in figure.get_suptitle()
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 3


def test_text_and_table_hold_the_numbers():
    data = design()
    text = ScheduleDesigner.describe(data)
    assert "starts at 0, is highest at step 25 with 0.3, and ends at 3e-3" in text
    assert f"{data.own.final:.2g} for the schedule." in text
    assert f"{data.at_peak.final:.2g} for the peak kept (0.3)" in text
    table = ScheduleDesigner.table(data)
    assert len(table.rows) == SNAPSHOTS + 1 and len(table.header) == 5
    assert table.rows[0][:2] == ["0", "0"] and table.rows[-1][0] == "500"
    assert table.rows[-1][-1] == f"{data.own.losses[-1]:.3g}"


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_setting_warns(name):
    with np.errstate(all="raise", under="ignore"):
        for peak, warm, last in ((10**0.5, 0.9, 0.001), (0.01, 0.05, 0.5)):
            changes = {"peak": peak, "warm_up_share": warm, "last_share": last}
            data = design(schedule=name, steps=STEPS[0], **changes)
            draw(data).to_png(0.5)
            assert np.isfinite(data.own.losses).all()


def test_bad_settings_are_explained():
    lab = ScheduleDesigner(schedule="one_cycle", warm_up_share=0.3)
    lab.controls["warm_up_share"].value = 0.0
    assert "give it a warm-up" in lab.text.value
    lab.controls["schedule"].value = "cosine"
    assert "starts at" in lab.text.value
    with pytest.raises(ValueError, match="did you mean 'cosine'"):
        ScheduleDesigner(schedule="cosin")
    with pytest.raises(ValueError, match="steps must be one of"):
        ScheduleDesigner(steps=300)
