"""Dying ReLU: dead units are those that no training image reaches, and they stay where they are."""

import warnings

import numpy as np
import pytest

from helpers.figures.base import CourseFigure, course_style
from helpers.labs.digit_inputs import digit_inputs
from helpers.labs.dying_relu import (
    ACTIVATIONS,
    DEAD,
    RATES,
    WIDTH,
    DyingReLU,
    dead_units,
    start,
    train,
    unit_slopes,
)
from helpers.theory.network import forward


def settings(**changes):
    return {**DyingReLU.default_settings(), **changes}


def draw(data):
    figure = CourseFigure("x", DyingReLU.width, DyingReLU.height, layout="none")
    with course_style():
        DyingReLU.draw(data, figure)
    return figure


@pytest.fixture(scope="module")
def picture():
    return DyingReLU.compute(settings())


def switched_off(depth=1, bias=-10.0):
    parameters = start(depth=depth)
    parameters.biases[0][:12] = bias
    return parameters


def test_dead_units_output_0_for_every_training_image():
    parameters = train(start(), "relu", 1.0, 40).parameters
    hidden = forward(digit_inputs().x, parameters, "relu").pre_activations[:-1]
    never = np.concatenate([(z <= 0).all(axis=0) for z in hidden])
    assert (dead_units(parameters, "relu") == never).all()
    assert 0 < never.sum() < 2 * WIDTH
    assert unit_slopes(parameters, "relu").shape == (1197, 2 * WIDTH)


def test_a_dead_unit_of_the_first_layer_never_moves_and_the_others_do():
    before = switched_off()
    course = train(before, "relu", 0.1, 60)
    assert course.dead.sum(axis=1) == pytest.approx(12)  # at every look
    moved = (before.kernels[0] != course.parameters.kernels[0]).any(axis=0)
    assert not moved[:12].any() and moved[12:].all()
    assert (before.biases[0][:12] == course.parameters.biases[0][:12]).all()
    assert (before.biases[0][:12] == -10).all()  # train works on a copy


def test_leaky_relu_comes_back_from_where_relu_does_not():
    far = start(depth=1, bias=-6.0)
    relu, leaky = (train(far, name, 0.3, 150).accuracy for name in ("relu", "leaky_relu"))
    assert relu < 0.2 and leaky > 0.7


def test_a_dead_unit_of_a_deeper_layer_can_come_back():
    dead = train(start(), "relu", 1.0, 40).dead
    back = dead[:-1] & ~dead[1:]
    assert not back[:, :WIDTH].any() and back[:, WIDTH:].any()


def test_more_units_die_at_higher_rates(picture):
    dead = [course.dead_share[-1] for course in picture.courses.values()]
    assert list(picture.courses) == list(RATES)
    assert max(dead[:2]) < 0.15 < dead[2] < 0.5 < dead[3]
    starts = {course.dead_share[0] for course in picture.courses.values()}
    assert len(starts) == 1  # the same weights at every rate


def test_diverging_is_noticed_and_stops():
    course = DyingReLU.compute(settings(activation="leaky_relu")).courses[3.0]
    assert course.diverged < 40 and course.steps[-1] < 40
    assert not course.dead.any()  # it never dies
    assert all(np.isfinite(kernel).all() for kernel in course.parameters.kernels)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])  # leaky ReLU diverges at rate 3
def test_four_networks_side_by_side_learn_what_each_learns_alone(activation):
    courses = DyingReLU.compute(settings(activation=activation, bias=-0.5)).courses
    for rate, course in courses.items():
        alone = train(start(bias=-0.5), activation, rate, 40)
        assert (course.diverged, course.accuracy) == (alone.diverged, alone.accuracy)
        assert (course.steps == alone.steps).all() and (course.dead == alone.dead).all()
        for side_by_side, by_itself in zip(course.parameters, alone.parameters, strict=True):
            for ours, expected in zip(side_by_side, by_itself, strict=True):
                assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_drawn_are_slopes_by_unit_and_shares_by_rate(picture):
    units, shares = draw(picture).axes
    image = units.images[0].get_array()
    assert image.shape == (2 * WIDTH, len(picture.chosen.steps))
    assert (np.ma.getmaskarray(image) == picture.chosen.dead.T).all()
    alive = ~picture.chosen.dead.T
    assert np.asarray(image)[alive] == pytest.approx(picture.chosen.slopes.T[alive])
    for line, (rate, course) in zip(shares.lines, picture.courses.items(), strict=True):
        assert (line.get_ydata() == 100 * course.dead_share).all()
        assert (line.get_linewidth() > 2) == (rate == 1.0)
    labels = [text.get_text() for text in shares.get_legend().get_texts()]
    assert labels[0].startswith("rate 0.1: ") and len(labels) == len(RATES)


@pytest.mark.parametrize(
    "changes",
    [{}, {"activation": "elu", "learning_rate": 3.0, "depth": 3}, DyingReLU.largest_settings()],
)
def test_nothing_is_cut_off_and_nothing_overlaps(changes):
    figure = draw(DyingReLU.compute(settings(**changes)))
    figure.to_png(1)
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    key = figure.texts[0].get_window_extent()
    for box in (*boxes, key):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert not boxes[0].overlaps(boxes[1]) and not any(key.overlaps(box) for box in boxes)


def test_description_and_table_hold_the_numbers(picture):
    said, dead = DyingReLU.describe(picture), int(picture.chosen.dead[-1].sum())
    assert f"{dead} of {2 * WIDTH} units are dead" in said
    assert f"{picture.chosen.accuracy:.0%} of the validation digits" in said
    table = DyingReLU.table(picture)
    assert table.rows[0][0] == "0" and table.rows[-2][0] == "40"
    assert table.rows[-2][3] == f"{picture.courses[1.0].dead_share[-1]:.0%}"
    diverged = DyingReLU.compute(settings(activation="leaky_relu"))
    assert "diverged at step" in DyingReLU.describe(diverged)
    assert DyingReLU.table(diverged).rows[-2][-1] == "diverged"


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_setting_warns(activation):
    for bias, depth in ((0.0, 3), (-8.0, 1)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = DyingReLU.compute(settings(activation=activation, bias=bias, depth=depth))
        for course in data.courses.values():
            assert (course.dead == (course.slopes < DEAD))[course.dead].all()
            assert np.isfinite(course.slopes).all()


@pytest.mark.parametrize(
    ("changes", "hint"),
    [({"activation": "rleu"}, "did you mean 'relu'"), ({"learning_rate": 0.2}, "must be one of")],
)
def test_bad_settings_are_explained(changes, hint):
    with pytest.raises(ValueError, match=hint):
        DyingReLU.compute(settings(**changes))
    with pytest.raises(ValueError, match=hint):
        DyingReLU(**changes)
