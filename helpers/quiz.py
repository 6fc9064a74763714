"""The questions of a chapter, asked in its notebook.

``chapters/NAME/quiz.yaml`` is what people write; ``course build`` makes ``quizzes/NAME.json`` of
it, which travels with this package. In a notebook jupyterquiz's JavaScript makes them live. Where
no script runs (a code host's preview, a notebook that is not trusted yet) they are a list in which
each answer opens on what is right or wrong about it.
"""

import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from helpers.arguments import Document, Instance, Items, Name, Text, takes
from helpers.names import lookup

FOLDER = Path(__file__).parent / "quizzes"
TYPES = ("multiple_choice", "many_choice", "numeric")  # those of jupyterquiz that the course uses
RIGHT, WRONG = "Right.", "No."  # said before a feedback, so that colour alone says nothing
STRESS = re.compile(r"(?<![\w*])\*(?=\S)([^*]+)(?<=\S)\*(?![\w*])")

# jupyterquiz's own style sheet sets 16 points, two columns, and colours without enough contrast.
STYLE = """
.course-quiz{max-width:46em;line-height:1.4}
.course-quiz .Quiz,.course-quiz li{margin:0 0 1.4em}
.course-quiz details,.course-quiz .MCButton{display:block;position:relative;margin:6px 0;
padding:6px 12px;border:1px solid;border-radius:4px}
.course-quiz summary,.course-quiz .MCButton{cursor:pointer}
.course-quiz .MCButton:focus-within{outline:3px solid #0072B2;outline-offset:1px}
.course-quiz .correctButton{box-shadow:inset 8px 0 #009E73}
.course-quiz .incorrectButton{box-shadow:inset 8px 0 #D55E00}
.course-quiz .sr-only{position:absolute;opacity:0}
.course-quiz .Input-text{font:inherit;margin:6px 0;padding:2px 12px}
"""

# jupyterquiz's classes make the elements; this puts them in place of the list, and tells a screen
# reader what belongs together. "MathJax" hides the page's own, which jupyterquiz would call, and
# its show_questions, which fetches MathJax from the network, is left out; "console" hides its log.
SCRIPT = """
(function () {
  var MathJax, console = {log: function () {}, error: window.console.error};
  %(library)s
  var questions = %(questions)s;
  var options = {shuffleAnswers: true, preserveResponses: false, maxWidth: 736};
  var chosen = '.course-quiz[data-chapter="%(chapter)s"]:not([data-live])';
  document.querySelectorAll(chosen).forEach(function (place) {
    var live = document.createElement("div");
    questions.forEach(function (question, index) {
      Question.create(question, makeid(8), index, options, live);
      var whole = live.lastElementChild;
      var text = whole.querySelector('[id^="quizQn"]');
      var answers = whole.querySelector(".Answer");
      var many = question.type === "many_choice";
      text.prepend(index + 1 + ". ");
      answers.setAttribute("role", question.type === "multiple_choice" ? "radiogroup" : "group");
      answers.setAttribute("aria-labelledby", text.id);
      whole.querySelector(".Feedback").setAttribute("role", "status");
      whole.querySelectorAll("input").forEach(function (input) {
        if (many) { input.type = "checkbox"; }
        if (question.type !== "numeric") { return; }
        var label = whole.querySelector(".InpLabel");
        label.textContent = "Your number, then Enter: ";
        label.htmlFor = input.id;
      });
    });
    place.replaceChildren(live);
    place.dataset.live = "yes";
  });
})();
"""


_TEXT = Instance(str, expected="a text")
_QUESTION = Document(
    {
        "question": _TEXT,
        "type": Name(TYPES, "type of question"),
        "answers": Items(Document({"feedback": _TEXT}, {"answer": _TEXT})),
    }
)


class Quiz:
    """The questions of one chapter. A notebook shows them as the last expression of a cell.

    Args:
        chapter: its name, for example ``01_vanishing_gradients``.
        questions: as ``quiz.yaml`` holds them, in jupyterquiz's own keys.

    Raises:
        ValueError: for a question without what every question has.
    """

    @takes(chapter=Text(), questions=Items(_QUESTION))
    def __init__(self, chapter: str, questions: Sequence[Mapping]) -> None:
        self.chapter = chapter
        self.questions = questions

    def __repr__(self) -> str:
        asked = (f"{number}. {q['question']}" for number, q in enumerate(self.questions, 1))
        return "\n".join((f"Quiz of chapter {self.chapter}", *asked))

    def _repr_html_(self) -> str:
        """Return the list of questions, and the script that makes them live in its place.

        Nothing in it is random, so that a notebook that is executed again stays what it was.
        """
        listed = "".join(f"<li>{_as_list(question)}</li>" for question in self.questions)
        return (
            f'<div class="course-quiz" data-chapter="{html.escape(self.chapter)}">'
            f"<ol>{listed}</ol></div><style>{STYLE}</style><script>{self._script()}</script>"
        )

    def _script(self) -> str:
        questions = [_for_jupyterquiz(question) for question in self.questions]
        # "</script>" inside a text would end the element.
        data = json.dumps(questions, ensure_ascii=False).replace("<", "\\u003c")
        types = {question["type"] for question in self.questions}
        return SCRIPT % {
            "library": _library(numeric="numeric" in types),
            "questions": data,
            "chapter": self.chapter,
        }


def load_quiz(chapter: str) -> Quiz:
    """Return the quiz of a chapter.

    Raises:
        ValueError: for a chapter that has none, with those that have one.
    """
    known = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
    path = lookup(chapter, known, "chapter with a quiz")
    return Quiz(chapter, json.loads(path.read_text(encoding="utf-8")))


@takes(text=_TEXT)
def as_html(text: str) -> str:
    """Return a text of a quiz as HTML: escaped, with `` `code` `` and ``*stress*``.

    Raises:
        ValueError: for what is no text.

    >>> as_html("`a * b * c` is *not* 0 for z < 0")
    '<code>a * b * c</code> is <em>not</em> 0 for z &lt; 0'
    """
    prose_and_code = html.escape(text, quote=False).split("`")
    if len(prose_and_code) % 2 == 0:  # a backtick without its second
        return html.escape(text, quote=False)
    prose_and_code[::2] = (STRESS.sub(r"<em>\1</em>", part) for part in prose_and_code[::2])
    prose_and_code[1::2] = (f"<code>{part}</code>" for part in prose_and_code[1::2])
    return "".join(prose_and_code)


def _as_list(question: Mapping) -> str:
    """Return a question, and its answers as elements that open on their feedback."""
    asked = f"<p>{_asked(question)}</p>"
    if question["type"] == "numeric":  # the numbers themselves would give it away
        told = "".join(
            f"<p>{_number(answer)}: {as_html(_feedback(answer))}</p>"
            for answer in question["answers"]
        )
        return f"{asked}<details><summary>Answers</summary>{told}</details>"
    # An order of its own, lest the right answer always be the first.
    answers = sorted(question["answers"], key=lambda each: _digest(each["answer"]))
    return asked + "".join(
        f"<details><summary>{as_html(answer['answer'])}</summary>"
        f"<p>{as_html(_feedback(answer))}</p></details>"
        for answer in answers
    )


def _asked(question: Mapping) -> str:
    hint = " (more than one is right)" if question["type"] == "many_choice" else ""
    return as_html(question["question"]) + hint


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _number(answer: Mapping) -> str:
    """Return the number that an answer is about, in words."""
    if "range" in answer:
        low, high = answer["range"]
        return f"from {low:g} to less than {high:g}"
    return f"{answer['value']:g}" if "value" in answer else "any other number"


def _feedback(answer: Mapping) -> str:
    verdict = RIGHT if answer.get("correct") else WRONG
    return f"{verdict} {answer['feedback']}"


def _for_jupyterquiz(question: Mapping) -> dict:
    """Return a question with its texts as HTML, as jupyterquiz puts them on the page."""
    answers = [
        answer
        | {"feedback": as_html(_feedback(answer))}
        | ({"answer": as_html(answer["answer"])} if "answer" in answer else {})
        for answer in question["answers"]
    ]
    return {**question, "question": _asked(question), "answers": answers}


def _library(numeric: bool) -> str:
    """Return the parts of jupyterquiz's JavaScript that are needed, without comments."""
    import jupyterquiz  # late: it imports IPython

    folder = files(jupyterquiz) / "js"
    names = ["helpers", "multiple_choice", *(["numeric"] if numeric else [])]
    text = "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in names)
    text = re.sub(r"^[ \t]*/\*(?:(?!\*/).)*\*/", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
