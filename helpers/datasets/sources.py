"""Where CIFAR-10 is downloaded from, and doing it: fastest source first, each verified by hash."""

import errno
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from helpers.datasets.archives import read_binary_archive, read_png_archive
from helpers.datasets.dataset import DataError, Split, say
from helpers.datasets.formats import COUNTS, read_parquet_file, reading
from helpers.files import course_home

CONNECT_SECONDS = 5  # waiting for a source that does not answer
READ_SECONDS = 30  # waiting for the next bytes of one that has answered
# A fifth of what the slowest of the sources gives on a bad day. With less, over so many seconds,
# the next one is tried: a server that sends a byte now and then would keep us for ever.
SLOWEST, PACE_SECONDS = 10_000, 60  # bytes a second
MOST_BYTES = 500_000_000  # of one file, none of which has half as many: else the disk fills up
BLOCK = 2**16


@dataclass(frozen=True)
class File:
    """One file to download.

    Attributes:
        url: its address.
        known_hash: ``"sha256:..."`` or ``"md5:..."``, as published.
        name: what it is called in the course's ``downloads`` folder.
    """

    url: str
    known_hash: str
    name: str


@dataclass(frozen=True)
class Source:
    """One place that offers the whole data set.

    Attributes:
        name: for messages and results.
        files: what to download from it.
        read: turns the paths of those files into ``{"train": Split, "test": Split}``.
    """

    name: str
    files: tuple[File, ...]
    read: Callable[[Sequence[Path]], dict[str, Split]]


def _read_parquet_pair(paths: Sequence[Path]) -> dict[str, Split]:
    return {
        part: read_parquet_file(path, count)
        for (part, count), path in zip(COUNTS.items(), paths, strict=True)
    }


_HUGGING_FACE = (
    "https://huggingface.co/datasets/uoft-cs/cifar10/resolve/"
    "0b2714987fa478483af9968de7c934580d0bb9a2/plain_text/"
)
SOURCES = (
    Source(
        "Hugging Face (parquet)",
        (
            File(
                _HUGGING_FACE + "train-00000-of-00001.parquet",
                "sha256:8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883",
                "cifar10-train.parquet",
            ),
            File(
                _HUGGING_FACE + "test-00000-of-00001.parquet",
                "sha256:841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de",
                "cifar10-test.parquet",
            ),
        ),
        _read_parquet_pair,
    ),
    Source(
        "fast.ai (PNG)",
        (
            File(
                "https://s3.amazonaws.com/fast-ai-imageclas/cifar10.tgz",
                "md5:a5f8c31371b63a406b23368042812d3c",
                "cifar10-png.tgz",
            ),
        ),
        lambda paths: read_png_archive(paths[0]),
    ),
    Source(
        "University of Toronto (binary)",
        (
            File(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                "cifar-10-binary.tar.gz",
            ),
        ),
        lambda paths: read_binary_archive(paths[0]),
    ),
)

# Addresses that failed in this process: a notebook that loads the data in several cells waits
# for an unreachable network once.
_failed: set[str] = set()


def fetch(
    sources: Sequence[Source] = SOURCES, *, download: bool = True, again: bool = False
) -> tuple[dict[str, Split], str] | None:
    """Return the splits from the first source that works, and that source's name.

    Files go to the course's ``downloads`` folder, and are put there only with the right hash.
    They stay there after they were cached in the course's own format: they took minutes, up to an
    hour, to get, and the cache can be made from them again without a network. They may be deleted
    by hand at any time.

    Args:
        sources: in the order to try them.
        download: ``False`` uses only what was downloaded before.
        again: try addresses that have failed in this process once more.

    Returns:
        ``None`` when no source works; a line on standard error says why, for each.

    Raises:
        DataError: when the disk is full.
    """
    for source in sources:
        try:
            paths = [_get(file, download, again) for file in source.files]
            return source.read(paths), source.name
        except _Unavailable as reason:
            if str(reason):
                say(f"CIFAR-10 from {source.name}: {reason}")
        except DiskFull:
            raise
        except DataError as error:
            # The hash was right, and still it cannot be read: say so and try the next.
            say(f"CIFAR-10 from {source.name}: {error}")
    return None


class DiskFull(DataError):
    """No room for a download: the reader can cure that, and no other source would help."""


class _Unavailable(Exception):
    """A file that cannot be had now; the message says why, unless that was said before."""


def _get(file: File, download: bool, again: bool) -> Path:
    """Return the path of a downloaded and verified file, downloading it if need be."""
    import pooch
    from urllib3.exceptions import HTTPError

    path = course_home() / "downloads" / file.name
    if not download:
        return _existing(path, file)
    if file.url in _failed and not again:
        raise _Unavailable
    pooch.get_logger().setLevel("WARNING")  # the progress bar and our own lines say enough
    try:
        found = pooch.retrieve(
            file.url, file.known_hash, fname=file.name, path=path.parent, downloader=_download
        )
    except (OSError, ValueError, HTTPError) as error:  # those of requests are OSErrors
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"{path}: the disk is full: expected room for the download (about 170 MB) and "
                "for the cache (184 MB). Free some space, or set COURSE_HOME to a folder elsewhere."
            ) from error
        _failed.add(file.url)
        raise _Unavailable(f"{file.url}: {_reason(error, file, path)}") from error
    return Path(found)


def _download(url: str, target: str, _pooch) -> None:
    """Fetch ``url`` into the file ``target``: what pooch calls, instead of a downloader of its own.

    Pooch's waits until a whole block has come, however long the server takes for it.
    """
    import requests
    from tqdm import tqdm

    timeout = (CONNECT_SECONDS, READ_SECONDS)
    with (
        requests.get(url, stream=True, timeout=timeout) as response,
        Path(target).open("wb") as file,
    ):
        response.raise_for_status()
        total = int(response.headers.get("content-length", 0)) or None
        with tqdm(total=total, ncols=79, unit="B", unit_scale=True) as bar:
            for block in _within_bounds(response):
                file.write(block)
                bar.update(len(block))


def _within_bounds(response) -> Iterator[bytes]:
    """Yield what comes as soon as it comes, as long as it is neither too little nor too much."""
    total, since, started = 0, 0, time.monotonic()
    while block := response.raw.read1(BLOCK, decode_content=True):
        yield block
        total, since = total + len(block), since + len(block)
        if total > MOST_BYTES:
            raise _GivenUp(f"more than {MOST_BYTES:,} bytes came, so it was given up.")
        passed = time.monotonic() - started
        if passed >= PACE_SECONDS:
            if since < SLOWEST * passed:
                raise _GivenUp(f"less than {SLOWEST:,} bytes a second came, so it was given up.")
            since, started = 0, time.monotonic()


class _GivenUp(OSError):
    """A download that was ended from this side; the message says why."""


def _existing(path: Path, file: File) -> Path:
    if not path.is_file():
        raise _Unavailable
    algorithm, expected = file.known_hash.split(":")
    with reading(path), path.open("rb") as opened:
        got = hashlib.file_digest(opened, algorithm).hexdigest()
    if got != expected:
        raise _Unavailable(f"{path}: expected {file.known_hash}, got {got}; it is not used.")
    return path


def _reason(error: Exception, file: File, path: Path) -> str:
    """Say in a few words why a download failed."""
    import requests
    from urllib3.exceptions import ProtocolError, ReadTimeoutError

    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code}."
    if isinstance(error, requests.ConnectTimeout):
        return f"no answer within {CONNECT_SECONDS} s."
    if isinstance(error, requests.ReadTimeout | ReadTimeoutError):
        return f"no more data within {READ_SECONDS} s."
    if isinstance(error, ProtocolError):
        return "the connection was cut before the file was whole."
    if isinstance(error, requests.TooManyRedirects):
        return "the server sends the request round in circles."
    if isinstance(error, requests.ConnectionError):
        return f"no connection to {urlsplit(file.url).hostname}."
    if isinstance(error, ValueError) and not isinstance(error, requests.RequestException):
        return "what came has the wrong hash, so it was thrown away."
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
        return f"cannot write to {path.parent}: set COURSE_HOME to a folder of your own."
    return " ".join(str(error).split())
