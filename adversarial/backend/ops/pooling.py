"""Max pooling and mean pooling of images.

A window may extend beyond the last row or column; then only the pixels inside the image count. An
axis of `size` pixels has ceil((size - pool) / stride) + 1 windows.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import aesara.tensor as at
import numpy as np
from aesara.gradient import DisconnectedType
from aesara.graph.basic import Apply, Constant, Variable
from aesara.link.c.params_type import ParamsType
from aesara.scalar import int64
from aesara.tensor.type import TensorType

from adversarial.backend.ops.c_op import HeaderOp, c_type, floating

with warnings.catch_warnings():
    # Since 2.8 Aesara warns that pool_2d moves to another package, which has not happened.
    warnings.simplefilter("ignore", DeprecationWarning)
    from aesara.tensor.signal.pool import pool_2d

Pair = Sequence[int]


def pooled_size(size: int, pool: int, stride: int) -> int:
    """The number of windows along an axis of `size` pixels; `size` may be symbolic."""
    return -((pool - size) // stride) + 1


def max_pool(x: Variable, pool_shape: Pair, pool_stride: Pair, num_pieces: int = 1) -> Variable:
    """Maximum over each window, and over `num_pieces` adjacent channels.

    Parameters
    ----------
    x : (batch, channels * num_pieces, rows, columns); channel c has the maps
        c * num_pieces .. (c + 1) * num_pieces - 1
    pool_shape, pool_stride : (rows, columns) of a window, and from one window to the next

    Returns
    -------
    (batch, channels, pooled rows, pooled columns), see `pooled_size`. Of equal maxima, the one in
    the lowest column gets the gradient; in one column, the one in the lowest map; in one map, the
    one in the lowest row. NaN counts as the largest.

    Raises
    ------
    ValueError
        When a window is larger than the image, or the stride larger than a window, or the maps
        cannot be split into groups of `num_pieces`.
    TypeError
        When `x` is not a floating point array with four axes.
    """
    return MaxPool(pool_shape, pool_stride, num_pieces)(x)[0]


def mean_pool(x: Variable, pool_shape: Pair, pool_stride: Pair) -> Variable:
    """Mean over the pixels of the image in each window; arguments and errors as for `max_pool`."""
    (x,) = floating("mean_pool", x, ndim=4)
    shape, stride = _checked(pool_shape, pool_stride)
    _check_image(shape, x.type.shape)
    return pool_2d(x, shape, stride=stride, ignore_border=False, mode="average_exc_pad")


def _checked(pool_shape: Pair, pool_stride: Pair) -> tuple[tuple, tuple]:
    shape, stride = tuple(map(int, pool_shape)), tuple(map(int, pool_stride))
    if len(shape) != 2 or len(stride) != 2 or min(*shape, *stride) < 1:
        raise ValueError(
            f"pool shape {shape} and stride {stride} must be two positive integers each"
        )
    if stride[0] > shape[0] or stride[1] > shape[1]:
        raise ValueError(f"pool stride {stride} leaves gaps between windows of {shape}")
    return shape, stride


def _check_image(pool_shape: tuple, shape: Sequence[Any]) -> None:
    known = [(pool, size) for pool, size in zip(pool_shape, shape[2:]) if size is not None]
    if any(size < pool for pool, size in known):
        raise ValueError(f"cannot pool windows of {pool_shape} in images of {tuple(shape[2:])}")


class MaxPool(HeaderOp):
    """x -> maximum, and its flat index (int32) in (pieces, rows, columns) of its group of maps."""

    header = "pooling.h"
    __props__ = ("pool_shape", "pool_stride", "num_pieces")
    # Passed at run time, so that all layers use one compiled module.
    params_type = ParamsType(high=int64, wide=int64, down=int64, right=int64, num_pieces=int64)

    def __init__(self, pool_shape: Pair, pool_stride: Pair, num_pieces: int = 1) -> None:
        super().__init__()
        self.pool_shape, self.pool_stride = _checked(pool_shape, pool_stride)
        (self.high, self.wide), (self.down, self.right) = self.pool_shape, self.pool_stride
        if num_pieces < 1:
            raise ValueError(f"num_pieces must be positive, not {num_pieces}")
        self.num_pieces = int(num_pieces)

    def make_node(self, x: Any) -> Apply:
        (x,) = floating("max_pool", x, ndim=4)
        known = x.type.shape
        self._check(known)
        shape = [None if n is None else pooled for n, pooled in zip(known, self._pooled(known))]
        return Apply(self, [x], [TensorType(x.dtype, shape)(), TensorType("int32", shape)()])

    def _check(self, shape: Sequence[Any]) -> None:
        _check_image(self.pool_shape, shape)
        if shape[1] is not None and shape[1] % self.num_pieces:
            raise ValueError(
                f"max_pool: {shape[1]} maps cannot be split into groups of {self.num_pieces}"
            )

    def _pooled(self, shape: Sequence[Any]) -> list:
        """The output's shape; an entry is meaningless if that of `shape` is None."""
        batch, maps, *size = (0 if n is None else n for n in shape)
        windows = map(pooled_size, size, self.pool_shape, self.pool_stride)
        return [batch, maps // self.num_pieces, *windows]

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [tuple(self._pooled(input_shapes[0]))] * 2

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True, False]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        (x,), gradient = inputs, output_gradients[0]
        if isinstance(gradient.type, DisconnectedType):
            return [x.zeros_like()]
        size = [x.shape[i] if x.type.shape[i] is None else x.type.shape[i] for i in (2, 3)]
        grad = MaxPoolGrad(self.pool_shape, self.pool_stride, self.num_pieces)
        return [grad(outputs[1], gradient, *size)]

    def perform(self, node: Apply, inputs: Any, output_storage: Any, params: Any = None) -> None:
        (x,) = inputs
        self._check(x.shape)
        batch, groups, *size = self._pooled(x.shape)
        rows, columns = x.shape[2:]
        covered = [
            (n - 1) * stride + pool
            for n, stride, pool in zip(size, self.pool_stride, self.pool_shape)
        ]
        beyond = [(0, reached - n) for reached, n in zip(covered, (rows, columns))]
        wide = np.pad(x, [(0, 0), (0, 0), *beyond], constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(
            wide,
            self.pool_shape,
            axis=(2, 3),  # type: ignore[call-overload]
        )
        windows = windows[:, :, :: self.pool_stride[0], :: self.pool_stride[1]]
        # (batch, groups, pooled rows, pooled columns, column, piece, row), in order of preference
        split = windows.reshape(batch, groups, self.num_pieces, *size, *self.pool_shape)
        flat = split.transpose(0, 1, 3, 4, 6, 2, 5).reshape(batch, groups, *size, -1)
        best = flat.argmax(axis=4)
        order = (self.pool_shape[1], self.num_pieces, self.pool_shape[0])
        column, piece, row = np.unravel_index(best, order)
        row += (np.arange(size[0]) * self.pool_stride[0])[:, None]
        column += np.arange(size[1]) * self.pool_stride[1]
        output_storage[0][0] = np.take_along_axis(flat, best[..., None], axis=4)[..., 0]
        output_storage[1][0] = ((piece * rows + row) * columns + column).astype("int32")

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        kernel, params = f"max_pool<{c_type(node.inputs[0])}>", sub["params"]
        sizes = ", ".join(f"{params}->{size}" for size in ("high", "wide", "down", "right"))
        window = f"adversarial::Window{{{sizes}}}"
        return self.call(
            kernel, *inputs, window, f"{params}->num_pieces", *outputs, fail=sub["fail"]
        )


class MaxPoolGrad(HeaderOp):
    """index, gradient, rows, columns -> gradient of x: `gradient` at `index`, zero elsewhere.

    A pixel that is the maximum of several windows gets the sum of their gradients.
    """

    header = "pooling.h"
    __props__ = ("pool_shape", "pool_stride", "num_pieces")
    params_type = ParamsType(num_pieces=int64)

    def __init__(self, pool_shape: Pair, pool_stride: Pair, num_pieces: int) -> None:
        super().__init__()
        self.pool_shape, self.pool_stride = pool_shape, pool_stride
        self.num_pieces = num_pieces

    def make_node(self, which: Any, gradient: Any, rows: Any, columns: Any) -> Apply:
        (gradient,) = floating("the gradient of max_pool", gradient, ndim=4)
        size = [
            n if isinstance(n, Variable) else at.constant(n, dtype="int64") for n in (rows, columns)
        ]
        batch, groups = which.type.shape[:2]
        maps = None if groups is None else groups * self.num_pieces
        known = [int(n.data) if isinstance(n, Constant) else None for n in size]
        out = TensorType(gradient.dtype, (batch, maps, *known))
        return Apply(self, [which, gradient, *size], [out()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        batch, groups = input_shapes[0][:2]
        return [(batch, groups * self.num_pieces, *node.inputs[2:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [True], [False], [False]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        which, _, rows, columns = inputs
        groups = which.shape[0] * which.shape[1]
        spread = output_gradients[0].reshape((groups, self.num_pieces * rows * columns))
        chosen = spread[at.arange(groups)[:, None], which.reshape((groups, -1))]
        nothing = [DisconnectedType()() for _ in range(3)]
        return [nothing[0], chosen.reshape(which.shape), *nothing[1:]]

    def perform(self, node: Apply, inputs: Any, output_storage: Any, params: Any = None) -> None:
        which, gradient, rows, columns = inputs
        if which.shape != gradient.shape:
            raise ValueError(f"max_pool gradient: shapes differ, {which.shape}, {gradient.shape}")
        batch, groups = which.shape[:2]
        spread = np.zeros((batch * groups, self.num_pieces * rows * columns), gradient.dtype)
        row = np.arange(batch * groups)[:, None]
        np.add.at(
            spread, (row, which.reshape(batch * groups, -1)), gradient.reshape(batch * groups, -1)
        )
        output_storage[0][0] = spread.reshape(batch, groups * self.num_pieces, rows, columns)

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        kernel, params = f"max_pool_grad<{c_type(node.outputs[0])}>", sub["params"]
        *arrays, rows, columns = inputs
        size = [f"*adversarial::data<npy_int64>({n})" for n in (rows, columns)]
        return self.call(
            kernel, *arrays, *size, f"{params}->num_pieces", *outputs, fail=sub["fail"]
        )
