"""Submissions that try to cheat, to break out, or to break the grader, and what each should get.

All of it is text. Nothing here runs but in the sandbox: these functions only write files.
"""

import copy
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tiny_course import (
    EXERCISE,
    NAMES,
    RIGHT,
    WRONG,
    find,
    grade_id,
    notebook,
    own_cell,
    save,
)

EVERYTHING = ("1.1", "1.2", "1.3")
NOTEBOOK_MIB = 500


@dataclass(frozen=True)
class Hostile:
    """A submission, the tasks that it passes all the same, and a part of what the report says."""

    name: str
    document: dict
    passes: tuple[str, ...]
    says: str
    statuses: dict[str, str] = field(default_factory=dict)


def with_answer(task: str, source: str, others: dict[str, str] = RIGHT) -> dict:
    return notebook(others | {task: source})


def with_cell(source: str, others: dict[str, str] = WRONG, at: int = 1) -> dict:
    document = notebook(others)
    document["cells"].insert(at, own_cell(source))
    return document


def standardize(body: str) -> str:
    """Return an answer to 1.2 that does something else first, and is right if it gets that far."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"def standardize(batch):\n{lines}\n    return (batch - batch.mean(0)) / batch.std(0)"


# All file descriptors that the process may have, but the three that were redirected.
EVERY_PIPE = (
    "import os\nfor pipe in range(3, 64):\n    try:\n        {}\n    except OSError:\n        pass"
)


def hostile_notebooks(root: Path, neighbour: Path, port: int) -> Iterator[Hostile]:
    """Yield every submission that is a notebook.

    Args:
        root: the course's folder, which some of them look for.
        neighbour: a right submission, which some of them look for.
        port: of a server on this machine, which some of them try to reach.
    """
    yield from endings()
    yield from too_much()
    yield from forgeries()
    yield from escapes(root, neighbour, port)
    yield from odd_answers()
    yield from changed_notebooks()


def endings() -> Iterator[Hostile]:
    costs_one = ("1.1", "1.3")
    stopped = {"1.2": "stopped"}
    slow, ended = "took longer than", "ended Python"
    yield Hostile(
        "loop-in-answer",
        with_answer("1.2", standardize("while True: pass")),
        costs_one,
        slow,
        stopped,
    )
    yield Hostile(
        "loop-in-cell",
        with_answer("1.2", RIGHT["1.2"] + "\nwhile True: pass"),
        costs_one,
        slow,
        stopped,
    )
    stubborn = """
        while True:
            try:
                import time
                time.sleep(1)
            except BaseException:
                pass
    """
    yield Hostile("stubborn-loop", with_cell(stubborn, RIGHT), EVERYTHING, slow)
    yield Hostile(
        "sleeps",
        with_answer("1.2", standardize("import time; time.sleep(10**6)")),
        costs_one,
        slow,
        stopped,
    )
    yield Hostile(
        "sys-exit-in-answer",
        with_answer("1.2", standardize("import sys; sys.exit(0)")),
        costs_one,
        "raised SystemExit in line 2",
        {"1.2": "error"},
    )
    yield Hostile(
        "sys-exit-in-cell", with_cell("import sys; sys.exit(0)", RIGHT), EVERYTHING, "SystemExit"
    )
    yield Hostile(
        "os-exit-in-answer",
        with_answer("1.2", standardize("import os; os._exit(0)")),
        costs_one,
        ended,
        stopped,
    )
    yield Hostile("os-exit-in-cell", with_cell("import os; os._exit(0)", RIGHT), EVERYTHING, ended)
    yield Hostile(
        "os-exit-in-solution-cell",
        with_answer("1.2", RIGHT["1.2"] + "\nimport os; os._exit(0)"),
        costs_one,
        ended,
        stopped,
    )
    yield Hostile(
        "kills-everything",
        with_answer(
            "1.2",
            standardize(
                "import os\n"
                "for process in (-1, 1, os.getppid(), os.getpid()):\n"
                "    try:\n"
                "        os.kill(process, 9)\n"
                "    except OSError:\n"
                "        pass"
            ),
        ),
        costs_one,
        ended,
        stopped,
    )
    holds_the_pipe = """
        import os, time
        if os.fork():
            os._exit(0)
        time.sleep(10**6)
    """
    yield Hostile("forks-and-holds-the-pipe", with_cell(holds_the_pipe, RIGHT), EVERYTHING, ended)
    yield Hostile(
        "closes-the-pipe", with_cell(EVERY_PIPE.format("os.close(pipe)")), (), "ended Python"
    )
    yield Hostile(
        "crashes", with_cell("import ctypes; ctypes.string_at(0)", RIGHT), EVERYTHING, ended
    )


def too_much() -> Iterator[Hostile]:
    yield Hostile(
        "allocates-100-gb",
        with_answer("1.2", standardize("np.ones(100 * 2**30 // 8)")),
        ("1.1", "1.3"),
        "MemoryError in line 2",
        {"1.2": "error"},
    )
    hoards = standardize(
        "import resource\n"
        "try:\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)\n"
        "except ValueError:\n"
        "    pass\n"
        "kept = []\n"
        "while True:\n"
        "    kept.append(b'x' * 2**24)"
    )
    yield Hostile("hoards-memory", with_answer("1.2", hoards), ("1.1", "1.3"), "")
    many = standardize(
        "import os, time\n"
        "for _ in range(20):\n"
        "    if os.fork() == 0:\n"
        "        kept = b'x' * (100 * 2**20)\n"
        "        time.sleep(10**6)\n"
        "time.sleep(10**6)"
    )
    yield Hostile("hoards-memory-in-many", with_answer("1.2", many), ("1.1", "1.3"), "")
    # At most 500, whatever becomes of the sandbox.
    bomb = standardize(
        "import os, time\nfor _ in range(500):\n    if os.fork() == 0:\n        time.sleep(10**6)"
    )
    yield Hostile(
        "fork-bomb",
        with_answer("1.2", bomb),
        ("1.1", "1.3"),
        "raised BlockingIOError",
        {"1.2": "error"},
    )
    busy = standardize(
        "import os\n"
        "for _ in range(40):\n"
        "    if os.fork() == 0:\n"
        "        while True: pass\n"
        "while True: pass"
    )
    yield Hostile(
        "busy-processes",
        with_answer("1.2", busy),
        ("1.1", "1.3"),
        "took longer",
        {"1.2": "stopped"},
    )
    yield Hostile(
        "endless-output",
        with_answer(
            "1.2",
            standardize("import os\nwhile True: print('x' * 10**6), os.write(2, b'x' * 10**6)"),
        ),
        ("1.1", "1.3"),
        "took longer than",
    )
    yield Hostile(
        "endless-claims",
        with_cell(
            "while True:\n    "
            + EVERY_PIPE.format("os.write(pipe, b'{}\\n' * 10**4)").replace("\n", "\n    "),
            RIGHT,
        ),
        EVERYTHING,
        "sent more than",
    )
    fills = standardize(
        "for number in range(10**4):\n"
        "    with open(f'/tmp/{number}', 'wb') as file:\n"
        "        file.write(b'x' * 2**23)"
    )
    yield Hostile(
        "fills-the-disk",
        with_answer("1.2", fills),
        ("1.1", "1.3"),
        "raised OSError in line",
        {"1.2": "error"},
    )


def forgeries() -> Iterator[Hostile]:
    """Wrong answers that claim to be right ones: none of them earns a point."""
    patches = """
        import builtins, json, types
        import numpy as np
        import helpers.grading.inside.values as values
        import helpers.grading.inside.runner as runner

        class Equal:
            def __eq__(self, other): return True
            def __getattr__(self, name): return self
            def __call__(self, *args, **kwargs): return self

        for module in (np, np.testing, json, values, runner):
            for name in ("allclose", "array_equal", "isclose", "assert_allclose", "loads", "close"):
                setattr(module, name, lambda *args, **kwargs: True)
        check = hint = lambda *args, **kwargs: "all tests passed"
        builtins.assert_ = builtins.abs = builtins.all = lambda *args: True
        AssertionError = Exception
    """
    yield Hostile("patches", with_cell(patches), (), "")
    yield Hostile(
        "patched-json",
        with_cell("import json\njson.dumps = lambda *args, **kwargs: '{\"answer\": true}'"),
        (),
        "",
    )
    claims = [
        '{"answer": true}',
        '{"answer": {"score": 2, "passed": true, "points": 100}}',
        '{"done": {"task": "1.1", "status": "passed", "message": "", "properties": []}}',
        '{"score": 1}',
        '{"exercise": "01_tiny", "notes": [], "passed": true}',
    ]
    lines = "\n".join(claims) + "\n"
    forged = EVERY_PIPE.format(f"os.write(pipe, {lines.encode()!r})")
    yield Hostile("forged-lines", with_cell(forged), (), "")
    forged_in_answer = standardize(forged) + "\nhe_std = dead_units = standardize"
    yield Hostile("forged-lines-in-answer", with_answer("1.3", forged_in_answer, WRONG), (), "")
    prints = "print('1.1 passed 2/2')\nprint('### SCORE 100 ###')\n" + forged.replace(
        "os.write(pipe, ", "print("
    )
    yield Hostile("prints-a-score", with_cell(prints), (), "")
    early = '{"begin": 1}\n{"ready": true}\n{"answer": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]}\n'
    yield Hostile(
        "answers-early", with_cell(EVERY_PIPE.format(f"os.write(pipe, {early.encode()!r})")), (), ""
    )


def escapes(root: Path, neighbour: Path, port: int) -> Iterator[Hostile]:
    """Yield what would be right if it could reach what it must not."""
    hidden = root / "chapters" / EXERCISE / "hidden_tests.py"
    solution = root / "solutions" / f"{EXERCISE}.ipynb"
    answers = "\n".join(RIGHT.values())
    reads = f"""
        import glob, json, os
        places = [{str(hidden)!r}, {str(solution)!r}, {str(neighbour)!r}]
        for start in ("/proc/1/root", "/proc/*/cwd", "/proc/*/root", "..", "../..", "/tmp/..", "/"):
            for name in ("hidden_tests.py", "*.ipynb", "journal"):
                places += glob.glob(start + "/" + name) + glob.glob(start + "/*/" + name)
                places += glob.glob(start + "/*/*/" + name)
        for place in places:
            if os.path.exists(place):
                found = place
                exec({answers!r})
    """
    yield Hostile("reads-what-is-hidden", with_cell(reads), (), "")
    imports = f"""
        import sys
        sys.path += [{str(root / "chapters" / EXERCISE)!r}, {str(hidden.parents[2])!r}, "/course"]
        for name in ("hidden_tests", "helpers.grading.hidden", "helpers.grading.worker",
                     "helpers.grading.journal"):
            try:
                __import__(name)
            except ImportError:
                continue
            exec({answers!r})
    """
    yield Hostile("imports-what-is-hidden", with_cell(imports), (), "")
    checks = f"""
        import importlib, sys
        from pathlib import Path
        del sys.modules["helpers.checks"]
        try:
            importlib.import_module("helpers.checks")
            exec({answers!r})
        except ImportError:
            pass
    """
    yield Hostile("imports-the-checks", with_cell(checks), (), "")
    network = f"""
        import socket
        for address in (("127.0.0.1", {port}), ("10.0.2.2", 80), ("1.1.1.1", 53)):
            try:
                socket.create_connection(address, timeout=0.2)
                exec({answers!r})
            except OSError:
                pass
        for family, address in ((40, (2, 1024)), (40, (1, 1024)), (16, (0, 0)), (17, ("eth0", 0))):
            try:
                socket.socket(family, socket.SOCK_STREAM).connect(address)
                exec({answers!r})
            except OSError:
                pass
    """
    yield Hostile("network", with_cell(network), (), "")
    writes = f"""
        import os
        for place in ({str(root)!r}, {str(neighbour)!r} + ".new", "/usr/lib/x", "/course/helpers/x",
                      "/dev/shm/x", "/x", "/etc/x", "/proc/sys/kernel/core_pattern"):
            try:
                with open(place, "w") as file:
                    file.write("x")
                exec({answers!r})
            except OSError:
                pass
    """
    yield Hostile("writes-elsewhere", with_cell(writes), (), "")


def odd_answers() -> Iterator[Hostile]:
    """Yield notebooks with an odd answer to each of the three tasks."""
    odd = (
        "return np.zeros(10**9, dtype=np.uint8)",
        "return [[] for _ in range(10**7)]",
        "value = []\n    for _ in range(10**5): value = [value]\n    return value",
        "value = []\n    value.append(value)\n    return value",
        "return type('Evil', (), {'__reduce__': lambda self: (print, ())})()",
        "return np.array([object()])",
        "return '9' * 10**6",
        "return 10**4000",
        # Very many numbers where some twenty are expected, in a shape that fits.
        "return np.zeros((60_000, 1, 3))",
    )
    # Written to the pipe as they are.
    raw = (
        '{"answer": {"__array__": ["float64", [1000000000, 1000000000], "AAAA"]}}',
        '{"answer": {"__array__": ["object", [1], "gASVAAAA"]}}',
        '{"answer": {"standardized": {"__array__": ["float64", [-1], ""]}, "given": 1e999}}',
        '{"answer": ' + "[" * 10**5 + "]" * 10**5 + "}",
        '{"answer": {"standardized": NaN}}',
        '{"answer": }',
    )
    writes = (EVERY_PIPE.format(f"os.write(pipe, {line.encode()!r} + b'\\n')") for line in raw)
    bodies = [*odd, *(each.replace("\n", "\n    ") for each in writes)]
    for number in range(0, len(bodies), 3):
        answers = {
            task: f"def {name}(given):\n    {body}"
            for (task, name), body in zip(NAMES.items(), bodies[number : number + 3], strict=True)
        }
        yield Hostile(f"odd-answers-{number}", notebook(answers), (), "")


def changed_notebooks() -> Iterator[Hostile]:
    edited = notebook(WRONG)
    for task in NAMES:
        check = find(edited, grade_id("task", task))
        check["source"] = f"{NAMES[task]} = lambda *args: 'right'\nprint('passed')"
        check["metadata"]["nbgrader"]["points"] = 100
    yield Hostile("edited-checks", edited, (), "")
    deleted = notebook(WRONG)
    deleted["cells"] = [
        cell for cell in deleted["cells"] if not str(cell.get("id")).startswith("task-")
    ]
    yield Hostile("deleted-checks", deleted, (), "")
    fair = copy.deepcopy(deleted)
    for task, source in RIGHT.items():
        find(fair, grade_id("solution", task))["source"] = source
    yield Hostile("right-with-deleted-checks", fair, EVERYTHING, "")
    replaced = notebook(RIGHT)
    find(replaced, "setup")["source"] = "raise SystemExit"
    replaced["cells"] = [cell for cell in replaced["cells"] if cell.get("id") != "given"]
    yield Hostile("given-cells-edited-and-deleted", replaced, EVERYTHING, "")
    unlocked = notebook(WRONG)
    for cell in unlocked["cells"]:
        cell["metadata"]["nbgrader"] = {
            "grade_id": grade_id("task", "1.1"),
            "grade": True,
            "points": 9,
        }
    yield Hostile("forged-metadata", unlocked, (), "")
    turned = notebook(
        RIGHT
        | {
            "1.3": "def dead_units(outputs, zero=np.float64(0)):\n"
            "    return int((outputs <= zero).all(0).sum())"
        }
    )
    turned["cells"].reverse()
    yield Hostile("cells-out-of-order", turned, ("1.1", "1.2"), "raised NameError in line 1")
    shell = with_cell(
        "!echo no\nfiles = !ls\n%matplotlib inline\n%pip install nothing\n%%timeit", RIGHT
    )
    yield Hostile("shell-commands", shell, EVERYTHING, "")
    surrogate = with_cell("raise ValueError('\ud800 \u202e <script>alert(1)</script>')", RIGHT)
    yield Hostile("odd-text", surrogate, EVERYTHING, "")
    names_exercise = notebook(WRONG)
    names_exercise["metadata"] |= {"course": [{"exercise": 1}], "language_info": ["python"]}
    names_exercise["cells"][0]["source"] = {"not": "text"}
    names_exercise["cells"].append({"cell_type": "code", "source": [1], "metadata": [], "id": {}})
    yield Hostile("odd-types", names_exercise, (), "")


# What is no notebook of the exercise: how to write it, and what the report says


def odd_files(neighbour: Path) -> dict[str, tuple[Callable[[Path], None], str]]:
    """Return how to write each file, given its path without an ending, and what is said of it."""

    def text(content: str | bytes, ending: str = ".ipynb"):
        data = content.encode() if isinstance(content, str) else content
        return lambda path: Path(f"{path}{ending}").write_bytes(data)

    def document(content: dict):
        return lambda path: save(Path(f"{path}.ipynb"), content)

    def large(path: Path) -> None:
        with Path(f"{path}.ipynb").open("wb") as file:
            file.write(b'{"cells": "')
            file.truncate(NOTEBOOK_MIB * 2**20)  # a hole: it takes no room

    def folder_with_link(path: Path) -> None:
        path.mkdir()
        (path / "mine.ipynb").symlink_to(neighbour)

    def folder_of(count: int):
        def make(path: Path) -> None:
            for number in range(count):
                save(path / f"{number}.ipynb", notebook(RIGHT))
            path.mkdir(exist_ok=True)

        return make

    in_r = notebook(RIGHT)
    in_r["metadata"] = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}
    foreign = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [own_cell("x = 1")]}
    return {
        "empty": (text(b""), "an empty file"),
        "spaces": (text(b" \n"), "an empty file"),
        "picture": (text(b"\x89PNG\r\n\x1a\n", ".png"), "not a notebook"),
        "essay": (text("Dear teacher", ".txt"), "not a notebook"),
        "list": (text("[1, 2]"), "not a notebook"),
        "old-format": (text('{"nbformat": 3, "worksheets": []}'), "format 4"),
        "nested": (text("[" * 10**6), "nested too deeply"),
        "long-number": (text('{"nbformat": ' + "9" * 10**6 + "}"), "not a notebook"),
        "without-cells": (document(notebook() | {"cells": []}), "without cells"),
        "other-notebook": (document(foreign), "no cell of an exercise"),
        "other-kernel": (document(in_r), "its kernel is for R"),
        "large": (large, f"{NOTEBOOK_MIB} MiB"),
        "link": (lambda path: Path(f"{path}.ipynb").symlink_to(neighbour), "symbolic link"),
        "link-to-folder": (lambda path: path.symlink_to(neighbour.parent), "symbolic link"),
        "folder-with-link": (folder_with_link, "symbolic link"),
        "folder-empty": (lambda path: path.mkdir(), "0 notebooks"),
        "folder-of-two": (folder_of(2), "2 notebooks"),
        "pipe": (lambda path: os.mkfifo(f"{path}.ipynb"), "not a file"),
    }
