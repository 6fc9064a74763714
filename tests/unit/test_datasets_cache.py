"""helpers.datasets.cache: what is cached is what was read, or it is said and made anew."""

import errno
import json
import os

import numpy as np
import pytest
from dataset_samples import make_images

from helpers.datasets import DataError, cache
from helpers.datasets.loading import assemble


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return cache.cache_path("sample")


def make():
    return assemble(make_images(), "a test", verified=False)


def never():
    raise AssertionError("it was read again")


def gone():
    raise DataError("the source is gone.")


def same(one, other):
    return all(
        np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)
        for a, b in zip(one[:3], other[:3], strict=True)
    )


def test_the_second_load_is_the_same_and_mapped(path, capsys):
    first = cache.cached(path, "key", make)
    second = cache.cached(path, "key", never)
    assert same(second, make())
    assert first[3:] == second[3:]
    assert cache.file_of(second) == path
    assert not second.train.images.flags.writeable
    assert second.test.labels.dtype == np.int32
    assert cache.file_of(make()) is None
    assert capsys.readouterr().err == ""


def test_the_file_is_images_then_labels_and_its_hash_the_fingerprint(path):
    data = cache.cached(path, "key", make)
    flat = np.load(path)
    parts = [s.images.reshape(-1) for s in data[:3]] + [s.labels for s in data[:3]]
    assert np.array_equal(flat, np.concatenate(parts))
    import hashlib

    assert hashlib.sha256(flat.tobytes()).hexdigest() == data.fingerprint
    assert json.loads(path.with_suffix(".json").read_text())["fingerprint"] == data.fingerprint


def test_another_key_is_read_anew(path):
    cache.cached(path, "old", make)
    calls = []
    cache.cached(path, "new", lambda: calls.append(1) or make())
    assert calls == [1]
    cache.cached(path, "new", never)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[100_000] ^= 1
    path.write_bytes(content)


def rewrite(path, **changes):
    about = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(about | changes))


def wrong_shape(path):
    np.save(path, np.load(path).reshape(2, -1))


DAMAGE = {
    "one bit": flip_a_bit,
    "truncated": lambda path: os.truncate(path, 200_000),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "empty": lambda path: path.write_bytes(b""),
    "header only": lambda path: os.truncate(path, 20),
    "missing": lambda path: path.unlink(),
    "another shape": wrong_shape,
    "half a description": lambda path: path.with_suffix(".json").write_text('{"key": "k'),
    "a description of nothing": lambda path: path.with_suffix(".json").write_text("[]"),
    "no fingerprint": lambda path: rewrite(path, fingerprint=""),
    "other counts": lambda path: rewrite(path, counts={"train": 1, "validation": 1, "test": 1}),
    "negative counts": lambda path: rewrite(path, counts={"train": -1, "validation": 1, "test": 1}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_named_and_made_anew(damage, path, capsys):
    cache.cached(path, "key", make)
    DAMAGE[damage](path)
    again = cache.cached(path, "key", make)
    said = capsys.readouterr().err
    assert same(again, make())
    assert said.count("\n") == 1
    assert "sample." in said
    assert "made anew" in said
    assert same(cache.cached(path, "key", never), make())


def test_damage_is_told_with_both_hashes(path, capsys):
    data = cache.cached(path, "key", make)
    flip_a_bit(path)
    cache.cached(path, "key", make)
    said = capsys.readouterr().err
    assert f"with SHA-256 {data.fingerprint}, got" in said


def test_a_damaged_cache_that_cannot_be_made_anew_is_an_error(path):
    cache.cached(path, "key", make)
    flip_a_bit(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"damaged.*could not be made anew .the source is gone"):
        cache.cached(path, "key", gone)
    assert path.read_bytes() == before


def test_images_without_a_description_are_not_trusted(path):
    cache.cached(path, "key", make)
    path.with_suffix(".json").unlink()  # as when the process was killed in between
    assert cache.load(path, "key") is None
    assert same(cache.cached(path, "key", make), make())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_without_room_for_the_cache_the_data_stays_in_memory(number, path, capsys, monkeypatch):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(cache, "_write", fail)
    data = cache.cached(path, "key", make)
    said = capsys.readouterr().err
    assert same(data, make())
    assert data.fingerprint == cache.fingerprint_of(make())
    assert said.count("\n") == 1
    assert os.strerror(number) in said
    assert "COURSE_HOME" in said
    assert list(path.parent.iterdir()) == []


def test_a_disk_that_fills_up_half_way_leaves_the_old_cache(path, capsys, monkeypatch):
    old = cache.cached(path, "key", make)
    blocks = cache._blocks

    def two_blocks(data):
        for number, block in enumerate(blocks(data)):
            if number == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            yield block

    monkeypatch.setattr(cache, "fingerprint_of", lambda data: "x" * 64)
    monkeypatch.setattr(cache, "_blocks", two_blocks)
    cache.cached(path, "other", make)
    assert "No space left" in capsys.readouterr().err
    monkeypatch.undo()
    assert same(cache.load(path, "key"), old)
    assert sorted(p.name for p in path.parent.iterdir()) == ["sample.json", "sample.npy"]


def test_a_cache_folder_that_is_a_file_does_not_stop_anyone(path, capsys):
    path.parent.parent.mkdir(parents=True)
    path.parent.write_bytes(b"")
    assert same(cache.cached(path, "key", make), make())
    assert "going on without the cache" in capsys.readouterr().err
