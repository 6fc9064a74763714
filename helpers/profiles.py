"""The three budgets a notebook runs under: ``ci``, ``quick`` and ``full``."""

import os
from dataclasses import dataclass

from helpers.names import lookup


@dataclass(frozen=True)
class Profile:
    """One budget.

    ``None`` as a number of images means all of them. ``patience`` is how many epochs without a
    better validation accuracy early stopping waits for.
    """

    name: str
    epochs: int
    patience: int
    train_images: int | None = None
    validation_images: int | None = None
    test_images: int | None = None
    search_epochs: int = 1
    mc_passes: int = 10


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "ci",
            epochs=2,
            patience=20,
            train_images=2_000,
            validation_images=500,
            test_images=500,
            mc_passes=3,
        ),
        Profile("quick", epochs=3, patience=20),
        Profile("full", epochs=100, patience=20, search_epochs=5, mc_passes=50),
    )
}


def get_profile(name: str | None = None) -> Profile:
    """Return the named profile, or the one that ``COURSE_PROFILE`` names (default ``quick``).

    Raises:
        ValueError: for an unknown name.
    """
    return lookup(name or os.environ.get("COURSE_PROFILE") or "quick", PROFILES, "profile")
