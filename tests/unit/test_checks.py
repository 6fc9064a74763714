"""helpers.checks: whatever it is fed, a learner reads sentences, and the right ones."""

import html
import linecache
import math
import os
import re
import subprocess
import sys
import textwrap
import warnings
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers.checks import CheckFailed, Holds, Mistake, Task, check, expected, hint, progress
from helpers.checks import notebook as shown
from helpers.checks.catalogue import all_tasks
from helpers.checks.compare import differences
from helpers.checks.feedback import Feedback, Line
from helpers.checks.judge import judge
from helpers.checks.task import as_array, described

TODAY = date.today().isoformat()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A reader of their own: no progress, no hints asked for, no nbgrader."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(shown, "_hints_given", {})
    return tmp_path / "home"


def run_halves(answer):
    return {"of 1 and 2": answer(np.array([1.0, 2.0])), "of 3": answer(np.float64(3))}


HALVES = Task(
    id="0.1",
    title="Halves",
    run=run_halves,
    reference=lambda x: x / 2,
    mistakes=(
        Mistake(lambda x: x * 2, "this doubles"),
        Mistake(lambda x: -x / 2, "the sign is turned"),
        Mistake(lambda x: x / 2 if np.ndim(x) else x, "a single number is left as it is"),
    ),
    hints=("think", "divide"),
    holds=(Holds("halves are smaller", lambda got: (got["of 1 and 2"] < [1, 2]).all()),),
)
VALUE = Task("0.2", "A value", lambda x: x, 0.25, (), ("a", "b"))


class Layer:
    """Halves, as a class."""

    def __init__(self, units):
        self.units = units

    def forward(self, x):
        return x / 2


LAYER = Task("0.3", "A class", lambda answer: answer(3).forward(1.0), Layer, (), ("a", "b"))


def written(text, name="answer"):
    """Define something from source, as a notebook's cell does, and return it."""
    text = textwrap.dedent(text)
    filename = f"/a/notebook/{hash(text)}.py"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names = {"np": np}
    exec(compile(text, filename, "exec"), names)  # noqa: S102  the test's own text
    return names[name]


def told(feedback, label):
    return [line.says for line in feedback.lines if line.label == label]


# Right and wrong


def test_a_right_answer_is_told_what_holds():
    feedback = judge(HALVES, lambda values: 0.5 * values)
    assert feedback.passed
    assert str(feedback) == "0.1 Halves: right\n  holds: halves are smaller"


@pytest.mark.parametrize("number", range(3))
def test_each_mistake_is_named(number):
    mistake = HALVES.mistakes[number]
    feedback = judge(HALVES, mistake.answer)
    assert not feedback.passed
    assert told(feedback, "likely mistake") == [mistake.says]
    assert told(feedback, "next") == ['`hint("0.1")` gives a step']


def test_what_holds_and_what_does_not_are_told_apart():
    feedback = judge(HALVES, lambda x: 2 * x)
    assert told(feedback, "holds") == [
        "the form is right: kinds, lengths, shapes",
        "every number is finite",
    ]
    assert told(feedback, "not yet") == [
        "halves are smaller",
        "of 1 and 2: 2 of 2 numbers differ, the first at [0]: got 2, expected 0.5",
        "of 3: got 6, expected 1.5",
    ]


def test_a_mistake_made_in_one_part_only_is_named_too():
    doubles_arrays = judge(HALVES, lambda x: x * 2 if np.ndim(x) else x / 2)
    assert told(doubles_arrays, "likely mistake") == ["this doubles"]


def test_a_mistake_beside_an_unknown_one_is_named_as_one_of_several():
    feedback = judge(HALVES, lambda x: x * 2 if np.ndim(x) else x + 17)
    assert told(feedback, "likely mistake, among others") == ["this doubles"]
    assert told(feedback, "likely mistake") == []


def test_booleans_and_names_that_agree_by_chance_name_no_mistake():
    task = Task(
        id="0.5",
        title="x",
        run=lambda answer: {"a": answer(), "b": "name", "c": answer() > 1, "d": answer()},
        reference=lambda: 2.0,
        mistakes=(Mistake(lambda: 0.5, "half"),),
        hints=(),
    )
    feedback = judge(task, lambda: 0.25)  # only c is as the mistake has it
    assert not [line for line in feedback.lines if line.label.startswith("likely")]


def test_an_unknown_mistake_is_not_given_a_name():
    assert told(judge(HALVES, lambda x: x + 17), "likely mistake") == []


def test_a_value_is_compared_and_not_given_away():
    assert judge(VALUE, 0.25).passed and judge(VALUE, np.float32(0.25)).passed
    feedback = judge(VALUE, 0.5)
    assert told(feedback, "not yet") == ["got 0.5, which is not right"]
    assert "0.25" not in str(feedback)


def test_numbers_are_compared_to_the_tolerance_and_no_further():
    inside = differences(np.array([1.0, 1e-9]), np.array([1.000009, 0]), 1e-5)
    assert inside == {}
    assert differences(1.0, 1.00002, 1e-5)
    assert differences(1e-9, 2e-9, 1e-5)  # a share of the number, however small


# Explained


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            lambda x: np.zeros(3),
            "of 1 and 2: got an array of shape (3,), expected an array of shape",
        ),
        (lambda x: None, "got None, expected an array of shape (2,)"),
        (lambda x: "half", "got a text"),
        (lambda x: x / 2 * np.nan, "2 of 2 numbers not a number (NaN)"),
        (lambda x: np.log(x - x), "2 of 2 numbers infinite"),
        (lambda x: x * 0.5j, "got an array of shape (2,) and dtype complex128"),
        (lambda x: x > 1, "got a boolean array of shape (2,), expected an array of shape (2,)"),
        (lambda x: [[1], [1, 2]], "got a list of length 2"),
        (lambda x: 10**400, "got a number"),
        (lambda x: {}, "got a dictionary"),
        (lambda: 1, "the function takes (), expected (x)"),
        (lambda x, y: 1, "the function takes (x, y), expected (x)"),
        (0.5, "expected the function itself"),
        (None, "got None"),
        (Layer, "got a class"),
    ],
)
def test_a_wrong_form_is_explained(answer, words):
    feedback = judge(HALVES, answer)
    assert not feedback.passed
    assert words in " / ".join(told(feedback, "not yet"))


def test_a_function_for_a_value_and_an_object_for_a_class():
    assert "got the function itself: call it" in told(judge(VALUE, math.sqrt), "not yet")[0]
    assert "got the class itself: call it" in told(judge(VALUE, Layer), "not yet")[0]
    assert "expected the class itself" in told(judge(LAYER, Layer(3)), "not yet")[0]
    assert judge(LAYER, Layer).passed


def test_an_untouched_stub_is_told_what_is_asked():
    stub = written(
        """
        def answer(x):
            raise NotImplementedError("0.1 is yours: halve it.")
        """
    )
    feedback = judge(HALVES, stub)
    assert feedback.heading == "0.1 Halves: not written yet"
    assert told(feedback, "to do") == ["0.1 is yours: halve it."]
    assert not feedback.passed


def test_an_exception_is_explained_with_the_learners_own_line():
    answer = written(
        """
        def halve(values):
            return valus / 2

        def answer(x):
            return halve(x)
        """
    )
    feedback = judge(HALVES, answer)
    assert told(feedback, "error") == ["NameError: name 'valus' is not defined"]
    (line,) = (each for each in feedback.lines if each.label.startswith("your line"))
    assert (line.label, line.code) == ("your line 3", "return valus / 2")
    assert told(feedback, "usually") == [
        "A name is misspelt, or the cell that makes it was not run."
    ]


def test_the_line_is_the_learners_when_numpy_raises():
    answer = written(
        """
        def answer(x):
            return np.linalg.inv(np.zeros((2, 3)))
        """
    )
    (line,) = (each for each in judge(HALVES, answer).lines if each.label.startswith("your line"))
    assert line.code == "return np.linalg.inv(np.zeros((2, 3)))"


def test_a_numpy_warning_is_told_with_its_line_and_shown_nowhere_else():
    answer = written(
        """
        def answer(x):
            return x / (x - x)
        """
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feedback = judge(HALVES, answer)
    (line,) = (each for each in feedback.lines if each.label == "warning")
    assert line.says == "RuntimeWarning: divide by zero encountered in divide, in line 3"
    assert line.code == "return x / (x - x)"


def test_what_a_task_cannot_use_is_a_sentence():
    task = Task(
        "0.4", "x", lambda answer: as_array(answer(), "the kernel", (2,)), lambda: [1, 2], (), ()
    )
    assert judge(task, lambda: np.array([1, 2])).passed
    (said,) = told(judge(task, lambda: [[1, 2]]), "not yet")
    assert said == "the kernel has shape (1, 2), expected (2,)"
    (said,) = told(judge(task, lambda: "no"), "not yet")
    assert said == "the kernel is a text, expected an array of numbers"


def test_what_the_answer_ends_in_never_ends_the_check():
    class Mute(NotImplementedError):
        __str__ = raiser(ValueError("no message"))

    assert told(judge(HALVES, raiser(Mute())), "to do") == ["it raises NotImplementedError"]
    for error in (SystemExit(), RecursionError(), MemoryError(), Exception("`a`"), OSError()):

        def answer(x, error=error):
            raise error

        assert told(judge(HALVES, answer), "error")[0].startswith(type(error).__name__)


def test_an_interrupt_goes_through():
    def answer(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(HALVES, answer)


# Fed with anything


class Hostile:
    """An object that raises at whatever it is asked, but for its class."""

    def __getattribute__(self, name):
        if name == "__class__":
            return Hostile
        raise RuntimeError(f"no {name}")

    def __repr__(self):
        raise RuntimeError("no repr")

    def __len__(self):
        raise RuntimeError("no len")


def raiser(error):
    def raises(*args, **kwargs):
        raise error

    return raises


NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.booleans(),
    st.decimals(),
    st.fractions(),
    st.just(10**400),
)
ARRAYS = arrays.arrays(
    st.sampled_from([np.float64, np.float16, np.int8, bool, complex, object, "U3"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    fill=st.nothing(),
)
ODD = st.one_of(
    st.none(),
    st.text(max_size=9),
    st.binary(max_size=9),
    st.builds(Hostile),
    st.just(Hostile),
    st.just(np.zeros((3000, 3000))),
    st.just(np.datetime64("NaT")),
    st.just(type("Text", (str,), {"__eq__": raiser(ValueError("no")), "__hash__": None})("x")),
)
ANSWERS = st.recursive(
    st.one_of(NUMBERS, ARRAYS, ODD),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.fixed_dictionaries({"std": inner, "limit": inner}),
    ),
    max_leaves=4,
)


def functions(results):
    """Return functions of any number of arguments: some give results, others raise."""
    errors = st.sampled_from([ValueError("`x` \n{y}"), TypeError(), KeyError(3), StopIteration()])
    return st.one_of(
        results.map(lambda result: lambda *args, **kwargs: result),
        results.map(lambda result: lambda x: result),
        errors.map(raiser),
    )


@given(answer=st.one_of(ANSWERS, functions(ANSWERS)), which=st.integers(0))
@settings(deadline=None, max_examples=200)
def test_any_answer_gets_sentences_and_no_warning(answer, which):
    tasks = [HALVES, VALUE, LAYER, *all_tasks()[:2]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feedback = judge(tasks[which % len(tasks)], answer)
        text, page = str(feedback), feedback._repr_html_()
    assert text and page and "Traceback" not in text
    assert isinstance(feedback.passed, bool)


def test_an_object_without_even_a_class_gets_a_sentence():
    class Bare:
        __class__ = property(raiser(RuntimeError("no class")))

    for answer in (Bare(), lambda x: Bare()):
        assert told(judge(HALVES, answer), "error") == ["RuntimeError: no class"]


@given(ANSWERS)
@settings(deadline=None, max_examples=200)
def test_anything_is_described_and_compared(value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert described(value)
        for wanted in (1.0, np.ones((2, 2)), True, "text", (1.0, 2.0), {"std": 1.0, "limit": 2.0}):
            differences(wanted, value, 1e-5)


# What it looks like


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(deadline=None, max_examples=100)
def test_text_and_page_have_the_same_words(label, says, code):
    feedback = Feedback("0.1 x: not yet", (Line(label, says, code),), passed=False)
    page = re.sub(r"<[^>]*>", " ", feedback._repr_html_())

    def words(text):
        return "".join(text.replace("`", " ").split())

    assert words(html.unescape(page)) == words(str(feedback))


def test_nothing_of_the_learners_becomes_markup():
    page = Feedback("0.1", (Line("<b>", "`<script>`", "<img>"),))._repr_html_()
    assert "<script>" not in page and "<img>" not in page and "<code>&lt;img&gt;</code>" in page


# check, hint, expected, progress


@pytest.fixture
def halves(monkeypatch):
    """The made-up task, known to the course as 2.1 and so on are."""
    monkeypatch.setattr(shown, "find_task", lambda task_id: HALVES)
    return HALVES


def test_check_shows_and_never_raises(halves, capsys):
    assert check("0.1", lambda x: x / 2) is None
    assert check("0.1", lambda x: x) is None
    said = capsys.readouterr()
    assert "0.1 Halves: right" in said.out and "0.1 Halves: not yet" in said.out
    assert said.err == ""  # nbgrader takes what stands there for a failure


def test_under_nbgrader_a_failed_check_raises_and_a_passed_one_returns_nothing(halves, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("0.1", lambda x: x / 2) is None
    with pytest.raises(CheckFailed, match="this doubles"):
        check("0.1", lambda x: 2 * x)


def test_an_unknown_task_is_answered_with_the_known_ones(capsys, monkeypatch):
    first = all_tasks()[0].id
    for ask in (lambda name: check(name, 1), hint, lambda name: print(expected(name))):
        for name in (f"{first}1", None, Hostile, 2.1, "", "x.y", "../1"):
            ask(name)
            assert f"Known: {first}" in capsys.readouterr().out
    check(f"{first}1", 1)
    assert f"did you mean '{first}'" in capsys.readouterr().out
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(CheckFailed, match="unknown task"):
        check("99.9", 1)


def test_hints_come_one_by_one_and_end(halves, capsys):
    for wanted in ("step 1 of 2: think", "step 2 of 2: divide"):
        hint("0.1")
        said = capsys.readouterr().out
        assert wanted in said and said.count("step") == 1
    hint("0.1")
    said = capsys.readouterr().out
    assert "there are no more hints" in said and "think" in said and "divide" in said


def test_a_task_without_a_figure_says_so(halves):
    assert "asks for no figure" in str(expected("0.1"))


def test_importing_the_checks_imports_no_chapter():
    code = "import helpers.checks, sys; print([n for n in sys.modules if '.chapter_' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_progress_lists_every_task_and_is_kept(capsys):
    first, *others = tasks = all_tasks()
    check(first.id, first.reference)
    check(others[0].id, None)
    rows = {row.id: row for row in progress()}
    assert list(rows) == [task.id for task in tasks]
    assert rows[first.id].solved == TODAY
    assert not any(rows[task.id].solved for task in others)
    text, page = str(progress()), progress()._repr_html_()
    assert f"1 of {len(tasks)} tasks done" in text and f"1 of {len(tasks)} tasks done" in page
    assert f"done {TODAY}" in text and f">done {TODAY}</td>" in page
    capsys.readouterr()


def test_another_kernel_knows_what_is_done(home):
    code = (
        "from helpers.checks import check\n"
        "from helpers.checks.catalogue import all_tasks\n"
        "check(all_tasks()[0].id, all_tasks()[0].reference)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert progress()[0].solved == TODAY


def test_a_damaged_record_is_named_and_set_aside(home):
    home.mkdir()
    (home / "progress.json").write_text("{")
    rows = progress()
    assert "damaged" in rows.problem and rows.problem in str(rows)
    assert html.escape(rows.problem) in rows._repr_html_()
    (aside,) = home.glob("progress.damaged-*.json")
    assert aside.name in rows.problem


def test_progress_can_be_turned_off(home, monkeypatch, halves):
    monkeypatch.setenv("COURSE_PROGRESS", "0")
    check("0.1", HALVES.reference)
    assert not home.exists()
    assert progress().problem and not any(row.solved for row in progress())


def test_a_record_that_cannot_be_written_is_a_sentence(home, halves, capsys):
    home.write_text("a file where the folder should be")
    check("0.1", HALVES.reference)
    assert "note: Your progress" in capsys.readouterr().out


# In a notebook


def test_a_notebook_shows_it_where_the_call_stands():
    code = (
        "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
        "from IPython.utils.capture import capture_output\n"
        "shell = Shell.instance()\n"
        "with capture_output() as got:\n"
        "    shell.run_cell('from helpers.checks import check\\ncheck(\"1.99\", 1); 1 + 1')\n"
        "print(sorted(got.outputs[0].data), 'unknown task' in got.outputs[0].data['text/plain'])\n"
    )
    environment = os.environ | {"IPYTHONDIR": os.environ["IPYTHONDIR"]}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip().endswith("['text/html', 'text/plain'] True")
