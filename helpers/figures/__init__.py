"""Data in, Matplotlib figure out, with alt text.

Every function here returns a :class:`CourseFigure`. It computes nothing beyond what drawing needs,
makes no widgets, and never touches ``pyplot``: nothing accumulates, nothing is shown twice.
"""

from helpers.figures.ablation import ablation
from helpers.figures.activations import cost_bars
from helpers.figures.base import CourseFigure
from helpers.figures.batch_norm import accuracy_by_setting, units_while_training
from helpers.figures.calibration import reliability_diagram
from helpers.figures.comparison import comparison
from helpers.figures.curves import fit_curves, learning_curves, time_to_accuracy
from helpers.figures.images import error_gallery, image_grid
from helpers.figures.moments import accuracy_over_seeds, through_layers
from helpers.figures.optimizers import losses_by_rate, momentum_near_one
from helpers.figures.propagation import gradient_by_layer
from helpers.figures.rates import rate_range, rate_search, schedule
from helpers.figures.seeds import seed_curves
from helpers.figures.sparsity import accuracy_against_sparsity

__all__ = [
    "CourseFigure",
    "ablation",
    "accuracy_against_sparsity",
    "accuracy_by_setting",
    "accuracy_over_seeds",
    "comparison",
    "cost_bars",
    "error_gallery",
    "fit_curves",
    "gradient_by_layer",
    "image_grid",
    "learning_curves",
    "losses_by_rate",
    "momentum_near_one",
    "rate_range",
    "rate_search",
    "reliability_diagram",
    "schedule",
    "seed_curves",
    "through_layers",
    "time_to_accuracy",
    "units_while_training",
]
