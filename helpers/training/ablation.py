"""What each ingredient of the course's recipe gave, from what was recorded."""

from statistics import fmean

from helpers.arguments import Dict, Document, Items, Number, Text, takes
from helpers.names import shown

_TITLES = {  # by what was changed; a rate that goes with it is not named
    "network.normalization": "without batch norm",
    "network.activation": "{} in the place of SiLU",
    "augment": "without mirrored and shifted copies",
    "optimizer": "{} in the place of SGD",
    "one_cycle_epochs": "{} epochs in the place of 100",
    "network.dropout": "with dropout",
    "weight_decay": "with weight decay {}",
}
_SHARE = Number("[0, 1]")
_ABLATION = Document(
    {"results": Items(Document({"changes": Dict(), "validation_accuracy": _SHARE}))}
)
_WAYS = ("one_view", "last_epoch", "average", "ensemble")
_AVERAGING = Document(
    {
        "epochs": Number("[1, inf)"),
        "members": Number("[1, inf)"),
        "rows": Items(Document({"schedule": Text(), **dict.fromkeys(_WAYS, _SHARE)})),
    }
)


@takes(ablation=_ABLATION, averaging=_AVERAGING)
def ablation_rows(ablation: dict, averaging: dict) -> list[dict]:
    """Return a row for each change of the recipe: ``title`` and validation ``accuracies`` by seed.

    The recipe itself comes first, then the others, the worst at the end.

    Args:
        ablation, averaging: what ``helpers.training.store.recorded_ablation`` gives.

    Raises:
        ValueError: for what is no such document, or a change that has no title here.
    """
    found: dict[str, list[float]] = {}
    for result in ablation["results"]:
        title = _title(result["changes"])
        found.setdefault(title, []).append(result["validation_accuracy"])
        if "mc_validation_accuracy" in result:
            several = found.setdefault(f"{title}, MC dropout", [])
            several.append(result["mc_validation_accuracy"])
    for row in averaging["rows"]:
        for title, accuracy in _ways(row, averaging).items():
            found.setdefault(title, []).append(accuracy)
    first, *others = ({"title": title, "accuracies": found[title]} for title in found)
    return [first, *sorted(others, key=lambda row: -fmean(row["accuracies"]))]


def _title(changes: dict) -> str:
    if not changes:
        return "the recipe"
    known = [name for name in _TITLES if name in changes]
    if not known:
        raise ValueError(f"expected a change of one of {', '.join(_TITLES)}, got {shown(changes)}.")
    (name, *_) = known
    return _TITLES[name].format({"elu": "ELU", "nadam": "Nadam"}.get(changes[name], changes[name]))


def _ways(row: dict, averaging: dict) -> dict[str, float]:
    """Return the accuracy of each way to predict with a run, by its title."""
    average = f"average of {averaging['epochs']:.0f} epochs' weights"
    ensemble = f"ensemble of {averaging['members']:.0f} epochs"
    if row["schedule"] == "1cycle":
        one = {"one view of each image": row["one_view"]}
        return one | {average: row["average"], ensemble: row["ensemble"]}
    constant = "constant rate"
    return {
        constant: row["last_epoch"],
        f"{constant}, {average}": row["average"],
        f"{constant}, {ensemble}": row["ensemble"],
    }
