"""helpers.grading.grader: nothing lost, nothing twice, and the same scores however it is run."""

import inspect
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import psutil
import pytest
from dask_cluster import Cluster
from tiny_course import EXERCISE, RIGHT, WRONG, make_course, notebook, own_cell, save

from helpers.grading.exercises import find_exercises
from helpers.grading.grader import _Slots, grade, grade_there
from helpers.grading.inside.values import loads
from helpers.grading.journal import Journal
from helpers.grading.limits import Limits
from helpers.grading.report import scores_table
from helpers.grading.results import NotebookResult, TaskResult
from helpers.grading.sandbox import make_command
from helpers.grading.session import Question, converse
from helpers.grading.submissions import find_submissions

ROOT = Path(__file__).parents[2]
LIMITS = Limits(start_seconds=60, cell_seconds=20, task_seconds=30)


@pytest.fixture
def root(bubblewrap, tmp_path):
    return make_course(tmp_path / "course")


def hand_in(folder: Path, **answers: dict) -> Path:
    for learner, of in answers.items():
        document = notebook(of)
        document["cells"].append(own_cell(f"# {learner}"))  # no two are the same file
        save(folder / f"{learner}.ipynb", document)
    return folder


def table(graded, root) -> str:
    return scores_table(graded, find_exercises(root))


@pytest.fixture
def class_of_three(tmp_path):
    half = RIGHT | {"1.3": WRONG["1.3"]}
    return hand_in(tmp_path / "submissions", anna=RIGHT, ben=WRONG, cem=half)


def test_scores_are_the_same_whatever_the_order_and_the_jobs(root, class_of_three, tmp_path):
    cores = os.sched_getaffinity(0)
    first = table(grade(class_of_three, tmp_path / "one", root, jobs=1, limits=LIMITS), root)
    assert os.sched_getaffinity(0) == cores  # a submission is kept to one, this process is not
    turned = tmp_path / "turned"
    turned.mkdir()
    for learner, path in zip("zyx", sorted(class_of_three.iterdir()), strict=True):
        (turned / f"{learner}-{path.name}").write_bytes(path.read_bytes())
    lines = table(grade(turned, tmp_path / "three", root, jobs=3, limits=LIMITS), root).splitlines()
    back = [line.partition("-")[2] for line in lines[1:]]
    assert sorted(back) == first.splitlines()[1:]
    assert [line.split(",")[3] for line in first.splitlines()[1:]] == [
        *("2", "3", "1.5"), *("0", "0", "0"), *("2", "3", "0"),
    ]  # fmt: skip


def test_what_was_graded_is_graded_again_for_new_hidden_tests_only(root, class_of_three, tmp_path):
    said = []
    report = tmp_path / "report"
    first = grade(class_of_three, report, root, jobs=2, limits=LIMITS, say=said.append)
    assert len(said) == 3
    (class_of_three / "emil.ipynb").write_bytes((class_of_three / "anna.ipynb").read_bytes())
    hand_in(class_of_three, ben=RIGHT)
    said.clear()
    again = grade(class_of_three, report, root, jobs=2, limits=LIMITS, say=said.append)
    assert said[0] == "3 of 4 were graded before."
    assert said[1:] == ["4 of 4: ben, 3 of 3 tasks passed"]
    kept = {each.submission.learner: each.result for each in again}
    assert [each.result for each in first if each.submission.learner != "ben"] == [
        kept[name] for name in ("anna", "cem")
    ]
    assert kept["emil"] == kept["anna"]
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    hidden.write_text(hidden.read_text() + "\n# changed\n")
    said.clear()
    grade(class_of_three, report, root, jobs=2, limits=LIMITS, say=said.append)
    assert len(said) == 3  # of three contents, none is known
    assert "graded before" not in said[0]


def test_a_killed_grading_goes_on_where_it_was(root, tmp_path):
    """Killed twice, it grades each notebook once and leaves nothing running."""
    names = "abcde"
    folder = hand_in(tmp_path / "submissions", **dict.fromkeys(names, RIGHT))
    report, journal = tmp_path / "report", tmp_path / "report" / "journal"
    code = (
        "import sys; from pathlib import Path; from helpers.grading.grader import grade\n"
        "places = map(Path, sys.argv[1:])\n"
        "grade(*places, jobs=2, say=lambda line: print(line, flush=True))"
    )
    graded = []
    for enough in (1, 3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, folder, report, root],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in process.stdout:
            graded += [line] if "passed" in line else []
            if len(list(journal.glob("*.json"))) >= enough:
                break
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        _, left = psutil.wait_procs(below, timeout=30)
        assert not left
    kept = {path: path.read_bytes() for path in journal.glob("*.json")}
    assert 3 <= len(kept) < len(names)
    said = []
    result = grade(folder, report, root, jobs=2, limits=LIMITS, say=said.append)
    assert said[0] == f"{len(kept)} of {len(names)} were graded before."
    assert len(said) == 1 + len(names) - len(kept)
    assert {path: path.read_bytes() for path in kept} == kept
    assert all(task.status == "passed" for each in result for task in each.result.tasks)
    assert len(result) == len(names)


def test_on_a_cluster_that_loses_a_worker_scores_are_those_of_this_machine(root, tmp_path):
    answers = dict.fromkeys("abcd", RIGHT) | {"e": WRONG}
    folder = hand_in(tmp_path / "submissions", **answers)
    here = table(grade(folder, tmp_path / "here", root, limits=LIMITS), root)
    cluster, said = Cluster(tmp_path), []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("1 of 5"):
            cluster.workers[0].kill()
            cluster.add_worker()

    try:
        cluster.add_worker()
        cluster.add_worker()
        where = {"backend": "dask", "scheduler": cluster.address}
        graded = grade(folder, tmp_path / "there", root, limits=LIMITS, say=say, **where)
    finally:
        cluster.close()
    assert table(graded, root) == here
    assert said[-1].startswith("5 of 5")


def test_a_machine_with_other_hidden_tests_grades_nothing(root):
    with pytest.raises(ValueError, match="has other exercises or hidden tests at"):
        grade_there(b"{}", root, {"01_tiny": "another digest"}, LIMITS, None)


def test_each_submission_has_a_core_of_its_own_and_cannot_leave_it(root, bubblewrap):
    """So one that keeps its core busy, with however many processes, takes nothing from the next."""
    cores = sorted(os.sched_getaffinity(0))

    def ask(learner, cores):
        import os

        found = sorted(os.sched_getaffinity(0))
        try:
            os.sched_setaffinity(0, cores)
        except PermissionError:
            return found

    question = Question(textwrap.dedent(inspect.getsource(ask)), "ask", {"cores": cores})
    slots, found = _Slots(len(cores), cores), {}

    def run() -> None:
        slot = slots.take()
        outcome = converse(make_command(bubblewrap, LIMITS, [], slot), [], question, LIMITS)
        found[slot] = loads(outcome.answer)

    threads = [threading.Thread(target=run) for _ in cores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found.values()) == [[core] for core in cores]


def change_judge(root: Path, judge: str) -> None:
    """Make the judge of 1.2 do something else."""
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    change = (
        f"\n\ndef judge(inputs, answer):\n    {judge}\n\n\n"
        'TASKS["1.2"] = Hidden(ask_standardize, make_batch, (Property("holds", judge),))\n'
    )
    hidden.write_text(hidden.read_text() + change)


@pytest.mark.parametrize(
    ("judge", "status", "problem"),
    [
        ("return np.ones(10**11).all()", "failed", ("holds: MemoryError",)),
        ("return inputs['no']", "failed", ("holds: KeyError",)),
        ("while True: pass", "stopped", ()),
        ("np.ctypeslib.ctypes.string_at(0)", "stopped", ()),
    ],
)
def test_a_judge_that_goes_wrong_costs_its_task_and_no_more(root, tmp_path, judge, status, problem):
    change_judge(root, judge)
    folder = hand_in(tmp_path / "submissions", anna=RIGHT)
    limits = Limits(start_seconds=60, judge_seconds=2)
    (graded,) = grade(folder, tmp_path / "report", root, jobs=1, limits=limits)
    statuses = [task.status for task in graded.result.tasks]
    assert statuses == ["passed", status, "passed"]
    assert graded.result.tasks[1].problems == problem


def test_inputs_are_new_in_every_grading(root, tmp_path):
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    log = tmp_path / "log"
    change_judge(
        root, f"open({str(log)!r}, 'a').write(str(inputs['batch'].sum()) + '\\n'); return True"
    )
    folder = hand_in(tmp_path / "submissions", anna=RIGHT)
    for number in range(2):
        grade(folder, tmp_path / f"report-{number}", root, jobs=1, limits=LIMITS)
    assert len(set(log.read_text().splitlines())) == 2
    assert hidden.exists()


def test_hidden_tests_that_cannot_make_inputs_stop_the_grading(root, class_of_three, tmp_path):
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    hidden.write_text(hidden.read_text().replace("rng.normal(", "rng.no_such_thing("))
    with pytest.raises(ValueError, match=r"inputs of the hidden test of 1\.2 cannot be made: Attr"):
        grade(class_of_three, tmp_path / "report", root, jobs=1, limits=LIMITS)


def test_inputs_that_do_not_travel_stop_the_grading(root, class_of_three, tmp_path):
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    hidden.write_text(hidden.read_text().replace('{"outputs": layers}', '{"outputs": {1, 2}}'))
    with pytest.raises(ValueError, match=r"inputs of the hidden test of 1\.3 hold .* type set"):
        grade(class_of_three, tmp_path / "report", root, jobs=1, limits=LIMITS)


def test_a_task_that_needs_another_says_which(root, tmp_path):
    needs = "def dead_units(outputs):\n    return standardize(outputs)"
    folder = hand_in(tmp_path / "submissions", anna={"1.1": RIGHT["1.1"], "1.3": needs})
    (graded,) = grade(folder, tmp_path / "report", root, limits=LIMITS)
    assert [(task.status, task.message) for task in graded.result.tasks[1:]] == [
        ("not done", "The stub still stands: nothing was written."),
        ("not done", "It needs 1.2, whose stub still stands."),
    ]


def test_broken_hidden_tests_are_named_before_anything_runs(root, class_of_three, tmp_path):
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    hidden.write_text("TASKS = 1")
    with pytest.raises(ValueError, match="expected TASKS"):
        grade(class_of_three, tmp_path / "report", root, limits=LIMITS)
    assert not (tmp_path / "report").exists()


def test_two_notebooks_of_one_exercise_are_refused(root, tmp_path):
    folder = hand_in(tmp_path / "submissions", anna=RIGHT)
    hand_in(folder / "anna", mine=RIGHT)
    (graded,) = grade(folder, tmp_path / "report", root, limits=LIMITS)
    assert graded.result.refused.startswith("two or more notebooks of one exercise (anna.ipynb, ")
    assert {task.status for task in graded.result.tasks} == {"refused"}


def test_a_report_among_the_submissions_is_refused(root, class_of_three):
    with pytest.raises(ValueError, match="put the report elsewhere"):
        grade(class_of_three, class_of_three / "report", root)


def test_without_a_sandbox_a_teachers_own_notebook_gets_the_same(tmp_path):
    root = make_course(tmp_path / "course")
    half = RIGHT | {"1.2": WRONG["1.2"]}
    folder = hand_in(tmp_path / "submissions", mine=half)
    graded = grade(folder, tmp_path / "report", root, sandboxed=False, limits=LIMITS)
    assert [task.status for task in graded[0].result.tasks] == ["passed", "failed", "passed"]


def test_an_error_leaves_no_worker_behind(root, class_of_three, tmp_path):
    def stop(line):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        grade(class_of_three, tmp_path / "report", root, jobs=2, limits=LIMITS, say=stop)
    assert not psutil.Process().children(recursive=True)
    assert threading.active_count() < 20


# The journal


def make_journal(root: Path, folder: Path) -> Journal:
    return Journal(folder, find_exercises(root))


RESULT = NotebookResult(
    EXERCISE,
    None,
    (TaskResult("1.1", "failed", "No.", (("it holds", True), ("it does not", False)), ("x: y",)),),
    ("Code cell 2 raised.",),
)


def test_a_result_comes_back_as_it_was(tmp_path):
    root = make_course(tmp_path / "course")
    make_journal(root, tmp_path / "journal").keep(b"notebook", RESULT)
    assert make_journal(root, tmp_path / "journal").find(b"notebook") == RESULT
    assert make_journal(root, tmp_path / "journal").find(b"another") is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"digest": 1}', "null", "{"])
def test_a_damaged_entry_is_no_entry(tmp_path, content):
    root = make_course(tmp_path / "course")
    journal = make_journal(root, tmp_path / "journal")
    journal.keep(b"notebook", RESULT)
    (entry,) = journal.folder.iterdir()
    entry.write_text(content)
    assert journal.find(b"notebook") is None


def test_an_entry_of_an_exercise_that_is_gone_is_no_entry(tmp_path):
    root = make_course(tmp_path / "course")
    journal = make_journal(root, tmp_path / "journal")
    journal.keep(b"notebook", RESULT)
    (entry,) = journal.folder.iterdir()
    document = json.loads(entry.read_text())
    document["result"]["exercise"] = "09_gone"
    entry.write_text(json.dumps(document))
    assert journal.find(b"notebook") is None


def test_a_folder_may_hold_a_notebook_for_each_exercise(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / "in" / "anna" / "deep" / f"{name}.ipynb", notebook())
    (tmp_path / "in" / "anna" / ".ipynb_checkpoints").mkdir()
    save(tmp_path / "in" / "anna" / ".ipynb_checkpoints" / "a.ipynb", notebook())
    found = find_submissions(tmp_path / "in", most_notebooks=2)
    assert [(each.learner, each.path.name) for each in found] == [
        ("anna", "a.ipynb"),
        ("anna", "b.ipynb"),
    ]
    (refused,) = find_submissions(tmp_path / "in", most_notebooks=1)
    assert "2 notebooks: expected one" in refused.refused


def test_a_folder_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.grading.submissions.MOST_ENTRIES", 5)
    for number in range(6):
        save(tmp_path / "anna" / f"{number}.txt", {})
    (refused,) = find_submissions(tmp_path)
    assert "too many files" in refused.refused


def test_no_folder_and_no_submission_are_said(tmp_path):
    with pytest.raises(ValueError, match="is not a folder"):
        find_submissions(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is empty"):
        find_submissions(tmp_path)
