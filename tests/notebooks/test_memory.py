"""What the kernel of each notebook holds at most, in ``quick``, with all the images.

In ``ci`` every kernel is measured in every test run: see ``conftest.py``, which prints the table.
"""

import json
from pathlib import Path

import pytest

from helpers.build.sources import find_chapters
from helpers.machine import KERNEL_MEMORY_MIB

ROOT = Path(__file__).parents[2]
CHAPTERS = find_chapters(ROOT)


def test_every_notebook_was_measured_and_stays_below_the_limit():
    recorded = json.loads((ROOT / "recorded/memory.json").read_text(encoding="utf-8"))
    assert recorded.keys() == CHAPTERS.keys(), "run: python recorded/make.py memory"
    for name, record in recorded.items():
        assert record["profile"] == "quick" and "CIFAR-10" in record["data"]
        assert 0 < record["peak_memory_mib"] < KERNEL_MEMORY_MIB, name


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_stays_below_the_limit_in_quick(chapter, hold_memory, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recorded")
    from chapter_memory import peak_of

    hold_memory(chapter, "quick", peak_of(ROOT, chapter, CHAPTERS[chapter]))


def test_a_kernel_that_holds_too_much_is_seen(hold_memory, monkeypatch):
    monkeypatch.setitem(hold_memory.__globals__, "_peaks", {})
    with pytest.raises(pytest.fail.Exception, match=r"its kernel held 1,600 MiB"):
        hold_memory("a notebook", "ci", 1600.0)


def test_the_peak_is_that_of_the_kernel_and_not_of_who_started_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recorded")
    from chapter_memory import peak_of

    lesson = tmp_path / "lesson.py"
    held = bytearray(400 * 2**20)  # by this process, written to: it is in memory
    lesson.write_text("# %%\nheld = bytearray(100 * 2**20)\n", encoding="utf-8")
    peak = peak_of(ROOT, "a notebook", lesson)
    assert 100 < peak < 400 < len(held)
