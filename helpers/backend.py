"""Which library Keras computes with: TensorFlow, or JAX by ``COURSE_BACKEND=jax``."""

import importlib.util
import os
import sys

from helpers.names import lookup

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
DEFAULT = "tensorflow"


def backend_name() -> str:
    """Return the backend that ``COURSE_BACKEND`` asks for (default ``tensorflow``).

    Raises:
        ValueError: for a backend the course does not support.
    """
    name = os.environ.get("COURSE_BACKEND") or DEFAULT
    lookup(name, BACKENDS, "backend (COURSE_BACKEND)")
    return name


def use_backend() -> str:
    """Make Keras use the backend in force, and return its name. Call it before importing Keras.

    Raises:
        RuntimeError: when Keras is loaded with another backend already, or the backend is missing.
    """
    name = backend_name()
    if importlib.util.find_spec(name) is None:
        raise RuntimeError(
            f"COURSE_BACKEND asks for {name}, which is not installed: "
            f"install it (python -m pip install {name}) or unset COURSE_BACKEND."
        )
    if "keras" in sys.modules:
        loaded = sys.modules["keras"].config.backend()
        if loaded != name:
            raise RuntimeError(
                f"Keras already runs on {loaded} in this process, and COURSE_BACKEND asks for "
                f"{name}: restart the kernel, then set COURSE_BACKEND before the first cell."
            )
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # "no CUDA" is no error on a CPU
    return name
