"""The files that set the course up say the same thing. Nothing is installed here."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import helpers
from helpers import cli

ROOT = Path(__file__).parents[2]
LOCKED_EXTRAS = ("lab", "test", "jax")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
GROUPS = tomllib.loads(read("pyproject.toml"))["dependency-groups"]
SITE = [Requirement(line) for line in GROUPS["site"]]
PYTHONS = [
    f"3.{minor}"
    for minor in range(30)
    if SpecifierSet(PROJECT["requires-python"]).contains(f"3.{minor}")
]
LOCK = [
    Requirement(line)
    for line in read("requirements.lock").splitlines()
    if line[:1] not in ("#", "")
]


def declared(*extras: str) -> list[Requirement]:
    """Return the base dependencies, and those of the extras."""
    lines = PROJECT["dependencies"] + [
        line for extra in extras for line in PROJECT["optional-dependencies"][extra]
    ]
    return [Requirement(line) for line in lines]


def git_files(*options: str) -> list[Path]:
    """Return the files that ``git ls-files`` lists with ``options``."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone, so nothing tells the course's files from others")
    done = subprocess.run(
        ["git", "ls-files", "--exclude-standard", "-z", *options],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def tracked_files() -> list[Path]:
    """Return the files git tracks, or would track once they are added."""
    return git_files("--cached", "--others")


def test_git_ignores_no_source():
    ignored = git_files("--others", "--ignored", "--", "helpers", "tests", "chapters", "notebooks")
    sources = [path for path in ignored if path.suffix in (".py", ".json", ".ipynb")]
    assert [path for path in sources if path.parent.name != ".ipynb_checkpoints"] == []


def test_distribution_package_command_and_licence():
    assert PROJECT["name"] == "training-deep-networks"
    assert PROJECT["license"] == "Apache-2.0"
    assert PROJECT["scripts"] == {"course": "helpers.cli:main"}
    (command,) = (
        point for point in entry_points(group="console_scripts") if point.name == "course"
    )
    assert command.load() is cli.main


def test_ranges_are_those_of_the_design():
    ranges = {each.name: str(each.specifier) for each in declared()}
    assert {name: ranges[name] for name in ("keras", "tensorflow", "scikit-learn", "numpy")} == {
        "keras": ">=3.12",
        "tensorflow": ">=2.20",
        "scikit-learn": ">=1.6",
        "numpy": ">=2.0",
    }
    assert ranges["ipywidgets"] == ">=7.7"
    assert "jupyterlab" not in ranges, "Colab must not be made to install it"


def test_the_lock_holds_exact_versions_and_no_addresses():
    for line in read("requirements.lock").splitlines():
        assert re.fullmatch(r"#.*|[\w.-]+==[\w.]+( ; [^@:/]+)?", line), line


def test_the_lock_meets_every_range_on_every_python_and_system():
    pinned = {canonicalize_name(each.name): each for each in LOCK}
    assert len(pinned) == len(LOCK), "one version of a package everywhere"
    for each in declared(*LOCKED_EXTRAS):
        pin = pinned[canonicalize_name(each.name)]
        (exact,) = pin.specifier
        assert each.specifier.contains(exact.version), f"{pin} is outside {each}"
        assert pin.marker is None, f"{pin} would not be installed everywhere"


def test_every_marker_of_the_lock_holds_somewhere():
    systems = (("linux", "posix"), ("darwin", "posix"), ("win32", "nt"))
    for each in LOCK:
        environments = (
            {
                "sys_platform": system,
                "os_name": os_name,
                "python_full_version": f"{python}.9",
                "python_version": python,
                "implementation_name": "cpython",
            }
            for system, os_name in systems
            for python in PYTHONS
        )
        assert each.marker is None or any(map(each.marker.evaluate, environments)), each


def test_the_lock_brings_no_gpu_packages_and_no_torch():
    heavy = [each.name for each in LOCK if re.match(r"(nvidia|torch|triton|cuda)", each.name)]
    assert heavy == []


def test_conda_and_binder_use_the_same_python_and_the_lock():
    conda = yaml.safe_load(read("environment.yml"))["dependencies"]
    binder = yaml.safe_load(read(".binder/environment.yml"))["dependencies"]
    python, pip, with_pip = conda
    assert [python, pip] == binder
    assert re.fullmatch(r"python=3\.\d+", python), "repo2docker wants it exactly so"
    assert python.removeprefix("python=") in PYTHONS
    assert with_pip == {"pip": ["-r requirements.lock", "-e ."]}


def test_binder_installs_the_lock_and_the_course():
    post_build = ROOT / ".binder" / "postBuild"
    text = post_build.read_text(encoding="utf-8")
    assert "--requirement requirements.lock" in text
    assert "--no-deps --editable ." in text
    assert sys.platform == "win32" or post_build.stat().st_mode & 0o111, "must be executable"
    assert sys.platform == "win32" or (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_workflow_tests_the_pythons_of_the_project():
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    commands = {step["run"].strip() for step in job["steps"] if "run" in step}
    assert {".ci/run", "make test"} <= commands
    (windows,) = commands - {".ci/run", "make test"}
    readme = read("README.md")
    shown = [line.strip() for line in readme.splitlines()]
    for line in windows.splitlines()[1:]:
        assert line in shown or f"`{line}`" in readme, f"README.md does not say {line!r}"


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    named = {
        target
        for name in ("README.md", "CONTRIBUTING.md", ".ci/run", ".github/workflows/ci.yml")
        for target in re.findall(
            r"(?:^ {4}|`|^|run: )make ([a-z]+)", read(name), flags=re.MULTILINE
        )
    }
    assert {"setup", "lab", "test", "lock", "build", "lint"} <= named
    assert named <= targets
    assert ".venv/bin/python" in read("Makefile").replace("$(VENV)", ".venv")


def test_jupyterlab_opens_the_same_notebook_from_every_command():
    opened = re.findall(
        r"--LabApp\.default_url=/lab/tree/(\S+)", read("Makefile") + read("README.md")
    )
    assert len(opened) == 3, "make, Windows, conda"
    assert set(opened) == {"notebooks/00_start_here.ipynb"}
    assert (ROOT / opened[0]).is_file()


def test_the_readme_shows_every_command_and_no_other():
    shown = set(re.findall(r"^\| `course ([a-z]+)", read("README.md"), flags=re.MULTILINE))
    assert shown == set(cli.COMMANDS)


def test_the_readme_explains_every_setting_that_the_code_reads():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "helpers").rglob("*.py"))
    used = set(re.findall(r"\b(?:COURSE_[A-Z]+|CIFAR10_DIR|KERAS_HOME)\b", code))
    explained = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", read("README.md"), flags=re.MULTILINE))
    assert explained == used


def test_the_readme_lists_every_notebook_and_no_other():
    listed = set(re.findall(r"`(notebooks/\w+\.ipynb)`", read("README.md")))
    assert listed == {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_the_licence_is_apache_2():
    text = read("LICENSE")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text.split()) == 1581, "the full text"


def test_no_package_registry_is_named():
    # Joined here, so that this file does not name one either.
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"))]
    hosts += [
        ".".join(parts) for parts in (("npmjs", "org"), ("npmjs", "com"), ("anaconda", "org"))
    ]
    found = [
        (path.relative_to(ROOT).as_posix(), host)
        for path in tracked_files()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]
    assert found == []


def imported_packages(folder: Path) -> dict[str, Path]:
    """Return the top-level modules from outside that a folder's sources import, with one source."""
    found = {}
    for source in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            else:
                continue
            found |= {name.partition(".")[0]: source for name in names}
    return {
        name: source
        for name, source in found.items()
        if name not in sys.stdlib_module_names and name != "helpers"
    }


@cache
def all_distributions() -> dict[str, list[str]]:
    return packages_distributions()  # reads the list of files of every package


def distributions_of(module: str) -> set[str]:
    return {canonicalize_name(name) for name in all_distributions().get(module, [module])}


def test_what_helpers_imports_is_declared():
    base = {canonicalize_name(each.name) for each in declared()}
    with_tests = base | {canonicalize_name(each.name) for each in declared("test", "grade")}
    for module, source in imported_packages(ROOT / "helpers").items():
        needed = with_tests if "build" in source.parts else base
        if source.parent.name == "site":  # in an environment of its own
            needed = base | {canonicalize_name(each.name) for each in SITE}
        # Read only when it is asked for; installed apart, as README.md says.
        optional = {"jax", "tf-keras", "tensorflow-model-optimization", "distributed"}
        assert distributions_of(module) & (needed | optional), f"{source} imports {module}"


def test_what_is_declared_is_imported():
    used = {
        name for module in imported_packages(ROOT / "helpers") for name in distributions_of(module)
    }
    base = {canonicalize_name(each.name) for each in declared()}
    assert base <= used


def test_no_file_beside_the_code_is_left_out_of_the_package():
    others = {
        path.suffix
        for path in tracked_files()
        if path.is_relative_to(ROOT / "helpers") and path.suffix != ".py"
    }
    packaged = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]["*"]
    assert {f"*{suffix}" for suffix in others} == set(packaged)


def test_the_version_is_the_packages():
    done = subprocess.run(
        [sys.executable, "-c", "from helpers.cli import main; main(['--version'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"course {helpers.__version__}"
