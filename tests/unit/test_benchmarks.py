"""What benchmarks found is in the repository, whole, with the command that makes it again."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.cli.bench import BENCHMARKS
from helpers.theory import activations, batch_norm

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
WITHOUT_PICTURE = {"same_losses", "scale", "whole_run"}


@pytest.fixture
def program(monkeypatch):
    """Return a function that imports a benchmark."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setattr(sys, "path", list(sys.path))  # scale.py adds the tests to it
    return importlib.import_module


def result(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "speed"])
def test_a_result_says_what_it_was_measured_with(name):
    found = result(name)
    assert (ROOT / "benchmarks" / f"{name}.py").exists()
    assert {"processor", "cores"} <= found["hardware"].keys() and found["versions"]
    backend = "COURSE_BACKEND=jax " if "jax" in found["versions"] else ""
    assert found["command"].startswith(f"{backend}python benchmarks/{name}.py")
    assert (RESULTS / f"{name}.txt").read_text(encoding="utf-8").strip()
    if name not in WITHOUT_PICTURE:
        assert (RESULTS / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len((RESULTS / f"{name}.alt.txt").read_text(encoding="utf-8")) > 60


@pytest.mark.parametrize("name", ["training", "labs", "start", "growth", "course", "whole_run"])
def test_the_text_is_that_of_the_numbers(name, program):
    found, module = result(name), program(name)
    key = {"labs": "labs", "growth": "curves", "start": None}.get(name, "rows")
    part = found[key] if key else found
    said = module.as_text(part)
    assert said.strip() == (RESULTS / f"{name}.txt").read_text(encoding="utf-8").strip()
    if name in WITHOUT_PICTURE:
        return
    alt_text = module.draw(found["rows"] if name == "start" else part).alt_text
    assert alt_text == (RESULTS / f"{name}.alt.txt").read_text(encoding="utf-8").strip()


def test_the_page_on_scale_is_made_of_what_was_measured(program):
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert program("scale").page(result("scale")) == page


def test_the_page_on_speed_is_made_of_what_was_measured(program):
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert program("speed").page() == page


def test_the_page_on_speed_names_every_aim_that_was_missed(program):
    module = program("speed")

    def row(fast, memory):
        names = program("training").WAYS
        ways = {
            name: {"times_as_fast_as_plain": {"median": fast}, "memory_mib": {"median": memory}}
            for name in names
        }
        ways["plain"]["memory_mib"]["median"] = 1000
        ways["jax again"]["times_the_floor"] = {"median": 1 / fast}
        ways["jax again"]["times_by_hand"] = {"median": 1 / fast}
        return {"network": "elu", "batch_size": 32, "ways": ways}

    assert module._training([row(3.0, 400)])["training_missed"] == "All are met."
    said = module._training([row(0.5, 600)])["training_missed"]
    for part in ("TensorFlow with", "JAX with", "the floor with", "memory with"):
        assert part in said


def test_the_layers_of_the_step_by_hand_compute_what_the_theory_does(program):
    step, rng = program("numpy_step"), np.random.default_rng(0)
    z, delta = (rng.normal(1, 2, (32, 5)).astype(np.float32) for _ in range(2))
    layer, outputs, gradient = step.BatchNorm(32, 5), z.copy(), delta.copy()
    layer.gamma[:], layer.beta[:] = rng.normal(size=(2, 5))
    layer.forward(outputs)
    layer.backward(gradient)
    passed = batch_norm.forward(z, layer.gamma, layer.beta, float(step.EPSILON))
    expected = batch_norm.backward(passed, layer.gamma, delta)
    for ours, theory in zip(
        (outputs, gradient, layer.by_gamma, layer.by_beta), (passed.outputs, *expected), strict=True
    ):
        assert ours == pytest.approx(theory, rel=1e-4, abs=1e-4)
    slopes = delta * activations.slope("elu", z)
    step.elu(z_copy := z.copy(), np.empty_like(z))
    assert z_copy == pytest.approx(activations.value("elu", z), abs=1e-6)
    step.elu_backward(delta, z_copy)
    assert delta == pytest.approx(slopes, abs=1e-6)


@pytest.mark.parametrize("normalized", [False, True])
def test_the_numbers_of_the_step_by_hand_neither_grow_nor_shrink(program, normalized):
    step = program("numpy_step").ByHand(8, normalized)
    for _ in range(20):
        step()
    for array in (*step.inputs, *step.results[1:], *step.deltas):
        assert 0.01 < array.std() < 100


def test_the_table_of_notebooks_is_of_what_is_recorded(program):
    module = program("course")
    memory = json.loads(module.MEMORY.read_text(encoding="utf-8"))
    assert result("course")["rows"] == module.rows_of(module.read_minutes(), memory)


def test_the_same_training_comes_of_every_way():
    """In float64, where a difference of rounding is too small to grow into a loss."""
    for row in result("same_losses")["rows"]:
        if row["precision"] == "float64" and row["way"] == "tensorflow":
            assert row["largest"]["50"] < 1e-10
        assert row["largest"]["1"] < 1e-6
