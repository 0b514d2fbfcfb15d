"""The convolutional maxout layer, of which the discriminator for CIFAR-10 is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Optional

from adversarial import backend
from adversarial.models.mlp.base_conv import BC01, C01B
from adversarial.models.mlp.convolution import Convolution
from adversarial.models.mlp.sizes import int_pair, positive_size
from adversarial.space import Conv2DSpace, Space
from adversarial.utils.positional import positional_order


class MaxoutConvC01B(Convolution):
    """Convolution, maximum over pieces and over windows of pixels.

    Channel c of the output is the maximum over the detector maps c * num_pieces to
    c * num_pieces + num_pieces - 1, and over windows of `pool_shape` pixels at distances of
    `pool_stride`. Windows that reach over the edge pool the pixels that they cover. The input may
    have its axes in any order; the output has them as ('c', 0, 1, 'b').

    Parameters
    ----------
    num_channels, num_pieces : int
        Channels of the output, and detector maps of each.
    kernel_shape, pool_shape, pool_stride : (rows, columns)
    layer_name : str
    pad : int
        Zeros added on each side of the image.
    fix_pool_shape, fix_pool_stride, fix_kernel_shape : bool
        Reduce a window that is larger than the detector maps, a stride that is larger than the
        window, a kernel that is larger than the padded image. By default they are refused.
    partial_sum : int
        Accepted and unused; it tuned the convolutions of 2014.
    input_normalization, detector_normalization, output_normalization : callable, optional
        Applied to the input, to the maxima over pieces, and to the output, each with axes
        ('c', 0, 1, 'b').
    min_zero : bool
        Zero takes part in every maximum.
    kernel_stride : (rows, columns)
    **kwargs
        As `BaseConv`, `Affine` and `WeightInit` take them: `irange`, `tied_b`, `max_kernel_norm`,
        ...

    References
    ----------
    I. Goodfellow et al., "Maxout networks", ICML 2013, sections 3 and 5.2, arXiv 1302.4389.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> layer = MaxoutConvC01B(32, 2, (8, 8), (4, 4), (2, 2), "h0", irange=0.005, pad=4)
    >>> mlp = MLP([layer], input_space=Conv2DSpace((32, 32), num_channels=3))
    >>> mlp.get_output_space()
    Conv2DSpace(shape=(16, 16), num_channels=32, axes=('c', 0, 1, 'b'), dtype=float32)
    """

    @positional_order(
        "num_channels num_pieces kernel_shape pool_shape pool_stride layer_name irange init_bias",
        "W_lr_scale b_lr_scale pad fix_pool_shape fix_pool_stride fix_kernel_shape partial_sum",
        "tied_b max_kernel_norm input_normalization detector_normalization min_zero",
        "output_normalization kernel_stride",
    )
    def __init__(
        self,
        num_channels: int,
        num_pieces: int,
        kernel_shape: Sequence[int],
        pool_shape: Sequence[int],
        pool_stride: Sequence[int],
        layer_name: str,
        *,
        pad: int = 0,
        fix_pool_shape: bool = False,
        fix_pool_stride: bool = False,
        fix_kernel_shape: bool = False,
        partial_sum: int = 1,
        input_normalization: Optional[Callable[[Any], Any]] = None,
        detector_normalization: Optional[Callable[[Any], Any]] = None,
        min_zero: bool = False,
        output_normalization: Optional[Callable[[Any], Any]] = None,
        **kwargs: Any,
    ) -> None:
        where = f"layer {layer_name!r}"
        self.num_channels = positive_size(where, "num_channels", num_channels)
        self.num_pieces = positive_size(where, "num_pieces", num_pieces)
        super().__init__(layer_name, kernel_shape, **kwargs)
        self.pool_shape = int_pair(where, "pool_shape", pool_shape)
        self.pool_stride = int_pair(where, "pool_stride", pool_stride)
        self.pad = int_pair(where, "pad", (pad, pad), least=0)[0]
        self.fix_pool_shape = fix_pool_shape
        self.fix_pool_stride = fix_pool_stride
        self.fix_kernel_shape = fix_kernel_shape
        self.partial_sum = partial_sum
        self.input_normalization = input_normalization
        self.detector_normalization = detector_normalization
        self.min_zero = min_zero
        self.output_normalization = output_normalization
        # "p" for pooled: a channel has more than one piece.
        if num_pieces > 1:
            self._unit_channel_name = "p_" + self._unit_channel_name

    def set_input_space(self, space: Space) -> None:
        images = self._set_image_space(space)
        if self.fix_kernel_shape:
            padded = [size + 2 * self.pad for size in images.shape]
            self.kernel_shape = _minimum(self.kernel_shape, padded)
        self._make_detector(self.num_channels * self.num_pieces, (self.pad, self.pad))
        if self.fix_pool_shape:
            self.pool_shape = _minimum(self.pool_shape, self.detector_space.shape)
        if self.fix_pool_stride:
            self.pool_stride = _minimum(self.pool_stride, self.pool_shape)
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


def _minimum(wanted: Sequence[int], bound: Sequence[int]) -> tuple[int, int]:
    return min(wanted[0], bound[0]), min(wanted[1], bound[1])


def _in_c01b(function: Optional[Callable[[Any], Any]], x: Any) -> Any:
    """`function`, which takes the axes C01B, of x with the axes BC01; x itself if it is None."""
    if function is None:
        return x
    return Conv2DSpace.convert(function(Conv2DSpace.convert(x, BC01, C01B)), C01B, BC01)
