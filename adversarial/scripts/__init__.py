"""The commands; ``adversarial-train`` and so on, once the package is installed (see setup.py).

Each module has `main`, which raises as library code does, and `command`, which a shell calls.
`inputs` is what several of them are given.
"""
