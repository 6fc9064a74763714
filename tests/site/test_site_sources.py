"""What the site is made of: copies of notebooks, glossary, bibliography. Sphinx is not needed."""

import base64
import json
import re
import tomllib
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.build.notebook import WIDGET_STATE
from helpers.build.sources import find_chapters, find_exercises, solution_path
from helpers.cli import main
from helpers.cli import site as command
from helpers.site import pages
from helpers.site.bibliography import HEADING, Work, parse_work, read_bibliography
from helpers.site.glossary import read_glossary
from helpers.site.lessons import read_aims, read_opening
from helpers.site.notebooks import VIEW, read_page
from helpers.site.publish import publish

ROOT = Path(__file__).parents[2]
LESSONS = find_chapters(ROOT)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PIXEL = base64.b64encode(b"a picture").decode()


# --- copies of notebooks


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


def html_of(notebook) -> list[str]:
    """Return what a notebook shows as HTML."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_copy_has_every_picture_in_a_file_and_no_live_widget(path, pictures):
    committed, copy = nbformat.read(path, 4), read_page(path, pictures)
    stored = re.findall(r'src="data:image/png;base64,([^"]+)"', "".join(html_of(committed)))
    shown = re.findall(r'src="\.\./pictures/([^"]+)"', "".join(html_of(copy)))
    assert stored and len(shown) == len(stored)
    for data, name in zip(stored, shown, strict=True):
        assert (pictures / name).read_bytes() == base64.b64decode(data)
    text = json.dumps(copy)
    assert VIEW not in text and WIDGET_STATE not in text and "base64," not in text
    assert [cell.cell_type for cell in copy.cells] == [cell.cell_type for cell in committed.cells]
    alt_texts = re.compile(r'<img alt="([^"]+)"')
    assert alt_texts.findall("".join(html_of(copy))) == alt_texts.findall(
        "".join(html_of(committed))
    )


def test_code_is_shown_without_the_marker_of_the_tests(pictures):
    committed = nbformat.read(NOTEBOOKS[2], 4)
    copy = read_page(NOTEBOOKS[2], pictures)
    marker = "# NBVAL_CHECK_OUTPUT\n"
    assert any(cell.source.startswith(marker) for cell in committed.cells)
    for before, after in zip(committed.cells, copy.cells, strict=True):
        if before.cell_type == "code":
            assert after.source == before.source.replace(marker, "")


def widget(name: str, **state) -> dict:
    """Return a stored widget."""
    return {"model_name": f"{name}Model", "state": state}


def test_a_lab_tells_what_its_controls_are_set_to_and_a_bar_without_a_kernel_is_left_out(
    tmp_path, pictures
):
    chosen = {"_options_labels": ["tanh", "ReLU", "ELU"]}
    state = {
        "box": widget("VBox", children=["IPY_MODEL_row"]),
        "row": widget("HBox", children=[f"IPY_MODEL_{name}" for name in "abcdefg"]),
        "a": widget("Dropdown", description="activation", index=1, **chosen),
        "b": widget("SelectMultiple", description="functions", index=[0, 2], **chosen),
        "c": widget("SelectMultiple", description="others", index=[], **chosen),
        "d": widget("FloatSlider", description="rate <max>", value=0.5, readout_format=".0%"),
        "e": widget("Checkbox", description="best", value=True),
        "f": widget("ToggleButton", description="Show as table", value=False),
        "g": widget("IntSlider", description="depth", value=20, readout_format="d"),
    }
    lab = f'<div class="course-lab-static"><img alt="a" src="data:image/png;base64,{PIXEL}"></div>'
    view = {"model_id": "box"}
    cell = nbformat.v4.new_code_cell("lab")
    cell.outputs = [
        nbformat.v4.new_output("display_data", {VIEW: view, "text/plain": "0%|   | 0/9"}),
        nbformat.v4.new_output("display_data", {VIEW: view, "text/html": lab}),
    ]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata["widgets"] = {WIDGET_STATE: {"state": state}}
    nbformat.write(notebook, tmp_path / "lab.ipynb")

    (shown,) = html_of(read_page(tmp_path / "lab.ipynb", pictures))
    assert re.findall(r"<li>(.+?): <strong>(.+?)</strong></li>", shown) == [
        ("activation", "ReLU"),
        ("functions", "tanh, ELU"),
        ("others", "none"),
        ("rate &lt;max&gt;", "50%"),
        ("best", "yes"),
        ("depth", "20"),
    ]
    (picture,) = pictures.iterdir()
    assert f'src="../pictures/{picture.name}"' in shown and picture.read_bytes() == b"a picture"


# --- what lessons say of themselves


@pytest.mark.parametrize("chapter", LESSONS)
def test_aims_and_opening_are_those_of_the_lesson(chapter):
    aims, opening = read_aims(LESSONS[chapter]), read_opening(LESSONS[chapter])
    source = " ".join(LESSONS[chapter].read_text(encoding="utf-8").replace("\n#", " ").split())
    assert 3 <= len(aims) <= 5
    for text in (*aims, opening):
        assert text in source


def test_a_lesson_without_aims_is_named(tmp_path):
    lesson = tmp_path / "lesson.py"
    lesson.write_text("# %% [markdown]\n# # A title\n#\n# Some text.\n")
    with pytest.raises(ValueError, match=r"lesson\.py: no 'You will be able to'"):
        read_aims(lesson)


# --- the bibliography

WORKS = read_bibliography(LESSONS)


@pytest.mark.parametrize("chapter", [name for name in LESSONS if name != "00_start_here"])
def test_every_further_reading_of_a_lesson_is_in_the_bibliography(chapter):
    text = LESSONS[chapter].read_text(encoding="utf-8").partition(HEADING)[2]
    assert len(re.findall(r"^# - ", text, flags=re.MULTILINE)) >= 4
    listed = [work for work in WORKS if chapter in work.chapters]
    assert len(listed) == len(re.findall(r"^# - ", text, flags=re.MULTILINE))
    addresses = set(re.findall(r"\]\((\S+?)\)$", text.replace("\n#", ""), flags=re.MULTILINE))
    addresses |= set(re.findall(r"\]\((https?://\S+)\)", text))
    assert addresses == {work.url for work in listed if work.url}


def test_a_work_that_two_lessons_name_is_one_with_all_its_authors():
    (work,) = [work for work in WORKS if work.doi == "10.48550/arXiv.1511.07289"]
    assert work.authors == "Clevert, Unterthiner and Hochreiter"
    assert work.title.startswith("Fast and accurate deep network learning")
    assert work.chapters == ["03_activations", "04_selu"]


def test_every_link_to_a_doi_shows_that_doi():
    for work in WORKS:
        if "doi.org" in work.url:
            assert re.fullmatch(r"10\.\d{4,9}/[^\s%]+", work.doi), work
    assert sum(bool(work.doi) for work in WORKS) > len(WORKS) / 2


def test_a_thesis_without_an_address():
    line = "Hochreiter, *Untersuchungen*, diploma thesis, Technische Universität München, 1991"
    assert parse_work(line, Path()) == Work(
        "Hochreiter", "Untersuchungen", "diploma thesis, Technische Universität München", 1991, "",
        "",
    )  # fmt: skip


@pytest.mark.parametrize("line", ["Anon, 1999", "Anon, *Title*: [x](https://doi.org/10.1/2)"])
def test_a_line_that_is_no_work_is_named(line):
    with pytest.raises(ValueError, match=r"lesson\.py: expected 'Authors, \*Title\*, year"):
        parse_work(line, Path("lesson.py"))


# --- the glossary

TERMS = read_glossary(ROOT)


def words_of(lesson: Path) -> str:
    """Return a lesson's words in lower case, with one space before and between them."""
    return (
        " " + " ".join(re.findall(r"[\w²-]+", lesson.read_text("utf-8").replace("_", "-"))).lower()
    )


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_every_term_stands_in_its_chapter_and_is_explained(term):
    text = words_of(LESSONS[term.chapter])
    for word in term.name.lower().split():
        assert f" {word}" in text, f"{word!r} is not in {term.chapter}"
    assert term.meaning.endswith(".") and len(term.meaning.split()) >= 4


def test_terms_are_in_order_and_every_chapter_has_some():
    names = [term.name.casefold() for term in TERMS]
    assert names == sorted(names) and len(set(names)) == len(names) >= 60
    assert {term.chapter for term in TERMS} == set(LESSONS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("unit: {chapter: 02_initialisation, meaning: One.}", "did you mean '02_initialization'"),
        ("unit: {chapter: 02_initialization}", r"glossary\.yaml, unit: no meaning"),
    ],
)
def test_a_term_that_cannot_be_used_is_named(text, problem, tmp_path):
    (tmp_path / "chapters" / "02_initialization").mkdir(parents=True)
    (tmp_path / "chapters" / "02_initialization" / "lesson.py").write_text("")
    (tmp_path / "chapters" / "glossary.yaml").write_text(text)
    with pytest.raises(ValueError, match=problem):
        read_glossary(tmp_path)


# --- what is published


def test_solutions_are_published_only_when_they_are_asked_for():
    solutions = {solution_path(ROOT, name) for name in find_exercises(ROOT)}
    assert len(solutions) >= 9
    assert not solutions & set(pages.published_notebooks(ROOT))
    assert solutions < set(pages.published_notebooks(ROOT, with_solutions=True))


def test_a_notebook_that_was_not_built_is_named(tmp_path):
    (tmp_path / "chapters" / "02_initialization").mkdir(parents=True)
    (tmp_path / "chapters" / "02_initialization" / "lesson.py").write_text("")
    with pytest.raises(ValueError, match=r"notebooks/02_initialization\.ipynb is missing: run: "):
        pages.published_notebooks(tmp_path)


def test_nothing_is_published_where_a_solution_would_be(tmp_path, monkeypatch):
    def with_a_leak(root, target, with_solutions):
        cells = nbformat.read(solution_path(root, "02_initialization"), 4).cells
        code = [cell.source for cell in cells if "BEGIN SOLUTION" in cell.source]
        (target / "index.md").write_text(f"```python\n{code[0]}\n```\n", encoding="utf-8")

    monkeypatch.setattr(pages, "published_notebooks", lambda root, with_solutions: [])
    monkeypatch.setattr(pages, "_write_pages", with_a_leak)
    with pytest.raises(ValueError, match=r"index\.md holds a line of the solution of 2\.1"):
        pages.write_sources(ROOT, tmp_path / "sources")
    pages.write_sources(ROOT, tmp_path / "asked", with_solutions=True)


def test_a_folder_that_holds_something_else_stays_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty and not a site: name another folder"):
        publish(ROOT, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_sphinx_the_command_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert main(["site"]) == 1
    said = capsys.readouterr().err
    assert "this needs sphinx, " in said and "run make site" in said


# --- the packages of the site

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read_lock(name: str) -> dict[str, Requirement]:
    """Return the packages of a lock, by name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert re.fullmatch(r"#.*|[\w.-]+==[\w.]+( ; [^@:/]+)?", line), f"{name}: {line}"
    locked = [Requirement(line) for line in lines if line[:1] not in ("#", "")]
    return {canonicalize_name(each.name): each for each in locked}


def test_the_sites_lock_meets_its_ranges_and_has_no_tensorflow():
    lock = read_lock("requirements-site.lock")
    assert not {"tensorflow", "keras", "jax", "scikit-learn"} & set(lock)
    for line in PROJECT["dependency-groups"]["site"]:
        wanted = Requirement(line)
        pin = lock[canonicalize_name(wanted.name)]
        (exact,) = pin.specifier
        assert wanted.specifier.contains(exact.version) and pin.marker is None, pin


def test_what_both_locks_hold_is_of_one_version():
    site, course = read_lock("requirements-site.lock"), read_lock("requirements.lock")
    both = site.keys() & course.keys()
    assert {"numpy", "nbformat", "matplotlib"} <= both
    assert {name: site[name].specifier for name in both} == {
        name: course[name].specifier for name in both
    }
