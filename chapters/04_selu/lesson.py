# %% [markdown]
# # SELU and self-normalization
#
# A thousand layers of random weights, no normalization layer anywhere, and the signal that comes
# out has the mean and the spread of the one that went in. The activation function does it, with two
# constants that nobody tuned: they are the solution of two equations.
#
# The same network falls apart when you add skip connections, or double the variance of its weights,
# or drop out units the usual way.
#
# **You will be able to**
# - say what a layer does to a mean and a variance, and why (0, 1) is where SELU takes them
# - compute SELU's two constants
# - name each condition of self-normalization, and what happens without it
# - choose between dropout and alpha dropout, and say what alpha dropout costs
# - choose an activation function for a network

# %%
from helpers import course

course.start("04_selu")

# %% [markdown]
# ## Two numbers a layer
#
# **A layer forgets the mean of its inputs at once, and their variance within a few more.** A unit
# adds up many inputs times random weights. Such a sum is close to a normal distribution, and two
# numbers describe it. So a layer is a map: a mean and a variance go in, a mean and a variance come
# out.
#
# SELU is $f(z) = \lambda z$ for $z > 0$ and $\lambda\alpha\,(e^z - 1)$ below. Here $z$ is the
# pre-activation, and $\lambda$ (Keras: `scale`) and $\alpha$ are the two constants.
#
# *Predict first.* Raise the standard deviation of the inputs from 1 to 3. How many layers does the
# network need to bring it back to within 10% of 1: about 1, about 10, or all 50? Write your guess
# down, then move the slider.

# %%
from helpers.labs import MomentMap

MomentMap()

# %% [markdown]
# On the left, each arrow starts at a mean and a variance and points to where one layer takes them.
# They end on the blue curve: with weights of mean 0, only the variance of the pre-activations is
# left, and one number leads to a curve. Along the curve the arrows lead to the star.
#
# On the right, two kinds of spread. The solid line is taken over all units and all inputs. The
# dashed line follows *one unit* over the inputs, and averages that over the units. It says whether
# the network still tells the inputs apart.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.moments import iterate, selu_moments

path = iterate(selu_moments, start=(0, 3**2), layers=20)
for layer in (0, 1, 2, 5, 10, 20):
    print(f"layer {layer:>2}: mean {path.mean[layer]:5.2f}, variance {path.variance[layer]:.3f}")

# %% [markdown]
# ## The two constants
#
# **SELU's constants look tuned, and are not.** Ask that mean 0 and variance 1 map to themselves.
# With $z$ from a standard normal distribution, that is
#
# $$E[f(z)] = 0, \qquad E[f(z)^2] = 1,$$
#
# two equations for the two unknowns $\alpha$ and $\lambda$. Klambauer and others (2017, equations 4
# and 5) write both means in closed form, for weights with any sum and any sum of squares.
#
# *Predict first.* A fixed point can attract or repel. Near (0, 1), does a layer leave of an error
# in the variance nearly all, about four fifths, or half?

# %%
# NBVAL_CHECK_OUTPUT
import numpy as np

from helpers.theory.activations import SELU_ALPHA, SELU_SCALE, slope, value
from helpers.theory.moments import selu_jacobian, solve_selu_constants

alpha, scale = solve_selu_constants()
print(f"alpha {alpha:.10f}, scale {scale:.10f}")
print("as published, to 1e-12:", np.allclose((alpha, scale), (SELU_ALPHA, SELU_SCALE), 0, 1e-12))
jacobian = selu_jacobian(mean=0, variance=1)
print(f"a layer leaves {jacobian[1, 1]:.4f} of an error in the variance")
print(f"and at most {np.linalg.norm(jacobian, 2):.4f} of any small error")

# %% [markdown]
# Both factors come from the Jacobian, the matrix of the map's four derivatives. They are below 1,
# so each layer shrinks what is wrong, and (0, 1) attracts. The Jacobian's first column is 0: an
# error in the mean is gone after one layer.
#
# **In Keras** a layer with all it needs is
# `Dense(100, activation="selu", kernel_initializer="lecun_normal")`. The constants are built in.
#
# ## A thousand layers
#
# **Each layer adds its own error, and each layer shrinks those before it.** A hundred units are not
# infinitely many, so every layer is a little off. Published for 1,000 layers of 100 units: means
# within 0.05 of 0, standard deviations from 0.83 to 1.00, looked at in every 100th layer. The cell
# draws the same random numbers.
#
# *Predict first.* And between those layers? Guess the lowest and the highest standard deviation
# over all 1,000.

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.RandomState(42)  # NumPy's older generator: the published run used it
x, means, stds = rng.normal(size=(500, 100)), [], []
for _ in range(1000):
    kernel = rng.normal(scale=np.sqrt(1 / 100), size=(100, 100))  # LeCun's variance, 1 / fan_in
    x = value("selu", x @ kernel)
    means.append(x.mean())
    stds.append(x.std(axis=0).mean())  # of a unit over the inputs, mean over the units
for layer in range(0, 600, 100):
    print(f"layer {layer:>3}: mean {means[layer]:5.2f}, standard deviation {stds[layer]:.2f}")
inside = min(stds) > 0.6 and max(stds) < 1.2 and np.abs(means).max() < 0.25
print(f"all 1,000: means within 0.25 of 0, standard deviations within 0.6 and 1.2: {inside}")

# %%
from helpers import figures

published = {"mean": (-0.05, 0.05), "std": (0.83, 1.0), "every": 100}
figures.through_layers(means, stds, published, "random inputs")

# %% [markdown]
# Between the published layers both wander farther. They do not drift away: the map pulls them
# back. (The standard deviation of one unit sits below 1. It is taken over the inputs, and on their
# way through 100 units a layer these come to have something in common, which is no spread.)
#
# ## What is not kept
#
# **Mean and variance survive a thousand layers; the inputs' distances do not.** Move the inputs by
# a little. Each layer multiplies the squared distance by $E[f'(z)^2]$. The same factor multiplies
# the squared length of a gradient on its way back.
#
# *Predict first.* Is that factor below 1, exactly 1, or above 1 for SELU?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.initializers import sample
from helpers.theory.moments import expectation

factor = expectation(lambda z: slope("selu", z) ** 2)
print(f"theory: a layer multiplies squared distances by {factor:.4f}")
rng = np.random.default_rng(42)
x = rng.normal(size=(200, 100))
moved = x + 1e-9 * rng.normal(size=x.shape)
for _ in range(100):
    kernel = sample("lecun_normal", (100, 100), rng)
    x, moved = value("selu", x @ kernel), value("selu", moved @ kernel)
growth = np.mean((moved - x) ** 2) / 1e-18
print(f"measured over 100 layers: {growth:,.0f} times, {growth**0.01:.2f} a layer")

# %% [markdown]
# The factor is above 1; one network of 100 units scatters around it. The theorem holds the
# variance of the activations within bounds, not the length of a gradient. At 20 layers that is a
# small matter. Over 1,000 it amplifies even the last digit of a rounding: two machines agree on the
# thousand layers above up to layer 500, and need not at layer 999.
#
# ## Break one condition
#
# **Self-normalization needs: dense layers in sequence, LeCun's variance, standardized inputs, SELU
# in every layer.** The theorem is silent without them. Some matter at once, some hardly.
#
# *Predict first.* Order by damage after 50 layers: He's weights, inputs of mean 5, skip
# connections, ordinary dropout at rate 0.1. Then take the lab through them, one at a time.

# %%
MomentMap(architecture="skip connections", depth=20)

# %% tags=["claim-selu-conditions"]
# NBVAL_CHECK_OUTPUT
from helpers.theory.moments import BROKEN, measure_path

print("broken, 50 layers         mean     std  one unit")
for name, changed in BROKEN.items():
    rng = np.random.default_rng(42)
    path = measure_path(rng.normal(size=(200, 100)), 50, rng, **changed)
    print(f"{name:<18} {path.mean[-1]:11.2g} {path.std[-1]:7.2g} {path.unit_std[-1]:9.2g}")

# %% [markdown]
# - **Glorot's weights** break nothing here: where a layer has as many inputs as units, fan_avg is
#   fan_in. LeCun's variance counts, not its name.
# - **He's weights** have twice that variance, and there is no fixed point left to go to.
# - **Inputs of mean 5** fool the first two columns. The mean is forgotten, the spread over all
#   units is back, and yet one unit varies little: every input looks much like every other. It takes
#   a hundred layers and more to part them. Standardize the inputs.
# - **Skip connections** add the variance of a layer's input to that of its output.
# - **Max pooling** keeps the larger of two, so the mean moves up and stays there.
# - **Ordinary dropout** divides the mean square by the share it keeps. At a small rate the fixed
#   point moves; at a large one it is gone.
# - **Alpha dropout** keeps (0, 1) at any rate.
# - **Other activations** with LeCun's variance shrink the signal, slowly (tanh, ELU) or fast
#   (ReLU).
#
# ## Alpha dropout
#
# **It keeps the mean and the variance, and pays in signal.** A dropped unit becomes
# $-\lambda\alpha$, SELU's lowest value, instead of 0; then one factor and one shift restore mean 0
# and variance 1.
#
# *Predict first.* Send the same inputs through the same 20 layers twice, with other units dropped.
# Correlate what comes out. At rate 0.1, which dropout leaves more in common?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.dropout import alpha_dropout, dropout

for rate in (0.02, 0.1):
    for drop in (dropout, alpha_dropout):
        rng = np.random.default_rng(42)
        one = two = rng.normal(size=(500, 100))
        for _ in range(20):
            kernel = sample("lecun_normal", (100, 100), rng)
            one, two = (drop(value("selu", x @ kernel), rate, rng) for x in (one, two))
        same = np.corrcoef(one.ravel(), two.ravel())[0, 1]
        print(f"rate {rate:<4} {drop.__name__:>13}: std {one.std():.1f}, correlation {same:.2f}")

# %% [markdown]
# $-\lambda\alpha$ lies farther from the mean than 0 does, so every dropped unit adds more noise.
# Alpha dropout removes the noise's effect on the variance, not the noise. Twenty layers of it at
# rate 0.1 leave almost nothing of the input: use it in few layers, or at a small rate.
#
# ## Does it train?
#
# From here on Keras is needed. First, its side of what was computed above: its constants, and what
# its `AlphaDropout` does to a million activations of mean 0 and variance 1.

# %%
# NBVAL_CHECK_OUTPUT
import keras

ends = keras.ops.convert_to_numpy(keras.activations.selu(np.array([1.0, -50.0], "float32")))
print("Keras's SELU has the same constants:", np.allclose(ends, (scale, -scale * alpha), 0, 1e-6))
x = value("selu", np.random.default_rng(42).normal(size=(1000, 1000))).astype("float32")
for layer in (keras.layers.Dropout, keras.layers.AlphaDropout):
    dropped = np.asarray(layer(0.1, seed=1)(x, training=True))
    print(f"{layer.__name__:>13}: mean {dropped.mean() + 0:.1f}, variance {dropped.var():.2f}")
print(f"{'ours':>13}: variance {alpha_dropout(x, 0.1, np.random.default_rng(1)).var():.2f}")

# %% [markdown]
# **Twenty layers, no batch norm.** All three networks see the same standardized images, in the same
# order, and are trained by plain SGD at two rates. A network that diverges ends at what guessing
# gives.
#
# *Predict first.* Which suffers more from He's weights, SELU or ELU?

# %%
from helpers.datasets.digits import lesson_data
from helpers.profiles import get_profile
from helpers.training.repeats import accuracies, compiled, first_weights

profile = get_profile()
data = lesson_data(profile)
models = {name: compiled(data, depth=20, activation=name) for name in ("selu", "elu")}
names = ("lecun_normal", "he_normal")
starts = {name: first_weights(data, profile, depth=20, initializer=name) for name in names}
results = {}
for activation, name in (("selu", names[0]), ("selu", names[1]), ("elu", names[1])):
    for rate in (0.001, 0.01):
        found = accuracies(models[activation], starts[name], data, profile, rate)
        results[f"{activation}, {name}, rate {rate}"] = found
figures.accuracy_over_seeds(results, data.name, chance=0.1)

# %% [markdown]
# Compare each network at its better rate, and by its spread over the seeds. SELU with He's weights
# starts with activations many times too large: look for a rate at which some of its seeds fall to
# the line of guessing. ELU with the initializer made for its kind is the one to beat.
#
# **Now drop units**, at rate 0.1, after every layer or once before the output.

# %%
places = {
    "dropout, every layer": {"dropout": "dropout", "dropout_place": "hidden"},
    "alpha dropout, every layer": {"dropout": "alpha", "dropout_place": "hidden"},
    "alpha dropout, before the output": {"dropout": "alpha"},
}
dropped = {"no dropout": results["selu, lecun_normal, rate 0.01"]}
for name, place in places.items():
    model = compiled(data, activation="selu", depth=20, seed=42, **place)
    dropped[name] = accuracies(model, starts["lecun_normal"], data, profile, 0.01)
figures.accuracy_over_seeds(dropped, data.name, chance=0.1)

# %% [markdown]
# Compare the two middle rows. The dropout that keeps mean and variance after every layer is the
# one that keeps the network from learning: it drowns the signal, as the correlations said. Once,
# before the output, it has little to drown. Self-normalization is a matter of scale; learning also
# needs the signal.
#
# ## Myths
#
# **"SELU is differentiable everywhere."** Its slope jumps at 0. From the left it is
# $\lambda\alpha$, from the right $\lambda$. (ELU with $\alpha = 1$ has no such kink.)

# %% tags=["claim-selu-differentiable"]
# NBVAL_CHECK_OUTPUT
step = 1e-6
for name in ("selu", "elu"):
    before, at, after = (float(value(name, z)) for z in (-step, 0.0, step))
    left, right = (at - before) / step, (after - at) / step
    print(f"{name}: slope at 0 from the left {left:.4f}, from the right {right:.4f}")
z = np.random.default_rng(42).normal(size=(1000, 1000))
print(f"pre-activations that are exactly 0: {np.sum(z == 0)} of {z.size:,}")
for name in ("selu", "relu"):
    y, flat = value(name, z), np.mean(slope(name, z) == 0)
    print(f"{name}: mean {y.mean():.1f}, variance {y.var():.1f}, slope 0 for {flat:.0%}")

# %% [markdown]
# It hardly matters. A pre-activation almost never is exactly 0, and where it is, Keras takes one of
# the two slopes. Gradient descent needs a slope that is right nearly everywhere; ReLU, with its own
# kink at 0, trained most of the networks there are.
#
# **"SELU normalizes, so it needs no conditions."** The table under *Break one condition* is the
# answer, row by row.
#
# ## Which activation when
#
# **Three things SELU has that ReLU lacks** stand in the last two lines of that cell: outputs whose
# mean is 0, no flat half in which a unit can die, and a variance that stays. The third holds only
# under its conditions, so the network's shape decides:
#
# - **SELU**: a deep stack of dense layers in sequence, standardized inputs, LeCun's variance, and
#   no normalization layer.
# - **Leaky ReLU, PReLU, ELU, GELU, Swish, Mish**: hidden layers where those conditions fail: skip
#   connections, convolutions with pooling, batch norm. Leaky ReLU costs least; the smooth ones cost
#   more, and often score a little higher.
# - **ReLU**: when speed counts. It is the cheapest and the best supported by fast libraries and
#   small devices, and many of its outputs are exactly 0.
# - **tanh**: an output that must lie between -1 and 1; recurrent layers.
# - **Logistic**: the probability of one yes or no, at the output, or of several labels that do not
#   exclude each other; gates.
# - **Softmax**: the output layer for one of several exclusive classes. Not for hidden layers.
# - **None** (linear): the output layer for a number of any size.
#
# ## Quiz
#
# Every wrong answer says what is wrong with it.

# %%
course.quiz("04_selu")

# %% [markdown]
# ## Recap
#
# - A layer maps a mean and a variance to the next. SELU's two constants make (0, 1) a fixed point,
#   and it attracts.
# - It needs dense layers in sequence, weights of variance 1/fan_in, and standardized inputs. Skip
#   connections, max pooling and ordinary dropout move the fixed point or remove it.
# - What is kept is the scale. Distances and gradients still grow by a few percent a layer.
# - Alpha dropout keeps mean and variance and adds more noise than ordinary dropout: a small rate,
#   or few layers.
# - SELU has a kink at 0, and nobody notices.
#
# **Further reading**
# - Klambauer and others, *Self-normalizing neural networks*, 2017:
#   [arXiv 1706.02515](https://doi.org/10.48550/arXiv.1706.02515)
# - Clevert and others, *Fast and accurate deep network learning by exponential linear units*, 2016:
#   [arXiv 1511.07289](https://doi.org/10.48550/arXiv.1511.07289)
# - LeCun and others, *Efficient BackProp*, 1998:
#   [10.1007/3-540-49430-8_2](https://doi.org/10.1007/3-540-49430-8_2)
# - Poole and others, *Exponential expressivity in deep neural networks through transient chaos*,
#   2016: [arXiv 1606.05340](https://doi.org/10.48550/arXiv.1606.05340)
