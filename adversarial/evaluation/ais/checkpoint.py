"""The file from which an evaluation that was killed continues, with the same result to the bit.

It is a .npz file of the results of finished runs and of the state of the current one, written
atomically. It also has a fingerprint of the model, the data and the settings: the file of another
evaluation is refused. `likelihood` writes and reads it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable

import numpy as np

from adversarial.files.atomic_write import atomic_write, check_writable
from adversarial.modelfile.npy import load_npz

# Seconds between two saves within a run: a save takes a few milliseconds.
INTERVAL = 30.0
_FINGERPRINT = "fingerprint"
_RESULT, _CURRENT = "result ", "current "


class Checkpoint:
    """The state of an evaluation, in memory and, if a path is given, in a file.

    Parameters
    ----------
    path : path or None
        Without it, nothing is written or read.
    fingerprint : str
        Of all that the result depends on.
    runs : iterable of str
        The names of all runs that there may be.
    values : iterable of str
        The names of the arrays in the state of a run.

    Attributes
    ----------
    results : dict of str to array
        Of the runs that have ended.
    current : dict of str to array
        The state of the run that has not, by name; empty at the start of one.

    Raises
    ------
    ValueError
        Where the file is of another evaluation, damaged, or no such file.
    OSError
        Where it cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        fingerprint: str,
        runs: Iterable[str],
        values: Iterable[str],
    ) -> None:
        self.path = None if path is None else os.fspath(path)
        self.fingerprint = fingerprint
        self.results: dict[str, np.ndarray] = {}
        self.current: dict[str, np.ndarray] = {}
        self._saved = time.monotonic()
        if self.path is None:
            return
        check_writable(self.path, "the state of the evaluation")
        if os.path.exists(self.path):
            self._read(runs, values)

    def finish(self, run: str, result: np.ndarray) -> None:
        """Record the result of a run, and save."""
        self.results[run] = result
        self.current = {}
        self._write()

    def offer(self, state: dict[str, np.ndarray] | None) -> None:
        """Save the state of the current run; `due` tells when."""
        self.current = dict(state or {})
        self._write()

    def due(self) -> bool:
        """Whether the last save was INTERVAL seconds ago."""
        return self.path is not None and time.monotonic() - self._saved >= INTERVAL

    def _write(self) -> None:
        if self.path is None:
            return
        arrays = {_FINGERPRINT: np.frombuffer(self.fingerprint.encode("ascii"), np.uint8)}
        arrays.update({_RESULT + name: value for name, value in self.results.items()})
        arrays.update({_CURRENT + name: value for name, value in self.current.items()})
        with atomic_write(self.path) as stream:
            np.savez(stream, **arrays)
        self._saved = time.monotonic()

    def _read(self, runs: Iterable[str], values: Iterable[str]) -> None:
        assert self.path is not None
        names = [_RESULT + run for run in runs] + [_CURRENT + value for value in values]
        try:
            arrays = load_npz(self.path, [_FINGERPRINT, *names])
        except ValueError as error:
            raise ValueError(
                f"{error}\nName another file for the state; a state is made where there is no file."
            ) from error
        if _FINGERPRINT not in arrays:
            raise ValueError(
                f"{self.path} holds something else than the state of an evaluation\n"
                "Name another file."
            )
        found = arrays.pop(_FINGERPRINT)
        if found.tobytes() != self.fingerprint.encode("ascii"):
            raise ValueError(
                f"{self.path} is not the state of this evaluation: the model, the data, an option "
                "or the engine was another\nName another file, or delete this one to begin anew."
            )
        for name, value in arrays.items():
            into = self.results if name.startswith(_RESULT) else self.current
            into[name.partition(" ")[2]] = value


def fingerprint_of(*parts: object) -> str:
    """SHA-256 of arrays and of the `repr` of other things, as hexadecimal text."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()
