"""helpers.names: looking up a name."""

import pytest

from helpers.names import lookup

KNOWN = {"ci": 1, "quick": 2, "full": 3}


def test_a_known_name_gives_its_value():
    assert lookup("full", KNOWN, "profile") == 3


def test_the_nearest_spelling_comes_first_then_all_names():
    with pytest.raises(ValueError, match=r"^unknown profile 'qick': did you mean 'quick'\? Known:"):
        lookup("qick", KNOWN, "profile")
    with pytest.raises(ValueError, match=r"Known: ci, quick, full\.$"):
        lookup("qick", KNOWN, "profile")


def test_case_is_a_spelling_mistake():
    with pytest.raises(ValueError, match="did you mean 'full'"):
        lookup("FULL", KNOWN, "profile")


@pytest.mark.parametrize("name", ["zzz", "", None, 7, ("ci",), ["ci"]])
def test_what_is_like_no_name_gets_the_list_only(name):
    with pytest.raises(ValueError, match="Known: ci, quick, full") as raised:
        lookup(name, {"ci": 1, "quick": 2, "full": 3}, "profile")
    assert repr(name) in str(raised.value)
