"""``course train``: train one variant, or show what came of it when it was trained before."""

import argparse

from helpers.cli.output import print_json


def register(subparsers) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "train",
        help="train one variant of chapter 09",
        description="Train one variant. A run that was trained before is shown, not repeated.",
    )
    parser.add_argument(
        "--variant",
        required=True,
        metavar="NAME",
        help="notes, elu, bn, selu, alpha-dropout, mc-dropout, 1cycle or best",
    )
    parser.add_argument("--profile", metavar="NAME", help="ci, quick or full (COURSE_PROFILE)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the profile's")
    parser.add_argument("--batch-size", type=int, metavar="N", help="instead of the variant's")
    parser.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="instead of the variant's"
    )
    parser.add_argument("--store", metavar="DIR", help="folder of runs (default: course's own)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and print the result; exit status 130 when interrupted."""
    from helpers.models import get_variant
    from helpers.profiles import get_profile

    variant, profile = get_variant(args.variant), get_profile(args.profile)  # fail before loading
    from helpers.datasets import load_cifar10
    from helpers.training import RunStore, train

    result = train(
        variant,
        load_cifar10(profile=profile),
        profile,
        args.seed,
        epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        store=RunStore(args.store),
    )
    if args.json:
        print_json(result.document | {"from_store": result.from_store})
    else:
        print(result)
        print(_details(result))
    return 130 if result.ended == "interrupted" else 0


def _details(result) -> str:
    taken = "from the run store" if result.from_store else f"ended: {result.ended}"
    return (
        f"{taken}; {result.seconds_per_epoch:.2f} s an epoch, compiling "
        f"{result.compile_seconds:.1f} s, peak memory {result.peak_memory_mib} MiB, "
        f"backend {result.backend}, weights {result.weights_sha256[:12]}"
    )
