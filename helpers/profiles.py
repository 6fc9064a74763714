"""The three budgets a notebook runs under: ``ci``, ``quick`` and ``full``."""

import os
from dataclasses import dataclass

from helpers.names import lookup


@dataclass(frozen=True)
class Profile:
    """One budget.

    ``None`` as a number of images means all of them. ``patience`` is how many epochs without a
    better validation accuracy early stopping waits for. ``lesson_epochs`` and ``lesson_seeds`` are
    for the small networks of chapters 01 to 08: how long one trains, and how often it is repeated.
    """

    name: str
    epochs: int
    patience: int
    train_images: int | None = None
    validation_images: int | None = None
    test_images: int | None = None
    search_epochs: int = 1
    mc_passes: int = 10
    lesson_epochs: int = 20
    lesson_seeds: int = 3


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
            lesson_epochs=2,
            lesson_seeds=2,
        ),
        Profile("quick", epochs=3, patience=20),
        Profile("full", epochs=100, patience=20, search_epochs=5, mc_passes=50, lesson_seeds=5),
    )
}


def get_profile(name: str | None = None) -> Profile:
    """Return the named profile, or the one that ``COURSE_PROFILE`` names (default ``quick``).

    Raises:
        ValueError: for an unknown name.
    """
    if name is None:
        name = os.environ.get("COURSE_PROFILE") or "quick"
    return lookup(name, PROFILES, "profile")
