"""A reader of CIFAR-10's files, which are pickles, that runs no code of theirs.

The published archive holds six pickles of Python 2, each of a dict with an array of pixels and a
list of labels. A pickle is a program. `pickle.load` would run whatever one asks for, and allocate
whatever one claims, so this reader looks at its instructions first and then builds arrays of bytes
and plain Python data, and nothing else.
"""

from __future__ import annotations

import pickle
import pickletools
from pathlib import Path
from typing import IO, Any

import numpy as np

from adversarial.files.opening import BadFile, open_regular

PIXELS = 3 * 32 * 32
# What pickles of protocols 0 to 4 use for dicts, lists, numbers, texts and arrays.
OPCODES = frozenset(
    """
    DICT LIST TUPLE PUT GET INT LONG STRING UNICODE
    PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 EMPTY_LIST APPEND
    APPENDS EMPTY_DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 SHORT_BINSTRING
    BINSTRING SHORT_BINBYTES BINBYTES BINBYTES8 SHORT_BINUNICODE BINUNICODE BINUNICODE8 BINPUT
    LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
""".split()
)
MAX_CALLS = 100  # of constructors; a published batch has a handful
LARGEST_BATCH = 40 << 20  # bytes; a published one has 31 million


def read_batch(path: Path, examples: int = 10000) -> tuple[np.ndarray, np.ndarray]:
    """The photographs and class numbers of one file.

    Parameters
    ----------
    path : pathlib.Path
    examples : int
        How many there must be.

    Returns
    -------
    pixels : uint8 array of shape (examples, 3072)
    labels : uint8 array of shape (examples,)

    Raises
    ------
    BadFile
        If the file is no pickle of such arrays, or asks for anything else.
    """
    size = path.stat().st_size
    if size > LARGEST_BATCH:
        raise BadFile(f"{path}: {size} bytes are too many for a batch of CIFAR-10")
    try:
        with open_regular(path) as file:
            _check_opcodes(file)
            file.seek(0)
            content = _BatchUnpickler(file, encoding="latin1").load()
        content = {
            key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()
        }
        pixels, labels = (
            part.value if isinstance(part, _PickledArray) else part
            for part in (content["data"], content["labels"])
        )
        if isinstance(labels, list) and all(type(label) is int for label in labels):
            # Not of any list: nested lists that repeat one another could grow without end.
            labels = np.array(labels)
    except (OSError, BadFile):
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise BadFile(
            f"{path}: not a batch of CIFAR-10 ({type(error).__name__}: {error})"
        ) from error
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.shape != (examples, PIXELS)
        or pixels.dtype != np.uint8
    ):
        raise BadFile(f"{path}: 'data' is no uint8 array of shape ({examples}, {PIXELS})")
    if (
        not isinstance(labels, np.ndarray)
        or labels.shape != (examples,)
        or labels.dtype.kind not in "iu"
        or not 0 <= labels.min() <= labels.max() < 10
    ):
        raise BadFile(f"{path}: 'labels' are no {examples} class numbers from 0 to 9")
    return pixels, labels.astype(np.uint8)


def _check_opcodes(file: IO[bytes]) -> None:
    """UnpicklingError for a pickle that is more than a dict of lists, texts and a few arrays.

    A pickle of a few bytes can ask for gigabytes: by copying one text or array again and again, or
    by an entry of its memo whose number is far beyond all others.
    """
    calls = places = 0
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name not in OPCODES:
            raise pickle.UnpicklingError(f"it uses the instruction {opcode.name}")
        calls += opcode.name in ("REDUCE", "BUILD")
        places += "PUT" in opcode.name
        if calls > MAX_CALLS:
            raise pickle.UnpicklingError(f"it makes more than {MAX_CALLS} objects")
        if "PUT" in opcode.name and int(argument or 0) > places + MAX_CALLS:
            raise pickle.UnpicklingError(f"it remembers something as number {argument}")


class _BatchUnpickler(pickle.Unpickler):
    """Builds arrays of unsigned bytes and nothing else beyond plain Python data."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): _empty_array,
            ("numpy._core.multiarray", "_reconstruct"): _empty_array,
            ("numpy", "ndarray"): _array_kind,
            ("numpy", "dtype"): _byte_type,
            ("_codecs", "encode"): _latin1_bytes,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return allowed[module, name]


def _array_kind(*_: Any) -> None:
    """Stands for numpy.ndarray. To call that would give an array of uninitialized memory."""
    raise pickle.UnpicklingError("it makes an array without numbers")


class _PickledArray:
    """Stands for an array while its pickle is read: NumPy is given only the bytes."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _ByteType):
            raise pickle.UnpicklingError("it holds an unusual array")
        # As Python 2 wrote them, bytes are read as text.
        data = data.encode("latin1") if isinstance(data, str) else data
        self.value = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


class _ByteType:
    """Stands for NumPy's type of unsigned bytes; the flags that a pickle gives it are not used."""

    def __setstate__(self, state: Any) -> None:
        pass


def _empty_array(kind: Any, shape: Any, typecode: Any) -> _PickledArray:
    if kind is not _array_kind or shape != (0,):
        raise pickle.UnpicklingError("it holds an unusual array")
    return _PickledArray()


def _byte_type(code: Any, *_: Any) -> _ByteType:
    if code not in ("u1", b"u1"):
        raise pickle.UnpicklingError(f"it holds an array of {code!r}, not of unsigned bytes")
    return _ByteType()


def _latin1_bytes(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it holds bytes encoded as {encoding!r}")
    return text.encode("latin1")
