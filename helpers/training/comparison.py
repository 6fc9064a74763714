"""The table: one row a variant, with the spread over seeds, beside the published figures."""

import json
from collections.abc import Iterable
from importlib.resources import files

import numpy as np

from helpers.arguments import Dict, Document, Items, Maybe, Number, Text, Whole, takes
from helpers.models import VARIANTS


def published() -> dict[str, list[dict]]:
    """Return, per variant, the figures that others published for it, with their source."""
    return _published()["variants"]


def published_protocol() -> str:
    """Return where the published figures stand, and how they were measured, as a sentence."""
    return f"{_published()['source']}; {_published()['protocol']}"


def _published() -> dict:
    return json.loads((files("helpers.training") / "published.json").read_text(encoding="utf-8"))


_SHARE, _SIZE = Number("[0, 1]", gaps=True), Number("[0, inf)", gaps=True)
_RUN = Document(
    {
        "data": Text(),
        "profile": Text(),
        "settings": Dict(),
        "seed": Whole(0),
        "planned_epochs": Whole(1),
        "finished": Text(),
        "validation_accuracy": _SHARE,
        "test_accuracy": _SHARE,
        "best_epoch": Whole(1),
        "epochs": Whole(1),
        "seconds_per_epoch": _SIZE,
    }
)
_ROW = Document(
    {
        "variant": Text(),
        "title": Text(),
        "seeds": Items(Whole(0), least=0),
        "published": Items(_SHARE, least=0),
        "validation_mean": Maybe(_SHARE),
        "validation_std": Maybe(_SHARE),
        "test_mean": Maybe(_SHARE),
        "test_std": Maybe(_SHARE),
        "best_epoch": Maybe(_SIZE),
        "epochs": Maybe(_SIZE),
        "seconds_per_epoch": Maybe(_SIZE),
    }
)
_ROWS = Items(_ROW, least=0)


@takes(runs=Items(_RUN, least=0), data=Text(), profile=Text())
def compare(runs: Iterable[dict], *, data: str, profile: str) -> list[dict]:
    """Summarize run documents on one data set under one profile, one row a variant.

    Args:
        runs: run documents; those of other data, another profile, or other settings than the
            variant's own (another rate in a search, say) are left out.
        data: name of the data set.
        profile: name of the profile.

    Returns:
        A row for each variant in ``VARIANTS``, trained or not: ``variant``, ``title``, ``seeds``
        (sorted), ``learning_rate``, and, where there are runs, mean and standard deviation (0 for
        one seed) over seeds of ``validation`` and ``test`` accuracy, ``best_epoch`` and
        ``seconds_per_epoch`` (medians), ``published`` (validation accuracies).

    Raises:
        ValueError: for what is no run document.
    """
    chosen = [run for run in runs if run["data"] == data and run["profile"] == profile]
    return [_row(variant, _own(variant, chosen)) for variant in VARIANTS.values()]


def _own(variant, runs: list[dict]) -> list[dict]:
    """Return the newest run of each seed that has the variant's own settings and all its epochs."""
    settings = json.loads(json.dumps(variant.settings()))
    by_seed: dict[int, dict] = {}
    for run in sorted(runs, key=lambda run: (run["planned_epochs"], run["finished"])):
        if run["settings"] == settings:
            by_seed[run["seed"]] = run
    return [by_seed[seed] for seed in sorted(by_seed)]


def _row(variant, runs: list[dict]) -> dict:
    row = {
        "variant": variant.name,
        "title": variant.title,
        "learning_rate": variant.learning_rate,
        "seeds": [run["seed"] for run in runs],
        "published": [figure["accuracy"] for figure in published().get(variant.name, [])],
    }
    for split in ("validation", "test"):
        values = [run[f"{split}_accuracy"] for run in runs]
        row[f"{split}_mean"], row[f"{split}_std"] = mean_and_std(values)
    for name in ("best_epoch", "epochs", "seconds_per_epoch"):
        row[name] = float(np.median([run[name] for run in runs])) if runs else None
    return row


def mean_and_std(values: Iterable[float]) -> tuple[float | None, float]:
    """Return mean and standard deviation over seeds: no mean of nothing, and 0 for one seed."""
    values = list(values)
    mean = float(np.mean(values)) if values else None
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@takes(rows=_ROWS)
def as_text(rows: list[dict]) -> str:
    """Return the rows as an aligned table in plain text.

    Raises:
        ValueError: here and below: for what is no row of :func:`compare`.
    """
    header = (
        "variant",
        "network",
        "seeds",
        "validation",
        "test",
        "best epoch",
        "s/epoch",
        "published on CIFAR-10",
    )
    table = [header, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


@takes(rows=_ROWS)
def as_markdown(rows: list[dict]) -> str:
    """Return the rows as a Markdown table."""
    header = ("network", "seeds", "validation", "test", "best epoch", "s/epoch", "published")
    rule = (":---", *("---:",) * (len(header) - 1))  # or JupyterLab sets the names on the right too
    lines = [header, rule, *(_cells(row)[1:] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: dict) -> tuple[str, ...]:
    quoted = ", ".join(f"{accuracy:.4f}" for accuracy in row["published"]) or "-"
    if not row["seeds"]:
        return (row["variant"], row["title"], "none", "-", "-", "-", "-", quoted)
    missing = [name for name, value in row.items() if value is None]
    if missing:
        raise ValueError(f"a row with seeds has numbers, {row['title']!r} got none for {missing}.")
    return (
        row["variant"],
        row["title"],
        str(len(row["seeds"])),
        spread_in_words(row, "validation"),
        spread_in_words(row, "test"),
        f"{row['best_epoch']:.0f} of {row['epochs']:.0f}",
        f"{row['seconds_per_epoch']:.1f}",
        quoted,
    )


def spread_in_words(row: dict, split: str) -> str:
    """Return the mean of ``"validation"`` or ``"test"``, with its deviation for several seeds."""
    mean = f"{row[f'{split}_mean']:.4f}"
    return f"{mean} ± {row[f'{split}_std']:.4f}" if len(row["seeds"]) > 1 else mean
