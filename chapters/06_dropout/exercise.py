# %% [markdown]
# # Exercises: dropout and MC dropout
#
# You write dropout, alpha dropout and max-norm, ask a network until its mean is settled, measure
# how far its confidence can be trusted, and decide whether to ask it once or often. The networks
# are trained already. Allow an hour and a half.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# The check says what holds and what does not. In a cell of your own, `hint("6.1")` gives the next
# step to a solution, and `progress()` shows what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("06_dropout", exercise=True)

# %%
import numpy as np

from helpers import figures
from helpers.labs.trained import held_out_digits, network_document, standardized, trained_network
from helpers.theory import dropout as theory
from helpers.theory.dropout import SELU_FLOOR, softmax
from helpers.theory.network import forward

# %% [markdown]
# ## 6.1 Drop, and make up for it (2 points)
#
# `rate` is the probability to be dropped. In training each number of `x` is dropped or kept on its
# own: each unit, and each image. The expected value of every number stays what it was. In inference
# everything stays as it is.
#
# All random numbers come from the generator that is given. `x` itself is not changed: the layer
# before may need it again.


# %% task="6.1" stub="drop some, and scale up the others"
def drop(x, rate, rng, training=True):
    """Return an array of the shape of x, with inverted dropout in training.

    rate: from 0 to below 1. rng: a numpy.random.Generator, the only source of random numbers.
    """
    ### BEGIN SOLUTION
    if not training:
        return x
    stays = rng.random(x.shape) >= rate
    return x * stays / (1 - rate)
    ### END SOLUTION


# %% check="6.1" points=2
check("6.1", drop)

# %% [markdown]
# ## 6.2 Drop to the floor (3 points)
#
# Behind SELU a 0 is nothing special. Alpha dropout sets a dropped unit to `SELU_FLOOR`, and then
# maps everything, dropped or kept, by $a x + b$.
#
# The two constants follow from the rate alone. They are such that inputs of mean 0 and variance 1
# come out with mean 0 and variance 1. Work them out: which mean and which variance does an input
# have after dropping, if a share $q$ is kept and the others are all at the floor $f$?


# %% task="6.2" stub="drop to the floor, then restore the moments"
def alpha_drop(x, rate, rng):
    """Return an array of the shape of x, with alpha dropout as in training.

    rate: from 0 to below 1. rng: a numpy.random.Generator, the only source of random numbers.
    """
    ### BEGIN SOLUTION
    stays = rng.random(x.shape) >= rate
    middle = rate * SELU_FLOOR
    square = (1 - rate) + rate * SELU_FLOOR**2
    return (np.where(stays, x, SELU_FLOOR) - middle) / np.sqrt(square - middle**2)
    ### END SOLUTION


# %% check="6.2" points=3
check("6.2", alpha_drop)

# %% [markdown]
# *Predict first.* Ordinary dropout keeps the mean, whatever it is. Does alpha dropout keep a mean
# of 1?

# %%
rng = np.random.default_rng(42)
for mean, std in ((0, 1), (1, 1), (0, 2)):
    x = rng.normal(mean, std, (1000, 1000))
    plain, alpha = drop(x, 0.3, rng), alpha_drop(x, 0.3, rng)
    print(f"mean {mean}, std {std}: dropout {plain.mean():z.2f} and {plain.std():.2f}", end="; ")
    print(f"alpha dropout {alpha.mean():z.2f} and {alpha.std():.2f}")

# %% [markdown]
# Alpha dropout is made for mean 0 with variance 1, and restores nothing else: a mean of 1 shrinks,
# and the variance of 1 that went with it does not stay.
#
# ## 6.3 A limit for each unit (2 points)
#
# Max-norm shortens the incoming weights of a unit, taken as one vector, to the length `limit` where
# they are longer. All others stay as they are, down to a unit whose weights are all 0.
#
# The units stand along the last axis. A dense kernel has the shape `(inputs, units)`; a convolution
# has `(height, width, channels, units)`, and all the weights of its field are incoming. Return a
# new kernel.


# %% task="6.3" stub="shorten what is longer than the limit"
def limit_lengths(kernel, limit):
    """Return a kernel of the same shape, in which no unit has weights longer than limit."""
    ### BEGIN SOLUTION
    incoming = kernel.reshape(-1, kernel.shape[-1])
    lengths = np.sqrt((incoming**2).sum(axis=0))
    return kernel * np.where(lengths > limit, limit / np.maximum(lengths, limit), 1)
    ### END SOLUTION


# %% check="6.3" points=2
check("6.3", limit_lengths)

# %% [markdown]
# ## 6.4 How often to ask (3 points)
#
# `predict(x)` is one pass of a network with dropout on: probabilities of shape `(n, classes)`,
# others at each call. The prediction of MC dropout is the mean over passes, and how far it may be
# off by chance is $s / \sqrt T$ after $T$ passes. Here $s$ is the spread of one probability: its
# standard deviation over the passes. They are a sample of all passes there could be, so it divides
# by the number of passes less 1.
#
# Ask `pilot` times first. From the spread of these, work out the smallest $T$ at which
# $s / \sqrt T$ is at most `within` for every probability of every image. Then ask as often as is
# still missing, if any is, and use all passes for what you return.


# %% task="6.4" stub="ask, work out how often, and ask the rest"
def mc_prediction(predict, x, within, pilot=10):
    """Return (mean, spread, number of passes); mean and spread have shape (n, classes)."""
    ### BEGIN SOLUTION
    answers = [predict(x) for _ in range(pilot)]
    widest = np.std(answers, axis=0, ddof=1).max()
    needed = int(np.ceil((widest / within) ** 2))
    answers.extend(predict(x) for _ in range(needed - pilot))
    return np.mean(answers, axis=0), np.std(answers, axis=0, ddof=1), len(answers)
    ### END SOLUTION


# %% check="6.4" points=3
check("6.4", mc_prediction)

# %% [markdown]
# *Predict first.* A network was trained on handwritten digits with a rate of 0.5. How many passes
# does it take until every probability is within 0.1, and how many for 0.05?

# %% tags=["measure"]
digits, network = held_out_digits(), trained_network("dropout-0.5")
document, rng = network_document("dropout-0.5"), np.random.default_rng(42)


def one_pass(x):
    return theory.mc_predict(network, x, rate=0.5, passes=1, rng=rng)[0]


for within in (0.1, 0.05):
    mean, spread, passes = mc_prediction(one_pass, standardized(digits.images, document), within)
    print(f"within {within}: {passes} passes, widest spread {spread.max():.2f}", end=", ")
    print(f"median {np.median(spread):.4f}")

# %% [markdown]
# Half the error takes four times the passes. Most probabilities need none of that: they hardly
# differ from pass to pass, and the most disputed image sets the number for all.
#
# ## 6.5 As often right as it says (3 points)
#
# The confidence of a prediction is its largest probability; it is right if the class it belongs to
# is the label. Sort the images by confidence into bins of equal width, from 0 to 1. A bin holds its
# lower edge, and the last also holds 1.
#
# Return an array with a row for each bin that holds an image, the lowest first: the mean confidence
# of its images, the share of them that is right, and how many they are. Return also the expected
# calibration error: the mean over all images of the distance between the first two numbers of
# their bin.


# %% task="6.5" stub="return a row for each bin, and the error"
def calibration(probabilities, labels, bins=10):
    """Return (rows, error): an array of shape (filled bins, 3), and a number.

    probabilities: (n, classes), each row adds up to 1. labels: whole numbers, (n,).
    """
    ### BEGIN SOLUTION
    surest = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == labels
    place = np.clip(np.floor(surest * bins), 0, bins - 1)
    groups = [place == number for number in np.unique(place)]
    rows = np.array([[surest[one].mean(), hit[one].mean(), one.sum()] for one in groups])
    return rows, np.average(abs(rows[:, 0] - rows[:, 1]), weights=rows[:, 2])
    ### END SOLUTION


# %% check="6.5" points=3
check("6.5", calibration)

# %% [markdown]
# Two networks that are made up: one is right exactly as often as it says, the other has twice the
# logits. Their classes are the same for every image.
#
# *Predict first.* On which side of the dashed line will the second one lie? `expected("6.5")` shows
# how the picture should look.

# %%
rng = np.random.default_rng(42)
logits = rng.normal(0, 1.5, (3000, 10))
honest, bold = softmax(logits), softmax(2 * logits)
labels = (honest.cumsum(axis=1) > rng.random((3000, 1))).argmax(axis=1)
panels, errors = [], []
for probabilities in (honest, bold):
    rows, error = calibration(probabilities, labels)
    panels.append(
        [dict(zip(("confidence", "accuracy", "count"), row, strict=True)) for row in rows]
    )
    errors.append(error)
names = ["as it is", "twice the logits"]
figures.reliability_diagram(panels, errors, "made-up predictions", names)

# %% [markdown]
# ## 6.6 Decide (2 points)
#
# The mean over passes is less confident than one prediction with dropout off. Whether that brings
# it closer to the truth has to be measured, and a measurement has its own spread.
#
# You get two lists of expected calibration errors, of dropout off and of the mean over passes, one
# each for each seed. A seed gives both the same noise on the images, so the two of a seed belong
# together. Take the difference within each seed. Its mean over the seeds has a standard error:
# the standard deviation of the differences, dividing by their number less 1, over the root of their
# number.
#
# Where the mean difference is less than two standard errors from 0, return `"undecided"`. Else
# return which has the smaller error, `"off"` or `"mean"`.


# %% task="6.6" stub="return which is better, or that it is open"
def better_calibrated(off, mean):
    """Return "off", "mean" or "undecided".

    off, mean: lists of errors, one for each seed, of the same length (two or more).
    """
    ### BEGIN SOLUTION
    gains = np.subtract(off, mean)
    chance = gains.std(ddof=1) / len(gains) ** 0.5
    if abs(gains.mean()) < 2 * chance:
        return "undecided"
    return "mean" if gains.mean() > 0 else "off"
    ### END SOLUTION


# %% check="6.6" points=2
check("6.6", better_calibrated)

# %% [markdown]
# Now let it decide about the network from above. The more noise there is on the images, the further
# they are from those that it was trained on.
#
# *Predict first.* For which images will the mean over passes be the better one?


# %% tags=["measure"]
def both_errors(noise, seed):
    noisy = digits.images + noise * np.random.default_rng(seed).normal(size=digits.images.shape)
    x = standardized(np.clip(noisy, 0, 16), document)
    once = softmax(forward(x, network, "relu").logits)
    often, _, _ = mc_prediction(one_pass, x, within=0.08)
    return [calibration(probabilities, digits.labels)[1] for probabilities in (once, often)]


for noise in (0, 4, 6):
    off, mean = np.transpose([both_errors(noise, seed) for seed in range(6)])
    print(f"noise {noise}: off {off.mean():.3f}, mean {mean.mean():.3f}", end=": ")
    print(better_calibrated(off, mean))

# %% [markdown]
# On clean images the network claims little more than it knows, and averaging makes it too modest.
# On images unlike any it has seen it claims far too much, and averaging helps. In between, these
# seeds do not tell. Which case is yours, only labelled images of your own can say.
