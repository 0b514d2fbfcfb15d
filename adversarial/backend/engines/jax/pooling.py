"""Conversions to JAX of max pooling, mean pooling and their gradients."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from aesara.link.jax.dispatch import jax_funcify

from adversarial.backend.ops.pooling import MaxPool, MaxPoolGrad

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from aesara.tensor.signal.pool import AveragePoolGrad, Pool, PoolGrad


@jax_funcify.register(MaxPool)
def convert_max_pool(op: MaxPool, **kwargs: Any) -> Any:
    def max_pool(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        op._check(x.shape)
        batch, groups, *size = op._pooled(x.shape)
        rows, columns = x.shape[2:]
        # Channels last, as a convolution makes them: the loops over adjacent maps are vectorized.
        x = x.transpose(0, 2, 3, 1).reshape(batch, rows, columns, groups, op.num_pieces)
        reach = [(n - 1) * step + 1 for n, step in zip(size, op.pool_stride)]
        beyond = [
            (0, r + pool - 1 - n) for r, pool, n in zip(reach, op.pool_shape, (rows, columns))
        ]
        # XLA computes a reduction once, and comparisons again in each operation that reads them.
        lowest = np.array(-np.inf, x.dtype)
        windows, strides = (1, *op.pool_shape, 1), (1, *op.pool_stride, 1)
        around = [(0, 0), *beyond, (0, 0)]
        best = jax.lax.reduce_window(x.max(axis=4), lowest, jax.lax.max, windows, strides, around)
        x = jnp.pad(x, [*around, (0, 0)], constant_values=-np.inf)
        start = np.arange(size[0])[:, None] * op.down * columns + np.arange(size[1]) * op.right
        start = start.astype("int32")[:, :, None]
        which: Any = None
        # From the last place in the order of `max_pool` to the first one: of equal maxima, the
        # first one gets the gradient. NaN is the maximum of a window that has one.
        for right, piece, down in itertools.product(
            *(range(n - 1, -1, -1) for n in (op.wide, op.num_pieces, op.high))
        ):
            # A strided slice; indexing would gather.
            v = jax.lax.slice(
                x,
                (0, down, right, 0, piece),
                (batch, down + reach[0], right + reach[1], groups, piece + 1),
                (1, *op.pool_stride, 1, 1),
            )[..., 0]
            place = np.int32((piece * rows + down) * columns + right) + start
            place = jnp.broadcast_to(place, v.shape)
            if which is None:
                which = place
            else:
                which = jnp.where((v == best) | (v != v), place, which)
        return best.transpose(0, 3, 1, 2), which.transpose(0, 3, 1, 2)

    return max_pool


@jax_funcify.register(MaxPoolGrad)
def convert_max_pool_grad(op: MaxPoolGrad, node: Any, **kwargs: Any) -> Any:
    def max_pool_grad(which: jax.Array, gradient: jax.Array, rows: int, columns: int) -> jax.Array:
        if which.shape != gradient.shape:
            raise ValueError(f"max_pool gradient: shapes differ, {which.shape}, {gradient.shape}")
        rows, columns = int(rows), int(columns)
        # XLA runs a scatter one pixel at a time. So gather instead: each pixel sums over the few
        # windows that cover it. Windows i, i - 1, ... cover pixel i * stride + phase.
        (down, right), pieces = op.pool_stride, op.num_pieces
        high, wide = (-(-n // step) for n, step in zip((rows, columns), op.pool_stride))
        back, left = (-(-pool // step) for pool, step in zip(op.pool_shape, op.pool_stride))
        around = [(0, 0, 0), (0, 0, 0)] + [
            (reach - 1, n - have, 0)
            for reach, n, have in zip((back, left), (high, wide), which.shape[2:])
        ]
        which = jax.lax.pad(which, jnp.int32(-1), around)[:, :, None]
        gradient = jax.lax.pad(gradient, jnp.zeros((), gradient.dtype), around)[:, :, None]
        phases = []
        for row, column in itertools.product(range(down), range(right)):
            place = (
                (np.arange(pieces)[:, None, None] * rows + np.arange(high)[:, None] * down + row)
                * columns
                + np.arange(wide) * right
                + column
            )
            place = place.astype("int32")
            total: Any = 0
            for u, v in itertools.product(
                range(-(-(op.pool_shape[0] - row) // down)),
                range(-(-(op.pool_shape[1] - column) // right)),
            ):
                there = np.s_[
                    ..., back - 1 - u : back - 1 - u + high, left - 1 - v : left - 1 - v + wide
                ]
                total += jnp.where(which[there] == place, gradient[there], 0)
            phases.append(total)
        # Interleave the phases, each of shape (batch, groups, pieces, high, wide).
        whole = jnp.stack(phases, -1).reshape(*phases[0].shape, down, right)
        whole = whole.swapaxes(4, 5).reshape(*whole.shape[:3], high * down, wide * right)
        whole = whole[..., :rows, :columns]
        return whole.reshape(whole.shape[0], -1, rows, columns)

    return max_pool_grad


@jax_funcify.register(Pool)
def convert_pool(op: Pool, **kwargs: Any) -> Any:
    _check_kind(op)
    return lambda x, size, stride, pad: _mean(x, size, stride, pad)


@jax_funcify.register(AveragePoolGrad)
def convert_pool_grad(op: AveragePoolGrad, **kwargs: Any) -> Any:
    _check_kind(op)

    def mean_pool_grad(
        x: jax.Array, gradient: jax.Array, size: Any, stride: Any, pad: Any
    ) -> jax.Array:
        transpose = jax.linear_transpose(lambda x: _mean(x, size, stride, pad), x)
        return transpose(gradient)[0]

    return mean_pool_grad


def _check_kind(op: Pool | PoolGrad) -> None:
    if op.mode != "average_exc_pad" or op.ignore_border or op.ndim != 2:
        raise NotImplementedError(
            f"{op}: on JAX, of Aesara's pooling only the mode 'average_exc_pad' is implemented, "
            "with ignore_border=False, in two dimensions"
        )


def _mean(x: jax.Array, size: Sequence[int], stride: Sequence[int], pad: Any) -> jax.Array:
    """The mean over the part of the image in each window; see `pooling.mean_pool`."""
    windows, strides = (1, 1, *map(int, size)), (1, 1, *map(int, stride))
    beyond = [(0, -(n - k) % s) for n, k, s in zip(x.shape, windows, strides)]

    def sums(x: Any) -> jax.Array:
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, windows, strides, beyond)

    covered = np.ones((1, 1, *x.shape[2:]), x.dtype)
    return sums(x) / sums(covered)
