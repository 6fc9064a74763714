"""Puts together what the notebooks take in ``ci`` and ``quick``: seconds and peak memory.

    python benchmarks/course.py

They were measured one by one, with nothing else running, by

    CIFAR10_DIR=... python recorded/make.py minutes --profiles ci quick
    CIFAR10_DIR=... python recorded/make.py memory
"""

import json

from results_of import RESULTS, about, bars, write

from helpers.figures.base import CourseFigure
from helpers.minutes import read_minutes

MEMORY = RESULTS.parents[1] / "recorded" / "memory.json"
PROFILES = {"ci": "orange", "quick": "blue"}  # with the colours of their bars


def rows_of(minutes: dict, memory: dict) -> list[dict]:
    """Return a row for each notebook."""
    return [
        {
            "notebook": name,
            "seconds": {profile: record[profile]["seconds"] for profile in PROFILES},
            "memory_mib": memory[name]["peak_memory_mib"],
            "cpu_seconds": memory[name]["cpu_seconds"],
        }
        for name, record in minutes.items()
    ]


def as_text(rows: list[dict]) -> str:
    """Return the table that is printed and kept."""
    lines = [f"{'':24} {'ci, s':>8} {'quick, s':>9} {'MiB':>6} {'processor, s':>13}"]
    for row in rows:
        seconds = row["seconds"]
        lines.append(
            f"{row['notebook']:24} {seconds['ci']:>8.1f} {seconds['quick']:>9.1f} "
            f"{row['memory_mib']:>6.0f} {row['cpu_seconds']:>13.0f}"
        )
    together = {profile: sum(row["seconds"][profile] for row in rows) for profile in PROFILES}
    lines.append(
        f"{'all':24} {together['ci']:>8.1f} {together['quick']:>9.1f} "
        f"{max(row['memory_mib'] for row in rows):>6.0f} "
        f"{sum(row['cpu_seconds'] for row in rows):>13.0f}"
    )
    return "\n".join(lines)


def draw(rows: list[dict]) -> CourseFigure:
    """Return a picture of the seconds, on a logarithmic axis."""
    said = ", ".join(
        f"{row['notebook']} {row['seconds']['ci']:.0f} and {row['seconds']['quick']:.0f}"
        for row in rows
    )
    series = {
        f"profile {profile}": ([row["seconds"][profile] for row in rows], color)
        for profile, color in PROFILES.items()
    }
    alt_text = f"Bars of seconds in ci and in quick: {said}."
    figure = bars(alt_text, [row["notebook"] for row in rows], series)
    (axes,) = figure.axes
    axes.set_xscale("log")
    axes.set_xlabel("seconds to run all cells")
    axes.set_title("How long each notebook takes")
    return figure


def main() -> None:
    """Read what was measured, and keep it as one table."""
    memory = json.loads(MEMORY.read_text(encoding="utf-8"))
    minutes = read_minutes()
    record = minutes["01_vanishing_gradients"]["quick"]
    rows = rows_of(minutes, memory)
    document = {name: record[name] for name in ("data", "hardware", "versions")} | {"rows": rows}
    document["command"] = about()["command"]  # machine and versions are those of what it reads
    write("course", document, as_text(rows), draw(rows))


if __name__ == "__main__":
    main()
