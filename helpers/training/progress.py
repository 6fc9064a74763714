"""What a person sees while a network trains: a bar with an estimate; in a notebook, curves too, and
a button that ends it.
"""

import sys
import time

from tqdm.auto import tqdm


class Progress:
    """A bar over all steps of a run and, in a notebook, a Stop button and curves that grow.

    Drawing is given at most a fiftieth of the time, so that watching costs next to nothing.
    """

    def __init__(self, title: str, steps: int, epochs: int, shown: bool):
        self.steps = steps
        self.bar = tqdm(
            total=steps * epochs,
            desc=title,
            unit="step",
            leave=False,
            **({} if shown else {"disable": True}),  # where shown, TQDM_DISABLE decides: builds
            mininterval=0.5 if sys.stderr.isatty() or _in_notebook() else 15,
        )
        self.stop = self.curves = None
        if not self.bar.disable and _in_notebook():
            from IPython.display import HTML, display

            from helpers.training.stop import StopButton

            self.stop = StopButton()
            self.curves = display(HTML(""), display_id=True)
        self.drawn_at, self.drawing_took = float("-inf"), 0.0

    def start_at(self, epochs: int) -> None:
        """Say that so many epochs were done before: they count, but not for the estimate."""
        self.bar.initial = self.bar.n = epochs * self.steps
        self.bar.refresh()

    def steps_done(self, steps: int) -> None:
        """Move the bar on by so many steps."""
        self.bar.update(steps)
        if self.stop:
            self.stop.show()

    @property
    def stop_asked(self) -> bool:
        """Whether the reader pressed the Stop button of this run."""
        return self.stop is not None and self.stop.asked

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
        """Take bar, button and curves away: the caller shows the result."""
        self.bar.total = self.bar.n  # else tqdm leaves a red bar where a run ended early
        self.bar.close()
        if self.stop:
            self.stop.remove()
        if self.curves:
            from IPython.display import HTML

            self.curves.update(HTML(""))


def step_clock(progress: Progress):
    """Return a Keras callback that moves ``progress`` and notes when each call of steps ended."""
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
            progress.steps_done(done - self.done)
            self.done = done

        def on_train_begin(self, logs=None):
            self.done = 0
            self.ended_at = []

    return StepClock()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
