"""helpers.datasets.archives: reading members of an archive, and nothing else that is in it."""

import tarfile

import numpy as np
import pytest
from dataset_samples import (
    COUNTS,
    binary_files,
    keras_files,
    make_images,
    png_files,
    sorted_content,
    tar,
)

from helpers.datasets import DataError
from helpers.datasets.archives import (
    read_binary_archive,
    read_keras_archive,
    read_png_archive,
    sha256_of,
)

IMAGES = make_images()
KINDS = {
    "binary": (read_binary_archive, binary_files(IMAGES), "cifar-10-batches-bin"),
    "keras": (read_keras_archive, keras_files(IMAGES), "cifar-10-batches-py"),
    "png": (read_png_archive, png_files(IMAGES), "cifar10"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_is_read(kind, tmp_path):
    read, files, prefix = KINDS[kind]
    splits = read(tar(files, tmp_path / "archive.tgz", prefix), COUNTS)
    for part in COUNTS:
        assert sorted_content(splits[part]) == sorted_content(IMAGES[part])
        assert splits[part].images.dtype == splits[part].labels.dtype == np.uint8


@pytest.mark.parametrize("kind", KINDS)
def test_other_members_are_passed_over(kind, tmp_path):
    read, files, prefix = KINDS[kind]
    strange = {"readme.html": b"x", "train/whale/1.png": b"x", "..well/a..b": b"x"}
    folder = member("a folder", type=tarfile.DIRTYPE)
    splits = read(tar(strange | files, tmp_path / "archive.tgz", prefix, [folder]), COUNTS)
    assert len(splits["train"].labels) == 200


def member(name, **attributes):
    """Return a member of an archive."""
    info = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


DANGERS = {
    "..": (member("../escape"), "a name with '..'"),
    ".. inside": (member("cifar10/train/../../../escape"), "a name with '..'"),
    ".. of Windows": (member("cifar10\\..\\..\\escape"), "a name with '..'"),
    "absolute": (member("/etc/passwd"), "an absolute name"),
    "absolute on Windows": (member("C:\\Windows\\escape"), "an absolute name"),
    "drive": (member("C:escape"), "an absolute name"),
    "share": (member("\\\\host\\share\\escape"), "an absolute name"),
    "link": (member("a", type=tarfile.SYMTYPE, linkname="/etc"), "a link to '/etc'"),
    "link inside": (member("a", type=tarfile.SYMTYPE, linkname="b"), "a link to 'b'"),
    "hard link": (member("a", type=tarfile.LNKTYPE, linkname="../b"), "a link to '../b'"),
    "device": (member("a", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "a device"),
    "block device": (member("a", type=tarfile.BLKTYPE, devmajor=8), "a device"),
    "pipe": (member("a", type=tarfile.FIFOTYPE), "a device or the like"),
}


@pytest.mark.parametrize("danger", DANGERS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_with_a_dangerous_member_is_refused(kind, danger, tmp_path):
    read, files, prefix = KINDS[kind]
    other, reason = DANGERS[danger]
    path = tar(files, tmp_path / "in" / "archive.tgz", prefix, [other])
    with pytest.raises(DataError) as refusal:
        read(path, COUNTS)
    assert "archive.tgz: refused" in str(refusal.value)
    assert repr(other.name) in str(refusal.value) and reason in str(refusal.value)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["archive.tgz"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0, 10, 5000, -5000])
def test_a_truncated_archive_is_named(kind, kept, tmp_path):
    read, files, prefix = KINDS[kind]
    path = tar(files, tmp_path / "archive.tgz", prefix)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"archive.tgz"):
        read(path, COUNTS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_member_is_an_error(kind, tmp_path):
    read, files, prefix = KINDS[kind]
    path = tar(dict(list(files.items())[:-1]), tmp_path / "archive.tgz", prefix)
    with pytest.raises(DataError, match=r"is missing in it|expected 40 images, got 39"):
        read(path, COUNTS)


def test_a_picture_of_absurd_size_is_not_read(tmp_path):
    _, files, prefix = KINDS["png"]
    name = next(iter(files))
    path = tar(files | {name: bytes(20_000_000)}, tmp_path / "archive.tgz", prefix)
    with pytest.raises(DataError, match=r"expected a small PNG file, got 100,000 bytes"):
        read_png_archive(path, COUNTS)


def test_a_member_of_absurd_size_is_not_read(tmp_path):
    _, files, prefix = KINDS["binary"]
    path = tar(files | {"test_batch.bin": bytes(2_000_000)}, tmp_path / "archive.tgz", prefix)
    with pytest.raises(DataError, match=r"test_batch.bin to have at most .* got 2,000,000"):
        read_binary_archive(path, COUNTS)


@pytest.mark.parametrize(
    "attack",
    [
        b"cposix\nsystem\n(U\x1etouch {path}\ntR.",
        b"cbuiltins\neval\n(U\x051 + 1tR.",
        b"cnumpy\nload\n(U\x01xtR.",
        b"cnumpy.core.multiarray\nscalar\n(tR.",
        b"\x80\x04\x8c\x05numpy\x8c\x11lib.npyio.NpzFile\x93.",
    ],
)
def test_a_pickle_may_name_nothing_but_arrays(attack, tmp_path):
    _, files, prefix = KINDS["keras"]
    path = tar(files | {"data_batch_2": attack}, tmp_path / "archive.tgz", prefix)
    with pytest.raises(DataError, match=r"data_batch_2.*which is not allowed"):
        read_keras_archive(path, COUNTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "EOFError"),
        (b"\x80\x02}.", "KeyError"),
        (keras_files(IMAGES)["data_batch_1"][:-500], "not a batch"),
        (keras_files(IMAGES)["data_batch_1"].replace(b"K\x09K\x09", b"K\x0cK\x0c"), "got 12"),
        (keras_files(make_images())["data_batch_1"].replace(b"K\x09K\x09", b"K\x09"), "40 labels"),
    ],
)
def test_a_pickle_that_is_no_batch_is_refused(content, message, tmp_path):
    _, files, prefix = KINDS["keras"]
    path = tar(files | {"data_batch_1": content}, tmp_path / "archive.tgz", prefix)
    with pytest.raises(DataError, match=message):
        read_keras_archive(path, COUNTS)


def test_sha256_is_that_of_the_content(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc").startswith("ba7816bf8f01cfea")  # FIPS 180-4, example
    with pytest.raises(DataError, match="missing"):
        sha256_of(tmp_path / "nothing")
