"""The theory of the course in NumPy: no Keras, nothing to compile, ready at once.

Each module is one subject; each public function names its source and equation. Arrays are float64
unless float32 comes in. The tests compare each with Keras on the same numbers.
"""
