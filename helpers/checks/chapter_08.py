"""Chapter 08, sparse models: right answers, and wrong ones that people give."""

import numpy as np

from helpers.checks.task import Holds, Mistake, Task, UnusableError, as_array, described
from helpers.theory.pruning import cubic_sparsity, magnitude_masks, sizes, soft_threshold

# 8.1: a step that stops at 0


def _run_shrink(answer):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(20, 30))
    moved = as_array(answer(weights.copy(), 0.3), "what `shrink` returns", weights.shape)
    large = np.abs(weights) > 0.3
    still = as_array(answer(weights.copy(), 0.0), "what `shrink` returns", weights.shape)
    return {
        "weights above the amount": np.where(large & (weights > 0), moved, 0),
        "weights below minus the amount": np.where(large & (weights < 0), moved, 0),
        "weights nearer to 0 than the amount": np.where(large, 0, moved),
        "an amount of 0 moves nothing": still,
    }


SHRINK = Task(
    id="8.1",
    title="A step that stops at 0",
    run=_run_shrink,
    reference=soft_threshold,
    mistakes=(
        Mistake(
            lambda weights, amount: np.where(np.abs(weights) > amount, weights, 0),
            "this is a threshold: it makes the zeros and leaves the rest as it was. The other "
            "weights move towards 0 too, each by the amount.",
        ),
        Mistake(
            lambda weights, amount: weights - amount * np.sign(weights),
            "nothing stops at 0: small weights land on the other side of it, as by the gradient "
            "of L1.",
        ),
        Mistake(
            lambda weights, amount: np.maximum(weights - amount, 0),
            "every negative weight became 0. They move towards 0 as well, from their own side.",
        ),
        Mistake(
            lambda weights, amount: np.maximum(np.abs(weights) - amount, 0),
            "the signs are lost: the sizes are right, and negative weights came out positive.",
        ),
        Mistake(
            lambda weights, amount: weights * (1 - amount),
            "this shrinks every weight by the same factor, which is what L2 does. L1 moves all of "
            "them by the same amount.",
        ),
    ),
    hints=(
        "Look at the size of a weight and its sign apart: the sign stays, the size shrinks.",
        "The size after the step is the size before less the amount, and not below 0.",
    ),
    holds=(
        Holds(
            "small weights end at exactly 0",
            lambda got: not got["weights nearer to 0 than the amount"].any(),
        ),
        Holds(
            "positive weights move as they should",
            lambda got: (
                np.max(got["weights above the amount"]) > 1
                and np.allclose(
                    got["weights above the amount"],
                    _run_shrink(soft_threshold)["weights above the amount"],
                )
            ),
        ),
    ),
)


# 8.2: which weights go


def _kernels():
    """Three kernels of which the second has much smaller weights, and the third many zeros."""
    rng = np.random.default_rng(2)
    sparse = rng.normal(size=(8, 10))
    sparse.ravel()[rng.permutation(80)[:50]] = 0
    return [rng.normal(size=(6, 10)), 0.1 * rng.normal(size=(10, 5)), sparse]


def _run_masks(answer):
    first, second, sparse = _kernels()
    results = {}
    for title, kernels, share, together in (
        ("each for itself, 40%", [first, second], 0.4, False),
        ("all together, 40%", [first, second], 0.4, True),
        ("nothing goes", [first, second], 0.0, True),
    ):
        masks = _masks(answer(list(kernels), share, together=together), kernels)
        for number, mask in enumerate(masks, start=1):
            results[f"{title}, kernel {number}"] = mask
    (mask,) = _masks(answer([sparse], 0.3), [sparse])
    results["the number that goes where 50 of 80 are 0, 30%"] = int((~mask).sum())
    return results


def _masks(value, kernels):
    if not isinstance(value, tuple | list) or len(value) != len(kernels):
        raise UnusableError(
            f"what `keep_largest` returns is {described(value)}, expected a list with an array "
            "for each kernel"
        )
    arrays = [np.asarray(each) for each in value]
    for array, kernel in zip(arrays, kernels, strict=True):
        if array.dtype != bool or array.shape != kernel.shape:
            raise UnusableError(
                f"for a kernel of shape {kernel.shape} it gives {described(array)}, expected a "
                "boolean array of that shape"
            )
    return arrays


def _by_size(size=np.abs, turned=False, together=None, by_threshold=False):
    """Return an answer to 8.2 that ranks, or cuts, in its own way."""

    def cut(values, share):
        if by_threshold:  # whatever is as large as the largest that goes, goes too
            gone = round(share * values.size)
            return values > (np.sort(values, axis=None)[gone - 1] if gone else -np.inf)
        return magnitude_masks([values], share)[0]

    def answer(kernels, share, chosen_together):
        if chosen_together:
            whole = cut(np.concatenate([size(kernel).ravel() for kernel in kernels]), share)
            parts = np.split(whole, np.cumsum([kernel.size for kernel in kernels])[:-1])
            masks = [part.reshape(k.shape) for part, k in zip(parts, kernels, strict=True)]
        else:
            masks = [cut(size(kernel), share) for kernel in kernels]
        return [~mask for mask in masks] if turned else masks

    return lambda kernels, share, together_=False, **named: answer(
        kernels, share, named.get("together", together_) if together is None else together
    )


def _reference_masks(kernels, share, together=False):
    return magnitude_masks(kernels, share, "global" if together else "layer")


MASKS = Task(
    id="8.2",
    title="Which weights go",
    run=_run_masks,
    reference=_reference_masks,
    mistakes=(
        Mistake(
            _by_size(turned=True),
            "`True` stands for the weights that go. It has to stand for those that are kept.",
        ),
        Mistake(
            _by_size(size=lambda kernel: kernel - kernel.min() + 1),
            "the most negative weights go first. Nearest to 0 is by magnitude, whatever the sign.",
        ),
        Mistake(
            _by_size(size=lambda kernel: 1 / (1e-9 + np.abs(kernel))),
            "the largest weights go. Those nearest to 0 are missed least.",
        ),
        Mistake(
            _by_size(together=False),
            "`together` changes nothing: each kernel loses the share of its own weights. When they "
            "compete, the kernel with the smaller weights loses more.",
        ),
        Mistake(
            _by_size(together=True),
            "the weights of all kernels compete even where each should lose the same share.",
        ),
        Mistake(
            _by_size(by_threshold=True),
            "everything up to a threshold goes, and where weights are equal that is too many. "
            "Count those that go: rank them and take as many as the share says.",
        ),
    ),
    hints=(
        "A ranking settles ties and gives an exact number: which places of the sorted magnitudes "
        "go?",
        "`argsort` of the magnitudes names the places, the nearest to 0 first. Begin with an array "
        "that keeps all and clear the first so many.",
        "Where all compete, join the flattened kernels, rank once, and cut the result into pieces "
        "of the old sizes and shapes.",
    ),
    holds=(
        Holds(
            "the number of weights that go is right when each kernel is for itself",
            lambda got: (
                [int((~got[f"each for itself, 40%, kernel {number}"]).sum()) for number in (1, 2)]
                == [24, 20]
            ),
        ),
        Holds(
            "a share of 0 keeps all",
            lambda got: all(got[f"nothing goes, kernel {number}"].all() for number in (1, 2)),
        ),
    ),
)


# 8.3: zeros that stay

BEGIN, END, EVERY, FINAL, STEPS = 3, 13, 4, 0.8, 18


class _Pruning:
    """A right answer to 8.3, and by its attributes wrong ones."""

    renews = True  # sets its zeros to 0 again after every step
    renews_before_choosing = True
    frequent = False  # chooses at every step
    last_choice = True  # at the last step, whether or not it is a regular one

    def __init__(self, final, begin, end, every):
        self.settings = {"final": final, "begin": begin, "end": end}
        self.every, self.masks = every, None

    def share_at(self, step):
        return float(cubic_sparsity(step, **self.settings))

    def after_step(self, step, kernels):
        begin, end = self.settings["begin"], self.settings["end"]
        due = step >= begin and (step - begin) % (1 if self.frequent else self.every) == 0
        due = (due and step <= end) or (self.last_choice and step == end)
        if self.renews and (self.renews_before_choosing or not due):
            kernels = self._zeroed(kernels)
        if due:
            self.masks = magnitude_masks(kernels, min(max(self.share_at(step), 0), 1))
        return self._zeroed(kernels) if due else kernels

    def _zeroed(self, kernels):
        if self.masks is None:
            return kernels
        return [np.where(mask, k, 0) for mask, k in zip(self.masks, kernels, strict=True)]


def _variant(share=None, **attributes):
    """Return a class like the right one but for a share at each step, or for attributes."""
    if share:
        attributes["share_at"] = lambda self, step: share(step, **self.settings)
    return type("Pruning", (_Pruning,), attributes)


def _passed(step, begin, end):
    return np.clip((step - begin) / (end - begin), 0, 1)


def _run_pruning(answer):
    asked = answer(FINAL, BEGIN, END, EVERY)
    rng = np.random.default_rng(3)
    kernels = [rng.normal(size=(10, 20)), rng.normal(size=(20, 5))]
    zeros, returned, changed, before = [], False, False, None
    for step in range(STEPS):
        moved = [kernel + rng.normal(size=kernel.shape) for kernel in kernels]
        given = [kernel.copy() for kernel in moved]
        kernels = _pruned(asked.after_step(step, given), moved)
        zeros.append([float((kernel == 0).mean()) for kernel in kernels])
        if before is not None:
            returned |= any((b & (k != 0)).any() for b, k in zip(before, kernels, strict=True))
        changed |= any(
            not np.array_equal(k[k != 0], m[k != 0]) for k, m in zip(kernels, moved, strict=True)
        )
        before = [kernel == 0 for kernel in kernels]
    regular = [BEGIN + EVERY * number for number in range(1 + (END - BEGIN) // EVERY)]
    return {
        "the share before the first step": float(asked.share_at(0)),
        "the share at the first step": float(asked.share_at(BEGIN)),
        "the share on the way": np.array([asked.share_at(s) for s in (5, 8, 11)], dtype=float),
        "the share at the last step": float(asked.share_at(END)),
        "the share after the last step": float(asked.share_at(END + 7)),
        "zeros at the steps of a choice": np.array(zeros)[regular],
        "zeros in between": np.array(zeros)[[step + 1 for step in regular]],
        "zeros from the last step on": np.array(zeros)[END:],
        "a weight that was set to 0 stays at 0": not returned,
        "the weights that are kept are as the optimizer left them": not changed,
    }


def _pruned(value, moved):
    if not isinstance(value, tuple | list) or len(value) != len(moved):
        raise UnusableError(
            f"what `after_step` returns is {described(value)}, expected a list with an array for "
            "each kernel"
        )
    return [
        as_array(each, "a kernel that `after_step` returns", kernel.shape)
        for each, kernel in zip(value, moved, strict=True)
    ]


PRUNING = Task(
    id="8.3",
    title="Zeros that stay",
    run=_run_pruning,
    reference=_Pruning,
    mistakes=(
        Mistake(
            _variant(renews=False),
            "between two choices the zeros come back to life: the optimizer moves them at every "
            "step, so after every step they have to be set to 0 again.",
        ),
        Mistake(
            _variant(renews_before_choosing=False),
            "the zeros take part in the new choice as the optimizer left them, so some come back "
            "to life. Set them to 0 first: then nothing is nearer to 0.",
        ),
        Mistake(
            _variant(frequent=True),
            "it chooses at every step. Between two choices the same weights stay at 0.",
        ),
        Mistake(
            _variant(last_choice=False),
            "the last choice is missing: `end` need not be a whole number of `every` after "
            "`begin`, and the final share is reached there all the same.",
        ),
        Mistake(
            _variant(lambda step, final, begin, end: final * _passed(step, begin, end)),
            "the share rises in a straight line. The power of three prunes fast while there is "
            "much to spare.",
        ),
        Mistake(
            _variant(lambda step, final, begin, end: final * _passed(step, begin, end) ** 3),
            "the share rises slowly at first and fast at the end. It is what is *left* to do that "
            "goes down with the power of three.",
        ),
        Mistake(
            _variant(
                lambda step, final, begin, end: (
                    final - final * (1 - (step - begin) / (end - begin)) ** 3
                )
            ),
            "outside its steps the schedule goes on: before the first it has to be 0, and after "
            "the last the final share.",
        ),
        Mistake(
            _variant(lambda step, final, begin, end: final * (step >= begin)),
            "it prunes all at once at the first step, and that is what the schedule is to avoid.",
        ),
        Mistake(
            _variant(
                lambda step, final, begin, end: final * (1 - (1 - _passed(step, 0, end)) ** 3)
            ),
            "the share counts steps from 0. It counts from `begin`.",
        ),
    ),
    hints=(
        "Write `share_at` first and look at its values: 0 up to `begin`, the final share from "
        "`end` on. It needs the part of the way that has passed, held between 0 and 1.",
        "`after_step` does three things in this order: it sets the old zeros to 0 again, it "
        "chooses anew where that is due, it sets the new ones to 0.",
        "A choice is due from `begin` to `end`, when the steps since `begin` are a multiple of "
        "`every`, and at `end` in any case.",
    ),
    holds=(
        Holds(
            "a weight that was set to 0 stays at 0",
            lambda got: got["a weight that was set to 0 stays at 0"],
        ),
        Holds(
            "the share ends where it should",
            lambda got: abs(got["the share at the last step"] - FINAL) < 1e-9,
        ),
    ),
)


# 8.4: what they weigh


def _run_bytes(answer):
    rng = np.random.default_rng(4)
    kernels = {
        "full, 30 x 20": rng.normal(size=(30, 20)),
        "a tenth is left, 40 x 25": np.where(rng.random((40, 25)) < 0.1, 1.5, 0.0),
        "empty, 12 x 50": np.zeros((12, 50)),
        "negative numbers only, 5 x 7": -np.ones((5, 7)),
    }
    return {title: answer(kernel.copy()) for title, kernel in kernels.items()}


def _bytes(number=4, column=4, place=4, more=1, row=0, count=np.count_nonzero):
    """Return an answer to 8.4 that counts other lists, or other widths."""

    def answer(kernel):
        kept = int(count(kernel))
        return kept * (number + column + row) + (len(kernel) + more) * place

    return answer


BYTES = Task(
    id="8.4",
    title="What they weigh",
    run=_run_bytes,
    reference=lambda kernel: sizes([kernel]).csr,
    mistakes=(
        Mistake(
            _bytes(column=0),
            "the columns are missing: behind each number stands where in its row it belongs.",
        ),
        Mistake(
            _bytes(place=0),
            "the rows are missing: something has to say where in the lists each row begins.",
        ),
        Mistake(
            _bytes(more=0),
            "one place is missing: behind the beginnings of all rows stands where the last ends.",
        ),
        Mistake(
            _bytes(count=lambda kernel: np.sum(kernel == 0)),
            "it counts the zeros. They are the ones that are not stored.",
        ),
        Mistake(
            _bytes(count=lambda kernel: np.sum(kernel > 0)),
            "negative weights are left out. Only a 0 is not stored.",
        ),
        Mistake(
            _bytes(row=4, place=0),
            "this stores a row and a column with every number. Compressed, a row is stored once.",
        ),
        Mistake(
            _bytes(column=8, place=8),
            "columns and places are counted with eight bytes, expected four.",
        ),
        Mistake(
            lambda kernel: _bytes()(kernel.T),
            "it compresses columns. For each row of the kernel there is a place.",
        ),
    ),
    hints=(
        "How many entries has each of the three lists? Two of them are equally long.",
        "Count the numbers that are not 0 once. Each brings eight bytes; each row brings four, and "
        "there are four more.",
    ),
    holds=(
        Holds(
            "an empty kernel costs its rows only",
            lambda got: got["empty, 12 x 50"] == 4 * (12 + 1),
        ),
    ),
)


# 8.5: decide

SHARES = (0.5, 0.8, 0.9, 0.95)
ALIKE = (-0.001, 0.0, 0.001)


def _around(mean, spread=ALIKE):
    """Return losses of that mean, one a seed."""
    return [mean + each for each in spread]


WIDE = (-0.012, 0.0, 0.012)
MANY = tuple(np.tile((-0.012, 0.012), 8))
TWO = ((0.001, 0.001), (0.006, 0.0045), (0.05, 0.01), (0.4, 0.1))
CASES = {
    # accuracy before, then the losses of each seed at every share
    "a clear case": ((0.97, 0.97, 0.97), [_around(m) for m in (0.0, 0.003, 0.02, 0.2)]),
    "a wide spread": (
        (0.97, 0.96, 0.98),
        [_around(0.0), _around(0.002), _around(0.008, WIDE), _around(0.3)],
    ),
    "a mean beyond the bound": (
        (0.97, 0.96, 0.98),
        [_around(0.0), _around(0.002), _around(0.012, WIDE), _around(0.3)],
    ),
    "many seeds": (
        (0.97,) * 16,
        [_around(0.0, MANY), _around(0.001, MANY), _around(0.006, MANY), _around(0.1, MANY)],
    ),
    "two seeds": (
        (0.97, 0.95),
        [_around(mean, (-spread, spread)) for mean, spread in TWO],
    ),
    "networks of different worth": (
        (0.90, 0.95, 0.99),
        [_around(0.001), _around(0.003), _around(0.005), _around(0.5)],
    ),
    "one that fails and one behind it": (
        (0.97, 0.97, 0.96),
        [_around(0.001), _around(0.05), _around(0.002), _around(0.3)],
    ),
    "one lucky seed": (
        (0.97, 0.97, 0.97),
        [_around(0.001), _around(0.02, (-0.02, 0.01, 0.01)), _around(0.1), _around(0.4)],
    ),
    "nothing is safe": ((0.97, 0.96, 0.95), [_around(m) for m in (0.05, 0.1, 0.3, 0.5)]),
    "everything is safe": ((0.97, 0.96, 0.95), [_around(0.001)] * 4),
}


def _run_most(answer):
    results = {}
    for title, (before, losses) in CASES.items():
        before, lost = np.array(before), np.array(losses).T
        results[title] = answer(SHARES, before, before[:, None] - lost, 0.01)
    return results


def _decide(error="standard error", ddof=1, paired=True, behind=False, first_failed=False):
    """Return an answer to 8.5 that looks at the losses in its own way."""

    def answer(shares, before, after, most_lost):
        before, after = np.asarray(before), np.asarray(after)
        lost = before[:, None] - after
        spread = lost.std(axis=0, ddof=ddof)
        if not paired:
            spread = np.hypot(before.std(ddof=ddof), after.std(axis=0, ddof=ddof))
        bound = {
            "standard error": lambda: lost.mean(axis=0) + spread / len(lost) ** 0.5,
            "standard deviation": lambda: lost.mean(axis=0) + spread,
            "none": lambda: lost.mean(axis=0),
            "subtracted": lambda: lost.mean(axis=0) - spread / len(lost) ** 0.5,
            "best seed": lambda: lost.min(axis=0),
        }[error]()
        fine = bound <= most_lost
        safe = fine if behind else np.logical_and.accumulate(fine)
        if first_failed:
            return shares[min(int(safe.sum()), len(shares) - 1)]
        return max((share for share, good in zip(shares, safe, strict=True) if good), default=0)

    return answer


DECIDE = Task(
    id="8.5",
    title="Decide",
    run=_run_most,
    reference=_decide(),
    mistakes=(
        Mistake(
            _decide(error="none"),
            "this looks at the mean alone. It is known only up to its standard error, which comes "
            "on top.",
        ),
        Mistake(
            _decide(error="standard deviation"),
            "this adds the standard deviation. That is how far one seed lies from the mean; the "
            "mean itself is known better, the more seeds there are.",
        ),
        Mistake(
            _decide(behind=True),
            "this takes a share that looks good behind one that failed. Every smaller share has "
            "to pass too.",
        ),
        Mistake(
            _decide(paired=False),
            "it takes the spread of the accuracies. A seed that began low ends low: what counts is "
            "how much its loss differs from that of the others.",
        ),
        Mistake(
            _decide(ddof=0),
            "the standard deviation divides by n. With few seeds that is too small; divide by "
            "n - 1.",
        ),
        Mistake(
            _decide(first_failed=True),
            "this is the first share that fails, and not the last one that passes.",
        ),
        Mistake(
            _decide(error="subtracted"),
            "the standard error is subtracted. To be careful, count it against the network.",
        ),
        Mistake(
            _decide(error="best seed"),
            "this goes by the best seed. One network that came through by luck says little.",
        ),
    ),
    hints=(
        "Begin with an array of losses, of the shape of `after`: a row for each seed.",
        "Along the seeds take the mean, and the standard deviation with `ddof=1` divided by the "
        "root of their number. Their sum is compared with the bound.",
        "Go through the shares from the smallest on, and stop at the first that fails.",
    ),
    holds=(
        Holds("a clear case is decided rightly", lambda got: got["a clear case"] == SHARES[1]),
        Holds("it says 0 where nothing is safe", lambda got: got["nothing is safe"] == 0),
    ),
)


TASKS = (SHRINK, MASKS, PRUNING, BYTES, DECIDE)
