"""Printing results for programs: one JSON document on standard output."""

import json
import math
import sys


def print_json(document) -> None:
    """Print ``document`` as JSON. What is not a number (a diverged loss) becomes ``null``."""
    json.dump(_finite(document), sys.stdout, indent=1, sort_keys=True, allow_nan=False)
    sys.stdout.write("\n")


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
