"""The transposed convolution that paints images from maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Optional

from adversarial import backend
from adversarial.models.initialization import check_initialization
from adversarial.models.mlp.kernels import BC01, C01B, Kernels, pair
from adversarial.space import Conv2DSpace, Space

# Numbers an image; a minibatch of a hundred takes 3 GiB.
MAX_PIXELS = 1 << 23


class Deconv(Kernels):
    """The transpose of a convolution with the same kernels, plus a bias; linear.

    Each value of an input map adds its kernel, times the value, to the output at `output_stride`
    times its place, so that an axis of n pixels becomes one of
    output_stride * (n - 1) - 2 * pad_out + kernel.  The input may have its axes in any order, the
    output has them as ('c', 0, 1, 'b').

    W has the shape (input channels, num_channels, rows, columns): that of the convolution from
    the output's images to the input's maps whose transpose this is.

    Parameters beside those of `Kernels`
    ------------------------------------
    num_channels : int
        Channels of the output.
    pad_out : int
        Pixels taken off each side of the output.
    output_stride : (rows, columns)
        From the place of one kernel in the output to the next.
    fix_kernel_shape, partial_sum
        Accepted and unused: kernels of any size fit here.
    """

    def __init__(
        self,
        num_channels: int,
        kernel_shape: Sequence[int],
        layer_name: str,
        irange: Optional[float] = None,
        init_bias: Any = 0.0,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        pad_out: int = 0,
        fix_kernel_shape: bool = False,
        partial_sum: int = 1,
        tied_b: bool = False,
        max_kernel_norm: Optional[float] = None,
        output_stride: Sequence[int] = (1, 1),
    ) -> None:
        if not (isinstance(num_channels, int) and num_channels > 0):
            raise ValueError(
                f"layer {layer_name!r}: num_channels must be positive, not {num_channels!r}"
            )
        check_initialization(layer_name, irange=irange)
        super().__init__(
            layer_name,
            kernel_shape,
            irange=irange,
            init_bias=init_bias,
            W_lr_scale=W_lr_scale,
            b_lr_scale=b_lr_scale,
            tied_b=tied_b,
            max_kernel_norm=max_kernel_norm,
        )
        self.num_channels = num_channels
        self.pad_out = pair(layer_name, "pad_out", (pad_out, pad_out), least=0)[0]
        self.fix_kernel_shape = fix_kernel_shape
        self.partial_sum = partial_sum
        self.output_stride = pair(layer_name, "output_stride", output_stride)

    def set_input_space(self, space: Space) -> None:
        setup_deconv_detector_layer_c01b(self, space, self.mlp.rng)

    def fprop(self, state_below: Any) -> Any:
        # Again: what was read from a file did not pass through the constructor.
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
    if math.prod(shape) * layer.num_channels > MAX_PIXELS:
        raise ValueError(
            f"layer {layer.layer_name!r}: its output of {tuple(shape)} pixels in "
            f"{layer.num_channels} channels is too large: at most {MAX_PIXELS} numbers; "
            f"output_stride is {layer.output_stride}"
        )


def setup_deconv_detector_layer_c01b(
    layer: Deconv, input_space: Space, rng: Any, irange: Any = "not specified"
) -> None:
    """Give `layer` its spaces, and parameters drawn from `rng`, for input of `input_space`.

    `irange` takes the place of the layer's own.
    """
    if irange != "not specified":
        layer.irange = irange
    images = layer._take_images(input_space)
    shape = [
        stride * (size - 1) - 2 * layer.pad_out + kernel
        for size, stride, kernel in zip(images.shape, layer.output_stride, layer.kernel_shape)
    ]
    if min(shape) < 1:
        raise ValueError(
            f"layer {layer.layer_name!r}: with pad_out {layer.pad_out} nothing is left of the "
            f"output, which would have the shape {tuple(shape)}"
        )
    _check_shape(layer, shape)
    layer.output_space = Conv2DSpace(shape, num_channels=layer.num_channels, axes=C01B)
    filters = (images.num_channels,)
    layer._make_parameters(rng, filters, layer.num_channels, layer.output_space)
