"""Trying the sandbox out before a submission is in it: whether it starts, and whether it holds."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from helpers.grading.inside.values import ValueRefused, loads
from helpers.grading.limits import Limits
from helpers.grading.sandbox import (
    NO_SANDBOX,
    USER_NAMESPACES,
    describe,
    make_command,
    require_bubblewrap,
)
from helpers.grading.session import Outcome, Question, converse

FEW = 8  # processes, which are enough to see that they are counted


def look_around(learner, secret, processes):
    """Return what can be reached. It runs in the sandbox."""
    import os
    import socket
    from pathlib import Path

    started, release = 0, os.pipe()
    for _ in range(processes + 1):
        try:
            child = os.fork()
        except BlockingIOError:
            break
        if child == 0:
            os.close(release[1])
            os.read(release[0], 1)  # until the parent has gone
            os._exit(0)
        started += 1
    os.close(release[1])
    return {
        "files": [path for path in secret if Path(path).exists()],
        "interfaces": [name for _, name in socket.if_nameindex()],
        "processes": started,
    }


def require_sandbox(limits: Limits, secret: Sequence[Path]) -> str:
    """Return bubblewrap's path once it has been shown to work here.

    Raises:
        ValueError: where submissions cannot be run apart, with the reason and the cure.
    """
    program, limits = require_bubblewrap(), replace(limits, processes=FEW)
    paths = [str(path) for path in secret]
    inputs = {"secret": paths, "processes": limits.processes}
    question = Question(inspect.getsource(look_around), look_around.__name__, inputs)
    outcome = converse(make_command(program, limits, secret, 0), [], question, limits)
    found = _reached(outcome, limits)
    if found is None:
        raise ValueError(
            f"bubblewrap does not work here ({describe()}): "
            f"{outcome.said or outcome.failed or outcome.ended}. {USER_NAMESPACES} {NO_SANDBOX}"
        )
    if found:
        raise ValueError(
            f"bubblewrap does not keep submissions apart here ({describe()}): {'; '.join(found)}. "
            f"Grade on another machine. {NO_SANDBOX}"
        )
    return program


def _reached(outcome: Outcome, limits: Limits) -> list[str] | None:
    """Return what could be reached and should not be; None where there was no answer."""
    if outcome.ended != "answered":
        return None
    try:
        answer = loads(outcome.answer)
    except ValueRefused:
        return None
    found = [f"{path} can be seen" for path in answer["files"]]
    found += [f"the network {name} is there" for name in answer["interfaces"] if name != "lo"]
    if answer["processes"] >= limits.processes:
        found.append(f"more than {limits.processes} processes can be started")
    return found
