"""JupyterLab has the messages of controls handled in two threads, so changes may overlap."""

import itertools
import threading

import pytest

from helpers.labs import ActivationExplorer


@pytest.mark.parametrize("attempt", range(3))
def test_two_controls_may_change_at_once(attempt):
    lab = ActivationExplorer(functions=("logistic", "relu"))
    values = {"z": (1.0, 2.0, 3.0), "leaky_slope": (0.1, 0.3, 0.5)}
    start, seen = threading.Barrier(len(values)), []

    def change(name):
        start.wait()
        for value in itertools.islice(itertools.cycle(values[name]), 8):
            lab.controls[name].value = value
            seen.append(lab.text.value)

    threads = [threading.Thread(target=change, args=(name,)) for name in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [text for text in seen if "failed" in text]
    assert lab.picture.value == ActivationExplorer(**lab.settings).picture.value
