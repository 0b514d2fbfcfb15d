"""Saves objects to model files, each in one step: the old file stays until the new one is whole."""

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

# Paths that `try_to_save` failed for, in their order.
_unsaved: dict[str, None] = {}


def save(
    filepath: str | os.PathLike[str], obj: Any, on_overwrite: str = "ignore", training: Any = None
) -> None:
    """Save `obj` to `filepath`, replacing an existing file in one step.

    `training` is put beside it in the same file: `load` does not read it, `load_training` reads
    nothing else. `on_overwrite='backup'` keeps the replaced file as `filepath + '.bak'`. Raises
    TypeError, naming the attribute, for what cannot be saved, and OSError when the disk refuses;
    either way the old file stays.
    """
    if on_overwrite not in ("ignore", "backup"):
        raise ValueError(f"on_overwrite must be 'ignore' or 'backup', not {on_overwrite!r}")
    filepath = preprocess(os.fspath(filepath))
    with atomic_write(filepath) as stream:
        _write(stream, obj, training)
        if on_overwrite == "backup" and os.path.exists(filepath):
            with atomic_write(filepath + ".bak") as backup, open(filepath, "rb") as old:
                for chunk in iter(lambda: old.read(1 << 20), b""):
                    backup.write(chunk)


def check_can_save(obj: Any) -> None:
    """TypeError, naming the attribute, if `save` would refuse `obj`. No array is copied."""
    _flat(obj)


@contextlib.contextmanager
def noting_failures() -> Iterator[Collection[str]]:
    """The paths for which `try_to_save` failed within the block, and has not succeeded since."""
    global _unsaved
    before, _unsaved = _unsaved, {}
    try:
        yield _unsaved.keys()
    finally:
        _unsaved = before


def try_to_save(filepath: str | os.PathLike[str], obj: Any, training: Any = None) -> bool:
    """`save`, for those who have something better to do than to fail: True, or a warning."""
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


def _write(stream: BinaryIO, obj: Any, training: Any = None) -> None:
    container.write(
        stream,
        *_flat(obj),
        training=None if training is None else _flat(training),
        mark=outputs.mark(),
    )


def _flat(obj: Any) -> container.Graph:
    encoder = Encoder(class_name)
    return encoder.encode(obj), encoder.arrays
