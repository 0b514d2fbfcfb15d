"""Objects as plain data, and back.

An object graph becomes a flat list of nodes that point at each other by number, so that an object
met twice is written once and cycles are no trouble. Nodes are numbered breadth first from the root,
which is node 0 or a plain value. In a node, a value is one of

    null, true, 1, .5, "text"       themselves
    [3]                             node number 3
    {"float": "nan"}                a float that JSON lacks; also "bytes", "np", "dtype", "type"

Nothing here recurses over the graph: how deep a file nests is limited by `MAX_DEPTH` alone.
"""

from __future__ import annotations

import base64
import collections
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adversarial.utils.container import Fault, check_dtype_and_count

MAX_DEPTH = 1000
MAX_TUPLE_DEPTH = 100
MAX_TUPLE_SIZE = 10_000_000
MAX_INT_BITS = 4096
# Keys can be chosen so that their hashes collide; text, whose hash is secret, cannot.
MAX_ODD_KEYS = 10_000
_INLINE_BYTES = 256
# Stands in a path for the dict of an object's attributes, and is not shown.
_ATTRIBUTES = "\0"
_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_SEQUENCES = {list: "list", tuple: "tuple", set: "set"}
_MAPPINGS = {dict: "dict", collections.OrderedDict: "ordered"}
_RANDOM = {np.random.RandomState: "randomstate", np.random.Generator: "generator"}
_FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": -float("inf")}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _is_shared(value: Any) -> bool:
    module = sys.modules.get("aesara.compile.sharedvalue")
    return module is not None and isinstance(value, module.SharedVariable)


class Flattener:
    """Turns an object graph into a document; `name_class` names an object's class or raises."""

    def __init__(self, name_class: Callable[[type], str]) -> None:
        self.name_class = name_class
        self.nodes: list[dict[str, Any]] = []
        self.arrays: list[np.ndarray] = []
        self.values: list[Any] = []
        self.depths: list[int] = []
        self.places: list[tuple[int, str]] = []
        self.numbers: dict[int, int] = {}
        self.odd_keys = 0

    def flatten(self, root: Any) -> dict[str, Any]:
        """The document of `root`; its arrays are in `self.arrays`, in order."""
        self.root_name = type(root).__name__
        encoded = self._encode(root, -1, "")
        done = 0
        while done < len(self.values):
            self._fill(done)
            done += 1
        document = {"format": "adversarial-object", "version": 1, "root": encoded}
        document["nodes"] = self.nodes
        try:
            _check_tuples(self.nodes)
        except Fault as fault:
            raise TypeError(f"{self.root_name} {fault}") from None
        return document

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
        kind = type(value)
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
        if isinstance(value, type) and getattr(np, value.__name__, None) is value:
            if issubclass(value, np.generic):
                return {"type": value.__name__}
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
        elif kind in _RANDOM:
            state = value.get_state(legacy=False) if kind is np.random.RandomState else None
            state = value.bit_generator.state if state is None else state
            if state["bit_generator"] not in _BIT_GENERATORS:
                raise self._refuse(number, "", f"draws from a {state['bit_generator']}")
            node.update(t=_RANDOM[kind], b=state["bit_generator"])
            node["v"] = self._encode(state, number, "", fresh=True)
        elif _is_shared(value):
            content = np.asarray(value.get_value(borrow=True))
            node.update(t="shared", n=None if value.name is None else str(value.name))
            node.update(self._array(content, number, ""))
        else:
            self._object(node, value, number)

    def _count_keys(self, keys: Any, number: int) -> None:
        self.odd_keys += sum(type(key) is not str for key in keys)
        if self.odd_keys > MAX_ODD_KEYS:
            raise self._refuse(number, "", f"brings more than {MAX_ODD_KEYS} keys not text")

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
    """A long list of plain floats, or of small ints, as an array (monitor records grow long)."""
    kind = type(items[0]) if len(items) > 16 else None
    if kind not in (float, int) or any(type(item) is not kind for item in items):
        return None
    if kind is int and not -(2**63) <= min(items) <= max(items) < 2**63:
        return None
    return np.array(items, dtype="<f8" if kind is float else "<i8")


def _references(node: dict[str, Any]) -> Iterator[int]:
    """Numbers of the nodes that `node` points at."""
    value = node.get("v")
    kind = node.get("t")
    if kind in ("list", "tuple", "set"):
        entries: Any = value if value is not None else ()
    elif kind in ("dict", "ordered"):
        entries = (entry for pair in value for entry in pair)
    else:
        entries = (value,)
    for entry in entries:
        if type(entry) is list:
            (number,) = entry
            yield number


def _check_tuples(nodes: list[dict[str, Any]]) -> list[int]:
    """Tuples, those inside others first; limits how they nest, for hash() recurses and repeats."""
    order: list[int] = []
    weights: dict[int, tuple[int, int]] = {}
    opened: set[int] = set()
    for start, node in enumerate(nodes):
        stack = [start] if node.get("t") == "tuple" else []
        while stack:
            number = stack[-1]
            if number in weights:
                stack.pop()
                continue
            inner = [child for child in _references(nodes[number]) if nodes[child]["t"] == "tuple"]
            waiting = [child for child in inner if child not in weights]
            if number not in opened:
                opened.add(number)
            elif waiting:
                raise Fault("holds a tuple that contains itself")
            if waiting:
                stack.extend(waiting)
                if any(child in opened for child in waiting):
                    raise Fault("holds a tuple that contains itself")
                continue
            depth = 1 + max((weights[child][0] for child in inner), default=0)
            size = len(nodes[number]["v"]) + sum(weights[child][1] for child in inner)
            if depth > MAX_TUPLE_DEPTH or size > MAX_TUPLE_SIZE:
                raise Fault(f"holds tuples nested {depth} deep, of {size} values in all")
            weights[number] = (depth, size)
            order.append(number)
            stack.pop()
    return order


class Builder:
    """Makes the objects of a document; `find_class` turns a class's name into it or raises."""

    def __init__(
        self, document: Any, arrays: list[np.ndarray], find_class: Callable[[str], type]
    ) -> None:
        if type(document) is not dict or document.get("format") != "adversarial-object":
            raise Fault("is not a model file of this program")
        if document.get("version") != 1:
            raise Fault(f"has format version {document.get('version')!r}; this program reads 1")
        self.root = document["root"]
        self.nodes = document["nodes"]
        self.arrays = arrays
        self.find_class = find_class
        self.made: dict[int, Any] = {}
        self.odd_keys = 0

    def build(self) -> Any:
        """The root object. Raises `Fault`, or whatever a hostile document provokes."""
        if type(self.nodes) is not list or any(type(node) is not dict for node in self.nodes):
            raise Fault("holds an object graph that is not valid")
        start = list(_references({"v": self.root}))
        reached = self._reach(start)
        for number in reached:
            if self.nodes[number]["t"] != "tuple":
                self.made[number] = self._shell(self.nodes[number])
        for number in _check_tuples(self.nodes):
            if number in reached:
                self.made[number] = tuple(self._decode(item) for item in self.nodes[number]["v"])
        for number in self._post_order(start):
            self._fill(self.nodes[number], self.made[number])
        return self._decode(self.root)

    def _reach(self, start: list[int]) -> dict[int, int]:
        depths = dict.fromkeys(start, 0)
        queue = collections.deque(start)
        while queue:
            number = queue.popleft()
            if type(number) is not int or not 0 <= number < len(self.nodes):
                raise Fault(f"points at an object {number!r} that it does not hold")
            if depths[number] > MAX_DEPTH:
                raise Fault(f"nests objects more than {MAX_DEPTH} deep")
            for child in _references(self.nodes[number]):
                if child not in depths:
                    depths[child] = depths[number] + 1
                    queue.append(child)
        return depths

    def _post_order(self, start: list[int]) -> Iterator[int]:
        """What an object contains comes before it, so that keys can be hashed (but for cycles)."""
        seen = set(start)
        stack = [(number, _references(self.nodes[number])) for number in start]
        while stack:
            number, children = stack[-1]
            for child in children:
                if child not in seen:
                    seen.add(child)
                    stack.append((child, _references(self.nodes[child])))
                    break
            else:
                stack.pop()
                yield number

    def _decode(self, value: Any) -> Any:
        kind = type(value)
        if kind is list:
            return self.made[value[0]]
        if kind is not dict:
            return value
        ((tag, content),) = value.items()
        if tag == "float":
            return _FLOATS[content]
        if tag == "bytes":
            return base64.b64decode(content, validate=True)
        if tag == "np":
            return _small_array(content[0], [], content[1])[()]
        if tag == "dtype":
            return _plain_dtype(content)
        if tag == "type":
            found = getattr(np, content)
            if isinstance(found, type) and issubclass(found, np.generic):
                return found
        raise Fault(f"holds a value of an unknown kind {tag!r:.80}")

    def _shell(self, node: dict[str, Any]) -> Any:
        kind = node["t"]
        if kind == "object":
            return object.__new__(self.find_class(node["c"]))
        if kind == "array":
            return self._array(node["a"])
        if kind == "shared":
            # Not at the top: the engine may import this module for its own persistent classes.
            from adversarial.backend import shared

            name = node["n"]
            if name is not None and type(name) is not str:
                raise Fault(f"names a shared variable {name!r:.80}")
            return shared(self._array(node["a"]), name=name)
        if kind in ("randomstate", "generator"):
            if node["b"] not in _BIT_GENERATORS:
                raise Fault(f"draws from an unknown generator {node['b']!r:.80}")
            bits = getattr(np.random, node["b"])()
            return (np.random.Generator if kind == "generator" else np.random.RandomState)(bits)
        for table in (_SEQUENCES, _MAPPINGS):
            for cls, name in table.items():
                if name == kind and cls is not tuple:
                    return cls()
        raise Fault(f"holds an object of an unknown kind {kind!r:.80}")

    def _fill(self, node: dict[str, Any], made: Any) -> None:
        kind = node["t"]
        if kind == "list":
            if "packed" in node:
                made.extend(self._array(node["packed"]["a"]).tolist())
            else:
                made.extend(self._decode(item) for item in node["v"])
        elif kind == "set":
            made.update([self._key(item) for item in node["v"]])
        elif kind in ("dict", "ordered"):
            for key, item in node["v"]:
                made[self._key(key)] = self._decode(item)
        elif kind == "randomstate":
            made.set_state(self._decode(node["v"]))
        elif kind == "generator":
            made.bit_generator.state = self._decode(node["v"])
        elif kind == "object":
            self._set_state(made, self._decode(node["v"]))

    def _key(self, encoded: Any) -> Any:
        if type(encoded) is not str:
            self.odd_keys += 1
            if self.odd_keys > MAX_ODD_KEYS:
                raise Fault(f"holds more than {MAX_ODD_KEYS} keys that are not text")
        return self._decode(encoded)

    @staticmethod
    def _set_state(made: Any, state: Any) -> None:
        if hasattr(type(made), "__setstate__"):
            made.__setstate__(state)
        elif type(state) is dict and all(type(key) is str for key in state):
            made.__dict__.update(state)
        else:
            raise Fault(f"gives a {type(made).__name__} a state that is not its attributes")

    def _array(self, where: Any) -> np.ndarray:
        if type(where) is list:
            return _small_array(*where)
        return self.arrays[where]


def _plain_dtype(text: Any) -> np.dtype:
    if type(text) is not str:
        raise Fault(f"names a type {text!r:.80}")
    dtype = np.dtype(text)
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise Fault(f"names a type {text!r:.80}")
    return dtype


def _small_array(dtype_name: Any, shape: Any, data: str) -> np.ndarray:
    dtype = _plain_dtype(dtype_name)
    content = base64.b64decode(data, validate=True)
    count = check_dtype_and_count(tuple(shape), dtype)
    if count * dtype.itemsize != len(content):
        raise Fault(f"has an array of shape {shape} and type {dtype} in {len(content)} bytes")
    if not count:
        return np.empty(shape, dtype)
    return np.frombuffer(content, dtype).reshape(shape).copy()
