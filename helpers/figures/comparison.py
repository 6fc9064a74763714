"""The honest table as dots: validation, test and published accuracy of each variant."""

import numpy as np
from matplotlib.lines import Line2D

from helpers.arguments import Document, Items, Maybe, Number, Text, Whole, takes
from helpers.figures.base import (
    DATA_NAME,
    SHARES,
    TEXT_GREY,
    CourseFigure,
    counted,
    course_style,
    message_figure,
    name_data,
    set_caption,
    set_title,
    variant_mark,
    wrapped,
)

VALIDATION = {"marker": "o", "markersize": 8, "markeredgewidth": 1.8, "markerfacecolor": "white"}
TEST = {"marker": "s", "markersize": 8}
PUBLISHED = {
    "marker": "D",
    "markersize": 8,
    "markeredgewidth": 1.4,
    "markerfacecolor": "none",
    "color": TEXT_GREY,
    "linestyle": "none",
}


def _number(value) -> float:
    return float("nan") if value is None else float(value)


def _draw_dot(axes, row: dict, name: str, y: float, style: dict) -> str:
    """Draw the mean of "validation" or "test" with its bar; returns it in words."""
    mean, spread = _number(row.get(f"{name}_mean")), _number(row.get(f"{name}_std"))
    if not np.isfinite(mean):
        return f"{name} not measured"
    bar = spread if len(row["seeds"]) > 1 and np.isfinite(spread) else None
    color = variant_mark(row["variant"]).color
    axes.errorbar(mean, y, xerr=bar, color=color, capsize=4, elinewidth=1.8, **style)
    return f"{name} {mean:.3f}" + ("" if bar is None else f" ± {bar:.3f}")


def _draw_row(axes, row: dict, y: float) -> str:
    """Draw one variant at height ``y``; returns it in words."""
    said = [
        _draw_dot(axes, row, "validation", y - 0.14, VALIDATION),
        _draw_dot(axes, row, "test", y + 0.14, TEST),
    ]
    if published := [float(value) for value in row.get("published") or ()]:
        axes.plot(published, [y] * len(published), **PUBLISHED)
        said.append(f"published {' and '.join(f'{value:.3f}' for value in published)}")
    return f"{row['title']} ({counted(len(row['seeds']), 'seed')}): {', '.join(said)}."


_SHARE = Maybe(Number(SHARES))
_ROWS = Items(
    Document(
        {"variant": Text(), "title": Text(), "seeds": Items(Whole(0), least=0)},
        {
            "validation_mean": _SHARE,
            "validation_std": _SHARE,
            "test_mean": _SHARE,
            "test_std": _SHARE,
            "published": Maybe(Items(Number(SHARES), least=0)),
        },
    ),
    least=0,
)


@takes(rows=_ROWS, data_name=DATA_NAME)
@course_style()
def comparison(rows, data_name) -> CourseFigure:
    """Draw validation and test accuracy of each variant as dots with error bars.

    Args:
        rows: what ``helpers.training.comparison.compare`` gives: dicts ``variant``, ``title``,
            ``validation_mean``, ``validation_std``, ``test_mean``, ``test_std`` (a mean may be
            None: not measured), ``seeds`` (a list; with one there is no error bar), ``published``
            (validation accuracies, drawn beside as hollow diamonds; may be empty).
        data_name: the data set's name, for the title.

    Raises:
        ValueError: for a row without one of these entries, or with an accuracy that is no share.
    """
    if not rows:
        return message_figure(name_data("Nothing to compare yet: train a variant", data_name))
    figure = CourseFigure("being drawn", width=8.2, height=2.1 + 0.6 * len(rows))
    axes = figure.subplots()
    said = [_draw_row(axes, row, y) for y, row in enumerate(rows)]
    names = [
        f"{wrapped(row['title'], 2.4, 9)}\n({counted(len(row['seeds']), 'seed')})" for row in rows
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="accuracy (fraction correct)")
    axes.margins(x=0.08)
    dot = {"color": TEXT_GREY, "linestyle": "none"}
    handles = [
        Line2D([], [], label="validation", **VALIDATION, **dot),
        Line2D([], [], label="test", **TEST, **dot),
    ]
    if any(row.get("published") for row in rows):
        handles.append(Line2D([], [], label="published: validation, one seed", **PUBLISHED))
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(handles))
    set_title(figure, name_data("Validation and test accuracy", data_name))
    set_caption(
        figure, "Dots: mean over seeds. Bars: ± 1 standard deviation; none with a single seed."
    )
    figure.alt_text = f"Accuracy of {counted(len(rows), 'variant')} on {data_name}. " + " ".join(
        said
    )
    return figure
