"""The state of a training between two epochs, kept so that one cut off goes on exactly.

All that the next epoch depends on: every variable of the network and its optimizer (weights, slots,
step counter, the state of dropout's random generators), and the history with the best epoch so
far. Batches need no state: they follow from seed, epoch and number.
"""

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.files import replacing
from helpers.training.store import weights_sha256

# Share of the training time that writing may take. Copying takes about as much again where epochs
# take less than a second, and next to nothing where they are long.
COST = 0.01


class State(NamedTuple):
    """A training between two epochs.

    Attributes:
        document: of the run so far; its history has an entry for each whole epoch.
        best: number of the epoch with the highest validation accuracy, from 0.
        weights: the network's, of that epoch.
        variables: of the trained model and its optimizer, see :func:`variables_of`.
    """

    document: dict
    best: int
    weights: list[np.ndarray]
    variables: list[np.ndarray]


def variables_of(trainer) -> list[np.ndarray]:
    """Return copies of all variables of a compiled model and its optimizer, in Keras's order."""
    from keras import ops

    # Copies: on JAX what comes may be the memory that the next step writes to.
    return [np.array(ops.convert_to_numpy(variable)) for variable in _variables(trainer)]


def restore(trainer, values: list[np.ndarray]) -> None:
    """Set all variables of a compiled model and its optimizer.

    Raises:
        ValueError: when they are not the variables of this model.
    """
    variables = _variables(trainer)
    expected = [tuple(variable.shape) for variable in variables]
    found = [value.shape for value in values]
    if found != expected:
        raise ValueError(f"expected variables of the shapes {expected}, got {found}.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _variables(trainer) -> list:
    return [*trainer.variables, *trainer.optimizer.variables]


class Checkpoint:
    """One file that holds the newest state of one run.

    A state is written whole or not at all, and every state when epochs are long. Short ones are
    passed over as long as writing would take more than ``COST`` of the time.

    Args:
        path: of the file; its folder need not exist. ``None`` keeps nothing.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self._state: State | None = None  # the newest one, while it is not written
        self._written_at, self._took = time.perf_counter(), 0.0

    def read(self) -> State | None:
        """Return the state that an earlier process kept, or ``None`` where there is none.

        A damaged file is named on standard error and counts as none.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            return _read(self.path)
        except Exception as error:  # a cut or altered zip raises a dozen kinds of error
            print(f"{self.path} is damaged ({error}): the run starts over.", file=sys.stderr)
            return None

    def keep(self, state: State) -> None:
        """Take the newest state, and write it unless that was done a moment ago."""
        self._state = state
        if COST * (time.perf_counter() - self._written_at) >= self._took:
            self.flush()

    def flush(self) -> None:
        """Write the newest state if it is not written yet; say so when that is not possible."""
        if self._state is None or self.path is None:
            return
        started = time.perf_counter()
        try:
            _write(self.path, self._state)
        except OSError as error:
            print(f"No checkpoint is kept, {self.path}: {error}.", file=sys.stderr)
            self.path = None
        self._state = None
        self._written_at = time.perf_counter()
        self._took = self._written_at - started

    def remove(self) -> None:
        """Remove the file: the run has ended and is kept elsewhere."""
        self._state = None
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _write(path: Path, state: State) -> None:
    text = json.dumps({"document": state.document, "best": state.best}, allow_nan=True).encode()
    arrays = {f"weight_{i:03d}": array for i, array in enumerate(state.weights)}
    arrays |= {f"variable_{i:03d}": array for i, array in enumerate(state.variables)}
    arrays["document"] = np.frombuffer(text, dtype=np.uint8)
    arrays["sha256"] = np.array(_digest(text, state.weights, state.variables))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _read(path: Path) -> State:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in sorted(archive.files)}
    weights, variables = (
        [array for name, array in arrays.items() if name.startswith(kind)]
        for kind in ("weight_", "variable_")
    )
    text = arrays["document"].tobytes()
    found, expected = _digest(text, weights, variables), str(arrays["sha256"])
    if found != expected:
        raise ValueError(f"expected SHA-256 {expected}, found {found}")
    content = json.loads(text)
    return State(content["document"], content["best"], weights, variables)


def _digest(text: bytes, *groups: list[np.ndarray]) -> str:
    return hashlib.sha256(text + "".join(map(weights_sha256, groups)).encode()).hexdigest()
