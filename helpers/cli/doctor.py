"""``course doctor``: is this machine ready for the course, and if not, what to do about it.

Versions are read from what the installer recorded, so nothing heavy is imported.
"""

import importlib.util
import os
import platform
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from helpers.backend import BACKENDS, backend_name
from helpers.files import course_home
from helpers.profiles import get_profile

DISTRIBUTION = "training-deep-networks"
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"  # in a clone and in a handout
INSTALL = "python -m pip install"
GIB = 2**30
MEMORY_FOR_A_RUN = 1.2 * GIB  # the most that one run on all 45,000 images may take
DISK_FOR_DATA = 1 * GIB  # a download, the file made from it, and room for runs


class Finding(NamedTuple):
    """One row of the table: a topic, what was found, and a sentence with the cure or ``None``."""

    topic: str
    found: str
    problem: str | None = None


def register(subparsers) -> None:
    """Add ``course doctor`` to the parser."""
    parser = subparsers.add_parser(
        "doctor", help="check the set-up", description="Check that this machine is ready."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print what was found; return 1 when there is a problem."""
    findings = examine()
    problems = [finding.problem for finding in findings if finding.problem]
    if args.json:
        from helpers.cli.output import print_json

        print_json({"findings": [found._asdict() for found in findings], "problems": problems})
    else:
        print(as_table(findings))
    return 1 if problems else 0


def examine() -> list[Finding]:
    """Look at everything, and return the findings in the order they are shown."""
    return [
        *check_installation(),
        check_backend(),
        check_profile(),
        check_cores(),
        check_memory(),
        check_disk(),
        *check_data(),
    ]


def as_table(findings: list[Finding]) -> str:
    """Return the findings as an aligned table, and below it a sentence for each problem."""
    left = max(len(finding.topic) for finding in findings)
    lines = [
        f"{'!' if problem else ' '} {topic:<{left}}  {found}" for topic, found, problem in findings
    ]
    problems = [finding.problem for finding in findings if finding.problem]
    if not problems:
        return "\n".join([*lines, "", "All is well."])
    counted = "1 problem:" if len(problems) == 1 else f"{len(problems)} problems:"
    return "\n".join([*lines, "", counted, *(f"! {problem}" for problem in problems)])


def check_installation() -> list[Finding]:
    """Compare Python and the packages with the ranges that the course was installed with."""
    try:
        course = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        problem = (
            f"The course itself is not installed, so versions cannot be checked: run "
            f"{INSTALL} --no-deps -e . in the folder that holds pyproject.toml."
        )
        return [Finding("course", "not installed", problem)]
    requirements = [Requirement(line) for line in course.requires or []]
    if not PROJECT.exists():  # a package alone, as on Colab: there is nothing to build and to test
        requirements = [each for each in requirements if not is_optional(each)]
    return [
        Finding("course", course.version),
        check_python(course.metadata["Requires-Python"]),
        *(found for each in requirements if (found := check_package(each))),
    ]


def check_python(needed: str) -> Finding:
    """Compare the running Python with a version range such as ``">=3.11,<3.14"``."""
    version = platform.python_version().rstrip("+")  # which a build from a checkout ends in
    found = f"{version} (needs {needed})"
    if SpecifierSet(needed).contains(version, prereleases=True):
        return Finding("Python", found)
    problem = (
        f"This is Python {version}, and the course needs {needed}: "
        "install one of those and set the course up with it (README.md, Set-up)."
    )
    return Finding("Python", found, problem)


def check_package(requirement: Requirement) -> Finding | None:
    """Compare one package with its range.

    A package of an extra may be missing; where it is there, it must be in range. ``None`` for an
    extra's package with which all is well: the table shows what everyone needs.
    """
    optional = is_optional(requirement)
    name, needed = requirement.name, str(requirement.specifier)
    cure = f'run {INSTALL} "{name}{needed}"'
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        if optional:
            return None
        return Finding(name, f"missing (needs {needed})", f"{name} is missing: {cure}.")
    found = f"{version} (needs {needed})"
    if requirement.specifier.contains(version, prereleases=True):
        return None if optional else Finding(name, found)
    problem = f"{name} is {version}, and the course needs {name}{needed}: {cure}."
    return Finding(name, found, problem)


def is_optional(requirement: Requirement) -> bool:
    """Return whether only an extra needs this package."""
    marker = requirement.marker
    return marker is not None and not marker.evaluate({"extra": ""})


def check_backend() -> Finding:
    """Say what Keras will compute with, and whether that is installed."""
    try:
        name = backend_name()
    except ValueError as error:
        return Finding("backend", "unknown", _sentence(error, "Set COURSE_BACKEND to one of them"))
    if importlib.util.find_spec(name) is None:
        problem = (
            f"COURSE_BACKEND asks for {BACKENDS[name]}, which is not installed: "
            f"run {INSTALL} {name}, or unset COURSE_BACKEND to use TensorFlow."
        )
        return Finding("backend", f"{BACKENDS[name]}, missing", problem)
    return Finding("backend", f"{BACKENDS[name]} {metadata.version(name)}")


def check_profile() -> Finding:
    """Say which budget the notebooks run under."""
    try:
        profile = get_profile()
    except ValueError as error:
        return Finding("profile", "unknown", _sentence(error, "Set COURSE_PROFILE to one of them"))
    return Finding("profile", profile.name)


def _sentence(error: Exception, cure: str) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]} {cure}."


def check_cores() -> Finding:
    """Count the processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return Finding("cores", str(len(affinity(0)) if affinity else os.cpu_count()))


def available_memory() -> tuple[int, int]:
    """Return total and free memory in bytes, within a container's limit where there is one."""
    memory = psutil.virtual_memory()
    group = Path("/sys/fs/cgroup")
    limit = group / "memory.max"
    if not limit.exists() or (most := limit.read_text().strip()) == "max":
        return memory.total, memory.available
    free = int(most) - int((group / "memory.current").read_text())
    return min(memory.total, int(most)), min(memory.available, free)


def check_memory() -> Finding:
    """Compare free memory with what a run on all images takes."""
    total, free = available_memory()
    found = f"{free / GIB:.1f} GiB free of {total / GIB:.1f}"
    if free >= MEMORY_FOR_A_RUN:
        return Finding("memory", found)
    problem = (
        f"{free / GIB:.1f} GiB of memory is free, and a run on all images takes up to "
        f"{MEMORY_FOR_A_RUN / GIB:.1f}: close other programs and kernels, "
        "or set COURSE_PROFILE=ci, which uses few images."
    )
    return Finding("memory", found, problem)


def check_disk() -> Finding:
    """See whether data and runs can be written where the course keeps them."""
    home = course_home().absolute()
    folder = next(parent for parent in (home, *home.parents) if parent.exists())
    elsewhere = "or set COURSE_HOME to a folder elsewhere"
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        problem = (
            f"The course keeps data and runs in {home}, and {folder} cannot be written to "
            f"({error.strerror}): make it writable, {elsewhere}."
        )
        return Finding("disk", f"{home}: cannot be written to", problem)
    found = f"{free / GIB:.1f} GiB free at {home}"
    if free >= DISK_FOR_DATA:
        return Finding("disk", found)
    problem = (
        f"{free / GIB:.1f} GiB is free at {home}, and data and runs take up to "
        f"{DISK_FOR_DATA / GIB:.0f}: make room, {elsewhere}."
    )
    return Finding("disk", found, problem)


def check_data() -> list[Finding]:
    """Say what each place that the course reads images from holds, in the order it reads them."""
    from helpers.datasets import find_data

    return [
        Finding(f"data: {place}", state, _problem_with_data(place, state))
        for place, state in find_data()
    ]


def _problem_with_data(place: str, state: str) -> str | None:
    kind, _, reason = state.partition(": ")
    return f"{place} is {kind}. {reason}" if kind in ("unusable", "damaged") else None
