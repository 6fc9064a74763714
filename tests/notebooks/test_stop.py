"""Stopping a training in a notebook, at any moment: what there is by then can be used, and goes on.

Slow: see CONTRIBUTING.md, Tests. The kernel is a real one, interrupted as JupyterLab's Stop does.
"""

import ast
import os
import queue
import random
import time
from pathlib import Path

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager

ROOT = Path(__file__).parents[2]
STOPS = 12
SEED = 3

SETUP = """
from helpers import course

course.start("09_cifar10")

from dataclasses import replace
from helpers.datasets import make_stand_in
from helpers.models import get_variant
from helpers.profiles import get_profile
from helpers.training import RunStore, train

data = make_stand_in(320, 64, 64)
network = get_variant("bn").network | {"depth": 3, "width": 16}
variant = get_variant("bn", network=network, batch_size=32)
profile = replace(get_profile("ci"), train_images=None)


def go(folder):
    return train(variant, data, profile, epochs=40, store=RunStore(folder))
"""
RESULT = """run and (
    run.ended, run.epochs, run.predict(data.test.images[:3]).shape, run.weights_sha256
)"""


class Notebook:
    """A kernel and what a reader does with it."""

    def __init__(self, folder):
        specifications = KernelSpecManager(kernel_dirs=[])  # this interpreter
        self.manager = KernelManager(
            kernel_name=NATIVE_KERNEL_NAME, kernel_spec_manager=specifications
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.manager.start_kernel(cwd=str(folder), env=environment)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(self, cell, stop_after=None, **expressions):
        """Run a cell, stopped after so many seconds if it still runs, and return the reply."""
        asked = self.client.execute(cell, user_expressions=expressions)
        if stop_after is not None:
            try:
                return self.reply(asked, stop_after)
            except queue.Empty:
                self.manager.interrupt_kernel()
        return self.reply(asked, 300)

    def reply(self, asked, timeout):
        """Return the reply to a message; replies to others, which nobody waits for, are dropped."""
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == asked:
                return reply["content"]

    def value(self, expression):
        """Return the value of an expression, a plain one."""
        found = self.run("pass", found=expression)["user_expressions"]["found"]
        assert found["status"] == "ok", found
        return ast.literal_eval(found["data"]["text/plain"])

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook(tmp_path):
    notebook = Notebook(tmp_path)
    yield notebook
    notebook.close()


@pytest.mark.slow
def test_a_training_stopped_at_any_moment_gives_a_run_and_goes_on_to_the_same_bits(notebook):
    assert notebook.run(SETUP)["status"] == "ok"
    started = time.perf_counter()
    assert notebook.run("run = go('whole')")["status"] == "ok"
    most = time.perf_counter() - started
    whole = notebook.value(RESULT)
    assert whole[0] in ("early stopping", "all epochs")

    rng = random.Random(SEED)  # noqa: S311
    usable, done, store = 0, 0, 0
    for _ in range(STOPS):
        cell = f"run = None\nrun = go('stopped {store}')"
        reply = notebook.run(cell, stop_after=rng.uniform(0, 0.6 * most))
        if reply["status"] != "ok":  # before the first epoch ended, or after the last one
            # "aborted": the cell had not even begun.
            assert reply.get("ename", "KeyboardInterrupt") == "KeyboardInterrupt", reply
            continue
        ended, epochs, shape, sha256 = notebook.value(RESULT)
        assert shape == (3, 10) and epochs >= done
        usable, done = usable + (ended == "interrupted"), epochs
        if ended != "interrupted":
            assert (ended, sha256) == (whole[0], whole[3])
            done, store = 0, store + 1
    assert usable >= 3
    assert notebook.run(f"run = go('stopped {store}')")["status"] == "ok"
    assert notebook.value(RESULT) == whole
