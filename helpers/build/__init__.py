"""From ``chapters/`` to notebooks: what ``course build`` and ``course build --check`` do.

``sources`` finds chapters, ``notebook`` turns a source into cells and a file, ``quizzes`` questions
into what a notebook reads, ``execution`` runs the cells, ``check`` compares what is committed with
what the sources give. Importing this package imports none of them: they need the ``test`` extra,
``sources`` apart.
"""
