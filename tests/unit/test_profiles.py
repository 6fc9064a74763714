"""helpers.profiles: the three budgets."""

import pytest

from helpers.profiles import PROFILES, get_profile


def test_the_environment_picks_the_profile(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "full")
    assert get_profile().name == "full"


def test_an_argument_outdoes_the_environment(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "full")
    assert get_profile("ci").name == "ci"


@pytest.mark.parametrize("value", [None, ""])
def test_quick_without_a_choice(monkeypatch, value):
    monkeypatch.delenv("COURSE_PROFILE")
    if value is not None:
        monkeypatch.setenv("COURSE_PROFILE", value)
    assert get_profile().name == "quick"


def test_an_unknown_profile_is_named_with_the_nearest(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    with pytest.raises(ValueError, match="unknown profile 'fast'"):
        get_profile()
    with pytest.raises(ValueError, match="did you mean 'quick'"):
        get_profile("quik")


def test_each_profile_does_at_least_as_much_as_the_one_before():
    def amount(profile):
        images = (profile.train_images, profile.validation_images, profile.test_images)
        counts = [float("inf") if count is None else count for count in images]
        lesson = [profile.lesson_epochs, profile.lesson_seeds]
        return [profile.epochs, profile.search_epochs, profile.mc_passes, *lesson, *counts]

    ci, quick, full = (amount(PROFILES[name]) for name in ("ci", "quick", "full"))
    assert all(a <= b <= c for a, b, c in zip(ci, quick, full, strict=True))
    assert ci < quick < full


def test_full_is_what_the_exercise_asks_for():
    full = PROFILES["full"]
    assert (full.epochs, full.patience, full.train_images) == (100, 20, None)
