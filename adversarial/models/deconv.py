"""The transposed convolution, which makes images of feature maps."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial import backend
from adversarial.models.mlp.base_conv import BC01, C01B, BaseConv
from adversarial.models.mlp.sizes import int_pair, positive_size, spend_for_batches
from adversarial.space import Conv2DSpace, Space
from adversarial.utils.positional import positional_order


class Deconv(BaseConv):
    """The transpose of a convolution with the same kernels, plus a bias; linear.

    Each value of an input map adds its kernel, times the value, to the output at `output_stride`
    times its position, so that an axis of n pixels becomes one of
    output_stride * (n - 1) - 2 * pad_out + kernel. The input may have its axes in any order; the
    output has them as ('c', 0, 1, 'b').

    W has the shape (input channels, num_channels, rows, columns): that of the convolution from
    the output's images to the input's maps whose transpose this is.

    Parameters
    ----------
    num_channels : int
        Channels of the output.
    kernel_shape : (rows, columns)
    layer_name : str
    pad_out : int
        Pixels cut off each side of the output.
    output_stride : (rows, columns)
        Pixels of the output from the position of one kernel to the next.
    fix_kernel_shape, partial_sum
        Accepted and unused: kernels of any size fit.
    **kwargs
        As `BaseConv`, `Affine` and `WeightInit` take them: `irange`, `tied_b`, `max_kernel_norm`,
        ...

    References
    ----------
    M. Zeiler et al., "Deconvolutional networks", CVPR 2010. "Generative Adversarial Nets", figure
    2 d), has samples of a generator with this layer.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> layer = Deconv(3, (5, 5), "y", irange=0.05, output_stride=(3, 3))
    >>> mlp = MLP([layer], input_space=Conv2DSpace((10, 10), num_channels=80))
    >>> mlp.get_output_space()
    Conv2DSpace(shape=(32, 32), num_channels=3, axes=('c', 0, 1, 'b'), dtype=float32)
    """

    @positional_order(
        "num_channels kernel_shape layer_name irange init_bias W_lr_scale b_lr_scale pad_out",
        "fix_kernel_shape partial_sum tied_b max_kernel_norm output_stride",
    )
    def __init__(
        self,
        num_channels: int,
        kernel_shape: Sequence[int],
        layer_name: str,
        *,
        pad_out: int = 0,
        fix_kernel_shape: bool = False,
        partial_sum: int = 1,
        output_stride: Sequence[int] = (1, 1),
        **kwargs: Any,
    ) -> None:
        where = f"layer {layer_name!r}"
        self.num_channels = positive_size(where, "num_channels", num_channels)
        super().__init__(layer_name, kernel_shape, **kwargs)
        self.pad_out = int_pair(where, "pad_out", (pad_out, pad_out), least=0)[0]
        self.fix_kernel_shape = fix_kernel_shape
        self.partial_sum = partial_sum
        self.output_stride = int_pair(where, "output_stride", output_stride)

    def set_input_space(self, space: Space) -> None:
        setup_deconv_detector_layer_c01b(self, space, self.mlp.rng)

    def fprop(self, state_below: Any) -> Any:
        # Again, since a layer that was loaded from a file did not pass through the constructor.
        _check_shape(self, self.output_space.shape)
        images = backend.transposed_conv2d(
            self.input_space.format_as(state_below, self.desired_space),
            self.W,
            self.output_space.shape,
            pad=(self.pad_out, self.pad_out),
            stride=self.output_stride,
        )
        return Conv2DSpace.convert(self._with_bias(images), BC01, C01B)


def _check_shape(layer: Deconv, shape: Sequence[int]) -> None:
    spend_for_batches(
        f"layer {layer.layer_name!r}, whose output has {tuple(shape)} pixels in "
        f"{layer.num_channels} channels; output_stride is {layer.output_stride}",
        math.prod(shape) * layer.num_channels,
    )


def setup_deconv_detector_layer_c01b(
    layer: Deconv, input_space: Space, rng: np.random.RandomState, irange: Any = "not specified"
) -> None:
    """Set the spaces of `layer` for input of `input_space`, and draw its parameters from `rng`.

    `irange`, if given, replaces the layer's own.
    """
    if irange != "not specified":
        layer.weight_init = dataclasses.replace(layer.weight_init, irange=irange)
    images = layer._set_image_space(input_space)
    shape = [
        stride * (size - 1) - 2 * layer.pad_out + kernel
        for size, stride, kernel in zip(images.shape, layer.output_stride, layer.kernel_shape)
    ]
    if min(shape) < 1:
        raise ValueError(
            f"layer {layer.layer_name!r}: pad_out {layer.pad_out} leaves no pixels: the output "
            f"would have the shape {tuple(shape)}"
        )
    _check_shape(layer, shape)
    layer.output_space = Conv2DSpace(shape, num_channels=layer.num_channels, axes=C01B)
    filters = (images.num_channels,)
    layer._make_parameters(rng, filters, layer.num_channels, layer.output_space)
