"""Figures of chapter 05: what is drawn is what came in, and the alt text has the numbers."""

import numpy as np
import pytest

from helpers import figures

ENTERING = {
    "none": np.stack([np.arange(12.0).reshape(3, 4), 1 + np.arange(12.0).reshape(3, 4)], axis=1),
    "before": np.stack([np.zeros((3, 4)), np.ones((3, 4))], axis=1),
}


def test_units_while_training_draws_each_unit_and_the_median():
    figure = figures.units_while_training([0, 10, 20], ENTERING, "layer 2 of 3", "digits")
    assert len(figure.axes) == 4
    top, bottom = figure.axes[0], figure.axes[2]
    (lines,) = top.collections
    assert [segment[:, 1].tolist() for segment in lines.get_segments()][1] == [1, 5, 9]
    assert top.lines[0].get_ydata().tolist() == [1.5, 5.5, 9.5]
    assert bottom.get_ylim()[0] == 0 and bottom.get_ylim()[1] > 12
    assert "means lie from 8.00 to 11.00" in figure.alt_text
    assert "from 2.50 to 10.50" in figure.alt_text and "digits" in figure._suptitle.get_text()


def test_accuracy_by_setting_draws_mean_and_spread():
    found = {"none": [[0.5, 0.7], [0.9, 0.9]], "after": [[0.1, 0.1], [0.2, 0.4]]}
    figure = figures.accuracy_by_setting([0.1, 1], found, "learning rate", "digits")
    axes = figure.axes[0]
    means = [container.lines[0].get_ydata().tolist() for container in axes.containers]
    assert means == [pytest.approx([0.6, 0.9]), pytest.approx([0.1, 0.3])]
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * np.std([0.5, 0.7], ddof=1))
    assert "batch norm after the activation: 0.1: 0.10 ± 0.00, 1: 0.30 ± 0.14" in figure.alt_text
    one_seed = figures.accuracy_by_setting([1], {"none": [[0.5]]}, "batch size", "digits")
    assert "1: 0.50 ± 0.00" in one_seed.alt_text


def test_figures_refuse_what_they_cannot_name():
    with pytest.raises(ValueError, match="did you mean 'before'"):
        figures.units_while_training([0], {"befor": ENTERING["none"]}, "layer 1", "digits")
    with pytest.raises(ValueError, match="2 settings, and accuracies of 1"):
        figures.accuracy_by_setting([1, 2], {"none": [[0.5]]}, "rate", "digits")
    with pytest.raises(ValueError, match="names its data set"):
        figures.accuracy_by_setting([1], {"none": [[0.5]]}, "rate", "")
