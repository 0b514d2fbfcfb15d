"""The commands; ``adversarial-train`` and so on, once the package is installed (see setup.py).

Each module has `parse`, which reads the arguments, `main`, which runs the command and raises
exceptions as library code does, and `command`, which a shell calls. Arguments given to `main` are
used in place of the process's. `cli` has what all commands share; `inputs/` reads the data sets and
records that several of them need.
"""
