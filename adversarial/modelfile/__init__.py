"""Saves models to files and loads them, without pickle.

A model file (`.pkl`, as in 2014) is a zip archive of JSON and NumPy arrays (`container`). `encode`
turns an object graph into JSON and `decode` turns JSON into objects, in the form that `schema`
describes. `classes` decides which classes a file may name, `npy` reads arrays, and `utils.budget`
limits the memory and time that a file may take. Loading makes plain data, arrays, shared variables
and `Persistent` objects, and runs no other code.
"""

from adversarial.files.opening import BadFile
from adversarial.modelfile.classes import Persistent, is_persistent
from adversarial.modelfile.loading import (
    clone_via_serialize,
    experiment_of,
    from_string,
    load,
    load_training,
    open_model,
    raise_cannot_open,
    training_from_string,
)
from adversarial.modelfile.saving import (
    check_can_save,
    noting_failures,
    save,
    to_string,
    try_to_save,
)

__all__ = [
    "BadFile",
    "Persistent",
    "check_can_save",
    "clone_via_serialize",
    "experiment_of",
    "from_string",
    "is_persistent",
    "load",
    "load_training",
    "noting_failures",
    "open_model",
    "raise_cannot_open",
    "save",
    "to_string",
    "training_from_string",
    "try_to_save",
]
