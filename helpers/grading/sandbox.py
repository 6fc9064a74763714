"""Where a submission runs: in bubblewrap, with no network and nothing of the teacher's to read.

Inside are the interpreter and its packages, ``helpers`` without the grader and the checks, all of
it to read only, and one empty folder in memory. There are new namespaces for everything, no
privileges, and a filter of system calls. An ordinary user gets them through a user namespace. Root
does not need one, and must not run code as itself: the kernel does not count root's processes. So
root starts the runner as a user that nobody is.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import helpers
from helpers.grading.limits import MIB, Limits
from helpers.grading.syscalls import make_filter

PACKAGE = Path(helpers.__file__).parent
RUNNER = ("-m", "helpers.grading.inside.runner")
COURSE = Path("/course")  # where the sandbox has helpers
HOME = "/tmp"  # noqa: S108 - the sandbox's own, and the one folder that can be written to
NOT_SHOWN = {"grading", "checks", "__pycache__"}
OLDEST = (0, 7)  # the first that bounds a folder in memory
UNUSED_USERS = range(60578, 61184)  # systemd's list of user ids leaves these to nobody
NO_SANDBOX = "--no-sandbox grades files that you trust without it."
USER_NAMESPACES = (
    "Where user namespaces are switched off, an administrator can switch them on: "
    "sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0. In Docker, run the container with "
    "--privileged, or grade on a machine of its own."
)
Step = tuple[
    str, str, str
]  # an option of bubblewrap, its source if it has one, and the place inside
# One thread: a submission has one processor core, and its threads count as processes.
QUIET = {
    "COURSE_OFFLINE": "1",
    "COURSE_PROFILE": "ci",
    "COURSE_PROGRESS": "0",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUNBUFFERED": "1",
    "TQDM_DISABLE": "1",
}


def require_bubblewrap() -> str:
    """Return bubblewrap's path.

    Raises:
        ValueError: where it cannot be had, with the cure. Whether it works, only a run shows.
    """
    if sys.platform != "linux":
        raise ValueError(
            "submissions run in bubblewrap, which is for Linux only: grade in Linux, in WSL or in "
            f"a Linux container. {NO_SANDBOX}"
        )
    make_filter()  # raises for a processor without one
    program = shutil.which("bwrap")
    if program is None:
        raise ValueError(
            "bubblewrap is missing, in which submissions run: install it (Debian, Ubuntu: "
            f"apt install bubblewrap; Fedora: dnf install bubblewrap). {NO_SANDBOX}"
        )
    done = subprocess.run([program, "--version"], capture_output=True, text=True)  # noqa: S603
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    version = tuple(map(int, found.groups())) if found else (0, 0)
    if version < OLDEST:
        raise ValueError(
            f"bubblewrap is {done.stdout.strip() or 'broken'}, and 0.7 or newer is needed: install "
            f"a newer one, or grade in a container of Debian 12 or newer. {NO_SANDBOX}"
        )
    return program


def make_command(program: str, limits: Limits, secret: Iterable[Path], slot: int) -> list[str]:
    """Return the command that starts the runner in bubblewrap; ``start`` adds the filter.

    Args:
        secret: folders that stay hidden even where one is inside of what is shown.
        slot: a number that no submission running at the same time has.
    """
    root = os.geteuid() == 0
    command = [program, "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    if root:
        for kind in ("pid", "net", "ipc", "uts", "cgroup-try"):
            command.append(f"--unshare-{kind}")
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command.append("--unshare-all")
    # Before the rest, for an interpreter that is in a folder of the same name.
    command += ["--perms", "1777", "--size", str(limits.disk_mib * MIB), "--tmpfs", HOME]
    shown = [*_system(), *_interpreter(secret), *_package()]
    parents = {parent for _, _, place in shown for parent in Path(place).parents}
    for folder in sorted(parents):  # bubblewrap would make them for its own user alone
        command += ["--perms", "0755", "--dir", str(folder)]
    command += [part for each in shown for part in each if part]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    for name, value in _environment(str(COURSE), HOME).items():
        command += ["--setenv", name, value]
    command.append("--")
    if root:
        user = UNUSED_USERS[(os.getpid() * 97 + slot) % len(UNUSED_USERS)]
        command += [str(_setpriv()), f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
    return [*command, sys.executable, *RUNNER]


def start(command: list[str] | None, folder: Path) -> subprocess.Popen:
    """Start the runner: by ``command`` in bubblewrap, or without one as an ordinary process.

    Args:
        folder: the current folder of a runner without a sandbox.
    """
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    if command is None:
        kept = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT", "HOME") if key in os.environ}
        own = _environment(str(PACKAGE.parent), str(folder))
        return subprocess.Popen(  # noqa: S603
            [sys.executable, *RUNNER], cwd=folder, env=kept | own, **streams
        )
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as stream:
            stream.write(make_filter())  # far smaller than a pipe holds
        program, *rest = command
        return subprocess.Popen(  # noqa: S603
            [program, "--seccomp", str(reading), *rest], pass_fds=[reading], **streams
        )
    finally:
        os.close(reading)


def _environment(python_path: str, home: str) -> dict[str, str]:
    own = {
        "HOME": home,
        "COURSE_HOME": f"{home}/.course",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "KERAS_HOME": f"{home}/.keras",
        "TMPDIR": home,
        "PYTHONPATH": python_path,
    }
    return QUIET | own


def _setpriv() -> Path:
    found = shutil.which("setpriv")
    if found is None:
        raise ValueError("setpriv is missing, a part of util-linux: install it, or do not be root.")
    return Path(found)


def _system() -> Iterator[Step]:
    """Yield what shows the C library and its like."""
    for name in ("lib", "lib32", "lib64"):
        for path in (Path("/usr") / name, Path("/") / name):
            if path.is_symlink():
                yield "--symlink", str(path.readlink()), str(path)
            elif path.is_dir():
                yield _show(path)
    for name in ("ld.so.cache", "alternatives", "localtime"):
        if (path := Path("/etc") / name).exists():
            yield _show(path)
    if os.geteuid() == 0:
        yield _show(_setpriv())


def _interpreter(secret: Iterable[Path]) -> Iterator[Step]:
    """Yield what shows this interpreter and its packages in place, and hides what is secret."""
    shown = {path for prefix in (sys.prefix, sys.base_prefix) for path in _parts(Path(prefix))}
    link = Path(sys.executable)
    while True:
        if not any(link.is_relative_to(path) for path in shown):
            shown.add(link)
        if not link.is_symlink():
            break
        link = Path(os.path.normpath(link.parent / link.readlink()))
    for path in sorted(shown):
        yield _show(path)
        for hidden in (each.resolve() for each in secret):
            if hidden.is_dir() and hidden.is_relative_to(path.resolve()):
                inside = str(path / hidden.relative_to(path.resolve()))
                yield "--tmpfs", "", inside
                yield "--remount-ro", "", inside


def _parts(prefix: Path) -> Iterator[Path]:
    """Yield the folders of an installation; of the system's own, without what else is there."""
    if prefix in (Path("/usr"), Path("/usr/local")):
        yield from (path for path in (prefix / "lib", prefix / "lib64") if path.is_dir())
    else:
        yield from {prefix, prefix.resolve()}


def _package() -> Iterator[Step]:
    for path in sorted(PACKAGE.iterdir()):
        if path.name not in NOT_SHOWN:
            yield _show(path, COURSE / "helpers" / path.name)
    grading = PACKAGE / "grading"
    for name in ("__init__.py", "inside"):
        yield _show(grading / name, COURSE / "helpers/grading" / name)


def _show(path: Path, place: Path | None = None) -> Step:
    return "--ro-bind", str(path), str(place or path)


def describe() -> str:
    """Return what the machine is, for an error that asks for help."""
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    return f"Linux {platform.release()}, {platform.machine()}, as {who}"
