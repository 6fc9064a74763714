"""Installs the packages that the course needs and that are missing; changes none that are there.

The first cell of a notebook runs this where it has just installed the course by itself, as on
Colab (``helpers/build/install_cell.py``): ``python -m helpers.install``. Another version of what
is there already could need a restart, or break what Colab is made of. So pip is given every
version that is installed as a constraint, and only asked for what is missing.

Needs the standard library and ``packaging``, which every notebook's kernel brings.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

COURSE = "training-deep-networks"


def main() -> int:
    """Install what is missing, and say what was done; 1, and no course left, where that failed."""
    before = installed_versions()
    wanted = course_requirements()
    missing, unfit = find_missing(wanted, before), find_unfit(wanted, before)
    if unfit:
        return _give_up(f"{'; '.join(unfit)}. Other versions are not installed over them.")
    if missing and not install(missing, before):
        return _give_up(f"pip could not install {', '.join(missing)}. Is there a network?")
    after = installed_versions()
    changed = [name for name, version in before.items() if after.get(name) != version]
    if changed:  # pip breaks no constraint: this is for one that does
        return _give_up(f"pip changed {', '.join(changed)}: restart the runtime.")
    added = sorted(f"{name} {version}" for name, version in after.items() if name not in before)
    print(f"The course is installed. New beside it: {', '.join(added) or 'nothing'}.")
    return 0


def installed_versions() -> dict[str, str]:
    """Return the version of every distribution that Python finds, by its normalized name."""
    found: dict[str, str] = {}
    for each in metadata.distributions():
        name = each.metadata["Name"]
        if name:  # some leave a folder without a name behind
            found.setdefault(canonicalize_name(name), each.version)
    return found


def course_requirements() -> list[Requirement]:
    """Return what the course needs here, without its extras."""
    all_of_them = map(Requirement, metadata.requires(COURSE) or [])
    return [each for each in all_of_them if each.marker is None or each.marker.evaluate()]


def find_missing(wanted: Iterable[Requirement], installed: Mapping[str, str]) -> list[str]:
    """Return the requirements of which no version is installed."""
    return [str(each) for each in wanted if canonicalize_name(each.name) not in installed]


def find_unfit(wanted: Iterable[Requirement], installed: Mapping[str, str]) -> list[str]:
    """Return a phrase for each package whose installed version the course cannot work with."""
    there = [(each, installed.get(canonicalize_name(each.name))) for each in wanted]
    return [
        f"{each.name} is {version}, and the course needs {each}"
        for each, version in there
        if version and not each.specifier.contains(version, prereleases=True)
    ]


def constraints(installed: Mapping[str, str]) -> str:
    """Return the text of a file of constraints that holds pip to what is installed.

    >>> constraints({"numpy": "2.0.2", "torch": "2.9.0+cpu", "old": "of my own"})
    'numpy==2.0.2\\ntorch==2.9.0+cpu\\n'
    """
    return "".join(f"{name}=={each}\n" for name, each in installed.items() if _is_version(each))


def install(requirements: list[str], installed: Mapping[str, str]) -> bool:
    """Have pip install ``requirements`` beside what is installed; return whether it did."""
    with TemporaryDirectory(prefix="course-install-") as folder:
        file = Path(folder) / "constraints.txt"
        file.write_text(constraints(installed), encoding="utf-8")
        return _pip("install", "--quiet", "--constraint", str(file), *requirements) == 0


def _give_up(reason: str) -> int:
    """Say why, and take the course away again, so that the same cell can be run once more."""
    print(f"The course was not installed: {reason}", file=sys.stderr)
    _pip("uninstall", "--quiet", "--yes", COURSE)
    return 1


def _pip(*arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", "pip", *arguments])  # noqa: S603


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:  # of a system's own package: pip would refuse the whole file
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
