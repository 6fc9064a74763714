"""Labs: each part alone, then joined; on ipywidgets 7.7 and 8 alike."""

import gc
import html
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.figure import Figure

from helpers import labs
from helpers.build.notebook import read_source
from helpers.build.sources import find_chapters
from helpers.figures.base import CourseFigure, course_style
from helpers.labs.base import Lab, Table, control, ends_of

ROOT = Path(__file__).parents[2]


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
    return list(ends_of(widget))


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


@pytest.mark.parametrize("error", [None, ValueError, RuntimeError])
def test_no_search_for_unused_objects_falls_between_a_change_and_its_picture(error, monkeypatch):
    """Such a search looks through the whole process: longer than the picture itself takes."""
    lab, searching = labs.MomentMap(), []
    compute, widget = lab.compute, lab.controls["seed"]

    def noting_compute(settings):
        searching.append(gc.isenabled())
        if error:
            raise error("what a test raises")
        return compute(settings)

    monkeypatch.setattr(lab, "compute", noting_compute)
    lab.picture.observe(lambda change: searching.append(gc.isenabled()), names="value")
    widget.value += 1
    assert searching == [False, False]
    assert gc.isenabled()


@pytest.fixture
def kept():
    """Give what counts the widgets, figures and objects alive, and entries in lists and dicts.

    The collector does not know arrays and bytes; whoever keeps them has a longer list or dict.
    """
    gc.unfreeze()
    gc.collect()
    containers = [thing for thing in gc.get_objects() if type(thing) in (list, dict, set)]
    gc.freeze()  # of what is there already, only these are looked at again

    def count() -> np.ndarray:
        gc.collect()
        things = gc.get_objects()
        figures = sum(isinstance(thing, Figure) for thing in things)
        new = (thing for thing in things if type(thing) in (list, dict, set))
        entries = sum(map(len, containers)) + sum(map(len, new))
        return np.array([live_widgets(), figures, len(things), entries])

    return count


@every_lab
def test_changes_leave_widgets_figures_and_memory_where_they_were(kind, kept):
    """A thing kept at each change would be seen: it grows in every round by a thing a change.

    A hundred changes a lab would take minutes and show no more; the run explorer has those, in a
    file of its own.
    """
    lab = kind()
    lab.scale = 0.25  # fewer pixels: quicker
    controls = [*lab.controls.values()]
    there = [
        (widget, next(value for value in values_of(widget) if value != widget.value))
        for widget in (controls[0], *controls[1:][-1:])  # the first and the last, or the only one
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


# --- one lab, at what all of them share


class Fragile(labs.Sparsity):
    """A lab with a fault of its own."""

    @staticmethod
    def compute(settings, **inputs):
        if settings["sparsity"] > 0.9:
            raise ZeroDivisionError("somebody forgot the zero")
        return labs.Sparsity.compute(settings, **inputs)


def test_a_fault_in_a_lab_is_said_in_its_text_and_is_gone_with_the_next_change():
    lab = Fragile()
    whole = lab.picture.value
    first = lab.controls["sparsity"].value
    lab.controls["sparsity"].value = 0.95
    assert "This lab failed: ZeroDivisionError: somebody forgot the zero." in lab.text.value
    assert lab.picture.value != whole, "the picture of other settings is not left standing"
    with pytest.raises(ZeroDivisionError):
        lab.update()
    lab.controls["sparsity"].value = first
    assert lab.picture.value == whole


def test_the_picture_has_what_a_page_asks_for_before_it_shows_a_tooltip():
    """Without a description ipywidgets 8 fails in the page, and shows no picture at all."""
    lab = labs.Sparsity()
    state = lab.picture.get_state()
    assert state["_model_name"] == "ImageModel" and state["description"] == ""
    if "tooltip" in state:  # ipywidgets 8
        assert state["tooltip"] == lab.figure.alt_text


def test_a_lab_names_its_sliders_for_who_does_not_see_their_labels():
    lab = labs.Sparsity()
    shown = [
        output["data"]["text/html"]
        for widget in walk(lab.box)
        if isinstance(widget, widgets.Output)
        for output in widget.outputs
    ]
    assert len(shown) == 1 and "aria-label" in shown[0]
