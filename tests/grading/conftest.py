"""What the tests of the grader share."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tiny_course and hostile
sys.path.append(str(Path(__file__).parents[1] / "unit"))  # dask_cluster


@pytest.fixture(scope="session")
def bubblewrap() -> str:
    """Return bubblewrap's path; without it a test is skipped, or fails where it has to be there."""
    found = shutil.which("bwrap")
    if found is None or sys.platform != "linux":
        if os.environ.get("COURSE_NEEDS_SANDBOX"):
            pytest.fail("bubblewrap should be here", pytrace=False)
        pytest.skip("submissions run in bubblewrap: apt install bubblewrap; .ci/run installs it")
    return found
