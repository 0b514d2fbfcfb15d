"""Model files: what `save` writes and `load` reads.

A model file (`.pkl`, as in 2014) is a zip archive of JSON and NumPy arrays without a pickle in it
(`container`). `encode` turns an object graph into JSON and `decode` turns JSON into objects; both
follow `schema`. `classes` decides which classes a file may name, and `npy` reads arrays; each file
has a `utils.budget.Budget`, which bounds what it may become. Loading makes plain data, arrays,
shared variables and `Persistent` objects, and runs no other code.
"""

from adversarial.files.opening import BadFile
from adversarial.modelfile.classes import Persistent, is_persistent
from adversarial.modelfile.loading import (
    clone_via_serialize,
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
