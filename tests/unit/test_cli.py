"""helpers.cli: what holds for every ``course`` command."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from helpers import cli

ROOT = Path(__file__).parents[2]


@pytest.fixture
def behave(monkeypatch):
    """Return a function that makes ``course doctor`` do what it is given instead."""

    def install(action):
        def register(subparsers):
            subparsers.add_parser("doctor").set_defaults(run=lambda args: action())

        command = types.ModuleType("helpers.cli.doctor")
        command.register = register
        monkeypatch.setitem(sys.modules, "helpers.cli.doctor", command)

    return install


def raising(error):
    def action():
        raise error

    return action


def test_without_a_command_the_help_lists_them_all(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert "usage: course" in shown
    for command in cli.COMMANDS:
        assert f"  {command} " in shown


def test_every_command_has_help(capsys):
    for command in cli.COMMANDS:
        with pytest.raises(SystemExit) as stopped:
            cli.main([command, "--help"])
        assert stopped.value.code == 0
        assert f"usage: course {command}" in capsys.readouterr().out


def test_an_unknown_command_gets_the_nearest_first(capsys):
    assert cli.main(["trian", "--variant", "bn"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("course: unknown command 'trian': did you mean 'train'? Known: ")


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_is_the_commands(behave, status):
    behave(lambda: status)
    assert cli.main(["doctor"]) == status


def test_an_explained_error_is_one_line_without_a_traceback(behave, capsys):
    from helpers.datasets import DataError

    for error in (ValueError("unknown variant 'nb'"), DataError("train.parquet: cut off")):
        behave(raising(error))
        assert cli.main(["doctor"]) == 1
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", f"course: {error}\n")


def test_an_error_of_our_own_making_keeps_its_traceback(behave):
    behave(raising(KeyError("a bug")))
    with pytest.raises(KeyError):
        cli.main(["doctor"])


def test_an_interrupt_ends_with_the_shells_status(behave, capsys):
    behave(raising(KeyboardInterrupt()))
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "course: interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is an OSError there")
def test_a_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-c", "from helpers.cli import main; exit(main(['doctor']))"],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "")
