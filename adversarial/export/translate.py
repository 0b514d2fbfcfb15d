"""Translates an Aesara graph to a `Program`.

The graph is the one that layers make, before any rewrite: rewrites fuse operations and are made for
one machine. So a layer of a user's own is translated without knowing it, as long as each of its Ops
has a rule: in `elementwise` for functions of single numbers, else in `rules`.

A graph that layers make computes shapes beside data: `x.mean(axis=1)` is a sum divided by
`x.shape[1]`. A program has these as constants. To find them, the translator computes every result
while it translates, for two example batches of different sizes, EXAMPLES. What depends on shapes
only is a constant if it is equal for both, and a multiple of the batch size otherwise::

    x.shape[1]         784 and 784     the constant 784
    x.shape[0]         3 and 5         a result of the operator Shape, where data is divided by it
    reshape to         (3, 784) and (5, 784)    the attribute shape=[-1, 784]
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from aesara.compile.sharedvalue import SharedVariable
from aesara.graph.basic import Apply, Constant, Variable, ancestors, io_toposort
from aesara.tensor.shape import Shape as ShapeOp
from aesara.tensor.shape import Shape_i

from adversarial.export.operators import OPERATORS
from adversarial.export.program import BATCH, Input, Node, Program, Value

# Sizes of the example batches. Their ratio is that of no pair of small lengths in a network by
# accident, and they are small, since each example is computed.
EXAMPLES = (3, 5)
Pair = tuple[np.ndarray, np.ndarray]
Rule = Callable[["Translator", Apply], Any]

RULES: dict[type, Rule] = {}


def rule(*ops: type) -> Callable[[Rule], Rule]:
    """Registers a rule: a function of the translator and a node of one of the classes `ops`.

    It returns the name of the result that has the value of the node's output, or a list of names,
    one for each output, with None for an output that the program cannot compute.
    """

    def register(function: Rule) -> Rule:
        RULES.update((op, function) for op in ops)
        return function

    return register


class Untranslatable(ValueError):
    """A graph has an Op for which there is no rule."""


@dataclass(frozen=True)
class _Static:
    """A value that depends on shapes only: what it is for each of the EXAMPLES."""

    values: tuple[Any, Any]

    @property
    def is_constant(self) -> bool:
        first, second = map(np.asarray, self.values)
        return first.shape == second.shape and np.array_equal(first, second)


class Translator:
    """Translates one graph; `translate` makes and calls it.

    Rules use its methods: `name` and `static` for a node's inputs, `emit` for an operation.
    """

    def __init__(self, inputs: Sequence[tuple[Variable, Input, Pair]]) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Input] = []
        self.constants: dict[str, np.ndarray] = {}
        # The value of each result of the program for the EXAMPLES.
        self.examples: dict[str, Pair] = {}
        self.parameters: set[str] = set()
        # The variables of the graph that the inputs stand for.
        self.variables: list[Variable] = []
        self.layer = ""
        # Names that no result gets, whatever layers and parameters are called.
        self.reserved: Collection[str] = ()
        # The result or the static value of each variable of the graph.
        self._names: dict[Variable, str] = {}
        self._static: dict[Variable, _Static] = {}
        self._small: dict[tuple, str] = {}
        for variable, declared, examples in inputs:
            self._names[variable] = self.add_input(declared, examples, variable)

    # For rules: inputs of a node

    def name(self, variable: Variable) -> str:
        """The result, input or constant of the program that has the value of `variable`."""
        if variable not in self._names:
            static = self._static[variable]
            if static.is_constant:
                self._names[variable] = self.constant(static.values[0])
            else:
                # It depends on the batch size, and data depends on it: computed where it is used.
                self._translate(variable.owner)
        return self._names[variable]

    def example(self, variable: Variable) -> Pair:
        """The value of `variable` for each of the EXAMPLES."""
        if variable in self._static:
            return self._static[variable].values
        return self.examples[self._names[variable]]

    def shape(self, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shape of a result for each of the EXAMPLES."""
        first, second = self.examples[name]
        return first.shape, second.shape

    def ndim(self, name: str) -> int:
        return self.examples[name][0].ndim

    def dtype(self, name: str) -> str:
        return str(self.examples[name][0].dtype)

    def is_static(self, variable: Variable) -> bool:
        """Whether `variable` depends on shapes only, not on data."""
        return variable in self._static

    def static(self, variable: Variable, what: str) -> tuple[Any, Any]:
        """The value of `variable`, called `what`, for each of the EXAMPLES.

        Raises
        ------
        Untranslatable
            If it depends on data.
        """
        if variable not in self._static:
            raise self.refusal(f"{what} depends on data")
        return self._static[variable].values

    def known(self, variable: Variable, what: str) -> Any:
        """The value of `variable`, called `what`, which must not depend on the batch size."""
        first, second = self.static(variable, what)
        if not np.array_equal(first, second):
            raise self.refusal(f"{what} depends on the batch size")
        return first

    def refusal(self, why: str) -> Untranslatable:
        """The error for the operation at hand."""
        where = f"layer {self.layer!r}: " if self.layer else ""
        return Untranslatable(f"{where}cannot be exported: {why}")

    # For rules: operations

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append an operation, and return the name of its result."""
        examples = []
        with np.errstate(all="ignore"):
            for which in range(len(EXAMPLES)):
                arguments = (self.examples[name][which] for name in inputs)
                examples.append(np.asarray(OPERATORS[op](*arguments, **attributes)))
        stem = f"{self.layer}_{op.lower()}" if self.layer else op.lower()
        output = self._new_name(stem, (examples[0], examples[1]))
        self.nodes.append(Node(op, inputs, output, attributes, self.layer))
        return output

    def constant(self, value: Any, hint: str = "constant") -> str:
        """The name of a constant; equal small ones without a name of their own are one."""
        array = np.asarray(value)
        array = array.astype(program_dtype(array.dtype), copy=False)
        key = (array.dtype.str, array.shape, array.tobytes() if array.size < 100 else id(array))
        if hint == "constant" and key in self._small:
            return self._small[key]
        name = self._new_name(hint, (array, array))
        self.constants[name] = array
        self._small.setdefault(key, name)
        return name

    def is_constant(self, name: str) -> bool:
        return name in self.constants

    def changed(self, name: str, array: np.ndarray, how: str) -> str:
        """A constant that stands for `name`: a parameter, once rearranged for an operator."""
        made = self.constant(array, f"{name}_{how}")
        if name in self.parameters:
            self.parameters.add(made)
        return made

    def shape_of(self, name: str) -> str:
        """A constant or result that holds the shape of `name`."""
        shapes = self.shape(name)
        if shapes[0] == shapes[1]:
            return self.constant(np.array(shapes[0], "int64"))
        # The first result of this shape is an input, where there is one, so that the program need
        # not compute `name` if only its shape matters.
        return self.emit("Shape", next(n for n in self.examples if self.shape(n) == shapes))

    def cast(self, name: str, dtype: Any) -> str:
        """`name` in the type `dtype`, as programs have it."""
        dtype = program_dtype(dtype)
        if self.dtype(name) == dtype:
            return name
        if self.is_constant(name) and self.constants[name].size < 100:
            return self.constant(self.constants[name].astype(dtype))
        return self.emit("Cast", name, to=dtype)

    def add_input(self, declared: Input, examples: Pair, variable: Variable) -> str:
        """Declare `variable` an input, and return its name: `declared.name`, if that is free."""
        name = self._new_name(declared.name, examples)
        self.inputs.append(replace(declared, name=name))
        self.variables.append(variable)
        return name

    def _new_name(self, stem: str, examples: Pair) -> str:
        stem = re.sub(r"\W", "_", stem, flags=re.ASCII)
        stem = f"_{stem}" if not stem.isidentifier() or keyword.iskeyword(stem) else stem
        name, count = stem, 1
        while name in self.examples or name in self.reserved:
            count += 1
            name = f"{stem}_{count}"
        self.examples[name] = examples
        return name

    # The graph

    def leaf(self, variable: Variable) -> None:
        """Take a variable that no node computes."""
        if variable in self._names or variable in self._static:
            return
        if isinstance(variable, Constant):
            self._static[variable] = _Static((variable.data, variable.data))
        elif isinstance(variable, SharedVariable):
            value = variable.get_value()
            name = self.constant(value, variable.name or f"{self.layer}_parameter")
            self.parameters.add(name)
            self._names[variable] = name
        else:
            raise self.refusal(f"it needs {variable}, which is no input of the exported function")

    def node(self, node: Apply, layer: str) -> None:
        """Translate a node, or compute it if it depends on shapes only."""
        self.layer = layer
        for variable in node.inputs:
            self.leaf(variable)
        if isinstance(node.op, (ShapeOp, Shape_i)):
            shapes = [np.array(value.shape, "int64") for value in self.example(node.inputs[0])]
            if isinstance(node.op, Shape_i):
                shapes = [shape[node.op.i] for shape in shapes]
            self._static[node.outputs[0]] = _Static((shapes[0], shapes[1]))
        elif all(variable in self._static for variable in node.inputs):
            pair = [
                _computed(node, [self._static[v].values[which] for v in node.inputs])
                for which in range(len(EXAMPLES))
            ]
            for variable, first, second in zip(node.outputs, *pair):
                self._static[variable] = _Static((first, second))
        else:
            self._translate(node)

    def _translate(self, node: Apply) -> None:
        for kind in type(node.op).__mro__:
            if kind in RULES:
                made = RULES[kind](self, node)
                break
        else:
            raise self.refusal(
                f"the Op {type(node.op).__name__} ({node.op}) has no translation; "
                "docs/EXPORT.md lists those that have one"
            )
        names = made if isinstance(made, list) else [made]
        self._names.update((v, name) for v, name in zip(node.outputs, names) if name is not None)

    def rename(self, old: str, new: str) -> str:
        """Give a result another name; a new result if `old` is an input, constant or output."""
        made = next((i for i, node in enumerate(self.nodes) if node.output == old), None)
        if made is None:
            old, made = self.emit("Identity", old), len(self.nodes) - 1
        new = self._new_name(new, self.examples[old])
        self.nodes[made] = replace(self.nodes[made], output=new)
        for i, node in enumerate(self.nodes):
            if old in node.inputs:
                inputs = tuple(new if name == old else name for name in node.inputs)
                self.nodes[i] = replace(node, inputs=inputs)
        for variable, name in self._names.items():
            if name == old:
                self._names[variable] = new
        del self.examples[old]
        return new


def translate(
    name: str,
    inputs: Sequence[tuple[Variable, Input, Pair]],
    outputs: Mapping[str, Variable],
    states: Mapping[str, Sequence[Variable]],
    metadata: dict[str, Any],
) -> Program:
    """The program of a graph.

    Parameters
    ----------
    name : str
    inputs : list of (variable, Input, pair of arrays)
        The last are example values for batches of the sizes EXAMPLES. Random draws in the graph
        become further inputs.
    outputs : dict of str to variable
    states : dict of str to list of variables
        The output of each layer, in the order of computation; a node belongs to the first layer
        whose output needs it.
    metadata : dict

    Raises
    ------
    Untranslatable
        For an Op without a rule; the message names the Op and the layer.
    """
    # The rules register themselves.
    import adversarial.export.elementwise
    import adversarial.export.image_rules
    import adversarial.export.rules  # noqa: F401

    variables = [variable for variable, _, _ in inputs]
    order = io_toposort(variables, list(outputs.values()))
    layers = _layers(order, states, variables)
    translator = Translator(inputs)
    translator.reserved = outputs
    for node in order:
        translator.node(node, layers.get(node, ""))
    translator.layer = ""
    for variable in outputs.values():
        translator.leaf(variable) if variable.owner is None else None
    # The output of a layer has its name, where it is the result of an operation.
    results = {node.output for node in translator.nodes}
    for layer, made in states.items():
        for variable in made:
            if variable not in outputs.values() and not translator.is_static(variable):
                old = translator.name(variable)
                if old in results and old.startswith(f"{layer}_"):
                    translator.rename(old, layer)
    named = {}
    translator.reserved = ()
    for output, variable in outputs.items():
        named[output] = translator.rename(translator.name(variable), output)
    graph = translator.variables, list(outputs.values())
    return _program(name, translator, list(named.values()), metadata, graph)


def _layers(
    order: Sequence[Apply], states: Mapping[str, Sequence[Variable]], inputs: Collection[Variable]
) -> dict[Apply, str]:
    found: dict[Apply, str] = {}
    for layer, variables in states.items():
        for variable in ancestors(list(variables), blockers=list(inputs)):
            if variable.owner is not None:
                found.setdefault(variable.owner, layer)
    return found


def _program(
    name: str,
    translator: Translator,
    outputs: list[str],
    metadata: dict[str, Any],
    graph: tuple[list[Variable], list[Variable]],
) -> Program:
    """The program, without what no output needs."""
    needed = set(outputs)
    nodes: list[Node] = []
    for node in reversed(translator.nodes):
        if node.output in needed:
            needed.update(node.inputs)
            nodes.insert(0, node)
    values = {
        result: Value(result, translator.dtype(result), symbolic_shape(translator.shape(result)))
        for result in translator.examples
        if result in needed
    }
    inputs = [
        replace(declared, shape=symbolic_shape(translator.shape(declared.name)))
        for declared in translator.inputs
    ]
    values.update((declared.name, declared) for declared in inputs)
    # In the order of their use.
    used = dict.fromkeys(result for node in nodes for result in node.inputs)
    constants = {key: translator.constants[key] for key in used if key in translator.constants}
    return Program(
        name,
        inputs,
        [values[output] for output in outputs],
        constants,
        nodes,
        values,
        metadata,
        tuple(key for key in constants if key in translator.parameters),
        graph,
    )


def symbolic_shape(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple:
    """A shape of which the values for the EXAMPLES are known.

    Examples
    --------
    >>> symbolic_shape(((3, 784), (5, 784)))
    ('batch', 784)
    """
    return tuple(_symbolic_length(*pair) for pair in zip(*shapes))


def _symbolic_length(first: int, second: int) -> Any:
    if first == second:
        return first
    factor, rest = divmod(second - first, EXAMPLES[1] - EXAMPLES[0])
    offset = first - factor * EXAMPLES[0]
    if rest:
        return "unknown"
    text = BATCH if factor == 1 else f"{factor}*{BATCH}"
    return f"{text}{offset:+d}" if offset else text


def program_dtype(dtype: Any) -> str:
    """The type that programs have for values of the type `dtype`: all integers are int64."""
    kind = np.dtype(dtype).kind
    return {"b": "bool", "i": "int64", "u": "int64"}.get(kind, str(np.dtype(dtype)))


def _computed(node: Apply, values: Sequence[Any]) -> list[Any]:
    """The outputs of a node, by the Python code of its Op."""
    storage = {variable: [value] for variable, value in zip(node.inputs, values)}
    storage.update((variable, [None]) for variable in node.outputs)
    known = {variable: [variable in node.inputs] for variable in storage}
    node.op.prepare_node(node, storage, known, "py")
    thunk = node.op.make_py_thunk(node, storage, known, no_recycling=[])
    thunk()
    return [storage[variable][0] for variable in node.outputs]
