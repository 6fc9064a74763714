# %% [markdown]
# # Batch normalization
#
# A network learns for a few dozen steps and gets most of its training images right. Ask it about
# the very same images a moment later, and it gets most of them wrong. Nothing was learned in
# between and nothing was forgotten. One layer of the network computes one thing while it trains and
# another when it is asked.
#
# **You will be able to**
# - say what batch norm computes in training, and what in inference
# - recognize an evaluation that came too early, and repair it without training
# - choose between before and after the activation, and say what gamma and beta are for
# - say which batches are too small
# - fold batch norm into the layer before it, and freeze it

# %%
from helpers import course

course.start("05_batch_norm")

# %% [markdown]
# ## In training and in inference
#
# **In training an output depends on what else is in the batch.** Ioffe and Szegedy (2015) take the
# inputs $x_1, \dots, x_m$ that one unit gets from the $m$ images of a batch, and compute
#
# $$\mu = \frac1m \sum_i x_i \qquad \sigma^2 = \frac1m \sum_i (x_i - \mu)^2 \qquad
# \hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} \qquad y_i = \gamma \hat x_i + \beta$$
#
# Each unit has its own mean $\mu$, variance $\sigma^2$, scale $\gamma$ and shift $\beta$. The last
# two are learned, from 1 and 0. The small $\epsilon$ keeps the division finite.
#
# In inference there may be no batch. There $\mu$ and $\sigma^2$ are moving averages, which every
# training step moves a little: $\text{moving} \leftarrow \text{momentum} \cdot \text{moving} +
# (1 - \text{momentum}) \cdot \text{batch}$. They start at 0 and 1.
#
# *Predict first.* A unit's inputs have mean 4 and standard deviation 2. With momentum 0.99, how
# close to 4 is the moving mean after 100 steps? How many steps until it is right to 1%?

# %%
from helpers.labs import InsideBatchNorm

InsideBatchNorm()

# %% [markdown]
# Left, what 100 batches were like, and how far the averages followed. Right, what the same kind of
# inputs give in training and in inference.
#
# Now raise the steps. Then set the batch size to 2, and to 1. Last, take the batch size back to 32
# and shift the data, first midway in training, then after it.
#
# **The notes that this course grew from say:** "batch norm uses the training means after training."
# Nearly. The average over all training batches and the moving average are two numbers. The cell
# takes them from batches whose mean stays at 4, and from batches whose mean rises from 0 to 8, as
# it may while the layers below learn.

# %% tags=["claim-batch-norm-uses-training-means"]
# NBVAL_CHECK_OUTPUT
import numpy as np

from helpers.theory import batch_norm

noise = np.random.default_rng(42).normal(0, 0.1, 1000)
for name, means in {"steady": 4 + noise, "rising": np.linspace(0, 8, 1000) + noise}.items():
    moving = batch_norm.moving_averages(means, start=0, momentum=0.99)
    for steps in (100, 1000):
        training_mean = means[:steps].mean()
        print(f"{name}, {steps:>4} steps: moving {moving[steps - 1]:.1f}, all {training_mean:.1f}")
print(f"the start weighs less than 1% after {batch_norm.steps_until(0.01, 0.99)} steps")

# %% [markdown]
# At first the moving average still holds its start. Later it forgets: only about the last
# 1 / (1 - momentum) batches count, 100 of them at Keras's 0.99.
#
# ## Evaluated too soon
#
# **A low validation accuracy in the first epochs may be the averages, not the network.** Ten hidden
# layers, each with batch norm, train for 40 steps. The averages of every layer still hold two
# thirds of their start, and ten layers of wrong scales follow one another.
#
# *Predict first.* What `fit` reports is measured in training mode, what `evaluate` reports in
# inference mode. On the same training images, how far apart are they? And if the averages are set
# to what the images give, with no weight touched?

# %%
import keras

from helpers.datasets import load_digits
from helpers.models import logits_of
from helpers.training.networks import network_for

digits = load_digits()
shape = {"depth": 10, "width": 50, "activation": "relu", "seed": 42}
keras.utils.set_random_seed(42)
network = logits_of(network_for(digits, normalization="before", **shape))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
network.compile(keras.optimizers.Nadam(3e-3), loss, metrics=["accuracy"])
fitted = network.fit(*digits.train, batch_size=128, epochs=4, verbose=0).history["accuracy"][-1]
early = network.evaluate(*digits.train, verbose=0)[1]
print(f"fit: {fitted:.2f}, evaluate on the same images: {early:.2f}")

# %%
# NBVAL_CHECK_OUTPUT
for layer in network.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.0  # the averages become those of the next batch
network(digits.train.images, training=True)  # all images in one batch; nothing is learned
repaired = network.evaluate(*digits.train, verbose=0)[1]
print(f"evaluate was below fit by more than 0.2: {fitted - early > 0.2}")
print(f"new averages alone raised it by more than 0.2: {repaired - early > 0.2}")

# %% [markdown]
# So train for a few hundred steps before you judge, or lower the momentum to 0.9 in short
# trainings. **In Keras:** `BatchNormalization(momentum=0.9)`.
#
# ## The same in NumPy
#
# **Nothing in it is hidden.** `helpers/theory/batch_norm.py` holds the whole layer. The moving
# variance is that of the batch, divided by $m$; the paper divides by $m - 1$ there, Keras does not.
#
# The gradient is where most hand-written versions fail, because $\mu$ and $\sigma$ depend on every
# input. With $g_i$ for the gradient by $\hat x_i$, and $\overline{\phantom{x}}$ for the mean over
# the batch,
#
# $$\frac{\partial L}{\partial x_i} = \frac{g_i - \overline{g} - \hat x_i\, \overline{g \hat x}}
# {\sqrt{\sigma^2 + \epsilon}} \qquad \frac{\partial L}{\partial \gamma} = \sum_i
# \frac{\partial L}{\partial y_i} \hat x_i \qquad \frac{\partial L}{\partial \beta} = \sum_i
# \frac{\partial L}{\partial y_i}$$
#
# The second cell holds the gradients against Keras's, whatever its backend: its inputs are an
# identity matrix, so that the kernel of the dense layer is the batch itself, and one step of SGD at
# rate 1 moves it by its gradient.

# %%
# NBVAL_CHECK_OUTPUT
layer, moving = keras.layers.BatchNormalization(), batch_norm.start_moving(3)
rng = np.random.default_rng(42)
gaps = []
for _ in range(5):
    batch = rng.normal([4, 0, -2], [2, 1, 5], (32, 3)).astype("float32")
    passed = batch_norm.forward(batch)
    gaps.append(np.abs(passed.outputs - keras.ops.convert_to_numpy(layer(batch, training=True))))
    moving = batch_norm.update_moving(moving, passed)
gaps += [np.abs(a - b) for a, b in zip(moving, layer.get_weights()[2:], strict=True)]
inferred = batch_norm.inference(batch, 1, 0, *moving)
gaps.append(np.abs(inferred - keras.ops.convert_to_numpy(layer(batch, training=False))))
print(f"5 steps, then inference: equal to 1e-5: {max(gap.max() for gap in gaps) < 1e-5}")

# %%
# NBVAL_CHECK_OUTPUT
by_outputs = rng.normal(size=batch.shape).astype("float32")
dense, norm = keras.layers.Dense(3, use_bias=False), keras.layers.BatchNormalization()
model = keras.Sequential([keras.Input((32,)), dense, norm])
dense.set_weights([batch])
model.compile(
    keras.optimizers.SGD(1.0),
    loss=lambda by, outputs: 32 * keras.ops.sum(by * outputs, axis=-1),
    run_eagerly=True,
)
model.train_on_batch(np.eye(32, dtype="float32"), by_outputs)
moved = [batch - dense.get_weights()[0], 1 - norm.get_weights()[0], 0 - norm.get_weights()[1]]
ours = batch_norm.backward(passed, 1, by_outputs)
for name, mine, theirs in zip(ours._fields, ours, moved, strict=True):
    print(f"gradient by {name}: equal to 1e-5: {np.allclose(mine, theirs, 1e-5, 1e-5)}")

# %% [markdown]
# ## Before or after the activation?
#
# The notes ask: "To scale the input it must come before a layer, to modify the output after it. Not
# sure how it works." The output of one layer is the input of the next, so these are one place. What
# can differ is the side of the activation function.
#
# **Before it,** batch norm decides what the activation sees: mean $\beta$ and standard deviation
# $|\gamma|$ for each unit. **After it,** it decides what the next layer gets. Either way $\gamma$
# and $\beta$ let the network take it back: with $\gamma = \sqrt{\sigma^2 + \epsilon}$ and
# $\beta = \mu$ the layer does nothing.
#
# *Predict first.* The inputs below are far from 0, so many of the ReLU units are dead: they output
# 0 for every input. Which of the two places revives them?

# %% tags=["claim-batch-norm-before-or-after"]
# NBVAL_CHECK_OUTPUT
from helpers.theory import normalized_network

inputs = np.random.default_rng(42).normal(10, 1, (2000, 20))
for place in ("none", "before", "after"):
    new = normalized_network.make_network((20, 50, 10), "he_normal", place, "relu", seed=42)
    (layer,), _ = normalized_network.training_pass(inputs, new)
    enters, leaves = (np.abs(x.mean(axis=0)).max() for x in (layer.entering, layer.outputs))
    dead = (layer.outputs.std(axis=0) == 0).sum()
    print(f"{place:>6}: means up to {enters:.0f} enter the activation, up to", end=" ")
    print(f"{leaves:.1f} leave the layer; {dead} of 50 units are dead")
passed = batch_norm.forward(inputs, inputs.std(axis=0), inputs.mean(axis=0), epsilon=1e-9)
print(f"gamma and beta can undo it: {np.allclose(passed.outputs, inputs)}")

# %% [markdown]
# Before the activation every unit is positive for about half of the batch, so none is dead at the
# start. After it, the next layer gets standardized inputs, but a unit that was 0 for every input is
# now $\beta$ for every input.
#
# Which trains better is a question for a measurement. Each line below is one network at three
# rates, from the same initial weights and with the same batches, once a seed. (`full` trains on the
# first 15,000 images of CIFAR-10.)
#
# *Predict first.* At which rate does the network without batch norm fail? Do the others?

# %%
from helpers import figures
from helpers.datasets import lesson_data
from helpers.profiles import get_profile
from helpers.training.places import accuracy_by_rate

profile, data = get_profile(), lesson_data(get_profile())
rates, places = (0.01, 0.1, 1.0), ("none", "before", "after")
accuracies = {place: accuracy_by_rate(place, rates, data, profile) for place in places}
figures.accuracy_by_setting(rates, accuracies, "learning rate", data.name)

# %% [markdown]
# Look at the right end first: batch norm bears rates that ruin the network without it. Then compare
# the best points of the lines. Where their bars overlap, this measurement does not tell before from
# after. At the left, or after few epochs, a line may be low because its averages are not there yet.
#
# **In Keras** the original order is `Dense(100, use_bias=False)`, `BatchNormalization()`,
# `Activation("relu")`.
#
# ## Batches of 1, 2 and 8
#
# **The smaller the batch, the more an output says about its company.** Below, one input is 1 every
# time, and the others of its batch are drawn from N(0, 1). The last column is how much gradient
# comes through to the inputs.
#
# *Predict first.* A batch of 1: what comes out? And a batch of 2: which two values only?

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(42)
for size in (1, 2, 8, 64):
    company = rng.normal(size=(size, 20_000))  # each column is a batch
    company[0] = 1
    passed = batch_norm.forward(company)
    back = batch_norm.backward(passed, 1, rng.normal(size=company.shape)).inputs
    one = passed.outputs[0]
    print(f"batch of {size:>2}: output {one.mean():.1f} ± {one.std():.1f}", end=", ")
    print(f"gradient {np.median(np.abs(back)):.1f}")

# %%
from helpers.labs.digit_inputs import digit_inputs

inputs, sizes = digit_inputs(), (1, 2, 8, 32)


def accuracy(place, size, seed):
    new = normalized_network.make_network((64, 50, 50, 50, 10), "he_normal", place, "relu", seed)
    settings = {"steps": 600, "batch_size": size, "learning_rate": 0.03, "seed": seed}
    run = normalized_network.train(new, inputs.x, inputs.labels, **settings)
    logits = normalized_network.logits_in_inference(inputs.validation_x, run.network)
    return normalized_network.accuracy(logits, inputs.validation_labels)


by_size = {p: [[accuracy(p, size, s) for s in range(3)] for size in sizes] for p in places[:2]}
figures.accuracy_by_setting(sizes, by_size, "batch size", inputs.name)

# %% [markdown]
# With one image, $x - \mu$ is 0: every output is $\beta$, whatever comes in, and no gradient comes
# back. With two, an output is $+1$ or $-1$; mean and variance fix both values, and next to nothing
# is left for the gradient. In a convolution every pixel of every image counts, so there a batch of
# two images is no batch of two.
#
# ## What initialization cannot do
#
# **The notes say:** "initialization helps only at the start, batch norm also during training." He's
# weights give every layer the right scale at step 0. Then each step changes every layer, and with
# it what all layers above it get.
#
# *Predict first.* Ten hidden layers, He initialization, 400 steps. By how much does the mean that
# enters a unit of the sixth move, measured in its first standard deviation? And behind batch norm?

# %%
runs = {}
for place in ("none", "before"):
    new = normalized_network.make_network([64, *[50] * 10, 10], "he_normal", place, "relu", 42)
    settings = {"steps": 400, "batch_size": 32, "learning_rate": 0.03, "seed": 42}
    runs[place] = normalized_network.train(
        new, inputs.x, inputs.labels, **settings, layer=5, looks=40
    )
entering = {place: run.entering for place, run in runs.items()}
figures.units_while_training(runs["none"].looks, entering, "layer 6 of 10", inputs.name)

# %% tags=["claim-initialization-only-helps-at-the-start"]
# NBVAL_CHECK_OUTPUT
for place, values in entering.items():
    moved = np.median(np.abs(values[-1, 0] - values[0, 0]) / values[0, 1])
    scaled = np.median(values[-1, 1] / values[0, 1])
    print(f"{place:>6}: mean moved by half a standard deviation: {moved > 0.5}", end=", ")
    print(f"standard deviation grew by half: {scaled > 1.5}")

# %% [markdown]
# Right, roughly. Behind batch norm only $\gamma$ and $\beta$ move the mean and the scale of a unit,
# and they move slowly. Why that helps is less settled than the name "internal covariate shift"
# suggests: Santurkar and others (2018) put noise *behind* batch norm, so that the distributions
# wandered, and it trained well all the same. They find a smoother loss instead.
#
# ## No bias, and in the end no batch norm
#
# **A bias before batch norm does nothing.** It moves the mean, and the mean is subtracted.
# `use_bias=False` saves the parameters.
#
# **In inference batch norm costs nothing, once it is folded away.** There it multiplies each unit
# by one number and adds another, and so does the layer before it. With
# $s = \gamma / \sqrt{\text{moving variance} + \epsilon}$ the new kernel is the old one times $s$,
# the new bias $(b - \text{moving mean}) \cdot s + \beta$. Behind the activation it cannot be folded
# into the layer before; there it goes into the layer after.
#
# *Predict first.* The network of ten layers from above, folded: how many of its layers remain, and
# how far do its outputs move?

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(42)
z, by_outputs = rng.normal(size=(2, 32, 5))
without, biased = batch_norm.forward(z), batch_norm.forward(z + 7)
by_bias = batch_norm.backward(biased, 1, by_outputs).inputs.sum(axis=0)
print(f"outputs moved by the bias: {np.abs(without.outputs - biased.outputs).max() > 1e-9}")
print(f"gradient by the bias above 1e-9: {np.abs(by_bias).max() > 1e-9}")

# %%
# NBVAL_CHECK_OUTPUT
folded = logits_of(network_for(digits, **shape))  # the same layers, without batch norm
parts = [[x for x in net.layers if "dense" in x.name] for net in (network, folded)]
norms = [x for x in network.layers if "batch_norm" in x.name]
for old, norm, new in zip(parts[0], norms, parts[1], strict=False):  # the last has no norm
    new.set_weights(batch_norm.fold(old.get_weights()[0], 0, *norm.get_weights()))
parts[1][-1].set_weights(parts[0][-1].get_weights())
outputs = [keras.ops.softmax(net(digits.test.images, training=False)) for net in (network, folded)]
gap = np.abs(keras.ops.convert_to_numpy(outputs[0] - outputs[1])).max()
print(f"{len(network.layers)} layers became {len(folded.layers)}")
print(f"probabilities equal to 1e-5: {gap < 1e-5}")

# %% [markdown]
# ## Frozen layers
#
# **A frozen batch norm runs in inference mode, even in training.** `layer.trainable = False` stops
# the learning of any other layer and changes nothing about what it computes. For batch norm Keras
# makes an exception: frozen, it uses its moving averages and leaves them as they are. That is what
# fine-tuning wants, where small batches of new data would spoil averages from many old ones.
#
# *Predict first.* Inputs with mean 4 and standard deviation 2 go into a new layer, called with
# `training=True`. What comes out, and does the moving mean move, when it is frozen?

# %%
# NBVAL_CHECK_OUTPUT
batch = np.random.default_rng(42).normal(4, 2, (1000, 1)).astype("float32")
for trainable in (True, False):
    layer = keras.layers.BatchNormalization()
    layer.trainable = trainable
    outputs = keras.ops.convert_to_numpy(layer(batch, training=True))
    print(f"trainable {trainable}: outputs {abs(outputs.mean()):.0f} ±", end=" ")
    print(f"{outputs.std():.0f}, moving mean moved: {bool(layer.get_weights()[2] != 0)}")
dropout = keras.layers.Dropout(0.5, seed=42)
dropout.trainable = False
zeros = keras.ops.convert_to_numpy(dropout(batch, training=True)) == 0
print(f"frozen dropout still drops: {bool(zeros.any())}")

# %% [markdown]
# After `compile`, a change of `trainable` counts only from the next `compile` on.
#
# ## Myths
#
# **"Batch norm uses the training means after training."** It uses moving averages. With few steps
# they still hold their start, and after many they know only the last batches.
#
# **"To scale the input it must come before a layer, to modify the output after it."** One place
# does both, because what leaves one layer enters the next. The choice is the side of the
# activation: the cell with the dead units shows what each side does.
#
# **"Initialization helps only at the start, batch norm also during training."** Right, roughly: the
# figure of layer 6. What batch norm holds still are mean and scale of each unit, up to $\gamma$ and
# $\beta$, and not more.
#
# ## Quiz
#
# Answer before you scroll back; each wrong answer says what it mistakes.

# %%
course.quiz("05_batch_norm")

# %% [markdown]
# ## Recap
#
# - Training normalizes with the batch, inference with moving averages; at momentum 0.99 these need
#   hundreds of steps.
# - It works on each unit over the batch, never within an image; so it needs a batch, and 1 or 2 are
#   none.
# - Before the activation it decides what the activation sees, after it what the next layer gets.
#   Gamma and beta can undo either.
# - The layer before it needs no bias, and in inference it folds into that layer.
# - Frozen, it runs in inference mode.
#
# **Further reading**
# - Ioffe and Szegedy, *Batch normalization*, 2015:
#   [arXiv 1502.03167](https://doi.org/10.48550/arXiv.1502.03167)
# - Santurkar and others, *How does batch normalization help optimization?*, 2018:
#   [arXiv 1805.11604](https://doi.org/10.48550/arXiv.1805.11604)
# - Ioffe, *Batch renormalization* (for small batches), 2017:
#   [arXiv 1702.03275](https://doi.org/10.48550/arXiv.1702.03275)
# - Wu and He, *Group normalization*, 2018:
#   [arXiv 1803.08494](https://doi.org/10.48550/arXiv.1803.08494)
