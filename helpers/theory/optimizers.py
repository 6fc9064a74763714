"""Optimizers, step for step as Keras takes them.

A rule turns a gradient into a change of the weights. It works element by element, so an array of
any shape is one variable, and a row of an array can be a run of its own. Names of settings, their
defaults and the order of what happens (clip, decay the weights, then the rule) are Keras's.
"""

from collections.abc import Callable, Mapping
from inspect import unwrap
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import lfilter

from helpers.arguments import Instance, Items, Maybe, Number, Whole, check_cost, takes
from helpers.arguments.arrays import FLAG, Array
from helpers.names import lookup, shown
from helpers.theory.surfaces import Surface

FAR = 1e6  # a coordinate beyond this counts as diverged
MOST_STEPS = 100_000  # of all paths together: seconds
MOST_POSITIONS = 10_000_000  # of momentum on a quadratic surface, where they take no loop


class State(NamedTuple):
    """What an optimizer carries from step to step.

    Attributes:
        count: steps taken so far.
        slots: what the rule keeps, arrays of the weights' shape (Nadam also keeps a number).
    """

    count: int = 0
    slots: tuple = ()


STATE = Instance(State, expected="the state that the step before gave")


class Optimizer(NamedTuple):
    """An optimizer with its settings; make one with :func:`make_optimizer`.

    Attributes:
        name: what the course's functions and labs call it.
        title: what people call it, for figures and text.
        keras_name: its class in ``keras.optimizers``.
        settings: Keras's arguments, by name. ``learning_rate`` is a number, an array that
            broadcasts with the weights, or a function of the number of steps taken so far.
        rule: ``rule(gradient, rate, count, slots, settings)`` gives the change and the new slots;
            ``count`` is 1 in the first step.
    """

    name: str
    title: str
    keras_name: str
    settings: Mapping[str, Any]
    rule: Callable

    @takes(count=Whole(0))
    def rate(self, count: int):
        """Return the learning rate in force after ``count`` steps.

        Raises:
            ValueError: for a number of steps below 0.
        """
        rate = self.settings["learning_rate"]
        return rate(count) if callable(rate) else rate

    @takes(weights=Array(), gradient=Array(), state=Maybe(STATE), axis=Maybe(Whole()))
    @np.errstate(all="ignore")
    def step(self, weights, gradient, state: State | None = None, axis=None):
        """Return the weights after one more step, and the state for the next.

        Args:
            weights: float array of any shape.
            gradient: of the loss by the weights, same shape.
            state: what the step before gave; None at the first.
            axis: along which the norm for ``clipnorm`` is taken; None takes all, as Keras does.

        Raises:
            ValueError: for shapes that differ, or an axis that there is not.
        """
        if weights.shape != gradient.shape:
            raise ValueError(
                "the gradient must have the shape of the weights, "
                f"{weights.shape}, got {gradient.shape}."
            )
        return self._step(weights, gradient, state, axis)

    def _step(self, weights, gradient, state, axis):
        count, slots = State() if state is None else state
        settings = self.settings
        if settings["clipnorm"] is not None:
            gradient = clip_by_norm(gradient, settings["clipnorm"], axis)
        elif settings["clipvalue"] is not None:
            gradient = clip_by_value(gradient, settings["clipvalue"])
        rate = self.settings["learning_rate"]
        rate = rate(count) if callable(rate) else rate
        if isinstance(rate, np.ndarray):
            _check_broadcast(rate.shape, weights.shape)
        change, slots = self.rule(gradient, rate, count + 1, slots, settings)
        if settings["weight_decay"]:  # before the change, and the rule does not see it
            weights = weights - weights * settings["weight_decay"] * rate
        return weights + change, State(count + 1, slots)


@takes(gradient=Array(), limit=Number("(0, inf)"))
def clip_by_value(gradient: np.ndarray, limit: float) -> np.ndarray:
    """Return the gradient with each entry cut off at ±``limit``; this turns its direction.

    Raises:
        ValueError: for a limit that is not above 0.

    >>> clip_by_value(np.array([30.0, 0.4]), 1.0).tolist()
    [1.0, 0.4]
    """
    return np.clip(gradient, -limit, limit)


@takes(gradient=Array(), limit=Number("(0, inf)"), axis=Maybe(Whole()))
@np.errstate(all="ignore")
def clip_by_norm(gradient: np.ndarray, limit: float, axis=None) -> np.ndarray:
    """Return the gradient, shortened where its norm exceeds ``limit``; its direction stays.

    Pascanu, Mikolov & Bengio 2013, algorithm 1.

    Raises:
        ValueError: for a limit that is not above 0, or an axis that there is not.

    >>> clip_by_norm(np.array([30.0, 40.0]), 1.0).tolist()
    [0.6, 0.8]
    """
    if axis is not None and not -gradient.ndim <= axis < gradient.ndim:
        raise ValueError(
            f"axis must be one of the {gradient.ndim} axes of the gradient, got {axis}."
        )
    norm = np.sqrt(np.sum(np.square(gradient), axis=axis, keepdims=axis is not None))
    return gradient * (limit / np.maximum(norm, limit))


def _sgd(gradient, rate, count, slots, settings):
    return -rate * gradient, ()


def _momentum(gradient, rate, count, slots, settings):
    change = -rate * gradient
    velocity = settings["momentum"] * slots[0] + change if slots else change
    return velocity, (velocity,)


def _nesterov(gradient, rate, count, slots, settings):
    velocity, slots = _momentum(gradient, rate, count, slots, settings)
    return settings["momentum"] * velocity - rate * gradient, slots


def _mean(old, new, memory):
    """Return the exponential moving average that starts at 0."""
    return old + (1 - memory) * (new - old)


def _rmsprop(gradient, rate, count, slots, settings):
    squares = _mean(slots[0] if slots else 0.0, gradient * gradient, settings["rho"])
    return -rate * gradient / np.sqrt(squares + settings["epsilon"]), (squares,)


def _adam(gradient, rate, count, slots, settings):
    beta_1, beta_2 = settings["beta_1"], settings["beta_2"]
    mean, squares = slots or (0.0, 0.0)
    mean = _mean(mean, gradient, beta_1)
    squares = _mean(squares, gradient * gradient, beta_2)
    rate = rate * ((1 - beta_2**count) ** 0.5 / (1 - beta_1**count))
    return -rate * mean / (np.sqrt(squares) + settings["epsilon"]), (mean, squares)


def _nadam(gradient, rate, count, slots, settings):
    beta_1, beta_2 = settings["beta_1"], settings["beta_2"]
    mean, squares, product = slots or (0.0, 0.0, 1.0)
    now, ahead = (beta_1 * (1 - 0.5 * 0.96**at) for at in (count, count + 1))
    product = product * now
    mean = _mean(mean, gradient, beta_1)
    squares = _mean(squares, gradient * gradient, beta_2)
    looked_ahead = ahead / (1 - product * ahead) * mean + (1 - now) / (1 - product) * gradient
    unbiased = squares / (1 - beta_2**count)
    change = -rate * looked_ahead / (np.sqrt(unbiased) + settings["epsilon"])
    return change, (mean, squares, product)


_COMMON = {"weight_decay": None, "clipnorm": None, "clipvalue": None}
_ADAM = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, **_COMMON}
_MOMENTUM = {"learning_rate": 0.01, "momentum": 0.9, **_COMMON}


def _entry(name, title, keras_name, rule, settings) -> Optimizer:
    return Optimizer(name, title, keras_name, MappingProxyType(settings), rule)


#: Every optimizer of the course with Keras's defaults, by name. ``momentum`` and ``nesterov`` are
#: Keras's SGD with ``momentum=0.9``, the usual choice, where Keras's own default is 0.
#: Sources: momentum Polyak 1964, as in Sutskever et al. 2013, eq. 1 and 2; Nesterov the same, eq. 3
#: and 4, in the variables of Bengio et al. 2013, eq. 7 (the weights kept are those looked ahead
#: to); RMSProp Tieleman & Hinton 2012, lecture 6e (Keras has epsilon inside the root); Adam Kingma
#: & Ba 2015, algorithm 1 in the order of the end of its section 2; Nadam Dozat 2016, with Keras's
#: schedule of beta_1; AdamW Loshchilov & Hutter 2019, algorithm 2, its decay times the rate.
OPTIMIZERS = {
    entry.name: entry
    for entry in (
        _entry("sgd", "plain SGD", "SGD", _sgd, {"learning_rate": 0.01, **_COMMON}),
        _entry("momentum", "momentum", "SGD", _momentum, _MOMENTUM),
        _entry("nesterov", "Nesterov momentum", "SGD", _nesterov, _MOMENTUM),
        _entry(
            "rmsprop",
            "RMSProp",
            "RMSprop",
            _rmsprop,
            {"learning_rate": 1e-3, "rho": 0.9, "epsilon": 1e-7, **_COMMON},
        ),
        _entry("adam", "Adam", "Adam", _adam, _ADAM),
        _entry("nadam", "Nadam", "Nadam", _nadam, _ADAM),
        _entry("adamw", "AdamW", "AdamW", _adam, {**_ADAM, "weight_decay": 0.004}),
    )
}


def make_optimizer(name: str, /, **settings) -> Optimizer:
    """Return the named optimizer, with Keras's defaults where ``settings`` names nothing else.

    Args:
        name: one of ``OPTIMIZERS``.
        settings: Keras's arguments: ``learning_rate``, ``momentum``, ``rho``, ``beta_1``,
            ``beta_2``, ``epsilon``, ``weight_decay``, ``clipnorm``, ``clipvalue``, as far as the
            optimizer has them.

    Raises:
        ValueError: for an unknown name or setting, a number out of its range, or both ways of
            clipping at once.

    >>> optimizer = make_optimizer("momentum", learning_rate=0.1)
    >>> weights, state = optimizer.step(np.array([1.0]), np.array([2.0]))
    >>> weights.round(2), state.count
    (array([0.8]), 1)
    """
    entry = lookup(name, OPTIMIZERS, "optimizer")
    for setting in settings:
        lookup(setting, entry.settings, f"setting of {entry.title}")
        if setting != "learning_rate":
            settings[setting] = SETTINGS[setting].take(setting, settings[setting], {})
    merged = {**entry.settings, **settings}
    _check(merged)
    return entry._replace(settings=MappingProxyType(merged))


_SHARE, _LIMIT = Number("[0, 1)"), Maybe(Number("(0, inf)"))
SETTINGS = {
    "momentum": _SHARE,
    "rho": _SHARE,
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "epsilon": Number("[0, inf)"),
    "weight_decay": Maybe(Number("[0, inf)")),
    "clipnorm": _LIMIT,
    "clipvalue": _LIMIT,
}


def _check(settings: dict) -> None:
    rate = settings["learning_rate"]
    if not callable(rate):
        rates = Array().take("learning_rate", rate, {})
        if not (np.isfinite(rates) & (rates > 0)).all():
            raise ValueError(f"learning_rate must be above 0 and finite, got {shown(rate)}.")
        settings["learning_rate"] = rates if rates.ndim else rate
    if settings["clipnorm"] is not None and settings["clipvalue"] is not None:
        raise ValueError("only one of clipnorm and clipvalue can be set, got both.")


class Path(NamedTuple):
    """Where an optimizer went.

    Attributes:
        positions: ``float64 (n + 1, ..., dimensions)``, the start first.
        losses: the surface's value there, ``float64 (n + 1, ...)``.
        diverged: whether a coordinate went beyond ``FAR`` or was no number; such a path ends
            there, and its last position is the last that was within.
    """

    positions: np.ndarray
    losses: np.ndarray
    diverged: bool


_SURFACE = Instance(Surface, expected="a surface, such as get_surface('ravine')")
_OPTIMIZER = Instance(Optimizer, expected="an optimizer, such as make_optimizer('adam')")


@takes(surface=_SURFACE, optimizer=_OPTIMIZER, start=Array("2", "(-inf, inf)"), steps=Whole())
def optimize(surface: Surface, optimizer: Optimizer, start, steps: int) -> Path:
    """Follow an optimizer over a surface.

    Args:
        surface: see ``helpers.theory.surfaces``.
        optimizer: see :func:`make_optimizer`.
        start: ``(dimensions,)``.
        steps: how many, at least 1; fewer are taken when it diverges.

    Raises:
        ValueError: for fewer than one step, or a start that is no point.
    """
    positions = _positions(surface, optimizer, np.asarray(start, dtype=np.float64), steps)
    inside = _steps_inside(positions)
    kept = positions[: inside + 1]
    return Path(kept, surface.value(kept), bool(inside < steps))


@takes(
    surface=_SURFACE,
    optimizer=_OPTIMIZER,
    start=Array("2", "(-inf, inf)"),
    steps=Whole(),
    rates=Items(Number("(0, inf)")),
)
def optimize_at_each(
    surface: Surface, optimizer: Optimizer, start, steps: int, rates
) -> list[Path]:
    """Follow an optimizer from one start at each of several learning rates, all at once.

    Args:
        surface, optimizer, start, steps: as in :func:`optimize`.
        rates: learning rates ``(n,)``, in place of the optimizer's own.

    Returns:
        A path for each rate, equal to that of :func:`optimize` at that rate.

    Raises:
        ValueError: as :func:`optimize`, and for a rate that is not above 0.
    """
    settings = {**optimizer.settings, "learning_rate": np.asarray(rates, dtype=float)[:, None]}
    together = optimizer._replace(settings=settings)
    start = np.repeat(np.asarray(start, dtype=np.float64)[None], len(rates), axis=0)
    positions = _positions(surface, together, start, steps)
    paths = []
    for row in range(len(rates)):
        inside = _steps_inside(positions[:, row])
        kept = positions[: inside + 1, row]
        paths.append(Path(kept, surface.value(kept), bool(inside < steps)))
    return paths


def _positions(surface, optimizer, start, steps: int) -> np.ndarray:
    if steps < 1:
        raise ValueError(f"an optimizer takes one step or more, got steps={steps}.")
    check_cost("steps of all paths", steps * (start.size // 2), MOST_STEPS)
    positions = np.full((steps + 1, *start.shape), np.nan)
    positions[0] = weights = start
    state = State()
    gradient = unwrap(surface.gradient)  # without a look at each point: they come from the start
    with np.errstate(all="ignore"):  # a run that diverges overflows; it is cut off afterwards
        for step in range(1, steps + 1):
            weights, state = optimizer._step(weights, gradient(weights), state, axis=-1)
            positions[step] = weights
            if step % 64 == 0 and not (np.abs(weights) <= FAR).any():
                break  # all have gone: the rest stays NaN
    return positions


def _steps_inside(positions: np.ndarray) -> int:
    """Return how many steps were taken before one went beyond ``FAR``, of ``(n + 1, d)``."""
    outside = ~(np.abs(positions) <= FAR).all(axis=-1)
    return int(outside.argmax()) - 1 if outside.any() else len(positions) - 1


# --- momentum on a quadratic surface, where everything can be said in advance


def _recurrence(curvature, rate: float, momentum: float, nesterov: bool):
    """Return a and b of ``x[t+1] = a * x[t] - b * x[t-1]``, which holds from the second step on.

    Momentum: Polyak 1964. Nesterov: the same, where the gradient is taken further on.
    """
    shrink = 1 - rate * curvature
    if nesterov:
        return (1 + momentum) * shrink, momentum * shrink
    return momentum + shrink, momentum * np.ones_like(shrink)


@takes(
    curvature=Number(),
    start=Number(),
    rate=Number(),
    momentum=Number(),
    steps=Whole(0, MOST_POSITIONS),
    nesterov=FLAG,
)
@np.errstate(all="ignore")
def momentum_path(
    curvature: float, start: float, rate: float, momentum: float, steps: int, nesterov=False
) -> np.ndarray:
    """Return the positions that momentum takes on ``curvature * x² / 2``: ``float64 (steps + 1,)``.

    The same numbers as :func:`optimize` gives, but a million steps take milliseconds: on a
    quadratic surface two positions give the next, which is a linear filter. Where they grow beyond
    float64, they become infinite, then NaN.

    Raises:
        ValueError: for what is no finite number, or more than ten million steps.
    """
    a, b = _recurrence(curvature, rate, momentum, nesterov)
    impulse = np.zeros(steps + 1)
    impulse[0] = start
    return lfilter([1.0, -momentum], [1.0, -a, b], impulse)  # -momentum: it starts at rest


@takes(
    curvatures=Items(Number()),
    start=Items(Number()),
    rate=Number(),
    momentum=Number(),
    tolerance=Number("(0, 1)"),
    most=Whole(1, MOST_POSITIONS),
    nesterov=FLAG,
)
def steps_until_close(
    curvatures,
    start,
    rate: float,
    momentum: float,
    *,
    tolerance: float = 0.01,
    most: int = 2_000_000,
    nesterov: bool = False,
) -> int | None:
    """Return after how many steps momentum is close to the minimum for good; None if not at all.

    Args:
        curvatures, start: of a quadratic surface with its minimum at 0, ``(dimensions,)`` each.
        rate, momentum: of the optimizer.
        tolerance: close is a distance of at most this share of the distance at the start.
        most: steps to look at.
        nesterov: Nesterov momentum instead.

    Raises:
        ValueError: for a number out of its range, or a start of other dimensions.
    """
    if len(curvatures) != len(start):
        raise ValueError(
            f"start must have {len(curvatures)} numbers, one a curvature, got {len(start)}."
        )
    pairs = zip(curvatures, start, strict=True)
    with np.errstate(all="ignore"):  # where it diverges, it overflows
        squares = sum(momentum_path(c, x, rate, momentum, most, nesterov) ** 2 for c, x in pairs)
        away = ~(squares <= tolerance**2 * squares[0])
    if not away.any():  # it starts at the minimum
        return 0
    last = most - int(away[::-1].argmax())
    return None if last == most else last + 1


@takes(curvatures=Items(Number()), rate=Number(), momentum=Number(), nesterov=FLAG)
@np.errstate(all="ignore")
def contraction(curvatures, rate: float, momentum: float, nesterov: bool = False) -> float:
    """Return the factor by which momentum shrinks the distance in a step, in the long run.

    The largest root, in absolute value, of ``z² - a * z + b`` over the curvatures (Polyak 1964);
    from 1 on it does not converge. Where the roots are complex the path oscillates, and the factor
    is ``sqrt(b)``: for momentum ``sqrt(momentum)``, whatever the rate.

    Raises:
        ValueError: for no curvature, or what is no finite number.

    >>> round(contraction([1.0], 0.1, 0.81), 12)
    0.9
    """
    a, b = _recurrence(np.asarray(curvatures, dtype=float), rate, momentum, nesterov)
    root = np.sqrt((a**2 - 4 * b).astype(complex))
    return float(np.abs(np.concatenate([a + root, a - root]) / 2).max())


@takes(curvatures=Items(Number()), momentum=_SHARE)
def best_rate(curvatures, momentum: float) -> float:
    """Return a learning rate at which this momentum converges fastest on a quadratic surface.

    ``2 * (1 + momentum) / (smallest + largest curvature)``: the flattest and the steepest direction
    then shrink alike. Above the best momentum many rates do as well (Polyak 1964).

    Raises:
        ValueError: for a curvature that is not above 0, or a momentum outside [0, 1).
    """
    _check_curvatures(curvatures)
    return 2 * (1 + momentum) / (min(curvatures) + max(curvatures))


@takes(curvatures=Items(Number()))
def best_momentum(curvatures) -> float:
    """Return the momentum that converges fastest on a quadratic surface, at its best rate.

    ``((sqrt(k) - 1) / (sqrt(k) + 1))²`` for the condition number ``k``, the largest curvature by
    the smallest. The distance then shrinks by ``(sqrt(k) - 1) / (sqrt(k) + 1)`` a step, where
    without momentum it is ``(k - 1) / (k + 1)`` (Polyak 1964).

    Raises:
        ValueError: for a curvature that is not above 0.

    >>> best_momentum([1.0, 9.0])
    0.25
    """
    _check_curvatures(curvatures)
    root = np.sqrt(max(curvatures) / min(curvatures))
    return float(((root - 1) / (root + 1)) ** 2)


def _check_broadcast(rates: tuple, weights: tuple) -> None:
    """Refuse rates whose axes are neither of one entry nor those of the weights, from the last."""
    pairs = zip(rates[::-1], weights[::-1], strict=False)
    if len(rates) > len(weights) or any(rate not in (1, size) for rate, size in pairs):
        raise ValueError(f"learning rates of shape {rates} got weights of another, {weights}.")


def _check_curvatures(curvatures) -> None:
    if not (min(curvatures) > 0 and max(curvatures) / min(curvatures) < np.inf):
        raise ValueError(
            "a quadratic surface has curvatures above 0, and a finite condition number; got "
            f"{shown(curvatures)}."
        )
