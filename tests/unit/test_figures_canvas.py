"""A remembered text looks as if it had been drawn anew, and nothing is remembered for ever."""

import numpy as np
import pytest
from matplotlib.backends import backend_agg
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers.figures import canvas
from helpers.figures.base import CourseFigure

TEXTS = ("standard deviation", "0.5", "Jahr für Jahr", "two\nlines", "$\\sigma^2$", "")


def draw(figure, shift=0.0) -> None:
    figure.clear()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1 + shift], label="a line")
    for place, text in enumerate(TEXTS):
        axes.text(0.1, place / 6, text, rotation=15 * place, fontsize=9 + place, color="blue")
    axes.set_title("a title")
    axes.set_ylabel("turned", alpha=0.5)
    axes.legend()


def pixels(figure) -> np.ndarray:
    figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())


@pytest.mark.parametrize("scale", [1, 1.5, 2])
def test_the_pixels_are_those_of_matplotlibs_own_canvas(scale):
    figure = CourseFigure("a line and texts")
    figure.dpi *= scale
    found = []
    for shift in (0, 0, 3, 0):  # anew, remembered, partly, remembered
        draw(figure, shift)
        found.append(pixels(figure))
    FigureCanvasAgg(figure)
    for shift, remembered in zip((0, 0, 3, 0), found, strict=True):
        draw(figure, shift)
        assert np.array_equal(pixels(figure), remembered)


def test_a_text_that_stays_is_laid_out_once(monkeypatch):
    figure, drawn = CourseFigure("a line and texts"), []
    own = backend_agg.RendererAgg.draw_text
    monkeypatch.setattr(
        backend_agg.RendererAgg,
        "draw_text",
        lambda self, gc, x, y, s, *rest: drawn.append(s) or own(self, gc, x, y, s, *rest),
    )
    draw(figure)
    pixels(figure)
    assert {"a title", "0.5", "two"} <= set(drawn)
    drawn.clear()
    draw(figure)
    pixels(figure)
    assert set(drawn) == {"$\\sigma^2$"}  # a formula is never remembered


def test_another_size_is_drawn_anew():
    figure = CourseFigure("a line and texts")
    draw(figure)
    small = pixels(figure)
    large = figure.to_png(scale=2)
    assert np.array_equal(pixels(figure), small)
    assert figure.to_png(scale=2) == large


def test_no_more_is_remembered_than_a_figure_may_hold(monkeypatch):
    monkeypatch.setattr(canvas, "MOST_TEXTS", 20)
    figure = CourseFigure("a number")
    for number in range(30):
        figure.clear()
        figure.text(0.5, 0.5, f"number {number}")
        pixels(figure)
        assert len(figure.canvas._texts) <= 20
