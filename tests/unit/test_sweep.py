"""``course sweep``: a grid of runs, each trained once, here and on a Dask cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dask_cluster import Cluster

from helpers.cli import main
from helpers.models import VARIANTS
from helpers.training import stored_runs
from helpers.training.sweep_spec import read_spec

ROOT = Path(__file__).parents[2]
SMALL = "{network.depth: [2], network.width: [8], batch_size: [50]}"
SPEC = f"variants: [elu, mc-dropout]\nseeds: [0, 1]\nprofile: ci\nepochs: 2\nsettings: {SMALL}\n"


@pytest.fixture
def spec(tmp_path):
    """Return a function that writes a specification and gives its path."""

    def write(text: str = SPEC) -> Path:
        file = tmp_path / "sweep.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


# --- what is to be trained


def test_every_combination_is_planned_and_the_first_seed_comes_first(spec):
    text = "variants: [elu, bn]\nseeds: [4, 7]\nsettings: {learning_rate: [1e-3, 2.5E-4]}"
    runs = read_spec(spec(text))
    assert [str(run) for run in runs[:4]] == [
        "elu, learning_rate 0.001, seed 4",
        "elu, learning_rate 0.00025, seed 4",
        "bn, learning_rate 0.001, seed 4",
        "bn, learning_rate 0.00025, seed 4",
    ]
    assert [run.seed for run in runs] == [4] * 4 + [7] * 4
    assert {run.variant.learning_rate for run in runs} == {1e-3, 2.5e-4}
    assert {run.profile for run in runs} == {"ci"}  # COURSE_PROFILE


def test_blocks_have_their_own_combinations_and_network_changes_one_argument(spec):
    text = """
variants: [bn]
settings:
  - {}
  - network.activation: [silu, relu]
  - weight_decay: [1e-3]
"""
    plain, silu, relu, decayed = read_spec(spec(text))
    assert plain.variant == VARIANTS["bn"]
    assert silu.variant.network == {"normalization": "before", "activation": "silu"}
    assert relu.title == "bn, activation relu"
    assert decayed.variant.weight_decay == 1e-3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("variants: [bm]", "unknown variant 'bm': did you mean 'bn'?"),
        ("variant: [bn]", "unknown key 'variant': did you mean 'variants'?"),
        ("seeds: [1]", "expected a key variants"),
        ("[bn]", "expected keys such as variants and seeds"),
        ("", "expected keys such as variants and seeds, got None"),
        ("variants: bn", "variants must be"),
        ("variants: []", "variants must"),
        ("variants: [bn]\nseeds: [-1]", "seeds"),
        ("variants: [bn]\nseeds: [1.5]", "seeds"),
        ("variants: [bn]\nprofile: slow", "unknown profile 'slow'"),
        ("variants: [bn]\nepochs: 0", "epochs"),
        ("variants: [bn]\nsettings: {rate: [1]}", "unknown field of a variant 'rate'"),
        ("variants: [bn]\nsettings: {learning_rate: 1}", "must be a list of one value or more"),
        ("variants: [bn]\nsettings: {learning_rate: []}", "must be a list of one value or more"),
        ("variants: [bn]\nsettings: {learning_rate: [fast]}", "learning_rate must be"),
        ("variants: [bn]\nsettings: {name: [x]}", "settings cannot change name"),
        ("variants: [bn]\nsettings: {network: [x]}", "settings cannot change network"),
        ("variants: [bn]\nsettings: {network.depht: [2]}", "did you mean 'depth'?"),
        ("variants: [bn]\nsettings: {network.seed: [2]}", "unknown argument of the network 'seed'"),
        ("variants: [bn]\nvariants: [elu]", "variants is there twice"),
        ("variants: [bn]\n? [x, y]\n: 3", "is no YAML"),
        ("variants: [bn", "is no YAML"),
        ("variants: !!python/object:os.system [bn]", "is no YAML"),
        ("variants: [bn]\nseeds: [1, 1]", "seeds: 1 is there twice"),
    ],
)
def test_a_bad_specification_is_refused_in_a_line(text, said, spec, capsys):
    assert main(["sweep", str(spec(text))]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_specification_that_cannot_be_read_is_named(tmp_path, capsys):
    assert main(["sweep", str(tmp_path / "none.yaml")]) == 1
    assert f"{tmp_path / 'none.yaml'}: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--backend", "dusk"), "unknown backend 'dusk': did you mean 'dask'?"),
        (("--backend", "dask"), "needs --scheduler"),
        (("--scheduler", "tcp://127.0.0.1:1"), "--scheduler goes with --backend dask"),
        (("--backend", "dask", "--scheduler", "tcp://h:1", "--workers", "2"), "--workers goes"),
        (("--workers", "0"), "workers must be a whole number of at least 1"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, said, spec, tmp_path, capsys):
    assert main(["sweep", str(spec()), "--store", str(tmp_path / "runs"), *options]) == 1
    assert said in capsys.readouterr().err


# --- training

ENVIRONMENT = {"COURSE_BACKEND": "jax"}  # starts faster than TensorFlow
CALL = "import sys; from helpers.cli import main; sys.exit(main())"


def start(*arguments: object, **options) -> subprocess.Popen:
    """Start ``course sweep`` as a process of its own."""
    command = [sys.executable, "-c", CALL, "sweep", *map(str, arguments)]
    environment = os.environ | ENVIRONMENT
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **options)


def course_sweep(*arguments: object) -> tuple[dict, str]:
    """Call ``course sweep --json`` and return its document, and what it said meanwhile."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(*arguments, "--json", **pipes) as process:
        out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return json.loads(out), said


def results(document: dict) -> dict:
    """Return what must not depend on where a run was trained, or how often it was cut off."""
    return {
        (run["variant"], run["seed"]): (
            run["weights_sha256"],
            run["test_accuracy"],
            {name: values for name, values in run["history"].items() if name != "seconds"},
        )
        for run in document["runs"]
    }


LONGER = SPEC.replace("epochs: 2", "epochs: 20")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Return specification, document and messages of a sweep on this machine, and its store."""
    folder = tmp_path_factory.mktemp("here")
    file, store = folder / "sweep.yaml", folder / "runs"
    file.write_text(LONGER, encoding="utf-8")
    document, said = course_sweep(file, "--store", store, "--workers", 2)
    return file, document, said, store


def test_a_sweep_trains_every_run_and_says_how_far_it_is(here):
    _, document, said, store = here
    assert sorted(results(document)) == [
        (name, seed) for name in ("elu", "mc-dropout") for seed in (0, 1)
    ]
    assert "4 runs, 0 of them in" in said
    assert "1 of 4, about" in said and "4 of 4: mc-dropout, " in said
    assert not document["failures"]
    # And those whose weights MC dropout predicts with.
    assert len(stored_runs(store)) == 6


def test_rows_are_of_validation_images_and_best_first(here):
    rows = here[1]["rows"]
    means = [row["validation_mean"] for row in rows]
    assert len(rows) == 2 and means == sorted(means, reverse=True)
    assert all(row["seeds"] == [0, 1] and row["validation_std"] >= 0 for row in rows)
    assert "test" not in str(rows)


def test_what_is_stored_is_not_trained_again(here):
    file, document, _, store = here
    before = {path: path.stat().st_mtime_ns for path in store.glob("*/run.json")}
    again, said = course_sweep(file, "--store", store)
    assert "4 runs, 4 of them in" in said
    assert again["runs"] == document["runs"]
    assert before == {path: path.stat().st_mtime_ns for path in store.glob("*/run.json")}


def wait_for_checkpoints(store: Path, count: int) -> None:
    """Return when that many runs are under way and have kept an epoch."""
    end = time.monotonic() + 120
    while len(list(store.glob(".checkpoints/*.npz"))) < count:
        assert time.monotonic() < end, "no run got to its second epoch"


@pytest.mark.slow  # the test on a cluster holds the same, with other ends
def test_a_killed_sweep_goes_on_and_ends_with_the_same_bits(here, tmp_path):
    file, whole, _, _ = here
    store = tmp_path / "runs"
    with start(
        file, "--store", store, "--workers", 2, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        wait_for_checkpoints(store, 1)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    document, said = course_sweep(file, "--store", store, "--workers", 2)
    assert "Going on after epoch" in said
    assert results(document) == results(whole)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_sweep_ends_at_once_and_keeps_its_epochs(workers, spec, tmp_path):
    store = tmp_path / "runs"
    file = spec(LONGER.replace("epochs: 20", "epochs: 400"))
    with start(
        file, "--store", store, "--workers", workers, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        wait_for_checkpoints(store, workers)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "course: interrupted: what was trained is kept, and the same command goes on" in said
    assert len(list(store.glob(".checkpoints/*.npz"))) == workers
    assert not stored_runs(store)


def test_a_failed_run_is_reported_and_the_others_go_on(spec, tmp_path):
    text = SPEC.replace("batch_size: [50]", "batch_size: [50, 2001]").replace(", mc-dropout", "")
    with start(
        spec(text), "--store", tmp_path / "runs", "--json", "--workers", 1,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        out, said = process.communicate(timeout=300)
    assert process.returncode == 1
    document = json.loads(out)
    assert len(document["runs"]) == 2 and len(document["failures"]) == 2
    assert "batch_size must lie in 1 ... 2000" in said


# --- on a cluster


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path, **ENVIRONMENT)
    yield cluster
    cluster.close()


def test_on_a_cluster_that_loses_workers_and_scheduler_nothing_is_lost(here, cluster, tmp_path):
    file, whole, _, _ = here
    store = tmp_path / "runs"
    cluster.add_worker()
    cluster.add_worker()
    with start(
        file, "--store", store, "--backend", "dask", "--scheduler", cluster.address, "--json",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        said = [process.stderr.readline() for _ in range(3)]
        wait_for_checkpoints(store, 2)  # both are in the middle of a run
        cluster.workers[0].kill()
        cluster.add_worker()
        while " of 4, " not in (line := process.stderr.readline()):
            said.append(line)
        wait_for_checkpoints(store, 1)
        cluster.restart_scheduler()
        cluster.add_worker()
        cluster.add_worker()
        out, rest = process.communicate(timeout=300)
    said = "".join(said) + rest
    assert process.returncode == 0, said
    assert "is gone: waiting for one there" in said
    assert any("Going on after epoch" in line for line in cluster.said())
    document = json.loads(out)
    assert results(document) == results(whole)
    assert not document["failures"]


@pytest.mark.parametrize(
    ("environment", "threads", "said"),
    [
        ({"COURSE_HOME": "elsewhere"}, 2, "runs 2 jobs at a time, expected one"),
        ({"CIFAR10_DIR": "nowhere"}, 1, "nowhere"),
    ],
)
def test_a_worker_that_would_train_another_run_is_refused(
    environment, threads, said, spec, tmp_path, capsys
):
    cluster = Cluster(tmp_path, **(ENVIRONMENT | environment))
    try:
        cluster.add_worker(threads)
        with start(
            spec(), "--store", tmp_path / "runs", "--backend", "dask", "--scheduler",
            cluster.address, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            error = process.communicate(timeout=120)[1]
    finally:
        cluster.close()
    assert process.returncode == 1 and said in error
    assert not stored_runs(tmp_path / "runs")


def test_where_no_scheduler_answers_it_says_how_to_start_one(spec, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("helpers.jobs.CONNECT_SECONDS", 1)
    arguments = ["--backend", "dask", "--scheduler", "tcp://127.0.0.1:1"]
    assert main(["sweep", str(spec()), "--store", str(tmp_path / "runs"), *arguments]) == 1
    error = capsys.readouterr().err
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:1'" in error and "dask scheduler" in error
