"""What a person sees while a network trains: a bar with an estimate, and curves in a notebook."""

import sys
import time

from tqdm.auto import tqdm


class Progress:
    """A bar over all steps of a run and, in a notebook, curves that grow with each epoch.

    Drawing is given at most a fiftieth of the time, so that watching costs next to nothing.
    """

    def __init__(self, title: str, steps: int, epochs: int, shown: bool):
        self.steps = steps
        self.bar = tqdm(
            total=steps * epochs,
            desc=title,
            unit="step",
            leave=False,
            disable=not shown,
            mininterval=0.5 if sys.stderr.isatty() or _in_notebook() else 15,
        )
        self.curves = None
        if not self.bar.disable and _in_notebook():
            from IPython.display import HTML, display

            self.curves = display(HTML(""), display_id=True)
        self.drawn_at, self.drawing_took = float("-inf"), 0.0

    def start_at(self, epochs: int) -> None:
        """Say that so many epochs were done before: they count, but not for the estimate."""
        self.bar.initial = self.bar.n = epochs * self.steps
        self.bar.refresh()

    def epoch_ended(self, document: dict) -> None:
        """Show the latest figures, and the curves when drawing them again is cheap enough."""
        history = document["history"]
        self.bar.set_postfix_str(
            f"epoch {len(history['loss'])}, loss {history['loss'][-1]:.3f}, "
            f"validation accuracy {history['validation_accuracy'][-1]:.3f}"
        )
        if self.curves and time.perf_counter() - self.drawn_at > 50 * self.drawing_took:
            from helpers.figures.curves import fit_curves

            started = time.perf_counter()
            self.curves.update(fit_curves(document, document["data"]))
            self.drawn_at = time.perf_counter()
            self.drawing_took = self.drawn_at - started

    def close(self) -> None:
        """Take the bar and the curves away: the caller shows the result."""
        self.bar.close()
        if self.curves:
            from IPython.display import HTML

            self.curves.update(HTML(""))


def step_clock(bar):
    """Return a Keras callback that moves ``bar`` and notes when each call of steps ended."""
    from keras.callbacks import Callback

    class StepClock(Callback):
        """``ended_at`` holds ``time.perf_counter()`` after each call of this ``fit``."""

        def __init__(self):
            super().__init__()
            self.ended_at = []

        def on_train_batch_end(self, batch, logs=None):
            self.ended_at.append(time.perf_counter())
            # Counted from 0 in this fit. A shorter last call is reported as a whole one.
            done = min(batch + 1, self.params["steps"])
            bar.update(done - self.done)
            self.done = done

        def on_train_begin(self, logs=None):
            self.done = 0
            self.ended_at = []

    return StepClock()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
