"""README.md says what the code and the recorded results say."""

import re
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
