"""Objects as plain data: how a graph is written down.

An object graph becomes a flat list of nodes that point at each other by number, so that an object
met twice is written once and cycles are no trouble. Nodes are numbered breadth first from the root,
which is node 0 or a plain value. In a node, a value is one of

    null, true, 1, .5, "text"       themselves
    [3]                             node number 3
    {"float": "nan"}                a float that JSON lacks; also "bytes", "np", "dtype", "type"

`encode` makes such a document and `decode` reads it. Neither recurses over the graph: how deep
a file nests is limited by `MAX_DEPTH` alone.
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
# Keys can be chosen so that their hashes collide; text, whose hash is secret, cannot.
MAX_ODD_KEYS = 10_000

SEQUENCES = {"list": list, "tuple": tuple, "set": set}
MAPPINGS = {"dict": dict, "ordered": collections.OrderedDict}
RANDOM = {"randomstate": np.random.RandomState, "generator": np.random.Generator}
PACKED = ("<f8", "<i8")  # lists of floats, of ints
# Python's own arrays of numbers, by the types they are stored as.
NUMBERS = {"<f4": "f", "<f8": "d", "<i8": "q"}
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def references(node: dict[str, Any]) -> Iterator[int]:
    """Numbers of the nodes that `node` points at."""
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
    """Tuples, those inside others first, and how many values each has with all inside it.

    Limits how they nest, for hash() recurses and repeats. Raises `Fault`.
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
