"""The kernels of a Keras network: finding them, penalizing them, and zeroing the smallest."""

from helpers.arguments import Model, Number, takes
from helpers.names import lookup, shown
from helpers.theory.pruning import apply_masks, magnitude_masks

STRENGTH = Number("[0, 1e30]", "the strength of a penalty is 0 or above")
PENALTIES = {"l1": "L1", "l2": "L2"}


def kernels_of(model) -> list:
    """Return the kernel of every layer that has one, in the order of the layers: Keras variables.

    Biases, and the scales and statistics of batch norm, are no kernels: there are few of them, and
    a 0 among them saves nothing.

    Raises:
        ValueError: for a network without a kernel, one that is not built among them.
    """
    if not hasattr(model, "layers"):
        raise ValueError(f"expected a Keras network, got {shown(model)}.")
    kernels = [layer.kernel for layer in model.layers if getattr(layer, "kernel", None) is not None]
    if not kernels:
        raise ValueError(
            f"{model.name} has no kernel: expected a network with dense or convolutional layers "
            "that is built (give it an Input, or call it once)."
        )
    return kernels


@takes(model=Model(), strength=STRENGTH)
def penalize(model, kind: str, strength: float):
    """Add a penalty on every kernel to the network's loss, and return the network.

    The same as ``kernel_regularizer=`` at every layer, for a network that is built already. Compile
    it afterwards.

    Args:
        model: a built Keras network.
        kind: ``"l1"``, strength times the sum of magnitudes, or ``"l2"``, of squares.
        strength: 0 or above.

    Raises:
        ValueError: for an unknown kind or a negative strength.
    """
    lookup(kind, PENALTIES, "penalty")
    from keras import regularizers

    for kernel in kernels_of(model):
        kernel.regularizer = getattr(regularizers, PENALTIES[kind])(strength)
    return model


@takes(model=Model())
def prune(model, target: float, scope: str = "layer"):
    """Set the smallest weights of a network to 0, all at once, and return the network.

    Args:
        model: a built Keras network; its kernels are changed.
        target: sparsity of the kernels, in [0, 1].
        scope: see ``helpers.theory.pruning.magnitude_masks``.

    Raises:
        ValueError: for a target out of its range, an unknown scope, or no kernel.
    """
    kernels = kernels_of(model)
    values = [kernel.numpy() for kernel in kernels]
    masks = magnitude_masks(values, target, scope)
    for kernel, pruned in zip(kernels, apply_masks(values, masks), strict=True):
        kernel.assign(pruned)
    return model


@takes(model=Model())
def pruned_copy(model, target: float, scope: str = "layer"):
    """Return a copy of a network whose smallest weights are 0; ``model`` stays as it is.

    Args and errors: as :func:`prune`. The copy is not compiled.
    """
    from keras.models import clone_model

    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    return prune(copy, target, scope)
