"""Chapter 01, vanishing gradients: right answers, and wrong ones that people give."""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from helpers.checks.task import Holds, Mistake, Task, as_array, named
from helpers.theory.activations import slope, value
from helpers.theory.mean_field import chi, fixed_point, normal_mean, variance_map

WIDTH = 6  # every kernel is square: a kernel that was not transposed fits too, and can be named


def _network(depth: int, inputs: int = 5, seed: int = 1):
    """Return inputs, kernels, and a gradient to send in, large enough to bend every curve."""
    rng = np.random.default_rng(seed)
    x, sent = rng.normal(0, 1.5, (2, inputs, WIDTH))
    return x, list(rng.normal(0, 0.8, (depth, WIDTH, WIDTH))), sent


# 1.1: up

STACKS = {"tanh, 3 layers": ("tanh", 3), "logistic, 2 layers": ("logistic", 2)}


def _run_forward(answer):
    results = {}
    for name, (activation, depth) in STACKS.items():
        x, kernels, _ = _network(depth)
        results[name] = _listed(answer(x, kernels, activation), "pre-activations", "outputs")
    return results


def _listed(value, *names: str):
    """Return lists of arrays by their names, each list as it is: its length is told as wrong."""
    lists = named(value, *names)
    if not isinstance(lists, dict):
        return lists
    return {
        name: list(each) if isinstance(each, tuple | list) else each for name, each in lists.items()
    }


def _up(
    activate: Callable = value,
    passed_on: Callable = lambda x, z, output: output,
    turn: Callable = lambda kernel: kernel,
    last: Callable | None = None,
) -> Callable:
    """Return an answer to 1.1.

    Args:
        activate: the activation, from its name and the pre-activations.
        passed_on: what the next layer gets, of input, pre-activations and outputs of this one.
        turn: what a kernel is turned into.
        last: the activation of the last layer; None for that of the others.
    """

    def answer(x, kernels, activation):
        pre_activations, outputs = [], []
        for number, kernel in enumerate(kernels, start=1):
            pre_activations.append(x @ turn(kernel))
            curve = last if last and number == len(kernels) else activate
            outputs.append(curve(activation, pre_activations[-1]))
            x = passed_on(x, pre_activations[-1], outputs[-1])
        return pre_activations, outputs

    return answer


def _inputs_for_outputs(x, kernels, activation):
    pre_activations, outputs = _up()(x, kernels, activation)
    return pre_activations, [x, *outputs[:-1]]


def _activated_inputs(x, kernels, activation):
    return _up()(value(activation, x), kernels, activation)


def _first_is_right(got) -> bool:
    for name, (_, depth) in STACKS.items():
        x, kernels, _ = _network(depth)
        if not np.allclose(got[name]["pre-activations"][0], x @ kernels[0]):
            return False
    return True


def _activation_fits(got) -> bool:
    return all(
        np.allclose(output, value(STACKS[name][0], z))
        for name, lists in got.items()
        for z, output in zip(lists["pre-activations"], lists["outputs"], strict=True)
    )


FORWARD = Task(
    id="1.1",
    title="Up",
    run=_run_forward,
    reference=_up(),
    mistakes=(
        Mistake(
            _up(passed_on=lambda x, z, output: z),
            "the next layer gets the pre-activations. It should see what this one puts out.",
        ),
        Mistake(
            _up(passed_on=lambda x, z, output: x),
            "every layer gets the inputs of the network. Each should get the outputs of the layer "
            "before it.",
        ),
        Mistake(
            lambda x, kernels, activation: _up()(x, kernels, activation)[::-1],
            "the two lists are there, and in the other order: pre-activations come first.",
        ),
        Mistake(
            _inputs_for_outputs,
            "the second list holds what each layer gets. It should hold what each layer makes of "
            "it, the last layer's too.",
        ),
        Mistake(
            _up(last=lambda activation, z: z),
            "the last layer has no activation here. As the output layer of a classifier that "
            "would be usual; in this stack it is a layer like the others.",
        ),
        Mistake(
            _up(turn=np.transpose),
            "the kernels are transposed. The shape is (fan_in, fan_out), and inputs stand in rows; "
            "transposed is the way back.",
        ),
        Mistake(
            _activated_inputs,
            "the activation was applied to the inputs of the network too. A layer multiplies "
            "first.",
        ),
        Mistake(
            _up(activate=slope),
            "the outputs are slopes. The slope is for the way back; up goes the value.",
        ),
    ),
    hints=(
        "One loop over the kernels, and one array that changes: what the next layer gets.",
        "In each turn: multiply what the layer gets by its kernel, and keep that. Apply the "
        "activation, keep that too, and hand it on.",
    ),
    holds=(
        Holds("the pre-activations of the first layer are right", _first_is_right),
        Holds("every output is the activation of its own pre-activations", _activation_fits),
    ),
)


# 1.2: and back


def _run_backward(answer):
    results = {}
    for name, (activation, depth) in STACKS.items():
        x, kernels, sent = _network(depth)
        pre_activations = _up()(x, kernels, activation)[0]
        found = answer(pre_activations, kernels, activation, sent)
        results[name] = list(found) if isinstance(found, tuple | list) else found
    return results


def _back(
    steepness: Callable = slope,
    turn: Callable = np.transpose,
    top: bool = True,
    own_kernel: bool = False,
    before_slope: bool = False,
) -> Callable:
    """Return an answer to 1.2.

    Args:
        steepness: what the gradient is multiplied by, from activation and pre-activations.
        turn: what a kernel is turned into.
        top: whether the slope of the top layer is in it.
        own_kernel: take each layer's own kernel, instead of that of the layer above.
        before_slope: return the gradients by the outputs.
    """

    def answer(pre_activations, kernels, activation, sent):
        depth = len(kernels)
        by_output, by_sum = [None] * depth, [None] * depth
        for layer in reversed(range(depth)):
            if layer == depth - 1:
                by_output[layer] = sent
            else:
                kernel = kernels[layer if own_kernel else layer + 1]
                by_output[layer] = by_sum[layer + 1] @ turn(kernel)
            steep = steepness(activation, pre_activations[layer])
            by_sum[layer] = by_output[layer] * (steep if top or layer < depth - 1 else 1)
        return by_output if before_slope else by_sum

    return answer


def _top_is_right(got) -> bool:
    return _right_layers(got, slice(-1, None))


def _right_layers(got, which: slice) -> bool:
    for name, (activation, depth) in STACKS.items():
        x, kernels, sent = _network(depth)
        right = _back()(_up()(x, kernels, activation)[0], kernels, activation, sent)
        if not all(map(np.allclose, got[name][which], right[which])):
            return False
    return True


BACKWARD = Task(
    id="1.2",
    title="And back",
    run=_run_backward,
    reference=_back(),
    mistakes=(
        Mistake(
            lambda pre_activations, kernels, activation, sent: _back()(
                pre_activations, kernels, activation, sent
            )[::-1],
            "the gradients stand in the order in which they were computed, the last layer first.",
        ),
        Mistake(
            _back(top=False),
            "in the top layer the slope is missing: what is sent in is a gradient by its outputs, "
            "and you want one by its pre-activations.",
        ),
        Mistake(
            _back(before_slope=True),
            "these are the gradients by the outputs of each layer. By the pre-activations, the "
            "layer's own slope comes on top.",
        ),
        Mistake(
            _back(turn=lambda kernel: kernel),
            "the kernels are not transposed. Going back, a gradient has to get from the units of "
            "a layer to its inputs.",
        ),
        Mistake(
            _back(own_kernel=True),
            "each layer uses its own kernel. What comes down to a layer came through the kernel "
            "of the layer above it.",
        ),
        Mistake(
            _back(steepness=lambda activation, z: slope(activation, value(activation, z))),
            "the slope is taken at the outputs. The activation was applied at the pre-activations, "
            "so its slope is wanted there.",
        ),
        Mistake(
            _back(steepness=value),
            "the gradient is multiplied by the value of the activation, where it should be by the "
            "slope.",
        ),
        Mistake(
            _back(steepness=lambda activation, z: 1.0),
            "the slopes are missing: this is the gradient of a stack without activations.",
        ),
    ),
    hints=(
        "Begin at the top. Two things happen in each layer: the gradient by its outputs becomes "
        "one by its pre-activations, and that one becomes a gradient by its inputs.",
        "The first is a product with the layer's slopes, number by number. The second is a matrix "
        "product with its own kernel, transposed. The inputs of a layer are the outputs of the one "
        "below.",
        "Walk through both lists from their ends. You meet the last layer first, and the list that "
        "you return begins with the first.",
    ),
    holds=(
        Holds("the gradient of the last layer is right", _top_is_right),
        Holds(
            "there is one gradient for each layer",
            lambda got: all(len(got[name]) == depth for name, (_, depth) in STACKS.items()),
        ),
    ),
)


# 1.3: can it learn?

ALIKE, APART = 0.2, 1.0
# Each network: how large its gradient is in the first layer beside the last, and how much of the
# spread of its last outputs comes from the inputs.
NETWORKS = {
    "a gradient that vanishes": (1e-4, APART),
    "one that shrinks a little": (0.05, APART),
    "one that grows a little": (20.0, APART),
    "one that explodes": (1e4, APART),
    "inputs that look alike": (0.8, ALIKE),
    "alike, and it vanishes": (1e-3, ALIKE),
    "alike, and it explodes": (1e3, ALIKE),
}


def _run_diagnose(answer):
    return {
        name: named(answer(*_measured(ratio, share)), "ratio", "apart", "verdict")
        for name, (ratio, share) in NETWORKS.items()
    }


def _measured(ratio: float, share: float):
    """Return made-up outputs and gradients of three layers.

    The units of a layer differ in how much they vary, so that a mean of standard deviations is
    something else than the root of a mean variance.
    """
    rng = np.random.default_rng(1)
    size = (60, 8)
    steps = np.linspace(0.1, 2, size[1])
    means = rng.normal(0, 1, size[1]) * math.sqrt(1 - share**2)
    last = means + share * steps * rng.normal(size=size)
    outputs = [rng.normal(0, 1, size) * steps, 3 + rng.normal(0, 2, size), last]
    # Not about 0: a standard deviation is neither a root mean square nor a mean.
    sizes = zip((ratio, 7.0, 1.0), (0.8, 0.1, -0.4), strict=True)
    gradients = [size_ * (middle + rng.normal(size=size)) for size_, middle in sizes]
    return outputs, gradients


def _verdict(ratio: float, apart: float) -> str:
    """Return the verdict of the task's third point."""
    if not 1 / 100 <= ratio <= 100:
        return "vanishes" if ratio < 1 else "explodes"
    return "all alike" if apart < 0.5 else "healthy"


def _alike_first(ratio: float, apart: float) -> str:
    return "all alike" if apart < 0.5 else _verdict(ratio, apart)


def _no_room(ratio: float, apart: float) -> str:
    return "vanishes" if ratio < 1 else "explodes"


def _within_units(last: np.ndarray) -> float:
    return math.sqrt(np.mean(np.var(last, axis=0)))


def _diagnose(
    compare: Callable = lambda first, last: np.std(first) / np.std(last),
    within: Callable = _within_units,
    over: Callable = np.std,
    layer: int = -1,
    verdict: Callable = _verdict,
) -> Callable:
    """Return an answer to 1.3.

    Args:
        compare: the ratio, from the gradients of the first and the last layer.
        within, over: the two parts of how far inputs are told apart, from outputs.
        layer: whose outputs.
        verdict: from the two numbers.
    """

    def answer(outputs, gradients):
        ratio = compare(gradients[0], gradients[-1])
        apart = within(outputs[layer]) / over(outputs[layer])
        return ratio, apart, verdict(ratio, apart)

    return answer


def _verdicts_fit(got) -> bool:
    return all(each["verdict"] == _verdict(each["ratio"], each["apart"]) for each in got.values())


DIAGNOSE = Task(
    id="1.3",
    title="Can it learn?",
    run=_run_diagnose,
    reference=_diagnose(),
    mistakes=(
        Mistake(
            _diagnose(compare=lambda first, last: np.std(last) / np.std(first)),
            "the ratio is upside down: it is the first layer's gradient by the last layer's, small "
            "where the gradient vanishes.",
        ),
        Mistake(
            _diagnose(compare=lambda first, last: np.var(first) / np.var(last)),
            "the ratio is one of variances; the task has standard deviations.",
        ),
        Mistake(
            _diagnose(compare=lambda first, last: np.mean(first) / np.mean(last)),
            "the ratio is one of means. Gradients are positive and negative, and their mean says "
            "nothing of their size.",
        ),
        Mistake(
            _diagnose(within=lambda last: math.sqrt(np.mean(np.var(last, axis=1)))),
            "the variance is taken over the units, for each input. Inputs are told apart where one "
            "unit differs from input to input.",
        ),
        Mistake(
            _diagnose(within=lambda last: np.mean(np.std(last, axis=0))),
            "the standard deviations of the units are averaged. It is the variances: average "
            "first, then take the root.",
        ),
        Mistake(
            _diagnose(within=lambda last: np.mean(np.var(last, axis=0)), over=np.var),
            "the second number is a share of the variance; its root is what the task asks for.",
        ),
        Mistake(
            _diagnose(over=lambda last: 1.0),
            "the spread over inputs is not divided by anything. A layer with small outputs can "
            "tell inputs apart very well.",
        ),
        Mistake(
            _diagnose(layer=0),
            "the second number is about the first layer. In the last it shows what all of them "
            "have done to the inputs.",
        ),
        Mistake(
            _diagnose(verdict=lambda ratio, apart: _verdict(ratio, 1.0)),
            "the verdict looks at the gradient alone. A gradient of healthy size can belong to a "
            "network that says the same of every input.",
        ),
        Mistake(
            _diagnose(verdict=_alike_first),
            "inputs that look alike come first in the verdict. The task asks for the gradient "
            "first.",
        ),
        Mistake(
            _diagnose(verdict=_no_room),
            "the verdict has no room for a healthy gradient: below 1 it vanishes, above it "
            "explodes. The ratio may be off by a factor of 100 either way.",
        ),
    ),
    hints=(
        "The two standard deviations of the ratio are over all numbers of an array. For the second "
        "number, find out which axis of an array (n, units) the inputs are on.",
        "Variances over the inputs, one for each unit; their mean; its root; divided by the "
        "standard deviation of the whole array.",
        "Ask in the task's order: too small, too large, then told apart or not.",
    ),
    holds=(
        Holds(
            "the verdict follows from the two numbers, as the task has it",
            _verdicts_fit,
        ),
        Holds(
            "the ratio is right",
            lambda got: all(
                math.isclose(each["ratio"], _diagnose()(*_measured(*NETWORKS[name]))[0])
                for name, each in got.items()
            ),
        ),
    ),
    tolerance=0.015,  # a variance over n - 1 inputs is within it
)


# 1.4: one number says all

LAYERS = {
    "linear, q 2, scale 0.7": (2.0, "linear", 0.7),
    "tanh, q 1.5, scale 1.4": (1.5, "tanh", 1.4),
    "elu, q 3, scale 0.8": (3.0, "elu", 0.8),
    "logistic, q 6, scale 2.5": (6.0, "logistic", 2.5),
}


def _run_mean_field(answer):
    return {name: named(answer(*layer), "q", "chi") for name, layer in LAYERS.items()}


def _field(
    mean_square: Callable = lambda curve, std: normal_mean(lambda z: curve(z) ** 2, std),
    mean_square_slope: Callable | None = None,
    std: Callable = math.sqrt,
    power: float = 2.0,
    slope_power: float | None = None,
    slope_at: Callable = lambda q, following: q,
) -> Callable:
    """Return an answer to 1.4.

    Args:
        mean_square: from a curve and the standard deviation of what it is applied to.
        mean_square_slope: the same for chi; None for the same.
        std: from q.
        power, slope_power: of the scale, for the two numbers.
        slope_at: the q at which chi is taken, of this layer's and the next one's.
    """
    of_slope = mean_square_slope or mean_square

    def answer(q, activation, scale):
        following = scale**power * mean_square(lambda z: value(activation, z), std(q))
        at = std(slope_at(q, following))
        steep = of_slope(lambda z: slope(activation, z), at)
        return following, scale ** (power if slope_power is None else slope_power) * steep

    return answer


def _squared_mean(curve: Callable, std: float) -> float:
    return normal_mean(curve, std) ** 2


def _variance(curve: Callable, std: float) -> float:
    return normal_mean(lambda z: curve(z) ** 2, std) - normal_mean(curve, std) ** 2


def _mean_square(curve: Callable, std: float) -> float:
    return normal_mean(lambda z: curve(z) ** 2, std)


def _right(part: str, names=tuple(LAYERS)) -> Callable:
    """Return the test whether one of the two numbers is right, for the layers of those names."""
    place = ("q", "chi").index(part)
    return lambda got: all(
        math.isclose(got[name][part], _field()(*LAYERS[name])[place], rel_tol=2e-3)
        for name in names
    )


MEAN_FIELD = Task(
    id="1.4",
    title="One number says all",
    run=_run_mean_field,
    reference=_field(),
    mistakes=(
        Mistake(
            _field(power=1.0),
            "the scale is not squared. A variance grows with the square of the weights.",
        ),
        Mistake(
            _field(std=lambda q: q),
            "the function is applied to q times z. Numbers from N(0, 1) have to be stretched to "
            "the variance q.",
        ),
        Mistake(
            _field(_squared_mean),
            "the mean is squared. It is the other way round: the mean of the squares. (For tanh "
            "the mean is 0.)",
        ),
        Mistake(
            _field(_squared_mean, _mean_square),
            "chi is right; for q the mean of the outputs is squared, where it should be the mean "
            "of their squares.",
        ),
        Mistake(
            _field(_mean_square, _squared_mean),
            "q is right; for chi the mean of the slopes is squared, where it should be the mean of "
            "their squares.",
        ),
        Mistake(
            _field(_variance, _mean_square),
            "q is computed from the variance of the outputs. The next layer adds up what it gets, "
            "its mean included: no mean is taken off.",
        ),
        Mistake(
            _field(slope_at=lambda q, following: following),
            "chi is taken at the next layer's q. It belongs to the layer whose q was given.",
        ),
        Mistake(
            _field(slope_power=0.0),
            "chi lacks the weights: it is only the mean square of the slope. The gradient goes "
            "through slope and kernel.",
        ),
        Mistake(
            _field(_mean_square, normal_mean),
            "for chi the slope is not squared. It is the factor of a variance.",
        ),
        Mistake(
            lambda q, activation, scale: _field()(q, activation, scale)[::-1],
            "both numbers are right, and in the other order.",
        ),
    ),
    hints=(
        "A mean over N(0, 1) is a weighted mean: values of z on an even grid, each with a weight "
        "in proportion to exp(-z² / 2), and the weights add up to 1.",
        "The grid should reach as far as the weights matter, to 6 or 8 on both sides. Apply the "
        "function to the root of q times z, square, and take the weighted mean.",
        "chi is the same with `slope` in place of `value`. Both are multiplied by the square of "
        "the scale.",
    ),
    holds=(
        Holds(
            "for linear units q is right, so your weighted mean is a mean over N(0, 1)",
            _right("q", [next(iter(LAYERS))]),
        ),
        Holds("q is right for every activation", _right("q")),
        Holds("chi is right for every activation", _right("chi")),
    ),
    tolerance=2e-3,
)


# 1.5: the border

BORDERS = {
    "tanh, 8 layers": ("tanh", 8),
    "tanh, 25 layers": ("tanh", 25),
    "elu, 8 layers": ("elu", 8),
    "logistic, 8 layers": ("logistic", 8),
}
LOW, HIGH = 0.1, 20.0


def _run_border(answer):
    return {
        name: as_array(answer(activation, depth), "the border", ()).item()
        for name, (activation, depth) in BORDERS.items()
    }


def _chis(activation: str, scale: float, layers: int, q: float) -> list[float]:
    """Return χ of each layer, the first of which has variance ``q``."""
    found = []
    for _ in range(layers):
        found.append(chi(q, activation, scale**2))
        q = variance_map(q, activation, scale**2)
    return found


def _growth(activation: str, depth: int, scale: float, more: int = -1, start=None) -> float:
    """Return the logarithm of what the gradient's variance is multiplied by in all."""
    q = scale**2 if start is None else start
    return float(np.sum(np.log(_chis(activation, scale, depth + more, q))))


def _mean_growth(activation: str, depth: int, scale: float) -> float:
    return math.log(np.mean(_chis(activation, scale, depth - 1, scale**2)))


def _settled_growth(activation: str, depth: int, scale: float) -> float:
    """Return log χ where the variance has settled, as in a network without an end."""
    q = min(fixed_point(activation, scale**2, start=scale**2), 1e9)
    return math.log(chi(q, activation, scale**2))


def _signal_growth(activation: str, depth: int, scale: float) -> float:
    """Return by how much the variance of the last pre-activations differs from the inputs'."""
    q = scale**2
    for _ in range(depth - 1):
        q = variance_map(q, activation, scale**2)
    return math.log(q)


def _where(growth: Callable = _growth, result: Callable = lambda scale: scale) -> Callable:
    """Return an answer to 1.5: where the growth, that rises with the scale, is 0."""

    def answer(activation, depth):
        def at(log_scale: float) -> float:
            return growth(activation, depth, math.exp(log_scale))

        ends = math.log(LOW), math.log(HIGH)
        return result(math.exp(brentq(at, *ends, xtol=1e-6)))

    return answer


def _endless(activation, depth):
    """Return the border of a network without an end; where φ(0) = 0, the variance settles at 0."""
    if value(activation, 0.0) == 0:
        return 1 / float(slope(activation, 0.0))
    return _where(_settled_growth)(activation, depth)


def _wrong_half(activation, depth):
    """Go to the end that a search by halves comes to if it keeps the other half each time."""
    return LOW if _where()(activation, depth) > math.sqrt(LOW * HIGH) else HIGH


def _kept(got) -> bool:
    """Whether theory says that each border keeps the gradient within a hundredth."""
    return all(
        abs(_growth(*network, got[name])) < 2 * math.log(1.01) for name, network in BORDERS.items()
    )


def _border_picture():
    from helpers.figures import gradient_by_layer  # late: it imports Matplotlib

    depth, width = 20, 100
    border = _where()("tanh", depth)
    measured, theory = {}, {}
    for scale in (0.7 * border, border, 2 * border):
        rng = np.random.default_rng(42)
        kernels = list(rng.normal(0, scale / math.sqrt(width), (depth, width, width)))
        x, sent = rng.standard_normal((2, 100, width))
        gradients = _back()(_up()(x, kernels, "tanh")[0], kernels, "tanh", sent)
        chis = _chis("tanh", scale, depth, scale**2)
        title = f"tanh, scale {scale:.2f}"
        measured[title] = np.std(gradients, axis=(1, 2))
        theory[title] = np.sqrt(np.cumprod(chis[::-1])[::-1]) / scale
    return gradient_by_layer(measured, theory, "random inputs, 20 layers of 100 units")


BORDER = Task(
    id="1.5",
    title="The border",
    run=_run_border,
    reference=_where(),
    mistakes=(
        Mistake(
            _endless,
            "this is the border of a network without end, where the variance has settled at its "
            "fixed point. With so few layers the first ones, where the signal is still large, "
            "count too.",
        ),
        Mistake(
            lambda activation, depth: 1.0,
            "this is Glorot's scale, the same for every function and depth. The function decides "
            "what a layer does to the gradient, and the depth how much the first layers count.",
        ),
        Mistake(
            _where(lambda *network: _growth(*network, more=0)),
            "there is one factor too many: the gradient in the last layer is what the others are "
            "compared with.",
        ),
        Mistake(
            _where(lambda activation, depth, scale: _growth(activation, 2, scale)),
            "this is where chi of the first layer is 1. The variance changes from layer to layer, "
            "and chi with it.",
        ),
        Mistake(
            _where(lambda *network: _growth(*network, start=1.0)),
            "the first layer starts from q = 1. That is the variance of the inputs; the "
            "pre-activations of the first layer have gone through its kernel.",
        ),
        Mistake(
            _where(_mean_growth),
            "the factors have a mean of 1 here. They are multiplied, so it is their product that "
            "has to be 1.",
        ),
        Mistake(
            _where(result=lambda scale: scale**2),
            "this is the square of the scale, the variance of a weight times fan_in.",
        ),
        Mistake(
            _where(_signal_growth),
            "here the signal is as large at the top as the inputs were. Asked is where the "
            "gradient is as large at the bottom as at the top.",
        ),
        Mistake(
            _wrong_half,
            "the search ends where it began, at an end of the interval: it keeps the half without "
            "the border. Where the product is above 1, the scale is too large.",
        ),
    ),
    hints=(
        "First a function of the scale alone: go up through the layers, with q from one to the "
        "next, and multiply the factors that you meet.",
        "Start with the q of the first layer, the square of the scale. Take `depth` - 1 factors. "
        "Their product is below 1 for a small scale and above 1 for a large one.",
        "Halve the interval again and again: try its middle, and keep the half in which the "
        "product passes 1. Logarithms keep the product from running over.",
    ),
    holds=(
        Holds(
            "deeper tanh networks have their border closer to 1",
            lambda got: 1 < got["tanh, 25 layers"] < got["tanh, 8 layers"],
        ),
        Holds("on every border the gradient keeps its size, to a hundredth", _kept),
    ),
    tolerance=1.5e-3,
    picture=_border_picture,
)

TASKS = (FORWARD, BACKWARD, DIAGNOSE, MEAN_FIELD, BORDER)
