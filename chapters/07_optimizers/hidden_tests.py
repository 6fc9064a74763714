"""Hidden tests of chapter 07. They stay with the teacher: see helpers/grading/hidden.py."""

import math

import numpy as np

from helpers.grading.hidden import Hidden, Property, close

# 7.1


def ask_descend(learner, bowls):
    import numpy as np

    def pull(matrix, lowest):
        matrix, lowest = np.array(matrix), np.array(lowest)
        return lambda w: matrix @ (w - lowest)

    return [
        learner.descend(pull(matrix, lowest), tuple(origin), eta, mu, look_ahead, count)
        for matrix, lowest, origin, eta, mu, look_ahead, count in bowls
    ]


def make_bowls(rng):
    bowls = []
    for number in range(9):
        n = int(rng.integers(2, 6))
        turned = np.linalg.qr(rng.normal(size=(n, n)))[0]
        matrix = turned @ np.diag(rng.uniform(0.2, 5, size=n)) @ turned.T
        mu = 0.0 if number < 2 else float(rng.uniform(0.3, 0.99))
        row = [matrix.tolist(), rng.normal(size=n).tolist(), rng.normal(size=n).tolist()]
        count = int(rng.integers(5, 30))
        bowls.append([*row, float(rng.uniform(0.01, 0.2)), mu, number % 2 == 1, count])
    return {"bowls": bowls}


def way_down(bowl):
    """Nesterov and Polyak as recurrences of two positions, without a velocity."""
    matrix, lowest, origin, eta, mu, look_ahead, count = bowl
    matrix, lowest = np.array(matrix), np.array(lowest)
    places = [np.array(origin)]
    pull = matrix @ (places[0] - lowest)
    places.append(places[0] - eta * (1 + mu if look_ahead else 1) * pull)
    for _ in range(count - 1):
        old, pull = pull, matrix @ (places[-1] - lowest)
        forward = mu * (places[-1] - places[-2])
        if look_ahead:
            places.append(places[-1] + forward - eta * (1 + mu) * pull + eta * mu * old)
        else:
            places.append(places[-1] + forward - eta * pull)
    return np.array(places[: count + 1])


def ways_right(keep):
    def judge(inputs, answer):
        rows = zip(inputs["bowls"], answer, strict=True)
        return all(
            close(given, way_down(bowl), rtol=1e-5, atol=1e-7) for bowl, given in rows if keep(bowl)
        )

    return judge


# 7.2


def ask_adam(learner, valleys):
    import numpy as np

    def pull(steep):
        steep = np.array(steep)
        return lambda w: steep * w**3

    return [
        learner.adam(pull(steep), tuple(origin), eta, count, memory, long_memory, least)
        for steep, origin, eta, count, memory, long_memory, least in valleys
    ]


def make_valleys(rng):
    valleys = []
    for number in range(8):
        n = int(rng.integers(1, 5))
        steep, origin = np.exp(rng.uniform(-4, 4, size=n)), rng.uniform(0.5, 2, size=n)
        least = float(rng.uniform(0.05, 0.5)) if number % 2 else 1e-9
        count = 1 if number < 2 else int(rng.integers(5, 40))
        settings = [float(rng.uniform(0.01, 0.1)), count, float(rng.uniform(0.5, 0.95))]
        valleys.append(
            [steep.tolist(), origin.tolist(), *settings, float(rng.uniform(0.9, 0.999)), least]
        )
    return {"valleys": valleys}


def adam_way(valley):
    """The averages as weighted sums over all gradients so far."""
    steep, origin, eta, count, memory, long_memory, least = valley
    places, pulls = [np.array(origin)], []
    for number in range(1, count + 1):
        pulls.append(np.array(steep) * places[-1] ** 3)
        ages = np.arange(number)[::-1]
        mean, power = (
            np.average(values, axis=0, weights=kept**ages)
            for values, kept in ((pulls, memory), (np.square(pulls), long_memory))
        )
        places.append(places[-1] - eta * mean / (power**0.5 + least))
    return np.array(places)


def adam_right(keep):
    def judge(inputs, answer):
        rows = zip(inputs["valleys"], answer, strict=True)
        return all(
            close(given, adam_way(valley), rtol=1e-4, atol=1e-6)
            for valley, given in rows
            if keep(valley)
        )

    return judge


# 7.3


def ask_clip(learner, bundles, limits):
    import numpy as np

    return [
        list(learner.clip_together([np.array(arrow) for arrow in bundle], limit))
        for bundle, limit in zip(bundles, limits, strict=True)
    ]


def make_bundles(rng):
    bundles, limits = [], []
    for number in range(8):
        shapes = [
            tuple(int(n) for n in rng.integers(1, 5, size=d)) for d in rng.integers(1, 4, size=3)
        ]
        bundle = [np.exp(rng.uniform(-2, 2)) * rng.normal(size=shape) for shape in shapes]
        length = math.sqrt(sum((arrow**2).sum() for arrow in bundle))
        bundles.append([(0 * arrow if number == 7 else arrow).tolist() for arrow in bundle])
        limits.append(
            length * float(rng.uniform(0.1, 0.8) if number % 2 == 0 else rng.uniform(1.2, 5))
        )
    return {"bundles": bundles, "limits": limits}


def clipped_right(numbers):
    def judge(inputs, answer):
        for number in numbers:
            bundle, limit = inputs["bundles"][number], inputs["limits"][number]
            given = answer[number]
            joined = np.concatenate([np.ravel(arrow) for arrow in bundle])
            longest = np.hypot.reduce(joined)
            wanted = 1 if longest <= limit else limit / longest
            if len(given) != len(bundle) or not all(
                close(new, wanted * np.asarray(old)) for new, old in zip(given, bundle, strict=True)
            ):
                return False
        return True

    return judge


# 7.4


def ask_cycle(learner, moments):
    return [float(learner.cycle_rate(now, length, top)) for now, length, top in moments]


def make_moments(rng):
    moments = []
    for part in [(0, 0), (0, 0.29), (0.31, 0.99), (1, 1), (1.01, 3)] * 6:
        length = int(rng.integers(200, 5000))
        moments.append([round(rng.uniform(*part) * length), length, float(rng.uniform(0.001, 1))])
    return {"moments": moments}


def cycle_right(part):
    def judge(inputs, answer):
        rows = list(zip(inputs["moments"], answer, strict=True))[part::5]
        return all(
            close(given, top * wanted_height(now / length), rtol=1e-5)
            for (now, length, top), given in rows
        )

    return judge


def wanted_height(way):
    if way <= 0.3:
        return 0.04 + 3.2 * way
    return 1e-4 + 0.9999 * math.cos(math.pi / 2 * min(1, (way - 0.3) / 0.7)) ** 2


# 7.5


def ask_first(learner, races):
    import numpy as np

    return [
        learner.first_to_arrive({name: np.array(curve, dtype=float) for name, curve in race}, limit)
        for race, limit in races
    ]


def make_races(rng):
    """Curves that wander about the bound, some of which end as NaN."""
    races = []
    for _ in range(80):
        race = []
        for name in rng.permutation(list("abcde"))[: int(rng.integers(1, 5))]:
            n = int(rng.integers(3, 25))
            curve = np.exp(rng.normal(0, 0.6, size=n) + np.linspace(2, rng.uniform(-3, 1), n))
            kind = rng.random()
            if kind < 0.2:
                curve[int(rng.integers(1, n)) :] = np.nan
            elif kind < 0.4:
                curve = np.maximum(curve, 1.0)  # exactly the bound, where it would be below
            elif kind < 0.5:
                curve = rng.uniform(0.1, 0.9, size=n)  # there from the start
            race.append([str(name), curve.tolist()])
        races.append([race, 1.0])
    return {"races": races}


def arrival(curve, limit):
    """Walk back from the end for as long as it is within."""
    at = len(curve)
    while at and curve[at - 1] <= limit:
        at -= 1
    return at if at < len(curve) else math.inf


def wanted_first(race, limit):
    arrivals = [(arrival(curve, limit), number) for number, (_, curve) in enumerate(race)]
    soonest, number = min(arrivals)
    return None if soonest == math.inf else race[number][0]


def first_right(keep):
    def judge(inputs, answer):
        rows = zip(inputs["races"], answer, strict=True)
        return all(given == wanted_first(*race) for race, given in rows if keep(race))

    return judge


def somebody(race):
    return wanted_first(*race) is not None


def on_the_edge(race):
    return any(arrival(curve, race[1]) == 0 or race[1] in curve for _, curve in race[0])


def with_lost(race):
    return any(math.isnan(curve[-1]) for _, curve in race[0])


TASKS = {
    "7.1": Hidden(
        ask=ask_descend,
        inputs=make_bowls,
        properties=(
            Property(
                "without momentum it is plain gradient descent", ways_right(lambda b: b[4] == 0)
            ),
            Property(
                "the path of momentum is right at every step",
                ways_right(lambda b: b[4] and not b[5]),
            ),
            Property(
                "the path of Nesterov momentum is right at every step",
                ways_right(lambda b: b[4] and b[5]),
            ),
        ),
    ),
    "7.2": Hidden(
        ask=ask_adam,
        inputs=make_valleys,
        properties=(
            Property("the first step is right", adam_right(lambda valley: valley[3] == 1)),
            Property(
                "the path is right for other memories, with a tiny epsilon",
                adam_right(lambda valley: valley[6] < 1e-3),
            ),
            Property(
                "the path is right with a large epsilon",
                adam_right(lambda valley: valley[6] > 1e-3),
            ),
        ),
    ),
    "7.3": Hidden(
        ask=ask_clip,
        inputs=make_bundles,
        properties=(
            Property("what is too long is shortened together", clipped_right((0, 2, 4, 6))),
            Property("what is short enough stays as it is", clipped_right((1, 3, 5))),
            Property("gradients that are all 0 stay 0", clipped_right((7,))),
        ),
    ),
    "7.4": Hidden(
        ask=ask_cycle,
        inputs=make_moments,
        properties=(
            Property("it begins at a 25th of the peak", cycle_right(0)),
            Property("it rises in a straight line", cycle_right(1)),
            Property("it falls along half a cosine wave", cycle_right(2)),
            Property("it ends at a 10,000th of the peak", cycle_right(3)),
            Property("it stays there", cycle_right(4)),
        ),
    ),
    "7.5": Hidden(
        ask=ask_first,
        inputs=make_races,
        properties=(
            Property(
                "the winner is right where every loss is a number",
                first_right(lambda race: somebody(race) and not with_lost(race)),
            ),
            Property(
                "a loss of exactly the bound has arrived, also at the very first step",
                first_right(lambda race: somebody(race) and on_the_edge(race)),
            ),
            Property("a loss that is no number never arrives", first_right(with_lost)),
            Property(
                "where none arrives the answer is None",
                first_right(lambda race: not somebody(race)),
            ),
        ),
    ),
}
