"""Figures: what is drawn is the data, what is said is what is drawn, and nothing is left behind."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image
from run_documents import REPLICA, STAND_IN, make_run

from helpers import figures
from helpers.figures.base import (
    VARIANT_MARKS,
    CourseFigure,
    name_data,
    short_power,
    variant_mark,
    wrapped,
)
from helpers.figures.runs import group_label, group_runs, over_seeds

NAMES = ("airplane", "automobile", "bird")


def make_diverged(epochs=6, from_epoch=3):
    run = make_run("elu", epochs=epochs)
    for name in ("loss", "validation_loss"):
        run["history"][name][from_epoch:] = [None] * (epochs - from_epoch)
    return run


def make_images(count=12):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return pixels, np.arange(count) % len(NAMES)


def make_bins(gap=0.1):
    return [
        {"confidence": c, "accuracy": c - gap, "count": n}
        for c, n in ((0.3, 10), (0.6, 0), (0.9, 30))
    ]


ROWS = [
    {
        "variant": "elu",
        "title": "ELU + He",
        "seeds": [0, 1, 2],
        "validation_mean": 0.481,
        "validation_std": 0.004,
        "test_mean": 0.475,
        "test_std": 0.006,
        "published": [0.4762, 0.4676],
    },
    {
        "variant": "best",
        "title": "the course's recipe",
        "seeds": [0],
        "validation_mean": 0.603,
        "validation_std": 0.0,
        "test_mean": None,
        "test_std": None,
        "published": [],
    },
]
SEARCH = [
    {"variant": variant, "title": variant, "learning_rate": rate, "validation_accuracy": value}
    for variant in ("elu", "bn")
    for rate, value in ((1e-2, None), (1e-4, 0.31), (1e-3, 0.42))
]


def one_of_each():
    images, labels = make_images()
    runs = [make_run(seed=seed) for seed in range(3)]
    return {
        "learning_curves": figures.learning_curves(runs, "validation_accuracy", REPLICA),
        "fit_curves": figures.fit_curves(runs[0], REPLICA),
        "time_to_accuracy": figures.time_to_accuracy(runs, REPLICA),
        "rate_range": figures.rate_range([1e-4, 1e-3, 1e-2], [2.3, 1.9, 2.0], 1e-3, REPLICA),
        "rate_search": figures.rate_search(SEARCH, REPLICA),
        "comparison": figures.comparison(ROWS, REPLICA),
        "reliability_diagram": figures.reliability_diagram(make_bins(), 0.1, REPLICA, "bn"),
        "image_grid": figures.image_grid(images, labels, NAMES, REPLICA, per_class=2),
        "error_gallery": figures.error_gallery(
            images, labels, np.tile([0.7, 0.2, 0.1], (12, 1)), NAMES, REPLICA
        ),
    }


def said(figure):
    """Return the title as one line."""
    return " ".join(figure.get_suptitle().split())


def lines_of(axes):
    """Return the drawn lines that join points (not lone markers)."""
    return [line for line in axes.lines if line.get_linestyle() != "None" and len(line.get_xdata())]


@pytest.mark.parametrize("name", one_of_each())
def test_every_figure_names_its_data_and_has_alt_text_with_numbers(name):
    figure = one_of_each()[name]
    assert said(figure).endswith(f" — {REPLICA}")
    assert REPLICA in figure.alt_text
    assert any(letter.isdigit() for letter in figure.alt_text.replace(REPLICA, ""))


@pytest.mark.parametrize("name", one_of_each())
def test_nothing_sticks_out_of_the_picture_and_all_text_is_readable(name):
    figure = one_of_each()[name]
    figure.canvas.draw()
    page = figure.bbox
    texts = [t for t in figure.findobj(lambda a: hasattr(a, "get_fontsize")) if t.get_text()]
    shown = [t for t in texts if t.get_visible() and t.get_window_extent().width > 0]
    assert min(text.get_fontsize() for text in shown) >= 9
    headline = figure._suptitle.get_window_extent()
    assert headline.x0 >= page.x0 and headline.x1 <= page.x1 and headline.y1 <= page.y1
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        box = axes.get_tightbbox()
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1
        assert box.y0 >= page.y0 - 1 and box.y1 <= headline.y0 + 1, "the title covers the axes"
        if legend := axes.get_legend():
            covered = legend.get_window_extent(), axes.get_window_extent()
            assert not covered[0].overlaps(covered[1]), "the legend covers the data"


def test_nothing_reaches_pyplot():
    code = (
        "import sys, helpers.figures as f; f.schedule([0, 1], [.1, .2], 'x').to_png();"
        "assert 'matplotlib.pyplot' not in sys.modules; assert 'ipywidgets' not in sys.modules;"
        "import matplotlib.pyplot as plt; f.schedule([0, 1], [.1, .2], 'x');"
        "assert plt.get_fignums() == []"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_readers_style_changes_nothing():
    import matplotlib

    before = figures.comparison(ROWS, REPLICA).to_png()
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 20, "lines.linewidth": 9}):
        assert figures.comparison(ROWS, REPLICA).to_png() == before


def test_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt text"):
        CourseFigure("  ")
    with pytest.raises(ValueError, match="names its data set"):
        name_data("Validation accuracy", "")


def test_html_is_one_image_with_escaped_alt_text_at_screen_size():
    figure = CourseFigure('a "quoted" <alt> text', width=5, height=2)
    page = figure._repr_html_()
    assert page.count("<img") == 1
    assert 'alt="a &quot;quoted&quot; &lt;alt&gt; text" width="500" height="200"' in page
    assert Image.open(io.BytesIO(figure.to_png())).size == (1000, 400)


def test_to_png_leaves_the_figure_as_it_was():
    figure = figures.comparison(ROWS, REPLICA)
    first, dpi = figure.to_png(), figure.dpi
    assert (figure.to_png(), figure.dpi) == (first, dpi)


def test_a_kernel_stores_a_figure_once_and_can_update_it():
    manager_of = pytest.importorskip("jupyter_client.manager")
    manager, client = manager_of.start_new_kernel(kernel_name="python3")
    code = """
import sys; sys.path.insert(0, {root!r})
import helpers.figures as figures
import matplotlib.pyplot as plt
%matplotlib inline
figure = figures.schedule([0, 1], [.1, .2], "a schedule")
handle = display(figure, display_id="one")
handle.update(figure)
figure
"""
    try:
        outputs = []
        client.execute_interactive(
            code.format(root=str(figures.__path__[0]).rsplit("helpers", 1)[0]),
            output_hook=outputs.append,
            timeout=60,
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    shown = [out for out in outputs if "data" in out["content"]]
    kinds = [out["msg_type"] for out in shown]
    assert kinds == ["display_data", "update_display_data", "execute_result"], outputs
    for out in shown:
        assert set(out["content"]["data"]) == {"text/html", "text/plain"}


def test_known_variants_all_look_different_and_stay_readable_on_white():
    marks = VARIANT_MARKS.values()
    for part in ("color", "marker"):
        assert len({getattr(mark, part) for mark in marks}) == len(VARIANT_MARKS)
    for mark in marks:
        red, green, blue = to_rgb(mark.color)
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.75


def test_unknown_variant_looks_the_same_in_every_process():
    code = "from helpers.figures.base import variant_mark; print(variant_mark('my own'))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert answers == {str(variant_mark("my own"))}


def test_one_variant_has_one_colour_in_every_figure():
    color = variant_mark("bn").color
    runs = [make_run("bn"), make_run("elu")]
    curve = lines_of(figures.learning_curves(runs, "loss", REPLICA).axes[0])[-1]
    fit = lines_of(figures.fit_curves(runs[0], REPLICA).axes[0])[0]
    time = figures.time_to_accuracy(runs, REPLICA).axes[0].lines[-1]
    search = [line for line in lines_of(figures.rate_search(SEARCH, REPLICA).axes[0])][-1]
    assert {line.get_color() for line in (curve, fit, time, search)} == {color}


@given(st.floats(1e-9, 1e9))
def test_rates_on_an_axis_are_python_and_right_to_two_digits(rate):
    assert float(short_power(rate)) == pytest.approx(rate, rel=0.05)


@given(st.text(alphabet="abc $—", min_size=1, max_size=200))
def test_wrapping_loses_no_word(text):
    assert "".join(wrapped(text, 4, 12).replace("\\$", "$").split()) == "".join(text.split())


values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


@given(st.lists(values, min_size=1, max_size=5))
def test_band_holds_its_mean_and_every_seed_still_running(curves):
    band = over_seeds([np.array(curve) for curve in curves])
    assert len(band.mean) == max(map(len, curves))
    assert (band.low <= band.mean).all() and (band.mean <= band.high).all()
    assert list(band.running) == [
        sum(len(curve) > epoch for curve in curves) for epoch in range(len(band.mean))
    ]
    assert band.whole(len(curves)) == min(map(len, curves))
    for epoch in range(len(band.mean)):
        there = [curve[epoch] for curve in curves if len(curve) > epoch]
        assert band.mean[epoch] == pytest.approx(np.mean(there), abs=1e-6)
        assert (band.low[epoch], band.high[epoch]) == (min(there), max(there))


def test_all_seeds_together_ends_at_the_first_gap_in_any():
    band = over_seeds([np.array([1.0, 2.0, 3.0]), np.array([1.0, np.nan, 3.0])])
    assert list(band.running) == [2, 1, 2]
    assert band.whole(2) == 1


def test_learning_curves_draw_the_mean_and_the_band_of_the_seeds():
    runs = [make_run(seed=seed) for seed in range(3)]
    axes = figures.learning_curves(runs, "validation_accuracy", REPLICA).axes[0]
    (mean,) = lines_of(axes)
    assert mean.get_xdata() == pytest.approx(np.arange(1, 7))
    assert mean.get_ydata() == pytest.approx(np.array([0.31, 0.36, 0.41, 0.46, 0.51, 0.56]))
    edges = axes.collections[0].get_paths()[0].vertices
    assert edges[:, 1].min() == pytest.approx(0.30) and edges[:, 1].max() == pytest.approx(0.57)
    ends = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert sorted(line.get_ydata()[0] for line in ends) == pytest.approx([0.55, 0.56, 0.57])


def test_a_seed_that_stopped_early_is_not_carried_on():
    runs = [make_run(seed=0, epochs=6), make_run(seed=1, epochs=4)]
    figure = figures.learning_curves(runs, "validation_accuracy", REPLICA)
    whole, rest = lines_of(figure.axes[0])
    assert len(whole.get_xdata()) == 4 and rest.get_alpha() == 0.5
    assert rest.get_ydata() == pytest.approx([0.455, 0.5, 0.55])  # seed 0 alone from epoch 5 on
    assert "to 0.455 in the 4 epochs that all runs have" in figure.alt_text


def test_one_line_a_variant_in_the_courses_order_whatever_the_order_of_the_runs():
    runs = [make_run(name, seed) for seed in range(2) for name in reversed(VARIANT_MARKS)]
    axes = figures.learning_curves(runs, "validation_loss", REPLICA).axes[0]
    colors = [line.get_color() for line in lines_of(axes)]
    assert colors == [mark.color for mark in VARIANT_MARKS.values()]
    labels = [text.get_text().replace("\n", " ") for text in axes.get_legend().get_texts()]
    assert labels == [f"title of {name} (2 seeds)" for name in VARIANT_MARKS]


def test_other_data_other_profile_and_other_settings_are_other_lines_and_said():
    runs = [
        make_run(),
        make_run(data=STAND_IN),
        make_run(profile="quick"),
        make_run(settings={"learning_rate": 0.5}),
    ]
    groups = group_runs(runs)
    labels = {group_label(group, groups, REPLICA) for group in groups}
    assert len(labels) == 4
    assert any(f"ON OTHER DATA: {STAND_IN}" in label for label in labels)
    assert any("learning rate 0.5" in label for label in labels)
    assert any("profile quick" in label for label in labels)
    figure = figures.learning_curves(runs, "loss", REPLICA)
    assert len(lines_of(figure.axes[0])) == 4
    assert f"ON OTHER DATA: {STAND_IN}" in figure.alt_text
    assert f"ON OTHER DATA: {STAND_IN}" in said(figures.fit_curves(runs[1], REPLICA))


def test_a_diverged_run_is_marked_where_it_ended_and_said():
    runs = [make_diverged(), make_run("elu", seed=1)]
    figure = figures.learning_curves(runs, "loss", REPLICA)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [3]
    assert "1 of 2 runs diverged" in figure.alt_text
    assert "last number before a run diverged" in {
        " ".join(text.get_text().split()) for text in figure.axes[0].get_legend().get_texts()
    }
    fit = figures.fit_curves(runs[0], REPLICA)
    assert "not a number" in fit.alt_text and "nan" not in fit.alt_text.split()


def test_a_run_without_one_number_still_gives_a_figure():
    run = make_diverged(from_epoch=0)
    figure = figures.learning_curves([run], "loss", REPLICA)
    assert "no epoch at which every run has a number" in figure.alt_text
    figure.to_png()


def test_losses_over_many_powers_of_ten_get_a_logarithmic_axis():
    run = make_run()
    run["history"]["loss"][2] = 1e6
    figure = figures.learning_curves([run], "loss", REPLICA)
    assert figure.axes[0].get_yscale() == "log"
    assert figures.learning_curves([make_run()], "loss", REPLICA).axes[0].get_yscale() == "linear"


def test_a_single_epoch_shows_variants_side_by_side():
    runs = [make_run(name, seed, epochs=1) for name in ("elu", "bn") for seed in range(2)]
    axes = figures.learning_curves(runs, "validation_accuracy", REPLICA).axes[0]
    assert len({line.get_xdata()[0] for line in axes.lines}) == 2
    assert [tick for tick in axes.get_xticks() if 0.5 <= tick <= 1.5] == [1]
    figures.fit_curves(runs[0], REPLICA).to_png()
    figures.time_to_accuracy(runs, REPLICA).to_png()


def test_figures_of_a_run_that_still_goes_on():
    run = make_run()
    del run["best_epoch"]
    assert "best epoch" not in figures.fit_curves(run, REPLICA).alt_text


def test_unknown_metric_no_runs_and_missing_history_are_explained():
    with pytest.raises(ValueError, match="did you mean 'loss'"):
        figures.learning_curves([make_run()], "los", REPLICA)
    with pytest.raises(ValueError, match="course train"):
        figures.learning_curves([], "loss", REPLICA)
    run = make_run()
    del run["history"]["seconds"]
    with pytest.raises(ValueError, match="no history of 'seconds'"):
        figures.time_to_accuracy([run], REPLICA)


def test_fit_curves_mark_the_best_epoch_and_shade_the_gap():
    figure = figures.fit_curves(make_run(best_epoch=4), REPLICA)
    for axes, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        training, validation, best = axes.lines
        assert training.get_ydata() == pytest.approx(make_run()["history"][name])
        assert validation.get_ydata() == pytest.approx(make_run()["history"][f"validation_{name}"])
        assert set(best.get_xdata()) == {4}
        assert len(axes.collections) == 1
    assert "at the best epoch, 4, 0.55 and 0.45" in figure.alt_text


def test_time_is_summed_and_the_mean_stops_with_the_first_run():
    runs = [make_run(seed=0, epochs=6), make_run(seed=1, epochs=4)]
    axes = figures.time_to_accuracy(runs, REPLICA).axes[0]
    first, second, mean = axes.lines
    assert first.get_xdata() == pytest.approx([2, 4, 6, 8, 10, 12])
    assert second.get_xdata() == pytest.approx([3, 6, 9, 12])
    assert mean.get_xdata() == pytest.approx([2.5, 5, 7.5, 10])
    assert mean.get_ydata() == pytest.approx([0.305, 0.355, 0.405, 0.455])


def test_times_from_two_machines_carry_a_warning():
    runs = [make_run(), make_run(seed=1, hardware={"cores": 64})]
    assert "FROM 2 MACHINES" in figures.time_to_accuracy(runs, REPLICA).alt_text
    assert "MACHINES" not in figures.time_to_accuracy(runs[:1], REPLICA).alt_text


def test_range_test_keeps_the_explosion_from_flattening_the_way_down():
    rates = np.geomspace(1e-5, 1, 6)
    figure = figures.rate_range(rates, [2.3, 2.2, 1.8, 1.7, 900, np.nan], 1e-3, REPLICA)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and axes.get_ylim()[1] < 3
    assert axes.lines[1].get_xdata()[0] == 1e-3
    assert "2.3 at first, lowest 1.7 at 0.01, leaving the picture upwards at 0.1" in figure.alt_text
    assert "not a number after 0.1. Chosen: 1e-3." in figure.alt_text
    assert len(figures.rate_range(rates, [2, 2, 1, 1, 2, 2], None, REPLICA).axes[0].lines) == 1
    for bad in ([np.nan] * 6, [1.0] * 5):
        with pytest.raises(ValueError, match="as many losses"):
            figures.rate_range(rates, bad, None, REPLICA)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=40))
def test_schedule_names_start_peak_and_end(rates):
    figure = figures.schedule(range(len(rates)), rates, "a schedule")
    assert f"highest {short_power(max(rates))} at step {rates.index(max(rates))}" in figure.alt_text
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx(rates)


def test_rate_search_sorts_rates_rings_the_best_and_keeps_what_diverged():
    figure = figures.rate_search(SEARCH, REPLICA)
    axes = figure.axes[0]
    rings = [line for line in axes.lines if line.get_markersize() == 15]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in rings] == [(1e-3, 0.42)] * 2
    curve = lines_of(axes)[0]
    assert list(curve.get_xdata()) == [1e-4, 1e-3, 1e-2]
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[1e-2]] * 2
    assert "0.420 at 1e-3, not a number at 0.01; chosen 1e-3" in figure.alt_text
    with pytest.raises(ValueError, match="got none"):
        figures.rate_search([], REPLICA)


def test_comparison_draws_what_the_rows_say():
    figure = figures.comparison(ROWS, REPLICA)
    (axes,) = figure.axes
    means = [container.lines[0].get_xdata()[0] for container in axes.containers]
    assert means == pytest.approx([0.481, 0.475, 0.603])  # no test accuracy of the second: no dot
    bars = [bool(container.has_xerr) for container in axes.containers]
    assert bars == [True, True, False]  # nor a bar with a single seed
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 0]
    assert (low, high) == (pytest.approx(0.477), pytest.approx(0.485))
    hollow = [line for line in axes.lines if line.get_marker() == "D"]
    assert list(hollow[0].get_xdata()) == [0.4762, 0.4676]
    assert hollow[0].get_markerfacecolor() == "none"
    assert "validation 0.481 ± 0.004, test 0.475 ± 0.006, published 0.476 and 0.468" in (
        figure.alt_text
    )
    assert "test not measured" in figure.alt_text


def test_comparison_of_variants_that_nobody_trained_shows_the_published_figures():
    row = {**ROWS[0], "seeds": [], "validation_mean": None, "validation_std": 0.0}
    row |= {"test_mean": None, "test_std": 0.0}
    figure = figures.comparison([row], REPLICA)
    assert "(0 seeds): validation not measured, test not measured, published" in figure.alt_text
    assert "Nothing to compare yet" in figures.comparison([], REPLICA).alt_text


def test_reliability_diagram_skips_empty_bins_and_says_which_way_it_errs():
    figure = figures.reliability_diagram(make_bins(), 0.1, REPLICA, "bn")
    upper, lower = (axes for axes in figure.axes if axes.get_visible())
    assert list(upper.lines[1].get_xdata()) == [0.3, 0.9]
    assert list(upper.lines[1].get_ydata()) == pytest.approx([0.2, 0.8])
    assert [bar.get_height() for bar in lower.patches] == [0.25, 0.75]
    assert "overconfident" in figure.alt_text and "0.100" in figure.alt_text
    assert (
        "underconfident"
        in figures.reliability_diagram(make_bins(-0.05), 0.05, REPLICA, "bn").alt_text
    )


@pytest.mark.parametrize("count", [1, 3, 8])
def test_models_stand_side_by_side(count):
    figure = figures.reliability_diagram(
        [make_bins(0.01 * i) for i in range(count)],
        [0.01 * i for i in range(count)],
        REPLICA,
        [f"model {i}" for i in range(count)],
    )
    titles = [axes.get_title() for axes in figure.axes if axes.get_visible() and axes.get_title()]
    assert titles == [f"model {i}\nECE {0.01 * i:.3f}" for i in range(count)]
    with pytest.raises(ValueError, match="as many lists of bins"):
        figures.reliability_diagram([make_bins()], [0.1, 0.2], REPLICA, ["one"])


def test_image_grid_puts_each_image_in_its_row():
    images, labels = make_images()
    figure = figures.image_grid(images, labels, NAMES, REPLICA, per_class=3)
    mosaic = figure.axes[0].images[0].get_array()
    step = 8 + 1
    for label in range(3):
        for column, index in enumerate(np.flatnonzero(labels == label)[:3]):
            top, left = label * step, column * step
            assert (mosaic[top : top + 8, left : left + 8] == images[index]).all()
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == list(NAMES)


def test_image_grid_leaves_white_places_for_missing_images():
    images, _ = make_images(4)
    figure = figures.image_grid(images, np.zeros(4, int), NAMES, STAND_IN, per_class=5)
    assert "airplane 4, automobile 0, bird 0" in figure.alt_text
    assert (figure.axes[0].images[0].get_array()[9:] == 255).all()


def test_image_grid_refuses_what_is_no_image():
    images, labels = make_images()
    with pytest.raises(ValueError, match="expected uint8 images"):
        figures.image_grid(images / 255, labels, NAMES, REPLICA)
    with pytest.raises(ValueError, match="12 labels"):
        figures.image_grid(images, labels[:3], NAMES, REPLICA)
    with pytest.raises(ValueError, match="labels from 0 to 1"):
        figures.image_grid(images, labels, NAMES[:2], REPLICA)


def test_error_gallery_shows_the_surest_errors_first():
    images, labels = make_images(4)  # labels 0, 1, 2, 0
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.05, 0.95, 0], [0.4, 0.3, 0.3]])
    figure = figures.error_gallery(images, labels, probabilities, NAMES, REPLICA)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [
        "automobile 0.950\nis bird",
        "airplane 0.800\nis automobile",
    ]
    assert (shown[0].images[0].get_array() == images[2]).all()
    assert "2 of 2 errors among 4 images" in figure.alt_text
    one = figures.error_gallery(images, labels, probabilities, NAMES, REPLICA, count=1)
    assert len([axes for axes in one.axes if axes.images]) == 1
    assert "1 of 2 errors" in one.alt_text


def test_error_gallery_without_errors_says_so():
    images, labels = make_images()
    figure = figures.error_gallery(images, labels, np.eye(3)[labels], NAMES, REPLICA)
    assert figure.alt_text == f"No errors: all 12 images classified correctly — {REPLICA}"


def test_error_gallery_refuses_probabilities_of_a_diverged_network():
    images, labels = make_images()
    with pytest.raises(ValueError, match=r"12 of 12 images .* lower learning rate"):
        figures.error_gallery(images, labels, np.full((12, 3), np.nan), NAMES, REPLICA)
    with pytest.raises(ValueError, match=r"\(12, 3\)"):
        figures.error_gallery(images, labels, np.zeros((12, 4)), NAMES, REPLICA)
