"""The operators of programs in NumPy: the definition of what each of them computes.

`Program.run` calls them, and `translate` while it makes a program. Where a program says nothing
else, an operator is that of ONNX (opset 17). Those that are one NumPy function are in UFUNCS; the
NumPy file that `numpy_file` writes prints these names and includes the source of the other
functions, so a function here uses NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray

# Element by element; each is also the name of a function of NumPy.
UFUNCS = {
    "Abs": "abs",
    "Acos": "arccos",
    "Acosh": "arccosh",
    "Add": "add",
    "And": "logical_and",
    "Asin": "arcsin",
    "Asinh": "arcsinh",
    "Atan": "arctan",
    "Atanh": "arctanh",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Equal": "equal",
    "Exp": "exp",
    "Floor": "floor",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "IsInf": "isinf",
    "IsNaN": "isnan",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Log": "log",
    "MatMul": "matmul",
    "Max": "maximum",
    "Min": "minimum",
    "Mod": "mod",
    "Mul": "multiply",
    "Neg": "negative",
    "Not": "logical_not",
    "Or": "logical_or",
    "Pow": "power",
    "Round": "round",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Sub": "subtract",
    "Tan": "tan",
    "Tanh": "tanh",
    "Where": "where",
    "Xor": "logical_xor",
}


def identity(x: Array) -> Array:
    return x


def div(a: Array, b: Array) -> Array:
    """Quotient; of integers, which are never negative here, rounded down."""
    return a // b if a.dtype.kind in "iu" else np.divide(a, b)


def cast(x: Array, to: str) -> Array:
    return x.astype(to)


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def leaky_relu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, x * x.dtype.type(alpha))


def sigmoid(x: Array) -> Array:
    # exp never overflows: its argument is not above 0.
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def softplus(x: Array) -> Array:
    return np.logaddexp(x, x.dtype.type(0))


def softmax(x: Array, axis: int) -> Array:
    exp = np.exp(x - x.max(axis=axis, keepdims=True))
    return exp / exp.sum(axis=axis, keepdims=True)


def log_softmax(x: Array, axis: int) -> Array:
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def erf(x: Array) -> Array:
    # math.erf of each number, since NumPy has none.
    import math

    return np.vectorize(math.erf, otypes=[x.dtype])(x)


def reduce_sum(x: Array, axes: Sequence[int], keepdims: int) -> Array:
    # In float64, as the models of this package sum.
    kind = "float64" if x.dtype.kind == "f" else x.dtype
    return x.sum(axis=tuple(axes), keepdims=bool(keepdims), dtype=kind).astype(x.dtype)


def reduce_prod(x: Array, axes: Sequence[int], keepdims: int) -> Array:
    return x.prod(axis=tuple(axes), keepdims=bool(keepdims), dtype=x.dtype)


def reduce_max(x: Array, axes: Sequence[int], keepdims: int) -> Array:
    return x.max(axis=tuple(axes), keepdims=bool(keepdims))


def reduce_min(x: Array, axes: Sequence[int], keepdims: int) -> Array:
    return x.min(axis=tuple(axes), keepdims=bool(keepdims))


def arg_max(x: Array, axis: int, keepdims: int) -> Array:
    found = x.argmax(axis=axis)
    return np.expand_dims(found, axis) if keepdims else found


def cum_sum(x: Array, axis: int) -> Array:
    return np.cumsum(x, axis=axis, dtype=x.dtype)


def shape_of(x: Array) -> Array:
    return np.array(x.shape, "int64")


def number_range(start: Array, limit: Array, delta: Array) -> Array:
    return np.arange(start, limit, delta)


def reshape(x: Array, shape: Sequence[int]) -> Array:
    """-1: what is left; 0: the length of this axis of x."""
    return x.reshape([x.shape[i] if length == 0 else length for i, length in enumerate(shape)])


def transpose(x: Array, perm: Sequence[int]) -> Array:
    return x.transpose(perm)


def unsqueeze(x: Array, axes: Sequence[int]) -> Array:
    return np.expand_dims(x, tuple(axes))


def squeeze(x: Array, axes: Sequence[int]) -> Array:
    return x.squeeze(tuple(axes))


def expand(x: Array, shape: Array) -> Array:
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape)))


def concat(*arrays: Array, axis: int) -> Array:
    return np.concatenate(arrays, axis=axis)


def gather(x: Array, indices: Array, axis: int) -> Array:
    return np.take(x, indices, axis=axis)


def slice_of(
    x: Array, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int], steps: Sequence[int]
) -> Array:
    """An end of -2**31 + 1 or 2**31 - 1 is beyond the first or the last element."""
    index: list[Any] = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        index[axis] = slice(start, None if end <= -(2**31) + 1 else end, step)
    return x[tuple(index)]


def pad(x: Array, pads: Sequence[int]) -> Array:
    """Zeros: `pads` has those before each axis, then those after each axis."""
    half = len(pads) // 2
    return np.pad(x, list(zip(pads[:half], pads[half:])))


def windows(
    x: Array, size: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Array:
    """Views of all windows of images: (batch, channels, rows, columns, *size)."""
    high, wide = ((n - 1) * step + 1 for n, step in zip(size, dilations))
    axes: Any = (2, 3)
    found = np.lib.stride_tricks.sliding_window_view(x, (high, wide), axis=axes)
    return found[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]


def conv(
    x: Array,
    kernels: Array,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    group: int,
) -> Array:
    """Cross-correlation; `pads` is top, left, bottom, right."""
    top, left, bottom, right = pads
    x = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)])
    maps = []
    for channels, kernel in zip(np.split(x, group, axis=1), np.split(kernels, group)):
        seen = windows(channels, kernel.shape[2:], strides, dilations)
        maps.append(np.tensordot(seen, kernel, axes=((1, 4, 5), (1, 2, 3))))
    return np.ascontiguousarray(np.concatenate(maps, axis=3).transpose(0, 3, 1, 2))


def conv_transpose(
    x: Array,
    kernels: Array,
    strides: Sequence[int],
    pads: Sequence[int],
    output_padding: Sequence[int],
) -> Array:
    """Each pixel adds its kernel to the output, of which `pads` are cut off."""
    batch, _, rows, cols = x.shape
    _, channels, high, wide = kernels.shape
    full = [
        stride * (n - 1) + kernel + extra
        for stride, n, kernel, extra in zip(strides, (rows, cols), (high, wide), output_padding)
    ]
    out = np.zeros((batch, channels, *full), x.dtype)
    for i in range(high):
        for j in range(wide):
            down = slice(i, i + strides[0] * (rows - 1) + 1, strides[0])
            right = slice(j, j + strides[1] * (cols - 1) + 1, strides[1])
            added = np.tensordot(x, kernels[:, :, i, j], axes=((1,), (0,)))
            out[:, :, down, right] += added.transpose(0, 3, 1, 2)
    return out[:, :, pads[0] : full[0] - pads[2], pads[1] : full[1] - pads[3]]


def max_pool(
    x: Array, kernel_shape: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> Array:
    top, left, bottom, right = pads
    x = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)], constant_values=-np.inf)
    return windows(x, kernel_shape, strides, (1, 1)).max(axis=(4, 5))


def average_pool(
    x: Array,
    kernel_shape: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    count_include_pad: int,
) -> Array:
    """Mean of each window; of its pixels within the image only, if not `count_include_pad`."""
    top, left, bottom, right = pads
    border = [(0, 0), (0, 0), (top, bottom), (left, right)]
    counted = np.pad(np.ones_like(x[:1, :1]), border, constant_values=count_include_pad)
    total = windows(np.pad(x, border), kernel_shape, strides, (1, 1)).sum(axis=(4, 5))
    return total / windows(counted, kernel_shape, strides, (1, 1)).sum(axis=(4, 5))


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "ArgMax": arg_max,
    "AveragePool": average_pool,
    "Cast": cast,
    "Concat": concat,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "CumSum": cum_sum,
    "Div": div,
    "Erf": erf,
    "Expand": expand,
    "Gather": gather,
    "Identity": identity,
    "LeakyRelu": leaky_relu,
    "LogSoftmax": log_softmax,
    "MaxPool": max_pool,
    "Pad": pad,
    "Range": number_range,
    "ReduceMax": reduce_max,
    "ReduceMin": reduce_min,
    "ReduceProd": reduce_prod,
    "ReduceSum": reduce_sum,
    "Relu": relu,
    "Reshape": reshape,
    "Shape": shape_of,
    "Sigmoid": sigmoid,
    "Slice": slice_of,
    "Softmax": softmax,
    "Softplus": softplus,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
OPERATORS: dict[str, Callable[..., Array]] = {
    **{name: getattr(np, function) for name, function in UFUNCS.items()},
    **FUNCTIONS,
}
