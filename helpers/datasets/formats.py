"""Reading the three layouts of a folder with CIFAR-10: binary files, parquet files, PNG files.

Each reader returns ``{"train": Split, "test": Split}`` in the order of the files, with labels as
uint8, and raises :class:`DataError` rather than give a part of the data.
"""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from helpers.datasets.dataset import (
    CLASS_NAMES,
    IMAGE_BYTES,
    IMAGE_SHAPE,
    N_CLASSES,
    SIDE,
    DataError,
    Split,
)

COUNTS = {"train": 50_000, "test": 10_000}
BATCHES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
RECORD_BYTES = 1 + IMAGE_BYTES  # a label, then the red, the green and the blue plane
SUBFOLDERS = ("cifar-10-batches-bin", "cifar10", "plain_text")
PNG_LIMIT = 100_000  # bytes; a 32 x 32 picture takes about 2,500


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the operating system says about ``path`` into a :class:`DataError`."""
    try:
        yield
    except PermissionError as error:
        raise DataError(
            f"{path}: expected to be allowed to read it, got {error.strerror!r}. "
            "Change its permissions, or set CIFAR10_DIR to a copy of your own."
        ) from error
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected this file, but it is missing. {_AGAIN}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}. {_AGAIN}") from error


_AGAIN = "Unpack or download the data again."


class Collector:
    """Room for one split, filled image by image, so that nothing is held twice.

    Args:
        place: what messages name, such as the folder that is read.
        count: exact number of images expected.
    """

    def __init__(self, place, count: int):
        self.place, self.count, self.filled = place, count, 0
        self.images = np.empty((count, *IMAGE_SHAPE), np.uint8)
        self.labels = np.empty(count, np.uint8)

    def add(self, images: np.ndarray, labels, where) -> None:
        """Append uint8 ``(n, 32, 32, 3)`` and their labels, which came from ``where``."""
        labels = np.asarray(labels)
        end = self.filled + len(labels)
        if end > self.count:
            raise self._wrong_count(f"at least {end:,}")
        bad = labels[(labels < 0) | (labels >= N_CLASSES)]
        if len(bad):
            raise DataError(
                f"{where}: expected labels from 0 to {N_CLASSES - 1}, got {bad[0]}. {_AGAIN}"
            )
        self.images[self.filled : end] = images
        self.labels[self.filled : end] = labels
        self.filled = end

    def split(self) -> Split:
        """Return what was collected.

        Raises:
            DataError: where images are missing.
        """
        if self.filled != self.count:
            raise self._wrong_count(f"{self.filled:,}")
        return Split(self.images, self.labels)

    def _wrong_count(self, got: str) -> DataError:
        return DataError(f"{self.place}: expected {self.count:,} images, got {got}. {_AGAIN}")


# --- binary --------------------------------------------------------------------------------------


def read_binary(folder: Path, counts: dict[str, int] = COUNTS) -> dict[str, Split]:
    """Read ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``.

    Each file holds as many records of 3,073 bytes as any other (10,000 in the real one).

    Raises:
        DataError: for a missing, short, long or unreadable file, or a label above 9.
    """

    def read(name: str) -> bytes:
        with reading(folder / name):
            return (folder / name).read_bytes()

    return collect_batches(folder, read, decode_binary, BATCHES, counts)


def collect_batches(
    place,
    read: Callable[[str], bytes],
    decode: Callable[[bytes, int, str], tuple[np.ndarray, np.ndarray]],
    batches: dict[str, tuple[str, ...]],
    counts: dict[str, int],
) -> dict[str, Split]:
    """Read and decode the batches of each split, one at a time."""
    splits = {}
    for part, names in batches.items():
        collector = Collector(f"{place} ({part})", counts[part])
        for name in names:
            where = f"{place}: {name}"
            images, labels = decode(read(name), counts[part] // len(names), where)
            collector.add(images, labels, where)
        splits[part] = collector.split()
    return splits


def decode_binary(content: bytes, n_records: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images ``(n, 32, 32, 3)`` and labels ``(n,)`` of one binary file."""
    expected = n_records * RECORD_BYTES
    if len(content) != expected:
        raise DataError(
            f"{where}: expected {n_records:,} records of {RECORD_BYTES:,} bytes, that is "
            f"{expected:,} bytes, got {len(content):,}. {_AGAIN}"
        )
    records = np.frombuffer(content, np.uint8).reshape(n_records, RECORD_BYTES)
    return planes_to_images(records[:, 1:]), records[:, 0]


def planes_to_images(planes: np.ndarray) -> np.ndarray:
    """Turn ``(n, 3072)``, three planes one after the other, into a view ``(n, 32, 32, 3)``."""
    return planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)


# --- parquet -------------------------------------------------------------------------------------


def read_parquet(folder: Path, counts: dict[str, int] = COUNTS) -> dict[str, Split]:
    """Read ``train*.parquet`` and ``test*.parquet``, in batches.

    Columns ``img`` (a struct with the PNG file in ``bytes``) and ``label``.

    Raises:
        DataError: for missing, damaged or incomplete files.
    """
    paths = {part: _only_parquet(folder, part) for part in counts}
    return {part: read_parquet_file(paths[part], count) for part, count in counts.items()}


def _only_parquet(folder: Path, part: str) -> Path:
    with reading(folder):
        found = sorted(folder.glob(f"{part}*.parquet"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise DataError(f"{folder}: expected one file {part}*.parquet, got {names}. {_AGAIN}")
    return found[0]


def read_parquet_file(path: Path, count: int) -> Split:
    """Read one parquet file of ``count`` images, in file order."""
    import pyarrow
    import pyarrow.parquet

    collector = Collector(path, count)
    with reading(path), path.open("rb") as opened:
        try:
            table = pyarrow.parquet.ParquetFile(opened)
            for batch in table.iter_batches(batch_size=500, columns=["img.bytes", "label"]):
                pictures = batch.column("img").field("bytes").to_pylist()
                images = np.stack([decode_png(picture, path) for picture in pictures])
                collector.add(images, batch.column("label").to_numpy(zero_copy_only=False), path)
        except (pyarrow.ArrowException, KeyError, TypeError) as error:
            raise DataError(
                f"{path}: expected a parquet file with columns img.bytes and label, got: "
                f"{_one_line(error)}. {_AGAIN}"
            ) from error
    return collector.split()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


# --- PNG -----------------------------------------------------------------------------------------


def decode_png(content: bytes, where) -> np.ndarray:
    """Return the uint8 ``(32, 32, 3)`` image in a PNG file's content.

    Raises:
        DataError: for anything else than a 32 x 32 PNG.
    """
    from PIL import Image

    if not isinstance(content, bytes) or not 0 < len(content) < PNG_LIMIT:
        got = "nothing" if not content else f"{len(content):,} bytes"
        raise DataError(f"{where}: expected a small PNG file, got {got}. {_AGAIN}")
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            size = picture.size
            image = np.asarray(picture.convert("RGB")) if size == (SIDE, SIDE) else None
    except Exception as error:  # Pillow raises kinds of its own for each way to be damaged
        raise DataError(f"{where}: not a whole PNG file ({_one_line(error)}). {_AGAIN}") from error
    if image is None:
        raise DataError(
            f"{where}: expected a picture of {SIDE} x {SIDE} pixels, got {size[0]} x {size[1]}. "
            f"{_AGAIN}"
        )
    return image


def read_png_tree(folder: Path, counts: dict[str, int] = COUNTS) -> dict[str, Split]:
    """Read ``train/CLASS/*.png`` and ``test/CLASS/*.png``, in the order of class and file name.

    Raises:
        DataError: for a missing class, a damaged picture, or a wrong number of them.
    """
    splits = {}
    for part, count in counts.items():
        collector = Collector(folder / part, count)
        for label, class_name in enumerate(CLASS_NAMES):
            for path in _pngs(folder / part / class_name):
                with reading(path):
                    content = path.read_bytes()
                collector.add(decode_png(content, path)[None], [label], path)
        splits[part] = collector.split()
    return splits


def _pngs(folder: Path) -> list[Path]:
    with reading(folder):
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png")


# --- any of the three ----------------------------------------------------------------------------

READERS = {"binary": read_binary, "parquet": read_parquet, "PNG": read_png_tree}


def find_layout(folder: Path) -> tuple[Path, str]:
    """Return the folder that holds the data (``folder`` or a known one inside) and its layout.

    One file of a layout is enough to be taken for it: the reader then says what is missing.

    Raises:
        DataError: where the folder is missing, closed, or holds no known layout.
    """
    if not folder.is_dir():
        got = "a file" if folder.is_file() else "nothing there"
        raise DataError(
            f"{folder}: expected a folder with CIFAR-10, got {got}. "
            "Set CIFAR10_DIR to the folder of the unpacked data, or unset it."
        )
    for candidate in (folder, *(folder / name for name in SUBFOLDERS)):
        if candidate.is_dir():
            with reading(candidate):
                names = {path.name for path in candidate.iterdir()}
            layout = _layout_of(names)
            if layout:
                return candidate, layout
    raise DataError(
        f"{folder}: found none of the known layouts of CIFAR-10: data_batch_1.bin to 5 and "
        "test_batch.bin; train*.parquet and test*.parquet; or train/CLASS/*.png and "
        f"test/CLASS/*.png; there or in a folder {', '.join(SUBFOLDERS)}.{_hint(folder)}"
    )


def _layout_of(names: set[str]) -> str | None:
    if names.intersection(BATCHES["train"] + BATCHES["test"]):
        return "binary"
    if any(n.startswith(("train", "test")) and n.endswith(".parquet") for n in names):
        return "parquet"
    return "PNG" if {"train", "test"} <= names else None


def _hint(folder: Path) -> str:
    if any((place / "data_batch_1").exists() for place in (folder, folder / "cifar-10-batches-py")):
        return (
            " The Python version (data_batch_1 without .bin) is not read, because unpickling a "
            "file can run code: get the binary version."
        )
    if any(folder.glob("*.tar.gz")) or any(folder.glob("*.tgz")):
        return " Unpack the archive first."
    return ""


def read_folder(folder: Path, counts: dict[str, int] = COUNTS) -> dict[str, Split]:
    """Read a folder in any of the three layouts.

    Args:
        folder: as ``CIFAR10_DIR`` may name it, see :func:`find_layout`.
        counts: number of images expected in ``train`` and ``test``, exactly.

    Raises:
        DataError: where it cannot be read whole.
    """
    place, layout = find_layout(folder)
    return READERS[layout](place, counts)


def folder_files(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, size and time of change (ns) of each file of the layout in ``folder``.

    60,000 PNG files take 0.2 s this way.
    """
    place, layout = find_layout(folder)
    pending = [place]
    while pending:
        here = pending.pop()
        with reading(here), os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir():
                    if layout == "PNG":
                        pending.append(Path(entry.path))
                else:
                    status = entry.stat()
                    yield entry.path, status.st_size, status.st_mtime_ns
