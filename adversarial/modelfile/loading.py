"""Loads model files: data, arrays and instances of allowed classes; no other code runs."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Optional

from adversarial.files import inputs, outputs
from adversarial.files.opening import BadFile, open_regular
from adversarial.modelfile import container
from adversarial.modelfile.classes import class_finder
from adversarial.modelfile.decode import Decoder
from adversarial.modelfile.saving import to_string
from adversarial.utils import errors, modules_beside
from adversarial.utils.budget import Budget, Fault
from adversarial.utils.string_utils import preprocess


def load(
    filepath: str | os.PathLike[str], retry: bool = True, allow_modules: Collection[str] = ()
) -> Any:
    """The object that was saved in the file `filepath`.

    Parameters
    ----------
    filepath : str or path-like
    retry : bool
        Not used; callers of 2014 give it.
    allow_modules : collection of str
        Modules of the user's own whose `Persistent` classes the file may contain.

    Raises
    ------
    BadFile
        If the file is damaged, or is not a model file.
    OSError
        If the file cannot be opened.
    """
    return _load(filepath, allow_modules, container.GRAPH)


def load_training(filepath: str | os.PathLike[str], allow_modules: Collection[str] = ()) -> Any:
    """The argument `training` of `save`, or None; raises as `load` does."""
    return _load(filepath, allow_modules, container.TRAINING)


def experiment_of(
    filepath: str | os.PathLike[str], allow_modules: Collection[str] = ()
) -> dict[str, Any]:
    """What a model file says of the YAML file, the settings and the seed of its training.

    It is empty for a model that was saved alone, or trained without a YAML file; raises as `load`
    does.
    """
    training = load_training(filepath, allow_modules)
    about = training.get("experiment") if isinstance(training, dict) else None
    return about if isinstance(about, dict) else {}


def _load(filepath: str | os.PathLike[str], allow_modules: Collection[str], graph: str) -> Any:
    filepath = outputs.where_written(preprocess(os.fspath(filepath)))
    with open_model(filepath) as stream, modules_beside_model(filepath, allow_modules):
        try:
            made = _read(stream, allow_modules, graph)
        except Fault as fault:
            raise BadFile(f"{filepath}: {fault}") from fault.__cause__
    if not inputs.is_confined():  # else error messages name the file that loads this one
        errors.loaded_files[filepath] = None
    return made


@contextlib.contextmanager
def modules_beside_model(
    filepath: str | os.PathLike[str], allow_modules: Collection[str]
) -> Iterator[None]:
    """Within this block, allowed modules are found beside the model file, or beside its YAML file.

    The model file says where the YAML file of its training was, relative to itself.
    """
    if not allow_modules:
        yield
        return
    folder = os.path.dirname(filepath) or "."

    def of_yaml() -> Optional[str]:
        # The description has no objects of the modules that are sought; if others fail, it is
        # as if there were none.
        with modules_beside.nowhere(), contextlib.suppress(OSError, ValueError):
            described = experiment_of(filepath, allow_modules).get("yaml_path")
            if isinstance(described, str):
                return os.path.normpath(os.path.join(folder, os.path.dirname(described)))
        return None

    with modules_beside.beside(folder, of_yaml, allowed=allow_modules):
        yield


def open_model(path: str | os.PathLike[str]) -> BinaryIO:
    """Open the file `path` for reading bytes; OSError or ValueError if it cannot be read.

    If the path comes from a model file, `inputs` must allow it.
    """
    if not os.path.exists(path):
        raise_cannot_open(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"cannot open {path}: it is a folder{models_in(path)}")
    stream = open_regular(path)
    try:
        inputs.check(path, stream)
    except BaseException:
        stream.close()
        raise
    return stream


def models_in(folder: str | os.PathLike[str]) -> str:
    """What to give in place of a folder: the model files in it, or in the runs of a sweep."""
    for pattern in ("*.pkl", "*/*.pkl"):
        there = sorted(Path(folder).glob(pattern))
        if there:
            # The runs of a sweep have models of one name.
            example = Path(folder, pattern).with_name(there[0].name)
            return f"; give a model file in it, such as {example}"
    return ""


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
    """The argument `training` of the call of `to_string` that returned `s`, or None; `BadFile`."""
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
    # Checksums detect damage. A forged graph has valid ones, and can make any step raise anything.
    except Exception as error:
        shown = container.short(error)
        raise Fault(f"holds an object graph that is not valid ({shown})") from error


def clone_via_serialize(obj: Any) -> Any:
    """A copy of `obj`, made by saving and loading it in memory."""
    return from_string(to_string(obj), allow_modules=(type(obj).__module__,))
