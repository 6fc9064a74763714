# %% [markdown]
# # Vanishing and exploding gradients
#
# Stack twenty layers of logistic units, draw the weights as was usual before 2010, and the network
# learns little or nothing. Two things are to blame: the function and the weights. This chapter
# takes them apart, because either one is enough, and because together they can hide each other.
#
# **You will be able to**
# - say what each layer does to the signal on its way up and to the gradient on its way back
# - tell saturation, the slope and the mean of the logistic function apart, and measure each
# - predict from one number whether a gradient vanishes or explodes
# - name what was known when, from 1986 to 2011
# - recognize a network that cannot learn before you train it

# %%
from helpers import course

course.start("01_vanishing_gradients")

# %% [markdown]
# ## Up and back
#
# **A layer hands on a product, and twenty products are a power.** Layer $l$ computes the
# pre-activations $z^l = x^{l-1} W^l$ from the outputs $x^{l-1}$ of the layer before, and passes on
# $x^l = \varphi(z^l)$. The gradient by $z^l$, written $\delta^l$, comes from the layer above:
#
# $$\delta^l = \left(\delta^{l+1} (W^{l+1})^\top\right) \cdot \varphi'(z^l)$$
#
# So each layer multiplies the gradient by its weights and by the slope $\varphi'$. A factor of ½
# in every layer leaves a millionth after twenty; a factor of 2 makes a million of it.
#
# *Predict first.* Logistic units, weights from N(0, 1), 20 layers of 100 units. Will the gradient
# that reaches layer 1 be far smaller than at layer 20, far larger, or about the same? Write your
# guess down, then look at the second panel on the right.

# %%
from helpers.labs import SignalFlow

lab = SignalFlow(activation="logistic", initializer="normal(1)", depth=20)
lab

# %% [markdown]
# The upper row is what each layer outputs, the lower the gradient that comes back to it; each
# histogram has its own range, printed beneath. On the right, the dashed line is what theory
# predicts for infinitely wide layers, and the marks are this network.
#
# The gradient is about as large at the bottom as at the top, and yet the picture is not healthy.
# Most outputs are 0 or 1, where the slope is almost 0: these units are *saturated*. One without any
# slope, whatever the input, is *dead*. Most units pass on next to no gradient; nearly all that
# arrives comes through a few. And the triangles fall: what *one unit* outputs differs less and less
# from input to input, so the upper layers say the same of every input.
#
# Two faults meet here and partly cancel. Change one at a time: set the weights to Glorot normal
# and look; then set them back and change the function to tanh.
#
# ## First cause: the function
#
# **A slope of at most ¼ is enough.** The logistic function $1 / (1 + e^{-z})$ differs from tanh in
# two ways: its slope is nowhere above ¼, and its outputs have a mean near ½ instead of 0. Which of
# the two kills the gradient? Take weights that are right for tanh, Glorot's, with variance 1 /
# fan_avg. Then subtract ½ from each output, which moves the mean to 0 and leaves every slope as it
# was.
#
# *Predict first.* Which of the three rows will be closest to 1?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.signal import gradient_ratio, signal_flow

rows = {"logistic": ("logistic", False), "logistic - 1/2": ("logistic", True)}
rows |= {"tanh": ("tanh", False)}
for title, (name, centered) in rows.items():
    ratio = gradient_ratio(name, "glorot_normal", depth=20, seed=42, centered=centered)
    print(f"{title:>14}: layer 1 receives {ratio:.0e} of the gradient at layer 20")

# %% [markdown]
# Moving the mean gains next to nothing. With Glorot's weights the slope does the damage, about a
# factor of 4 in each layer.
#
# **The mean does its own damage once the slope is repaired.** Make every weight four times as
# large. Near 0 a unit then passes on as much as a tanh unit does. What is left of the logistic
# function is its mean: the outputs, all positive, add up to a large sum in each unit of the next
# layer, the same sum for every input, and that sum drives the unit into saturation.
#
# *Predict first.* What share of the slopes will be saturated in layer 20, with the mean and
# without?

# %%
# NBVAL_CHECK_OUTPUT
for title, (name, centered) in list(rows.items())[:2]:
    flow = signal_flow(name, "glorot_normal", 20, gain=4, seed=42, centered=centered)
    ratio = flow.gradient_std[0] / flow.gradient_std[-1]
    print(f"{title:>14}, 4 x Glorot: gradient {ratio:.0e}, saturated {flow.saturated[-1]:.0%}, "
          f"spread over inputs {flow.activation_spread[-1]:.0e}")  # fmt: skip

# %% [markdown]
# With the mean, a part of the units is saturated and the gradient shrinks to a small fraction.
# Without it none is, and the network passes on signal and gradient about as tanh does. The last
# number is the forward side of it: with the mean, one unit's output hardly depends on the input.
#
# So the logistic function holds two faults. The slope is the larger one, the mean the one that
# rescaling does not mend.
#
# **In Keras** the function is `activation="sigmoid"`, and `activation="tanh"` is that curve with
# both faults removed: $\tanh z = 2\,\mathrm{logistic}(2z) - 1$.
#
# ## Second cause: the weights
#
# **tanh fails just as badly with the wrong weights.** Now keep tanh and change the weights. Books
# give N(0, 1) as what was done before 2010. The paper that settled the matter measured something
# else, which it calls the commonly used heuristic: uniform between ±1/√fan_in (`"classic"` in the
# code), whose variance is a third of Glorot's in a layer with as many inputs as units.
#
# *Predict first.* One of the two makes the gradient vanish, the other makes it explode. Which?

# %%
SignalFlow(activation="tanh", initializer="classic", depth=20)

# %%
# NBVAL_CHECK_OUTPUT
weights = {"N(0, 1)": ("normal(1)", 1), "heuristic": ("lecun_uniform", 3**-0.5)}
weights |= {"Glorot": ("glorot_normal", 1)}
for title, (initializer, gain) in weights.items():
    ratio = gradient_ratio("tanh", initializer, depth=20, seed=42, gain=gain)
    print(f"tanh, {title:>9}: layer 1 receives {ratio:.0e} of the gradient at layer 20")

# %% [markdown]
# **In Keras** these are `RandomNormal(stddev=1.0)`, `VarianceScaling(1/3, "fan_in", "uniform")`
# and `"glorot_normal"`, each as `kernel_initializer=`.
#
# N(0, 1) has the same variance in a layer of 10 units and in one of 1,000, and a sum of 1,000
# terms is larger than one of 10. Glorot's variance shrinks with the number of connections instead.
# That is why the lab's default looked harmless: 100 units happens to be the width at which the
# saturated slopes and the large weights balance.
#
# *Predict first.* Keep logistic units and N(0, 1). Does the gradient vanish or explode with layers
# of 10 units? With 1,000? The next cell asks theory, which answers at once for any width.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.mean_field import predict

for width in (10, 100, 1000):
    line = f"{width:>5} units:"
    for title, initializer in (("N(0, 1)", "normal(1)"), ("Glorot", "glorot_normal")):
        std = predict("logistic", initializer, 20, width).gradient_std
        line += f"  logistic, {title} {std[0] / std[-1]:.0e}"
    print(line)

# %% [markdown]
# ## Both causes apart
#
# **Either cause is enough; only without both does the gradient arrive.** Two functions, two sets
# of weights, five networks each: the cell prints the geometric mean of what reaches layer 1, and
# whether the top layer still tells inputs apart: whether most of the spread of its outputs comes
# from the inputs. "Both" asks for that and for a gradient within a factor of 100.

# %% tags=["claim-logistic-and-initialization"]
# NBVAL_CHECK_OUTPUT
import numpy as np

print("function  weights   gradient at layer 1   inputs told apart   both")
for name in ("logistic", "tanh"):
    for title in ("N(0, 1)", "Glorot"):
        flows = [signal_flow(name, weights[title][0], 20, seed=seed) for seed in range(5)]
        ratios = [flow.gradient_std[0] / flow.gradient_std[-1] for flow in flows]
        ratio = np.exp(np.mean(np.log(ratios)))
        apart = np.mean([flow.activation_spread[-1] / flow.activation_std[-1] for flow in flows])
        told, healthy = "yes" if apart > 0.5 else "no", 0.01 < ratio < 100
        both = "yes" if told == "yes" and healthy else "no"
        print(f"{name:<9} {title:<9} {ratio:^19.0e}   {told:^17}   {both}")

# %% [markdown]
# Read the table by rows and by columns. tanh with Glorot's weights passes both tests. Change the
# function alone, and the gradient vanishes. Change the weights alone, and it explodes. Change
# both, and the size of the gradient looks healthy, by the accident of the width, but the upper
# layers no longer tell the inputs apart. One number is not a diagnosis.

# %%
from helpers import figures

measured, predicted = {}, {}
for name in ("logistic", "tanh"):
    for title in ("N(0, 1)", "Glorot"):
        network = f"{name}, {title}"
        measured[network] = signal_flow(name, weights[title][0], 20, seed=42).gradient_std
        predicted[network] = predict(name, weights[title][0], 20).gradient_std
figures.gradient_by_layer(measured, predicted, "random inputs, 20 layers of 100 units")

# %% [markdown]
# ## Why theory can predict it
#
# **In a wide layer one number says all.** A pre-activation is a sum of many random terms, so it is
# close to normal, with mean 0 and a variance $q$. From the variance of one layer follows that of
# the next (Poole and others, 2016, equation 3), with $\sigma_w^2 = \text{fan\_in} \cdot
# \mathrm{Var}(W)$ and $z$ from N(0, 1):
#
# $$q^{l+1} = \sigma_w^2 \; \mathrm{E}\left[\varphi(\sqrt{q^l}\, z)^2\right]$$
#
# It holds the mean of $\varphi$ as well: a function with mean ½ keeps $q$ up though nothing is
# told. On the way back the variance of the gradient is multiplied in each layer by
#
# $$\chi = \sigma_w^2 \; \mathrm{E}\left[\varphi'(\sqrt{q}\, z)^2\right]$$
#
# (Poole and others, 2016, equation 6; for gradients Schoenholz and others, 2017). Below 1 gradients
# vanish, above 1 they explode. The whole of chapter 02 is about weights that bring $\chi$ close to
# 1.
#
# *Predict first.* In networks of 500 units a layer, by how many percent will theory be off?

# %%
# NBVAL_CHECK_OUTPUT
for name, initializer in (("logistic", "normal(1)"), ("tanh", "glorot_normal")):
    theory = predict(name, initializer, 10, 500)
    flows = [signal_flow(name, initializer, 10, 500, seed=seed) for seed in range(3)]
    for part in ("activation_std", "gradient_std"):
        layers = np.mean([getattr(flow, part) for flow in flows], axis=0) / getattr(theory, part)
        worst = np.abs(layers - 1).max()
        print(f"{name}, {initializer}, {part}: off by {worst:.1%} in the worst of 10 layers")

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.mean_field import chi, fixed_point

settings = {"logistic, N(0, 1)": ("logistic", 100), "logistic, Glorot": ("logistic", 1)}
settings |= {"tanh, N(0, 1)": ("tanh", 100), "tanh, 1.05 x Glorot": ("tanh", 1.05**2)}
for title, (name, scaled_variance) in settings.items():
    q = fixed_point(name, scaled_variance)
    factor = chi(q, name, scaled_variance)
    print(f"{title:<20} q* = {q:8.3f}, gradient's variance times {factor:.3f} in each layer")

# %% [markdown]
# $q^*$ is where the variance settles, whatever the inputs were. (tanh with exactly Glorot's
# weights has no such place but 0, which it approaches ever more slowly: it sits on the border.)
#
# ## How it became known
#
# - **1986.** Rumelhart, Hinton and Williams make back-propagation popular, with logistic units and
#   few layers.
# - **1991, 1994.** Hochreiter's thesis, then Bengio, Simard and Frasconi, show for recurrent
#   networks that gradients shrink or grow exponentially with the number of steps.
# - **1998.** LeCun and others advise functions symmetric about 0, standardized inputs, and weights
#   with variance 1 / fan_in: an answer to both faults.
# - **2006.** Hinton, Osindero and Teh train deep networks by fitting one layer at a time first.
#   Why plain gradient descent from random weights does so poorly stays open.
# - **2010.** Glorot and Bengio measure activations and gradients by layer, as this chapter does,
#   and propose weights for which both keep their size. The logistic function they find unsuited
#   for its mean, which in training drives the top hidden layer into saturation.
# - **2011.** Glorot, Bordes and Bengio train deep ReLU networks without fitting layers first.
#
# ## A network that learns, and three that should not
#
# **On real images the table comes true, except for one row.** The same four networks, 20 layers of
# 100 units, now train with plain gradient descent. (In the profile `full` each seed draws 20,000 of
# CIFAR-10's training images.)
#
# *Predict first.* Order the four by accuracy. Where do you put logistic units with N(0, 1)?

# %%
from keras.initializers import RandomNormal

from helpers.datasets import lesson_data
from helpers.profiles import get_profile
from helpers.training.seed_runs import validation_accuracies

profile = get_profile()
data = lesson_data(profile)
starts = {"N(0, 1)": RandomNormal(stddev=1.0), "Glorot": "glorot_normal"}
networks = {}
for title, name in {"logistic": "sigmoid", "tanh": "tanh"}.items():
    for start, initializer in starts.items():
        networks[f"{title}, {start}"] = {"activation": name, "initializer": initializer}
accuracies = validation_accuracies(data, profile, networks)
figures.seed_curves(accuracies, "validation accuracy", data.name)

# %% [markdown]
# The bands are one standard deviation over the seeds. Compare rows only by more than that.
#
# The logistic network with Glorot's weights stays at one in ten, the share that guessing gets: no
# gradient arrives, so nothing moves. tanh with Glorot's weights learns. tanh with N(0, 1) has
# gradients in plenty, but they point anywhere: a small step changes the output of a saturated
# network beyond recognition. And logistic units with N(0, 1), the pair that books hold up as the
# worst, may do better than either fault alone. The faults cancel at 100 units; the cell about
# widths said where they do not.
#
# **In Keras** the network that learns is one line a layer, and Glorot is the default of `Dense`
# (there the uniform variant):
#
# `Dense(100, activation="tanh", kernel_initializer="glorot_normal")`
#
# ## Myths
#
# **Myth.** "Biological neurons are sigmoid-like, so the logistic function must be the safe
# choice." What nature uses says nothing about what gradient descent needs; and cells in the cortex
# are mostly silent, which is nearer to ReLU (Glorot, Bordes and Bengio, 2011). Run the cell and
# compare the last column. He's weights have twice Glorot's variance, which is what ReLU wants.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.signal import largest_slope

print("function  weights        largest slope  mean output  gradient at layer 1")
for name, initializer in (("logistic", "glorot_normal"), ("logistic", "he_normal"),
                          ("tanh", "glorot_normal"), ("relu", "he_normal")):  # fmt: skip
    flow = predict(name, initializer, 20, 100)
    ratio = flow.gradient_std[0] / flow.gradient_std[-1]
    print(f"{name:<9} {initializer:<14} {largest_slope(name):^13.2f}  "
          f"{flow.activation_mean[-1]:^11.2f}  {ratio:>12.0e}")  # fmt: skip

# %% [markdown]
# ## Quiz
#
# Each answer says why it is right or wrong.

# %%
course.quiz("01_vanishing_gradients")

# %% [markdown]
# ## Recap
#
# - Each layer multiplies: the signal by its weights, the gradient by weights and slopes. Over
#   twenty layers any factor but 1 ends in nothing or in overflow.
# - The logistic function has a slope of at most ¼ and a mean near ½. The first shrinks the
#   gradient; the second saturates units and makes all inputs look alike.
# - Weights are the other cause: too small and the gradient vanishes, too large and it explodes.
#   N(0, 1) is either, by the width of the layer.
# - $\chi$, the factor of the gradient's variance, can be computed before any training.
# - A gradient of healthy size does not prove a healthy network. Look at the saturated share and at
#   how far inputs are told apart.
#
# **Further reading**
# - Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*,
#   2010: [PMLR 9:249](https://proceedings.mlr.press/v9/glorot10a.html)
# - Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*, 1986:
#   [10.1038/323533a0](https://doi.org/10.1038/323533a0)
# - Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, Technische
#   Universität München, 1991
# - Bengio, Simard and Frasconi, *Learning long-term dependencies with gradient descent is
#   difficult*, 1994: [10.1109/72.279181](https://doi.org/10.1109/72.279181)
# - LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998:
#   [10.1007/3-540-49430-8_2](https://doi.org/10.1007/3-540-49430-8_2)
# - Hinton, Osindero and Teh, *A fast learning algorithm for deep belief nets*, 2006:
#   [10.1162/neco.2006.18.7.1527](https://doi.org/10.1162/neco.2006.18.7.1527)
# - Glorot, Bordes and Bengio, *Deep sparse rectifier neural networks*, 2011: [PMLR
#   15:315](https://proceedings.mlr.press/v15/glorot11a.html)
# - Poole and others, *Exponential expressivity in deep neural networks through transient chaos*,
#   2016: [arXiv 1606.05340](https://doi.org/10.48550/arXiv.1606.05340)
# - Schoenholz and others, *Deep information propagation*, 2017: [arXiv
#   1611.01232](https://doi.org/10.48550/arXiv.1611.01232)
