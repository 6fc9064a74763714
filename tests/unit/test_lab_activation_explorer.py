"""Activation explorer: the curves are the activations, the dots lie on them, the text says so."""

import numpy as np
import pytest

from helpers.figures.activations import ACTIVATION_MARKS
from helpers.figures.base import CourseFigure, course_style
from helpers.labs.activation_explorer import FUNCTIONS, ActivationExplorer
from helpers.theory.activations import ACTIVATIONS, slope, value


def settings(**changes):
    return {**ActivationExplorer.default_settings(), **changes}


def draw(data):
    figure = CourseFigure("x", ActivationExplorer.width, ActivationExplorer.height, layout="none")
    with course_style():
        ActivationExplorer.draw(data, figure)
    return figure


def test_every_function_has_a_look_of_its_own():
    looks = [ACTIVATION_MARKS[name] for name in FUNCTIONS]
    assert len({(mark.color, mark.linestyle) for mark in looks}) == len(FUNCTIONS)
    assert len({mark.marker for mark in looks}) == len(FUNCTIONS)
    assert set(ACTIVATION_MARKS) == set(ACTIVATIONS)


def test_curves_are_the_activations_with_the_sliders_parameters():
    chosen = settings(functions=FUNCTIONS, elu_alpha=2.0, leaky_slope=0.1, prelu_slope=-0.3)
    data = ActivationExplorer.compute(chosen)
    parameters = {
        "elu": {"alpha": 2.0},
        "leaky_relu": {"negative_slope": 0.1},
        "prelu": {"negative_slope": -0.3},
    }
    at = ~np.isnan(data.z)
    assert data.z[at].min() == -5 and data.z[at].max() == 5 and (~at).sum() == 1
    for curve in data.curves:
        own = parameters.get(curve.name, {})
        assert curve.values[at] == pytest.approx(value(curve.name, data.z[at], **own))
        assert curve.slopes[at] == pytest.approx(slope(curve.name, data.z[at], **own))
        assert curve.value == float(value(curve.name, -2.0, **own))
        assert curve.slope == float(slope(curve.name, -2.0, **own))
        assert curve.tabled[0] == pytest.approx(value(curve.name, data.points, **own))


def test_drawn_are_curves_and_dots_in_both_panels():
    data = ActivationExplorer.compute(settings(functions=("relu", "elu"), z=1.5))
    left, right = draw(data).axes
    for axes, field, point in ((left, "values", "value"), (right, "slopes", "slope")):
        for place, curve in enumerate(data.curves):
            line, dot = axes.lines[2 * place : 2 * place + 2]
            assert np.array_equal(line.get_ydata(), getattr(curve, field), equal_nan=True)
            assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (1.5, getattr(curve, point))
            assert line.get_color() == dot.get_color() == ACTIVATION_MARKS[curve.name].color
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["ReLU", "ELU (1)"]


def test_a_slope_that_jumps_is_drawn_with_a_gap():
    data = ActivationExplorer.compute(settings(functions=("relu",)))
    middle = len(data.z) // 2
    assert np.isnan(data.z[middle]) and list(data.curves[0].slopes[[middle - 1, middle + 1]]) == [
        0,
        1,
    ]


def test_legend_and_axes_fit():
    figure = draw(ActivationExplorer.compute(ActivationExplorer.largest_settings()))
    figure.to_png(1)
    left, right = figure.axes
    for axes in (left, right):
        box = axes.get_tightbbox()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert not right.get_legend().get_window_extent().overlaps(right.get_window_extent())
    assert not left.get_tightbbox().overlaps(right.get_tightbbox())


def test_description_and_table_hold_the_numbers():
    data = ActivationExplorer.compute(settings(functions=("leaky_relu", "relu")))
    said = ActivationExplorer.describe(data)
    assert said == "At z = -2: leaky ReLU (0.2) -0.4 with slope 0.2; ReLU 0 with slope 0."
    table = ActivationExplorer.table(data)
    assert table.header == [
        "z",
        "leaky ReLU (0.2), value",
        "leaky ReLU (0.2), slope",
        "ReLU, value",
        "ReLU, slope",
    ]
    assert ["-3", "-0.6", "0.2", "0", "0"] in table.rows and len(table.rows) == 11


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"functions": ()}, "pick at least one"),
        ({"functions": ("rleu",)}, "did you mean 'relu'"),
        ({"z": 4.0, "reach": 3}, "raise the reach"),
    ],
)
def test_bad_settings_are_explained(changes, hint):
    with pytest.raises(ValueError, match=hint):
        ActivationExplorer.compute(settings(**changes))


def test_a_bad_combination_is_explained_and_the_lab_goes_on():
    lab = ActivationExplorer()
    lab.controls["reach"].value = 1
    assert "raise the reach" in lab.text.value
    lab.controls["z"].value = 0.5
    assert "At z = 0.5: ReLU 0.5 with slope 1" in lab.text.value
