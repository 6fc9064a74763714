"""The figure of gradients by layer."""

import numpy as np
import pytest

from helpers.figures import gradient_by_layer

MEASURED = {"logistic": np.array([1e-6, 1e-3, 1.0]), "tanh": np.array([0.5, 0.7, 1.0])}
PREDICTED = {"logistic": np.array([2e-6, 2e-3, 1.0]), "tanh": np.array([0.4, 0.6, 1.0])}


def test_marks_are_measured_and_dashes_predicted():
    figure = gradient_by_layer(MEASURED, PREDICTED, "random inputs")
    (axes,) = figure.axes
    assert axes.get_yscale() == "log" and axes.get_xlabel() == "layer"
    curves = [PREDICTED["logistic"], MEASURED["logistic"], PREDICTED["tanh"], MEASURED["tanh"]]
    for line, curve in zip(axes.lines, curves, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), curve)
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    assert axes.lines[1].get_color() != axes.lines[3].get_color()
    assert axes.lines[1].get_marker() != axes.lines[3].get_marker()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["logistic", "tanh", "theory for infinite width"]
    assert "random inputs" in figure.get_suptitle()
    assert "logistic: 1 at layer 3, 1e-06 at layer 1 (theory 2e-06)" in figure.alt_text


def test_bad_networks_are_explained():
    with pytest.raises(ValueError, match="same networks"):
        gradient_by_layer(MEASURED, {"tanh": PREDICTED["tanh"]}, "random inputs")
    with pytest.raises(ValueError, match="one to 6 networks, got 0"):
        gradient_by_layer({}, {}, "random inputs")
    many = {str(number): np.ones(2) for number in range(7)}
    with pytest.raises(ValueError, match="got 7"):
        gradient_by_layer(many, many, "random inputs")
    with pytest.raises(ValueError, match="names its data set"):
        gradient_by_layer(MEASURED, PREDICTED, "")
