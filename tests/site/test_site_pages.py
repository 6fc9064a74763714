"""The site itself, built once without a network, and read as a browser reads it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from pages_read import (
    broken_links,
    elsewhere,
    fetched,
    pages,
    read,
    text_of,
    without_alt_text,
)

from helpers.build.leaks import find_leaks, find_secrets
from helpers.build.sources import find_chapters, find_exercises
from helpers.checks.catalogue import chapter_tasks, points
from helpers.quiz import as_html, load_quiz
from helpers.site.bibliography import read_bibliography
from helpers.site.glossary import read_glossary
from helpers.site.lessons import read_aims

ROOT = Path(__file__).parents[2]
CHAPTERS, EXERCISES = find_chapters(ROOT), find_exercises(ROOT)
SECONDS = 30  # what make site may take, on one core and with nothing else to do

# A process that cannot reach any host, itself included: every try is an error.
BUILD = """
import sys
def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        raise OSError(f"a site is built without a network: {event} {args}")
sys.addaudithook(refuse)
"""


def run(python: Path, code: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run code in the site's environment, with this very package and without a network."""
    return subprocess.run(
        [python, "-c", BUILD + code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def seconds_of_children() -> float:
    """Return the processor time of all processes that were started from here and have ended."""
    if sys.platform == "win32":
        return 0.0
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def built(site_python, tmp_path_factory) -> tuple[Path, float]:
    """A site as ``make site`` makes it, and the processor time that it took."""
    out, before = tmp_path_factory.mktemp("site") / "site", seconds_of_children()
    code = 'from helpers.cli import main; sys.exit(main(["site", "--json", "--out", sys.argv[1]]))'
    done = run(site_python, code, out)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"folder": str(out), "pages": len(pages(out))}
    assert sorted(path.name for path in out.parent.iterdir()) == ["site"], "nothing is left beside"
    return out, seconds_of_children() - before


@pytest.fixture(scope="module")
def site(built) -> Path:
    return built[0]


@pytest.mark.skipif(sys.platform == "win32", reason="it does not tell what processes used")
def test_it_takes_less_than_half_a_minute(built):
    """Processor time, which says the same on a busy machine."""
    assert built[1] < SECONDS


def test_the_process_that_builds_can_reach_nobody(site_python):
    code = 'import socket; socket.create_connection(("127.0.0.1", 9))'
    done = run(site_python, code)
    assert "a site is built without a network" in done.stderr


def test_it_has_a_page_for_each_lesson_exercise_and_teacher_and_no_solution(site):
    found = {path.relative_to(site).with_suffix("").as_posix() for path in pages(site)}
    assert found == {
        *(f"notebooks/{name}" for name in CHAPTERS),
        *(f"exercises/{name}" for name in EXERCISES),
        *(f"teachers/{name}" for name in EXERCISES),
        *("index", "teachers/index", "glossary", "bibliography", "search"),
    }


def test_no_link_inside_is_broken(site):
    assert list(broken_links(site)) == []


def test_the_search_for_broken_links_finds_them(tmp_path):
    (tmp_path / "a.html").write_text('<h1 id="here">A</h1>')
    (tmp_path / "b.html").write_text(
        '<a href="a.html#here">1</a><a href="a.html#there">2</a><a href="c.html">3</a>'
        '<a href="#nowhere">4</a><a href="https://doi.org/10.1/2">5</a><img src="no.png">'
    )
    assert sorted(broken_links(tmp_path)) == [
        "b.html: #nowhere: no such place",
        "b.html: a.html#there: no such place",
        "b.html: c.html: no such file",
        "b.html: no.png: no such file",
    ]


def test_nothing_is_fetched_from_another_host(site):
    assert len(list(site.rglob("*.css"))) > 3
    found = {
        (path.relative_to(site).as_posix(), address)
        for path in [*pages(site), *site.rglob("*.css")]
        for address in fetched(path)
        if elsewhere(address)
    }
    assert found == set()


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/require.js"></script>',
        '<script src="//cdn.example/require.js"></script>',
        '<link rel="stylesheet" href="http://cdn.example/a.css">',
        '<link rel="preload" as="font" href="https://cdn.example/a.woff2">',
        '<img src="https://cdn.example/a.png">',
        '<img srcset="https://cdn.example/a.png 2x">',
        '<iframe src="https://cdn.example"></iframe>',
        '<p style="background: url(https://cdn.example/a.png)">',
        '<style>@import "https://cdn.example/a.css";</style>',
        '<style>@font-face {src: url("https://cdn.example/a.woff")}</style>',
    ],
)
def test_the_search_for_other_hosts_finds_them(page, tmp_path):
    (tmp_path / "page.html").write_text(page)
    assert [elsewhere(address) for address in fetched(tmp_path / "page.html")] == [True]


def test_every_picture_has_alt_text(site):
    silent = {path.name: found for path in pages(site) if (found := without_alt_text(path))}
    assert silent == {}
    assert len(read(site / "index.html").find("article", class_="bd-article")("img")) == 1
    assert sum(len(read(path)("img")) for path in pages(site)) > 40


@pytest.mark.parametrize("page", ['<img src="a.png">', '<img alt=" " src="a.png">', "<svg></svg>"])
def test_the_search_for_silent_pictures_finds_them(page, tmp_path):
    (tmp_path / "page.html").write_text(page)
    assert len(without_alt_text(tmp_path / "page.html")) == 1


# --- lessons


def outputs_of(chapter: str) -> str:
    """Return the HTML that the committed notebook of a chapter shows."""
    cells = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", 4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_lesson_shows_all_its_pictures_and_labs(chapter, site):
    page = read(site / "notebooks" / f"{chapter}.html")
    article = page.find("article", class_="bd-article")
    stored = outputs_of(chapter)
    assert len(article("img")) == stored.count("<img ") > 0
    for picture in article("img"):
        assert "background:white" in picture["style"], "made for white, also on a dark page"
    labs = article(class_="course-lab-static")
    assert len(labs) == stored.count('class="course-lab-static"') > 0
    for lab in labs:
        assert len(lab.find(class_="course-lab-controls")("li")) >= 3
        assert lab.find("img") and lab.find(role="status").get_text()


def test_tables_among_the_outputs_are_tables(site):
    page = read(site / "notebooks/00_start_here.html")
    links = [link["href"] for table in page("table") for link in table("a")]
    assert links == [f"{name}.html".replace("00_start_here.html", "#") for name in CHAPTERS]
    page = read(site / "notebooks/09_cifar10.html")
    assert any("published" in read_text(str(table.find("tr"))) for table in page("table"))


@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if name != "00_start_here"])
def test_a_quiz_opens_on_its_feedback_without_scripts(chapter, site):
    page = read(site / "notebooks" / f"{chapter}.html")
    asked = page.find(class_="course-quiz")("li")
    questions = load_quiz(chapter).questions
    assert len(asked) == len(questions) >= 5
    for shown, question in zip(asked, questions, strict=True):
        opened = " ".join(str(element) for element in shown("details"))
        for answer in question["answers"]:
            told = read_text(as_html(answer["feedback"]))
            assert told in read_text(opened)


def read_text(html: str) -> str:
    """Return the text of a piece of HTML, with single spaces."""
    return " ".join(BeautifulSoup(html, "html.parser").get_text().split())


@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if name != "00_start_here"])
def test_every_formula_is_shown_without_scripts(chapter, site):
    cells = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", 4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", prose, flags=re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"\$\$(.+?)\$\$", prose, flags=re.DOTALL)
    inline = re.findall(r"\$([^$]+)\$", re.sub(r"\$\$.+?\$\$", "", prose, flags=re.DOTALL))
    article = read(site / "notebooks" / f"{chapter}.html").find("article", class_="bd-article")
    formulas = article("math")
    assert len(formulas) == len(blocks) + len(inline)
    assert len([each for each in formulas if each.get("display") == "block"]) == len(blocks)
    for formula in formulas:
        assert "\\" not in formula.get_text() and not formula.find("merror")


def test_no_line_ends_between_a_formula_and_its_full_stop(site):
    article = read(site / "notebooks/04_selu.html").find("article", class_="bd-article")
    ends = [
        formula.parent.get("class")
        for formula in article("math")
        if str(formula.next_sibling or " ")[0] in ".,;:"
    ]
    assert ends == [["course-together"]] * len(ends) and len(ends) >= 3


def test_the_font_of_the_formulas_is_there(site):
    style = site / "_static" / "course.css"
    (font,) = [address for address in fetched(style) if "woff" in address]
    assert (style.parent / font).read_bytes()[:4] == b"wOFF"


@pytest.mark.parametrize("path", [f"notebooks/{name}" for name in CHAPTERS])
def test_the_notebook_that_a_page_offers_is_the_committed_one(path, site):
    page = read(site / f"{path}.html")
    (download,) = page("a", class_="btn-download-source-button")
    offered = (site / f"{path}.html").parent / download["href"]
    assert offered.read_bytes() == (ROOT / f"{path}.ipynb").read_bytes()


# --- teachers, glossary, bibliography, search


@pytest.mark.parametrize("chapter", EXERCISES)
def test_a_teachers_page_has_aims_minutes_points_and_known_mistakes(chapter, site):
    page = text_of(site / "teachers" / f"{chapter}.html")
    for aim in read_aims(CHAPTERS[chapter]):
        assert re.sub(r"[`*]", "", aim) in page
    assert re.search(r"quick (under 1 minute|\d+ minutes)", page)
    number = chapter[:2]
    for task in chapter_tasks(number):
        count = points(number)[task.id]
        assert f"{task.id} {task.title}" in page
        start = page.index(f"{task.id} {task.title}# {count} point")
        told = page[start:]
        for mistake in task.mistakes:
            assert read_text(as_html(mistake.says)) in told


def test_the_glossary_has_every_term_with_a_place_to_link_to(site):
    page = read(site / "glossary.html")
    terms = {element.get_text().removesuffix("#"): element for element in page("dt")}
    assert set(terms) == {term.name for term in read_glossary(ROOT)}
    assert all(element["id"].startswith("term-") for element in terms.values())
    for term in read_glossary(ROOT):
        (link,) = terms[term.name].find_next("dd")("a")
        assert link["href"] == f"notebooks/{term.chapter}.html"


def test_the_bibliography_has_every_work_with_its_doi(site):
    page = read(site / "bibliography.html")
    links = {element["href"]: element.get_text() for element in page("a")}
    listed = text_of(site / "bibliography.html")
    for work in read_bibliography(CHAPTERS):
        assert f"{work.authors}, {work.title}" in listed
        assert not work.doi or links[work.url] == work.doi


def read_index(site: Path) -> dict:
    """Return the index that the search page searches."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("satur", "notebooks/01_vanishing_gradients"),  # as the stemmer leaves it
        ("orthogon", "exercises/02_initialization"),
        ("karniadaki", "bibliography"),
        ("convolut", "teachers/02_initialization"),
    ],
)
def test_the_search_knows_what_is_on_every_kind_of_page(word, page, site):
    index = read_index(site)
    found = index["terms"][word]
    names = [index["docnames"][each] for each in (found if isinstance(found, list) else [found])]
    assert page in names


def test_every_page_can_be_searched_and_turned_dark(site):
    for path in pages(site):
        page = read(path)
        assert page.find("form", class_="bd-search") and page.find(class_="search-button")
        assert page.find("button", class_="theme-switch-button")
    style = (site / "_static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    assert "html[data-theme=dark]" in style


# --- solutions and launch buttons


def leaks(site: Path, scratch: Path) -> list[str]:
    """Return the lines of solutions and hidden tests that can be read in any file of a site."""
    scratch.mkdir()
    for number, path in enumerate(pages(site)):  # colours cut the code of a page into pieces
        (scratch / f"{number}.txt").write_text(read(path).get_text(), encoding="utf-8")
    others = [path for path in site.rglob("*") if path.suffix in (".ipynb", ".md", ".js", ".txt")]
    secrets = find_secrets(ROOT)
    return [
        *find_leaks(sorted(scratch.iterdir()), secrets, scratch),
        *find_leaks(sorted(others), secrets, site),
    ]


def test_no_solution_and_no_hidden_test_can_be_read_on_it(site, tmp_path):
    assert leaks(site, tmp_path / "texts") == []


SMALL = "02_initialization"


def small_course(root: Path) -> None:
    """Write a course of one chapter that has a public repository."""
    shutil.copytree(ROOT / "chapters" / SMALL, root / "chapters" / SMALL)
    for folder in ("notebooks", "exercises", "solutions"):
        (root / folder).mkdir()
        shutil.copyfile(ROOT / folder / f"{SMALL}.ipynb", root / folder / f"{SMALL}.ipynb")
    shutil.copyfile(ROOT / "chapters" / "claims.yaml", root / "chapters" / "claims.yaml")
    term = "unit: {chapter: 02_initialization, meaning: One.}"
    (root / "chapters" / "glossary.yaml").write_text(term)
    shutil.copytree(ROOT / "site", root / "site")
    (root / "helpers").mkdir()
    (root / "helpers" / "launch.json").write_text('{"repository": "ada/deep", "ref": "v1"}')


PUBLISH = """
from pathlib import Path
from helpers.launch import Launch
from helpers.site.publish import SiteError, publish, run_sphinx
root, out, wrong = map(Path, sys.argv[1:])
try:
    run_sphinx(root / "site", wrong, wrong.parent / "pages", Launch())
except SiteError as error:
    print(error)
publish(root, out, with_solutions=True)
"""
WRONG = r"""
# A page

[to nowhere](no.md)

A formula, $\fraq{1}{2}$.
"""


@pytest.fixture(scope="module")
def published(site_python, tmp_path_factory) -> tuple[Path, str]:
    """A site with solutions and launch buttons, in the place of an older site.

    With it, what was said of a page that has something wrong.
    """
    root = tmp_path_factory.mktemp("course")
    small_course(root)
    out, wrong = root / "build" / "site", root / "wrong" / "sources"
    out.mkdir(parents=True)
    (out / ".buildinfo").write_text("an older site")
    (out / "gone.html").write_text("an older page")
    wrong.mkdir(parents=True)
    (wrong / "index.md").write_text(WRONG.lstrip())
    done = run(site_python, PUBLISH, root, out, wrong)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


@pytest.fixture(scope="module")
def asked(published) -> Path:
    return published[0]


def test_a_broken_link_and_a_wrong_formula_are_named_with_their_page(published):
    said = published[1]
    assert "index.md:3: WARNING" in said and "'no.md'" in said
    assert r"index.md:5: WARNING: the formula '\\fraq{1}{2}' cannot be shown" in said


def test_an_older_site_is_replaced_whole(asked):
    assert not (asked / "gone.html").exists() and (asked / "index.html").exists()


def test_solutions_are_on_a_site_that_was_asked_for_them(asked, tmp_path):
    assert (asked / "solutions/02_initialization.html").exists()
    found = leaks(asked, tmp_path / "texts")
    assert any("holds a line of the solution of 2.1" in each for each in found)
    assert list(broken_links(asked)) == []


def launch_links(page: Path) -> set[str]:
    """Return where the launch buttons of a page lead."""
    hosts = ("https://mybinder.org/", "https://colab.research.google.com/")
    return {each["href"] for each in read(page)("a", href=True) if each["href"].startswith(hosts)}


@pytest.mark.parametrize("path", ["notebooks/02_initialization", "exercises/02_initialization"])
def test_launch_buttons_open_the_notebook_of_the_page(path, asked):
    colab = f"https://colab.research.google.com/github/ada/deep/blob/v1/{path}.ipynb"
    binder = f"https://mybinder.org/v2/gh/ada/deep/v1?urlpath=lab/tree/{path}.ipynb"
    found = launch_links(asked / f"{path}.html")
    assert {address.replace("%2F", "/") for address in found} == {colab, binder}


def test_without_a_public_repository_there_are_no_launch_buttons(site):
    assert set().union(*(launch_links(path) for path in pages(site))) == set()
