# %% [markdown]
# # Exercises: sparse models
#
# You make zeros in two ways, keep them through a training, weigh them, and decide how many a
# network can bear. One cell trains small networks on digits. Allow an hour and a half.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# In a cell of your own, `hint("8.1")` gives the next step to a solution, and `progress()` shows
# what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("08_sparse_models", exercise=True)

# %%
import numpy as np

from helpers import figures
from helpers.datasets import load_digits
from helpers.profiles import get_profile
from helpers.theory.network import softmax_cross_entropy
from helpers.theory.pruning import magnitude_masks

# %% [markdown]
# ## 8.1 A step that stops at 0 (2 points)
#
# The gradient of an L1 penalty moves every weight towards 0 by the same amount, and past it. The
# proximal step moves it by that amount and stops at 0. A weight nearer to 0 than the amount ends
# at exactly 0; every other one ends nearer to 0 than it was, on its own side.


# %% task="8.1" stub="return the weights, moved towards 0"
def shrink(weights, amount):
    """Return the weights moved towards 0 by amount, and 0 where that would pass it.

    weights: an array of any shape. amount: 0 or above.
    """
    ### BEGIN SOLUTION
    remaining = (abs(weights) - amount).clip(min=0)
    return remaining * np.sign(weights)
    ### END SOLUTION


# %% check="8.1" points=2
check("8.1", shrink)

# %% [markdown]
# Use it. One layer of 640 weights learns the digits by gradient steps of the loss alone, each
# followed by yours.
#
# *Predict first.* Between the weakest and the strongest penalty below lies a factor of 100. What
# happens to the zeros, and what to the loss?

# %%
digits = load_digits()
x, labels = digits.train.images.reshape(-1, 64) / 16, digits.train.labels
for penalty in (1e-4, 1e-3, 1e-2):
    w = np.random.default_rng(42).normal(0, 0.1, (64, 10))
    for _ in range(300):
        loss, by_logits = softmax_cross_entropy(x @ w, labels)
        w = shrink(w - 0.5 * (x.T @ by_logits), 0.5 * penalty)
    print(f"penalty {penalty:g}: loss {loss:.2f}, {np.mean(w == 0):.0%} of the weights are 0")

# %% [markdown]
# ## 8.2 Which weights go (3 points)
#
# Magnitude pruning drops the weights nearest to 0. Say which of them stay: a boolean array for each
# kernel, `True` where the weight is kept.
#
# Either every kernel loses the same share of its own weights, or all compete, and a kernel with
# many small weights loses more of them. The number that goes is exact: the share times the number
# of weights, rounded, also where many weights are equally large, or are 0 already.


# %% task="8.2" stub="return a boolean array for each kernel"
def keep_largest(kernels, share, together=False):
    """Return a list of boolean arrays, of the shapes of the kernels: True where a weight is kept.

    kernels: a list of arrays. share: of the weights that go, from 0 to 1. together: whether the
    weights of all kernels compete; otherwise each kernel loses that share of its own.
    """
    ### BEGIN SOLUTION
    flat = [abs(kernel).ravel() for kernel in kernels]
    pools = [np.concatenate(flat)] if together else flat
    stays = []
    for pool in pools:
        order = pool.argsort()
        chosen = np.full(pool.shape, True)
        chosen[order[: round(share * len(order))]] = False
        stays.append(chosen)
    ends = np.cumsum([len(each) for each in flat])
    pieces = np.split(np.concatenate(stays), ends[:-1])
    return [piece.reshape(like.shape) for piece, like in zip(pieces, kernels, strict=True)]
    ### END SOLUTION


# %% check="8.2" points=3
check("8.2", keep_largest)

# %% [markdown]
# ## 8.3 Zeros that stay (4 points)
#
# A network forgives pruning better while it trains on. So the share of zeros rises on the
# schedule of Zhu and Gupta: at step $t$ it is
#
# $$s_t = s_f - s_f \left(1 - \frac{t - t_0}{t_1 - t_0}\right)^3$$
#
# between the first step $t_0$ and the last $t_1$, 0 before, and $s_f$ after.
#
# After each step of training, the optimizer hands you the kernels as it left them. It knows nothing
# of your zeros and has moved them. Set those to 0 again. At $t_0$, then every so many steps, and
# for the last time at $t_1$, choose anew: more of the weights, and never fewer. Choose with
# `magnitude_masks(kernels, share)`, which is 8.2, or with yours.


# %% task="8.3" stub="return the kernels with the chosen weights at 0"
class Pruning:
    """Zeros that grow in number while a network trains.

    final: the share at the end. begin, end: the steps t0 and t1. every: steps between two choices.
    """

    def __init__(self, final, begin, end, every):
        self.final, self.begin, self.end, self.every = final, begin, end, every
        self.masks = None

    def share_at(self, step):
        """Return the share of zeros at a step."""
        ### BEGIN SOLUTION
        passed = min(max((step - self.begin) / (self.end - self.begin), 0), 1)
        return self.final * (1 - (1 - passed) ** 3)
        ### END SOLUTION

    def after_step(self, step, kernels):
        """Return the kernels as they have to be after this step: a list of arrays."""
        ### BEGIN SOLUTION
        kernels = self._zeroed(kernels)
        regular = (step - self.begin) % self.every == 0
        if self.begin <= step <= self.end and (regular or step == self.end):
            self.masks = magnitude_masks(kernels, self.share_at(step))
        return self._zeroed(kernels)

    def _zeroed(self, kernels):
        if self.masks is None:
            return kernels
        return [kernel * kept for kernel, kept in zip(kernels, self.masks, strict=True)]
        ### END SOLUTION


# %% check="8.3" points=4
check("8.3", Pruning)

# %% [markdown]
# Now let it prune. The cell trains a network for each seed and notes its test accuracy. Then it
# prunes every network in two ways: all at once, and with your class while it trains on.
#
# *Predict first.* At which share of zeros do the two ways part?

# %% tags=["measure"]
import keras

from helpers.evaluation import accuracy, predict_probabilities
from helpers.models import logits_of
from helpers.sparsity import kernels_of, pruned_copy
from helpers.training.networks import network_for

profile, targets = get_profile(), (0.5, 0.8, 0.9, 0.95)
epochs = max(2, profile.lesson_epochs // 4)
half = epochs * -(-len(digits.train.labels) // 32) // 2


def test_accuracy(network):
    return accuracy(predict_probabilities(network, digits.test.images), digits.test.labels)


# %% tags=["measure"]
def prune_while_training(model, target):
    start = int(model.optimizer.iterations)
    pruning = Pruning(target, start, start + half, every=10)

    def apply(batch, logs):
        kernels, step = kernels_of(model), int(model.optimizer.iterations)
        values = pruning.after_step(step, [kernel.numpy() for kernel in kernels])
        for kernel, value in zip(kernels, values, strict=True):
            kernel.assign(value)

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=apply)
    model.fit(*digits.train, 32, epochs, verbose=0, callbacks=[callback])


# %% tags=["measure"]
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
dense, ways = [], {"all at once": [], "while training": []}
for seed in range(profile.lesson_seeds):
    network = network_for(digits, depth=2, width=100, activation="relu", seed=seed)
    model = logits_of(network)
    model.compile("adam", loss)
    model.fit(*digits.train, 32, profile.lesson_epochs, verbose=0)
    dense.append(test_accuracy(network))
    ways["all at once"].append([test_accuracy(pruned_copy(network, t)) for t in targets])
    ways["while training"].append([])
    for target in targets:
        prune_while_training(model, target)
        ways["while training"][-1].append(test_accuracy(network))

# %% tags=["measure"]
figures.accuracy_against_sparsity(targets, ways, dense, digits.name)

# %% [markdown]
# ## 8.4 What they weigh (2 points)
#
# A zero takes four bytes of float32, like any number, as long as the array is written out. As
# compressed sparse rows a kernel is stored in three lists: the numbers that are not 0, the column
# of each of them, and for each row the place in the list where it begins, with one more that says
# where the last one ends. Every column and every place takes four bytes too.


# %% task="8.4" stub="return the number of bytes of the three lists"
def bytes_as_rows(kernel):
    """Return the bytes of a float32 kernel of shape (rows, columns) as compressed sparse rows."""
    ### BEGIN SOLUTION
    numbers_kept = (kernel != 0).sum()
    return 4 * int(numbers_kept + numbers_kept + kernel.shape[0] + 1)
    ### END SOLUTION


# %% check="8.4" points=2
check("8.4", bytes_as_rows)

# %% [markdown]
# *Predict first.* From which share of zeros on is it worth it? Does that depend on the shape?

# %%
for shape in ((64, 100), (100, 100), (1000, 4)):
    kernel = np.random.default_rng(42).normal(size=shape)
    for share in np.arange(0, 1, 0.05):
        (kept,) = keep_largest([kernel], share)
        if bytes_as_rows(kernel * kept) < 4 * kernel.size:
            print(f"{shape}: smaller from {share:.0%} zeros on")
            break

# %% [markdown]
# ## 8.5 Decide (3 points)
#
# How many zeros can a network bear? You have the accuracies of several networks, one a seed, before
# and after pruning, and a bound on what may be lost on average.
#
# What one seed loses is its accuracy before less its accuracy after. The mean of these losses is
# itself uncertain: by its standard error, which is the standard deviation over the seeds, computed
# with $n - 1$, divided by $\sqrt n$. To be careful, the mean *plus* one standard error has to lie
# within the bound.
#
# Take the largest share of zeros for which that is so, and for every smaller one as well: a share
# that looks good behind one that failed is luck.


# %% task="8.5" stub="return the largest share that is safe"
def most_zeros(shares, before, after, most_lost):
    """Return the largest share of zeros that costs at most most_lost; 0 where none does.

    shares: rising, of shape (m,). before: accuracies of shape (seeds,), two seeds or more. after:
    of shape (seeds, m).
    """
    ### BEGIN SOLUTION
    losses = np.reshape(before, (-1, 1)) - np.asarray(after)
    careful = losses.mean(axis=0) + losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
    failed = np.flatnonzero(careful > most_lost)
    safe = len(shares) if not len(failed) else failed[0]
    return shares[safe - 1] if safe else 0
    ### END SOLUTION


# %% check="8.5" points=3
check("8.5", most_zeros)

# %% [markdown]
# Decide for the networks that you trained. One point of a hundred may be lost.

# %% tags=["measure"]
for way, accuracies in ways.items():
    bearable = most_zeros(targets, dense, accuracies, 0.01)
    print(f"pruned {way}, {digits.name}, {len(dense)} seeds: {bearable:.0%} zeros")

# %% [markdown]
# With few seeds the standard error is large, and the answer careful. More seeds would make it
# bolder, or show that it was right.
