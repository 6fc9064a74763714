"""Looking for CIFAR-10 in one place after the other, and saying what was found."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from helpers.arguments import Instance, Items, Maybe, takes
from helpers.arguments.arrays import FLAG
from helpers.datasets import cache, identity
from helpers.datasets.archives import read_keras_archive, sha256_of
from helpers.datasets.dataset import (
    CLASS_NAMES,
    HOW_TO_GET_CIFAR10,
    PROFILE,
    DataError,
    Dataset,
    Split,
    say,
)
from helpers.datasets.formats import find_layout, folder_files, read_folder
from helpers.datasets.sources import SOURCES, Source, fetch
from helpers.datasets.splits import content_hashes, content_order, split_by_content
from helpers.datasets.stand_in import make_stand_in, stand_in_path
from helpers.profiles import Profile, get_profile

_VERSION = 1  # of the split and its order: part of every cache's key
KERAS_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
# What Keras 3, older versions of Keras, and people call the archive.
_KERAS_NAMES = (
    "cifar-10-batches-py-target_archive",
    "cifar-10-batches-py.tar.gz",
    "cifar-10-python.tar.gz",
)


@takes(
    download=Maybe(FLAG),
    profile=Maybe(PROFILE),
    sources=Items(Instance(Source, expected="a Source of helpers.datasets.sources"), least=0),
)
def load_cifar10(
    *,
    download: bool | None = None,
    profile: Profile | None = None,
    sources: Sequence[Source] = SOURCES,
) -> Dataset:
    """Load CIFAR-10, from the first of these places that has it.

    1. The folder ``CIFAR10_DIR``, where that is set: binary, parquet or PNG files.
    2. The course's own cache, from an earlier load.
    3. The archive that Keras downloads, under ``KERAS_HOME`` (default ``~/.keras``).
    4. ``sources``, by download.
    5. Where none has it: the stand-in, :func:`make_stand_in`, with a line that says so.

    Training, validation (5,000) and test images are chosen and ordered by their content, so they
    are the same from every place.

    Args:
        download: ``False`` never downloads; ``True`` tries even what has failed before in this
            process; ``None`` downloads unless ``COURSE_OFFLINE=1``, and tries each source once a
            process.
        profile: the budget the images are for, by default the one in force. CIFAR-10 is always
            given whole; the stand-in has only as many images as the profile uses.
        sources: where to download from, in this order.

    Raises:
        DataError: where ``CIFAR10_DIR`` is set and its data cannot be used (nothing else is put
            in its place), where a damaged cache cannot be made anew, or where the disk is full.
        ValueError: for an argument of another type.
    """
    folder = os.environ.get("CIFAR10_DIR")
    if folder:
        return _from_folder(Path(folder).expanduser())
    allowed = not _offline() if download is None else download
    try:
        return cache.cached(
            _official_cache(),
            f"official {_VERSION}",
            lambda: _official(sources, allowed, again=download is True),
        )
    except _NowhereFound as reason:
        say(
            f"This is NOT CIFAR-10 ({reason}): going on with the stand-in, handwritten digits "
            f"over photographs. {HOW_TO_GET_CIFAR10}"
        )
        return _stand_in_for(profile or get_profile())


def _stand_in_for(profile: Profile) -> Dataset:
    """Make no more images than the profile uses: all 60,000 take seconds."""
    asked = (profile.train_images, profile.validation_images, profile.test_images)
    whole = (45_000, 5_000, 10_000)
    return make_stand_in(*(some or all_ for some, all_ in zip(asked, whole, strict=True)))


def assemble(
    splits: dict[str, Split], source: str, *, verified: bool, n_validation: int | None = None
) -> Dataset:
    """Name what was read, and put it into train, validation and test by content.

    Args:
        splits: ``train`` and ``test`` as read. They are emptied on the way, to save memory.
        source: where they came from, for people.
        verified: whether the source has its published hash.
        n_validation: number of images to set aside from ``train``; ``None`` for a tenth, which is
            5,000 of the 50,000.
    """
    name = identity.name_of(splits, verified=verified)
    train, test = splits.pop("train"), splits.pop("test")
    if n_validation is None:
        n_validation = len(train.labels) // 10
    indices = split_by_content(content_hashes(train.images), train.labels, n_validation)
    ordered = content_order(content_hashes(test.images), test.labels)
    parts = [*(_pick(train, chosen) for chosen in indices), _pick(test, ordered)]
    return Dataset(*parts, name, source, CLASS_NAMES, fingerprint="")


def _pick(split: Split, indices) -> Split:
    return Split(split.images[indices], split.labels[indices].astype("int32"))


def _from_folder(folder: Path) -> Dataset:
    folder = folder.resolve()
    place, layout = find_layout(folder)

    def read() -> Dataset:
        say(f"Reading the {layout} files in {place}; next time they load at once.")
        return assemble(read_folder(folder), f"{layout} files in {place}", verified=False)

    return cache.cached(_folder_cache(folder), _folder_key(folder), read)


def _folder_cache(folder: Path) -> Path:
    return cache.cache_path("folder-" + hashlib.sha256(str(folder).encode()).hexdigest()[:16])


def _folder_key(folder: Path) -> str:
    """Return what changes when a file in the folder is added, removed or written."""
    digest = hashlib.sha256(f"folder {_VERSION} {folder}".encode())
    for entry in folder_files(folder):
        digest.update(repr(entry).encode())
    return digest.hexdigest()


class _NowhereFound(DataError):
    """There is no copy of CIFAR-10 within reach."""


def _official_cache() -> Path:
    return cache.cache_path("cifar10")


def _official(sources: Sequence[Source], download: bool, again: bool) -> Dataset:
    data = _from_keras()
    if data is not None:
        return data
    found = fetch(sources, download=download, again=again)
    if found is None:
        reason = "no source could be reached" if download else "downloading is off"
        raise _NowhereFound(f"no copy of it was found here, and {reason}")
    splits, name = found
    return assemble(splits, name, verified=True)


def _keras_archives() -> list[Path]:
    home = os.environ.get("KERAS_HOME")
    folder = (Path(home).expanduser() if home else Path.home() / ".keras") / "datasets"
    return [path for path in (folder / name for name in _KERAS_NAMES) if path.is_file()]


def _from_keras() -> Dataset | None:
    for path in _keras_archives():
        try:
            got = sha256_of(path)
            if got == KERAS_SHA256:
                return assemble(read_keras_archive(path), f"Keras's cache, {path}", verified=True)
            say(f"{path}: expected SHA-256 {KERAS_SHA256}, got {got}; it is not used.")
        except DataError as error:
            say(f"{error} It is not used.")
    return None


def _offline() -> bool:
    return os.environ.get("COURSE_OFFLINE", "") not in ("", "0")


def find_data() -> list[tuple[str, str]]:
    """Say what data there is, without loading any and without the network.

    Returns:
        ``(place, state)`` for each place that :func:`load_cifar10` looks at, in its order.
    """
    keras = ", ".join(str(path) for path in _keras_archives())
    return [
        ("CIFAR10_DIR", _state_of_folder()),
        ("the course's cache", _state_of_cache(_official_cache())),
        ("Keras's cache", f"{keras} (verified when it is read)" if keras else "nothing"),
        ("download", "off (COURSE_OFFLINE)" if _offline() else "tried when the data is loaded"),
        ("stand-in", _state_of_cache(stand_in_path(), "can be made (takes seconds)")),
    ]


def _state_of_folder() -> str:
    chosen = os.environ.get("CIFAR10_DIR")
    if not chosen:
        return "not set"
    folder = Path(chosen).expanduser().resolve()
    try:
        place, layout = find_layout(folder)
    except DataError as error:
        return f"unusable: {error}"
    state = _state_of_cache(_folder_cache(folder), "not read yet")
    return f"{layout} files in {place}: {state}"


def _state_of_cache(path: Path, missing: str = "nothing") -> str:
    try:
        about = cache.describe(path)
    except DataError as error:
        return f"damaged: {error}"
    if about is None:
        return missing
    if not path.is_file():
        return f"damaged: {path} is missing"
    return f"{about['name']}, from {about['source']}"
