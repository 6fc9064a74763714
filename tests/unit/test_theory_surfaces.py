"""Surfaces: gradients, minima, and what each is there to show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.theory.surfaces import SURFACES, get_surface, quadratic

every_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


@every_surface
@given(x=st.floats(-2, 2), y=st.floats(-2, 2))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_gradients_equal_finite_differences(surface, x, y):
    step = 1e-5
    for place, direction in enumerate(np.eye(2)):
        ahead, behind = ([x, y] + sign * step * direction for sign in (1, -1))
        numeric = (surface.value(ahead) - surface.value(behind)) / (2 * step)
        exact = surface.gradient(np.array([x, y]))[place]
        assert numeric == pytest.approx(exact, rel=1e-5, abs=1e-5)


@every_surface
def test_the_minima_are_minima_of_value_zero(surface):
    for minimum in surface.minima:
        assert surface.value(np.array(minimum)) == pytest.approx(0, abs=1e-15)
        np.testing.assert_allclose(surface.gradient(np.array(minimum)), 0, atol=1e-15)
    rng = np.random.default_rng(0)
    assert (surface.value(rng.uniform(-3, 3, (500, 2))) > 0).all()


@every_surface
def test_many_points_at_once_are_the_points_one_by_one(surface):
    points = np.random.default_rng(1).uniform(-2, 2, (3, 4, 2))
    values, gradients = surface.value(points), surface.gradient(points)
    assert values.shape == (3, 4) and gradients.shape == points.shape
    for place in np.ndindex(3, 4):
        assert values[place] == pytest.approx(surface.value(points[place]))
        np.testing.assert_allclose(gradients[place], surface.gradient(points[place]))


@every_surface
def test_start_and_minima_lie_in_the_window(surface):
    left, right, bottom, top = surface.window
    for x, y in (surface.start, *surface.minima):
        assert left < x < right and bottom < y < top


@every_surface
def test_far_away_nothing_overflows_within_reach(surface):
    with np.errstate(all="raise"):
        points = np.array([[1e6, 0.0], [-1e6, 0.0], [0.0, 1e6], [-1e6, -1e6]])
        if surface.name == "plateau":
            with np.errstate(under="ignore"):
                assert np.isfinite(surface.gradient(points)).all()
        else:
            assert np.isfinite(surface.gradient(points)).all()
            assert np.isfinite(surface.value(points)).all()


def test_each_surface_has_what_it_is_named_for():
    ravine = get_surface("ravine")
    assert ravine.gradient(np.array([1.0, 1.0])).tolist() == [1.0, 50.0]
    saddle = get_surface("saddle")
    assert saddle.gradient(np.zeros(2)).tolist() == [0.0, 0.0]
    at = {
        name: float(saddle.value(np.array(p)))
        for name, p in {"middle": (0, 0), "along": (0.1, 0), "across": (0, 0.1)}.items()
    }
    assert at["across"] < at["middle"] < at["along"]
    plateau = get_surface("plateau")
    assert np.linalg.norm(plateau.gradient(np.array(plateau.start))) < 0.02
    cliff = get_surface("cliff")
    assert np.linalg.norm(cliff.gradient(np.array(cliff.start))) > 50
    assert abs(cliff.gradient(np.array([-4.0, 0.0]))[0]) < 1


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="did you mean 'ravine'"):
        get_surface("ravin")
    with pytest.raises(ValueError, match="curvatures above 0"):
        quadratic((1.0, -1.0))
