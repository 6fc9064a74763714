"""The Stop button, pressed while a cell trains: a real kernel, and a front end made of messages."""

import json

import pytest
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
from jupyter_client.manager import start_new_kernel

MESSAGE_SECONDS = 120  # after that without a message, something is broken and not slow
VIEW = "application/vnd.jupyter.widget-view+json"

# A training of seed 1 in ``STOPPED`` asks the front end for a line after its second epoch. So it
# stands still, in mid-cell, until the test lets it go on.
SET_UP = """
import json
from threading import get_ident
from helpers.datasets import make_stand_in
from helpers.models import get_variant
from helpers.profiles import Profile
from helpers.training import RunStore, train
from helpers.training.progress import Progress

data, ran = make_stand_in(200, 40, 40), []
profile = Profile("tiny", epochs=4, patience=9)
variant = get_variant("elu")
variant = get_variant(variant, network=variant.network | {"depth": 2, "width": 8})
epoch_ended, standing = Progress.epoch_ended, set()

def stand_still(progress, document):
    epoch_ended(progress, document)
    if document["seed"] in standing and document["epochs"] == 2:
        input()

Progress.epoch_ended = stand_still
after_cells = []
get_ipython().events.register("post_execute", lambda: after_cells.append(get_ident()))

def go(seed, folder, **options):
    run = train(variant, data, profile, seed, store=RunStore(folder), **options)
    ran.append([seed, run.ended, run.epochs, run.weights_sha256])
"""


class FrontEnd:
    """Talks to a kernel as JupyterLab does.

    Attributes:
        seen: all messages published so far.
        subshell: where comm messages go; ``None`` is the main shell, as other front ends have it.
    """

    def __init__(self, client):
        self.client = client
        self.seen, self.subshell = [], None

    def wait_for(self, wanted) -> dict:
        """Return the content of the next message that ``wanted(kind, content)`` is true for."""
        while True:
            message = self.client.get_iopub_msg(timeout=MESSAGE_SECONDS)
            self.seen.append(message)
            if wanted(message["msg_type"], message["content"]):
                return message["content"]

    def run(self, code: str, **options) -> dict:
        """Run a cell to its end, and return the reply."""
        return self.reply(self.client.execute(code, **options))

    def reply(self, cell: str) -> dict:
        """Return the reply to a cell, once all that it published has been seen."""
        while True:
            reply = self.client.get_shell_msg(timeout=MESSAGE_SECONDS)
            if reply["parent_header"]["msg_id"] == cell:
                break
        assert reply["content"]["status"] == "ok", reply["content"]
        while not self.is_idle_after(cell):
            self.wait_for(lambda kind, content: kind == "status")
        return reply["content"]

    def is_idle_after(self, cell: str) -> bool:
        """Return whether the kernel has said that it is done with a cell, or another message."""
        return any(
            message["content"].get("execution_state") == "idle"
            for message in self.seen
            if message["parent_header"].get("msg_id") == cell
        )

    def value(self, expression: str):
        """Return the value of an expression in the kernel."""
        reply = self.run("", user_expressions={"value": f"json.dumps({expression})"})
        return json.loads(reply["user_expressions"]["value"]["data"]["text/plain"][1:-1])

    def make_subshell(self) -> None:
        """Ask for a subshell; JupyterLab does when the first widget of a kernel opens."""
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        reply = self.client.get_control_msg(timeout=MESSAGE_SECONDS)
        self.subshell = reply["content"]["subshell_id"]

    def click(self, button: str) -> None:
        """Send what the view of a button sends when it is clicked, and wait until it is taken."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": button, "data": data})
        message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)
        while not self.is_idle_after(message["header"]["msg_id"]):
            self.wait_for(lambda kind, content: kind == "status")

    def published(self, *kinds: str) -> list[dict]:
        """Return the contents of all messages of some kinds so far."""
        return [m["content"] for m in self.seen if m["msg_type"] in kinds]

    def opened(self, model: str) -> list[str]:
        """Return the comm ids of all widgets of a kind so far."""
        return [
            content["comm_id"]
            for content in self.published("comm_open")
            if content["data"]["state"]["_model_name"] == model
        ]

    def shown_at_the_end(self) -> list[dict]:
        """Return what the places that can be updated hold after the last update of each."""
        contents = self.published("display_data", "update_display_data")
        places = [content for content in contents if content["transient"]]
        return list({place["transient"]["display_id"]: place["data"] for place in places}.values())


@pytest.fixture
def front_end(tmp_path):
    manager, client = start_new_kernel(kernel_name=NATIVE_KERNEL_NAME, cwd=str(tmp_path))
    try:
        front_end = FrontEnd(client)
        front_end.run(SET_UP)
        yield front_end
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_click_ends_its_training_and_nothing_else(front_end):
    # Without progress, no widget. Without a subshell, a bar and no button.
    front_end.run("go(0, 'unseen', progress=False)")
    assert not front_end.published("comm_open", "display_data")
    front_end.run("go(1, 'whole')")
    assert front_end.opened("HBoxModel") and not front_end.opened("ButtonModel")

    # With one, a click while the cell runs is taken at once.
    front_end.make_subshell()
    front_end.client.execute("standing.add(1); [go(seed, 'stopped') for seed in (1, 2)]")
    front_end.wait_for(lambda kind, content: VIEW in content.get("data", {}) and "update" in kind)
    queued = [front_end.client.execute(f"ran.append({name!r})") for name in ("third", "fourth")]
    front_end.client.get_stdin_msg(timeout=MESSAGE_SECONDS)  # it stands still now
    (button,) = front_end.opened("ButtonModel")
    front_end.click(button)
    changes = [content["data"].get("state") for content in front_end.published("comm_msg")]
    assert {"disabled": True} in changes and {"description": "Stopping ..."} in changes
    front_end.client.input("")
    front_end.reply(queued[-1])

    # The training ended, the next one had its own button, the queued cells ran once, in order.
    _, whole, stopped, following, *others = front_end.value("ran")
    assert stopped[:3] == [1, "interrupted", 2]
    assert following[:3] == [2, "all epochs", 4]
    assert others == ["third", "fourth"]
    buttons, bars = front_end.opened("ButtonModel"), front_end.opened("HBoxModel")
    assert (len(buttons), len(bars)) == (2, 3)
    assert {*buttons, *bars} <= {
        content["comm_id"] for content in front_end.published("comm_close")
    }
    assert all(data["text/html"] == "" for data in front_end.shown_at_the_end())
    # What IPython does after a cell (it shows pyplot's figures) was not done in the middle of one.
    assert front_end.value("len(set(after_cells))") == 1

    # It goes on to the same end as the one that was never stopped.
    front_end.run("go(1, 'stopped')")
    assert front_end.value("ran")[-1] == whole == [1, "all epochs", 4, whole[3]]
