"""Chapter 02, initialization: right answers, and wrong ones that people give."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from helpers.checks.task import Holds, Mistake, Task, as_array, named
from helpers.theory.initializers import (
    TRUNCATED_STD,
    fans,
    sample,
    uniform_limit,
    weight_variance,
)

# 2.1: how wide to draw

RULES = ("lecun", "glorot", "he")
KERNELS = {"a dense kernel": (300, 100), "its mirror": (100, 300), "a convolution": (3, 5, 16, 32)}


def _run_spread(answer):
    return {
        f"{rule}, {kernel} {shape}": named(answer(rule, shape), "std", "limit")
        for rule in RULES
        for kernel, shape in KERNELS.items()
    }


def _spread(
    variance: Callable = lambda rule, shape: weight_variance(f"{rule}_normal", shape),
    std: Callable = math.sqrt,
    limit: Callable = uniform_limit,
) -> Callable:
    """Return an answer to 2.1 that gets the variance, and from it the rest, in its own way."""

    def answer(rule, shape):
        found = variance(rule, shape)
        return std(found), limit(found)

    return answer


def _by_fans(count: Callable, glorot: float = 2.0, he: float = 2.0) -> Callable:
    """Return a way to the variance that counts the fans, or weighs the rules, differently."""

    def variance(rule, shape):
        fan_in, fan_out = count(shape)
        return {"lecun": 1 / fan_in, "glorot": glorot / (fan_in + fan_out), "he": he / fan_in}[rule]

    return variance


def _limits_fit(got) -> bool:
    return all(math.isclose(each["limit"] ** 2, 3 * each["std"] ** 2) for each in got.values())


def _lecun_is_right(got) -> bool:
    dense = (("a dense kernel", 300), ("its mirror", 100))
    return all(
        math.isclose(got[f"lecun, {name} {KERNELS[name]}"]["std"] ** 2 * fan_in, 1)
        for name, fan_in in dense
    )


SPREAD = Task(
    id="2.1",
    title="How wide to draw",
    run=_run_spread,
    reference=_spread(),
    mistakes=(
        Mistake(
            _spread(_by_fans(lambda shape: fans(shape)[::-1])),
            "this divides by `fan_out`. LeCun and He keep the signal on its way forward: a unit "
            "adds up as many products as it has inputs.",
        ),
        Mistake(
            _spread(std=lambda variance: variance),
            "the first value is the variance; the standard deviation is its root.",
        ),
        Mistake(
            _spread(limit=math.sqrt),
            "the limit is the standard deviation. Numbers that are spread evenly up to a limit "
            "lie closer to 0 than the limit, so it has to be larger.",
        ),
        Mistake(
            _spread(limit=lambda variance: 3 * math.sqrt(variance)),
            "the limit is three standard deviations. A uniform distribution has a variance of a "
            "third of its squared limit.",
        ),
        Mistake(
            _spread(_by_fans(fans, glorot=1.0)),
            "for Glorot this divides by the sum of the fans; the rule has their average.",
        ),
        Mistake(
            _spread(_by_fans(fans, he=1.0)),
            "this gives He what LeCun has. ReLU passes on half of the signal, and He makes up for "
            "it.",
        ),
        Mistake(
            _spread(_by_fans(lambda shape: shape[-2:])),
            "this is right for dense layers only. A unit of a convolution sees a field of "
            "positions, each with all its channels: all of them are inputs.",
        ),
        Mistake(
            _spread(_by_fans(lambda shape: shape[:2])),
            "of a convolution this takes height and width for the fans; its channels are the last "
            "two numbers of the shape.",
        ),
    ),
    hints=(
        "Begin with the fans. For a dense kernel they are the two numbers of its shape. What does "
        "one unit of a convolution add up?",
        "Every number before the last two multiplies both fans. Then there is one variance for "
        "each rule, as in the table of the chapter.",
        "The standard deviation is the root of that variance, and the limit follows from "
        "variance = limit² / 3.",
    ),
    holds=(
        Holds("the limit fits the standard deviation, in every case", _limits_fit),
        Holds("LeCun's rule is right for dense kernels", _lecun_is_right),
    ),
)


# 2.2: a normal distribution without its tails

STD, SHAPE = 0.05, (300, 200)


def _run_truncated(answer):
    def draw(rng, shape=SHAPE):
        return as_array(answer(STD, shape, rng), "what it draws", shape)

    drawn, again, other = (draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    rng = np.random.default_rng(3)
    size = np.abs(drawn) * TRUNCATED_STD / (2 * STD)  # 1 at the cut
    return {
        "the variance, over what was asked for": drawn.var() / STD**2,
        "the mean is 0": abs(drawn.mean()) < 0.03 * STD,
        "hardly a value lies beyond the cut": np.mean(size > 1.001) < 0.01,
        "no value lies beyond the cut": size.max() < 1.001,
        "how far the values reach, where 1 is the cut": min(size.max(), 1.0),
        "the values thin out towards the cut": np.mean(np.abs(size - 1) < 0.001) < 0.005,
        "few values are exactly 0": np.mean(drawn == 0) < 0.005,
        "the numbers come from the generator": _follows(drawn, again, other),
        "a second draw gives other numbers": not np.array_equal(draw(rng), draw(rng)),
    }


def _follows(drawn, again, other) -> bool:
    """Return whether equal generators gave equal numbers, and another one others."""
    return np.array_equal(drawn, again) and not np.array_equal(drawn, other)


def _redrawn(std, shape, rng, cut=2.0):
    """Draw from a normal distribution, again wherever it lies beyond ``cut`` of its own."""
    drawn = rng.normal(0, std, shape)
    while (beyond := np.flatnonzero(np.abs(drawn) > cut * std)).size:
        drawn.flat[beyond] = rng.normal(0, std, beyond.size)
    return drawn


def _redrawn_once(std, shape, rng):
    wide = std / TRUNCATED_STD
    drawn, again = (rng.normal(0, wide, shape) for _ in range(2))
    return np.where(np.abs(drawn) > 2 * wide, again, drawn)


def _clipped(std, shape, rng):
    wide = std / TRUNCATED_STD
    return np.clip(rng.normal(0, wide, shape), -2 * wide, 2 * wide)


def _zeroed(std, shape, rng):
    drawn = rng.normal(0, std / TRUNCATED_STD, shape)
    return np.where(np.abs(drawn) > 2 * std / TRUNCATED_STD, 0, drawn)


TRUNCATED = Task(
    id="2.2",
    title="A normal distribution without its tails",
    run=_run_truncated,
    reference=lambda std, shape, rng: _redrawn(std / TRUNCATED_STD, shape, rng),
    mistakes=(
        Mistake(
            _redrawn,
            "cutting the tails off took variance away, and nothing gave it back: draw from a "
            "wider distribution than the one that was asked for.",
        ),
        Mistake(
            lambda std, shape, rng: _redrawn(std / TRUNCATED_STD**0.5, shape, rng),
            "it is widened by too little: `TRUNCATED_STD` is a standard deviation, not a variance.",
        ),
        Mistake(
            lambda std, shape, rng: _redrawn(std * TRUNCATED_STD, shape, rng),
            "it is made narrower where it should be wider: the cut takes variance away already.",
        ),
        Mistake(
            lambda std, shape, rng: _redrawn(std / TRUNCATED_STD, shape, rng, 2 * TRUNCATED_STD),
            "it is cut at two of the standard deviations that were asked for. The cut is at two of "
            "the wider distribution that you draw from.",
        ),
        Mistake(
            _clipped,
            "what lies beyond the cut was moved onto it, so values pile up there. It has to be "
            "drawn again.",
        ),
        Mistake(
            _redrawn_once,
            "what lies beyond the cut is drawn again once, and a few of the new values lie beyond "
            "it too.",
        ),
        Mistake(
            _zeroed,
            "what lies beyond the cut was set to 0. It has to be drawn again.",
        ),
        Mistake(
            lambda std, shape, rng: rng.normal(0, std, shape),
            "nothing is cut off: this is an ordinary normal distribution.",
        ),
        Mistake(
            lambda std, shape, rng: _redrawn(std / TRUNCATED_STD, shape, np.random.default_rng(42)),
            "the numbers are the same at every call: use the generator `rng` that is given, and "
            "make none.",
        ),
    ),
    hints=(
        "Three steps: draw everything, find what lies too far out, draw that again. Once may not "
        "be enough.",
        "A boolean array picks the places to fill, and its sum says how many numbers to draw. Go "
        "on until it picks none.",
        "N(0, 1) cut at -2 and 2 has the standard deviation `TRUNCATED_STD`. So from how wide a "
        "distribution do you have to draw to end up with `std`?",
    ),
    holds=(
        Holds(
            "the variance is the one that was asked for",
            lambda got: abs(got["the variance, over what was asked for"] - 1) < 0.02,
        ),
        Holds(
            "nothing lies beyond two standard deviations of what is drawn from",
            lambda got: got["no value lies beyond the cut"],
        ),
        Holds(
            "the numbers come from the generator that is given",
            lambda got: got["the numbers come from the generator"],
        ),
    ),
    tolerance=0.02,
)


# 2.3: orthogonal kernels

ORTHOGONAL_SHAPES = {"square": (30, 30), "tall": (40, 20), "wide": (20, 40)}
GAIN = 1.5
FEW = (3, 3)
MANY = 500


def _run_orthogonal(answer):
    results = {}
    for name, shape in ORTHOGONAL_SHAPES.items():
        kernel = as_array(answer(shape, np.random.default_rng(1), gain=GAIN), "what it draws")
        results[f"a {name} kernel {shape}"] = {
            "its shape": np.array(kernel.shape),
            "products of its columns" if name != "wide" else "products of its rows": _products(
                kernel
            ),
        }
    drawn, again, other = (
        as_array(answer(FEW, np.random.default_rng(seed)), "what it draws", FEW)
        for seed in (1, 1, 2)
    )
    rng = np.random.default_rng(4)
    small = np.array([as_array(answer(FEW, rng), "what it draws", FEW) for _ in range(MANY)])
    return results | {
        "without a gain, lengths are 1": np.allclose(np.linalg.norm(drawn, axis=0), 1),
        "every direction is as likely as its opposite": np.abs(small.mean(axis=0)).max() < 0.2,
        "the numbers come from the generator": _follows(drawn, again, other),
    }


def _products(kernel: np.ndarray) -> np.ndarray:
    """Return the scalar products of all columns, or of all rows where they are fewer."""
    if kernel.ndim != 2:
        return kernel
    short = kernel if kernel.shape[0] >= kernel.shape[1] else kernel.T
    return short.T @ short


def _orthogonal(shape, rng, gain=1.0):
    return gain * sample("orthogonal", shape, rng)


def _unsigned_qr(shape, rng, gain=1.0):
    q = np.linalg.qr(rng.standard_normal(sorted(shape, reverse=True)))[0]
    return gain * q if shape[0] >= shape[1] else gain * q.T


def _never_wide(shape, rng, gain=1.0):
    q, r = np.linalg.qr(rng.standard_normal(shape))
    return gain * q * np.sign(np.diag(r))


def _unit_columns(shape, rng, gain=1.0):
    drawn = rng.standard_normal(shape)
    short_side = 0 if shape[0] >= shape[1] else 1
    return gain * drawn / np.linalg.norm(drawn, axis=short_side, keepdims=True)


def _shapes_are_right(got) -> bool:
    return all(
        tuple(got[f"a {name} kernel {shape}"]["its shape"]) == shape
        for name, shape in ORTHOGONAL_SHAPES.items()
    )


def _is_diagonal(products: np.ndarray) -> bool:
    return np.allclose(products, np.diag(np.diag(products)))


ORTHOGONAL = Task(
    id="2.3",
    title="A kernel that keeps lengths",
    run=_run_orthogonal,
    reference=_orthogonal,
    mistakes=(
        Mistake(
            _unsigned_qr,
            "the kernels are orthogonal, and not all of them are equally likely: the algorithm "
            "behind QR chooses the signs of the columns, always in the same way. The diagonal of "
            "the other factor tells which it turned around.",
        ),
        Mistake(
            _unit_columns,
            "every vector has the right length, and they are not perpendicular to each other.",
        ),
        Mistake(
            _never_wide,
            "a wide kernel comes out square: it has more columns than perpendicular columns can "
            "be. There it is the rows that are perpendicular.",
        ),
        Mistake(
            lambda shape, rng, gain=1.0: _orthogonal(shape, rng),
            "the gain has no effect: QR gives unit lengths whatever goes in, so it has to be "
            "multiplied on afterwards.",
        ),
        Mistake(
            lambda shape, rng, gain=1.0: _orthogonal(shape, rng, gain**2),
            "the gain is in it twice, or squared: lengths grow by `gain`, their squares by its "
            "square.",
        ),
        Mistake(
            lambda shape, rng, gain=1.0: _orthogonal(shape, np.random.default_rng(0), gain),
            "the kernel is the same at every call: use the generator `rng` that is given.",
        ),
    ),
    hints=(
        "`np.linalg.qr` makes perpendicular columns of length 1 out of any tall matrix. Feed it "
        "normal random numbers.",
        "For a wide kernel make a tall one, and turn it on its side at the end.",
        "QR returns two factors. Where the diagonal of the second is negative, the column of the "
        "first was turned around: turn it back. The gain comes last.",
    ),
    holds=(
        Holds(
            "every shape is the one that was asked for",
            _shapes_are_right,
        ),
        Holds(
            "the columns of a tall kernel are perpendicular",
            lambda got: _is_diagonal(got["a tall kernel (40, 20)"]["products of its columns"]),
        ),
        Holds(
            "the rows of a wide kernel are perpendicular",
            lambda got: _is_diagonal(got["a wide kernel (20, 40)"]["products of its rows"]),
        ),
    ),
)


# 2.4: through a stack

STACKS = {
    "narrowing": (200, 100, 50),
    "widening": (50, 100, 200),
    "in turn": (200, 50, 200, 50, 200),
}
MEASURED_RULES = ("lecun", "glorot")


def _run_stack(answer):
    return {
        f"{rule}, {name} {widths}": _over_exact(answer, rule, widths)
        for rule in MEASURED_RULES
        for name, widths in STACKS.items()
    }


def _over_exact(answer, rule, widths):
    """Return what was measured over what theory says, 1 where it is right."""
    found = named(answer(rule, widths, np.random.default_rng(7)), "forward", "backward")
    if not isinstance(found, dict):
        return found
    return {way: _over(found[way], exact) for way, exact in _exact(rule, widths).items()}


def _over(found, exact: np.ndarray):
    """Return what was found over the exact values; as it is where the lengths differ."""
    array = as_array(found, "one of the two results")
    return array / exact if array.shape == exact.shape else array


def _exact(rule, widths) -> dict[str, np.ndarray]:
    """Return the variances of an infinitely wide stack of the same shape, 1 at either end."""
    shapes = list(pairwise(widths))
    variances = [weight_variance(f"{rule}_normal", shape) for shape in shapes]
    up = [variance * shape[0] for variance, shape in zip(variances, shapes, strict=True)]
    down = [variance * shape[1] for variance, shape in zip(variances, shapes, strict=True)]
    return {"forward": np.cumprod(up), "backward": np.cumprod(down[::-1])[::-1]}


def _stack(
    std: Callable = lambda rule, shape: math.sqrt(weight_variance(f"{rule}_normal", shape)),
    spread: Callable = np.var,
    after: bool = True,
) -> Callable:
    """Return an answer to 2.4 that draws, or measures, in its own way.

    Args:
        std: of a kernel, from rule and shape.
        spread: what is measured of a signal.
        after: measure each signal after a layer, or before it.
    """

    def answer(rule, widths, rng):
        kernels = [rng.normal(0, std(rule, shape), shape) for shape in pairwise(widths)]
        signals, gradients = ([rng.standard_normal((500, widths[end]))] for end in (0, -1))
        for kernel in kernels:
            signals.append(signals[-1] @ kernel)
        for kernel in reversed(kernels):
            gradients.append(gradients[-1] @ kernel.T)
        which = slice(1, None) if after else slice(None, -1)
        forward = np.array([spread(each) for each in signals[which]])
        return forward, np.array([spread(each) for each in gradients[which]])[::-1]

    return answer


def _upside_down(rule, widths, rng):
    forward, backward = _stack()(rule, widths, rng)
    return forward, backward[::-1]


def _one_value_a_layer(got) -> bool:
    return all(
        np.shape(got[f"{rule}, {name} {widths}"][way]) == (len(widths) - 1,)
        for rule in MEASURED_RULES
        for name, widths in STACKS.items()
        for way in ("forward", "backward")
    )


def _lecun_keeps_the_signal(got) -> bool:
    kept = [got[f"lecun, {name} {widths}"]["forward"] for name, widths in STACKS.items()]
    return all(np.allclose(each, 1, atol=0.3) for each in kept)


def _stack_picture():
    from helpers.figures import gradient_by_layer  # late: it imports Matplotlib

    widths = (400, 100) * 5 + (400,)
    titles = {"LeCun": "lecun", "Glorot": "glorot"}
    measured = {
        title: _stack()(rule, widths, np.random.default_rng(42))[1]
        for title, rule in titles.items()
    }
    theory = {title: _exact(rule, widths)["backward"] for title, rule in titles.items()}
    return gradient_by_layer(
        *({title: np.sqrt(each) for title, each in of.items()} for of in (measured, theory)),
        "random inputs, widths 400 and 100 in turn",
    )


STACK = Task(
    id="2.4",
    title="Through a stack",
    run=_run_stack,
    reference=_stack(),
    mistakes=(
        Mistake(
            _upside_down,
            "the backward values stand in the order in which they were computed, the last layer "
            "first. Both arrays begin with the first layer.",
        ),
        Mistake(
            _stack(spread=np.std),
            "these are standard deviations; the task asks for variances.",
        ),
        Mistake(
            _stack(std=lambda rule, shape: weight_variance(f"{rule}_normal", shape)),
            "the kernels are far too small: `rng.normal` takes a standard deviation, and it was "
            "given a variance.",
        ),
        Mistake(
            _stack(
                std=lambda rule, shape: math.sqrt(
                    weight_variance(f"{rule}_normal", (shape[1], shape[0]))
                )
            ),
            "LeCun's kernels have a variance of 1 / `fan_out` here, so the gradient is kept and "
            "the signal is not.",
        ),
        Mistake(
            _stack(after=False),
            "each value is measured before its layer: the first of forward is the input's own. "
            "Measure what comes out of each layer, upwards and downwards.",
        ),
    ),
    hints=(
        "Draw all the kernels first: the way back needs the same ones. Two neighbours in `widths` "
        "are the shape of one.",
        "Forward, the signal is multiplied by one kernel after the other. Backward, the gradient "
        "starts with as many columns as the last layer has units, and each kernel is transposed.",
        "Going back you meet the last layer first. Put what you measured in the order of the "
        "layers before you return it.",
    ),
    holds=(
        Holds(
            "there is one value for each layer, in both directions",
            _one_value_a_layer,
        ),
        Holds(
            "under LeCun's rule the signal is kept",
            _lecun_keeps_the_signal,
        ),
    ),
    tolerance=0.3,
    picture=_stack_picture,
)


# 2.5: decide


def _measurements() -> list[dict]:
    """Return factors, up and down, for three rules; enough of them to tell mistakes apart."""
    rng = np.random.default_rng(5)
    factors = np.exp(rng.uniform(-2.5, 2.5, size=(16, 3, 2))).round(2).tolist()
    return [
        {rule: tuple(pair) for rule, pair in zip(("lecun", "glorot", "mine"), rows, strict=True)}
        for rows in factors
    ]


MEASUREMENTS = _measurements()


def _run_better(answer):
    return {_listed(each): answer(dict(each)) for each in MEASUREMENTS}


def _listed(measured) -> str:
    return "; ".join(f"{rule} {forward:g}, {back:g}" for rule, (forward, back) in measured.items())


def _choose(cost: Callable) -> Callable:
    """Return an answer to 2.5: the rule whose two factors cost least."""
    return lambda measured: min(measured, key=lambda rule: cost(*measured[rule]))


def _off(factor: float) -> float:
    return abs(math.log(factor))


BETTER = Task(
    id="2.5",
    title="Decide",
    run=_run_better,
    reference=_choose(lambda forward, backward: max(_off(forward), _off(backward))),
    mistakes=(
        Mistake(
            _choose(lambda forward, backward: _off(forward)),
            "only the way forward counts here. A gradient that is gone teaches nothing.",
        ),
        Mistake(
            _choose(lambda forward, backward: _off(backward)),
            "only the way back counts here. A signal that is gone says nothing.",
        ),
        Mistake(
            _choose(lambda forward, backward: max(abs(forward - 1), abs(backward - 1))),
            "by the difference from 1, a signal that is gone is off by no more than 1, and one "
            "that is three times as large by 2. Compare by what factor they are off.",
        ),
        Mistake(
            _choose(lambda forward, backward: _off(forward * backward)),
            "a signal that grows and a gradient that shrinks cancel out here. Both hurt, so the "
            "worse of the two has to decide.",
        ),
        Mistake(
            _choose(lambda forward, backward: min(_off(forward), _off(backward))),
            "this looks at the better direction of each rule. The worse one is what a network "
            "suffers from.",
        ),
        Mistake(
            _choose(lambda forward, backward: -min(forward, backward)),
            "this takes the rule that lets the most through. Too much is as bad as too little.",
        ),
        Mistake(
            _choose(lambda forward, backward: -max(_off(forward), _off(backward))),
            "this is the worst rule of all, not the best.",
        ),
    ),
    hints=(
        "One number for each rule, then the rule with the smallest. The number says how bad the "
        "worse of its two directions is.",
        "Twice as large and half as large should be equally bad. Which function makes 2 and 1/2 "
        "equally far from 0, and 1 no distance at all?",
        "Take logarithms, drop the sign, take the larger of the two.",
    ),
    holds=(
        Holds(
            "every answer is the name of a rule that was measured",
            lambda got: all(got[_listed(each)] in each for each in MEASUREMENTS),
        ),
    ),
)

TASKS = (SPREAD, TRUNCATED, ORTHOGONAL, STACK, BETTER)
