"""Hidden tests of chapter 01. They stay with the teacher: see helpers/grading/hidden.py."""

import math
from itertools import pairwise

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

CURVES = {
    "tanh": (np.tanh, lambda v: 1 / np.cosh(v) ** 2),
    "logistic": (lambda v: 1 / (1 + np.exp(-v)), lambda v: 1 / (2 + 2 * np.cosh(v))),
    "relu": (lambda v: v * (v > 0), lambda v: 1.0 * (v > 0)),
    "elu": (
        lambda v: np.maximum(v, np.expm1(np.minimum(v, 0))),
        lambda v: np.exp(np.minimum(v, 0)),
    ),
}


def make_networks(rng):
    """Make networks of three to five layers, no two of one width, with what is sent both ways."""
    networks = []
    for name in ("tanh", "logistic", "relu"):
        widths = rng.choice(np.arange(3, 12), size=int(rng.integers(4, 7)), replace=False)
        pairs = list(pairwise(widths))
        networks.append(
            {
                "name": name,
                "data": rng.normal(size=(4, widths[0])).tolist(),
                "weights": [rng.normal(size=pair).tolist() for pair in pairs],
                "top": rng.normal(size=(4, widths[-1])).tolist(),
            }
        )
    return {"networks": networks}


def way_up(network):
    curve = CURVES[network["name"]][0]
    found, passing = [], np.asarray(network["data"])
    for matrix in map(np.asarray, network["weights"]):
        before = passing.dot(matrix)
        passing = curve(before)
        found.append((before, passing))
    return found


def way_down(network):
    derivative = CURVES[network["name"]][1]
    coming, found = np.asarray(network["top"]), []
    layers = zip(way_up(network), network["weights"], strict=True)
    for (before, _), matrix in reversed(list(layers)):
        local = coming * derivative(before)
        found.append(local)
        coming = local.dot(np.asarray(matrix).T)
    return list(reversed(found))


# 1.1


def ask_up(learner, networks):
    import numpy as np

    found = []
    for network in networks:
        kernels = [np.array(kernel) for kernel in network["weights"]]
        lists = learner.forward(np.array(network["data"]), kernels, network["name"])
        found.append([[np.asarray(each) for each in one] for one in lists])
    return found


def up_is_right(which):
    def judge(inputs, answer):
        for network, lists in zip(inputs["networks"], answer, strict=True):
            exact = [layer[which] for layer in way_up(network)]
            if not all_close(lists[which], exact):
                return False
        return True

    return judge


def all_close(given, exact):
    return len(given) == len(exact) and all(
        close(one, other, 1e-5, 1e-7) for one, other in zip(given, exact, strict=True)
    )


def activation_fits(inputs, answer):
    for network, (before, after) in zip(inputs["networks"], answer, strict=True):
        curve = CURVES[network["name"]][0]
        if not before or not all_close(after, [curve(np.asarray(each)) for each in before]):
            return False
    return True


# 1.2


def ask_down(learner, networks, sums):
    import numpy as np

    found = []
    for network, before in zip(networks, sums, strict=True):
        given = learner.backward(
            [np.array(each) for each in before],
            [np.array(kernel) for kernel in network["weights"]],
            network["name"],
            np.array(network["top"]),
        )
        found.append([np.asarray(each) for each in given])
    return found


def make_sums(rng):
    made = make_networks(rng)
    sums = [[before.tolist() for before, _ in way_up(network)] for network in made["networks"]]
    return {**made, "sums": sums}


def down_is_right(where):
    def judge(inputs, answer):
        for network, given in zip(inputs["networks"], answer, strict=True):
            exact = way_down(network)
            if len(given) != len(exact) or not all_close(given[where], exact[where]):
                return False
        return True

    return judge


# 1.3


def ask_verdicts(learner, cases):
    import numpy as np

    return [
        list(learner.diagnose(*([np.array(layer) for layer in case[way]] for way in (0, 1))))
        for case in cases
    ]


def make_cases(rng):
    """Make outputs and gradients whose numbers lie clear of every border of the verdict."""
    cases = []
    for first_size in (1e-4, 1e-3, 0.03, 0.3, 1.0, 4.0, 30.0, 1e3, 1e5):
        for share in (0.1, 0.95):
            units, images = int(rng.integers(5, 9)), int(rng.integers(120, 200))
            own = np.linspace(0.2, 1.8, units)
            centre = np.resize([1.0, -1.0], units) * math.sqrt(1 - share**2)
            noise = rng.normal(size=(3, images, units))
            factor = float(np.exp(rng.uniform(-1, 1)))
            signals = [3 * noise[0], own * noise[1], factor * (centre + share * own * noise[2])]
            sizes = (first_size * rng.uniform(0.8, 1.25), 5.0, 1.0)
            backs = [size * (rng.normal() + rng.normal(size=(images, units))) for size in sizes]
            cases.append([[layer.tolist() for layer in one] for one in (signals, backs)])
    order = rng.permutation(len(cases))
    return {"cases": [cases[place] for place in order]}


def two_numbers(case):
    signals, backs = ([np.asarray(layer) for layer in one] for one in case)
    change = float(backs[0].std() / backs[-1].std())
    of_units = signals[-1] - signals[-1].mean(axis=0)
    return change, float(np.sqrt((of_units**2).mean() / signals[-1].var()))


def number_is_right(place):
    def judge(inputs, answer):
        rows = list(zip(inputs["cases"], answer, strict=True))
        return all(close(row[place], two_numbers(case)[place], rtol=0.015) for case, row in rows)

    return judge


def word_for(change, share):
    if change < 0.01:
        return "vanishes"
    if change > 100:
        return "explodes"
    return "all alike" if share < 0.5 else "healthy"


def words_are_right(*words):
    def judge(inputs, answer):
        rows = [
            (word_for(*two_numbers(case)), row[2])
            for case, row in zip(inputs["cases"], answer, strict=True)
        ]
        return all(wanted == said for wanted, said in rows if wanted in words)

    return judge


# 1.4


def ask_field(learner, questions):
    return [list(learner.mean_field(q, name, scale)) for q, name, scale in questions]


def make_questions(rng):
    return {
        "questions": [
            [float(np.exp(rng.uniform(-2, 2))), name, float(np.exp(rng.uniform(-1, 1)))]
            for name in ("tanh", "logistic", "elu") * 4
        ]
    }


POINTS = (np.arange(2400) - 1199.5) / 150  # none of them at 0, where a curve may bend
DENSITY = np.exp(-(POINTS**2) / 2) / math.sqrt(2 * math.pi) / 150


def field(q, name, scale):
    """Return the next q, and chi."""
    stretched = POINTS * math.sqrt(q)
    return [float(DENSITY @ curve(stretched) ** 2) * scale**2 for curve in CURVES[name]]


def field_is_right(place, names):
    def judge(inputs, answer):
        rows = list(zip(inputs["questions"], answer, strict=True))
        return all(
            close(row[place], field(*question)[place], rtol=2e-3)
            for question, row in rows
            if question[1] in names
        )

    return judge


# 1.5


def ask_border(learner, networks):
    return [learner.border(name, depth) for name, depth in networks]


def make_depths(rng):
    depths = [int(depth) for depth in rng.integers([3, 15, 3, 8], [8, 40, 10, 20])]
    return {"networks": [list(each) for each in zip(WHICH, depths, strict=True)]}


WHICH = ("tanh", "tanh", "logistic", "elu")


def passed_back(name, depth, scale):
    """Return the logarithm of the variance of the gradient in the first layer, over the last's."""
    q, gained = scale * scale, 0.0
    for _ in range(1, depth):
        q, change = field(q, name, scale)
        gained += math.log(change)
    return gained


def border_is_right(*places):
    """The gradient shrinks a little below the scale that was given, and grows above it."""

    def judge(inputs, answer):
        if len(answer) != len(inputs["networks"]):
            return False
        return all(
            passed_back(*inputs["networks"][place], float(answer[place]) * 0.9985)
            < 0
            < passed_back(*inputs["networks"][place], float(answer[place]) * 1.0015)
            for place in places
        )

    return judge


TASKS = {
    "1.1": Hidden(
        ask=ask_up,
        inputs=make_networks,
        properties=(
            Property("the pre-activations of every layer are right", up_is_right(0)),
            Property("the outputs of every layer are right", up_is_right(1)),
            Property(
                "every output, the last layer's too, is the activation of its pre-activations",
                activation_fits,
            ),
        ),
    ),
    "1.2": Hidden(
        ask=ask_down,
        inputs=make_sums,
        properties=(
            Property("the gradient of the last layer is right", down_is_right(slice(-1, None))),
            Property(
                "the gradient of every layer is right, whatever the widths, the first layer first",
                down_is_right(slice(None)),
            ),
        ),
    ),
    "1.3": Hidden(
        ask=ask_verdicts,
        inputs=make_cases,
        properties=(
            Property("the ratio of the gradients is right", number_is_right(0)),
            Property("how far the last layer tells inputs apart is right", number_is_right(1)),
            Property(
                "a gradient that vanishes or explodes is called so, whatever the outputs are like",
                words_are_right("vanishes", "explodes"),
            ),
            Property(
                "where the gradient arrives, the outputs decide the verdict",
                words_are_right("healthy", "all alike"),
            ),
        ),
    ),
    "1.4": Hidden(
        ask=ask_field,
        inputs=make_questions,
        properties=(
            Property("the next q is right for tanh", field_is_right(0, ("tanh",))),
            Property(
                "the next q is right for functions whose mean is not 0",
                field_is_right(0, ("logistic", "elu")),
            ),
            Property(
                "chi is right, of the layer whose q is given",
                field_is_right(1, ("tanh", "logistic", "elu")),
            ),
        ),
    ),
    "1.5": Hidden(
        ask=ask_border,
        inputs=make_depths,
        properties=(
            Property(
                "the border of tanh is right in shallow and in deep networks", border_is_right(0, 1)
            ),
            Property("the border of functions whose mean is not 0 is right", border_is_right(2, 3)),
        ),
    ),
}
