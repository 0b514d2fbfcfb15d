"""The JSON document of an object graph in a model file.

An object graph becomes a flat list of nodes that refer to each other by number, so that a shared
object is written once, and cycles are possible. Nodes are numbered breadth first from the root,
which is node 0 or a plain value. In a node, a value is one of

    null, true, 1, 0.5, "text"      the JSON value
    [3]                             node number 3
    {"float": "nan"}                a float that JSON lacks; also "bytes", "np", "dtype", "type"

`encode` writes such a document and `decode` reads it. Neither is recursive, so Python's stack does
not limit the depth of a graph; `MAX_DEPTH` does.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

import numpy as np

from adversarial.utils.budget import Fault

FORMAT = "adversarial-object"
VERSION = 1
MAX_DEPTH = 1000
MAX_TUPLE_DEPTH = 100
MAX_TUPLE_SIZE = 10_000_000
# A forged file can choose keys whose hashes collide, except text, whose hash Python randomises.
MAX_ODD_KEYS = 10_000

SEQUENCES = {"list": list, "tuple": tuple, "set": set}
MAPPINGS = {"dict": dict, "ordered": collections.OrderedDict}
RANDOM = {"randomstate": np.random.RandomState, "generator": np.random.Generator}
PACKED = ("<f8", "<i8")  # lists of floats, of ints
# Type codes of Python's array.array, by the dtype in the file.
NUMBERS = {"<f4": "f", "<f8": "d", "<i8": "q"}
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def references(node: dict[str, Any]) -> Iterator[int]:
    """The numbers of the nodes that `node` refers to."""
    value: Any = node.get("v")
    kind = node.get("t")
    if kind in SEQUENCES:
        entries: Any = value if value is not None else ()
    elif kind in MAPPINGS:
        entries = (entry for pair in value for entry in pair)
    else:
        entries = (value,)
    for entry in entries:
        if type(entry) is list:
            (number,) = entry
            yield number


def check_tuples(nodes: list[dict[str, Any]]) -> dict[int, int]:
    """The number of values in each tuple, nested ones included, by node number; inner tuples first.

    Raises `Fault` for tuples that are nested too deeply or too large: hash() of a tuple recurses,
    and visits a shared inner tuple once for each reference.
    """
    weights: dict[int, tuple[int, int]] = {}
    opened: set[int] = set()
    for start, node in enumerate(nodes):
        stack = [start] if node.get("t") == "tuple" else []
        while stack:
            number = stack[-1]
            if number in weights:
                stack.pop()
                continue
            inner = [child for child in references(nodes[number]) if nodes[child]["t"] == "tuple"]
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
            stack.pop()
    return {number: size for number, (_, size) in weights.items()}
