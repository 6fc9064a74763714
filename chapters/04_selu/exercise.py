# %% [markdown]
# # Exercises: SELU and self-normalization
#
# SELU is one of a family. You compute the constants that make any curve below 0 self-normalizing,
# then the dropout that fits it, then watch mean and spread go through layers. At the end you get
# measurements of networks that broke, and say which condition each of them breaks. Nothing is
# trained: every cell answers within seconds. Allow an hour.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# The check says what holds and what does not. In a cell of your own, `hint("4.1")` gives the next
# step to a solution, and `progress()` shows what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("04_selu", exercise=True)

# %%
import numpy as np

from helpers.theory.activations import SELU_ALPHA, SELU_SCALE, value
from helpers.theory.dropout import SELU_FLOOR, dropout

# %% [markdown]
# ## 4.1 The two constants (3 points)
#
# Take an activation function $f(z) = \lambda z$ above 0 and $f(z) = \lambda\alpha\,g(z)$ below. For
# SELU $g(z) = e^z - 1$; here $g$ may be any function that is negative below 0. Find the $\alpha$
# and the $\lambda$ (`scale`) for which, with $z$ from N(0, 1),
#
# $$E[f(z)] = 0, \qquad E[f(z)^2] = 1.$$
#
# Both to 1e-6. You may integrate numerically: for a normal $z$, $E[h(z)]$ is the integral of $h$
# times the density $e^{-z^2/2}/\sqrt{2\pi}$.
#
# *Predict first.* If $g$ reaches less far down than SELU's, is $\alpha$ larger or smaller?


# %% task="4.1" stub="solve the two equations"
def normalizing_constants(below):
    """Return (alpha, scale) of the self-normalizing function with this curve below 0.

    below: the function g, of an array; it is only asked for numbers below 0, or 0.
    """
    ### BEGIN SOLUTION
    grid = np.linspace(-12, 0, 240_001)
    weight = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    curve = below(grid)
    alpha = -1 / np.sqrt(2 * np.pi) / np.trapezoid(curve * weight, grid)
    square = 0.5 + alpha**2 * np.trapezoid(curve**2 * weight, grid)
    return alpha, square**-0.5
    ### END SOLUTION


# %% check="4.1" points=3
check("4.1", normalizing_constants)

# %% [markdown]
# Three members of the family. The first is SELU, with the constants that were published.

# %%
curves = {"exp(z) - 1": np.expm1, "tanh z": np.tanh, "z / (1 - z)": lambda z: z / (1 - z)}
for name, below in curves.items():
    alpha, scale = normalizing_constants(below)
    print(f"{name:>11}: alpha {alpha:.6f}, scale {scale:.6f}, lowest {scale * alpha * -1:.3f}")
print(f"{'published':>11}: alpha {SELU_ALPHA:.6f}, scale {SELU_SCALE:.6f}, lowest {SELU_FLOOR:.3f}")

# %% [markdown]
# All three level off at $-\lambda\alpha$. The more slowly $g$ goes down to -1, the less it takes
# away from the upper half, and the larger $\alpha$ has to be.
#
# ## 4.2 Dropout that fits (2 points)
#
# Alpha dropout sets each unit to `floor` with probability `rate`, then multiplies all units by $a$
# and adds $b$. Choose $a$ and $b$ so that units of mean `mean` and variance `variance` have the
# same mean and variance afterwards. (Keras's layer does it for mean 0, variance 1, SELU's floor.)
#
# Which units are dropped has nothing to do with their values. $a$ is above 0.


# %% task="4.2" stub="return the factor and the shift"
def dropout_constants(rate, floor, mean=0.0, variance=1.0):
    """Return (a, b), by which units of which some were set to floor keep mean and variance.

    rate: probability to be dropped, in [0, 1). floor: what a dropped unit becomes.
    """
    ### BEGIN SOLUTION
    stay = 1 - rate
    center = stay * mean + rate * floor
    spread = stay * (variance + mean**2) + rate * floor**2 - center**2
    factor = np.sqrt(variance / spread)
    return factor, mean - factor * center
    ### END SOLUTION


# %% check="4.2" points=2
check("4.2", dropout_constants)

# %% [markdown]
# A million units of mean 0.5 and variance 2, of which a share is set to -1.

# %%
rng = np.random.default_rng(42)
units = rng.normal(0.5, np.sqrt(2), size=1_000_000)
for rate in (0.1, 0.5, 0.9):
    a, b = dropout_constants(rate, -1.0, 0.5, 2.0)
    left = a * np.where(rng.random(units.size) < rate, -1.0, units) + b
    print(f"rate {rate}: mean {left.mean():.2f}, variance {left.var():.2f}")

# %% [markdown]
# ## 4.3 Through the layers (2 points)
#
# Measure what layers do to a batch. `layers` is a list of functions; each takes an array with a row
# for each input and a column for each unit, and returns such an array. After each layer, and first
# of all of the inputs themselves, measure three numbers:
#
# 1. the mean over all inputs and units
# 2. the standard deviation over all inputs and units
# 3. the standard deviation of one unit over the inputs, averaged over the units
#
# Return an array with a row for each measurement, the inputs' first, and these three columns.


# %% task="4.3" stub="return three numbers for inputs and layers"
def moments_by_layer(x, layers):
    """Return an array (number of layers + 1, 3): mean, std, mean std of a unit.

    x: inputs, an array (inputs, units). layers: functions from such an array to the next.
    """
    ### BEGIN SOLUTION
    rows = []
    for layer in [lambda inputs: inputs, *layers]:
        x = layer(x)
        rows.append((x.mean(), x.std(), x.std(axis=0).mean()))
    return np.array(rows)
    ### END SOLUTION


# %% check="4.3" points=2
check("4.3", moments_by_layer)

# %% [markdown]
# `make_layers` draws a network: 100 units wide, each kernel from a normal distribution of variance
# `gain` / fan_in. Each row of the table breaks one condition, and is measured by your function.
#
# *Predict first.* In which of these networks does the third number fall far below the second?


# %%
def make_layers(rng, gain=1.0, activation="selu", rate=0.0, skip=False, depth=40, width=100):
    """Return layers of random weights, for moments_by_layer."""

    def make_layer():
        kernel = rng.normal(scale=np.sqrt(gain / width), size=(width, width))

        def layer(x):
            outputs = dropout(value(activation, x @ kernel), rate, rng)
            return x + outputs if skip else outputs

        return layer

    return [make_layer() for _ in range(depth)]


# %% tags=["measure"]
broken = {"nothing": {}, "inputs": {}, "weights": {"gain": 2.0}, "dropout": {"rate": 0.1}}
broken |= {"skip connections": {"skip": True}, "activation": {"activation": "tanh"}}
shown = (0, 1, 10, 40)
print(f"{'broken':<17}" + "".join(f"after layer {layer:<14}" for layer in shown).rstrip())
for name, change in broken.items():
    rng = np.random.default_rng(42)
    x = rng.normal(size=(200, 100)) + (4 if name == "inputs" else 0)
    path = moments_by_layer(x, make_layers(rng, **change))
    cells = ("".join(f"{number:<8.2g}" for number in path[layer]) for layer in shown)
    print(f"{name:<17}" + "  ".join(cells).rstrip())

# %% [markdown]
# ## 4.4 Which condition? (3 points)
#
# Now the other way round. You get measurements like those above, of 40 layers of 100 units, and say
# what is broken: `"nothing"`, `"inputs"`, `"weights"`, `"dropout"`, `"skip connections"` or
# `"activation"`, one at a time.
#
# What may differ from the table: the mean of the inputs is 2 to 8 away from 0, or their standard
# deviation is 3 to 8; the gain of the weights is 2 to 2.5; the rate of ordinary dropout is 0.1 to
# 0.15; the activation is tanh, ELU or ReLU. Other random numbers move a measurement by a tenth, or
# by more where it grows with every layer. Measure networks of your own until you trust your rules.


# %% task="4.4" stub="return what is broken"
def broken_condition(path):
    """Return the name of the condition that is broken, or "nothing".

    path: what moments_by_layer returned for the network, an array (41, 3).
    """
    ### BEGIN SOLUTION
    center, spread, _ = path.T
    if abs(center[0]) > 1 or not 0.7 < spread[0] < 1.5:
        return "inputs"
    late = np.exp(np.log(spread[20:]).mean())
    for most, name in ((0.6, "activation"), (1.12, "nothing"), (2, "dropout")):
        if late < most:
            return name
    return "skip connections" if spread[40] > 300 * spread[20] else "weights"
    ### END SOLUTION


# %% check="4.4" points=3
check("4.4", broken_condition)

# %% [markdown]
# Inputs that are not standardized leave no trace in the last layers' mean and standard deviation:
# SELU mends both. Where a mean was the fault, the third number stays small for many layers, as
# every input still looks much like every other; only the first row tells why.
