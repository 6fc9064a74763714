"""Labs: controls joined to a computation and a picture.

``all_labs()`` gives every lab class; each is imported only when somebody asks for it.
"""

from importlib import import_module

_MODULES = {
    "SignalFlow": "helpers.labs.signal_flow",
    "Symmetry": "helpers.labs.symmetry",
    "ActivationExplorer": "helpers.labs.activation_explorer",
    "DyingReLU": "helpers.labs.dying_relu",
    "MomentMap": "helpers.labs.moment_map",
    "InsideBatchNorm": "helpers.labs.inside_batch_norm",
    "MCDropout": "helpers.labs.mc_dropout",
    "OptimizerRace": "helpers.labs.optimizer_race",
    "ScheduleDesigner": "helpers.labs.schedule_designer",
    "Sparsity": "helpers.labs.sparsity",
    "RunExplorer": "helpers.labs.run_explorer",
}

__all__ = [
    "ActivationExplorer",
    "DyingReLU",
    "InsideBatchNorm",
    "MCDropout",
    "MomentMap",
    "OptimizerRace",
    "RunExplorer",
    "ScheduleDesigner",
    "SignalFlow",
    "Sparsity",
    "Symmetry",
    "all_labs",
]


def all_labs() -> list[type]:
    """Return every lab class of the course, in the order of the chapters."""
    return [getattr(import_module(module), name) for name, module in _MODULES.items()]


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no lab {name!r}; it has {[*_MODULES]}")
    return getattr(import_module(_MODULES[name]), name)
