# %% [markdown]
# # Exercises: batch normalization
#
# You write the layer with its gradients, fold it away, renew its averages, and say of three
# networks why they fail. The networks train within seconds. Allow an hour and a half.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# The check says what holds and what does not. In a cell of your own, `hint("5.1")` gives the next
# step to a solution, and `progress()` shows what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("05_batch_norm", exercise=True)

# %%
from types import SimpleNamespace

import numpy as np

from helpers import figures
from helpers.labs.digit_inputs import digit_inputs

# %% [markdown]
# ## 5.1 A layer with two modes (3 points)
#
# The last axis of `x` holds the units. All that comes before it is the batch: $m$ images, or the
# pixels of all images behind a convolution. So a layer of 2 units may get an `x` of shape `(32, 2)`
# or `(32, 8, 8, 2)`, and has two means either way.
#
# In training, normalize with mean and variance of the batch. The variance divides by $m$, also in
# the moving average: Keras does so, the paper does not. In inference, use the moving averages.
# `momentum` is the share that a moving average keeps, and `epsilon` is added to the variance.


# %% task="5.1" stub="normalize, and keep the averages moving"
class BatchNorm:
    """Batch norm, with a scale, a shift and two moving averages for each unit."""

    def __init__(self, units, momentum=0.99, epsilon=1e-3):
        self.momentum, self.epsilon = momentum, epsilon
        self.gamma, self.beta = np.ones(units), np.zeros(units)
        self.moving_mean, self.moving_variance = np.zeros(units), np.ones(units)

    def __call__(self, x, training):
        """Return outputs of the shape of x, (..., units), in training or in inference mode."""
        ### BEGIN SOLUTION
        centre, spread = self.moving_mean, self.moving_variance
        if training:
            rows = x.reshape(-1, x.shape[-1])
            centre, spread = rows.mean(axis=0), rows.var(axis=0)
            keep = self.momentum
            self.moving_mean = keep * self.moving_mean + (1 - keep) * centre
            self.moving_variance = keep * self.moving_variance + (1 - keep) * spread
        return self.gamma * (x - centre) / np.sqrt(spread + self.epsilon) + self.beta
        ### END SOLUTION


# %% check="5.1" points=3
check("5.1", BatchNorm)

# %% [markdown]
# *Predict first.* The inputs have mean 4 and standard deviation 2. What does your layer make of
# them in inference, after 0, 10, 100 and 1000 batches?

# %%
layer, rng, steps = BatchNorm(1), np.random.default_rng(42), 0
for stop in (0, 10, 100, 1000):
    while steps < stop:
        layer(rng.normal(4, 2, (32, 1)), training=True)
        steps += 1
    outputs = layer(rng.normal(4, 2, (10_000, 1)), training=False)
    print(f"after {steps:>4} batches: mean {outputs.mean():.2f}, std {outputs.std():.2f}")

# %% [markdown]
# ## 5.2 The way back (3 points)
#
# `by_outputs` is the derivative of the loss by what the layer put out in training. Return the
# derivatives by its inputs, by $\gamma$ and by $\beta$.
#
# Every input moves the mean and the variance of its batch, and through them every output of its
# unit. So the derivative by one input needs the whole batch.


# %% task="5.2" stub="return the three derivatives"
def way_back(x, gamma, by_outputs, epsilon=1e-3):
    """Return (by inputs, by gamma, by beta), of shapes (m, units), (units,) and (units,).

    x: inputs of the layer, (m, units). gamma: its scale, (units,).
    by_outputs: derivative of the loss by the layer's outputs, (m, units).
    """
    ### BEGIN SOLUTION
    root = np.sqrt(x.var(axis=0) + epsilon)
    unit = (x - x.mean(axis=0)) / root
    slope_gamma, slope_beta = (by_outputs * unit).sum(axis=0), by_outputs.sum(axis=0)
    through_both = (slope_beta + unit * slope_gamma) / len(x)
    return gamma / root * (by_outputs - through_both), slope_gamma, slope_beta
    ### END SOLUTION


# %% check="5.2" points=3
check("5.2", way_back)

# %% [markdown]
# A derivative can be checked without a formula: move one number a little, and look how far the
# loss moves. The loss below is any weighted sum of the outputs of your layer; its derivative by the
# outputs is the weights.

# %%
rng = np.random.default_rng(42)
x, weights = rng.normal(4, 2, (8, 3)), rng.normal(size=(8, 3))
layer = BatchNorm(3)
layer.gamma = rng.normal(size=3)
slopes = np.zeros_like(x)
for place in np.ndindex(x.shape):
    for sign in (1, -1):
        moved = x.copy()
        moved[place] += sign * 1e-5
        slopes[place] += sign * (weights * layer(moved, training=True)).sum() / 2e-5
by_inputs, _, _ = way_back(x, layer.gamma, weights)
print(f"largest derivative {np.abs(slopes).max():.2f}, ", end="")
print(f"within 1e-6 of yours: {np.abs(slopes - by_inputs).max() < 1e-6}")

# %% [markdown]
# ## 5.3 Folded away (2 points)
#
# In inference a batch norm multiplies each unit by one number and adds another. A dense layer
# beside it, with no activation between them, can take that over.
#
# The lesson folds a batch norm into the dense layer before it: the order `"dense, norm"`. Behind an
# activation there is no such layer, but there is one after it: the order `"norm, dense"`. Write
# both. `norm` has the attributes of your layer: `gamma`, `beta`, `moving_mean`, `moving_variance`
# and `epsilon`.


# %% task="5.3" stub="return a kernel and a bias that do both"
def fold(kernel, bias, norm, order):
    """Return (kernel, bias) of the dense layer that does what both layers do in inference.

    kernel: (inputs, units). bias: (units,). order: "dense, norm" or "norm, dense".
    norm: over the units of the dense layer if it comes after it, else over its inputs.
    """
    ### BEGIN SOLUTION
    factor = norm.gamma / np.sqrt(norm.moving_variance + norm.epsilon)
    offset = norm.beta - factor * norm.moving_mean
    if order == "dense, norm":
        return factor * kernel, factor * bias + offset
    return factor[:, None] * kernel, offset @ kernel + bias
    ### END SOLUTION


# %% check="5.3" points=2
check("5.3", fold)

# %% [markdown]
# Two layers and the one that replaces them, on the same inputs:

# %%
rng = np.random.default_rng(42)
x, kernel, bias = rng.normal(size=(100, 5)), rng.normal(size=(5, 5)), rng.normal(size=5)
names = ("gamma", "beta", "moving_mean", "moving_variance")
norm = SimpleNamespace(**{name: rng.uniform(1, 2, 5) for name in names}, epsilon=1e-3)


def normalize(x):
    scaled = (x - norm.moving_mean) / np.sqrt(norm.moving_variance + norm.epsilon)
    return norm.gamma * scaled + norm.beta


both = {"dense, norm": normalize(x @ kernel + bias), "norm, dense": normalize(x) @ kernel + bias}
for order, outputs in both.items():
    new_kernel, new_bias = fold(kernel, bias, norm, order)
    print(f"{order}: equal {np.allclose(x @ new_kernel + new_bias, outputs)}")

# %% [markdown]
# ## 5.4 Averages at once (3 points)
#
# Moving averages need hundreds of steps. There is a faster way: take the mean and the variance of
# all images at once, for one layer after the other.
#
# Here each hidden layer computes a dense part, its batch norm, and ReLU:
# `relu(norm(x @ kernel + bias))`. The network has the lists `kernels`, `biases`, `gammas` and
# `betas`; the last kernel and bias are those of the output layer, which has no batch norm.
#
# Return a list with a pair (mean, variance) for each hidden layer: what its averages should be. The
# network stays as it is. Mind what enters the second layer: it comes through the first, whose
# averages were to be renewed.


# %% task="5.4" stub="return a mean and a variance for each layer"
def renewed(network, x, epsilon=1e-3):
    """Return [(mean, variance), ...], one pair of arrays (units,) for each hidden layer.

    network: has kernels, biases, gammas, betas, and moving: the averages as they are now, in
    pairs. x: images, (n, inputs). epsilon: of every batch norm.
    """
    ### BEGIN SOLUTION
    averages = []
    for layer, (gain, lift) in enumerate(zip(network.gammas, network.betas, strict=True)):
        sums = x @ network.kernels[layer] + network.biases[layer]
        averages.append((sums.mean(axis=0), sums.var(axis=0)))
        standard = (sums - averages[-1][0]) / np.sqrt(averages[-1][1] + epsilon)
        x = np.maximum(0, gain * standard + lift)
    return averages
    ### END SOLUTION


# %% check="5.4" points=3
check("5.4", renewed)

# %% [markdown]
# *Predict first.* A network of six hidden layers trains in batches of 50. After how many epochs of
# ten steps do its moving averages serve it as well as yours? `expected("5.4")` shows how the
# picture should look.


# %% tags=["measure"]
from helpers.theory.normalized_network import accuracy, logits_in_inference, make_network, train


def inference_accuracy(network, x, labels):
    return accuracy(logits_in_inference(x, network), labels)


# %% tags=["measure"]
rng = np.random.default_rng(42)
centres, labels = rng.normal(size=(10, 20)), rng.integers(10, size=500)
x = centres[labels] + 0.8 * rng.normal(size=(500, 20))
settings = {"steps": 10, "batch_size": 50, "learning_rate": 0.1}
curves = {"moving averages": np.zeros((2, 20)), "renewed averages": np.zeros((2, 20))}
for seed in range(2):
    network = make_network((20, *[30] * 6, 10), "he_normal", "before", "relu", seed)
    for epoch in range(20):
        network = train(network, x, labels, seed=epoch, **settings).network
        repaired = network._replace(moving=renewed(network, x))
        for name, each in zip(curves, (network, repaired), strict=True):
            curves[name][seed, epoch] = inference_accuracy(each, x, labels)
figures.seed_curves(curves, "training accuracy in inference mode", "ten random clusters")

# %% [markdown]
# The weights are the same on both lines. All that differs is what the layers hold for the mean and
# the variance of their inputs.
#
# ## 5.5 Decide (2 points)
#
# The validation accuracy of a network is low. Three things may cost it accuracy:
#
# - `"weights"`: they are bad even on the images that they were trained on.
# - `"images"`: there were too few, so that what the weights learned does not carry over.
# - `"averages"`: they do not fit what enters the layers.
#
# You get four accuracies in inference mode: on the training and on the validation images, with the
# averages as they are and with renewed ones. With renewed averages, the averages cost nothing. The
# costs of all three together are what the validation accuracy lacks to 1. Return the name of the
# greatest.


# %% task="5.5" stub="return what costs the most accuracy"
def costs_most(measured):
    """Return "weights", "images" or "averages".

    measured: a dictionary of four accuracies: "training", "validation", "training, renewed" and
    "validation, renewed".
    """
    ### BEGIN SOLUTION
    known, new = measured["training, renewed"], measured["validation, renewed"]
    price = {"weights": 1 - known, "images": known - new, "averages": new - measured["validation"]}
    return max(price, key=price.get)
    ### END SOLUTION


# %% check="5.5" points=2
check("5.5", costs_most)

# %% [markdown]
# Now let it decide about three networks, trained on handwritten digits. One had few steps, one had
# batches of two, and one had few images.
#
# *Predict first.* Which of them can be helped without training?

# %% tags=["measure"]
digits = digit_inputs()
held_out = digits.validation_x, digits.validation_labels
ways = {"few steps": (40, 128, 1197), "batches of 2": (300, 2, 1197), "few images": (300, 30, 60)}
for name, (steps, size, count) in ways.items():
    seen = digits.x[:count], digits.labels[:count]
    settings = {"steps": steps, "batch_size": size, "learning_rate": 0.05, "seed": 0}
    network = make_network((64, *[50] * 6, 10), "he_normal", "before", "relu", seed=0)
    network = train(network, *seen, **settings).network
    repaired, measured = network._replace(moving=renewed(network, seen[0])), {}
    for part, data in {"training": seen, "validation": held_out}.items():
        measured[part] = inference_accuracy(network, *data)
        measured[f"{part}, renewed"] = inference_accuracy(repaired, *data)
    print(f"{name:>12}:", *(f"{part} {value:.2f};" for part, value in measured.items()), end=" ")
    print(costs_most(measured))

# %% [markdown]
# After few steps the weights are better than they look, and one look at all images repairs the
# rest. In batches of two nothing is to be repaired: the averages fit, and the weights learned from
# outputs that said little about the inputs. And of few images a network learns those few, however
# well it is normalized.
