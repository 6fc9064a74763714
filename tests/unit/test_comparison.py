"""The table: which runs count, and what it says of them."""

import numpy as np
import pytest

from helpers.models import VARIANTS, get_variant
from helpers.training.comparison import as_markdown, as_text, compare, published


def document(name="bn", seed=0, accuracy=0.5, **changes):
    settings = get_variant(name).settings()
    return {
        "settings": settings | changes.pop("settings", {}),
        "data": "CIFAR-10",
        "profile": "full",
        "seed": seed,
        "planned_epochs": 100,
        "finished": "2026-11-24T00:00:00+00:00",
        "validation_accuracy": accuracy,
        "test_accuracy": accuracy - 0.01,
        "best_epoch": 30,
        "epochs": 50,
        "seconds_per_epoch": 4.0,
    } | changes


def rows(*runs):
    made = compare(runs, data="CIFAR-10", profile="full")
    return {row["variant"]: row for row in made}


def test_mean_and_standard_deviation_over_seeds():
    row = rows(*(document(seed=seed, accuracy=a) for seed, a in enumerate((0.5, 0.52, 0.57))))["bn"]
    assert row["seeds"] == [0, 1, 2]
    assert row["validation_mean"] == pytest.approx(0.53)
    assert row["validation_std"] == pytest.approx(np.std([0.5, 0.52, 0.57], ddof=1))


@pytest.mark.parametrize(
    "foreign",
    [
        {"data": "stand-in (not CIFAR-10)"},
        {"profile": "quick"},
        {"settings": {"learning_rate": 0.123}},
    ],
    ids=["data", "profile", "rate of a search"],
)
def test_runs_of_another_kind_do_not_count(foreign):
    assert rows(document(accuracy=0.9, **foreign), document(accuracy=0.5))["bn"]["seeds"] == [0]
    assert rows(document(accuracy=0.9, **foreign))["bn"]["seeds"] == []


def test_of_two_runs_of_a_seed_the_longer_counts():
    short = document(accuracy=0.9, planned_epochs=5, finished="2026-11-25T00:00:00+00:00")
    assert rows(short, document(accuracy=0.5))["bn"]["validation_mean"] == pytest.approx(0.5)


def test_every_variant_has_a_row_and_the_text_says_what_is_missing():
    made = compare([document()], data="CIFAR-10", profile="full")
    assert [row["variant"] for row in made] == list(VARIANTS)
    text, markdown = as_text(made), as_markdown(made)
    assert "0.5000" in text and "0.4900" in text and "30 of 50" in text
    assert text.count("none") == len(VARIANTS) - 1
    assert markdown.count("\n") == len(VARIANTS) + 1


def test_published_figures_are_those_of_the_notebooks():
    figures = {name: [f["accuracy"] for f in found] for name, found in published().items()}
    assert figures["bn"] == [0.5398, 0.5074]
    assert set(figures) < set(VARIANTS)
