# %% [markdown]
# # Dropout and MC dropout
#
# Throw away half of what a layer computes, another half at every step, and the network you get at
# the end often generalizes better than the one that kept everything. Leave the dice on after
# training, and the same network tells you when it is guessing.
#
# **You will be able to**
# - say what inverted scaling, alpha dropout and max-norm each keep constant
# - tell what dropout costs in training and in inference, from your own measurements
# - get a spread out of a trained network with MC dropout, and read it
# - tell from a reliability diagram whether averaging passes will help or harm
# - name three things that dropout does not do

# %%
from helpers import course

course.start("06_dropout")

# %% [markdown]
# ## Half is gone, and the mean stays
#
# **Dropout changes no expected value.** With rate $p$, each activation $x$ becomes 0 with
# probability $p$. The others are divided by $1 - p$, so that what is kept makes up for what is
# lost:
#
# $$\tilde{x} = \frac{m}{1 - p}\, x, \qquad \Pr(m = 1) = 1 - p, \qquad
# \mathbb{E}[\tilde{x}] = \frac{1 - p}{1 - p}\, x = x$$
#
# This is *inverted* scaling. The paper of 2014 left the kept activations alone in training, and had
# to multiply every weight by $1 - p$ afterwards. Its section 10 names the other way, which Keras
# takes: nothing is left to do at inference.
#
# *Predict first.* Every input is 3, and the rate is 0.8. What is a kept one worth?

# %%
# NBVAL_CHECK_OUTPUT
import numpy as np

from helpers.theory.dropout import dropout

rng = np.random.default_rng(42)
for rate in (0.2, 0.5, 0.8):
    out = dropout(np.full(100_000, 3.0), rate, rng)
    kept = out > 0
    unscaled = (3 * kept).mean()
    print(f"rate {rate}: a kept 3 counts {out.max():.2f}, mean {out.mean():.1f}, ", end="")
    print(f"without scaling {unscaled:.1f}; standard deviation {out.std():.1f}")

# %% [markdown]
# The mean stays, the standard deviation grows from 0: by $x\sqrt{p / (1 - p)}$. That noise is the
# point. No unit can rely on one other unit being there.
#
# **In Keras** it is a layer of its own, `Dropout(0.5)`, after the activation. It acts only when
# `training=True`; `fit` says so, and `predict` does not.

# %%
# NBVAL_CHECK_OUTPUT
import keras

layer, inputs = keras.layers.Dropout(0.5, seed=42), np.full((1, 1000), 3.0, np.float32)
in_training = np.asarray(layer(inputs, training=True))
at_inference = np.asarray(layer(inputs, training=False))
print("in training, the values are", *np.unique(in_training))
print("at inference, the values are", *np.unique(at_inference))

# %% [markdown]
# ## Alpha dropout, for SELU
#
# **Dropout keeps the mean and ruins the rest.** A SELU network holds mean 0 and standard deviation
# 1 from layer to layer by itself. Zeros are not what such a layer expects, and the scaling widens
# what is kept. Alpha dropout sets dropped units to SELU's floor, $-1.758$, instead, and then maps
# everything by $a x + b$ so that mean and variance are what they were.
#
# *Predict first.* Twenty SELU layers, half of each dropped. Ordinary dropout keeps every expected
# value. What becomes of the standard deviation?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.theory.activations import value
from helpers.theory.dropout import alpha_dropout
from helpers.theory.initializers import sample

for kind in (None, dropout, alpha_dropout):
    rng = np.random.default_rng(42)
    signal = rng.normal(size=(500, 300))
    for _ in range(20):
        signal = value("selu", signal @ sample("lecun_normal", (300, 300), rng))
        signal = kind(signal, 0.5, rng) if kind else signal
    name = kind.__name__ if kind else "nothing dropped"
    print(f"{name:>15}: standard deviation {signal.std():.0f} after 20 layers")

# %% [markdown]
# **In Keras** the layer is `AlphaDropout(0.1)`. It goes with SELU and LeCun's weights and with
# nothing else. Chapter 04 shows what SELU needs besides.
#
# ## Max-norm
#
# **A limit that no unit reaches changes nothing.** Dropout was published with a companion: after
# every step, the incoming weights $w$ of a unit are shortened to $\lVert w \rVert = c$ if they are
# longer. L2, a penalty on the squares of all weights, pulls at each of them all the time. Max-norm
# leaves a unit alone until it oversteps.
#
# *Predict first.* Train with dropout, once without a limit, once with a limit of 10, once with 1.
# Which two networks are equal?

# %%
# NBVAL_CHECK_OUTPUT
from helpers.labs.digit_inputs import digit_inputs
from helpers.theory.dropout import train_epochs

digits, weights = digit_inputs(), {}
settings = {"epochs": 3, "seed": 42, "learning_rate": 0.3}
for limit in (None, 10, 1):
    *_, network = train_epochs(digits.x, digits.labels, 0.5, limit=limit, **settings)
    weights[limit] = np.concatenate([kernel.ravel() for kernel in network.kernels])
    longest = max(np.linalg.norm(kernel, axis=0).max() for kernel in network.kernels)
    same = np.array_equal(weights[limit], weights[None])
    print(f"limit {limit}: longest {longest:.1f}, same weights as without: {same}")

# %% [markdown]
# **In Keras** it belongs to the layer whose weights it limits:
# `Dense(100, kernel_constraint=keras.constraints.MaxNorm(3.0))`. Its `axis=0` is right for `Dense`.
#
# ## What it costs in training
#
# **Dropout slows training: more steps, not longer ones.** Each step trains another thinned network,
# so the gradients are noisier, and none of them is the gradient of the network you will use.
#
# *Predict first.* How many times as many epochs does a rate of 0.5 need to reach the same training
# loss, measured with dropout off?

# %%
from helpers import figures
from helpers.theory.network import forward, softmax_cross_entropy


def losses(rate, seed):
    networks = train_epochs(digits.x, digits.labels, rate, epochs=12, seed=seed)
    outputs = (forward(digits.x, network, "relu").logits for network in networks)
    return [softmax_cross_entropy(logits, digits.labels)[0] for logits in outputs]


curves = {rate: np.array([losses(rate, seed) for seed in range(3)]) for rate in (0.0, 0.5)}
labelled = {f"dropout {rate}": curve for rate, curve in curves.items()}
figures.seed_curves(labelled, "training loss (nats), dropout off", digits.name)

# %% tags=["claim-dropout-slows-training"]
# NBVAL_CHECK_OUTPUT
epochs = {rate: (curve < 0.1).argmax(axis=1) + 1 for rate, curve in curves.items()}
print("epochs to a loss of 0.1, by seed:", *epochs[0.0], "without and", *epochs[0.5], "with")
print("more than 1.5 times as many for every seed:", bool((epochs[0.5] > 1.5 * epochs[0.0]).all()))

# %% [markdown]
# That was NumPy, to see the effect alone. Now Keras, with validation images, and with as many seeds
# as the profile has.
#
# *Predict first.* Will a rate of 0.2 raise the validation accuracy by more than the seeds differ?

# %%
from helpers.datasets.digits import lesson_data
from helpers.models import logits_of
from helpers.profiles import get_profile
from helpers.training.networks import network_for

profile = get_profile()
data = lesson_data(profile)


def network_with(rate, seed=0):
    drop = {"dropout": "dropout", "dropout_rate": rate, "dropout_place": "hidden"}
    return network_for(data, depth=2, width=100, activation="relu", seed=seed, **drop)


# %%
networks, models, trained = {}, {}, {}
batch_size = 64 if len(data.train.labels) < 10_000 else 256
for rate in (0.0, 0.2):
    networks[rate], trained[rate], scores = network_with(rate), [], []
    models[rate] = model = logits_of(networks[rate])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    for seed in range(profile.lesson_seeds):
        networks[rate].set_weights(network_with(rate, seed).get_weights())
        keras.utils.set_random_seed(seed)
        model.fit(*data.train, batch_size, profile.lesson_epochs, verbose=0)
        scores.append(model.evaluate(*data.validation, verbose=0)[1])
        trained[rate].append(networks[rate].get_weights())
    print(f"dropout {rate}: {np.mean(scores):.4f} ± {np.std(scores):.4f} on {data.name}")

# %% [markdown]
# Compare the two means by their spread before you credit the layer. On a network that has not
# overfitted, or was not trained for long, there is little for dropout to cure.
#
# ## MC dropout
#
# **A single softmax hides what the network does not know.** Leave dropout on and ask again: another
# thinned network answers. Gal and Ghahramani read such passes as a sample from what the trained
# network holds possible. The prediction is their mean, $\hat{y} = \frac{1}{T} \sum_{t=1}^{T} y_t$
# over $T$ passes, and their spread is a measure of doubt.
#
# The lab has four stored networks, one for each rate, trained on digits. The noise makes the images
# worse than any that they were trained on.
#
# *Predict first.* On this noisy 2 the network says 8, and is all but certain. Will every pass
# agree?

# %%
from helpers.labs import MCDropout

MCDropout()

# %% [markdown]
# In the middle, each dot is one pass. Where the dots of a digit lie spread out, the passes
# disagree. On the right, all test images are grouped by how confident the network is: on the dashed
# line it is right as often as it says. The text gives the disagreement as mutual information, in
# nats: 0 where all passes say the same, up to the logarithm of the number of classes.
#
# Set `noise` to 0 and `rate` to 0.5, then to 0.8. The orange line crosses to the other side: the
# mean over passes now says less than it knows. Set `rate` to 0, and all passes are one.
#
# **Averaging lowers confidence, whatever it was before.** The mean of the passes is never more
# confident than a pass is on average. For a network that claims too much, that is a cure. For one
# that does not, it is a new error. The expected calibration error is the mean distance from the
# dashed line.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.evaluation import expected_calibration_error
from helpers.labs.mc_dropout import predictions
from helpers.labs.trained import held_out_digits

labels = held_out_digits().labels
for rate, noise in ((0.2, 4.0), (0.5, 0.0)):
    errors = []
    for seed in range(5):
        _, off, passes = predictions(rate, 30, noise, seed)
        both = (off, passes.mean(axis=0))
        errors.append([expected_calibration_error(p, labels, n_bins=10) for p in both])
    better = sum(mean < off for off, mean in errors)
    off, mean = np.mean(errors, axis=0)
    print(f"rate {rate}, noise {noise:.0f}: off {off:.2f}, mean {mean:.2f}, {better} of 5 better")

# %% [markdown]
# **In Keras** ten passes are
# `np.mean([model(images, training=True) for _ in range(10)], axis=0)`, as long as dropout is the
# only layer that behaves differently in training. Batch norm does too; the helper below switches on
# dropout layers alone, and needs no second training. Before and after, on images that the networks
# of this notebook have not seen:

# %%
from helpers.evaluation import mc_dropout, predict_probabilities, reliability

images, labels = data.validation
network, errors = networks[0.2], []
for weights in trained[0.2]:
    network.set_weights(weights)
    off = predict_probabilities(network, images)
    mean = mc_dropout(network, images, passes=profile.mc_passes).mean(axis=0)
    errors.append([expected_calibration_error(p, labels, n_bins=10) for p in (off, mean)])
for name, column in zip(("dropout off", "mean over passes"), np.transpose(errors), strict=True):
    print(f"{name}: expected calibration error {column.mean():.3f} ± {column.std():.3f} over seeds")
bins = [reliability(p, labels, n_bins=10) for p in (off, mean)]
titles = ["dropout off", f"mean of {profile.mc_passes} passes"]
figures.reliability_diagram(bins, errors[-1], data.name, titles)

# %% [markdown]
# The diagram shows the last seed. Did the mean over passes come nearer to the dashed line, or go
# past it? The bars say how many images a point stands for: one that stands for two or three says
# little.
#
# ## Myths
#
# **Myth.** "Dropout speeds up inference." Half of the units are gone, so half of the work should
# be. But at inference nothing is gone. The cell takes the dropout layers out of a trained network
# and compares.

# %% tags=["claim-dropout-speeds-up-inference"]
# NBVAL_CHECK_OUTPUT
others = [layer for layer in network.layers if not isinstance(layer, keras.layers.Dropout)]
without = keras.Sequential(others)
off, bare = (predict_probabilities(model, images) for model in (network, without))
print("dropout layers taken out:", len(network.layers) - len(others))
print("same number of weights:", network.count_params() == without.count_params())
print("outputs identical to the last bit:", np.array_equal(off, bare))

# %% tags=["measured-dropout-cost"]
from timeit import timeit

from helpers.training.costs import regularizer_costs

many = np.repeat(images[:100], 5, axis=0)
ratios = {f"a step with {name}": found for name, found in regularizer_costs().items()}
pairs = {
    "inference with dropout": [lambda m=m: m.predict_on_batch(many) for m in (without, network)],
    "10 passes instead of 1": [lambda n=n: mc_dropout(network, many, n) for n in (1, 10)],
}
for name, (one, other) in pairs.items():
    ratios[name] = [timeit(other, number=1) / timeit(one, number=1) for _ in range(50)]
for name, found in ratios.items():
    low, middle, high = np.percentile(found, (10, 50, 90))
    print(f"{name:>25}: {middle:4.2f} times as long ({low:.2f} to {high:.2f} in 8 of 10 tries)")

# %% [markdown]
# A step takes about as long with any of the three: drawing a mask or measuring the length of a
# unit's weights is cheap beside the rest. At inference dropout passes everything on, and max-norm
# limited the weights long before, so a ratio on either side of 1 is the scatter of the clock.
# Passes cost what you ask for, except that the helper runs what comes before the first dropout
# layer only once.
#
# **Myth.** "MC dropout slows training; it is a boosted model, made iteratively." Training is
# ordinary dropout, and was over before anybody spoke of passes. Boosting fits each member to what
# the members before it got wrong, so its members have an order. Passes have none.
#
# **Myth.** "Dropout yields a sparse model." A unit that is missing in one step is back in the next,
# and its weights are as far from 0 as any. The last line counts them. Chapter 08 shows what does
# make zeros.

# %% tags=["claim-mc-dropout-is-boosting"]
# NBVAL_CHECK_OUTPUT
from helpers.labs.trained import network_document, standardized, trained_network
from helpers.theory.dropout import mc_predict

stored = trained_network("dropout-0.2")
x = standardized(held_out_digits().images, network_document("dropout-0.2"))
before = [array.tobytes() for part in stored for array in part]
forwards, backwards = (
    {n: mc_predict(stored, x, 0.2, 1, np.random.default_rng([42, n]))[0] for n in order}
    for order in (range(10), reversed(range(10)))
)
alike = [np.array_equal(forwards[n], backwards[n]) for n in range(10)]
print("each pass the same, asked in one order or the other:", all(alike))
print("weights as before:", before == [array.tobytes() for part in stored for array in part])
print("weights that are 0:", sum((kernel == 0).sum() for kernel in stored.kernels))

# %% [markdown]
# ## Quiz
#
# Each answer, right or wrong, says why.

# %%
course.quiz("06_dropout")

# %% [markdown]
# ## Recap
#
# - Dropout zeroes at random and scales up what is left: the expected value stays, the variance
#   grows. Alpha dropout keeps both, for SELU alone.
# - It costs epochs, not time per step, and nothing at inference, where it is off.
# - MC dropout leaves it on: no training, as many forward passes as you ask for, and a spread that
#   tells doubt from certainty.
# - Averaging passes lowers confidence. Look at the reliability diagram first.
# - It makes no weight zero, and it is no boosting.
#
# **Further reading**
# - Srivastava and others, *Dropout: a simple way to prevent neural networks from overfitting*,
#   2014: [10.5555/2627435.2670313](https://doi.org/10.5555/2627435.2670313)
# - Gal and Ghahramani, *Dropout as a Bayesian approximation*, 2016:
#   [arXiv 1506.02142](https://doi.org/10.48550/arXiv.1506.02142)
# - Klambauer and others, *Self-normalizing neural networks*, 2017:
#   [arXiv 1706.02515](https://doi.org/10.48550/arXiv.1706.02515)
# - Guo and others, *On calibration of modern neural networks*, 2017:
#   [arXiv 1706.04599](https://doi.org/10.48550/arXiv.1706.04599)
# - Houlsby and others, *Bayesian active learning for classification and preference learning*, 2011:
#   [arXiv 1112.5745](https://doi.org/10.48550/arXiv.1112.5745)
