"""The Stop button of a training: one that works while the cell runs, or none.

While a cell runs, the main thread of its kernel handles no message: a click waits until the cell is
done. So JupyterLab (from 4.4 on) asks ipykernel (from 7 on) for a subshell: a thread beside the
main one, which handles what widgets say. The training stays where it is, asks after each epoch
whether the button was pressed, and leaves the queue of cells alone. Where the front end has asked
for no subshell there is no button, and an interrupt does the same.
"""

from collections.abc import Callable

TOOLTIP = (
    "Ends this training after the present epoch and keeps the best epoch so far. "
    "Other trainings of the cell still run. Run the cell again to go on with this one."
)


class StopButton:
    """Holds a place in the cell's output, and puts the button there as soon as a click would work.

    Attributes:
        asked: whether the button was pressed.
    """

    def __init__(self):
        from IPython.display import HTML, display

        self.asked = False
        self._place = display(HTML(""), display_id=True)
        self._button = None
        self._subshells = _subshell_list()

    def show(self) -> None:
        """Show the button, once. Call it now and then: subshells come while the cell runs."""
        if self._button is not None or not self._subshells():
            return
        import ipywidgets as widgets

        self._button = widgets.Button(description="Stop", icon="stop", tooltip=TOOLTIP)
        comm = self._button.comm
        # ipykernel 7.4 sends a widget's messages to the shell that used the widget last: here the
        # main one, which is busy. Without this note they go where the front end sends them.
        vars(comm).pop("_reply_subshell_id", None)
        # Not ``on_click``: after it, IPython does what it does after a cell, in this thread, and
        # shows pyplot's figures of the cell that still runs where nobody sees them.
        comm.handle_msg = self._hear
        self._place.update(_view(self._button), raw=True)

    def _hear(self, message: dict) -> None:
        """Take what the button's view says. Runs in the subshell's thread."""
        if message["content"]["data"].get("content") != {"event": "click"}:
            return
        self._button.disabled = True
        self._button.description = "Stopping ..."
        self.asked = True  # last: from now on the main thread may take the button away

    def remove(self) -> None:
        """Take the button away, and leave nothing of it in the notebook."""
        if self._button is not None:
            from IPython.display import HTML

            self._place.update(HTML(""))
            for widget in (self._button, self._button.layout, self._button.style):
                widget.close()


def _view(widget) -> dict:
    """Return what shows a widget in a place that is there already: ipywidgets 7.7 has no way to."""
    reference = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": reference, "text/plain": repr(widget)}


def _subshell_list() -> Callable[[], list]:
    """Return what lists the kernel's subshells. Other and older kernels have none to list."""
    from IPython import get_ipython

    found = get_ipython()
    for name in ("kernel", "shell_channel_thread", "manager"):
        found = getattr(found, name, None)
    return getattr(found, "list_subshell", list)
