"""The sandbox: what holds inside of it, tried from inside; and what is said where it cannot be."""
# Much of this runs inside, where the paths are not this machine's.

import inspect
import os
import shutil
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from helpers.grading import probe, sandbox
from helpers.grading.inside.values import loads
from helpers.grading.limits import Limits
from helpers.grading.probe import require_sandbox
from helpers.grading.sandbox import make_command, require_bubblewrap
from helpers.grading.session import Question, converse
from helpers.grading.syscalls import REFUSED, make_filter

ROOT = Path(__file__).parents[2]
LIMITS = Limits(start_seconds=60, cell_seconds=30, task_seconds=30)


def outcome_of(function, limits=LIMITS, cells=(), secret=(), **inputs):
    """Return how a function, whose source goes into the sandbox, ended there."""
    source = textwrap.dedent(inspect.getsource(function))
    command = make_command(shutil.which("bwrap"), limits, secret, 0)
    question = Question(source, function.__name__, inputs)
    return converse(command, list(enumerate(cells)), question, limits)


def inside(function, **inputs):
    """Return what a function returns in the sandbox."""
    outcome = outcome_of(function, **inputs)
    assert outcome.ended == "answered", outcome
    return loads(outcome.answer)


pytestmark = pytest.mark.usefixtures("bubblewrap")


def test_the_sandbox_works_on_this_machine(bubblewrap):
    assert require_sandbox(LIMITS, [ROOT / "chapters"]) == bubblewrap


def test_only_the_course_and_the_interpreter_can_be_seen(monkeypatch):
    def look(learner, paths, shown):
        import os
        from pathlib import Path

        course = [str(path.relative_to("/course")) for path in Path("/course").glob("helpers/*")]
        return {
            "there": [path for path in paths if os.path.exists(path)],
            "course": course,
            "grading": sorted(os.listdir("/course/helpers/grading")),
            "home": sorted(set(os.listdir(".")) - set(shown)),
            "environment": sorted(os.environ),
            "processes": [name for name in os.listdir("/proc") if name.isdigit()],
        }

    monkeypatch.setenv("TEACHERS_TOKEN", "not for learners")
    secret = [
        ROOT / name for name in ("chapters", "tests", "notebooks", "helpers/grading/worker.py")
    ]
    secret += [Path(os.environ["COURSE_HOME"]).parent, Path(__file__), Path("/etc/passwd")]
    paths = [str(path) for path in secret if path.exists()]
    # An interpreter in a folder of the machine's /tmp is shown in that of the sandbox.
    shown = [part for place in (sys.executable, sys.base_prefix) for part in Path(place).parts]
    found = inside(look, paths=paths, shown=shown)
    assert found["there"] == []
    assert set(found["grading"]) <= {"__init__.py", "inside"}
    assert "helpers/checks" not in found["course"]
    assert "helpers/theory" in found["course"]
    assert found["home"] == [".ipython"]
    assert not {"TEACHERS_TOKEN", "SSH_AUTH_SOCK"} & set(found["environment"])
    assert len(found["processes"]) <= 3  # bubblewrap's own, and the runner


def test_what_is_secret_stays_hidden_inside_of_what_is_shown():
    def look(learner, place):
        import os

        return os.listdir(place)

    packages = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    place = packages / "traitlets" / "config"
    assert inside(look, place=str(place), secret=[])
    hidden = packages / "jupyterlab"
    if hidden.is_dir():
        assert inside(look, place=str(hidden), secret=[hidden]) == []


def test_there_is_no_network_but_its_own():
    def look(learner):
        import socket

        return [name for _, name in socket.if_nameindex()]

    assert inside(look) == ["lo"]


def test_nothing_can_be_written_but_in_its_own_folder():
    def write(learner):
        import os

        with open("/proc/self/mountinfo") as mounts:
            places = {line.split()[4] for line in mounts}
        places |= {os.path.join("/", name) for name in os.listdir("/")} | {"/dev/shm", "/course"}
        written = []
        for place in places:
            try:
                with open(os.path.join(place, "x"), "w"):
                    written.append(place)
            except OSError:
                pass
        return sorted(written)

    assert inside(write) == ["/tmp"]


def test_its_folder_and_its_files_are_bounded():
    def fill(learner):
        total = 0
        try:
            for number in range(1000):
                with open(f"/tmp/{number}", "wb") as file:
                    for _ in range(8):
                        total += file.write(b"x" * 2**20)
        except OSError:
            pass
        return total

    limits = replace(LIMITS, disk_mib=16)
    assert 8 * 2**20 <= inside(fill, limits=limits) <= 16 * 2**20


def test_processes_and_threads_are_counted_and_nobody_can_raise_the_limit():
    def start(learner):
        import os
        import resource
        import threading
        import time

        most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        try:
            resource.setrlimit(resource.RLIMIT_NPROC, (most + 1, most + 1))
            return "raised"
        except ValueError:
            pass
        started = 0
        for _ in range(500):
            try:
                if os.fork() == 0:
                    time.sleep(100)
            except BlockingIOError:
                break
            started += 1
        try:
            threading.Thread(target=time.sleep, args=[100], daemon=True).start()
            return "a thread too many"
        except RuntimeError:
            return started

    assert 0 < inside(start, limits=replace(LIMITS, processes=20)) < 20


def test_the_other_submission_has_processes_of_its_own(bubblewrap):
    """Root's sandboxes run as one user each: one that takes all its processes leaves the others."""
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's sandboxes have a user namespace each")
    users = {
        part
        for slot in range(8)
        for part in make_command(bubblewrap, LIMITS, [], slot)
        if part.startswith("--reuid=")
    }
    assert len(users) == 8


def test_memory_is_bounded_for_each_process_and_for_all_together():
    def one(learner):
        try:
            b"x" * (1500 * 2**20)
        except MemoryError:
            return "MemoryError"

    def many(learner):
        import os
        import time

        for _ in range(8):
            if os.fork() == 0:
                kept = b"x" * (80 * 2**20)
                time.sleep(100)
                del kept
        time.sleep(100)

    limits = replace(LIMITS, address_mib=1200, memory_mib=500)
    assert inside(one, limits=limits) == "MemoryError"
    assert outcome_of(many, limits).ended == "memory"


def test_processes_that_share_memory_are_not_counted_twice():
    def share(learner):
        import os
        import time

        kept = b"x" * (100 * 2**20)
        for _ in range(12):
            if os.fork() == 0:
                time.sleep(1.5)
                os._exit(0)
        for _ in range(12):
            os.wait()
        return len(kept)

    assert inside(share, limits=replace(LIMITS, memory_mib=600)) == 100 * 2**20


def test_refused_calls_return_an_error_and_others_work():
    def call(learner, numbers):
        import ctypes
        import errno
        import os
        import socket
        import subprocess
        import sys

        library = ctypes.CDLL(None, use_errno=True)
        found = {}
        for name, number in numbers.items():
            ctypes.set_errno(0)
            result = library.syscall(number, 0, 0, 0, 0, 0)
            found[name] = result == -1 and ctypes.get_errno() == errno.EPERM
        new_user = library.syscall(numbers["clone"], 0x10000000 | 17, 0, 0, 0, 0)
        found["clone"] = new_user == -1 and ctypes.get_errno() == errno.EPERM
        for family in (17, 38, 40):
            try:
                socket.socket(family, socket.SOCK_STREAM)
                found[str(family)] = False
            except PermissionError:
                found[str(family)] = True
        done = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True)
        found["subprocess"] = done.stdout == b"42\n"
        child = os.fork()
        if child == 0:
            os._exit(0)
        found["fork"] = os.waitpid(child, 0)[1] == 0
        return found

    column = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
    numbers = {name: each[column] for name, each in REFUSED.items()} | {"clone": (56, 220)[column]}
    found = inside(call, numbers=numbers)
    assert [name for name, refused in found.items() if not refused] == []
    assert found.keys() > REFUSED.keys()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_whole(machine):
    content = make_filter(machine)
    assert len(content) % 8 == 0
    assert len(content) < 4096 * 8  # the kernel's own limit, and far less than a pipe holds
    steps = [content[at : at + 8] for at in range(0, len(content), 8)]
    for place, step in enumerate(steps):
        code, if_true, if_false = step[0] | step[1] << 8, step[2], step[3]
        if code in (0x15, 0x35, 0x45):
            assert place + 1 + max(if_true, if_false) < len(steps)
    assert steps[-1][0] == 0x06


def test_a_processor_without_a_filter_is_named():
    with pytest.raises(ValueError, match="no filter of system calls for the processor mips"):
        make_filter("mips")


def test_what_forks_and_ends_is_gone_with_the_sandbox():
    """The process that is left holds the pipe open, and would keep a reader waiting."""

    def leave(learner, mark):
        import os
        import sys

        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)", mark])
        os._exit(0)

    mark = f"left-behind-{os.getpid()}"
    assert outcome_of(leave, mark=mark).ended == "died"
    ends = time.monotonic() + 20
    while left := [each for each in psutil.process_iter(["cmdline"]) if mark in str(each.info)]:
        assert time.monotonic() < ends, left


def test_cells_do_not_see_the_question():
    peek = """
import gc
texts = [each for each in gc.get_objects() if isinstance(each, str)]
seen = [each for each in texts if "SECRET" + "-QUESTION" in each]
raise ValueError(f"saw {len(seen)}")
"""

    def ask(learner):
        return "SECRET-QUESTION"

    outcome = outcome_of(ask, cells=[peek])
    assert outcome.raised[0]["text"] == "saw 0"
    assert loads(outcome.answer) == "SECRET-QUESTION"


def test_a_notebooks_magics_run_and_its_shell_commands_do_no_harm():
    def ask(learner):
        return [learner.a, learner.files, learner.b, learner.c, learner.d]

    cells = [
        "!pip install nothing\na = 1",
        "files = !ls\n%matplotlib inline\nb = 2",
        "%%time\nc = 3",
        "import asyncio\nawait asyncio.sleep(0)\nd = 4",
    ]
    outcome = outcome_of(ask, cells=cells)
    assert loads(outcome.answer) == [1, [], 2, 3, 4]
    assert outcome.raised == {}


def test_the_course_starts_inside():
    def ask(learner):
        import os

        return [os.environ["KERAS_BACKEND"], learner.check("1.1", None), learner.std]

    cells = [
        "from helpers import course\nfrom helpers.checks import check, hint\n"
        'course.start("02_initialization")',
        "from helpers.theory.initializers import TRUNCATED_STD as std",
    ]
    source = textwrap.dedent(inspect.getsource(ask))
    command = make_command(shutil.which("bwrap"), LIMITS, [], 0)
    question = Question(source, "ask", {})
    outcome = converse(command, list(enumerate(cells)), question, LIMITS, keras_backend="numpy")
    assert outcome.raised == {}
    backend, checked, std = loads(outcome.answer)
    assert (backend, checked) == ("numpy", None)
    assert 0.8 < std < 1


# Where it cannot be had


def test_without_bubblewrap_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(
        ValueError, match=r"bubblewrap is missing.*apt install bubblewrap.*--no-sandbox"
    ):
        require_bubblewrap()


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_on_other_systems_it_says_where_to_grade(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(
        ValueError, match=r"Linux only: grade in Linux, in WSL or in a Linux container"
    ):
        require_bubblewrap()


def fake(folder: Path, script: str) -> str:
    path = folder / "bwrap"
    path.write_text(f"#!{shutil.which('sh')}\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_bubblewrap_is_named(monkeypatch, tmp_path):
    program = fake(tmp_path, "echo bubblewrap 0.4.1")
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: program)
    with pytest.raises(ValueError, match=r"bubblewrap is bubblewrap 0\.4\.1, and 0\.7 or newer"):
        require_bubblewrap()


def test_a_bubblewrap_that_may_not_is_quoted_with_the_cure(monkeypatch, tmp_path):
    said = "bwrap: No permissions to create new namespace"
    program = fake(tmp_path, f"echo {said} >&2; exit 1")
    monkeypatch.setattr(probe, "require_bubblewrap", lambda: program)
    with pytest.raises(ValueError, match=rf"does not work here .*{said}.*unprivileged_userns"):
        require_sandbox(LIMITS, [])


def test_a_sandbox_that_does_not_hold_is_refused(monkeypatch, bubblewrap):
    """Here the course's folder is shown, and declared secret."""
    secret = [Path(sys.base_prefix)]
    monkeypatch.setattr(
        probe,
        "make_command",
        lambda program, limits, _, slot: make_command(program, limits, [], slot),
    )
    with pytest.raises(ValueError, match=r"does not keep submissions apart.*can be seen"):
        require_sandbox(LIMITS, secret)
