"""A place without the course: an environment of its own, and kernels that run there."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from packaging.utils import canonicalize_name

from helpers.build.launching import set_launch
from helpers.launch import Launch

ROOT = Path(__file__).parents[2]
LAUNCH = Launch("ada/deep")
CELL_TIMEOUT_SECONDS = 300
NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "JUPYTER_PATH")


class Place:
    """A virtual environment.

    Attributes:
        folder: where it is.
        environment: the variables of what is started here.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        kept = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
        path = os.pathsep.join((str(folder / "bin"), kept["PATH"]))
        self.environment = {**kept, "PATH": path, **environment}

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def try_to_run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess:
        """Run a command here, and return how it ended and what it printed."""
        return subprocess.run(
            command, cwd=cwd, env=self.environment, capture_output=True, text=True
        )

    def run(self, *command: str, cwd: Path) -> str:
        """Run a command here that must succeed, and return what it printed."""
        done = self.try_to_run(*command, cwd=cwd)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def versions(self) -> dict[str, str]:
        """Return what ``pip list`` says, by normalized names."""
        listed = self.run(str(self.python), "-m", "pip", "list", "--format=json", cwd=self.folder)
        return {canonicalize_name(each["name"]): each["version"] for each in json.loads(listed)}

    def execute(self, notebook: Path) -> nbformat.NotebookNode:
        """Run a notebook in a kernel of this place, in its own folder, and return what came."""
        document = nbformat.read(notebook, as_version=4)
        with self.kernel(notebook.parent) as manager:
            NotebookClient(document, km=manager, timeout=CELL_TIMEOUT_SECONDS).execute()
        return document

    @contextmanager
    def kernel(self, cwd: Path):
        """Give a started kernel, and end it whatever happens."""
        folder = self.folder / "kernels" / "place"
        folder.mkdir(parents=True, exist_ok=True)
        argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        specification = {"argv": argv, "display_name": "place", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(specification))
        specifications = KernelSpecManager(
            kernel_dirs=[str(folder.parent)], ensure_native_kernel=False
        )
        manager = AsyncKernelManager(kernel_name="place", kernel_spec_manager=specifications)
        run_sync(manager.start_kernel)(cwd=str(cwd), env=self.environment)
        try:
            yield manager
        finally:
            run_sync(manager.shutdown_kernel)(now=True)


def find_uv() -> str:
    """Return the program uv: the one on the PATH, or the one beside this Python."""
    return shutil.which("uv") or str(Path(sys.executable).with_name("uv"))


def find_git() -> str:
    """Return the program git, which pip and the course's own tests need too."""
    git = shutil.which("git")
    assert git, "git should be on the PATH"
    return git


def make_environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment of this Python with uv: packages are linked, not copied.

    pip is in it, as uv seeds it or as the requirements have it.
    """
    uv = find_uv()
    for command in (
        ("venv", "--quiet", "--seed", "--python", sys.executable, folder),
        ("pip", "install", "--quiet", "--python", folder / "bin" / "python", *requirements),
    ):
        subprocess.run([uv, *command], check=True)
    return folder


def copy_repository(target: Path) -> Path:
    """Copy what git tracks, or would track once it is added: what others would clone."""
    listed = subprocess.run(
        [find_git(), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def publish(target: Path) -> dict[str, str]:
    """Make ``target`` the repository that LAUNCH names, and return what git needs to find it.

    ``course launch`` is what a teacher runs; git takes the public address for the local one.
    """
    copy_repository(target)
    set_launch(target, LAUNCH)
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for command in (
        ("init", "--quiet", "--initial-branch", LAUNCH.ref),
        ("add", "--all"),
        (*who, "commit", "--quiet", "--message", "published"),
    ):
        subprocess.run([find_git(), *command], cwd=target, check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{target.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": LAUNCH.page,
    }
