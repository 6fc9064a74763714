"""Networks with zeros: making them while training, with the toolkit, and their size on disk.

What needs Keras is loaded on first use.
"""

from importlib import import_module

_MODULES = {
    "MagnitudePruning": "helpers.sparsity.callbacks",
    "SoftThresholding": "helpers.sparsity.callbacks",
    "kernels_of": "helpers.sparsity.kernels",
    "penalize": "helpers.sparsity.kernels",
    "prune": "helpers.sparsity.kernels",
    "pruned_copy": "helpers.sparsity.kernels",
    "size_on_disk": "helpers.sparsity.disk",
    "prune_with_toolkit": "helpers.sparsity.toolkit",
    "recorded_pruning": "helpers.sparsity.toolkit",
    "toolkit_is_installed": "helpers.sparsity.toolkit",
}

__all__ = [
    "MagnitudePruning",
    "SoftThresholding",
    "kernels_of",
    "penalize",
    "prune",
    "prune_with_toolkit",
    "pruned_copy",
    "recorded_pruning",
    "size_on_disk",
    "toolkit_is_installed",
]


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
