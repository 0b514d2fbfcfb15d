"""`RunFile`: the identity of a run at Weights & Biases or MLflow, kept in a file of its own.

A resumed training continues the same run there, and a new training begins another. The state of an
observer is not saved in the model file, so the identity is in a file beside the log.
"""

from __future__ import annotations

import os
import re
from typing import Optional

from adversarial.files import outputs
from adversarial.files.atomic_write import atomic_write, make_folder
from adversarial.files.opening import open_beside


class RunFile:
    """A file with one identity, and the mark of the run that wrote it.

    Examples
    --------
    >>> file = RunFile("log/run.csv")
    >>> file.write("0a1b")
    >>> file.read()
    '0a1b'
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def check_folder(self, name: str) -> str:
        """The folder `name` beside the file, where the tool writes; OutsideError if it is a link.

        The folder may come from a stranger, and the link may lead anywhere.
        """
        beside = os.path.dirname(os.path.abspath(self.path))
        found = os.path.join(beside, name)
        if os.path.realpath(found) != os.path.join(os.path.realpath(beside), name):
            raise outputs.OutsideError(f"{found} is a symbolic link, which is not followed")
        return found

    def read(self) -> Optional[str]:
        """The identity; None if there is none, or another run wrote it."""
        if outputs.mark() and not outputs.carries(self.path, outputs.mark()):
            return None
        try:
            with os.fdopen(open_beside(self.path, os.O_RDONLY), "rb") as stream:
                found = re.match(rb"run\n([0-9a-zA-Z]{1,64})\n", stream.read(200))
        except OSError:
            return None
        return None if found is None else found[1].decode()

    def write(self, identity: str) -> None:
        """Replace the identity; "" is none."""
        outputs.check(self.path)
        make_folder(self.path)
        with atomic_write(self.path) as stream:
            stream.write(f"run\n{identity}\n".encode() + outputs.mark())
