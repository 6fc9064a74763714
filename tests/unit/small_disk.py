"""A disk that fills up, for the tests of what is written."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def files_end_at(n_bytes: int) -> Iterator[None]:
    """Let the system fail each write beyond so many bytes of a file, as it does on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no limit for a file's size")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
