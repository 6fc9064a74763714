"""helpers.grading.report: every task has its row, and no learner's text is more than text."""

import csv
import os
import re
import sys
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from tiny_course import EXERCISE, TASKS, make_course

from helpers.grading.exercises import find_exercises
from helpers.grading.grader import Graded
from helpers.grading.pages import histogram
from helpers.grading.report import rows, scores_table, write_report
from helpers.grading.results import NotebookResult, TaskResult
from helpers.grading.submissions import Submission, find_submissions

HARM = '<script>alert("x")</script><img src=x onerror=y>'


def graded(learner: str, *passed: str, message: str = "m", notes=(), refused=None) -> Graded:
    tasks = tuple(
        TaskResult(task, "passed", "All.", (("it is right", True),))
        if task in passed
        else TaskResult(task, "failed", message, (("it is right", False), ("it is pure", True)))
        for task in TASKS
    )
    result = NotebookResult(EXERCISE, refused, tasks, tuple(notes))
    return Graded(Submission(learner, Path(f"{learner}.ipynb")), result)


def refused(learner: str) -> Graded:
    return Graded(
        Submission(learner, Path(f"{learner}.txt")), NotebookResult(None, "not a notebook")
    )


@pytest.fixture
def exercises(tmp_path):
    return find_exercises(make_course(tmp_path / "course"))


def read(text: str) -> list[dict]:
    return list(csv.DictReader(StringIO(text)))


def test_a_row_a_task_with_its_points(exercises):
    found = read(scores_table([graded("anna", "1.1", "1.3"), refused("ben")], exercises))
    assert [(row["learner"], row["exercise"], row["task"]) for row in found] == [
        *(("anna", EXERCISE, task) for task in TASKS),
        ("ben", "", ""),
    ]
    assert [row["points"] for row in found] == ["2", "0", "1.5", "0"]
    assert [row["max_points"] for row in found] == ["2", "3", "1.5", "0"]
    assert [row["status"] for row in found] == ["passed", "failed", "passed", "refused"]
    assert found[3]["message"] == "not a notebook"
    assert list(found[0]) == [
        *("learner", "exercise", "task", "points", "max_points", "status", "message"),
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_takes_no_text_for_a_formula(exercises, start):
    name = f"{start}cmd|' /C calc'!A0"
    found = read(scores_table([graded(name, message=f"{start}1+1")], exercises))
    assert all(row["learner"] == f"'{name}" for row in found)
    assert all(row["message"] == f"'{start}1+1" for row in found)
    assert all(row["points"] == "0" for row in found)


def test_commas_quotes_and_lines_stay_in_their_cell(exercises):
    name = 'a,"b"\nc'
    found = read(scores_table([graded(name)], exercises))
    assert {row["learner"] for row in found} == {name}


class Tags(HTMLParser):
    """Collects tags, and whether each that is opened is closed."""

    VOID = ("meta", "rect", "line", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen, self.open, self.text = [], [], ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def test_what_a_learner_wrote_is_shown_and_does_nothing(exercises, tmp_path):
    hostile = graded(HARM, message=HARM, notes=[HARM], refused=None)
    bad_file = graded("second", refused=HARM)
    write_report(tmp_path / "report", [hostile, bad_file], exercises)
    assert len(pages(tmp_path / "report")) == 3
    for page in pages(tmp_path / "report"):
        text = page.read_text(encoding="utf-8")
        tags = Tags(text)
        assert not {"script", "img", "iframe", "link", "form"} & set(tags.seen)
        assert "default-src 'none'" in text
        assert HARM in tags.text


def test_a_page_for_each_learner_says_which_property_failed(exercises, tmp_path):
    write_report(tmp_path, [graded("anna", "1.1", notes=["Code cell 2 raised."])], exercises)
    (page,) = (tmp_path / "learners").iterdir()
    tags = Tags(page.read_text(encoding="utf-8"))
    assert page.name == "anna.html"
    for part in ("anna", "2 of 6.5 points", "it is right", "it is pure", "Code cell 2 raised."):
        assert part in tags.text
    assert page.read_text(encoding="utf-8").count('class="fails"') == 2


def test_every_learner_has_a_page_of_their_own_on_any_file_system(exercises, tmp_path):
    learners = [
        "anna",
        "Anna",
        "../anna",
        "a/b",
        "a-b",
        "..",
        "",
        "名前",
        "x" * 100,
        "x" * 99,
        "con.",
    ]
    write_report(tmp_path / "report", [graded(each) for each in learners], exercises)
    made = [path.relative_to(tmp_path / "report") for path in pages(tmp_path / "report")]
    assert len(made) == len({path.as_posix().casefold() for path in made}) == len(learners) + 1
    assert all(len(path.parts) == 2 for path in made if path.name != "index.html")
    links = re.findall(r'href="(learners/[^"]+)"', (tmp_path / "report/index.html").read_text())
    assert {Path(link) for link in links} == {path for path in made if path.name != "index.html"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")
def test_a_files_name_may_hold_any_bytes(exercises, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / os.fsdecode(b"a\xff\n\x1b[31m.ipynb")).write_text("x")
    (found,) = find_submissions(tmp_path / "in")
    assert found.learner == "a\ufffd\ufffd\ufffd[31m"
    result = NotebookResult(None, "not a notebook")
    write_report(tmp_path / "report", [Graded(found, result)], exercises)
    assert found.learner in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def test_the_page_of_who_is_gone_goes_too(exercises, tmp_path):
    write_report(tmp_path, [graded("anna"), graded("ben")], exercises)
    write_report(tmp_path, [graded("ben")], exercises)
    assert [page.name for page in (tmp_path / "learners").iterdir()] == ["ben.html"]


def test_the_summary_lists_the_most_failed_task_first(exercises, tmp_path):
    everyone = [
        graded("anna", "1.1"),
        graded("ben", "1.1", "1.3"),
        graded("cem", "1.1"),
        refused("dora"),
    ]
    write_report(tmp_path, everyone, exercises)
    text = Tags((tmp_path / "index.html").read_text(encoding="utf-8")).text
    tasks = text.partition("most failed first")[2].partition("Learners")[0]
    assert tasks.index("1.2") < tasks.index("1.3") < tasks.index("1.1")
    assert "3 of 3" in tasks
    assert "it is right (3)" in tasks
    assert "dora" in text.partition("Not graded")[2]


def test_exceptions_of_judges_are_for_the_teacher(exercises, tmp_path):
    task = TaskResult("1.1", "failed", "No.", (("it holds", False),), ("it holds: KeyError",))
    others = tuple(TaskResult(name, "failed", "No.") for name in TASKS if name != "1.1")
    result = NotebookResult(EXERCISE, None, (task, *others))
    write_report(tmp_path, [Graded(Submission("anna", Path("a.ipynb")), result)], exercises)
    assert "it holds: KeyError" in (tmp_path / "index.html").read_text()
    assert "KeyError" not in (tmp_path / "learners/anna.html").read_text()


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        ([0, 10], "0 to 10 per cent: 1 learner; 90 to 100 per cent: 1 learner"),
        ([3, 3, 3.5], "30 to 40 per cent: 3 learners"),
        ([7], "70 to 80 per cent: 1 learner"),
    ],
)
def test_the_histogram_counts_and_says_so(reached, said):
    picture = histogram(reached, 10)
    assert f"{said}." in picture
    assert picture.count("<rect") == said.count("per cent")
    for label in ("share of the points, in per cent", ">learners<"):
        assert label in picture


def test_bars_are_as_tall_as_their_counts():
    heights = re.findall(r'height="([\d.]+)" fill', histogram([0, 5, 5, 5, 5], 10))
    assert sorted(map(float, heights))[1] == pytest.approx(4 * min(map(float, heights)), rel=0.01)


def test_rows_are_what_the_table_holds(exercises):
    everyone = [graded("anna", "1.2"), refused("ben")]
    assert [row["learner"] for row in rows(everyone, exercises)] == ["anna"] * 3 + ["ben"]
    assert sum(row["points"] for row in rows(everyone, exercises)) == 3
