"""`BaseConv`: the base of convolutions and transposed convolutions."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.channels import kernel_norm_channels, unit_channels
from adversarial.models.constraints import check_norms, constrain_norms
from adversarial.models.initialization import initial_bias
from adversarial.models.mlp.affine import Affine
from adversarial.models.mlp.sizes import int_pair
from adversarial.space import Conv2DSpace, Space

# The axes with which convolutions are computed, and those of the output of 2014's maxout layers.
BC01 = ("b", "c", 0, 1)
C01B = ("c", 0, 1, "b")

# The axes of W that make up one kernel: channels, rows, columns.
_KERNEL = (-3, -2, -1)


class BaseConv(Affine):
    """Kernels W (filters, channels, rows, columns) that slide over images, and biases b.

    The kernels are those of a cross-correlation, which does not flip them, from images of
    `channels` channels to `filters` maps. Only a layer whose `filter_flip` is true flips them.

    Parameters
    ----------
    layer_name : str
    kernel_shape : (rows, columns)
    init_bias : float or array of the shape of b
        Initial values of b.
    tied_b : bool
        One bias for each map, shape (maps,), instead of one for each of its pixels, shape
        (maps, rows, columns).
    max_kernel_norm : float, optional
        Bound on the norm of each kernel, kept at every update.
    **kwargs
        As `Affine` takes them.

    Raises
    ------
    ValueError
        If `kernel_shape` is not two positive integers or `max_kernel_norm` not positive and finite.
        When the layer gets its input space: if `init_bias` is not finite or not of the shape of b.
    TypeError
        When the layer gets its input space, if that is no Conv2DSpace.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, ConvElemwise, TanhConvNonlinearity
    >>> layer = ConvElemwise(16, (5, 5), "h0", TanhConvNonlinearity(), irange=0.05)
    >>> mlp = MLP([layer], input_space=Conv2DSpace((28, 28), num_channels=3))
    >>> layer.W.get_value().shape, layer.b.get_value().shape
    ((16, 3, 5, 5), (16, 24, 24))
    >>> layer.get_weights_topo().shape
    (16, 5, 5, 3)
    """

    input_space: Conv2DSpace
    desired_space: Conv2DSpace
    output_space: Conv2DSpace
    # Names of the monitor channels about units, which are the channels of the output.
    _unit_channel_name = "{}_x.{}_u"

    def __init__(
        self,
        layer_name: str,
        kernel_shape: Sequence[int],
        *,
        init_bias: Any = 0.0,
        tied_b: bool = False,
        max_kernel_norm: Optional[float] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(layer_name, **kwargs)
        check_norms(layer_name, max_kernel_norm=max_kernel_norm)
        self.kernel_shape = int_pair(f"layer {layer_name!r}", "kernel_shape", kernel_shape)
        self.init_bias = init_bias
        self.tied_b = bool(tied_b)
        self.max_kernel_norm = max_kernel_norm

    def _set_image_space(self, space: Space) -> Conv2DSpace:
        """Set input_space and desired_space, of axes BC01; TypeError unless these are images."""
        if not isinstance(space, Conv2DSpace):
            raise TypeError(
                f"layer {self.layer_name!r} takes images (a Conv2DSpace), not {space}; "
                "put a SpaceConverter below it"
            )
        self.input_space = space
        self.desired_space = Conv2DSpace(space.shape, num_channels=space.num_channels, axes=BC01)
        return space

    def _make_parameters(
        self,
        rng: np.random.RandomState,
        filters: Sequence[int],
        channels: int,
        biased: Conv2DSpace,
    ) -> None:
        """Draw W (*filters, channels, rows, columns), and make b for maps of the space `biased`."""
        kernel = (channels, *self.kernel_shape)
        columns = self.weight_init.draw(rng, (math.prod(kernel), math.prod(filters)))
        W = columns.T.reshape(*filters, *kernel)
        self.W = backend.shared(W.astype(backend.floatX), f"{self.layer_name}_W")
        shape = (biased.num_channels,) if self.tied_b else (biased.num_channels, *biased.shape)
        b = initial_bias(self.init_bias, shape, self.layer_name)
        self.b = backend.shared(b.astype(backend.floatX), f"{self.layer_name}_b")
        self._params = [self.W, self.b]

    def _with_bias(self, maps: Any) -> Any:
        """`maps` (batch, maps, rows, columns) plus the biases."""
        spread = ("x", 0, "x", "x") if self.tied_b else ("x", 0, 1, 2)
        return maps + self.b.dimshuffle(*spread)

    def _modify_updates(self, updates: OrderedDict) -> None:
        constrain_norms(updates, self.W, _KERNEL, self.max_kernel_norm)

    def get_filter_norms(self, W: Any = None) -> Any:
        """The norm of each kernel of `W` (by default the layer's), symbolic."""
        return at.sqrt(at.square(self.W if W is None else W).sum(axis=_KERNEL))

    def get_weights_topo(self) -> np.ndarray:
        """One image a kernel, as `W` holds it: (kernels, rows, columns, channels)."""
        W = self.W.get_value()
        return W.reshape(-1, *W.shape[-3:]).transpose(0, 2, 3, 1)

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        channels = kernel_norm_channels(self.get_filter_norms())
        if state is None and state_below is not None:
            state = self.fprop(state_below)
        if state is not None:
            # The axes in which the output was computed; in others it would be read with strides,
            # which is slower.
            maps = Conv2DSpace.convert(state, self.output_space.axes, BC01)
            channels.update(unit_channels(maps, (0, 2, 3), self._unit_channel_name))
        return channels
