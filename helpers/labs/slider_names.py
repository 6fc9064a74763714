"""Gives the sliders of a lab their names, for who listens to the page, and their arrow keys.

ipywidgets writes a slider's label beside it and connects the two for the eye only: a screen reader
says "slider, 2". No trait changes that, so a few lines of script do, in the page, where the lab is.
They also have it say the value that the readout shows. Without this, a slider over (10, 20, 50)
would say the place of 50 in that list.

In Notebook 7 the arrow keys are shortcuts, which go from heading to heading, also while a slider
has the focus. The page leaves out shortcuts where an element asks for that.
"""

import ipywidgets as widgets

SCRIPT = """
(function () {
  var lab = document.currentScript.closest(".course-lab");
  if (!lab) { return; }
  function say(handle, attribute, element) {
    if (element && handle.getAttribute(attribute) !== element.textContent) {
      handle.setAttribute(attribute, element.textContent);
    }
  }
  function sayAll() {
    lab.querySelectorAll(".widget-slider").forEach(function (slider) {
      var handle = slider.querySelector('[role="slider"]');
      if (!handle) { return; }
      handle.setAttribute("data-lm-suppress-shortcuts", "true");
      say(handle, "aria-label", slider.querySelector(".widget-label"));
      say(handle, "aria-valuetext", slider.querySelector(".widget-readout"));
    });
  }
  new MutationObserver(sayAll).observe(lab, {
    subtree: true, childList: true, characterData: true, attributeFilter: ["aria-valuetext"]
  });
  sayAll();
})();
"""


def slider_names() -> widgets.Output:
    """Return what a lab holds among its widgets to name its sliders; nothing of it is seen."""
    script = {"text/html": f"<script>{SCRIPT}</script>", "text/plain": ""}
    output = {"output_type": "display_data", "data": script, "metadata": {}}
    return widgets.Output(outputs=(output,), layout={"display": "none"})
