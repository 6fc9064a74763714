"""What a submission may use."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of one task of one submission.

    Args:
        start_seconds: until Python and IPython are there, before any cell.
        cell_seconds: for one cell, and for the answer. A cell that takes longer is left out.
        task_seconds: for all of it, by the clock.
        judge_seconds: for judging an answer, in the grader's own process.
        memory_mib: resident memory of all its processes together.
        address_mib: address space of each process: an allocation beyond it raises ``MemoryError``.
        processes: processes and threads together.
        disk_mib: the folder that it can write to, which is in memory.
        answer_mib: all that it says to the grader.
    """

    start_seconds: float = 60
    cell_seconds: float = 20
    task_seconds: float = 60
    judge_seconds: int = 20
    memory_mib: int = 2048
    address_mib: int = 4096
    processes: int = 64
    disk_mib: int = 64
    answer_mib: int = 8

    def for_process(self, count_processes: bool) -> dict[str, int]:
        """Return the limits that a process sets for itself and those it starts, by their names.

        Args:
            count_processes: False where the count would be of all that its user runs.
        """
        limits = {
            "RLIMIT_AS": self.address_mib * MIB,
            "RLIMIT_CPU": int(self.start_seconds + self.task_seconds) + 1,
            "RLIMIT_FSIZE": self.disk_mib * MIB,
            "RLIMIT_NOFILE": 256,
            "RLIMIT_CORE": 0,
        }
        return limits | ({"RLIMIT_NPROC": self.processes} if count_processes else {})
