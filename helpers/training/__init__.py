"""Training one variant on one data set, and keeping what came of it.

``train`` is loaded on first use, so that reading stored runs does not import Keras.
"""

from helpers.training.store import RunStore, recorded_runs, stored_runs

__all__ = [
    "RunStore",
    "learning_rate_range",
    "recorded_runs",
    "search_rate",
    "stored_runs",
    "train",
]


def __getattr__(name: str):
    if name == "train":
        from helpers.training.loop import train

        return train
    if name in ("learning_rate_range", "search_rate"):
        from helpers.training import rates

        return getattr(rates, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
