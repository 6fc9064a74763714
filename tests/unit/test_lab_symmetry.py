"""Symmetry: what it computes can be derived, and what it draws and says is what it computed."""

import warnings

import numpy as np
import pytest

from helpers.figures.base import CourseFigure, course_style
from helpers.labs.digit_inputs import digit_inputs
from helpers.labs.symmetry import (
    ACTIVATIONS,
    BIASES,
    IMAGES,
    SAME_DRAW,
    WEIGHTS,
    Symmetry,
    distinct_units,
    initial_parameters,
    train_units,
)
from helpers.theory.network import forward, softmax_cross_entropy

EQUAL = ("zeros", "constant(0.1)", SAME_DRAW)


def settings(**changes):
    return {**Symmetry.default_settings(), **changes}


def draw(data):
    figure = CourseFigure("x", Symmetry.width, Symmetry.height, layout="none")
    with course_style():
        Symmetry.draw(data, figure)
    return figure


def test_digits_are_standardized_by_the_training_pixels_and_read_only():
    data = digit_inputs()
    assert data.x.shape == (1197, 64) and data.validation_x.shape == (300, 64)
    assert (data.x.mean(), data.x.std()) == pytest.approx((0, 1))
    assert data.validation_x.mean() != pytest.approx(0, abs=1e-9)  # not by their own
    assert data.name == "digits (scikit-learn)"
    with pytest.raises(ValueError, match="read-only"):
        data.x[0, 0] = 1


def test_distinct_units_counts_units_and_not_weights():
    kernel = np.array([[1.0, 2.0, 1.0, 1.0], [3.0, 3.0, 3.0, 3.0]])
    assert distinct_units(kernel, np.zeros(4)) == 2
    assert distinct_units(kernel, np.array([0.0, 0, 5, 0])) == 3  # a bias tells units apart
    assert distinct_units(kernel + 1e-9 * np.arange(4), np.zeros(4)) == 2  # rounding does not
    assert distinct_units(np.zeros((2, 4)), np.zeros(4)) == 1


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weights", EQUAL)
def test_equal_weights_stay_equal(weights, activation):
    training = train_units(weights, "constant(0.1)", activation, width=5, steps=40)
    assert [training.distinct(step) for step in (0, 20, 40)] == [1, 1, 1]
    spread = np.abs(training.output_kernel - training.output_kernel[:1]).max()
    assert spread < 1e-6  # what leaves the units is equal too


@pytest.mark.parametrize("weights", [name for name in WEIGHTS if name not in EQUAL])
def test_random_weights_differ_however_they_were_drawn(weights):
    assert train_units(weights, steps=40).distinct(40) == 8


def test_random_biases_break_the_tie_too():
    assert train_units("constant(0.1)", "normal(0.1)", steps=40).distinct(40) == 8


def test_from_zeros_tanh_stays_and_logistic_moves_together():
    still, moved = (
        train_units("zeros", activation=name, steps=40) for name in ("tanh", "logistic")
    )
    assert (still.kernels[-1] == 0).all() and (still.output_kernel == 0).all()
    assert still.losses[0] == pytest.approx(np.log(10))
    assert np.abs(moved.kernels[-1]).max() > 1e-3 and moved.distinct(40) == 1


def test_a_step_is_gradient_descent():
    training = train_units("glorot_uniform", steps=1, learning_rate=0.1, seed=3)
    parameters = initial_parameters("glorot_uniform", "zeros", 8, seed=3)
    x, labels = digit_inputs().x[:IMAGES], digit_inputs().labels[:IMAGES]

    def loss(kernel):
        changed = parameters._replace(kernels=[kernel, parameters.kernels[1]])
        return softmax_cross_entropy(forward(x, changed, "tanh").logits, labels)[0]

    before, after = training.kernels
    assert loss(before) == pytest.approx(training.losses[0])
    step = np.zeros_like(before)
    step[20, 3] = 1e-5
    slope = (loss(before + step) - loss(before - step)) / 2e-5
    assert after[20, 3] - before[20, 3] == pytest.approx(-0.1 * slope, rel=1e-4)


def test_one_draw_is_one_number_of_hes_size():
    drawn = [initial_parameters(SAME_DRAW, "zeros", 8, seed).kernels for seed in range(200)]
    assert all(np.ptp(kernel) == 0 for kernels in drawn for kernel in kernels)
    for layer, fan_in in ((0, 64), (1, 8)):
        values = np.array([kernels[layer][0, 0] for kernels in drawn])
        assert values.var() == pytest.approx(2 / fan_in, rel=0.4)


def test_biases():
    assert (initial_parameters("zeros", "constant(0.1)", 4, 0).biases[0] == 0.1).all()
    drawn = initial_parameters("zeros", "normal(0.1)", 8, 0).biases
    assert len(set(drawn[0])) == 8 and (drawn[1] == 0).all()
    with pytest.raises(ValueError, match="no fans"):
        initial_parameters("zeros", "he_normal", 4, 0)


def test_compute_compares_with_glorot_on_the_same_settings():
    data = Symmetry.compute(settings(seed=2, biases="constant(0.1)"))
    expected = train_units("glorot_uniform", "zeros", seed=2)
    assert (data.reference == expected.losses).all()
    assert data.reference_accuracy == expected.accuracy > data.training.accuracy
    assert list(data.shown) == [0, 15, 60] and data.counted[-1] == 60 and len(data.counted) == 21


def test_drawn_are_the_weights_of_each_unit_and_the_losses():
    data = Symmetry.compute(settings(weights="he_normal", width=5))
    units, loss = draw(data).axes
    image = units.images[0].get_array().filled(np.nan)
    for row, step in enumerate(data.shown):
        for unit in range(5):
            tile = image[9 * row : 9 * row + 8, 9 * unit : 9 * unit + 8]
            assert (tile == data.training.kernels[step][:, unit].reshape(8, 8)).all()
    assert np.isnan(image[8]).all()
    said = [text.get_text() for text in units.texts]
    assert said[0] == "step 0:\n5 of 5 distinct"
    assert (loss.lines[0].get_ydata() == data.training.losses).all()
    assert (loss.lines[1].get_ydata() == data.reference).all()
    assert loss.get_ylim()[1] >= max(data.training.losses.max(), data.reference.max())


@pytest.mark.parametrize("changes", [{}, {"steps": 0, "width": 2}, Symmetry.largest_settings()])
def test_nothing_is_cut_off_and_nothing_overlaps(changes):
    figure = draw(Symmetry.compute(settings(**changes)))
    figure.to_png(1)
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert not boxes[0].overlaps(boxes[1])


def test_description_and_table_hold_the_numbers():
    data = Symmetry.compute(settings())
    said = Symmetry.describe(data)
    assert "1 of 8 units are distinct" in said and f"{data.training.losses[-1]:.2f}" in said
    assert f"{data.training.accuracy:.0%}" in said and f"{data.reference_accuracy:.0%}" in said
    table = Symmetry.table(data)
    assert table.rows[-1][0] == "60" and table.rows[-1][-1] == "1 of 8"
    assert table.rows[-1][1] == f"{data.training.losses[-1]:.4f}"


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_setting_warns(weights, activation):
    for biases in BIASES:
        chosen = settings(weights=weights, activation=activation, biases=biases, steps=20, seed=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = Symmetry.compute(chosen)
        assert np.isfinite(data.training.losses).all()


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"weights": "zeroes"}, "did you mean 'zeros'"),
        ({"biases": "ones"}, "unknown choice of biases"),
        ({"activation": "relo"}, "did you mean 'relu'"),
        ({"learning_rate": 7}, "must be one of"),
    ],
)
def test_bad_settings_are_explained(changes, hint):
    with pytest.raises(ValueError, match=hint):
        Symmetry(**changes)


def test_a_control_changes_picture_and_text():
    lab = Symmetry()
    before = lab.picture.value, lab.text.value
    lab.controls["weights"].value = "glorot_uniform"
    assert lab.picture.value != before[0] and "8 of 8 units are distinct" in lab.text.value
