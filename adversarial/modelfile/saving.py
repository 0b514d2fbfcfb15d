"""Saves objects to model files, atomically; see `files.atomic_write`."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from adversarial.files import outputs
from adversarial.files.atomic_write import atomic_write
from adversarial.modelfile import container
from adversarial.modelfile.classes import class_name
from adversarial.modelfile.encode import Encoder
from adversarial.utils.string_utils import preprocess

log = logging.getLogger(__name__)

# Paths for which `try_to_save` failed, in order; a dict as an ordered set.
_unsaved: dict[str, None] = {}


def save(
    filepath: str | os.PathLike[str],
    obj: Any,
    on_overwrite: str = "ignore",
    training: Any = None,
    half: bool = False,
) -> None:
    """Save `obj` to the file `filepath`, and replace an existing file atomically.

    Parameters
    ----------
    filepath : str or path-like
    obj : object
    on_overwrite : 'ignore' or 'backup'
        'backup' keeps the replaced file as `filepath + '.bak'`.
    training : object, optional
        A second object, in the same file. `load` reads `obj` only, `load_training` this one only.
    half : bool
        Round parameters, and all shared variables of floats in `obj`, to float16, which halves the
        file. They are loaded as floatX.

    Raises
    ------
    TypeError
        If an attribute cannot be saved, or is too large for float16; the message names it. The old
        file stays.
    OSError
        If the file cannot be written. The old file stays.
    """
    if on_overwrite not in ("ignore", "backup"):
        raise ValueError(f"on_overwrite must be 'ignore' or 'backup', not {on_overwrite!r}")
    filepath = preprocess(os.fspath(filepath))
    with atomic_write(filepath) as stream:
        _write(stream, obj, training, half)
        if on_overwrite == "backup" and os.path.exists(filepath):
            with atomic_write(filepath + ".bak") as backup, open(filepath, "rb") as old:
                for chunk in iter(lambda: old.read(1 << 20), b""):
                    backup.write(chunk)


def check_can_save(obj: Any) -> None:
    """Raise TypeError, which names the attribute, if `save` would. Copies no array."""
    _flat(obj)


@contextlib.contextmanager
def noting_failures() -> Iterator[Collection[str]]:
    """Collect the paths for which the last `try_to_save` within this block failed."""
    global _unsaved
    before, _unsaved = _unsaved, {}
    try:
        yield _unsaved.keys()
    finally:
        _unsaved = before


def try_to_save(filepath: str | os.PathLike[str], obj: Any, training: Any = None) -> bool:
    """Call `save`, and return whether it succeeded; a failure is logged, and training goes on."""
    try:
        save(filepath, obj, training=training)
    except Exception as error:  # whatever it is, the next save may succeed
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        log.warning("could not save %s: %s", filepath, reason)
        _unsaved[os.fspath(filepath)] = None
        return False
    _unsaved.pop(os.fspath(filepath), None)
    return True


def to_string(obj: Any, training: Any = None) -> bytes:
    """`obj`, and `training`, as the bytes that `save` would write."""
    stream = io.BytesIO()
    _write(stream, obj, training)
    return stream.getvalue()


def _write(stream: BinaryIO, obj: Any, training: Any = None, half: bool = False) -> None:
    container.write(
        stream,
        *_flat(obj, half),
        training=None if training is None else _flat(training),
        mark=outputs.mark(),
    )


def _flat(obj: Any, half: bool = False) -> container.Graph:
    encoder = Encoder(class_name, half)
    return encoder.encode(obj), encoder.arrays
