"""Hidden tests of chapter 03. They stay with the teacher: see helpers/grading/hidden.py."""

import math
from itertools import pairwise

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

# 3.1


def ask_elu(learner, points, alphas):
    import numpy as np

    pairs = [learner.elu(np.array(points), alpha=alpha) for alpha in alphas]
    pairs.append(learner.elu(np.array(points).reshape(2, -1)))
    return [[np.asarray(each) for each in pair] for pair in pairs]


def make_points(rng):
    near = rng.uniform([0.1, -0.9], [0.9, -0.1])  # on both sides of 0
    points = [*rng.normal(0, 3, size=20), *near, 0.0, *rng.uniform(-12, -5, size=3)]
    return {
        "points": [float(each) for each in rng.permutation(points)],
        "alphas": rng.uniform([0.1, 1.2], [0.8, 3]).tolist(),
    }


def elu_pair(points, height):
    low = np.asarray(points) <= 0
    power = math.e ** np.where(low, points, 0.0)
    return np.where(low, height * (power - 1), points), np.where(low, height * power, 1)


def elu_is_right(which, positive):
    def judge(inputs, answer):
        heights = [*inputs["alphas"], 1.0]
        if len(answer) != len(heights):
            return False
        for height, pair in zip(heights, answer, strict=True):
            given = np.asarray(pair[which], dtype=float).ravel()
            wanted = (np.asarray(inputs["points"]) > 0) == positive
            if given.size != wanted.size:
                return False
            if not close(given[wanted], elu_pair(inputs["points"], height)[which][wanted], 1e-5):
                return False
        return True

    return judge


def elu_keeps_shape(inputs, answer):
    long = (len(inputs["points"]),)
    wanted = [[long] * 2] * len(inputs["alphas"]) + [[(2, long[0] // 2)] * 2]
    return [[np.shape(each) for each in pair] for pair in answer] == wanted


# 3.2


def ask_prelu(learner, cases):
    import numpy as np

    found = []
    for case in cases:
        two = learner.prelu_backward(*(np.array(case[name]) for name in ("sums", "own", "above")))
        found.append([np.asarray(each) for each in two])
    return found


def make_prelu(rng):
    cases = []
    for _ in range(4):
        size = tuple(int(each) for each in rng.choice(np.arange(3, 20), size=2, replace=False))
        sums, above = rng.normal(size=(2, *size)).tolist()
        cases.append({"sums": sums, "own": rng.normal(size=size[1]).tolist(), "above": above})
    return {"cases": cases}


def prelu_gradients(case):
    """Return both gradients, number by number."""
    sums, own, above = (np.asarray(case[name]) for name in ("sums", "own", "above"))
    down, learned = above.copy(), np.zeros(len(own))
    for row, unit in np.argwhere(sums < 0):
        down[row, unit] = above[row, unit] * own[unit]
        learned[unit] += above[row, unit] * sums[row, unit]
    return down, learned


def prelu_is_right(which):
    def judge(inputs, answer):
        return all(
            close(given[which], prelu_gradients(case)[which], 1e-5, 1e-8)
            for case, given in zip(inputs["cases"], answer, strict=True)
        )

    return judge


# 3.3


def ask_smooth(learner, ordinary, tiny, huge):
    import warnings

    import numpy as np

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with np.errstate(over="warn", invalid="warn", divide="warn"):
            found = [
                [np.asarray(each) for each in learner.smooth(np.array(numbers))]
                for numbers in (ordinary, tiny, huge)
            ]
    warned = sum(issubclass(each.category, RuntimeWarning) for each in seen)
    return {"found": found, "warned": warned}


def make_smooth(rng):
    return {
        "ordinary": rng.normal(0, 5, size=40).tolist(),
        "tiny": rng.uniform(-300, -38, size=15).tolist(),
        "huge": [sign * size for size in rng.uniform(720, 1000, size=6) for sign in (-1, 1)],
    }


def ordinary_three(numbers):
    grown = np.exp(np.asarray(numbers))
    # tanh of a logarithm is a fraction: tanh(ln a) = (a² - 1) / (a² + 1)
    bent = grown * (grown + 2) / (grown * (grown + 2) + 2)
    return grown / (grown + 1), np.log1p(grown), bent * numbers


def ordinary_right(which):
    def judge(inputs, answer):
        exact = ordinary_three(inputs["ordinary"])[which]
        return close(answer["found"][0][which], exact, 1e-5)

    return judge


def tiny_right(inputs, answer):
    small = np.asarray(inputs["tiny"])
    exact = (np.exp(small), np.exp(small), small * np.exp(small))
    given = answer["found"][1]
    return len(given) == 3 and all(
        close(one / other, np.ones(small.size), 1e-5)
        for one, other in zip(map(np.asarray, given), exact, strict=True)
    )


def huge_right(inputs, answer):
    numbers = np.asarray(inputs["huge"])
    upper = np.maximum(numbers, 0)
    given = answer["found"][2]
    return len(given) == 3 and all(
        close(one, other, 1e-6, 1e-6)
        for one, other in zip(given, ((numbers > 0) * 1.0, upper, upper), strict=True)
    )


def nothing_warned(inputs, answer):
    """A right answer gives no warning; one that gives nothing at all is no answer."""
    return answer["warned"] == 0 and [len(three) for three in answer["found"]] == [3, 3, 3]


# 3.4


def ask_gelu(learner, ranges):
    import numpy as np

    return [list(learner.gelu(np.array(numbers))) for numbers in ranges]


def make_gelu(rng):
    """Make rows of numbers in which the largest gap is at one of them only, and on either side."""
    rows = []
    for low, high in ((-1.0, 6.0), (-6.0, 1.0), (-0.5, 1.7)):
        numbers = rng.uniform(low, high, size=60)
        gaps = np.sort(np.abs(np.subtract(*gelu_pair(numbers))))
        while gaps[-1] - gaps[-2] < 1e-9:
            numbers = rng.uniform(low, high, size=60)
            gaps = np.sort(np.abs(np.subtract(*gelu_pair(numbers))))
        rows.append(numbers.tolist())
    return {"ranges": rows}


def gelu_pair(numbers):
    share = np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in numbers])
    cubed = np.asarray(numbers) + 0.044715 * np.power(numbers, 3)
    # (1 + tanh x) / 2 is the logistic function of 2x
    doubled = np.clip(math.sqrt(8 / math.pi) * cubed, -500, 500)
    return numbers * share, numbers / (1 + np.exp(-doubled))


def gelu_is_right(which):
    def judge(inputs, answer):
        return all(
            close(given[which], gelu_pair(numbers)[which], 1e-6, 1e-7)
            for numbers, given in zip(inputs["ranges"], answer, strict=True)
        )

    return judge


def gap_is_there(inputs, answer):
    for numbers, given in zip(inputs["ranges"], answer, strict=True):
        gaps = np.abs(np.subtract(*gelu_pair(numbers)))
        if not close(given[2], numbers[int(np.argmax(gaps))]):
            return False
    return True


# 3.5

UNITS = {
    "relu": (lambda v: v * (v > 0), lambda v: 1.0 * (v > 0)),
    "leaky_relu": (lambda v: np.maximum(v, v / 5), lambda v: np.where(v > 0, 1, 0.2)),
    "elu": (
        lambda v: np.where(v < 0, np.expm1(np.minimum(v, 0)), v),
        lambda v: np.exp(np.minimum(v, 0)),
    ),
    "gelu": (
        lambda v: gelu_pair(v.ravel())[0].reshape(v.shape),
        lambda v: (
            np.vectorize(math.erfc)(-v / math.sqrt(2)) / 2
            + v * np.exp(-(v**2) / 2) / math.sqrt(2 * math.pi)
        ),
    ),
}


def ask_dead(learner, data, networks):
    import numpy as np

    found = []
    for network in networks:
        layers = ([np.array(each) for each in network[name]] for name in ("weights", "shifts"))
        given = learner.dead_units(np.array(data), *layers, network["name"])
        found.append([np.asarray(each) for each in given])
    return found


def make_network(rng, name, inputs=6):
    """Make three layers with units shifted far down, a little down, and not at all."""
    widths = [inputs, *(int(each) for each in rng.integers(6, 12, size=3))]
    weights, shifts = [], []
    for incoming, units in pairwise(widths):
        sizes = rng.choice([0.02, 0.6, 0.9], size=units)
        weights.append((rng.normal(size=(incoming, units)) * sizes / np.sqrt(incoming)).tolist())
        shifts.append(rng.choice([-40.0, -2.2, -0.8, 0.0, 0.5, 5.0], size=units).tolist())
    return {"name": name, "weights": weights, "shifts": shifts}


def make_dead(rng):
    """Make networks in which no unit is close to the border, and each kind of state occurs."""
    data = rng.normal(size=(60, 6))
    networks = []
    while len(networks) < 8:
        network = make_network(rng, list(UNITS)[len(networks) % 4])
        steepest = np.concatenate([layer.max(axis=0) for layer in slopes_of(data, network)])
        clear = ((steepest < 5e-4) | (steepest > 2e-3)).all()
        if clear:
            networks.append(network)
    return {"data": data.tolist(), "networks": networks}


def slopes_of(data, network):
    """Return the absolute slopes of each layer."""
    signal, derivative = UNITS[network["name"]]
    passing, found = np.asarray(data), []
    for matrix, shift in zip(network["weights"], network["shifts"], strict=True):
        before = passing.dot(np.asarray(matrix)) + np.asarray(shift)
        found.append(np.abs(derivative(before)))
        passing = signal(before)
    return found


def dead_is_right(names, layers=slice(None)):
    def judge(inputs, answer):
        if len(answer) != len(inputs["networks"]):
            return False
        for network, given in zip(inputs["networks"], answer, strict=True):
            exact = [layer.max(axis=0) < 1e-3 for layer in slopes_of(inputs["data"], network)]
            if network["name"] in names and not same_booleans(given, exact, layers):
                return False
        return True

    return judge


def same_booleans(given, exact, layers):
    return len(given) == len(exact) and all(
        np.asarray(one).dtype == bool and np.array_equal(one, other)
        for one, other in zip(given[layers], exact[layers], strict=True)
    )


# 3.6


def ask_choice(learner, data, rounds):
    import numpy as np

    found = []
    for entries in rounds:
        networks = {}
        for title, network, accuracy in entries:
            layers = ([np.array(each) for each in network[name]] for name in ("weights", "shifts"))
            networks[title] = (*layers, network["name"], accuracy)
        counts, chosen = learner.choose(networks, np.array(data))
        if isinstance(counts, dict):
            counts = {str(title): int(count) for title, count in counts.items()}
        found.append([counts, chosen])
    return found


def make_rounds(rng):
    """Make rounds of networks; in the first, the most accurate one has dead units for certain."""
    data = rng.normal(size=(60, 6)).tolist()
    rounds = [make_round(rng) for _ in range(6)]
    first = sorted(rounds[0], key=lambda entry: entry[2])
    while not any((layer.max(axis=0) < 1e-3).any() for layer in slopes_of(data, first[-1][1])):
        first[-1][1] = make_network(rng, "relu")
    return {"data": data, "rounds": [first, *rounds[1:]]}


def make_round(rng):
    entries = []
    for number, accuracy in enumerate(rng.permutation(np.linspace(0.2, 0.95, 6))):
        network = make_network(rng, "leaky_relu" if number % 2 else "relu")
        entries.append([f"network {number}", network, float(accuracy)])
    return [entries[place] for place in rng.permutation(len(entries))]


def exact_counts(inputs, entries):
    return {
        title: sum(
            int((layer.max(axis=0) < 1e-3).sum()) for layer in slopes_of(inputs["data"], network)
        )
        for title, network, _ in entries
    }


def counts_are_right(inputs, answer):
    return len(answer) == len(inputs["rounds"]) and all(
        given[0] == exact_counts(inputs, entries)
        for entries, given in zip(inputs["rounds"], answer, strict=True)
    )


def choice_is_right(inputs, answer):
    for entries, given in zip(inputs["rounds"], answer, strict=True):
        counts = exact_counts(inputs, entries)
        best = max((accuracy, title) for title, _, accuracy in entries if not counts[title])
        if given[1] != best[1]:
            return False
    return True


TASKS = {
    "3.1": Hidden(
        ask=ask_elu,
        inputs=make_points,
        properties=(
            Property("value and slope have the shape of z", elu_keeps_shape),
            Property("above 0 the value is right", elu_is_right(0, positive=True)),
            Property("above 0 the slope is right", elu_is_right(1, positive=True)),
            Property(
                "at 0 and below the value is right for any alpha", elu_is_right(0, positive=False)
            ),
            Property(
                "at 0 and below the slope is right for any alpha", elu_is_right(1, positive=False)
            ),
        ),
    ),
    "3.2": Hidden(
        ask=ask_prelu,
        inputs=make_prelu,
        properties=(
            Property("the gradient by z is right", prelu_is_right(0)),
            Property("the gradient by a is right, one number for each unit", prelu_is_right(1)),
        ),
    ),
    "3.3": Hidden(
        ask=ask_smooth,
        inputs=make_smooth,
        properties=(
            Property("the logistic function is right for ordinary z", ordinary_right(0)),
            Property("softplus is right for ordinary z", ordinary_right(1)),
            Property("Mish is right for ordinary z", ordinary_right(2)),
            Property("far below 0 the small numbers are right", tiny_right),
            Property("for huge z of both signs all three are right and finite", huge_right),
            Property("no z gives a warning", nothing_warned),
        ),
    ),
    "3.4": Hidden(
        ask=ask_gelu,
        inputs=make_gelu,
        properties=(
            Property("the exact GELU is right", gelu_is_right(0)),
            Property("the approximation by tanh is right", gelu_is_right(1)),
            Property("the z at which they lie farthest apart is right", gap_is_there),
        ),
    ),
    "3.5": Hidden(
        ask=ask_dead,
        inputs=make_dead,
        properties=(
            Property(
                "the dead ReLU units of the first layer are found",
                dead_is_right(("relu",), slice(1)),
            ),
            Property("the dead ReLU units of every layer are found", dead_is_right(("relu",))),
            Property(
                "units that pass a small or a negative slope back are not called dead",
                dead_is_right(("leaky_relu", "elu", "gelu")),
            ),
        ),
    ),
    "3.6": Hidden(
        ask=ask_choice,
        inputs=make_rounds,
        properties=(
            Property(
                "the dead units of every network are counted over all layers", counts_are_right
            ),
            Property(
                "the choice is the most accurate of the networks without a dead unit",
                choice_is_right,
            ),
        ),
    ),
}
