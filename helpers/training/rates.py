"""Finding a learning rate: the range test, and the search that every variant gets alike."""

import numpy as np

from helpers.arguments import Document, Instance, Items, Maybe, Number, Whole, takes
from helpers.arguments.arrays import FLAG, Array
from helpers.datasets import Dataset, take
from helpers.datasets.dataset import DATASET
from helpers.models import Variant, deep_mlp, get_variant, logits_of
from helpers.names import shown
from helpers.profiles import Profile, get_profile
from helpers.training.batches import EpochBatches, steps_per_epoch
from helpers.training.networks import scaling
from helpers.training.store import RunStore

# Half-decade steps. The same number of rates for each kind of optimizer, around where it works.
RATES = {
    "nadam": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3),
    "sgd": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
}


STORE = Instance(RunStore, expected="a RunStore")
KERAS_SEED = Whole(0, 2**32 - 1)


@takes(
    data=DATASET,
    seed=KERAS_SEED,
    rates=Maybe(Items(Number("(0, inf)"))),
    store=Maybe(STORE),
    progress=FLAG,
)
def search_rate(
    variant: str | Variant,
    data: Dataset,
    profile: str | Profile | None = None,
    seed: int = 0,
    *,
    rates: tuple[float, ...] | None = None,
    store: RunStore | None = None,
    progress: bool = True,
) -> list[dict]:
    """Train a variant for a few epochs at each rate, and return what each gave.

    Every variant gets the same number of rates and of epochs (``profile.search_epochs``). Choose
    the rate with the highest validation accuracy: :func:`best_rate`.

    Returns:
        One dict per rate: ``variant``, ``learning_rate``, ``validation_accuracy`` (of the best of
        the epochs), ``ended``.

    Raises:
        KeyboardInterrupt: when interrupted. Called again, it goes on where it was.
        ValueError: as ``train``.
    """
    from helpers.training.loop import train

    variant = get_variant(variant)
    profile = profile if isinstance(profile, Profile) else get_profile(profile)
    results = []
    for rate in rates or RATES[variant.optimizer]:
        run = train(
            variant,
            data,
            profile,
            seed,
            epochs=profile.search_epochs,
            learning_rate=rate,
            store=store,
            progress=progress,
        )
        if run.ended == "interrupted":  # fewer epochs than the others: no fair result
            raise KeyboardInterrupt
        results.append(
            {
                "variant": variant.name,
                "learning_rate": rate,
                "validation_accuracy": run.validation_accuracy,
                "ended": run.ended,
            }
        )
    return results


_RESULT = Document({"learning_rate": Number("(0, inf)"), "validation_accuracy": Number()})


@takes(results=Items(_RESULT))
def best_rate(results: list[dict]) -> float:
    """Return the rate with the highest validation accuracy, the lower one of equals.

    Raises:
        ValueError: for no result, or one without a rate and an accuracy.
    """
    ordered = sorted(results, key=lambda result: result["learning_rate"])
    return max(ordered, key=lambda result: result["validation_accuracy"])["learning_rate"]


@takes(
    data=DATASET,
    seed=KERAS_SEED,
    first=Number("(0, inf)"),
    last=Number("(0, inf)"),
    steps=Whole(2, 1_000_000),
)
def learning_rate_range(
    variant: str | Variant,
    data: Dataset,
    profile: str | Profile | None = None,
    seed: int = 0,
    *,
    first: float = 1e-6,
    last: float = 1.0,
    steps: int = 300,
) -> tuple[np.ndarray, np.ndarray]:
    """The learning-rate range test (Smith 2017): raise the rate at every step, watch the loss.

    Ends when the loss is four times the lowest so far, or not a number.

    Args:
        variant: whose network, optimizer and batch size are used.
        data: of which the first ``steps`` batches of an epoch are used, and again if need be.
        first, last: rates of the first and the last step.
        steps: batches.

    Returns:
        Rates and losses, each ``float64 (m,)`` with ``m <= steps``. The losses are smoothed: a mean
        over about the last twenty steps with exponential weights, corrected for its start.

    Raises:
        ValueError: for an unknown name, or a number out of its range.
    """
    import keras

    from helpers.training.loop import make_optimizer
    from helpers.training.schedules import ExponentialRise

    variant = get_variant(variant)
    if first >= last:
        raise ValueError(f"the rate rises: last must be above first, got {first} and {last}.")
    data = take(data, profile if isinstance(profile, Profile) else get_profile(profile))
    keras.utils.clear_session()
    statistics = scaling(data) if variant.standardize else {}
    model = logits_of(deep_mlp(**variant.network, **statistics, seed=seed))
    schedule = ExponentialRise(first, last, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(make_optimizer(variant, schedule), loss)
    losses = _rising_losses(model, variant, data, seed, steps)
    rates = first * (last / first) ** (np.arange(len(losses)) / (steps - 1))
    return rates, np.array(losses)


def _rising_losses(model, variant: Variant, data: Dataset, seed: int, steps: int) -> list[float]:
    mean, losses = 0.0, []
    per_epoch = steps_per_epoch(len(data.train.images), variant.batch_size)
    for step in range(steps):
        epoch, place = divmod(step, per_epoch)
        if place == 0:
            batches = EpochBatches(
                *data.train, batch_size=variant.batch_size, seed=seed, epoch=epoch
            )
        loss = float(model.train_on_batch(*batches[place]))
        mean = 0.95 * mean + 0.05 * loss
        losses.append(mean / (1 - 0.95 ** (step + 1)))
        if not np.isfinite(loss) or losses[-1] > 4 * min(losses):
            break
    return losses


@takes(rates=Array("steps", "(0, inf)"), losses=Array("steps"))
@np.errstate(all="ignore")
def steepest_rate(rates: np.ndarray, losses: np.ndarray) -> float:
    """Return the rate at which the smoothed loss falls fastest, a usual first choice.

    The first twenty steps do not count: the smoothed loss is still a mean over too few batches.

    Raises:
        ValueError: for fewer than four rates, rates that do not rise, or losses without a number.
    """
    if len(rates) < 4 or not (np.diff(rates) > 0).all():
        raise ValueError(f"expected four rates or more that rise, got {shown(rates.tolist())}.")
    start = min(20, len(losses) // 2)
    slopes = np.gradient(losses[start:], np.log(rates[start:]))
    if np.isnan(slopes).all():
        raise ValueError(f"expected losses that are numbers, got {shown(losses.tolist())}.")
    return float(rates[start + np.nanargmin(slopes)])
