"""How large the file of a network is, and how much of it a zip takes away."""

import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

from helpers.arguments import Model, takes


class DiskSize(NamedTuple):
    """Bytes of a saved network.

    Attributes:
        keras: of the ``.keras`` file, which stores every weight, zeros too.
        zipped: of that file after DEFLATE, as zip and gzip do it.
    """

    keras: int
    zipped: int


@takes(model=Model())
def size_on_disk(model) -> DiskSize:
    """Save the network for a moment, and return what its file takes, plain and zipped.

    Give it a network that is not compiled: with a compiled one, ``.keras`` holds the state of its
    optimizer too, for Adam twice as much again.

    Raises:
        ValueError: for a compiled network.
    """
    if getattr(model, "compiled", False):
        raise ValueError(
            f"{model.name} is compiled, and its file would hold the state of its optimizer: give "
            "the network without it (the one of deep_mlp, where logits_of was compiled)."
        )
    with tempfile.TemporaryDirectory(prefix="course-size-") as folder:
        file = Path(folder) / "network.keras"
        model.save(file)
        content = file.read_bytes()
    return DiskSize(len(content), len(zlib.compress(content)))
