"""Settings of Sphinx. ``course site`` (helpers/site) writes what it reads and runs it."""

from helpers import __version__
from helpers.launch import Launch
from helpers.site.launch import theme_options

project = "Training deep neural networks"
author = "the authors of the course"
copyright = "the authors of the course, Apache 2.0"
version = release = __version__
language = "en"
smartquotes = False  # texts are what they are in the notebooks

extensions = ["myst_nb", "helpers.site.mathml"]
nb_execution_mode = "off"  # the committed outputs are what is published
nb_merge_streams = True
nb_render_markdown_format = "myst"  # in outputs too: tables, and links to other notebooks
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
myst_update_mathjax = False
html_math_renderer = "mathml"
nitpicky = True

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
templates_path = ["templates"]
html_css_files = ["course.css"]
html_sourcelink_suffix = ""
html_use_index = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {
    "navbar_persistent": [],  # search is in the side bar
    "max_navbar_depth": 1,  # deeper levels open by a button that has no name
    "show_toc_level": 2,
    "use_fullscreen_button": False,
    "footer_content_items": ["copyright.html"],
    "use_download_button": True,
    "use_repository_button": False,
    "navigation_with_keys": False,
    "search_as_you_type": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app):
    """Add the one setting that ``course site`` makes."""
    app.add_config_value("course_launch", Launch(), "html", Launch)
    app.connect("config-inited", _add_launch_buttons)


def _add_launch_buttons(app, config):
    config.html_theme_options |= theme_options(config.course_launch)
