# %% [markdown]
# # Exercises: CIFAR-10, part by part
#
# You build the network of 20 hidden layers of 100 units, search its learning rate, and change one
# thing at a time: batch norm, SELU, alpha dropout, MC dropout, 1cycle. Then you say which one to
# keep, and by which number. Allow two hours. The cells that train take some minutes together; all
# others, and every check, answer at once.
#
# Write your answer in place of `raise NotImplementedError`, run the cell, then the check below it.
# The check says what holds and what does not. In a cell of your own, `hint("9.1")` gives the next
# step to a solution, and `progress()` shows what is done.

# %%
from helpers import course
from helpers.checks import check, expected, hint, progress

course.start("09_cifar10", exercise=True)

# %%
import math
import time
from dataclasses import replace

import keras
import numpy as np

# %%
from helpers import figures
from helpers.datasets import load_cifar10, take
from helpers.evaluation import accuracy, expected_calibration_error, predict_probabilities
from helpers.machine import versions
from helpers.models import create_variables
from helpers.profiles import get_profile
from helpers.training import recorded_runs
from helpers.training.networks import scaling
from helpers.training.schedules import OneCycle

# %% [markdown]
# ## 9.1 (a) The network (2 points)
#
# Build a Keras network for images of shape `(32, 32, 3)`, whole numbers from 0 to 255, in ten
# classes. First it standardizes the pixels itself, channel by channel, with the `mean` and
# `variance` of the training images. Then come `depth` hidden layers of `width` ELU units, drawn by
# He's normal initialization, and an output layer that gives a probability for each class.
#
# The notes called the argument for the 100 units `n_classes`. The classes are ten, always.


# %% task="9.1" stub="return the network, not compiled"
def deep_network(depth, width, mean, variance):
    """Return an uncompiled Keras model: images in, ten probabilities out.

    depth: number of hidden layers. width: units of each. mean, variance: three numbers each.
    """
    ### BEGIN SOLUTION
    hidden = [
        keras.layers.Dense(width, "elu", kernel_initializer="he_normal") for _ in range(depth)
    ]
    scaled = keras.layers.Normalization(mean=mean, variance=variance)
    output = keras.layers.Dense(10, "softmax")
    return keras.Sequential(
        [keras.Input((32, 32, 3)), scaled, keras.layers.Flatten(), *hidden, output]
    )
    ### END SOLUTION


# %% check="9.1" points=2
check("9.1", deep_network)

# %% [markdown]
# The check builds small networks. Here is the real one, and the images for it. In the profile `ci`
# there are a few images only; without CIFAR-10 they are a stand-in, and say so.

# %% tags=["measure"]
profile = get_profile()
data = take(load_cifar10(), profile)
sizes = {"depth": 20, "width": 100, **scaling(data)}
network = deep_network(**sizes)
print(f"{network.count_params():,} weights and biases, {len(data.train.labels):,} images to train")
data

# %% [markdown]
# ## 9.2 (b) Nadam, early stopping, a rate (3 points)
#
# Train a fresh network at each of several rates, and find the best. `build()` makes one, and needs
# no arguments. Each is compiled with Nadam, a loss for labels that are whole numbers, and the
# metric `"accuracy"`. Each is fitted to the training images for at most `epochs` epochs and
# validated on the validation images. Early stopping watches the validation accuracy: after
# `patience` epochs without a better one it stops, and it puts the weights of the best epoch back.
#
# A rate is as good as its best epoch's validation accuracy. Return the best rate, and a dictionary
# from each rate to what `fit` returned for it. `data.train` and `data.validation` are pairs of
# images and labels; `callbacks` are for `fit` too, beside your own.


# %% task="9.2" stub="train at each rate, return the best and all"
def search(build, data, rates, epochs, patience, callbacks=()):
    """Return (best rate, what fit returned by rate).

    build: makes a network that is not compiled. callbacks: more callbacks for every fit.
    """
    ### BEGIN SOLUTION
    fitted = {}
    for rate in rates:
        model = build()
        model.compile(
            keras.optimizers.Nadam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        stopping = keras.callbacks.EarlyStopping(
            "val_accuracy", patience=patience, restore_best_weights=True
        )
        fitted[rate] = model.fit(
            *data.train,
            epochs=epochs,
            validation_data=data.validation,
            callbacks=[stopping, *callbacks],
            verbose=0,
        )
    peaks = {rate: max(each.history["val_accuracy"]) for rate, each in fitted.items()}
    return max(peaks, key=peaks.get), fitted
    ### END SOLUTION


# %% check="9.2" points=3
check("9.2", search)

# %% [markdown]
# Three helpers for the cells that train. `Stopwatch` adds the seconds of each epoch to its history:
# the typical step, times the number of steps, so that compiling does not count. `plainly` has a
# network compiled as the course's own are: without XLA on TensorFlow, which would take more memory
# than a small machine has, and with all its variables made before the first step.
# `search_and_train` searches on at most 8,000 images, for few epochs, and so it favours what starts
# fast. The best rate then trains on all images.


# %%
class Stopwatch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.steps = []

    def on_train_batch_begin(self, batch, logs=None):
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(time.perf_counter() - self.began)

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = len(self.steps) * float(np.median(self.steps))


# %%
def plainly(network):
    keras_compile, jit = network.compile, keras.backend.backend() == "jax"

    def compile_plainly(*args, **options):
        keras_compile(*args, **{"jit_compile": jit, **options})
        create_variables(network, n_classes=10)

    network.compile = compile_plainly
    return network


# %%
def search_and_train(name, build, rates=(1e-4, 3e-4, 1e-3)):
    keras.utils.set_random_seed(42)
    sample, patience = take(data, replace(profile, train_images=8_000)), profile.patience
    if len(rates) > 1:
        rate, tried = search(build, sample, rates, profile.search_epochs, patience)
        for each, fit in tried.items():
            print(f"{name}, rate {each:g}: {max(fit.history['val_accuracy']):.3f} in the search")
        rates = [rate]
    rate, trained = search(build, data, rates, profile.epochs, patience, [Stopwatch()])
    fits[name] = trained[rate]
    print(f"{name}, rate {rate:g}: {max(fits[name].history['val_accuracy']):.3f} on validation")
    return rate


fits = {}

# %% tags=["measure"]
rate = search_and_train("elu", lambda: plainly(deep_network(**sizes)))

# %% [markdown]
# ## 9.3 (c) Batch norm: faster, or better? (4 points)
#
# Two functions. `batch_norm_network` is the network of 9.1 with batch norm between each hidden
# layer's sum and its activation. Batch norm would subtract a bias again, so those layers have none.
#
# `compare` says how long each of several runs took to be equally good. Its target is the highest
# validation accuracy that *all* of them reached, each in its best epoch. For each run count the
# epochs until it first reached the target, and the seconds of all epochs up to then.
#
# A history holds two lists with a value for each epoch, `"val_accuracy"` and `"seconds"`.


# %% task="9.3" stub="build the network, and compare runs"
def batch_norm_network(depth, width, mean, variance):
    """Return the network of 9.1 with batch norm before each activation."""
    ### BEGIN SOLUTION
    stack = [keras.Input((32, 32, 3)), keras.layers.Normalization(mean=mean, variance=variance)]
    stack.append(keras.layers.Flatten())
    for _ in range(depth):
        stack += [
            keras.layers.Dense(width, use_bias=False, kernel_initializer="he_normal"),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("elu"),
        ]
    return keras.Sequential([*stack, keras.layers.Dense(10, "softmax")])
    ### END SOLUTION


def compare(histories):
    """Return (target, a dictionary from each name to (epochs, seconds)).

    histories: a dictionary from the name of each run to its history.
    """
    ### BEGIN SOLUTION
    common = min(max(history["val_accuracy"]) for history in histories.values())
    needed = {}
    for name, history in histories.items():
        reached = [accuracy >= common for accuracy in history["val_accuracy"]]
        count = reached.index(True) + 1
        needed[name] = count, sum(history["seconds"][:count])
    return common, needed
    ### END SOLUTION


# %% check="9.3" points=4
check("9.3", (batch_norm_network, compare))

# %% [markdown]
# *Predict first.* Batch norm needs fewer epochs for the same accuracy, or more? And fewer seconds?
# The seconds are those of your machine: let nothing else run while it trains.


# %%
def show_times():
    """Print how long each network took, and return the figure of all runs so far."""
    target, times = compare({name: fit.history for name, fit in fits.items()})
    for name, (epochs, seconds) in times.items():
        each = np.median(fits[name].history["seconds"])
        print(f"{name:>13}: {target:.3f} in epoch {epochs}, {seconds:.1f} s ({each:.1f} an epoch)")
    documents = []
    for name, fit in fits.items():
        history = {"validation_accuracy": fit.history["val_accuracy"], **fit.history}
        document = {"variant": name, "title": name, "history": history, "seed": 42}
        where = {"data": data.name, "profile": profile.name, "versions": versions()}
        documents.append(document | where)
    return figures.time_to_accuracy(documents, data.name)


# %% tags=["measure"]
search_and_train("bn", lambda: plainly(batch_norm_network(**sizes)))
show_times()

# %% [markdown]
# An epoch of batch norm costs more than one without, and it may learn more in it: the two counts
# need not agree. A curve that still rises at its right end says who starts faster, not who ends
# better; `quick` is too short for the second.
#
# ## 9.4 (d) SELU, and what it needs (3 points)
#
# Build the network once more, self-normalizing. Batch norm goes, SELU comes, and with it all that
# SELU needs: think of the weights, of the inputs, and of dropout.
#
# `dropout` is the share of the units to drop, once, right before the output layer; 0 is for none.
# It has to be the kind of dropout that keeps what SELU keeps. Part (e) will use it.


# %% task="9.4" stub="return the network, not compiled"
def selu_network(depth, width, mean, variance, dropout=0.0):
    """Return an uncompiled self-normalizing network; the other arguments are those of 9.1.

    dropout: share of units dropped before the output layer, in [0, 1).
    """
    ### BEGIN SOLUTION
    stack = [keras.Input((32, 32, 3)), keras.layers.Normalization(mean=mean, variance=variance)]
    stack.append(keras.layers.Flatten())
    stack += [
        keras.layers.Dense(width, "selu", kernel_initializer="lecun_normal") for _ in range(depth)
    ]
    if dropout:
        stack.append(keras.layers.AlphaDropout(dropout))
    return keras.Sequential([*stack, keras.layers.Dense(10, "softmax")])
    ### END SOLUTION


# %% check="9.4" points=3
check("9.4", selu_network)

# %% [markdown]
# *Predict first.* Whose epoch is cheaper, SELU's or batch norm's?

# %% tags=["measure"]
rate = search_and_train("selu", lambda: plainly(selu_network(**sizes)))
show_times()

# %% [markdown]
# ## 9.5 (e) Alpha dropout, asked often (3 points)
#
# The network with alpha dropout is trained below, at SELU's rate. *MC dropout* needs no training of
# its own: ask the trained network several times with dropout on, and take the mean.
#
# Only dropout layers may run as in training, of either kind: `keras.layers.Dropout` and
# `keras.layers.AlphaDropout`. A network may hold batch norm too, and that has to keep its moving
# averages. Return the mean of the probabilities over the passes, and their standard deviation over
# the passes (divided by the number of passes), both as NumPy arrays with a row for each image and a
# column for each class.


# %% task="9.5" stub="return mean and spread over the passes"
def ask_often(network, images, passes):
    """Return (mean, standard deviation) of the probabilities over several passes.

    network: a keras.Sequential with dropout layers, trained. images: an array. passes: 2 or more.
    """
    ### BEGIN SOLUTION
    random = (keras.layers.Dropout, keras.layers.AlphaDropout)
    outputs = []
    for _ in range(passes):
        signal = keras.ops.convert_to_tensor(images)
        for layer in network.layers:
            signal = layer(signal, training=isinstance(layer, random))
        outputs.append(keras.ops.convert_to_numpy(signal))
    return np.mean(outputs, axis=0), np.std(outputs, axis=0)
    ### END SOLUTION


# %% check="9.5" points=3
check("9.5", ask_often)

# %% [markdown]
# *Predict first.* Will the mean over the passes be more accurate than one pass without dropout?
# Will it be better calibrated?

# %% tags=["measure"]
search_and_train("alpha-dropout", lambda: plainly(selu_network(**sizes, dropout=0.1)), [rate])
trained = fits["alpha-dropout"].model
images, labels = data.validation.images[:1000], data.validation.labels[:1000]
mean, spread = ask_often(trained, images, profile.mc_passes)
for name, found in (("one pass", predict_probabilities(trained, images)), ("MC dropout", mean)):
    error = expected_calibration_error(found, labels)
    print(f"{name:>10}: accuracy {accuracy(found, labels):.3f}, calibration error {error:.3f}")
right = mean.argmax(axis=1) == labels
for name, which in (("right", right), ("wrong", ~right)):
    print(f"the largest spread of an image, where the mean is {name}: ", end="")
    print(f"{spread[which].max(axis=1).mean():.3f}")

# %% [markdown]
# The mean over the passes is less sure of itself than each of them. Where a network claims too
# much, that helps: compare the two calibration errors. The accuracy hardly has to change.
#
# ## 9.6 (f) 1cycle, and the verdict (4 points)
#
# Two functions again. `train_one_cycle` compiles a network and fits it for `epochs` epochs in
# batches of `batch_size` images. The optimizer is SGD with Nesterov momentum 0.9, its rate a
# `OneCycle(max_rate, total_steps)` that ends with the very last batch; the last batch of an epoch
# may be a small one. Loss, metric, data and `callbacks` are as in 9.2. Think about early stopping.
#
# `verdict` gets runs of several networks, several seeds of each, in any order. Choose the network
# by what may be used for choosing, over all its seeds. Quote what nothing was chosen by: mean and
# standard deviation over its seeds, as an estimate from few (divide by one less than their number).


# %% task="9.6" stub="train by 1cycle, and choose among runs"
def train_one_cycle(network, data, max_rate, epochs, batch_size, callbacks=()):
    """Compile a network, train it by 1cycle, and return what fit returns."""
    ### BEGIN SOLUTION
    batches = math.ceil(len(data.train.labels) / batch_size)
    cycle = OneCycle(max_rate, total_steps=batches * epochs)
    sgd = keras.optimizers.SGD(cycle, momentum=0.9, nesterov=True)
    network.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network.fit(
        *data.train,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=data.validation,
        callbacks=list(callbacks),
        verbose=0,
    )
    ### END SOLUTION


def verdict(runs):
    """Return (name of the network to keep, mean, standard deviation).

    runs: dictionaries with "variant", "seed", "validation_accuracy" and "test_accuracy".
    """
    ### BEGIN SOLUTION
    scores = {}
    for run in runs:
        pair = run["validation_accuracy"], run["test_accuracy"]
        scores.setdefault(run["variant"], []).append(pair)
    best = max(scores, key=lambda name: np.mean(scores[name], axis=0)[0])
    tests = [test for _, test in scores[best]]
    return best, np.mean(tests), np.std(tests, ddof=1)
    ### END SOLUTION


# %% check="9.6" points=4
check("9.6", (train_one_cycle, verdict))

# %% [markdown]
# *Predict first.* 1cycle takes a quarter of the steps of the others. Does it need more seconds for
# the same accuracy, or fewer?

# %% tags=["measure"]
keras.utils.set_random_seed(42)
network = plainly(selu_network(**sizes, dropout=0.1))
clock = [Stopwatch()]
fits["1cycle"] = train_one_cycle(network, data, 0.03, profile.epochs, 128, clock)
show_times()

# %% [markdown]
# Your runs are short, and one seed each: no ground for a verdict. The course's recorded runs went
# on to their ends, with several seeds.

# %% tags=["measure"]
recorded = recorded_runs()
name, mean, std = verdict(recorded)
seeds = sum(run["variant"] == name for run in recorded)
print(f"{recorded[0]['data']}: keep {name!r}, test accuracy {mean:.4f} ± {std:.4f}, {seeds} seeds")
