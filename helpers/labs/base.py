"""What every lab shares: controls, one reused picture, a line of text, and a table.

A lab is three things that a test can use one at a time: ``compute(settings) -> data`` and
``draw(data, figure)``, both pure, and the controls that join them.
"""

import gc
import html
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import ipywidgets as widgets
from traitlets import TraitError, Unicode

from helpers.arguments import Kind, refuse
from helpers.figures.base import (
    SCREEN_DPI,
    CourseFigure,
    course_style,
    message_figure,
    one_at_a_time,
    picture_html,
)
from helpers.labs.slider_names import slider_names
from helpers.linear_algebra import one_thread
from helpers.names import lookup

TEXT_STYLE = "margin:4px 0;line-height:1.4;max-width:60em"


class Table(NamedTuple):
    """The data of a picture as text: the first cell of each row is the row's own heading."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_html(self) -> str:
        """Return a table that a screen reader can walk: caption, headings with their scope."""

        def cell(tag, content, scope=""):
            scope = f' scope="{scope}"' if scope else ""
            style = "padding:2px 8px;text-align:left;border-bottom:1px solid #ccc"
            return f'<{tag}{scope} style="{style}">{html.escape(str(content))}</{tag}>'

        head = "".join(cell("th", name, "col") for name in self.header)
        body = "".join(
            f"<tr>{cell('th', row[0], 'row')}{''.join(cell('td', item) for item in row[1:])}</tr>"
            for row in self.rows
        )
        return (
            '<div style="max-height:24em;overflow:auto" tabindex="0"><table>'
            f'<caption style="text-align:left">{html.escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def set_tooltip(widget: widgets.Widget, text: str) -> None:
    """Give a widget a tooltip, under the name it has in ipywidgets 8 and in 7.7."""
    widget.set_trait("tooltip" if widget.has_trait("tooltip") else "description_tooltip", text)


def control(kind: type, description: str, tooltip: str, **traits) -> widgets.Widget:
    """Return a widget with a label and a tooltip, that answers when it is let go, not while moving.

    >>> control(widgets.IntSlider, "depth", "how many hidden layers", max=100).continuous_update
    False
    """
    if "continuous_update" in kind.class_trait_names():
        traits["continuous_update"] = False
    widget = kind(description=description, **traits)
    widget.style.description_width = "initial"
    set_tooltip(widget, tooltip)
    return widget


def ends_of(widget: widgets.Widget) -> tuple:
    """Return the lowest and the highest value of a slider; nothing for another control.

    >>> ends_of(widgets.FloatLogSlider(min=-3, max=0)), ends_of(widgets.Checkbox())
    ((0.001, 1.0), ())
    """
    if not hasattr(widget, "min"):
        return ()
    ends = widget.min, widget.max
    return tuple(widget.base**end for end in ends) if hasattr(widget, "base") else ends


class Settings(Kind):
    """The settings of a lab: for each its kind, the values that its control offers."""

    def __init__(self, **kinds: Kind):
        self.kinds = kinds

    def take(self, name, value, sizes):
        """Return a dict of all settings, each as its kind returns it."""
        if not isinstance(value, Mapping) or not self.kinds.keys() <= value.keys():
            refuse(name, f"be a dict that holds {', '.join(self.kinds)}", value)
        for setting in value:
            lookup(setting, self.kinds, "setting")
        return {each: kind.take(each, value[each], {}) for each, kind in self.kinds.items()}


@contextmanager
def collecting_later():
    """Hold Python's search for unused objects until the picture is on its way to the reader.

    One through all objects of the process takes longer than a picture, and the many small objects
    of a picture set it off. A context manager or decorator; within another it does nothing.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Picture(widgets.Image):
    """An image that can have a tooltip.

    Before ipywidgets 8 shows one, it measures the widget's description. An image has none, and so
    a tooltip alone would keep it from being shown at all.
    """

    description = Unicode("").tag(sync=True)


class Lab(ABC):
    """A lab: write ``compute``, ``draw``, ``describe``, ``table``, ``make_controls`` and settings.

    Args:
        settings: first values of the controls, by name; the others start at their defaults.

    Attributes:
        kinds: what each setting may be.
        controls: name -> widget, one for each setting.
        picture: the ``ipywidgets.Image`` that holds the picture as PNG.
        text: the line beneath it, ``ipywidgets.HTML``.
        table_toggle, table_view: "show as table", and the table.

    Raises:
        ValueError: for an unknown setting, or a value that no control offers. Once the lab shows,
            a combination that cannot be computed is explained in the text, never raised.
    """

    kinds: Settings
    width, height = 7.5, 4.2  # of the picture, in inches of 100 CSS pixels
    scale = 1.25  # pixels of the picture to a CSS pixel: crisp enough, and quick

    def __init__(self, **settings):
        defaults = self.default_settings()
        for name in settings:
            lookup(name, defaults, f"setting of {type(self).__name__}")
        chosen = self.kinds.take("settings", {**defaults, **settings}, {})
        self.figure = CourseFigure("nothing drawn yet", self.width, self.height, layout="none")
        self.controls = self.make_controls(chosen)
        self._check_offered(chosen)
        self.picture = Picture(format="png")
        self.picture.layout.width = f"{round(self.width * SCREEN_DPI)}px"
        self.picture.layout.max_width = "100%"
        self.text = widgets.HTML()
        self.table_toggle = widgets.ToggleButton(description="Show as table")
        set_tooltip(self.table_toggle, "show the numbers behind the picture as a table")
        self.table_view = widgets.HTML()
        self._data = None
        self._updating = False
        self.box = self._boxes()
        self._refresh(strict=True)
        for widget in self.controls.values():
            widget.observe(self._changed, names="value")
        self.table_toggle.observe(self._show_table, names="value")

    @classmethod
    @abstractmethod
    def default_settings(cls) -> dict:
        """Return the settings that a lab opens with."""

    @classmethod
    @abstractmethod
    def largest_settings(cls) -> dict:
        """Return the settings that cost the most to compute and draw."""

    @abstractmethod
    def make_controls(self, settings: dict) -> dict[str, widgets.Widget]:
        """Return a control for each setting, by its name, at these values."""

    @staticmethod
    @abstractmethod
    def compute(settings: dict, **inputs):
        """Return what there is to draw; pure. Raises ValueError for a bad combination."""

    @staticmethod
    @abstractmethod
    def draw(data, figure: CourseFigure) -> None:
        """Draw into a figure that is empty; pure."""

    @staticmethod
    @abstractmethod
    def describe(data) -> str:
        """Return in a sentence or two, with numbers, what the picture shows."""

    @staticmethod
    @abstractmethod
    def table(data) -> Table:
        """Return the data as a table."""

    @property
    def inputs(self) -> dict:
        """What ``compute`` needs beside the settings, and no control changes."""
        return {}

    @property
    def settings(self) -> dict:
        """The values of the controls, by name."""
        return {name: widget.value for name, widget in self.controls.items()}

    def update(self, **settings) -> None:
        """Set several controls at once and draw once.

        Raises:
            ValueError: for an unknown setting, or a value that its control does not take.
        """
        widgets_ = {name: lookup(name, self.controls, "setting") for name in settings}
        for name, value in settings.items():
            settings[name] = self.kinds.kinds[name].take(name, value, {})
        self._check_offered(settings)
        self._updating = True
        try:
            for name, widget in widgets_.items():
                widget.value = settings[name]
        except TraitError as error:
            raise ValueError(f"{name} cannot be what it got, {settings[name]!r}: {error}") from None
        finally:
            self._updating = False
            self._refresh()

    def _check_offered(self, settings: dict) -> None:
        """Refuse a number beyond the ends of its slider, which would cut it off without a word."""
        for name, value in settings.items():
            ends = ends_of(self.controls[name])
            if not ends:
                continue
            low, high = ends
            if not low <= value <= high:
                raise ValueError(
                    f"{name} must lie from {low:g} to {high:g}, as its control does, got {value:g}."
                )

    def _boxes(self) -> widgets.VBox:
        row = widgets.HBox([*self.controls.values(), self.table_toggle])
        row.layout.flex_flow = "row wrap"
        row.layout.align_items = "flex-start"
        self.table_view.layout.display = "none"
        box = widgets.VBox([row, self.picture, self.text, self.table_view, slider_names()])
        box.add_class("course-lab")
        box.add_class(f"course-lab-{type(self).__name__.lower()}")
        return box

    @one_at_a_time()
    @collecting_later()
    def _changed(self, _change) -> None:
        """Answer a control. No cell runs, so what is raised here, the reader would never see."""
        if self._updating:
            return
        try:
            self._refresh()
        except Exception as error:
            self._data = None
            self._explain(
                f"This lab failed: {type(error).__name__}: {error}. The fault is the course's own. "
                "With the lab in a variable, lab.update() shows where it lies."
            )

    @one_at_a_time()
    @collecting_later()
    def _refresh(self, strict: bool = False) -> None:
        """Compute and draw with the settings in force; say what is wrong with them instead."""
        try:
            with one_thread():
                self._data = self.compute(self.settings, **self.inputs)
            sentence = self.describe(self._data)
            self._render(sentence, lambda: self.draw(self._data, self.figure))
        except ValueError as error:
            if strict:
                raise
            self._data = None
            self._explain(f"These settings do not go together: {error}")
        self._show_table()

    def _explain(self, sentence: str) -> None:
        """Show a sentence, in the picture's place and below it."""
        self._render(sentence, lambda: message_figure(sentence, self.figure))

    def _render(self, sentence: str, draw) -> None:
        for axes in self.figure.axes:
            axes.remove()  # clear() would first make the ticks of each anew, only to drop them
        self.figure.clear()
        self.figure.alt_text = sentence
        with course_style():
            draw()
        self.picture.value = self.figure.to_png(self.scale, compress_level=1)
        if self.picture.has_trait("tooltip"):  # ipywidgets 8: the nearest it has to alt text
            self.picture.tooltip = sentence
        self.text.value = (
            f'<p role="status" style="{TEXT_STYLE}">{html.escape(self.figure.alt_text)}</p>'
        )

    @one_at_a_time()
    def _show_table(self, _change=None) -> None:
        shown = self.table_toggle.value and self._data is not None
        self.table_view.value = self.table(self._data).to_html() if shown else ""
        self.table_view.layout.display = "" if shown else "none"

    def static_html(self) -> str:
        """Return the present picture with alt text and its text, for viewers without a kernel."""
        width, height = (round(inches * SCREEN_DPI) for inches in (self.width, self.height))
        picture = picture_html(self.picture.value, self.figure.alt_text, width, height)
        return f'<div class="course-lab-static">{picture}{self.text.value}</div>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """Return the live lab, and beside it what shows where no kernel is."""
        return {
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.box.model_id,
            },
            "text/html": self.static_html(),
            "text/plain": f"{type(self).__name__}: {self.figure.alt_text}",
        }
