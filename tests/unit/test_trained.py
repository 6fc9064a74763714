"""The labs' stored networks: what their documents say, and files that are damaged."""

import json
import shutil

import numpy as np
import pytest

from helpers.datasets import load_digits
from helpers.labs import trained
from helpers.labs.trained import (
    NETWORKS,
    DamagedNetwork,
    held_out_digits,
    network_document,
    pack_parameters,
    read_parameters,
    standardized,
    trained_network,
)
from helpers.theory.network import forward

SIZES = [(64, 100), (100, 100), (100, 10)]


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Return a copy of the folder of networks, which is the one in force."""
    folder = tmp_path / "networks"
    shutil.copytree(trained.FOLDER, folder)
    monkeypatch.setattr(trained, "FOLDER", folder)
    trained_network.cache_clear()
    yield folder
    trained_network.cache_clear()


def weights(name):
    return np.concatenate([kernel.ravel() for kernel in trained_network(name).kernels])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_as_accurate_as_its_document_says(name):
    parameters, document, data = trained_network(name), network_document(name), load_digits()
    for part in ("train", "validation", "test"):
        split = getattr(data, part)
        logits = forward(standardized(split.images, document), parameters, "relu").logits
        accuracy = (logits.argmax(axis=1) == split.labels).mean()
        # One image in a tie may fall the other way on another machine.
        assert accuracy == pytest.approx(document["accuracy"][part], abs=1.5 / len(split.labels))
        assert len(split.labels) == document["images"][part]
    assert document["data_fingerprint"] == data.fingerprint
    assert document["accuracy"]["test"] > 0.94


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_float32_read_only_and_of_the_stated_shapes(name):
    parameters = trained_network(name)
    assert [kernel.shape for kernel in parameters.kernels] == SIZES
    assert [bias.shape for bias in parameters.biases] == [(columns,) for _, columns in SIZES]
    for array in [*parameters.kernels, *parameters.biases]:
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_all_networks_take_the_same_scaling_that_keras_applies():
    scalings = [network_document(name)["standardization"] for name in NETWORKS]
    assert all(scaling == scalings[0] for scaling in scalings)
    pixels = load_digits().train.images.astype(float)
    assert scalings[0]["mean"] == pytest.approx(pixels.mean())
    assert scalings[0]["variance"] == pytest.approx(pixels.var())
    rows = standardized(pixels, network_document("plain"))
    assert rows.shape == (1197, 64) and rows.dtype == np.float32
    assert rows.mean() == pytest.approx(0, abs=1e-4) and rows.std() == pytest.approx(1, abs=1e-4)


def test_l1_leaves_many_weights_tiny_and_none_exactly_zero():
    tiny = {name: (np.abs(weights(name)) < 1e-3).mean() for name in ("plain", "dropout-0.5", "l1")}
    assert tiny["l1"] > 0.5 and tiny["plain"] < 0.02 and tiny["dropout-0.5"] < 0.02
    assert not any((weights(name) == 0).any() for name in NETWORKS)
    lengths = {name: np.linalg.norm(weights(name)) for name in ("plain", "l1", "l2")}
    assert lengths["l1"] < lengths["plain"] and lengths["l2"] < lengths["plain"]


def test_documents_say_how_the_networks_were_made():
    for name in NETWORKS:
        document = network_document(name)
        assert document["name"] == name and document["title"] == NETWORKS[name]
        assert document["command"].endswith("python recorded/make.py networks")
        assert {"numpy", "keras"} <= document["versions"].keys()
        assert document["network"]["seed"] == 0 and document["fit"]["epochs"] > 0
    assert network_document("dropout-0.2")["regularization"] == {"dropout": 0.2}


def test_the_files_are_those_that_are_named_and_small():
    files = sorted(file.name for file in trained.FOLDER.iterdir())
    assert files == sorted(f"{name}.{kind}" for name in NETWORKS for kind in ("json", "npz"))
    assert sum(file.stat().st_size for file in trained.FOLDER.iterdir()) < 400 * 1024


def test_what_is_packed_is_read_again(tmp_path):
    import hashlib

    parameters, file = trained_network("l1"), tmp_path / "again.npz"
    content = pack_parameters(parameters)
    file.write_bytes(content)
    again = read_parameters(file, hashlib.sha256(content).hexdigest())
    for ours, theirs in zip(parameters, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_held_out_digits_are_the_test_split_and_read_only():
    digits, data = held_out_digits(), load_digits()
    assert np.array_equal(digits.images, data.test.images) and digits.name == data.name
    assert not digits.images.flags.writeable
    assert held_out_digits() is digits


@pytest.mark.parametrize("how", ["cut", "altered", "missing"])
def test_a_damaged_file_is_named_with_its_hash(stored, how):
    file = stored / "plain.npz"
    content = bytearray(file.read_bytes())
    if how == "missing":
        file.unlink()
    elif how == "cut":
        file.write_bytes(content[:-100])
    else:
        content[5000] ^= 1
        file.write_bytes(content)
    with pytest.raises(DamagedNetwork, match=r"plain\.npz") as caught:
        trained_network("plain")
    if how != "missing":
        assert json.loads((stored / "plain.json").read_text())["sha256"] in str(caught.value)
    assert trained_network("l2")


@pytest.mark.parametrize("text", ["{", "[]", "{}", None])
def test_a_damaged_document_is_named(stored, text):
    file = stored / "l2.json"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(DamagedNetwork, match=r"l2\.json"):
        trained_network("l2")


def test_an_unknown_network_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"did you mean 'dropout-0\.5'"):
        trained_network("dropout-0.55")
    with pytest.raises(ValueError, match="Known: plain"):
        network_document("../plain")
