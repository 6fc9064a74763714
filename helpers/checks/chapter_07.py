"""Chapter 07, optimizers: right answers, and wrong ones that people give."""

import numpy as np

from helpers.checks.task import Holds, Mistake, Task, UnusableError, as_array, described
from helpers.figures import schedule
from helpers.theory.optimizers import make_optimizer
from helpers.theory.schedules import one_cycle

STEPS = 12
CURVATURES = np.array([1.0, 8.0, 0.3])
START = (2.0, -1.0, 0.5)


def _slope(weights):
    """The gradient of a bowl whose lowest point is not at 0."""
    return CURVATURES * (np.asarray(weights, dtype=float) - 0.25)


def _path(value):
    return as_array(value, "the path", (STEPS + 1, len(START)))


def _follow(rule, start, steps):
    """Return the path of a rule: ``rule(weights, count) -> weights``, count from 1."""
    path = [np.array(start, dtype=float)]
    for count in range(1, steps + 1):
        path.append(rule(path[-1], count))
    return np.array(path)


# 7.1: momentum, and Nesterov's


def _run_descend(answer):
    return {
        "without momentum": _path(answer(_slope, START, 0.1, 0.0, False, STEPS)),
        "momentum 0.9, the first step": _path(answer(_slope, START, 0.05, 0.9, False, STEPS))[:2],
        "momentum 0.9": _path(answer(_slope, START, 0.05, 0.9, False, STEPS))[2:],
        "Nesterov momentum 0.9": _path(answer(_slope, START, 0.05, 0.9, True, STEPS)),
        "the start, given as whole numbers": _path(
            answer(_slope, (2, -1, 3), 0.1, 0.5, True, STEPS)
        ),
    }


def _descend(gradient, start, rate, momentum, nesterov, steps):
    optimizer = make_optimizer(
        "nesterov" if nesterov else "momentum", learning_rate=rate, momentum=momentum
    )
    state = None

    def rule(weights, count):
        nonlocal state
        weights, state = optimizer.step(weights, gradient(weights), state)
        return weights

    return _follow(rule, start, steps)


def _other_descend(velocity, ahead=None, where=lambda w, v, momentum: w):
    """Return an answer to 7.1 with its own velocity, its own Nesterov step, its own place."""

    def answer(gradient, start, rate, momentum, nesterov, steps):
        v = np.zeros(len(start))

        def rule(weights, count):
            nonlocal v
            g = gradient(where(weights, v, momentum))
            v = velocity(v, g, rate, momentum)
            if nesterov:
                return weights + (ahead or _ahead)(v, g, rate, momentum)
            return weights + v

        return _follow(rule, start, steps)

    return answer


def _velocity(v, g, rate, momentum):
    return momentum * v - rate * g


def _ahead(v, g, rate, momentum):
    return momentum * v - rate * g


DESCEND = Task(
    id="7.1",
    title="Momentum, and Nesterov's",
    run=_run_descend,
    reference=_descend,
    mistakes=(
        Mistake(
            _other_descend(_velocity, ahead=lambda v, g, rate, momentum: v),
            "`nesterov` changes nothing: its step is the momentum times the new velocity, less "
            "rate times gradient.",
        ),
        Mistake(
            _other_descend(lambda v, g, rate, momentum: -rate * g),
            "the velocity forgets: what it was before, times the momentum, is missing in it.",
        ),
        Mistake(
            _other_descend(
                lambda v, g, rate, momentum: momentum * v - (1 - momentum) * rate * g,
                lambda v, g, rate, momentum: momentum * v - (1 - momentum) * rate * g,
            ),
            "the gradient is weighed by 1 - momentum. That makes an average of the velocity; here "
            "and in Keras it is a sum, which is why momentum speeds up.",
        ),
        Mistake(
            _other_descend(
                _velocity,
                where=lambda w, v, momentum: w + momentum * v,
            ),
            "the gradient is taken at the place looked ahead to. In this form, which is Keras's, "
            "the weights themselves are that place, and the gradient is taken where they are.",
        ),
        Mistake(
            _other_descend(
                lambda v, g, rate, momentum: momentum * v + rate * g,
                lambda v, g, rate, momentum: momentum * v + rate * g,
            ),
            "it climbs: the gradient points uphill, so rate times gradient is subtracted.",
        ),
        Mistake(
            lambda gradient, start, rate, momentum, nesterov, steps: _descend(
                gradient, start, rate, momentum, nesterov, steps + 1
            )[1:],
            "the start is missing at the head of the path.",
        ),
        Mistake(
            lambda gradient, start, rate, momentum, nesterov, steps: _descend(
                gradient, start, rate, momentum, nesterov, steps
            ).astype(int),
            "the weights were cut to whole numbers on the way.",
        ),
    ),
    hints=(
        "Two arrays live through the loop: the weights and the velocity. In each step ask for the "
        "gradient once, at the weights as they are.",
        "The velocity comes first, with the old velocity in it; then the weights move by it. For "
        "Nesterov they move by momentum times the new velocity less rate times gradient.",
        "Collect a copy of the weights after each step. An array that is changed in place would "
        "stand in the list many times.",
    ),
    holds=(
        Holds(
            "without momentum it is plain gradient descent",
            lambda got: np.allclose(
                got["without momentum"], _descend(_slope, START, 0.1, 0.0, False, STEPS)
            ),
        ),
        Holds(
            "the path begins at the start",
            lambda got: np.allclose(got["Nesterov momentum 0.9"][0], START),
        ),
    ),
)


# 7.2: Adam


def _run_adam(answer):
    return {
        "the first step": _path(answer(_slope, START, 0.1, STEPS))[:2],
        "the steps after it": _path(answer(_slope, START, 0.1, STEPS))[2:],
        "with beta_1 0.5": _path(answer(_slope, START, 0.1, STEPS, beta_1=0.5)),
        "with beta_2 0.9": _path(answer(_slope, START, 0.1, STEPS, beta_2=0.9)),
        "gradients near 0, epsilon 0.01": _path(
            answer(lambda w: 1e-3 * _slope(w), START, 0.1, STEPS, epsilon=0.01)
        ),
    }


def _adam(
    correct_mean=True,
    correct_square=True,
    late=0,
    root=np.sqrt,
    inside=False,
    square=np.square,
    swapped=False,
):
    """Return an answer to 7.2, right unless an argument says otherwise."""

    def answer(gradient, start, rate, steps, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        first, second = (beta_2, beta_1) if swapped else (beta_1, beta_2)
        m, s = np.zeros(len(start)), np.zeros(len(start))

        def rule(weights, count):
            nonlocal m, s
            g = gradient(weights)
            m, s = first * m + (1 - first) * g, second * s + (1 - second) * square(g)
            up = m / (1 - first ** (count + late)) if correct_mean else m
            below = s / (1 - second ** (count + late)) if correct_square else s
            below = root(below + epsilon) if inside else root(below) + epsilon
            return weights - rate * up / below

        with np.errstate(all="ignore"):
            return _follow(rule, start, steps)

    return answer


ADAM = Task(
    id="7.2",
    title="Adam",
    run=_run_adam,
    reference=_adam(),
    mistakes=(
        Mistake(
            _adam(correct_mean=False, correct_square=False),
            "the averages are not corrected. They start at 0, and in the first steps most of them "
            "is that 0.",
        ),
        Mistake(
            _adam(correct_square=False),
            "only the mean of the gradient is corrected. The mean of its square starts at 0 too, "
            "and with 0.999 it stays too small for longer.",
        ),
        Mistake(
            _adam(correct_mean=False),
            "only the mean of the square is corrected. The mean of the gradient starts at 0 too.",
        ),
        Mistake(
            _adam(late=1),
            "the correction is one step ahead: in the first step t is 1. See what is left of the "
            "average after one step.",
        ),
        Mistake(
            _adam(root=lambda values: values),
            "the root is missing: the gradient is divided by the mean of its square, so a weight "
            "with a small gradient moves farther than one with a large one.",
        ),
        Mistake(
            _adam(inside=True),
            "epsilon stands within the root, where it counts for more. RMSProp has it there; Adam "
            "adds it to the root.",
        ),
        Mistake(
            _adam(square=np.abs, root=lambda values: values),
            "this averages the size of the gradient. Adam averages its square and takes the root.",
        ),
        Mistake(
            _adam(swapped=True),
            "`beta_1` and `beta_2` are exchanged: the square has the longer memory.",
        ),
    ),
    hints=(
        "Three things live through the loop: the weights and the two averages. A fourth is the "
        "number of the step, from 1.",
        "Correct copies of the averages. What goes on to the next step is not corrected.",
        "In the very first step the corrected averages are the gradient and its square, so every "
        "weight moves by the rate. Is it so in yours?",
    ),
    holds=(
        Holds(
            "in the first step every weight moves by the rate",
            lambda got: np.allclose(np.abs(np.diff(got["the first step"], axis=0)), 0.1, rtol=1e-5),
        ),
    ),
)


# 7.3: clipping


def _gradients(scale):
    rng = np.random.default_rng(5)
    return [scale * rng.normal(size=shape) for shape in ((3, 4), (4,), (2, 2, 2))]


def _run_clip(answer):
    results = {}
    for title, scale, most in (("too long", 3.0, 2.0), ("short enough", 0.01, 2.0)):
        given = _gradients(scale)
        clipped = answer([each.copy() for each in given], most)
        if not isinstance(clipped, tuple | list) or len(clipped) != len(given):
            raise UnusableError(
                f"what `clip_together` returns is {described(clipped)}, expected a list with an "
                "array for each gradient"
            )
        for number, (each, before) in enumerate(zip(clipped, given, strict=True), start=1):
            array = as_array(each, f"gradient {number} of what it returns", before.shape)
            results[f"{title}, gradient {number}"] = array
    zeros = [np.zeros(3), np.zeros(2)]
    results["gradients that are all 0"] = [
        as_array(each, "a gradient of what it returns") for each in answer(zeros, 1.0)
    ]
    return results


def _norm(gradients):
    return np.sqrt(sum(np.sum(np.square(each)) for each in gradients))


def _scaled(factor):
    return lambda gradients, most: [factor(gradients, most) * each for each in gradients]


CLIP = Task(
    id="7.3",
    title="Clipping",
    run=_run_clip,
    reference=_scaled(lambda gradients, most: most / max(_norm(gradients), most)),
    mistakes=(
        Mistake(
            lambda gradients, most: [
                each * (most / max(_norm([each]), most)) for each in gradients
            ],
            "each array is clipped by its own norm. That turns the arrow: the longest loses most. "
            "Take one norm over all of them.",
        ),
        Mistake(
            lambda gradients, most: [np.clip(each, -most, most) for each in gradients],
            "every number is cut off by itself. That is clipping by value, and it turns the arrow.",
        ),
        Mistake(
            _scaled(lambda gradients, most: most / (_norm(gradients) or np.inf)),
            "short gradients are made longer. Only what is too long is changed.",
        ),
        Mistake(
            _scaled(lambda gradients, most: min(1, most / (_norm(gradients) ** 2 or np.inf))),
            "the length is the root of the sum of squares; this compares with the sum itself.",
        ),
        Mistake(
            _scaled(
                lambda gradients, most: most / max(sum(_norm([each]) for each in gradients), most)
            ),
            "the norms of the arrays are added up. Squares add up, lengths of perpendicular arrows "
            "do not.",
        ),
        Mistake(
            _scaled(
                lambda gradients, most: most / max(*(np.abs(g).max() for g in gradients), most)
            ),
            "the largest number is compared with the bound. It is the length of the whole arrow.",
        ),
    ),
    hints=(
        "One number decides: the root of the sum of the squares of all numbers in all arrays.",
        "The factor is the bound over that length, and never more than 1. Mind a length of 0.",
    ),
    holds=(
        Holds(
            "short gradients stay as they are",
            lambda got: all(
                np.allclose(got[f"short enough, gradient {n}"], each)
                for n, each in enumerate(_gradients(0.01), start=1)
            ),
        ),
        Holds(
            "the length of what was too long is the bound",
            lambda got: np.isclose(_norm([got[f"too long, gradient {n}"] for n in (1, 2, 3)]), 2.0),
        ),
    ),
)


# 7.4: 1cycle

TOTAL, PEAK = 1000, 0.05


def _run_cycle(answer):
    def at(*steps):
        return np.array([float(answer(step, TOTAL, PEAK)) for step in steps])

    return {
        "the first step": at(0),
        "on the way up": at(75, 150, 290),
        "the peak": at(300),
        "on the way down": at(400, 650, 900),
        "the last step": 1e4 * at(1000) / PEAK,
        "after it": 1e4 * at(1300) / PEAK,
        "half as many steps": np.array([float(answer(75, TOTAL / 2, PEAK))]),
    }


def _cycle(up=None, down=None, turn=0.3, end=lambda way: min(way, 1.0), first=1 / 25, last=1e-4):
    """Return an answer to 7.4, right unless an argument says otherwise."""

    def answer(step, total, peak):
        done = step / total
        if done < turn:
            return peak * (up(done / turn) if up else first + (1 - first) * done / turn)
        way = end((done - turn) / (1 - turn))
        return peak * (last + (1 - last) * (down(way) if down else (1 + np.cos(np.pi * way)) / 2))

    return answer


CYCLE = Task(
    id="7.4",
    title="1cycle",
    run=_run_cycle,
    reference=lambda step, total, peak: float(one_cycle(step, peak, total)),
    mistakes=(
        Mistake(
            _cycle(down=lambda way: 1 - way),
            "it falls in a straight line. The fall is half a cosine wave, level at both its ends.",
        ),
        Mistake(
            _cycle(down=lambda way: np.cos(np.pi * way / 2)),
            "this is a quarter of a wave: level at the peak and steep at the end. Half a wave runs "
            "from 1 to -1.",
        ),
        Mistake(
            _cycle(end=lambda way: way),
            "after the last step the wave goes on and rises again. It has to stay where it ended.",
        ),
        Mistake(
            _cycle(first=0.0),
            "it rises from 0. It begins at a 25th of the peak, so that the first steps count.",
        ),
        Mistake(
            _cycle(last=0.0),
            "it ends at 0, and at a rate of 0 nothing is learned. It ends at a 10,000th of the "
            "peak.",
        ),
        Mistake(
            _cycle(turn=0.5),
            "the peak is in the middle. It comes after 0.3 of the steps.",
        ),
        Mistake(
            _cycle(last=1 / 25),
            "it comes down to where it began. The end is far lower, a 10,000th of the peak.",
        ),
    ),
    hints=(
        "Work with the part of the cycle that is done, from 0 to 1, and treat both sides of 0.3 "
        "apart.",
        "On the way down count from 0 at the peak to 1 at the end, and no further. Half a cosine "
        "wave of that runs from 1 down to -1; move and shrink it to run from 1 to 0.",
        "Going up and going down alike: end + (other end - end) times something from 0 to 1.",
    ),
    holds=(
        Holds("the peak is where it should be", lambda got: np.allclose(got["the peak"], PEAK)),
        Holds(
            "the way up is right",
            lambda got: np.allclose(
                got["on the way up"], [float(one_cycle(s, PEAK, TOTAL)) for s in (75, 150, 290)]
            ),
        ),
    ),
    picture=lambda: schedule(
        np.arange(0, 1101, 10),
        one_cycle(np.arange(0, 1101, 10), 0.05, 1000),
        "1cycle of 1,000 steps",
    ),
)


# 7.5: decide who got there first

NAN = float("nan")
RACES = {
    "two that fall steadily": {"slow": [9, 5, 3, 0.9, 0.5], "fast": [9, 0.8, 0.5, 0.4, 0.3]},
    "one that touches and leaves": {
        "swings": [9, 0.2, 5, 0.3, 2, 0.5, 0.1],
        "falls": [9, 6, 3, 0.9, 0.8, 0.7, 0.6],
    },
    "one that ends outside": {"left": [9, 0.5, 0.5, 0.5, 4], "late": [9, 8, 7, 6, 0.9]},
    "the lower end is not the earlier": {
        "low": [9, 8, 7, 0.9, 1e-6],
        "early": [9, 0.9, 0.9, 0.8, 0.7],
    },
    "one that stops being a number": {"lost": [9, 0.5, NAN, NAN], "slow": [9, 5, 2, 0.9]},
    "none": {"high": [9, 8, 7], "swings": [9, 0.5, 3]},
    "the same step": {"one": [9, 9, 0.9, 0.9], "two": [9, 2, 0.5, 0.4]},
    "of different lengths": {"short": [9, 8, 0.9], "long": [9, 0.9, 0.9, 0.9, 0.9]},
    "exactly the bound": {"there": [9, 1.0, 1.0, 1.0], "below": [9, 5, 0.5, 0.5]},
    "there from the start": {"later": [9, 0.5, 0.5], "at once": [0.5, 0.5, 0.5]},
}


def _run_first(answer):
    def asked(runs):
        return {name: np.array(losses, dtype=float) for name, losses in runs.items()}

    return {title: answer(asked(runs), 1.0) for title, runs in RACES.items()}


def _arrived_for_good(losses, bound):
    away = np.flatnonzero(~(losses <= bound))
    arrived = away[-1] + 1 if away.size else 0
    return arrived if arrived < len(losses) else None


def _touched(losses, bound):
    inside = np.flatnonzero(losses <= bound)
    return inside[0] if inside.size else None


def _last_above(losses, bound):
    """The arrival of one who asks what is above: a NaN is not."""
    above = np.flatnonzero(losses > bound)
    arrived = above[-1] + 1 if above.size else 0
    return arrived if arrived < len(losses) else None


def _strictly(losses, bound):
    return _arrived_for_good(np.where(losses == bound, np.inf, losses), bound)


def _never_counts(losses, bound):
    arrived = _arrived_for_good(losses, bound)
    return len(losses) if arrived is None else arrived


def _by(arrival, better=lambda new, old: new < old):
    """Return an answer to 7.5 that ranks the runs by its own number, None for those left out."""

    def answer(runs, bound):
        best = None
        for name, losses in runs.items():
            number = arrival(losses, bound)
            if number is not None and (best is None or better(number, best[0])):
                best = number, name
        return best[1] if best else None

    return answer


FIRST = Task(
    id="7.5",
    title="Decide who got there first",
    run=_run_first,
    reference=_by(_arrived_for_good),
    mistakes=(
        Mistake(
            _by(_touched),
            "this is the first to touch the bound. A loss that swings leaves it again: it has "
            "arrived where it stays.",
        ),
        Mistake(
            _by(lambda losses, bound: losses[-1] if losses[-1] <= bound else None),
            "this is the one with the lowest loss at the end. The question is who was there first.",
        ),
        Mistake(
            _by(_last_above),
            "a loss that is no number counts as arrived. NaN is not above the bound, and not below "
            "it either; ask what is within.",
        ),
        Mistake(
            _by(_never_counts),
            "where no run arrives it names one all the same. Then the answer is `None`.",
        ),
        Mistake(
            _by(_arrived_for_good, better=lambda new, old: new <= old),
            "of two at the same step it takes the one that is named last.",
        ),
        Mistake(
            _by(_strictly),
            "a loss of exactly the bound is within it: at most, not below.",
        ),
        Mistake(
            _by(lambda losses, bound: _arrived_for_good(losses, bound) or None),
            "a run that is there from the start is left out: it arrives at step 0, and 0 counts as "
            "False in Python.",
        ),
    ),
    hints=(
        "Look for the last step at which a run is *not* within the bound. What comes after it?",
        "A comparison with NaN is False whichever way it is asked. So ask for what is within the "
        "bound, and turn that round.",
        "A run whose last step is not within has not arrived. The others have an arrival; the "
        "smallest wins.",
    ),
    holds=(
        Holds(
            "runs that fall steadily are ranked rightly",
            lambda got: got["two that fall steadily"] == "fast",
        ),
        Holds("where none arrives it says None", lambda got: got["none"] is None),
    ),
)


TASKS = (DESCEND, ADAM, CLIP, CYCLE, FIRST)
