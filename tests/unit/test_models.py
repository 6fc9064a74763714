"""The networks: shapes, places of layers, seeds, and what is refused."""

import numpy as np
import pytest

from helpers.models import VARIANTS, create_variables, deep_mlp, get_variant, logits_of


def kinds(model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_the_notes_network_has_its_published_number_of_parameters():
    # 3072 x 100 + 100, nineteen times 100 x 100 + 100, 100 x 10 + 10
    assert deep_mlp().count_params() == 307_300 + 19 * 10_100 + 1_010


def test_batch_norm_stands_before_or_after_the_activation():
    before = kinds(deep_mlp(depth=2, width=4, normalization="before"))
    after = kinds(deep_mlp(depth=2, width=4, normalization="after"))
    assert before[1:4] == ["Dense", "BatchNormalization", "Activation"]
    assert after[1:4] == ["Dense", "Activation", "BatchNormalization"]


def test_only_a_layer_that_batch_norm_follows_has_no_bias():
    def biases(where):
        network = deep_mlp(depth=2, width=4, normalization=where)
        return [layer.use_bias for layer in network.layers if type(layer).__name__ == "Dense"]

    assert biases("before") == [False, False, True]
    assert biases("after") == biases(None) == [True, True, True]


@pytest.mark.parametrize(("place", "count"), [("output", 1), ("hidden", 3)])
def test_dropout_stands_where_it_was_asked_for(place, count):
    names = kinds(deep_mlp(depth=3, width=4, dropout="alpha", dropout_place=place))
    assert names.count("AlphaDropout") == count
    assert names[-3:] == ["AlphaDropout", "Dense", "Softmax"]


def test_weights_follow_the_seed_and_differ_between_layers():
    first, again, other = (
        deep_mlp(depth=3, width=8, seed=seed).get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[2], first[4])


def test_building_leaves_the_global_random_state_alone():
    np.random.seed(3)
    expected = np.random.random(2)
    np.random.seed(3)
    deep_mlp(depth=2, width=4, seed=9)
    assert np.array_equal(np.random.random(2), expected)


def test_he_kernels_have_he_variance():
    kernel = deep_mlp(depth=1, width=100, initializer="he_normal", seed=0).get_weights()[0]
    assert kernel.var() == pytest.approx(2 / 3072, rel=0.02)


def test_pixels_are_standardized_inside_the_network():
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), dtype=np.uint8)
    mean, variance = images.mean(axis=(0, 1, 2)), images.var(axis=(0, 1, 2))
    network = deep_mlp(input_shape=(4, 4, 3), depth=0, mean=mean, variance=variance)
    standardized = np.asarray(network.layers[0](images))
    assert np.allclose(standardized.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    assert np.allclose(standardized.std(axis=(0, 1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"depth": -1}, "depth must be a whole number of at least 0, got -1"),
        ({"width": 2.5}, "width must be a whole number"),
        ({"n_classes": 1}, "n_classes must be"),
        ({"dropout_rate": 1.0}, "dropout_rate must lie in"),
        ({"normalization": "befor"}, "did you mean 'before'"),
        ({"dropout": "alfa"}, "did you mean 'alpha'"),
        ({"dropout_place": "everywhere"}, "Known: output, hidden"),
        ({"mean": [0.0]}, "give both or neither"),
    ],
)
def test_bad_arguments_are_explained(arguments, said):
    with pytest.raises(ValueError, match=said):
        deep_mlp(**arguments)


def test_an_unknown_variant_names_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean 'selu'.*Known: notes, elu"):
        get_variant("sellu")


def test_mc_dropout_predicts_with_the_very_network_of_alpha_dropout():
    mc = VARIANTS["mc-dropout"]
    base = VARIANTS[mc.monte_carlo_of]
    assert get_variant(mc, name=base.name, title=base.title, monte_carlo_of=None) == base


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_is_twenty_layers_of_a_hundred(variant):
    units = [layer.units for layer in deep_mlp(**variant.network).layers if hasattr(layer, "units")]
    assert units == [100] * 20 + [10]


def test_logits_share_weights_with_the_network_and_softmax_gives_its_output():
    network = deep_mlp(input_shape=(5,), n_classes=3, depth=1, width=4, seed=0)
    inputs = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    logits = np.asarray(logits_of(network)(inputs))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(np.asarray(network(inputs)), expected, atol=1e-6)
    network.set_weights([np.zeros_like(weights) for weights in network.get_weights()])
    assert not np.asarray(logits_of(network)(inputs)).any()


def test_variables_made_before_the_first_step_are_all_there_are():
    import keras

    network = deep_mlp(input_shape=(4,), depth=2, width=5, normalization="before", seed=0)
    trainer = logits_of(network)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile("nadam", loss, metrics=["accuracy"])
    create_variables(trainer, 10)
    optimizer, metrics = list(trainer.optimizer.variables), list(trainer.metrics_variables)
    assert not any(np.any(np.asarray(variable)) for variable in metrics)
    trainer.fit(np.zeros((8, 4), np.float32), np.zeros(8, np.int32), verbose=0)
    assert [id(v) for v in trainer.optimizer.variables] == [id(v) for v in optimizer]
    assert [id(v) for v in trainer.metrics_variables] == [id(v) for v in metrics]
