"""What repo2docker makes of ``.binder/``, as far as that goes without conda: a lesson runs in it.

Binder's own server comes first, then ``postBuild`` in the repository's root, with the environment's
Python first on the PATH. Python is this one's: ``.binder/environment.yml`` asks conda for 3.12.
"""

import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil
import pytest
import requests
from jupyter_client import BlockingKernelClient
from places import CELL_TIMEOUT_SECONDS, Place, copy_repository, find_uv, make_environment

from helpers.machine import BINDER_MEMORY_MIB, peak_memory_mib

# What repo2docker puts into the environment before it reads ours.
SERVER = ("jupyterhub==5.*", "jupyterlab==4.*", "jupyter-resource-usage==1.*", "notebook==7.*")
LESSON = "notebooks/06_dropout.ipynb"  # theory, with a network in Keras
START_SECONDS = 120
# uv in the place of pip: make test has installed the same lock with pip, which takes far longer.
PYTHON_WITH_UV = """#!/usr/bin/env bash
if [ "$1 $2" = "-m pip" ]; then
  shift 2
  exec "{uv}" pip ${{*/--no-cache-dir}} --python "{python}"
fi
exec "{python}" "$@"
"""

pytestmark = pytest.mark.needs_index


@pytest.fixture(params=["uv", pytest.param("pip", marks=pytest.mark.slow)])
def binder(request, tmp_path):
    """Return the place that repo2docker's steps make, and the repository in it."""
    repository = copy_repository(tmp_path / "repository")
    environment = make_environment(tmp_path / "venv", *SERVER)
    place = Place(environment, COURSE_PROFILE="quick")
    if request.param == "uv":
        shim = tmp_path / "shim" / "python"
        shim.parent.mkdir()
        shim.write_text(PYTHON_WITH_UV.format(uv=find_uv(), python=place.python))
        shim.chmod(0o755)
        place.environment["PATH"] = os.pathsep.join((str(shim.parent), place.environment["PATH"]))
    place.run(str(repository / ".binder" / "postBuild"), cwd=repository)
    yield place, repository
    shutil.rmtree(environment)  # two gigabytes


def test_binder_gets_the_lock_its_server_starts_and_a_lesson_fits(binder):
    place, repository = binder
    uv = [find_uv(), "pip", "check", "--quiet", "--python", str(place.python)]
    place.run(*uv, cwd=repository)  # Binder's server and the lock get on with each other
    versions = place.versions()
    locked = (repository / "requirements.lock").read_text().splitlines()
    pins = dict(line.split("==") for line in locked if line[:1] != "#" and ";" not in line)
    assert {name: versions[name] for name in pins} == pins
    place.run("jupyterhub-singleuser", "--version", cwd=repository)
    with running_server(place, repository) as server:
        run_lesson(server, repository)
        processes = [server.process, *server.process.children(recursive=True)]
        peaks = [peak_memory_mib(each.pid) for each in processes]
    print(f"server and kernel held {' + '.join(f'{peak:,.0f}' for peak in peaks)} MiB")
    assert len(peaks) == 2
    assert sum(peaks) < BINDER_MEMORY_MIB


class Server:
    """A Jupyter server that runs, and what is asked of it."""

    def __init__(self, process: psutil.Process, about: dict, runtime: Path) -> None:
        self.process, self.runtime = process, runtime
        self.url, self.headers = about["url"], {"Authorization": f"token {about['token']}"}

    def open(self, path: str) -> str:
        """Open a notebook as a page in a browser does, and return its kernel's id."""
        wanted = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        answer = requests.post(
            f"{self.url}api/sessions", json=wanted, headers=self.headers, timeout=START_SECONDS
        )
        answer.raise_for_status()
        return answer.json()["kernel"]["id"]


@contextmanager
def running_server(place: Place, repository: Path):
    """Start JupyterLab on a port and with a token of its own choice; end it and its kernels."""
    runtime = place.folder / "runtime"
    options = ("--ip=127.0.0.1", "--port=0", "--no-browser", "--allow-root")
    process = subprocess.Popen(
        [place.folder / "bin" / "jupyter", "lab", *options],
        cwd=repository,
        env=place.environment | {"JUPYTER_RUNTIME_DIR": str(runtime)},
    )
    watched = psutil.Process(process.pid)
    try:
        yield Server(watched, wait_until_it_answers(process, runtime), runtime)
    finally:
        for each in (*watched.children(recursive=True), watched):
            each.kill()
        process.wait()


def wait_until_it_answers(process: subprocess.Popen, runtime: Path) -> dict:
    """Return what the server says about itself, in a file, once it has its port."""
    last = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < last:
        for file in runtime.glob("jpserver-*.json"):
            try:
                about = json.loads(file.read_text())
                requests.get(f"{about['url']}api", timeout=START_SECONDS)
                return about
            except (ValueError, requests.ConnectionError):  # half written; not listening yet
                continue
        time.sleep(0.1)
    pytest.fail(f"no server after {START_SECONDS} s, or it ended: {process.poll()}")


def run_lesson(server: Server, repository: Path) -> None:
    """Run every cell of the lesson in the kernel that the server starts for it."""
    client = BlockingKernelClient()
    client.load_connection_file(str(server.runtime / f"kernel-{server.open(LESSON)}.json"))
    client.start_channels(hb=False)  # on a busy machine a beat is late, and no sign of death
    try:
        client.wait_for_ready(timeout=START_SECONDS)
        for cell in nbformat.read(repository / LESSON, as_version=4).cells:
            if cell.cell_type == "code":
                reply = client.execute_interactive(
                    cell.source, timeout=CELL_TIMEOUT_SECONDS, output_hook=lambda message: None
                )["content"]
                assert reply["status"] == "ok", "\n".join(reply["traceback"])
    finally:
        client.stop_channels()
