# %% [markdown]
# # Exercises: optimizers and schedules
#
# You write momentum, Adam, clipping and 1cycle, let momenta from 0 to 0.99999 run on the ravine,
# and decide who got there first. No network is trained: every cell answers within seconds. Allow an
# hour and a half.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# In a cell of your own, `hint("7.1")` gives the next step to a solution, and `progress()` shows
# what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("07_optimizers", exercise=True)

# %%
import numpy as np

from helpers import figures
from helpers.theory.optimizers import best_rate
from helpers.theory.surfaces import RAVINE_CURVATURES, get_surface

# %% [markdown]
# ## 7.1 Momentum, and Nesterov's (3 points)
#
# With gradient $g$ at the weights $w$, rate $\eta$ and momentum $\mu$, one step is
#
# $$v \leftarrow \mu v - \eta g \qquad w \leftarrow w + v$$
#
# and Nesterov momentum takes, with the new $v$, the step $w \leftarrow w + \mu v - \eta g$ instead.
# The velocity $v$ starts at 0. Return the whole path, the start first.


# %% task="7.1" stub="return the start and the weights after each step"
def descend(gradient, start, rate, momentum, nesterov, steps):
    """Return the weights on the way: an array of shape (steps + 1, number of weights).

    gradient: a function from weights to the gradient there. start: the first weights.
    nesterov: True or False.
    """
    ### BEGIN SOLUTION
    here = np.array(start, dtype=float)
    speed = np.zeros_like(here)
    way = [here]
    for _ in range(steps):
        slope = np.asarray(gradient(here))
        speed = momentum * speed - rate * slope
        here = here + (momentum * speed - rate * slope if nesterov else speed)
        way.append(here)
    return np.array(way)
    ### END SOLUTION


# %% check="7.1" points=3
check("7.1", descend)

# %% [markdown]
# Use it on the chapter's ravine, 50 times as steep across as along, from the same start, at the
# rate that suits each momentum best.
#
# *Predict first.* Which momentum ends nearest to the minimum after 200 steps? And which one has a
# loss above that of the start?

# %%
ravine, momenta = get_surface("ravine"), (0.0, 0.9, 0.99, 0.999, 0.9999, 0.99999)
losses = {}
for momentum in momenta:
    rate = best_rate(RAVINE_CURVATURES, momentum)
    way = descend(ravine.gradient, (-4.0, 1.0), rate, momentum, False, 5000)
    losses[momentum] = ravine.value(way)
    share = losses[momentum][:201].max() / losses[momentum][0]
    print(f"momentum {momentum:<7}: loss {losses[momentum][200]:.1e} after 200 steps, ", end="")
    print(f"at most {share:.2f} of the first on the way")

# %% [markdown]
# ## 7.2 Adam (3 points)
#
# Adam keeps two moving averages, of the gradient and of its square, element by element:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad s \leftarrow \beta_2 s + (1 - \beta_2)\, g^2$$
#
# Both start at 0 and are too small at first. In step $t$, counted from 1, dividing by
# $1 - \beta_1^t$ and $1 - \beta_2^t$ makes up for it. With the corrected $\hat m$ and $\hat s$ the
# step is $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat s} + \epsilon)$.


# %% task="7.2" stub="return the start and the weights after each step"
def adam(gradient, start, rate, steps, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Return the weights on the way: an array of shape (steps + 1, number of weights)."""
    ### BEGIN SOLUTION
    here = np.array(start, dtype=float)
    average = square = np.zeros_like(here)
    way = [here]
    for t in range(1, 1 + steps):
        slope = np.asarray(gradient(here))
        average = beta_1 * average + (1 - beta_1) * slope
        square = beta_2 * square + (1 - beta_2) * slope**2
        fair_average, fair_square = average / (1 - beta_1**t), square / (1 - beta_2**t)
        here = here - rate * fair_average / (np.sqrt(fair_square) + epsilon)
        way.append(here)
    return np.array(way)
    ### END SOLUTION


# %% check="7.2" points=3
check("7.2", adam)

# %% [markdown]
# *Predict first.* Two weights, one with a gradient a million times as large as the other's. How far
# does Adam move each of them in its first step at a rate of 0.1?

# %%
way = adam(lambda w: np.array([1000.0, 0.001]), (0.0, 0.0), 0.1, 1)
print("first step:", way[1].round(4))

# %% [markdown]
# ## 7.3 Clipping (2 points)
#
# A gradient that is far too long ruins the weights in one step. Clipping by the global norm takes
# the gradients of all variables together as one arrow. If the arrow is longer than a bound, all of
# them shrink by the same factor, so that its length is the bound and its direction stays.


# %% task="7.3" stub="return the gradients, shortened together"
def clip_together(gradients, most):
    """Return a list of arrays: the gradients, with a norm of at most most over all of them.

    gradients: a list of arrays of any shapes. most: above 0.
    """
    ### BEGIN SOLUTION
    length = np.sqrt(sum(np.sum(np.square(each)) for each in gradients))
    factor = min(1.0, most / length) if length else 1.0
    return [factor * np.asarray(each) for each in gradients]
    ### END SOLUTION


# %% check="7.3" points=2
check("7.3", clip_together)

# %% [markdown]
# ## 7.4 1cycle (2 points)
#
# The course's 1cycle rises in a straight line from a 25th of the peak to the peak, which it reaches
# after 0.3 of all steps. Then it falls to a 10,000th of the peak along half a cosine wave: slowly,
# fast, slowly. There it stays, should the training go on.


# %% task="7.4" stub="return the rate at that step"
def cycle_rate(step, total, peak):
    """Return the learning rate at a step, a number: 0 is the first, and total ends the cycle."""
    ### BEGIN SOLUTION
    done = step / total
    if done < 0.3:
        return peak * (1 / 25 + (1 - 1 / 25) * done / 0.3)
    wave = (1 + np.cos(np.pi * min((done - 0.3) / 0.7, 1))) / 2
    return peak * (1e-4 + (1 - 1e-4) * wave)
    ### END SOLUTION


# %% check="7.4" points=2
check("7.4", cycle_rate)

# %% [markdown]
# Draw yours; `expected("7.4")` shows how it should look.

# %%
steps = np.arange(0, 1101, 10)
figures.schedule(steps, [cycle_rate(step, 1000, 0.05) for step in steps], "1cycle of 1,000 steps")

# %% [markdown]
# ## 7.5 Decide who got there first (3 points)
#
# A loss that swings touches any bound early and leaves it again. So a run has arrived at the first
# step from which on its loss is at most the bound, at every later step too. A run that ends above
# the bound has not arrived, and one whose loss stops being a number has not either.
#
# Return the name of the run that arrives first; of two at the same step, the one named first; and
# `None` where none arrives.


# %% task="7.5" stub="return the name of a run, or None"
def first_to_arrive(runs, bound):
    """Return the name of the run that arrives first, or None.

    runs: a dictionary from names to losses, arrays of shape (steps + 1,), not all equally long.
    """
    ### BEGIN SOLUTION
    winner, record = None, np.inf
    for name, curve in runs.items():
        inside = np.asarray(curve) <= bound  # False for NaN
        outside = np.flatnonzero(~inside)
        arrival = outside[-1] + 1 if len(outside) else 0
        if arrival < min(len(inside), record):
            winner, record = name, arrival
    return winner
    ### END SOLUTION


# %% check="7.5" points=3
check("7.5", first_to_arrive)

# %% [markdown]
# Now to the question that the notes left open: does a momentum close to 1 converge? Let your
# function decide about the runs of 7.1, for a bound that is easy and for one that is hard.
#
# *Predict first.* Who wins the hard one?

# %%
for bound in (1.0, 1e-6):
    print(f"loss at most {bound:g}: momentum {first_to_arrive(losses, bound)} is there first")
    for momentum, curve in losses.items():
        alone = first_to_arrive({momentum: curve}, bound) is not None
        touched = (curve <= bound).any()
        print(f"    {momentum:<7}: arrived {alone}, touched it {touched}")

# %% [markdown]
# It converges, as the chapter shows with two million steps. Within these it only passes by.
