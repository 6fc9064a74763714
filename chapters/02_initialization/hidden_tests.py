"""Hidden tests of chapter 02. They stay with the teacher: see helpers/grading/hidden.py."""

import math

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

# 2.1


def ask_spread(learner, questions):
    return [list(learner.weight_spread(rule, tuple(shape))) for rule, shape in questions]


def make_kernels(rng):
    dense = rng.integers(2, 900, size=(6, 2)).tolist()
    fields = rng.integers(1, 8, size=(6, 4)).tolist()
    lines = rng.integers(2, 60, size=(3, 3)).tolist()  # one-dimensional convolutions
    rules = ("glorot", "he", "lecun")
    return {
        "questions": [[rule, shape] for rule in rules for shape in (*dense, *fields, *lines)],
    }


def variance_asked(rule, shape):
    per_position = math.prod(shape) / (shape[-1] * shape[-2])
    ways = {"glorot": (shape[-2] + shape[-1]) / 2, "he": shape[-2] / 2, "lecun": shape[-2]}
    return 1 / (per_position * ways[rule])


def spread_is_right(column, rules=("glorot", "he", "lecun"), dimensions=(2, 3, 4), factor=1.0):
    def judge(inputs, answer):
        asked = [
            (number, math.sqrt(factor * variance_asked(rule, shape)))
            for number, (rule, shape) in enumerate(inputs["questions"])
            if rule in rules and len(shape) in dimensions
        ]
        return all(close(answer[number][column], value, rtol=1e-4) for number, value in asked)

    return judge


# 2.2


def ask_truncated(learner, std, rows, columns, seeds):
    import numpy as np

    draws = [
        learner.truncated_normal(std, (rows, columns), np.random.default_rng(seed))
        for seed in seeds
    ]
    one = np.random.default_rng(seeds[0])
    twice = [learner.truncated_normal(std, (3, 4, 5), one) for _ in range(2)]
    return {"draws": draws, "twice": twice}


def make_truncated(rng):
    first, second = (int(seed) for seed in rng.integers(2**31, size=2))
    return {
        "std": float(np.exp(rng.uniform(-5, 1))),
        "rows": int(rng.integers(200, 300)),
        "columns": int(rng.integers(200, 300)),
        "seeds": [first, first, second],
    }


def has_the_shape(inputs, answer):
    wanted = (inputs["rows"], inputs["columns"])
    shapes = [np.shape(each) for each in answer["draws"]]
    return (
        shapes == [wanted] * 3 and [np.shape(each) for each in answer["twice"]] == [(3, 4, 5)] * 2
    )


def has_the_variance(inputs, answer):
    kernel = np.asarray(answer["draws"][0], dtype=float)
    middle = abs(kernel.mean()) < 0.03 * inputs["std"]
    return bool(middle and abs(kernel.var() / inputs["std"] ** 2 - 1) < 0.03)


def has_no_tails(inputs, answer):
    """Beyond the cut there is nothing, on it no heap, and below it the shape is normal still."""
    size = np.abs(np.asarray(answer["draws"][0], dtype=float)) / inputs["std"]
    cut = 2 / math.sqrt(0.7737413)  # 1 - 4 φ(2) / (2 Φ(2) - 1) is the variance that is left
    within_half = (size < cut / 2).mean()  # 0.6827 / 0.9545 of a normal distribution cut at 2
    return bool(
        size.max() < 1.001 * cut
        and size.max() > 0.99 * cut
        and (size > 0.99 * cut).mean() < 0.01
        and abs(within_half - 0.71524) < 0.02
    )


def follows_the_generator(inputs, answer):
    first, again, other = (np.asarray(each) for each in answer["draws"])
    one, two = (np.asarray(each) for each in answer["twice"])
    return bool((first == again).all() and (first != other).mean() > 0.99 and (one != two).any())


# 2.3


def ask_orthogonal(learner, shapes, gain, seeds):
    import numpy as np

    kernels = [
        learner.orthogonal(tuple(shape), np.random.default_rng(seed), gain=gain)
        for shape in shapes
        for seed in seeds
    ]
    rng = np.random.default_rng(seeds[0])
    return {"kernels": kernels, "plain": [learner.orthogonal((2, 2), rng) for _ in range(400)]}


def make_orthogonal(rng):
    long, short = int(rng.integers(30, 60)), int(rng.integers(5, 25))
    first, second = (int(seed) for seed in rng.integers(2**31, size=2))
    return {
        "shapes": [[long, long], [long, short], [short, long]],
        "gain": float(rng.uniform(0.3, 3)),
        "seeds": [first, first, second],
    }


def shape_of_each(inputs, answer):
    shapes = [tuple(shape) for shape in inputs["shapes"] for _ in inputs["seeds"]]
    return [np.shape(each) for each in answer["kernels"]] == shapes


def perpendicular(numbers):
    def judge(inputs, answer):
        for number in numbers:
            kernel = np.asarray(answer["kernels"][3 * number], dtype=float)
            if kernel.shape != tuple(inputs["shapes"][number]):
                return False
            gram = kernel @ kernel.T if len(kernel) < len(kernel.T) else kernel.T @ kernel
            if not close(gram, inputs["gain"] ** 2 * np.eye(len(gram)), rtol=1e-4, atol=1e-4):
                return False
        return True

    return judge


def any_direction(inputs, answer):
    plain = np.asarray(answer["plain"], dtype=float)
    lengths = np.sqrt((plain**2).sum(axis=1))
    turned = np.linalg.det(plain) > 0  # half of them mirror, half of them only turn
    return bool(
        plain.shape == (400, 2, 2)
        and np.allclose(lengths, 1, atol=1e-4)
        and (np.abs(plain.mean(axis=0)) < 0.2).all()
        and 0.35 < turned.mean() < 0.65
    )


def seeds_matter(inputs, answer):
    first, again, other = (np.asarray(each) for each in answer["kernels"][:3])
    return bool((first == again).all() and (first != other).any())


# 2.4


def ask_stack(learner, stacks, seeds):
    import numpy as np

    return [
        [
            [list(way) for way in learner.through_stack(rule, tuple(widths), rng)]
            for rng in map(np.random.default_rng, seeds)
        ]
        for rule, widths in stacks
    ]


def make_stacks(rng):
    halving = [int(size) for size in rng.integers(120, 200) // np.array([1, 2, 4])]
    in_turn = [int(size) for size in np.tile(rng.integers([150, 40], [220, 60]), 3)]
    stacks = [halving, halving[::-1], in_turn]
    return {
        "stacks": [[rule, widths] for rule in ("lecun", "glorot") for widths in stacks],
        "seeds": [int(seed) for seed in rng.integers(2**31, size=2)],
    }


def factors_of_layers(rule, widths):
    """Return what each layer does to the variance of a signal, and of a gradient, on average."""
    below, above = (np.asarray(each, dtype=float) for each in (widths[:-1], widths[1:]))
    per_weight = 1 / below if rule == "lecun" else 2 / (below + above)
    return below * per_weight, above * per_weight


def measured_right(way):
    def judge(inputs, answer):
        for (rule, widths), runs in zip(inputs["stacks"], answer, strict=True):
            factors = factors_of_layers(rule, widths)[way]
            exact = factors.cumprod() if way == 0 else factors[::-1].cumprod()[::-1]
            if not all(close(run[way], exact, rtol=0.4) for run in runs):
                return False
        return True

    return judge


def really_measured(inputs, answer):
    """Other random numbers give other variances, by no more than chance."""
    runs = [np.asarray(each, dtype=float) for each in answer]
    if len(runs) != len(inputs["stacks"]):
        return False
    return all((np.abs(np.log(one / two)) > 0).all() for one, two in runs)


# 2.5


def ask_better(learner, measured):
    return [learner.better_rule({name: tuple(each) for name, *each in one}) for one in measured]


def make_measured(rng):
    """Make rules whose worse direction differs by a tenth or more, so that no rounding decides."""
    rows = []
    while len(rows) < 30:
        pairs = np.exp(rng.uniform(-3, 3, size=(int(rng.integers(2, 5)), 2))).tolist()
        best, second = sorted(badness(pair) for pair in pairs)[:2]
        if second > 1.1 * best:
            rows.append([[f"rule {number}", *pair] for number, pair in enumerate(pairs)])
    return {"measured": rows}


def badness(pair):
    return max(max(factor, 1 / factor) for factor in pair)


def decided_right(keep):
    def judge(inputs, answer):
        rows = list(zip(inputs["measured"], answer, strict=True))
        return all(name == wanted_rule(row) for row, name in rows if keep(row))

    return judge


def wanted_rule(row):
    return min(row, key=lambda rule: badness(rule[1:]))[0]


def one_way_decides(row):
    """Whether the rule that is best forward is the best one too."""
    return wanted_rule(row) == min(row, key=lambda rule: badness(rule[1:2]))[0]


TASKS = {
    "2.1": Hidden(
        ask=ask_spread,
        inputs=make_kernels,
        properties=(
            Property(
                "LeCun's standard deviation is right for dense kernels",
                spread_is_right(0, rules=("lecun",), dimensions=(2,)),
            ),
            Property(
                "He's standard deviation is right for dense kernels",
                spread_is_right(0, rules=("he",), dimensions=(2,)),
            ),
            Property(
                "Glorot's standard deviation is right for dense kernels",
                spread_is_right(0, rules=("glorot",), dimensions=(2,)),
            ),
            Property(
                "the standard deviation is right for convolutions of any dimension",
                spread_is_right(0, dimensions=(3, 4)),
            ),
            Property(
                "the uniform limit describes the right variance", spread_is_right(1, factor=3.0)
            ),
        ),
    ),
    "2.2": Hidden(
        ask=ask_truncated,
        inputs=make_truncated,
        properties=(
            Property("the array has the shape that was asked for", has_the_shape),
            Property("the mean is 0 and the variance is the one asked for", has_the_variance),
            Property("the tails are cut off, and drawn again", has_no_tails),
            Property("the numbers come from the generator that is given", follows_the_generator),
        ),
    ),
    "2.3": Hidden(
        ask=ask_orthogonal,
        inputs=make_orthogonal,
        properties=(
            Property("the kernel has the shape that was asked for", shape_of_each),
            Property(
                "the columns of square and tall kernels are perpendicular, and of length gain",
                perpendicular((0, 1)),
            ),
            Property(
                "the rows of wide kernels are perpendicular, and of length gain",
                perpendicular((2,)),
            ),
            Property("every orthogonal kernel is equally likely", any_direction),
            Property("the numbers come from the generator that is given", seeds_matter),
        ),
    ),
    "2.4": Hidden(
        ask=ask_stack,
        inputs=make_stacks,
        properties=(
            Property(
                "the variance of the signal is right at every layer, first to last",
                measured_right(0),
            ),
            Property(
                "the variance of the gradient is right at every layer, first to last",
                measured_right(1),
            ),
            Property("the values are measured: other random numbers give others", really_measured),
        ),
    ),
    "2.5": Hidden(
        ask=ask_better,
        inputs=make_measured,
        properties=(
            Property(
                "the rule is right where the way forward alone would decide alike",
                decided_right(one_way_decides),
            ),
            Property(
                "the rule is right where the way back has to be looked at too",
                decided_right(lambda row: not one_way_decides(row)),
            ),
        ),
    ),
}
