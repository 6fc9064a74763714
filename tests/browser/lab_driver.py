"""Moves the controls of a lab in the page, and holds its picture to what Python gives for them."""

import base64
import io
import math
from collections.abc import Callable, Iterator
from itertools import islice

import ipywidgets as widgets
import numpy as np
from PIL import Image

from helpers.figures.base import CourseFigure, course_style, message_figure
from helpers.labs import all_labs
from helpers.labs.base import Lab
from helpers.linear_algebra import one_thread

SLIDERS = (
    widgets.IntSlider,
    widgets.FloatSlider,
    widgets.FloatLogSlider,
    widgets.SelectionSlider,
)
# What the page shows at one moment. A picture that is just being replaced is asked for again.
SHOWN = """async image => {
  for (;;) {
    const source = image.src;
    try {
      const content = new Uint8Array(await (await fetch(source)).arrayBuffer());
      await image.decode();
      if (image.src !== source) { continue; }
      const text = content.reduce((all, byte) => all + String.fromCharCode(byte), "");
      return {source, png: btoa(text)};
    } catch (error) {
      if (image.src === source) { throw error; }
    }
  }
}"""
CELLS = "body => [...body.rows].map(row => [...row.cells].map(cell => cell.textContent))"
REPLACED = "([image, source]) => image.src !== source"


class LabDriver:
    """One lab in a page, and the same lab in Python, which computes what the page should show.

    Args:
        page: Playwright's page.
        box: the lab's outermost element.
        make: returns the lab in Python, from its class, as the notebook makes it.
    """

    def __init__(self, page, box, make: Callable[[type[Lab]], Lab] = lambda kind: kind()):
        self.page, self.box = page, box
        box.scroll_into_view_if_needed()  # what is out of sight is not laid out
        classes = box.get_attribute("class").split()
        self.twin = make(
            next(kind for kind in all_labs() if f"course-lab-{kind.__name__.lower()}" in classes)
        )
        self.name = type(self.twin).__name__
        row = box.locator("> .widget-hbox > *")
        self.places = dict(zip(self.twin.controls, row.all(), strict=False))
        self.image = box.locator("img")
        self.seen: list[bytes] = []

    def settings(self) -> dict:
        """Return what the controls show, as the lab's settings."""
        return {name: self._read(name) for name in self.places}

    def check(self) -> None:
        """Wait for the picture and the text that Python gives for what the controls show."""
        from playwright.sync_api import expect

        sentence, png = picture_of(self.twin, self.settings())
        expect(self.box.get_by_role("status")).to_have_text(sentence)
        self._wait_for(png)
        expect(self.image).to_have_attribute("title", sentence)
        self.seen.append(png)

    def check_moves(self, most: int | None = None) -> None:
        """Move every control, one after the other, and check after each move; at most so many."""
        self.check()
        for name, move in islice(self.moves(), most):
            before = self.settings()
            move()
            assert self.settings() != before, f"{self.name}: {name} moved nothing"
            self.check()
        # A parameter of what is not drawn changes nothing, and rightly so. Most others do.
        assert len(set(self.seen)) > len(self.seen) / 2, f"{self.name}: the picture hardly changes"

    def moves(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Give every way to move every control: what it is called, and what does it."""
        for name, place in self.places.items():
            widget = self.twin.controls[name]
            if isinstance(widget, SLIDERS):
                yield f"drag {name}", lambda place=place: self.drag(place)
                yield f"arrow on {name}", lambda place=place: self.press_arrow(place)
            elif isinstance(widget, widgets.SelectMultiple):
                yield f"pick one of {name}", lambda place=place: self._click_option(place, 1)
                yield f"pick none of {name}", lambda place=place: self._click_option(place, 1, True)
                yield f"add one of {name}", lambda place=place: self._click_option(place, 0, True)
                yield (
                    f"add another of {name}",
                    lambda place=place: self._click_option(place, 2, True),
                )
            elif isinstance(widget, widgets.Dropdown):
                yield f"pick {name}", lambda place=place: self._pick_next(place)
            elif isinstance(widget, widgets.Checkbox):
                yield f"tick {name}", lambda place=place: place.get_by_role("checkbox").click()
            else:
                raise TypeError(f"{self.name}.{name}: nobody said how to use a {type(widget)}")

    def drag(self, place, share: float | None = None) -> None:
        """Drag a slider with the mouse, to a share of its length; to the farther side if None."""
        handle, track = place.get_by_role("slider"), place.locator(".noUi-base")
        handle.scroll_into_view_if_needed()
        here, whole = handle.bounding_box(), track.bounding_box()
        start = here["x"] + here["width"] / 2, here["y"] + here["height"] / 2
        if share is None:
            share = 0.15 if start[0] > whole["x"] + whole["width"] / 2 else 0.85
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move(whole["x"] + share * whole["width"], start[1], steps=4)
        mouse.up()

    def press_arrow(self, place) -> None:
        """Move a slider by one step with the keyboard."""
        handle = place.get_by_role("slider")
        now, most = (float(handle.get_attribute(f"aria-value{name}")) for name in ("now", "max"))
        handle.focus()
        self.page.keyboard.press("ArrowRight" if now < most else "ArrowLeft")

    def check_table(self) -> None:
        """Press "Show as table": the numbers that Python gives appear. Press again: they go."""
        from playwright.sync_api import expect

        rows = self.twin.table(_compute(self.twin, self.settings())).rows
        toggle, table = (
            self.box.get_by_role("button", name="Show as table"),
            self.box.locator("table"),
        )
        toggle.click()
        shown = table.locator("tbody").evaluate(CELLS)
        assert shown == [[str(cell) for cell in row] for row in rows], self.name
        toggle.click()
        expect(table).to_have_count(0)

    def _read(self, name: str):
        """Return the value that a control shows: in its readout, or as selected options."""
        widget, place = self.twin.controls[name], self.places[name]
        if isinstance(widget, widgets.Checkbox):
            return place.get_by_role("checkbox").is_checked()
        if isinstance(widget, SLIDERS):
            return _value_of(widget, place.locator(".widget-readout").text_content())
        picked = place.locator("select").evaluate(
            "select => [...select.selectedOptions].map(option => option.index)"
        )
        values = [widget._options_values[at] for at in picked]
        return tuple(values) if isinstance(widget, widgets.SelectMultiple) else values[0]

    def _wait_for(self, png: bytes) -> None:
        from playwright.sync_api import TimeoutError as TookTooLong

        image = self.image.element_handle()
        while True:
            shown = image.evaluate(SHOWN)
            there = base64.b64decode(shown["png"])
            if there == png or not (different := difference(there, png)):
                return
            try:
                self.page.wait_for_function(REPLACED, arg=[image, shown["source"]])
            except TookTooLong:
                says = self.box.get_by_role("status").text_content()
                said = f"{self.name} shows another picture than {self.settings()} give: {different}"
                said += f"; it says {says!r}"
                raise AssertionError(said) from None

    def _click_option(self, place, at: int, add: bool = False) -> None:
        """Click an option: alone it is the only one then; with Ctrl it is added, or taken away."""
        place.locator("option").nth(at).click(modifiers=["Control"] if add else [])

    def _pick_next(self, place) -> None:
        """Pick the option after the present one: the list itself is drawn outside of the page."""
        select = place.get_by_role("combobox")
        at, many = select.evaluate("select => [select.selectedIndex, select.options.length]")
        select.select_option(index=(at + 1) % many)


def _compute(lab: Lab, settings: dict):
    with one_thread():
        return lab.compute(settings, **lab.inputs)


def picture_of(lab: Lab, settings: dict) -> tuple[str, bytes]:
    """Return the sentence and the picture that ``compute`` and ``draw`` give for some settings."""
    figure = CourseFigure("x", lab.width, lab.height, layout="none")
    try:
        data = _compute(lab, settings)
    except ValueError as error:
        sentence = f"These settings do not go together: {error}"
        with course_style():
            message_figure(sentence, figure)
    else:
        sentence = lab.describe(data)
        with course_style():
            lab.draw(data, figure)
    return " ".join(sentence.split()), figure.to_png(lab.scale, compress_level=1)


def difference(one: bytes, other: bytes) -> str:
    """Return in words where two PNG files differ, pixel for pixel; nothing where they do not."""
    pixels = [np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in (one, other)]
    if pixels[0].shape != pixels[1].shape:
        return f"sizes {pixels[0].shape} and {pixels[1].shape}"
    rows, columns = np.nonzero((pixels[0] != pixels[1]).any(axis=2))
    if not len(rows):
        return ""
    return (
        f"{len(rows):,} pixels, in rows {rows.min()} to {rows.max()} and columns "
        f"{columns.min()} to {columns.max()}"
    )


def _value_of(widget, readout: str):
    """Return the value of a slider whose readout shows this text.

    That is the value it began with, which may lie between two steps, or the nearest of its steps.
    """
    readout = readout.strip()
    if isinstance(widget, widgets.SelectionSlider):
        return widget._options_values[widget._options_labels.index(readout)]
    number = _number(readout)
    if number == _number(format(widget.value, widget.readout_format)):
        return widget.value
    if isinstance(widget, widgets.FloatLogSlider):
        return widget.base ** _nearest_step(widget, math.log(number, widget.base))
    return _nearest_step(widget, number)


def _number(text: str) -> float:
    plain = text.replace("\N{MINUS SIGN}", "-").replace(",", "")
    return float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)


def _nearest_step(widget, number: float):
    steps = round((number - widget.min) / widget.step)
    value = widget.min + steps * widget.step
    return value if isinstance(value, int) else round(value, 10)
