"""The figure class of the course, its colours, and its text helpers."""

import base64
import html
import sys
import textwrap
import threading
import zlib
from contextlib import contextmanager
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from helpers.arguments import MOST_CHARACTERS, Kind, Name, Number, Whole, takes
from helpers.figures.canvas import RememberingCanvas
from helpers.figures.png import png_of
from helpers.names import shown

DRAWN = "[-1e100, 1e100]"  # numbers that an axis can hold, with room for its ticks
DRAWN_SIZES = "[0, 1e100]"
DRAWN_POWERS = "[1e-100, 1e100]"  # on a logarithmic axis
SHARES = "[0, 1]"
SCREEN_DPI = 100  # one inch of a figure is 100 CSS pixels wide on the page
SCREEN_SCALE = 2  # ... and 200 in the file, so that it is crisp on a high-resolution screen
TITLE_SIZE = 12
SMALL_SIZE = 9  # nothing in a figure is set smaller

# Wong, "Points of view: Color blindness", Nature Methods 8:441 (2011), after Okabe and Ito. Their
# yellow is left out: on white its contrast is 1.3 to 1. Grey takes its place.
PALETTE = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "green": "#009E73",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#777777",
}
TEXT_GREY = "#444444"
GRID_GREY = "#DDDDDD"


class Mark(NamedTuple):
    """How one variant looks: its colour, and a line style and marker for who cannot tell it."""

    color: str
    linestyle: str | tuple
    marker: str


DASHES = {
    "solid": "-",
    "dashed": (0, (5, 2)),
    "dotted": (0, (1, 1.2)),
    "dash dot": (0, (5, 1.5, 1, 1.5)),
    "dash dot dot": (0, (4, 1.5, 1, 1.5, 1, 1.5)),
    "long dashed": (0, (9, 2.5)),
}

VARIANT_MARKS = {
    "notes": Mark(PALETTE["grey"], DASHES["dotted"], "X"),
    "elu": Mark(PALETTE["blue"], DASHES["solid"], "o"),
    "bn": Mark(PALETTE["vermillion"], DASHES["dashed"], "s"),
    "selu": Mark(PALETTE["green"], DASHES["dash dot"], "^"),
    "alpha-dropout": Mark(PALETTE["orange"], DASHES["dash dot dot"], "v"),
    "mc-dropout": Mark(PALETTE["purple"], DASHES["long dashed"], "D"),
    "1cycle": Mark(PALETTE["sky blue"], DASHES["dashed"], "P"),
    "best": Mark(PALETTE["black"], DASHES["solid"], "*"),
}


def variant_mark(name: str) -> Mark:
    """Return the colour, line style and marker of a variant: the same in every figure and lab.

    A name that is not one of the course's own variants gets a mark that depends on nothing but
    the name, so that it too looks the same everywhere.

    >>> variant_mark("best").color
    '#000000'
    """
    if name in VARIANT_MARKS:
        return VARIANT_MARKS[name]
    number = zlib.crc32(str(name).encode())
    colors, dashes, markers = list(PALETTE.values()), list(DASHES.values()), "<>hpd"
    return Mark(
        colors[number % len(colors)],
        dashes[number // 8 % len(dashes)],
        markers[number // 64 % len(markers)],
    )


# A reader who has called plt.style.use(...) gets the same figures: start from Matplotlib's own
# defaults, not from what is in force. What chooses a window system stays as it is.
_SESSION = ("backend", "interactive", "toolbar", "webagg", "timezone")
_STYLE = {
    **{k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith(_SESSION)},
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": SMALL_SIZE,
    "ytick.labelsize": SMALL_SIZE,
    "legend.fontsize": SMALL_SIZE,
    "legend.frameon": False,
    "figure.titlesize": TITLE_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID_GREY,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
}


_DRAWING = threading.RLock()


@contextmanager
def one_at_a_time():
    """Let one thread at a time draw: a context manager or decorator, within one another too.

    Matplotlib's settings belong to the process, and a lab has one figure. But JupyterLab has the
    first message of a control handled in the main thread, and the later ones in another (seen in
    JupyterLab 4.6 with ipykernel 7.4): two controls that change at once draw at once.
    """
    with _DRAWING:
        yield


@contextmanager
def course_style():
    """Put the course's style in force, for one thread at a time: a context manager or decorator."""
    with one_at_a_time(), matplotlib.rc_context(_STYLE):
        yield


class CourseFigure(Figure):
    """A Matplotlib figure that knows its alt text and shows itself once.

    It does not belong to ``pyplot``. In a notebook it shows as an ``<img>`` with alt text.

    Args:
        alt_text: what is to be *seen*, with numbers, for who cannot see it.
        width, height: size in inches; an inch is 100 CSS pixels.
        layout: a Matplotlib layout engine, or "none" to place the axes by hand (faster).

    Raises:
        ValueError: for a missing alt text, a size out of its range, or an unknown layout.
    """

    @takes(
        width=Number("[0.5, 200]"),
        height=Number("[0.5, 200]"),
        layout=Name(("constrained", "compressed", "tight", "none"), "layout"),
    )
    def __init__(self, alt_text: str, width=7.5, height=4.2, layout="constrained"):
        with course_style():
            super().__init__(
                figsize=(width, height), dpi=SCREEN_DPI, facecolor="white", layout=layout
            )
        RememberingCanvas(self)
        if layout != "none":
            self.get_layout_engine().set(w_pad=0.09, h_pad=0.09)  # inches; nothing on the edge
        self.alt_text = alt_text

    @property
    def alt_text(self) -> str:
        """What is seen in the figure, in words and numbers."""
        return self._alt_text

    @alt_text.setter
    def alt_text(self, text: str) -> None:
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"a figure needs alt text, a sentence that says what is seen; got {shown(text)}"
            )
        self._alt_text = " ".join(text.split())

    @takes(scale=Number("[0.1, 10]"), compress_level=Whole(0, 9))
    @course_style()
    def to_png(self, scale: float = SCREEN_SCALE, compress_level: int = 6) -> bytes:
        """Return the figure as PNG, ``scale`` pixels to the CSS pixel.

        The bytes depend on nothing but the figure: no date and no version is stored in them. (It
        draws and writes the pixels itself: ``savefig`` lays the figure out twice.)

        Raises:
            ValueError: for a number out of its range.
        """
        before = self.dpi
        self.dpi = SCREEN_DPI * scale
        try:
            self.canvas.draw()
            pixels = np.asarray(self.canvas.buffer_rgba())[..., :3]  # the background is opaque
        finally:
            self.dpi = before
        return png_of(pixels, compress_level)

    def _repr_html_(self) -> str:
        width, height = (round(inches * SCREEN_DPI) for inches in self.get_size_inches())
        return picture_html(self.to_png(), self.alt_text, width, height)

    def __repr__(self) -> str:
        return f"<CourseFigure: {self.alt_text}>"


def picture_html(png: bytes, alt_text: str, width: int, height: int) -> str:
    """Return an ``<img>`` element that holds the picture; it shrinks on a narrow page."""
    return (
        f'<img alt="{html.escape(alt_text)}" width="{width}" height="{height}" '
        'style="max-width:100%;height:auto;background:white" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
    )


def _show_only_as_html() -> None:
    """Keep IPython from storing the figure a second time.

    Importing ``pyplot`` in a notebook registers formatters for ``Figure`` and all its subclasses,
    so a figure would be in the notebook twice: ours with alt text, and theirs without. A formatter
    for the subclass that answers None goes before theirs, whichever is registered first.
    """
    if "IPython" not in sys.modules:
        return
    shell = sys.modules["IPython"].get_ipython()
    if shell is None:
        return
    for mime in ("image/png", "image/jpeg", "image/svg+xml", "application/pdf"):
        shell.display_formatter.formatters[mime].for_type(CourseFigure, lambda figure: None)


_show_only_as_html()


def plain(text: str) -> str:
    """Return ``text`` so that Matplotlib does not take its dollar signs for mathematics."""
    return str(text).replace("$", r"\$")


def wrapped(text: str, inches: float, size: float) -> str:
    """Return ``text`` in lines that fit ``inches`` when set in ``size`` points."""
    mean_width = 0.56 * size / 72  # of a character of DejaVu Sans, in inches
    return textwrap.fill(plain(text), max(12, int(inches / mean_width)))


def name_data(title: str, data_name: str) -> str:
    """Return a title that ends in the data set's name.

    Raises:
        ValueError: for a missing name. No figure is silently about some data or other.

    >>> name_data("Validation accuracy", "CIFAR-10 (JPEG replica)")
    'Validation accuracy — CIFAR-10 (JPEG replica)'
    """
    named = isinstance(data_name, str) and data_name.strip()
    if not named or len(data_name) > MOST_CHARACTERS:
        raise ValueError(f"a figure names its data set; expected its name, got {shown(data_name)}")
    return f"{title} — {data_name}"


class DataName(Kind):
    """The name of a data set, as :func:`name_data` takes it."""

    def take(self, name, value, sizes):
        """Return the name."""
        name_data("", value)
        return value


DATA_NAME = DataName()


def set_title(figure: Figure, text: str) -> None:
    """Put the title on the figure, on as many lines as it needs."""
    figure.suptitle(wrapped(text, figure.get_figwidth() - 0.3, TITLE_SIZE), fontsize=TITLE_SIZE)


def set_caption(figure: Figure, text: str) -> None:
    """Put small print under the axes: what the marks mean, and where the numbers come from."""
    figure.supxlabel(
        wrapped(text, figure.get_figwidth() - 0.3, SMALL_SIZE),
        fontsize=SMALL_SIZE,
        color=TEXT_GREY,
        x=0.012,
        ha="left",
    )


def in_words(value: float, form: str = ".3g") -> str:
    """Format a value for alt text, where NaN would mean nothing to a listener."""
    return format(value, form) if np.isfinite(value) else "not a number"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "epoch"), counted(2, "epoch")
    ('1 epoch', '2 epochs')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def message_figure(text: str, figure: Figure | None = None) -> Figure:
    """Return a figure that holds only a sentence, where there is nothing to draw."""
    figure = CourseFigure(text, height=2.4) if figure is None else figure
    inches = figure.get_figwidth() * 0.8
    figure.text(0.5, 0.5, wrapped(text, inches, 11), fontsize=11, ha="center", va="center")
    return figure


def short_power(value: float, _position=None) -> str:
    """Format a rate for an axis or a legend, as it is typed in code.

    >>> short_power(0.0005), short_power(0.00123), short_power(0.1)
    ('5e-4', '1.2e-3', '0.1')
    """
    if value == 0 or 0.01 <= abs(value) < 999.5:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
