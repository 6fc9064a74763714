# %% [markdown]
# # Exercises: activation functions
#
# You write four kinds of activation functions with their slopes, keep them from overflowing, count
# the units of a network that are dead, and decide by that which networks to go on with. One cell
# trains twelve small networks in NumPy, in a few seconds. Allow an hour and a half.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# The check says what holds and what does not. In a cell of your own, `hint("3.1")` gives the next
# step to a solution, and `progress()` shows what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("03_activations", exercise=True)

# %%
import numpy as np
from scipy.special import erf

from helpers.theory.activations import slope, value

# %% [markdown]
# ## 3.1 Two halves (2 points)
#
# ELU is two functions that meet at 0:
#
# $$\mathrm{ELU}(z) = z \;\text{ for } z > 0, \qquad
# \mathrm{ELU}(z) = \alpha \, (e^z - 1) \;\text{ for } z \le 0.$$
#
# Return its value and its slope, each an array of the shape of `z`. At 0 itself give the slope of
# the lower half.


# %% task="3.1" stub="return values and slopes, each in two halves"
def elu(z, alpha=1.0):
    """Return (value, slope), two arrays of the shape of z.

    z: an array of pre-activations.
    """
    ### BEGIN SOLUTION
    below = np.minimum(z, 0)
    curve = np.where(z > 0, z, alpha * np.expm1(below))
    return curve, np.where(z > 0, 1.0, alpha * np.exp(below))
    ### END SOLUTION


# %% check="3.1" points=2
check("3.1", elu)

# %% [markdown]
# *Predict first.* Below 0, which is larger at the same z: the value of ELU plus alpha, or its
# slope? The cell puts them side by side, with what a small step says of the slope.

# %%
z, alpha, step = np.array([-4.0, -2.0, -0.5, 0.5]), 1.5, 1e-6
values, slopes = elu(z, alpha)
by_step = (elu(z + step, alpha)[0] - elu(z - step, alpha)[0]) / (2 * step)
print("   z  value + alpha    slope  by a small step")
for row in zip(z, values + alpha, slopes, by_step, strict=True):
    print("{:4.1f} {:14.4f} {:8.4f} {:16.4f}".format(*row))

# %% [markdown]
# Below 0 a unit that knows its value knows its slope: nothing has to be computed twice.
#
# ## 3.2 A slope that learns (3 points)
#
# PReLU is $z$ above 0 and $a z$ below. Each unit has an $a$ of its own, and it is a weight like the
# others: it gets a gradient. Back-propagation brings the gradient by the layer's outputs,
# `arriving`. Return what it becomes: the gradient by `z`, and the one by the numbers $a$.
#
# An $a$ serves every input. As with a bias, its gradient is the sum of what each of them says.


# %% task="3.2" stub="return two gradients, by z and by a"
def prelu_backward(z, a, arriving):
    """Return (gradient by z, gradient by a), arrays (n, units) and (units,).

    z: pre-activations (n, units). a: (units,). arriving: gradient by the outputs, (n, units).
    """
    ### BEGIN SOLUTION
    negative = z < 0
    by_input = arriving * np.where(negative, a, 1)
    by_slope = np.sum(arriving * z * negative, axis=0)
    return by_input, by_slope
    ### END SOLUTION


# %% check="3.2" points=3
check("3.2", prelu_backward)

# %% [markdown]
# *Predict first.* Three units start with $a = 0.25$. The first is asked to put out $|z|$, the
# second $z$, the third 0 below 0 and $z$ above. They learn nothing but $a$. Where does it go?

# %%
z = np.random.default_rng(42).normal(size=(200, 3))
wanted = np.column_stack([np.abs(z[:, 0]), z[:, 1], np.maximum(z[:, 2], 0)])
a = np.full(3, 0.25)
for step in range(1, 31):
    outputs = np.where(z > 0, z, a * z)
    a = a - 0.5 * prelu_backward(z, a, (outputs - wanted) / len(z))[1]
    if step in (1, 10, 30):
        print(f"after {step:2} steps: a = {np.round(a, 2)}")

# %% [markdown]
# A learned slope can leave the interval from 0 to 1: PReLU becomes an absolute value where that is
# what the loss wants.
#
# ## 3.3 Large numbers (3 points)
#
# Written down as on paper, these three overflow for a large `z`, and lose everything far below 0:
#
# $$\mathrm{logistic}(z) = \frac{1}{1 + e^{-z}}, \qquad
# \mathrm{softplus}(z) = \ln(1 + e^z), \qquad
# \mathrm{Mish}(z) = z \, \tanh(\mathrm{softplus}(z)).$$
#
# Write them so that no `z` from -1000 to 1000 gives an infinite number, NaN or a warning, and so
# that far below 0 the small numbers are still right: softplus of -40 is $e^{-40}$, and not 0.
# `np.log1p(x)` is $\ln(1 + x)$, right for a tiny `x` too.


# %% task="3.3" stub="return three arrays without an overflow"
def smooth(z):
    """Return (logistic, softplus, Mish), three arrays of the shape of z.

    z: an array of numbers from -1000 to 1000.
    """
    ### BEGIN SOLUTION
    tail = np.exp(-abs(z))  # between 0 and 1 for any z
    logistic = np.where(z > 0, 1, tail) / (1 + tail)
    softplus = np.maximum(z, 0) + np.log1p(tail)
    return logistic, softplus, z * np.tanh(softplus)
    ### END SOLUTION


# %% check="3.3" points=3
check("3.3", smooth)

# %% [markdown]
# *Predict first.* In float32, in which networks compute, at what `z` does the formula of softplus
# give up: at about 90, 900 or 9,000?

# %%
z = np.array([-100, -20, 20, 80, 90, 1000], dtype=np.float32)
with np.errstate(over="ignore"):
    as_written = np.log(1 + np.exp(z))
print("      z  as written        yours")
for row in zip(z, as_written, smooth(z)[1], strict=True):
    print("{:7.0f} {:11.4g} {:12.4g}".format(*row))

# %% [markdown]
# ## 3.4 GELU, exactly and nearly (2 points)
#
# GELU is $z \, \Phi(z)$. $\Phi$ is the share of N(0, 1) below $z$: $\Phi(z) = \frac{1}{2} \left(1 +
# \mathrm{erf}(z / \sqrt{2})\right)$, with `erf` imported above. Many networks were trained with
#
# $$\tfrac{1}{2} \, z \left(1 + \tanh\left(\sqrt{2 / \pi} \; (z + 0.044715 \, z^3)\right)\right)$$
#
# instead, because tanh was at hand. Return both, and the $z$ at which they lie farthest apart.


# %% task="3.4" stub="return two arrays, and the z of the largest gap"
def gelu(z):
    """Return (exact, nearly, farthest): two arrays of the shape of z, and one number of z.

    z: an array (n,).
    """
    ### BEGIN SOLUTION
    exact = z * (1 + erf(z / np.sqrt(2))) / 2
    inner = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    nearly = z * (1 + np.tanh(inner)) / 2
    return exact, nearly, z[abs(exact - nearly).argmax()]
    ### END SOLUTION


# %% check="3.4" points=2
check("3.4", gelu)

# %% [markdown]
# *Predict first.* Is the gap larger or smaller than what float16 rounds away near 1, a thousandth?
# And far below 0, is the near one still right to a percent?

# %%
exact, nearly, farthest = gelu(np.linspace(0, 6, 6001))
print(f"largest gap {abs(exact - nearly).max():.1e}, at z = {farthest:.2f}")
exact, nearly, _ = gelu(np.array([-1.0, -3.0, -5.0]))
for z, one, other in zip((-1, -3, -5), exact, nearly, strict=True):
    print(f"z = {z}: exactly {one:.3g}, nearly {other:.3g}, off by {abs(other / one - 1):.1%}")

# %% [markdown]
# The gap is the same at z and at -z, and no network notices it. But weights that were trained with
# one give slightly other outputs with the other. **In Keras** `activation="gelu"` is the exact one,
# and `keras.activations.gelu(z, approximate=True)` the near one.
#
# ## 3.5 Dead for every image (3 points)
#
# A unit is dead where its slope is below 1/1000, in absolute value, for *every* training input.
# For ReLU that is an output of 0 for all of them; the definition fits the other functions too.
# Return for each hidden layer which of its units are dead.
#
# `value(activation, z)` and `slope(activation, z)` are the functions of the lesson, by name.


# %% task="3.5" stub="return a boolean array for each layer"
def dead_units(x, kernels, biases, activation):
    """Return a list with a boolean array (units,) a layer, True where a unit is dead.

    x: all training inputs (n, inputs). kernels, biases: of the hidden layers, a list entry a
    layer. activation: its name, of every layer.
    """
    ### BEGIN SOLUTION
    found = []
    for weights, shift in zip(kernels, biases, strict=True):
        before = x @ weights + shift
        steep = abs(slope(activation, before)).max(axis=0)
        found.append(steep < 0.001)
        x = value(activation, before)
    return found
    ### END SOLUTION


# %% check="3.5" points=3
check("3.5", dead_units)

# %% [markdown]
# ## 3.6 Decide (2 points)
#
# Some networks were trained, and you are to go on with one. Count the dead units of each, over all
# its layers. Of those with none, choose the one with the highest accuracy; there is always one.
# Return the counts, by the networks' names, and the name of the one that you choose.


# %% task="3.6" stub="return the counts and the name of one network"
def choose(networks, x):
    """Return (dead, chosen): a dictionary from each network's name to a count, and a name.

    networks: a dictionary from a name to (kernels, biases, activation, accuracy), as in 3.5.
    x: all training inputs (n, inputs).
    """
    ### BEGIN SOLUTION
    dead = {}
    for title, (*layers, _) in networks.items():
        dead[title] = int(sum(units.sum() for units in dead_units(x, *layers)))
    unharmed = [title for title, count in dead.items() if count == 0]
    return dead, max(unharmed, key=lambda title: networks[title][-1])
    ### END SOLUTION


# %% check="3.6" points=2
check("3.6", choose)

# %% [markdown]
# *Predict first.* Four activation functions, three rates, two hidden layers of 24 units, 150 steps
# on handwritten digits. At the highest rate, which of the four has dead units? And does a network
# without dead units learn?

# %% tags=["measure"]
from helpers.labs.digit_inputs import digit_inputs
from helpers.labs.dying_relu import start, train

networks = {}
for activation in ("relu", "leaky_relu", "elu", "gelu"):
    for rate in (0.1, 0.3, 1.0):
        trained = train(start(depth=2), activation, rate, steps=150)
        hidden = [arrays[:-1] for arrays in trained.parameters]
        networks[f"{activation}, rate {rate}"] = (*hidden, activation, trained.accuracy)
digits = digit_inputs()
dead, chosen = choose(networks, digits.x)
for name, (*_, accuracy) in networks.items():
    print(f"{name:>20}: {dead[name]:2} units dead, {accuracy:.0%} of the validation digits right")
print(f"{digits.name}: going on with {chosen}")

# %% [markdown]
# A dead unit need not have been killed by the rate. Were any dead before the first step?

# %% tags=["measure"]
first = [arrays[:-1] for arrays in start(depth=2)]
drawn_dead = sum(layer.sum() for layer in dead_units(digits.x, *first, "relu"))
print(f"ReLU units dead as they were drawn: {drawn_dead}")

# %% [markdown]
# Many dead units show a rate that is too high. Leaky ReLU, which has none, fails at that rate too:
# its weights run off. The slope of ELU or GELU is never 0 over a whole range, and can be as good as
# 0 for every image. So the count has to be read together with what the network can do, and a
# lower rate is the first cure.
