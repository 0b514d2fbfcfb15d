"""Saving and loading models, safely.

A model file (`.pkl` by old custom) is a zip archive without a pickle in it; see `container` for
the layout. Loading can make plain Python data, NumPy arrays, shared variables and instances of
`Persistent` classes of this package, and runs no other code. Saving replaces a file in one step.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import socket
import struct
import tempfile
import time
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from adversarial import backend
from adversarial.utils import container, errors, inputs, outputs, own_modules
from adversarial.utils.files import BadFile, open_regular, stem_for
from adversarial.utils.flatten import Flattener
from adversarial.utils.lush import read_bin_lush_matrix
from adversarial.utils.npy import Fault
from adversarial.utils.rebuild import Builder
from adversarial.utils.string_utils import preprocess

__all__ = [
    "BadFile",
    "Persistent",
    "atomic_write",
    "clone_via_serialize",
    "from_string",
    "get_pickle_protocol",
    "load",
    "load_training",
    "mkdir",
    "preprocess",
    "raise_cannot_open",
    "read_bin_lush_matrix",
    "read_int",
    "save",
    "to_string",
    "training_from_string",
    "try_to_save",
]

log = logging.getLogger(__name__)

# Classes that moved: "old.module:OldName" -> "new.module:NewName", so that old files still load.
MOVED: dict[str, str] = {
    "adversarial.monitor:Monitor": "adversarial.monitor.monitor:Monitor",
    "adversarial.monitor:MonitorChannel": "adversarial.monitor.channel:MonitorChannel",
}
_ONCE_IN_WEIGHTLESS = {
    "Clusterize": "noise:Clusterize",
    "HardSigmoid": "mlp.linear:HardSigmoid",
    "NoiseCat": "noise:NoiseCat",
    "RectifiedLinear": "mlp.activation:RectifierActivation",
    "Sigmoid": "mlp.activation:SigmoidActivation",
    "SubtractHalf": "centering:SubtractHalf",
    "SubtractRealMean": "centering:SubtractRealMean",
    "Sum": "mlp.composite:Sum",
}
for _name, _home in _ONCE_IN_WEIGHTLESS.items():
    MOVED[f"adversarial.models.weightless:{_name}"] = f"adversarial.models.{_home}"
HOME = ("adversarial", "sandbox")
_CLASS_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_STALE_SECONDS = 3600.0
# Paths that `try_to_save` failed for, in their order.
_unsaved: dict[str, None] = {}


class Persistent:
    """Base of every class whose instances may be kept in a model file.

    Restoring an instance does not call `__init__`: its state, from `__getstate__` or else its
    `__dict__`, is given to `__setstate__` or else becomes its `__dict__`. A class that cannot
    derive from this one may set `persistent = True` instead. For what `new_at_start` and
    `kept_whole` mean in a class, see `adversarial.checkpoint`.
    """


def is_persistent(cls: type) -> bool:
    return issubclass(cls, Persistent) or getattr(cls, "persistent", False) is True


def within(module: str, packages: Collection[str]) -> bool:
    """Is the module of this name one of `packages`, or inside one?"""
    return any(module == package or module.startswith(package + ".") for package in packages)


def _resolve(name: str) -> type | None:
    module, _, qualified = name.partition(":")
    found: Any = own_modules.import_module(module)
    # Only classes on the way: never from a module into whatever else it happens to import.
    for part in qualified.split("."):
        found = getattr(found, part, None)
        if not isinstance(found, type):
            return None
    return found


def _name_class(cls: type) -> str:
    name = f"{cls.__module__}:{cls.__qualname__}"
    shown = name.replace(":", ".")
    if not is_persistent(cls):
        raise TypeError(f"is a {shown}, which cannot be saved (it is not a serial.Persistent)")
    try:
        found = _resolve(name) if _CLASS_NAME.fullmatch(name) else None
    except ImportError:
        found = None
    if found is not cls or cls.__module__ == "__main__":
        raise TypeError(f"is a {shown}, which cannot be found by name; put it into a module")
    if cls.__basicsize__ > Persistent.__basicsize__:
        raise TypeError(f"is a {shown}, which keeps data outside its attributes")
    return name


def _class_finder(allow_modules: Collection[str]) -> Any:
    def find(name: Any) -> type:
        if type(name) is not str or len(name) > 500 or not _CLASS_NAME.fullmatch(name):
            raise Fault(f"names a class {name!r:.80}")
        name = MOVED.get(name, name)
        module = name.partition(":")[0]
        shown = name.replace(":", ".")
        if not within(module, (*HOME, *allow_modules)):
            raise Fault(
                f"holds a {shown}, which is not part of this program; if you trust that module, "
                f"allow it with --allow-module {module.partition('.')[0]}"
            )
        try:
            cls = _resolve(name)
        except ImportError as error:
            raise Fault(f"holds a {shown}, which cannot be imported ({error})") from error
        if cls is None or not within(cls.__module__, (*HOME, *allow_modules)):
            raise Fault(f"holds a {shown}, which does not exist in this version")
        if not is_persistent(cls):
            raise Fault(f"holds a {shown}, which may not be restored from a file")
        return cls

    return find


@contextlib.contextmanager
def atomic_write(filepath: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file that becomes `filepath` when the block ends, or vanishes when it fails.

    Written aside in the same folder, synced to disk, renamed: at every instant `filepath` is the
    whole old file or the whole new one. The mode of an existing file is kept. Of several processes
    that train together, only the first writes.
    """
    outputs.check(filepath)
    if not backend.is_first_process():
        with tempfile.TemporaryFile() as nowhere:
            yield nowhere
        return
    target = Path(os.path.realpath(filepath))
    if target.exists() and not target.is_file():
        raise OSError(f"cannot save to {filepath}: it is not a regular file")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"cannot save to {filepath}: it is read-only")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot save to {filepath}: there is no folder {target.parent}")
    _remove_stale(target)
    aside, handle = _open_aside(target)
    try:
        with os.fdopen(handle, "w+b") as stream:
            if target.exists():
                with contextlib.suppress(OSError):
                    os.chmod(aside, target.stat().st_mode & 0o7777)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        if isinstance(error, OSError) and error.filename is None and error.errno is not None:
            error.filename = os.fspath(filepath)
        raise
    _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str], what: str = "the model") -> None:
    """OSError that names `what` unless `atomic_write` can write `path`; to be told beforehand."""
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}, where {what} is to be saved, is no folder: make it")
    target = Path(os.path.realpath(path))
    try:
        exists = bool(os.lstat(target))
    except FileNotFoundError:
        exists = False
    except OSError as error:  # the name is too long
        raise OSError(f"{path}, where {what} is to be saved: {error.strerror}") from None
    if exists and not target.is_file():
        raise FileExistsError(f"{path}, where {what} is to be saved, is no file")
    if exists and not os.access(target, os.W_OK):
        raise PermissionError(f"{path}, where {what} is to be saved, is not writable")
    try:
        aside, handle = _open_aside(target)
    except OSError as error:
        raise PermissionError(
            f"{folder}, where {what} is to be saved, is not writable ({error.strerror})"
        ) from None
    os.close(handle)
    aside.unlink()


def _open_aside(target: Path) -> tuple[Path, int]:
    """A new file that is going to be `target`, and its descriptor."""
    aside = target.parent / f"{_aside(target)}{os.getpid()}-{time.time_ns():x}.saving"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return aside, os.open(aside, flags, 0o666)


def _aside(target: Path) -> str:
    # The machine's name, since a folder may be shared and process numbers are not.
    return f".{stem_for(target.name)}.{zlib.crc32(socket.gethostname().encode()):08x}-"


def _remove_stale(target: Path) -> None:
    # What a process that was killed while saving left behind.
    start = f".{stem_for(target.name)}."
    for leftover in target.parent.iterdir():
        if leftover.name.startswith(start) and leftover.name.endswith(".saving"):
            ours, _, rest = leftover.name.partition(_aside(target))
            pid = rest.partition("-")[0]
            with contextlib.suppress(OSError):
                old = time.time() - leftover.lstat().st_mtime > _STALE_SECONDS
                if old or (not ours and pid.isdigit() and not _runs(int(pid))):
                    leftover.unlink()


def _runs(pid: int) -> bool:
    """Whether there is a process of this number, as far as can be told."""
    if os.name != "posix":  # where signal 0 is no mere question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def _sync_folder(folder: Path) -> None:
    # Some systems cannot open, or sync, a folder; the rename itself has succeeded by now.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write(stream: BinaryIO, obj: Any, training: Any = None) -> None:
    container.write(
        stream,
        *_flat(obj),
        training=None if training is None else _flat(training),
        mark=outputs.mark(),
    )


def _flat(obj: Any) -> container.Graph:
    flattener = Flattener(_name_class)
    return flattener.flatten(obj), flattener.arrays


def _read(stream: BinaryIO, allow_modules: Collection[str], graph: str = container.GRAPH) -> Any:
    document, arrays = container.read(stream, graph)
    if document is None:
        return None
    size = stream.seek(0, os.SEEK_END)
    try:
        return Builder(document, arrays, _class_finder(allow_modules), size).build()
    except Fault:
        raise
    # Checksums guard against accidents; a forged graph can make any step of this fail.
    except Exception as error:
        shown = container.short(error)
        raise Fault(f"holds an object graph that is not valid ({shown})") from error


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


def to_string(obj: Any, training: Any = None) -> bytes:
    """`obj`, and `training`, as the bytes that `save` would write."""
    stream = io.BytesIO()
    _write(stream, obj, training)
    return stream.getvalue()


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


def clone_via_serialize(obj: Any) -> Any:
    """A copy of `obj` as saving and loading would make it."""
    return from_string(to_string(obj), allow_modules=(type(obj).__module__,))


def __getattr__(name: str) -> Any:
    # The 2014 home of this name; what it does belongs to a later room.
    if name == "load_train_file":
        from adversarial.config.yaml_parse import load_train_file

        return load_train_file
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_pickle_protocol() -> int:
    """Zero. Files are not pickles; the name remains for scripts that ask."""
    return 0


def mkdir(filepath: str | os.PathLike[str]) -> None:
    """Make the folder `filepath`, and those above it, unless it exists."""
    os.makedirs(filepath, exist_ok=True)


def read_int(fin: BinaryIO, n: int = 1) -> int | list[int]:
    """Read one 32-bit little-endian integer from `fin`, or a list of `n` when n is not 1."""
    data = fin.read(4 * n)
    if len(data) != 4 * n:
        raise ValueError(f"expected {4 * n} bytes for {n} integer(s), found {len(data)}")
    values = list(struct.unpack(f"<{n}i", data))
    return values[0] if n == 1 else values
