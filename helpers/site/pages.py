"""Everything that Sphinx reads: copies of notebooks, and pages filled in from templates."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2
import nbformat
import yaml

from helpers.build.exercises import chapter_number
from helpers.build.leaks import find_leaks, find_secrets
from helpers.build.sources import (
    exercise_path,
    find_chapters,
    find_exercises,
    notebook_path,
    solution_path,
)
from helpers.checks.catalogue import chapter_tasks, points
from helpers.course import ChapterList
from helpers.course import chapters as list_chapters
from helpers.quiz import FOLDER as QUIZZES
from helpers.quiz import as_html
from helpers.site.bibliography import read_bibliography
from helpers.site.glossary import read_glossary
from helpers.site.lessons import read_aims, read_opening
from helpers.site.notebooks import PICTURES, first_lab_picture, read_page

TEMPLATES = Path("site") / "pages"
FOR_EACH_CHAPTER = "teachers/chapter.md"  # the one template that makes a page a chapter


@dataclass(frozen=True)
class Chapter:
    """What the pages say of a chapter.

    Attributes:
        name, number, title: as in ``02_initialization``, ``02``, its heading.
        opening, aims: its first paragraph, and what the reader will be able to do.
        times: how long it takes, in words, by profile.
        tasks: of its exercise, as the checks know them; none where it has no exercise.
        points: of each task, by id.
        claims: of those that the course grew from, the ones that it settles.
        questions: of its quiz.
    """

    name: str
    number: str
    title: str
    opening: str
    aims: list[str]
    times: Mapping[str, str]
    tasks: tuple
    points: Mapping[str, int]
    claims: list[dict]
    questions: list[dict]


def read_chapters(root: Path, listed: ChapterList) -> list[Chapter]:
    """Return every chapter, in order, with titles and times as the list of chapters has them."""
    claims = yaml.safe_load((root / "chapters" / "claims.yaml").read_text(encoding="utf-8"))
    titles = {each.name: each.title for each in listed}
    times = {each.name: each.times for each in listed}
    found = []
    for name, lesson in find_chapters(root).items():
        number, quiz = chapter_number(name), QUIZZES / f"{name}.json"
        found.append(
            Chapter(
                name=name,
                number=number,
                title=titles[name],
                opening=read_opening(lesson),
                aims=read_aims(lesson),
                times=times[name],
                tasks=chapter_tasks(number),
                points=points(number),
                claims=[claim for claim in claims.values() if claim["chapter"] == name],
                questions=json.loads(quiz.read_text(encoding="utf-8")) if quiz.exists() else [],
            )
        )
    return found


def write_sources(root: Path, target: Path, with_solutions: bool = False) -> None:
    """Write all that Sphinx reads into an empty folder, and the pictures of the pages.

    Raises:
        ValueError: where a solution or a hidden test would be published that was not asked for.
    """
    notebooks = published_notebooks(root, with_solutions)
    (target / PICTURES).mkdir(parents=True)
    for path in notebooks:
        copy = target / path.relative_to(root)
        copy.parent.mkdir(exist_ok=True)
        nbformat.write(read_page(path, target / PICTURES), copy)
    _write_pages(root, target, with_solutions)
    if not with_solutions:
        written = sorted(filter(Path.is_file, target.rglob("*")))
        leaks = list(find_leaks(written, find_secrets(root), target))
        if leaks:
            raise ValueError("; ".join(leaks))


def published_notebooks(root: Path, with_solutions: bool = False) -> list[Path]:
    """Return the committed notebooks that have a page: lessons and exercises, in order.

    Solutions only where they are asked for.

    Raises:
        ValueError: for a notebook that was not built yet.
    """
    exercises = find_exercises(root)
    found = [notebook_path(root, name) for name in find_chapters(root)]
    found += [exercise_path(root, name) for name in exercises]
    found += [solution_path(root, name) for name in exercises if with_solutions]
    for path in found:
        if not path.exists():
            where = path.relative_to(root).as_posix()
            raise ValueError(f"{where} is missing: run: course build {path.stem}")
    return found


def _write_pages(root: Path, target: Path, with_solutions: bool) -> None:
    listed = list_chapters()
    chapters, exercises = read_chapters(root, listed), find_exercises(root)
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root / TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=jinja2.select_autoescape(("html",)),  # and the templates are Markdown
    )
    templates.filters["as_html"] = as_html
    known = {
        "chapters": chapters,
        "conditions": listed.conditions,
        "picture": first_lab_picture(notebook_path(target, next(iter(exercises)))),
        "works": read_bibliography(find_chapters(root)),
        "terms": read_glossary(root),
        "with_solutions": with_solutions,
    }
    for name in templates.list_templates(extensions=["md"]):
        made = (
            {f"teachers/{each.name}.md": {"chapter": each} for each in chapters if each.tasks}
            if name == FOR_EACH_CHAPTER
            else {name: {}}
        )
        for page, more in made.items():
            path = target / page
            path.parent.mkdir(exist_ok=True)
            path.write_text(templates.get_template(name).render(known | more), encoding="utf-8")
