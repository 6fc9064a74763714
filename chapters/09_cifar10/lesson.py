# %% [markdown]
# # CIFAR-10, compared fairly
#
# The best known solution of this exercise finds batch norm far ahead of the rest. In the same table
# one network saw pixels from 0 to 255 and another saw standardized ones, each was trained once, and
# none met a test set. The gain may be real. That table cannot tell.
#
# **You will be able to**
# - build and train a network of 20 hidden layers on real images
# - name what makes a comparison unfair, and run one that is not
# - read learning curves: too little training, too much, a rate too high
# - get probabilities out of a network, and say how far to trust them
# - search settings with scikit-learn's own tools
#
# Every run is kept as it ends, so an interrupt loses at most the one it interrupts.

# %%
from helpers import course

course.start("09_cifar10")

# %% [markdown]
# ## The images
#
# **One training image in ten never trains.** Those are the validation images: rates, epochs
# and recipes are chosen on them. Which ones they are follows from the pixels alone, so every copy
# of the data gives the same split, and two copies of one photograph land on the same side.

# %%
from IPython.display import Markdown, display

from helpers import figures
from helpers.datasets import load_cifar10, take
from helpers.profiles import get_profile

profile = get_profile()
data = take(load_cifar10(), profile)
display(data)
figures.image_grid(*data.validation, data.class_names, data.name)

# %% [markdown]
# ## The network
#
# **The first layer holds most of it.** The exercise asks for 20 hidden layers of 100 ELU units with
# He initialization. The notes passed that 100 through an argument called `n_classes`; here it is
# the `width`.
#
# *Predict first.* Of all weights and biases, which share sits in the first of the 21 layers?

# %% tags=["claim-cifar10-network"]
# NBVAL_CHECK_OUTPUT
from helpers.models import deep_mlp

network = deep_mlp(width=100, activation="elu", initializer="he_normal")
first = next(layer for layer in network.layers if layer.weights)
share = first.count_params() / network.count_params()
print(f"{network.count_params():,} parameters, {share:.0%} of them in the first layer")

# %% [markdown]
# The images go in as whole numbers from 0 to 255, one byte each. The network's own first step
# standardizes them per channel: subtract the mean of the training pixels, divide by their standard
# deviation. So the scaling is saved with the network, and no float copy of 45,000 images is made.
#
# **In Keras** one hidden layer is
# `Dense(100, activation="elu", kernel_initializer="he_normal")`, and the scaling is
# `Normalization(mean=..., variance=...)` before the first of them.
#
# ## What made the published table unfair
#
# Two editions of one book solved this exercise, and their notebooks still hold the outputs; they
# stand beside ours at the end. Four things differ between its rows besides the one that the row is
# about:
#
# 1. **Pixels.** The first two rows got raw pixels, the others standardized ones.
# 2. **Rates.** Each was searched, in ranges and by rules that the notebooks do not keep.
# 3. **Luck.** One seed a row, and the two editions disagree by more than most rows differ.
# 4. **Choice.** The validation accuracy is the best of many epochs, so it flatters. Nothing was
#    measured on images that no choice had seen.
#
# ## One rate each, from the same search
#
# **A rate that is best for one network stalls the next.** A range test gives a first idea: raise
# the rate at every step and watch where the loss falls, and where it breaks out.
#
# The range test is quick and blunt. For the comparison every variant got the same search: six rates
# half a decade apart, a few epochs each, and the highest validation accuracy wins. Its results are
# kept in `recorded/`, and the second figure shows them; `search_rate("elu", data)` runs it here.
#
# *Predict first.* The ELU network trains with Nadam. At which power of ten does its loss explode?

# %%
from helpers.training.rates import learning_rate_range, steepest_rate
from helpers.training.store import recorded_search

rates, losses = learning_rate_range("elu", data, profile)
display(figures.rate_range(rates, losses, steepest_rate(rates, losses), data.name))
search = recorded_search()
figures.rate_search(search["results"], search["data"])

# %% [markdown]
# ## Train them all
#
# **Every row differs from the row it is compared with in one thing.** Same images, same scaling,
# same budget of epochs, its own searched rate, and the epoch with the highest validation accuracy
# is kept. The one exception is on purpose: `notes` is the learner's own network, raw pixels and
# all.
#
# *Predict first.* Order them by validation accuracy: ELU, ELU with batch norm, SELU. Then run the
# cell. A run that was trained before comes from the run store in a moment; an interrupt keeps what
# there is.

# %%
from helpers.models import VARIANTS
from helpers.training import train

runs = {name: train(name, data, profile) for name in VARIANTS}
for run in runs.values():
    print(run)
own = [run.document for run in runs.values()]
display(figures.learning_curves(own, "validation_accuracy", data.name))
figures.time_to_accuracy(own, data.name)

# %% [markdown]
# A curve that still rises at its right end was cut off, not finished: with few epochs the fast
# starters win. The recorded runs had up to 100 epochs and early stopping.
#
# **An epoch is not a unit of time.** A step of batch norm costs more than one without, and 1cycle
# takes a quarter of the steps. What counts on your machine is seconds until it is good enough: the
# second figure.
#
# **The run explorer** lays your runs over the recorded ones. Pick two variants and the training
# loss: which one still gains when the other's validation loss has turned?

# %%
from helpers.labs import RunExplorer

RunExplorer(own)

# %% [markdown]
# ## Too little or too much
#
# **The training loss never warns you.** It falls on while the network learns its images by heart.
# What turns is the validation loss, and later, often much later, the validation accuracy. The
# distance between the two curves is the generalization gap.

# %%
from helpers.training import recorded_runs

recorded = recorded_runs()
longest = next(run for run in recorded if run["variant"] == "bn")
figures.fit_curves(longest, longest["data"])

# %% [markdown]
# ## 1cycle
#
# **The rate that trains fastest would ruin the end.** 1cycle raises the rate to a peak that could
# not be kept up for long, then lets it fall to almost nothing. It steps with every batch, not every
# epoch.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.training.schedules import OneCycle

cycle = OneCycle(max_rate=0.05, total_steps=1000)
for step in (0, 300, 650, 1000):
    print(f"step {step:>4}: rate {float(cycle(step)):.6f}")

# %% [markdown]
# ## How sure is it?
#
# **A network that is right half the time may claim to be 80% sure.** Group its predictions by the
# probability it gives its answer. In each group, how many are right? MC dropout asks the same
# trained network several times with dropout on, and takes the mean.
#
# **Myth.** "MC dropout slows training: the boosted model is made iteratively." Nothing is fitted in
# turn, and nothing is trained at all: the second cell compares the weights.
#
# *Predict first.* Will the mean over passes be more accurate, better calibrated, both, or neither?

# %%
from helpers.evaluation import expected_calibration_error, reliability

labels, bins, errors, titles = data.validation.labels, [], [], []
for name in ("alpha-dropout", "mc-dropout"):
    probabilities = runs[name].predict(data.validation.images)
    bins.append(reliability(probabilities, labels))
    errors.append(expected_calibration_error(probabilities, labels))
    titles.append(runs[name].title)
figures.reliability_diagram(bins, errors, data.name, titles)

# %%
# NBVAL_CHECK_OUTPUT
same = runs["alpha-dropout"].weights_sha256 == runs["mc-dropout"].weights_sha256
print(f"MC dropout predicts with the very weights of alpha dropout: {same}")

# %% [markdown]
# ## What it gets wrong
#
# The errors below are those the network is surest of. Some are photographs that a person would get
# wrong too; look for what the others share.

# %%
probabilities = runs["best"].predict(data.validation.images)
figures.error_gallery(*data.validation, probabilities, data.class_names, data.name)

# %% [markdown]
# ## The honest table
#
# Full-length runs, several seeds each. The test images were used once a run, after everything was
# chosen; that column is the one to quote. Compare two rows by their spread before you compare them
# by their mean. The published figures are hollow in the picture: one seed, other pixels, and chosen
# on the images they are reported for.
#
# ## What each ingredient gave
#
# **A recipe is a list of guesses until each has been taken out once.** The last row of the table
# has batch norm, SiLU, 100 epochs of 1cycle SGD, mirrored and shifted copies of the images, and the
# mean prediction over 18 versions of each. Below, one thing at a time is taken out, changed or
# added.
#
# All of it by validation images: who tries a dozen recipes on the test images has none left.
#
# *Predict first.* Which loses most: no batch norm, no copies, or a constant rate? The second figure
# below says it.

# %%
from helpers.training.comparison import as_markdown, compare, published_protocol

table = compare(recorded, data=longest["data"], profile="full")
heading = f"{longest['data']}: mean ± standard deviation over seeds."
display(Markdown(f"{heading}\n\n{as_markdown(table)}\n\n*Published: {published_protocol()}.*"))
figures.comparison(table, longest["data"])

# %%
from helpers.training.ablation import ablation_rows
from helpers.training.store import recorded_ablation

parts = recorded_ablation()
changes = ablation_rows(parts["ablation"], parts["averaging"])
figures.ablation(changes, parts["ablation"]["data"], table[-1]["validation_std"])

# %% [markdown]
# **More images beat every trick of the network.** The copies are worth more than batch norm, the
# length of training and the schedule. One view of each image costs more than the choice
# of optimizer. SiLU gave nothing that another seed does not.
#
# **Averaging does what the schedule does.** Under a constant rate, the mean of the last epochs'
# weights makes up for a part of what 1cycle gains. After 1cycle, whose last steps are tiny,
# there is nothing left to average. And a network that the copies keep from learning its images by
# heart has no use for more: dropout on top costs accuracy, weight decay gains none.
#
# ## The scikit-learn side
#
# **A wrapper that drops your settings still runs.** The notes weighted two of ten classes and the
# library said nothing. `KerasClassifier` here is a scikit-learn estimator like any other, and it
# refuses such weights.

# %% tags=["claim-cifar10-network"]
# NBVAL_CHECK_OUTPUT
from sklearn.datasets import load_digits

from helpers.estimator import KerasClassifier

X, y = load_digits(return_X_y=True)
try:
    KerasClassifier(depth=2, class_weight={0: 1, 1: 3}).fit(X, y)
except ValueError as error:
    print(error)

# %%
from sklearn.model_selection import RandomizedSearchCV, cross_val_score

small = KerasClassifier(depth=2, width=50, epochs=5, random_state=42)
scores = cross_val_score(small, X, y, cv=2)
print(f"2 folds: {scores.mean():.3f} ± {scores.std():.3f}")
grid = {"learning_rate": [1e-4, 1e-3, 1e-2], "activation": ["elu", "relu", "selu"]}
search = RandomizedSearchCV(small, grid, n_iter=2, cv=2, random_state=42).fit(X, y)
print(f"best of 2 settings: {search.best_params_}, accuracy {search.best_score_:.3f}")

# %% [markdown]
# The notes also kept every traceback, with a handler of their own that printed each one twice.
# `course.errors()` shows all since the set-up cell, also after the outputs were cleared.
#
# ## Quiz
#
# The first question is the exercise itself. An answer says what is right or wrong about it.

# %%
course.quiz("09_cifar10")

# %% [markdown]
# ## Recap
#
# - Change one thing between two rows, search the rate of each, repeat over seeds.
# - Choose on validation images; quote the test images, once.
# - The training loss says whether it learns, the validation loss when it stops learning something
#   that holds elsewhere.
# - MC dropout is one network asked often: no training, more inference.
#
# **Further reading**
# - Smith and Topin, *Super-convergence*, 2018: [10.1117/12.2520589](https://doi.org/10.1117/12.2520589)
# - Gal and Ghahramani, *Dropout as a Bayesian approximation*, 2016:
#   [arXiv 1506.02142](https://doi.org/10.48550/arXiv.1506.02142)
# - Guo and others, *On calibration of modern neural networks*, 2017:
#   [arXiv 1706.04599](https://doi.org/10.48550/arXiv.1706.04599)
# - Bouthillier and others, *Accounting for variance in machine learning benchmarks*, 2021:
#   [arXiv 2103.03098](https://doi.org/10.48550/arXiv.2103.03098)
