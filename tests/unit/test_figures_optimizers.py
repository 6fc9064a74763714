"""Figures of chapter 07: what they draw, what they say, and what they refuse."""

import numpy as np
import pytest

from helpers import figures


def test_momentum_near_one_draws_measured_and_predicted_steps():
    momenta = np.array([0.0, 0.9, 0.99999])
    figure = figures.momentum_near_one(
        momenta, [120, 80, 1_000_000], [200, 70, 450], [115.0, 87.4, 921_029.0], 0.57, "Ravine"
    )
    (axes,) = figure.axes
    drawn = {line.get_label().split("\n")[0]: line for line in axes.lines}
    np.testing.assert_allclose(drawn["momentum, measured"].get_xdata(), 1 - momenta)
    assert list(drawn["momentum, measured"].get_ydata()) == [120, 80, 1_000_000]
    assert list(drawn["Nesterov momentum, measured"].get_ydata()) == [200, 70, 450]
    assert list(drawn["momentum, theory"].get_ydata()) == [115.0, 87.4, 921_029.0]
    assert drawn["best by theory: 0.57"].get_xdata()[0] == pytest.approx(0.43)
    assert axes.xaxis_inverted() and axes.get_yscale() == "log"
    text = figure.alt_text
    assert "1,000,000 at 0.99999" in text and "fewest 80 at 0.9" in text and "0.57 best" in text
    assert axes.xaxis.get_major_formatter()(1e-5, 0) == "0.99999"
    figure.to_png(1)


def test_momentum_near_one_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="three numbers of steps"):
        figures.momentum_near_one([0.0, 0.9], [1, 2], [1, 2], [1.0], 0.5, "x")
    with pytest.raises(ValueError, match="momenta below 1"):
        figures.momentum_near_one([0.0, 1.0], [1, 2], [1, 2], [1.0, 2.0], 0.5, "x")


def test_losses_by_rate_draws_means_and_rings_the_best():
    rates = [0.01, 0.1, 1.0]
    losses = {
        "Adam": np.array([[0.4, 0.6], [0.1, 0.3], [np.inf, 2.0]]),
        "SGD": np.array([[1.0, 1.0], [0.5, 0.5], [0.2, 0.2]]),
        "lost": np.full((3, 2), np.inf),
    }
    figure = figures.losses_by_rate(rates, losses, "digits", "Race")
    (axes,) = figure.axes
    means = [bars.lines[0].get_ydata() for bars in axes.containers]
    np.testing.assert_allclose(means[0], [0.5, 0.2])  # where a seed diverged there is no mean
    np.testing.assert_allclose(means[1], [1.0, 0.5, 0.2])
    ringed = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_markersize() == 13]
    assert ringed == [[0.1, pytest.approx(0.2)], [1.0, pytest.approx(0.2)]]
    text = figure.alt_text
    assert "Adam: lowest 0.2 ± 0.1 at rate 0.1" in text and "lost: diverged at every rate" in text
    labels = [item.get_text() for item in axes.get_legend().get_texts()]
    assert labels == ["Adam: best at 0.1", "SGD: best at 1", "lost: diverged", "its best rate"]
    assert "digits" in figure.get_suptitle()
    figure.to_png(1)


def test_losses_by_rate_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="3 rates"):
        figures.losses_by_rate([1, 2, 3], {"Adam": np.ones((2, 4))}, "digits", "Race")
    with pytest.raises(ValueError, match="expected losses"):
        figures.losses_by_rate([1, 2, 3], {}, "digits", "Race")
    with pytest.raises(ValueError, match="at most 7 lines"):
        many = {str(n): np.ones((1, 2)) for n in range(8)}
        figures.losses_by_rate([1.0], many, "digits", "Race")
