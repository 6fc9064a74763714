# %% [markdown]
# # Exercises: initialization
#
# You write three initializers, send numbers through a stack of layers with two of them, and decide
# by what you measured. Nothing is trained: every cell answers within seconds. Allow an hour.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# The check says what holds and what does not. In a cell of your own, `hint("2.1")` gives the next
# step to a solution, and `progress()` shows what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("02_initialization", exercise=True)

# %%
from itertools import pairwise

import numpy as np

from helpers import figures
from helpers.theory.initializers import TRUNCATED_STD, weight_variance

# %% [markdown]
# ## 2.1 How wide to draw (2 points)
#
# An initializer draws each weight from a distribution of mean 0. How wide it is follows from the
# rule and from the shape of the kernel. Return two numbers that describe the same variance: the
# standard deviation of a normal distribution, and the limit $r$ of a uniform one on $[-r, r]$.
#
# The shape is Keras's: `(fan_in, fan_out)` for a dense layer, `(height, width, channels in,
# channels out)` for a convolution. A unit of a convolution adds up a whole field of positions.


# %% task="2.1" stub="return a standard deviation and a limit"
def weight_spread(rule, shape):
    """Return (standard deviation, uniform limit) of a kernel.

    rule: "lecun", "glorot" or "he". shape: of a Keras kernel, with two or more numbers.
    """
    ### BEGIN SOLUTION
    *field, channels, units = shape
    incoming, outgoing = (int(np.prod(field)) * each for each in (channels, units))
    variances = {"lecun": 1 / incoming, "glorot": 2 / (incoming + outgoing), "he": 2 / incoming}
    std = variances[rule] ** 0.5
    return std, 3**0.5 * std
    ### END SOLUTION


# %% check="2.1" points=2
check("2.1", weight_spread)

# %% [markdown]
# ## 2.2 A normal distribution without its tails (2 points)
#
# A normal distribution now and then gives a weight of four standard deviations. Keras draws again
# whatever lies beyond two, and widens the distribution beforehand by as much as the cut takes
# away. So the variance is the one that was asked for.
#
# `TRUNCATED_STD` is the standard deviation of N(0, 1) cut off at -2 and 2. All numbers come from
# the generator that is given: the same generator, the same kernel.


# %% task="2.2" stub="draw, and draw again what lies too far out"
def truncated_normal(std, shape, rng):
    """Return an array of that shape, of mean 0 and standard deviation std, without tails.

    rng: a numpy.random.Generator, the only source of random numbers.
    """
    ### BEGIN SOLUTION
    width = std / TRUNCATED_STD
    weights = rng.normal(scale=width, size=shape)
    outside = abs(weights) > 2 * width
    while outside.any():
        weights[outside] = rng.normal(scale=width, size=outside.sum())
        outside = abs(weights) > 2 * width
    return weights
    ### END SOLUTION


# %% check="2.2" points=2
check("2.2", truncated_normal)

# %% [markdown]
# ## 2.3 A kernel that keeps lengths (3 points)
#
# The columns of a tall orthogonal kernel are perpendicular to each other and of length `gain`. A
# wide kernel has more columns than can be perpendicular: there it is the rows.
#
# Every such kernel has to be as likely as any other. In particular each number in it is as often
# positive as negative, which is less obvious than it sounds.


# %% task="2.3" stub="return perpendicular columns, or rows if wide"
def orthogonal(shape, rng, gain=1.0):
    """Return a kernel of shape (rows, columns) that is gain times an orthogonal one.

    rng: a numpy.random.Generator, the only source of random numbers.
    """
    ### BEGIN SOLUTION
    basis, triangle = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    upright = gain * basis * np.sign(triangle.diagonal())
    return upright if upright.shape == tuple(shape) else upright.T
    ### END SOLUTION


# %% check="2.3" points=3
check("2.3", orthogonal)

# %% [markdown]
# ## 2.4 Through a stack (3 points)
#
# Now measure what the rules are for. A stack has one linear layer between each two neighbours of
# `widths`: no activation, no bias. Send 500 inputs from N(0, 1) up through it, and 500 gradients
# from N(0, 1) down through the same kernels.
#
# Return two arrays with a value for each layer, the first layer first: the variance of what the
# layer puts out, and the variance of the gradient that it passes down. Draw the kernels from
# a normal distribution; its standard deviation is `weight_spread(rule, shape)[0]`, or, while 2.1 is
# still open, the root of `weight_variance(f"{rule}_normal", shape)`.


# %% task="2.4" stub="return a variance for each layer, up and down"
def through_stack(rule, widths, rng):
    """Return (variances forward, variances backward), each an array with a value a layer.

    rule: "lecun" or "glorot". widths: the number of inputs, then the units of each layer.
    """
    ### BEGIN SOLUTION
    layers = [
        rng.normal(scale=weight_variance(f"{rule}_normal", pair) ** 0.5, size=pair)
        for pair in pairwise(widths)
    ]
    signal = rng.normal(size=(500, widths[0]))
    gradient = rng.normal(size=(500, widths[-1]))
    ups, downs = [], []
    for weights in layers:
        signal = signal @ weights
        ups.append(signal.var())
    for weights in layers[::-1]:
        gradient = gradient @ weights.T
        downs.insert(0, gradient.var())
    return np.array(ups), np.array(downs)
    ### END SOLUTION


# %% check="2.4" points=3
check("2.4", through_stack)

# %% [markdown]
# *Predict first.* Ten layers are 400 and 100 units wide in turn. Under which rule does the
# gradient come down in the size in which it was sent? The cell draws your measurement, with the
# theory dashed beneath; `expected("2.4")` shows how it should look.

# %%
widths = (400, 100) * 5 + (400,)
measured, theory = {}, {}
for title, rule in {"LeCun": "lecun", "Glorot": "glorot"}.items():
    _, backward = through_stack(rule, widths, np.random.default_rng(42))
    factors = [weight_variance(f"{rule}_normal", shape) * shape[1] for shape in pairwise(widths)]
    measured[title] = np.sqrt(backward)
    theory[title] = np.sqrt(np.cumprod(factors[::-1])[::-1])
figures.gradient_by_layer(measured, theory, "random inputs, widths 400 and 100 in turn")

# %% [markdown]
# ## 2.5 Decide (2 points)
#
# Which rule suits a network depends on its widths, so let the measurement decide. For each rule
# you get two factors: by how much the variance changed on its way up, and by how much that of the
# gradient on its way down. Both should be 1.
#
# A factor of 2 is as bad as a factor of 1/2, and a rule is as bad as the worse of its two
# directions. Return the name of the best rule.


# %% task="2.5" stub="return the rule whose worse direction is best"
def better_rule(measured):
    """Return the name of the best rule.

    measured: a dictionary, from the name of each rule to (factor forward, factor backward).
    """
    ### BEGIN SOLUTION
    worst = {name: max(abs(np.log(factors))) for name, factors in measured.items()}
    return min(worst, key=worst.get)
    ### END SOLUTION


# %% check="2.5" points=2
check("2.5", better_rule)

# %% [markdown]
# Now let it decide about three networks that you can build.

# %%
networks = {
    "narrowing": (400, 200, 100, 50),
    "widening": (50, 100, 200, 400),
    "in turn": (400, 100) * 5 + (400,),
}
for name, widths in networks.items():
    factors = {}
    for rule in ("lecun", "glorot"):
        forward, backward = through_stack(rule, widths, np.random.default_rng(42))
        factors[rule] = (forward[-1], backward[0])
        print(f"{name:>9}, {rule:>6}: {forward[-1]:.2f} forward, {backward[0]:.2f} backward")
    print(f"{name:>9}: {better_rule(factors)} suits it better")

# %% [markdown]
# Where the width changes in one direction only, the average of the fans loses less than either of
# them alone. Where it goes up and down, what one layer takes the next gives back under LeCun's
# rule, and Glorot's pays at every layer.
