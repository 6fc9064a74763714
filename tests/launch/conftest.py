"""The course where it is opened by a link: fresh environments, made from a package index."""

import os

import pytest

FLAG = "COURSE_NEEDS_INDEX"


def pytest_collection_modifyitems(config, items):
    """Leave these tests out unless there is a package index to install from."""
    if os.environ.get(FLAG):
        return
    skip = pytest.mark.skip(reason=f"installs from a package index: {FLAG}=1, as .ci/run sets")
    for item in items:
        if "needs_index" in item.keywords:
            item.add_marker(skip)
