"""Curves over seeds and bars of cost: what is drawn is the data, and what is said is drawn."""

import numpy as np
import pytest

from helpers import figures
from helpers.figures.activations import ACTIVATION_MARKS, activation_mark
from helpers.figures.seeds import MARKS

CURVES = {"He": np.array([[0.2, 0.5, 0.9], [0.4, 0.7, 0.7]]), "same": np.full((2, 3), 0.1)}


def test_line_is_the_mean_and_band_a_standard_deviation():
    figure = figures.seed_curves(CURVES, "validation accuracy", "digits")
    (axes,) = figure.axes
    assert axes.lines[0].get_ydata() == pytest.approx([0.3, 0.6, 0.8])
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.2, 0.9))
    assert "He: 0.8 ± 0.1; same: 0.1 ± 0" in figure.alt_text and "2 seeds" in figure.alt_text
    assert figure.get_suptitle() == "Validation accuracy — digits"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["He", "same"]


def test_marks_can_be_chosen():
    marks = {"same": ACTIVATION_MARKS["relu"]}
    (axes,) = figures.seed_curves(CURVES, "accuracy", "digits", marks).axes
    assert axes.lines[0].get_color() == MARKS[0].color
    assert axes.lines[2].get_color() == ACTIVATION_MARKS["relu"].color
    assert activation_mark("no such") == activation_mark("no such")


def test_one_epoch_and_one_seed_draw():
    assert figures.seed_curves({"a": [0.5]}, "accuracy", "digits").to_png(1)


def test_bars_are_the_costs():
    costs = {"ReLU": {"alone": 1.0, "step": 1.0}, "ELU": {"alone": 2.5, "step": 1.1}}
    figure = figures.cost_bars(costs, "What was timed.")
    (axes,) = figure.axes
    assert sorted(bar.get_width() for bar in axes.patches) == pytest.approx([1, 1, 1.1, 2.5])
    assert (
        "ELU: 2.5 (alone), 1.1 (step)" in figure.alt_text and "What was timed." in figure.alt_text
    )


def test_nothing_to_draw_is_explained():
    with pytest.raises(ValueError, match="got none"):
        figures.seed_curves({}, "accuracy", "digits")
    with pytest.raises(ValueError, match="got none"):
        figures.cost_bars({}, "x")
