"""Where the launch buttons lead: the repository on the code host, from the course's one setting."""

import json
from pathlib import Path
from typing import NamedTuple

FILE = Path("helpers") / "launch.json"


class Setting(NamedTuple):
    """The public repository, ``OWNER/REPO``, or None while there is none; a branch, tag or commit.

    >>> Setting(None).theme_options()
    {}
    >>> Setting("ada/deep", "v1").theme_options()["repository_url"]
    'https://github.com/ada/deep'
    """

    repository: str | None = None
    ref: str = "main"

    def theme_options(self) -> dict:
        """Return what the theme has to know to show launch buttons on the pages of notebooks."""
        if self.repository is None:
            return {}
        return {
            "repository_url": f"https://github.com/{self.repository}",
            "repository_branch": self.ref,
            "path_to_docs": "",  # a page's name is its notebook's path in the repository
            "use_repository_button": True,
            "launch_buttons": {
                "notebook_interface": "jupyterlab",
                "binderhub_url": "https://mybinder.org",
                "colab_url": "https://colab.research.google.com",
            },
        }


def read_setting(root: Path) -> Setting:
    """Return the setting that ``course launch`` keeps, the default where there is none."""
    path = root / FILE
    return Setting(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else Setting()
