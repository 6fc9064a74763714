"""README.md says what the code and the recorded results say."""

import re
from itertools import pairwise
from pathlib import Path

import yaml

import helpers
from helpers.training import recorded_runs
from helpers.training.comparison import as_markdown, compare, published_protocol

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNS = recorded_runs()


def test_the_results_are_the_recorded_ones():
    (data,) = {run["data"] for run in RUNS}
    table = as_markdown(compare(RUNS, data=data, profile="full"))
    assert table in README, f"README.md needs this table:\n{table}"
    (backend,) = {run["backend"] for run in RUNS}
    names = {"jax": "JAX", "tensorflow": "TensorFlow"}
    assert f"{data}, the" in README and f"ran on {names[backend]}." in README


def test_a_seed_of_each_variant_ran_on_tensorflow_too():
    runs = {run["variant"]: run for run in recorded_runs("tensorflow")}
    far = []
    head = "| network | JAX | TensorFlow | difference | deviation over seeds |"
    lines = [head, "| --- " * 5 + "|"]
    for row in compare(RUNS, data=RUNS[0]["data"], profile="full"):
        there = runs[row["variant"]]
        (here,) = (run for run in RUNS if _is_same(run, there))
        accuracies = [run["validation_accuracy"] for run in (here, there)]
        cells = [row["title"], *(f"{accuracy:.4f}" for accuracy in accuracies)]
        cells += [f"{accuracies[1] - accuracies[0]:+.4f}", f"{row['validation_std']:.4f}"]
        lines.append("| " + " | ".join(cells) + " |")
        if abs(accuracies[1] - accuracies[0]) > 2 * row["validation_std"]:
            far.append(row["variant"])
    table = "\n".join(lines)
    assert table in README, f"README.md needs this table:\n{table}"
    assert far == ["notes", "elu"] and "Two differ by more than twice what seeds do." in README
    elu, notes = (runs[name]["history"]["validation_accuracy"] for name in ("elu", "notes"))
    best = runs["elu"]["best_epoch"] - 1
    assert elu[best] - max(elu[best - 1], elu[best + 1]) > 0.02
    assert sum(now < before - 0.05 for before, now in pairwise(notes)) >= 3


def _is_same(run: dict, other: dict) -> bool:
    """Return whether two runs differ in nothing but the backend."""
    same = ("variant", "settings", "seed", "data_fingerprint", "images", "profile")
    return all(run[name] == other[name] for name in same)


def test_it_names_where_the_published_figures_stand():
    sources = re.findall(r"ageron/[\w-]+", published_protocol())
    assert sources and all(source in README for source in sources)


def test_no_other_accuracy_is_typed_by_hand():
    before, _, after = README.partition("## How the results compare")
    rest = before + after[after.index("\n## ") :]
    assert not re.search(r"\b0\.\d{3,}\b", rest)


def test_every_picture_is_there_and_has_alt_text():
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    local = [(alt, path) for alt, path in pictures if "://" not in path]
    assert local, "a picture of a lab"
    for alt, path in local:
        assert len(alt) > 60, f"{path}: say what is seen"
        assert (ROOT / path).stat().st_size < 600_000, path


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == helpers.__version__
    assert f"version {helpers.__version__}." in README
    assert citation["title"] in README.replace("\n", " ")
