"""Rules for all Ops that are neither functions of single numbers nor of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from aesara.compile.ops import ViewOp
from aesara.graph.basic import Apply, Variable
from aesara.raise_op import CheckAndRaise
from aesara.tensor.basic import (
    Alloc,
    ARange,
    Join,
    MakeVector,
    ScalarFromTensor,
    Split,
    TensorFromScalar,
)
from aesara.tensor.blas import BatchedDot
from aesara.tensor.elemwise import CAReduce, DimShuffle
from aesara.tensor.extra_ops import CumOp
from aesara.tensor.math import All, Argmax, Dot, MatMul, MaxAndArgmax, Prod, Sum
from aesara.tensor.math import Any as AnyOp
from aesara.tensor.math import Max as MaxOp
from aesara.tensor.math import Min as MinOp
from aesara.tensor.shape import Reshape, Shape, Shape_i, SpecifyShape, Unbroadcast
from aesara.tensor.special import LogSoftmax, Softmax
from aesara.tensor.subtensor import (
    AdvancedSubtensor,
    AdvancedSubtensor1,
    IncSubtensor,
    Subtensor,
    get_idx_list,
)

from adversarial.backend.ops.random_draw import BINOMIAL, COIN, NORMAL, UNIFORM, Draw
from adversarial.export.program import Input
from adversarial.export.translate import Translator, rule, symbolic_shape

# Beyond the end of every axis, as ONNX documents it.
_END = 2**31 - 1


@rule(SpecifyShape, Unbroadcast, ViewOp, CheckAndRaise, TensorFromScalar, ScalarFromTensor)
def same(t: Translator, node: Apply) -> str:
    return t.name(node.inputs[0])


@rule(Dot, BatchedDot, MatMul)
def product(t: Translator, node: Apply) -> str:
    return t.emit("MatMul", *(t.cast(t.name(v), node.outputs[0].dtype) for v in node.inputs))


@rule(Draw)
def draw(t: Translator, node: Apply) -> str:
    """Random numbers become an input of the program."""
    _, shape, a, b = node.inputs
    shapes = [tuple(map(int, s)) for s in t.static(shape, "the shape of a random array")]
    first, second = (float(t.known(v, "the distribution of a random array")) for v in (a, b))
    noise: dict[str, Any] = {
        UNIFORM: {"distribution": "uniform", "low": first, "high": second},
        NORMAL: {"distribution": "normal", "mean": first, "std": second},
        BINOMIAL: {"distribution": "binomial", "p": first},
        COIN: {"distribution": "binomial", "p": 0.5},
    }[node.op.kind]
    declared = Input(
        f"{t.layer}_noise" if t.layer else "noise",
        node.op.dtype,
        symbolic_shape((shapes[0], shapes[1])),
        noise,
        f"noise in layer {t.layer}" if t.layer else "noise",
    )
    rng = np.random.default_rng(0)
    first_value, second_value = (rng.random(s).astype(node.op.dtype) for s in shapes)
    return t.add_input(declared, (first_value, second_value), node.outputs[0])


# Shapes


@rule(Shape)
def shape(t: Translator, node: Apply) -> str:
    return t.emit("Shape", t.name(node.inputs[0]))


@rule(Shape_i)
def length(t: Translator, node: Apply) -> str:
    lengths = t.emit("Shape", t.name(node.inputs[0]))
    return t.emit("Gather", lengths, t.constant(np.int64(node.op.i)), axis=0)


@rule(Reshape)
def reshape(t: Translator, node: Apply) -> str:
    x = t.name(node.inputs[0])
    wanted = t.static(node.inputs[1], "the shape of a reshape")
    was = list(zip(*t.shape(x)))
    new: list[int] = []
    for axis, (first, second) in enumerate(zip(*wanted)):
        if first == second:
            new.append(int(first))
        elif axis < len(was) and was[axis] == (first, second):
            new.append(0)
        else:
            new.append(-1)
    # Without a batch axis that moves, -1 reads better than 0 and works everywhere.
    if new.count(0) == 1 and -1 not in new:
        new[new.index(0)] = -1
    if new.count(-1) > 1:
        raise t.refusal("the shape of a reshape depends on the batch size in several axes")
    shapes = [tuple(value.reshape(new_).shape) for value, new_ in zip(t.examples[x], wanted)]
    if list(t.shape(x)) == shapes:
        return x
    return t.emit("Reshape", x, shape=new)


@rule(DimShuffle)
def dimshuffle(t: Translator, node: Apply) -> str:
    x, order = t.name(node.inputs[0]), node.op.new_order
    kept = [axis for axis in order if axis != "x"]
    dropped = [axis for axis in range(t.ndim(x)) if axis not in kept]
    if dropped:
        x = t.emit("Squeeze", x, axes=dropped)
    perm = [sorted(kept).index(axis) for axis in kept]
    if perm != sorted(perm):
        x = t.emit("Transpose", x, perm=perm)
    new = [position for position, axis in enumerate(order) if axis == "x"]
    return t.emit("Unsqueeze", x, axes=new) if new else x


@rule(Alloc)
def alloc(t: Translator, node: Apply) -> str:
    value, *lengths = node.inputs
    return t.emit("Expand", t.name(value), _vector(t, lengths))


@rule(MakeVector)
def make_vector(t: Translator, node: Apply) -> str:
    return _vector(t, node.inputs, node.outputs[0].dtype)


def _vector(t: Translator, numbers: Sequence[Variable], dtype: str = "int64") -> str:
    values = [t.static(v, "") for v in numbers] if all(map(t.is_static, numbers)) else []
    if values and all(first == second for first, second in values):
        return t.constant(np.array([first for first, _ in values], dtype))
    parts = [t.emit("Reshape", t.cast(t.name(v), dtype), shape=[1]) for v in numbers]
    return t.emit("Concat", *parts, axis=0)


@rule(ARange)
def arange(t: Translator, node: Apply) -> str:
    return t.emit("Range", *(t.cast(t.name(v), node.outputs[0].dtype) for v in node.inputs))


# Reductions


def _axes(node: Apply) -> list[int]:
    axis = node.op.axis
    return list(range(node.inputs[0].type.ndim)) if axis is None else [int(a) for a in axis]


REDUCTIONS: dict[type, str] = {
    Sum: "ReduceSum",
    Prod: "ReduceProd",
    MaxOp: "ReduceMax",
    MinOp: "ReduceMin",
}


@rule(CAReduce)
def reduction(t: Translator, node: Apply) -> str:
    x, axes = t.name(node.inputs[0]), _axes(node)
    # `Max`, `Min`, `All` and `Any` derive from classes of their own in some versions of Aesara.
    found = next((REDUCTIONS[kind] for kind in type(node.op).__mro__ if kind in REDUCTIONS), None)
    if not axes:
        return t.cast(x, node.outputs[0].dtype)
    if isinstance(node.op, (All, AnyOp)):
        # ONNX reduces no booleans.
        name = "ReduceMin" if isinstance(node.op, All) else "ReduceMax"
        made = t.emit(name, t.cast(t.cast(x, "bool"), "int64"), axes=axes, keepdims=0)
        return t.cast(made, "bool")
    if found is None:
        raise t.refusal(f"the reduction {node.op} has no translation")
    return t.emit(found, t.cast(x, node.outputs[0].dtype), axes=axes, keepdims=0)


@rule(MaxAndArgmax)
def max_and_argmax(t: Translator, node: Apply) -> list:
    x, axes = t.name(node.inputs[0]), _axes(node)
    return [t.emit("ReduceMax", x, axes=axes, keepdims=0), _argmax(t, x, axes)]


@rule(Argmax)
def argmax(t: Translator, node: Apply) -> str:
    made = _argmax(t, t.name(node.inputs[0]), _axes(node))
    if made is None:
        raise t.refusal("the argmax over several axes has no translation")
    return made


def _argmax(t: Translator, x: str, axes: Sequence[int]) -> Any:
    return t.emit("ArgMax", x, axis=axes[0], keepdims=0) if len(axes) == 1 else None


@rule(Softmax, LogSoftmax)
def softmax(t: Translator, node: Apply) -> str:
    x, axis = t.name(node.inputs[0]), node.op.axis
    if axis is None:
        raise t.refusal("a softmax over all axes has no translation; give it an axis")
    return t.emit(type(node.op).__name__, x, axis=int(axis) % t.ndim(x))


@rule(CumOp)
def cumulated(t: Translator, node: Apply) -> str:
    if node.op.mode != "add" or node.op.axis is None:
        raise t.refusal(f"the Op {node.op} has no translation: only sums along one axis have")
    return t.emit("CumSum", t.name(node.inputs[0]), axis=int(node.op.axis))


# Parts of arrays


@rule(Join)
def join(t: Translator, node: Apply) -> str:
    axis, *parts = node.inputs
    names = [t.cast(t.name(part), node.outputs[0].dtype) for part in parts]
    return t.emit(
        "Concat", *names, axis=int(t.known(axis, "the axis of a join")) % t.ndim(names[0])
    )


@rule(Split)
def split(t: Translator, node: Apply) -> list:
    x, axis = t.name(node.inputs[0]), int(t.known(node.inputs[1], "the axis of a split"))
    ends = np.cumsum(t.known(node.inputs[2], "the lengths of a split"))
    starts = [0, *ends[:-1]]
    return [_slice(t, x, axis % t.ndim(x), int(a), int(b)) for a, b in zip(starts, ends)]


def _slice(t: Translator, x: str, axis: int, start: int, end: int, step: int = 1) -> str:
    return t.emit("Slice", x, starts=[start], ends=[end], axes=[axis], steps=[step])


@rule(Subtensor)
def subtensor(t: Translator, node: Apply) -> str:
    x = t.name(node.inputs[0])
    ranges: dict[str, list[int]] = {"starts": [], "ends": [], "axes": [], "steps": []}
    gone, gathered = [], []
    for axis, index in enumerate(get_idx_list(node.inputs, node.op.idx_list)):
        if isinstance(index, slice):
            found = _range(t, x, axis, index)
            if found != (0, _END, 1):
                for key, value in zip(("starts", "ends", "steps"), found):
                    ranges[key].append(value)
                ranges["axes"].append(axis)
        elif t.is_static(index):
            position = _position(t, t.static(index, ""), [s[axis] for s in t.shape(x)])
            ranges["starts"].append(position)
            ranges["ends"].append(_END if position == -1 else position + 1)
            ranges["axes"].append(axis)
            ranges["steps"].append(1)
            gone.append(axis)
        else:
            gathered.append((axis, t.name(index)))
    if ranges["axes"]:
        x = t.emit("Slice", x, **ranges)
    # From the last axis to the first, so that those before keep their numbers.
    for axis, index in reversed(gathered):
        x = t.emit("Gather", x, index, axis=axis)
        gone = [g - 1 if g > axis else g for g in gone]
    return t.emit("Squeeze", x, axes=gone) if gone else x


def _range(t: Translator, x: str, axis: int, index: slice) -> tuple[int, int, int]:
    """(start, end, step) of a slice, in which 2**31 - 1 is beyond the end."""
    lengths = [s[axis] for s in t.shape(x)]

    def place(variable: Any, default: int) -> int:
        if variable is None:
            return default
        return _position(t, t.static(variable, "the end of a slice"), lengths)

    step = 1 if index.step is None else int(t.known(index.step, "the step of a slice"))
    start = place(index.start, 0 if step > 0 else _END)
    end = place(index.stop, _END if step > 0 else -_END)
    return start, end, step


def _position(t: Translator, values: Sequence[Any], lengths: Sequence[int]) -> int:
    """A place on an axis: a number, or one counted from the end, which depends on the batch."""
    first, second = (int(value) for value in values)
    if first == second:
        return first
    if first - lengths[0] == second - lengths[1]:
        return first - lengths[0] or _END
    raise t.refusal("the end of a slice depends on the batch size")


@rule(AdvancedSubtensor1)
def rows(t: Translator, node: Apply) -> str:
    return _gather(t, node.inputs[0], node.inputs[1], 0)


@rule(AdvancedSubtensor)
def advanced(t: Translator, node: Apply) -> str:
    x, *indices = node.inputs
    arrays = [
        (axis, index)
        for axis, index in enumerate(indices)
        if not (t.is_static(index) and _is_whole(t.static(index, "")[0]))
    ]
    if len(arrays) != 1 or not hasattr(arrays[0][1].type, "dtype") or arrays[0][1].dtype == "bool":
        raise t.refusal("only an index with one array of integers has a translation")
    return _gather(t, x, arrays[0][1], arrays[0][0])


def _is_whole(index: Any) -> bool:
    return isinstance(index, slice) and index in (slice(None), slice(None, None, 1))


def _gather(t: Translator, x: Variable, index: Variable, axis: int) -> str:
    name = t.name(x)
    if t.is_static(index):
        pairs = zip(t.static(index, ""), (s[axis] for s in t.shape(name)))
        if all(np.array_equal(found, np.arange(length)) for found, length in pairs):
            return name
    return t.emit("Gather", name, t.cast(t.name(index), "int64"), axis=axis)


@rule(IncSubtensor)
def set_or_add(t: Translator, node: Apply) -> str:
    x, y = (t.cast(t.name(v), node.outputs[0].dtype) for v in node.inputs[:2])
    places = []
    gone = []
    # As in `Subtensor`, but the value comes second among the inputs.
    index_inputs = [node.inputs[0], *node.inputs[2:]]
    for axis, index in enumerate(get_idx_list(index_inputs, node.op.idx_list)):
        if isinstance(index, slice):
            start, end, step = _range(t, x, axis, index)
            if step != 1:
                raise t.refusal("an assignment to every n-th element has no translation")
            if (start, end) != (0, _END):
                places.append((axis, start, end))
        else:
            position = _position(t, t.static(index, "an index"), [s[axis] for s in t.shape(x)])
            places.append((axis, position, _END if position == -1 else position + 1))
            gone.append(axis)
    ndim = t.ndim(x)
    missing = ndim - len(gone) - t.ndim(y)
    if gone and t.ndim(y):
        # Axes that the index took away, of length 1; those to the left that broadcasting adds.
        axes = [a for a in range(ndim) if a in gone]
        if missing:
            y = t.emit("Unsqueeze", y, axes=list(range(missing)))
        y = t.emit("Unsqueeze", y, axes=axes)
    return _assigned(t, x, y, places, node.op.set_instead_of_inc)


def _assigned(
    t: Translator, x: str, y: str, places: Sequence[tuple[int, int, int]], replaces: bool
) -> str:
    """x with y in place of a rectangle of it, or added to it."""
    if not places:
        if not replaces:
            return t.emit("Add", x, y)
        if t.shape(x) == t.shape(y):
            return y
        return t.emit("Expand", y, t.shape_of(x))
    (axis, start, end), *others = places
    inside = _assigned(t, _slice(t, x, axis, start, end), y, others, replaces)
    parts = [_slice(t, x, axis, 0, start)] if start else []
    parts.append(inside)
    if end != _END:
        parts.append(_slice(t, x, axis, end, _END))
    return t.emit("Concat", *parts, axis=axis) if len(parts) > 1 else inside
