# %% [markdown]
# # Start here
#
# Send a hundred numbers through twenty layers of random weights. What comes out is too small to be
# of use, or too large, or about as large as what went in. One number, set before training begins,
# decides which. You will see it do so below, and the whole course works the way that cell does:
# a claim, your guess, a measurement.
#
# **You will be able to**
# - guess, move and measure, in this order, and say why the guess comes first
# - tell a difference between two networks from luck
# - choose the profile that fits the time you have
# - say which images a result is about
# - get back an error whose output is gone
#
# The cells of this page take seconds in every profile.

# %%
from helpers import course

course.start("00_start_here")

# %% [markdown]
# Every notebook begins with these lines. What they print is the chapter, the profile (how much
# time the notebook may take) and the backend (the library that does the arithmetic for Keras).

# %% [markdown]
# ## Guess, then measure
#
# **Half the weight, and the signal is gone.** Take twenty layers that only multiply: no
# activation function, no bias, 100 units each. Draw their weights from a normal distribution with
# mean 0 and standard deviation 0.05, 0.1 or 0.2.
#
# *Predict first.* With 0.1, the numbers that come out vary about as much as those that went in.
# With 0.2, do they vary twice as much, forty times, or more? Write your guess down, then run both
# cells. A guess that turns out wrong is remembered; an answer that is only read is not.

# %%
import numpy as np


def spread_after(layers, weight_std, width=100, seed=42):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=width)
    for _ in range(layers):
        signal = signal @ rng.normal(0, weight_std, size=(width, width))
    return signal.std()


# %%
# NBVAL_CHECK_OUTPUT
for weight_std in (0.05, 0.1, 0.2):
    print(f"weights ± {weight_std:<4}  signal ± {spread_after(20, weight_std):.0e}")

# %% [markdown]
# Every layer doubles what the layer before has doubled. Each output is a sum of 100 products, so
# one layer multiplies the variance by 100 times the variance of a weight. That is 1 for a standard
# deviation of 0.1, and for no other: a wider layer needs smaller weights.
#
# Change `width` or `weight_std` and run the cells again. Nothing here can break: the notebook that
# you changed is yours, and `course build 00_start_here --force` brings back the original.
#
# **Labs** are such measurements with sliders. Move one and the picture is computed anew; the arrow
# keys move it too. The guess comes before the slider.

# %% [markdown]
# ## Is it a difference, or luck?
#
# **Two equally good networks rarely score the same.** Suppose a network is right about every
# second image, and you test it on 500 images, then on 500 others, and so on.
#
# *Predict first.* How far from 0.5 is a typical score? And with 10,000 images, twenty times as
# many: is it twenty times closer?

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(42)
for images in (500, 10_000):
    scores = rng.binomial(images, 0.5, size=100_000) / images
    print(f"{images:>6,} images: {scores.mean():.3f} ± {scores.std():.4f}")

# %% [markdown]
# Twenty times the images bring the score only √20 times closer. And this is the luck of the test
# images alone: the weights a network starts from, and the order in which it sees its images, add
# theirs. So a comparison in this course repeats each training from several seeds and shows the
# spread. Where two spreads overlap, the difference may be luck.

# %% [markdown]
# ## Three profiles
#
# How long a notebook may take is yours to choose. `ci` is for the tests, which run every notebook
# of the course; its accuracies mean little. `quick` is for reading, and is the default. `full`
# trains as long as the exercise asks, and stops when validation no longer improves.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.profiles import PROFILES

for profile in PROFILES.values():
    images = "all" if profile.train_images is None else f"{profile.train_images:,}"
    print(f"{profile.name:>5}: {images:>5} training images, at most {profile.epochs} epochs")

# %% [markdown]
# To pick one for all notebooks, set the environment variable `COURSE_PROFILE` before JupyterLab
# starts. To pick one for a single notebook, run `%env COURSE_PROFILE=full` above its set-up cell.

# %% [markdown]
# ## Which images?
#
# CIFAR-10 holds 60,000 photographs of 32 x 32 pixels in ten classes. The course looks for it in
# the folder that `CIFAR10_DIR` names, in its own cache, in Keras's cache, and then downloads it;
# a copy whose checksum is wrong is refused.
#
# Without data and without a network nothing stops: a stand-in takes its place, handwritten digits
# over patches of two photographs. A result on the stand-in says nothing about CIFAR-10. So every
# figure, table and stored run names the images it was made with.

# %% [markdown]
# ## When a cell fails
#
# Clearing the outputs clears the error message too, often just before it is needed. The course
# keeps every one, with its cell and its time, from the set-up cell on.
#
# Try it: write `1 / 0` in a new cell and run it. Choose *Edit, Clear Outputs of All Cells*. Then
# run the next cell again.

# %%
# NBVAL_CHECK_OUTPUT
course.errors()

# %% [markdown]
# ## This machine
#
# A line that begins with `!` is a problem, and the end of the list says what to do about it. In a
# terminal, `course doctor` prints the same.

# %%
from helpers.cli.doctor import as_table, examine

print(as_table(examine()))

# %% [markdown]
# ## The chapters

# %%
course.chapters()
