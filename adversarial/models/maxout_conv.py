"""Convolutional maxout layers (Goodfellow et al., "Maxout Networks", 2013)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Optional

from adversarial import backend
from adversarial.models.initialization import check_initialization
from adversarial.models.mlp.convolution import Convolution
from adversarial.models.mlp.kernels import BC01, C01B, pair
from adversarial.space import Conv2DSpace, Space


class MaxoutConvC01B(Convolution):
    """Convolution, maximum over pieces and over windows of pixels.

    Channel c of the output takes the maximum over the detector maps c*num_pieces ...
    c*num_pieces + num_pieces - 1 and over windows of `pool_shape` pixels, `pool_stride` apart;
    windows that reach over the edge count what they cover.  The input may have its axes in any
    order, the output has them as ('c', 0, 1, 'b').

    Parameters beside those of `Kernels` and `Convolution`
    ------------------------------------------------------
    num_channels, num_pieces : int
        Channels of the output, and detector maps of each.
    pool_shape, pool_stride : (rows, columns)
    pad : int
        Zeros put on each side of the image.
    fix_pool_shape, fix_pool_stride, fix_kernel_shape : bool
        Shrink a window that is larger than the detector maps, a stride that is larger than the
        window, a kernel that is larger than the padded image, rather than refuse them.
    partial_sum : int
        Accepted and unused; it tuned the 2014 code's convolutions.
    input_normalization, detector_normalization, output_normalization : callable, optional
        Applied to the input, to the maxima over pieces, and to the output, each with axes
        ('c', 0, 1, 'b').
    min_zero : bool
        Zero takes part in every maximum.
    """

    def __init__(
        self,
        num_channels: int,
        num_pieces: int,
        kernel_shape: Sequence[int],
        pool_shape: Sequence[int],
        pool_stride: Sequence[int],
        layer_name: str,
        irange: Optional[float] = None,
        init_bias: Any = 0.0,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        pad: int = 0,
        fix_pool_shape: bool = False,
        fix_pool_stride: bool = False,
        fix_kernel_shape: bool = False,
        partial_sum: int = 1,
        tied_b: bool = False,
        max_kernel_norm: Optional[float] = None,
        input_normalization: Optional[Callable] = None,
        detector_normalization: Optional[Callable] = None,
        min_zero: bool = False,
        output_normalization: Optional[Callable] = None,
        kernel_stride: Sequence[int] = (1, 1),
    ) -> None:
        for name, value in (("num_channels", num_channels), ("num_pieces", num_pieces)):
            if not (isinstance(value, int) and value > 0):
                raise ValueError(f"layer {layer_name!r}: {name} must be positive, not {value!r}")
        check_initialization(layer_name, irange=irange)
        super().__init__(
            layer_name,
            kernel_shape,
            kernel_stride,
            irange=irange,
            init_bias=init_bias,
            W_lr_scale=W_lr_scale,
            b_lr_scale=b_lr_scale,
            tied_b=tied_b,
            max_kernel_norm=max_kernel_norm,
        )
        self.num_channels = num_channels
        self.num_pieces = num_pieces
        self.pool_shape = pair(layer_name, "pool_shape", pool_shape)
        self.pool_stride = pair(layer_name, "pool_stride", pool_stride)
        self.pad = pair(layer_name, "pad", (pad, pad), least=0)[0]
        self.fix_pool_shape = fix_pool_shape
        self.fix_pool_stride = fix_pool_stride
        self.fix_kernel_shape = fix_kernel_shape
        self.partial_sum = partial_sum
        self.input_normalization = input_normalization
        self.detector_normalization = detector_normalization
        self.min_zero = min_zero
        self.output_normalization = output_normalization
        # "p" for pooled, where a channel has more than one piece.
        if num_pieces > 1:
            self._unit_channel_name = "p_" + self._unit_channel_name

    def set_input_space(self, space: Space) -> None:
        images = self._take_images(space)
        if self.fix_kernel_shape:
            padded = [size + 2 * self.pad for size in images.shape]
            self.kernel_shape = _smaller(self.kernel_shape, padded)
        self._make_detector(self.num_channels * self.num_pieces, (self.pad, self.pad))
        if self.fix_pool_shape:
            self.pool_shape = _smaller(self.pool_shape, self.detector_space.shape)
        if self.fix_pool_stride:
            self.pool_stride = _smaller(self.pool_stride, self.pool_shape)
        self.output_space = Conv2DSpace(
            self._pooled_shape(), num_channels=self.num_channels, axes=C01B
        )

    def fprop(self, state_below: Any) -> Any:
        x = self.input_space.format_as(state_below, self.desired_space)
        x = _in_c01b(self.input_normalization, x)
        z = self._detector(x)
        pieces = self.num_pieces
        if self.detector_normalization is not None:
            z = backend.max_pool(z, (1, 1), (1, 1), pieces)
            z, pieces = _in_c01b(self.detector_normalization, z), 1
        p = backend.max_pool(z, self.pool_shape, self.pool_stride, pieces)
        if self.min_zero:
            p = backend.rectify(p)
        p = _in_c01b(self.output_normalization, p)
        return Conv2DSpace.convert(p, BC01, C01B)

    def get_weights_view_shape(self) -> tuple[int, int]:
        return (self.num_channels, self.num_pieces)


def _smaller(wanted: Sequence[int], bound: Sequence[int]) -> tuple[int, int]:
    return min(wanted[0], bound[0]), min(wanted[1], bound[1])


def _in_c01b(function: Optional[Callable], x: Any) -> Any:
    """`function`, which works on axes ('c', 0, 1, 'b'), of x (b, c, 0, 1); x without one."""
    if function is None:
        return x
    return Conv2DSpace.convert(function(Conv2DSpace.convert(x, BC01, C01B)), C01B, BC01)
