"""What a sweep is to train: read from a file in YAML.

    variants: [bn, best]
    seeds: [0, 1, 2]
    profile: quick               # default: COURSE_PROFILE
    epochs: 10                   # default: the profile's
    settings:                    # default: the variant's own; every combination is trained
      learning_rate: [1e-2, 1e-1]
      network.activation: [elu, silu]

``settings`` may also be a list of such blocks, each with the combinations of its own. The names are
those of ``helpers.models.Variant``, and with ``network.`` those of ``deep_mlp``.
"""

import re
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

import yaml
from sklearn.model_selection import ParameterGrid

from helpers.arguments import Entries, Items, Kind, Maybe, Name, Whole
from helpers.models import VARIANTS, Variant, deep_mlp, get_variant
from helpers.names import lookup, shown
from helpers.profiles import PROFILES, get_profile

FIXED = ("name", "title", "monte_carlo_of")  # what makes a variant the one it is
NETWORK = "network."
# Of deep_mlp, but for what follows from the data and from the run's own seed.
_FOLLOWING = ("input_shape", "n_classes", "mean", "variance", "seed")
ARGUMENTS = {name: None for name in signature(deep_mlp).parameters if name not in _FOLLOWING}
MOST_RUNS = 100_000


@dataclass(frozen=True)
class PlannedRun:
    """One run that a sweep is to train.

    Attributes:
        variant: with its settings changed.
        changes: what was changed, by the names of the file.
        seed, profile, epochs: as ``train`` takes them.
    """

    variant: Variant
    changes: dict
    seed: int
    profile: str
    epochs: int | None

    @property
    def title(self) -> str:
        """Variant and changes, without the seed."""
        changes = (f", {name.removeprefix(NETWORK)} {self.changes[name]}" for name in self.changes)
        return self.variant.name + "".join(changes)

    def __str__(self) -> str:
        return f"{self.title}, seed {self.seed}"


def read_spec(file: Path) -> list[PlannedRun]:
    """Return the runs that a file asks for, in the order in which they are to begin.

    All with the first seed come first, so that a sweep that is stopped has compared everything.

    Raises:
        ValueError: for a file that cannot be read, and for anything in it that makes no sense.
    """
    try:
        return _planned(_checked(_parsed(file)))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _parsed(file: Path):
    try:
        return _Loader(file.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"is no YAML: {' '.join(str(error).split())}") from None


class _Loader(yaml.SafeLoader):
    """Of YAML's types the plain ones; 1e-3 is a number; a key that is there twice is an error."""

    def construct_mapping(self, node, deep=False):
        """Return the mapping, unless one key would hide another."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key.value, list):  # of a mapping or a sequence
                problem = "a key must be a text"
            elif key.value in seen:
                problem = f"{key.value} is there twice"
            else:
                seen.add(key.value)
                continue
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)


_EXPONENT = re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))


class _Values(Kind):
    """The values that one setting takes in turn."""

    def take(self, name, value, sizes):
        if isinstance(value, list) and value:
            return value
        raise ValueError(f"{name} must be a list of one value or more, got {shown(value)}.")


KEYS = {
    "variants": Items(Name(VARIANTS, "variant")),
    "seeds": Items(Whole(0, 2**32 - 1)),
    "profile": Maybe(Name(PROFILES, "profile")),
    "epochs": Maybe(Whole(1)),
    "settings": Items(Entries(_Values(), least=0)),
}


def _checked(spec) -> dict:
    if not isinstance(spec, dict):
        raise ValueError(f"expected keys such as variants and seeds, got {shown(spec)}.")
    for key in spec:
        lookup(key, KEYS, "key")
    spec = {"seeds": [0], "profile": None, "epochs": None, "settings": {}} | spec
    if "variants" not in spec:
        raise ValueError("expected a key variants, such as variants: [bn].")
    if isinstance(spec["settings"], dict):
        spec["settings"] = [spec["settings"]]
    spec = {key: kind.take(key, spec[key], {}) for key, kind in KEYS.items()}
    for key in ("variants", "seeds"):
        for place, value in enumerate(spec[key]):
            if value in spec[key][:place]:
                raise ValueError(f"{key}: {value} is there twice.")
    for block in spec["settings"]:
        for name in block:
            if name in FIXED or name == NETWORK.rstrip("."):
                raise ValueError(f"settings cannot change {name}.")
            if name.startswith(NETWORK):
                lookup(name.removeprefix(NETWORK), ARGUMENTS, "argument of the network")
    return spec


def _planned(spec: dict) -> list[PlannedRun]:
    grid = ParameterGrid([dict(block) for block in spec["settings"]])
    count = len(grid) * len(spec["variants"]) * len(spec["seeds"])
    if count > MOST_RUNS:
        raise ValueError(f"expected at most {MOST_RUNS:,} runs, got {count:,}.")
    profile = get_profile(spec["profile"]).name
    changed = [(_changed(name, changes), changes) for name in spec["variants"] for changes in grid]
    return [
        PlannedRun(variant, changes, seed, profile, spec["epochs"])
        for seed in spec["seeds"]
        for variant, changes in changed
    ]


def _changed(name: str, changes: dict) -> Variant:
    own = {key: value for key, value in changes.items() if not key.startswith(NETWORK)}
    network = {
        key.removeprefix(NETWORK): value
        for key, value in changes.items()
        if key.startswith(NETWORK)
    }
    variant = get_variant(name, **own)
    if network:
        variant = get_variant(variant, network=variant.network | network)
    return variant
