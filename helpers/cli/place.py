"""The options that say where jobs run: ``sweep`` and ``grade`` take them."""

import argparse


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add ``--backend`` and ``--scheduler``, see :func:`helpers.jobs.run_jobs`."""
    parser.add_argument(
        "--backend", default="local", metavar="NAME", help="local (default) or dask"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://10.0.0.1:8786"
    )
