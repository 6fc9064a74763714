"""Hidden tests of chapter 05. They stay with the teacher: see helpers/grading/hidden.py."""

from itertools import pairwise

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

# 5.1


def ask_layer(learner, momentum, epsilon, gamma, beta, batches, pixels, mean, variance):
    import numpy as np

    def new():
        layer = learner.BatchNorm(len(gamma), momentum=momentum, epsilon=epsilon)
        layer.gamma, layer.beta = np.array(gamma), np.array(beta)
        return layer

    def state(layer):
        return [np.array(layer.moving_mean), np.array(layer.moving_variance)]

    flat, deep, old = new(), new(), new()
    flat_outputs, states = [], []
    for batch in batches:
        flat_outputs.append(flat(np.array(batch), training=True))
        states.append(state(flat))
    old.moving_mean, old.moving_variance = np.array(mean), np.array(variance)
    return {
        "flat": flat_outputs,
        "states": states,
        "deep": deep(np.array(pixels), training=True),
        "deep state": state(deep),
        "asked": old(np.array(batches[0]), training=False),
        "asked one": old(np.array(batches[0][:1]), training=False),
        "asked pixels": old(np.array(pixels), training=False),
        "state after": state(old),
    }


def make_layer(rng):
    units = int(rng.integers(2, 6))
    place, width = rng.normal(0, 3, units), rng.uniform(0.3, 3, units)
    images = int(rng.integers(5, 9))
    return {
        "momentum": float(rng.uniform(0.5, 0.95)),
        "epsilon": float(rng.uniform(0.05, 0.3)),
        "gamma": rng.uniform(0.5, 2, units).tolist(),
        "beta": rng.uniform(0.5, 2, units).tolist(),
        "batches": rng.normal(place, width, (3, images, units)).tolist(),
        "pixels": rng.normal(place, width, (4, 2, 3, units)).tolist(),
        "mean": rng.normal(0, 3, units).tolist(),
        "variance": rng.uniform(0.3, 3, units).tolist(),
    }


def told(inputs, x, middle, spread):
    x, scale, shift = (np.asarray(each) for each in (x, inputs["gamma"], inputs["beta"]))
    return shift + scale * ((x - middle) * (np.asarray(spread) + inputs["epsilon"]) ** -0.5)


def of_batch(x):
    columns = np.moveaxis(np.asarray(x), -1, 0).reshape(np.shape(x)[-1], -1)
    return columns.mean(axis=1), (columns**2).mean(axis=1) - columns.mean(axis=1) ** 2


def trains_right(key, batches):
    def judge(inputs, answer):
        wanted = [told(inputs, x, *of_batch(x)) for x in batches(inputs)]
        return close(answer[key], wanted if key == "flat" else wanted[0])

    return judge


def averages_right(inputs, answer):
    """Weigh every batch by how long ago it was, and the start by what is left."""
    share = inputs["momentum"]
    for count in range(1, len(inputs["batches"]) + 1):
        seen = [of_batch(x) for x in inputs["batches"][:count]]
        weights = (1 - share) * share ** np.arange(count)[::-1]
        for which, start in enumerate((0, 1)):
            mixed = sum(w * each[which] for w, each in zip(weights, seen, strict=True))
            if not close(answer["states"][count - 1][which], mixed + start * share**count):
                return False
    return True


def deep_averages_right(inputs, answer):
    share, found = inputs["momentum"], of_batch(inputs["pixels"])
    return all(
        close(answer["deep state"][which], (1 - share) * found[which] + share * start)
        for which, start in enumerate((0, 1))
    )


def answers_right(inputs, answer):
    asked = {
        "asked": inputs["batches"][0],
        "asked one": inputs["batches"][0][:1],
        "asked pixels": inputs["pixels"],
    }
    return all(
        close(answer[key], told(inputs, x, inputs["mean"], inputs["variance"]))
        for key, x in asked.items()
    )


def unmoved(inputs, answer):
    mean, variance = answer["state after"]
    return close(mean, inputs["mean"]) and close(variance, inputs["variance"])


# 5.2


def ask_back(learner, cases):
    import numpy as np

    return [
        [
            np.array(each)
            for each in learner.way_back(
                np.array(x), np.array(gamma), np.array(weights), epsilon=epsilon
            )
        ]
        for x, gamma, weights, epsilon in cases
    ]


def make_back(rng):
    cases = []
    for images in (2, 7, 30):
        units = int(rng.integers(2, 6))
        x = rng.normal(rng.normal(0, 3, units), rng.uniform(0.3, 3, units), (images, units))
        weights = rng.normal(rng.uniform(0.5, 1.5), 1, (images, units))
        gamma = rng.uniform(0.4, 0.8, units) * rng.choice([-1, 1], units)
        cases.append([x.tolist(), gamma.tolist(), weights.tolist(), float(rng.uniform(0.1, 0.4))])
    return {"cases": cases}


def jacobian_back(x, gamma, weights, epsilon):
    """Return the three derivatives, by the whole matrix of derivatives of each unit's outputs."""
    x, gamma, weights = (np.asarray(each, dtype=float) for each in (x, gamma, weights))
    count = len(x)
    by_x, by_gamma = np.empty_like(x), np.empty_like(gamma)
    for unit, column in enumerate(x.T):
        away = column - column.sum() / count
        width = (away @ away / count + epsilon) ** 0.5
        by_gamma[unit] = weights[:, unit] @ away / width
        matrix = (np.eye(count) - 1 / count) / width - np.outer(away, away) / (count * width**3)
        by_x[:, unit] = gamma[unit] * (matrix @ weights[:, unit])
    return by_x, by_gamma, weights.sum(axis=0)


def back_right(which, only=None):
    def judge(inputs, answer):
        pairs = list(zip(inputs["cases"], answer, strict=True))
        return all(
            close(found[which], jacobian_back(*case)[which], rtol=1e-5, atol=1e-7)
            for case, found in pairs
            if only is None or len(case[0]) in only
        )

    return judge


# 5.3


def ask_fold(learner, cases):
    from types import SimpleNamespace

    import numpy as np

    folded = []
    for order, kernel, bias, norm in cases:
        arrays = {name: np.array(value) for name, value in norm.items()}
        parts = np.array(kernel), np.array(bias), SimpleNamespace(**arrays)
        folded.append([np.array(each) for each in learner.fold(*parts, order)])
    return folded


def make_fold(rng):
    cases = []
    for below, above in ((3, 5), (6, 2), (4, 4)):
        for order, units in (("dense, norm", above), ("norm, dense", below)):
            norm = {
                "gamma": rng.uniform(0.5, 2, units).tolist(),
                "beta": rng.uniform(0.5, 2, units).tolist(),
                "moving_mean": rng.uniform(1, 3, units).tolist(),
                "moving_variance": rng.uniform(0.3, 4, units).tolist(),
                "epsilon": float(rng.uniform(0.05, 0.3)),
            }
            kernel, bias = rng.normal(size=(below, above)), rng.normal(size=above)
            cases.append([order, kernel.tolist(), bias.tolist(), norm])
    return {"cases": cases}


def two_layers(order, kernel, bias, norm, x):
    """Return what the two layers make of ``x``, one after the other."""

    def normalized(x):
        width = (np.asarray(norm["moving_variance"]) + norm["epsilon"]) ** 0.5
        away = (x - norm["moving_mean"]) / width
        return away * norm["gamma"] + norm["beta"]

    if order == "dense, norm":
        return normalized(x @ np.asarray(kernel) + bias)
    return normalized(x) @ np.asarray(kernel) + bias


def folds_right(order):
    """Judge on inputs that no answer has seen: 0, and one input at a time."""

    def judge(inputs, answer):
        for case, (kernel, bias) in zip(inputs["cases"], answer, strict=True):
            if case[0] != order:
                continue
            kernel, bias = np.asarray(kernel, dtype=float), np.asarray(bias, dtype=float)
            if kernel.shape != np.shape(case[1]) or bias.shape != np.shape(case[2]):
                return False
            x = np.vstack([np.zeros(len(kernel)), 3 * np.eye(len(kernel))])
            if not close(x @ kernel + bias, two_layers(*case, x)):
                return False
        return True

    return judge


# 5.4


def ask_renewed(learner, networks):
    from types import SimpleNamespace

    import numpy as np

    found = []
    for parts, images, epsilon in networks:
        lists = {name: [np.array(each) for each in value] for name, value in parts.items()}
        lists["moving"] = [tuple(pair) for pair in lists["moving"]]
        pairs = learner.renewed(SimpleNamespace(**lists), np.array(images), epsilon=epsilon)
        found.append([[np.array(each) for each in pair] for pair in pairs])
    return found


def make_renewed(rng):
    networks = []
    for depth in (1, 3, 5):
        sizes = [int(size) for size in rng.integers(3, 8, size=depth + 2)]
        hidden = sizes[1:-1]
        parts = {
            "kernels": [rng.normal(0, 1, pair).tolist() for pair in pairwise(sizes)],
            "biases": [rng.uniform(0.5, 2, size).tolist() for size in sizes[1:]],
            "gammas": [rng.uniform(1.5, 3, size).tolist() for size in hidden],
            "betas": [rng.uniform(0.3, 1, size).tolist() for size in hidden],
            "moving": [
                [rng.normal(size=size).tolist(), rng.uniform(2, 5, size).tolist()]
                for size in hidden
            ],
        }
        images = rng.normal(1, 2, (int(rng.integers(20, 40)), sizes[0]))
        networks.append([parts, images.tolist(), float(rng.uniform(0.2, 0.6))])
    return {"networks": networks}


def layers_in_turn(parts, images, epsilon):
    """Yield mean and variance of what enters each batch norm, once those below are renewed."""
    signal = np.asarray(images)
    rows = zip(parts["kernels"], parts["biases"], parts["gammas"], parts["betas"], strict=False)
    for kernel, bias, gamma, beta in rows:
        enters = signal @ np.asarray(kernel) + bias
        middle, spread = of_batch(enters)
        yield middle, spread
        leaves = (enters - middle) * (np.asarray(gamma) / (spread + epsilon) ** 0.5) + beta
        signal = leaves * (leaves > 0)


def renews(which, layers):
    def judge(inputs, answer):
        for network, pairs in zip(inputs["networks"], answer, strict=True):
            wanted = list(layers_in_turn(*network))
            if len(pairs) != len(wanted) or any(len(pair) != 2 for pair in pairs):
                return False
            for pair, exact in list(zip(pairs, wanted, strict=True))[layers]:
                if not close(pair[which], exact[which], rtol=1e-5, atol=1e-8):
                    return False
        return True

    return judge


# 5.5


def ask_costs(learner, rows):
    names = ("training", "validation", "training, renewed", "validation, renewed")
    return [learner.costs_most(dict(zip(names, row, strict=True))) for row in rows]


def make_costs(rng):
    """Make accuracies whose greatest cost is ahead of the second, so that no rounding decides."""
    rows = {"weights": [], "images": [], "averages": []}
    while min(map(len, rows.values())) < 15:
        row = rng.uniform(0.05, 1, 4).tolist()
        first, second = sorted(lacks(row).values(), reverse=True)[:2]
        name = greatest(row)
        if row[3] <= row[2] and first > second + 0.02 and len(rows[name]) < 15:
            rows[name].append(row)
    shuffled = [row for part in rows.values() for row in part]
    return {"rows": [shuffled[place] for place in rng.permutation(len(shuffled))]}


def lacks(row):
    """Return what each cause costs, with nothing else changed."""
    *_, old, top, bottom = row
    return {"averages": bottom - old, "images": top - bottom, "weights": 1 - top}


def greatest(row):
    costs = lacks(row)
    return sorted(costs, key=costs.get)[-1]


def decides(name):
    """Whether that name is given where it should be, and nowhere else."""

    def judge(inputs, answer):
        given = [each == name for each in answer]
        return given == [greatest(row) == name for row in inputs["rows"]]

    return judge


TASKS = {
    "5.1": Hidden(
        ask=ask_layer,
        inputs=make_layer,
        properties=(
            Property(
                "in training a batch is normalized by its own mean and variance, unit by unit",
                trains_right("flat", lambda inputs: inputs["batches"]),
            ),
            Property(
                "behind a convolution all images and all pixels are the batch",
                trains_right("deep", lambda inputs: [inputs["pixels"]]),
            ),
            Property("the moving averages follow the batches as momentum says", averages_right),
            Property(
                "behind a convolution each unit has one moving mean and variance",
                deep_averages_right,
            ),
            Property(
                "in inference the moving averages normalize, whatever is in the batch",
                answers_right,
            ),
            Property("inference leaves the moving averages as they are", unmoved),
        ),
    ),
    "5.2": Hidden(
        ask=ask_back,
        inputs=make_back,
        properties=(
            Property("the derivative by beta is right", back_right(2)),
            Property("the derivative by gamma is right", back_right(1)),
            Property("the derivative by the inputs is right", back_right(0, only=(7, 30))),
            Property(
                "the derivative by the inputs is right for a batch of two", back_right(0, only=(2,))
            ),
        ),
    ),
    "5.3": Hidden(
        ask=ask_fold,
        inputs=make_fold,
        properties=(
            Property(
                "one layer does the same as a dense layer and the batch norm after it",
                folds_right("dense, norm"),
            ),
            Property(
                "one layer does the same as a batch norm and the dense layer after it",
                folds_right("norm, dense"),
            ),
        ),
    ),
    "5.4": Hidden(
        ask=ask_renewed,
        inputs=make_renewed,
        properties=(
            Property("the mean of the first layer is that of what enters", renews(0, slice(1))),
            Property("the variance of the first layer is that of what enters", renews(1, slice(1))),
            Property("the means of all layers are right", renews(0, slice(None))),
            Property("the variances of all layers are right", renews(1, slice(None))),
        ),
    ),
    "5.5": Hidden(
        ask=ask_costs,
        inputs=make_costs,
        properties=tuple(
            Property(f'"{name}" is the answer where it costs most, and only there', decides(name))
            for name in ("weights", "images", "averages")
        ),
    ),
}
