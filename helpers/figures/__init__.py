"""Data in, Matplotlib figure out, with alt text.

Every function here returns a :class:`CourseFigure`. It computes nothing beyond what drawing needs,
makes no widgets, and never touches ``pyplot``: nothing accumulates, nothing is shown twice.
"""

from helpers.figures.base import CourseFigure
from helpers.figures.calibration import reliability_diagram
from helpers.figures.comparison import comparison
from helpers.figures.curves import fit_curves, learning_curves, time_to_accuracy
from helpers.figures.images import error_gallery, image_grid
from helpers.figures.rates import rate_range, rate_search, schedule

__all__ = [
    "CourseFigure",
    "comparison",
    "error_gallery",
    "fit_curves",
    "image_grid",
    "learning_curves",
    "rate_range",
    "rate_search",
    "reliability_diagram",
    "schedule",
    "time_to_accuracy",
]
