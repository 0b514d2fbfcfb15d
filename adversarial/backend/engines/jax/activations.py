"""Conversions to JAX of the Ops for rectifiers, maxout, unit statistics and `AllFinite`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from aesara.link.jax.dispatch import jax_funcify

from adversarial.backend.engines.jax import devices
from adversarial.backend.ops.all_finite import AllFinite
from adversarial.backend.ops.maxout import Maxout, MaxoutGrad
from adversarial.backend.ops.rectifier import Rectify, RectifyGrad
from adversarial.backend.ops.unit_statistics import UnitStatistics


@jax_funcify.register(Rectify)
def convert_rectify(op: Rectify, **kwargs: Any) -> Any:
    def rectify(z: jax.Array) -> jax.Array:
        left = jnp.zeros_like(z) if op.left_slope == 0 else z * op.left_slope
        # NaN <= 0 is false, so NaN passes through.
        return jnp.where(z <= 0, left, z)

    return rectify


@jax_funcify.register(RectifyGrad)
def convert_rectify_grad(op: RectifyGrad, **kwargs: Any) -> Any:
    return lambda p, gradient: jnp.where(p > 0, gradient, gradient * op.left_slope)


@jax_funcify.register(Maxout)
def convert_maxout(op: Maxout, **kwargs: Any) -> Any:
    def maxout(z: jax.Array) -> tuple[jax.Array, jax.Array]:
        op._check(z.shape[1])
        pieces = z.reshape(z.shape[0], -1, op.num_pieces)
        best = pieces.max(axis=2)
        # The first maximum, or the first NaN, by a reduction: XLA would fuse comparisons of the
        # pieces into each gradient that reads their result, and repeat them there for each piece.
        is_best = (pieces == best[:, :, None]) | (pieces != pieces)
        piece = jnp.arange(op.num_pieces, dtype=jnp.uint8)
        which = jnp.where(is_best, piece, jnp.uint8(255)).min(axis=2)
        return best, which

    return maxout


@jax_funcify.register(MaxoutGrad)
def convert_maxout_grad(op: MaxoutGrad, **kwargs: Any) -> Any:
    def maxout_grad(which: jax.Array, gradient: jax.Array) -> jax.Array:
        won = which[:, :, None] == jnp.arange(op.num_pieces, dtype=which.dtype)
        return jnp.where(won, gradient[:, :, None], 0).reshape(which.shape[0], -1)

    return maxout_grad


@jax_funcify.register(UnitStatistics)
def convert_unit_statistics(op: UnitStatistics, **kwargs: Any) -> Any:
    def unit_statistics(state: jax.Array) -> tuple[jax.Array, ...]:
        highest, lowest = state.max(axis=0), state.min(axis=0)
        # Stacked, so that XLA runs 3 reductions instead of 12: each one is a kernel.
        per_unit = jnp.stack([highest, state.mean(axis=0), lowest, highest - lowest])
        of_units = [f(per_unit, axis=1) for f in (jnp.max, jnp.mean, jnp.min)]
        return tuple(values[i] for i in range(len(per_unit)) for values in of_units)

    return unit_statistics


@jax_funcify.register(AllFinite)
def convert_all_finite(op: AllFinite, **kwargs: Any) -> Any:
    def all_finite(*arrays: jax.Array) -> jax.Array:
        return jnp.stack([is_finite(array) for array in arrays]).all().astype(jnp.int8)

    return all_finite


def is_finite(array: jax.Array) -> jax.Array:
    """Whether all values of `array` are finite, as a boolean scalar."""
    if devices.platform() != "cpu" or array.ndim < 2 or array.size == 0:
        return jnp.isfinite(array).all()
    # XLA reduces a large array slowly on a CPU. Its product with a vector of zeros is faster, and
    # is NaN where a row has an infinity or NaN. XLA must not know that the vector is zero.
    matrix = array.reshape(len(array), -1)
    zero = jnp.minimum(jnp.abs(matrix[:1, :1]), 0)
    return jnp.isfinite(matrix @ jnp.broadcast_to(zero, (matrix.shape[1], 1))).all()
