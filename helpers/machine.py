"""What a result was made with: library versions, hardware, memory."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

from helpers.backend import backend_name

# What a notebook's kernel may hold in ``quick``: Binder ends a session above 2 GiB, of which the
# server takes a part.
KERNEL_MEMORY_MIB = 1_536
BINDER_MEMORY_MIB = 2_048
# What all lessons together may take of the processor in ``quick``: a Binder session gets about an
# hour of one core.
BINDER_CPU_SECONDS = 3_600


def versions() -> dict[str, str]:
    """Return the versions that a run's result depends on."""
    names = ("numpy", "keras", backend_name())
    return {name: version(name) for name in names}


def hardware() -> dict[str, str | int]:
    """Return system, processor, number of cores, and memory in MiB."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": cores(),
        "memory_mib": psutil.virtual_memory().total // 2**20,
    }


def cores() -> int:
    """Return how many cores this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return len(process.cpu_affinity())
    return os.cpu_count() or 1


def processor() -> str:
    """Return the processor's name where the system tells it, else its architecture."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123  not a stored file
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except FileNotFoundError:  # not Linux
        return platform.processor() or platform.machine()
    return platform.machine()


def peak_memory_mib(pid: int | None = None) -> float:
    """Return the most memory a process has held since it started, in MiB; this one by default.

    Shared libraries and mapped files count as far as they are in memory.

    Raises:
        NotImplementedError: for another process where the system does not tell it (macOS).
    """
    process = psutil.Process(pid)
    memory = process.memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return memory.peak_wset / 2**20
    try:
        # Not by getrusage: it counts what the starting process held before it became this one.
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    except (FileNotFoundError, ValueError):  # not Linux
        if pid not in (None, os.getpid()):
            raise NotImplementedError("this system tells a process its own peak only.") from None
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if platform.system() == "Darwin" else peak / 2**10
