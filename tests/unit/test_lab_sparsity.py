"""The Sparsity lab: what it computes from the stored networks, and that the picture holds it."""

import numpy as np
import pytest

from helpers.figures.base import CourseFigure, course_style
from helpers.labs import Sparsity
from helpers.labs.sparsity import SHOWN, TARGETS
from helpers.labs.trained import (
    held_out_digits,
    network_document,
    standardized,
    trained_network,
)
from helpers.theory.network import Parameters, forward
from helpers.theory.pruning import apply_masks, magnitude_masks, sizes


def compute(**changes):
    return Sparsity.compute({**Sparsity.default_settings(), **changes})


def draw(data):
    figure = CourseFigure("x", Sparsity.width, Sparsity.height, layout="none")
    with course_style():
        Sparsity.draw(data, figure)
    return figure


@pytest.mark.parametrize("method", ["layer", "global", "deviations"])
def test_accuracy_zeros_and_bytes_are_those_of_the_network_with_the_masks(method):
    data = compute(network="l1", method=method, sparsity=0.83)
    network = trained_network("l1")
    pruned = apply_masks(network.kernels, magnitude_masks(network.kernels, 0.83, method))
    images = standardized(held_out_digits().images, network_document("l1")).astype(float)
    logits = forward(images, Parameters(pruned, network.biases), "relu").logits
    assert data.accuracy == np.mean(logits.argmax(axis=1) == held_out_digits().labels)
    assert data.zeros == sum(np.sum(kernel == 0) for kernel in pruned)
    assert data.sizes == sizes(pruned) and data.sizes_before == sizes(network.kernels)
    assert data.sparsity == pytest.approx(0.83, abs=1e-3)
    for layer, kernel in zip(data.layers, pruned, strict=True):
        assert np.array_equal(layer.mask, kernel != 0)
        assert layer.share == pytest.approx(np.mean(kernel == 0))


def test_without_pruning_it_is_the_stored_network_and_no_network_has_a_zero():
    for name in SHOWN:
        data = compute(network=name, sparsity=0.0)
        assert data.zeros == data.zeros_before == 0
        assert data.accuracy == pytest.approx(network_document(name)["accuracy"]["test"])
        assert data.accuracy == data.curves[name][0]
        assert data.dropped.sum() == 0 and data.kept.sum() == data.weights


def test_the_point_lies_on_the_curve_and_every_weight_is_in_the_histogram():
    at = 5
    data = compute(sparsity=float(TARGETS[at]), network="l2", method="global")
    assert data.accuracy == data.curves["l2"][at]
    assert data.dropped.sum() == data.zeros and data.kept.sum() == data.weights - data.zeros
    middle = len(data.dropped) // 2
    assert data.dropped[middle] > 0 and data.kept[middle] == 0


def test_the_default_shows_that_half_the_weights_are_not_missed_and_l1_that_more_are_not():
    data = compute()
    assert data.sparsity == 0.5 and data.accuracy > data.curves["plain"][0] - 0.03
    harder = compute(sparsity=0.8, method="global")
    assert (
        harder.curves["l1"][0] - compute(sparsity=0.8, method="global", network="l1").accuracy
        < 0.02
        < harder.curves["plain"][0] - harder.accuracy
    )


def test_compute_is_pure():
    before = compute(sparsity=0.7)
    compute(sparsity=0.99)
    again = compute(sparsity=0.7)
    assert before.accuracy == again.accuracy and before.sizes == again.sizes
    with pytest.raises(ValueError, match="read-only"):
        before.curves["plain"][0] = 0


def test_the_picture_holds_point_curves_masks_and_bytes():
    data = compute(network="l1", sparsity=0.6)
    figure = draw(data)
    weights, curves = figure.axes
    image, bars = figure.artists
    lines = [line for line in curves.lines if len(line.get_xdata()) > 1]
    assert len(lines) == len(SHOWN)
    for line, name in zip(lines, SHOWN, strict=True):
        assert line.get_ydata() == pytest.approx(data.curves[name])
        assert line.get_color() == SHOWN[name].color
    assert [line.get_linewidth() > 2 for line in lines] == [name == "l1" for name in SHOWN]
    (point,) = (line for line in curves.lines if len(line.get_xdata()) == 1)
    assert (*point.get_xdata(), *point.get_ydata()) == (data.sparsity, data.accuracy)
    shown = np.asarray(image.get_array())
    assert np.sum(shown == 0) == data.zeros and np.sum(shown == 1) == data.weights - data.zeros
    written = " ".join(text.get_text() for text in figure.texts)
    assert f"zipped: {data.sizes.zipped:,} bytes ({data.sizes_before.zipped:,} before)" in written
    lengths = [segment[1, 0] - segment[0, 0] for segment in bars.get_segments()]
    assert lengths[2] / lengths[0] == pytest.approx(data.sizes.csr / data.sizes.dense)
    dropped, kept = (patch.get_data().values for patch in weights.patches)
    assert np.round(10 ** dropped[data.dropped > 0]).astype(int).tolist() == (
        data.dropped[data.dropped > 0].tolist()
    )
    assert np.all(kept[data.kept == 0] < 0)  # below the axis: log of 0 counts


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_all_of_the_picture_lies_inside_the_figure(share):
    figure = draw(compute(sparsity=share, network="dropout-0.5", method="deviations"))
    figure.to_png(1)
    texts = [text for axes in figure.axes for text in axes.texts] + figure.texts
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0, text.get_text()
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text.get_text()


def test_description_and_table_give_the_numbers():
    data = compute(sparsity=0.9)
    text = Sparsity.describe(data)
    assert "15,660 of its 17,400 weights are set to 0 (90.0%" in text and "0 were 0 before" in text
    assert f"gets {data.accuracy:.1%} right" in text and f"{data.sizes.zipped:,} zipped" in text
    table = Sparsity.table(data)
    assert len(table.rows) == len(TARGETS) and table.rows[0][0] == "0%"
    assert table.rows[3][1] == f"{data.curves['plain'][3]:.1%}"
    assert "digits" in table.caption


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"network": "L1"}, "did you mean 'l1'"),
        ({"method": "globl"}, "did you mean 'global'"),
        ({"sparsity": 1.0}, "from 0 to 0.99"),
    ],
)
def test_bad_settings_are_explained(changes, hint):
    with pytest.raises(ValueError, match=hint):
        compute(**changes)
    with pytest.raises(ValueError, match=hint):
        Sparsity(**changes)


def test_every_control_changes_the_picture():
    lab = Sparsity()
    for name, value in (("sparsity", 0.8), ("network", "l1"), ("method", "global")):
        before = lab.picture.value, lab.text.value
        lab.controls[name].value = value
        assert lab.picture.value != before[0] and lab.text.value != before[1], name
