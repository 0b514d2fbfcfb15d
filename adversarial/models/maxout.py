"""The maxout layer, of which the paper's discriminators are made."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.channels import unit_channels
from adversarial.models.mlp.dense import Dense
from adversarial.models.mlp.sizes import positive_size
from adversarial.space import Space, VectorSpace
from adversarial.utils.positional import positional_order


class Maxout(Dense):
    """Each unit is the greatest of `num_pieces` affine functions of the input.

    With z = x W + b, unit u is the maximum of the columns u * num_pieces to
    u * num_pieces + num_pieces - 1 of z. With a `pool_stride` below num_pieces, neighbouring units
    share columns, and there are (num_units * num_pieces - num_pieces) / pool_stride + 1 units.

    Parameters
    ----------
    layer_name : str
    num_units : int
    num_pieces : int
        Columns of z in each maximum.
    pool_stride : int, optional
        Columns from the first of one unit to the first of the next; by default num_pieces.
    randomize_pools : bool
        Columns are drawn at random, with replacement, before the maximum is taken.
    min_zero : bool
        Zero takes part in every maximum.
    **kwargs
        As `Dense`, `Affine` and `WeightInit` take them: `irange`, `max_col_norm`, ...

    References
    ----------
    I. Goodfellow et al., "Maxout networks", ICML 2013, section 3, arXiv 1302.4389.

    Examples
    --------
    >>> from adversarial import backend
    >>> from adversarial.models.mlp import MLP
    >>> layer = Maxout("h0", num_units=2, num_pieces=2, irange=0.0, init_bias=[1, 2, 4, 3])
    >>> mlp = MLP([layer], nvis=1)
    >>> backend.function([], mlp.fprop(backend.shared([[0.0]])))()
    array([[2., 4.]], dtype=float32)
    """

    @positional_order(
        "layer_name num_units num_pieces pool_stride randomize_pools irange sparse_init",
        "sparse_stdev include_prob init_bias W_lr_scale b_lr_scale max_col_norm max_row_norm",
        "mask_weights min_zero",
    )
    def __init__(
        self,
        layer_name: str,
        num_units: int,
        num_pieces: int,
        *,
        pool_stride: Optional[int] = None,
        randomize_pools: bool = False,
        min_zero: bool = False,
        **kwargs: Any,
    ) -> None:
        self.num_units = positive_size(f"layer {layer_name!r}", "num_units", num_units)
        self.num_pieces = positive_size(f"layer {layer_name!r}", "num_pieces", num_pieces)
        self.pool_stride = self.num_pieces
        if pool_stride is not None:
            self.pool_stride = positive_size(f"layer {layer_name!r}", "pool_stride", pool_stride)
        if self.pool_stride > num_pieces:
            raise ValueError(f"layer {layer_name!r}: pool_stride must be 1 to {num_pieces}")
        if (self.units - num_pieces) % self.pool_stride:
            raise ValueError(
                f"layer {layer_name!r}: pools of {num_pieces} with pool_stride {pool_stride} "
                f"do not tile {self.units} columns"
            )
        self.randomize_pools = randomize_pools
        self.min_zero = min_zero
        super().__init__(layer_name, **kwargs)

    @property
    def units(self) -> int:
        return self.num_units * self.num_pieces

    def set_input_space(self, space: Space) -> None:
        super().set_input_space(space)
        pools = (self.units - self.num_pieces) // self.pool_stride + 1
        self.output_space = VectorSpace(pools)
        self.permutation = None
        if self.randomize_pools:
            self.permutation = np.asarray(
                [self.mlp.rng.randint(self.units) for _ in range(self.units)]
            )

    def fprop(self, state_below: Any) -> Any:
        z = self._linear_part(state_below)
        if self.permutation is not None:
            z = z[:, self.permutation]
        if self.pool_stride == self.num_pieces:
            p = backend.maxout(z, self.num_pieces)
        else:
            last = self.units - self.num_pieces
            pieces = [z[:, i : last + i + 1 : self.pool_stride] for i in range(self.num_pieces)]
            p = pieces[0]
            for piece in pieces[1:]:
                p = at.maximum(p, piece)
        return at.maximum(p, 0.0) if self.min_zero else p

    def get_weights_view_shape(self) -> tuple[int, int]:
        return (self.num_units, self.num_pieces)

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        channels = super().get_layer_monitoring_channels(state_below, state, targets)
        if state is None and state_below is not None:
            state = self.fprop(state_below)
        if state is not None:
            # "p" for pooled: a unit has more than one piece.
            prefix = "" if self.num_pieces == 1 else "p_"
            channels.update(unit_channels(state, name=prefix + "{}_x.{}_u"))
        return channels
