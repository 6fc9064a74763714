"""Hidden tests of chapter 09. They stay with the teacher: see helpers/grading/hidden.py.

A network is judged by what it computes: its weights are moved, and NumPy computes the same. How one
would be trained is seen by a stage set for it, on which nothing is trained.
"""

import itertools
import math

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

BACKEND = "numpy"  # Keras without TensorFlow

# Networks: 9.1, 9.3 and 9.4


def ask_elu(learner, sizes, photos, seed):
    import numpy as np
    from keras import ops

    net = learner.deep_network(**sizes)
    drawn = [np.array(w) for w in net.get_weights()]
    rng = np.random.default_rng(seed)
    moved = [w + rng.normal(scale=0.03, size=w.shape) for w in drawn]
    moved[-2] /= 4  # far from 0 and 1, probabilities tell more
    net.set_weights(moved)
    out = ops.convert_to_numpy(net(np.array(photos, dtype=np.uint8)))
    return {"drawn": drawn, "moved": moved, "out": out}


def make_sizes(rng):
    return {
        "sizes": {
            "depth": int(rng.integers(3, 6)),
            "width": int(rng.integers(35, 50)),
            "mean": rng.uniform(90, 150, size=3).tolist(),
            "variance": rng.uniform(2000, 6000, size=3).tolist(),
        },
        "photos": rng.integers(0, 256, size=(3, 32, 32, 3)).tolist(),
        "seed": int(rng.integers(2**31)),
    }


def widths_of(sizes):
    return [3072] + [sizes["width"]] * sizes["depth"] + [10]


def plain_shapes(sizes):
    pairs = itertools.pairwise(widths_of(sizes))
    return [shape for below, above in pairs for shape in ((below, above), (above,))]


def normed_shapes(sizes):
    pairs = list(itertools.pairwise(widths_of(sizes)))
    hidden = [shape for pair in pairs[:-1] for shape in (pair, *[pair[1:]] * 4)]
    return [*hidden, pairs[-1], pairs[-1][1:]]


def has_shapes(wanted, key="drawn"):
    def judge(inputs, answer):
        given = [np.shape(each) for each in answer[key]]
        return given == wanted(inputs["sizes"])

    return judge


def drawn_with(gain, key="drawn"):
    """Judge the hidden kernels: their variance is gain / fan_in, and their shape is normal."""

    def judge(inputs, answer):
        kernels = [np.asarray(each, float) for each in answer[key] if np.ndim(each) == 2][:-1]
        sizes = widths_of(inputs["sizes"])[:-1]
        unit = [kernel * math.sqrt(kernel.shape[0]) for kernel in kernels]
        together = np.concatenate([each.ravel() for each in unit[1:]])
        fits = len(unit) == len(sizes) - 1 and abs(unit[0].var() / gain - 1) < 0.05
        uniform = max(abs(together).max(), abs(unit[0]).max()) < 1.9 * math.sqrt(gain)
        return bool(fits and abs(together.var() / gain - 1) < 0.15 and not uniform)

    return judge


def bent(kind, z):
    below = np.expm1(np.minimum(z, 0))
    if kind == "elu":
        return np.where(z > 0, z, below)
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * below)


def flat_pixels(inputs):
    sizes, photos = inputs["sizes"], np.array(inputs["photos"], float)
    return ((photos - sizes["mean"]) / np.sqrt(sizes["variance"])).reshape(len(photos), -1)


def chances(logits):
    risen = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return risen / risen.sum(axis=-1, keepdims=True)


def last_units(kind, inputs, weights):
    """Return the last hidden layer's activations, the hidden layers without batch norm."""
    units = flat_pixels(inputs)
    for kernel, shift in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        units = bent(kind, units @ kernel + shift)
    return units


def computes_plain(kind, weights_key="moved", out_key="out"):
    def judge(inputs, answer):
        weights = [np.asarray(each, float) for each in answer[weights_key]]
        logits = last_units(kind, inputs, weights) @ weights[-2] + weights[-1]
        return close(answer[out_key], chances(logits), rtol=1e-2, atol=1e-4)

    return judge


def gives_chances(key="out"):
    def judge(inputs, answer):
        out = np.asarray(answer[key], float)
        wanted = (len(inputs["photos"]), 10)
        return bool(
            out.shape == wanted and (out >= 0).all() and close(out.sum(1), np.ones(3), 1e-3)
        )

    return judge


# 9.2


def ask_search(learner, curves, epochs, patience):
    from collections import namedtuple
    from types import SimpleNamespace

    import keras
    import numpy as np

    made, log = [], []

    class Stage:
        optimizer = loss = None

        def __init__(self):
            made.append(self)
            self.at, self.fits, self.used = 0, 0, {}

        def compile(self, optimizer="rmsprop", loss=None, *args, **kwargs):
            self.optimizer, self.loss = keras.optimizers.get(optimizer), keras.losses.get(loss)

        def get_weights(self):
            return [np.array([self.at])]

        def set_weights(self, weights):
            self.at = int(weights[0][0])

        def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
            rate = float(self.optimizer.learning_rate)
            curve = min(curves, key=lambda each: abs(each["rate"] - rate))
            self.fits += 1
            self.used = {
                "rate": rate,
                "kind": type(self.optimizer).__name__,
                "images": len(x),
                "labels": len(y),
                "validation": [len(part) for part in kwargs.get("validation_data") or []],
            }
            callbacks = list(kwargs.get("callbacks") or [])
            history = {name: [] for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
            self.stop_training = False
            for each in callbacks:
                if getattr(each, "mode", None) == "auto":  # what Keras reads off its own metrics
                    each.mode = "min" if "loss" in each.monitor else "max"
                each.set_params({"epochs": epochs})
                each.set_model(self)
                each.on_train_begin({})
            for epoch in range(epochs):
                self.at = epoch + 1
                logs = {name: curve[name][epoch] for name in history}
                for name, value in logs.items():
                    history[name].append(value)
                for each in callbacks:
                    each.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            for each in callbacks:
                each.on_train_end({})
            log.append(SimpleNamespace(history=history, model=self))
            return log[-1]

    class Watcher(keras.callbacks.Callback):
        seen = 0

        def on_epoch_end(self, epoch, logs=None):
            self.seen += 1

    split = namedtuple("Split", "images labels")
    counts = {"train": 50, "validation": 20, "test": 10}
    data = SimpleNamespace(
        **{n: split(np.zeros((c, 4), np.uint8), np.zeros(c, np.int32)) for n, c in counts.items()}
    )
    watcher = Watcher()
    rates = [curve["rate"] for curve in curves]
    best, by_rate = learner.search(Stage, data, rates, epochs, patience, callbacks=[watcher])
    truth, guess = np.array([2, 0]), np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    return {
        "best": float(best),
        "returned": [
            [float(rate), log.index(fit) if fit in log else -1] for rate, fit in by_rate.items()
        ],
        "used": [stage.used for stage in made if stage.fits],
        "fits": [stage.fits for stage in made],
        "ran": [len(fit.history["accuracy"]) for fit in log],
        "kept": [stage.at for stage in made if stage.fits],
        "losses": [
            float(np.mean(keras.ops.convert_to_numpy(stage.loss(truth, guess))))
            for stage in made
            if stage.fits
        ],
        "seen": watcher.seen,
    }


def make_curves(rng):
    """Make curves of which each way to choose picks another rate: by best epoch, last, or loss."""
    epochs, count = 12, 5
    rates = np.sort(10 ** rng.uniform(-5, -2, size=count))
    peak, end, known, loss = rng.permutation(count)[:4]
    curves = []
    for place, rate in enumerate(rates):
        values = {
            name: rng.uniform(0.1, 0.15, size=epochs) for name in ("accuracy", "val_accuracy")
        }
        values["val_accuracy"][: int(rng.integers(1, 3))] += 0.3 * (1 + (place == peak))
        values["val_accuracy"] += 0.15 * (place == end)
        values["accuracy"] += 0.3 * (place == known)
        values["loss"], values["val_loss"] = rng.uniform(2, 3, size=(2, epochs))
        values["val_loss"][1] -= place == loss  # no epoch is cut off before it
        curves.append({"rate": float(rate), **{key: each.tolist() for key, each in values.items()}})
    return {"curves": curves, "epochs": epochs, "patience": int(rng.integers(2, 6))}


def epochs_run(inputs, curve):
    """Return how many epochs early stopping lets run, and the best of them, counted from 1."""
    best = 0
    for epoch, value in enumerate(curve["val_accuracy"]):
        if value > curve["val_accuracy"][best]:
            best = epoch
        if epoch - best >= inputs["patience"]:
            return epoch + 1, best + 1
    return inputs["epochs"], best + 1


def picks_best(inputs, answer):
    def peak(curve):
        return max(curve["val_accuracy"][: epochs_run(inputs, curve)[0]])

    return close(answer["best"], max(inputs["curves"], key=peak)["rate"])


def returns_each(inputs, answer):
    wanted = [[curve["rate"], place] for place, curve in enumerate(inputs["curves"])]
    return close(sorted(answer["returned"]), wanted)


def fresh_each(inputs, answer):
    return list(answer["fits"]) == [1] * len(inputs["curves"])


def compiled_right(inputs, answer):
    rates = [each["rate"] for each in answer["used"]]
    kinds = {each["kind"] for each in answer["used"]}
    wanted = -(math.log(0.5) + math.log(0.6)) / 2
    right = close(answer["losses"], [wanted] * len(rates), rtol=1e-4)
    return (
        kinds == {"Nadam"} and close(rates, [c["rate"] for c in inputs["curves"]], 1e-4) and right
    )


def right_images(inputs, answer):
    return len(answer["used"]) == len(inputs["curves"]) and all(
        each["images"] == each["labels"] == 50 and list(each["validation"]) == [20, 20]
        for each in answer["used"]
    )


def stops_in_time(inputs, answer):
    return list(answer["ran"]) == [epochs_run(inputs, curve)[0] for curve in inputs["curves"]]


def goes_back(inputs, answer):
    return list(answer["kept"]) == [epochs_run(inputs, curve)[1] for curve in inputs["curves"]]


def shown_to_others(inputs, answer):
    return answer["seen"] == sum(answer["ran"]) > 0


# 9.3


def ask_normed(learner, sizes, photos, seed, studies):
    import numpy as np
    from keras import ops

    net = learner.batch_norm_network(**sizes)
    drawn = [np.array(w) for w in net.get_weights()]
    rng = np.random.default_rng(seed)
    moved = [
        w + (rng.uniform(0, 0.4, w.shape) if w.ndim == 1 else rng.normal(0, 0.02, w.shape))
        for w in drawn
    ]
    moved[-2] /= 4
    net.set_weights(moved)
    out = ops.convert_to_numpy(net(np.array(photos, dtype=np.uint8), training=False))
    compared = [learner.compare(study) for study in studies]
    return {
        "drawn": drawn,
        "moved": moved,
        "out": out,
        "compared": [
            [float(goal), {name: list(pair) for name, pair in times.items()}]
            for goal, times in compared
        ],
    }


def make_normed(rng):
    studies = []
    for count in (2, 3, 5):
        study = {}
        for number in range(count):
            epochs = int(rng.integers(4, 12))
            rising = np.linspace(0.2, 0.5, epochs) + rng.normal(scale=0.08, size=epochs)
            seconds = rng.uniform(2, 9, size=epochs)
            study[f"run {number}"] = {
                "val_accuracy": [round(float(value), 4) for value in rising],
                "seconds": [round(float(value), 2) for value in seconds],
            }
        study["late"] = {  # it is good enough at once, and best at its end
            "val_accuracy": [0.9, 0.8, 0.95],
            "seconds": [round(float(value), 2) for value in rng.uniform(2, 9, size=3)],
        }
        studies.append(study)
    return {**make_sizes(rng), "studies": studies}


def computes_normed(inputs, answer):
    weights = [np.asarray(each, float) for each in answer["moved"]]
    units = flat_pixels(inputs)
    for place in range(0, len(weights) - 2, 5):
        kernel, gamma, beta, center, spread = weights[place : place + 5]
        units = bent("elu", gamma * (units @ kernel - center) / np.sqrt(spread + 1e-3) + beta)
    return close(answer["out"], chances(units @ weights[-2] + weights[-1]), rtol=1e-2, atol=1e-4)


def common_goal(study):
    return min(max(run["val_accuracy"]) for run in study.values())


def goals_right(inputs, answer):
    goals = [goal for goal, _ in answer["compared"]]
    return close(goals, [common_goal(study) for study in inputs["studies"]])


def times_right(column):
    def judge(inputs, answer):
        for study, (_, times) in zip(inputs["studies"], answer["compared"], strict=True):
            if set(times) != set(study):
                return False
            goal = common_goal(study)
            for name, run in study.items():
                epochs = 1 + int(np.argmax(np.array(run["val_accuracy"]) >= goal))
                wanted = epochs if column == 0 else sum(run["seconds"][:epochs])
                if not close(times[name][column], wanted):
                    return False
        return True

    return judge


# 9.4


def ask_selu(learner, sizes, photos, seed, rate):
    import numpy as np
    from keras import ops

    photos, rng = np.array(photos, dtype=np.uint8), np.random.default_rng(seed)
    answers = {}
    for name, extra in {"plain": {}, "dropping": {"dropout": rate}}.items():
        net = learner.selu_network(**sizes, **extra)
        drawn = [np.array(w) for w in net.get_weights()]
        moved = [w + rng.normal(scale=0.02, size=w.shape) for w in drawn]
        moved[-2] /= 4
        net.set_weights(moved)
        many = np.repeat(photos[:1], 400, axis=0)
        answers |= {
            f"{name} drawn": drawn,
            f"{name} moved": moved,
            f"{name} out": ops.convert_to_numpy(net(photos, training=False)),
            f"{name} in training": ops.convert_to_numpy(net(many, training=True)),
        }
    return answers


def make_selu(rng):
    return {**make_sizes(rng), "rate": float(rng.uniform(0.2, 0.4))}


def calm_without(inputs, answer):
    rows, still = (np.asarray(answer[f"plain {key}"], float) for key in ("in training", "out"))
    return rows.shape == (400, 10) and close(rows, np.tile(still[0], (400, 1)), 1e-3, 1e-5)


def drops_like_selu(inputs, answer):
    """Compare the log-odds of equal images with those of alpha dropout before the output."""
    weights = [np.asarray(each, float) for each in answer["dropping moved"]]
    units, rate = last_units("selu", inputs, weights)[0], inputs["rate"]
    floor, keep = -1.0507009873554805 * 1.6732632423543772, 1 - inputs["rate"]
    a = (keep + keep * rate * floor**2) ** -0.5
    mean_units = a * (keep * units + rate * floor) - a * rate * floor
    columns = weights[-2][:, 1:] - weights[-2][:, :1]
    wanted_mean = mean_units @ columns + weights[-1][1:] - weights[-1][0]
    wanted_std = np.sqrt((a**2 * keep * rate * (units - floor) ** 2) @ columns**2)
    logs = np.log(np.asarray(answer["dropping in training"], float))
    odds = logs[:, 1:] - logs[:, :1]
    if odds.shape != (400, 9):
        return False
    off = np.abs(odds.mean(axis=0) - wanted_mean) / wanted_std
    return bool((off < 0.25).all() and (np.abs(odds.std(axis=0) / wanted_std - 1) < 0.2).all())


# 9.5


def ask_passes(learner, networks, row, copies, passes, seed):
    import keras
    import numpy as np

    layers, answers = keras.layers, {}
    for kind, (first, second, rate) in networks.items():
        first, second = np.array(first), np.array(second)
        net = keras.Sequential(
            [
                keras.Input((len(row),)),
                layers.Dense(first.shape[1], use_bias=False),
                layers.BatchNormalization(),
                layers.Activation("tanh"),
                getattr(layers, kind)(rate, seed=seed),
                layers.Dense(second.shape[1], use_bias=False, activation="softmax"),
            ]
        )
        units = first.shape[1]
        norm = [np.full(units, value) for value in (1.5, 0.2, -0.3, 2.0)]
        net.set_weights([first, *norm, second])
        images = np.tile(np.array(row, np.float32), (copies, 1))
        mean, spread = learner.ask_often(net, images, passes)
        answers[kind] = {
            "mean": np.asarray(mean),
            "spread": np.asarray(spread),
            "weights": [np.array(w) for w in net.get_weights()],
        }
    return answers


def make_passes(rng):
    def network(rate):
        return [rng.normal(size=(4, 5)).tolist(), rng.normal(0, 2, size=(5, 3)).tolist(), rate]

    return {
        "networks": {kind: network(0.4) for kind in ("Dropout", "AlphaDropout")},
        "row": rng.normal(size=4).tolist(),
        "copies": 400,
        "passes": int(rng.integers(25, 35)),
        "seed": int(rng.integers(2**30)),
    }


def every_mask(inputs, kind):
    """Return the chance of each mask, and the probabilities that it leads to."""
    first, second, rate = inputs["networks"][kind]
    sums = np.array(inputs["row"]) @ np.array(first)
    units = np.tanh(1.5 * (sums + 0.3) / np.sqrt(2.0 + 1e-3) + 0.2)
    masks = np.array(list(itertools.product((0, 1), repeat=len(units))))
    odds = np.prod(np.where(masks, 1 - rate, rate), axis=1)
    if kind == "Dropout":
        left = masks * units / (1 - rate)
    else:
        floor = -1.0507009873554805 * 1.6732632423543772
        a = ((1 - rate) * (1 + rate * floor**2)) ** -0.5
        left = a * np.where(masks, units, floor) - a * rate * floor
    return odds, chances(left @ np.array(second))


def exactly(inputs, kind):
    """Return mean and variance over all masks, and the variance of a squared deviation."""
    odds, out = every_mask(inputs, kind)
    mean = odds @ out
    squares = (out - mean) ** 2
    variance = odds @ squares
    return mean, variance, odds @ (squares - variance) ** 2


def passes_have_shape(inputs, answer):
    wanted = (inputs["copies"], 3)
    return all(
        np.shape(answer[kind][key]) == wanted
        for kind in inputs["networks"]
        for key in ("mean", "spread")
    )


def passes_mean(kind):
    def judge(inputs, answer):
        mean, variance, _ = exactly(inputs, kind)
        found = np.asarray(answer[kind]["mean"], float).mean(axis=0)
        error = np.sqrt(variance / (inputs["copies"] * inputs["passes"]))
        return found.shape == (3,) and bool((np.abs(found - mean) < 6 * error + 1e-3).all())

    return judge


def passes_spread(inputs, answer):
    for kind in inputs["networks"]:
        _, variance, of_square = exactly(inputs, kind)
        found = np.asarray(answer[kind]["spread"], float)
        if found.shape != (inputs["copies"], 3):
            return False
        off = np.abs((found**2).mean(axis=0) - variance)
        error = np.sqrt(of_square / (inputs["copies"] * inputs["passes"]))
        few = 1.5 * variance / inputs["passes"]  # a mean of few passes lies amid them
        if not (off < 6 * error + few + 1e-5).all():
            return False
    return True


def passes_are_many(inputs, answer):
    """The means of equal images scatter as means of so many passes do."""
    for kind in inputs["networks"]:
        std = np.sqrt(exactly(inputs, kind)[1])
        scatter = np.asarray(answer[kind]["mean"], float).std(axis=0)
        ratio = scatter.max() * math.sqrt(inputs["passes"]) / std.max()
        if not 0.7 < ratio < 1.4:
            return False
    return True


def left_alone(inputs, answer):
    for kind, (first, second, _) in inputs["networks"].items():
        norm = [np.full(5, value) for value in (1.5, 0.2, -0.3, 2.0)]
        weights = answer[kind]["weights"]
        if len(weights) != 6:
            return False
        if not all(map(close, weights, [first, *norm, second], [1e-5] * 6)):
            return False
    return True


# 9.6


def ask_cycle(learner, images, max_rate, epochs, batch_size, studies):
    from collections import namedtuple
    from types import SimpleNamespace

    import keras
    import numpy as np

    seen = {}

    class Stage:
        def compile(self, optimizer="rmsprop", loss=None, *args, **kwargs):
            self.optimizer, self.loss = keras.optimizers.get(optimizer), keras.losses.get(loss)

        def get_weights(self):
            return [np.zeros(1)]

        def set_weights(self, weights):
            pass

        def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", **kwargs):
            batches = -(-len(x) // (batch_size or 32))
            callbacks = list(kwargs.get("callbacks") or [])
            self.stop_training = False
            for each in callbacks:
                if getattr(each, "mode", None) == "auto":
                    each.mode = "min" if "loss" in each.monitor else "max"
                each.set_params({"epochs": epochs, "steps": batches})
                each.set_model(self)
                each.on_train_begin({})
            rates, ran = [], 0
            for epoch in range(epochs):
                for batch in range(batches):
                    self.optimizer.iterations.assign(epoch * batches + batch)
                    rates.append(float(self.optimizer.learning_rate))
                logs = {"accuracy": 0.5, "loss": 1.0, "val_accuracy": 0.4, "val_loss": 2.0}
                for each in callbacks:
                    each.on_epoch_end(epoch, logs)
                ran = epoch + 1
                if self.stop_training:
                    break
            seen.update(
                kind=type(self.optimizer).__name__,
                momentum=float(getattr(self.optimizer, "momentum", 0)),
                nesterov=bool(getattr(self.optimizer, "nesterov", False)),
                rates=rates,
                ran=ran,
                images=len(x),
                validation=[len(part) for part in kwargs.get("validation_data") or []],
                result=SimpleNamespace(history={}, model=self),
            )
            return seen["result"]

    class Watcher(keras.callbacks.Callback):
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

    split = namedtuple("Split", "images labels")
    counts = {"train": images, "validation": 20, "test": 10}
    data = SimpleNamespace(
        **{n: split(np.zeros((c, 4), np.uint8), np.zeros(c, np.int32)) for n, c in counts.items()}
    )
    stage, watcher = Stage(), Watcher()
    returned = learner.train_one_cycle(
        stage, data, max_rate, epochs, batch_size, callbacks=[watcher]
    )
    truth, guess = np.array([2, 0]), np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    loss = float(np.mean(keras.ops.convert_to_numpy(stage.loss(truth, guess))))
    same = returned is seen.pop("result")
    verdicts = [learner.verdict(study) for study in studies]
    return {
        **seen,
        "same": same,
        "watched": watcher.count,
        "loss": loss,
        "verdicts": [[str(name), float(mean), float(std)] for name, mean, std in verdicts],
    }


def make_cycle(rng):
    batch = int(rng.integers(45, 70))  # never as many steps as with batches of 32
    studies = []
    for count in (2, 4, 6):
        runs = [
            {
                "variant": f"net {number}",
                "seed": seed,
                "validation_accuracy": round(float(rng.uniform(0.3, 0.7)), 4),
                "test_accuracy": round(float(rng.uniform(0.3, 0.7)), 4),
            }
            for number in range(count)
            for seed in range(int(rng.integers(2, 6)))
        ]
        studies.append([runs[place] for place in rng.permutation(len(runs))])
    luck = {"lucky": (0.9, 0.3, 0.3), "steady": (0.6, 0.55, 0.65)}
    studies.append(
        [
            {"variant": name, "seed": seed, "validation_accuracy": high, "test_accuracy": low}
            for name, highs in luck.items()
            for seed, (high, low) in enumerate(zip(highs, rng.uniform(0.4, 0.6, 3), strict=True))
        ]
    )
    return {
        "images": batch * int(rng.integers(4, 9)) + int(rng.integers(1, batch)),
        "max_rate": float(rng.uniform(0.02, 0.4)),
        "epochs": int(rng.integers(8, 12)),
        "batch_size": batch,
        "studies": studies,
    }


def rate_cycles(inputs, answer):
    steps = math.ceil(inputs["images"] / inputs["batch_size"]) * inputs["epochs"]
    part, peak = np.arange(steps) / steps, inputs["max_rate"]
    down = np.clip((part - 0.3) / 0.7, 0, 1)
    wanted = np.where(
        part < 0.3,
        peak / 25 + (peak - peak / 25) * part / 0.3,
        peak / 1e4 + (peak - peak / 1e4) * np.cos(np.pi * down / 2) ** 2,
    )
    return close(answer["rates"], wanted, rtol=1e-3, atol=1e-5)


def sgd_with_momentum(inputs, answer):
    return answer["kind"] == "SGD" and close(answer["momentum"], 0.9) and answer["nesterov"] is True


def fitted_right(inputs, answer):
    wanted = -(math.log(0.5) + math.log(0.6)) / 2
    images = answer["images"] == inputs["images"] and list(answer["validation"]) == [20, 20]
    return images and close(answer["loss"], wanted, rtol=1e-4) and answer["same"] is True


def runs_to_its_end(inputs, answer):
    return answer["ran"] == answer["watched"] == inputs["epochs"]


def verdicts_of(inputs, answer):
    for study, given in zip(inputs["studies"], answer["verdicts"], strict=True):
        nets = {}
        for run in study:
            nets.setdefault(run["variant"], []).append(run)
        chosen = max(nets, key=lambda n: np.mean([r["validation_accuracy"] for r in nets[n]]))
        yield given, chosen, np.array([r["test_accuracy"] for r in nets[chosen]])


def chooses_right(inputs, answer):
    return all(given[0] == chosen for given, chosen, _ in verdicts_of(inputs, answer))


def quotes_right(inputs, answer):
    return all(
        given[0] == chosen and close(given[1:], [tests.mean(), tests.std(ddof=1)], rtol=1e-5)
        for given, chosen, tests in verdicts_of(inputs, answer)
    )


TASKS = {
    "9.1": Hidden(
        ask=ask_elu,
        inputs=make_sizes,
        keras_backend=BACKEND,
        properties=(
            Property(
                "there are as many hidden layers, of as many units, as were asked for",
                has_shapes(plain_shapes),
            ),
            Property("the hidden weights are drawn by He's normal rule", drawn_with(2.0)),
            Property("ten probabilities come out for each image", gives_chances()),
            Property(
                "whatever its weights, it computes ELU layers over standardized pixels",
                computes_plain("elu"),
            ),
        ),
    ),
    "9.2": Hidden(
        ask=ask_search,
        inputs=make_curves,
        keras_backend=BACKEND,
        properties=(
            Property("every rate trains a fresh network, once", fresh_each),
            Property(
                "each is compiled with Nadam at its rate, and a loss for whole-number labels",
                compiled_right,
            ),
            Property("it trains on the training images, validates on the others", right_images),
            Property("training stops `patience` epochs after the best one", stops_in_time),
            Property("the weights of the best epoch are put back", goes_back),
            Property("the callbacks that are given see every epoch", shown_to_others),
            Property("the best rate is the one with the best epoch of all", picks_best),
            Property("what fit returned stands by its rate", returns_each),
        ),
    ),
    "9.3": Hidden(
        ask=ask_normed,
        inputs=make_normed,
        keras_backend=BACKEND,
        properties=(
            Property(
                "every hidden layer has batch norm, and no bias of its own",
                has_shapes(normed_shapes),
            ),
            Property("the hidden weights are drawn by He's normal rule", drawn_with(2.0)),
            Property(
                "whatever its weights, it computes batch norm, then ELU, in every hidden layer",
                computes_normed,
            ),
            Property("the target is the highest accuracy that every run reached", goals_right),
            Property("the epochs to the target are right", times_right(0)),
            Property("the seconds to the target are right", times_right(1)),
        ),
    ),
    "9.4": Hidden(
        ask=ask_selu,
        inputs=make_selu,
        keras_backend=BACKEND,
        properties=(
            Property(
                "there are as many hidden layers, of as many units, as were asked for",
                has_shapes(plain_shapes, "plain drawn"),
            ),
            Property(
                "the hidden weights are drawn by LeCun's normal rule",
                drawn_with(1.0, "plain drawn"),
            ),
            Property(
                "whatever its weights, it computes SELU layers over standardized pixels",
                computes_plain("selu", "plain moved", "plain out"),
            ),
            Property("without dropout nothing in it is random", calm_without),
            Property(
                "with dropout and outside training, it computes the same layers",
                computes_plain("selu", "dropping moved", "dropping out"),
            ),
            Property(
                "dropout is of SELU's kind, at the right rate, once before the output",
                drops_like_selu,
            ),
        ),
    ),
    "9.5": Hidden(
        ask=ask_passes,
        inputs=make_passes,
        keras_backend=BACKEND,
        properties=(
            Property("both results have a row an image and a column a class", passes_have_shape),
            Property("the mean is right with ordinary dropout", passes_mean("Dropout")),
            Property("the mean is right with alpha dropout", passes_mean("AlphaDropout")),
            Property("the spread is the standard deviation over the passes", passes_spread),
            Property("the mean is taken over as many passes as were asked for", passes_are_many),
            Property("the network's weights and moving averages are left alone", left_alone),
        ),
    ),
    "9.6": Hidden(
        ask=ask_cycle,
        inputs=make_cycle,
        keras_backend=BACKEND,
        properties=(
            Property("the rate follows the cycle from the first batch to the last", rate_cycles),
            Property("the optimizer is SGD with Nesterov momentum 0.9", sgd_with_momentum),
            Property("loss, images and what is returned are right", fitted_right),
            Property(
                "nothing cuts the training off, and the callbacks see it all", runs_to_its_end
            ),
            Property("the network is chosen by what may be used for choosing", chooses_right),
            Property("mean and standard deviation are of what nothing was chosen by", quotes_right),
        ),
    ),
}
