"""An interrupt (Ctrl-C, a notebook's Stop) that is taken where it does no harm: between two steps.

Python raises KeyboardInterrupt wherever the main thread happens to be. Inside the compiled code of
TensorFlow that is sometimes turned into another error, which says nothing of an interrupt (seen in
one of eighty stops: SystemError, "bad argument to internal function").
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Hold an interrupt back until a good place; give the function to call in such places.

    That function raises KeyboardInterrupt when there was one, and so does the end of the block. A
    second interrupt is not held back: it is for when no good place comes. Where somebody else
    handles interrupts, or outside the main thread, which gets none, nothing changes.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    pending = []

    def hold(number, frame) -> None:
        if pending:
            raise KeyboardInterrupt
        pending.append(number)

    def take() -> None:
        if pending:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, hold)
    try:
        yield take
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    take()


def between_steps(take: Callable[[], None]):
    """Return a Keras callback that calls ``take`` after each call of steps."""
    from keras.callbacks import Callback

    class BetweenSteps(Callback):
        def on_train_batch_end(self, batch, logs=None):
            take()

    return BetweenSteps()
