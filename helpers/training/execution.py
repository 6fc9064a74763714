"""How a step is executed: compiled or not, and how many steps a call. Chosen here and nowhere else.

Measured on two cores, 20 x 100 ELU network, batch 32, in milliseconds a step: TensorFlow 4.2, with
16 steps a call 3.5, and compiled by XLA 2.8; JAX 2.2, with 16 steps a call 2.0. But a whole run
with XLA inside TensorFlow holds more than the 1.2 GiB that a run may take
(``benchmarks/whole_run.py``). So TensorFlow goes without.
"""

import hashlib

from helpers import machine
from helpers.files import course_home

COMPILED_MIB = 200  # what is kept of JAX's compiled functions; those used longest ago go first


def keep_compiled(backend: str) -> None:
    """Let JAX keep what it compiles, so that a second start compiles nothing.

    Not on TensorFlow, which has no such cache. Kept apart for each kind of processor: machines that
    share a home folder need not be alike.
    """
    if backend != "jax":
        return
    import jax

    kind = hashlib.sha256(machine.processor().encode()).hexdigest()[:8]
    jax.config.update("jax_compilation_cache_dir", str(course_home() / "compiled" / kind))
    jax.config.update("jax_compilation_cache_max_size", COMPILED_MIB * 2**20)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def steps_per_execution(steps: int) -> int:
    """Return how many of an epoch's ``steps`` go into one call: the best fit in 8 ... 24.

    The one that leaves the fewest steps over, since a shorter last call is compiled again.
    """
    if steps < 48:
        return 1
    return min(range(24, 7, -1), key=lambda size: steps % size)


def compile_options(backend: str, steps: int) -> dict:
    """Return the keyword arguments of ``Model.compile`` for epochs of ``steps`` steps."""
    return {
        "jit_compile": backend == "jax",
        "steps_per_execution": steps_per_execution(steps),
    }
