"""Chapter 05, batch norm: right answers, and wrong ones that people give."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from helpers.checks.task import Holds, Mistake, Task, as_array, named
from helpers.theory import batch_norm, normalized_network
from helpers.theory.activations import value

# 5.1: a layer with two modes

MOMENTUM, EPSILON = 0.8, 0.1  # an epsilon that shows
GAMMA, BETA = np.array([2.0, -0.5]), np.array([1.0, -3.0])
MOVING = np.array([3.0, -1.0]), np.array([4.0, 0.25])


def _run_layer(answer):
    rng = np.random.default_rng(1)
    batches = rng.normal([4, -1], [2, 0.5], (2, 6, 2))
    pixels = rng.normal([4, -1], [2, 0.5], (4, 3, 3, 2))
    flat, wide, trained = (_set_up(answer) for _ in range(3))
    outputs = [_outputs(flat, batch, training=True) for batch in batches]
    return {
        "outputs in training": outputs[-1],
        "averages after two batches": _averages(flat),
        "outputs in training, of (4, 3, 3, 2)": _outputs(wide, pixels, training=True),
        "averages after (4, 3, 3, 2)": _averages(wide),
        "outputs in inference": _outputs(_settled(trained), batches[0], training=False),
        "one image alone, in inference": _outputs(_settled(trained), pixels[:1, 0, 0], False),
        "averages after inference": _averages(trained),
    }


def _set_up(answer):
    layer = answer(2, momentum=MOMENTUM, epsilon=EPSILON)
    layer.gamma, layer.beta = GAMMA.copy(), BETA.copy()
    return layer


def _settled(layer):
    """Give a layer averages as after a long training; return it."""
    layer.moving_mean, layer.moving_variance = (each.copy() for each in MOVING)
    return layer


def _outputs(layer, x, training: bool):
    return as_array(layer(x.copy(), training=training), "what the layer returns")


def _averages(layer) -> dict:
    return {"mean": layer.moving_mean, "variance": layer.moving_variance}


class _Right:
    """The layer of ``helpers.theory``, as the exercise has it."""

    def __init__(self, units, momentum=0.99, epsilon=1e-3):
        self.momentum, self.epsilon = momentum, epsilon
        self.gamma, self.beta = np.ones(units), np.zeros(units)
        self.moving_mean, self.moving_variance = batch_norm.start_moving(units)

    def __call__(self, x, training):
        if not training:
            moving = self.moving_mean, self.moving_variance
            return batch_norm.inference(x, self.gamma, self.beta, *moving, self.epsilon)
        passed = batch_norm.forward(x, self.gamma, self.beta, self.epsilon)
        self._move(passed.mean, passed.variance, self.momentum)
        return passed.outputs

    def _move(self, mean, variance, kept):
        moving = batch_norm.Moving(self.moving_mean, self.moving_variance)
        batch = batch_norm.Forward(None, None, mean, variance, self.epsilon)
        self.moving_mean, self.moving_variance = batch_norm.update_moving(moving, batch, kept)


def _layer(
    mean: Callable = lambda x: x.mean(tuple(range(x.ndim - 1))),
    variance: Callable = lambda x: x.var(tuple(range(x.ndim - 1))),
    averaged: Callable = lambda x, variance: variance,
    kept: Callable = lambda momentum: momentum,
    with_batch: Callable = lambda training: training,
    moves: Callable = lambda training: training,
    root: Callable = lambda variance, epsilon: np.sqrt(variance + epsilon),
    affine: bool = True,
) -> type:
    """Return a class that answers 5.1 in its own way.

    Args:
        mean, variance: of a batch, of each unit.
        averaged: from batch and variance to what the moving variance is moved towards.
        kept: the share that the averages keep, from the momentum.
        with_batch: from ``training`` to whether the batch's own mean and variance normalize it.
        moves: from ``training`` to whether the averages are moved.
        root: what is divided by.
        affine: gamma and beta are used.
    """

    class Layer(_Right):
        def __call__(self, x, training):
            own = mean(x), variance(x)
            if moves(training):
                self._move(own[0], averaged(x, own[1]), kept(self.momentum))
            moving = self.moving_mean, self.moving_variance
            middle, spread = own if with_batch(training) else moving
            normalized = (x - middle) / root(spread, self.epsilon)
            return self.gamma * normalized + self.beta if affine else normalized

    return Layer


def _sample_variance(x):
    return x.var(tuple(range(x.ndim - 1)), ddof=1)


def _unmoved(got) -> bool:
    return all(
        np.allclose(got["averages after inference"][name], value)
        for name, value in zip(("mean", "variance"), MOVING, strict=True)
    )


def _shifts_to_beta(got) -> bool:
    return np.allclose(got["outputs in training"].mean(axis=0), BETA)


LAYER = Task(
    id="5.1",
    title="A layer with two modes",
    run=_run_layer,
    reference=_Right,
    mistakes=(
        Mistake(
            _layer(moves=lambda training: True),
            "you forgot that the moving averages are updated in training only. In inference they "
            "would come to depend on what the layer is asked.",
        ),
        Mistake(
            _layer(variance=_sample_variance),
            "the variance is of the sample, not the batch: it divides by m - 1. The batch is all "
            "there is to normalize, not a sample of something larger.",
        ),
        Mistake(
            _layer(averaged=lambda x, variance: _sample_variance(x)),
            "the moving variance divides by m - 1, as in the paper. Here, as in Keras, it is moved "
            "by the same variance that normalizes the batch.",
        ),
        Mistake(
            _layer(with_batch=lambda training: True),
            "in inference too the batch normalizes itself, so that the answer to one image depends "
            "on the others. What did the layer keep from training?",
        ),
        Mistake(
            _layer(with_batch=lambda training: False),
            "in training the outputs come from the moving averages. They are for inference; a "
            "batch in training is normalized with its own mean and variance.",
        ),
        Mistake(
            _layer(kept=lambda momentum: 1 - momentum),
            "momentum is taken for the share of the new value, as in PyTorch. It is the share that "
            "the average keeps.",
        ),
        Mistake(
            _layer(moves=lambda training: False),
            "the moving averages never move: after any training they are 0 and 1 still.",
        ),
        Mistake(
            _layer(mean=lambda x: x.mean(axis=0), variance=lambda x: x.var(axis=0)),
            "this is right for two axes. Behind a convolution each pixel gets a mean of its own "
            "here; a unit has one, over all images and all pixels.",
        ),
        Mistake(
            _layer(
                mean=lambda x: x.mean(axis=-1, keepdims=True),
                variance=lambda x: x.var(axis=-1, keepdims=True),
            ),
            "each image is normalized by itself, over its units: that is layer norm. Batch norm "
            "normalizes each unit over the images.",
        ),
        Mistake(
            _layer(mean=np.mean, variance=np.var),
            "one mean and one variance serve all units here. Each unit has its own.",
        ),
        Mistake(
            _layer(root=lambda variance, epsilon: np.sqrt(variance) + epsilon),
            "epsilon is added to the standard deviation. It is added to the variance, under the "
            "root.",
        ),
        Mistake(
            _layer(root=lambda variance, epsilon: np.sqrt(variance)),
            "epsilon is missing: a unit that is the same for all images divides by 0.",
        ),
        Mistake(
            _layer(root=lambda variance, epsilon: variance + epsilon),
            "this divides by the variance. What has the standard deviation 1 afterwards was "
            "divided by its standard deviation.",
        ),
        Mistake(
            _layer(
                root=lambda variance, epsilon: variance + epsilon,
                variance=lambda x: x.std(tuple(range(x.ndim - 1))),
            ),
            "the standard deviation is taken and averaged where the variance belongs.",
        ),
        Mistake(
            _layer(affine=False),
            "gamma and beta are missing: the outputs are normalized, then scaled and shifted.",
        ),
    ),
    hints=(
        "The two modes differ in one thing: which mean and which variance the formula gets. In "
        "training there is one more thing to do.",
        "Reduce over all axes but the last. `np.mean` and `np.var` take a tuple of axes; or "
        "reshape `x` to two axes first.",
        "In training, each average becomes momentum times itself plus (1 - momentum) times what "
        "the batch has. Do not touch them in inference.",
    ),
    holds=(
        Holds("in training the outputs of each unit have its beta for a mean", _shifts_to_beta),
        Holds("inference leaves the moving averages as they are", _unmoved),
    ),
)


# 5.2: the way back

BATCHES = {"8 images, 3 units": (8, 3), "2 images, 3 units": (2, 3)}


def _run_back(answer):
    results = {}
    for seed, (name, shape) in enumerate(BATCHES.items()):
        rng = np.random.default_rng(seed)
        x, by_outputs = rng.normal([4, 0, -2], [2, 0.3, 1], shape), rng.normal(1, 1, shape)
        gamma = np.array([1.5, -0.7, 0.4])
        found = answer(x, gamma, by_outputs, epsilon=EPSILON)
        results[name] = named(found, "by inputs", "by gamma", "by beta")
    return results


def _back(
    by_inputs: Callable = lambda g, unit: g - g.mean(axis=0) - unit * (g * unit).mean(axis=0),
    scale: Callable = lambda gamma: gamma,
    root: Callable = lambda variance, epsilon: np.sqrt(variance + epsilon),
    by_gamma: Callable = lambda by, unit, x: by * unit,
    total: Callable = np.sum,
) -> Callable:
    """Return an answer to 5.2 that goes back in its own way.

    Args:
        by_inputs: from the derivative by the normalized values, and these, to that by the inputs
            times what was divided by.
        scale: what the derivative by the outputs is multiplied with on its way to the inputs.
        root: what the inputs were divided by.
        by_gamma: what is added up over the batch.
        total: adds up over the batch.
    """

    def answer(x, gamma, by_outputs, epsilon=1e-3):
        divided_by = root(x.var(axis=0), epsilon)
        unit = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon)
        return (
            by_inputs(scale(gamma) * by_outputs, unit) / divided_by,
            total(by_gamma(by_outputs, unit, x), axis=0),
            total(by_outputs, axis=0),
        )

    return answer


def _right_back(x, gamma, by_outputs, epsilon=1e-3):
    return batch_norm.backward(batch_norm.forward(x, gamma, 0, epsilon), gamma, by_outputs)


def _sum_to_nothing(got) -> bool:
    return all(np.allclose(got[name]["by inputs"].sum(axis=0), 0) for name in BATCHES)


def _back_of(name: str) -> Callable[[dict], bool]:
    def test(got) -> bool:
        right = _run_back(_right_back)
        return all(np.allclose(got[batch][name], right[batch][name]) for batch in BATCHES)

    return test


BACK = Task(
    id="5.2",
    title="The way back",
    run=_run_back,
    reference=_right_back,
    mistakes=(
        Mistake(
            _back(by_inputs=lambda g, unit: g),
            "mean and variance are taken for constants. Each input moves both, and with them the "
            "outputs of the whole batch.",
        ),
        Mistake(
            _back(by_inputs=lambda g, unit: g - g.mean(axis=0)),
            "the way through the mean is there, the way through the variance is missing.",
        ),
        Mistake(
            _back(by_inputs=lambda g, unit: g - unit * (g * unit).mean(axis=0)),
            "the way through the variance is there, the way through the mean is missing. All "
            "inputs moved alike move no output, so the derivatives add up to 0.",
        ),
        Mistake(
            _back(
                by_inputs=lambda g, unit: g - g.sum(axis=0) - unit * (g * unit).sum(axis=0),
            ),
            "what goes through mean and variance is m times too large: each input has a share of "
            "1 / m in both.",
        ),
        Mistake(
            _back(scale=lambda gamma: 1.0),
            "gamma is missing on the way to the inputs: what it made larger comes back larger.",
        ),
        Mistake(
            _back(total=np.mean),
            "gamma and beta act on every image, so their derivatives add up over the batch. These "
            "are means.",
        ),
        Mistake(
            _back(by_gamma=lambda by, unit, x: by * x),
            "the derivative by gamma is taken with the inputs. What does gamma multiply?",
        ),
        Mistake(
            _back(root=lambda variance, epsilon: variance + epsilon),
            "by the inputs, this divides by the variance, and not by its root.",
        ),
        Mistake(
            _back(root=lambda variance, epsilon: np.sqrt(variance)),
            "epsilon is missing from what the derivative by the inputs is divided by.",
        ),
    ),
    hints=(
        "Begin with beta and gamma. The outputs are gamma times the normalized inputs, plus beta, "
        "for every image.",
        "By one input there are three ways: straight, through the mean, and through the variance. "
        "The last two take from every derivative its mean over the batch, and the part of it that "
        "goes along with the normalized inputs.",
        "The lesson has the formula, under *The same in NumPy*. Its g is gamma times `by_outputs`, "
        "and the bars are means over the batch.",
    ),
    holds=(
        Holds("the derivative by beta is right", _back_of("by beta")),
        Holds("the derivative by gamma is right", _back_of("by gamma")),
        Holds("the derivatives by the inputs of a unit add up to 0", _sum_to_nothing),
    ),
)


# 5.3: folded away

ORDERS = ("dense, norm", "norm, dense")


def _run_fold(answer):
    results = {}
    for order in ORDERS:
        kernel, bias, norm = _to_fold()
        found = answer(kernel, bias, norm, order)
        results[order] = named(found, "kernel", "bias")
    return results


def _to_fold(units: int = 3):
    """Return a square kernel, a bias and a batch norm; square, so that no wrong axis raises."""
    rng = np.random.default_rng(5)
    kernel, bias = rng.normal(size=(units, units)), rng.normal(size=units)
    gamma, beta, mean = rng.normal(size=(3, units))
    variance = rng.uniform(0.1, 4, units)
    norm = SimpleNamespace(
        gamma=gamma, beta=beta, moving_mean=mean, moving_variance=variance, epsilon=EPSILON
    )
    return kernel, bias, norm


def _fold(
    root: Callable = lambda norm: np.sqrt(norm.moving_variance + norm.epsilon),
    scale: Callable = lambda gamma, root: gamma / root,
    shift: Callable = lambda norm, scale: norm.beta - norm.moving_mean * scale,
    after: Callable = lambda kernel, bias, scale, shift: (kernel * scale, bias * scale + shift),
    before: Callable = lambda kernel, bias, scale, shift: (
        kernel * scale[:, np.newaxis],
        bias + shift @ kernel,
    ),
) -> Callable:
    """Return an answer to 5.3 that folds in its own way.

    Args:
        root: what the batch norm divides by.
        scale, shift: what it multiplies with, and adds.
        after: kernel and bias where it comes after the dense layer.
        before: the same where it comes before it.
    """

    def answer(kernel, bias, norm, order):
        factor = scale(norm.gamma, root(norm))
        ways = {"dense, norm": after, "norm, dense": before}
        return ways[order](kernel, bias, factor, shift(norm, factor))

    return answer


def _right_fold(kernel, bias, norm, order):
    parts = norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance, norm.epsilon
    if order == "dense, norm":
        return batch_norm.fold(kernel, bias, *parts)
    scale, shift = batch_norm.fold(np.eye(len(kernel)), 0, *parts)  # the norm as a dense layer
    return scale @ kernel, shift @ kernel + bias


def _order_is_right(order: str) -> Callable[[dict], bool]:
    def test(got) -> bool:
        right = _right_fold(*_to_fold(), order)
        return all(np.allclose(a, b) for a, b in zip(got[order].values(), right, strict=True))

    return test


FOLD = Task(
    id="5.3",
    title="Folded away",
    run=_run_fold,
    reference=_right_fold,
    mistakes=(
        Mistake(
            _fold(after=lambda kernel, bias, scale, shift: (kernel * scale, bias + shift)),
            "where batch norm comes after the dense layer, the bias goes through it too, and is "
            "scaled like everything else.",
        ),
        Mistake(
            _fold(
                before=lambda kernel, bias, scale, shift: (
                    kernel * scale[:, np.newaxis],
                    bias + shift,
                )
            ),
            "where batch norm comes before the dense layer, its shift is added to the inputs. It "
            "reaches the outputs through the kernel.",
        ),
        Mistake(
            _fold(
                before=lambda kernel, bias, scale, shift: (kernel * scale, bias + shift @ kernel)
            ),
            "where batch norm comes before the dense layer, it scales the layer's inputs: the rows "
            "of the kernel, not its columns.",
        ),
        Mistake(
            _fold(
                after=lambda kernel, bias, scale, shift: (
                    kernel * scale[:, np.newaxis],
                    bias * scale + shift,
                )
            ),
            "where batch norm comes after the dense layer, it scales the layer's units: the "
            "columns of the kernel, not its rows.",
        ),
        Mistake(
            _fold(before=lambda kernel, bias, scale, shift: (kernel * scale, bias * scale + shift)),
            "both orders are folded alike. Before the dense layer, batch norm acts on what the "
            "kernel multiplies, and not on what comes out.",
        ),
        Mistake(
            _fold(
                before=lambda kernel, bias, scale, shift: (
                    kernel * scale[:, np.newaxis],
                    bias + shift @ (kernel * scale[:, np.newaxis]),
                )
            ),
            "where batch norm comes before the dense layer, its shift goes through the new kernel "
            "here, and so is scaled once more. Scale and shift come first, then the kernel as it "
            "was.",
        ),
        Mistake(
            _fold(root=lambda norm: np.sqrt(norm.moving_variance)),
            "epsilon is missing: the layer divides by the root of the moving variance plus "
            "epsilon.",
        ),
        Mistake(
            _fold(root=lambda norm: norm.moving_variance + norm.epsilon),
            "this divides by the moving variance, and not by its root.",
        ),
        Mistake(
            _fold(shift=lambda norm, scale: norm.beta - norm.moving_mean),
            "the moving mean is subtracted before the layer scales, so it is scaled too.",
        ),
        Mistake(
            _fold(shift=lambda norm, scale: (norm.beta - norm.moving_mean) * scale),
            "beta is added after the layer has scaled; here it is scaled too.",
        ),
        Mistake(
            _fold(shift=lambda norm, scale: norm.beta),
            "the moving mean is missing: the layer subtracts it from everything.",
        ),
    ),
    hints=(
        "First write the batch norm in inference as one multiplication and one addition a unit. "
        "Which two numbers are they?",
        "Write both layers out for one unit, x·w + b, with the batch norm outside it or inside it, "
        "and sort what is multiplied by x from what is not.",
        "After the dense layer: columns of the kernel and the whole bias are scaled, and the "
        "addition joins the bias. Before it: rows are scaled, and the addition goes through the "
        "old kernel.",
    ),
    holds=tuple(
        Holds(f'the order "{order}" is folded right', _order_is_right(order)) for order in ORDERS
    ),
)


# 5.4: averages at once

SIZES = (5, 4, 6, 3, 2)
LAYERS = tuple(f"layer {number}" for number in range(1, len(SIZES) - 1))


def _run_renewed(answer):
    found = answer(_network(), _images(), epsilon=EPSILON)
    if isinstance(found, list | tuple) and len(found) == len(LAYERS):
        pairs = zip(LAYERS, found, strict=True)
        return {layer: named(pair, "mean", "variance") for layer, pair in pairs}
    return found


def _images() -> np.ndarray:
    return np.random.default_rng(2).normal(1, 2, (40, SIZES[0]))


def _network() -> normalized_network.Network:
    """Return a network as in the middle of training: nothing in it is 0 or 1."""
    network = normalized_network.make_network(SIZES, "he_normal", "before", "relu", seed=1)
    rng = np.random.default_rng(3)
    return network._replace(
        biases=[rng.normal(size=size) for size in SIZES[1:]],
        gammas=[rng.uniform(0.5, 2, size) for size in SIZES[1:-1]],
        betas=[rng.normal(0.5, 0.5, size) for size in SIZES[1:-1]],
        moving=[
            batch_norm.Moving(rng.normal(size=size), rng.uniform(1, 9, size))
            for size in SIZES[1:-1]
        ],
    )


def _right_renewed(network, x, epsilon=1e-3):
    found = []
    dense = zip(network.kernels, network.biases, strict=True)
    for (kernel, bias), gamma, beta in zip(dense, network.gammas, network.betas, strict=False):
        passed = batch_norm.forward(x @ kernel + bias, gamma, beta, epsilon)
        found.append((passed.mean, passed.variance))
        x = value("relu", passed.outputs)
    return found


def _renewed(
    bias: Callable = lambda biases: biases,
    spread: Callable = np.var,
    normalized_with: Callable = lambda new, old: new,
    returned: Callable = lambda new, old: new,
    activation: Callable = lambda y: np.maximum(y, 0),
    seen: Callable = lambda z, y, out: z,
    affine: bool = True,
    epsilon_used: bool = True,
) -> Callable:
    """Return an answer to 5.4 that goes up in its own way.

    Args:
        bias: that is added.
        spread: what is returned as the variance.
        normalized_with: the averages that normalize, from the new ones and the network's.
        returned: the averages that are returned, likewise.
        activation: of the layers.
        seen: what is averaged, of a layer's dense part, its batch norm, and its outputs.
        affine: gamma and beta are used.
        epsilon_used: the epsilon that is given is, and not next to nothing.
    """

    def answer(network, x, epsilon=1e-3):
        averages, added = [], epsilon if epsilon_used else 1e-12
        for at, old in enumerate(network.moving):
            z = x @ network.kernels[at] + bias(network.biases[at])
            parts = network.gammas[at], network.betas[at]
            norm = parts if affine else (1, 0)
            own = batch_norm.Moving(z.mean(axis=0), z.var(axis=0))
            y = batch_norm.inference(z, *norm, *normalized_with(own, old), added)
            x = activation(y)
            looked_at = seen(z, y, x)
            new = batch_norm.Moving(looked_at.mean(axis=0), spread(looked_at, axis=0))
            averages.append(returned(new, old))
        return averages

    return answer


def _moved(new, old):
    return batch_norm.Moving(*(0.99 * b + 0.01 * a for a, b in zip(new, old, strict=True)))


def _first_is_right(got) -> bool:
    mean, variance = _right_renewed(_network(), _images(), EPSILON)[0]
    first = got[LAYERS[0]]
    return np.allclose(first["mean"], mean) and np.allclose(first["variance"], variance)


def _clusters_picture():
    from helpers.figures import seed_curves  # late: it imports Matplotlib

    rng = np.random.default_rng(42)
    middles, labels = rng.normal(size=(10, 20)), rng.integers(10, size=500)
    points = middles[labels] + 0.8 * rng.normal(size=(500, 20))
    lines = {"moving averages": np.zeros((2, 20)), "renewed averages": np.zeros((2, 20))}
    for seed in range(2):
        network = normalized_network.make_network(
            (20, *[30] * 6, 10), "he_normal", "before", "relu", seed
        )
        for epoch in range(20):
            run = normalized_network.train(
                network, points, labels, steps=10, batch_size=50, learning_rate=0.1, seed=epoch
            )
            network = run.network
            exact = network._replace(moving=_right_renewed(network, points))
            for line, each in zip(lines.values(), (network, exact), strict=True):
                logits = normalized_network.logits_in_inference(points, each)
                line[seed, epoch] = normalized_network.accuracy(logits, labels)
    return seed_curves(lines, "training accuracy in inference mode", "ten random clusters")


RENEWED = Task(
    id="5.4",
    title="Averages at once",
    run=_run_renewed,
    reference=_right_renewed,
    mistakes=(
        Mistake(
            _renewed(normalized_with=lambda new, old: old),
            "what enters the later layers was normalized with the averages as they are now. Each "
            "layer has to have its new ones before its outputs go up.",
        ),
        Mistake(
            _renewed(seen=lambda z, y, out: y),
            "this is taken behind the batch norm, where it finds beta and gamma. The averages are "
            "of what goes into it.",
        ),
        Mistake(
            _renewed(seen=lambda z, y, out: out),
            "this is taken of what the layer puts out, behind ReLU. The averages are of what goes "
            "into the batch norm.",
        ),
        Mistake(
            _renewed(activation=lambda y: y),
            "ReLU is missing between the layers: the first is right, and the others get what no "
            "layer gets.",
        ),
        Mistake(
            _renewed(bias=lambda biases: 0),
            "the bias is missing. In the batch's own mean it cancels out, so nothing goes wrong in "
            "training; a stored mean has to contain it.",
        ),
        Mistake(
            _renewed(affine=False),
            "gamma and beta are missing on the way up: the later layers get other inputs with "
            "them.",
        ),
        Mistake(
            _renewed(epsilon_used=False),
            "epsilon is missing on the way up: it is added to the variance that normalizes, and "
            "not to the one that is returned.",
        ),
        Mistake(
            _renewed(spread=np.std),
            "the second of each pair is the standard deviation. The layer keeps the variance.",
        ),
        Mistake(
            _renewed(returned=_moved),
            "the averages are moved by one small step. Here they are replaced: nothing of the old "
            "ones stays.",
        ),
        Mistake(
            _renewed(spread=lambda x, axis: x.var(axis=axis, ddof=1)),
            "the variance divides by n - 1. Take that of the images that are there, as in "
            "training.",
        ),
    ),
    hints=(
        "Go up layer by layer. In each: the dense part, its mean and variance over the images, "
        "then normalize with these two.",
        "What normalizes the images here is their own mean and variance. In which mode does a "
        "batch norm do that?",
        "It is one pass in training mode, with all images for the batch. Keep mean and variance of "
        "each layer on the way; then scale, shift, ReLU, and on to the next.",
    ),
    holds=(Holds("the averages of the first layer are right", _first_is_right),),
    picture=_clusters_picture,
)


# 5.5: decide

ACCURACIES = ("training", "validation", "training, renewed", "validation, renewed")
MEASUREMENTS = (
    (0.41, 0.42, 0.95, 0.89),
    (0.21, 0.16, 0.21, 0.17),
    (1.00, 0.52, 1.00, 0.51),
    (0.80, 0.30, 0.90, 0.75),
    (0.90, 0.50, 0.95, 0.60),
    (0.55, 0.45, 0.70, 0.60),
    (0.50, 0.48, 0.60, 0.80),
    (0.98, 0.60, 0.99, 0.75),
)


def _run_costs(answer):
    return {_listed(row): answer(dict(zip(ACCURACIES, row, strict=True))) for row in MEASUREMENTS}


def _listed(row) -> str:
    old = f"training {row[0]:.2f}, validation {row[1]:.2f}"
    return f"{old}; renewed {row[2]:.2f}, {row[3]:.2f}"


def _largest(costs: Callable, pick: Callable = max) -> Callable:
    """Return an answer to 5.5: the name of the largest cost.

    ``costs`` takes the four accuracies and returns those of weights, images and averages.
    """

    def answer(measured):
        found = costs(*(measured[name] for name in ACCURACIES))
        each = dict(zip(("weights", "images", "averages"), found, strict=True))
        return pick(each, key=each.get)

    return answer


def _costs(training, validation, new_training, new_validation):
    return 1 - new_training, new_training - new_validation, new_validation - validation


def _first_above(measured):
    training, validation, renewed, _ = (measured[name] for name in ACCURACIES)
    if renewed - training > 0.1:
        return "averages"
    return "images" if training - validation > 0.1 else "weights"


COSTS = Task(
    id="5.5",
    title="Decide",
    run=_run_costs,
    reference=_largest(_costs),
    mistakes=(
        Mistake(
            _largest(lambda t, v, nt, nv: (1 - t, t - v, nv - v)),
            "weights and images are judged by the averages as they are, and so pay for these too. "
            "With which averages do they cost only their own?",
        ),
        Mistake(
            _largest(lambda t, v, nt, nv: (1 - nt, nt - v, nv - v)),
            "what the images cost is measured with renewed averages on one side and the old ones "
            "on the other, so the averages are counted twice.",
        ),
        Mistake(
            _largest(lambda t, v, nt, nv: (1 - nt, nt - nv, nt - t)),
            "what the averages cost is measured on the training images. The question is what they "
            "cost on the validation images.",
        ),
        Mistake(
            _largest(lambda t, v, nt, nv: (1 - nv, nt - nv, nv - v)),
            "the weights are judged by the validation images, and so pay for too few images too.",
        ),
        Mistake(
            _largest(_costs, pick=min),
            "this returns the smallest of the three costs.",
        ),
        Mistake(
            _first_above,
            "this takes the first that is over some limit. The question is which is greatest, so "
            "all three have to be compared.",
        ),
    ),
    hints=(
        "There are four accuracies, and 1. Three of them, put in the right order, lead from 1 down "
        "to the validation accuracy; each step costs one thing more.",
        "The first step goes from 1 to the training images with renewed averages: only the weights "
        "are at fault there. Change one thing at a time.",
        "Next the images change, still with renewed averages. Last the averages.",
    ),
    holds=(
        Holds(
            'every answer is "weights", "images" or "averages"',
            lambda got: set(got.values()) <= {"weights", "images", "averages"},
        ),
    ),
)

TASKS = (LAYER, BACK, FOLD, RENEWED, COSTS)
