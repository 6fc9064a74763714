# %% [markdown]
# # Sparse models
#
# Set half of the weights of a trained network to 0, and it still reads nearly every digit it read
# before. Which half, how to go further, and what the zeros are good for is what this chapter
# measures. Two popular ways to get them give not a single one.
#
# **You will be able to**
# - tell a small weight from a zero, and say which methods make which
# - prune by magnitude, and read a curve of accuracy against sparsity
# - prune on a schedule while training, in Keras and with the Model Optimization Toolkit
# - say what zeros save on disk, and what they do not save

# %%
from helpers import course

course.start("08_sparse_models")

# %% [markdown]
# ## Half of the weights is not needed
#
# **Most weights of a network lie near 0, and are missed by nobody.** The *sparsity* of a network is
# the share of its weights that are exactly 0. *Magnitude pruning* makes zeros of the weights
# nearest to 0. Below are four networks that were trained on digits, each with two hidden layers of
# 100 units. The first was trained without any regularization.
#
# *Predict first.* How many of its weights can go before it loses ten points of accuracy: a tenth, a
# half, nine tenths?

# %%
from helpers.labs import Sparsity

Sparsity()

# %% [markdown]
# Move the share of zeros up until the curve breaks. Then choose the network trained with L1, and
# rank the weights of all layers together: the same share costs it less. The last layer keeps more
# of its weights then, because they are larger.
#
# The cell measures the first network at three points.

# %%
# NBVAL_CHECK_OUTPUT
for share in (0.0, 0.5, 0.9):
    found = Sparsity.compute({"sparsity": share, "network": "plain", "method": "layer"})
    print(f"{found.zeros:>6,} of {found.weights:,} weights are 0: accuracy {found.accuracy:.0%}")

# %% [markdown]
# ## Small is not zero
#
# **A penalty on the weights makes them small, and leaves not one at 0.** L1 adds
# $\lambda \sum |w|$ to the loss, over all weights $w$ of the kernels; L2 adds $\lambda \sum w^2$.
# The strength $\lambda$ is a number that we choose. Everybody says that L1 gives sparse networks.
#
# *Predict first.* The lab's networks were trained with Adam for 100 epochs. How many of 17,400
# weights are exactly 0 with L2, and how many with L1?

# %% tags=["claim-regularization-makes-sparse"]
# NBVAL_CHECK_OUTPUT
import numpy as np

from helpers.labs.trained import trained_network
from helpers.theory.pruning import apply_masks, count_zeros, sparsity, threshold_masks

for name in ("plain", "l2", "l1"):
    kernels = trained_network(name).kernels
    thresholded = apply_masks(kernels, threshold_masks(kernels, 1e-3))
    print(f"{name:>5}: {count_zeros(kernels)} weights are exactly 0; ", end="")
    print(f"{sparsity(thresholded):.0%} after those below 0.001 were set to 0")

# %% [markdown]
# By gradient descent, L1 pushes every weight towards 0 by the same step: the learning rate $\eta$
# times $\lambda$. A weight nearer to 0 than one step jumps over it, and back at the next step. It
# trembles about 0 and never rests there. Adam scales the steps and changes nothing about that. So a
# *threshold* has to follow: set what is below it to 0.
#
# There is a step that stops at 0. Take the gradient step of the loss alone, then *soft
# thresholding*, the proximal step of L1:
#
# $$w \leftarrow \operatorname{sign}(w)\,\max(|w| - \eta\lambda,\ 0)$$
#
# *Predict first.* One layer of 640 weights learns the digits twice, with the same $\lambda$ and the
# same steps: by the gradient of L1, and by soft thresholding. Will the losses differ? Will the
# zeros?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.datasets import load_digits
from helpers.theory.network import softmax_cross_entropy
from helpers.theory.pruning import soft_threshold

digits, rate, strength = load_digits(), 0.5, 3e-3
x, labels = digits.train.images.reshape(-1, 64) / 16, digits.train.labels
for proximal in (False, True):
    w = np.random.default_rng(42).normal(0, 0.1, (64, 10))
    for _ in range(500):
        loss, at_logits = softmax_cross_entropy(x @ w, labels)
        step = x.T @ at_logits if proximal else x.T @ at_logits + strength * np.sign(w)
        w = soft_threshold(w - rate * step, rate * strength) if proximal else w - rate * step
    way = "soft thresholding" if proximal else "gradient of L1"
    print(f"{way:>17}: loss {loss:.2f}, {round(float((w == 0).mean()), 1):.0%} exact zeros")

# %% [markdown]
# Same loss, and one of the two is sparse.
#
# **In Keras** L1 is an argument of the layer,
# `Dense(100, kernel_regularizer=keras.regularizers.L1(1e-4))`. The proximal step is a callback of
# this course, for SGD without momentum.

# %%
import keras

from helpers.datasets import lesson_data
from helpers.models import logits_of
from helpers.profiles import get_profile
from helpers.sparsity import SoftThresholding, kernels_of
from helpers.training.networks import network_for

profile, data = get_profile(), lesson_data(get_profile())
cross_entropy = keras.losses.SparseCategoricalCrossentropy
keras.utils.set_random_seed(0)
model = logits_of(network_for(data, depth=2, width=100, activation="relu", seed=0))
model.compile(keras.optimizers.SGD(0.1), cross_entropy(from_logits=True))
model.fit(*data.train, epochs=profile.lesson_epochs, verbose=0, callbacks=[SoftThresholding(1e-3)])
print(f"{sparsity([k.numpy() for k in kernels_of(model)]):.1%} exact zeros on {data.name}")

# %% [markdown]
# ## Prune while training
#
# **A network forgives what it can train away.** Set many weights to 0 at once, and the rest was
# trained for company that is gone. Zhu and Gupta raise the sparsity while training goes on. At step
# $t$ between the first, $t_0$, and the last, $t_1$, it is
#
# $$s_t = s_f + (s_i - s_f)\left(1 - \frac{t - t_0}{t_1 - t_0}\right)^3$$
#
# with $s_i$ at the beginning and $s_f$ at the end: fast while there is much to spare, slow towards
# the end.
#
# *Predict first.* The way goes from 0 to 90%. How much is pruned after a quarter of the steps?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.pruning import cubic_sparsity

for step in (0, 25, 50, 75, 100):
    print(f"step {step:>3}: {cubic_sparsity(step, final=0.9, begin=0, end=100):.1%}")

# %% [markdown]
# **In Keras** it is a callback. It zeroes the smallest weights of every kernel on that schedule,
# and sets them to 0 again after each step of the optimizer, which would move them:
# `model.fit(..., callbacks=[MagnitudePruning(0.9, begin_step=0, end_step=1000)])`.
#
# The cells below train a network for each seed and prune it in both ways: all at once from the
# trained weights, and while it trains on, from one target to the next.

# %%
from helpers.evaluation import accuracy, predict_probabilities
from helpers.sparsity import MagnitudePruning, pruned_copy

targets, batch_size = (0.5, 0.8, 0.9, 0.95), 128 if profile.name == "full" else 32
epochs = max(2, profile.lesson_epochs // 4)
half = epochs * -(-len(data.train.labels) // batch_size) // 2


def fit(model, epochs, callbacks=()):
    model.fit(*data.train, batch_size, epochs, verbose=0, callbacks=[*callbacks])


def test_accuracy(network):
    return accuracy(predict_probabilities(network, data.test.images), data.test.labels)


# %%
from helpers import figures

dense, at_once, gradual = [], [], []
for seed in range(profile.lesson_seeds):
    keras.utils.set_random_seed(seed)
    network = network_for(data, depth=2, width=100, activation="relu", seed=seed)
    model = logits_of(network)
    model.compile("adam", cross_entropy(from_logits=True))
    fit(model, profile.lesson_epochs)
    dense.append(test_accuracy(network))
    at_once.append([test_accuracy(pruned_copy(network, target)) for target in targets])
    gradual.append([])
    for before, target in zip((0, *targets[:-1]), targets, strict=True):
        fit(model, epochs, [MagnitudePruning(target, 0, half, initial_sparsity=before)])
        gradual[-1].append(test_accuracy(network))

# %%
ways = {"all at once": at_once, "while training": gradual}
figures.accuracy_against_sparsity(targets, ways, dense, data.name)

# %% [markdown]
# Read the bars before the lines: two points whose bars overlap are not told apart. Look for the
# sparsity at which the two ways part, and for what is left of each at the right end. The second way
# also trained for longer, so a gain over the grey line is not the pruning's merit.
#
# ## What zeros save
#
# **A file of zeros is as long as any other.** A `.keras` file stores each weight in four bytes, and
# a 0 takes four too. Zip packs runs of equal bytes. *Compressed sparse rows* (CSR) leave the zeros
# out, and store a column number beside each weight that is left.
#
# *Predict first.* From which sparsity on is CSR smaller than the plain array? And how far does zip
# shrink a trained network without zeros?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.pruning import magnitude_masks, sizes

kernels = trained_network("plain").kernels
for share in (0.0, 0.45, 0.55, 0.9):
    found = sizes(apply_masks(kernels, magnitude_masks(kernels, share)))
    print(f"{share:.0%} zeros: {found.dense:,} bytes as they are, CSR {found.csr:,}, ", end="")
    print(f"zipped to {round(found.zipped / found.dense, 1):.0%}")

# %% [markdown]
# Trained weights look like noise to zip. L1 alone does not change that; compare the lab's networks
# at a share of 0.
#
# What about time? The cell multiplies a batch of 32 by a kernel of 1,000 x 1,000, with and without
# zeros, and weighs the files of two networks on your disk.

# %%
from timeit import repeat

from scipy.sparse import csr_array

from helpers.sparsity import size_on_disk

batch, w = (np.random.default_rng(0).normal(size=(n, 1000)).astype("float32") for n in (32, 1000))
(zeroed,) = apply_masks([w], magnitude_masks([w], 0.9))
rows = csr_array(zeroed.T)
products = {"no zeros": lambda: batch @ w, "90% zeros": lambda: batch @ zeroed}
for title, product in {**products, "90% zeros, CSR": lambda: (rows @ batch.T).T}.items():
    print(f"{title:>14}: {min(repeat(product, number=5, repeat=60)) * 200:.2f} ms")
fresh = network_for(data, depth=2, width=100, activation="relu", seed=0)
for title, chosen in (("no zeros", fresh), (f"{targets[-1]:.0%} zeros", network)):
    print(f"{title:>14}: .keras file {size_on_disk(chosen)}")

# %% [markdown]
# A dense product multiplies by 0 as carefully as by anything else. CSR skips nine products of ten,
# and is little faster for it or not at all: it looks up where each of the others stands. Zeros save
# bytes where something packs them, and time only where skipping is cheap, as on a chip made for it.
#
# ## The Model Optimization Toolkit
#
# **TensorFlow's own tool prunes no Keras 3 model.** It knows `tf_keras`, Keras 2. So
# `prune_with_toolkit` builds the network a second time there, prunes and trains it, strips what the
# toolkit added, and puts the weights back. The toolkit is an optional extra; without it the first
# cell says how to install it.
#
# **Does it prune small weights?** This time the claim is right. The course holds a pruning that the
# toolkit made of the lab's first network, with the weights as they were when it last chose.
#
# *Predict first.* Is every weight that it zeroed smaller than every weight that it kept in that
# layer? And how much accuracy is left at 90% zeros, where the lab's curve has collapsed?

# %%
from helpers.sparsity import prune_with_toolkit

try:
    print(prune_with_toolkit(network, *data.train, target=0.95, epochs=epochs))
except ImportError as error:
    print(error)

# %% tags=["claim-toolkit-prunes-small-weights"]
# NBVAL_CHECK_OUTPUT
from helpers.sparsity import recorded_pruning

pruning, how = recorded_pruning()
for before, kept, after in zip(pruning.before, pruning.chosen, pruning.transferred, strict=True):
    magnitudes = np.abs(before)
    print(f"{before.shape}: {np.sum(after == 0):,} weights are 0; ", end="")
    print(f"all smaller than those kept: {magnitudes[~kept].max() <= magnitudes[kept].min()}")
print(f"largest difference after the weights were put back: {pruning.largest_difference}")
print("test accuracy: " + ", ".join(f"{v:.0%} {k}" for k, v in how["test_accuracy"].items()))

# %% [markdown]
# ## Myths
#
# "**High regularization** yields a sparse model." Only L1 aims at zeros, and under Adam or SGD not
# even L1 arrives; the table under *Small is not zero* counts them. A threshold or the proximal step
# makes the zeros.
#
# "**Dropout** yields a sparse model: it removes some units." It removes others at every step, and
# after training they are all back. The cell counts the zeros of a network trained with dropout of
# rate 0.5, and the weights on a path from an input to an output that is open for at least one of
# 300 test images.
#
# *Predict first.* Which network uses more of its weights, the one with dropout or the one without?

# %% tags=["claim-dropout-makes-sparse"]
# NBVAL_CHECK_OUTPUT
from helpers.labs.trained import held_out_digits, network_document, standardized
from helpers.theory.network import backward, forward

for name in ("plain", "dropout-0.5"):
    parameters = trained_network(name)
    images = standardized(held_out_digits().images, network_document(name)).astype(float)
    signals = forward(images, parameters, "relu")
    back = backward(signals, parameters, "relu", np.ones_like(signals.logits)).pre_activations
    pairs = zip(signals.inputs, back, strict=True)
    used = sum(np.count_nonzero(np.abs(x).T @ np.abs(g)) for x, g in pairs)
    total = sum(kernel.size for kernel in parameters.kernels)
    print(
        f"{name:>11}: {count_zeros(parameters.kernels)} zeros, {used / total:.1%} of weights used"
    )

# %% [markdown]
# What is not used sits at units that never fire for these images. Dropout leaves fewer of them, not
# more. In the lab its curve does not reach farther than that of L1.
#
# ## Quiz
#
# Three ways lead to a sparse model. Do you know them?

# %%
course.quiz("08_sparse_models")

# %% [markdown]
# ## Recap
#
# - Sparsity counts exact zeros. L1 and L2 make small weights, dropout makes neither.
# - Three ways to zeros: train and set the small weights to 0; L1 while training, with a threshold
#   or the proximal step; pruning with the Model Optimization Toolkit, or the callback here.
# - Pruned while it trains, a network keeps its accuracy at a sparsity that breaks it when pruned
#   at once.
# - Zeros shrink a file that is zipped or stored as CSR. A dense product takes as long as before.
#
# **Further reading**
# - Han and others, *Learning both weights and connections*, 2015:
#   [arXiv 1506.02626](https://doi.org/10.48550/arXiv.1506.02626)
# - Zhu and Gupta, *To prune, or not to prune*, 2017:
#   [arXiv 1710.01878](https://doi.org/10.48550/arXiv.1710.01878)
# - Beck and Teboulle, *A fast iterative shrinkage-thresholding algorithm*, 2009:
#   [10.1137/080716542](https://doi.org/10.1137/080716542)
# - Gale and others, *The state of sparsity in deep neural networks*, 2019:
#   [arXiv 1902.09574](https://doi.org/10.48550/arXiv.1902.09574)
