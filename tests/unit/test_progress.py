"""helpers.progress: noted, never in the way, and nothing of it is lost."""

import json
import os
from datetime import date

import pytest

from helpers import progress

TODAY = date.today().isoformat()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("COURSE_HOME", str(folder))
    return folder


def test_each_step_is_noted_and_the_furthest_is_told():
    assert progress.note("01_a", "opened") is None
    assert progress.note("01_a", "read") is None
    assert progress.note("02_b", "opened") is None
    known, problem = progress.read_progress()
    assert problem is None
    assert known == {"01_a": {"opened": TODAY, "read": TODAY}, "02_b": {"opened": TODAY}}
    assert progress.in_words(known["01_a"]) == f"read to the end {TODAY}"
    assert progress.in_words(known["02_b"]) == f"opened {TODAY}"
    assert progress.in_words({}) == "not opened"


def test_the_same_step_on_the_same_day_writes_nothing(home):
    progress.note("01_a", "opened")
    before = (home / "progress.json").stat().st_mtime_ns
    progress.note("01_a", "opened")
    assert (home / "progress.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"01_a": "opened"}', b"null"])
def test_a_damaged_file_is_named_and_set_aside_whole(home, content):
    home.mkdir()
    (home / "progress.json").write_bytes(content)
    said = progress.note("01_a", "opened")
    (aside,) = home.glob("progress.damaged-*.json")
    assert "damaged" in said and aside.name in said
    assert aside.read_bytes() == content
    assert progress.read_progress() == ({"01_a": {"opened": TODAY}}, None)


def test_a_file_that_cannot_be_read_is_not_written_over(home):
    (home / "progress.json").mkdir(parents=True)  # cannot be read as a file by anyone
    said = progress.note("01_a", "opened")
    assert said.startswith("Your progress cannot be read")
    assert (home / "progress.json").is_dir()


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="needs a folder that can be made read-only"
)
def test_a_read_only_home_is_a_sentence(home):
    home.mkdir()
    home.chmod(0o500)
    assert progress.note("01_a", "opened").startswith("Your progress is not noted")


def test_a_home_that_cannot_be_made_is_a_sentence(home):
    home.write_text("a file where the folder should be")
    assert progress.note("01_a", "opened").startswith("Your progress ")


def test_it_can_be_turned_off(home, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "0")
    assert progress.note("01_a", "opened") is None
    assert not progress.is_kept() and not home.exists()


def test_the_file_can_be_read_by_a_person(home):
    progress.note("01_a", "opened")
    text = (home / "progress.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"01_a": {"opened": TODAY}} and text.count("\n") > 2
