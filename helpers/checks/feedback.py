"""What a learner is told: the same words as text and as HTML."""

import html
from typing import NamedTuple

GOOD, BAD, PLAIN = "#009E73", "#D55E00", "#777777"


class Line(NamedTuple):
    """One thing that is told.

    Attributes:
        label: what kind of thing: "holds", "not yet", "likely mistake", ...
        says: the sentence; text between backticks is code.
        code: a line of the learner's own, shown after the sentence.
    """

    label: str
    says: str
    code: str = ""


class Feedback:
    """What an answer is told. A notebook shows it as a box, a terminal as lines.

    Args:
        heading: the task and the verdict.
        lines: what there is to say.
        passed: True, False, or None where nothing was judged.
    """

    def __init__(self, heading: str, lines: tuple[Line, ...] = (), passed: bool | None = None):
        self.heading = heading
        self.lines = tuple(lines)
        self.passed = passed

    def __repr__(self) -> str:
        listed = (
            " ".join(filter(None, (f"  {line.label}:", line.says, line.code)))
            for line in self.lines
        )
        return "\n".join((self.heading, *listed))

    def _repr_html_(self) -> str:
        color = {True: GOOD, False: BAD, None: PLAIN}[self.passed]
        listed = "".join(
            f"<li><strong>{html.escape(line.label)}:</strong> {as_html(line.says)}"
            + (f" <code>{html.escape(line.code)}</code>" if line.code else "")
            + "</li>"
            for line in self.lines
        )
        items = f'<ul style="margin:4px 0 0">{listed}</ul>' if listed else ""
        return (
            '<div class="course-check" role="status" style="max-width:46em;line-height:1.4;'
            f'padding:6px 16px;border:1px solid;border-radius:4px;box-shadow:inset 8px 0 {color}">'
            f"<strong>{as_html(self.heading)}</strong>{items}</div>"
        )


def as_html(text: str) -> str:
    """Return a text as HTML: escaped, with `` `code` ``.

    >>> as_html("`z < 0` is 0")
    '<code>z &lt; 0</code> is 0'
    """
    parts = html.escape(text, quote=False).split("`")
    if len(parts) % 2 == 0:  # a backtick without its second
        return "`".join(parts)
    parts[1::2] = (f"<code>{part}</code>" for part in parts[1::2])
    return "".join(parts)
