"""What a result was made with: library versions, hardware, memory."""

import os
import platform
from importlib.metadata import version

import psutil

from helpers.backend import backend_name


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


def peak_memory_mib() -> float:
    """Return the most memory this process has held since it started, in MiB."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return memory.peak_wset / 2**20
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if platform.system() == "Darwin" else peak / 2**10
