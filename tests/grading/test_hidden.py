"""helpers.grading.hidden: judging never raises, and a broken file of hidden tests says why."""

import textwrap

import numpy as np
import pytest

from helpers.grading.hidden import Hidden, Property, close, judge, load_hidden

ANSWERS = [
    None, True, 0, -1, 10**400, float("nan"), "", "1", [], {}, [[]], [1, [2]], {"a": 1},
    np.zeros(0), np.zeros((2, 2)), np.zeros((1, 2, 2)), np.array(1.0), np.zeros(2, dtype=bool),
]  # fmt: skip


def make(*judges) -> Hidden:
    properties = (Property(f"property {number}", each) for number, each in enumerate(judges))
    return Hidden(lambda learner: None, lambda rng: {}, tuple(properties))


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_no_answer_makes_judging_raise(answer):
    hidden = make(
        lambda inputs, answer: np.allclose(answer, [1.0, 2.0]),
        lambda inputs, answer: answer["value"] == 1,
        lambda inputs, answer: answer,  # an array has no truth value
        lambda inputs, answer: inputs["not there"],
        lambda inputs, answer: 1 / 0,
    )
    verdicts = judge(hidden, {}, answer)
    assert [each.text for each in verdicts] == [f"property {number}" for number in range(5)]
    assert not any(each.holds for each in (verdicts[0], verdicts[1], *verdicts[3:]))
    assert verdicts[4].problem == "ZeroDivisionError"


def test_a_property_that_holds_has_no_problem():
    (verdict,) = judge(make(lambda inputs, answer: close(answer, 2.0)), {}, 2)
    assert (verdict.holds, verdict.problem) == (True, None)


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_close_takes_any_answer_and_finds_no_stranger_right(answer):
    assert not close(answer, [1.0, 2.0])


def test_close_compares_shapes_and_numbers():
    assert close([[1, 2]], np.array([[1.0, 2.0]]))
    assert close(np.nan, np.nan)
    assert close([np.inf], [np.inf])
    assert close(1.001, 1.0, rtol=1e-2)
    assert not close(1.001, 1.0)
    assert not close([1.0], np.ones(3))  # NumPy would repeat it
    assert not close(np.ones((3, 1)), np.ones(3))


START = "from helpers.grading.hidden import Hidden, Property\nP = (Property('p', bool),)\n"
BROKEN = {
    "import nowhere": "cannot be imported: ModuleNotFoundError",
    "TASK = {}": "expected TASKS",
    "TASKS = {}": "expected TASKS",
    "TASKS = {'1.1': 1}": "task 1.1: expected a Hidden, got int",
    "TASKS = {'1.1': Hidden(lambda learner: 1, dict, P)}": "ask is not a function with a name",
    "def ask(learner): pass\nTASKS = {'1.1': Hidden(ask, dict, ())}": "at least one Property",
    "def ask(learner): pass\nTASKS = {'1.1': Hidden(ask, dict, P + P)}": "the same text",
    """
    def make(value):
        def ask(learner):
            return value
        return ask
    TASKS = {'1.1': Hidden(make(1), dict, P)}
    """: "names of a function around it",
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_broken_file_says_what_is_wrong(tmp_path, source):
    path = tmp_path / "hidden_tests.py"
    path.write_text(START + textwrap.dedent(source))
    with pytest.raises(ValueError, match=BROKEN[source]):
        load_hidden(path)


def test_the_source_of_a_question_stands_alone(tmp_path):
    path = tmp_path / "hidden_tests.py"
    path.write_text(
        START
        + "def ask(learner, n):\n    return n + 1\n\n\nTASKS = {'1.1': Hidden(ask, dict, P)}\n"
    )
    names = {}
    exec(load_hidden(path)["1.1"].source, names)  # noqa: S102 - what these tests wrote
    assert names["ask"](None, n=2) == 3
