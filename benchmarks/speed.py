"""Writes docs/speed.md: what the other benchmarks found, beside what was aimed for.

python benchmarks/speed.py
"""

from pathlib import Path

from results_of import read

from helpers.files import replacing

PAGE = Path(__file__).resolve().parents[1] / "docs" / "speed.md"
TENSORFLOW, JAX, FLOOR, MEMORY = 1.5, 2.5, 1.5, 0.5  # aims of a training step
DEFAULT_MS, MOST_MS, LARGEST_MS, COMMON = 60, 100, 250, 3  # aims of a lab
THEORY = ("01", "02", "03", "04")  # chapters that wait for no TensorFlow


def page() -> str:
    """Return the page: everything in it is reckoned from what was measured."""
    training, labs = read("training"), read("labs")["labs"]
    start, scale, same = read("start"), read("scale"), read("same_losses")
    whole_run = read("whole_run")
    drawing = [row["default"]["drawing_median"] for row in labs]
    kernel = [row["seconds"]["median"] for row in start["rows"]]
    from_setup = {row["lesson"]: row["from_setup_seconds"]["median"] for row in start["rows"]}
    template = Path(__file__).with_name("speed_page.md").read_text(encoding="utf-8")
    return template.format(
        processor=training["hardware"]["processor"], cores=training["hardware"]["cores"],
        data=training["data"], steps=training["steps"] // 2,
        **_training(training["rows"]), **_same(same), **_whole_run(whole_run),
        labs="\n".join(map(_lab, labs)), labs_missed=_labs_missed(labs),
        default_ms=DEFAULT_MS, most_ms=MOST_MS, largest_ms=LARGEST_MS, common=COMMON,
        drawing_low=min(drawing), drawing_high=max(drawing),
        kernel_low=min(kernel), kernel_high=max(kernel),
        start_low=min(from_setup.values()), start_high=max(from_setup.values()),
        start_first=max(seconds for name, seconds in from_setup.items() if name[:2] in THEORY),
        helpers=1e3 * start["import_helpers_seconds"]["median"],
        sweep=scale["sweep_speed_up"]["median"], epochs=scale["epoch_speed_up"]["median"],
        grading=scale["grading_speed_up"]["median"],
    )  # fmt: skip


def _training(rows: list[dict]) -> dict:
    """Return what the page says of a training step."""
    lines, missed, xla, slow, by_hands = [], [], [], [], []
    for row in rows:
        ways = row["ways"]
        fast = {name: way["times_as_fast_as_plain"]["median"] for name, way in ways.items()}
        memory = {name: way["memory_mib"]["median"] for name, way in ways.items()}
        share = max(memory["tensorflow"], memory["jax"]) / memory["plain"]
        floor, by_hand = (
            ways["jax again"][name]["median"] for name in ("times_the_floor", "times_by_hand")
        )
        name = f"{row['network']}, {row['batch_size']}"
        lines.append(
            f"| {name} | {fast['tensorflow']:.2f} | {fast['jax again']:.2f} | {floor:.2f} | "
            f"{by_hand:.2f} | {share:.2f} |"
        )
        if fast["tensorflow"] < TENSORFLOW:
            missed.append(f"TensorFlow with {name}")
        if fast["jax again"] < JAX:
            missed.append(
                f"JAX with {name}, where the floor is {fast['floor']:.2f} and the step by hand "
                f"{fast['by hand']:.2f} times as fast as plain"
            )
        if floor > FLOOR:
            missed.append(f"the floor with {name}")
        if share > MEMORY:
            missed.append(f"memory with {name}")
        xla.append(fast["tensorflow XLA"])
        if xla[-1] < TENSORFLOW:
            slow.append(
                f"{name}, where the step by hand takes {1 / fast['by hand']:.0%} of plain's"
            )
        by_hands.append(by_hand)
    return {
        "training": "\n".join(lines),
        "training_missed": _said(missed),
        "tensorflow_aim": TENSORFLOW, "jax_aim": JAX, "floor_aim": FLOOR, "memory_aim": MEMORY,
        "by_hand_low": min(by_hands), "by_hand_high": max(by_hands),
        "xla_low": min(xla), "xla_high": max(xla),
        "xla_missed": f" Even XLA misses {TENSORFLOW} with {'; '.join(slow)}." if slow else "",
    }  # fmt: skip


def _whole_run(found: dict) -> dict:
    """Return what whole runs on TensorFlow hold, with XLA and without."""

    def held(way: str) -> list[float]:
        return [row["memory_mib"] for row in found["rows"] if row["way"] == way]

    plain, xla = held("tensorflow"), held("tensorflow XLA")
    return {
        "limit_mib": found["limit_mib"],
        "run_low": min(plain), "run_high": max(plain),
        "xla_run_low": min(xla), "xla_run_high": max(xla),
    }  # fmt: skip


def _same(found: dict) -> dict:
    """Return how far the losses of the ways differ after all steps, the farthest of each kind."""

    def farthest(precision: str, way: str, steps: int = found["steps"], **only: str) -> float:
        wanted = {"precision": precision, "way": way, **only}
        return max(
            row["largest"][str(steps)]
            for row in found["rows"]
            if all(row[key] == value for key, value in wanted.items())
        )

    sgd = {"optimizer": "sgd", "network": "elu"}
    return {
        "same": farthest("float64", "tensorflow"),
        "jax": farthest("float64", "jax", **sgd), "nudged": farthest("float64", "nudged", **sgd),
        "norm": farthest("float64", "jax", 1, network="bn"),
        "grown": farthest("float32", "jax"), "nudged_single": farthest("float32", "nudged"),
        "same_steps": found["steps"],
    }  # fmt: skip


def _lab(row: dict) -> str:
    columns = ("median", "percentile_95", "drawing_median", "common_median")
    cells = [*(row["default"][name] for name in columns), row["largest"]["median"]]
    return f"| {row['lab']} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |"


def _labs_missed(labs: list[dict]) -> str:
    """Return in words which aims were missed, and by how many labs."""
    default = [row["default"]["median"] for row in labs]
    slow = [row["lab"] for row in labs if row["default"]["median"] > MOST_MS]
    large = [row["lab"] for row in labs if row["largest"]["median"] > LARGEST_MS]
    ratios = [row["default"]["ratio"] for row in labs]
    counts = (
        (sum(each <= DEFAULT_MS for each in default), f"{DEFAULT_MS} ms"),
        (sum(each <= MOST_MS for each in default), f"{MOST_MS} ms"),
        (sum(ratio >= COMMON for ratio in ratios), f"{COMMON} times as fast"),
    )
    said = ", ".join(f"{count} of {len(labs)} reach {aim}" for count, aim in counts)
    above = [f"above {MOST_MS} ms: {', '.join(slow)}"] if slow else []
    above += [f"above {LARGEST_MS} ms at the largest size: {', '.join(large)}"] if large else []
    ends = f"a new figure takes {min(ratios):.1f} to {max(ratios):.1f} times as long"
    return "; ".join([said[0].upper() + said[1:], *above, ends]) + "."


def _said(missed: list[str]) -> str:
    return f"Missed: {'; '.join(missed)}." if missed else "All are met."


def main() -> None:
    """Write the page."""
    with replacing(PAGE) as path:
        path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
