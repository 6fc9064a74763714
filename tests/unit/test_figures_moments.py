"""Figures of chapter 04: what they draw is what they were given."""

import numpy as np
import pytest

from helpers.figures import accuracy_over_seeds, through_layers

PUBLISHED = {"mean": (-0.05, 0.05), "std": (0.83, 1.0), "every": 3}


def test_through_layers_draws_every_layer_and_marks_the_published_ones():
    mean, std = np.array([0.0, 0.1, -0.1, 0.2]), np.array([1.0, 0.7, 0.9, 0.8])
    figure = through_layers(mean, std, PUBLISHED, "random inputs")
    (axes,) = figure.axes
    drawn = [line.get_ydata() for line in axes.get_lines()]
    for expected in (mean, std, mean[::3], std[::3]):
        assert any(np.array_equal(expected, line) for line in drawn)
    assert "0.70 to 1.00" in figure.alt_text and "0.83 to 1.00" in figure.alt_text
    assert "random inputs" in figure.alt_text


@pytest.mark.parametrize(("mean", "std"), [([], []), ([1, 2], [1])])
def test_through_layers_refuses_what_does_not_match(mean, std):
    with pytest.raises(ValueError, match="two values a layer"):
        through_layers(mean, std, PUBLISHED, "random inputs")


def test_accuracy_over_seeds_draws_each_seed_and_says_mean_and_spread():
    figure = accuracy_over_seeds({"a": [0.2, 0.4], "b": [0.9]}, "digits", chance=0.1)
    (axes,) = figure.axes
    dots = [line.get_xdata() for line in axes.get_lines() if line.get_marker() == "o"]
    assert [list(values) for values in dots] == [[0.2, 0.4], [0.9]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert "a: 0.300 ± 0.100; b: 0.900 ± 0.000" in figure.alt_text
    assert "digits" in figure.alt_text


@pytest.mark.parametrize("results", [{}, {"a": []}])
def test_accuracy_over_seeds_needs_accuracies(results):
    with pytest.raises(ValueError, match="at least one network"):
        accuracy_over_seeds(results, "digits")
