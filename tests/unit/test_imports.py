"""What importing costs, and which module may import which."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "helpers").rglob("*.py"))
COMPUTING = {"keras", "tensorflow", "jax"}


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a bare interpreter has loaded after ``statement``."""
    code = f"{statement}\nimport sys, json; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(  # -S and -I would hide the editable install
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_import_helpers_loads_nothing_but_the_standard_library():
    new = modules_after("import helpers") - modules_after("")
    assert "helpers" in new
    assert new - {"helpers"} <= sys.stdlib_module_names


def test_course_help_leaves_numpy_and_keras_alone():
    loaded = modules_after("from helpers.cli import build_parser; build_parser().format_help()")
    assert "argparse" in loaded
    assert not loaded & (COMPUTING | {"numpy", "matplotlib", "sklearn"})


def test_the_check_sees_a_heavy_import():
    assert "numpy" in modules_after("import numpy")


def allowed_imports() -> dict[str, set[str]]:
    """Read CONTRIBUTING.md's table of modules: name -> names it may import."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("\n## Modules\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", section, flags=re.MULTILINE)
    names = [name for name, _ in rows]
    return {
        name: set(names) if cell.strip() == "all" else set(re.findall(r"`(\w+)`", cell))
        for name, cell in rows
    }


def owner(source: Path) -> str:
    """Return the module of the table that a source file belongs to."""
    return source.relative_to(ROOT / "helpers").with_suffix("").parts[0]


def imported(source: Path) -> set[str]:
    """Return the full name of all that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: imports here are written in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_arrows_of_the_table_point_up_only():
    above = set()
    for name, allowed in allowed_imports().items():
        assert allowed - {name} <= above, name
        above.add(name)


def test_the_table_names_every_module_and_no_other():
    modules = {owner(source) for source in SOURCES} - {"__init__"}
    assert allowed_imports().keys() == modules


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_follow_the_table(source):
    table = allowed_imports()
    module = owner(source)
    ours = {name.split(".")[1] for name in imported(source) if name.startswith("helpers.")}
    unknown = ours & table.keys() - table.get(module, set()) - {module}
    assert not unknown, f"{module} may not import {sorted(unknown)}: see CONTRIBUTING.md, Modules"


def test_no_module_loads_keras_when_it_is_imported():
    loaded = modules_after("import " + ", ".join(f"helpers.{name}" for name in allowed_imports()))
    assert "numpy" in loaded
    assert not loaded & COMPUTING
