"""Hidden tests of chapter 06. They stay with the teacher: see helpers/grading/hidden.py."""

import math

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

# 6.1 and 6.2


def ask_drop(learner, images, units, rate, seeds, data_seed):
    import numpy as np

    x = np.random.default_rng(data_seed).uniform(0.5, 3, (images, units))
    given = x.copy()
    masked = [learner.drop(given, rate, np.random.default_rng(seed)) for seed in seeds]
    pixels = np.ones((5, 4, 3, 50))
    return {
        "given": given,
        "masked": masked,
        "pixels": learner.drop(pixels, rate, np.random.default_rng(seeds[0])),
        "asked": learner.drop(x.copy(), rate, np.random.default_rng(seeds[0]), training=False),
        "nothing": learner.drop(x[:3].copy(), 0.0, np.random.default_rng(seeds[0])),
    }


def make_drop(rng):
    first, second, data = (int(seed) for seed in rng.integers(2**31, size=3))
    return {
        "images": int(rng.integers(150, 200)),
        "units": int(rng.integers(150, 200)),
        "rate": float(rng.choice([rng.uniform(0.15, 0.35), rng.uniform(0.65, 0.8)])),
        "seeds": [first, first, second],
        "data_seed": data,
    }


def inputs_of_drop(inputs):
    """Make the inputs anew: what came back of them is the learner's word."""
    shape = inputs["images"], inputs["units"]
    return np.random.default_rng(inputs["data_seed"]).uniform(0.5, 3, shape)


def zeros_of(inputs, answer, number=0):
    array = np.asarray(answer["masked"][number], dtype=float)
    if array.shape != (inputs["images"], inputs["units"]):
        raise ValueError("another shape")
    return array, array == 0


def right_share(inputs, answer):
    """Within six standard deviations of chance, over the array and the one of four axes."""
    _, gone = zeros_of(inputs, answer)
    pixels = np.asarray(answer["pixels"], dtype=float)
    return pixels.shape == (5, 4, 3, 50) and all(
        abs(each.mean() - inputs["rate"])
        < 6 * math.sqrt(inputs["rate"] * (1 - inputs["rate"]) / each.size)
        for each in (gone, pixels == 0)
    )


def scaled_up(inputs, answer):
    array, gone = zeros_of(inputs, answer)
    wanted = np.where(gone, 0, inputs_of_drop(inputs) / (1 - inputs["rate"]))
    return bool(not gone.all() and close(array, wanted))


def each_alone(inputs, answer):
    """No row and no column is far from the rate, and no two rows or columns go together."""
    _, gone = zeros_of(inputs, answer)
    rate = inputs["rate"]
    for grid in (gone, gone.T):
        chance = math.sqrt(rate * (1 - rate) / grid.shape[1])
        if (np.abs(grid.mean(axis=1) - rate) > 7 * chance).any():
            return False
        if (grid[1:] == grid[:-1]).all(axis=1).any():
            return False
    return True


def inference_is_plain(inputs, answer):
    x = inputs_of_drop(inputs)
    return close(answer["asked"], x) and close(answer["nothing"], x[:3])


def given_as_it_was(inputs, answer):
    return close(answer["given"], inputs_of_drop(inputs), rtol=0, atol=0)


def seeds_decide(inputs, answer):
    first, again, other = (np.asarray(each, dtype=float) for each in answer["masked"])
    return bool(
        first.size > 100
        and first.shape == again.shape == other.shape
        and (first == again).all()
        and (first != other).mean() > 0.1
    )


def ask_alpha(learner, images, units, rate, seeds, data_seed, mean, std):
    import numpy as np

    x = np.random.default_rng(data_seed).normal(mean, std, (images, units))
    given = x.copy()
    masked = [learner.alpha_drop(given, rate, np.random.default_rng(seed)) for seed in seeds]
    return {"masked": masked, "given": given}


def make_alpha(rng):
    shift, width = float(rng.uniform(0.5, 1.5)), float(rng.uniform(1.3, 2))
    return make_drop(rng) | {"mean": shift, "std": width}


def inputs_of_alpha(inputs):
    shape = inputs["images"], inputs["units"]
    normal = np.random.default_rng(inputs["data_seed"]).normal
    return normal(inputs["mean"], inputs["std"], shape)


def mapped(inputs):
    """Return what a dropped number becomes, and slope and offset of what kept ones become."""
    floor = -1.0507009873554805 * 1.6732632423543772
    gone = inputs["rate"]
    variance = (1 - gone) * (1 + gone * floor**2)  # of a standard normal input, after dropping
    slope = 1 / math.sqrt(variance)
    return slope * floor * (1 - gone), slope, -slope * gone * floor


def alpha_parts(inputs, answer):
    array = np.asarray(answer["masked"][0], dtype=float)
    if array.shape != (inputs["images"], inputs["units"]):
        raise ValueError("another shape")
    at, slope, offset = mapped(inputs)
    return array, np.isclose(array, at, rtol=1e-5), slope * inputs_of_alpha(inputs) + offset


def dropped_to_floor(inputs, answer):
    _, gone, _ = alpha_parts(inputs, answer)
    chance = math.sqrt(inputs["rate"] * (1 - inputs["rate"]) / gone.size)
    return bool(abs(gone.mean() - inputs["rate"]) < 6 * chance + 1e-3)


def kept_are_mapped(inputs, answer):
    array, gone, wanted = alpha_parts(inputs, answer)
    right = np.isclose(array, wanted, rtol=1e-5, atol=1e-6)
    return bool((right | gone).all() and right.mean() > 0.1)


def alpha_given_as_it_was(inputs, answer):
    return close(answer["given"], inputs_of_alpha(inputs), rtol=0, atol=0)


# 6.3


def ask_lengths(learner, shapes, limit, data_seed):
    import numpy as np

    rng = np.random.default_rng(data_seed)
    found = []
    for shape in shapes:
        kernel = rng.normal(size=shape) * rng.choice([0, 0.2, 1, 3], size=shape[-1])
        given = kernel.copy()
        found.append([learner.limit_lengths(given, limit), given])
    return found


def make_lengths(rng):
    dense = rng.integers(5, 30, size=(3, 2)).tolist()
    fields = rng.integers(2, 6, size=(2, 4)).tolist()
    lines = rng.integers(3, 9, size=(1, 3)).tolist()
    shapes = [[*shape[:-1], shape[-1] + 8] for shape in (*dense, *fields, *lines)]
    return {
        "shapes": shapes,
        "limit": float(rng.uniform(0.8, 1.6)),
        "data_seed": int(rng.integers(2**31)),
    }


def kernels_of(inputs):
    rng = np.random.default_rng(inputs["data_seed"])
    return [
        rng.normal(size=shape) * rng.choice([0, 0.2, 1, 3], size=shape[-1])
        for shape in inputs["shapes"]
    ]


def limited(kernel, limit):
    """Return the kernel, unit by unit."""
    columns = [kernel[..., unit] for unit in range(kernel.shape[-1])]
    long = [math.sqrt(math.fsum(column.ravel() ** 2)) for column in columns]
    pairs = zip(columns, long, strict=True)
    return np.stack(
        [column if much <= limit else column / much * limit for column, much in pairs], -1
    )


def limits_right(dimensions, keep=lambda long, limit: True):
    def judge(inputs, answer):
        pairs = list(zip(kernels_of(inputs), answer, strict=True))
        for kernel, (found, _) in pairs:
            if kernel.ndim not in dimensions:
                continue
            wanted, found = limited(kernel, inputs["limit"]), np.asarray(found, dtype=float)
            if found.shape != kernel.shape:
                return False
            for unit in range(kernel.shape[-1]):
                long = float((kernel[..., unit] ** 2).sum() ** 0.5)
                if keep(long, inputs["limit"]) and not close(found[..., unit], wanted[..., unit]):
                    return False
        return True

    return judge


def kernels_as_they_were(inputs, answer):
    return all(
        close(given, kernel, rtol=0, atol=0)
        for kernel, (_, given) in zip(kernels_of(inputs), answer, strict=True)
    )


# 6.4


def ask_prediction(learner, cases):
    import numpy as np

    found = []
    for stored, within, pilot in cases:
        passes, calls = np.array(stored), []

        def predict(x, passes=passes, calls=calls):
            calls.append(len(calls))
            if len(calls) > 5000:
                raise RuntimeError("asked more than 5000 times")
            return passes[calls[-1] % len(passes)].copy()

        parts = learner.mc_prediction(predict, np.zeros((len(passes[0]), 2)), within, pilot=pilot)
        mean, spread, passes_told = parts
        found.append(
            {
                "mean": np.array(mean),
                "spread": np.array(spread),
                "told": int(passes_told),
                "calls": len(calls),
            }
        )
    return found


def make_prediction(rng):
    """Make passes whose number needed is far from any whole one, so that no rounding decides."""
    cases = []
    while len(cases) < 4:
        scores = rng.normal(size=(1, 3, 4)) + rng.uniform(0.5, 1) * rng.normal(size=(61, 3, 4))
        raised = np.exp(scores)
        stored = raised / raised.sum(axis=2, keepdims=True)
        pilot = int(rng.integers(4, 9))
        within = 0.6 if len(cases) == 3 else float(rng.uniform(0.025, 0.05))
        exact = exact_passes(stored, within, pilot)
        if 0.1 < exact % 1 < 0.9 and (exact < pilot) == (len(cases) == 3):
            cases.append([stored.tolist(), within, pilot])
    return {"cases": cases}


def exact_passes(stored, within, pilot):
    """Return how many passes the widest spread of the pilot asks for, before rounding."""
    first = np.asarray(stored)[:pilot]
    away = first - first.sum(axis=0) / pilot
    return float(((away**2).sum(axis=0) / (pilot - 1)).max() / within**2)


def wanted_passes(case):
    stored, within, pilot = case
    count = max(pilot, int(exact_passes(stored, within, pilot)) + 1)
    return np.asarray(stored)[np.arange(count) % len(stored)]


def predicts(key, keep=lambda case: True):
    def judge(inputs, answer):
        for case, found in zip(inputs["cases"], answer, strict=True):
            asked = wanted_passes(case)
            away = asked - asked.mean(axis=0)
            wanted = {
                "mean": asked.mean(axis=0),
                "spread": np.sqrt((away**2).sum(axis=0) / (len(asked) - 1)),
                "told": len(asked),
                "calls": len(asked),
            }
            if keep(case) and not close(found[key], wanted[key]):
                return False
        return True

    return judge


def pilot_is_enough(case):
    return len(wanted_passes(case)) == case[2]


# 6.5


def ask_calibration(learner, cases):
    import numpy as np

    found = []
    for probabilities, labels, bins in cases:
        parts = learner.calibration(np.array(probabilities), np.array(labels), bins=bins)
        rows, error = parts
        found.append({"rows": np.array(rows), "error": float(error)})
    plain = learner.calibration(np.array(cases[0][0]), np.array(cases[0][1]))
    return {"cases": found, "ten": np.array(plain[0])}


def make_calibration(rng):
    """Make predictions of which none lies on an edge of its bins, but for those that are 1."""
    cases = []
    for count, classes, bins, certain in ((300, 5, 7, 0), (150, 3, 12, 40), (8, 4, 10, 1)):
        edges = True
        while edges:
            raised = np.exp(rng.normal(0, 2, (count, classes)))
            chances = raised / raised.sum(axis=1, keepdims=True)
            top = chances.max(axis=1)
            edges = any((np.abs(top * n - np.round(top * n)) < 1e-6).any() for n in (bins, 10))
        best = chances.argmax(axis=1)
        chances[:certain] = np.eye(classes)[best[:certain]]
        guessed = rng.integers(classes, size=count)
        labels = np.where(rng.random(count) < 0.6, best, guessed)
        cases.append([chances.tolist(), labels.tolist(), bins])
    return {"cases": cases}


def sorted_into_bins(case, bins=None):
    """Return the rows, image by image."""
    chances, labels, own = case
    bins = bins or own
    held = {}
    for row, label in zip(chances, labels, strict=True):
        sure = max(row)
        held.setdefault(min(int(sure * bins), bins - 1), []).append((sure, row[label] == sure))
    return [
        [*(sum(part) / len(images) for part in zip(*images, strict=True)), len(images)]
        for _, images in sorted(held.items())
    ]


def rows_right(numbers):
    def judge(inputs, answer):
        pairs = list(zip(inputs["cases"], answer["cases"], strict=True))
        return all(
            close(found["rows"], sorted_into_bins(case))
            for case, found in (pairs[number] for number in numbers)
        )

    return judge


def errors_right(inputs, answer):
    for case, found in zip(inputs["cases"], answer["cases"], strict=True):
        gaps = [abs(sure - good) * count for sure, good, count in sorted_into_bins(case)]
        if not close(found["error"], sum(gaps) / len(case[1])):
            return False
    return True


def ten_bins(inputs, answer):
    return close(answer["ten"], sorted_into_bins(inputs["cases"][0], bins=10))


# 6.6


def ask_better(learner, measured):
    return [learner.better_calibrated(list(off), list(mean)) for off, mean in measured]


def make_measured(rng):
    """Make errors whose difference is well below or above two standard errors.

    Some are of two seeds and little below, so that what the standard deviation divides by counts.
    """
    rows = {"off": [], "mean": [], "undecided": [], "nearly": []}
    while min(map(len, rows.values())) < 12:
        count = int(rng.choice([2, 3, 5, 12]))
        seeds = rng.uniform(0.05, 0.2, count)
        gains = rng.normal(rng.choice([-1, 1]) * rng.uniform(0.001, 0.012), 0.006, count)
        pair = [(seeds + gains).tolist(), seeds.tolist()]
        size = abs(errors_away(pair))
        name = "nearly" if count == 2 and 1.5 < size < 1.9 else verdict(pair)
        if abs(size - 2) > 0.1 and len(rows[name]) < 12:
            rows[name].append(pair)
    mixed = [pair for part in rows.values() for pair in part]
    return {"measured": [mixed[place] for place in rng.permutation(len(mixed))]}


def errors_away(pair):
    """Return by how many standard errors dropout off is worse."""
    apart = [once - often for once, often in zip(*pair, strict=True)]
    middle = sum(apart) / len(apart)
    around = sum((each - middle) ** 2 for each in apart) / (len(apart) - 1)
    return middle / math.sqrt(around / len(apart))


def verdict(pair):
    size = errors_away(pair)
    return "undecided" if -2 < size < 2 else ("off", "mean")[size > 0]


def says(name):
    """Whether that is said where it should be, and nowhere else."""

    def judge(inputs, answer):
        given = [each == name for each in answer]
        return given == [verdict(pair) == name for pair in inputs["measured"]]

    return judge


TASKS = {
    "6.1": Hidden(
        ask=ask_drop,
        inputs=make_drop,
        properties=(
            Property("in training as many are dropped as the rate says", right_share),
            Property("what is kept is scaled so that the expected value stays", scaled_up),
            Property("each unit of each image is dropped on its own", each_alone),
            Property("in inference, and at rate 0, everything stays as it is", inference_is_plain),
            Property("the array that is given stays as it is", given_as_it_was),
            Property("the numbers come from the generator that is given", seeds_decide),
        ),
    ),
    "6.2": Hidden(
        ask=ask_alpha,
        inputs=make_alpha,
        properties=(
            Property(
                "as many as the rate says end at the floor, mapped as the others",
                dropped_to_floor,
            ),
            Property(
                "what is kept is mapped so that mean 0 and variance 1 would stay", kept_are_mapped
            ),
            Property("the array that is given stays as it is", alpha_given_as_it_was),
            Property("the numbers come from the generator that is given", seeds_decide),
        ),
    ),
    "6.3": Hidden(
        ask=ask_lengths,
        inputs=make_lengths,
        properties=(
            Property("no unit of a dense kernel is longer than the limit", limits_right((2,))),
            Property(
                "no unit of a convolution is longer than the limit, in one dimension or two",
                limits_right((3, 4)),
            ),
            Property(
                "units within the limit stay as they are, down to length 0",
                limits_right((2, 3, 4), keep=lambda long, limit: long <= limit),
            ),
            Property("the kernel that is given stays as it is", kernels_as_they_were),
        ),
    ),
    "6.4": Hidden(
        ask=ask_prediction,
        inputs=make_prediction,
        properties=(
            Property("the number of passes follows from the pilot", predicts("told")),
            Property("the network is asked as often as that", predicts("calls")),
            Property(
                "where the pilot is enough, nothing more is asked",
                predicts("calls", keep=pilot_is_enough),
            ),
            Property("the mean is that of all passes", predicts("mean")),
            Property("the spread is that of all passes, taken as a sample", predicts("spread")),
        ),
    ),
    "6.5": Hidden(
        ask=ask_calibration,
        inputs=make_calibration,
        properties=(
            Property("the rows are right", rows_right((0,))),
            Property(
                "the rows are right where some images are certain, and some bins empty",
                rows_right((1, 2)),
            ),
            Property("without `bins` there are ten", ten_bins),
            Property("the error is the mean distance over all images", errors_right),
        ),
    ),
    "6.6": Hidden(
        ask=ask_better,
        inputs=make_measured,
        properties=tuple(
            Property(f'"{name}" is the answer where it should be, and only there', says(name))
            for name in ("off", "mean", "undecided")
        ),
    ),
}
