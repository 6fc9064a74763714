"""What ``recorded/`` holds is whole, fair, and what the code says of it."""

import json
from itertools import groupby

import pytest

from helpers.models import VARIANTS
from helpers.training.comparison import compare
from helpers.training.rates import RATES, best_rate
from helpers.training.store import recorded_runs, recorded_search

RUNS = recorded_runs()


def search_of(name: str) -> list[dict]:
    return [found for found in recorded_search()["results"] if found["variant"] == name]


@pytest.mark.parametrize("name", [n for n, v in VARIANTS.items() if v.monte_carlo_of is None])
def test_every_variant_was_searched_alike_and_trains_at_the_rate_it_won(name):
    found = search_of(name)
    assert tuple(result["learning_rate"] for result in found) == RATES[VARIANTS[name].optimizer]
    assert VARIANTS[name].learning_rate == best_rate(found)


def test_mc_dropout_has_the_rate_of_the_variant_it_predicts_with():
    assert VARIANTS["mc-dropout"].learning_rate == VARIANTS["alpha-dropout"].learning_rate


def test_every_variant_was_recorded_with_the_same_seeds_on_the_same_images():
    seeds = {
        name: [run["seed"] for run in runs]
        for name, runs in groupby(
            sorted(RUNS, key=lambda run: (run["variant"], run["seed"])),
            key=lambda run: run["variant"],
        )
    }
    assert set(seeds) == set(VARIANTS)
    assert len({tuple(found) for found in seeds.values()}) == 1
    assert len({run["data_fingerprint"] for run in RUNS}) == 1
    assert {run["images"]["train"] for run in RUNS} == {45_000}


def test_every_recorded_run_counts_in_the_table():
    """A run whose settings are no longer the variant's would drop out of it silently."""
    rows = compare(RUNS, data=RUNS[0]["data"], profile="full")
    assert sum(len(row["seeds"]) for row in rows) == len(RUNS)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['variant']}-{run['seed']}")
def test_a_recorded_run_is_whole(run):
    history = run["history"]
    assert {len(values) for values in history.values()} == {run["epochs"]}
    assert run["best_epoch"] == 1 + history["validation_accuracy"].index(
        max(history["validation_accuracy"])
    )
    assert run["ended"] in ("all epochs", "early stopping")
    assert f"--variant {run['variant']} --profile full --seed {run['seed']}" in run["command"]
    json.dumps(run, allow_nan=False)


def test_mc_dropout_was_recorded_from_the_weights_of_alpha_dropout():
    weights = {(run["variant"], run["seed"]): run["weights_sha256"] for run in RUNS}
    for (name, seed), found in weights.items():
        if name == "mc-dropout":
            assert found == weights["alpha-dropout", seed]
