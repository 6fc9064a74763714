"""PROMISES.md names tests that exist, and counts that are those of the code."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "PROMISES.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| promise |")
]
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`( \(slow\))?")
COUNT = re.compile(r"`([A-Z_]+)` = ([\d,]+)")


def read(name: str) -> ast.Module:
    """Return the source of a file of tests or, with ``helpers/`` before it, of the package."""
    path = ROOT / name if name.startswith("helpers/") else ROOT / "tests" / name
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(source: ast.Module) -> dict[str, bool]:
    """Return the tests of a file, and whether each is slow."""
    return {
        node.name: any("mark.slow" in ast.unparse(mark) for mark in node.decorator_list)
        for node in source.body
        if isinstance(node, ast.FunctionDef)
    }


def constants(source: ast.Module) -> dict[str, object]:
    """Return the plain values that a file gives names to."""
    return {
        target.id: node.value.value
        for node in source.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:50])
def test_a_promise_is_held_by_tests_that_exist_and_tried_as_often_as_it_says(row):
    _, held_by, tried = row
    tests = TEST.findall(held_by)
    assert tests and not TEST.sub("", held_by).strip(" ,"), "tests and nothing else"
    for file, name, slow in tests:
        assert name.startswith("test_")
        assert functions(read(file)).get(name) == bool(slow), f"{file}::{name}"
    files = [file for file, _, _ in tests] + re.findall(r"`(helpers/[\w/]+\.py)`", tried)
    counted = {name: value for file in files for name, value in constants(read(file)).items()}
    for name, value in COUNT.findall(tried):
        assert counted.get(name) == int(value.replace(",", "")), name
    assert not re.search(r"\d", COUNT.sub("", tried)), "every count is one of the code's"


def test_the_page_is_read_whole():
    assert len(ROWS) == PAGE.count("\n| ") - PAGE.count("\n| promise |") >= 25
    sections = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    assert "An interruption" in sections and "Supply" in sections


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_page_can_be_found(page):
    assert "(PROMISES.md)" in (ROOT / page).read_text(encoding="utf-8")
