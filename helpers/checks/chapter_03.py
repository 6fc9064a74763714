"""Chapter 03, activation functions: right answers, and wrong ones that people give."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.special import erf, expit, log1p

from helpers.checks.task import (
    Holds,
    Mistake,
    Task,
    UnusableError,
    as_array,
    described,
    named,
)
from helpers.theory.activations import slope, value

# 3.1: two halves

POINTS = (-6.0, -2.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 2.0, 9.0)
ALPHAS = {"alpha 1, by default": {}, "alpha 0.5": {"alpha": 0.5}, "alpha 2": {"alpha": 2.0}}


def _run_elu(answer):
    return {
        name: named(answer(np.array(POINTS), **alpha), "value", "slope")
        for name, alpha in ALPHAS.items()
    }


def _elu(
    below: Callable = lambda z, alpha: value("elu", z, alpha=alpha),
    slope_below: Callable = lambda z, alpha: slope("elu", z, alpha=alpha),
    meet: float = 0.0,
) -> Callable:
    """Return an answer to 3.1, from what it has in its lower half, up to where the halves meet."""

    def answer(z, alpha=1.0):
        z = np.asarray(z, dtype=float)
        lower = z <= meet
        return np.where(lower, below(z, alpha), z), np.where(lower, slope_below(z, alpha), 1.0)

    return answer


def _at_positive(part: str, right: Callable) -> Callable:
    above = np.array(POINTS) > 0
    return lambda got: all(
        np.allclose(each[part][above], right(np.array(POINTS)[above])) for each in got.values()
    )


ELU = Task(
    id="3.1",
    title="Two halves",
    run=_run_elu,
    reference=_elu(),
    mistakes=(
        Mistake(
            _elu(lambda z, alpha: np.expm1(z), lambda z, alpha: np.exp(z), meet=np.inf),
            "this is exp(z) - 1 everywhere, the myth of the lesson: only its lower half is ELU's, "
            "and alpha is missing there.",
        ),
        Mistake(
            _elu(
                lambda z, alpha: alpha * np.expm1(z),
                lambda z, alpha: alpha * np.exp(z),
                meet=np.inf,
            ),
            "the exponential is everywhere, so above 0 the function runs away. There it is z "
            "itself, with slope 1.",
        ),
        Mistake(
            _elu(
                lambda z, alpha: alpha * np.expm1(z), lambda z, alpha: alpha * np.exp(z), meet=1.0
            ),
            "the halves meet at 1 here. They meet at 0, where both have the value 0.",
        ),
        Mistake(
            _elu(lambda z, alpha: alpha * np.exp(z) - 1),
            "alpha multiplies the exponential alone, so at 0 the value is alpha - 1. It belongs "
            "before the whole bracket.",
        ),
        Mistake(
            _elu(slope_below=lambda z, alpha: np.exp(z)),
            "the value is right; below 0 the slope lacks alpha.",
        ),
        Mistake(
            _elu(lambda z, alpha: np.expm1(z), lambda z, alpha: np.exp(z)),
            "alpha has no effect: both halves are those of alpha = 1.",
        ),
        Mistake(
            _elu(slope_below=lambda z, alpha: alpha * np.expm1(z)),
            "below 0 the slope is the value. The derivative of a constant is 0: the -1 goes.",
        ),
        Mistake(
            _elu(lambda z, alpha: alpha * z, lambda z, alpha: alpha),
            "this is a leaky ReLU, straight below 0. ELU is an exponential there.",
        ),
        Mistake(
            lambda z, alpha=1.0: _elu()(z, alpha)[::-1],
            "both arrays are right, and in the other order: the value comes first.",
        ),
        Mistake(
            lambda z, alpha=1.0: (
                _elu()(z, alpha)[0],
                np.where(np.asarray(z) < 0, alpha * np.exp(z), 1),
            ),
            "at 0 itself the slope is that of the upper half. The task asks for the lower one, "
            "which is what Keras takes too.",
        ),
    ),
    hints=(
        "`np.where(z > 0, ..., ...)` takes from one array where it holds, and from another where "
        "it does not. You need it twice.",
        "The derivative of the lower half: the constant falls away, alpha stays. The upper half "
        "has the slope of a straight line.",
    ),
    holds=(
        Holds(
            "above 0 the value is z",
            _at_positive("value", lambda z: z),
        ),
        Holds(
            "above 0 the slope is 1",
            _at_positive("slope", np.ones_like),
        ),
    ),
)


# 3.2: a slope that learns

SLOPES = (0.25, 0.0, -0.5, 1.5)


def _run_prelu(answer):
    rng = np.random.default_rng(1)
    z, arriving = rng.normal(size=(2, 9, len(SLOPES)))
    return named(answer(z, np.array(SLOPES), arriving), "by z", "by a")


def _prelu(
    by_z: Callable = lambda z, a, arriving: arriving * np.where(z > 0, 1, a),
    product: Callable = lambda z, arriving: arriving * np.minimum(z, 0),
    total: Callable = lambda products: products.sum(axis=0),
) -> Callable:
    """Return an answer to 3.2: one gradient, and the products that are added up to the other."""
    return lambda z, a, arriving: (by_z(z, a, arriving), total(product(z, arriving)))


def _by_z_is_right(got) -> bool:
    return np.allclose(got["by z"], _run_prelu(_prelu())["by z"])


PRELU = Task(
    id="3.2",
    title="A slope that learns",
    run=_run_prelu,
    reference=_prelu(),
    mistakes=(
        Mistake(
            _prelu(total=lambda products: products),
            "the gradient by a has a row for each input. A unit has one a for all of them, so "
            "what they say is added up.",
        ),
        Mistake(
            _prelu(total=lambda products: products.mean(axis=0)),
            "the gradient by a is averaged over the inputs. It is a sum: whoever takes the mean of "
            "the loss has divided by n already.",
        ),
        Mistake(
            _prelu(total=lambda products: products.sum(axis=1)),
            "the gradient by a is added up over the units, with a number for each input. Every "
            "unit has its own a.",
        ),
        Mistake(
            _prelu(total=np.sum),
            "the gradient by a is one number. Every unit has its own a, and its own gradient.",
        ),
        Mistake(
            _prelu(product=lambda z, arriving: arriving * z),
            "positive z count for the gradient by a, and they should not: above 0 the output does "
            "not depend on a.",
        ),
        Mistake(
            _prelu(product=lambda z, arriving: np.minimum(z, 0)),
            "the gradient by a does not depend on what arrives. That is the derivative of the "
            "output; the chain rule multiplies it by the gradient that comes in.",
        ),
        Mistake(
            _prelu(product=lambda z, arriving: arriving * (z < 0)),
            "for the gradient by a, what arrives is added up wherever z is negative. By how much "
            "does a z change when a does?",
        ),
        Mistake(
            _prelu(by_z=lambda z, a, arriving: np.where(z > 0, 1, a) + 0 * arriving),
            "the gradient by z is the slope alone. It has to be multiplied by what arrives.",
        ),
        Mistake(
            _prelu(by_z=lambda z, a, arriving: arriving * (z > 0)),
            "the gradient by z is that of a ReLU: below 0 the slope is a, not 0.",
        ),
    ),
    hints=(
        "By z: what arrives, times the slope, which is 1 or the unit's a. Arrays (n, units) and "
        "(units,) multiply as you want them to.",
        "By a: the output a z changes by z when a changes by 1, and above 0 it does not change at "
        "all. Multiply by what arrives.",
        "Then add up over the axis on which the inputs are. What is left has one number a unit.",
    ),
    holds=(
        Holds("the gradient by z is right", _by_z_is_right),
        Holds(
            "there is one gradient by a for each unit",
            lambda got: np.shape(got["by a"]) == (len(SLOPES),),
        ),
    ),
)


# 3.3: large numbers

MIDDLE = (-10.0, -3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0, 10.0)
FAR = 40.0  # where 1 + exp(-z) is 1 in float64
FARTHEST = 1000.0
SMOOTH = ("logistic", "softplus", "Mish")


def _run_smooth(answer):
    with warnings.catch_warnings(record=True) as warned, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        middle, small, large = (
            _three(answer(np.array(z))) for z in (MIDDLE, [-FAR], [-FARTHEST, FARTHEST])
        )
    found = {f"{name} from -10 to 10": middle[name] for name in SMOOTH}
    parts = zip(SMOOTH, (np.exp(-FAR), np.exp(-FAR), -FAR * np.exp(-FAR)), strict=True)
    for name, exact in parts:
        ratio = as_array(small[name], f"{name} of one number", (1,))[0] / exact
        found[f"{name} at -40, over what it should be"] = ratio
    for name, ends in zip(SMOOTH, ([0, 1], [0, FARTHEST], [0, FARTHEST]), strict=True):
        at_ends = as_array(large[name], f"{name} of two numbers", (2,))
        found[f"{name} at -1000 and at 1000"] = np.allclose(at_ends, ends)
    return {**found, "no warning": not any(issubclass(w.category, RuntimeWarning) for w in warned)}


def _three(found) -> dict:
    three = named(found, *SMOOTH)
    if not isinstance(three, dict):
        raise UnusableError(f"`smooth` returns {described(found)}, expected three arrays")
    return three


def _as_written(
    logistic: Callable = lambda z: 1 / (1 + np.exp(-z)),
    softplus: Callable = lambda z: np.log(1 + np.exp(z)),
    mish: Callable = lambda z, softplus: z * np.tanh(softplus),
    prepare: Callable = lambda z: z,
) -> Callable:
    """Return an answer to 3.3, by the formulas as they stand but for those that are given."""

    def answer(z):
        z = prepare(np.asarray(z, dtype=float))
        plus = softplus(z)
        return logistic(z), plus, mish(z, plus)

    return answer


def _safe_softplus(z):
    return np.maximum(z, 0) + log1p(np.exp(-np.abs(z)))


def _safe(**parts: Callable) -> Callable:
    """Return a right answer to 3.3, but for the parts that are given."""
    return _as_written(**{"logistic": expit, "softplus": _safe_softplus, **parts})


def _chosen(z, small, large):
    return np.where(z > 0, large(z), small(z))


def _right_in_the_middle(got) -> bool:
    right = _safe()(MIDDLE)
    return all(
        np.allclose(got[f"{name} from -10 to 10"], each)
        for name, each in zip(SMOOTH, right, strict=True)
    )


LARGE = Task(
    id="3.3",
    title="Large numbers",
    run=_run_smooth,
    reference=_safe(),
    mistakes=(
        Mistake(
            _as_written(),
            "these are the formulas as they stand: the exponential overflows for a large number. "
            "Which exponent is never positive?",
        ),
        Mistake(
            _as_written(logistic=lambda z: np.exp(z) / (1 + np.exp(z))),
            "for a large z the logistic function divides infinity by infinity.",
        ),
        Mistake(
            _as_written(softplus=lambda z: np.log1p(np.exp(z))),
            "the small numbers are right now, and the exponential overflows for a large z as "
            "before.",
        ),
        Mistake(
            _safe(
                logistic=lambda z: _chosen(
                    z, lambda z: np.exp(z) / (1 + np.exp(z)), lambda z: 1 / (1 + np.exp(-z))
                ),
                softplus=lambda z: _chosen(
                    z, lambda z: log1p(np.exp(z)), lambda z: z + log1p(np.exp(-z))
                ),
            ),
            "the numbers are right, and there are warnings: `np.where` works out both halves for "
            "every z, and throws one away. Feed each half what it can bear.",
        ),
        Mistake(
            _safe(softplus=lambda z: np.maximum(z, 0) + np.log(1 + np.exp(-np.abs(z)))),
            "far below 0 softplus and Mish are 0: next to 1 a tiny number is lost, before the "
            "logarithm sees it.",
        ),
        Mistake(
            _safe(logistic=lambda z: (1 + np.tanh(z / 2)) / 2),
            "the logistic function is made of tanh. It cannot overflow; and far below 0 the two "
            "terms cancel, and 0 is left.",
        ),
        Mistake(
            _as_written(prepare=lambda z: np.clip(z, -500, 500)),
            "z is cut off, so softplus and Mish of 1000 are no longer 1000. And the small numbers "
            "are lost as before.",
        ),
        Mistake(
            _safe(mish=lambda z, softplus: z * expit(z)),
            "the third function is Swish. Mish has the hyperbolic tangent of softplus.",
        ),
        Mistake(
            _safe(mish=lambda z, softplus: z * np.tanh(z)),
            "in the third function tanh is taken of z; it should be taken of softplus.",
        ),
    ),
    hints=(
        "Begin with exp(-|z|): it lies between 0 and 1 for any z. What are the three functions in "
        "terms of it, for z above 0 and below?",
        "ln(1 + exp(z)) is z + ln(1 + exp(-z)). With the larger of z and 0 in front, that holds on "
        "both sides, with -|z| in the exponent.",
        "The logistic function is 1 / (1 + e) above 0 and e / (1 + e) below, with the same e. Mish "
        "needs nothing new.",
    ),
    holds=(
        Holds("from -10 to 10 all three are right", _right_in_the_middle),
        Holds("there is no warning", lambda got: got["no warning"]),
        Holds(
            "far below 0 the small numbers are right",
            lambda got: all(
                abs(got[f"{name} at -40, over what it should be"] - 1) < 1e-6 for name in SMOOTH
            ),
        ),
    ),
)


# 3.4: GELU, exactly and nearly

# Not the same on both sides of 0: the gap is, and it would be largest twice.
RANGES = {"from -1 to 5": (-1, 5), "from -6 to 1": (-6, 1), "from -0.5 to 2": (-0.5, 2)}
CUBIC = 0.044715


def _run_gelu(answer):
    return {
        name: named(answer(np.linspace(*ends, 300)), "exactly", "nearly", "farthest apart at")
        for name, ends in RANGES.items()
    }


def _bent(factor: float = np.sqrt(2 / np.pi), cubic: float = CUBIC, power: int = 3) -> Callable:
    return lambda z: z * (1 + np.tanh(factor * (z + cubic * z**power))) / 2


def _gelu(
    exact: Callable = lambda z: value("gelu", z),
    nearly: Callable | None = None,
    farthest: Callable = lambda z, gap: z[np.argmax(np.abs(gap))],
) -> Callable:
    """Return an answer to 3.4; ``farthest`` gets z and the one minus the other."""

    def answer(z):
        one, other = exact(z), (nearly or _bent())(z)
        return one, other, farthest(z, one - other)

    return answer


def _both_are_close(got) -> bool:
    return all(np.abs(each["exactly"] - each["nearly"]).max() < 5e-4 for each in got.values())


GELU = Task(
    id="3.4",
    title="GELU, exactly and nearly",
    run=_run_gelu,
    reference=_gelu(),
    mistakes=(
        Mistake(
            _gelu(farthest=lambda z, gap: np.argmax(np.abs(gap))),
            "the third value is a place in the array. Asked for is the z that stands there.",
        ),
        Mistake(
            _gelu(farthest=lambda z, gap: np.abs(gap).max()),
            "the third value is how far they are apart. Asked for is where.",
        ),
        Mistake(
            _gelu(farthest=lambda z, gap: z[np.argmax(gap)]),
            "the third value is where the exact one is farthest above the near one. It can lie "
            "below as well: drop the sign of the gap.",
        ),
        Mistake(
            _gelu(farthest=lambda z, gap: z[np.argmin(gap)]),
            "the third value is where the exact one is farthest below the near one. It can lie "
            "above as well: drop the sign of the gap.",
        ),
        Mistake(
            _gelu(exact=lambda z: z * (1 + erf(z)) / 2),
            "in the exact one `erf` gets z as it is. erf belongs to a normal distribution of "
            "variance 1/2, so z has to be divided by a root.",
        ),
        Mistake(
            _gelu(exact=lambda z: z * erf(z / np.sqrt(2))),
            "in the exact one erf stands for the share below z. It goes from -1 to 1, and a share "
            "from 0 to 1.",
        ),
        Mistake(
            _gelu(nearly=_bent(factor=2 / np.pi)),
            "in the near one the factor before the bracket is 2 / pi; it should be its root.",
        ),
        Mistake(
            _gelu(nearly=_bent(power=2)),
            "in the near one z is squared inside tanh. A third power keeps tanh odd.",
        ),
        Mistake(
            _gelu(nearly=_bent(cubic=0.0)),
            "in the near one the cubic term is missing.",
        ),
        Mistake(
            _gelu(nearly=lambda z: z * expit(1.702 * z)),
            "this is the other approximation, by a logistic function. The task has the one by "
            "tanh.",
        ),
    ),
    hints=(
        "Both formulas stand in the task. `erf` and `np.tanh` take whole arrays.",
        "The gap is a difference of two arrays. `argmax` gives the place of its largest number, "
        "and z at that place is what is asked for.",
        "The difference has both signs: take it without its sign before you look for the largest.",
    ),
    holds=(
        Holds("the two are nowhere farther apart than 0.0005", _both_are_close),
        Holds(
            "the exact one is right",
            lambda got: all(
                np.allclose(got[name]["exactly"], value("gelu", np.linspace(*ends, 300)))
                for name, ends in RANGES.items()
            ),
        ),
    ),
)


# 3.5: dead for every image

THRESHOLD = 1e-3
HIDDEN = {
    "ReLU, two layers": "relu",
    "leaky ReLU, two layers": "leaky_relu",
    "ELU, two layers": "elu",
    "GELU, two layers": "gelu",
}


def _layers():
    """Return inputs, kernels and biases, with units in every state that is to be told apart.

    The first units of a layer are, for ReLU: off for all inputs, barely so; off for nearly all; on
    for all. The others are on for some. Units that GELU slopes down in for every input come last.
    """
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 6))
    kernels = [rng.normal(0, 0.6, (6, 8)), rng.normal(0, 0.5, (8, 8))]
    biases = [np.array([-30.0, -30.0, -3.0, 9.0, 0.0, 0.2, -0.3, -2.0]) for _ in kernels]
    for kernel in kernels:
        kernel[:, -1] *= 0.02
    kernels[1][:, -1] *= 0.2
    biases[1][1] = -0.2
    return x, kernels, biases


def _run_dead(answer):
    found = {name: answer(*_layers(), activation) for name, activation in HIDDEN.items()}
    # A list as it is: each layer is a part of its own.
    return {name: list(each) if isinstance(each, tuple) else each for name, each in found.items()}


def _dead(
    flat: Callable = lambda z, activation: np.abs(slope(activation, z)) < THRESHOLD,
    over: Callable = lambda flat: flat.all(axis=0),
    bias: float = 1.0,
    passed_on: Callable = lambda z, activation: value(activation, z),
) -> Callable:
    """Return an answer to 3.5.

    Args:
        flat: where a unit passes nothing back, from pre-activations and activation.
        over: from that, (n, units), to which are dead.
        bias: what the biases are multiplied by.
        passed_on: what the next layer gets.
    """

    def answer(x, kernels, biases, activation):
        dead = []
        for kernel, shift in zip(kernels, biases, strict=True):
            z = x @ kernel + bias * shift
            dead.append(over(flat(z, activation)))
            x = passed_on(z, activation)
        return dead

    return answer


def _first_layers_are_right(got) -> bool:
    right = _run_dead(_dead())
    return all(np.array_equal(got[name][0], right[name][0]) for name in HIDDEN)


def _one_for_each_unit(got) -> bool:
    return all([np.shape(layer) for layer in got[name]] == [(8,), (8,)] for name in HIDDEN)


DEAD = Task(
    id="3.5",
    title="Dead for every image",
    run=_run_dead,
    reference=_dead(),
    mistakes=(
        Mistake(
            _dead(over=lambda flat: flat.any(axis=0)),
            "a unit counts as dead here if a single input leaves it flat. That is rest: another "
            "input brings it back.",
        ),
        Mistake(
            _dead(over=lambda flat: flat[0]),
            "only the first input was asked. A unit is dead if none of them gets through.",
        ),
        Mistake(
            _dead(over=lambda flat: flat.all(axis=1)),
            "there is an answer for each input: whether it reaches no unit. Asked for is one for "
            "each unit.",
        ),
        Mistake(
            _dead(over=lambda flat: ~flat.all(axis=0)),
            "True and False are the wrong way round: these are the units that are alive.",
        ),
        Mistake(
            _dead(over=lambda flat: flat.all(axis=0).sum()),
            "these are counts. Asked for is which units are dead, True or False for each.",
        ),
        Mistake(
            _dead(flat=lambda z, activation: slope(activation, z) < THRESHOLD),
            "a negative slope counts as small here. GELU falls in places, and passes a gradient "
            "back there.",
        ),
        Mistake(
            _dead(flat=lambda z, activation: value(activation, z) <= 0),
            "this asks for the output, and it is right for ReLU only. A leaky ReLU puts out less "
            "than 0 and still learns: ask for the slope.",
        ),
        Mistake(
            _dead(bias=0.0),
            "the biases are left out. They are what kills most units.",
        ),
        Mistake(
            _dead(passed_on=lambda z, activation: z),
            "the next layer gets the pre-activations. It should see what this one puts out.",
        ),
    ),
    hints=(
        "Go up layer by layer as in a forward pass. In each layer the slopes at the "
        "pre-activations make an array (n, units).",
        "A unit is a column of it. It is dead if even its largest slope, without the sign, is "
        "below a thousandth.",
        "After that the outputs of the layer become what the next one gets.",
    ),
    holds=(
        Holds("there is an answer for each unit of each layer", _one_for_each_unit),
        Holds("the first layers are right", _first_layers_are_right),
    ),
)


# 3.6: decide


def _networks(which: int) -> dict:
    """Return made-up networks: how many of their units are dead is in their biases."""
    plans = (
        {  # name: activation, dead units in the first and in the second layer, accuracy
            "relu, rate 1": ("relu", 2, 0, 0.97),
            "elu, rate 0.1": ("elu", 0, 0, 0.91),
            "relu, rate 0.1": ("relu", 0, 0, 0.95),
            "gelu, rate 1": ("gelu", 0, 3, 0.96),
            "leaky ReLU, rate 1": ("leaky_relu", 0, 0, 0.12),
        },
        {
            "leaky ReLU, rate 1": ("leaky_relu", 0, 0, 0.10),
            "elu, rate 1": ("elu", 4, 1, 0.60),
            "relu, rate 0.1": ("relu", 1, 0, 0.94),
            "elu, rate 0.1": ("elu", 0, 0, 0.93),
        },
    )
    networks = {}
    for seed, (name, (activation, *dead, accuracy)) in enumerate(plans[which].items()):
        rng = np.random.default_rng(seed)
        kernels = [rng.normal(0, 0.3, (5, 7)), rng.normal(0, 0.3, (7, 7))]
        biases = [np.where(np.arange(7) < count, -60.0, 1.0) for count in dead]
        networks[name] = (kernels, biases, activation, accuracy)
    return networks


def _run_choose(answer):
    x = np.random.default_rng(1).normal(size=(50, 5))
    return {
        name: named(answer(_networks(which), x.copy()), "dead", "chosen")
        for which, name in enumerate(("five networks", "four networks"))
    }


def _choose(
    dead: Callable | None = None,
    count: Callable = lambda layers: int(sum(layer.sum() for layer in layers)),
    key: Callable = lambda dead, accuracy: (dead == 0, accuracy),
) -> Callable:
    """Return an answer to 3.6: how it finds the dead units, counts them, and what it looks for."""

    def answer(networks, x):
        counts = {
            name: count((dead or _dead())(x, kernels, biases, activation))
            for name, (kernels, biases, activation, _) in networks.items()
        }
        return counts, max(networks, key=lambda name: key(counts[name], networks[name][3]))

    return answer


def _counts_are_right(got) -> bool:
    return all(each["dead"] == _run_choose(_choose())[name]["dead"] for name, each in got.items())


def _none_dead(got) -> bool:
    return all(each["dead"][each["chosen"]] == 0 for each in got.values())


CHOOSE = Task(
    id="3.6",
    title="Decide",
    run=_run_choose,
    reference=_choose(),
    mistakes=(
        Mistake(
            _choose(key=lambda dead, accuracy: accuracy),
            "the counts are right, and the choice does not look at them: it is the highest "
            "accuracy of all.",
        ),
        Mistake(
            _choose(key=lambda dead, accuracy: -dead),
            "the choice has no dead unit, and the accuracy was not asked: it is the first of its "
            "kind.",
        ),
        Mistake(
            _choose(key=lambda dead, accuracy: (dead == 0, -accuracy)),
            "of the networks without a dead unit this is the worst.",
        ),
        Mistake(
            _choose(count=lambda layers: int(layers[0].sum())),
            "only the first layer is counted. Units die in every layer.",
        ),
        Mistake(
            _choose(count=lambda layers: int(layers[-1].sum())),
            "only the last layer is counted. Units die in every layer.",
        ),
        Mistake(
            _choose(count=lambda layers: float(np.mean(np.concatenate(layers)))),
            "the choice is right; for each network there is a share, and the task asks for a "
            "count.",
        ),
        Mistake(
            _choose(_dead(over=lambda flat: ~flat.all(axis=0))),
            "the units that are alive are counted.",
        ),
        Mistake(
            lambda networks, x: _choose()(networks, x)[::-1],
            "counts and choice stand in the other order.",
        ),
    ),
    hints=(
        "`dead_units` gives a list of boolean arrays for each network. The sum of a boolean array "
        "is how many are True.",
        "First the dictionary of counts. Then keep the names whose count is 0, and of these take "
        "the one with the highest accuracy: `max` takes a `key`.",
    ),
    holds=(
        Holds("the dead units of every network are counted right", _counts_are_right),
        Holds("by your counts, the network that you choose has none", _none_dead),
    ),
)

TASKS = (ELU, PRELU, LARGE, GELU, DEAD, CHOOSE)
