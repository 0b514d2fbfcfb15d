"""Convolutional layers that apply one function to each detector value."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Callable, Optional

from adversarial.models.mlp.base_conv import BC01
from adversarial.models.mlp.conv_nonlinearity import ConvNonlinearity, RectifierConvNonlinearity
from adversarial.models.mlp.convolution import Convolution
from adversarial.models.mlp.pooling import max_pool, mean_pool
from adversarial.models.mlp.sizes import int_pair, positive_size
from adversarial.space import Conv2DSpace, Space
from adversarial.utils.positional import positional_order

POOLS = {"max": max_pool, "mean": mean_pool}
BORDERS = ("valid", "full")


class ConvElemwise(Convolution):
    """Convolution, a function of each value, and pooling if `pool_type` is given.

    The input may have its axes in any order; the output has them as ('b', 'c', 0, 1).

    This is a true convolution, as in 2014: kernels are flipped. With one kernel [[1, 2], [3, 4]]
    the image [[1, 10], [100, 1000]] gives 4 * 1 + 3 * 10 + 2 * 100 + 1 * 1000 = 1234. Layers in
    model files from before this package flipped kernels have `filter_flip` false, and stay
    cross-correlations (4321).

    Parameters
    ----------
    output_channels : int
    kernel_shape : (rows, columns)
    layer_name : str
    nonlinearity : ConvNonlinearity
    border_mode : 'valid' or 'full'
        Pad the image with no zeros, or with one less than the kernel's size on each side.
    pool_type : 'max', 'mean' or None
        Windows that reach over the edge pool the pixels that they cover. None: no pooling.
    pool_shape, pool_stride : (rows, columns)
        With `pool_type` only.
    tied_b : bool, optional
        One bias a map. None means false.
    detector_normalization, output_normalization : callable, optional
        Applied before the pooling, if there is any, and to the output, with axes ('b', 'c', 0, 1).
    kernel_stride : (rows, columns)
    monitor_style : 'classification' or 'detection'
        Kept with the layer. Channels about targets follow the nonlinearity's own style.
    **kwargs
        As `BaseConv`, `Affine` and `WeightInit` take them: `irange`, `init_bias`,
        `max_kernel_norm`, ...

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, TanhConvNonlinearity
    >>> layer = ConvElemwise(16, (5, 5), "h0", TanhConvNonlinearity(), irange=0.05)
    >>> mlp = MLP([layer], input_space=Conv2DSpace((28, 28), num_channels=1))
    >>> mlp.get_output_space()
    Conv2DSpace(shape=(24, 24), num_channels=16, axes=('b', 'c', 0, 1), dtype=float32)
    """

    @positional_order(
        "output_channels kernel_shape layer_name nonlinearity irange border_mode sparse_init",
        "include_prob init_bias W_lr_scale b_lr_scale max_kernel_norm pool_type pool_shape",
        "pool_stride tied_b detector_normalization output_normalization kernel_stride",
        "monitor_style",
    )
    def __init__(
        self,
        output_channels: int,
        kernel_shape: Sequence[int],
        layer_name: str,
        nonlinearity: ConvNonlinearity,
        *,
        border_mode: str = "valid",
        pool_type: Optional[str] = None,
        pool_shape: Optional[Sequence[int]] = None,
        pool_stride: Optional[Sequence[int]] = None,
        tied_b: Optional[bool] = None,
        detector_normalization: Optional[Callable[[Any], Any]] = None,
        output_normalization: Optional[Callable[[Any], Any]] = None,
        monitor_style: str = "classification",
        **kwargs: Any,
    ) -> None:
        where = f"layer {layer_name!r}"
        self.output_channels = positive_size(where, "output_channels", output_channels)
        if not isinstance(nonlinearity, ConvNonlinearity):
            raise TypeError(f"{where}: nonlinearity must be one for images, not {nonlinearity!r}")
        if border_mode not in BORDERS:
            raise ValueError(f"{where}: border_mode must be one of {BORDERS}, not {border_mode!r}")
        if pool_type is not None and pool_type not in POOLS:
            raise ValueError(f"{where}: pool_type must be max, mean or None, not {pool_type!r}")
        super().__init__(layer_name, kernel_shape, tied_b=bool(tied_b), **kwargs)
        self.filter_flip = True
        self.nonlin = nonlinearity
        self.border_mode = border_mode
        self.pool_type = pool_type
        self.pool_shape, self.pool_stride = pool_shape, pool_stride
        if pool_type is not None:
            self.pool_shape = int_pair(where, "pool_shape", pool_shape)
            self.pool_stride = int_pair(where, "pool_stride", pool_stride)
        self.detector_normalization = detector_normalization
        self.output_normalization = output_normalization
        self.monitor_style = monitor_style

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Files without the attribute are from before kernels were flipped.
        super().__setstate__({"filter_flip": False, **state})

    def set_input_space(self, space: Space) -> None:
        self._set_image_space(space)
        self.initialize_transformer()
        self.initialize_output_space()

    def initialize_transformer(self) -> None:
        """Set detector_space, and make kernels and biases."""
        full = self.border_mode == "full"
        rows, columns = self.kernel_shape
        self._make_detector(self.output_channels, (rows - 1, columns - 1) if full else (0, 0))

    def initialize_output_space(self) -> None:
        """Set output_space from detector_space."""
        self.output_space = self.detector_space
        if self.pool_type is not None:
            self.output_space = Conv2DSpace(
                self._pooled_shape(), num_channels=self.output_channels, axes=BC01
            )

    def fprop(self, state_below: Any) -> Any:
        x = self.input_space.format_as(state_below, self.desired_space)
        p = self.nonlin.apply(self._detector(x))
        if self.pool_type is not None:
            if self.detector_normalization is not None:
                p = self.detector_normalization(p)
            pool = POOLS[self.pool_type]
            p = pool(p, self.pool_shape, self.pool_stride, self.detector_space.shape)
        return p if self.output_normalization is None else self.output_normalization(p)

    def cost(self, Y: Any, Y_hat: Any) -> Any:
        """The nonlinearity's loss, averaged over the batch."""
        return self.nonlin.cost(Y, Y_hat, self.output_space.get_batch_axis())

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        if state is None and state_below is not None:
            state = self.fprop(state_below)
        channels = super().get_layer_monitoring_channels()
        if state is not None:
            channels.update(
                self.nonlin.get_monitoring_channels_from_state(state, targets, self.cost)
            )
        return channels


class ConvRectifiedLinear(ConvElemwise):
    """`ConvElemwise` with a rectifier: max(z, 0), or left_slope * z where z is negative.

    Parameters
    ----------
    output_channels : int
    kernel_shape, pool_shape, pool_stride : (rows, columns)
    layer_name : str
    left_slope : float
    pool_type : 'max', 'mean' or None
    **kwargs
        As `ConvElemwise` takes them.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> layer = ConvRectifiedLinear(16, (5, 5), (2, 2), (2, 2), "h0", irange=0.05)
    >>> mlp = MLP([layer], input_space=Conv2DSpace((28, 28), num_channels=1))
    >>> mlp.get_output_space().shape
    (12, 12)
    """

    @positional_order(
        "output_channels kernel_shape pool_shape pool_stride layer_name irange border_mode",
        "sparse_init include_prob init_bias W_lr_scale b_lr_scale left_slope max_kernel_norm",
        "pool_type tied_b detector_normalization output_normalization kernel_stride monitor_style",
        fixed=["nonlinearity"],
    )
    def __init__(
        self,
        output_channels: int,
        kernel_shape: Sequence[int],
        pool_shape: Sequence[int],
        pool_stride: Sequence[int],
        layer_name: str,
        *,
        left_slope: float = 0.0,
        pool_type: Optional[str] = "max",
        tied_b: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            output_channels,
            kernel_shape,
            layer_name,
            RectifierConvNonlinearity(left_slope),
            pool_type=pool_type,
            pool_shape=pool_shape,
            pool_stride=pool_stride,
            tied_b=tied_b,
            **kwargs,
        )
