"""Run documents (see ``helpers.training.store``) as curves: grouped, named and summarized."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from helpers.arguments import Dict, Document, Items, Kind, Maybe, Text, Whole
from helpers.arguments.arrays import Array
from helpers.figures.base import DRAWN, VARIANT_MARKS, counted
from helpers.names import lookup


class Metric(NamedTuple):
    """What a history holds: its title, its axis label with the unit, and which end is better."""

    title: str
    label: str
    better: str  # "high", "low" or "neither"


METRICS = {
    "validation_accuracy": Metric("Validation accuracy", "accuracy (fraction correct)", "high"),
    "accuracy": Metric("Training accuracy", "accuracy (fraction correct)", "high"),
    "validation_loss": Metric("Validation loss", "cross-entropy (nats)", "low"),
    "loss": Metric("Training loss", "cross-entropy (nats)", "low"),
    "learning_rate": Metric("Learning rate", "learning rate (per step)", "neither"),
    "seconds": Metric("Training time of an epoch", "time (seconds)", "low"),
}


#: A run document, as far as a figure reads it.
RUN = Document(
    {
        "variant": Text(),
        "title": Text(),
        "data": Text(),
        "profile": Text(),
        "seed": Whole(0),
        "history": Dict(),
    },
    {
        "settings": Dict(),
        "versions": Dict(),
        "ended": Maybe(Text()),
        "best_epoch": Maybe(Whole(1)),
        "planned_epochs": Maybe(Whole(1)),
    },
)
RUNS = Items(RUN, least=0)


def find_metric(name: str) -> Metric:
    """Return the metric of that name; raises ValueError with the known names."""
    return lookup(name, METRICS, "metric")


def history(run: dict, name: str) -> np.ndarray:
    """Return one history of a run as float64 ``(epochs,)``; what is no number becomes NaN.

    Raises:
        ValueError: when the run has no such history, an empty one, or one that is no list of
            numbers.
    """
    find_metric(name)
    values = run["history"].get(name)
    if values is None or not np.size(values):
        kept = ", ".join(run["history"]) or "none"
        raise ValueError(
            f"the run of {run['variant']!r} (seed {run['seed']}) holds no history of {name!r}; "
            f"it holds {kept}: pick one of these, or train it again"
        )
    listed = Items(Kind()).take(f"the history of {name!r}", values, {})
    numbers = [np.nan if value is None else value for value in listed]
    values = Array("epochs", DRAWN, gaps=True).take(f"the history of {name!r}", numbers, {})
    values = values.astype(float)
    return np.where(np.isfinite(values), values, np.nan)


def diverged(run: dict, metric: str) -> bool:
    """Return whether a run ended because, or went on although, its loss was no number."""
    return run.get("ended") == "diverged" or not np.isfinite(history(run, metric)).all()


class Group(NamedTuple):
    """Runs that differ in nothing but the seed (and in what a legend could not say)."""

    variant: str
    title: str
    data: str
    profile: str
    settings: dict  # the variant's settings, and the epochs that were planned
    runs: list

    @property
    def seeds(self) -> int:
        """How many different seeds there are."""
        return len({run["seed"] for run in self.runs})


def _settings(run: dict) -> dict:
    return {**run.get("settings", {}), "planned_epochs": run.get("planned_epochs")}


def group_runs(runs: Iterable[dict]) -> list[Group]:
    """Group runs by variant, data set, profile and settings, in the order of the course's variants.

    A run of a rate search is thus no seed of the variant's own runs.

    Raises:
        ValueError: when there are none.
    """
    groups: dict[tuple, list] = {}
    for run in runs:
        settings = json.dumps(_settings(run), sort_keys=True, default=str)
        key = (run["variant"], run["data"], run["profile"], settings)
        groups.setdefault(key, []).append(run)
    if not groups:
        raise ValueError("expected at least one run, got none: train one with `course train`")
    order = list(VARIANT_MARKS)

    def place(key):
        return (order.index(key[0]) if key[0] in order else len(order), *key)

    return [
        Group(key[0], groups[key][0]["title"], *key[1:3], _settings(groups[key][0]), groups[key])
        for key in sorted(groups, key=place)
    ]


def _differing(group: Group, groups: Sequence[Group]) -> list[str]:
    """Return, in words, the settings in which groups of the same variant differ."""
    alike = [other.settings for other in groups if other.variant == group.variant]
    return [
        f"{name.replace('_', ' ')} {value}"
        for name, value in group.settings.items()
        if any(other.get(name) != value for other in alike)
    ]


def group_label(group: Group, groups: Sequence[Group], data_name: str) -> str:
    """Return a legend's words for a group: what it shares with all others goes without saying."""
    seeds, runs = group.seeds, len(group.runs)
    said = [counted(seeds, "seed") if runs == seeds else f"{runs} runs, {counted(seeds, 'seed')}"]
    if len({other.profile for other in groups}) > 1:
        said.append(f"profile {group.profile}")
    said += _differing(group, groups)
    if group.data != data_name:
        said.append(f"ON OTHER DATA: {group.data}")
    return f"{group.title} ({'; '.join(said)})"


def provenance(runs: Sequence[dict]) -> str:
    """Return one sentence with the profiles, seeds and versions behind a figure."""

    def listed(values, word):
        values = sorted(set(values))
        return f"{word}{'s' * (len(values) != 1)} {', '.join(map(str, values))}"

    parts = [
        listed((run["profile"] for run in runs), "profile"),
        listed((run["seed"] for run in runs), "seed"),
    ]
    for package in ("keras", "tensorflow", "jax"):
        found = sorted({str(v) for run in runs if (v := run.get("versions", {}).get(package))})
        if found:
            parts.append(f"{package} {' and '.join(found)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


class Band(NamedTuple):
    """Curves of several seeds as one: arrays of shape ``(longest,)``."""

    mean: np.ndarray  # over the seeds that have a value at that epoch; NaN where none has
    low: np.ndarray
    high: np.ndarray
    running: np.ndarray  # how many have one

    def whole(self, seeds: int) -> int:
        """Return for how many epochs from the first on all ``seeds`` curves have a value."""
        return int((self.running == seeds).cumprod().sum())


def over_seeds(curves: Sequence[np.ndarray]) -> Band:
    """Return mean, smallest and largest value at each epoch over the seeds still running.

    Early stopping ends seeds at different epochs; nothing is carried on for a seed that has ended,
    so ``running`` falls and the mean may jump: whoever draws it shows where.
    """
    table = np.full((len(curves), max(map(len, curves))), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    there = np.isfinite(table)
    running = there.sum(axis=0)
    empty = running == 0
    mean = np.where(there, table, 0).sum(axis=0) / np.maximum(running, 1)
    low = np.where(there, table, np.inf).min(axis=0)
    high = np.where(there, table, -np.inf).max(axis=0)
    # Rounding must not put the mean of equal values outside the band.
    mean = np.clip(mean, low, high)
    return Band(*(np.where(empty, np.nan, part) for part in (mean, low, high)), running)


def best_index(values: np.ndarray, metric: Metric) -> int | None:
    """Return the index of the best value (the largest where neither end is better), or None."""
    if not np.isfinite(values).any():
        return None
    return int(np.nanargmin(values) if metric.better == "low" else np.nanargmax(values))
