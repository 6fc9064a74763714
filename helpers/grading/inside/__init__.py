"""What the sandbox sees of the grader: the runner of cells, and how values travel."""
