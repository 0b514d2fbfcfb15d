"""`Program`: what a network computes, as a list of operations that any runtime can do.

`generator_program` and `discriminator_program` (in `players`) make programs of a model; ONNX files,
NumPy files and the explorer's page are written from them, so none of these needs to know a layer.

An operation has the name and the meaning of an ONNX operator (opset 17), with one difference: what
ONNX passes as constant integer inputs is an attribute here (the shape of Reshape; the axes of
Squeeze, Unsqueeze and ReduceSum; the starts, ends, axes and steps of Slice; the pads of Pad). A
maxout layer of four units with two pieces each is, for example::

    h0_matmul  = MatMul(x, h0_W)
    h0_add     = Add(h0_matmul, h0_b)
    h0_reshape = Reshape(h0_add, shape=[-1, 4, 2])
    h0         = ReduceMax(h0_reshape, axes=[2], keepdims=0)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional, Union

import numpy as np

from adversarial.export.operators import OPERATORS

# A length: a number; BATCH for that of the batch; "2*batch", "batch-1" and the like; or "unknown",
# of intermediate results only.
BATCH = "batch"
Shape = tuple[Union[int, str], ...]


@dataclass(frozen=True)
class Value:
    """An input, output or intermediate result.

    Attributes
    ----------
    name : str
        A Python identifier.
    dtype : str
        'float32', 'int64' or 'bool'; 'float64' only where the model computes with it.
    shape : tuple of int or str
        BATCH stands for the number of examples, the same in all inputs.
    """

    name: str
    dtype: str
    shape: Shape

    def describe(self) -> dict[str, Any]:
        """This value as JSON can hold it."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}


@dataclass(frozen=True)
class Input(Value):
    """An input of a program.

    Attributes
    ----------
    noise : dict or None
        How to draw it, if it is noise: `{"distribution": "uniform", "low": l, "high": h}` (in
        [l, h)), `{"distribution": "normal", "mean": m, "std": s}`, `{"distribution": "spherical"}`
        (normal, then each row divided by its norm) or `{"distribution": "binomial", "p": p}` (1
        with probability p, else 0).
    meaning : str
        One line for a reader.
    """

    noise: Optional[dict[str, Any]] = None
    meaning: str = ""

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "noise": self.noise, "meaning": self.meaning}

    def draw(self, batch: int, rng: np.random.Generator) -> np.ndarray:
        """A value for `batch` examples, from the distribution in `noise`.

        Raises
        ------
        ValueError
            If the input is not noise.
        """
        if self.noise is None:
            raise ValueError(f"the input {self.name!r} is not noise: {self.meaning}")
        shape = [length_for(length, batch) for length in self.shape]
        kind = self.noise["distribution"]
        if kind == "uniform":
            drawn = rng.uniform(self.noise["low"], self.noise["high"], shape)
        elif kind == "binomial":
            drawn = rng.random(shape) < self.noise["p"]
        else:
            drawn = rng.normal(self.noise.get("mean", 0), self.noise.get("std", 1), shape)
            if kind == "spherical":
                drawn /= np.maximum(1e-7, np.sqrt((drawn**2).sum(axis=1, keepdims=True)))
        return np.asarray(drawn, self.dtype)


def length_for(length: Union[int, str], batch: int) -> int:
    """The length of an axis for `batch` examples.

    Examples
    --------
    >>> length_for(784, 5), length_for("batch", 5), length_for("2*batch-1", 5)
    (784, 5, 9)
    """
    if isinstance(length, int):
        return length
    found = re.fullmatch(rf"(?:(\d+)\*)?{BATCH}([+-]\d+)?", length)
    if found is None:
        raise ValueError(f"no length is known for {length!r}")
    return int(found[1] or 1) * batch + int(found[2] or 0)


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes
    ----------
    op : str
        A name in `operators.OPERATORS`.
    inputs : tuple of str
        Names of inputs and constants of the program, and of outputs of earlier nodes.
    output : str
    attributes : dict
        Numbers, strings and lists of numbers.
    layer : str
        The layer of the model that it is part of; '' outside layers.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any] = field(default_factory=dict)
    layer: str = ""

    def describe(self) -> dict[str, Any]:
        """This node as JSON can hold it."""
        return {
            "op": self.op,
            "inputs": list(self.inputs),
            "output": self.output,
            "attributes": self.attributes,
            "layer": self.layer,
        }


@dataclass(frozen=True)
class Program:
    """A function of arrays: inputs, constants, operations in the order of computation, outputs.

    Attributes
    ----------
    name : str
    inputs : list of Input
    outputs : list of Value
    constants : dict of str to array
        Parameters have the names that they have in the model, such as `h0_W`.
    parameters : tuple of str
        Those constants that the model learnt, or computed from data.
    nodes : list of Node
        Each result has one node, which stands after the nodes of its inputs.
    values : dict of str to Value
        All inputs, constants and results.
    metadata : dict
        What JSON can hold; see `players` for its keys.
    graph : (list of Aesara variables, list of Aesara variables)
        The inputs and outputs of the graph that was translated, for `check.difference`.

    Examples
    --------
    >>> from adversarial.export import generator_program
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> program = generator_program(generator)
    >>> [(node.op, node.inputs, node.output) for node in program.nodes]
    [('MatMul', ('z', 'y_W'), 'y_matmul'), ('Add', ('y_matmul', 'y_b'), 'y_add'),
     ('Sigmoid', ('y_add',), 'samples')]
    >>> program.run({"z": np.zeros((2, 3))})["samples"]
    array([[0.5, 0.5, 0.5, 0.5],
           [0.5, 0.5, 0.5, 0.5]], dtype=float32)
    """

    name: str
    inputs: list[Input]
    outputs: list[Value]
    constants: dict[str, np.ndarray]
    nodes: list[Node]
    values: dict[str, Value]
    metadata: dict[str, Any]
    parameters: tuple[str, ...] = ()
    graph: tuple[list[Any], list[Any]] = field(default=([], []), repr=False, compare=False)

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The outputs, by name, computed with NumPy.

        Parameters
        ----------
        inputs : dict of str to array_like
            All inputs, by name; converted to their dtype.

        Raises
        ------
        ValueError
            For a missing or unknown input, or one of a wrong shape.
        """
        results: dict[str, np.ndarray] = {**self.constants, **self._checked(inputs)}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                arguments = (results[name] for name in node.inputs)
                results[node.output] = OPERATORS[node.op](*arguments, **node.attributes)
        return {output.name: results[output.name] for output in self.outputs}

    def _checked(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        names = [declared.name for declared in self.inputs]
        if set(inputs) != set(names):
            raise ValueError(f"{self.name} takes the inputs {names}, not {list(inputs)}")
        arrays = {
            declared.name: np.asarray(inputs[declared.name], declared.dtype)
            for declared in self.inputs
        }
        batch = next(
            (
                arrays[declared.name].shape[axis]
                for declared in self.inputs
                for axis, length in enumerate(declared.shape)
                if length == BATCH and axis < arrays[declared.name].ndim
            ),
            1,
        )
        for declared in self.inputs:
            shape = arrays[declared.name].shape
            needed = tuple(length_for(length, batch) for length in declared.shape)
            if shape != needed:
                raise ValueError(
                    f"{self.name}: the input {declared.name!r} has the shape {shape}, but "
                    f"({', '.join(map(str, declared.shape))}), here {needed}, is needed"
                )
        return arrays

    def describe(self) -> dict[str, Any]:
        """All but the constants' numbers, as JSON can hold it."""
        return {
            "name": self.name,
            "inputs": [value.describe() for value in self.inputs],
            "outputs": [value.describe() for value in self.outputs],
            "constants": [self.values[name].describe() for name in self.constants],
            "parameters": list(self.parameters),
            "nodes": [node.describe() for node in self.nodes],
            "values": {name: value.describe() for name, value in self.values.items()},
            "metadata": self.metadata,
        }
