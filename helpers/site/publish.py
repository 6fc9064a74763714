"""From sources to pages: Sphinx is run on them, and the site is put in place whole."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from helpers.launch import Launch, read_launch
from helpers.site.mathml import write_font
from helpers.site.notebooks import PICTURES
from helpers.site.pages import published_notebooks, write_sources

MARK = ".buildinfo"  # Sphinx writes it into every site
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NOT_READ = ("_static/*.html", "_static/**/*.map")  # the theme's own building blocks


class SiteError(ValueError):
    """Sphinx found something wrong with the sources; the message says what."""


def publish(root: Path, out: Path, with_solutions: bool = False) -> int:
    """Write the site into a folder, in the place of an older one, and return how many pages it has.

    Args:
        root: the course's repository.
        out: a folder that is new, empty, or holds a site.
        with_solutions: publish the solved exercises too.

    Raises:
        ValueError: where something else is in the folder, where a solution would be published
            unasked, or for a broken link and whatever else Sphinx warns of.
    """
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not empty and not a site: name another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        sources, pages, older = (Path(scratch) / name for name in ("sources", "pages", "older"))
        write_sources(root, sources, with_solutions)
        run_sphinx(root / "site", sources, pages, read_launch(root))
        for left_over in (path for pattern in NOT_READ for path in pages.glob(pattern)):
            left_over.unlink()
        shutil.copytree(sources / PICTURES, pages / PICTURES)
        write_font(pages / "_static")
        for path in published_notebooks(root, with_solutions):  # what pages offer to download
            shutil.copyfile(path, pages / "_sources" / path.relative_to(root))
        if out.exists():
            out.replace(older)
        pages.replace(out)
    return len(list(out.rglob("*.html")))


def run_sphinx(settings: Path, sources: Path, pages: Path, launch: Launch) -> None:
    """Make pages of sources.

    Args:
        settings: the folder of ``conf.py``.
        sources: the folder of what Sphinx reads.
        pages: the new folder for the pages; what else Sphinx writes goes beside it.
        launch: for the launch buttons.

    Raises:
        SiteError: for whatever Sphinx warns of.
    """
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    warnings = pages.parent / "warnings.txt"
    with (
        warnings.open("w", encoding="utf-8") as log,
        Path(os.devnull).open("w", encoding="utf-8") as silence,
        patch_docutils(settings),
        docutils_namespace(),
    ):
        try:
            sphinx = Sphinx(
                sources,
                settings,
                pages,
                pages.parent / "doctrees",
                "html",
                confoverrides={"course_launch": launch},
                status=silence,
                warning=log,
                parallel=os.cpu_count() or 1,
            )
            sphinx.build()
        except SphinxError as error:
            raise SiteError(f"{error}") from error
    said = COLOUR.sub("", warnings.read_text(encoding="utf-8")).strip()
    if said:
        raise SiteError(said.replace(f"{sources}{os.sep}", ""))
