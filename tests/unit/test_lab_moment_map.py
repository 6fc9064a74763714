"""MomentMap: what it computes, draws and says."""

import numpy as np
import pytest

from helpers.figures.base import CourseFigure
from helpers.labs.moment_map import DEPTHS, LARGEST, WIDTH, MomentMap
from helpers.theory.moments import measure_path, random_layer_moments


def settings(**changes):
    return {**MomentMap.default_settings(), **changes}


def drawn(data):
    figure = CourseFigure("x", MomentMap.width, MomentMap.height, layout="none")
    MomentMap.draw(data, figure)
    return figure


def lines(axes):
    return [line.get_xydata() for line in axes.get_lines()]


def test_the_network_is_a_real_one_from_the_seed():
    data = MomentMap.compute(settings(seed=7, depth=10))
    rng = np.random.default_rng(7)
    expected = measure_path(rng.normal(size=(64, WIDTH)), 10, rng)
    assert np.array(data.network) == pytest.approx(np.array(expected))
    again = MomentMap.compute(settings(seed=7, depth=10))
    assert np.array_equal(data.network, again.network)
    other = MomentMap.compute(settings(seed=8, depth=10))
    assert not np.array_equal(data.network, other.network)


def test_arrows_are_one_step_of_the_map_and_the_landing_curve_holds_their_ends():
    data = MomentMap.compute(settings(initializer="he_normal"))
    ends = random_layer_moments(*data.starts, tau=2.0)
    assert np.array(data.ends) == pytest.approx(np.array(ends))
    on_curve = np.interp(data.ends.variance, data.landing.variance, data.landing.mean)
    assert on_curve == pytest.approx(data.ends.mean, abs=0.03)


def test_theory_starts_at_the_inputs_and_goes_to_the_fixed_point():
    data = MomentMap.compute(settings(input_std=10**0.5, input_mean=1.0, depth=100))
    assert data.theory.mean[0] == 1 and data.theory.variance[0] == pytest.approx(10)
    assert data.theory.mean[-1] == pytest.approx(0, abs=1e-6)
    assert data.theory.variance[-1] == pytest.approx(1, abs=1e-6)
    assert data.network.std[-1] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, 0),
        ({"initializer": "glorot_normal"}, 0),
        ({"initializer": "lecun_uniform"}, 0),
        ({"dropout": "alpha"}, 0),
        ({"dropout": "dropout", "dropout_rate": 0.0}, 0),
        ({"initializer": "he_normal"}, 1),
        ({"activation": "relu", "architecture": "max pooling"}, 2),
        ({"dropout": "dropout", "input_mean": 1.0}, 2),
        ({"input_std": 0.5}, 1),
    ],
)
def test_it_names_the_conditions_that_are_broken(changes, broken):
    data = MomentMap.compute(settings(**changes))
    assert len(data.broken) == broken
    said = MomentMap.describe(data)
    assert said.startswith("Broken: " if broken else "Every condition holds.")


def test_a_path_that_explodes_ends_and_says_so():
    data = MomentMap.compute(settings(architecture="skip connections", depth=100))
    assert len(data.network.std) < 100 and data.network.std[-1] > LARGEST
    assert data.network.std[-2] < LARGEST
    assert "left the range" in MomentMap.describe(data)
    assert len(data.landing.mean) == 0


def test_describe_and_table_hold_the_numbers():
    data = MomentMap.compute(settings(dropout="dropout", dropout_rate=0.3))
    said = MomentMap.describe(data)
    assert "50 layers" in said and "ordinary dropout at rate 0.30" in said
    assert f"{data.network.std[-1]:.2g}" in said and f"{data.network.unit_std[-1]:.2g}" in said
    assert f"{np.sqrt(data.theory.variance[-1]):.2g}" in said
    table = MomentMap.table(data)
    assert [row[0] for row in table.rows] == ["inputs", *map(str, range(1, 21)), "30", "40", "50"]
    assert table.rows[-1][2] == f"{data.network.std[-1]:.3g}"
    assert len(table.header) == len(table.rows[0])


def test_draw_shows_paths_and_arrows():
    data = MomentMap.compute(settings(initializer="he_normal", depth=20))
    figure = drawn(data)
    map_axes, layer_axes = figure.axes
    network = np.column_stack([data.network.mean, data.network.std**2])
    theory = np.column_stack(data.theory)
    for path in (network, theory, np.column_stack(data.landing)):
        assert any(np.array_equal(path, line) for line in lines(map_axes))
    assert any(np.array_equal(data.network.unit_std, line[:, 1]) for line in lines(layer_axes))
    assert any(np.array_equal(data.network.std, line[:, 1]) for line in lines(layer_axes))
    (arrows,) = (part for part in map_axes.collections if hasattr(part, "U"))
    upwards = np.sign(np.log(data.ends.variance / data.starts.variance))
    assert np.array_equal(np.sign(arrows.V), upwards)
    assert map_axes.get_xlabel() == "mean" and map_axes.get_ylabel() == "variance"
    assert "random inputs" in figure.get_suptitle()


def test_limits_always_hold_the_fixed_point():
    for changes in ({}, {"activation": "relu"}, {"initializer": "he_normal"}, {"input_mean": 5.0}):
        (left, right), (low, high) = MomentMap.compute(settings(**changes)).limits
        assert left < 0 < right and low < 1 < high


def test_controls_drive_the_picture():
    lab = MomentMap(depth=10)
    before = lab.picture.value
    lab.controls["activation"].value = "relu"
    assert lab.picture.value != before
    assert "ReLU in place of SELU" in lab.text.value


def test_settings_that_no_control_offers_are_refused():
    with pytest.raises(ValueError, match="unknown activation 'swish'"):
        MomentMap(activation="swish")
    with pytest.raises(ValueError, match="did you mean 'depth'"):
        MomentMap(depths=3)
    lab = MomentMap(depth=10)
    with pytest.raises(ValueError, match=r"depth must be one of .* got 11"):
        lab.update(depth=11)


@pytest.mark.filterwarnings("error")
def test_no_combination_warns():
    lab = MomentMap(depth=10)
    for activation in ("selu", "relu", "tanh"):
        for initializer in ("he_normal", "normal(0.05)"):
            for architecture in ("skip connections", "max pooling"):
                lab.update(
                    activation=activation,
                    initializer=initializer,
                    architecture=architecture,
                    dropout="dropout",
                    dropout_rate=0.8,
                    depth=DEPTHS[-1],
                    input_mean=5.0,
                )
                assert "do not go together" not in lab.text.value
