"""Turns the document of a model file into objects; `schema` describes the document."""

from __future__ import annotations

import base64
import collections
from array import array
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from adversarial.modelfile.npy import check_dtype_and_count
from adversarial.modelfile.schema import (
    BIT_GENERATORS,
    FORMAT,
    MAPPINGS,
    MAX_DEPTH,
    NUMBERS,
    PACKED,
    RANDOM,
    SEQUENCES,
    VERSION,
    check_tuples,
    references,
)
from adversarial.utils.budget import Budget, Fault

# Measured memory, in bytes: of a random generator, of a shared variable, per entry of a dict that
# is copied, per item of a list.
_GENERATOR, _SHARED, _ENTRY, _ITEM = 5000, 6000, 160, 40
# Measured time, in nanoseconds: to make a random generator, to make a shared variable, to copy an
# entry of a dict, to hash a value in a tuple, to compare two keys.
_MAKE_GENERATOR, _MAKE_SHARED, _COPY, _HASH, _COMPARE = 140_000, 60_000, 60, 12, 30
_FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": -float("inf")}


class Decoder:
    """Makes the objects of a document.

    Parameters
    ----------
    document : JSON data
    arrays : list of numpy.ndarray
        The arrays that the document refers to by number.
    find_class : callable
        From a class's name in the file to the class; raises `Fault` for a class that is not
        allowed.
    budget : Budget
        The budget of the file.
    """

    def __init__(
        self,
        document: Any,
        arrays: list[np.ndarray],
        find_class: Callable[[str], type],
        budget: Budget,
    ) -> None:
        self.budget = budget
        if type(document) is not dict or document.get("format") != FORMAT:
            raise Fault("is not a model file of this program")
        version = document.get("version")
        if version != VERSION:
            raise Fault(f"has format version {version!r:.80}; this program reads {VERSION}")
        self.root = document["root"]
        self.nodes = document["nodes"]
        self.arrays = arrays
        self.find_class = find_class
        self.made: dict[int, Any] = {}
        self.used: set[int] = set()
        self.odd_keys = 0
        # Ids of parts of states. Their objects are in `made`, so the ids stay unique.
        self.copied_once: set[int] = set()
        self.tuples: dict[int, int] = {}

    def decode(self) -> Any:
        """The root object. Raises `Fault`, or any other exception for a forged document."""
        if type(self.nodes) is not list or any(type(node) is not dict for node in self.nodes):
            raise Fault("holds an object graph that is not valid")
        start = list(references({"v": self.root}))
        reached = self._reach(start)
        for number in reached:
            if self.nodes[number]["t"] != "tuple":
                self.made[number] = self._shell(self.nodes[number])
        self.tuples = check_tuples(self.nodes)
        for number in self.tuples:
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
            for child in references(self.nodes[number]):
                if child not in depths:
                    depths[child] = depths[number] + 1
                    queue.append(child)
        return depths

    def _post_order(self, start: list[int]) -> Iterator[int]:
        """The node numbers in post-order: contents first, so that keys are complete when hashed."""
        seen = set(start)
        stack = [(number, references(self.nodes[number])) for number in start]
        while stack:
            number, children = stack[-1]
            for child in children:
                if child not in seen:
                    seen.add(child)
                    stack.append((child, references(self.nodes[child])))
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
        if kind == "shared" or kind in RANDOM:
            memory, time = (
                (_SHARED, _MAKE_SHARED) if kind == "shared" else (_GENERATOR, _MAKE_GENERATOR)
            )
            self.budget.spend("shared variables and generators", memory, time)
        if kind == "object":
            return object.__new__(self.find_class(node["c"]))
        if kind == "array":
            return self._array(node["a"])
        if kind == "numbers":
            return _python_array(self._array(node["a"]))
        if kind == "shared":
            # Imported here, since `adversarial.backend` may import this module.
            from adversarial.backend import shared

            name = node["n"]
            if name is not None and type(name) is not str:
                raise Fault(f"names a shared variable {name!r:.80}")
            array = self._array(node["a"])
            # Of float16, it becomes floatX.
            self.budget.spend("shared variables", max(array.nbytes, 4 * array.size))
            return shared(array, name=name)
        if kind in RANDOM:
            if node["b"] not in BIT_GENERATORS:
                raise Fault(f"draws from an unknown generator {node['b']!r:.80}")
            return RANDOM[kind](getattr(np.random, node["b"])())
        if kind in SEQUENCES or kind in MAPPINGS:
            return {**SEQUENCES, **MAPPINGS}[kind]()
        raise Fault(f"holds an object of an unknown kind {kind!r:.80}")

    def _fill(self, node: dict[str, Any], made: Any) -> None:
        kind = node["t"]
        if kind == "list":
            if "packed" in node:
                packed = self._array(node["packed"]["a"])
                self.budget.spend("lists of numbers", _ITEM * packed.size)
                made.extend(_numbers(packed))
            else:
                made.extend(self._decode(item) for item in node["v"])
        elif kind == "set":
            made.update([self._key(item) for item in node["v"]])
        elif kind in MAPPINGS:
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
            # A forged file can choose keys with equal hashes, so that each key is compared with all
            # earlier ones; and Python does not cache the hash of a tuple.
            size = self.tuples.get(encoded[0], 0) if type(encoded) is list else 0
            time = _HASH * size + _COMPARE * self.odd_keys
            self.budget.spend("keys that are not text", time=time)
            self.odd_keys += 1
        return self._decode(encoded)

    def _set_state(self, made: Any, state: Any) -> None:
        self._count_copies(state)
        if hasattr(type(made), "__setstate__"):
            made.__setstate__(state)
        elif type(state) is dict and all(type(key) is str for key in state):
            made.__dict__.update(state)
        else:
            raise Fault(f"gives a {type(made).__name__} a state that is not its attributes")

    def _count_copies(self, state: Any) -> None:
        inside = state.values() if type(state) is dict else ()
        for part in (state, *inside):
            if not isinstance(part, (dict, np.ndarray)):
                continue
            if id(part) in self.copied_once:
                memory, time = (
                    (_ENTRY * len(part), _COPY * len(part))
                    if isinstance(part, dict)
                    else (part.nbytes, part.nbytes)
                )
                self.budget.spend("parts of states that many objects share", memory, time)
            self.copied_once.add(id(part))

    def _array(self, where: Any) -> np.ndarray:
        if type(where) is list:
            return _small_array(*where)
        # `Encoder` writes an array for each object, so a file that refers to one array many times
        # is forged: it would take far more memory than its size.
        if where in self.used:
            raise Fault(f"uses its array {where!r:.80} twice")
        self.used.add(where)
        return self.arrays[where]


def _numbers(packed: np.ndarray) -> list:
    _check_packed(packed, PACKED)
    return packed.tolist()


def _python_array(packed: np.ndarray) -> array:
    _check_packed(packed, NUMBERS)
    code = NUMBERS[packed.dtype.str]
    return array(code, packed.astype(code).tobytes())


def _check_packed(packed: np.ndarray, types: Collection[str]) -> None:
    if packed.ndim != 1 or packed.dtype.str not in types:
        raise Fault(f"packs a list into {packed.dtype} of shape {packed.shape}")


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
