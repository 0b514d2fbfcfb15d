"""Turns objects into the document of a model file; `schema` describes the document."""

from __future__ import annotations

import base64
import sys
import types
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from adversarial.modelfile.npy import check_dtype_and_count
from adversarial.modelfile.schema import (
    BIT_GENERATORS,
    FORMAT,
    MAPPINGS,
    MAX_DEPTH,
    MAX_ODD_KEYS,
    NUMBERS,
    PACKED,
    RANDOM,
    SEQUENCES,
    VERSION,
    check_tuples,
)
from adversarial.utils.budget import Fault

MAX_INT_BITS = 4096
_INLINE_BYTES = 256
# Marks the dict of an object's attributes in a path; removed before the path is shown.
_ATTRIBUTES = "\0"
_SEQUENCES: dict[type, str] = {cls: name for name, cls in SEQUENCES.items()}
_MAPPINGS: dict[type, str] = {cls: name for name, cls in MAPPINGS.items()}
_RANDOM: dict[type, str] = {cls: name for name, cls in RANDOM.items()}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _is_shared(value: Any) -> bool:
    module = sys.modules.get("aesara.compile.sharedvalue")
    return module is not None and isinstance(value, module.SharedVariable)


class Encoder:
    """Turns an object graph into a document.

    Parameters
    ----------
    name_class : callable
        From a class to its name in the file; raises TypeError for a class that cannot be saved.
    half : bool
        Round shared variables of floats to float16.
    """

    def __init__(self, name_class: Callable[[type], str], half: bool = False) -> None:
        self.name_class = name_class
        self.half = half
        self.nodes: list[dict[str, Any]] = []
        self.arrays: list[np.ndarray] = []
        self.values: list[Any] = []
        self.depths: list[int] = []
        self.places: list[tuple[int, str]] = []
        self.numbers: dict[int, int] = {}
        self.odd_keys = 0

    def encode(self, root: Any) -> dict[str, Any]:
        """The document of `root`; its arrays are in `self.arrays`, in order."""
        self.root_name = type(root).__name__
        encoded = self._encode(root, -1, "")
        done = 0
        while done < len(self.values):
            self._fill(done)
            done += 1
        try:
            check_tuples(self.nodes)
        except Fault as fault:
            raise TypeError(f"{self.root_name} {fault}") from None
        return {"format": FORMAT, "version": VERSION, "root": encoded, "nodes": self.nodes}

    def _path(self, parent: int, suffix: str) -> str:
        parts = [suffix]
        while parent >= 0:
            parent, suffix = self.places[parent]
            parts.append(suffix)
        path = "".join(reversed(parts)).replace(_ATTRIBUTES, "")
        return path if len(path) < 400 else f"{path[:200]}...{path[-200:]}"

    def _refuse(self, parent: int, suffix: str, what: str) -> TypeError:
        return TypeError(f"{self.root_name}{self._path(parent, suffix)} {what}")

    def _encode(self, value: Any, parent: int, suffix: str, fresh: bool = False) -> Any:
        kind: Any = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            if value.bit_length() > MAX_INT_BITS:
                raise self._refuse(parent, suffix, f"is an int of {value.bit_length()} bits")
            return value
        if kind is float:
            if value - value == 0:
                return value
            return {"float": "nan" if value != value else "inf" if value > 0 else "-inf"}
        if kind is bytes:
            return {"bytes": _base64(value)}
        if kind is np.str_:
            return str(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biufcmM":
            return {"np": [value.dtype.str, _base64(value.tobytes())]}
        if isinstance(value, np.dtype) and not value.hasobject and value.names is None:
            return {"dtype": value.str}
        if isinstance(value, type) and issubclass(value, np.generic):
            name: str = value.__name__
            if getattr(np, name, None) is value:
                return {"type": name}
        if id(value) in self.numbers:
            return [self.numbers[id(value)]]
        number = len(self.values)
        self.nodes.append({})
        self.values.append(value)
        self.places.append((parent, suffix))
        self.depths.append(self.depths[parent] + 1 if parent >= 0 else 0)
        if self.depths[number] > MAX_DEPTH:
            raise self._refuse(parent, suffix, f"is nested more than {MAX_DEPTH} deep")
        # `fresh` objects were made for this call; `self.values` keeps them, so ids stay unique.
        if not fresh:
            self.numbers[id(value)] = number
        return [number]

    def _fill(self, number: int) -> None:
        node, value = self.nodes[number], self.values[number]
        kind = type(value)
        if kind in _SEQUENCES:
            node["t"] = _SEQUENCES[kind]
            if kind is set:
                self._count_keys(value, number)
            packed = _packed(value) if kind is list else None
            if packed is not None:
                node["packed"] = self._array(packed, number, "")
                return
            node["v"] = [
                self._encode(item, number, f"[{index}]") for index, item in enumerate(value)
            ]
        elif kind in _MAPPINGS:
            node["t"] = _MAPPINGS[kind]
            attributes = self.places[number][1] == _ATTRIBUTES
            self._count_keys(value, number)
            node["v"] = [
                [
                    self._encode(key, number, ".keys()"),
                    self._encode(item, number, f".{key}" if attributes else f"[{key!r:.80}]"),
                ]
                for key, item in value.items()
            ]
        elif kind is np.ndarray or kind is np.memmap:
            node["t"] = "array"
            node.update(self._array(value, number, ""))
        elif kind is array:
            if value.typecode not in NUMBERS.values():
                raise self._refuse(number, "", f"is an array of type {value.typecode!r}")
            node["t"] = "numbers"
            # asarray does not copy.
            node.update(self._array(np.asarray(value), number, ""))
        elif kind in _RANDOM:
            state = value.get_state(legacy=False) if kind is np.random.RandomState else None
            state = value.bit_generator.state if state is None else state
            if state["bit_generator"] not in BIT_GENERATORS:
                raise self._refuse(number, "", f"draws from a {state['bit_generator']}")
            node.update(t=_RANDOM[kind], b=state["bit_generator"])
            node["v"] = self._encode(state, number, "", fresh=True)
        elif _is_shared(value):
            content = np.asarray(value.get_value(borrow=True))
            if self.half and content.dtype.kind == "f":
                content = self._rounded(content, number)
            node.update(t="shared", n=None if value.name is None else str(value.name))
            node.update(self._array(content, number, ""))
        else:
            self._object(node, value, number)

    def _count_keys(self, keys: Any, number: int) -> None:
        self.odd_keys += sum(type(key) is not str for key in keys)
        if self.odd_keys > MAX_ODD_KEYS:
            raise self._refuse(number, "", f"has more than {MAX_ODD_KEYS} keys that are not text")

    def _object(self, node: dict[str, Any], value: Any, number: int) -> None:
        if isinstance(value, (type, types.FunctionType, types.MethodType, types.BuiltinMethodType)):
            what = "class" if isinstance(value, type) else "function"
            raise self._refuse(number, "", f"is a {what}, which cannot be saved")
        try:
            name = self.name_class(type(value))
        except TypeError as error:
            raise self._refuse(number, "", str(error)) from None
        node.update(t="object", c=name)
        get_state = getattr(type(value), "__getstate__", None)
        if get_state is None or get_state is getattr(object, "__getstate__", None):
            state: Any = dict(value.__dict__)
        else:
            state = get_state(value)
        node["v"] = self._encode(state, number, _ATTRIBUTES, fresh=True)

    def _rounded(self, content: np.ndarray, number: int) -> np.ndarray:
        with np.errstate(over="ignore"):
            rounded = content.astype("float16")
        if not np.array_equal(np.isfinite(rounded), np.isfinite(content)):
            raise self._refuse(number, "", "has numbers above 65504, the greatest of float16")
        return rounded

    def _array(self, array: np.ndarray, number: int, suffix: str) -> dict[str, Any]:
        try:
            check_dtype_and_count(array.shape, array.dtype)
        except Fault as fault:
            raise self._refuse(number, suffix, str(fault)) from None
        if not str(array.dtype).isascii():
            raise self._refuse(number, suffix, "has field names that are not ASCII")
        if array.nbytes <= _INLINE_BYTES and array.ndim <= 1 and array.dtype.names is None:
            data = [array.dtype.str, list(array.shape), _base64(array.tobytes())]
            return {"a": data}
        self.arrays.append(array)
        return {"a": len(self.arrays) - 1}


def _packed(items: list) -> np.ndarray | None:
    """A list of more than 16 floats or 64-bit ints as an array; None for other lists.

    Records of the monitor are such lists, and become long.
    """
    kind = type(items[0]) if len(items) > 16 else None
    if kind not in (float, int) or any(type(item) is not kind for item in items):
        return None
    if kind is int and not -(2**63) <= min(items) <= max(items) < 2**63:
        return None
    return np.array(items, dtype=PACKED[0] if kind is float else PACKED[1])
