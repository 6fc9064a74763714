"""A run that is killed and started again ends with the bits of one that never was."""

import json
import os
import subprocess
import sys
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from helpers.training.checkpoint import COST, Checkpoint, State
from helpers.training.store import RunStore

ROOT = Path(__file__).parents[2]
VARIANTS = ("bn", "alpha-dropout", "1cycle")
KILLS = 10
DAMAGED = 200  # checkpoints cut, and as many with another bit
SHARES = 20  # runs whose epochs and disks take random times
SEED = 6


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def folder(request, tmp_path_factory):
    """Return the folder of what ``killed_runs.py`` wrote and left on one backend."""
    folder = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [sys.executable, "tests/unit/killed_runs.py", folder, str(SEED), str(KILLS), *VARIANTS],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COURSE_BACKEND": request.param,
            # Else each process of JAX compiles the same functions again, for five seconds.
            "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        },
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of one process, for speed")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.slow
def test_a_run_killed_ten_times_ends_with_the_bits_of_one_that_never_was(variant, folder):
    lines = (folder / f"{variant}.txt").read_text().splitlines()
    whole, killed = (json.loads(line) for line in lines if line.startswith("{"))
    assert killed == whole
    assert sum(line.startswith("killed ") for line in lines) == KILLS
    assert sum(line.startswith("Going on after epoch") for line in lines) >= 3
    assert not [line for line in lines if "is damaged" in line or "Error" in line]
    assert not list(folder.glob(f"{variant}*/.checkpoints/*.npz"))


TOGETHER = """
import sys
from killed_runs import trained, what_came_of
print("ready", flush=True)
sys.stdin.readline()
result = trained("elu", sys.argv[1], epochs=5)
print(result.from_store, what_came_of(result))
"""


def test_two_processes_that_train_one_run_at_once_train_it_once(tmp_path, capsys):
    from killed_runs import trained, what_came_of

    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests/unit")))
    with subprocess.Popen(
        [sys.executable, "-c", TOGETHER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("\n")
        other.stdin.flush()
        ours = trained("elu", str(tmp_path), epochs=5)
        printed, said = other.communicate(timeout=300)
    from_store, _, theirs = printed.partition(" ")
    assert {from_store, str(ours.from_store)} == {"True", "False"}
    assert theirs.strip() == what_came_of(ours)
    assert (said + capsys.readouterr().err).count("Another process trains") == 1
    assert [entry["state"] for entry in RunStore(tmp_path).listing()] == ["whole"]


def make_state(epochs=2) -> State:
    rng = np.random.default_rng(epochs)
    arrays = [rng.normal(size=(3, epochs)).astype(np.float32) for _ in range(3)]
    return State({"history": {"loss": [0.5] * epochs}}, epochs - 1, arrays[:1], arrays[1:])


def assert_same(found: State, expected: State) -> None:
    assert (found.document, found.best) == (expected.document, expected.best)
    for ours, theirs in ((found.weights, expected.weights), (found.variables, expected.variables)):
        assert len(ours) == len(theirs)
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_state_comes_back_as_it_was_kept(tmp_path):
    kept = Checkpoint(tmp_path / "new" / "run.npz")
    kept.keep(make_state())
    kept.flush()
    assert_same(Checkpoint(tmp_path / "new" / "run.npz").read(), make_state())
    kept.remove()
    assert Checkpoint(tmp_path / "new" / "run.npz").read() is None


@pytest.mark.parametrize("part", range(10))
def test_a_cut_or_altered_checkpoint_is_named_and_never_used(tmp_path, capsys, part):
    path = tmp_path / "run.npz"
    kept = Checkpoint(path)
    kept.keep(make_state())
    whole = path.read_bytes()
    rng = np.random.default_rng(part)
    for _ in range(DAMAGED // 10):
        place = int(rng.integers(len(whole)))
        path.write_bytes(whole[:place])
        assert Checkpoint(path).read() is None
        assert f"{path} is damaged" in capsys.readouterr().err
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        found = Checkpoint(path).read()
        if found is not None:  # a bit of the archive that means nothing, such as a date
            assert_same(found, make_state())
        capsys.readouterr()


def test_a_full_disk_is_said_once_and_leaves_the_state_before(tmp_path, capsys, monkeypatch):
    path = tmp_path / "run.npz"
    kept = Checkpoint(path)
    kept.keep(make_state(2))

    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    for epochs in (3, 4):
        kept.keep(make_state(epochs))
        kept.flush()
    assert capsys.readouterr().err.count("No space left on device") == 1
    monkeypatch.undo()
    assert_same(Checkpoint(path).read(), make_state(2))
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


class Clock:
    """A clock that only moves when an epoch is trained or a checkpoint written."""

    def __init__(self, monkeypatch, path, took):
        import helpers.training.checkpoint as module

        self.now, self.written, self.spent = 0.0, [], []
        monkeypatch.setattr(module, "_write", lambda path, state: self.write(state, took))
        monkeypatch.setattr(module.time, "perf_counter", lambda: self.now)
        self.kept = Checkpoint(path)

    def write(self, state, took):
        self.spent.append(next(took))
        self.now += self.spent[-1]
        self.written.append(len(state.document["history"]["loss"]))

    def train(self, seconds):
        for epoch, each in enumerate(seconds, 1):
            self.now += each
            self.kept.keep(make_state(epoch))


def test_short_epochs_are_passed_over_and_the_last_is_kept_all_the_same(tmp_path, monkeypatch):
    clock = Clock(monkeypatch, tmp_path / "run.npz", took=repeat(1.0))
    clock.train([1.0] * 150)
    clock.kept.flush()
    assert clock.written == [1, 101, 150]  # a second each, and 1% of the time


@pytest.mark.parametrize("seed", range(SHARES))
def test_checkpoints_take_their_share_of_the_time_and_no_more(tmp_path, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    took = iter(rng.exponential(10.0 ** rng.uniform(-3, 0), size=1000))
    clock = Clock(monkeypatch, tmp_path / "run.npz", took)
    clock.train(rng.exponential(1.0, size=500))
    *but_the_newest, _ = clock.spent  # whose share is waited for before the next
    assert sum(but_the_newest) <= COST * clock.now
    assert len(clock.written) > 1 and COST < 0.03
