"""From ``chapters/`` to notebooks: what ``course build`` and ``course build --check`` do.

``sources`` finds chapters, ``notebook`` turns a source into cells and a file, ``quizzes`` questions
into what a notebook reads, ``exercises`` an exercise into what learners fill in and its solution,
``install_cell`` is the cell that installs the course on Colab, ``launching`` writes it and all
other links anew, ``execution`` runs the cells, ``check`` compares what is committed with what the
sources give, ``student`` writes what is handed out, after ``leaks`` looked for solutions in it.
Importing this package imports none of them: they need the extras ``test`` and ``grade``,
``sources`` apart.
"""
