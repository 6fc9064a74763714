"""What the theme has to know to show launch buttons."""

from helpers.launch import Launch


def theme_options(launch: Launch) -> dict:
    """Return the options that show launch buttons on notebooks; none without a repository.

    >>> theme_options(Launch())
    {}
    >>> theme_options(Launch("ada/deep", "v1"))["repository_url"]
    'https://github.com/ada/deep'
    """
    if not launch.is_set:
        return {}
    return {
        "repository_url": launch.page,
        "repository_branch": launch.ref,
        "path_to_docs": "",  # a page's name is its notebook's path in the repository
        "use_repository_button": True,
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }
