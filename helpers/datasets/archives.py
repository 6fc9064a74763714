"""Reading CIFAR-10 out of an archive, member by member, without unpacking it to disk.

An archive is trusted only as far as its published hash, which the caller has verified, and even so
nothing in it decides where a file goes or what code runs. One that holds a member that could, if
somebody unpacked it, write outside its folder is refused whole: no archive of ours has one.
"""

import hashlib
import io
import pickle
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

import numpy as np

from helpers.datasets.dataset import CLASS_NAMES, IMAGE_BYTES, DataError, Split
from helpers.datasets.formats import (
    BATCHES,
    COUNTS,
    PNG_LIMIT,
    RECORD_BYTES,
    Collector,
    collect_batches,
    decode_binary,
    decode_png,
    planes_to_images,
    reading,
)

_PNG_MEMBER = re.compile(rf"cifar10/(train|test)/({'|'.join(CLASS_NAMES)})/[^/]+\.png")
_PICKLE_BATCHES = {
    "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
    "test": ("test_batch",),
}
_DAMAGED = (tarfile.TarError, EOFError, zlib.error)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with reading(path), path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a gzipped archive to read its members, with one kind of error for a damaged one."""
    with reading(path):
        try:
            with tarfile.open(path, "r:gz") as archive:
                yield archive
        except _DAMAGED as error:
            raise DataError(
                f"{path}: expected a whole .tar.gz archive, got a damaged one ({error}). "
                "Download it again."
            ) from error


def _safe(archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the members.

    Raises:
        DataError: at the first that is neither file nor folder, or leads out of the archive.
    """
    for member in archive:
        name = PureWindowsPath(member.name)  # knows both kinds of slash, and drives
        if name.drive or name.root:
            danger = "an absolute name"
        elif ".." in name.parts:
            danger = "a name with '..'"
        elif member.issym() or member.islnk():
            danger = f"a link to {member.linkname!r}"
        elif not (member.isfile() or member.isdir()):
            danger = "a device or the like"
        else:
            yield member
            continue
        raise DataError(
            f"{path}: refused: expected files and folders only, got {member.name!r}, {danger}. "
            "Delete it, so that it is downloaded again."
        )


def _members(archive: tarfile.TarFile, path: Path, names: set[str], limit: int) -> dict[str, bytes]:
    """Return the content of the named members, each of at most ``limit`` bytes."""
    found = {}
    for member in _safe(archive, path):
        if member.name in names and member.isfile():
            if member.size > limit:
                raise DataError(
                    f"{path}: expected {member.name} to have at most {limit:,} bytes, got "
                    f"{member.size:,}. Download the archive again."
                )
            found[member.name] = archive.extractfile(member).read()
    missing = sorted(names - found.keys())
    if missing:
        raise DataError(f"{path}: {missing[0]} is missing in it. Download the archive again.")
    return found


def read_binary_archive(path: Path, counts: dict[str, int] = COUNTS) -> dict[str, Split]:
    """Read the official binary version, ``cifar-10-binary.tar.gz``.

    Raises:
        DataError: for a damaged, incomplete or dangerous archive.
    """
    return _read_batches(path, "cifar-10-batches-bin", BATCHES, decode_binary, counts)


def read_keras_archive(path: Path, counts: dict[str, int] = COUNTS) -> dict[str, Split]:
    """Read the official Python version, the one that Keras downloads.

    Its members are pickles. They are read by an unpickler that knows arrays and nothing else; see
    :class:`_ArraysOnly`. Verify the archive's hash all the same before calling this.

    Raises:
        DataError: for a damaged, incomplete or dangerous archive, or one whose pickles hold
            anything else.
    """
    return _read_batches(path, "cifar-10-batches-py", _PICKLE_BATCHES, _decode_pickle, counts)


def _read_batches(path, folder, batches, decode, counts) -> dict[str, Split]:
    names = {f"{folder}/{name}" for part in batches.values() for name in part}
    limit = 2 * max(counts.values()) * RECORD_BYTES
    with _opened(path) as archive:
        found = _members(archive, path, names, limit)
    # pop: each batch is freed as soon as it is decoded
    return collect_batches(
        path, lambda name: found.pop(f"{folder}/{name}"), decode, batches, counts
    )


def read_png_archive(path: Path, counts: dict[str, int] = COUNTS) -> dict[str, Split]:
    """Read an archive of PNG files, ``cifar10/{train,test}/CLASS/NAME.png``.

    Raises:
        DataError: for a damaged, incomplete or dangerous archive.
    """
    collectors = {part: Collector(f"{path} ({part})", count) for part, count in counts.items()}
    with _opened(path) as archive:
        for member in _safe(archive, path):
            matched = _PNG_MEMBER.fullmatch(member.name)
            if matched and member.isfile():
                part, class_name = matched.groups()
                where = f"{path}: {member.name}"
                image = decode_png(archive.extractfile(member).read(PNG_LIMIT), where)
                collectors[part].add(image[None], [CLASS_NAMES.index(class_name)], where)
    return {part: collector.split() for part, collector in collectors.items()}


class _ArraysOnly(pickle.Unpickler):
    """An unpickler for dicts, lists, numbers, strings and NumPy arrays.

    A pickle runs whatever functions it names; this one may name the three that rebuild an array.
    """

    _allowed = {  # noqa: RUF012  (never changed)
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not allowed")
        return self._allowed[module, name]


def _decode_pickle(content: bytes, n_records: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images ``(n, 32, 32, 3)`` and labels ``(n,)`` of one batch of the Python version."""
    again = "Delete the archive, so that it is downloaded again."
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        planes, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    except Exception as error:  # a damaged pickle may raise anything
        raise DataError(f"{where}: not a batch of CIFAR-10: {error!r}. {again}") from error
    if (
        planes.shape != (n_records, IMAGE_BYTES)
        or planes.dtype != np.uint8
        or labels.shape != (n_records,)
        or labels.dtype.kind not in "iu"
    ):
        raise DataError(
            f"{where}: expected data of uint8 ({n_records}, {IMAGE_BYTES}) and {n_records} labels, "
            f"got {planes.dtype} {planes.shape} and {labels.dtype} {labels.shape}. {again}"
        )
    return planes_to_images(planes), labels
