"""The locally connected maxout layer: a convolution with kernels of their own at each position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from adversarial.models.maxout_conv import MaxoutConvC01B
from adversarial.models.mlp.sizes import positive_size
from adversarial.space import Space
from adversarial.utils.positional import positional_order


class MaxoutLocalC01B(MaxoutConvC01B):
    """`MaxoutConvC01B` whose kernels are not shared between positions.

    W has the shape (num_channels * num_pieces, rows of positions, columns of positions, channels,
    rows, columns), and max_kernel_norm bounds each of these kernels.

    Parameters
    ----------
    num_channels, num_pieces : int
    kernel_shape : (rows, columns)
    layer_name : str
    pool_shape, pool_stride : (rows, columns), optional
        None: no pooling over pixels.
    input_groups : int
        The channels of the input and the detector maps are split into this many groups; the maps of
        a group see the channels of that group only.
    **kwargs
        As `MaxoutConvC01B` takes them.

    References
    ----------
    K. Gregor and Y. LeCun, "Emergence of complex-like cells in a temporal product network with
    local receptive fields", 2010, arXiv 1006.0448.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> from adversarial.space import Conv2DSpace
    >>> layer = MaxoutLocalC01B(4, 2, (3, 3), "h0", irange=0.05)
    >>> mlp = MLP([layer], input_space=Conv2DSpace((6, 5), num_channels=3))
    >>> layer.W.get_value().shape
    (8, 4, 3, 3, 3, 3)
    """

    _unshared = True

    @positional_order(
        "num_channels num_pieces kernel_shape layer_name pool_shape pool_stride irange init_bias",
        "W_lr_scale b_lr_scale pad fix_pool_shape fix_pool_stride fix_kernel_shape partial_sum",
        "tied_b max_kernel_norm input_normalization detector_normalization min_zero",
        "output_normalization input_groups kernel_stride",
    )
    def __init__(
        self,
        num_channels: int,
        num_pieces: int,
        kernel_shape: Sequence[int],
        layer_name: str,
        pool_shape: Optional[Sequence[int]] = None,
        pool_stride: Optional[Sequence[int]] = None,
        *,
        input_groups: int = 1,
        **kwargs: Any,
    ) -> None:
        if pool_shape is None and pool_stride is None:
            pool_shape = pool_stride = (1, 1)
        # If only one of them is None, the constructor refuses it.
        pooling: Any = pool_shape, pool_stride
        super().__init__(num_channels, num_pieces, kernel_shape, *pooling, layer_name, **kwargs)
        groups = positive_size(f"layer {layer_name!r}", "input_groups", input_groups)
        self.input_groups = self._groups = groups

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
