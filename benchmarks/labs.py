"""Measures how long a lab takes from a changed control to the PNG of the new picture.

    python benchmarks/labs.py

Each lab is opened at its default and at its largest size. Then its controls are changed in turn,
one at a time, each to a value that it did not have before where there are enough, and set back. At
the largest size the controls that make the size stay as they are.

Beside each change stands what it takes the common way: a function that draws a new figure, which
the notebook turns into a PNG with a tight bounding box and as many pixels. It computes with
the same functions after the lab did, and so finds in their caches what the lab had to compute: the
ratio of the two is on the careful side.

And beside both what drawing alone takes: the same picture again, with nothing computed.

Prints medians and 95th percentiles in milliseconds, and keeps every one of them.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Iterator

import numpy as np
from IPython.core.pylabtools import print_figure
from results_of import about, bars, write

from helpers import labs
from helpers.figures.base import SCREEN_DPI, CourseFigure, course_style
from helpers.linear_algebra import one_thread

CHANGES = 24  # of each lab at each size


def values_of(widget) -> list:
    """Return the values that a control can be set to, or a dozen of them along a slider."""
    if hasattr(widget, "options"):
        values = list(widget._options_values)  # under this name in ipywidgets 7.7 and in 8
        several = isinstance(widget.value, tuple)
        return [tuple(values[: n + 1]) for n in range(len(values))] if several else values
    if isinstance(widget.value, bool):
        return [False, True]
    along = np.linspace(widget.min, widget.max, 14)[1:-1]
    if hasattr(widget, "base"):
        return [widget.base**exponent for exponent in along]
    kind = type(widget.value)
    return sorted({kind(round(value) if kind is int else value) for value in along})


def changes_of(lab, still: set[str]) -> Iterator[tuple]:
    """Yield a control and a value for it again and again, in turn; not of those that stay still."""
    moved = {name: widget for name, widget in lab.controls.items() if name not in still}
    rounds = {
        widget: itertools.cycle(value for value in values_of(widget) if value != widget.value)
        for widget in (moved or lab.controls).values()
        if len(values_of(widget)) > 1
    }
    for widget in itertools.cycle(rounds):
        yield widget, next(rounds[widget])


def common_way(kind, settings: dict, inputs: dict) -> bytes:
    """Return the PNG of the same picture from a new figure, as a notebook shows one."""
    with one_thread():  # or two would wait for each other, now and then for seconds
        data = kind.compute(settings, **inputs)
    figure = CourseFigure("a lab", kind.width, kind.height, layout="none")
    with course_style():
        kind.draw(data, figure)
    figure.dpi = SCREEN_DPI * kind.scale
    return print_figure(figure, "png", bbox_inches="tight")


def measure(kind, settings: dict, still: set[str], changes: int) -> dict[str, list[float]]:
    """Return the milliseconds of each change, by the lab, of its drawing, and by the common way.

    Bad changes are left out.
    """
    lab, found = kind(**settings), {"lab": [], "drawing": [], "common": []}
    for widget, value in itertools.islice(changes_of(lab, still), 4 * changes):
        before = widget.value
        started = time.perf_counter()
        widget.value = value
        took = time.perf_counter() - started
        explained = "do not go together" in lab.text.value
        if widget.value != before and not explained:  # a slider may have no step there
            found["lab"].append(1e3 * took)
            started = time.perf_counter()
            lab._render(lab.figure.alt_text, lambda: kind.draw(lab._data, lab.figure))
            found["drawing"].append(1e3 * (time.perf_counter() - started))
            started = time.perf_counter()
            common_way(kind, lab.settings, lab.inputs)
            found["common"].append(1e3 * (time.perf_counter() - started))
        widget.value = before
        if len(found["lab"]) == changes:
            break
    return found


def summary(kind, changes: int) -> dict:
    """Return medians and 95th percentiles of a lab at both sizes, and all that was measured."""
    default, largest = kind.default_settings(), kind.largest_settings()
    sized = {name for name in default if default[name] != largest[name]}
    row = {"lab": kind.__name__}
    for size, settings, still in (("default", default, set()), ("largest", largest, sized)):
        found = measure(kind, settings, still, changes)
        row[size] = {
            "median": float(np.median(found["lab"])),
            "percentile_95": float(np.percentile(found["lab"], 95)),
            "drawing_median": float(np.median(found["drawing"])),
            "common_median": float(np.median(found["common"])),
            "ratio": float(np.median(np.divide(found["common"], found["lab"]))),
            "milliseconds": found,
        }
    return row


def main() -> None:
    """Read the command line, measure, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=CHANGES, help="of each lab at each size")
    options = parser.parse_args()
    rows = []
    for kind in labs.all_labs():
        rows.append(summary(kind, options.changes))
        print(kind.__name__, file=sys.stderr)
    write("labs", about() | {"labs": rows}, as_text(rows), draw(rows))


def as_text(rows: list[dict]) -> str:
    """Return the table that is printed and kept."""
    columns = "median  95 %  drawing  common  ratio"
    lines = [
        "milliseconds from a changed control to the picture",
        f"{'':20} {'default: ' + columns:>47} {'largest: ' + columns:>47}",
    ]
    for row in rows:
        cells = (
            f"{each['median']:>17.0f} {each['percentile_95']:>5.0f} {each['drawing_median']:>8.0f}"
            f" {each['common_median']:>7.0f} {each['ratio']:>6.1f}"
            for each in (row["default"], row["largest"])
        )
        lines.append(f"{row['lab']:20} {'   '.join(cells)}")
    return "\n".join(lines)


def draw(rows: list[dict]) -> CourseFigure:
    """Return a picture of the medians at the default size, beside the common way."""
    said = ", ".join(
        f"{row['lab']} {row['default']['median']:.0f} and {row['default']['common_median']:.0f}"
        for row in rows
    )
    series = {
        "the lab": ([row["default"]["median"] for row in rows], "blue"),
        "a new figure each time": ([row["default"]["common_median"] for row in rows], "orange"),
    }
    alt_text = f"Bars of milliseconds, lab and common way: {said}."
    figure = bars(alt_text, [row["lab"] for row in rows], series)
    (axes,) = figure.axes
    axes.set_xlabel("milliseconds, median")
    axes.set_title("From a changed control to the new picture, at each lab's default size")
    return figure


if __name__ == "__main__":
    main()
