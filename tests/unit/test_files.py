"""helpers.files: where files are kept, and writing them whole or not at all."""

from pathlib import Path

import pytest

from helpers.files import course_home, replacing


def test_course_home_is_what_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "here"))
    assert course_home() == tmp_path / "here"
    assert not course_home().exists()


def test_course_home_expands_the_user(monkeypatch):
    monkeypatch.setenv("COURSE_HOME", "~/course")
    assert course_home() == Path.home() / "course"


@pytest.mark.parametrize("value", [None, ""])
def test_course_home_is_else_the_cache_folder_of_the_user(monkeypatch, value):
    monkeypatch.delenv("COURSE_HOME")
    if value is not None:
        monkeypatch.setenv("COURSE_HOME", value)
    assert course_home().is_absolute()
    assert "training-deep-networks" in course_home().parts


def test_a_new_file_appears_whole_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "result.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent  # one file system, so that moving it is atomic
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path, error):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(type(error)), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_text() == "old"


def test_two_writers_do_not_share_a_temporary_file(tmp_path):
    path = tmp_path / "result.txt"
    with replacing(path) as first, replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert path.read_text() == "first"  # the one that finished last
