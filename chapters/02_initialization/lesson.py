# %% [markdown]
# # Initialization
#
# A hundred units that start alike stay one unit, a hundred times over. No amount of training tells
# them apart, and no choice of the common value helps. What a layer needs from its first weights is
# that they differ. What a deep network needs is that they differ by the right amount.
#
# **You will be able to**
# - say why equal weights are useless and equal biases are not
# - derive the variances of LeCun, Glorot and He in two lines each
# - choose an initializer for an activation, and set it in Keras
# - tell what a uniform, a truncated normal and an orthogonal kernel have in common (*kernel* is
#   Keras's word for the matrix of a layer's weights)

# %%
from helpers import course

course.start("02_initialization")

# %% [markdown]
# ## Units that start alike
#
# **Two units with the same weights get the same gradient.** They see the same inputs, so they
# output the same; the next layer weighs them equally, so the same error comes back. Each step moves
# both alike. That is the symmetry of a layer: swap the two units, and nothing changes.
#
# *Predict first.* A network with eight hidden units is trained on handwritten digits from weights
# that are all 0.1. How many different units are there after 60 steps? Does a higher rate change
# that?

# %%
from helpers.labs import Symmetry

Symmetry()

# %% [markdown]
# Each small image holds the 64 weights into one hidden unit, in the place of the pixel they belong
# to. The rows are three moments of the training.
#
# Now try the other starting weights. With "one number drawn with He's variance", the number is
# random and the weights are not: all of them are that number. With N(0, 0.001²) the weights are
# random and far too small.

# %% tags=["claim-same-weights"]
# NBVAL_CHECK_OUTPUT
from helpers.labs.symmetry import train_units

for weights in ("constant(0.1)", "one He draw", "normal(0.001)", "glorot_uniform"):
    training = train_units(weights, width=8, steps=60)
    half_right = "more" if training.accuracy > 0.5 else "less"
    counts = " -> ".join(str(training.distinct(step)) for step in (0, 30, 60))
    print(f"{weights:>14}: distinct units {counts}, {half_right} than half of the digits right")

# %% [markdown]
# The loss of the identical units does fall. They learn what one unit can learn, and no more.
#
# In exact arithmetic the tie lasts for ever. A computer rounds, and on some processors the sums of
# two equal units are rounded differently. At a high rate that last digit grows, and after some
# hundred steps the units drift apart. It is no way to train: the lab keeps to rates where it stays
# too small to matter.
#
# ## Zeros
#
# **With weights of 0 a tanh layer does not even move.** Its outputs are 0, so the weights after it
# get no gradient. The weights after it are 0, so no gradient comes through them. Only the output
# layer's biases learn, and they learn how frequent each digit is.
#
# The slope of tanh at 0 is 1, the largest that it has. So the slope is not what is wrong with 0.
#
# *Predict first.* ELU has slope 1 at 0 too, the logistic function 0.25. From zero weights, which of
# the three networks trains at all, and in which do units differ?

# %% tags=["claim-zero-weights"]
# NBVAL_CHECK_OUTPUT
import numpy as np

from helpers.theory.activations import slope

for name in ("tanh", "elu", "logistic"):
    zero = train_units("zeros", biases="zeros", activation=name)
    moved = "the weights moved" if np.ptp(zero.kernels[-1]) > 0 else "the weights stayed 0"
    print(f"{name}: slope {slope(name, 0.0):.2f} at 0; {zero.distinct(60)} distinct of 8; {moved}")
drawn = train_units("he_normal", biases="zeros", activation="relu")
print(f"relu: slope {slope('relu', 0.0):.2f} at 0; {drawn.distinct(60)} distinct of 8; drawn")
print("relu is right for most digits, its biases having started at 0:", drawn.accuracy > 0.7)

# %% [markdown]
# The logistic network moves, because its units output 0.5 at 0. All eight move together. The ReLU
# network has the worst slope of all at 0 and zero biases everywhere, and it trains: its weights
# were drawn.
#
# **So biases may start at 0, and they usually do.** Keras starts them there. The weights have
# already told the units apart.
#
# Biases drawn at random would break the tie too, among weights that are all equal. Choose them in
# the lab and compare the loss: it falls later than from random weights.
#
# ## How much they should differ
#
# **A unit adds up `fan_in` products, and the sum must not grow with their number.** `fan_in` is
# the number of inputs of a unit, `fan_out` the number of units that each input feeds. Take inputs
# $x_i$ and weights $w_{ij}$ of mean 0, all independent. The pre-activation
# $z_j = \sum_i w_{ij} x_i$ has
#
# $$\mathrm{Var}(z_j) = \texttt{fan\_in} \cdot \mathrm{Var}(w) \cdot \mathrm{E}[x_i^2].$$
#
# To keep the size of the signal, $\mathrm{Var}(w) = 1 / \texttt{fan\_in}$. That is LeCun's rule.
#
# Going back, the gradient $\delta_j$ at each of `fan_out` units returns to one input as
# $\sum_j w_{ij} \delta_j$. The same two lines give $\mathrm{Var}(w) = 1 / \texttt{fan\_out}$.
#
# Both hold only where `fan_in` = `fan_out`. Glorot and Bengio divide by the average of the two,
# `fan_avg`.
#
# *Predict first.* A layer has 400 inputs and 100 units. Under Glorot's rule, does the signal grow
# or shrink on its way forward? And the gradient on its way back?

# %% tags=["claim-fan-in-near-fan-out"]
# NBVAL_CHECK_OUTPUT
from helpers.theory.initializers import sample, weight_variance

rng = np.random.default_rng(42)
x, delta = rng.standard_normal((1000, 400)), rng.standard_normal((1000, 100))
glorot = weight_variance("glorot_normal", (400, 100))
for rule, variance in {"1/fan_in": 1 / 400, "1/fan_out": 1 / 100, "1/fan_avg": glorot}.items():
    kernel = rng.normal(0, np.sqrt(variance), (400, 100))
    forward, backward = (x @ kernel).var(), (delta @ kernel.T).var()
    print(f"{rule:>9}: variance times {forward:.1f} forward and {backward:.1f} backward")

# %% [markdown]
# One rule keeps the signal and loses the gradient, one does the reverse, the average does a little
# of both. It needs no layer to be square. It errs by less than the wrong one of the other two.
#
# **The compromise is paid at every layer.** He and others saw that dividing by `fan_in` alone is
# paid once: going back, the factors `fan_out` / `fan_in` of all layers multiply to the last width
# over the first, whatever lies between. The next cell stacks layers that are wide and narrow in
# turn.

# %%
# NBVAL_CHECK_OUTPUT
shapes = [(400, 100), (100, 400)] * 10
for name in ("lecun_normal", "glorot_normal"):
    rng = np.random.default_rng(42)
    kernels = [sample(name, shape, rng) for shape in shapes]
    x, delta = rng.standard_normal((500, 400)), rng.standard_normal((500, 400))
    for kernel in kernels:
        x = x @ kernel
    for kernel in reversed(kernels):
        delta = delta @ kernel.T
    print(f"{name:>13}, 20 layers: variance {x.var():.2f} forward, {delta.var():.2f} backward")

# %% [markdown]
# Glorot's rule left a hundredth of the variance in both directions. Where widths change little,
# as in most networks, the two rules hardly differ.
#
# ## The activation takes its share
#
# **ReLU throws half of the signal away.** Of a pre-activation that is symmetric around 0 it keeps
# the positive half: $\mathrm{E}[\mathrm{relu}(z)^2] = \mathrm{Var}(z) / 2$. Double the variance to
# make up for it, and LeCun's rule becomes He's: $\mathrm{Var}(w) = 2 / \texttt{fan\_in}$.
#
# | initializer | variance of a weight | made for |
# |:---|:---|:---|
# | LeCun | 1 / `fan_in` | SELU |
# | Glorot | 1 / `fan_avg` | tanh, logistic, softmax, linear |
# | He | 2 / `fan_in` | ReLU and its kin |
#
# *Predict first.* Thirty ReLU layers of 300 units get LeCun's variance, without the factor of 2. By
# how many powers of ten has the variance fallen at the last layer?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.network import forward, make_parameters

for name in ("lecun_normal", "he_normal"):
    rng = np.random.default_rng(42)
    parameters = make_parameters([300] * 31, name, rng)
    signals = forward(rng.standard_normal((500, 300)), parameters, "relu")
    first, last = (signals.pre_activations[layer].var() for layer in (0, -1))
    power = round(np.log10(last / first))
    print(f"{name:>12}: at layer 30 the variance is 10^{power} of the first layer's")

# %% [markdown]
# Half of it at each of 29 layers is about nine powers of ten. Chapter 01's lab, Signal flow, shows
# the same layer by layer.
#
# ## Normal or uniform
#
# **The variance is what counts, and the shape of the distribution hardly does.** A uniform
# distribution on $[-r, r]$ has variance $r^2 / 3$, so Keras draws from
# $r = \sqrt{3 \, \mathrm{Var}(w)}$. A normal one has rare large values; Keras draws again whatever
# falls beyond two standard deviations.
#
# *Predict first.* Cutting the tails off leaves less variance. Does a kernel by Keras's `he_normal`
# then have a variance below 2 / `fan_in`?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.initializers import TRUNCATED_STD, uniform_limit

print(f"cut at two standard deviations, {TRUNCATED_STD**2:.2f} of the variance is left")
rng = np.random.default_rng(42)
shape = (300, 100)
limit = uniform_limit(weight_variance("he_uniform", shape))
for name in ("he_normal", "he_uniform"):
    kernel, asked = sample(name, shape, rng), weight_variance(name, shape)
    largest, ratio = abs(kernel).max() / limit, kernel.var() / asked
    print(f"{name:>10}: largest {largest:.2f} of that limit, variance {ratio:.2f} of 2 / fan_in")

# %% [markdown]
# Keras widens the normal distribution by as much as the cut takes away, so the variance is the one
# that was asked for.
#
# ## Orthogonal
#
# **Keeping the variance on average is not keeping every signal.** A random kernel stretches some
# directions and shrinks others, and over many layers the differences multiply. An orthogonal kernel
# turns its inputs and changes no length: its columns are perpendicular and of length 1.

# %%
# NBVAL_CHECK_OUTPUT
for name in ("lecun_normal", "orthogonal"):
    rng = np.random.default_rng(42)
    x = rng.standard_normal((1000, 100))
    before = np.linalg.norm(x, axis=1)
    for _ in range(50):
        x = x @ sample(name, (100, 100), rng)
    ratio = np.linalg.norm(x, axis=1) / before
    print(f"{name:>12}: 50 layers change a length by {ratio.min():.1f} to {ratio.max():.1f} times")

# %% [markdown]
# That is for layers without an activation. ReLU takes half of the signal from an orthogonal layer
# as from any other, and then it too wants a gain: `Orthogonal(gain=2**0.5)`.
#
# ## In Keras
#
# **In Keras** it is one argument, and `glorot_uniform` with zero biases is the default of `Dense`:
#
# ```python
# keras.layers.Dense(100, activation="relu", kernel_initializer="he_normal")
# ```
#
# The names are `lecun_normal`, `lecun_uniform`, `glorot_normal`, `glorot_uniform`, `he_normal`,
# `he_uniform`.
#
# ## Does it matter in training?
#
# Ten hidden ReLU layers, plain gradient descent, four ways to start. `random_normal` is Keras's
# initializer of that name, N(0, 0.05²): it breaks the symmetry and ignores the fans. The last start
# gives every weight the same value, of the size of He's standard deviation. (In the profile `full`
# each seed draws 20,000 of CIFAR-10's training images.)
#
# *Predict first.* Put the four in order. Which will not learn at all?

# %%
import keras

from helpers import figures
from helpers.datasets import lesson_data
from helpers.profiles import get_profile
from helpers.training.seed_runs import validation_accuracies

profile, data = get_profile(), lesson_data(get_profile())
same = keras.initializers.Constant(np.sqrt(2 / 50))
titles = ("He normal", "Glorot uniform", "N(0, 0.05²)", "all the same")
starts = ("he_normal", "glorot_uniform", "random_normal", same)
network = {"depth": 10, "width": 50, "activation": "relu"}
networks = {t: {**network, "initializer": s} for t, s in zip(titles, starts, strict=True)}
accuracies = validation_accuracies(data, profile, networks, learning_rate=0.05)
figures.seed_curves(accuracies, "validation accuracy", data.name)

# %%
for title, curves in accuracies.items():
    last = curves[:, -1]
    print(f"{title:>14}: {last.mean():.3f} ± {last.std():.3f} over {len(last)} seeds")

# %% [markdown]
# The band is one standard deviation over the seeds. Compare He with Glorot by where each curve
# leaves the bottom: with ten layers the factor of 2 counts ten times. Too small and too equal look
# the same from here; their curves may lie on each other, where guessing lies. An optimizer such as
# Adam would hide part of the difference, and batch norm nearly all of it: chapters 07 and 05.
#
# Keras's own initializers, measured against their formulas:

# %% tags=["claim-initializer-variances"]
# NBVAL_CHECK_OUTPUT
fan_in, fan_out = 500, 200
rules = {"lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in}
for rule, variance in rules.items():
    for kind in ("normal", "uniform"):
        initializer = keras.initializers.get(f"{rule}_{kind}")
        kernel = keras.ops.convert_to_numpy(initializer((fan_in, fan_out)))
        print(f"{rule}_{kind}: variance {kernel.var() / variance:.1f} times its formula")
biases = keras.initializers.get(keras.layers.Dense(1).bias_initializer)((200,))
print("biases:", np.unique(keras.ops.convert_to_numpy(biases)))

# %% [markdown]
# ## Myths
#
# **Myth.** "It is ok to initialize all weights to the same value." The first measured cell: one
# distinct unit of eight, also when that value was drawn with He's variance.
#
# **Myth.** "It is not ok to initialize to 0, because of the activation's gradient at 0." Biases
# start at 0, and that is well. Zero weights fail for tanh and ELU, whose slope at 0 is 1. The
# reason is symmetry: units that are alike stay alike.
#
# **Half a myth.** "fan_in must be near fan_out, so Glorot averages them." Nothing has to be near.
# The way forward wants one, the way back the other, and the average is the compromise.
#
# ## Quiz
#
# The first two are review questions of the book chapter behind this course.

# %%
course.quiz("02_initialization")

# %% [markdown]
# ## Recap
#
# - Equal weights make equal units for ever. Random weights break the tie; biases may start at 0.
# - Forward wants a variance of 1 / `fan_in`, backward 1 / `fan_out`; Glorot averages the fans.
# - ReLU loses half of the signal, so He doubles: 2 / `fan_in`.
# - Normal or uniform is a matter of taste: Keras gives both the same variance.
# - Orthogonal kernels keep every length, not only the average one.
#
# **Further reading**
# - LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998:
#   [10.1007/3-540-49430-8_2](https://doi.org/10.1007/3-540-49430-8_2)
# - Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*,
#   2010: [proceedings.mlr.press/v9/glorot10a](https://proceedings.mlr.press/v9/glorot10a.html)
# - He, Zhang, Ren and Sun, *Delving deep into rectifiers*, 2015:
#   [10.1109/ICCV.2015.123](https://doi.org/10.1109/ICCV.2015.123)
# - Saxe, McClelland and Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep
#   linear neural networks*, 2014:
#   [10.48550/arXiv.1312.6120](https://doi.org/10.48550/arXiv.1312.6120)
