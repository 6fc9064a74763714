"""The comparison of chapter 05: one network, batch norm before, after or without."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.datasets import Split, load_digits
from helpers.profiles import get_profile
from helpers.training import places


@pytest.fixture
def few():
    data = load_digits()
    return data._replace(train=Split(*(array[:192] for array in data.train)))


def test_every_rate_and_seed_starts_anew_and_repeats(few):
    profile = replace(get_profile("ci"), lesson_epochs=4, lesson_seeds=2)

    def trained(rates):
        return places.accuracy_by_rate("before", rates, few, profile, depth=1, width=20)

    found = trained((0.0, 0.3, 0.0))
    assert found.shape == (3, 2)
    # At rate 0 a network stays as it was drawn, though another was trained in between: only the
    # moving averages move, and they too start anew.
    assert np.array_equal(found[0], found[2])
    assert (found[1] > found[0] + 0.2).all()
    assert np.array_equal(trained((0.3,))[0], found[1])


def test_unknown_place_is_named(few):
    with pytest.raises(ValueError, match="did you mean 'before'"):
        places.accuracy_by_rate("befor", (0.1,), few, get_profile("ci"))
