"""A data set as one memory-mapped file, so that it loads in well under a second.

``NAME.npy`` is flat uint8: all images of train, validation and test in split order, then all their
labels. ``NAME.json``, written after it, says what it is: name, source, counts, fingerprint, and
the key of what it was made from. The fingerprint is verified at each load (0.1 s to 0.4 s), so a
damaged cache is never trained on.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from helpers.datasets.dataset import IMAGE_BYTES, IMAGE_SHAPE, DataError, Dataset, Split, say
from helpers.files import course_home, replacing

PARTS = ("train", "validation", "test")
_BLOCK = 2_000  # images written at a time


class CacheDamaged(DataError):
    """A cache file that is not what its description says."""


def cache_path(name: str) -> Path:
    """Return where the cache file ``name`` is, or would be."""
    return course_home() / "datasets" / f"{name}.npy"


def cached(path: Path, key: str, make: Callable[[], Dataset]) -> Dataset:
    """Return what is cached at ``path``, or make it, cache it and return it.

    Args:
        path: from :func:`cache_path`.
        key: what the data is made from; with another key, ``make`` is called anew.
        make: reads or generates the data, with a fingerprint or without.

    Raises:
        DataError: where a damaged cache cannot be made anew, or ``make`` fails.
    """
    try:
        data = load(path, key)
    except CacheDamaged as damage:
        say(f"{damage} It is made anew from its source.")
        try:
            data = make()
        except DataError as error:
            raise DataError(
                f"{damage} It could not be made anew ({error}). Delete {path} to go on without it."
            ) from error
        return keep(data, path, key)
    return keep(make(), path, key) if data is None else data


def load(path: Path, key: str) -> Dataset | None:
    """Return the data set cached at ``path``; its images are a read-only memory map.

    ``None`` where nothing is cached there, or something made from another ``key``.

    Raises:
        CacheDamaged: where the file is not what was written.
    """
    about = describe(path)
    if about is None or about["key"] != key:
        return None
    counts = [about["counts"][part] for part in PARTS]
    offset = _verified_offset(path, sum(counts) * (IMAGE_BYTES + 1), about["fingerprint"])
    # Plain arrays on the map: nothing that uses them has to know about numpy.memmap.
    flat = np.asarray(np.memmap(path, np.uint8, "r", offset=offset))
    ends = np.cumsum(counts)[:-1]
    images = np.split(flat[: sum(counts) * IMAGE_BYTES].reshape(-1, *IMAGE_SHAPE), ends)
    labels = np.split(flat[sum(counts) * IMAGE_BYTES :].astype(np.int32), ends)
    splits = [Split(*pair) for pair in zip(images, labels, strict=True)]
    names = tuple(about["class_names"])
    return Dataset(*splits, about["name"], about["source"], names, about["fingerprint"])


def describe(path: Path) -> dict | None:
    """Return the description of what is cached at ``path``, without reading the data.

    Raises:
        CacheDamaged: where the description cannot be read.
    """
    description = path.with_suffix(".json")
    try:
        about = json.loads(description.read_text(encoding="utf-8"))
        counts = [int(about["counts"][part]) for part in PARTS]
        fields = [about[field] for field in ("key", "name", "source", "fingerprint", "class_names")]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CacheDamaged(
            f"{description}: expected the description of a cached data set, got {error!r}."
        ) from error
    if min(counts) < 0 or not all(fields):
        raise CacheDamaged(f"{description}: expected counts and a name, got {about}.")
    return about


def _verified_offset(path: Path, n_bytes: int, fingerprint: str) -> int:
    """Return where the data starts in ``path``, having verified its length and its hash."""
    try:
        with path.open("rb") as opened:
            np.lib.format.read_magic(opened)
            shape, _, dtype = np.lib.format.read_array_header_1_0(opened)
            offset = opened.tell()
            got = hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise CacheDamaged(f"{path}: expected a cached data set, got: {error}.") from error
    if got != fingerprint:
        raise CacheDamaged(
            f"{path}: damaged: expected {n_bytes:,} bytes of data with SHA-256 {fingerprint}, "
            f"got {path.stat().st_size - offset:,} bytes with {got}."
        )
    if (shape, dtype) != ((n_bytes,), np.uint8):
        raise CacheDamaged(f"{path}: expected uint8 ({n_bytes},), got {dtype} {shape}.")
    return offset


def keep(data: Dataset, path: Path, key: str) -> Dataset:
    """Cache ``data`` at ``path`` and return it from there, with its fingerprint.

    Where the cache cannot be written (a full disk, a read-only folder), one line says so and the
    data is returned as it is: it was read well, only the next load will take as long again.
    """
    data = data._replace(fingerprint=fingerprint_of(data))
    about = {
        "name": data.name,
        "source": data.source,
        "counts": data.counts,
        "fingerprint": data.fingerprint,
        "class_names": data.class_names,
        "key": key,
    }
    try:
        with replacing(path) as temporary:
            _write(temporary, data)
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(about, indent=1), encoding="utf-8")
        return load(path, key)
    except (OSError, CacheDamaged) as error:
        say(
            f"{path}: the data cannot be cached there ({error}); going on without the cache, so "
            "the next load takes as long as this one. Free some space, or set COURSE_HOME."
        )
        return data


def _write(path: Path, data: Dataset) -> None:
    # Plain writes: a full disk is an error here, but kills the process when it is met through a
    # memory map.
    header = {"descr": "|u1", "fortran_order": False, "shape": (_n_bytes(data),)}
    with path.open("wb") as opened:
        np.lib.format.write_array_header_1_0(opened, header)
        for block in _blocks(data):
            opened.write(block)


def fingerprint_of(data: Dataset) -> str:
    """Return the SHA-256 of all images, then all labels (one byte each), in split order."""
    digest = hashlib.sha256()
    for block in _blocks(data):
        digest.update(block)
    return digest.hexdigest()


def file_of(data: Dataset) -> Path | None:
    """Return the cache file that the images are mapped from; ``None`` for images in memory."""
    base = data.train.images
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return Path(base.filename) if isinstance(base, np.memmap) else None


def _n_bytes(data: Dataset) -> int:
    return sum(data.counts.values()) * (IMAGE_BYTES + 1)


def _blocks(data: Dataset):
    """Yield the content of the cache file, piece by piece, as C-ordered uint8 arrays."""
    splits = [getattr(data, part) for part in PARTS]
    for split in splits:
        for start in range(0, len(split.images), _BLOCK):
            yield np.ascontiguousarray(split.images[start : start + _BLOCK])
    for split in splits:
        yield split.labels.astype(np.uint8)
