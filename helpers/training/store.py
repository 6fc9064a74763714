"""The run store: one folder a finished run, seen whole or not at all."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from helpers.arguments import Maybe, Place, takes
from helpers.files import course_home
from helpers.names import lookup

DOCUMENT, WEIGHTS = "run.json", "weights.npz"
# What is read of a document somewhere in the course. A run without one of these, which another
# version of the course wrote, is refused with a sentence.
NEEDED = frozenset(
    ("variant", "title", "settings", "data", "profile", "seed", "mc_passes", "pixel_statistics",
     "epochs", "planned_epochs", "best_epoch", "history", "ended", "finished", "seconds_per_epoch",
     "validation_accuracy", "test_accuracy", "weights_sha256")
)  # fmt: skip


class DamagedRun(ValueError):
    """A stored run that cannot be used; the message names the file and says why.

    Its files are not what was written, or not what this version of the course writes.
    """


class RunStore:
    """Finished runs under one folder.

    A run's folder is named after its variant, its seed and a key over everything that its result
    depends on. So a changed setting, data set or library version is another run.

    Args:
        folder: where; None for the course's own.

    Raises:
        ValueError: for what is no path.
    """

    @takes(folder=Maybe(Place()))
    def __init__(self, folder: Path | str | None = None):
        self.folder = Path(folder).expanduser() if folder is not None else course_home() / "runs"

    def path(self, identity: dict) -> Path:
        """Return the folder of the run with this identity (see ``loop.run_identity``)."""
        text = json.dumps(identity, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.folder / f"{identity['settings']['name']}-seed{identity['seed']}-{key}"

    def checkpoint_path(self, identity: dict) -> Path:
        """Return the file of the state that a run with this identity goes on from."""
        return self.folder / ".checkpoints" / f"{self.path(identity).name}.npz"

    @contextmanager
    def lock(self, identity: dict) -> Iterator[None]:
        """Keep other processes from training the run meanwhile; wait while one of them does.

        The system releases the lock of a killed process. A store that cannot be written cannot be
        locked either, and needs not.
        """
        file = self.folder / ".locks" / self.path(identity).name
        lock = FileLock(file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            print(f"Another process trains {file.name}: waiting for it.", file=sys.stderr)
            lock.acquire()
        except (OSError, NotImplementedError):
            lock = None
        try:
            yield
        finally:
            if lock:
                lock.release()

    def load(self, identity: dict) -> tuple[dict, list[np.ndarray]] | None:
        """Return document and weights of a stored run, or ``None`` where there is none.

        A damaged run is named on standard error and counts as none: it is trained again.
        """
        folder = self.path(identity)
        if not folder.exists():
            return None
        try:
            return _read_run(folder)
        except DamagedRun as damage:
            print(f"{damage} It is trained again.", file=sys.stderr)
            return None

    def save(self, identity: dict, document: dict, weights: list[np.ndarray]) -> Path:
        """Write a finished run and return its folder.

        Everything is written beside its place and renamed at the end, so that a killed process
        leaves no half run. Of two processes that finish the same run, the first one's stays.

        Raises:
            OSError: when the store cannot be written (full disk, no permission).
        """
        target = self.path(identity)
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.folder))
        try:
            with _synced(temporary / WEIGHTS) as file:
                np.savez(file, **{f"weight_{i:03d}": array for i, array in enumerate(weights)})
            with _synced(temporary / DOCUMENT) as file:
                file.write(_document_bytes(document))
            if target.exists() and not _is_whole(target):
                shutil.rmtree(target)
            if not target.exists():
                _rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target

    def documents(self) -> list[dict]:
        """Return the documents of all readable runs, sorted by folder name."""
        found = []
        for file in sorted(self.folder.glob(f"[!.]*/{DOCUMENT}")):
            try:
                found.append(_read_document(file))
            except DamagedRun as damage:
                print(f"{damage} It is left out.", file=sys.stderr)
        return found

    def listing(self) -> list[dict]:
        """Return what is in the store, sorted by name: whole runs, damaged ones, and cut-off ones.

        Each entry has ``name`` and ``state``, which is whole, damaged (with ``reason``) or cut off;
        and, where it can be read, variant, seed, data, profile, epochs and accuracy.
        """
        entries = [self._entry(folder.name) for folder in self.folder.glob("[!.]*/")]
        known = {entry["name"] for entry in entries}
        for file in self.folder.glob(".checkpoints/*.npz"):
            if file.stem not in known:
                entries.append(_cut_off(file))
        return sorted(entries, key=lambda entry: entry["name"])

    def _entry(self, name: str) -> dict:
        try:
            document = self.document(name)
        except DamagedRun as damage:
            return {"name": name, "state": "damaged", "reason": str(damage)}
        return {"name": name, "state": "whole", **_summary(document)}

    def document(self, name: str) -> dict:
        """Return the document of the run in the folder of that name.

        Raises:
            DamagedRun: when it cannot be read.
            ValueError: when no such run is whole.
        """
        if not (self.folder / name).is_dir():
            raise ValueError(f"{name} was cut off and is no whole run: train it again to go on.")
        return _read_document(self.folder / name / DOCUMENT)

    def delete(self, name: str) -> None:
        """Remove the run and the state it could go on from.

        Raises:
            ValueError: for a name that is no run's: nothing outside the store is ever removed.
        """
        lookup(name, {entry["name"]: None for entry in self.listing()}, "run")
        if (self.folder / name).is_dir():
            shutil.rmtree(self.folder / name)
        (self.folder / ".checkpoints" / f"{name}.npz").unlink(missing_ok=True)


def _summary(document: dict) -> dict:
    names = ("variant", "seed", "data", "profile", "epochs", "planned_epochs",
             "validation_accuracy", "test_accuracy", "finished")  # fmt: skip
    return {name: document.get(name) for name in names}


def _cut_off(file: Path) -> dict:
    from helpers.training.checkpoint import Checkpoint  # late: it needs this module

    state = Checkpoint(file).read()
    if state is None:
        return {"name": file.stem, "state": "damaged", "reason": f"{file} cannot be read"}
    summary = _summary(state.document)
    if None in (summary["profile"], summary["data"], summary["epochs"], summary["planned_epochs"]):
        reason = f"{file} is of another version of the course"
        return {"name": file.stem, "state": "damaged", "reason": reason}
    return {"name": file.stem, "state": "cut off", **summary}


def weights_sha256(weights: list[np.ndarray]) -> str:
    """Return the SHA-256, in hex, over shape, dtype and bytes of each array in turn."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(f"{array.shape} {array.dtype.str} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def stored_runs(folder: Path | str | None = None) -> list[dict]:
    """Return the run documents of the store (the default one, or that in ``folder``).

    Raises:
        ValueError: for what is no path.
    """
    return RunStore(folder).documents()


RECORDED = Path(__file__).resolve().parents[2] / "recorded"
RECORDED_RUNS = {"jax": "runs", "tensorflow": "runs_tensorflow"}  # folders, by the backend


def recorded_runs(backend: str = "jax") -> list[dict]:
    """Return the documents of the full-length runs in the repository's ``recorded/`` folder.

    Empty where the package was installed without the repository.

    Args:
        backend: of the runs. Tables and figures are of those on JAX: all seeds of every variant.

    Raises:
        ValueError: for an unknown backend.
    """
    folder = RECORDED / lookup(backend, RECORDED_RUNS, "backend")
    return [_read_document(file) for file in sorted(folder.glob("*.json"))]


def recorded_search() -> dict:
    """Return the recorded search for each variant's rate: ``data``, ``results``, and how it ran."""
    return json.loads((RECORDED / "rate_search.json").read_text(encoding="utf-8"))


def recorded_ablation() -> dict:
    """Return what each ingredient of the course's recipe gave, by validation accuracy.

    ``ablation`` has a result for each run with something changed, ``averaging`` a row for each
    schedule and seed; see ``recorded/make.py``.
    """
    return {
        name: json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("ablation", "averaging")
    }


@contextmanager
def _synced(path: Path) -> Iterator[BinaryIO]:
    """Open a new file to write; at the end its content is on the disk, not only on its way."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError:
        # Where a store cannot be locked, another process may have been faster by a moment.
        if not _is_whole(target):
            raise


def _is_whole(folder: Path) -> bool:
    try:
        _read_run(folder)
    except DamagedRun:
        return False
    return True


def _read_run(folder: Path) -> tuple[dict, list[np.ndarray]]:
    document = _read_document(folder / DOCUMENT)
    return document, _read_weights(folder / WEIGHTS, document["weights_sha256"])


def _document_bytes(document: dict) -> bytes:
    content = {"document": document, "sha256": _digest_of(document)}
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=True) + "\n").encode()


def _digest_of(document: dict) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _read_document(file: Path) -> dict:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedRun(f"{file.parent} holds no {file.name}: it is not a whole run.") from None
    except OSError as error:
        raise DamagedRun(f"{file} cannot be read: {error}.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedRun(f"{file} is damaged: expected a JSON document, found {error}.") from None
    match content:
        case {"document": dict(document), "sha256": expected}:
            if (found := _digest_of(document)) != expected:
                raise DamagedRun(f"{file} is damaged: expected SHA-256 {expected}, found {found}.")
        case {"weights_sha256": _} as document:  # of an older version, or recorded
            pass
        case _:
            raise DamagedRun(f"{file} is damaged: expected a run document.")
    missing = sorted(NEEDED - document.keys())
    if missing:
        raise DamagedRun(
            f"{file} is of another version of the course: expected a run document with "
            f"{', '.join(sorted(NEEDED))}; it has no {', '.join(missing)}."
        )
    return document


def _read_weights(file: Path, expected: str) -> list[np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            weights = [archive[name] for name in sorted(archive.files)]
    except Exception as error:  # a cut or altered zip raises a dozen kinds of error
        raise DamagedRun(f"{file} is damaged: {error}.") from None
    found = weights_sha256(weights)
    if found != expected:
        raise DamagedRun(f"{file} is damaged: expected SHA-256 {expected}, found {found}.")
    return weights
