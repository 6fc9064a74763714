"""The Signal flow lab: what it computes, draws and says."""

import warnings

import numpy as np
import pytest

from helpers.figures.base import CourseFigure
from helpers.labs.signal_flow import (
    BINS,
    CENTERED,
    FLOAT32,
    FUNCTIONS,
    INPUTS,
    SHOWN,
    WEIGHTS,
    WIDTHS,
    SignalFlow,
)
from helpers.theory.mean_field import predict
from helpers.theory.signal import gradient_ratio, propagate, signal_flow


def settings(**changes):
    return {**SignalFlow.default_settings(), **changes}


def compute(**changes):
    return SignalFlow.compute(settings(**changes))


def draw(data):
    figure = CourseFigure("x", SignalFlow.width, SignalFlow.height, layout="none")
    SignalFlow.draw(data, figure)
    return figure


def written(figure):
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return [" ".join(text.get_text().split()) for text in texts]


@pytest.fixture(scope="module")
def default():
    return compute()


# --- compute


def test_it_measures_and_predicts_the_network_of_the_lesson(default):
    measured = signal_flow("logistic", "normal(1)", 20, 100, inputs=INPUTS, seed=42)
    for found, expected in zip(default.flow, measured, strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(default.prediction, predict("logistic", "normal(1)"), strict=True):
        np.testing.assert_array_equal(found, expected)
    ratio = default.flow.gradient_std[0] / default.flow.gradient_std[-1]
    assert ratio == gradient_ratio("logistic", "normal(1)", depth=20, seed=42)


def test_its_own_names_are_gains_and_a_moved_function():
    classic = compute(activation="tanh", initializer="classic", depth=5, width=50)
    assert classic.prediction.pre_activation_std[0] == pytest.approx(1 / np.sqrt(3))
    np.testing.assert_array_equal(
        classic.flow.gradient_std,
        signal_flow("tanh", "lecun_uniform", 5, 50, gain=3**-0.5, seed=42).gradient_std,
    )
    moved = compute(activation=CENTERED, initializer="4 x glorot", depth=5)
    assert moved.prediction.pre_activation_std[0] == pytest.approx(4)
    assert abs(moved.flow.activation_mean[0]) < 0.05 < moved.flow.activation_std[0] < 0.5


def test_inputs_of_any_scale():
    data = compute(activation="relu", initializer="he_normal", input_scale=0.01, depth=3)
    assert data.prediction.pre_activation_std == pytest.approx(np.full(3, 0.01 * np.sqrt(2)))
    assert data.flow.pre_activation_std[0] == pytest.approx(0.01 * np.sqrt(2), rel=0.1)


def test_histograms_count_the_values_of_the_shown_layers(default):
    assert [histogram.layer for histogram in default.activations] == [1, 6, 11, 15, 20]
    signals = propagate("logistic", "normal(1)", 20, 100, inputs=INPUTS, seed=42)
    for histogram in default.activations:
        values = signals.activations[histogram.layer - 1].ravel()
        expected, _ = np.histogram(values, BINS, (0, 1))
        np.testing.assert_allclose(histogram.heights, expected / expected.max(), atol=0.002)
        assert (histogram.low, histogram.high) == (0, 1)
    for histogram in default.gradients:
        std = signals.gradients[histogram.layer - 1].std()
        assert (histogram.low, histogram.high) == pytest.approx((-3 * std, 3 * std))
        values = signals.gradients[histogram.layer - 1].ravel()
        expected, _ = np.histogram(values, BINS, (-3 * std, 3 * std))
        np.testing.assert_allclose(histogram.heights, expected / expected.max(), atol=0.002)


def test_it_changes_no_settings():
    chosen = settings(depth=2, width=10)
    before = dict(chosen)
    SignalFlow.compute(chosen)
    assert chosen == before


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_no_setting_warns(activation):
    narrow = {"activation": activation, "width": min(WIDTHS)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for initializer in WEIGHTS:
            for depth, scale in ((1, 1.0), (60, 100.0), (3, 0.01)):
                data = compute(**narrow, initializer=initializer, depth=depth, input_scale=scale)
                assert len(SignalFlow.describe(data)) > 20
                assert len(SignalFlow.table(data).rows) == depth
        draw(data)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"activation": "logistc"}, "did you mean 'logistic'"),
        ({"initializer": "clasic"}, "did you mean 'classic'"),
        ({"initializer": "zeros"}, "unknown initializer"),
        ({"depth": 0}, "depth must be"),
        ({"input_scale": -1.0}, "input_scale must be"),
    ],
)
def test_bad_settings_are_explained(changes, hint):
    with pytest.raises(ValueError, match=hint):
        compute(**changes)


def test_a_bad_argument_of_the_lab_is_explained():
    with pytest.raises(ValueError, match="did you mean 'initializer'"):
        SignalFlow(initialiser="normal(1)")
    with pytest.raises(ValueError, match="did you mean 'logistic'"):
        SignalFlow(activation="logistic ")


# --- draw


def test_marks_are_the_network_and_dashes_are_theory(default):
    sizes, gradients, shares = draw(default).axes
    flow, theory = default.flow, default.prediction
    expected = {
        sizes: [
            *(flow.activation_std, theory.activation_std),
            *(flow.activation_spread, theory.activation_spread),
        ],
        gradients: [flow.gradient_std, theory.gradient_std],
    }
    for axes, curves in expected.items():
        assert len(axes.lines) == len(curves)
        for line, curve in zip(axes.lines, curves, strict=True):
            np.testing.assert_allclose(10 ** line.get_ydata(), curve)
            np.testing.assert_array_equal(line.get_xdata(), np.arange(20) + 1)
    for line, curve in zip(
        shares.lines, [flow.saturated, flow.dead, theory.saturated], strict=True
    ):
        np.testing.assert_allclose(line.get_ydata(), 100 * curve)
    for axes in (sizes, gradients, shares):
        for line in axes.lines:  # a measurement has a mark and no line, theory a line and no mark
            assert (line.get_linestyle() == "None") != (line.get_marker() == "None")


def test_logarithmic_ticks_are_written_as_numbers(default):
    figure = draw(default)
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["0.01", "0.1", "1"]


def test_histograms_stand_side_by_side_with_their_range(default):
    figure = draw(default)
    rows = [artist for artist in figure.artists if hasattr(artist, "get_paths")]
    assert [len(row.get_paths()) for row in rows] == [SHOWN, SHOWN]
    texts = written(figure)
    assert texts.count("0 to 1") == SHOWN and "layer 1" in texts and "layer 20" in texts
    assert sum(text.startswith("±") for text in texts) == SHOWN


def test_float32_is_marked_where_the_curves_pass_its_ends():
    grown = written(draw(compute(activation="relu", depth=100)))
    assert grown.count("largest float32") == 2 and "smallest float32" not in grown
    lost = written(draw(compute(initializer="glorot_normal", depth=100)))
    assert "smallest float32" in lost and "largest float32" not in lost
    np.testing.assert_allclose(FLOAT32, [-37.93, 38.53], atol=0.01)


def test_overflow_is_drawn_and_explained_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = compute(activation="relu", depth=100, input_scale=1e280)
        figure = draw(data)
        figure.to_png(1)
    first = np.flatnonzero(np.isnan(data.flow.activation_std))[0] + 1
    assert data.lost == first and 20 < first < 50
    sentence = f"From layer {first} on, numbers pass 1e308 and become infinite."
    assert sentence in written(figure) and sentence in SignalFlow.describe(data)
    assert "beyond 1e308" in written(figure)
    rows = SignalFlow.table(data).rows
    assert rows[-1][1].startswith("not a number") and "e280" in rows[0][1]


def test_a_signal_that_is_all_0_is_named():
    figure = draw(compute(activation="relu", initializer="he_normal", depth=3, input_scale=0.0))
    assert "all 0" in written(figure)
    figure.to_png(1)


@pytest.mark.parametrize("chosen", [SignalFlow.default_settings(), SignalFlow.largest_settings()])
def test_nothing_is_cut_off_or_overlaps(chosen):
    figure = draw(SignalFlow.compute(chosen))
    figure.canvas.draw()
    renderer, whole = figure.canvas.get_renderer(), figure.bbox
    boxes = [text.get_window_extent(renderer) for text in figure.texts if text.get_text()]
    for place, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= whole.x1 and box.y1 <= whole.y1
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
    tight = [axes.get_tightbbox(renderer) for axes in figure.axes]
    assert not any(box.overlaps(axes) for box in boxes for axes in tight)


# --- words


def test_the_description_gives_the_gradient_that_arrives(default):
    text = SignalFlow.describe(default)
    flow, theory = default.flow, default.prediction
    assert "logistic, N(0, 1²), 20 layers of 100 units" in text
    assert f"{flow.gradient_std[0] / flow.gradient_std[-1]:.3g} times" in text
    assert f"theory {theory.gradient_std[0] / theory.gradient_std[-1]:.3g}" in text
    assert f"{flow.saturated[-1]:.0%} of the slopes are saturated" in text
    assert "1 layer of 100 units" in SignalFlow.describe(compute(depth=1))


def test_the_table_has_a_row_for_each_layer(default):
    table = SignalFlow.table(default)
    assert len(table.rows) == 20 and all(len(row) == len(table.header) for row in table.rows)
    assert table.rows[0][0] == "1" and table.rows[-1][0] == "20"
    flow, theory = default.flow, default.prediction
    assert table.rows[4][4] == f"{flow.saturated[4]:.0%} ({theory.saturated[4]:.0%})"


# --- the controls


def test_controls_offer_what_compute_takes_and_change_the_picture():
    lab = SignalFlow(depth=3, width=10)
    assert (lab.controls["depth"].min, lab.controls["depth"].max) == (1, 100)
    for name, new in (
        ("activation", CENTERED),
        ("initializer", "classic"),
        ("depth", 4),
        ("width", 20),
        ("input_scale", 10.0),
        ("seed", 7),
    ):
        before = lab.picture.value, lab.text.value
        lab.controls[name].value = new
        assert lab.settings[name] == new
        assert lab.picture.value != before[0] and lab.text.value != before[1], name


def test_it_needs_no_keras():
    import subprocess
    import sys

    code = (
        "import sys; from helpers.labs import SignalFlow; SignalFlow();"
        "assert not {'keras', 'tensorflow', 'sklearn', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
