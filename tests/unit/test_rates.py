"""The search for a rate and the range test."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.datasets import make_stand_in
from helpers.models import get_variant
from helpers.profiles import Profile
from helpers.training import RunStore, learning_rate_range, search_rate
from helpers.training.rates import best_rate, steepest_rate

TINY = Profile("tiny", epochs=3, patience=9, search_epochs=1)


@pytest.fixture(scope="module")
def data():
    return make_stand_in(300, 80, 80, seed=0)


def small():
    return get_variant("elu", network={"depth": 2, "width": 16})


def test_the_search_trains_each_rate_alike_and_keeps_its_runs(data, tmp_path):
    store = RunStore(tmp_path)
    rates = (1e-5, 1e-3)
    found = search_rate(small(), data, TINY, rates=rates, store=store, progress=False)
    runs = {run["settings"]["learning_rate"]: run for run in store.documents()}
    assert set(runs) == set(rates) and {run["planned_epochs"] for run in runs.values()} == {1}
    for result in found:
        run = runs[result["learning_rate"]]
        assert result["validation_accuracy"] == run["validation_accuracy"]


def test_an_interrupt_ends_the_search_and_its_half_run_is_no_result(data, tmp_path, monkeypatch):
    from helpers.training import loop

    asked = []

    def interrupted(*arguments, learning_rate, **options):
        asked.append(learning_rate)
        return SimpleNamespace(ended="interrupted")

    monkeypatch.setattr(loop, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search_rate(small(), data, TINY, rates=(1e-5, 1e-3), store=RunStore(tmp_path))
    assert asked == [1e-5]


def test_the_best_rate_is_the_most_accurate_and_the_lower_of_equals():
    results = [
        {"learning_rate": rate, "validation_accuracy": accuracy}
        for rate, accuracy in ((0.1, 0.4), (0.01, 0.4), (0.001, 0.3))
    ]
    assert best_rate(results) == 0.01


def test_the_range_test_rises_until_the_loss_breaks_out(data):
    rates, losses = learning_rate_range(small(), data, TINY, first=1e-5, last=1e3, steps=120)
    assert len(rates) == len(losses) < 120
    assert np.allclose(np.diff(np.log(rates)), np.log(1e8) / 119)
    assert losses[-1] > 4 * losses.min() or not np.isfinite(losses[-1])


def test_the_steepest_rate_is_where_the_loss_falls_fastest():
    rates = np.logspace(-5, 0, 200)
    losses = 2.3 - 1 / (1 + np.exp(-8 * (np.log10(rates) + 2)))  # falls fastest at 1e-2
    losses[:5] = [9, 5, 3, 2.5, 2.4]  # the first steps are noise
    assert steepest_rate(rates, losses) == pytest.approx(1e-2, rel=0.1)
