"""Conversions to JAX of convolutions and their two gradients.

A convolution is linear in the images and in the kernels, so both gradients are transposes of
`convolve`, which `jax.linear_transpose` derives.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from aesara.link.jax.dispatch import jax_funcify

from adversarial.backend.engines.jax import devices

with warnings.catch_warnings():
    # Aesara warns that this module moves to another package; see adversarial.backend.ops.conv.
    warnings.simplefilter("ignore", DeprecationWarning)
    from aesara.tensor.nnet.abstract_conv import (
        AbstractConv2d,
        AbstractConv2d_gradInputs,
        AbstractConv2d_gradWeights,
        BaseAbstractConv,
        border_mode_to_pad,
    )

# On a CPU, a convolution with at most this many numbers per patch is a matrix product of patches
# (im2col): XLA's gradient with respect to kernels with few channels takes seconds there.
LARGEST_PATCH = 1000


@jax_funcify.register(AbstractConv2d)
def convert_conv(op: AbstractConv2d, **kwargs: Any) -> Any:
    return lambda images, kernels: convolve(op, images, kernels)


@jax_funcify.register(AbstractConv2d_gradWeights)
def convert_gradient_of_kernels(op: AbstractConv2d_gradWeights, **kwargs: Any) -> Any:
    def gradient(images: jax.Array, top: jax.Array, size: Sequence[int]) -> jax.Array:
        places = top.shape[2:] if op.unshared else ()
        shape = (top.shape[1], *places, images.shape[1] // op.num_groups, *map(int, size))
        kernels = jax.ShapeDtypeStruct(shape, images.dtype)
        return jax.linear_transpose(lambda k: convolve(op, images, k), kernels)(top)[0]

    return gradient


@jax_funcify.register(AbstractConv2d_gradInputs)
def convert_gradient_of_images(op: AbstractConv2d_gradInputs, **kwargs: Any) -> Any:
    def gradient(kernels: jax.Array, top: jax.Array, size: Sequence[int]) -> jax.Array:
        shape = (top.shape[0], kernels.shape[-3] * op.num_groups, *map(int, size))
        images = jax.ShapeDtypeStruct(shape, top.dtype)
        return jax.linear_transpose(lambda x: convolve(op, x, kernels), images)(top)[0]

    return gradient


def convolve(op: BaseAbstractConv, images: jax.Array, kernels: jax.Array) -> jax.Array:
    """The convolution that `op` describes, of images (batch, channels, rows, columns).

    Parameters
    ----------
    op : a convolution or one of its gradients, whose parameters (stride, padding) are used
    kernels : (filters, channels / groups, rows, columns); if `op` is unshared, (filters, output
        rows, output columns, channels / groups, rows, columns)

    Returns
    -------
    (batch, filters, output rows, output columns)
    """
    if op.filter_flip:
        kernels = kernels[..., ::-1, ::-1]
    high, wide = ((k - 1) * step + 1 for k, step in zip(kernels.shape[-2:], op.filter_dilation))
    pad = border_mode_to_pad(op.border_mode, 2, (high, wide))
    if op.unshared:
        return _unshared(op, images, kernels, pad)
    small = math.prod(kernels.shape[1:]) <= LARGEST_PATCH
    if devices.platform() == "cpu" and small and op.num_groups == 1:
        patches = _patches(op, images, kernels.shape[-2:], pad)
        patches = patches.reshape(*patches.shape[:3], -1)
        z = patches @ kernels.transpose(2, 3, 1, 0).reshape(-1, len(kernels))
        return z.transpose(0, 3, 1, 2)
    return jax.lax.conv_general_dilated(
        images,
        kernels,
        op.subsample,
        pad,
        rhs_dilation=op.filter_dilation,
        feature_group_count=op.num_groups,
    )


def _unshared(op: BaseAbstractConv, images: jax.Array, kernels: jax.Array, pad: Any) -> jax.Array:
    """A locally connected layer: each output pixel has its own kernels."""
    patches = _patches(op, images, kernels.shape[-2:], pad)
    batch, rows, columns = patches.shape[:3]
    groups = op.num_groups
    patches = patches.reshape(batch, rows, columns, -1, groups, images.shape[1] // groups)
    filters, channels = len(kernels), kernels.shape[3]
    kernels = kernels.reshape(groups, filters // groups, rows, columns, channels, -1)
    z = jnp.einsum("brckgi,gfrcik->bgfrc", patches, kernels)
    return z.reshape(batch, filters, rows, columns)


def _patches(op: BaseAbstractConv, images: jax.Array, size: Sequence[int], pad: Any) -> jax.Array:
    """The input patch of each output pixel: (batch, rows, columns, kernel pixels, channels)."""
    images = jnp.pad(images.transpose(0, 2, 3, 1), [(0, 0), *pad, (0, 0)])

    def slices(axis: int) -> list[slice]:
        step, apart = op.subsample[axis], op.filter_dilation[axis]
        reach = images.shape[1 + axis] - (size[axis] - 1) * apart
        return [slice(i * apart, i * apart + reach, step) for i in range(size[axis])]

    return jnp.stack([images[:, rows, columns] for rows in slices(0) for columns in slices(1)], 3)
