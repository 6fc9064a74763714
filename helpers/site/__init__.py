"""The pages to read, made of what is committed: nothing is executed, nothing is fetched.

``lessons`` reads what a lesson says of itself, ``bibliography`` its further reading, ``glossary``
the terms; ``notebooks`` makes a page's copy of a notebook, ``pages`` writes all that Sphinx reads,
``publish`` runs Sphinx and puts the result in place, ``launch`` tells the theme of launch buttons.
Importing this package imports none of them: they need the packages of ``requirements-site.lock``.
"""
