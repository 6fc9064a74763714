"""helpers.datasets as the course uses it: where it looks, what it calls it, what it shows."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_samples import (
    COUNTS,
    FILES,
    binary_files,
    keras_files,
    make_images,
    sorted_content,
    tar,
    write,
)

from helpers import cli
from helpers.cli.data import describe
from helpers.datasets import (
    CLASS_NAMES,
    DataError,
    Split,
    find_data,
    formats,
    identity,
    load_cifar10,
    loading,
    make_stand_in,
    sources,
    take,
)
from helpers.datasets.archives import read_binary_archive
from helpers.datasets.cache import file_of
from helpers.datasets.sources import File, Source
from helpers.profiles import PROFILES, get_profile

IMAGES = make_images()


@pytest.fixture(autouse=True)
def small_world(tmp_path, monkeypatch):
    """A machine of its own, without a network, for which CIFAR-10 has 240 images."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    for part, count in COUNTS.items():
        monkeypatch.setitem(formats.COUNTS, part, count)
    monkeypatch.setattr(loading, "make_stand_in", lambda *counts: make_stand_in(20, 10, 10))
    monkeypatch.setattr(sources, "_failed", set())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = write(binary_files(IMAGES), tmp_path / "data")
    monkeypatch.setenv("CIFAR10_DIR", str(folder))
    return folder


@pytest.fixture
def keras_archive(tmp_path, monkeypatch):
    path = tmp_path / "keras" / "datasets" / "cifar-10-batches-py-target_archive"
    tar(keras_files(IMAGES), path, "cifar-10-batches-py")
    monkeypatch.setattr(loading, "KERAS_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


@pytest.fixture
def downloaded(tmp_path):
    """Return a source whose file was downloaded before."""
    path = tar(binary_files(IMAGES), tmp_path / "home/downloads/a.tgz", "cifar-10-batches-bin")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = File("http://127.0.0.1:1/a", f"sha256:{digest}", "a.tgz")
    return Source("a mirror", (file,), lambda paths: read_binary_archive(paths[0]))


# --- where it looks ------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", FILES)
def test_the_folder_comes_first(layout, tmp_path, monkeypatch, keras_archive):
    folder = write(FILES[layout](IMAGES), tmp_path / layout)
    monkeypatch.setenv("CIFAR10_DIR", str(folder))
    data = load_cifar10()
    assert data.counts == {"train": 180, "validation": 20, "test": 40}
    assert data.source == f"{layout} files in {folder}"
    assert sorted_content(data.test) == sorted_content(IMAGES["test"])
    assert data.class_names == CLASS_NAMES
    again = load_cifar10()
    assert again[3:] == data[3:]
    assert file_of(again)


def test_a_changed_folder_is_read_anew(folder, capsys):
    first = load_cifar10()
    changed = make_images(seed=1)
    write(binary_files(changed), folder)
    second = load_cifar10()
    assert sorted_content(second.test) == sorted_content(changed["test"])
    assert first.fingerprint != second.fingerprint
    load_cifar10()
    assert capsys.readouterr().err.count("Reading") == 2


def test_two_folders_have_a_cache_each(folder, tmp_path, monkeypatch):
    first = file_of(load_cifar10())
    write(binary_files(make_images(seed=1)), tmp_path / "other")
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / "other"))
    assert file_of(load_cifar10()) != first


@pytest.mark.parametrize("damage", ["missing folder", "truncated file", "no data"])
def test_a_bad_folder_is_an_error_and_never_other_data(damage, folder, keras_archive):
    load_cifar10()  # cached: still not used once the folder is bad
    if damage == "truncated file":
        (folder / "test_batch.bin").write_bytes(b"half")
    elif damage == "no data":
        for path in folder.iterdir():
            path.unlink()
    else:
        folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(DataError, match=str(folder).replace("\\", ".")):
        load_cifar10()


def test_keras_s_archive_is_verified_read_and_cached(keras_archive):
    data = load_cifar10()
    assert data.name == "CIFAR-10"
    assert str(keras_archive) in data.source
    assert sorted_content(data.test) == sorted_content(IMAGES["test"])
    keras_archive.unlink()
    assert load_cifar10().fingerprint == data.fingerprint


def test_a_half_written_keras_archive_is_not_used_and_not_touched(keras_archive, capsys):
    half = keras_archive.read_bytes()[:1000]
    keras_archive.write_bytes(half)
    assert load_cifar10().is_stand_in
    said = capsys.readouterr().err
    assert f"{keras_archive}: expected SHA-256 {loading.KERAS_SHA256}, got " in said
    assert keras_archive.read_bytes() == half


def test_every_place_gives_the_same_data(folder, keras_archive, downloaded, monkeypatch):
    found = [load_cifar10()]
    monkeypatch.delenv("CIFAR10_DIR")
    found.append(load_cifar10())
    file_of(found[-1]).with_suffix(".json").unlink()
    keras_archive.unlink()
    found.append(load_cifar10(sources=[downloaded]))
    assert len({data.fingerprint for data in found}) == 1
    assert [data.name for data in found[1:]] == ["CIFAR-10", "CIFAR-10"]
    assert found[2].source == "a mirror"


def test_what_was_downloaded_before_needs_no_network(downloaded):
    assert load_cifar10(download=False, sources=[downloaded]).name == "CIFAR-10"


def test_a_damaged_cache_is_made_anew_from_the_download(downloaded, capsys):
    first = load_cifar10(sources=[downloaded])
    path = file_of(first)
    fingerprint = first.fingerprint
    del first  # Windows cannot write to a file that is mapped
    path.write_bytes(path.read_bytes()[:-1])
    assert load_cifar10(sources=[downloaded]).fingerprint == fingerprint
    assert "damaged" in capsys.readouterr().err


def test_a_damaged_cache_without_its_source_is_an_error(keras_archive):
    path = file_of(load_cifar10())
    keras_archive.unlink()
    path.write_bytes(b"")
    with pytest.raises(
        DataError, match=r"cifar10.npy.*no copy of it was found here.*Delete .*cifar10.npy"
    ):
        load_cifar10()


def test_without_data_and_network_the_stand_in_is_said_to_be_one(capsys):
    data = load_cifar10()
    said = capsys.readouterr().err
    assert data.is_stand_in
    assert said.count("\n") == 1
    assert "NOT CIFAR-10" in said
    assert "downloading is off" in said
    assert "course data" in said
    assert "CIFAR10_DIR" in said


@pytest.mark.parametrize(
    ("offline", "download", "asked"),
    [
        ("1", None, False),
        ("", None, True),
        ("0", None, True),
        ("", False, False),
        ("1", True, True),
    ],
)
def test_when_the_network_is_asked(offline, download, asked, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_OFFLINE", offline)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    closed = Source("closed", (File("http://127.0.0.1:1/a", "sha256:00", "a"),), dict)
    assert load_cifar10(download=download, sources=[closed]).is_stand_in
    assert ("no connection to 127.0.0.1" in capsys.readouterr().err) is asked
    load_cifar10(download=download, sources=[closed])
    assert ("no connection" in capsys.readouterr().err) is (download is True)


# --- what it is called ---------------------------------------------------------------------------


def official(shift=0):
    """Return 100 images with the official first image's corner and the published means."""
    images = np.empty((100, 32, 32, 3), np.uint8)
    for channel, mean in enumerate(identity._CHANNEL_MEANS):
        total = round(mean * 255 * images[..., 0].size)
        base, rest = divmod(total, images[..., 0].size)
        flat = np.full(images[..., 0].size, base, np.uint8)
        flat[:rest] += 1
        images[..., channel] = flat[::-1].reshape(images.shape[:3])
    corner = identity._FIRST_IMAGE.astype(int)
    owed = (images[7, :2, :3].astype(int) - corner).reshape(6, 3)
    images[7, :2, :3] = corner
    images[7, 20, 10:16] = images[7, 20, 10:16] + owed  # so that the means stay
    images[50, 5, 5] += np.uint8(shift)
    return images


@pytest.mark.parametrize(("shift", "expected"), [(0, True), (100, False)])
def test_official_pixels_are_known_by_an_image_and_the_means(shift, expected):
    assert identity._has_official_pixels(official(shift)) is expected
    assert identity._has_official_pixels(official(shift)[::-1]) is expected
    without = official(shift)
    without[7, 0, 0, 0] += 1
    assert identity._has_official_pixels(without) is False


def test_names():
    splits = {"train": Split(official(), np.zeros(100, np.uint8)), "test": IMAGES["test"]}
    assert identity.name_of(splits, verified=False) == "CIFAR-10"
    assert identity.name_of(IMAGES, verified=True) == "CIFAR-10"
    assert identity.name_of(IMAGES, verified=False) == "CIFAR-10 (unverified copy)"


def test_the_replica_is_known_by_the_order_of_its_labels(monkeypatch):
    labels = IMAGES["train"].labels.tobytes() + IMAGES["test"].labels.tobytes()
    monkeypatch.setattr(identity, "_REPLICA_LABELS", hashlib.sha256(labels).hexdigest())
    other_pixels = {part: Split(255 - s.images, s.labels) for part, s in IMAGES.items()}
    assert identity.name_of(other_pixels, verified=False) == "CIFAR-10 (JPEG replica)"
    other_order = {part: Split(s.images, s.labels[::-1]) for part, s in IMAGES.items()}
    assert identity.name_of(other_order, verified=False) == "CIFAR-10 (unverified copy)"


# --- what is made of it --------------------------------------------------------------------------


def test_take_gives_the_first_images_and_another_fingerprint(folder):
    data = load_cifar10()
    profile = replace(get_profile("ci"), train_images=30, validation_images=5, test_images=None)
    part = take(data, profile)
    assert part.counts == {"train": 30, "validation": 5, "test": 40}
    assert np.array_equal(part.train.images, data.train.images[:30])
    assert np.array_equal(part.train.labels, data.train.labels[:30])
    assert np.shares_memory(part.train.images, data.train.images)
    assert part.name == data.name
    assert len(part.fingerprint) == 64
    assert part.fingerprint != data.fingerprint
    assert take(data, profile).fingerprint == part.fingerprint
    more = take(data, replace(profile, train_images=31))
    assert more.fingerprint != part.fingerprint


def test_take_of_everything_changes_nothing(folder):
    data = load_cifar10()
    assert take(data, get_profile("full")) is data
    assert take(data, get_profile("ci")) is data  # 2,000 of 180 images


def test_the_card_says_what_it_is(folder):
    card = load_cifar10()._repr_html_()
    assert "CIFAR-10 (unverified copy)" in card
    for text in ("<strong>180</strong> train", "<strong>40</strong> test", "airplane", str(folder)):
        assert text in card
    assert "alert" not in card


def test_the_card_of_the_stand_in_has_a_banner():
    card = load_cifar10()._repr_html_()
    assert "role='alert'" in card
    assert "NOT CIFAR-10" in card


def test_text_in_a_card_is_escaped(folder):
    card = load_cifar10()._replace(source="<script>", name="a & b")._repr_html_()
    assert "&lt;script&gt;" in card
    assert "a &amp; b" in card
    assert "<script>" not in card


def test_repr_is_one_line(folder):
    assert repr(load_cifar10()).startswith(
        "<CIFAR-10 (unverified copy): 180 train, 20 validation, 40 test images, from binary files"
    )


# --- the commands --------------------------------------------------------------------------------


def test_course_data_prints_what_it_found(folder, capsys):
    assert cli.main(["data"]) == 0
    shown = capsys.readouterr().out
    for text in ("CIFAR-10 (unverified copy)", "180 train, 20 validation, 40 test", str(folder)):
        assert text in shown
    assert "NOTE" not in shown


def test_course_data_as_json_is_one_document(folder, capsys):
    assert cli.main(["data", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    data = load_cifar10()
    assert document.pop("seconds") >= 0
    assert document == json.loads(json.dumps(describe(data)))
    assert document["train_images"] == 180
    assert document["fingerprint"] == data.fingerprint
    assert document["is_stand_in"] is False
    assert Path(document["cache"]).is_file()


def test_course_data_says_that_a_stand_in_is_one(capsys):
    assert cli.main(["data", "--offline"]) == 0
    captured = capsys.readouterr()
    assert "NOT CIFAR-10" in captured.out
    assert "NOT CIFAR-10" in captured.err


def test_course_data_makes_the_stand_in_even_beside_cifar10(folder, monkeypatch, capsys):
    monkeypatch.setattr("helpers.datasets.make_stand_in", lambda *counts: make_stand_in(20, 10, 10))
    assert cli.main(["data", "--stand-in", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_stand_in"] is True


def test_course_data_with_a_bad_folder_fails_in_one_line(folder, capsys):
    (folder / "data_batch_2.bin").unlink()
    assert cli.main(["data"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("course: ")
    assert "data_batch_2.bin" in captured.err


def test_find_data_loads_nothing(tmp_path, monkeypatch):
    states = dict(find_data())
    assert states == {
        "CIFAR10_DIR": "not set",
        "the course's cache": "nothing",
        "Keras's cache": "nothing",
        "download": "off (COURSE_OFFLINE)",
        "stand-in": "can be made (takes seconds)",
    }
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    assert dict(find_data())["download"] == "tried when the data is loaded"
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path / "nowhere"))
    assert dict(find_data())["CIFAR10_DIR"].startswith("unusable: ")
    assert not (tmp_path / "home").exists()


def test_find_data_tells_what_is_there(folder, keras_archive, monkeypatch):
    assert dict(find_data())["CIFAR10_DIR"] == f"binary files in {folder}: not read yet"
    load_cifar10()
    assert "CIFAR-10 (unverified copy)" in dict(find_data())["CIFAR10_DIR"]
    monkeypatch.delenv("CIFAR10_DIR")
    path = file_of(load_cifar10())
    assert dict(find_data())["the course's cache"].startswith("CIFAR-10, from Keras's cache")
    assert str(keras_archive) in dict(find_data())["Keras's cache"]
    path.unlink()
    assert dict(find_data())["the course's cache"] == f"damaged: {path} is missing"
    path.with_suffix(".json").write_text("{")
    assert dict(find_data())["the course's cache"].startswith("damaged: ")


def test_importing_it_imports_nothing_heavy():
    heavy = ["sklearn", "scipy", "pyarrow", "PIL", "pooch", "requests", "tensorflow", "keras"]
    code = f"import sys, helpers.datasets; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["ci", "quick"])
def test_the_stand_in_has_as_many_images_as_the_profile_uses(monkeypatch, name):
    asked = []
    monkeypatch.setattr(loading, "make_stand_in", lambda *counts: asked.append(counts))
    load_cifar10(download=False, profile=PROFILES[name])
    assert asked == {"ci": [(2_000, 500, 500)], "quick": [(45_000, 5_000, 10_000)]}[name]
