"""Formulas as MathML, which browsers show without scripts, and screen readers read.

A Sphinx extension: the renderer ``mathml`` for ``html_math_renderer``. The font is STIX Two Math as
ziamath brings it, cut down to what formulas are written with: not every system has one with the
measures that formulas need.
"""

import logging
import re
from pathlib import Path

LONG = 60  # characters of LaTeX: within a line, more may be wider than a phone, and then scrolls
PUNCTUATION = re.compile(r"[.,;:!?)]+")
FONT = "math.woff"  # beside the style sheet that names it
# Latin, Greek, punctuation, arrows and operators, brackets, italic letters as MathML draws them.
RANGES = (
    (0x0020, 0x007E), (0x00A0, 0x00FF), (0x0300, 0x036F), (0x0370, 0x03FF), (0x2000, 0x22FF),
    (0x27C0, 0x27FF), (0x2A00, 0x2A10), (0x1D434, 0x1D467), (0x1D6A4, 0x1D6A5),
    (0x1D6E2, 0x1D71B),
)  # fmt: skip


def setup(app) -> dict:
    """Register the renderer with Sphinx."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    app.connect("doctree-resolved", _keep_together)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def to_mathml(formula: str, block: bool = False) -> str:
    """Return a formula as a MathML element.

    Raises:
        ValueError: for what is not LaTeX, or not of the part of it that can be converted.
    """
    from math_core import LatexError, LatexToMathML

    try:
        return LatexToMathML().convert_with_local_state(formula, displaystyle=block)
    except LatexError as error:
        raise ValueError(f"the formula {formula!r} cannot be shown: {error}") from None


def write_font(folder: Path) -> None:
    """Write the font of the formulas."""
    import ziamath
    from fontTools import subset

    logging.getLogger(subset.__name__).setLevel(logging.WARNING)  # it tells of every glyph
    whole = Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf"
    # Its names hold its licence, the SIL Open Font License, which has to travel along.
    options = subset.Options(flavor="woff", name_IDs=["*"], notdef_outline=True)
    font = subset.load_font(whole, options)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
    cut.subset(font)
    subset.save_font(font, folder / FONT, options)


def _keep_together(_app, doctree, _name) -> None:
    """Let no line end between a formula and the full stop after it, as browsers would."""
    from docutils import nodes

    for formula in list(doctree.findall(nodes.math)):
        parent, place = formula.parent, formula.parent.index(formula)
        after = parent[place + 1] if place + 1 < len(parent) else None
        found = PUNCTUATION.match(after) if isinstance(after, nodes.Text) else None
        if found:
            parent[place + 1] = nodes.Text(after[found.end() :])
            end = nodes.Text(found[0])
            parent[place] = nodes.inline("", "", formula, end, classes=["course-together"])


def _visit_inline(translator, node) -> None:
    long = len(node.astext()) > LONG
    element = '<span class="course-long-formula" tabindex="0">{}</span>' if long else "{}"
    _write(translator, node, element, block=False)


def _visit_block(translator, node) -> None:
    # A formula that is wider than the page scrolls, so the keyboard has to reach it.
    _write(translator, node, '<div class="course-formula" tabindex="0">{}</div>', block=True)


def _write(translator, node, element: str, block: bool) -> None:
    from docutils.nodes import SkipNode
    from sphinx.util.logging import getLogger

    try:
        translator.body.append(element.format(to_mathml(node.astext(), block)))
    except ValueError as error:  # as a warning, Sphinx says where it is; no warning is let pass
        getLogger(__name__).warning(str(error), location=node)
    raise SkipNode
