"""Learning-rate schedules that step per batch."""

from math import pi

from helpers.arguments import Number, Whole, takes
from helpers.backend import use_backend

use_backend()

from keras import ops  # noqa: E402  the backend must be chosen before Keras is imported
from keras.optimizers.schedules import LearningRateSchedule  # noqa: E402


class OneCycle(LearningRateSchedule):
    """1cycle (Smith & Topin 2018): up to ``max_rate`` in a straight line, then down a cosine.

    The rate starts at ``max_rate / 25``, peaks after ``warm_up`` of all steps, and ends at
    ``max_rate / 10000``. Past the last step it stays there. Momentum is not cycled.

    Args:
        max_rate: peak of the learning rate, above 0.
        total_steps: batches in the whole run, at least 1.
        warm_up: share of the steps that the rise takes, in (0, 1).

    Raises:
        ValueError: for a number out of its range.
    """

    @takes(max_rate=Number(), total_steps=Whole(), warm_up=Number())
    def __init__(self, max_rate: float, total_steps: int, warm_up: float = 0.3):
        if not max_rate > 0 or total_steps < 1 or not 0 < warm_up < 1:
            raise ValueError(
                "OneCycle takes max_rate > 0, total_steps >= 1 and warm_up in (0, 1), got "
                f"{max_rate!r}, {total_steps!r} and {warm_up!r}."
            )
        self.max_rate = max_rate
        self.total_steps = total_steps
        self.warm_up = warm_up

    def __call__(self, step):
        progress = ops.cast(step, "float32") / self.total_steps
        first, last = self.max_rate / 25, self.max_rate / 10_000
        rise = first + (self.max_rate - first) * progress / self.warm_up
        fall = ops.clip((progress - self.warm_up) / (1 - self.warm_up), 0.0, 1.0)
        cosine = last + (self.max_rate - last) * (1 + ops.cos(pi * fall)) / 2
        return ops.where(progress < self.warm_up, rise, cosine)

    def get_config(self) -> dict:
        return {
            "max_rate": self.max_rate,
            "total_steps": self.total_steps,
            "warm_up": self.warm_up,
        }


class ExponentialRise(LearningRateSchedule):
    """The learning-rate range test (Smith 2017): from ``first`` to ``last``, by one factor a step.

    Args:
        first, last: rates at the first and the last step, ``0 < first < last``.
        total_steps: batches, at least 2.
    """

    @takes(first=Number(), last=Number(), total_steps=Whole())
    def __init__(self, first: float, last: float, total_steps: int):
        if not 0 < first < last or total_steps < 2:
            raise ValueError(
                "ExponentialRise takes 0 < first < last and total_steps >= 2, got "
                f"{first!r}, {last!r} and {total_steps!r}."
            )
        self.first = first
        self.last = last
        self.total_steps = total_steps

    def __call__(self, step):
        progress = ops.cast(step, "float32") / (self.total_steps - 1)
        return self.first * ops.power(self.last / self.first, progress)

    def get_config(self) -> dict:
        return {"first": self.first, "last": self.last, "total_steps": self.total_steps}
