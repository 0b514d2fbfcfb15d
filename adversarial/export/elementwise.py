"""Rules for functions of single numbers: each scalar Op of Aesara as operators of a program."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import aesara.scalar.basic as scalar
import aesara.scalar.math as special
import numpy as np
from aesara.graph.basic import Apply, Constant
from aesara.tensor.elemwise import DimShuffle, Elemwise

from adversarial.export.translate import Translator, program_dtype, rule

# The Ops that one operator computes.
SAME: dict[type, str] = {
    scalar.Abs: "Abs",
    scalar.ArcCos: "Acos",
    scalar.ArcCosh: "Acosh",
    scalar.ArcSin: "Asin",
    scalar.ArcSinh: "Asinh",
    scalar.ArcTan: "Atan",
    scalar.ArcTanh: "Atanh",
    scalar.Ceil: "Ceil",
    scalar.Cos: "Cos",
    scalar.Cosh: "Cosh",
    scalar.Exp: "Exp",
    scalar.Floor: "Floor",
    scalar.IsInf: "IsInf",
    scalar.IsNan: "IsNaN",
    scalar.Log: "Log",
    scalar.Neg: "Neg",
    scalar.Pow: "Pow",
    scalar.RoundHalfToEven: "Round",
    scalar.Sgn: "Sign",
    scalar.Sin: "Sin",
    scalar.Sinh: "Sinh",
    scalar.Sqrt: "Sqrt",
    scalar.Sub: "Sub",
    scalar.Tan: "Tan",
    scalar.Tanh: "Tanh",
    scalar.TrueDivide: "Div",
    special.Erf: "Erf",
    special.Sigmoid: "Sigmoid",
    special.Softplus: "Softplus",
    # Of two or more arguments.
    scalar.Add: "Add",
    scalar.Mul: "Mul",
    scalar.ScalarMaximum: "Max",
    scalar.ScalarMinimum: "Min",
}
COMPARISONS: dict[type, str] = {
    scalar.EQ: "Equal",
    scalar.GE: "GreaterOrEqual",
    scalar.GT: "Greater",
    scalar.LE: "LessOrEqual",
    scalar.LT: "Less",
}
LOGIC: dict[type, str] = {
    scalar.AND: "And",
    scalar.OR: "Or",
    scalar.XOR: "Xor",
    scalar.Invert: "Not",
}
Terms = Sequence[str]


def _sign_times(t: Translator, x: str, magnitude: str) -> str:
    return t.emit("Mul", t.emit("Sign", x), magnitude)


def _number(t: Translator, value: float, like: str) -> str:
    return t.constant(np.asarray(value, t.dtype(like)))


def _floor_divide(t: Translator, a: str, b: str) -> str:
    if t.dtype(a) == "int64":
        # ONNX divides integers towards zero, which differs for negative ones.
        return t.emit("Div", t.emit("Sub", a, t.emit("Mod", a, b)), b)
    return t.emit("Floor", t.emit("Div", a, b))


def _mod(t: Translator, a: str, b: str) -> str:
    if t.dtype(a) == "int64":
        return t.emit("Mod", a, b)
    return t.emit("Sub", a, t.emit("Mul", _floor_divide(t, a, b), b))


# Ops that take several operators.
COMPOSED: dict[type, Callable[..., str]] = {
    scalar.Clip: lambda t, x, low, high: t.emit("Min", t.emit("Max", x, low), high),
    scalar.Deg2Rad: lambda t, x: t.emit("Mul", x, _number(t, math.pi / 180, x)),
    scalar.Exp2: lambda t, x: t.emit("Exp", t.emit("Mul", x, _number(t, math.log(2), x))),
    scalar.Expm1: lambda t, x: t.emit("Sub", t.emit("Exp", x), _number(t, 1, x)),
    scalar.FloorDivide: _floor_divide,
    scalar.Identity: lambda t, x: x,
    scalar.Log10: lambda t, x: t.emit("Div", t.emit("Log", x), _number(t, math.log(10), x)),
    scalar.Log1p: lambda t, x: t.emit("Log", t.emit("Add", x, _number(t, 1, x))),
    scalar.Log2: lambda t, x: t.emit("Div", t.emit("Log", x), _number(t, math.log(2), x)),
    scalar.Mod: _mod,
    scalar.Rad2Deg: lambda t, x: t.emit("Mul", x, _number(t, 180 / math.pi, x)),
    scalar.Reciprocal: lambda t, x: t.emit("Div", _number(t, 1, x), x),
    scalar.RoundHalfAwayFromZero: lambda t, x: _sign_times(
        t, x, t.emit("Floor", t.emit("Add", t.emit("Abs", x), _number(t, 0.5, x)))
    ),
    scalar.Sqr: lambda t, x: t.emit("Mul", x, x),
    scalar.Trunc: lambda t, x: _sign_times(t, x, t.emit("Floor", t.emit("Abs", x))),
    special.Erfc: lambda t, x: t.emit("Sub", _number(t, 1, x), t.emit("Erf", x)),
    special.Log1mexp: lambda t, x: t.emit("Log", t.emit("Sub", _number(t, 1, x), t.emit("Exp", x))),
}


@rule(Elemwise)
def elementwise(t: Translator, node: Apply) -> list:
    ndim = node.outputs[0].type.ndim
    names = [t.name(variable) for variable in map(_without_left_axes, node.inputs)]
    if max(map(t.ndim, names)) < ndim:
        names = [t.name(variable) for variable in node.inputs]
    op = node.op.scalar_op
    if isinstance(op, scalar.Composite):
        return _composite(t, op, names)
    return [_scalar(t, op, names, node.outputs[0].dtype)]


def _without_left_axes(variable: Any) -> Any:
    """`variable` without axes of length 1 at its left, which broadcasting adds by itself."""
    node = variable.owner
    if node is not None and isinstance(node.op, DimShuffle):
        order = node.op.new_order
        kept = [axis for axis in order if axis != "x"]
        if (
            kept == list(range(node.inputs[0].type.ndim))
            and list(order[len(order) - len(kept) :]) == kept
        ):
            return node.inputs[0]
    return variable


def _composite(t: Translator, op: Any, names: Terms) -> list:
    """A scalar Op that is a graph of others."""
    known: dict[Any, str] = dict(zip(op.fgraph.inputs, names))

    def name(variable: Any) -> str:
        return t.constant(variable.data) if isinstance(variable, Constant) else known[variable]

    for node in op.fgraph.toposort():
        parts = [name(variable) for variable in node.inputs]
        made = (
            _composite(t, node.op, parts)
            if isinstance(node.op, scalar.Composite)
            else [_scalar(t, node.op, parts, node.outputs[0].type.dtype)]
        )
        known.update(zip(node.outputs, made))
    return [name(variable) for variable in op.fgraph.outputs]


def _scalar(t: Translator, op: Any, names: Terms, dtype: str) -> str:
    kind = type(op)
    if kind is scalar.Cast:
        return t.cast(names[0], dtype)
    if kind is scalar.Second:
        return _filled(t, names[1], names[0])
    if kind is scalar.Switch:
        condition, *options = names
        return t.emit("Where", t.cast(condition, "bool"), *(t.cast(o, dtype) for o in options))
    if kind in COMPARISONS or kind is scalar.NEQ:
        common = program_dtype(np.result_type(*(np.dtype(t.dtype(name)) for name in names)))
        names = [t.cast(name, common) for name in names]
        if kind is scalar.NEQ:
            return t.emit("Not", t.emit("Equal", *names))
        return t.emit(COMPARISONS[kind], *names)
    if kind in (scalar.IsNan, scalar.IsInf):
        return t.emit(SAME[kind], names[0])
    if kind in LOGIC:
        if program_dtype(dtype) != "bool":
            raise t.refusal(f"the Op {kind.__name__} is translated for booleans only")
        return t.emit(LOGIC[kind], *names)
    names = [t.cast(name, dtype) for name in names]
    if kind in COMPOSED:
        return COMPOSED[kind](t, *names)
    if kind in SAME:
        if len(names) == 1:
            # A sum or maximum of one number is that number.
            return names[0] if op in (scalar.add, scalar.mul) else t.emit(SAME[kind], names[0])
        result = t.emit(SAME[kind], *names[:2])
        for name in names[2:]:
            result = t.emit(SAME[kind], result, name)
        return result
    raise t.refusal(
        f"the scalar Op {kind.__name__} ({op}) has no translation; "
        "docs/EXPORT.md lists those that have one"
    )


def _filled(t: Translator, value: str, like: str) -> str:
    """`value` broadcast to the shape of `like`."""
    if t.shape(value) == t.shape(like):
        return value
    return t.emit("Expand", value, t.shape_of(like))
