"""A Dask cluster of this machine's own processes, on loopback, that a test can hurt."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Cluster:
    """A scheduler and its workers, each a process with one thread; what they say is kept."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.port, self.workers = folder, 0, []
        self.environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        # A long way from what a busy machine takes for a heartbeat.
        self.environment["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "60s"
        self.start_scheduler()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        """Start a scheduler, at the port of the one before if there was one."""
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        self.scheduler = self._start("dask_scheduler", *options)
        for line in self.scheduler.stderr:
            if found := re.search(r"Scheduler at:\s+tcp://127.0.0.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise RuntimeError("the scheduler ended before it said where it is")

    def add_worker(self, threads: int = 1) -> None:
        """Start a worker; it joins when it is ready."""
        log = (self.folder / f"worker-{len(self.workers)}.log").open("w", encoding="utf-8")
        options = ["--nthreads", str(threads), "--no-dashboard", "--no-nanny"]
        scratch = ["--local-directory", str(self.folder / "scratch")]
        self.workers.append(
            self._start("dask_worker", self.address, *options, *scratch, stderr=log)
        )

    def restart_scheduler(self) -> None:
        """Kill the scheduler and start another one at its address."""
        self.scheduler.kill()
        self.scheduler.wait()
        self.start_scheduler()

    def said(self) -> list[str]:
        """Return the lines of all workers so far."""
        logs = sorted(self.folder.glob("worker-*.log"))
        return [line for log in logs for line in log.read_text(encoding="utf-8").splitlines()]

    def close(self) -> None:
        """End all processes."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self.scheduler.stderr.close()

    def _start(self, program: str, *options: str, stderr=subprocess.PIPE) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
        return subprocess.Popen(command, env=self.environment, stderr=stderr, text=True)
