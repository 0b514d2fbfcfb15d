"""What a convolution and its transpose have in common: kernels, biases and their constraints."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.constraints import check_norms, constrain_norms
from adversarial.models.initialization import initial_weights
from adversarial.models.mlp.affine import Affine
from adversarial.models.statistics import kernel_norm_channels, unit_channels
from adversarial.space import Conv2DSpace, Space

# The order of axes in which images are computed with, and that of the 2014 layers' borders.
BC01 = ("b", "c", 0, 1)
C01B = ("c", 0, 1, "b")

# The axes of W that make up one kernel: channels, rows, columns.
_KERNEL = (-3, -2, -1)


class Kernels(Affine):
    """Kernels W (filters, channels, rows, columns) that slide over images, and biases b.

    They are those of a cross-correlation (nothing is flipped) that takes images of `channels`
    channels and makes `filters` maps, except in layers whose `filter_flip` is true.

    Parameters
    ----------
    kernel_shape : (rows, columns)
    irange : float, or sparse_init : int
        How W begins: see `initial_weights`, for which each kernel is a unit (also for
        `include_prob`).
    init_bias : float or array of the biases' shape
        How b begins.
    tied_b : bool
        One bias for each map, shape (maps,), instead of one for each of its pixels, shape
        (maps, rows, columns).
    W_lr_scale, b_lr_scale : float, optional
        Factors on the learning rates of W and b.
    max_kernel_norm : float, optional
        Bound on the norm of each kernel, kept at every update.
    """

    # Of the monitor channels about units; a unit is a channel of the output.
    _unit_channel_name = "{}_x.{}_u"

    def __init__(
        self,
        layer_name: str,
        kernel_shape: Sequence[int],
        irange: Optional[float] = None,
        sparse_init: Optional[int] = None,
        include_prob: float = 1.0,
        init_bias: Any = 0.0,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        tied_b: bool = False,
        max_kernel_norm: Optional[float] = None,
    ) -> None:
        super().__init__(layer_name, W_lr_scale, b_lr_scale)
        check_norms(max_kernel_norm=max_kernel_norm)
        self.kernel_shape = pair(layer_name, "kernel_shape", kernel_shape)
        self.irange = irange
        self.sparse_init = sparse_init
        self.include_prob = include_prob
        self.init_bias = init_bias
        self.tied_b = bool(tied_b)
        self.max_kernel_norm = max_kernel_norm

    def _take_images(self, space: Space) -> Conv2DSpace:
        """`space`, if of images; sets input_space, and desired_space with the axes (b, c, 0, 1)."""
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
        """W (*filters, channels, rows, columns), and b for maps of the space `biased`."""
        kernel = (channels, *self.kernel_shape)
        columns = initial_weights(
            rng,
            (math.prod(kernel), math.prod(filters)),
            irange=self.irange,
            sparse_init=self.sparse_init,
            include_prob=self.include_prob,
        )
        W = columns.T.reshape(*filters, *kernel)
        self.W = backend.shared(W.astype(backend.floatX), f"{self.layer_name}_W")
        shape = (biased.num_channels,) if self.tied_b else (biased.num_channels, *biased.shape)
        init_bias = np.asarray(self.init_bias, dtype=backend.floatX)
        if init_bias.shape not in ((), shape):
            raise ValueError(
                f"layer {self.layer_name!r}: init_bias has shape {init_bias.shape}, "
                f"expected {shape}"
            )
        self.b = backend.shared(np.full(shape, init_bias), f"{self.layer_name}_b")
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
            # In the order in which they were computed, statistics need no strided reading.
            maps = Conv2DSpace.convert(state, self.output_space.axes, BC01)
            channels.update(unit_channels(maps, (0, 2, 3), self._unit_channel_name))
        return channels


def pair(layer: str, name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """`value` as two integers; ValueError when it is anything else, or below `least`."""
    numbers = tuple(value) if isinstance(value, (list, tuple, np.ndarray)) else ()
    integers = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers)
    if len(numbers) != 2 or not integers or min(numbers) < least:
        raise ValueError(
            f"layer {layer!r}: {name} must be two integers from {least} up, not {value!r}"
        )
    return (int(numbers[0]), int(numbers[1]))
