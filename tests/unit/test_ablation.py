"""What each ingredient gave: every change is shown, with all of its seeds."""

import json

import pytest

from helpers import figures
from helpers.training.ablation import ablation_rows
from helpers.training.comparison import compare
from helpers.training.store import RECORDED, recorded_ablation, recorded_runs

ABLATION = {
    "results": [
        {"changes": {}, "validation_accuracy": 0.6},
        {"changes": {"learning_rate": 0.03, "augment": False}, "validation_accuracy": 0.5},
        {"changes": {"network.activation": "elu"}, "validation_accuracy": 0.59},
        {
            "changes": {"network.dropout": "dropout", "network.dropout_rate": 0.1},
            "validation_accuracy": 0.55,
            "mc_validation_accuracy": 0.56,
        },
        {"changes": {}, "validation_accuracy": 0.62},
    ]
}
WAYS = {"one_view": 0.57, "last_epoch": 0.61, "average": 0.612, "ensemble": 0.611}
AVERAGING = {
    "epochs": 20,
    "members": 5,
    "rows": [
        {"schedule": "1cycle", **WAYS},
        {"schedule": "constant rate", **{name: value - 0.1 for name, value in WAYS.items()}},
    ],
}


def test_the_recipe_comes_first_and_the_worst_last():
    rows = ablation_rows(ABLATION, AVERAGING)
    assert rows[0] == {"title": "the recipe", "accuracies": [0.6, 0.62]}
    means = [sum(row["accuracies"]) / len(row["accuracies"]) for row in rows[1:]]
    assert means == sorted(means, reverse=True)
    assert {
        "ELU in the place of SiLU",
        "with dropout, MC dropout",
        "one view of each image",
        "constant rate, average of 20 epochs' weights",
    } <= {row["title"] for row in rows}


def test_the_picture_says_all_of_it():
    rows = ablation_rows(ABLATION, AVERAGING)
    figure = figures.ablation(rows, "a data set", 0.01)
    assert all(row["title"] in figure.alt_text for row in rows)
    assert "a data set" in figure.alt_text


@pytest.mark.skipif(not (RECORDED / "ablation.json").exists(), reason="not recorded yet")
def test_what_was_recorded_is_whole_and_of_the_recipe():
    found = recorded_ablation()
    (data,) = {part["data"] for part in found.values()}
    rows = ablation_rows(found["ablation"], found["averaging"])
    (seeds,) = {len(row["accuracies"]) for row in rows}
    best = next(row for row in compare(recorded_runs(), data=data, profile="full")
                if row["variant"] == "best")  # fmt: skip
    recipe = sum(rows[0]["accuracies"]) / seeds
    assert abs(recipe - best["validation_mean"]) < 3 * best["validation_std"]
    json.dumps(found, allow_nan=False)
