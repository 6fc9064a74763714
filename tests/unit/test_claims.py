"""Every claim that the course grew from is settled by a cell that is there and is compared."""

from pathlib import Path

import nbformat
import pytest
import yaml

from helpers.build.notebook import is_checked, read_source
from helpers.build.sources import find_chapters, notebook_path

ROOT = Path(__file__).parents[2]
LESSONS = find_chapters(ROOT)
CLAIMS = yaml.safe_load((ROOT / "chapters/claims.yaml").read_text(encoding="utf-8"))


def settling(notebook, claim: str) -> list:
    """Return the cells that carry the tag of a claim."""
    return [cell for cell in notebook.cells if claim in cell.metadata.get("tags", ())]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_cell_settles_the_claim_in_the_lesson_and_in_the_notebook(claim):
    chapter = CLAIMS[claim]["chapter"]
    assert chapter in LESSONS, f"chapters/{chapter}/lesson.py is not written yet"
    lesson = settling(read_source(LESSONS[chapter], "quick"), claim)
    assert lesson, f'no cell of chapters/{chapter}/lesson.py has the tag: # %% tags=["{claim}"]'
    committed = nbformat.read(notebook_path(ROOT, chapter), as_version=4)
    built = settling(committed, claim)
    assert built, f"notebooks/{chapter}.ipynb has no cell with it: run: course build {chapter}"
    for cell in (*lesson, *built):
        assert cell.cell_type == "code" and is_checked(cell), "its output must be compared by nbval"
    for cell in built:
        assert cell.outputs, f"its cell has no output: run: course build {chapter} --force"


def test_lessons_carry_no_unknown_claim():
    for chapter, lesson in LESSONS.items():
        for cell in read_source(lesson, "quick").cells:
            for tag in cell.metadata.get("tags", ()):
                if tag.startswith("claim"):
                    known = CLAIMS.get(tag, {}).get("chapter")
                    assert known == chapter, f"{tag} in {chapter}: claims.yaml has it in {known}"


def test_every_claim_says_what_was_claimed_and_what_is_right():
    assert len(CLAIMS) == 22  # a claim that is taken off the list must be missed
    for name, claim in CLAIMS.items():
        assert name.startswith("claim-")
        assert claim.keys() - {"measured"} == {"chapter", "claim", "verdict"}
        assert all(isinstance(text, str) and text.strip() for text in claim.values())


@pytest.mark.parametrize("claim", [name for name, each in CLAIMS.items() if "measured" in each])
def test_a_verdict_on_time_has_a_cell_that_takes_it(claim):
    chapter, tag = CLAIMS[claim]["chapter"], CLAIMS[claim]["measured"]
    assert settling(read_source(LESSONS[chapter], "quick"), tag), f"no cell has the tag {tag}"
    built = settling(nbformat.read(notebook_path(ROOT, chapter), as_version=4), tag)
    assert [bool(cell.outputs) for cell in built] == [True], f"run: course build {chapter}"
