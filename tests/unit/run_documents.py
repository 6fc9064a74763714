"""Documents of runs that nobody trained, for the tests of figures and labs."""

REPLICA, STAND_IN = "CIFAR-10 (JPEG replica)", "stand-in (not CIFAR-10)"


def make_run(variant="bn", seed=0, epochs=6, data=REPLICA, profile="full", **changes):
    """Return a run document whose validation accuracy is 0.3, 0.35, ... plus seed / 100."""
    accuracy = [0.3 + 0.05 * epoch + seed / 100 for epoch in range(epochs)]
    history = {
        "loss": [2.0 - value for value in accuracy],
        "accuracy": [value + 0.1 for value in accuracy],
        "validation_loss": [2.3 - value for value in accuracy],
        "validation_accuracy": accuracy,
        "learning_rate": [1e-3] * epochs,
        "seconds": [2.0 + seed] * epochs,
    }
    return {
        "variant": variant,
        "title": f"title of {variant}",
        "data": data,
        "profile": profile,
        "seed": seed,
        "best_epoch": epochs,
        "planned_epochs": 100,
        "settings": {"learning_rate": 1e-3},
        "history": history,
        "versions": {"keras": "3.15.0"},
        "hardware": {"cores": 2},
        **changes,
    }
