"""Chapter 06, dropout: right answers, and wrong ones that people give."""

import itertools
import math
from collections.abc import Callable

import numpy as np

from helpers.checks.task import Holds, Mistake, Task, UnusableError, as_array, named
from helpers.theory import dropout
from helpers.theory.dropout import SELU_FLOOR

RATE = 0.3
SHAPE = (300, 200)

# 6.1: drop, and make up for it


def _run_drop(answer):
    x = _nowhere_zero()
    given = x.copy()
    out = _finite(answer(given, RATE, np.random.default_rng(1)))
    inference = _finite(answer(x.copy(), RATE, np.random.default_rng(1), training=False))
    dropped = out == 0
    if dropped.all() or not inference.any():
        raise UnusableError("every number that it returns is 0")
    factors = (out / x)[~dropped]
    return {
        "a kept number, over what it was": np.median(factors),
        "every kept number is scaled alike": np.ptp(factors) < 1e-6,
        "about as many are dropped as the rate says": abs(dropped.mean() - RATE) < 0.12,
        "each image drops units of its own": dropped.mean(axis=0).max() < 0.6,
        "each unit is dropped on its own": dropped.mean(axis=1).max() < 0.6,
        "in inference, numbers are dropped": np.mean(inference == 0) > 0.1,
        "in inference, a number over what it was": np.median((inference / x)[inference != 0]),
        "the array that was given is unchanged": np.array_equal(given, x),
        "the numbers come from the generator": _follows(answer),
    }


def _finite(found) -> np.ndarray:
    array = as_array(found, "what it returns", SHAPE)
    if not np.isfinite(array).all():
        raise UnusableError("what it returns holds numbers that are infinite or NaN")
    return array


def _nowhere_zero() -> np.ndarray:
    return np.random.default_rng(5).uniform(0.5, 2, SHAPE)


def _follows(answer) -> bool:
    """Return whether equal generators give equal results, and others give others."""
    x = _nowhere_zero()
    first, again, other = (
        as_array(answer(x.copy(), RATE, np.random.default_rng(seed)), "what it returns", SHAPE)
        for seed in (1, 1, 2)
    )
    return np.array_equal(first, again) and not np.array_equal(first, other)


def _drop(
    kept: Callable = lambda rate: 1 - rate,
    scale: Callable = lambda rate: 1 / (1 - rate),
    mask_shape: Callable = lambda shape: shape,
    inference: Callable = lambda x, rate: x,
    generator: Callable = lambda rng: rng,
    place: Callable = np.copy,
) -> Callable:
    """Return an answer to 6.1 that drops in its own way.

    Args:
        kept: probability to be kept, from the rate.
        scale: what a kept number is multiplied with, from the rate.
        mask_shape: of the mask, from that of the array.
        inference: what comes out of inference.
        generator: where the mask comes from.
        place: from the array to the one that is changed and returned.
    """

    def answer(x, rate, rng, training=True):
        if not training:
            return inference(x, rate)
        out = place(x)
        mask = generator(rng).random(mask_shape(x.shape)) < kept(rate)
        out *= mask * scale(rate)
        return out

    return answer


def _dropped_too(x, rate):
    return _drop()(x, rate, np.random.default_rng(1))


DROP = Task(
    id="6.1",
    title="Drop, and make up for it",
    run=_run_drop,
    reference=lambda x, rate, rng, training=True: dropout.dropout(x, rate, rng) if training else x,
    mistakes=(
        Mistake(
            _drop(kept=lambda rate: rate, scale=lambda rate: 1 / rate),
            "`rate` is taken for the probability to be kept, as in the paper. Here, as in Keras, "
            "it is the probability to be dropped.",
        ),
        Mistake(
            _drop(kept=lambda rate: rate),
            "the mask is the wrong way round: a share of `rate` is kept, and scaled as if it were "
            "the larger share.",
        ),
        Mistake(
            _drop(scale=lambda rate: 1.0),
            "what is kept is not scaled, so the expected value shrinks. Kept numbers have to make "
            "up for those that are lost.",
        ),
        Mistake(
            _drop(scale=lambda rate: 1.0, inference=lambda x, rate: x * (1 - rate)),
            "this is dropout as in the paper of 2014: nothing is scaled in training, and in "
            "inference everything is made smaller. Inverted dropout leaves inference alone.",
        ),
        Mistake(
            _drop(scale=lambda rate: 1 / rate),
            "what is kept is divided by the share that is dropped. Divide by the share that is "
            "kept.",
        ),
        Mistake(
            _drop(scale=lambda rate: 1 - rate),
            "what is kept is made smaller still. It has to make up for what is lost.",
        ),
        Mistake(
            _drop(inference=lambda x, rate: x * (1 - rate)),
            "inference is scaled although training was too. One of the two is enough, and inverted "
            "dropout does it in training.",
        ),
        Mistake(
            _drop(inference=_dropped_too),
            "numbers are dropped in inference too. There `x` comes back as it is.",
        ),
        Mistake(
            _drop(mask_shape=lambda shape: shape[1:]),
            "one mask serves the whole batch: every image loses the same units. Draw a number for "
            "each place of `x`.",
        ),
        Mistake(
            _drop(mask_shape=lambda shape: (shape[0], 1)),
            "whole images are dropped: all units of an image share one draw. Draw a number for "
            "each place of `x`.",
        ),
        Mistake(
            _drop(place=lambda x: x),
            "the right numbers come out, and the array that was given is changed with them. Make a "
            "new one.",
        ),
        Mistake(
            _drop(generator=lambda rng: np.random.default_rng(0)),
            "the mask is the same at every call: use the generator `rng` that is given.",
        ),
    ),
    hints=(
        "Draw one number between 0 and 1 for each place of `x`. Which of them mean that it is "
        "kept?",
        "Kept numbers are divided by the probability to be kept. In inference there is nothing to "
        "draw and nothing to scale.",
    ),
    holds=(
        Holds(
            "about as many are dropped as the rate says",
            lambda got: got["about as many are dropped as the rate says"],
        ),
        Holds(
            "in inference everything stays as it is",
            lambda got: (
                not got["in inference, numbers are dropped"]
                and got["in inference, a number over what it was"] == 1
            ),
        ),
    ),
    tolerance=1e-3,
)


# 6.2: drop to the floor

MOMENTS = {"mean 0, variance 1": (0, 1), "mean 1, variance 4": (1, 2)}


def _run_alpha(answer):
    results = {}
    for name, (mean, std) in MOMENTS.items():
        x = np.random.default_rng(5).normal(mean, std, SHAPE)
        given = x.copy()
        out = _finite(answer(given, RATE, np.random.default_rng(1)))
        results[f"inputs of {name}"] = _anatomy(x, out)
    return results | {
        "the array that was given is unchanged": np.array_equal(given, x),
        "the numbers come from the generator": _follows(answer),
    }


def _anatomy(x: np.ndarray, out: np.ndarray) -> dict:
    """Return what becomes of a dropped number, and of a kept one."""
    values, counts = np.unique(out.round(9), return_counts=True)
    at = values[counts.argmax()]  # the only value that is there often
    dropped = np.isclose(out, at, atol=1e-8)
    if dropped.mean() > 0.95:
        raise UnusableError("nearly all numbers that it returns are the same")
    slope, offset = np.polyfit(x[~dropped], out[~dropped], 1)
    return {
        "a dropped number becomes": at,
        "a kept 0 becomes": offset,
        "a kept 1 becomes": offset + slope,
        "about as many are dropped as the rate says": abs(dropped.mean() - RATE) < 0.12,
    }


def _alpha(
    floor: float = SELU_FLOOR,
    constants: Callable = lambda kept, floor: _constants(kept, floor),
    kept: Callable = lambda rate: 1 - rate,
    scale: Callable = lambda rate: 1.0,
    all_mapped: bool = True,
    generator: Callable = lambda rng: rng,
) -> Callable:
    """Return an answer to 6.2 that drops in its own way.

    Args:
        floor: what a dropped number becomes at first.
        constants: from the share kept and the floor to a and b.
        kept: probability to be kept, from the rate.
        scale: what kept numbers are multiplied with before, from the rate.
        all_mapped: whether a and b act on dropped numbers too.
        generator: where the mask comes from.
    """

    def answer(x, rate, rng):
        stays = generator(rng).random(x.shape) < kept(rate)
        a, b = constants(kept(rate), SELU_FLOOR)
        x = x * scale(rate)
        if all_mapped:
            return a * np.where(stays, x, floor) + b
        return np.where(stays, a * x + b, floor)

    return answer


def _constants(kept: float, floor: float, power: float = -0.5, sign: float = 1.0):
    """Return a and b; other powers and signs make mistakes of them."""
    a = (kept * (1 + (1 - kept) * floor**2)) ** power
    return a, -sign * a * (1 - kept) * floor


def _standardized(x, rate, rng):
    masked = np.where(rng.random(x.shape) < 1 - rate, x, SELU_FLOOR)
    return (masked - masked.mean()) / masked.std()


def _share_is_right(got) -> bool:
    return all(
        got[f"inputs of {name}"]["about as many are dropped as the rate says"] for name in MOMENTS
    )


def _moments_are_kept(got) -> bool:
    """Whether mean 0 and variance 1 come out as such, by what dropped and kept numbers become."""
    seen = got["inputs of mean 0, variance 1"]
    at, low, high = (seen[name] for name in list(seen)[:3])
    mean = RATE * at + (1 - RATE) * low
    square = RATE * at**2 + (1 - RATE) * (low**2 + (high - low) ** 2)
    return abs(mean) < 0.03 and abs(square - mean**2 - 1) < 0.05


ALPHA = Task(
    id="6.2",
    title="Drop to the floor",
    run=_run_alpha,
    reference=lambda x, rate, rng: dropout.alpha_dropout(x, rate, rng),
    mistakes=(
        Mistake(
            _alpha(constants=lambda kept, floor: (1.0, 0.0)),
            "the floor is there; mean and variance are not restored. Which mean and variance does "
            "an input have after dropping?",
        ),
        Mistake(
            _alpha(floor=0.0),
            "dropped numbers are set to 0. SELU's floor is where a unit is off.",
        ),
        Mistake(
            _alpha(all_mapped=False),
            "only what is kept is mapped by a and b. They were worked out for all numbers, and the "
            "dropped ones have to be mapped too.",
        ),
        Mistake(
            _standardized,
            "this standardizes with mean and standard deviation of the array itself. a and b "
            "follow from the rate alone: an input of another mean keeps some of it.",
        ),
        Mistake(
            _alpha(constants=lambda kept, floor: (_constants(kept, floor)[0], 0.0)),
            "the variance is restored, the mean is not: b is missing.",
        ),
        Mistake(
            _alpha(constants=lambda kept, floor: _constants(kept, floor, sign=-1.0)),
            "b has the wrong sign: the floor is negative, and so is the mean that b takes away.",
        ),
        Mistake(
            _alpha(constants=lambda kept, floor: _constants(kept, floor, power=-1.0)),
            "a divides by the variance, and not by its root.",
        ),
        Mistake(
            _alpha(
                constants=lambda kept, floor: (
                    a := (kept + (1 - kept) * floor**2) ** -0.5,
                    -a * (1 - kept) * floor,
                )
            ),
            "a divides by the root of the mean square. The variance is that less the squared mean, "
            "which is not 0 after dropping.",
        ),
        Mistake(
            _alpha(scale=lambda rate: 1 / (1 - rate)),
            "what is kept is divided by the share kept as well. That is ordinary dropout's way to "
            "restore the mean; here a and b do it.",
        ),
        Mistake(
            _alpha(kept=lambda rate: rate),
            "`rate` is taken for the probability to be kept. Here, as in Keras, it is the "
            "probability to be dropped.",
        ),
        Mistake(
            lambda x, rate, rng: dropout.dropout(x, rate, rng),
            "this is ordinary dropout.",
        ),
        Mistake(
            _alpha(generator=lambda rng: np.random.default_rng(0)),
            "the mask is the same at every call: use the generator `rng` that is given.",
        ),
    ),
    hints=(
        "After dropping, an input is itself with probability q and f otherwise. Its mean is "
        "q·0 + (1 - q)·f. What is the mean of its square?",
        "The variance is the mean square less the squared mean. a and b standardize: a is one over "
        "the root of that variance.",
        "b takes away what the mean is after the multiplication with a. Both act on all numbers.",
    ),
    holds=(
        Holds("about as many are dropped as the rate says", _share_is_right),
        Holds("mean 0 and variance 1 come out as mean 0 and variance 1", _moments_are_kept),
    ),
    tolerance=0.03,
)


# 6.3: a limit for each unit

LIMIT = 2.0


def _run_lengths(answer):
    results = {}
    for name, kernel in _kernels().items():
        given = kernel.copy()
        results[name] = as_array(answer(given, LIMIT), "what it returns")
        unchanged = np.array_equal(given, kernel)
    return results | {"the kernel that was given is unchanged": unchanged}


def _kernels() -> dict[str, np.ndarray]:
    """Return kernels whose units are longer and shorter than the limit, the last one 0."""
    rng = np.random.default_rng(3)
    kernels = {}
    for name, shape in {"a dense kernel": (5, 5), "a convolution": (3, 3, 2, 5)}.items():
        kernel = rng.normal(size=shape)
        length = np.sqrt((kernel**2).sum(axis=tuple(range(kernel.ndim - 1))))
        kernels[name] = kernel / length * np.array([5, 0.5, 3, 1.5, 0])
    return kernels


def _lengths(
    axes: Callable = lambda kernel: tuple(range(kernel.ndim - 1)),
    length: Callable = lambda kernel, axes: np.sqrt((kernel**2).sum(axis=axes, keepdims=True)),
    factor: Callable = lambda length, limit: limit / np.maximum(length, limit),
) -> Callable:
    """Return an answer to 6.3 that measures, or shortens, in its own way."""

    def answer(kernel, limit):
        return kernel * factor(length(kernel, axes(kernel)), limit)

    return answer


def _right_lengths(kernel, limit):
    flat = dropout.max_norm(kernel.reshape(-1, kernel.shape[-1]), limit)
    return flat.reshape(kernel.shape)


def _divided_by_length(kernel, limit):
    length = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), axis=0)
    return kernel / length * np.minimum(length, limit)


def _in_place(kernel, limit):
    kernel[...] = _right_lengths(kernel, limit)
    return kernel


def _dense_is_right(got) -> bool:
    return np.allclose(got["a dense kernel"], _right_lengths(_kernels()["a dense kernel"], LIMIT))


def _short_ones_stay(got) -> bool:
    return all(np.allclose(got[name][..., 1], k[..., 1]) for name, k in _kernels().items())


LENGTHS = Task(
    id="6.3",
    title="A limit for each unit",
    run=_run_lengths,
    reference=_right_lengths,
    mistakes=(
        Mistake(
            _lengths(factor=lambda length, limit: limit / np.where(length > 0, length, 1)),
            "every unit gets the length `limit`, also one that was shorter. Max-norm leaves those "
            "alone.",
        ),
        Mistake(
            _lengths(axes=lambda kernel: kernel.ndim - 1),
            "lengths are taken along the last axis, over all units of one input. The incoming "
            "weights of a unit stand along the others.",
        ),
        Mistake(
            _lengths(axes=lambda kernel: 0),
            "this is right for dense kernels only: it takes the length along the first axis. A "
            "unit of a convolution has incoming weights along all axes but the last.",
        ),
        Mistake(
            _lengths(axes=lambda kernel: None),
            "the kernel is measured as a whole. Each unit has its own length and its own limit.",
        ),
        Mistake(
            lambda kernel, limit: np.clip(kernel, -limit, limit),
            "each weight is limited for itself. The limit is for the length of a unit's weights "
            "taken together.",
        ),
        Mistake(
            _divided_by_length,
            "a unit whose weights are all 0 comes out as NaN: 0 was divided by its length 0.",
        ),
        Mistake(
            _lengths(length=lambda kernel, axes: (kernel**2).sum(axis=axes, keepdims=True)),
            "the root is missing: these are squared lengths.",
        ),
        Mistake(
            _lengths(length=lambda kernel, axes: np.abs(kernel).sum(axis=axes, keepdims=True)),
            "the length is taken as the sum of absolute values. It is the root of the sum of "
            "squares.",
        ),
        Mistake(
            _in_place,
            "the right kernel comes out, and the one that was given is changed with it. Make a new "
            "one.",
        ),
    ),
    hints=(
        "First the length of each unit's weights: the root of a sum of squares, over all axes but "
        "the last.",
        "Each unit is multiplied by one number: 1 if it is short enough. Which number makes a "
        "longer one as long as the limit?",
        "Divide the limit by the length, but by the limit itself where the length is smaller: "
        "then nothing is divided by 0.",
    ),
    holds=(
        Holds("dense kernels come out right", _dense_is_right),
        Holds("units within the limit keep their weights", _short_ones_stay),
    ),
)


# 6.4: how often to ask

PILOT = 5
MOST_CALLS = 2000


class _Network:
    """Stands in for a network with dropout on: gives stored passes one after the other."""

    def __init__(self):
        rng = np.random.default_rng(11)
        logits = rng.normal(size=(1, 4, 3)) + 0.8 * rng.normal(size=(97, 4, 3))
        self.passes = itertools.cycle(dropout.softmax(logits))
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        if self.calls > MOST_CALLS:
            raise UnusableError(
                f"`predict` was called more than {MOST_CALLS:,} times, far more than is needed"
            )
        return next(self.passes).copy()


def _run_prediction(answer):
    results = {}
    for within, words in ((0.04, "more passes than the pilot"), (0.5, "the pilot is enough")):
        network = _Network()
        found = answer(network, np.zeros((4, 2)), within, pilot=PILOT)
        parts = named(found, "mean", "spread", "passes")
        if isinstance(parts, dict):
            parts["how often `predict` was called"] = network.calls
        results[f"within {within}, {words}"] = parts
    return results


def _prediction(
    spread: Callable = lambda passes: np.std(passes, axis=0, ddof=1),
    enough: Callable = lambda spread, within: math.ceil((spread.max() / within) ** 2),
    further: Callable = lambda needed, pilot: max(0, needed - pilot),
    used: Callable = lambda passes, pilot: passes,
    mean: Callable = lambda passes: np.mean(passes, axis=0),
    told: Callable = lambda spread, count: spread,
) -> Callable:
    """Return an answer to 6.4 that asks in its own way.

    Args:
        spread: over passes.
        enough: from the spread of the pilot, and ``within``, to the number of passes.
        further: from that, and the pilot, to how many more are asked.
        used: the passes that are used in the end, from all of them.
        mean: over passes.
        told: what is returned as the spread.
    """

    def answer(predict, x, within, pilot=10):
        passes = [predict(x) for _ in range(pilot)]
        needed = enough(spread(np.array(passes)), within)
        passes += [predict(x) for _ in range(further(needed, pilot))]
        kept = np.array(used(passes, pilot))
        return mean(kept), told(spread(kept), len(kept)), len(passes)

    return answer


def _right_prediction(predict, x, within, pilot=10):
    passes = np.stack([predict(x) for _ in range(pilot)])
    largest = passes.std(axis=0, ddof=1).max()
    missing = max(0, math.ceil(largest**2 / within**2) - pilot)
    passes = np.concatenate([passes, *(predict(x)[np.newaxis] for _ in range(missing))])
    spread = passes.std(axis=0, ddof=1)
    return dropout.predictive_mean(passes), spread, len(passes)


def _votes(passes):
    return np.eye(passes.shape[-1])[passes.argmax(axis=-1)].mean(axis=0)


def _asked_once(predict, x, within, pilot=10):
    one = predict(x)
    return _prediction()(lambda x: one, x, within, pilot)


def _counted_right(got) -> bool:
    return all(each["passes"] == each["how often `predict` was called"] for each in got.values())


def _rows_add_up(got) -> bool:
    return all(np.allclose(each["mean"].sum(axis=1), 1) for each in got.values())


PREDICTION = Task(
    id="6.4",
    title="How often to ask",
    run=_run_prediction,
    reference=_right_prediction,
    mistakes=(
        Mistake(
            _prediction(spread=lambda passes: np.std(passes, axis=0)),
            "the spread divides by the number of passes. They are a sample of all passes there "
            "could be, so one less.",
        ),
        Mistake(
            _prediction(
                enough=lambda spread, within: math.ceil(spread.max() / within),
            ),
            "the number of passes grows with the spread here, and not with its square. Solve "
            "s / √T = within for T.",
        ),
        Mistake(
            _prediction(enough=lambda spread, within: math.floor((spread.max() / within) ** 2)),
            "the number of passes is rounded down, so the last bit is missing: s / √T is still "
            "above `within`.",
        ),
        Mistake(
            _prediction(enough=lambda spread, within: math.ceil((spread.mean() / within) ** 2)),
            "the average spread decides how often to ask. For every probability to be settled, the "
            "widest has to.",
        ),
        Mistake(
            _prediction(further=lambda needed, pilot: needed),
            "after the pilot, all passes are asked anew. Those of the pilot count too.",
        ),
        Mistake(
            _prediction(used=lambda passes, pilot: passes[pilot:] or passes),
            "the passes of the pilot are thrown away. They are as good as the others.",
        ),
        Mistake(
            _prediction(used=lambda passes, pilot: passes[:pilot]),
            "mean and spread are those of the pilot. Take them anew over all passes.",
        ),
        Mistake(
            _prediction(told=lambda spread, count: spread / math.sqrt(count)),
            "what is returned as the spread is the error of the mean. The spread says how far one "
            "pass lies from another, and does not shrink with more of them.",
        ),
        Mistake(
            _prediction(mean=_votes),
            "this counts votes: each pass gives its whole 1 to one class. The prediction is the "
            "mean of the probabilities.",
        ),
        Mistake(
            _asked_once,
            "one pass was asked and used over and over, so nothing spreads. Call `predict` for "
            "each pass.",
        ),
        Mistake(
            _prediction(enough=lambda spread, within: 0),
            "only the pilot is asked. Its spread says how many passes are needed.",
        ),
    ),
    hints=(
        "Keep the passes of the pilot in a list, so that more can be added. Mean and standard "
        "deviation are taken along its first axis.",
        "s / √T ≤ within, solved for T. The widest spread of all images and classes decides, and T "
        "is a whole number: round up.",
        "Ask T - pilot more, none if that is negative. Then mean, spread and number of everything "
        "in the list.",
    ),
    holds=(
        Holds("each row of the mean adds up to 1", _rows_add_up),
        Holds("the number of passes is how often `predict` was called", _counted_right),
    ),
)


# 6.5: as often right as it says

BINS = 8


def _run_calibration(answer):
    results = {}
    for name, (probabilities, labels) in _predictions().items():
        found = answer(probabilities.copy(), labels.copy(), bins=BINS)
        results[name] = named(found, "rows", "error")
    return results


def _predictions() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return probabilities of four classes and labels; with bins that no image falls into."""
    rng = np.random.default_rng(8)
    sure = dropout.softmax(rng.normal(0, 3, (200, 4)))
    labels = np.where(rng.random(200) < 0.7, sure.argmax(axis=1), rng.integers(4, size=200))
    certain = sure.copy()
    certain[::9] = np.eye(4)[sure[::9].argmax(axis=1)]
    return {"200 images": (sure, labels), "some of them certain": (certain, labels)}


def _calibration(
    confidence: Callable = lambda p, labels: p.max(axis=1),
    place: Callable = lambda confidence, bins: np.minimum(
        (confidence * bins).astype(int), bins - 1
    ),
    total: Callable = lambda rows: np.average(np.abs(rows[:, 0] - rows[:, 1]), weights=rows[:, 2]),
    middle: Callable = lambda confidence, number, bins: confidence.mean(),
    counted: Callable = lambda numbers, bins: np.unique(numbers),
) -> Callable:
    """Return an answer to 6.5 that sorts, or adds up, in its own way.

    Args:
        confidence: of each image.
        place: number of the bin of each.
        total: from the rows to the error.
        middle: of a bin, from the confidences in it.
        counted: the numbers of the bins that get a row.
    """

    def answer(probabilities, labels, bins=10):
        sure = confidence(probabilities, labels)
        right = probabilities.argmax(axis=1) == labels
        numbers = place(sure, bins)
        rows = []
        for number in counted(numbers, bins):
            inside = numbers == number
            mean = middle(sure[inside], number, bins)
            rows.append((mean, right[inside].mean(), inside.sum()))
        return np.array(rows), total(np.array(rows))

    return answer


def _by_rank(confidence, bins):
    ranks = confidence.argsort().argsort()
    return ranks * bins // len(confidence)


def _every_class(probabilities, labels, bins=10):
    classes = probabilities.shape[1]
    one = np.column_stack([probabilities.ravel(), np.full(probabilities.size, -1)])
    right = (np.arange(classes) == labels[:, np.newaxis]).ravel()
    return _calibration(confidence=lambda p, _: p[:, 0])(one, np.where(right, 0, 1), bins)


def _right_calibration(probabilities, labels, bins=10):
    """Mean confidence, share right and number in each bin, by sums over the bins."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    counts, sure, good = (
        np.histogram(confidence, edges, weights=weights)[0]
        for weights in (None, confidence, right.astype(float))
    )
    filled = counts > 0
    rows = np.column_stack([sure / np.maximum(counts, 1), good / np.maximum(counts, 1), counts])
    return rows[filled], np.abs(sure - good).sum() / len(labels)


def _everyone_counts(got) -> bool:
    return all(each["rows"][:, 2].sum() == 200 for each in got.values())


def _rows_are_right(got) -> bool:
    pairs = {name: _right_calibration(*given, bins=BINS) for name, given in _predictions().items()}
    return all(np.allclose(got[name]["rows"], rows) for name, (rows, _) in pairs.items())


def _made_up_picture():
    from helpers.figures import reliability_diagram  # late: it imports Matplotlib

    rng = np.random.default_rng(42)
    scores = rng.normal(0, 1.5, (3000, 10))
    both = [dropout.softmax(factor * scores) for factor in (1, 2)]
    labels = (both[0].cumsum(axis=1) > rng.random((3000, 1))).argmax(axis=1)
    found = [_right_calibration(each, labels) for each in both]
    names = ("confidence", "accuracy", "count")
    panels = [[dict(zip(names, row, strict=True)) for row in rows] for rows, _ in found]
    titles = ["as it is", "twice the logits"]
    return reliability_diagram(panels, [ece for _, ece in found], "made-up predictions", titles)


CALIBRATION = Task(
    id="6.5",
    title="As often right as it says",
    run=_run_calibration,
    reference=_right_calibration,
    mistakes=(
        Mistake(
            _calibration(total=lambda rows: np.abs(rows[:, 0] - rows[:, 1]).mean()),
            "in the error every bin counts the same, whether it holds one image or a hundred. It "
            "is a mean over images.",
        ),
        Mistake(
            _calibration(
                total=lambda rows: np.average(rows[:, 0] - rows[:, 1], weights=rows[:, 2])
            ),
            "too confident in one bin and too modest in another cancel out in the error. Each is a "
            "distance.",
        ),
        Mistake(
            _calibration(total=lambda rows: np.abs(rows[:, 0] - rows[:, 1]).max()),
            "this is the largest gap of all bins. The expected error is a mean.",
        ),
        Mistake(
            _calibration(
                total=lambda rows: abs(
                    np.average(rows[:, 0], weights=rows[:, 2])
                    - np.average(rows[:, 1], weights=rows[:, 2])
                )
            ),
            "confidence and accuracy are averaged over all images before they are compared. "
            "Compare within each bin.",
        ),
        Mistake(
            _calibration(confidence=lambda p, labels: p[np.arange(len(labels)), labels]),
            "this sorts by the probability of the label. A network does not know the label; its "
            "confidence is its largest probability.",
        ),
        Mistake(
            _calibration(middle=lambda confidence, number, bins: (number + 0.5) / bins),
            "the middle of the bin is taken for the confidence of its images. Take their mean.",
        ),
        Mistake(
            _calibration(place=lambda confidence, bins: (confidence * bins).astype(int)),
            "a confidence of exactly 1 gets a bin of its own, above the last. The last bin holds "
            "it.",
        ),
        Mistake(
            _calibration(
                counted=lambda numbers, bins: np.unique(numbers[numbers < bins]),
                place=lambda confidence, bins: (confidence * bins).astype(int),
                total=lambda rows: (
                    (np.abs(rows[:, 0] - rows[:, 1]) * rows[:, 2]).sum() / rows[:, 2].sum()
                ),
            ),
            "images of confidence exactly 1 are in no bin. The last one holds them.",
        ),
        Mistake(
            _calibration(counted=lambda numbers, bins: np.arange(bins)),
            "a bin without images has a row too, and the mean of nothing is NaN, which spoils the "
            "error. Leave such bins out.",
        ),
        Mistake(
            _calibration(place=_by_rank),
            "each bin holds as many images as the others. Here it is the width that is equal.",
        ),
        Mistake(
            _every_class,
            "every probability of every class is counted. Of each image only the largest is its "
            "confidence.",
        ),
    ),
    hints=(
        "Three arrays, each with a number for every image: confidence, whether it is right, and "
        "the number of its bin.",
        "The bin is the confidence times the number of bins, rounded down; a confidence of 1 goes "
        "into the last. Make a row for each number that occurs.",
        "The error is the sum over rows of count times |confidence - share right|, divided by the "
        "number of images.",
    ),
    holds=(
        Holds("every image is in one bin", _everyone_counts),
        Holds("the rows are right", _rows_are_right),
    ),
    picture=_made_up_picture,
)


# 6.6: decide

# Errors with dropout off, and of the mean over passes, a pair for each seed.
MEASUREMENTS = {
    "the mean is better": ((0.070, 0.081, 0.074, 0.069), (0.031, 0.038, 0.035, 0.030)),
    "off is better": ((0.019, 0.022, 0.020), (0.036, 0.035, 0.041)),
    "seeds differ, pairs do not": (
        (0.020, 0.060, 0.100, 0.140, 0.180),
        (0.014, 0.055, 0.095, 0.134, 0.175),
    ),
    "one seed speaks for off alone": (
        (0.050, 0.050, 0.050, 0.050, 0.010),
        (0.046, 0.047, 0.045, 0.046, 0.060),
    ),
    "between one and two standard errors": (
        (0.050, 0.060, 0.055, 0.070),
        (0.047, 0.052, 0.058, 0.064),
    ),
    "many seeds, a small gain": (
        (0.050, 0.058, 0.052, 0.061, 0.049, 0.056, 0.053, 0.060, 0.051, 0.057),
        (0.046, 0.051, 0.053, 0.055, 0.047, 0.048, 0.054, 0.053, 0.050, 0.049),
    ),
    "two seeds, short of two standard errors": ((0.0600, 0.0600), (0.0400, 0.0548)),
    "two seeds that agree": ((0.060, 0.070), (0.050, 0.058)),
}


def _run_better(answer):
    return {name: answer(list(off), list(mean)) for name, (off, mean) in MEASUREMENTS.items()}


def _better(
    error: Callable = lambda gains, off, mean: gains.std(ddof=1) / math.sqrt(len(gains)),
    needed: float = 2.0,
    smaller: tuple[str, str] = ("mean", "off"),
) -> Callable:
    """Return an answer to 6.6 that judges chance, or names the winner, in its own way."""

    def answer(off, mean):
        off, mean = np.array(off), np.array(mean)
        gains = off - mean
        if abs(gains.mean()) < needed * error(gains, off, mean):
            return "undecided"
        return smaller[0] if gains.mean() > 0 else smaller[1]

    return answer


def _right_better(off, mean):
    gains = [one - other for one, other in zip(off, mean, strict=True)]
    middle = math.fsum(gains) / len(gains)
    squares = math.fsum((gain - middle) ** 2 for gain in gains)
    ratio_squared = middle**2 * len(gains) * (len(gains) - 1) / squares
    if ratio_squared < 4:
        return "undecided"
    return "off" if middle < 0 else "mean"


def _by_votes(off, mean):
    won = sum(other < one for one, other in zip(off, mean, strict=True))
    if 2 * won == len(off):
        return "undecided"
    return "mean" if 2 * won > len(off) else "off"


DECIDE = Task(
    id="6.6",
    title="Decide",
    run=_run_better,
    reference=_right_better,
    mistakes=(
        Mistake(
            _better(error=lambda gains, off, mean: 0.0),
            "the smaller average wins, however little the seeds agree. Chance may have made it "
            "smaller.",
        ),
        Mistake(
            _better(error=lambda gains, off, mean: gains.std(ddof=1)),
            "this asks for two standard deviations of a single difference. What is to be far from "
            "0 is their mean, which is known better the more seeds there are.",
        ),
        Mistake(
            _better(
                error=lambda gains, off, mean: math.sqrt(
                    (off.var(ddof=1) + mean.var(ddof=1)) / len(gains)
                )
            ),
            "the two lists are treated as if they had nothing to do with each other. Take the "
            "difference within each seed first: what the seed does to both drops out.",
        ),
        Mistake(
            _better(smaller=("off", "mean")),
            "the larger error wins here.",
        ),
        Mistake(
            _better(needed=1.0),
            "one standard error is enough here. Chance reaches that in every third measurement.",
        ),
        Mistake(
            _better(error=lambda gains, off, mean: gains.std() / math.sqrt(len(gains))),
            "the standard deviation divides by the number of seeds. With few of them that makes it "
            "too small.",
        ),
        Mistake(
            _by_votes,
            "seeds are counted, whatever their difference. One large difference may outweigh "
            "several small ones.",
        ),
    ),
    hints=(
        "Begin with one number for each seed: how much the mean over passes gains there.",
        "Mean, standard deviation and number of these numbers are all that is needed. Compare the "
        "size of the mean, without its sign, with two standard errors.",
        "Only where it is larger does the sign decide. A gain above 0 means that dropout off had "
        "the larger error.",
    ),
    holds=(
        Holds(
            'every answer is "off", "mean" or "undecided"',
            lambda got: set(got.values()) <= {"off", "mean", "undecided"},
        ),
    ),
)

TASKS = (DROP, ALPHA, LENGTHS, PREDICTION, CALIBRATION, DECIDE)
