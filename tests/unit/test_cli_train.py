"""``course train`` and ``course compare``, called as a person calls them."""

import json
import subprocess
import sys

import pytest

from helpers.cli import main
from helpers.models import VARIANTS, get_variant
from helpers.training import stored_runs

# What the issue of these commands promises of the JSON document.
PROMISED = {
    "variant", "data", "profile", "seed", "backend", "epochs", "validation_accuracy",
    "test_accuracy", "seconds_per_epoch", "compile_seconds", "peak_memory_mib", "from_store",
    "weights_sha256",
}  # fmt: skip

CALL = "import sys; from helpers.cli import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    """Two layers instead of twenty: the commands are tested here, not the networks."""
    for name, variant in VARIANTS.items():
        network = variant.network | {"depth": 2, "width": 8}
        monkeypatch.setitem(VARIANTS, name, get_variant(variant, network=network))


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "runs")


def course(capsys, *arguments) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_train_prints_one_json_document_and_nothing_else(capsys, store):
    command = ("train", "--variant", "bn", "--profile", "ci", "--store", store, "--json")
    status, out, _ = course(capsys, *command)
    document = json.loads(out)
    assert status == 0 and set(document) >= PROMISED
    assert document["data"] == "stand-in (not CIFAR-10)" and not document["from_store"]
    assert (document["variant"], document["profile"], document["seed"]) == ("bn", "ci", 0)
    again = json.loads(course(capsys, *command)[1])
    assert again["from_store"] and again["weights_sha256"] == document["weights_sha256"]


def test_train_takes_seed_epochs_and_batch_size(capsys, store):
    options = ("--seed", "3", "--epochs", "1", "--batch-size", "100", "--learning-rate", "0.002")
    command = ("train", "--variant", "elu", "--profile", "ci", "--store", store, *options)
    status, out, _ = course(capsys, *command)
    (run,) = stored_runs(store)
    assert status == 0 and "stand-in (not CIFAR-10)" in out
    assert (run["seed"], run["epochs"], run["settings"]["batch_size"]) == (3, 1, 100)
    assert run["settings"]["learning_rate"] == 0.002


def test_compare_prints_the_table_and_says_what_is_not_trained(capsys, store):
    course(capsys, "train", "--variant", "1cycle", "--profile", "ci", "--store", store)
    status, out, err = course(capsys, "compare", "--profile", "ci", "--store", store)
    assert status == 0
    assert out.startswith("stand-in (not CIFAR-10), profile ci")
    assert "Not trained yet: notes, elu" in err
    tables = json.loads(
        course(capsys, "compare", "--profile", "ci", "--store", store, "--json")[1]
    )["tables"]
    row = next(row for row in tables[0]["rows"] if row["variant"] == "1cycle")
    (run,) = stored_runs(store)
    assert row["test_mean"] == run["test_accuracy"] and row["seeds"] == [0]


def test_compare_without_runs_says_how_to_make_one(capsys, store):
    status, out, err = course(capsys, "compare", "--profile", "ci", "--store", store)
    assert status == 0 and out == ""
    assert "course train --variant bn --profile ci" in err


def test_compare_prints_the_recorded_runs(capsys):
    status, out, _ = course(capsys, "compare", "--recorded")
    assert status == 0 and "CIFAR-10 (JPEG replica), profile full" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--variant", "bm"), "did you mean 'bn'"),
        (("--variant", "bn", "--profile", "fulll"), "did you mean 'full'"),
        (("--variant", "bn", "--epochs", "0"), "epochs must be"),
        (("--variant", "bn", "--batch-size", "-3"), "batch_size must lie in"),
        (("--variant", "bn", "--learning-rate", "nan"), "learning_rate must be above 0"),
        (("--variant", "bn", "--seed", "-1"), "seed must be"),
    ],
)
def test_bad_options_are_one_line_and_exit_status_1(capsys, store, arguments, said):
    status, out, err = course(capsys, "train", "--profile", "ci", "--store", store, *arguments)
    assert status == 1 and out == ""
    assert said in err and "Traceback" not in err


def test_an_interrupted_training_is_shown_and_exits_with_130(capsys, store, monkeypatch):
    from helpers.training import loop

    original = loop._one_epoch

    def stop(trained, variant, split, seed, epoch, clock, take, first):
        if epoch:
            raise KeyboardInterrupt
        return original(trained, variant, split, seed, epoch, clock, take, first)

    monkeypatch.setattr(loop, "_one_epoch", stop)
    status, out, _ = course(
        capsys, "train", "--variant", "elu", "--profile", "ci", "--store", store, "--json"
    )
    document = json.loads(out)
    assert status == 130
    assert document["ended"] == "interrupted" and document["epochs"] == 1


def test_a_diverged_run_is_still_valid_json(capsys, store):
    status, out, _ = course(
        capsys, "train", "--variant", "1cycle", "--profile", "ci", "--store", store,
        "--learning-rate", "1e12", "--json",
    )  # fmt: skip
    document = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert status == 0 and document["ended"] == "diverged"
    assert document["history"]["loss"][-1] is None


def test_messages_of_a_real_process_go_to_standard_error(store):
    """With the full network and TensorFlow's own chatter: standard output stays one document."""
    finished = subprocess.run(
        [sys.executable, "-c", CALL, "train", "--variant", "notes", "--profile", "ci",
         "--epochs", "1", "--store", store, "--json"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    document = json.loads(finished.stdout)
    assert document["parameters"] == 500_210 and document["backend"] == "tensorflow"
    assert "stand-in" in finished.stderr
