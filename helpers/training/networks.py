"""A network that fits a data set: its input shape, its classes, and its scaling."""

from helpers.arguments import takes
from helpers.datasets import Dataset
from helpers.datasets.dataset import DATASET
from helpers.models import deep_mlp
from helpers.training.batches import pixel_statistics


@takes(data=DATASET)
def scaling(data: Dataset) -> dict[str, list[float]]:
    """Return ``mean`` and ``variance`` of the training pixels per channel, for ``deep_mlp``.

    Raises:
        ValueError: for what is no data set.
    """
    mean, variance = pixel_statistics(data.train.images)
    return {"mean": mean, "variance": variance}


@takes(data=DATASET)
def network_for(data: Dataset, **network):
    """Return :func:`helpers.models.deep_mlp` for these images, standardized, not yet compiled.

    Args:
        data: any data set of the course.
        network: the other arguments of ``deep_mlp``: ``depth``, ``width``, ``activation``, ``seed``
            and so on.

    Raises:
        ValueError: as ``deep_mlp``.
    """
    shape = data.train.images.shape[1:]
    sizes = {"input_shape": shape, "n_classes": len(data.class_names)}
    return deep_mlp(**sizes, **scaling(data), **network)
