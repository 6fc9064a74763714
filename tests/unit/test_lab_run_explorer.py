"""The Run explorer: its parts, and how its pictures show recorded and own runs."""

import gc
import html
import io
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from run_documents import REPLICA, STAND_IN, make_run
from test_labs import live_widgets

from helpers.figures.base import VARIANT_MARKS, CourseFigure, variant_mark
from helpers.labs.run_explorer import RunExplorer

ROOT = Path(__file__).parents[2]
METRICS = ("validation_accuracy", "accuracy", "validation_loss", "loss", "learning_rate")


@pytest.fixture
def recorded():
    return [make_run(variant, seed) for variant in ("elu", "bn") for seed in range(3)]


@pytest.fixture
def lab(recorded):
    return RunExplorer([make_run("bn", seed=7, epochs=4, profile="quick")], recorded)


def draw(data):
    figure = CourseFigure("x", RunExplorer.width, RunExplorer.height, layout="none")
    RunExplorer.draw(data, figure)
    return figure


def settings(**changes):
    return {**RunExplorer.default_settings(), **changes}


def test_compute_joins_recorded_seeds_and_keeps_own_runs_apart(recorded):
    own = [make_run("bn", seed=7, epochs=4), make_run("bn", seed=8)]
    data = RunExplorer.compute(settings(), own, recorded)
    assert [(c.variant, c.own, c.seeds) for c in data.curves] == [
        ("elu", False, (0, 1, 2)),
        ("bn", False, (0, 1, 2)),
        ("bn", True, (7,)),
        ("bn", True, (8,)),
    ]
    assert data.curves[1].band.mean == pytest.approx(np.array([0.31, 0.36, 0.41, 0.46, 0.51, 0.56]))
    assert data.curves[2].band.mean == pytest.approx(np.array([0.37, 0.42, 0.47, 0.52]))
    only = RunExplorer.compute(settings(own=False, variants=("bn",)), own, recorded)
    assert [c.own for c in only.curves] == [False]


def test_compute_changes_neither_settings_nor_runs(recorded):
    before = repr((settings(), recorded))
    chosen = settings()
    RunExplorer.compute(chosen, recorded, recorded)
    assert repr((chosen, recorded)) == before


def test_against_time_a_curve_goes_as_far_as_all_its_seeds():
    runs = [make_run(seed=0, epochs=6), make_run(seed=2, epochs=4)]
    (curve,) = RunExplorer.compute(settings(x="seconds"), [], runs).curves
    assert curve.x == pytest.approx([3, 6, 9, 12])
    assert curve.band.mean == pytest.approx(np.array([0.31, 0.36, 0.41, 0.46]))


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"metric": "los"}, "did you mean 'loss'"),
        ({"x": "hours"}, "unknown x axis"),
        ({"variants": ("bnn",)}, "did you mean 'bn'"),
        ({"variants": ()}, "pick at least one"),
        ({"variants": ("selu",)}, "pick another variant"),
    ],
)
def test_bad_settings_are_explained(recorded, changes, hint):
    with pytest.raises(ValueError, match=hint):
        RunExplorer.compute(settings(**changes), [], recorded)
    if "pick" not in hint:
        with pytest.raises(ValueError, match=hint):
            RunExplorer([], recorded, **changes)


def test_unknown_setting_is_explained(recorded):
    with pytest.raises(ValueError, match="did you mean 'metric'"):
        RunExplorer([], recorded, metrics="loss")


def test_draw_shows_recorded_dashed_in_bands_and_own_bold_in_the_same_colour(recorded):
    data = RunExplorer.compute(settings(variants=("bn",)), [make_run("bn", seed=7)], recorded)
    (axes,) = draw(data).axes
    theirs, mine = (line for line in axes.lines if len(line.get_xdata()) > 1)
    assert theirs.get_color() == mine.get_color() == variant_mark("bn").color
    assert mine.get_linestyle() == "-" and theirs.get_linestyle() == "--"
    assert mine.get_linewidth() > theirs.get_linewidth()
    assert theirs.get_ydata() == pytest.approx(data.curves[0].band.mean)
    assert len(axes.collections) == 1  # one band: a single run has none
    labels = " ".join(text.get_text() for text in axes.get_legend().get_texts())
    assert "recorded: mean over seeds" in labels and "yours: each run" in labels


def test_runs_on_other_data_are_labelled_in_the_picture_and_in_words(recorded):
    data = RunExplorer.compute(settings(), [make_run("bn", seed=7, data=STAND_IN)], recorded)
    figure = draw(data)
    assert "".join(figure.get_suptitle().split()).endswith("".join(f"— {REPLICA}".split()))
    written = " ".join(" ".join(text.get_text().split()) for text in figure.texts)
    assert f"other data: {STAND_IN}" in written
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "ON OTHER DATA" in labels
    ends = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert [line.get_markerfacecolor() == "white" for line in ends] == [False, False, True]
    assert f"ON OTHER DATA: {STAND_IN}" in RunExplorer.describe(data)
    assert f"ON OTHER DATA: {STAND_IN}" in " ".join(RunExplorer.table(data).header)
    assert not RunExplorer.compute(settings(), [], recorded).elsewhere


def test_without_recorded_runs_the_title_names_the_data_of_your_own():
    data = RunExplorer.compute(settings(), [make_run(data=STAND_IN)], [])
    assert data.data_name == STAND_IN and not data.elsewhere


def test_description_gives_the_best_value_of_each_curve(recorded):
    text = RunExplorer.describe(RunExplorer.compute(settings(), [make_run(seed=7)], recorded))
    assert "title of elu, seeds 0, 1, 2, best mean 0.56 at epoch 6" in text
    assert "title of bn, your seed 7, best 0.62 at epoch 6" in text
    loss = RunExplorer.describe(RunExplorer.compute(settings(metric="loss"), [], recorded))
    assert "best mean 1.44 at epoch 6" in loss


def test_table_holds_every_value(recorded):
    table = RunExplorer.table(RunExplorer.compute(settings(), [make_run(epochs=2)], recorded))
    assert table.header == [
        "epoch",
        "title of elu, seeds 0, 1, 2",
        "title of bn, seeds 0, 1, 2",
        "title of bn, your seed 0",
    ]
    assert table.rows[0] == ["1", "0.31 (0.3 to 0.32)", "0.31 (0.3 to 0.32)", "0.3"]
    assert table.rows[5][-1] == "-" and len(table.rows) == 6


def test_a_run_that_was_cut_off_before_its_first_epoch_is_left_out_and_named(recorded):
    empty = make_run("bn", seed=9)
    empty["history"] = {name: [] for name in empty["history"]}
    data = RunExplorer.compute(settings(), [empty], recorded)
    assert len(data.curves) == 2
    assert "Left out: title of bn seed 9" in RunExplorer.describe(data)


@pytest.mark.parametrize("metric", METRICS)
def test_diverged_runs_and_single_epochs_draw(metric):
    diverged = make_run("elu")
    for name in ("loss", "validation_loss"):
        diverged["history"][name][0:] = [None] * 6
    for x in ("epoch", "seconds"):
        data = RunExplorer.compute(
            settings(metric=metric, x=x), [diverged, make_run("bn", epochs=1)], [diverged]
        )
        draw(data).to_png(1)
        assert RunExplorer.describe(data)


def test_diverged_runs_are_named_also_where_the_metric_stayed_a_number(recorded):
    run = make_run("elu", seed=9, ended="diverged")
    run["history"]["loss"][-1] = None
    for metric in ("loss", "validation_accuracy"):
        text = RunExplorer.describe(RunExplorer.compute(settings(metric=metric), [run], recorded))
        assert text.count("diverged") == 1 and "1 of 1 diverged" in text


def test_with_no_runs_at_all_it_says_what_to_do():
    lab = RunExplorer([], [])
    assert "course train --variant bn" in lab.text.value
    (written,) = lab.figure.texts
    assert "course train --variant bn" in " ".join(written.get_text().split())
    lab.table_toggle.value = True
    lab.controls["metric"].value = "loss"


def test_without_arguments_it_reads_the_store_and_leaves_searches_out(monkeypatch):
    import helpers.training.store as store
    from helpers.models import VARIANTS

    def run(rate, planned, seed):
        return make_run(
            seed=seed, settings={"learning_rate": rate}, planned_epochs=planned, profile="quick"
        )

    own_rate = VARIANTS["bn"].learning_rate
    kept = [run(own_rate, 5, 0), run(own_rate, 1, 1), run(own_rate * 9, 5, 2)]
    monkeypatch.setattr(store, "stored_runs", lambda: [*kept, run(own_rate * 9, 1, 3)])
    monkeypatch.setattr(store, "recorded_runs", lambda: [make_run("elu")])
    lab = RunExplorer()
    assert lab.runs == kept
    assert [run["variant"] for run in lab.recorded] == ["elu"]
    given = RunExplorer([make_run("selu")])  # your own given: still over the recorded ones
    assert [run["variant"] for run in given.runs + given.recorded] == ["selu", "elu"]
    assert RunExplorer(recorded=()).recorded == []


# --- the controls join them


def picture_of(lab):
    return Image.open(io.BytesIO(lab.picture.value))


def test_a_change_of_any_control_changes_picture_text_and_table(lab):
    lab.table_toggle.value = True
    for name, value in (
        ("metric", "loss"),
        ("x", "seconds"),
        ("own", False),
        ("variants", ("elu",)),
    ):
        before = lab.picture.value, lab.text.value, lab.table_view.value
        lab.controls[name].value = value
        after = lab.picture.value, lab.text.value, lab.table_view.value
        assert all(new != old for new, old in zip(after, before, strict=True)), name
        assert lab.settings[name] == value
    assert picture_of(lab).format == "PNG"


def test_picture_is_that_of_compute_and_draw(lab, recorded):
    data = RunExplorer.compute(lab.settings, lab.runs, recorded)
    assert html.escape(RunExplorer.describe(data)) in lab.text.value
    lab.controls["metric"].value = "loss"
    lab.controls["metric"].value = "validation_accuracy"
    again = RunExplorer(lab.runs, recorded)
    assert lab.picture.value == again.picture.value  # nothing of the picture before is left


def test_only_variants_with_runs_are_offered(lab):
    assert [value for _, value in lab.controls["variants"].options] == ["elu", "bn"]
    every = RunExplorer([make_run("zoo"), make_run("best")], [make_run("notes")])
    assert every.settings["variants"] == ("notes", "best")
    assert [value for _, value in every.controls["variants"].options] == ["notes", "best", "zoo"]


def test_a_bad_combination_is_explained_and_the_lab_goes_on(lab):
    lab.table_toggle.value = True
    lab.controls["variants"].value = ()
    assert "pick at least one" in lab.text.value
    assert "pick at least one" in " ".join(lab.figure.texts[0].get_text().split())
    assert lab.table_view.value == "" and not lab.figure.axes
    lab.controls["variants"].value = ("bn",)
    assert "best mean 0.56" in lab.text.value and len(lab.figure.axes) == 1


def test_several_settings_at_once_draw_once(lab, monkeypatch):
    drawn = []
    monkeypatch.setattr(RunExplorer, "draw", staticmethod(lambda data, figure: drawn.append(data)))
    lab.update(metric="loss", x="seconds", own=False)
    assert [(data.metric, data.x) for data in drawn] == [("loss", "seconds")]
    with pytest.raises(ValueError, match="did you mean 'metric'"):
        lab.update(metrik="loss")
    with pytest.raises(ValueError, match="metric"):
        lab.update(metric="no such")


def test_table_shows_and_hides(lab):
    assert lab.table_view.layout.display == "none" and lab.table_view.value == ""
    lab.table_toggle.value = True
    assert lab.table_view.layout.display == "" and "<caption" in lab.table_view.value
    lab.table_toggle.value = False
    assert lab.table_view.layout.display == "none" and lab.table_view.value == ""


def test_display_has_the_live_lab_and_a_static_picture_with_alt_text(lab):
    bundle = lab._repr_mimebundle_()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view == {"version_major": 2, "version_minor": 0, "model_id": lab.box.model_id}
    assert bundle["text/html"].count("<img") == 1
    assert f'alt="{html.escape(lab.figure.alt_text)}"' in bundle["text/html"]
    assert "0.56" in lab.figure.alt_text and "0.56" in bundle["text/plain"]


def test_a_hundred_changes_leave_memory_widgets_and_figures_where_they_were(lab):
    def change(times):
        for number in range(times):
            lab.controls["metric"].value = METRICS[(number + 1) % 5]
            lab.controls["variants"].value = (("bn",), ("bn", "elu"))[number % 2]

    def kept():
        gc.collect()
        things = gc.get_objects()
        figures = sum(isinstance(thing, Figure) for thing in things)
        return figures, live_widgets(), len(things)

    lab.scale = 0.5  # fewer pixels: quicker
    change(10)  # each pair of settings once: fills the caches that fill once
    before = kept()
    change(50)  # of two controls each
    after = kept()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 100, f"100 changes left {after[2] - before[2]} objects"
    tracemalloc.start()  # slow, and the only way to see bytes that somebody holds on to
    try:
        change(2)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        change(4)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - held
    finally:
        tracemalloc.stop()
    assert grown < len(lab.picture.value), f"8 changes left {grown} bytes"
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


def test_largest_picture_of_every_variant_is_drawn_whole():
    runs = [make_run(name, seed, epochs=100) for name in VARIANT_MARKS for seed in range(5)]
    lab = RunExplorer([], runs, **RunExplorer.largest_settings())
    (axes,) = lab.figure.axes
    assert len(axes.collections) == 8
    assert {line.get_color() for line in axes.lines} == {m.color for m in VARIANT_MARKS.values()}
    box = axes.get_legend().get_window_extent()
    assert box.x1 <= lab.figure.bbox.x1 and box.y0 >= 0
    assert not box.overlaps(axes.get_window_extent())
