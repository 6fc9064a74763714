"""Training deep neural networks: the package that the course's notebooks import.

Importing it is cheap and does not import TensorFlow. CONTRIBUTING.md says what each module knows.
"""

__version__ = "0.1.0"
