"""From ``chapters/NAME/quiz.yaml`` to ``helpers/quizzes/NAME.json``, which a notebook reads.

YAML is for who writes. JSON is what travels with the package, so that a notebook without the
repository (Colab) has its quiz, and needs no YAML.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from numbers import Real
from pathlib import Path

import yaml

from helpers.files import replacing
from helpers.quiz import TYPES

QUIZ = "quiz.yaml"
FEWEST_QUESTIONS = 5
QUESTION_KEYS = {"question", "type", "review", "precision", "answers"}
ANSWER_KEYS = {"answer", "correct", "feedback", "type", "value", "range"}
VERDICTS = ("right", "wrong", "correct", "incorrect", "yes", "no", "true", "false")


def quiz_source(root: Path, chapter: str) -> Path:
    """Return where a chapter's questions are written."""
    return root / "chapters" / chapter / QUIZ


def quiz_path(root: Path, chapter: str) -> Path:
    """Return where a chapter's questions are kept for its notebook."""
    return root / "helpers" / "quizzes" / f"{chapter}.json"


def render_quiz(source: Path) -> str:
    """Return the text of a quiz's JSON file, a line for each answer.

    Raises:
        ValueError: with one sentence for each thing that is wrong with the source.
    """
    try:
        questions = yaml.safe_load(source.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {error}") from None
    broken = list(find_mistakes(questions))
    if broken:
        raise ValueError("; ".join(broken))
    return json.dumps(questions, ensure_ascii=False, indent=1) + "\n"


def write_quiz(root: Path, chapter: str) -> bool:
    """Write the quiz of a chapter for its notebook, and return whether it is another than before.

    Raises:
        ValueError: as :func:`render_quiz`.
    """
    source, path = quiz_source(root, chapter), quiz_path(root, chapter)
    if not source.exists():
        return False
    text = render_quiz(source)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return True


def check_quiz(root: Path, chapter: str) -> Iterator[str]:
    """Yield what is wrong with a chapter's questions, and whether its notebook has others."""
    source, path = quiz_source(root, chapter), quiz_path(root, chapter)
    where = f"chapters/{chapter}/{QUIZ}"
    if not source.exists():
        if path.exists():
            yield f"helpers/quizzes/{path.name} has no source {where}: delete it, or write the quiz"
        return
    try:
        text = render_quiz(source)
    except ValueError as error:
        yield f"{where}: {error}: edit it, then run: course build {chapter}"
        return
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        yield f"helpers/quizzes/{path.name} is not what {where} gives: run: course build {chapter}"


def find_mistakes(questions) -> Iterator[str]:
    """Yield a sentence for each rule that the questions of a chapter break."""
    if not isinstance(questions, list) or not all(isinstance(each, Mapping) for each in questions):
        yield "expected a list of questions, each with question, type and answers"
        return
    if len(questions) < FEWEST_QUESTIONS:
        yield f"{len(questions)} questions, expected {FEWEST_QUESTIONS} or more"
    asked = Counter(str(each.get("question")) for each in questions)
    yield from (f"asked {n} times: {text!r}" for text, n in asked.items() if n > 1)
    for number, question in enumerate(questions, start=1):
        for mistake in _question_mistakes(question):
            yield f"question {number}: {mistake}"


def _question_mistakes(question: Mapping) -> Iterator[str]:
    yield from _unknown(question, QUESTION_KEYS)
    yield from _text_mistakes("question", question.get("question"))
    if question.get("type") not in TYPES:
        yield f"type {question.get('type')!r}, expected one of {', '.join(TYPES)}"
    if "review" in question and not isinstance(question["review"], int):
        yield f"review {question['review']!r}, expected the number of a review question"
    answers = question.get("answers")
    if not isinstance(answers, list) or not all(isinstance(each, Mapping) for each in answers):
        yield "answers: expected a list, each with feedback"
        return
    numeric = question.get("type") == "numeric"
    for number, answer in enumerate(answers, start=1):
        for mistake in _answer_mistakes(answer, numeric):
            yield f"answer {number}: {mistake}"
    yield from _choice_mistakes(question.get("type"), answers)


def _answer_mistakes(answer: Mapping, numeric: bool) -> Iterator[str]:
    yield from _unknown(answer, ANSWER_KEYS)
    feedback = answer.get("feedback")
    yield from _text_mistakes("feedback", feedback)
    if isinstance(feedback, str) and feedback.lower().startswith(
        tuple(f"{word}{end}" for word in VERDICTS for end in ".,:;!")
    ):
        yield f"the feedback begins with {feedback.split()[0]!r}, which the quiz says: say why"
    default = numeric and answer.get("type") == "default"
    if not default and not isinstance(answer.get("correct"), bool):
        yield f"correct is {answer.get('correct')!r}, expected true or false"
    if not numeric:
        yield from _text_mistakes("answer", answer.get("answer"))
    elif not default:
        numbers = answer.get("range", [answer.get("value")])
        if not isinstance(numbers, list) or not all(isinstance(each, Real) for each in numbers):
            yield "expected a value, a range of two numbers, or the type default"


def _choice_mistakes(kind: str, answers: list[Mapping]) -> Iterator[str]:
    right = sum(answer.get("correct") is True for answer in answers)
    wrong = len(answers) - right
    if kind == "multiple_choice" and (right != 1 or wrong < 1):
        yield f"{right} right of {len(answers)} answers, expected exactly 1, and a wrong one"
    if kind == "many_choice" and (right < 2 or wrong < 1):
        yield f"{right} right of {len(answers)} answers, expected 2 or more, and a wrong one"
    if kind == "numeric":
        last = answers[-1].get("type") if answers else None
        if not right or last != "default":
            yield "expected a right value or range, and at the end an answer of the type default"
    texts = Counter(str(answer["answer"]) for answer in answers if "answer" in answer)
    yield from (f"answer given {n} times: {text!r}" for text, n in texts.items() if n > 1)


def _text_mistakes(key: str, text) -> Iterator[str]:
    """Yield what keeps a text from being shown as it is written."""
    if not isinstance(text, str) or not text.strip():
        yield f"{key} is {text!r}, expected a text (in quotes, where YAML takes it for a number)"
    elif "$" in text or "](" in text:  # jupyterquiz would make formulas and links of them
        yield f"{key} holds $ or a link: write mathematics as σ², √n or `code`, links in the lesson"


def _unknown(given: Mapping, known: set[str]) -> Iterator[str]:
    unknown = sorted(set(given) - known)
    if unknown:
        yield f"unknown {', '.join(map(str, unknown))}, expected {', '.join(sorted(known))}"
