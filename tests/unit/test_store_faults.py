"""The run store under faults: two processes, cut files, older versions; and ``course runs``."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from small_disk import files_end_at

from helpers.cli import main
from helpers.training.checkpoint import Checkpoint, State
from helpers.training.store import DOCUMENT, NEEDED, WEIGHTS, RunStore, _digest_of, weights_sha256

ROOT = Path(__file__).parents[2]
ALTERED = 400  # bytes with another bit, over both files
FULL_DISKS = 50  # disks that fill up while a run, or a checkpoint, is written
ARRAYS = [np.arange(12, dtype=np.float32).reshape(3, 4), np.ones(5, np.float32)]


def identity(seed=0) -> dict:
    return {"settings": {"name": "elu"}, "seed": seed}


def document(**changes) -> dict:
    return {
        "variant": "elu",
        "title": "ELU",
        "settings": {"name": "elu"},
        "seed": 0,
        "data": "stand-in (not CIFAR-10)",
        "profile": "ci",
        "mc_passes": 3,
        "pixel_statistics": {"mean": [0.1], "variance": [float("inf")]},
        "history": {"loss": [0.1 + 0.2, float("nan")]},
        "ended": "all epochs",
        "epochs": 2,
        "planned_epochs": 2,
        "best_epoch": 1,
        "seconds_per_epoch": 0.5,
        "validation_accuracy": 0.25,
        "test_accuracy": 0.5,
        "finished": "2026-01-01T00:00:00+00:00",
        "weights_sha256": weights_sha256(ARRAYS),
    } | changes


def same(one: dict, other: dict) -> bool:
    """Return whether two documents are equal, counting NaN as equal to itself."""
    return repr(sorted(one.items())) == repr(sorted(other.items()))


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "runs")
    store.save(identity(), document(), ARRAYS)
    return store


def test_a_run_comes_back_as_it_was_saved(store):
    found, weights = store.load(identity())
    assert same(found, document())
    assert all(np.array_equal(a, b) for a, b in zip(weights, ARRAYS, strict=True))
    assert same(store.documents()[0], document())


# --- cut and altered files


def test_an_altered_byte_is_named_or_means_nothing(store, capsys):
    rng = np.random.default_rng(1)
    for file in (DOCUMENT, WEIGHTS):
        path = store.path(identity()) / file
        whole = path.read_bytes()
        for place in rng.integers(0, len(whole), ALTERED // 2):
            altered = bytearray(whole)
            altered[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(altered)
            found = store.load(identity())
            if found is None:
                assert "trained again" in capsys.readouterr().err
            else:  # white space between entries, or a date in the archive
                assert same(found[0], document())
                assert all(np.array_equal(a, b) for a, b in zip(found[1], ARRAYS, strict=True))
        path.write_bytes(whole)


def test_another_figure_in_the_document_is_seen(store, capsys):
    path = store.path(identity()) / DOCUMENT
    text = path.read_text()
    assert '"test_accuracy": 0.5' in text
    path.write_text(text.replace('"test_accuracy": 0.5', '"test_accuracy": 0.9'))
    assert store.load(identity()) is None
    assert store.documents() == []
    assert f"{path} is damaged" in capsys.readouterr().err


# --- disks that cannot be written


def test_a_disk_that_fills_up_at_any_byte_leaves_no_half_run_and_the_old_ones(store):
    before = contents(store)
    arrays = [np.zeros((100, 50), np.float32)]
    changed = document(seed=1, weights_sha256=weights_sha256(arrays))
    size = store.save(identity(1), changed, arrays).joinpath(WEIGHTS).stat().st_size
    store.delete(store.path(identity(1)).name)
    for n_bytes in np.random.default_rng(2).integers(0, size, FULL_DISKS):
        with files_end_at(int(n_bytes)), pytest.raises(OSError, match="File too large"):
            store.save(identity(1), changed, arrays)
        assert contents(store) == before
    store.save(identity(1), changed, arrays)
    assert store.load(identity(1))


def test_a_disk_that_fills_up_leaves_the_checkpoint_before(store, capsys):
    kept = Checkpoint(store.checkpoint_path(identity(1)))
    kept.keep(State(document(epochs=1), 0, ARRAYS, ARRAYS))
    size = kept.path.stat().st_size
    before = contents(store)
    for n_bytes in np.random.default_rng(3).integers(0, size, FULL_DISKS):
        again = Checkpoint(kept.path)
        with files_end_at(int(n_bytes)):
            again.keep(State(document(epochs=2), 0, ARRAYS, ARRAYS))
        assert f"No checkpoint is kept, {kept.path}" in capsys.readouterr().err
        assert contents(store) == before
    assert Checkpoint(kept.path).read().document["epochs"] == 1


def contents(store) -> dict[str, bytes]:
    """Return all files of a store, without those that only lock it."""
    return {
        path.relative_to(store.folder).as_posix(): path.read_bytes()
        for path in store.folder.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


@pytest.fixture
def read_only(store, monkeypatch):
    """A store whose every write the system refuses, as on a disk mounted to be read only.

    Permissions alone would not do: the tests may run as root.
    """

    def refuse(original, writes):
        def function(path, *arguments, **options):
            inside = options.get("dir_fd") is not None or (
                not isinstance(path, int) and Path(path).is_relative_to(store.folder)
            )
            if inside and writes(*arguments, **options):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return original(path, *arguments, **options)

        return function

    for name in ("mkdir", "unlink", "rmdir", "rename", "replace", "remove"):
        monkeypatch.setattr(os, name, refuse(getattr(os, name), lambda *a, **o: True))
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    monkeypatch.setattr(os, "open", refuse(os.open, lambda flags, *a, **o: flags & writing))
    opened = refuse(io.open, lambda mode="r", *a, **o: set(mode) & set("wax+"))
    monkeypatch.setattr(io, "open", opened)
    return store


def test_a_read_only_store_gives_its_runs_and_takes_no_others(read_only, capsys):
    before = contents(read_only)
    with read_only.lock(identity()), read_only.lock(identity(1)):
        assert read_only.load(identity())
        assert read_only.load(identity(1)) is None
        with pytest.raises(OSError, match="Read-only"):
            read_only.save(identity(1), document(seed=1), ARRAYS)
    kept = Checkpoint(read_only.checkpoint_path(identity(1)))
    kept.keep(State(document(seed=1), 0, ARRAYS, ARRAYS))
    said = capsys.readouterr().err
    assert said.count("No checkpoint is kept") == 1 and "Read-only file system" in said
    assert contents(read_only) == before


def test_commands_on_a_read_only_store_say_what_they_cannot_do(read_only, capsys):
    folder, name = str(read_only.folder), read_only.path(identity()).name
    status, out, _ = course(capsys, "runs", "--store", folder)
    assert status == 0 and name in out
    status, _, err = course(capsys, "runs", "delete", name, "--store", folder)
    assert status == 1 and "could not be deleted" in err and "Read-only" in err
    status, _, err = course(
        capsys, "runs", "export", name, "--to", f"{folder}/there", "--store", folder
    )
    assert status == 1 and "could not be copied" in err
    assert read_only.load(identity())


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of folders are POSIX's")
def test_a_store_that_belongs_to_somebody_else_gives_its_runs(tmp_path, capsys):
    folder = Path(tempfile.mkdtemp())  # tmp_path lies in a folder that is closed to others
    store = RunStore(folder)
    store.save(identity(), document(), ARRAYS)
    (folder / ".locks").mkdir()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    me = os.geteuid()
    try:
        if me == 0:  # root may write everywhere; nobody may not
            os.seteuid(65534)
        with store.lock(identity()):
            assert store.load(identity())
        with pytest.raises(PermissionError), store.lock(identity(1)):
            store.save(identity(1), document(seed=1), ARRAYS)
    finally:
        os.seteuid(me)
        folder.chmod(0o755)
        for path in folder.rglob("*"):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_where_a_store_cannot_be_locked_the_first_of_two_equal_runs_stays(store, monkeypatch):
    rename = Path.rename

    def late(temporary, target):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", rename)
            RunStore(store.folder).save(identity(1), document(seed=1), ARRAYS)
        return rename(temporary, target)

    monkeypatch.setattr(Path, "rename", late)
    store.save(identity(1), document(seed=1, finished="a moment later"), ARRAYS)
    monkeypatch.undo()
    assert store.load(identity(1))[0]["finished"] == document()["finished"]
    assert not list(store.folder.glob(".writing-*"))


# --- other versions of the course


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_run_of_another_version_is_refused_with_a_sentence(store, capsys, name):
    path = store.path(identity()) / DOCUMENT
    old = document()
    del old[name]
    path.write_text(json.dumps({"document": old, "sha256": _digest_of(old)}))
    assert store.load(identity()) is None
    assert store.documents() == []
    said = capsys.readouterr().err
    assert said.count("of another version of the course") == 2 and f"it has no {name}." in said
    folder = str(store.folder)
    status, out, _ = course(capsys, "runs", "--store", folder)
    assert status == 0 and "of another version of the course" in out
    status, _, err = course(capsys, "runs", "show", "elu-seed0", "--store", folder)
    assert status == 1 and "of another version" in err
    assert course(capsys, "compare", "--profile", "ci", "--store", folder)[0] == 0
    assert course(capsys, "runs", "delete", "elu-seed0", "--store", folder)[0] == 0


def test_a_run_of_an_older_version_that_holds_what_is_needed_is_read(store):
    path = store.path(identity()) / DOCUMENT
    # Without its SHA-256, as older versions wrote it.
    path.write_text(json.dumps({name: document()[name] for name in NEEDED}))
    assert store.load(identity())


@pytest.mark.parametrize("content", ["[]", "{}", "5", '"elu"', "null"])
def test_a_document_of_nothing_is_refused_with_a_sentence(store, capsys, content):
    (store.path(identity()) / DOCUMENT).write_text(content)
    assert store.load(identity()) is None
    assert "expected a run document" in capsys.readouterr().err


def test_a_checkpoint_of_another_version_is_listed_as_such(store, capsys):
    kept = Checkpoint(store.checkpoint_path(identity(1)))
    kept.keep(State({"history": {}}, 0, ARRAYS, ARRAYS))
    status, out, _ = course(capsys, "runs", "--store", str(store.folder))
    assert status == 0 and "of another version of the course" in out.splitlines()[1]


# --- two processes


WORKER = """
import sys
from helpers.training.store import RunStore
store = RunStore(sys.argv[1])
identity = {"settings": {"name": "elu"}, "seed": 1}
print("ready", flush=True)
with store.lock(identity):
    print("inside", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def worker(store):
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(store.folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    assert process.stdout.readline() == "inside\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("end", ["it finishes", "it is killed"])
def test_a_second_process_waits_until_the_first_is_done(store, worker, capsys, end):
    entered = threading.Event()

    def second():
        with store.lock(identity(1)):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not entered.wait(0.3)
    with store.lock(identity(2)):  # another run is free
        pass
    if end == "it is killed":
        worker.kill()
    else:
        worker.stdin.write("\n")
        worker.stdin.flush()
    assert entered.wait(30)
    thread.join()
    assert "Another process trains elu-seed1" in capsys.readouterr().err


# --- course runs


def course(capsys, *arguments) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def full(store):
    """A whole run, a cut-off one and a damaged one."""
    state = State(document(seed=1, epochs=1, history={}), 0, ARRAYS, ARRAYS)
    kept = Checkpoint(store.checkpoint_path(identity(1)))
    kept.keep(state)
    store.save(identity(2), document(seed=2), ARRAYS)
    (store.path(identity(2)) / DOCUMENT).write_text("{")
    return store


def test_runs_lists_whole_cut_off_and_damaged_runs(full, capsys):
    status, out, _ = course(capsys, "runs", "--store", str(full.folder))
    whole, cut, damaged = out.splitlines()
    assert status == 0
    assert "2 of 2 epochs, validation accuracy 0.2500" in whole
    assert "1 of 2 epochs, cut off: train it again and it goes on" in cut
    assert "damaged: " in damaged and DOCUMENT in damaged
    entries = json.loads(course(capsys, "runs", "--store", str(full.folder), "--json")[1])["runs"]
    assert [entry["state"] for entry in entries] == ["whole", "cut off", "damaged"]


def test_an_empty_store_says_what_to_do(tmp_path, capsys):
    status, out, err = course(capsys, "runs", "list", "--store", str(tmp_path))
    assert (status, out) == (0, "") and "course train --variant bn" in err


def test_show_and_export_and_delete(full, tmp_path, capsys):
    store, name = str(full.folder), full.path(identity()).name
    shown = course(capsys, "runs", "show", "elu-seed0", "--store", store)[1]
    finite = {"pixel_statistics": {"mean": [0.1], "variance": [None]}}
    assert same(json.loads(shown), document(history={"loss": [0.1 + 0.2, None]}, **finite))
    target = tmp_path / "out"
    assert course(capsys, "runs", "export", name, "--to", str(target), "--store", store)[0] == 0
    assert {file.name for file in (target / name).iterdir()} == {DOCUMENT, WEIGHTS}
    status, _, err = course(capsys, "runs", "export", name, "--to", str(target), "--store", store)
    assert status == 1 and "exists already" in err
    for seed in (0, 1, 2):
        assert course(capsys, "runs", "delete", f"elu-seed{seed}", "--store", store)[0] == 0
    assert full.listing() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("delet", "elu"), "did you mean 'delete'"),
        (("show",), "needs the name of a run"),
        (("show", "bn"), "unknown run 'bn'"),
        (("show", "elu"), "may be any of"),
        (("show", "elu-seed1"), "was cut off"),
        (("show", "elu-seed2"), "is damaged"),
        (("export", "elu-seed0"), "needs --to FOLDER"),
        (("delete", "../elsewhere"), "unknown run"),
    ],
)
def test_what_cannot_be_done_is_explained_and_changes_nothing(full, capsys, arguments, said):
    before = sorted(full.folder.rglob("*"))
    status, out, err = course(capsys, "runs", *arguments, "--store", str(full.folder))
    assert status == 1 and out == "" and said in err
    assert sorted(full.folder.rglob("*")) == before


def test_runs_of_a_store_that_is_gone(tmp_path, capsys):
    store = tmp_path / "gone"
    status, _, err = course(capsys, "runs", "show", "elu", "--store", str(store))
    assert status == 1 and "there is no run" in err
    assert not store.exists()
