"""Hidden tests of chapter 08. They stay with the teacher: see helpers/grading/hidden.py."""

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

# 8.1


def ask_shrink(learner, sheets, amounts):
    import numpy as np

    return [
        learner.shrink(np.array(sheet), amount)
        for sheet, amount in zip(sheets, amounts, strict=True)
    ]


def make_sheets(rng):
    shapes = [tuple(rng.integers(3, 12, size=dimensions)) for dimensions in (1, 2, 3, 2)]
    return {
        "sheets": [rng.normal(size=shape).tolist() for shape in shapes],
        "amounts": [*rng.uniform(0.05, 1.5, size=3).tolist(), 0.0],
    }


def wanted_shrunk(sheet, amount):
    sheet = np.asarray(sheet)
    return np.where(sheet > amount, sheet - amount, np.where(sheet < -amount, sheet + amount, 0))


def shrunk_right(part):
    def judge(inputs, answer):
        for sheet, amount, given in zip(*inputs.values(), answer, strict=True):
            sheet, given = np.asarray(sheet), np.asarray(given, dtype=float)
            where = part(sheet, amount)
            if given.shape != sheet.shape:
                return False
            if not close(given[where], wanted_shrunk(sheet, amount)[where]):
                return False
        return True

    return judge


# 8.2


def ask_keep(learner, stacks, fractions, joined):
    import numpy as np

    rows = zip(stacks, fractions, joined, strict=True)
    return [
        [
            np.asarray(mask)
            for mask in learner.keep_largest([np.array(k) for k in stack], part, together=both)
        ]
        for stack, part, both in rows
    ]


def make_stacks(rng):
    """Kernels of different scales, and in the last two cases with many equal magnitudes."""
    stacks = []
    for number in range(6):
        scales = np.exp(rng.uniform(-3, 1, size=3))
        shapes = [tuple(int(side) for side in rng.integers(4, 15, size=2)) for _ in scales]
        stack = [
            scale * rng.normal(size=shape) for scale, shape in zip(scales, shapes, strict=True)
        ]
        if number > 3:
            stack = [np.round(kernel) for kernel in stack]
        stacks.append([kernel.tolist() for kernel in stack])
    return {
        "stacks": stacks,
        "fractions": rng.uniform(0.15, 0.85, size=6).tolist(),
        "joined": [False, True] * 3,
    }


def masks_right(joined, tied):
    """The dropped magnitudes, sorted, are the smallest; where none are equal that says it all."""

    def judge(inputs, answer):
        rows = zip(inputs["stacks"], inputs["fractions"], inputs["joined"], answer, strict=True)
        chosen = [
            row for number, row in enumerate(rows) if row[2] == joined and (number > 3) == tied
        ]
        return all(dropped_right(stack, part, both, masks) for stack, part, both, masks in chosen)

    return judge


def dropped_right(stack, part, both, masks):
    sizes, kept = [], []
    for kernel, mask in zip(stack, masks, strict=True):
        kernel, mask = np.abs(kernel), np.asarray(mask)
        if mask.dtype != bool or mask.shape != kernel.shape:
            return False
        sizes.append(kernel.ravel())
        kept.append(mask.ravel())
    if both:
        sizes, kept = [np.concatenate(sizes)], [np.concatenate(kept)]
    for size, mask in zip(sizes, kept, strict=True):
        gone = np.sort(size[~mask])
        if len(gone) != round(part * len(size)) or not close(gone, np.sort(size)[: len(gone)]):
            return False
    return True


# 8.3


def ask_pruning(learner, settings, kernels, seed, steps, asked):
    import numpy as np

    pruning, rng = learner.Pruning(*settings), np.random.default_rng(seed)
    kernels = [np.array(kernel) for kernel in kernels]
    seen = []
    for step in range(steps):
        moved = [kernel + 0.4 * rng.normal(size=kernel.shape) for kernel in kernels]
        kernels = pruning.after_step(step, [kernel.copy() for kernel in moved])
        seen.append([np.asarray(kernel, dtype=float) for kernel in kernels])
    return {"seen": seen, "shares": [float(pruning.share_at(step)) for step in asked]}


def make_training(rng):
    begin, every = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    end = begin + every * int(rng.integers(2, 4)) + int(rng.integers(1, every))
    shapes = [tuple(int(side) for side in rng.integers(8, 15, size=2)) for _ in range(2)]
    return {
        "settings": [float(rng.uniform(0.4, 0.95)), begin, end, every],
        "kernels": [rng.normal(size=shape).tolist() for shape in shapes],
        "seed": int(rng.integers(2**31)),
        "steps": end + 4,
        "asked": [0, begin, *rng.uniform(begin, end, size=6).round(2).tolist(), end, end + 50],
    }


def wanted_share(settings, step):
    final, begin, end, _ = settings
    way = (np.clip(step, begin, end) - begin) / (end - begin)
    return final * (3 * way - 3 * way**2 + way**3)


def schedule_right(first, last):
    def judge(inputs, answer):
        wanted = [wanted_share(inputs["settings"], step) for step in inputs["asked"]]
        return close(answer["shares"][first:last], wanted[first:last])

    return judge


def every_step(inputs, answer):
    """Yield for each step what came back, and what was handed over, as the sandbox made it."""
    rng = np.random.default_rng(inputs["seed"])
    kernels = [np.array(kernel) for kernel in inputs["kernels"]]
    for step, seen in zip(range(inputs["steps"]), answer["seen"], strict=True):
        moved = [kernel + 0.4 * rng.normal(size=kernel.shape) for kernel in kernels]
        kernels = [np.asarray(each, dtype=float) for each in seen]
        if [kernel.shape for kernel in kernels] != [kernel.shape for kernel in moved]:
            raise ValueError("other shapes")
        yield step, kernels, moved


def choices(inputs):
    _, begin, end, every = inputs["settings"]
    return {*range(begin, end, every), end}


def number_right(inputs, answer):
    chosen, share = choices(inputs), 0.0
    for step, kernels, _ in every_step(inputs, answer):
        if step in chosen:
            share = wanted_share(inputs["settings"], step)
        for kernel in kernels:
            if np.sum(kernel == 0) != round(share * kernel.size):
                return False
    return True


def zeros_stay(inputs, answer):
    last = None
    for _, kernels, _ in every_step(inputs, answer):
        if last and any(k[gone].any() for gone, k in zip(last, kernels, strict=True)):
            return False
        last = [kernel == 0 for kernel in kernels]
    return any(gone.any() for gone in last)


def smallest_go(inputs, answer):
    """At a choice no weight that goes is larger than one that stays, and those are untouched."""
    chosen = choices(inputs)
    for step, kernels, moved in every_step(inputs, answer):
        for kernel, before in zip(kernels, moved, strict=True):
            stays = kernel != 0
            if not np.array_equal(kernel[stays], before[stays]):
                return False
            new = ~stays & (step in chosen)
            if (
                step == min(chosen)
                and new.any()
                and (np.abs(before[new]).max() > np.abs(before[stays]).min())
            ):
                return False
    return True


# 8.4


def ask_bytes(learner, tables):
    import numpy as np

    return [learner.bytes_as_rows(np.array(table)) for table in tables]


def make_tables(rng):
    tables = []
    for left in (0.0, 0.05, 0.4, 1.0, 0.2):
        shape = tuple(int(side) for side in rng.integers(3, 40, size=2))
        table = np.where(rng.random(shape) < left, rng.normal(size=shape) + 5 * left, 0)
        tables.append(table.tolist())
    return {"tables": tables}


def bytes_right(which):
    def judge(inputs, answer):
        for table, given in list(zip(inputs["tables"], answer, strict=True))[which]:
            table = np.asarray(table)
            stored = int((np.abs(table) > 0).sum())
            if isinstance(given, bool) or given != 8 * stored + 4 * table.shape[0] + 4:
                return False
        return True

    return judge


# 8.5


def ask_most(learner, tables):
    import numpy as np

    return [
        learner.most_zeros(tuple(shares), np.array(before), np.array(after), allowed)
        for shares, before, after, allowed in tables
    ]


def make_decisions(rng):
    """Tables in which no careful loss lies so near the bound that rounding decides.

    In every third one a loss passes only for those who divide the variance by n.
    """
    tables = []
    while len(tables) < 60:
        narrow = len(tables) % 3 == 0
        seeds, points = int(rng.integers(2, 4 if narrow else 9)), int(rng.integers(3, 7))
        before = rng.uniform(0.85, 0.99, size=seeds)
        means = np.sort(rng.exponential(0.008, size=points))
        if rng.random() < 0.4:
            means = rng.permutation(means)
        spread = rng.uniform(0.001, 0.02)
        lost = means + spread * rng.normal(size=(seeds, points))
        if narrow:
            error = lost[:, 0].std(ddof=1) / seeds**0.5
            lost[:, 0] += 0.01 - 0.9 * error - lost[:, 0].mean()
        after = before[:, None] - lost
        shares = np.sort(rng.choice(np.arange(1, 100), points, replace=False)) / 100
        table = [shares.tolist(), before.tolist(), after.tolist(), 0.01]
        if np.abs(upper_losses(table) - 0.01).min() > 1e-6:
            tables.append(table)
    return {"tables": tables}


def upper_losses(table):
    _, before, after, _ = table
    lost = np.asarray(before)[:, None] - np.asarray(after)
    n = len(before)
    centred = lost - lost.mean(axis=0)
    return lost.mean(axis=0) + np.sqrt((centred**2).sum(axis=0) / (n - 1) / n)


def wanted_most(table):
    best = 0
    for share, worst in zip(table[0], upper_losses(table), strict=True):
        if worst > table[3]:
            return best
        best = share
    return best


def in_order(table):
    passing = upper_losses(table) <= table[3]
    return bool((np.diff(passing.astype(int)) <= 0).all())


def most_right(keep):
    def judge(inputs, answer):
        rows = zip(inputs["tables"], answer, strict=True)
        return all(close(given, wanted_most(table)) for table, given in rows if keep(table))

    return judge


TASKS = {
    "8.1": Hidden(
        ask=ask_shrink,
        inputs=make_sheets,
        properties=(
            Property(
                "weights nearer to 0 than the amount end at exactly 0",
                shrunk_right(lambda sheet, amount: np.abs(sheet) <= amount),
            ),
            Property(
                "positive weights move down by the amount",
                shrunk_right(lambda sheet, amount: sheet > amount),
            ),
            Property(
                "negative weights move up by the amount",
                shrunk_right(lambda sheet, amount: sheet < -amount),
            ),
        ),
    ),
    "8.2": Hidden(
        ask=ask_keep,
        inputs=make_stacks,
        properties=(
            Property("each kernel loses the smallest of its own", masks_right(False, False)),
            Property("together, the smallest of all go", masks_right(True, False)),
            Property(
                "the number that goes is exact where weights are equally large, each for itself",
                masks_right(False, True),
            ),
            Property(
                "the number that goes is exact where weights are equally large, together",
                masks_right(True, True),
            ),
        ),
    ),
    "8.3": Hidden(
        ask=ask_pruning,
        inputs=make_training,
        properties=(
            Property(
                "the share of zeros is right before and at the first step", schedule_right(0, 2)
            ),
            Property("the share of zeros is right on the way", schedule_right(2, 8)),
            Property(
                "the share of zeros is right at and after the last step", schedule_right(8, 10)
            ),
            Property("each kernel has as many zeros as the last choice asked for", number_right),
            Property("a weight that was set to 0 stays at 0", zeros_stay),
            Property("the smallest weights go, and the others are not changed", smallest_go),
        ),
    ),
    "8.4": Hidden(
        ask=ask_bytes,
        inputs=make_tables,
        properties=(
            Property("an empty kernel costs its rows only", bytes_right(slice(0, 1))),
            Property("a full kernel costs more than it did", bytes_right(slice(3, 4))),
            Property("kernels with some zeros are counted right", bytes_right(slice(1, None, 1))),
        ),
    ),
    "8.5": Hidden(
        ask=ask_most,
        inputs=make_decisions,
        properties=(
            Property("the share is right where losses rise with the zeros", most_right(in_order)),
            Property(
                "the share is right where one that fails stands before one that passes",
                most_right(lambda table: not in_order(table)),
            ),
        ),
    ),
}
