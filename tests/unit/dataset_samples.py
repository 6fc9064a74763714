"""A small set of images in every form in which CIFAR-10 is had, for the tests of the data."""

import hashlib
import io
import struct
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image

from helpers.datasets.dataset import CLASS_NAMES, Split

COUNTS = {"train": 200, "test": 40}


def make_images(seed: int = 0) -> dict[str, Split]:
    """Return 200 training and 40 test images, balanced, the first two training images alike."""
    random = np.random.default_rng(seed)
    splits = {}
    for part, count in COUNTS.items():
        images = random.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
        splits[part] = Split(images, np.arange(count, dtype=np.uint8) // 2 % 10)
    splits["train"].images[1] = splits["train"].images[0]
    return splits


def shuffled(splits: dict[str, Split], seed: int) -> dict[str, Split]:
    """Return the same images in another order."""
    random = np.random.default_rng(seed)
    orders = {part: random.permutation(len(split.labels)) for part, split in splits.items()}
    return {p: Split(s.images[orders[p]], s.labels[orders[p]]) for p, s in splits.items()}


def png(image: np.ndarray) -> bytes:
    """Return the content of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _records(split: Split) -> np.ndarray:
    planes = split.images.transpose(0, 3, 1, 2).reshape(len(split.labels), -1)
    return np.column_stack([split.labels, planes]).astype(np.uint8)


def binary_files(splits: dict[str, Split]) -> dict[str, bytes]:
    """Return the content of each file of the binary version."""
    batches = np.split(_records(splits["train"]), 5)
    files = {f"data_batch_{n}.bin": batch.tobytes() for n, batch in enumerate(batches, 1)}
    return files | {"test_batch.bin": _records(splits["test"]).tobytes()}


def png_files(splits: dict[str, Split]) -> dict[str, bytes]:
    """Return the content of each file of the PNG version."""
    return {
        f"{part}/{CLASS_NAMES[label]}/{number:04}.png": png(image)
        for part, split in splits.items()
        for number, (image, label) in enumerate(zip(*split, strict=True))
    }


def parquet_files(splits: dict[str, Split]) -> dict[str, bytes]:
    """Return the content of each file of the parquet version."""
    files = {}
    for part, split in splits.items():
        rows = [{"bytes": png(image), "path": "x.png"} for image in split.images]
        table = pyarrow.table({"img": rows, "label": split.labels.astype(np.int64)})
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(table, buffer, row_group_size=64)
        files[f"{part}-00000-of-00001.parquet"] = buffer.getvalue()
    return files


FILES = {"binary": binary_files, "parquet": parquet_files, "PNG": png_files}


def write(files: dict[str, bytes], folder: Path) -> Path:
    """Write files into a folder and return it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def tar(
    files: dict[str, bytes], path: Path, prefix: str, others: Iterable[tarfile.TarInfo] = ()
) -> Path:
    """Write a .tar.gz archive with the files and then other members, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{prefix}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in others:
            archive.addfile(member)
    return path


def python2_pickle(split: Split) -> bytes:
    """Return a batch as Python 2's cPickle wrote it, opcode by opcode (Python 3 writes others)."""
    planes = _records(split)[:, 1:].tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n"
        b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + struct.pack("<cici", b"J", len(split.labels), b"J", 3072) + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<i", len(planes)) + planes + b"tb"
    )
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in split.labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + labels + b"u."


def keras_files(splits: dict[str, Split]) -> dict[str, bytes]:
    """Return the content of each file of the Python version."""
    train = splits["train"]
    parts = [Split(*pair) for pair in zip(*(np.split(a, 5) for a in train), strict=True)]
    files = {f"data_batch_{n}": python2_pickle(part) for n, part in enumerate(parts, 1)}
    return files | {"test_batch": python2_pickle(splits["test"])}


def sha256(content: bytes) -> str:
    """Return a hash as a source publishes it."""
    return hashlib.sha256(content).hexdigest()


def sorted_content(split: Split) -> list[tuple[bytes, int]]:
    """Return images with labels in an order of their own, to compare sets of images."""
    return sorted((i.tobytes(), int(label)) for i, label in zip(*split, strict=True))
