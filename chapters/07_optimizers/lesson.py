# %% [markdown]
# # Optimizers and schedules
#
# Momentum of 0.9 makes training faster. So does 0.99, sometimes. One would think that 0.99999 is
# faster still. The notes that this course grew from left the question open: "No idea. Probably the
# result doesn't converge?" This chapter counts the steps.
#
# **You will be able to**
# - say what momentum, Nesterov momentum, RMSProp, Adam, Nadam and AdamW do with a gradient
# - predict what a momentum close to 1 costs, and measure it
# - clip gradients without turning them, and decay weights without Adam undoing it
# - shape a learning-rate schedule, 1cycle among them, and know when it helps
# - compare optimizers fairly

# %%
from helpers import course

course.start("07_optimizers")

# %% [markdown]
# ## A ravine
#
# **The gradient points across the valley, not along it.** Take a loss of two weights that is 50
# times as curved in one direction as in the other. The steep direction sets the highest rate that
# does not diverge: 2 / 50. The flat one then creeps. That ratio, 50, is the condition number, and
# in real networks it is far larger.
#
# *Predict first.* Each optimizer below races at the best of 17 rates. Who needs the fewest steps
# to the minimum, and whose path swings the most? Then take the tick from "each at its best rate"
# and move the rate: from where on does plain SGD diverge?

# %%
from helpers.labs import OptimizerRace

OptimizerRace()

# %% [markdown]
# ## Momentum
#
# **Momentum is a change of speed limit.** The optimizer keeps a velocity *v*: it multiplies it by
# the momentum, subtracts rate times gradient, and moves by the result. On an even slope the
# velocity settles at rate times gradient / (1 - momentum). **In Keras** momentum is an argument:
# `keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)`.
#
# *Predict first.* How much faster than plain SGD is momentum 0.99 in the end, and how many steps
# does it take to gather 63% of that speed?

# %%
# NBVAL_CHECK_OUTPUT
import numpy as np

from helpers.theory.optimizers import make_optimizer

MOMENTA = (0.9, 0.99, 0.999, 0.9999, 0.99999)
for momentum in MOMENTA:
    optimizer = make_optimizer("momentum", learning_rate=1.0, momentum=momentum)
    place, state, speed, top = 0.0, None, 0.0, 1 / (1 - momentum)
    while speed < (1 - np.exp(-1)) * top:
        before = place
        place, state = optimizer.step(place, -1.0, state)
        speed = place - before
    print(f"momentum {momentum:<7}: {top:>7,.0f} times the speed, 63% of it after {state.count:,}")

# %% [markdown]
# Both numbers are 1 / (1 - momentum): what gains speed for long also needs long to lose it. An even
# slope never asks for that. A minimum does.
#
# ## Too close to 1
#
# *Predict first.* On the ravine, how many steps will momentum 0.99999 need compared with 0.9: a
# tenth, as many, ten thousand times as many? Or does it never get there? In the lab, move momentum
# towards 1. The mark is where it stands after the last step.

# %%
OptimizerRace(
    optimizers=("sgd", "momentum"),
    best_rates=False,
    learning_rate=0.02,
    momentum=0.999,
    steps=500,
)

# %% [markdown]
# The next cell counts steps until the distance to the minimum is 1% of what it was, for good. Each
# momentum gets the rate that is best for it, so no rate can be blamed.

# %% tags=["claim-momentum-close-to-one"]
# NBVAL_CHECK_OUTPUT
from helpers.theory.optimizers import best_rate, momentum_path, steps_until_close
from helpers.theory.surfaces import RAVINE_CURVATURES, get_surface

flat, steep = RAVINE_CURVATURES
start = get_surface("ravine").start
for momentum in (0.0, *MOMENTA):
    rate = best_rate(RAVINE_CURVATURES, momentum)
    steps = steps_until_close(RAVINE_CURVATURES, start, rate, momentum)
    along = momentum_path(flat, start[0], rate, momentum, steps) / start[0]
    passed = np.count_nonzero(np.diff(np.sign(along)))
    print(
        f"momentum {momentum:<7}: close after {float(f'{steps:.2g}'):>9,.0f} steps, passes the "
        f"minimum {float(f'{passed:.2g}'):>6,.0f} times, by up to {max(0, -along.min()):.0%}"
    )

# %% [markdown]
# It gathers speed, shoots past the minimum almost as far as it came from, and swings back. From
# swing to swing it loses little. In the long run the distance shrinks by √momentum a step, whatever
# the rate: ten times closer to 1 means ten times as many steps.
#
# **So there is a best momentum**, and it follows from the condition number κ:
# $((\sqrt\kappa - 1) / (\sqrt\kappa + 1))^2$. Polyak found it in 1964. The worse the ravine, the
# closer to 1 it lies. Here κ is 50.
#
# *Predict first.* Nesterov momentum looks ahead before it steps. At 0.99999, will it save a tenth
# of the steps, half of them, or nearly all?

# %%
from helpers import figures
from helpers.theory.optimizers import best_momentum, contraction

momenta = 1 - np.geomspace(1, 1e-5, 41)
rates = [best_rate(RAVINE_CURVATURES, momentum) for momentum in momenta]
pairs = list(zip(rates, momenta, strict=True))
measured = [steps_until_close(RAVINE_CURVATURES, start, *pair) for pair in pairs]
nesterov = [
    steps_until_close(RAVINE_CURVATURES, start, 1 / steep, momentum, nesterov=True)
    for momentum in momenta
]
predicted = [np.log(0.01) / np.log(contraction(RAVINE_CURVATURES, *pair)) for pair in pairs]
best = best_momentum(RAVINE_CURVATURES)
title = "Ravine of condition number 50: steps to 1% of the distance"
figures.momentum_near_one(momenta, measured, nesterov, predicted, best, title)

# %% [markdown]
# Nesterov momentum takes the gradient where the velocity is about to carry it, so it brakes before
# the minimum instead of behind it. On a smooth ravine that is a rescue. **In Keras** it is one more
# argument: `keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, nesterov=True)`.
#
# ## On a real network
#
# **A surface of two weights could be a special case.** Here is a network with two hidden layers of
# 32 ReLU units on real images. Every momentum gets the same search: nine rates, the same first
# weights, the same batches.
#
# *Predict first.* At its best rate, does momentum 0.99999 end above plain SGD, below it, or level?
# And is Nesterov's look ahead a rescue here too?

# %%
from helpers.datasets import lesson_data
from helpers.profiles import get_profile
from helpers.theory.fitting import final_losses

profile, data = get_profile(), lesson_data(get_profile())
pixels, labels = (part[:5_000] for part in data.train)
x = ((pixels - pixels.mean()) / pixels.std()).reshape(len(pixels), -1).astype(np.float32)
name = f"{data.name}, {len(x):,} images"
rates = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
budget = {"epochs": profile.lesson_epochs, "batch_size": max(32, len(x) // 20)}
search = {"rates": rates, "seeds": range(profile.lesson_seeds), **budget}
tried = {f"momentum {m:g}": {"optimizer": "momentum", "momentum": m} for m in (0.0, *MOMENTA)}
tried["Nesterov 0.99999"] = {"optimizer": "nesterov", "momentum": 0.99999}
losses = {title: final_losses(x, labels, **settings, **search) for title, settings in tried.items()}
figures.losses_by_rate(rates, losses, name, "Momentum close to 1, at nine rates")

# %% [markdown]
# Look at the lowest point of each line. From 0.99 on even the best rate leaves a loss above that
# of plain SGD, and the best rate has moved far down: the velocity grows with rate / (1 - momentum),
# so only a low rate keeps it in bounds. Nesterov's look ahead is no rescue here: its brake grows
# with rate times curvature, and at rates so low there is little of it.
#
# ## A rate for every weight
#
# **Adam does not care how large the gradient is.** RMSProp divides each gradient by the root of a
# moving average of its square. Adam does the same to a moving average of the gradient, which is
# momentum. Nadam adds Nesterov's look ahead. What is left of the gradient is its sign, and how
# steadily it keeps that sign. **In Keras** they are `keras.optimizers.RMSprop`, `Adam` and `Nadam`.
#
# *Predict first.* Rate 0.01, first step, gradient 10,000. How far does plain SGD go, and how far
# does Adam?

# %%
# NBVAL_CHECK_OUTPUT
for gradient in (1e-4, 1.0, 1e4):
    moves = {
        rule: abs(make_optimizer(rule, learning_rate=0.01).step(0.0, gradient)[0])
        for rule in ("sgd", "rmsprop", "adam", "nadam")
    }
    print(f"gradient {gradient:<6g}", *(f"  {rule} {move:.0e}" for rule, move in moves.items()))

# %% [markdown]
# The rate of Adam is a length: about as far as a weight moves in a step. The rate of SGD is a
# factor, so one rate never suits both. RMSProp's first steps are longer because its average starts
# at 0; Adam corrects for that. (At the smallest gradient it falls short: the epsilon that keeps
# RMSProp from dividing by 0 stands under the root, and is larger than the average there.)
#
# Set the first lab to the saddle, take the tick from "each at its best rate", choose a rate near
# 0.03, and add RMSProp. Plain SGD lingers where the ground is flat, and is not through after 100
# steps. RMSProp, which asks for little but the sign, has left long before.
#
# **Adam undoes the weight decay that L2 asks for.** An L2 penalty adds a share of the weight to its
# gradient, and SGD then shrinks every weight alike. Adam divides the penalty too, by the size of
# that weight's gradients: weights with small gradients are wiped out. AdamW keeps the decay out of
# the gradient. **In Keras**: `keras.optimizers.AdamW(learning_rate=1e-3, weight_decay=0.004)`.
#
# *Predict first.* Three weights start at 1, and their gradients are nothing but noise, of size 1,
# 0.1 and 0.01. Which of them does Adam with L2 hold on to?

# %%
# NBVAL_CHECK_OUTPUT
noise = np.random.default_rng(0).normal(scale=[1.0, 0.1, 0.01], size=(5_000, 3))
for rule, penalty, decay in (("sgd", 0.1, None), ("adam", 0.1, None), ("adamw", 0.0, 0.1)):
    optimizer = make_optimizer(rule, learning_rate=1e-3, weight_decay=decay)
    weights, state = np.ones(3), None
    for gradient in noise:
        weights, state = optimizer.step(weights, gradient + penalty * weights, state)
    left = np.abs(weights.round(1))
    print(f"{optimizer.title:>9}, {'L2' if penalty else 'decay'}: the weights are now {left}")

# %% [markdown]
# ## Clipping
#
# **One step from a cliff undoes an epoch.** Where the loss has a wall, a single gradient can be
# hundreds of times as large as the one before. Clipping limits it: by norm, the whole gradient is
# shortened; by value, each of its parts is cut off. **In Keras** any optimizer takes `clipnorm`
# (for each array of weights), `global_clipnorm` (for all of them together) or `clipvalue`.
#
# *Predict first.* Both start on the wall, at the same rate. Where does the first step take them?
# Then clip the gradient, by norm and by value: which of the two turns the first step?

# %%
OptimizerRace(surface="cliff", optimizers=("sgd", "momentum"), best_rates=False, learning_rate=0.1)

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.optimizers import clip_by_norm, clip_by_value

cliff = get_surface("cliff")
gradient = cliff.gradient(np.array(cliff.start))
print(f"not clipped: {gradient.round(1)}")
for title, clip in (("by norm", clip_by_norm), ("by value", clip_by_value)):
    clipped = clip(gradient, 1.0)
    cosine = gradient @ clipped / np.linalg.norm(gradient) / np.linalg.norm(clipped)
    angle = np.degrees(np.arccos(min(cosine, 1.0)))
    print(f"{title}: {clipped.round(2)}, turned by {angle:.0f} degrees")

# %% [markdown]
# By norm keeps the direction. By value moves it towards a diagonal: every weight with a large
# gradient now counts alike.
#
# ## Schedules
#
# **The right rate to start with is too high to keep.** A high rate travels far. It also ends in
# noise: every batch pulls another way, and the weights jitter around the minimum by about as much
# as the rate is high. A schedule takes both: far at first, quiet at the end.
#
# *Predict first.* Lower the peak in the lab from 0.3 to 0.03. Does the schedule still beat the best
# constant rate?

# %%
from helpers.labs import ScheduleDesigner

ScheduleDesigner()

# %%
# NBVAL_CHECK_OUTPUT
for schedule, peak in (("cosine", 1.0), ("cosine", 0.3), ("cosine", 0.03), ("one_cycle", 0.3)):
    settings = {**ScheduleDesigner.default_settings(), "schedule": schedule, "peak": peak}
    runs = [ScheduleDesigner.compute({**settings, "seed": seed}) for seed in range(5)]
    own, kept, best = (
        np.array([getattr(run, curve).final for run in runs])
        for curve in ("own", "at_peak", "best_constant")
    )
    print(
        f"{schedule:>9} from {peak:<4g}: {own.mean():.3f}, the peak kept {kept.mean():.3f}; below "
        f"the best of six constant rates in {np.sum(own < best)} of 5 seeds"
    )

# %% [markdown]
# A schedule pays when its peak is too high to keep. From a rate that one could keep, falling only
# slows the training down.
#
# **1cycle** rises in a straight line, then falls to almost nothing. Here it ends about where the
# cosine from the same peak does. The rise takes the network out of its steep first region before
# the rate is high; a warm-up is the same, kept short. **In Keras** a schedule stands where the rate
# would: `keras.optimizers.SGD(OneCycle(0.05, total_steps=1000))` with this course's `OneCycle`, or
# `keras.optimizers.schedules.CosineDecay`, which has a warm-up.
#
# ## A fair race
#
# **Most races of optimizers are races of rates.** Each of the seven below gets the nine rates of
# the search above, the same first weights and the same batches. The rules are this chapter's own,
# in NumPy; the second cell holds them against Keras's.
#
# *Predict first.* Which differs more: two optimizers, each at its best rate, or one optimizer at
# its best rate and at one ten times too high?

# %%
from helpers.theory.optimizers import OPTIMIZERS

losses = {
    entry.title: final_losses(x, labels, optimizer, **search)
    for optimizer, entry in OPTIMIZERS.items()
}
figures.losses_by_rate(search["rates"], losses, name, "Seven optimizers, nine rates each")

# %%
# NBVAL_CHECK_OUTPUT
import keras

gradients = np.random.default_rng(7).normal(size=(60, 4)).astype("float32")
for rule, entry in OPTIMIZERS.items():
    look_ahead = {"nesterov": True} if rule == "nesterov" else {}
    theirs = getattr(keras.optimizers, entry.keras_name)(**entry.settings, **look_ahead)
    weights, state, variable = np.ones(4), None, keras.Variable(np.ones(4))
    for gradient in gradients:
        weights, state = make_optimizer(rule).step(weights, gradient, state)
        theirs.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    same = np.allclose(weights, keras.ops.convert_to_numpy(variable), rtol=1e-5)
    print(f"{entry.title:>17} is keras.optimizers.{entry.keras_name}, 60 steps alike: {same}")

# %% [markdown]
# Compare the rings, then go from any ring to the right end of its line. The wrong rate costs far
# more than the choice of an optimizer does. What Adam and its kin buy is a best rate that one can
# guess: theirs lie close together.
#
# ## Myths
#
# **"Momentum close to 1: no idea, probably the result does not converge."** It converges, as the
# table under "Too close to 1" counts. It passes the minimum again and again first.
#
# **"Adam needs no tuning."** In the figure above it has a best rate like the others, and far above
# that rate it learns nothing.
#
# ## Quiz
#
# Each answer says what is right or wrong about it.

# %%
course.quiz("07_optimizers")

# %% [markdown]
# ## Recap
#
# - Momentum makes steps up to 1 / (1 - momentum) times as long, and takes as many steps to gain or
#   lose that speed. Close to 1 it overshoots, oscillates, and converges far slower.
# - Adam's rate is a length, SGD's is a factor: no single rate compares them.
# - AdamW decays all weights alike; L2 under Adam does not.
# - Clip by norm to keep the direction.
# - A schedule starts with a rate that is too high to keep, and ends quietly.
#
# **Further reading**
# - Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964:
#   [10.1016/0041-5553(64)90137-5](https://doi.org/10.1016/0041-5553%2864%2990137-5)
# - Sutskever and others, *On the importance of initialization and momentum in deep learning*, 2013:
#   [proceedings.mlr.press/v28](https://proceedings.mlr.press/v28/sutskever13.html)
# - Kingma and Ba, *Adam*, 2015: [arXiv 1412.6980](https://doi.org/10.48550/arXiv.1412.6980)
# - Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019:
#   [arXiv 1711.05101](https://doi.org/10.48550/arXiv.1711.05101)
# - Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013:
#   [arXiv 1211.5063](https://doi.org/10.48550/arXiv.1211.5063)
# - Smith and Topin, *Super-convergence*, 2018: [10.1117/12.2520589](https://doi.org/10.1117/12.2520589)
