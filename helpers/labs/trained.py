"""Small networks that a lab needs trained: their weights are stored with the course.

Each has 64 inputs (the digits of scikit-learn), two hidden layers of 100 ReLU units, and 10
outputs. Its document says how it was trained. ``python recorded/make.py networks`` makes them anew.
"""

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.arguments import Document, Name, Number, takes
from helpers.arguments.arrays import Array
from helpers.datasets import load_digits
from helpers.names import lookup
from helpers.theory.network import Parameters

FOLDER = Path(__file__).resolve().parent / "networks"

#: The networks, by name, and what stands out about how each was trained.
NETWORKS = {
    "plain": "no regularization",
    "dropout-0.2": "dropout of rate 0.2 after every hidden layer",
    "dropout-0.5": "dropout of rate 0.5 after every hidden layer",
    "dropout-0.8": "dropout of rate 0.8 after every hidden layer",
    "l1": "L1 on every kernel",
    "l2": "L2 on every kernel",
}


class DamagedNetwork(Exception):
    """A stored network whose files are not what was written; the message names the file."""


class HeldOut(NamedTuple):
    """The 300 test images of the digits; read-only.

    Attributes:
        images: uint8 ``(300, 8, 8, 1)``, from 0 to 16.
        labels: int32 ``(300,)``.
        name: what a picture calls the data.
    """

    images: np.ndarray
    labels: np.ndarray
    name: str


@lru_cache(maxsize=1)
def held_out_digits() -> HeldOut:
    """Return the test images, on which no stored network was trained; read once a process."""
    data = load_digits()
    for array in data.test:
        array.flags.writeable = False
    return HeldOut(*data.test, data.name)


@takes(name=Name(NETWORKS, "stored network"))
@lru_cache(maxsize=len(NETWORKS))
def trained_network(name: str) -> Parameters:
    """Return the weights of a stored network: float32, read-only, checked against their hash.

    Args:
        name: one of ``NETWORKS``.

    Returns:
        Kernels ``(64, 100)``, ``(100, 100)``, ``(100, 10)`` and their biases, for
        ``theory.network.forward(standardized(images, document), parameters, "relu")``.

    Raises:
        ValueError: for an unknown name, with the known ones.
        DamagedNetwork: when a file is missing or is not what was stored.
    """
    document = network_document(name)
    return read_parameters(FOLDER / f"{name}.npz", document["sha256"])


def network_document(name: str) -> dict:
    """Return how a stored network was trained: data, scaling, settings, versions, accuracies.

    Raises:
        ValueError, DamagedNetwork: as :func:`trained_network`.
    """
    lookup(name, NETWORKS, "stored network")
    file = FOLDER / f"{name}.json"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedNetwork(f"{file} is damaged: expected JSON, found {error}.") from None
    if not isinstance(document, dict) or "sha256" not in document:
        raise DamagedNetwork(f"{file} is damaged: expected the document of a network.")
    return document


_SCALING = Document({"mean": Number(), "variance": Number("(0, inf)")})


@takes(images=Array("n, ..."), document=Document({"standardization": _SCALING}))
@np.errstate(all="ignore")
def standardized(images: np.ndarray, document: dict) -> np.ndarray:
    """Return images as a stored network takes them: float32 ``(n, 64)``.

    Less the mean of all pixels of all training images, divided by their standard deviation, as
    Keras's ``Normalization`` does over one channel. All stored networks have the same two numbers.

    Args:
        images: digits ``(n, 8, 8, 1)``, whole numbers or noisy ones, from 0 to 16.
        document: of the network, which holds mean and variance.

    Raises:
        ValueError: for what are no images, or a document without mean and variance.
    """
    scaling = document["standardization"]
    rows = np.asarray(images, dtype=np.float64).reshape(len(images), -1)
    return ((rows - scaling["mean"]) / np.sqrt(scaling["variance"])).astype(np.float32)


def read_parameters(file: Path, expected: str) -> Parameters:
    """Read kernels and biases from a file that has this SHA-256.

    Raises:
        DamagedNetwork: when the file is missing, or has another hash.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DamagedNetwork(f"{file} cannot be read: {error}.") from None
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DamagedNetwork(f"{file} is damaged: expected SHA-256 {expected}, found {found}.")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for array in arrays.values():
        array.flags.writeable = False
    parts = [[arrays[f"{kind}_{i}"] for i in range(len(arrays) // 2)] for kind in KINDS]
    return Parameters(*parts)


def pack_parameters(parameters: Parameters) -> bytes:
    """Return the file that :func:`read_parameters` reads: float32, compressed.

    The same weights give the same bytes, but for another version of zlib.
    """
    buffer = io.BytesIO()
    arrays = {
        f"{kind}_{i}": array.astype(np.float32)
        for kind, part in zip(KINDS, parameters, strict=True)
        for i, array in enumerate(part)
    }
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


KINDS = ("kernel", "bias")
