"""What tests ask of a site's pages, read as a browser reads them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

# What a browser fetches by itself: element -> attributes. A link to click is not among them.
FETCHED = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "iframe": ("src", "srcdoc"),
    "embed": ("src",),
    "object": ("data",),
    "input": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "form": ("action",),
}
NOT_FETCHED = {"canonical", "next", "prev", "search", "index", "author", "license", "help"}
IN_STYLES = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


@cache
def read(page: Path) -> BeautifulSoup:
    """Return a page's elements."""
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def pages(site: Path) -> list[Path]:
    """Return the pages of a site, in order."""
    return sorted(site.rglob("*.html"))


def text_of(page: Path) -> str:
    """Return what is read on a page, with single spaces; scripts and styles are no text."""
    return " ".join(read(page).get_text().split())


def fetched(page: Path) -> Iterator[str]:
    """Yield each address that a browser fetches for a page or a style sheet, unasked."""
    if page.suffix == ".css":
        yield from _in_styles(page.read_text(encoding="utf-8"))
        return
    soup = read(page)
    for name, attributes in FETCHED.items():
        for element in soup(name):
            if not NOT_FETCHED.issuperset(element.get("rel", ["-"])):
                yield from (element[each] for each in attributes if element.get(each))
    for style in soup("style"):
        yield from _in_styles(style.get_text())
    for element in soup(style=True):
        yield from _in_styles(element["style"])


def _in_styles(text: str) -> Iterator[str]:
    for found in IN_STYLES.finditer(text):
        yield found[1] or found[2]


def elsewhere(address: str) -> bool:
    """Return whether an address leads to another host."""
    split = urlsplit(address)
    return bool(split.netloc) or split.scheme not in ("", "data")


def broken_links(site: Path) -> Iterator[str]:
    """Yield each link within the site that leads nowhere: no file, or no such place in it."""
    for page in pages(site):
        soup = read(page)
        links = {element["href"] for element in soup("a", href=True)}
        for link in sorted(links | set(fetched(page))):
            if not elsewhere(link) and not link.startswith("data:"):
                yield from _broken(site, page, link)


def _broken(site: Path, page: Path, link: str) -> Iterator[str]:
    split = urlsplit(link)
    target = (page.parent / unquote(split.path)).resolve() if split.path else page
    where = f"{page.relative_to(site).as_posix()}: {link}"
    if not target.is_file():
        yield f"{where}: no such file"
    elif split.fragment and target.suffix == ".html":
        named = unquote(split.fragment)
        if not read(target).find(id=named) and not read(target).find(attrs={"name": named}):
            yield f"{where}: no such place"


def without_alt_text(page: Path) -> list[str]:
    """Return the pictures of a page that say nothing to who cannot see them."""
    soup = read(page)
    silent = [str(each)[:200] for each in soup("img") if not (each.get("alt") or "").strip()]
    for each in soup("svg"):
        named = each.get("aria-label") or each.get("aria-labelledby") or each.find("title")
        if not named and each.get("aria-hidden") != "true":
            silent.append(str(each)[:200])
    return silent
