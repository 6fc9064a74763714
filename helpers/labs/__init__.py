"""Labs: controls joined to a computation and a picture.

``all_labs()`` gives every lab class; each is imported only when somebody asks for it.
"""

from importlib import import_module

_MODULES = {"RunExplorer": "helpers.labs.run_explorer"}

__all__ = ["RunExplorer", "all_labs"]


def all_labs() -> list[type]:
    """Return every lab class of the course, in the order of the chapters."""
    return [getattr(import_module(module), name) for name, module in _MODULES.items()]


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no lab {name!r}; it has {[*_MODULES]}")
    return getattr(import_module(_MODULES[name]), name)
