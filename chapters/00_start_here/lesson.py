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
# - find your way: the chapters, their minutes, their labs and quizzes
# - tell a difference between two networks from luck
# - choose a profile, and say which images a result is about
# - get back an error whose output is gone

# %%
from helpers import course

course.start("00_start_here")

# %% [markdown]
# Every notebook begins with these lines. They print the chapter, the profile (how much time the
# notebook may take), how long that was on our machine, and the backend (the library that does the
# arithmetic for Keras). The folded cell above them does nothing here. It is for Colab, which opens
# one notebook without the course.
#
# ## The chapters
#
# Each notebook stands alone. 01 to 04 are about a network before it trains, 05 to 08 about training
# it, and 09 puts all of it to the test on photographs. In the table are the minutes for each
# profile; once you run its cell there is a column for you, with what you opened and what you
# read up to the quiz.

# %%
course.chapters()

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

# %% [markdown]
# ## How to use a lab
#
# A lab is such a measurement with controls. Here is one from chapter 03: on the left what a unit
# makes of its input, on the right the slope of that.
#
# *Predict first.* The logistic curve climbs from 0 to 1. How large is its slope where it is
# steepest? Then move `z` there.

# %%
from helpers.labs import ActivationExplorer

ActivationExplorer(functions=("logistic", "relu"))

# %% [markdown]
# The picture is computed anew when you let a control go. Tab leads from one control to the next,
# and the arrow keys move it; rest the mouse on one to read what it does.
#
# The line below the picture says with numbers what is to be seen, and *Show as table* lists them.
# Settings that make no sense together are explained in its place. On a page without Python, a
# preview for example, the picture stays as it was when the notebook was built.
#
# ## Quizzes and exercises
#
# Each chapter ends in a quiz. Pick an answer and it says why that one is right, or why
# that very one is wrong; pick as many as you like. No answer is counted or sent. Where
# no script runs, each answer opens on its explanation.
#
# Chapters 01 to 09 have a notebook in `exercises/` too, with tasks to solve in code. Below each
# task stands a check: `check("2.1", answer)` says what holds, what does not, and which common
# mistake it looks like. `hint("2.1")` gives the next step to a solution. `progress()`, which the
# next cell calls, lists what you have done.
#
# *Predict first* is the smallest exercise, and the cell after it is the solution. So write the
# guess down. Then change what the cell holds and guess again: cells are short for that.

# %%
from helpers.checks import progress

progress()

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
# of the course; its accuracies mean little. `quick` is for reading, and is the default. `full` is
# for results: the small networks of 01 to 08 then see photographs and not digits, and those of 09
# train until validation no longer improves.

# %%
# NBVAL_CHECK_OUTPUT
from helpers.profiles import PROFILES

for profile in PROFILES.values():
    images = "all" if profile.train_images is None else f"{profile.train_images:,}"
    small = f"{profile.lesson_epochs:>2} epochs, {profile.lesson_seeds} seeds"
    print(f"{profile.name:>5}: {small}; 09: {images} images, at most {profile.epochs} epochs")

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
# The first cell below does both: it fails, and its output is cleared. What is left of the error?

# %% tags=["raises-exception"]
from IPython import get_ipython
from IPython.display import clear_output

get_ipython().run_cell("{'depth': 20}['width']")
clear_output()

# %% tags=["claim-stack-traces-are-lost"]
# NBVAL_CHECK_OUTPUT
error = course.errors()[-1]
print(f"the last one kept: {error.summary}")
print("with the line of code it came from:", "{'depth': 20}" in error.traceback)

# %% [markdown]
# `course.errors()` shows them whole, each once, with the time and the lines of code it came
# through. Nothing is printed a second time while you work: the course listens, and the notebook
# shows errors as it always does.

# %% [markdown]
# ## This machine
#
# A line that begins with `!` is a problem, and the end of the list says what to do about it. In a
# terminal, `course doctor` prints the same.

# %%
from helpers.cli.doctor import as_table, examine

print(as_table(examine()))

# %% [markdown]
# ## Quiz
#
# Each answer, right or wrong, says why.

# %%
course.quiz("00_start_here")

# %% [markdown]
# ## Recap
#
# - The guess comes first, then the slider; every number here is measured.
# - A comparison needs several seeds, and the name of its images.
# - `quick` is for reading, `full` for results.
# - What failed is in `course.errors()`.
#
# Go on with chapter 01: [the list of chapters](#The-chapters) has the link.
