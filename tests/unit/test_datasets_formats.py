"""helpers.datasets.formats: the three layouts, and what is said about a folder that is damaged."""

import os
from pathlib import Path

import numpy as np
import pytest
from dataset_samples import COUNTS, FILES, binary_files, make_images, png, sorted_content, write

from helpers.datasets import DataError
from helpers.datasets.formats import (
    Collector,
    decode_png,
    find_layout,
    folder_files,
    read_binary,
    read_folder,
    read_parquet,
    read_png_tree,
)

IMAGES = make_images()
BINARY = binary_files(IMAGES)


def same(read, expected):
    return all(
        np.array_equal(read[part].images, expected[part].images)
        and np.array_equal(read[part].labels, expected[part].labels)
        for part in COUNTS
    )


@pytest.mark.parametrize("layout", ["binary", "parquet"])
def test_files_are_read_in_their_order(layout, tmp_path):
    assert same(read_folder(write(FILES[layout](IMAGES), tmp_path), COUNTS), IMAGES)


def test_a_png_tree_gives_every_image_with_its_class(tmp_path):
    read = read_folder(write(FILES["PNG"](IMAGES), tmp_path), COUNTS)
    for part in COUNTS:
        assert sorted_content(read[part]) == sorted_content(IMAGES[part])


@pytest.mark.parametrize(
    ("layout", "inside"),
    [("binary", "cifar-10-batches-bin"), ("PNG", "cifar10"), ("parquet", "plain_text")],
)
def test_the_data_may_be_in_the_folder_that_unpacking_makes(layout, inside, tmp_path):
    write(FILES[layout](IMAGES), tmp_path / inside)
    assert find_layout(tmp_path) == (tmp_path / inside, layout)


def test_a_record_is_a_label_and_three_planes(tmp_path):
    record = np.zeros(3073, np.uint8)
    record[0] = 7
    record[1 + 1024 + 32 * 5 + 9] = 200  # green plane, row 5, column 9
    files = {f"data_batch_{n}.bin": record.tobytes() for n in range(1, 6)}
    write(files | {"test_batch.bin": record.tobytes()}, tmp_path)
    train = read_binary(tmp_path, {"train": 5, "test": 1})["train"]
    assert train.labels.tolist() == [7] * 5
    assert train.images[0, 5, 9].tolist() == [0, 200, 0]
    assert train.images[0].sum() == 200


@pytest.mark.parametrize("layout", FILES)
def test_by_default_nothing_less_than_60_000_images_will_do(layout, tmp_path):
    with pytest.raises(DataError, match=r"expected (50,000 images|10,000 records)"):
        read_folder(write(FILES[layout](IMAGES), tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda old: b"", r"40 records of 3,073 bytes, that is 122,920 bytes, got 0"),
        (lambda old: old[:-1], "got 122,919"),
        (lambda old: old + b"\0", "got 122,921"),
        (lambda old: old[:3073] * 20, "got 61,460"),
        (lambda old: b"\x0a" + old[1:], "expected labels from 0 to 9, got 10"),
        (None, "expected this file, but it is missing"),
    ],
)
def test_a_damaged_binary_file_is_named(change, message, tmp_path):
    write(BINARY, tmp_path)
    path = tmp_path / "data_batch_3.bin"
    if change:
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()
    with pytest.raises(DataError, match=message) as caught:
        read_binary(tmp_path, COUNTS)
    assert "data_batch_3.bin" in str(caught.value)
    assert "again" in str(caught.value)


@pytest.mark.parametrize("kept", [0, 4, 1000, -1000, -4, -1])
def test_a_truncated_parquet_file_is_named(kept, tmp_path):
    write(FILES["parquet"](IMAGES), tmp_path)
    path = tmp_path / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"test-00000-of-00001\.parquet"):
        read_parquet(tmp_path, COUNTS)


def test_a_parquet_file_with_other_columns_is_refused(tmp_path):
    import pyarrow
    import pyarrow.parquet

    for part in COUNTS:
        table = pyarrow.table({"text": ["a"], "label": [1]})
        pyarrow.parquet.write_table(table, tmp_path / f"{part}.parquet")
    with pytest.raises(DataError, match=r"columns img.bytes and label"):
        read_parquet(tmp_path, COUNTS)


def test_a_parquet_file_with_damaged_pages_is_refused(tmp_path):
    write(FILES["parquet"](IMAGES), tmp_path)
    path = tmp_path / "train-00000-of-00001.parquet"
    content = bytearray(path.read_bytes())
    content[1000:9000] = bytes(8000)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet"):
        read_parquet(tmp_path, COUNTS)


def test_both_parquet_files_are_needed(tmp_path):
    write(FILES["parquet"](IMAGES), tmp_path)
    (tmp_path / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(DataError, match=r"one file test\*.parquet, got none"):
        read_folder(tmp_path, COUNTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got nothing"),
        (b"GIF89a" + bytes(100), "not a whole PNG"),
        (png(IMAGES["train"].images[0])[:1500], "not a whole PNG"),
        (png(np.zeros((33, 32, 3), np.uint8)), "32 x 32 pixels, got 32 x 33"),
        (png(np.zeros((9000, 9000), np.uint8)), "32 x 32 pixels, got 9000 x 9000"),
        (bytes(200_000), "got 200,000 bytes"),
        (None, "got nothing"),
    ],
)
def test_what_is_not_a_small_png_is_refused(content, message):
    with pytest.raises(DataError, match=rf"^the picture: .*{message}"):
        decode_png(content, "the picture")


def test_a_damaged_picture_and_a_missing_class_are_named(tmp_path):
    write(FILES["PNG"](IMAGES), tmp_path)
    victim = sorted((tmp_path / "test" / "frog").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:50])
    with pytest.raises(DataError, match=victim.name):
        read_png_tree(tmp_path, COUNTS)
    for path in (tmp_path / "test" / "frog").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"expected 40 images, got 36"):
        read_png_tree(tmp_path, COUNTS)
    (tmp_path / "test" / "frog").rmdir()
    with pytest.raises(DataError, match=r"frog: expected this file, but it is missing"):
        read_png_tree(tmp_path, COUNTS)


def test_one_picture_too_many_is_refused(tmp_path):
    write(FILES["PNG"](IMAGES), tmp_path)
    (tmp_path / "train" / "ship" / "extra.png").write_bytes(png(IMAGES["test"].images[0]))
    with pytest.raises(DataError, match="expected 200 images, got at least 201"):
        read_png_tree(tmp_path, COUNTS)


def test_labels_below_zero_are_refused():
    with pytest.raises(DataError, match="got -1"):
        Collector("here", 1).add(np.zeros((1, 32, 32, 3), np.uint8), [-1], "a file")


@pytest.mark.parametrize("layout", FILES)
def test_a_file_that_may_not_be_read_is_named(layout, tmp_path, monkeypatch):
    folder = write(FILES[layout](IMAGES), tmp_path)
    opened = Path.open

    def refuse(path, *args, **kwargs):  # the tests may run as root, who may read everything
        if "test" in str(path.relative_to(folder)):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", lambda path: path.open("rb").read())
    with pytest.raises(DataError, match=r"allowed to read it.*'Permission denied'.*permissions"):
        read_folder(folder, COUNTS)


def test_a_folder_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="expected to be allowed to read it"):
        find_layout(tmp_path)


def test_a_folder_without_any_layout_says_what_was_looked_for(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"data_batch_1.bin .* train\*.parquet .* train/CLASS"):
        find_layout(tmp_path)


def test_a_folder_that_needs_one_more_step_gets_a_hint(tmp_path):
    write({"cifar-10-batches-py/data_batch_1": b"x"}, tmp_path / "python")
    with pytest.raises(DataError, match="get the binary version"):
        find_layout(tmp_path / "python")
    write({"cifar-10-binary.tar.gz": b"x"}, tmp_path / "packed")
    with pytest.raises(DataError, match="Unpack the archive first"):
        find_layout(tmp_path / "packed")


def test_a_missing_folder_and_a_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="got nothing there"):
        find_layout(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="got a file"):
        find_layout(tmp_path / "file")


@pytest.mark.parametrize("layout", FILES)
def test_a_changed_added_or_removed_file_shows(layout, tmp_path):
    folder = write(FILES[layout](IMAGES), tmp_path)
    path = sorted(path for path in folder.rglob("*") if path.is_file())[-1]
    seen = [list(folder_files(folder))]
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    seen.append(list(folder_files(folder)))
    path.with_name("test-extra.png").write_bytes(b"")
    seen.append(list(folder_files(folder)))
    path.unlink()
    seen.append(list(folder_files(folder)))
    assert all(seen[i] != seen[j] for i in range(4) for j in range(i))
    assert list(folder_files(folder)) == seen[-1]
