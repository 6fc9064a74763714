"""Where the course can be opened by a click: its public repository, and the addresses made from it.

``launch.json`` beside this file is the one place that holds the repository. ``course launch``
writes it, and all that shows an address (the notebooks, README.md, the site) is made from it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from helpers.files import replacing

FILE = "helpers/launch.json"  # in the course's repository
HERE = Path(__file__).resolve().parents[1]
HOST = "github.com"
OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?"
NAME = r"(?!\.{1,2}$|.*\.git$)[A-Za-z0-9._-]{1,100}"
REF = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
BINDER_BADGE = "https://mybinder.org/badge_logo.svg"
COLAB_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


@dataclass(frozen=True)
class Launch:
    """The public repository that links lead to; ``is_set`` is False until there is one.

    >>> launch = Launch("ada/deep", "main")
    >>> launch.colab("notebooks/04_selu.ipynb")
    'https://colab.research.google.com/github/ada/deep/blob/main/notebooks/04_selu.ipynb'
    >>> launch.binder("notebooks/04_selu.ipynb")
    'https://mybinder.org/v2/gh/ada/deep/main?labpath=notebooks%2F04_selu.ipynb'
    >>> Launch().is_set
    False

    Raises:
        ValueError: for what is not ``OWNER/REPO``, and for a ref that an address cannot hold.
    """

    repository: str | None = None
    ref: str = "main"

    def __post_init__(self) -> None:
        if self.repository is not None:
            _check_repository(self.repository)
        if not isinstance(self.ref, str) or not re.fullmatch(REF, self.ref) or ".." in self.ref:
            raise ValueError(
                f"the ref is {self.ref!r}, expected a branch, tag or commit of letters, digits, "
                "dots, dashes and underscores, such as main or v1.0: links hold no other."
            )

    @property
    def is_set(self) -> bool:
        """Whether there is a repository, and so whether there are links."""
        return self.repository is not None

    @property
    def page(self) -> str:
        """The address of the repository's page."""
        self._needs_repository()
        return f"https://{HOST}/{self.repository}"

    @property
    def requirement(self) -> str:
        """What pip installs the course from."""
        return f"git+{self.page}@{self.ref}"

    def binder(self, path: str) -> str:
        """Return the address that opens a notebook of the repository on Binder."""
        self._needs_repository()
        shown = quote(path, safe="")
        return f"https://mybinder.org/v2/gh/{self.repository}/{self.ref}?labpath={shown}"

    def colab(self, path: str) -> str:
        """Return the address that opens a notebook of the repository on Colab."""
        self._needs_repository()
        start = "https://colab.research.google.com/github"
        return f"{start}/{self.repository}/blob/{self.ref}/{quote(path)}"

    def _needs_repository(self) -> None:
        if not self.is_set:
            raise ValueError("no repository is set: run course launch OWNER/REPO.")


def read_launch(root: Path = HERE) -> Launch:
    """Return the setting of a repository of the course, by default of this very package.

    Raises:
        ValueError: for a file that is damaged.
    """
    path = root / FILE
    if not path.exists():
        return Launch()
    try:
        return Launch(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): run course launch OWNER/REPO.") from None


def write_launch(root: Path, launch: Launch) -> None:
    """Keep the setting."""
    document = {"repository": launch.repository, "ref": launch.ref}
    with replacing(root / FILE) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8", newline="\n")


def _check_repository(repository: str) -> None:
    if isinstance(repository, str) and re.fullmatch(f"{OWNER}/{NAME}", repository):
        return
    meant = re.search(rf"(?:^|{re.escape(HOST)}[/:])({OWNER})/([A-Za-z0-9._-]+)", str(repository))
    name = meant[2].removesuffix(".git") if meant else ""
    hint = f": did you mean {meant[1]}/{name}?" if name and ":" in str(repository) else "."
    expected = f"expected OWNER/REPO as on {HOST}, such as ada/deep"
    raise ValueError(f"the repository is {repository!r}, {expected}{hint}")
