"""Loads model files: data, arrays and instances of allowed classes; no other code runs."""

from __future__ import annotations

import io
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

from adversarial.files import inputs
from adversarial.files.opening import BadFile, open_regular
from adversarial.modelfile import container
from adversarial.modelfile.classes import class_finder
from adversarial.modelfile.decode import Decoder
from adversarial.modelfile.saving import to_string
from adversarial.utils import errors
from adversarial.utils.budget import Budget, Fault
from adversarial.utils.string_utils import preprocess


def load(
    filepath: str | os.PathLike[str], retry: bool = True, allow_modules: Collection[str] = ()
) -> Any:
    """The object saved in `filepath`.

    `allow_modules` names further modules whose `Persistent` classes may be restored. `retry` is
    accepted for old callers. Raises `BadFile`, one line with the file's name and its fault, or
    OSError when the file cannot be opened.
    """
    return _load(filepath, allow_modules, container.GRAPH)


def load_training(filepath: str | os.PathLike[str], allow_modules: Collection[str] = ()) -> Any:
    """What `save` was given as `training`, or None; raises as `load` does."""
    return _load(filepath, allow_modules, container.TRAINING)


def _load(filepath: str | os.PathLike[str], allow_modules: Collection[str], graph: str) -> Any:
    filepath = preprocess(os.fspath(filepath))
    with open_model(filepath) as stream:
        try:
            made = _read(stream, allow_modules, graph)
        except Fault as fault:
            raise BadFile(f"{filepath}: {fault}") from fault.__cause__
    if not inputs.is_confined():  # the file that asks for this one is to blame for both
        errors.loaded_files[filepath] = None
    return made


def open_model(path: str | os.PathLike[str]) -> BinaryIO:
    """The file `path`, opened to be read; OSError or ValueError that says why it cannot be.

    What a model file asks for is read only where `inputs` allows it.
    """
    if not os.path.exists(path):
        raise_cannot_open(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"cannot open {path}: it is a folder")
    stream = open_regular(path)
    try:
        inputs.check(path, stream)
    except BaseException:
        stream.close()
        raise
    return stream


def raise_cannot_open(path: str | os.PathLike[str]) -> None:
    """Raise FileNotFoundError that says which part of `path` is missing."""
    missing = Path(path)
    while not missing.parent.exists():
        missing = missing.parent
    if missing == Path(path):
        listed = f"there is no such file in {missing.parent.absolute()}"
    else:
        listed = f"there is no folder {missing.absolute()}"
    raise FileNotFoundError(f"cannot open {path}: {listed}")


def from_string(s: bytes, allow_modules: Collection[str] = ()) -> Any:
    """The object that `to_string` turned into `s`; raises `BadFile`."""
    return _from_string(s, allow_modules, container.GRAPH)


def training_from_string(s: bytes, allow_modules: Collection[str] = ()) -> Any:
    """The `training` that `to_string` was given, or None; raises `BadFile`."""
    return _from_string(s, allow_modules, container.TRAINING)


def _from_string(s: bytes, allow_modules: Collection[str], graph: str) -> Any:
    try:
        return _read(io.BytesIO(s), allow_modules, graph)
    except Fault as fault:
        raise BadFile(f"<bytes>: {fault}") from fault.__cause__


def _read(stream: BinaryIO, allow_modules: Collection[str], graph: str = container.GRAPH) -> Any:
    budget = Budget.of_bytes(stream.seek(0, os.SEEK_END), 0)
    document, arrays = container.read(stream, graph, budget)
    if document is None:
        return None
    try:
        with budget.active():
            return Decoder(document, arrays, class_finder(allow_modules), budget).decode()
    except Fault:
        raise
    # Checksums guard against accidents; a forged graph can make any step of this fail.
    except Exception as error:
        shown = container.short(error)
        raise Fault(f"holds an object graph that is not valid ({shown})") from error


def clone_via_serialize(obj: Any) -> Any:
    """A copy of `obj` as saving and loading would make it."""
    return from_string(to_string(obj), allow_modules=(type(obj).__module__,))
