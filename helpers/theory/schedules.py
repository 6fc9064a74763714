"""Learning-rate schedules: the rate at each step, by Keras's formulas where Keras has them.

``step`` counts the steps already taken, 0 at the first; a number or an array. Rates come back as
float64 of its shape. Ready-made ones for a run of a given length come from :func:`make_schedule`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from helpers.arguments import Called, Items, Number, Whole, takes
from helpers.arguments.arrays import Array, elementwise
from helpers.names import lookup

Schedule = Callable[[np.ndarray], np.ndarray]

STAIRS = (0.5, 0.75)  # shares of a run after which a piecewise constant rate goes down


_STEP = Array(interval="(-inf, inf)")
_RATE = Number("[0, inf)")
_STEPS = Number("(0, inf)")  # how many, of which one is not whole


@takes(step=_STEP, rate=_RATE)
def constant(step, rate: float) -> np.ndarray:
    """Return the same rate at every step.

    Raises:
        ValueError: here and below: for a rate below 0, a number of steps that is not above 0, and
            for what is no finite number.
    """
    return np.full(np.shape(step), float(rate))


@takes(step=_STEP, first_rate=_RATE, decay_steps=_STEPS, decay_rate=_RATE)
@np.errstate(all="ignore")
def inverse_time(step, first_rate: float, decay_steps: float, decay_rate: float = 1.0):
    """Return ``first_rate / (1 + decay_rate * step / decay_steps)``, Keras's InverseTimeDecay.

    Robbins & Monro 1951 ask that rates sum to infinity and their squares do not: this one does so.
    """
    return first_rate / (1 + decay_rate * _steps(step) / decay_steps)


@takes(step=_STEP, first_rate=_RATE, decay_steps=_STEPS, exponent=Number())
@np.errstate(all="ignore")
def power(step, first_rate: float, decay_steps: float, exponent: float = 1.0):
    """Return ``first_rate / (1 + step / decay_steps) ** exponent``; with 1 it is inverse time."""
    return first_rate / (1 + _steps(step) / decay_steps) ** exponent


@takes(step=_STEP, first_rate=_RATE, decay_steps=_STEPS, decay_rate=_RATE)
@np.errstate(all="ignore")
def exponential(step, first_rate: float, decay_steps: float, decay_rate: float):
    """Return ``first_rate * decay_rate ** (step / decay_steps)``, Keras's ExponentialDecay."""
    return first_rate * decay_rate ** (_steps(step) / decay_steps)


@takes(step=_STEP, boundaries=Items(Number(), least=0), rates=Items(_RATE))
@np.errstate(all="ignore")
def piecewise_constant(step, boundaries: Sequence[float], rates: Sequence[float]):
    """Return ``rates[i]`` up to and with step ``boundaries[i]``: Keras's PiecewiseConstantDecay.

    Raises:
        ValueError: unless there is one rate more than boundaries, and these rise.

    >>> piecewise_constant([10, 11], [10], [0.1, 0.01]).tolist()
    [0.1, 0.01]
    """
    if len(rates) != len(boundaries) + 1 or np.any(np.diff(boundaries) <= 0):
        raise ValueError(
            "expected rising boundaries and one rate more than boundaries, got "
            f"{len(boundaries)} boundaries {list(boundaries)} and {len(rates)} rates."
        )
    return np.asarray(rates, dtype=float)[np.searchsorted(boundaries, _steps(step), side="left")]


@takes(step=_STEP, first_rate=_RATE, decay_steps=_STEPS, last_share=_RATE)
@np.errstate(all="ignore")
def cosine(step, first_rate: float, decay_steps: float, last_share: float = 0.0):
    """Return half a cosine from ``first_rate`` to ``last_share`` of it: Keras's CosineDecay.

    Loshchilov & Hutter 2017, eq. 5. Past ``decay_steps`` the rate stays.
    """
    progress = np.minimum(_steps(step) / decay_steps, 1)
    return first_rate * (last_share + (1 - last_share) * (1 + np.cos(np.pi * progress)) / 2)


@takes(step=_STEP, schedule=Called(), warm_up_steps=_RATE, first_rate=_RATE)
@np.errstate(all="ignore")
def warm_up(step, schedule: Schedule, warm_up_steps: float, first_rate: float = 0.0):
    """Return a straight rise from ``first_rate`` to the schedule's own first, then the schedule.

    The schedule counts from the end of the warm-up, as in Keras's CosineDecay with
    ``warmup_target``. Goyal et al. 2017, section 2.2.

    >>> warm_up([0, 5, 10, 11], lambda step: constant(step, 0.1), 10).tolist()
    [0.0, 0.05, 0.1, 0.1]
    """
    step = _steps(step)
    after = elementwise(schedule, np.maximum(step - warm_up_steps, 0))
    if warm_up_steps == 0:
        return after
    target = float(elementwise(schedule, np.array(0.0)))
    rise = first_rate + (target - first_rate) * step / warm_up_steps
    return np.where(step < warm_up_steps, rise, after)


@takes(step=_STEP, max_rate=_RATE, total_steps=_STEPS, warm_up_share=Number())
@np.errstate(all="ignore")
def one_cycle(step, max_rate: float, total_steps: int, warm_up_share: float = 0.3):
    """Return 1cycle (Smith & Topin 2018) as ``helpers.training.schedules.OneCycle`` has it.

    From ``max_rate / 25`` in a straight line to ``max_rate`` after ``warm_up_share`` of the steps,
    then down a cosine to ``max_rate / 10000``, and it stays there.

    Raises:
        ValueError: for a share outside (0, 1).
    """
    if not 0 < warm_up_share < 1:
        raise ValueError(f"the warm-up of 1cycle is a share in (0, 1), got {warm_up_share}.")
    first, last = max_rate / 25, max_rate / 10_000
    progress = _steps(step) / total_steps
    rise = first + (max_rate - first) * progress / warm_up_share
    fall = np.clip((progress - warm_up_share) / (1 - warm_up_share), 0, 1)
    down = last + (max_rate - last) * (1 + np.cos(np.pi * fall)) / 2
    return np.where(progress < warm_up_share, rise, down)


def _steps(step) -> np.ndarray:
    return np.asarray(step, dtype=np.float64)


class Design(NamedTuple):
    """A schedule to choose by name.

    Attributes:
        name, title: for code, and for figures and text.
        keras_name: its class in ``keras.optimizers.schedules``, or None where Keras has none.
        has_end: whether ``last_share`` means anything to it.
        shape: ``shape(step, peak, steps, last_share)``: the rate after the warm-up, of which
            ``steps`` are left. 1cycle has no such part: its rise and fall are one formula.
    """

    name: str
    title: str
    keras_name: str | None
    has_end: bool
    shape: Callable | None


def _constant(step, peak, steps, last_share):
    return constant(step, peak)


def _inverse_time(step, peak, steps, last_share):
    return inverse_time(step, peak, steps, 1 / last_share - 1)


def _power(step, peak, steps, last_share):
    return power(step, peak, steps / (last_share**-2 - 1), 0.5)


def _stairs(step, peak, steps, last_share):
    boundaries = [share * steps for share in STAIRS]
    return piecewise_constant(step, boundaries, [peak, peak * last_share**0.5, peak * last_share])


#: By name. From the peak they fall to ``last_share`` of it over the steps that are left after the
#: warm-up; the constant rate does not fall, and 1cycle has an end of its own.
SCHEDULES = {
    design.name: design
    for design in (
        Design("constant", "constant", None, False, _constant),
        Design("inverse_time", "inverse time", "InverseTimeDecay", True, _inverse_time),
        Design("power", "power 1/2", None, True, _power),
        Design("exponential", "exponential", "ExponentialDecay", True, exponential),
        Design("piecewise", "piecewise constant", "PiecewiseConstantDecay", True, _stairs),
        Design("cosine", "cosine", "CosineDecay", True, cosine),
        Design("one_cycle", "1cycle", None, False, None),
    )
}


@takes(peak=Number(), steps=Whole(), warm_up_share=Number(), last_share=Number())
def make_schedule(
    name: str, peak: float, steps: int, warm_up_share: float = 0.0, last_share: float = 0.01
) -> Schedule:
    """Return the rate as a function of the step, for a run of ``steps`` steps.

    Args:
        name: one of ``SCHEDULES``.
        peak: the highest rate, above 0.
        steps: length of the run, at least 1.
        warm_up_share: share of the steps in which the rate rises from 0 (1cycle: from peak / 25)
            to the peak, in [0, 1); 1cycle needs more than 0.
        last_share: what is left of the peak at the end, in (0, 1); 1cycle has its own.

    Raises:
        ValueError: for an unknown name, or a number out of its range.

    >>> schedule = make_schedule("exponential", peak=0.1, steps=100, last_share=0.01)
    >>> schedule(np.array([0, 50, 100])).round(4).tolist()
    [0.1, 0.01, 0.001]
    """
    design = lookup(name, SCHEDULES, "schedule")
    if not peak > 0 or steps < 1 or not 0 <= warm_up_share < 1 or not 0 < last_share < 1:
        raise ValueError(
            "a schedule takes peak > 0, steps >= 1, warm_up_share in [0, 1) and last_share in "
            f"(0, 1), got {peak}, {steps}, {warm_up_share} and {last_share}."
        )
    if design.shape is None:
        if warm_up_share == 0:
            raise ValueError("1cycle is a rise and a fall: give it a warm-up above 0, it got 0.")
        return lambda step: one_cycle(step, peak, steps, warm_up_share)
    rising = warm_up_share * steps

    def after(step):
        return design.shape(step, peak, steps - rising, last_share)

    return lambda step: warm_up(step, after, rising)
