# %% [markdown]
# # Activation functions
#
# A ReLU unit can switch itself off for good, and the loss need not show it. What decides is the
# slope below 0: where it is exactly 0 for every image, nothing comes back to the weights. The other
# functions of this chapter differ mostly in what they do there, and in what that costs.
#
# **You will be able to**
# - read value and slope of nine activation functions off their curves
# - say when a ReLU unit is dead, when it only rests, and what brings it back
# - write down ELU, and tell where its slopes agree and where they vanish
# - weigh what an activation costs against what it gains

# %%
from helpers import course

course.start("03_activations")

# %% [markdown]
# ## Value and slope
#
# **Training sees the slope, not the value.** A unit passes its value on to the next layer. What
# comes back to its weights is multiplied by the slope at the same point. Above 0 most of these
# functions are nearly alike. Below 0 they part.
#
# *Predict first.* At z = -2, which of ReLU, leaky ReLU, ELU and Swish has the steepest slope? And
# which of them falls there, rather than rises?

# %%
from helpers.labs import ActivationExplorer

ActivationExplorer()

# %% [markdown]
# Move z to -5, and only the leaky ReLU keeps its slope. Set the PReLU's slope to the leaky ReLU's,
# and the curves are one: PReLU is a leaky ReLU that learns its slope. Set ELU's alpha to 2 and look
# at the slopes on either side of 0.
#
# The next cell lists all nine, with the name that **Keras** has for them.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.activations import ACTIVATIONS, slope, value

names = [name for name in ACTIVATIONS if name not in ("linear", "selu")]
print(f"{'':>10} {'in Keras':>10}   value and slope at z = -2, 0, 2")
for name in names:
    keras_name = "PReLU()" if name == "prelu" else ACTIVATIONS[name].keras_name
    pairs = [f"{value(name, z):6.2f} {slope(name, z):5.2f}" for z in (-2.0, 0.0, 2.0)]
    print(f"{ACTIVATIONS[name].title:>10} {keras_name:>10} {' |'.join(pairs)}")

# %% [markdown]
# The logistic function never has a slope above a quarter, and its values have mean 0.5: chapter 01
# holds both against it. GELU, Swish and Mish are smooth, and they fall before they rise: each has a
# lowest point a little below 0.
#
# ## What ELU is
#
# **Below 0 it is an exponential, above 0 a straight line.** With a parameter $\alpha$, in Keras 1:
#
# $$\mathrm{ELU}(z) = z \;\text{ for } z > 0, \qquad
# \mathrm{ELU}(z) = \alpha \, (e^z - 1) \;\text{ for } z \le 0.$$
#
# The notes that this course grew from have exp(z) - 1 everywhere, "0 at 1".
#
# *Predict first.* What is ELU at 1? And what would exp(z) - 1 be there, and at 10?

# %% tags=["claim-elu-formula"]
# NBVAL_CHECK_OUTPUT
import numpy as np

print("    z      ELU  exp(z) - 1")
for z in (-10.0, -1.0, 0.0, 1.0, 10.0):
    print(f"{z:>5.0f} {value('elu', z):>8.2f} {np.expm1(z):>11.2f}")

# %% [markdown]
# They agree up to 0, where both are 0. Above it the exponential would run away.
#
# ## What ELU's slopes do
#
# **At $\alpha = 1$ the two halves meet without a corner.** From the right the slope at 0 is 1, from
# the left it is $\alpha$. Further down it is $\alpha e^z$: never 0, and soon as good as 0. It
# is never above the larger of 1 and $\alpha$, so ELU itself makes no gradient explode. The weights
# still can.
#
# *Predict first.* Twenty ELU layers whose units all sit at z = -3. By how many powers of ten is the
# gradient smaller at the first of them, by the slopes alone?

# %% tags=["claim-elu-gradients"]
# NBVAL_CHECK_OUTPUT
step = 1e-6
for alpha in (0.5, 1.0, 2.0):
    left = (value("elu", 0.0, alpha=alpha) - value("elu", -step, alpha=alpha)) / step
    right = (value("elu", step, alpha=alpha) - value("elu", 0.0, alpha=alpha)) / step
    print(f"alpha {alpha}: slope at 0 is {left:.2f} from the left, {right:.2f} from the right")
for z in (-3.0, -10.0):
    powers = round(20 * np.log10(slope("elu", z)))
    print(f"z = {z:>3.0f}: slope {slope('elu', z):.5f}, through 20 layers 10^{powers}")

# %% [markdown]
# So ELU is differentiable at $\alpha = 1$ and only there, and its gradients can vanish. What it
# does cost is measured further down.
#
# ## Units that die
#
# **A ReLU unit that outputs 0 for every training image is out of the game.** Its slope is 0 for
# each of them, so its own weights get a gradient of exactly 0. One large step can put it there:
# the bias falls, or the weights turn, and from then on nothing it does can be corrected.
#
# *Predict first.* Four learning rates, each about three times the last. Does the share of dead
# units grow in step with the rate, or all at once?

# %%
from helpers.labs import DyingReLU

DyingReLU()

# %% [markdown]
# Each row at the left is a unit. In the first layer the dead rows stay dead to the right edge: the
# images they see never change. In the second layer some come back. Their own weights get no
# gradient either, but the layer below still learns, and moves their inputs.
#
# Now choose leaky ReLU. No unit dies at any rate, and at the high rates the weights run off
# instead: a rate that is too high is too high for every function. ReLU fails more quietly. Then
# set the first biases to -6 and compare the functions.
#
# **Myth.** "A ReLU that outputs 0 stays there." In the next cell twelve of 24 units start with a
# bias of -10, so that no image reaches them. The other twelve are at 0 for some images, and above 0
# for others.

# %% tags=["claim-dead-relu"]
# NBVAL_CHECK_OUTPUT
from helpers.labs.dying_relu import dead_units, start, train, unit_slopes

before = start(depth=1)
before.biases[0][:12] = -10
after = train(before, "relu", learning_rate=0.1, steps=300).parameters
moved = (before.kernels[0] != after.kernels[0]).any(axis=0)
print("dead before:", dead_units(before, "relu").sum(), " after:", dead_units(after, "relu").sum())
print("of the dead, had a weight changed:", moved[:12].sum(), " of the others:", moved[12:].sum())
off = [unit_slopes(parameters, "relu")[:, 12:] == 0 for parameters in (before, after)]
back = (off[0] & ~off[1]).any(axis=0).sum()
print("of the others, at 0 for an image and later above 0 for it:", back)

# %% [markdown]
# At 0 for one image is rest: another image gives the unit a gradient and moves its weights. At 0
# for every image is death, and in a first layer it is for ever.
#
# **A slope that is never 0 is not a slope that is large enough.** Start all 24 units at a bias of
# -6 and train on. Leaky ReLU still has its 0.2 there. ELU, Swish and Mish fall off like the
# exponential, GELU like the bell curve, which is far faster.
#
# *Predict first.* Which of them learn?

# %%
# NBVAL_CHECK_OUTPUT
for name in ("relu", "leaky_relu", "elu", "swish", "mish", "gelu"):
    course_run = train(start(depth=1, bias=-6.0), name, learning_rate=0.3, steps=300)
    learns = "most digits right" if course_run.accuracy > 0.5 else "learns next to nothing"
    print(f"{name:>10}: slope at -6 is {slope(name, -6.0):9.1e}, {learns}")

# %% [markdown]
# Against dying, then: a lower rate, He's weights, inputs with mean 0, batch norm, or a slope below
# 0.
#
# ## What it costs
#
# **An exponential takes longer than a comparison, and a matrix product longer than both.** The next
# cell times each function in Keras, forward, eight in a row with no weights between. It
# then times a whole training step of a small network, forward, backward and update. Each figure is
# a multiple of ReLU's in the same minute; all networks take turns, and the best time counts.
#
# *Predict first.* In the training step, by what factor is ELU slower than ReLU?

# %% tags=["measured-elu-cost"]
from helpers import figures
from helpers.training.costs import MEASURED, activation_costs

titles = {ACTIVATIONS[name].title: ACTIVATIONS[name].keras_name for name in names}
titles["PReLU"] = "prelu"  # the layer, whose slopes are weights
figures.cost_bars(activation_costs(titles), MEASURED)

# %% [markdown]
# Look at the two bars of ELU. Alone it takes longer than ReLU. In a network the products around it
# take most of the step, and the ratio is nearer to 1. PReLU draws the curve of leaky ReLU, but
# Keras composes it of several operations and trains a parameter a unit. Times differ between
# machines and libraries more than between neighbours in this picture.
#
# ## Does it matter in training?
#
# Five hidden layers of 50 units, He's weights, plain gradient descent at one rate for all. (In the
# profile `full` each seed draws 20,000 of CIFAR-10's training images.)
#
# *Predict first.* Which is fastest in the first epochs? Will they still be apart at the end, by
# more than the spread over seeds?

# %%
from helpers.datasets import lesson_data
from helpers.figures.activations import ACTIVATION_MARKS
from helpers.profiles import get_profile
from helpers.training.seed_runs import validation_accuracies

profile = get_profile()
data = lesson_data(profile)
chosen = ("tanh", "relu", "leaky_relu", "elu", "gelu", "swish")
titles = {ACTIVATIONS[name].title: ACTIVATIONS[name].keras_name for name in chosen}
network = {"depth": 5, "width": 50, "initializer": "he_normal"}
networks = {title: {**network, "activation": name} for title, name in titles.items()}
accuracies = validation_accuracies(data, profile, networks)
marks = {ACTIVATIONS[name].title: ACTIVATION_MARKS[name] for name in chosen}
figures.seed_curves(accuracies, "validation accuracy", data.name, marks)

# %%
for title, curves in accuracies.items():
    last = curves[:, -1]
    print(f"{title:>10}: {last.mean():.3f} ± {last.std():.3f} over {len(last)} seeds")

# %% [markdown]
# Where two bands overlap, this experiment does not tell the two apart.
#
# ## The slopes that PReLU learns
#
# **In Keras** PReLU is a layer, for it has weights: a slope for each unit. Keras starts them at 0,
# as a ReLU; He and others started at 0.25, as here. Where do they go?

# %%
import keras

from helpers.training.networks import scaling

layers = [keras.layers.Normalization(**scaling(data)), keras.layers.Flatten()]
for seed in range(3):
    layers.append(keras.layers.Dense(50, kernel_initializer=keras.initializers.HeNormal(seed)))
    layers.append(keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25)))
shape, outputs = data.train.images.shape[1:], keras.layers.Dense(len(data.class_names))
model = keras.Sequential([keras.Input(shape), *layers, outputs])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(0.1), loss)
model.fit(*data.train, batch_size=64, epochs=profile.lesson_epochs, verbose=0)
print(f"{model.count_params():,} parameters, trained for {profile.lesson_epochs} epochs")

# %%
learned = [layer for layer in model.layers if isinstance(layer, keras.layers.PReLU)]
for number, layer in enumerate(learned, 1):
    slopes = layer.get_weights()[0]
    mean, low, high = slopes.mean(), slopes.min(), slopes.max()
    print(f"layer {number}: slopes from {low:.2f} to {high:.2f}, mean {mean:.2f}, started at 0.25")

# %% [markdown]
# ## Which one?
#
# ReLU is the cheapest and seldom far behind: a good first choice, with He's weights. Where many
# units die, try leaky ReLU or PReLU. Swish and GELU are reported a little better in deep networks,
# for a little more time. ELU and, under its conditions, SELU suit dense networks without batch
# norm: chapter 04. tanh is for values that must lie in (-1, 1), the logistic function for
# probabilities of yes or no, softmax for one class of several. These three belong in output layers
# and gates.
#
# ## Myths
#
# **Myth.** "A ReLU that outputs 0 stays there." Only if it outputs 0 for every training input.
# Leaky ReLU cannot die so. ELU, Swish, Mish and above all GELU can come close, far below 0.
#
# **Myth.** "ELU(z) = exp(z) - 1, 0 at 1." It is z above 0, $\alpha(e^z - 1)$ below, 0 at 0 and 1
# at 1.
#
# **A third true.** "ELU is differentiable, with no vanishing or exploding gradients, and slower to
# compute." Differentiable at $\alpha = 1$; its slope tends to 0 on the left; slower alone, in
# a network by far less.
#
# ## Quiz
#
# Answer before you open the feedback.

# %%
course.quiz("03_activations")

# %% [markdown]
# ## Recap
#
# - The slope is what training sees; below 0 is where these functions differ.
# - A ReLU unit at 0 for one input rests, at 0 for every input it is dead: its weights get exactly
#   0.
# - A rate too high kills ReLU units, and makes other networks diverge: lower it first.
# - ELU is smooth at $\alpha = 1$, and its gradients can vanish.
# - Alone an activation may cost several ReLUs; in a network it costs little.
#
# **Further reading**
# - He, Zhang, Ren and Sun, *Delving deep into rectifiers* (PReLU), 2015:
#   [10.1109/ICCV.2015.123](https://doi.org/10.1109/ICCV.2015.123)
# - Clevert, Unterthiner and Hochreiter, *Fast and accurate deep network learning by exponential
#   linear units*, 2016: [10.48550/arXiv.1511.07289](https://doi.org/10.48550/arXiv.1511.07289)
# - Hendrycks and Gimpel, *Gaussian error linear units*, 2016:
#   [10.48550/arXiv.1606.08415](https://doi.org/10.48550/arXiv.1606.08415)
# - Ramachandran, Zoph and Le, *Searching for activation functions* (Swish), 2017:
#   [10.48550/arXiv.1710.05941](https://doi.org/10.48550/arXiv.1710.05941)
# - Misra, *Mish: a self regularized non-monotonic activation function*, 2019:
#   [10.48550/arXiv.1908.08681](https://doi.org/10.48550/arXiv.1908.08681)
# - Lu, Shin, Su and Karniadakis, *Dying ReLU and initialization*, 2020:
#   [10.4208/cicp.OA-2020-0165](https://doi.org/10.4208/cicp.OA-2020-0165)
