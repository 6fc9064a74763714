"""The run store under faults: two processes, cut files, older versions; and ``course runs``."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from helpers.cli import main
from helpers.training.checkpoint import Checkpoint, State
from helpers.training.store import DOCUMENT, WEIGHTS, RunStore, weights_sha256

ROOT = Path(__file__).parents[2]
ARRAYS = [np.arange(12, dtype=np.float32).reshape(3, 4), np.ones(5, np.float32)]


def identity(seed=0) -> dict:
    return {"settings": {"name": "elu"}, "seed": seed}


def document(**changes) -> dict:
    return {
        "variant": "elu",
        "seed": 0,
        "data": "stand-in (not CIFAR-10)",
        "profile": "ci",
        "epochs": 2,
        "planned_epochs": 2,
        "validation_accuracy": 0.25,
        "weights_sha256": weights_sha256(ARRAYS),
    } | changes


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "runs")
    store.save(identity(), document(), ARRAYS)
    return store


@pytest.mark.parametrize("file", [DOCUMENT, WEIGHTS])
def test_a_run_cut_at_any_of_a_hundred_bytes_is_named_and_never_loaded(store, capsys, file):
    path = store.path(identity()) / file
    whole = path.read_bytes()
    assert store.load(identity())
    rng = np.random.default_rng(0)
    for length in rng.integers(0, len(whole) - 1, size=100):  # the last byte is a newline
        path.write_bytes(whole[:length])
        assert store.load(identity()) is None, length
        said = capsys.readouterr().err
        assert file in said and "is damaged" in said and "trained again" in said
    path.write_bytes(whole)
    assert store.load(identity())


def test_a_run_of_an_older_course_is_read_or_refused_with_a_sentence(store, capsys):
    path = store.path(identity()) / DOCUMENT
    path.write_text(json.dumps({"variant": "elu", "accuracy": 0.5}))
    assert store.load(identity()) is None
    assert "expected a run document" in capsys.readouterr().err
    assert store.documents() == []


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
    assert json.loads(shown) == document()
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
