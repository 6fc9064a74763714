"""A real JupyterLab or Notebook on loopback, with folders and settings of its own."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter, Retry

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
# What JupyterLab would fetch from the network when it opens.
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


class LabServer:
    """Serves copies of the course's notebooks, so that none of the committed ones is changed.

    Args:
        folder: where it keeps all of its files.
        application: the module to start: "jupyterlab" or "notebook".
        packages: a folder of packages that are not in the environment, for "notebook".
    """

    def __init__(self, folder: Path, application: str, packages: Path | None = None):
        self.notebooks, self.log = folder / "course", folder / "server.log"
        for name in ("notebooks", "exercises"):
            shutil.copytree(ROOT / name, self.notebooks / name)
        self.token = secrets.token_hex()
        self.environment = _environment(folder, packages)
        self.url = f"http://{HOST}:{_free_port()}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"token {self.token}"
        # Until the server listens, a connection is refused.
        self._session.mount(
            "http://", HTTPAdapter(max_retries=Retry(400, backoff_factor=0.05, backoff_max=0.3))
        )
        command = [
            sys.executable, "-m", application, "--no-browser", "--allow-root",
            f"--ServerApp.ip={HOST}", f"--ServerApp.port={self.url.rpartition(':')[2]}",
            "--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.notebooks}",
            f"--IdentityProvider.token={self.token}",
        ]  # fmt: skip
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, cwd=self.notebooks, stdout=log, stderr=log
            )
        try:
            self.ask("status")
        except RuntimeError:
            self._process.kill()
            raise

    def ask(self, path: str, method: str = "GET"):
        """Return what the server's own interface answers."""
        try:
            answer = self._session.request(method, f"{self.url}/api/{path}", timeout=60)
        except requests.ConnectionError as error:
            raise RuntimeError(f"no answer from Jupyter: {self.log.read_text()}") from error
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def end_kernels(self) -> None:
        """End every kernel, and with it the memory that it holds."""
        for session in self.ask("sessions"):
            self.ask(f"sessions/{session['id']}", "DELETE")

    def close(self) -> None:
        """End the kernels and the server."""
        self.end_kernels()
        self._process.terminate()
        self._process.wait(60)


def _environment(folder: Path, packages: Path | None) -> dict[str, str]:
    """Return the environment of the server, which its kernels inherit."""
    own = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    places = {f"JUPYTER_{name}": str(folder / name.lower()) for name in own}
    places |= {
        f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")
    }
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    paths = [str(ROOT)]
    if packages:
        paths.append(str(packages))
        places["JUPYTER_PATH"] = str(packages / "share" / "jupyter")
        places["JUPYTERLAB_DIR"] = str(_joined(folder, packages))
    return {**os.environ, **places, "PYTHONPATH": os.pathsep.join(paths)}


def _joined(folder: Path, packages: Path) -> Path:
    """Put JupyterLab's own files, and those that ``packages`` adds, into one folder."""
    for place in (Path(sys.prefix), packages):
        for part in ("schemas", "themes"):
            found = place / "share" / "jupyter" / "lab" / part
            if found.exists():
                shutil.copytree(found, folder / "lab" / part, dirs_exist_ok=True)
    return folder / "lab"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]
