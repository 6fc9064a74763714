"""Labs: each part alone, then joined; on ipywidgets 7.7 and 8 alike."""

import gc
import html
import io
import re
import subprocess
import sys
import time
import tracemalloc
import warnings
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from helpers import labs
from helpers.build.notebook import read_source
from helpers.build.sources import find_chapters
from helpers.figures.base import VARIANT_MARKS, CourseFigure, course_style, variant_mark
from helpers.labs.base import Lab, Table, control
from helpers.labs.run_explorer import RunExplorer

ROOT = Path(__file__).parents[2]
REPLICA, STAND_IN = "CIFAR-10 (JPEG replica)", "stand-in (not CIFAR-10)"
METRICS = ("validation_accuracy", "accuracy", "validation_loss", "loss", "learning_rate")


def make_run(variant="bn", seed=0, epochs=6, data=REPLICA, profile="full", **changes):
    """Return a run document whose validation accuracy is 0.3, 0.35, ... plus seed / 100."""
    accuracy = [0.3 + 0.05 * epoch + seed / 100 for epoch in range(epochs)]
    history = {
        "loss": [2.0 - value for value in accuracy],
        "accuracy": [value + 0.1 for value in accuracy],
        "validation_loss": [2.3 - value for value in accuracy],
        "validation_accuracy": accuracy,
        "learning_rate": [1e-3] * epochs,
        "seconds": [2.0 + seed] * epochs,
    }
    return {
        "variant": variant,
        "title": f"title of {variant}",
        "data": data,
        "profile": profile,
        "seed": seed,
        "best_epoch": epochs,
        "history": history,
        **changes,
    }


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


def live_widgets():
    """Return how many widgets ipywidgets keeps, under the name 7.7 or 8 has for them."""
    kept = getattr(widgets.Widget, "_instances", None) or getattr(
        widgets.widgets.widget, "_instances", None
    )
    return len(widgets.Widget.widgets if kept is None else kept)


# --- every lab

PNG = b"\x89PNG"
ALONE = {"keras", "tensorflow", "jax", "matplotlib.pyplot"}  # what a lab must do without
every_lab = pytest.mark.parametrize("kind", labs.all_labs(), ids=lambda kind: kind.__name__)


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def values_of(widget):
    """Return what a control can be set to: both ends of a slider, or each of its options."""
    if isinstance(widget, widgets.SelectMultiple):
        options = widget._options_values  # under this name in 7.7 and in 8
        return [*((option,) for option in options), tuple(options), ()]
    if hasattr(widget, "options"):
        return list(widget._options_values)
    if isinstance(widget.value, bool):
        return [True, False]
    ends = [widget.min, widget.max]
    return [widget.base**end for end in ends] if hasattr(widget, "base") else ends


def fresh_picture(lab):
    """Return the picture of a lab's settings, from compute and draw alone, in a new figure."""
    data = lab.compute(lab.settings, **lab.inputs)
    figure = CourseFigure("x", lab.width, lab.height, layout="none")
    with course_style():
        lab.draw(data, figure)
    return figure.to_png(lab.scale, compress_level=1)


@every_lab
def test_every_lab_computes_draws_and_describes_without_a_widget(kind):
    assert kind.default_settings().keys() == kind.largest_settings().keys()
    for chosen in (kind.default_settings(), kind.largest_settings()):
        before = repr(chosen)
        data = kind.compute(chosen)
        assert repr(chosen) == before, "compute changed the settings"
        figure = CourseFigure("x", kind.width, kind.height, layout="none")
        kind.draw(data, figure)
        assert len(figure.axes) + len(figure.texts) > 0
        assert re.search(r"\d", kind.describe(data)), "a description holds a number"
        table = kind.table(data)
        assert isinstance(table, Table) and table.caption.strip()
        assert table.rows and {len(row) for row in table.rows} == {len(table.header)}
        assert re.search(r"\d", table.to_html())


@every_lab
def test_every_control_has_a_label_and_a_tooltip_and_answers_when_let_go(kind):
    lab = kind()
    assert set(lab.controls) == set(lab.settings) == set(kind.default_settings())
    for widget in [*lab.controls.values(), lab.table_toggle]:
        assert widget.description
        tooltip = getattr(widget, "tooltip", None) or widget.description_tooltip
        assert tooltip and tooltip != widget.description
        assert not getattr(widget, "continuous_update", False)
        assert type(widget) is getattr(widgets, type(widget).__name__), "ipywidgets core only"
    descriptions = [widget.description for widget in lab.controls.values()]
    assert len(set(descriptions)) == len(descriptions)
    assert "course-lab" in lab.box._dom_classes
    assert all(widget in walk(lab.box) for widget in [*lab.controls.values(), lab.picture])


@every_lab
def test_a_lab_shows_its_table_and_a_static_picture_with_alt_text(kind):
    lab = kind()
    assert lab.settings == kind.default_settings()
    lab.table_toggle.value = True
    assert lab.table_view.layout.display == "" and "<caption" in lab.table_view.value
    bundle = lab._repr_mimebundle_()
    alt = html.escape(lab.figure.alt_text)
    assert bundle["text/html"].count("<img") == 1 and f'alt="{alt}"' in bundle["text/html"]
    assert bundle["text/html"].count(alt) == 2, "the alt text, and the line below the picture"
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == lab.box.model_id


@every_lab
def test_every_end_of_every_control_gives_a_picture_or_an_explanation(kind):
    lab = kind()
    lab.table_toggle.value = True
    lab.scale = 0.25  # fewer pixels: quicker
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy's and Matplotlib's
        for name, widget in lab.controls.items():
            first = widget.value
            for value in values_of(widget):
                widget.value = value
                where = f"{name} = {value!r}"
                assert bytes(lab.picture.value[:4]) == PNG, where
                if lab._data is None:
                    assert "These settings do not go together: " in lab.text.value, where
                    assert lab.table_view.value == "", where
                else:
                    assert re.search(r"\d", lab.figure.alt_text), where
                    assert html.escape(lab.figure.alt_text) in lab.text.value, where
                    assert "<td" in lab.table_view.value, where
            widget.value = first
        lab.update(**kind.largest_settings())
        assert lab._data is not None, "the largest settings go together"
    lab.update(**kind.default_settings())
    assert bytes(lab.picture.value) == fresh_picture(lab), "something of a picture before is left"


def kept():
    """Return how many widgets, figures and objects are alive, and entries in lists and dicts.

    The collector does not know arrays and bytes; whoever keeps them has a longer list or dict.
    """
    gc.collect()
    things = gc.get_objects()
    figures = sum(isinstance(thing, Figure) for thing in things)
    entries = sum(len(thing) for thing in things if type(thing) in (list, dict, set))
    return np.array([live_widgets(), figures, len(things), entries])


@every_lab
def test_changes_leave_widgets_figures_and_memory_where_they_were(kind):
    """A thing kept at each change would be seen: it grows in every round by a thing a change.

    A hundred changes a lab would take minutes and show no more; the run explorer has them below.
    """
    lab = kind()
    lab.scale = 0.25  # fewer pixels: quicker
    first, *_, last = lab.controls.values()
    there = [
        (widget, next(value for value in values_of(widget) if value != widget.value))
        for widget in (first, last)
    ]
    changes = [*there, *((widget, widget.value) for widget, _ in reversed(there))]
    counts = []
    for _ in range(4):  # the first round fills the caches that fill once
        for widget, value in changes:
            widget.value = value
        counts.append(kept())
    grown = np.diff(counts, axis=0).min(axis=0)  # noise comes and goes, what is kept stays
    assert (grown[:2] <= 0).all() and (grown < len(changes)).all(), (
        f"{len(changes)} changes leave {grown} widgets, figures, objects, entries of containers"
    )


def test_caches_are_bounded():
    """What the test above cannot see: a cache that keeps every new setting for good."""
    for path in [*ROOT.glob("helpers/labs/*.py"), *ROOT.glob("helpers/theory/*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"maxsize=None|@(functools\.)?cache\b", text), path


def reference(figure):
    """Draw six small histograms: about as much as a lab may take at its default size."""
    figure.clear()
    values = np.random.default_rng(0).normal(size=500)
    with course_style():
        for axes in figure.subplots(2, 3).flat:
            axes.hist(values, bins=20)
    return figure.to_png(Lab.scale, compress_level=1)


def processor_time(function, times):
    """Return the least time that this thread computed, whatever else the machine is doing."""

    def once():
        started = time.thread_time()
        function()
        return time.thread_time() - started

    return min(once() for _ in range(times))


@pytest.fixture(scope="module")
def reference_time():
    figure = CourseFigure("x", 7.5, 4.2, layout="none")
    return processor_time(lambda: reference(figure), 6)


@every_lab
def test_a_change_is_drawn_in_time(kind, reference_time):
    """Not in seconds, which depend on the machine: in drawings of six histograms."""
    for chosen, most in ((kind.default_settings(), 1.25), (kind.largest_settings(), 3)):
        lab = kind(**chosen)
        took = processor_time(lab._refresh, 2) / reference_time
        assert took < most, f"{chosen}: {took:.2f} times the reference, expected {most} at most"


def test_labs_are_imported_only_when_asked_for_and_without_keras():
    code = (
        "import sys, helpers.labs as labs; assert 'ipywidgets' not in sys.modules;"
        "[kind() for kind in labs.all_labs()];"
        f"sys.exit(sorted({ALONE!r} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert labs.RunExplorer in labs.all_labs()
    with pytest.raises(AttributeError, match="RunExplorer"):
        labs.NoSuchLab  # noqa: B018


@pytest.mark.parametrize("chapter", [name for name in find_chapters(ROOT) if "01" <= name < "05"])
def test_a_chapter_comes_to_its_first_lab_without_keras(chapter):
    """The cells of the lesson up to its first lab run in a shell that then looks at its modules."""
    cells = read_source(find_chapters(ROOT)[chapter], "ci").cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    names = "|".join(kind.__name__ for kind in labs.all_labs())
    first = next(n for n, source in enumerate(code, 1) if re.search(rf"\b({names})\(", source))
    script = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell as Shell\n"
        "shell = Shell.instance(); shell.history_manager.enabled = False\n"
        f"for source in {code[:first]!r}:\n"
        "    shell.run_cell(source).raise_error()\n"
        f"sys.exit(sorted({ALONE - {'matplotlib.pyplot'}!r} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_control_waits_until_a_slider_is_let_go():
    slider = control(widgets.IntSlider, "depth", "how many layers", max=9)
    assert slider.continuous_update is False and slider.description == "depth"


def test_table_is_accessible_and_escaped():
    page = Table("a < b", ["epoch", "<i>"], [["1", "x & y"]]).to_html()
    assert "<caption" in page and "a &lt; b" in page and "&lt;i&gt;" in page and "x &amp; y" in page
    assert page.count('scope="col"') == 2 and page.count('scope="row"') == 1


# --- the parts of the Run explorer


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
