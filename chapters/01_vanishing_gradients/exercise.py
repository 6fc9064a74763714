# %% [markdown]
# # Exercises: vanishing and exploding gradients
#
# You write the two ways through a deep network, up and back, say from what they show whether it
# can learn, and find by theory the weights at which its gradient neither vanishes nor explodes.
# Nothing is trained: every cell answers within seconds. Allow an hour and a half.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# The check says what holds and what does not. In a cell of your own, `hint("1.1")` gives the next
# step to a solution, and `progress()` shows what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("01_vanishing_gradients", exercise=True)

# %%
import numpy as np

from helpers import figures
from helpers.theory.activations import slope, value

# %% [markdown]
# An activation function is given by its name: `value("tanh", z)` is $\varphi(z)$, and
# `slope("tanh", z)` is $\varphi'(z)$, each for a whole array. There are no biases.
#
# Kernels are drawn as in the lesson's theory: a weight has the variance $\sigma_w^2$ / fan_in. The
# number that we turn is $\sigma_w$, called `scale`. Glorot's weights have `scale` 1 in layers of
# equal width, N(0, 1) has 10 in layers of 100.


# %%
def draw_kernels(scale, depth, width, rng):
    """Return a list of kernels, each of shape (width, width)."""
    return list(rng.normal(scale=scale / np.sqrt(width), size=(depth, width, width)))


# %% [markdown]
# ## 1.1 Up (2 points)
#
# Send inputs up through a stack of layers: $z^l = x^{l-1} W^l$, then $x^l = \varphi(z^l)$. Every
# layer has the activation, the last one too. Keep what each layer makes of them, for the way back
# needs it.


# %% task="1.1" stub="return two lists with an array a layer"
def forward(x, kernels, activation):
    """Return (pre-activations, outputs), each a list with an array a layer, the first layer first.

    x: inputs, (n, units). kernels: a list of arrays (fan_in, fan_out). activation: its name.
    """
    ### BEGIN SOLUTION
    sums, signals = [], []
    for weights in kernels:
        sums.append(x @ weights)
        x = value(activation, sums[-1])
        signals.append(x)
    return sums, signals
    ### END SOLUTION


# %% check="1.1" points=2
check("1.1", forward)

# %% [markdown]
# ## 1.2 And back (3 points)
#
# Now a gradient comes in at the top, by the *outputs* of the last layer, and you pass it down. What
# is wanted in each layer is the gradient by its *pre-activations*, $\delta^l$:
#
# $$\delta^l = \left(\delta^{l+1} (W^{l+1})^\top\right) \cdot \varphi'(z^l)$$
#
# In the top layer, what was sent in takes the place of the bracket.


# %% task="1.2" stub="return a gradient for each layer"
def backward(pre_activations, kernels, activation, sent):
    """Return a list with the gradient by the pre-activations of each layer, the first layer first.

    pre_activations: the first list of forward. sent: the gradient by the last layer's outputs.
    """
    ### BEGIN SOLUTION
    deltas = []
    for sums, weights in zip(pre_activations[::-1], kernels[::-1], strict=True):
        deltas.insert(0, sent * slope(activation, sums))
        sent = deltas[0] @ weights.T
    return deltas
    ### END SOLUTION


# %% check="1.2" points=3
check("1.2", backward)

# %% [markdown]
# A gradient can be tested without knowing how it was computed: move one number by a little, and see
# by how much the result moves. What is sent in is the gradient of the sum of all outputs, each
# times its number in `sent`. So that sum is the result, and here one input is moved.

# %%
rng = np.random.default_rng(42)
kernels = draw_kernels(1.0, 5, 30, rng)
x, sent = rng.normal(size=(2, 10, 30))
by_input = backward(forward(x, kernels, "tanh")[0], kernels, "tanh", sent)[0] @ kernels[0].T

moved = x.copy()
moved[3, 7] += 1e-6
results = [(forward(each, kernels, "tanh")[1][-1] * sent).sum() for each in (x, moved)]
print(f"by your backward pass {by_input[3, 7]:.6f}")
print(f"by a small step       {(results[1] - results[0]) / 1e-6:.6f}")

# %% [markdown]
# ## 1.3 Can it learn? (3 points)
#
# Before a network is trained, two numbers say a good deal about it. You get the outputs of every
# layer, as from `forward`, and the gradients of every layer, as from `backward`. Return
#
# 1. the *ratio*: the standard deviation of the gradient in the first layer, divided by that in the
#    last,
# 2. how far the last layer tells inputs *apart*: the variance of a unit's output over the inputs,
#    averaged over the units; its root, divided by the standard deviation of all outputs of the
#    layer (over units and inputs together). 1 is as far as can be; at 0 all inputs look alike.
# 3. the *verdict*: `"vanishes"` for a ratio below 1/100, `"explodes"` above 100. Otherwise
#    `"all alike"` where inputs are told apart by less than 0.5, and `"healthy"` where by more.


# %% task="1.3" stub="return two numbers and the verdict"
def diagnose(outputs, gradients):
    """Return (ratio, apart, verdict): two numbers and a text.

    outputs, gradients: lists with an array (n, units) a layer, the first layer first.
    """
    ### BEGIN SOLUTION
    top = outputs[-1]
    ratio = gradients[0].std() / gradients[-1].std()
    apart = np.sqrt(top.var(axis=0).mean()) / top.std()
    if ratio < 0.01:
        return ratio, apart, "vanishes"
    if ratio > 100:
        return ratio, apart, "explodes"
    return ratio, apart, "healthy" if apart > 0.5 else "all alike"
    ### END SOLUTION


# %% check="1.3" points=3
check("1.3", diagnose)

# %% [markdown]
# *Predict first.* Networks of 20 layers of 100 units, logistic and tanh, at three scales each.
# Which of the six are healthy? And at which scale do logistic units come closest to it?


# %% tags=["measure"]
def network_diagnosis(activation, scale, depth=20, width=100, seed=42):
    """Return diagnose for a random network, random inputs and a random gradient."""
    rng = np.random.default_rng(seed)
    kernels = draw_kernels(scale, depth, width, rng)
    x, sent = rng.normal(size=(2, 100, width))
    pre_activations, outputs = forward(x, kernels, activation)
    return diagnose(outputs, backward(pre_activations, kernels, activation, sent))


for activation in ("logistic", "tanh"):
    for scale in (0.5, 1.0, 10.0):
        ratio, apart, verdict = network_diagnosis(activation, scale)
        print(f"{activation:>8}, scale {scale:4}: ratio {ratio:.0e}, apart {apart:.2f}, {verdict}")

# %% [markdown]
# ## 1.4 One number says all (3 points)
#
# Theory needs no network. In a wide layer the pre-activations are normal, with mean 0 and a
# variance $q$. With $z$ from N(0, 1),
#
# $$q^{l+1} = \sigma_w^2 \; \mathrm{E}\left[\varphi(\sqrt{q^l}\, z)^2\right], \qquad
# \chi = \sigma_w^2 \; \mathrm{E}\left[\varphi'(\sqrt{q^l}\, z)^2\right].$$
#
# Each mean is an integral over the density of N(0, 1). Work it out as a sum over a few thousand
# values of $z$, not over random numbers: it has to be right to one part in a thousand.
# Return the next $q$, and the $\chi$ of the layer whose $q$ is given.


# %% task="1.4" stub="return the next q, and chi"
def mean_field(q, activation, scale):
    """Return (next q, chi), two numbers.

    q: the variance of this layer's pre-activations. scale: sigma_w, not its square.
    """
    ### BEGIN SOLUTION
    grid = np.linspace(-10, 10, 4001)
    share = np.exp(-(grid**2) / 2)
    share /= share.sum()
    pre = np.sqrt(q) * grid
    means = (share @ curve(activation, pre) ** 2 for curve in (value, slope))
    return tuple(scale**2 * mean for mean in means)
    ### END SOLUTION


# %% check="1.4" points=3
check("1.4", mean_field)

# %% [markdown]
# Here it meets a network: the variance of the pre-activations by layer, as you predict it and as
# you measure it. Inputs from N(0, 1) give the first layer $q = \sigma_w^2$.

# %% tags=["measure"]
scale, depth, width = 1.5, 5, 1000
rng = np.random.default_rng(42)
kernels = draw_kernels(scale, depth, width, rng)
pre_activations, _ = forward(rng.normal(size=(100, width)), kernels, "tanh")
q = scale**2
for layer, measured in enumerate(pre_activations, start=1):
    print(f"layer {layer}: predicted {q:.3f}, measured {measured.var():.3f}")
    q, chi = mean_field(q, "tanh", scale)

# %% [markdown]
# ## 1.5 The border (3 points)
#
# At which scale is the gradient in layer 1 exactly as large as in layer `depth`? On the way from
# layer $l + 1$ to layer $l$ its variance is multiplied by the $\chi$ of layer $l$. So in a network
# of `depth` layers it is multiplied `depth` - 1 times, by the $\chi$ of every layer but the last.
# As the scale grows, so does the product; at the border it is 1.
#
# The inputs are from N(0, 1), as above. Search between 0.1 and 20, and find the border to one part
# in a thousand. Use your `mean_field`; while 1.4 is still open, `variance_map(q, activation,
# scale**2)` and `chi(q, activation, scale**2)` of `helpers.theory.mean_field` are the two numbers.


# %% task="1.5" stub="return the scale that keeps the gradient"
def border(activation, depth):
    """Return the scale at which the gradient neither shrinks nor grows from top to bottom.

    depth: the number of layers, 2 or more.
    """

    ### BEGIN SOLUTION
    def change(scale):
        variance, total = scale**2, 0.0
        for _ in range(1, depth):
            variance, factor = mean_field(variance, activation, scale)
            total += np.log(factor)
        return total

    lowest, highest = 0.1, 20.0
    while highest / lowest > 1 + 1e-5:
        between = np.sqrt(lowest * highest)
        lowest, highest = (lowest, between) if change(between) > 0 else (between, highest)
    return lowest
    ### END SOLUTION


# %% check="1.5" points=3
check("1.5", border)

# %% [markdown]
# *Predict first.* The lesson called tanh with scale 1 a network on the border. For 20 layers, is
# the border at 1, below it or above? The next cell puts a network on the border that you found, one
# below and one above, with your theory dashed beneath; `expected("1.5")` shows how it should look.


# %%
def gradient_in_theory(activation, scale, depth):
    """Return the standard deviation of the gradient by layer, for N(0, 1) sent in at the top."""
    q, factors = scale**2, []
    for _ in range(depth):
        q, chi = mean_field(q, activation, scale)
        factors.append(chi)
    return np.sqrt(np.cumprod(factors[::-1])[::-1]) / scale  # no kernel above the last layer


# %% tags=["measure"]
measured, theory, depth, width = {}, {}, 20, 100
on_it = border("tanh", depth)
for scale in (0.7 * on_it, on_it, 2 * on_it):
    rng = np.random.default_rng(42)
    kernels = draw_kernels(scale, depth, width, rng)
    x, sent = rng.normal(size=(2, 100, width))
    gradients = backward(forward(x, kernels, "tanh")[0], kernels, "tanh", sent)
    title = f"tanh, scale {scale:.2f}"
    measured[title] = np.array([each.std() for each in gradients])
    theory[title] = gradient_in_theory("tanh", scale, depth)
figures.gradient_by_layer(measured, theory, "random inputs, 20 layers of 100 units")

# %% [markdown]
# In the first layers the signal is still large, tanh bends there, and a part of the gradient is
# lost. The weights have to make up for it. The deeper the network, the less these few layers count.
#
# *Predict first.* Now put three networks on their own borders. All three ratios will be near 1. Are
# all three healthy?

# %% tags=["measure"]
for activation in ("tanh", "elu", "logistic"):
    borders = [border(activation, depth) for depth in (5, 20, 50)]
    print(f"{activation:>8}: border at 5, 20, 50 layers", *(f"{scale:6.2f}" for scale in borders))
    ratio, apart, verdict = network_diagnosis(activation, borders[1])
    print(f"{'':>8}  20 layers on it: ratio {ratio:.1f}, apart {apart:.2f}, {verdict}")

# %% [markdown]
# The logistic function has its border too. It lies near N(0, 1) in layers of 100: the accident of
# the lesson. The gradient passes, and the inputs look alike. A ratio near 1 is necessary, and it is
# not enough.
