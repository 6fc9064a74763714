"""What the kernel of each notebook takes of a machine, in ``quick``, with all the images.

In ``ci`` every kernel is measured in every test run: see ``conftest.py``, which prints the table.
"""

import json
from pathlib import Path

import pytest

from helpers.build.sources import find_chapters
from helpers.machine import BINDER_CPU_SECONDS, KERNEL_MEMORY_MIB

ROOT = Path(__file__).parents[2]
CHAPTERS = find_chapters(ROOT)


def test_every_notebook_was_measured_and_stays_below_the_limit():
    recorded = json.loads((ROOT / "recorded/memory.json").read_text(encoding="utf-8"))
    assert recorded.keys() == CHAPTERS.keys(), "run: python recorded/make.py memory"
    for name, record in recorded.items():
        assert record["profile"] == "quick" and "CIFAR-10" in record["data"]
        assert 0 < record["peak_memory_mib"] < KERNEL_MEMORY_MIB, name


def test_the_whole_course_stays_within_what_binder_gives_of_a_processor():
    recorded = json.loads((ROOT / "recorded/memory.json").read_text(encoding="utf-8"))
    assert recorded.keys() == CHAPTERS.keys(), "run: python recorded/make.py memory"
    seconds = {name: record["cpu_seconds"] for name, record in recorded.items()}
    assert all(each > 0 for each in seconds.values())
    assert sum(seconds.values()) < BINDER_CPU_SECONDS, seconds


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_stays_below_the_limit_in_quick(chapter, hold_memory, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recorded")
    from chapter_memory import taken_by

    taken = taken_by(ROOT, chapter, CHAPTERS[chapter])
    hold_memory(chapter, "quick", taken.peak_memory_mib)


def test_a_kernel_that_holds_too_much_is_seen(hold_memory, monkeypatch):
    monkeypatch.setitem(hold_memory.__globals__, "_peaks", {})
    with pytest.raises(pytest.fail.Exception, match=r"its kernel held 1,600 MiB"):
        hold_memory("a notebook", "ci", 1600.0)


def test_what_is_measured_is_the_kernels_and_not_that_of_who_started_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recorded")
    from chapter_memory import taken_by

    lesson = tmp_path / "lesson.py"
    held = bytearray(400 * 2**20)  # by this process, written to: it is in memory
    child = "import time\nwhile time.process_time() < 1.5:\n    pass"
    cell = (
        "import subprocess, sys\n\nheld = bytearray(100 * 2**20)\n"
        f"subprocess.run([sys.executable, '-c', {child!r}])\n"
    )
    lesson.write_text(f"# %%\n{cell}", encoding="utf-8")
    taken = taken_by(ROOT, "a notebook", lesson)
    assert 100 < taken.peak_memory_mib < 400 < len(held)
    assert taken.cpu_seconds > 1.5  # the kernel alone takes less than one to start
