"""From a folder of submissions to scores: what ``course grade`` does.

``submissions`` finds and reads what learners handed in, ``exercises`` knows what was handed out and
which cells of a submission to run, ``hidden`` holds what is asked and expected. ``sandbox`` starts
``inside.runner`` where nothing can be reached, ``session`` talks with it, ``worker`` is the process
that grades one notebook, ``grader`` runs the workers and keeps the ``journal``, and ``report``
writes scores and pages. Importing this package imports none of them. The sandbox sees this file and
``inside/``, and nothing else of the package.
"""
