"""Optimizer race: what it computes, what it draws, and what it says."""

import numpy as np
import pytest

from helpers.figures.base import CourseFigure, course_style
from helpers.figures.optimizers import OPTIMIZER_MARKS
from helpers.labs.optimizer_race import ARRIVED, MOMENTA, RATES, STEPS, OptimizerRace
from helpers.theory.optimizers import OPTIMIZERS, make_optimizer, optimize
from helpers.theory.surfaces import SURFACES, get_surface


def settings(**changes):
    return {**OptimizerRace.default_settings(), **changes}


def race(**changes):
    return OptimizerRace.compute(settings(**changes))


def one_rate(**changes):
    return race(best_rates=False, **changes)


def draw(data):
    figure = CourseFigure("x", OptimizerRace.width, OptimizerRace.height, layout="none")
    with course_style():
        OptimizerRace.draw(data, figure)
    return figure


def words(figure):
    (legend,) = figure.legends
    return [text.get_text().replace("\n", " ") for text in legend.get_texts()]


def test_each_path_is_the_optimizers_own():
    data = one_rate(optimizers=("sgd", "nesterov"), learning_rate=0.02, momentum=0.99, steps=50)
    ravine = get_surface("ravine")
    expected = (
        make_optimizer("sgd", learning_rate=0.02),
        make_optimizer("nesterov", learning_rate=0.02, momentum=0.99),
    )
    for run, optimizer in zip(data.runs, expected, strict=True):
        path = optimize(ravine, optimizer, ravine.start, 50)
        assert np.array_equal(run.path.positions, path.positions) and run.rate == 0.02


def test_arrived_is_the_step_after_which_the_loss_stays_low():
    (run,) = one_rate(optimizers=("sgd",), learning_rate=0.02, steps=200).runs
    # Across, 1 - 0.02 * 50 = 0: there after one step. Along, 0.98 a step of a loss of 8 in 33.
    expected = int(np.ceil(np.log(ARRIVED * 33 / 8) / np.log(0.98**2)))
    assert run.arrived == expected
    assert (run.path.losses[expected:] <= ARRIVED * 33).all()
    assert run.path.losses[expected - 1] > ARRIVED * 33
    (early,) = one_rate(optimizers=("sgd",), learning_rate=0.02, steps=50).runs
    assert early.arrived is None


def test_at_its_best_rate_nobody_ends_worse_than_at_any_single_rate():
    data = race(steps=100)
    for run in data.runs:
        assert run.rate in RATES
        late = run.path.losses[-10:].max()
        for rate in RATES[::3]:
            (single,) = one_rate(optimizers=(run.name,), learning_rate=rate, steps=100).runs
            assert single.path.diverged or single.path.losses[-10:].max() >= late * (1 - 1e-9)


def test_momentum_near_one_is_slower_than_none_on_the_ravine():
    data = one_rate(optimizers=("sgd", "momentum"), learning_rate=0.02, momentum=0.99999, steps=500)
    sgd, momentum = data.runs
    assert sgd.arrived < 100 and momentum.arrived is None
    crossings = np.count_nonzero(np.diff(np.sign(momentum.path.positions[:, 0])))
    assert crossings > 15 and not momentum.path.diverged
    text = OptimizerRace.describe(data)
    assert "Not within 500 steps: momentum 0.99999 (rate 0.02)" in text


def test_a_race_that_diverges_is_drawn_and_explained():
    data = one_rate(optimizers=("sgd", "adam"), learning_rate=0.1)
    sgd, adam = data.runs
    assert sgd.path.diverged and not adam.path.diverged
    text = OptimizerRace.describe(data)
    assert f"Diverged: plain SGD (rate 0.1) at step {len(sgd.path.losses)}" in text
    assert "lower the rate or clip" in text
    assert "left the picture: diverged" in words(draw(data))
    assert OptimizerRace.table(data).rows[0][2] == "diverged"
    assert "left the picture: diverged" not in words(draw(race()))


def test_clipping_shortens_the_first_step_from_the_cliff():
    changes = {"surface": "cliff", "optimizers": ("sgd",), "learning_rate": 0.1}
    steps = {}
    for clipping in ("none", "norm", "value"):
        (run,) = one_rate(**changes, clipping=clipping).runs
        steps[clipping] = run.path.positions[1] - run.path.positions[0]
    assert np.linalg.norm(steps["none"]) > 5
    assert np.linalg.norm(steps["norm"]) == pytest.approx(0.1)
    np.testing.assert_allclose(steps["value"], [-0.1, -0.1])
    np.testing.assert_allclose(
        steps["norm"] / 0.1, steps["none"] / np.linalg.norm(steps["none"]), rtol=1e-9
    )


def test_the_picture_holds_the_paths_and_the_losses():
    data = race(surface="saddle", steps=50)
    figure = draw(data)
    above, beside = figure.axes
    for run in data.runs:
        color = OPTIMIZER_MARKS[run.name].color
        paths, losses = (
            [line for line in axes.lines if line.get_color() == color and len(line.get_xdata()) > 1]
            for axes in (above, beside)
        )
        assert any(np.array_equal(line.get_xydata(), run.path.positions) for line in paths)
        assert any(
            np.allclose(line.get_ydata(), np.maximum(run.path.losses, 1e-9)) for line in losses
        )
    assert beside.get_yscale() == "log"
    assert len(words(figure)) == len(data.runs) + 1
    assert "saddle" in figure.get_suptitle()
    assert "clipped by norm" in draw(race(clipping="norm")).get_suptitle()


@pytest.mark.parametrize("changes", [{}, {"learning_rate": 0.0316, "best_rates": False}])
def test_the_legend_is_drawn_whole(changes):
    largest = {**OptimizerRace.largest_settings(), "momentum": 0.99999}
    figure = draw(OptimizerRace.compute({**largest, **changes}))
    figure.to_png(1)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x1 <= figure.bbox.x1 and box.y0 >= 0
    assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)
    assert words(figure)[2].startswith("Nesterov momentum 0.99999, rate")


def test_marks_tell_the_optimizers_apart_without_colour():
    assert OPTIMIZER_MARKS.keys() == OPTIMIZERS.keys()
    assert len({mark.marker for mark in OPTIMIZER_MARKS.values()}) == len(OPTIMIZERS)
    assert len({mark.color for mark in OPTIMIZER_MARKS.values()}) == len(OPTIMIZERS)


def test_text_and_table_hold_the_numbers():
    data = one_rate(optimizers=("sgd", "momentum"), learning_rate=0.02, momentum=0.5)
    text = OptimizerRace.describe(data)
    sgd, momentum = data.runs
    assert text.startswith("Ravine: 50 times as steep across as along.")
    assert f"plain SGD (rate 0.02) after {sgd.arrived}" in text
    assert f"momentum 0.5 (rate 0.02) after {momentum.arrived}" in text
    table = OptimizerRace.table(data)
    assert [row[0] for row in table.rows] == ["plain SGD", "momentum 0.5"]
    assert table.rows[0][3] == str(sgd.arrived)
    assert "gradient not clipped" in table.caption


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("clipping", ["none", "value"])
@pytest.mark.parametrize("rate", [1e-4, 1.0])
def test_no_setting_warns(surface, clipping, rate):
    with np.errstate(all="raise", under="ignore"):
        for momentum in (MOMENTA[0], MOMENTA[-1]):
            data = one_rate(
                surface=surface,
                optimizers=tuple(OPTIMIZERS),
                learning_rate=rate,
                momentum=momentum,
                steps=STEPS[1],
                clipping=clipping,
            )
            draw(data).to_png(0.5)
            assert OptimizerRace.describe(data)


def test_bad_settings_are_explained():
    with pytest.raises(ValueError, match="pick at least one optimizer"):
        race(optimizers=())
    with pytest.raises(ValueError, match="did you mean 'ravine'"):
        race(surface="ravin")
    with pytest.raises(ValueError, match="momentum must be one of"):
        OptimizerRace(momentum=0.7)
    lab = OptimizerRace(optimizers=("sgd",))
    lab.controls["optimizers"].value = ()
    assert "nobody races" in lab.text.value
    lab.controls["optimizers"].value = ("adam",)
    assert "Adam" in lab.text.value
