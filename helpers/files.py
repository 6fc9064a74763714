"""Where the course keeps its files, and writing them so that a half-written one is never seen."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.names import shown


def course_home() -> Path:
    """Return the folder for data and runs: ``COURSE_HOME``, or the user's cache folder.

    The folder need not exist yet; whoever writes into it makes it.
    """
    chosen = os.environ.get("COURSE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs  # late: not needed where COURSE_HOME is set

    return Path(platformdirs.user_cache_dir("training-deep-networks", appauthor=False))


LONGEST = 200  # characters of a file's name; the system's limit is 255, and more is written first


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to; put it in place only when all went well.

    A reader sees the old file or the whole new one. When the block raises (a full disk, an
    interrupt), the temporary file is removed and ``path`` stays what it was.

    Raises:
        ValueError: for what is no path, or too long a name.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "answer.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("42")
    >>> target.read_text()
    '42'
    """
    if not isinstance(path, str | os.PathLike) or not str(path).strip():
        raise ValueError(f"path must be a path, got {shown(path)}.")
    path = Path(path)
    if len(path.name) > LONGEST:
        raise ValueError(
            f"expected a name of at most {LONGEST} characters, got {shown(path.name)}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
