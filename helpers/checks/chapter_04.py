"""Chapter 04, SELU: right answers, and wrong ones that people give."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from helpers.checks.task import Holds, Mistake, Task, as_array, named
from helpers.theory.activations import SELU_ALPHA, SELU_SCALE, value
from helpers.theory.dropout import SELU_FLOOR
from helpers.theory.moments import measure_path

# 4.1: the two constants

CURVES = {
    "exp(z) - 1": np.expm1,
    "z, cut at -1": lambda z: np.maximum(z, -1),
    "z exp(z)": lambda z: z * np.exp(z),
}
STEP = 1e-4
NEGATIVE = -STEP * (np.arange(120_000) + 0.5)  # the middles of cells from -12 to 0


def _run_constants(answer):
    return {name: named(answer(below), "alpha", "scale") for name, below in CURVES.items()}


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _expect(values: np.ndarray, z: np.ndarray = NEGATIVE) -> float:
    """Return the part of an expected value that comes from these z."""
    return float(values @ _density(z)) * STEP


def _solve(
    over: np.ndarray = NEGATIVE,
    upper: float = 1 / math.sqrt(2 * math.pi),
    expect: Callable = _expect,
    alpha_by: str = "mean",
    upper_square: float = 0.5,
    scale: Callable = lambda square: square**-0.5,
    lower_counts: bool = True,
) -> Callable:
    """Return an answer to 4.1 that integrates, or solves, in its own way.

    Args:
        over: the z that the integrals of the lower part run over.
        upper: the mean of z over the upper part.
        expect: from values and z to their part of the expected value.
        alpha_by: what balances the two halves, "mean" or "square".
        upper_square: the mean square of the upper part.
        scale: from the mean square of the function without its scale.
        lower_counts: whether the lower part counts in that mean square.
    """

    def answer(below):
        curve = below(over)
        mean, square = expect(curve, over), expect(curve**2, over)
        alpha = -upper / mean if alpha_by == "mean" else (upper_square / square) ** 0.5
        return alpha, scale(upper_square + lower_counts * alpha**2 * square)

    return answer


def _mean_is_kept(got) -> bool:
    return all(
        abs(upper_mean + got[name]["alpha"] * _expect(below(NEGATIVE))) < 1e-3
        for upper_mean in [1 / math.sqrt(2 * math.pi)]
        for name, below in CURVES.items()
    )


def _selu_nearly(got) -> bool:
    selu = got["exp(z) - 1"]
    return abs(selu["alpha"] - SELU_ALPHA) < 1e-3 and abs(selu["scale"] - SELU_SCALE) < 1e-3


CONSTANTS = Task(
    id="4.1",
    title="The two constants",
    run=_run_constants,
    reference=_solve(),
    mistakes=(
        Mistake(
            _solve(scale=lambda square: 1 / square),
            "the scale divides by the mean square. It multiplies the function, so it enters the "
            "mean square squared.",
        ),
        Mistake(
            _solve(over=np.concatenate([NEGATIVE, -NEGATIVE])),
            "the curve is integrated over all z. It is the function only below 0.",
        ),
        Mistake(
            _solve(expect=lambda values, z: float(values.sum()) * STEP),
            "the density is missing: values of z far from 0 are rare, and count less.",
        ),
        Mistake(
            _solve(upper=0.5),
            "the upper half is taken to have the mean 1/2. Half of all z lie there, but it is "
            "their mean times that half which counts.",
        ),
        Mistake(
            _solve(upper_square=1.0),
            "the mean square of the upper half is taken to be 1. That is the mean square over all "
            "z, and the upper half is half of it.",
        ),
        Mistake(
            _solve(lower_counts=False),
            "the scale is that of ReLU: the lower half adds to the mean square too.",
        ),
        Mistake(
            _solve(alpha_by="square"),
            "alpha makes both halves equal in their squares. The first equation is about the mean: "
            "what the upper half adds, the lower takes away.",
        ),
        Mistake(
            _solve(over=NEGATIVE[: round(3 / STEP)]),
            "the integral ends at -3. What lies beyond is little, and more than 1e-6.",
        ),
    ),
    hints=(
        "Split each expected value at 0. Above, the function is linear, and its parts are known: "
        "the mean of z over the upper half is 1/√(2π), that of z² is 1/2.",
        "The first equation does not depend on the scale, as it multiplies both halves. So it "
        "gives alpha alone.",
        "With alpha known, take the mean square of the function without its scale. Which scale "
        "makes it 1? For the integrals a fine grid from -10 or so up to 0 will do.",
    ),
    holds=(
        Holds("the mean of the function is 0, to a thousandth", _mean_is_kept),
        Holds("for SELU both constants are right, to a thousandth", _selu_nearly),
    ),
    tolerance=1e-6,
)


# 4.2: dropout that fits

UNITS = {
    "rate 0.1, SELU's floor": (0.1, SELU_FLOOR, 0.0, 1.0),
    "rate 0.3, another floor": (0.3, -1.0, 0.0, 1.0),
    "rate 0.4, a variance of 2": (0.4, -1.5, 0.0, 2.0),
    "rate 0.25, a mean of 0.5": (0.25, -1.0, 0.5, 1.0),
    "no dropout": (0.0, -1.0, 0.5, 2.0),
}


def _run_dropout(answer):
    return {
        name: named(answer(rate, floor, mean=mean, variance=variance), "a", "b")
        for name, (rate, floor, mean, variance) in UNITS.items()
    }


def _restore(
    kept: Callable = lambda rate: 1 - rate,
    spread: Callable = lambda q, gap, variance: q * (variance + (1 - q) * gap**2),
    factor: Callable = lambda variance, after: math.sqrt(variance / after),
    shift: Callable = lambda a, centre, mean: mean - a * centre,
    given: bool = True,
) -> Callable:
    """Return an answer to 4.2.

    Args:
        kept: from the rate to the share that stays.
        spread: the variance after dropping, of that share, the mean's distance from the floor,
            and the variance before.
        factor: from the variances before and after to a.
        shift: from a and the means after and before to b.
        given: whether the mean and the variance that are given count.
    """

    def answer(rate, floor, mean=0.0, variance=1.0):
        if not given:
            mean, variance = 0.0, 1.0
        q = kept(rate)
        a = factor(variance, spread(q, mean - floor, variance) or 1.0)
        return a, shift(a, q * mean + (1 - q) * floor, mean)

    return answer


def _moments_after(name: str, constants) -> tuple[float, float]:
    """Return mean and variance after dropping, for the constants that were found."""
    rate, floor, mean, variance = UNITS[name]
    spread = (1 - rate) * (variance + rate * (mean - floor) ** 2)
    centre = (1 - rate) * mean + rate * floor
    return constants["a"] * centre + constants["b"], constants["a"] ** 2 * spread


DROPOUT = Task(
    id="4.2",
    title="Dropout that fits",
    run=_run_dropout,
    reference=_restore(),
    mistakes=(
        Mistake(
            _restore(factor=lambda variance, after: variance / after),
            "a is the ratio of the variances. It multiplies the units, so their variance by its "
            "square.",
        ),
        Mistake(
            _restore(spread=lambda q, gap, variance: q * variance),
            "the variance after dropping leaves out the distance to the floor: units at the floor "
            "lie far from the others, and that is spread too.",
        ),
        Mistake(
            _restore(shift=lambda a, centre, mean: mean - centre),
            "b takes the mean away as it was before the factor. The factor comes first, and moves "
            "the mean too.",
        ),
        Mistake(
            _restore(shift=lambda a, centre, mean: mean + a * centre),
            "the sign of b is wrong: the floor pulls the mean down, so b lifts it.",
        ),
        Mistake(
            _restore(kept=lambda rate: rate),
            "the rate is taken for the share that is kept, as in the papers. Here, as in Keras, it "
            "is the probability to be dropped.",
        ),
        Mistake(
            _restore(given=False),
            "the mean and the variance that are given have no effect: this is right for 0 and 1.",
        ),
        Mistake(
            lambda rate, floor, mean=0.0, variance=1.0: (1 / (1 - rate), 0.0),
            "this is ordinary dropout, which sets units to 0 and keeps their mean only.",
        ),
        Mistake(
            _restore(shift=lambda a, centre, mean: -a * centre),
            "the mean afterwards is 0, whatever it was before. It should be what it was.",
        ),
    ),
    hints=(
        "First, mean and variance of the units after dropping, before a and b. A unit is then "
        "itself with probability 1 - rate, and the floor otherwise.",
        "The mean is a weighted mean of two. The variance is the mean square less the squared "
        "mean; the mean square, too, is a weighted mean of two.",
        "a multiplies the standard deviation: choose it so that the old one comes back. Then b is "
        "what is missing to the old mean.",
    ),
    holds=(
        Holds(
            "the variance stays what it was",
            lambda got: all(
                math.isclose(_moments_after(name, got[name])[1], UNITS[name][3]) for name in UNITS
            ),
        ),
        Holds(
            "the mean stays what it was",
            lambda got: all(
                math.isclose(_moments_after(name, got[name])[0], UNITS[name][2], abs_tol=1e-9)
                for name in UNITS
            ),
        ),
        Holds(
            "without dropout nothing changes",
            lambda got: np.allclose([got["no dropout"][name] for name in "ab"], (1, 0)),
        ),
    ),
)


# 4.3: through the layers


def _batch() -> np.ndarray:
    return np.random.default_rng(3).normal([0.5, -1, 2, 0], [1, 2, 0.5, 3], size=(50, 4))


def _layers() -> list[Callable]:
    kernel = np.random.default_rng(4).normal(size=(4, 6))
    return [lambda x: x @ kernel, np.tanh, lambda x: 2 * x + 1]


def _run_moments(answer):
    def rows(layers):
        return as_array(answer(_batch(), layers), "what it returns")

    return {"a matrix, tanh, 2 x + 1": _by_column(rows(_layers())), "no layers": rows([])}


def _by_column(rows: np.ndarray):
    """Return the three columns by name, and so that lengths can be told; others as they are."""
    if rows.ndim != 2 or rows.shape[1] != 3:
        return rows
    names = ("mean", "standard deviation", "standard deviation of a unit")
    return {"rows": len(rows), **dict(zip(names, rows.T, strict=True))}


def _measure(
    unit: Callable = lambda x: x.std(axis=0).mean(),
    spread: Callable = np.std,
    mean: Callable = np.mean,
    first: int = 0,
    chained: bool = True,
    columns: bool = False,
) -> Callable:
    """Return an answer to 4.3 that measures in its own way.

    Args:
        mean, spread, unit: the three measurements.
        first: how many rows are missing at the beginning.
        chained: whether each layer gets what the one before put out.
        columns: whether rows and columns are swapped.
    """

    def answer(x, layers):
        signals = [x]
        for layer in layers:
            signals.append(layer(signals[-1] if chained else x))
        table = np.array([(mean(each), spread(each), unit(each)) for each in signals[first:]])
        return table.T if columns else table

    return answer


def _unchained(x, layers):
    """Give every layer the inputs, as far as their shapes fit."""
    rows = [x, *(layer(x) for layer in layers)]
    return np.array([(each.mean(), each.std(), each.std(axis=0).mean()) for each in rows])


MOMENTS = Task(
    id="4.3",
    title="Through the layers",
    run=_run_moments,
    reference=_measure(),
    mistakes=(
        Mistake(
            _measure(unit=lambda x: x.std(axis=1).mean()),
            "the third number is the spread of one input over the units. It should follow one unit "
            "over the inputs: does it still tell them apart?",
        ),
        Mistake(
            _measure(unit=lambda x: x.mean(axis=0).std()),
            "the third number is the spread of the units' means. It should be the mean of the "
            "units' spreads.",
        ),
        Mistake(
            _measure(unit=lambda x: x.std(axis=0).max()),
            "the third number is that of the widest unit; the task asks for the mean over the "
            "units.",
        ),
        Mistake(
            _measure(unit=lambda x: math.sqrt(x.var(axis=0).mean())),
            "the variances of the units are averaged, and then the root is taken. It is the "
            "standard deviations that should be averaged.",
        ),
        Mistake(
            _measure(spread=np.var, unit=lambda x: x.var(axis=0).mean()),
            "these are variances; the task asks for standard deviations.",
        ),
        Mistake(
            _measure(first=1),
            "the first row is missing: the inputs themselves are measured too.",
        ),
        Mistake(
            _unchained,
            "every layer gets the inputs. Each should get what the one before it put out.",
        ),
        Mistake(
            _measure(columns=True),
            "rows and columns are swapped: a row for each measurement, with three columns.",
        ),
    ),
    hints=(
        "Measure the inputs, then send them through the first layer, measure what comes out, send "
        "that through the next, and so on.",
        "For the third number, `axis=0` runs over the inputs: one standard deviation for each "
        "unit. Then their mean.",
    ),
    holds=(
        Holds(
            "there is a row for the inputs and one for each layer",
            lambda got: got["a matrix, tanh, 2 x + 1"]["rows"] == 4,
        ),
        Holds(
            "the first column is the mean",
            lambda got: np.allclose(
                got["a matrix, tanh, 2 x + 1"]["mean"],
                _by_column(_measure()(_batch(), _layers()))["mean"],
            ),
        ),
    ),
)


# 4.4: which condition

BROKEN = {
    "nothing is broken": ("nothing", {}),
    "nothing is broken, other numbers": ("nothing", {}),
    "inputs of mean 3": ("inputs", {"input_mean": 3.0}),
    "inputs of mean -6": ("inputs", {"input_mean": -6.0}),
    "inputs of standard deviation 5": ("inputs", {"wide": 5.0}),
    "He's weights": ("weights", {"initializer": "he_normal"}),
    "a gain of 2.4": ("weights", {"gain": 2.4}),
    "dropout at rate 0.1": ("dropout", {"dropout": "dropout", "dropout_rate": 0.1}),
    "dropout at rate 0.15": ("dropout", {"dropout": "dropout", "dropout_rate": 0.15}),
    "skip connections": ("skip connections", {"architecture": "skip connections"}),
    "tanh": ("activation", {"activation": "tanh"}),
    "ELU": ("activation", {"activation": "elu"}),
    "ReLU": ("activation", {"activation": "relu"}),
}
LAYERS, WIDE = 40, 100


@cache
def _paths() -> dict[str, np.ndarray]:
    """Return what is measured in networks, each with one condition broken."""
    return {
        name: _path(number, **change) for number, (name, (_, change)) in enumerate(BROKEN.items())
    }


def _path(seed: int, wide: float = 1.0, gain: float | None = None, **change) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = wide * rng.normal(size=(60, WIDE))
    if gain is None:
        return np.array(measure_path(x, LAYERS, rng, **change)).T
    rows = [x]
    for _ in range(LAYERS):
        kernel = rng.normal(scale=math.sqrt(gain / WIDE), size=(WIDE, WIDE))
        rows.append(value("selu", rows[-1] @ kernel))
    return np.array([(each.mean(), each.std(), each.std(axis=0).mean()) for each in rows])


def _run_broken(answer):
    return {name: answer(path.copy()) for name, path in _paths().items()}


def _diagnose(
    inputs_by: tuple[str, ...] = ("mean", "std"),
    shrinks: str = "activation",
    least_dropout: float = 1.13,
    explodes: Callable = lambda std: "skip connections" if std[40] / std[20] > 250 else "weights",
    until: int = 41,
    column: int = 1,
) -> Callable:
    """Return an answer to 4.4 with rules of its own.

    Args:
        inputs_by: which of the inputs' measurements count.
        shrinks: what it says of a signal that fades away.
        least_dropout: the standard deviation from which on it finds dropout.
        explodes: from the standard deviations to what it says of a signal that grows on.
        until: the layers that count, up to this one.
        column: of the table, which is looked at in the layers.
    """

    def answer(path):
        off = {"mean": abs(path[0, 0]) > 1.2, "std": not 0.6 < path[0, 1] < 1.7}
        if any(off[name] for name in inputs_by):
            return "inputs"
        level = np.median(path[20:until, column]) if until > 20 else path[until - 1, column]
        if level < 0.5:
            return shrinks
        if level < 1.8:
            return "nothing" if level < least_dropout else "dropout"
        return explodes(path[:, 1])

    return answer


CONDITION = Task(
    id="4.4",
    title="Which condition?",
    run=_run_broken,
    reference=_diagnose(),
    mistakes=(
        Mistake(
            _diagnose(inputs_by=()),
            "networks with inputs that were not standardized pass for healthy: in the last layers "
            "nothing shows. Look at the first row.",
        ),
        Mistake(
            _diagnose(inputs_by=("mean",)),
            "inputs of mean 0 and a wrong spread are overlooked: standardized is both.",
        ),
        Mistake(
            _diagnose(inputs_by=("std",)),
            "inputs with a mean far from 0 are overlooked, since their spread is 1.",
        ),
        Mistake(
            _diagnose(shrinks="weights"),
            "a signal that fades away is put down to the weights. A gain of 2 and more makes it "
            "grow; what shrinks it is a flatter activation.",
        ),
        Mistake(
            _diagnose(least_dropout=1.7),
            "ordinary dropout is overlooked. It leaves a fixed point, a little above 1: compare "
            "it with how much the healthy network wanders.",
        ),
        Mistake(
            _diagnose(explodes=lambda std: "weights"),
            "everything that grows is put down to the weights. A skip connection adds the variance "
            "of the input in every layer: compare how fast it grows.",
        ),
        Mistake(
            _diagnose(explodes=lambda std: "skip connections"),
            "everything that grows is put down to skip connections. Too large weights let it grow "
            "too, far more slowly.",
        ),
        Mistake(
            _diagnose(
                explodes=lambda std: "skip connections" if std[1] > 1.35 else "weights",
            ),
            "skip connections and weights are told apart by the first layer. There a gain of 2.4 "
            "does what a skip connection does; look at how it goes on.",
        ),
    ),
    hints=(
        "Begin with the first row, the inputs. Then ask of the later layers: does the standard "
        "deviation shrink, stay, or grow on?",
        "Where it stays, there are two levels: 1, and a quarter or more above it. Average over "
        "many layers, since single ones wander by a tenth.",
        "Where it grows, compare how often it multiplies from layer 20 to layer 40: tens of times "
        "or thousands.",
    ),
    holds=(
        Holds(
            "healthy networks are found healthy",
            lambda got: (
                got["nothing is broken"] == got["nothing is broken, other numbers"] == "nothing"
            ),
        ),
        Holds(
            "inputs that are not standardized are found",
            lambda got: all(
                got[name] == "inputs" for name, (right, _) in BROKEN.items() if right == "inputs"
            ),
        ),
        Holds(
            "a fading signal is put down to the activation",
            lambda got: got["tanh"] == got["ELU"] == got["ReLU"] == "activation",
        ),
    ),
)

TASKS = (CONSTANTS, DROPOUT, MOMENTS, CONDITION)
