"""Zeros that are made while training: pruning on a schedule, and the proximal step of L1."""

from helpers.arguments import Whole, takes
from helpers.backend import use_backend
from helpers.names import lookup
from helpers.sparsity.kernels import STRENGTH, kernels_of
from helpers.theory.pruning import SCOPES, cubic_sparsity, magnitude_masks

use_backend()

from keras import ops  # noqa: E402  the backend must be chosen before Keras is imported
from keras.callbacks import Callback  # noqa: E402


class MagnitudePruning(Callback):
    """Zero the smallest weights of every kernel while training, more and more of them.

    The sparsity follows Zhu & Gupta 2017, equation 1 (``theory.pruning.cubic_sparsity``). Which
    weights are zero is chosen anew every ``frequency`` steps; after every step those are set to 0
    again, since the optimizer moves them. A weight that was chosen once stays 0. A second call of
    ``fit`` with the same callback goes on where the first one ended.

    Args:
        final_sparsity: share of each kernel that is 0 from ``end_step`` on, in [0, 1].
        begin_step, end_step: steps of the optimizer, counted from the first call of ``fit`` with
            this callback; ``0 <= begin_step < end_step``.
        frequency: steps between two choices, at least 1.
        initial_sparsity: at ``begin_step``.
        scope: what is ranked together, see ``theory.pruning.magnitude_masks``.

    Attributes:
        history: ``(step, sparsity asked for)`` of every choice so far.

    Raises:
        ValueError: for a number out of its range, or an unknown scope.
    """

    @takes(frequency=Whole())
    def __init__(
        self,
        final_sparsity: float,
        begin_step: int,
        end_step: int,
        frequency: int = 10,
        initial_sparsity: float = 0.0,
        scope: str = "layer",
    ):
        super().__init__()
        if frequency < 1:
            raise ValueError(f"frequency is a number of steps, at least 1, got {frequency!r}.")
        self.schedule = {
            "final": final_sparsity,
            "begin": begin_step,
            "end": end_step,
            "initial": initial_sparsity,
        }
        cubic_sparsity(0, **self.schedule)  # raises now, and not in the middle of training
        lookup(scope, SCOPES, "scope")
        self.frequency, self.scope = frequency, scope
        self.history: list[tuple[int, float]] = []
        self._masks = None
        self._first_step = None

    def on_train_begin(self, logs=None):
        """Count steps from here on, where this is the first training."""
        if self._first_step is None:
            self._first_step = int(self.model.optimizer.iterations)

    def on_train_batch_end(self, batch, logs=None):
        """Set the chosen weights to 0, and choose anew where it is time to."""
        # Asking for ``self.model`` makes Keras on JAX put the step's result into the variables.
        kernels = kernels_of(self.model)
        step = int(self.model.optimizer.iterations) - self._first_step
        self._apply(kernels)
        if self._is_due(step):
            target = float(cubic_sparsity(step, **self.schedule))
            values = [kernel.numpy() for kernel in kernels]
            masks = magnitude_masks(values, target, self.scope)
            self._masks = [ops.cast(ops.convert_to_tensor(mask), "float32") for mask in masks]
            self.history.append((step, target))
            self._apply(kernels)

    def _is_due(self, step: int) -> bool:
        begin, end = self.schedule["begin"], self.schedule["end"]
        last = self.history[-1][0] if self.history else None
        if step < begin or (last is not None and last >= end):
            return False
        return last is None or step >= end or step - last >= self.frequency

    def _apply(self, kernels) -> None:
        if self._masks is None:
            return
        for kernel, mask in zip(kernels, self._masks, strict=True):
            kernel.assign(ops.multiply(kernel, mask))


class SoftThresholding(Callback):
    """L1 by its proximal step: after each step every weight moves towards 0, and stops there.

    The weights move by learning rate times ``strength``, as the gradient of the L1 penalty would
    move them, but none passes 0 (``theory.pruning.soft_threshold``). This is proximal gradient
    descent where the optimizer is SGD without momentum; give the loss no L1 penalty beside it.

    Args:
        strength: of the penalty, 0 or above.

    Raises:
        ValueError: for a negative strength; at the start of training with another optimizer, for
            which the step would be another one.
    """

    @takes(strength=STRENGTH)
    def __init__(self, strength: float):
        super().__init__()
        self.strength = strength

    def on_train_begin(self, logs=None):
        """Refuse an optimizer whose step is not learning rate times gradient."""
        optimizer = self.model.optimizer
        name, momentum = type(optimizer).__name__, getattr(optimizer, "momentum", 0)
        if name != "SGD" or momentum:
            raise ValueError(
                "the proximal step moves weights by learning rate times strength, which is right "
                f"for SGD without momentum; got {name}, momentum {momentum}."
            )

    def on_train_batch_end(self, batch, logs=None):
        """Move every kernel towards 0."""
        model = self.model
        amount = float(model.optimizer.learning_rate) * self.strength
        for kernel in kernels_of(model):
            kernel.assign(ops.sign(kernel) * ops.relu(ops.abs(kernel) - amount))
