"""What the average of several epochs' weights, and the ensemble of their predictions, are worth.

The recipe is trained once more with each seed, and once with a constant rate: at the end of a
schedule the rate is next to zero, and there is little left to average. Every result is on the
validation images.
"""

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np

from helpers.evaluation import accuracy, ensemble, predict_probabilities, predict_views
from helpers.models import deep_mlp, get_variant
from helpers.profiles import get_profile
from helpers.training import loop
from helpers.training.batches import EpochBatches
from helpers.training.checkpoint import Checkpoint
from helpers.training.networks import scaling

LAST = 20  # epochs whose weights are averaged
MEMBERS = 5  # of an ensemble: that many of them, equally far apart
SCHEDULES = {"1cycle": {}, "constant rate": {"one_cycle_epochs": None}}


def averaging_results(data, store, seeds: list[int]) -> list[dict]:
    """Return a row for each schedule and seed: validation accuracy of each way to predict."""
    rows = []
    for schedule, changes in SCHEDULES.items():
        variant = get_variant("best", **changes)
        # All epochs, so that both schedules are as long.
        profile = replace(get_profile("full"), patience=get_profile("full").epochs)
        for seed in seeds:
            with _kept_epochs() as weights:
                name = f"averaging-{schedule.replace(' ', '-')}"
                run = loop.train(replace(variant, name=name), data, profile, seed, store=store)
            if len(weights) < LAST:
                raise ValueError(f"{run} was not trained here from its start: delete it first.")
            row = {"schedule": schedule, "seed": seed, **ways_to_predict(run, data, weights)}
            print(row, flush=True)
            rows.append(row)
    return rows


def ways_to_predict(run, data, weights: list[list[np.ndarray]]) -> dict[str, float]:
    """Return the validation accuracy of the last epoch, of the average and of the ensemble."""
    images, labels = data.validation
    model = deep_mlp(**run.document["settings"]["network"], **scaling(data), seed=run.seed)

    def of(chosen) -> np.ndarray:
        model.set_weights(chosen)
        return predict_views(model, images)

    model.set_weights(weights[-1])
    found = {"one_view": accuracy(predict_probabilities(model, images), labels)}
    found["last_epoch"] = accuracy(of(weights[-1]), labels)
    members = weights[-1 :: -(LAST // MEMBERS)]
    found["ensemble"] = accuracy(ensemble(of(member) for member in members), labels)
    average = [np.mean(arrays, axis=0) for arrays in zip(*weights, strict=True)]
    model.set_weights(average)
    _measure_statistics(model, data, run.seed)
    found["average"] = accuracy(predict_views(model, images), labels)
    return found


def _measure_statistics(model, data, seed: int) -> None:
    """Let batch norm measure the averaged network: the average of its statistics is another's."""
    batches = EpochBatches(*data.train, batch_size=128, seed=seed, epoch=0, augment=True)
    for number in range(len(batches)):
        model(batches[number][0], training=True)


@contextmanager
def _kept_epochs():
    """Give the list that the weights of the last epochs come into while a run trains."""
    kept: list[list[np.ndarray]] = []

    class Kept(Checkpoint):
        def keep(self, state) -> None:
            super().keep(state)
            count = len(state.weights)  # of the network; those of the optimizer come after
            kept.append(state.variables[:count])
            del kept[:-LAST]

    with patch.object(loop, "Checkpoint", Kept):
        yield kept
