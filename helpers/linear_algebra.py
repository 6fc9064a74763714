"""How many threads NumPy multiplies matrices with."""

from functools import lru_cache

from threadpoolctl import ThreadpoolController


def one_thread():
    """Return a context in which NumPy multiplies and solves with one thread.

    Small matrices gain nothing from two, and two wait for each other as soon as anything else
    computes: a lab's network of 100 layers then took 860 ms instead of 160, on two cores.
    """
    return _libraries().limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries: 3 ms
