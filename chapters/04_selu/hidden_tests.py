"""Hidden tests of chapter 04. They stay with the teacher: see helpers/grading/hidden.py."""

import itertools
import math

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772

# 4.1


def ask_constants(learner, curves):
    import numpy as np

    def curve(exponential, steep, tangent, bend, line, lowest):
        def g(asked):
            places = np.asarray(asked, dtype=float)
            smooth = exponential * np.expm1(steep * places) + tangent * np.tanh(bend * places)
            return smooth + line * np.maximum(places, lowest)

        return g

    return [list(learner.normalizing_constants(curve(*numbers))) for numbers in curves]


def make_curves(rng):
    curves = [[1.0, 1.0, 0.0, 1.0, 0.0, -1.0]]  # SELU's own
    for _ in range(4):
        shares = rng.uniform(0.1, 1, size=3)
        exponential, tangent, line = (float(share) for share in shares)
        steep, bend = (float(number) for number in rng.uniform(0.5, 2, size=2))
        lowest = -float(rng.integers(5, 25)) / 10  # a kink, on the points of a fine grid
        curves.append([exponential, steep, tangent, bend, line, lowest])
    return {"curves": curves}


# Gauss and Legendre's points in every tenth from -12 to 0.
PLACES, SHARES = np.polynomial.legendre.leggauss(12)
LOWER = (-12 + 0.1 * (np.arange(120)[:, np.newaxis] + (PLACES + 1) / 2)).ravel()
MASS = np.tile(SHARES * 0.05, 120) * np.exp(-(LOWER**2) / 2) / math.sqrt(2 * math.pi)


def curve_values(numbers):
    exponential, steep, tangent, bend, line, lowest = numbers
    return (
        exponential * np.expm1(steep * LOWER)
        + tangent * np.tanh(bend * LOWER)
        + line * np.maximum(LOWER, lowest)
    )


def constants_wanted(numbers):
    lower = curve_values(numbers)
    alpha = -1 / math.sqrt(2 * math.pi) / (MASS @ lower)
    return alpha, 1 / math.sqrt(0.5 + alpha**2 * (MASS @ lower**2))


def constants_right(column, which):
    def judge(inputs, answer):
        wanted = [constants_wanted(numbers)[column] for numbers in inputs["curves"][which]]
        return close([pair[column] for pair in answer][which], wanted, rtol=3e-6)

    return judge


# 4.2


def ask_restoring(learner, cases):
    return [
        list(learner.dropout_constants(rate, floor, mean=mean, variance=variance))
        for rate, floor, mean, variance in cases
    ] + [list(learner.dropout_constants(*case[:2])) for case in cases]


def make_cases(rng):
    return {
        "cases": [
            [
                float(rng.uniform(0.05, 0.9)),
                float(rng.uniform(-3, -0.5)),
                float(rng.uniform(0.3, 1.5)),
                float(rng.uniform(0.3, 4)),
            ]
            for _ in range(6)
        ]
    }


def two_point(case, pair):
    """Return mean and variance afterwards of units that are two values, equally often."""
    rate, floor, mean, variance = case
    a, b = pair
    values = a * np.array([mean - math.sqrt(variance), mean + math.sqrt(variance), floor]) + b
    chances = np.array([(1 - rate) / 2, (1 - rate) / 2, rate])
    center = chances @ values
    return center, chances @ (values - center) ** 2


def restores(moment, given):
    def judge(inputs, answer):
        cases = inputs["cases"]
        if len(answer) != 2 * len(cases):
            return False
        tried = (
            zip(cases, answer[: len(cases)], strict=True)
            if given
            else [
                ([*case[:2], 0.0, 1.0], pair)
                for case, pair in zip(cases, answer[len(cases) :], strict=True)
            ]
        )
        return all(
            close(two_point(case, pair)[moment], case[2 + moment], rtol=1e-6, atol=1e-7)
            for case, pair in tried
        )

    return judge


def factor_above_zero(inputs, answer):
    factors = [pair[0] for pair in answer]
    return len(factors) == 2 * len(inputs["cases"]) and all(0 < each < math.inf for each in factors)


# 4.3


def ask_measuring(learner, batch, kernels):
    import numpy as np

    batch = np.array(batch)
    layers = []
    for kernel in kernels:
        layers.append(lambda x, kernel=kernel: x @ np.array(kernel))
        layers.append(lambda x: np.where(x > 0, x, 0.3 * x) - 0.1)
    return {
        "table": learner.moments_by_layer(batch.copy(), layers),
        "inputs": learner.moments_by_layer(batch.copy(), []),
    }


def make_batch(rng):
    count, *widths = (int(size) for size in rng.integers(4, 12, size=5))
    shapes = itertools.pairwise(widths)
    return {
        "batch": rng.normal(rng.normal(size=widths[0]), 2, size=(count, widths[0])).tolist(),
        "kernels": [rng.normal(size=shape).tolist() for shape in shapes],
    }


def three_numbers(x):
    deviations = np.sqrt(((x - x.mean(axis=0)) ** 2).mean(axis=0))
    return [x.mean(), math.sqrt(((x - x.mean()) ** 2).mean()), deviations.mean()]


def table_wanted(inputs):
    x = np.array(inputs["batch"])
    table = [three_numbers(x)]
    for kernel in inputs["kernels"]:
        summed = x @ np.array(kernel)
        x = np.maximum(summed, 0) + 0.3 * np.minimum(summed, 0) - 0.1
        table += [three_numbers(summed), three_numbers(x)]
    return np.array(table)


def table_has_form(inputs, answer):
    return np.shape(answer["table"]) == (2 * len(inputs["kernels"]) + 1, 3)


def column_right(column):
    def judge(inputs, answer):
        wanted = table_wanted(inputs)
        table = np.asarray(answer["table"], dtype=float)
        return table.shape == wanted.shape and close(table[:, column], wanted[:, column])

    return judge


def inputs_measured(inputs, answer):
    return close(answer["inputs"], table_wanted(inputs)[:1])


# 4.4


def ask_conditions(learner, paths):
    import numpy as np

    return [learner.broken_condition(np.array(path)) for path in paths]


def bend_units(kind, z):
    lower = np.minimum(z, 0)
    if kind == "selu":
        return LAMBDA * np.where(z > 0, z, ALPHA * np.expm1(lower))
    return {
        "tanh": np.tanh(z),
        "elu": np.where(z > 0, z, np.expm1(lower)),
        "relu": np.maximum(z, 0),
    }[kind]


def walk(rng, kind="selu", gain=1.0, drop=0.0, skip=False, center=0.0, width=1.0):
    """Return the three numbers of 40 layers of 100 units, and of their inputs."""
    x = rng.normal(center, width, size=(60, 100))
    table = [three_numbers(x)]
    for _ in range(40):
        units = bend_units(kind, x @ rng.normal(scale=math.sqrt(gain) / 10, size=(100, 100)))
        if drop:
            units = units * (rng.random(units.shape) >= drop) / (1 - drop)
        x = x + units if skip else units
        table.append(three_numbers(x))
    return np.array(table)


def make_walk(condition, number, rng):
    """Return the measurements of a network in which that condition is broken, in one of 3 ways."""
    return {
        "nothing": lambda: walk(rng),
        "inputs": lambda: walk(
            rng,
            center=number * rng.uniform(2.2, 4) * rng.choice([-1, 1]),
            width=1 if number else rng.uniform(3, 8),
        ),
        "weights": lambda: walk(rng, gain=rng.uniform(2, 2.1) + 0.2 * number),
        "dropout": lambda: walk(rng, drop=rng.uniform(0.1, 0.15)),
        "skip connections": lambda: walk(rng, skip=True),
        "activation": lambda: walk(rng, kind=("tanh", "elu", "relu")[number]),
    }[condition]()


def found_broken(table):
    """Return what a table of measurements shows, by rules that leave a wide margin."""
    table = np.asarray(table)
    if abs(table[0, 0]) > 1.5 or table[0, 1] > 2:
        return "inputs"
    typical = math.exp(np.log(table[15:, 1]).mean())
    if typical > 3:
        return "skip connections" if table[40, 1] > 1e5 else "weights"
    return "activation" if typical < 0.4 else "dropout" if typical > 1.16 else "nothing"


CONDITIONS = ("nothing", "inputs", "weights", "dropout", "skip connections", "activation")


def make_conditions(rng):
    """Make measurements; what is broken is not sent along, as it shows in them."""
    paths = []
    for condition, number in itertools.product(CONDITIONS, range(3)):
        table = make_walk(condition, number, rng)
        while found_broken(table) != condition:
            table = make_walk(condition, number, rng)
        paths.append(table.tolist())
    return {"paths": [paths[place] for place in rng.permutation(len(paths))]}


def condition_found(*conditions):
    def judge(inputs, answer):
        pairs = zip(map(found_broken, inputs["paths"]), answer, strict=True)
        return all(given == wanted for wanted, given in pairs if wanted in conditions)

    return judge


TASKS = {
    "4.1": Hidden(
        ask=ask_constants,
        inputs=make_curves,
        properties=(
            Property("alpha is right for SELU, to 1e-6", constants_right(0, slice(0, 1))),
            Property("the scale is right for SELU, to 1e-6", constants_right(1, slice(0, 1))),
            Property("alpha is right for other curves", constants_right(0, slice(1, None))),
            Property("the scale is right for other curves", constants_right(1, slice(1, None))),
        ),
    ),
    "4.2": Hidden(
        ask=ask_restoring,
        inputs=make_cases,
        properties=(
            Property("mean 0 stays, with any rate and floor", restores(0, given=False)),
            Property("variance 1 stays, with any rate and floor", restores(1, given=False)),
            Property("any other mean stays what it was", restores(0, given=True)),
            Property("any other variance stays what it was", restores(1, given=True)),
            Property("the factor is above 0", factor_above_zero),
        ),
    ),
    "4.3": Hidden(
        ask=ask_measuring,
        inputs=make_batch,
        properties=(
            Property("there is a row for the inputs and for each layer", table_has_form),
            Property("the first column is the mean", column_right(0)),
            Property("the second column is the standard deviation", column_right(1)),
            Property("the third column follows one unit over the inputs", column_right(2)),
            Property("without layers, the inputs alone are measured", inputs_measured),
        ),
    ),
    "4.4": Hidden(
        ask=ask_conditions,
        inputs=make_conditions,
        properties=(
            Property("healthy networks are found healthy", condition_found("nothing")),
            Property("inputs that are not standardized are found", condition_found("inputs")),
            Property("a wrong activation is found", condition_found("activation")),
            Property("ordinary dropout is found", condition_found("dropout")),
            Property(
                "too large weights and skip connections are told apart",
                condition_found("weights", "skip connections"),
            ),
        ),
    ),
}
