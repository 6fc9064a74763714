"""The environment of the site, which is not that of the tests."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site_python() -> Path:
    """The Python that has Sphinx. ``make site`` makes its environment, ``.ci/run`` too."""
    folder = ROOT / ".venv-site"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (folder / ".ready").exists():
        if os.environ.get("COURSE_NEEDS_SITE"):
            pytest.fail(f"{folder} should be here", pytrace=False)
        pytest.skip("the site has an environment of its own: make site makes it")
    return python
