"""Zeros in networks: how to count them, how to make them, and what they save.

``kernels`` is a sequence of weight arrays of any shapes, one a layer. A mask has the shape of its
kernel and is True where the weight is kept.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.arguments import Items, Name, Number, Whole, takes
from helpers.arguments.arrays import Array
from helpers.names import lookup

#: What a weight is compared with before the smallest are zeroed, and how people say it.
SCOPES = {
    "layer": "the same share of every layer",
    "global": "the smallest of all layers",
    "deviations": "below a number of standard deviations of the layer",
}
INDEX_BYTES = 4  # of a column number or a row's start in CSR, as in SciPy
_KERNELS = Items(Array(), least=0)
_TARGET = Number("[0, 1]", "a target is a share of the weights, from 0 to 1")
_SCOPE = Name(SCOPES, "scope")


class Sizes(NamedTuple):
    """Bytes that weights take.

    Attributes:
        dense: every weight written out.
        zipped: the same bytes after DEFLATE, which zip, gzip and PNG use.
        csr: compressed sparse rows: value and column of each weight that is not 0, start of each
            row.
    """

    dense: int
    zipped: int
    csr: int


@takes(kernels=_KERNELS)
def count_zeros(kernels: Sequence[np.ndarray]) -> int:
    """Return how many weights are exactly 0; a weight of 1e-30 is not.

    Raises:
        ValueError: here and below: for kernels that are no arrays of numbers.

    >>> count_zeros([np.array([0.0, -0.0, 1e-30])])
    2
    """
    return sum(kernel.size - int(np.count_nonzero(kernel)) for kernel in kernels)


@takes(kernels=_KERNELS)
def sparsity(kernels: Sequence[np.ndarray]) -> float:
    """Return the share of weights that are exactly 0, in [0, 1].

    Raises:
        ValueError: when there is no weight at all.
    """
    total = sum(kernel.size for kernel in kernels)
    if not total:
        raise ValueError("sparsity is a share of weights: expected at least one weight, got none.")
    return count_zeros(kernels) / total


@takes(kernels=_KERNELS, target=_TARGET, scope=_SCOPE)
def magnitude_masks(
    kernels: Sequence[np.ndarray], target: float, scope: str = "layer"
) -> list[np.ndarray]:
    """Return masks that drop the share ``target`` of the weights: those nearest to 0.

    The number dropped is exact, rounded to a whole weight; of equal magnitudes the earlier one goes
    first. So a weight that is 0 already is dropped before any other.

    Args:
        kernels: weights, one array a layer.
        target: sparsity to reach, in [0, 1].
        scope: what is ranked together. ``"layer"``: each layer loses the same share. ``"global"``:
            all weights compete. ``"deviations"``: all compete after division by their layer's
            standard deviation, so that every layer has the same threshold in standard deviations
            (the rule of Han et al. 2015, its factor set by the target).

    Returns:
        Boolean arrays of the kernels' shapes, True where a weight is kept.

    Raises:
        ValueError: for a target out of its range, or an unknown scope.

    >>> kernels = [np.array([3.0, -1.0]), np.array([2.0, 4.0])]
    >>> [mask.tolist() for mask in magnitude_masks(kernels, 0.5)]
    [[True, False], [False, True]]
    """
    return masks_of_ranks(magnitude_ranks(kernels, scope), target, scope)


@takes(kernels=Items(Array("...")), scope=_SCOPE)
@np.errstate(all="ignore")
def magnitude_ranks(kernels: Sequence[np.ndarray], scope: str = "layer") -> list[np.ndarray]:
    """Return the place of each weight when all that is ranked together is sorted by magnitude.

    It takes the sorting, so many targets cost one call: see :func:`masks_of_ranks`.

    Args:
        kernels, scope: as :func:`magnitude_masks`.

    Returns:
        Whole numbers from 0, the weight nearest to 0, in arrays of the kernels' shapes.

    Raises:
        ValueError: for an unknown scope.
    """
    magnitudes = [np.abs(kernel) for kernel in kernels]
    if scope == "layer":
        return [_ranks(magnitude.ravel()).reshape(magnitude.shape) for magnitude in magnitudes]
    if scope == "deviations":
        spreads = [kernel.std() or 1.0 for kernel in kernels]
        magnitudes = [size / spread for size, spread in zip(magnitudes, spreads, strict=True)]
    ranks = _ranks(np.concatenate([magnitude.ravel() for magnitude in magnitudes]))
    parts = np.split(ranks, np.cumsum([kernel.size for kernel in kernels])[:-1])
    return [part.reshape(kernel.shape) for part, kernel in zip(parts, kernels, strict=True)]


@takes(ranks=Items(Array(whole=True), least=0), target=_TARGET, scope=_SCOPE)
def masks_of_ranks(ranks: Sequence[np.ndarray], target: float, scope: str) -> list[np.ndarray]:
    """Return the masks of :func:`magnitude_masks` from the ranks of that scope.

    Raises:
        ValueError: as :func:`magnitude_masks`.
    """
    total = sum(rank.size for rank in ranks)
    together = [rank.size if scope == "layer" else total for rank in ranks]
    return [rank >= round(target * size) for rank, size in zip(ranks, together, strict=True)]


def _ranks(magnitudes: np.ndarray) -> np.ndarray:
    ranks = np.empty(magnitudes.size, dtype=np.int64)
    ranks[np.argsort(magnitudes, kind="stable")] = np.arange(magnitudes.size)
    return ranks


@takes(kernels=_KERNELS, threshold=Number("(-inf, inf]"))
def threshold_masks(kernels: Sequence[np.ndarray], threshold: float) -> list[np.ndarray]:
    """Return masks that keep the weights of magnitude ``threshold`` and above.

    Raises:
        ValueError: for a threshold that is not 0 or above.

    >>> threshold_masks([np.array([0.1, -0.2, 0.3])], 0.2)
    [array([False,  True,  True])]
    """
    if not threshold >= 0:
        raise ValueError(f"a threshold of magnitudes is 0 or above, got {threshold!r}.")
    return [np.abs(kernel) >= threshold for kernel in kernels]


@takes(kernels=_KERNELS, masks=Items(Array(boolean=True), least=0))
def apply_masks(kernels: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the kernels with 0 where the mask is False; dtypes stay.

    Raises:
        ValueError: when numbers or shapes do not fit.
    """
    shapes = [kernel.shape for kernel in kernels], [mask.shape for mask in masks]
    if shapes[0] != shapes[1]:
        raise ValueError(f"a mask has the shape of its kernel: got {shapes[1]} for {shapes[0]}.")
    return [
        np.where(mask, kernel, kernel.dtype.type(0))
        for kernel, mask in zip(kernels, masks, strict=True)
    ]


@takes(
    step=Array(interval="(-inf, inf)"),
    final=Number(),
    begin=Whole(),
    end=Whole(),
    initial=Number(),
    power=Number(),
)
def cubic_sparsity(
    step, *, final: float, begin: int, end: int, initial: float = 0.0, power: float = 3.0
):
    """Return the sparsity to have at a step of training (Zhu & Gupta 2017, equation 1).

    ``final + (initial - final) * (1 - (step - begin) / (end - begin)) ** power``: fast at first,
    when there is much to spare, and slow towards the end. It is ``initial`` until ``begin`` and
    ``final`` from ``end`` on.

    Args:
        step: one step, or an array of them.
        final, initial: sparsity, in [0, 1].
        begin, end: steps, ``0 <= begin < end``.
        power: 3 in the paper; 1 is a straight line.

    Returns:
        A float, or an array of the shape of ``step``.

    Raises:
        ValueError: for a number out of its range.

    >>> cubic_sparsity([0, 50, 100], final=0.8, begin=0, end=100).round(2).tolist()
    [0.0, 0.7, 0.8]
    """
    if not 0 <= initial <= final <= 1 or not 0 <= begin < end or not power > 0:
        raise ValueError(
            "a schedule needs 0 <= initial <= final <= 1, 0 <= begin < end and power > 0, got "
            f"initial={initial}, final={final}, begin={begin}, end={end}, power={power}."
        )
    left = 1 - np.clip((np.asarray(step, dtype=float) - begin) / (end - begin), 0, 1)
    return final + (initial - final) * left**power


@takes(weights=Array(), amount=Number())
@np.errstate(all="ignore")
def soft_threshold(weights: np.ndarray, amount: float) -> np.ndarray:
    """Return the weights moved towards 0 by ``amount``, and 0 where that would pass it.

    The proximal step of ``amount * abs(w)``, sign(w) * max(abs(w) - amount, 0) (Tibshirani 1996,
    equation 3; Beck & Teboulle 2009, equation 1.5). After a gradient step of the loss alone it
    takes the place of the gradient of the L1 penalty, and it makes exact zeros.

    Args:
        weights: float array of any shape; the dtype stays.
        amount: 0 or above; learning rate times the strength of the penalty.

    Raises:
        ValueError: for a negative amount.

    >>> soft_threshold(np.array([-0.5, 0.1, 0.3]), 0.2).round(2).tolist()
    [-0.3, 0.0, 0.1]
    """
    if not amount >= 0:
        raise ValueError(f"weights move towards 0 by 0 or more, got {amount!r}.")
    shrunk = np.maximum(np.abs(weights) - np.asarray(amount, weights.dtype), 0)
    return np.copysign(shrunk, weights) * (shrunk > 0)


@takes(kernels=_KERNELS)
@np.errstate(all="ignore")
def sizes(kernels: Sequence[np.ndarray], dtype="float32") -> Sizes:
    """Return what the weights take in bytes: dense, zipped, and as compressed sparse rows.

    Zipped sizes differ by a few bytes between versions of zlib. In CSR a kernel is a matrix with a
    row for each entry of its first axis, and a vector stays dense.

    Args:
        kernels: weight arrays, biases too where they should count.
        dtype: what each weight is stored as.

    Raises:
        ValueError: for a dtype that is no type of numbers.
    """
    known = (str(np.dtype(kind)) for kind in (*np.typecodes["Float"], *np.typecodes["AllInteger"]))
    lookup(str(dtype), dict.fromkeys(known), "type of numbers")
    stored = [np.ascontiguousarray(kernel, dtype=dtype) for kernel in kernels]
    dense = sum(kernel.nbytes for kernel in stored)
    zipped = sum(len(zlib.compress(kernel)) for kernel in stored)
    return Sizes(dense, zipped, sum(map(_csr_bytes, stored)))


def _csr_bytes(kernel: np.ndarray) -> int:
    if kernel.ndim < 2:
        return kernel.nbytes
    kept = int(np.count_nonzero(kernel))
    return kept * (kernel.itemsize + INDEX_BYTES) + (len(kernel) + 1) * INDEX_BYTES
