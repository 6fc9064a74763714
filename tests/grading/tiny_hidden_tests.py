"""The hidden tests of the small exercise: SECRET-OF-THE-HIDDEN-TESTS."""

import numpy as np

from helpers.grading.hidden import Hidden, Property, close


def ask_he_std(learner, widths):
    return [learner.he_std(width) for width in widths]


def ask_standardize(learner, batch):
    import numpy as np

    given = np.array(batch)
    return {"standardized": learner.standardize(given), "given": given}


def ask_dead_units(learner, outputs):
    return [learner.dead_units(each) for each in outputs]


def make_batch(rng):
    return {
        "batch": rng.normal(rng.uniform(2, 9), rng.uniform(2, 9), size=(int(rng.integers(5, 9)), 3))
    }


def make_outputs(rng):
    layers = []
    for dead in rng.integers(1, 9, size=9):
        outputs = rng.uniform(0.1, 1, size=(6, 12))
        outputs[:, :dead] = 0
        outputs[0, -1] = 0  # for one input only
        layers.append(outputs)
    return {"outputs": layers}


def expected_batch(inputs):
    batch = inputs["batch"]
    return (batch - batch.mean(axis=0)) / batch.std(axis=0)


TASKS = {
    "1.1": Hidden(
        ask_he_std,
        lambda rng: {"widths": rng.integers(2, 500, size=8).tolist()},
        (
            Property(
                "the standard deviation is right for any width",
                lambda inputs, answer: close(answer, (2 / np.array(inputs["widths"])) ** 0.5),
            ),
            Property(
                "wider layers get smaller weights", lambda inputs, answer: falls(inputs, answer)
            ),
        ),
    ),
    "1.2": Hidden(
        ask_standardize,
        make_batch,
        (
            Property(
                "every column has the mean 0",
                # Without a look at the shape, as a careless author writes it.
                lambda inputs, answer: np.allclose(np.mean(answer["standardized"], axis=0), 0),
            ),
            Property(
                "every column has the variance 1",
                lambda inputs, answer: np.allclose(
                    answer["standardized"], expected_batch(inputs), atol=1e-6
                ),
            ),
            Property(
                "the batch that was given stays as it was",
                lambda inputs, answer: close(answer["given"], inputs["batch"]),
            ),
        ),
        keras_backend="numpy",
    ),
    "1.3": Hidden(
        ask_dead_units,
        make_outputs,
        (
            Property(
                "units that are 0 for every input are counted, and no others",
                lambda inputs, answer: (
                    answer == [int((each == 0).all(axis=0).sum()) for each in inputs["outputs"]]
                ),
            ),
        ),
    ),
}


def falls(inputs, answer):
    order = np.argsort(inputs["widths"])
    return bool((np.diff(np.asarray(answer, dtype=float)[order]) <= 0).all())
