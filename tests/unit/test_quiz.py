"""Quizzes: the questions that are there, what is refused, and what a notebook shows of them."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import yaml

from helpers import course
from helpers.build.quizzes import check_quiz, find_mistakes, quiz_path, quiz_source, write_quiz
from helpers.build.sources import find_chapters
from helpers.quiz import Quiz, as_html, load_quiz

ROOT = Path(__file__).parents[2]
LESSONS = list(find_chapters(ROOT))
WRITTEN = {
    path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(ROOT.glob("chapters/*/quiz.yaml"))
}


def choice(question="Which?", kind="multiple_choice", right=1, wrong=2, **changes):
    answers = [
        {"answer": f"answer {n}", "correct": n < right, "feedback": f"Because of {n}."}
        for n in range(right + wrong)
    ]
    return {"question": question, "type": kind, "answers": answers, **changes}


def numeric(**changes):
    answers = [
        {"type": "value", "value": 2, "correct": True, "feedback": "Twice one."},
        {"type": "range", "range": [3, 9], "correct": False, "feedback": "Too much."},
        {"type": "default", "feedback": "Count again."},
    ]
    return {"question": "How many?", "type": "numeric", "answers": answers, **changes}


def quiz(*questions):
    """Return at least five questions, the given ones first."""
    return [*questions, *(choice(f"Question {n}?") for n in range(5 - len(questions)))]


# The questions of the course


@pytest.mark.parametrize("chapter", LESSONS)
def test_every_lesson_has_a_good_quiz_that_its_notebook_can_read(chapter):
    assert quiz_source(ROOT, chapter).exists(), f"chapters/{chapter}/quiz.yaml is not written yet"
    assert list(check_quiz(ROOT, chapter)) == []
    assert load_quiz(chapter).questions == WRITTEN[chapter]
    assert len(WRITTEN[chapter]) >= 5


def test_no_quiz_without_a_lesson():
    assert set(WRITTEN) <= set(LESSONS)
    kept = {path.stem for path in (ROOT / "helpers/quizzes").glob("*.json")}
    assert kept == set(WRITTEN)


def test_the_review_questions_are_asked_each_where_it_is_answered():
    where = {}
    for chapter, questions in WRITTEN.items():
        for question in questions:
            if "review" in question:
                where.setdefault(question["review"], set()).add(chapter)
    assert sorted(where) == list(range(1, 9)), (
        "one of the book chapter's eight questions is missing"
    )
    assert where[8] == {"09_cifar10"}


def test_no_question_is_asked_twice_in_the_course():
    asked = [question["question"] for questions in WRITTEN.values() for question in questions]
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_shows_the_questions_as_they_are_now(path):
    if path.stem not in LESSONS:
        return
    call = f'course.quiz("{path.stem}")'
    cells = [cell for cell in nbformat.read(path, 4).cells if call in cell.source]
    assert cells, f"no cell asks the quiz: run: course build {path.stem}"
    shown = [output["data"].get("text/html", "") for cell in cells for output in cell.outputs]
    listed = load_quiz(path.stem)._repr_html_().partition("<style>")[0]
    assert [page.partition("<style>")[0] for page in shown] == [listed], "build it with --force"


# What a notebook shows


class Page(HTMLParser):
    """The text of a page, and the text of each element of some kinds."""

    def __init__(self, page):
        super().__init__()
        self.open, self.text = [], {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.text.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        for tag in set(self.open):
            self.text[tag][-1] += data


def page_of(*questions):
    return Quiz("01_test", list(questions))._repr_html_()


def test_without_scripts_every_answer_opens_on_its_feedback():
    page = Page(page_of(choice("Is `z < 0`?"), choice(kind="many_choice", right=2), numeric()))
    assert page.open == []
    assert page.text["li"][0].startswith("Is z < 0?")
    assert "more than one is right" in page.text["li"][1]
    assert len(page.text["summary"]) == 3 + 4 + 1
    opened = " ".join(page.text["details"])
    assert opened.count("Right. Because of 0.") == 2 and "No. Because of 2." in opened
    numbers = page.text["details"][-1]
    assert "2: Right. Twice one." in numbers and "from 3 to less than 9: No. Too much." in numbers
    assert "any other number: No. Count again." in numbers
    assert page.text["summary"][-1] == "Answers"  # they do not stand in the open


def test_the_right_answer_is_not_always_the_first():
    places = set()
    for number in range(12):
        question = choice(f"Question {number}?")
        for answer in question["answers"]:
            answer["answer"] += f" of {number}"
        opened = Page(page_of(question)).text["details"]
        places |= {place for place, text in enumerate(opened) if "Right." in text}
    assert places == {0, 1, 2}


def test_the_output_is_the_same_each_time_fetches_nothing_and_is_small():
    page = page_of(choice(), numeric())
    assert page == page_of(choice(), numeric())
    assert not re.search(r"https?://(?!\$1)", page.replace('href="http$1"', ""))
    assert "fetch(" not in page and "import(" not in page and ".src =" not in page
    assert len(page) < 30_000
    assert len(page_of(choice())) < len(page)  # no part of jupyterquiz that is not needed


def test_the_script_has_the_questions_escaped():
    page = page_of(choice("What does `</script>` end, & when?"))
    assert page.count("</script>") == 1
    found = re.search(r"var questions = (\[.*\]);", page)[1]
    (question,) = json.loads(found)
    assert question["question"] == "What does <code>&lt;/script&gt;</code> end, &amp; when?"
    assert question["answers"][0]["feedback"] == "Right. Because of 0."
    assert 'data-chapter="01_test"' in page


def test_the_parts_of_jupyterquiz_that_are_used_are_there():
    script = page_of(numeric())
    for name in ("function makeid(", "class Question", "function make_mc(", "function check_mc("):
        assert name in script
    assert "Question.register('numeric'" in script
    assert not re.search(r"^\s*(//|/\*)", script.partition("<script>")[2], re.MULTILINE)


def test_as_text_the_questions_are_numbered():
    shown = repr(Quiz("01_test", [choice(), numeric()]))
    assert shown.splitlines() == ["Quiz of chapter 01_test", "1. Which?", "2. How many?"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`a<b` & <i>", "<code>a&lt;b</code> &amp; &lt;i&gt;"),
        ("*before* or *after*?", "<em>before</em> or <em>after</em>?"),
        ("2 * 3 * 4, 2*3*4, `*a*`, ` alone", "2 * 3 * 4, 2*3*4, `*a*`, ` alone"),
        ("`*a*`", "<code>*a*</code>"),
    ],
)
def test_code_and_stress_are_marked_and_the_rest_escaped(text, expected):
    assert as_html(text) == expected


def test_an_unknown_chapter_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean '09_cifar10'"):
        course.quiz("09_cifar")


def test_a_notebook_needs_no_yaml_for_its_quiz():
    code = (
        "import sys; sys.modules['yaml'] = None; from helpers.quiz import load_quiz; "
        "print(len(load_quiz('09_cifar10')._repr_html_()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# What is refused


def test_a_good_quiz_has_no_mistakes():
    many = choice("Which two?", "many_choice", right=2, review=3)
    assert list(find_mistakes(quiz(many, numeric(precision=2)))) == []


def answer(**changes):
    question = choice()
    question["answers"][1].update(changes)
    return quiz(question)


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        (None, "expected a list of questions"),
        (["Which?"], "expected a list of questions"),
        (quiz()[:4], "4 questions, expected 5 or more"),
        (quiz(choice(), choice()), "asked 2 times: 'Which?'"),
        (quiz(choice(kind="essay")), "question 1: type 'essay', expected one of multiple_choice"),
        (quiz(choice("")), "question is '', expected a text"),
        (quiz(choice("Is $x$ one?")), "question holds $ or a link"),
        (quiz(choice("See [this](http://x)")), "question holds $ or a link"),
        (quiz(choice(right=2)), "2 right of 4 answers, expected exactly 1"),
        (quiz(choice(right=0)), "0 right of 2 answers, expected exactly 1"),
        (quiz(choice(wrong=0)), "expected exactly 1, and a wrong one"),
        (quiz(choice(kind="many_choice")), "1 right of 3 answers, expected 2 or more"),
        (quiz(choice(kind="many_choice", right=2, wrong=0)), "and a wrong one"),
        (quiz(choice(review="one")), "review 'one', expected the number"),
        (quiz(choice(answer="x")), "unknown answer, expected answers"),
        (quiz(choice(answers="x")), "answers: expected a list"),
        (quiz(numeric(answers=numeric()["answers"][1:])), "expected a right value or range"),
        (quiz(numeric(answers=numeric()["answers"][:2])), "at the end an answer of the type"),
        (
            quiz(numeric(answers=[{"feedback": "So.", "correct": True}])),
            "expected a value, a range",
        ),
        (answer(feedback=""), "answer 2: feedback is '', expected a text"),
        (answer(feedback="Incorrect. Think."), "begins with 'Incorrect.', which the quiz says"),
        (answer(answer=3), "answer is 3, expected a text (in quotes"),
        (answer(answer="answer 0"), "answer given 2 times: 'answer 0'"),
        (answer(correct="no"), "correct is 'no', expected true or false"),
        (answer(hint="x"), "answer 2: unknown hint"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(questions, expected):
    assert any(expected in mistake for mistake in find_mistakes(questions))


def add_quiz(root, text):
    source = quiz_source(root, "05_here")
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text, encoding="utf-8")


def test_the_json_is_written_once_and_a_change_is_noticed(tmp_path):
    assert write_quiz(tmp_path, "05_here") is False  # a chapter without a quiz
    add_quiz(tmp_path, yaml.safe_dump(quiz(), allow_unicode=True))
    (line,) = check_quiz(tmp_path, "05_here")
    assert line.endswith("run: course build 05_here")
    assert write_quiz(tmp_path, "05_here") is True
    assert write_quiz(tmp_path, "05_here") is False
    assert list(check_quiz(tmp_path, "05_here")) == []
    assert json.loads(quiz_path(tmp_path, "05_here").read_text(encoding="utf-8")) == quiz()
    add_quiz(tmp_path, yaml.safe_dump(quiz(choice("Another, σ²?")), allow_unicode=True))
    assert "is not what chapters/05_here/quiz.yaml gives" in next(check_quiz(tmp_path, "05_here"))


@pytest.mark.parametrize(
    ("text", "expected"), [("- [", "it is not YAML"), ("- question: x", "1 questions, expected 5")]
)
def test_a_bad_source_is_named_and_nothing_is_written(tmp_path, text, expected):
    add_quiz(tmp_path, text)
    assert expected in next(check_quiz(tmp_path, "05_here"))
    with pytest.raises(ValueError, match=expected):
        write_quiz(tmp_path, "05_here")
    assert not quiz_path(tmp_path, "05_here").exists()


def test_a_json_without_a_source_is_named(tmp_path):
    add_quiz(tmp_path, yaml.safe_dump(quiz()))
    write_quiz(tmp_path, "05_here")
    quiz_source(tmp_path, "05_here").unlink()
    assert "has no source chapters/05_here/quiz.yaml" in next(check_quiz(tmp_path, "05_here"))
