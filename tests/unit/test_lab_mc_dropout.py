"""The MC dropout lab: what it computes, what it draws, what it says."""

import numpy as np
import pytest

from helpers.evaluation import expected_calibration_error
from helpers.figures.base import CourseFigure
from helpers.labs.mc_dropout import RATES, MCDropout, predictions
from helpers.labs.trained import held_out_digits, network_document, standardized, trained_network
from helpers.theory.dropout import mc_predict, softmax
from helpers.theory.network import forward


def compute(**changes):
    return MCDropout.compute({**MCDropout.default_settings(), **changes})


def draw(data):
    figure = CourseFigure("x", MCDropout.width, MCDropout.height, layout="none")
    MCDropout.draw(data, figure)
    return figure


def test_passes_and_ordinary_prediction_are_those_of_the_stored_network():
    data = compute(image=7, rate=0.5, passes=4, noise=0.0, seed=3)
    digits, parameters = held_out_digits(), trained_network("dropout-0.5")
    x = standardized(digits.images, network_document("dropout-0.5"))
    passes = mc_predict(parameters, x, 0.5, 4, np.random.default_rng([3, 1]))
    assert np.array_equal(data.passes, passes[:, 7])
    assert data.mean == pytest.approx(passes[:, 7].mean(axis=0))
    assert data.std == pytest.approx(passes[:, 7].std(axis=0))
    off = softmax(forward(x, parameters, "relu").logits)
    assert data.ordinary == pytest.approx(off[7])
    assert data.label == digits.labels[7] and np.array_equal(data.image, digits.images[7, ..., 0])
    for error, p in zip(data.errors, (off, passes.mean(axis=0)), strict=True):
        assert error == pytest.approx(expected_calibration_error(p, digits.labels, 10))
    assert data.accuracies[0] == pytest.approx(network_document("dropout-0.5")["accuracy"]["test"])


def test_at_rate_0_every_pass_is_the_ordinary_prediction():
    data = compute(rate=0.0, passes=5)
    assert all(one == pytest.approx(data.ordinary, abs=1e-5) for one in data.passes)
    assert data.std == pytest.approx(0, abs=1e-6)
    assert data.most_disputed is None and data.errors[0] == pytest.approx(data.errors[1], abs=1e-3)
    assert "no two passes differ" in MCDropout.describe(data)


def test_the_first_picture_shows_passes_that_disagree_and_a_mean_that_calibrates():
    data = compute()
    assert data.ordinary.max() > 0.95 and data.ordinary.argmax() != data.label
    assert data.std.max() > 0.2 and data.information > 0.2
    assert data.errors[1] < 0.5 * data.errors[0]
    assert data.confidences[1] < data.confidences[0]


def test_on_clean_images_averaging_at_a_high_rate_makes_calibration_worse():
    for rate in (0.5, 0.8):
        data = compute(rate=rate, noise=0.0, passes=30)
        assert data.errors[1] > 1.3 * data.errors[0]
        assert data.confidences[1] < data.accuracies[1]


def test_more_passes_go_on_where_fewer_ended_and_images_share_them():
    few, many = compute(passes=3), compute(passes=9)
    assert np.array_equal(many.passes[:3], few.passes)
    assert np.array_equal(few.image, many.image)
    other = compute(passes=9, image=5)
    assert other.errors == many.errors and other.number == 5


def test_seed_and_noise_change_what_they_name():
    first, second = compute(seed=0, passes=2), compute(seed=1, passes=2)
    assert not np.array_equal(first.image, second.image)
    clean = [compute(seed=seed, noise=0.0, passes=2) for seed in (0, 1)]
    assert np.array_equal(clean[0].image, clean[1].image)
    assert np.array_equal(clean[0].ordinary, clean[1].ordinary)
    assert not np.array_equal(clean[0].passes, clean[1].passes)
    assert "noise of 4 grey levels" in first.data_name and "noise" not in clean[0].data_name
    assert first.image.min() >= 0 and first.image.max() <= 16


def test_the_most_disputed_image_is_the_one_with_the_most_information():
    data = compute()
    found = compute(image=data.most_disputed)
    assert found.information > data.information
    assert all(compute(image=i).information <= found.information for i in range(0, 300, 23))


def test_what_is_kept_is_read_only_and_bounded():
    found = predictions(0.2, 3, 0.0, 0)
    assert predictions(0.2, 3, 0.0, 0) is found
    with pytest.raises(ValueError, match="read-only"):
        found.passes[0] = 0
    for seed in range(9):
        predictions(0.0, 1, 0.0, seed)
    assert predictions.cache_info().currsize <= 4


def test_picture_holds_every_pass_the_means_and_both_reliabilities():
    data = compute(passes=6)
    figure = draw(data)
    passes, reliability = figure.axes
    dots, mean, off = passes.lines
    assert dots.get_ydata() == pytest.approx(data.passes.ravel())
    assert np.round(dots.get_xdata()) == pytest.approx(np.tile(np.arange(10), 6))
    assert mean.get_ydata() == pytest.approx(data.mean)
    assert off.get_ydata() == pytest.approx(data.ordinary)
    diagonal, *curves = reliability.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    for curve, bins in zip(curves, data.bins, strict=True):
        assert curve.get_xdata() == pytest.approx([part["confidence"] for part in bins])
        assert curve.get_ydata() == pytest.approx([part["accuracy"] for part in bins])
    assert curves[0].get_marker() != curves[1].get_marker()
    (image,) = [artist for artist in figure.artists if hasattr(artist, "get_array")]
    assert np.array_equal(image.get_array(), data.image)
    labels = [text.get_text() for text in passes.get_legend().get_texts()]
    assert labels == ["one pass", "mean of 6 passes", "dropout off"]
    assert f"error {data.errors[0]:.3f} off" in reliability.get_title()
    assert data.data_name in figure.get_suptitle()


@pytest.mark.parametrize("rate", RATES)
def test_nothing_is_cut_off_and_legend_and_axes_keep_apart(rate):
    figure = draw(compute(rate=rate, passes=30, noise=8.0))
    figure.canvas.draw()
    boxes = [figure.axes[0].get_legend().get_window_extent()]
    boxes += [text.get_window_extent() for text in figure.texts]
    for axes in figure.axes:
        boxes += [axes.title.get_window_extent(), axes.xaxis.label.get_window_extent()]
        boxes.append(axes.yaxis.label.get_window_extent())
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_description_and_table_give_the_numbers():
    data = compute()
    text = MCDropout.describe(data)
    off, mean = data.ordinary.argmax(), data.mean.argmax()
    assert f"says {off} with probability {data.ordinary[off]:.2f}" in text
    assert f"says {mean} with {data.mean[mean]:.2f} ± {data.std[mean]:.2f}" in text
    assert f"{data.errors[0]:.3f} and {data.errors[1]:.3f}" in text
    table = MCDropout.table(data)
    assert [row[0] for row in table.rows] == [str(digit) for digit in range(10)]
    assert sum(int(row[-1]) for row in table.rows) == len(data.passes)
    assert table.rows[off][1] == f"{data.ordinary[off]:.3f}"
    assert "the mean over 1 pass at" in MCDropout.describe(compute(passes=1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": 0.3}, "rate must be one of"),
        ({"image": 300}, "image must be a whole number from 0 to 299"),
        ({"passes": 0}, "passes must be a whole number from 1 to 100"),
        ({"noise": -1.0}, r"noise must lie in \[0, 8\]"),
    ],
)
def test_a_bad_setting_is_explained(changes, said):
    with pytest.raises(ValueError, match=said):
        compute(**changes)
    with pytest.raises(ValueError, match=said):
        MCDropout(**changes)


def test_the_controls_offer_the_rates_that_are_stored():
    lab = MCDropout(rate=0.5, noise=0.0, passes=2)
    assert list(lab.controls["rate"].options) == list(RATES)
    before = lab.picture.value
    lab.controls["image"].value = 57
    assert lab.picture.value != before and "Test image 57" in lab.text.value
