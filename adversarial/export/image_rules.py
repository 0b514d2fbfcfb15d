"""Rules for Ops of images and for the Ops of this package: convolutions, pooling, maxout.

A convolution of Aesara with `filter_flip=False` is a cross-correlation, which is what ONNX and
PyTorch call a convolution. With `filter_flip=True`, as Theano's default was and as `ConvElemwise`
of old model files has it, the kernels are flipped here, so that programs have one kind only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from aesara.graph.basic import Apply
from aesara.tensor.nnet.abstract_conv import AbstractConv2d, AbstractConv2d_gradInputs
from aesara.tensor.signal.pool import Pool

from adversarial.backend.ops.maxout import Maxout
from adversarial.backend.ops.pooling import MaxPool, pooled_size
from adversarial.backend.ops.rectifier import Rectify
from adversarial.export.translate import Translator, rule


@rule(Rectify)
def rectify(t: Translator, node: Apply) -> str:
    x, slope = t.name(node.inputs[0]), node.op.left_slope
    return t.emit("LeakyRelu", x, alpha=slope) if slope else t.emit("Relu", x)


@rule(Maxout)
def maxout(t: Translator, node: Apply) -> list:
    return [_best_piece(t, t.name(node.inputs[0]), node.op.num_pieces), None]


def _best_piece(t: Translator, x: str, pieces: int) -> str:
    """The maximum of each `pieces` adjacent entries of axis 1."""
    if pieces == 1:
        return x
    _, channels, *rest = t.shape(x)[0]
    split = t.emit("Reshape", x, shape=[-1, channels // pieces, pieces, *rest])
    return t.emit("ReduceMax", split, axes=[2], keepdims=0)


@rule(MaxPool)
def max_pool(t: Translator, node: Apply) -> list:
    x, op = t.name(node.inputs[0]), node.op
    if op.pool_shape != (1, 1):
        x = _pool(t, "MaxPool", x, op.pool_shape, op.pool_stride, (0, 0), covers_all=True)
    return [_best_piece(t, x, op.num_pieces), None]


@rule(Pool)
def pool(t: Translator, node: Apply) -> str:
    """Aesara's own pooling, which `mean_pool` uses."""
    x, op = t.name(node.inputs[0]), node.op
    size, stride, pad = (
        tuple(map(int, t.known(v, "the windows of pooling"))) for v in node.inputs[1:]
    )
    if op.ndim != 2 or t.ndim(x) != 4 or op.mode == "sum":
        raise t.refusal(f"the Op {op} has no translation: only max and mean of images have")
    if any(step > high for step, high in zip(stride, size)):
        raise t.refusal("pooling whose windows leave gaps has no translation")
    if op.mode == "max":
        return _pool(t, "MaxPool", x, size, stride, pad, not op.ignore_border)
    counts = int(op.mode == "average_inc_pad")
    name, attributes = "AveragePool", {"count_include_pad": counts}
    return _pool(t, name, x, size, stride, pad, not op.ignore_border, **attributes)


def _pool(
    t: Translator,
    name: str,
    x: str,
    size: Sequence[int],
    stride: Sequence[int],
    pad: Sequence[int],
    covers_all: bool,
    **attributes: Any,
) -> str:
    """Pooling; with `covers_all`, the last windows may reach over the edge.

    What they reach over is padding at the bottom and right, rather than ONNX's `ceil_mode`, which
    runtimes implement differently.
    """
    ends = list(pad)
    if covers_all:
        for axis, (length, high, step) in enumerate(zip(t.shape(x)[0][2:], size, stride)):
            reached = (pooled_size(length, high, step) - 1) * step + high
            ends[axis] += reached - length
    pads = [*map(int, pad), *map(int, ends)]
    return t.emit(name, x, kernel_shape=list(size), strides=list(stride), pads=pads, **attributes)


@rule(AbstractConv2d)
def convolution(t: Translator, node: Apply) -> str:
    x, kernels = (t.name(variable) for variable in node.inputs)
    op = node.op
    if op.filter_flip:
        kernels = _flipped(t, kernels)
    kernel = t.shape(kernels)[0][-2:]
    pads = _pads(t, op, kernel)
    strides, dilations = list(map(int, op.subsample)), list(map(int, op.filter_dilation))
    if op.unshared:
        return _unshared(t, x, kernels, pads, strides, dilations, op.num_groups)
    return t.emit(
        "Conv", x, kernels, strides=strides, pads=pads, dilations=dilations, group=op.num_groups
    )


@rule(AbstractConv2d_gradInputs)
def transposed_convolution(t: Translator, node: Apply) -> str:
    kernels, maps = (t.name(variable) for variable in node.inputs[:2])
    op = node.op
    if op.unshared or op.num_groups != 1 or tuple(op.filter_dilation) != (1, 1):
        raise t.refusal(
            "a transposed convolution with groups, dilation or own kernels for each "
            "pixel has no translation"
        )
    if op.filter_flip:
        kernels = _flipped(t, kernels)
    kernel = t.shape(kernels)[0][-2:]
    pads, strides = _pads(t, op, kernel), list(map(int, op.subsample))
    size = list(map(int, t.known(node.inputs[2], "the size of images")))[-2:]
    extra = []
    for axis, (length, step) in enumerate(zip(t.shape(maps)[0][2:], strides)):
        least = step * (length - 1) - pads[axis] - pads[axis + 2] + kernel[axis]
        extra.append(size[axis] - least)
    return t.emit("ConvTranspose", maps, kernels, strides=strides, pads=pads, output_padding=extra)


def _pads(t: Translator, op: Any, kernel: Sequence[int]) -> list[int]:
    """Top, left, bottom, right."""
    reach = [(n - 1) * step + 1 for n, step in zip(kernel, op.filter_dilation)]
    modes = {"valid": [0, 0], "full": [n - 1 for n in reach], "half": [n // 2 for n in reach]}
    sides = (
        modes.get(op.border_mode, op.border_mode)
        if isinstance(op.border_mode, str)
        else (op.border_mode)
    )
    pairs = [side if isinstance(side, tuple) else (side, side) for side in sides]
    return [int(pair[which]) for which in (0, 1) for pair in pairs]


def _flipped(t: Translator, kernels: str) -> str:
    """The kernels with their rows and columns, the last two axes, in reverse."""
    if t.is_constant(kernels):
        array = np.ascontiguousarray(t.constants[kernels][..., ::-1, ::-1])
        return t.changed(kernels, array, "flipped")
    axes = [t.ndim(kernels) - 2, t.ndim(kernels) - 1]
    beyond = -(2**31) + 1
    return t.emit("Slice", kernels, starts=[-1, -1], ends=[beyond] * 2, axes=axes, steps=[-1, -1])


def _unshared(
    t: Translator,
    x: str,
    kernels: str,
    pads: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    groups: int,
) -> str:
    """A convolution with kernels of its own for each pixel, as one matrix product for each pixel.

    `kernels` are (filters, output rows, output columns, channels, kernel rows, kernel columns).
    """
    filters, high, wide, channels, rows, cols = t.shape(kernels)[0]
    if any(pads):
        x = t.emit("Pad", x, pads=[0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]])
    _, all_channels, image_high, image_wide = t.shape(x)[0]
    flat = t.emit("Reshape", x, shape=[-1, all_channels * image_high * image_wide])
    # The place in a flat image of each number that each pixel of the output sees.
    place = np.arange(all_channels * image_high * image_wide)
    place = place.reshape(all_channels, image_high, image_wide)
    down = np.arange(high)[:, None] * strides[0] + np.arange(rows) * dilations[0]
    right = np.arange(wide)[:, None] * strides[1] + np.arange(cols) * dilations[1]
    seen = place[:, down[:, None, :, None], right[None, :, None, :]]
    parts = []
    for group, own in enumerate(np.split(seen, groups)):
        index = own.transpose(1, 2, 0, 3, 4).reshape(high * wide, channels * rows * cols)
        patches = t.emit("Gather", flat, t.constant(index, f"{t.layer}_pixels"), axis=1)
        of_pixel = t.emit("Transpose", patches, perm=[1, 0, 2])
        used = kernels
        each = filters // groups
        if groups > 1:
            used = t.emit(
                "Slice",
                kernels,
                starts=[group * each],
                ends=[(group + 1) * each],
                axes=[0],
                steps=[1],
            )
        matrices = t.emit("Reshape", used, shape=[each, high * wide, channels * rows * cols])
        matrices = t.emit("Transpose", matrices, perm=[1, 2, 0])
        made = t.emit("MatMul", of_pixel, matrices)
        parts.append(t.emit("Transpose", made, perm=[1, 2, 0]))
    whole = t.emit("Concat", *parts, axis=1) if groups > 1 else parts[0]
    return t.emit("Reshape", whole, shape=[-1, filters, high, wide])
