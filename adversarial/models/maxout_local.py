"""Maxout layers that look at places as a convolution does, with kernels of each place's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Optional

from adversarial.models.maxout_conv import MaxoutConvC01B
from adversarial.space import Space


class MaxoutLocalC01B(MaxoutConvC01B):
    """`MaxoutConvC01B` whose kernels are not shared between places.

    W has the shape (num_channels * num_pieces, places' rows, places' columns, channels, rows,
    columns), and max_kernel_norm bounds each of these kernels.

    Parameters beside those of `MaxoutConvC01B`
    -------------------------------------------
    pool_shape, pool_stride : (rows, columns), optional
        None: no pooling over pixels.
    input_groups : int
        The channels of the input are split into so many groups, as are the detector maps, which
        see the channels of their own group alone.
    """

    _unshared = True

    def __init__(
        self,
        num_channels: int,
        num_pieces: int,
        kernel_shape: Sequence[int],
        layer_name: str,
        pool_shape: Optional[Sequence[int]] = None,
        pool_stride: Optional[Sequence[int]] = None,
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
        input_groups: int = 1,
        kernel_stride: Sequence[int] = (1, 1),
    ) -> None:
        if pool_shape is None and pool_stride is None:
            pool_shape = pool_stride = (1, 1)
        # Where only one is None, the constructor says so.
        shape: Any = pool_shape
        stride: Any = pool_stride
        super().__init__(
            num_channels,
            num_pieces,
            kernel_shape,
            shape,
            stride,
            layer_name,
            irange=irange,
            init_bias=init_bias,
            W_lr_scale=W_lr_scale,
            b_lr_scale=b_lr_scale,
            pad=pad,
            fix_pool_shape=fix_pool_shape,
            fix_pool_stride=fix_pool_stride,
            fix_kernel_shape=fix_kernel_shape,
            partial_sum=partial_sum,
            tied_b=tied_b,
            max_kernel_norm=max_kernel_norm,
            input_normalization=input_normalization,
            detector_normalization=detector_normalization,
            min_zero=min_zero,
            output_normalization=output_normalization,
            kernel_stride=kernel_stride,
        )
        if not (isinstance(input_groups, int) and input_groups > 0):
            raise ValueError(
                f"layer {layer_name!r}: input_groups must be positive, not {input_groups!r}"
            )
        self.input_groups = self._groups = input_groups

    def set_input_space(self, space: Space) -> None:
        channels = getattr(space, "num_channels", 0)
        for what, count in (
            ("input channels", channels),
            ("detector maps", self.num_channels * self.num_pieces),
        ):
            if count % self.input_groups:
                raise ValueError(
                    f"layer {self.layer_name!r}: {count} {what} cannot be split into "
                    f"{self.input_groups} groups"
                )
        super().set_input_space(space)
