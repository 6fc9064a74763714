"""Every public function and every lab, fed with values that nobody should give it.

The rule: a result, or a ``ValueError`` of ours that says what came. ``TypeError`` is left to
Python, for a call with an argument too many or too few.
"""

import _thread
import ast
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import threading
from pathlib import Path

import numpy as np
import pytest
from any_value import (
    ANYTHING,
    HUGE,
    Accepted,
    complaint,
    shown,
    variants,
)
from any_value_examples import EXAMPLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import helpers
from helpers import labs
from helpers.arguments import Kind
from helpers.labs.base import ends_of
from helpers.linear_algebra import one_thread

ROOT = Path(__file__).parents[2]
STUCK = 300  # seconds; no test here takes a tenth of it: more is a hang, and ends the run
TOGETHER = 4  # times that several arguments of a function are replaced at once
COMBINED = 4  # combinations of allowed settings that each lab is given
FUNCTIONS = 200  # or more are fed
VALUES = 25_000  # or more take the place of an argument
LABS = 11
SMALL = 0.25  # pixels of a lab's picture to a CSS pixel

#: Modules whose functions take what the course itself hands them, and who tests that.
LEFT_OUT = {
    "arguments": "the kinds themselves: test_arguments.py",
    "build": "takes the repository's own files: test_build.py",
    "checks": "answers anything with sentences: test_checks.py",
    "cli": "takes a command line, which argparse looks at: test_cli.py",
    "course": "takes a chapter's name from its own notebook: test_course.py",
    "estimator": "scikit-learn's own checks feed it: test_estimator.py",
    "grading": "takes what strangers handed in: tests/grading",
    "jobs": "takes what a command line gives: test_sweep.py",
    "install": "asks pip and this Python: test_install.py",
    "launch": "test_launch.py feeds it",
    "machine": "asks the system; takes a process that may have ended by then",
    "progress": "called by course alone: test_progress.py",
    "site": "takes the repository's own files: tests/site",
}
#: Where a training, or what takes seconds, begins: the arguments were taken by then.
BEGINS = {
    "datasets.load_cifar10": "helpers.datasets.loading._stand_in_for",
    "datasets.make_stand_in": "helpers.datasets.stand_in.cached",
    "sparsity.prune_with_toolkit": "helpers.sparsity.toolkit._import_toolkit",
    "training.costs.activation_costs": "helpers.training.costs._timed",
    "training.learning_rate_range": "keras.utils.clear_session",
    "training.search_rate": "helpers.training.loop._fit",
    "training.train": "helpers.training.loop._fit",
    "training.places.accuracy_by_rate": "keras.Model.fit",
    "training.repeats.accuracies": "keras.Model.fit",
    "training.seed_runs.validation_accuracies": "keras.Model.fit",
}


@functools.cache
def replacements(name: str, argument: str) -> list:
    """Return what takes the place of an argument of a function; of a method, self stays."""
    return [] if argument == "self" else variants(EXAMPLES[name][argument])


@pytest.fixture(autouse=True)
def ends_when_it_hangs():
    """End the run, with a traceback, where a value makes something hang."""
    timer = threading.Timer(STUCK, _thread.interrupt_main)
    timer.start()
    yield
    timer.cancel()


@pytest.fixture(autouse=True)
def with_one_thread():
    """As labs compute: threads that wait for each other take most of the time of small matrices."""
    with one_thread():
        yield


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Any text may be a path: keep it out of the repository."""
    monkeypatch.chdir(tmp_path)


# --- what is public


def public() -> dict[str, object]:
    """Return every public function, and every class with a constructor of its own, by its name.

    A package that says in ``__all__`` what it offers is taken at its word; of others it is what has
    no underscore, in theory the methods too. What a chapter imports is public wherever it is from.
    """
    found = {}
    for module in pkgutil.iter_modules(helpers.__path__):
        if module.name not in LEFT_OUT:
            found |= _offered(f"helpers.{module.name}")
    known = {inspect.unwrap(thing) for thing in found.values()}
    for source in ROOT.glob("chapters/*/*.py"):
        for name, thing in _imported(source).items():
            if inspect.unwrap(thing) not in known:
                found[name] = thing
    return {name.removeprefix("helpers."): thing for name, thing in found.items()}


def _offered(name: str) -> dict[str, object]:
    module = importlib.import_module(name)
    if hasattr(module, "__all__"):
        things = {f"{name}.{each}": getattr(module, each) for each in module.__all__}
        return {key: thing for key, thing in things.items() if _takes_arguments(thing)}
    found = {}
    for key, thing in vars(module).items():
        if key[0] == "_" or getattr(thing, "__module__", None) != name:
            continue
        if _takes_arguments(thing):
            found[f"{name}.{key}"] = thing
        if name.startswith("helpers.theory.") and inspect.isclass(thing):
            found |= {
                f"{name}.{key}.{method}": function
                for method, function in vars(thing).items()
                if inspect.isfunction(function) and method[0] != "_" and not issubclass(thing, Kind)
            }
    for part in pkgutil.iter_modules(getattr(module, "__path__", ())):
        found |= _offered(f"{name}.{part.name}")
    return found


def _takes_arguments(thing) -> bool:
    """Return whether it is a function, or a class of ours that is no record, kind, lab or error."""
    if not inspect.isclass(thing):
        return callable(thing) and inspect.isfunction(inspect.unwrap(thing))
    passive = (tuple, BaseException, Kind, labs.base.Lab)
    return not issubclass(thing, passive) and not dataclasses.is_dataclass(thing)


def _imported(source: Path) -> dict[str, object]:
    found = {}
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "helpers":
            if node.module.split(".")[1:2] and node.module.split(".")[1] in LEFT_OUT:
                continue
            module = importlib.import_module(node.module)
            names = (alias.name for alias in node.names)
            things = {f"{node.module}.{name}": getattr(module, name, None) for name in names}
            found |= {name: thing for name, thing in things.items() if _takes_arguments(thing)}
    return found


def named(name: str):
    """Return the function, class, method or entry of that name below ``helpers``."""
    found, path = helpers, "helpers"
    for part in name.split("."):
        path = f"{path}.{part}"
        if isinstance(found, dict):
            found = found[part]
        elif hasattr(found, part):
            found = getattr(found, part)
        else:
            found = importlib.import_module(path)
    return found


def test_every_public_function_has_an_example():
    functions = public()
    entries = {name for name in EXAMPLES if ".SURFACES." in name}  # functions in a table
    missing, gone = functions.keys() - EXAMPLES, EXAMPLES.keys() - functions.keys() - entries
    assert not missing, f"tests/unit/any_value_examples.py needs an example of {sorted(missing)}"
    assert not gone, f"no longer public: {sorted(gone)}"
    assert LEFT_OUT.keys() <= {module.name for module in pkgutil.iter_modules(helpers.__path__)}
    for name, thing in functions.items():
        parameters = inspect.signature(thing).parameters.values()
        needed = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        left_out = needed - EXAMPLES[name].keys()
        assert not left_out, f"the example of {name} has no {left_out}"


def test_as_much_is_tried_as_the_promises_say():
    assert len(EXAMPLES) >= FUNCTIONS and len(labs.all_labs()) == LABS
    values = sum(len(replacements(name, each)) for name in EXAMPLES for each in EXAMPLES[name])
    assert values >= VALUES


# --- functions

every_function = pytest.mark.parametrize("name", EXAMPLES)


@pytest.fixture
def function(name, monkeypatch):
    """Return the function; where it would train, it says that it took the arguments."""
    found = named(name)
    if name in BEGINS:
        if name.startswith("training."):
            import keras  # noqa: F401  so that the name below is found

        def begun(*_, **__):
            raise Accepted

        monkeypatch.setattr(BEGINS[name], begun)
    return found


@every_function
def test_each_argument_takes_any_value(name, function):
    example, drawn = EXAMPLES[name], set()
    assert complaint(function, example, drawn) is None
    bad = []
    for argument in example:
        for value in replacements(name, argument):
            if said := complaint(function, {**example, argument: value}, drawn):
                bad.append(f"{argument} = {shown(value)}: {said}")
    assert not bad, "\n".join(bad)


NUMBERS = st.one_of(
    st.integers(-HUGE, 10**12),
    st.floats(),
    arrays(np.float64, st.lists(st.integers(0, 3), max_size=3).map(tuple), elements=st.floats()),
)


@every_function
@settings(
    max_examples=TOGETHER,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_several_arguments_take_any_value(name, function, data):
    example = EXAMPLES[name]
    free = sorted(example.keys() - {"self"})
    replaced = data.draw(st.lists(st.sampled_from(free), unique=True)) if free else []
    values = {
        argument: data.draw(st.one_of(NUMBERS, st.sampled_from(replacements(name, argument))))
        for argument in replaced
    }
    said = complaint(function, {**example, **values}, set())
    assert said is None, f"{ {k: shown(v) for k, v in values.items()} }: {said}"


# --- labs

every_lab = pytest.mark.parametrize("kind", labs.all_labs(), ids=lambda kind: kind.__name__)


@functools.cache
def opened(kind):
    """Return a lab of this kind, with its table shown, whose pictures have few pixels."""
    lab = kind()
    lab.scale = SMALL
    lab.table_toggle.value = True
    return lab


def show(lab, **chosen) -> None:
    """Show what the settings give, and see that it is a picture or an explanation."""
    lab.update(**chosen)
    assert bytes(lab.picture.value[:4]) == b"\x89PNG"
    assert ("These settings do not go together: " in lab.text.value) == (lab._data is None)
    for name, value in chosen.items():
        if isinstance(value, int | float):
            assert lab.settings[name] == value, "a number that was taken is not changed"


@every_lab
def test_each_setting_of_a_lab_takes_any_value(kind):
    """Both ends of every control are in test_labs.py."""
    lab, defaults = opened(kind), kind.default_settings()
    compute = functools.partial(kind.compute, **lab.inputs)
    bad = []
    for name, default in defaults.items():
        ends = ends_of(lab.controls[name])
        beyond = [ends[0] - 1, ends[1] + 1, ends[1] * HUGE] if ends else []
        for value in [*ANYTHING, *beyond, [default], str(default)]:
            before = lab.settings
            said = {"update": complaint(functools.partial(show, lab), {name: value}, set())}
            if lab.settings == before:  # refused, before anything was computed
                said["open"] = complaint(kind, {name: value}, set())
                said["compute"] = complaint(compute, {"settings": {**defaults, name: value}}, set())
            bad += [f"{what}, {name} = {shown(value)}: {s}" for what, s in said.items() if s]
        if lab.settings[name] != default:
            lab.update(**{name: default})
    for settings_ in (None, {}, [], "no such name", {**defaults, "no such name": 1}):
        if said := complaint(compute, {"settings": settings_}, set()):
            bad.append(f"compute, settings = {shown(settings_)}: {said}")
    assert not bad, "\n".join(bad)


def offered_by(widget) -> st.SearchStrategy:
    """Return a strategy of the values that a control can be set to."""
    if hasattr(widget, "options"):
        options = list(widget._options_values)  # under this name in 7.7 and in 8
        several = isinstance(widget.value, tuple)
        return (
            st.lists(st.sampled_from(options), unique=True) if several else st.sampled_from(options)
        )
    if isinstance(widget.value, bool):
        return st.booleans()
    low, high = ends_of(widget)
    return st.integers(low, high) if isinstance(widget.value, int) else st.floats(low, high)


@every_lab
@settings(
    max_examples=COMBINED,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_any_combination_of_settings_gives_a_picture_or_an_explanation(kind, data):
    lab = opened(kind)
    chosen = {name: data.draw(offered_by(widget)) for name, widget in lab.controls.items()}
    assert complaint(functools.partial(show, lab), chosen, set()) is None, chosen


# --- what the tests above would see


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: np.array([1.0]) / x, "RuntimeWarning"),
        (lambda x: np.zeros(2) + np.zeros(x + 3), "broadcast"),
        (lambda x: {}[x], "KeyError"),
        (lambda x: int(f"{x}?"), "invalid literal"),
        (lambda x: (number / x for number in range(3)), "ZeroDivisionError"),
    ],
)
def test_what_is_no_answer_is_seen(function, said):
    assert said in complaint(function, {"x": 0}, set())
