"""The multilayer perceptron: a stack of layers."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.mlp.dense import get_lr_scalers_from_layers, weight_decay
from adversarial.models.mlp.layer import Layer
from adversarial.space import CompositeSpace, Conv2DSpace, Space, VectorSpace
from adversarial.utils.seeding import Seed, numpy_rng


class MLP(Layer):
    """Layers applied in turn.

    Parameters
    ----------
    layers : list of Layer
        From the input up; their names differ.
    nvis : int, or input_space : Space
        What goes in: vectors of nvis values, or a space.
    seed : int or list of int
        For first weights and dropout masks.
    monitor_targets : bool
        Monitor the top layer's error against the targets, where a cost supplies them.
    """

    def __init__(
        self,
        layers: list[Layer],
        batch_size: Optional[int] = None,
        input_space: Optional[Space] = None,
        input_source: str = "features",
        target_source: str = "targets",
        nvis: Optional[int] = None,
        seed: Optional[Seed] = None,
        layer_name: Optional[str] = None,
        monitor_targets: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(layer_name, **kwargs)
        if not isinstance(layers, (list, tuple)):
            raise TypeError(f"layers must be a list of Layer objects, not {layers!r:.80}")
        if not layers:
            raise ValueError("an MLP needs at least one layer")
        if nvis is not None and input_space is not None:
            raise ValueError(f"give nvis ({nvis}) or input_space ({input_space}), not both")
        self.layers: list[Layer] = []
        self.batch_size = batch_size
        self.input_source = input_source
        self.target_source = target_source
        self.monitor_targets = monitor_targets
        self.freeze_set: list = []
        self.seed = seed
        self.setup_rng()
        self._take(layers)
        # Inside another MLP the input space arrives later, from the layer below.
        if nvis is not None:
            self.set_input_space(VectorSpace(nvis))
        elif input_space is not None:
            self.set_input_space(input_space)
        elif layer_name is None:
            raise ValueError("an MLP needs nvis or input_space")

    def setup_rng(self) -> None:
        self.rng = numpy_rng(self.seed, [2013, 1, 4])

    def _take(self, layers: Iterable[Layer]) -> None:
        names = self.layer_names
        for layer in layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"layers must be Layer objects, not {type(layer).__name__}")
            if layer.layer_name is None:
                raise ValueError(f"a {type(layer).__name__} in layers has no layer_name")
            if layer.layer_name in names:
                raise ValueError(f"two layers are named {layer.layer_name!r}")
            names.add(layer.layer_name)
            layer.set_mlp(self)
            self.layers.append(layer)

    @property
    def layer_names(self) -> set[str]:
        """The names of the layers."""
        return {layer.layer_name for layer in self.layers}

    def set_mlp(self, mlp: Any) -> None:
        super().set_mlp(mlp)
        self.rng = mlp.rng

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        self._update_layer_input_spaces()
        # Seeded after the weights are drawn, so that networks of other shapes mask differently.
        self.theano_rng = backend.RandomStreams(int(self.rng.randint(2**31)), "dropout")

    def _update_layer_input_spaces(self) -> None:
        space = self.input_space
        for layer in self.layers:
            layer.set_input_space(space)
            space = layer.get_output_space()

    def add_layers(self, layers: list[Layer]) -> None:
        """Put new layers on top."""
        top = self.layers[-1]
        self._take(layers)
        for layer in layers:
            layer.set_input_space(top.get_output_space())
            top = layer

    def freeze(self, parameter_set: Iterable) -> None:
        """Take these parameters out of training."""
        self.freeze_set = [*self.freeze_set, *parameter_set]

    # Spaces and data

    def get_output_space(self) -> Space:
        return self.layers[-1].get_output_space()

    def get_target_space(self) -> Space:
        return self.layers[-1].get_target_space()

    def get_input_source(self) -> str:
        return self.input_source

    def get_target_source(self) -> str:
        return self.target_source

    def set_batch_size(self, batch_size: int) -> None:
        self.batch_size = batch_size
        for layer in self.layers:
            layer.set_batch_size(batch_size)

    def get_monitoring_data_specs(self) -> tuple:
        if not self.monitor_targets:
            return (self.get_input_space(), self.get_input_source())
        space = CompositeSpace([self.get_input_space(), self.get_target_space()])
        return (space, (self.get_input_source(), self.get_target_source()))

    # Parameters

    def get_params(self) -> list:
        params = []
        for layer in self.layers:
            for param in layer.get_params():
                if param not in params and param not in self.freeze_set:
                    params.append(param)
        return params

    def get_lr_scalers(self) -> OrderedDict:
        return get_lr_scalers_from_layers(self)

    def _modify_updates(self, updates: OrderedDict) -> None:
        for layer in self.layers:
            layer.modify_updates(updates)

    def get_weight_decay(self, coeffs: Any) -> Any:
        return self._decay("get_weight_decay", coeffs)

    def get_l1_weight_decay(self, coeffs: Any) -> Any:
        return self._decay("get_l1_weight_decay", coeffs)

    def _decay(self, method: str, coeffs: Any) -> Any:
        return weight_decay(self.layers, method, coeffs)

    def get_weights(self) -> Any:
        return self.layers[0].get_weights()

    def get_weights_format(self) -> tuple[str, str]:
        return self.layers[0].get_weights_format()

    def get_weights_view_shape(self) -> tuple[int, int]:
        return self.layers[0].get_weights_view_shape()

    def get_weights_topo(self) -> Any:
        return self.layers[0].get_weights_topo()

    # Propagation

    def fprop(self, state_below: Any, return_all: bool = False) -> Any:
        """The top layer's output; with `return_all` the list of every layer's."""
        states = []
        for layer in self.layers:
            state_below = layer.fprop(state_below)
            states.append(state_below)
        return states if return_all else states[-1]

    def dropout_fprop(
        self,
        state_below: Any,
        default_input_include_prob: float = 0.5,
        input_include_probs: Optional[dict[str, float]] = None,
        default_input_scale: float = 2.0,
        input_scales: Optional[dict[str, float]] = None,
        per_example: bool = True,
        return_all: bool = False,
    ) -> Any:
        """`fprop` with dropout on the input of each layer (Hinton et al., 2012).

        Each value of a layer's input is kept with probability `input_include_probs[layer_name]`
        (else the default) and then multiplied by `input_scales[layer_name]` (else the default).
        With `per_example` false, one mask serves the whole batch. Dropped values become the
        layer's `dropout_input_mask_value`, which is 0 unless a layer says otherwise.
        """
        probs, scales = input_include_probs or {}, input_scales or {}
        self._validate_layer_names(list(probs))
        self._validate_layer_names(list(scales))
        states = []
        for layer in self.layers:
            state_below = apply_dropout(
                state_below,
                probs.get(layer.layer_name, default_input_include_prob),
                scales.get(layer.layer_name, default_input_scale),
                self.theano_rng,
                layer.get_input_space(),
                mask_value=layer.dropout_input_mask_value,
                per_example=per_example,
            )
            state_below = layer.fprop(state_below)
            states.append(state_below)
        return states if return_all else states[-1]

    def apply_dropout(self, state: Any, include_prob: Any, scale: Any, **kwargs: Any) -> Any:
        """`apply_dropout` with this network's random streams."""
        return apply_dropout(state, include_prob, scale, self.theano_rng, **kwargs)

    def masked_fprop(
        self,
        state_below: Any,
        mask: int,
        masked_input_layers: Optional[list[str]] = None,
        default_input_scale: float = 2.0,
        input_scales: Optional[dict[str, float]] = None,
    ) -> Any:
        """`fprop` under one given dropout mask: the bits of the integer `mask`, input 0 first.

        The inputs of `masked_input_layers` (all layers by default) are masked in turn.
        """
        names = [layer.layer_name for layer in self.layers]
        masked = names if masked_input_layers is None else masked_input_layers
        scales = input_scales or {}
        self._validate_layer_names(masked)
        self._validate_layer_names(list(scales))
        total = self.get_total_input_dimension(masked)
        if not 0 <= mask < 2**total:
            raise ValueError(f"mask {mask} does not fit the {total} inputs of {masked}")
        for layer in self.layers:
            if layer.layer_name in masked:
                space = layer.get_input_space()
                flat = VectorSpace(space.get_total_dimension())
                bits = [(mask >> i) & 1 for i in range(flat.dim)]
                mask >>= flat.dim
                scale = scales.get(layer.layer_name, default_input_scale)
                row = at.as_tensor_variable([bit * scale for bit in bits])
                row = at.cast(row, state_below.dtype)
                kept = space.format_as(state_below, flat) * row.dimshuffle("x", 0)
                if layer.dropout_input_mask_value != 0:
                    dropped = at.constant(np.array([bits]) == 0)
                    kept = at.switch(dropped, layer.dropout_input_mask_value, kept)
                state_below = flat.format_as(kept, space)
            state_below = layer.fprop(state_below)
        return state_below

    def get_total_input_dimension(self, layers: list[str]) -> int:
        """The number of inputs of the named layers together."""
        self._validate_layer_names(layers)
        return sum(
            layer.get_input_space().get_total_dimension()
            for layer in self.layers
            if layer.layer_name in layers
        )

    def _validate_layer_names(self, names: Iterable[str]) -> None:
        known = [layer.layer_name for layer in self.layers]
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(str(name), known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"no layer is named {name!r} (there are {known}){hint}")

    # Losses

    def get_default_cost(self) -> Any:
        from adversarial.costs.default import Default

        return Default()

    def cost(self, Y: Any, Y_hat: Any) -> Any:
        return self.layers[-1].cost(Y, Y_hat)

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        return self.layers[-1].cost_matrix(Y, Y_hat)

    def cost_from_cost_matrix(self, cost_matrix: Any) -> Any:
        return self.layers[-1].cost_from_cost_matrix(cost_matrix)

    def cost_from_X(self, data: tuple) -> Any:
        """The loss for `data` = (inputs, targets), without dropout."""
        X, Y = data
        return self.cost(Y, self.fprop(X))

    def cost_from_X_data_specs(self) -> tuple:
        space = CompositeSpace([self.get_input_space(), self.get_target_space()])
        return (space, (self.get_input_source(), self.get_target_source()))

    # Monitoring

    def get_monitoring_channels(self, data: Any) -> OrderedDict:
        """Channels of every layer; `data` is the inputs, or (inputs, targets or None)."""
        X, Y = data if isinstance(data, tuple) else (data, None)
        return self.get_layer_monitoring_channels(state_below=X, targets=Y)

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        channels = OrderedDict()
        for layer in self.layers:
            top = layer is self.layers[-1]
            above = layer.fprop(state_below)
            found = layer.get_layer_monitoring_channels(
                state_below, above, targets if top else None
            )
            for name, value in found.items():
                channels[f"{layer.layer_name}_{name}"] = value
            state_below = above
        return channels


def apply_dropout(
    state: Any,
    include_prob: Optional[float],
    scale: float,
    theano_rng: Any,
    input_space: Any = None,
    mask_value: float = 0.0,
    per_example: bool = True,
) -> Any:
    """`state` times a Bernoulli(include_prob) mask times `scale`; dropped values are `mask_value`.

    With `per_example` false one mask serves all examples; `input_space` says which axis counts
    them (the first without it).  Images of any order of axes are given the same masks.  A tuple
    of states is masked part by part.
    """
    if include_prob is None or include_prob == 1:
        return state
    if not 0 < include_prob < 1:
        raise ValueError(f"an include_prob must be in (0, 1], not {include_prob!r}")
    if isinstance(state, tuple):
        spaces = input_space.components if input_space is not None else [None] * len(state)
        return tuple(
            apply_dropout(part, include_prob, scale, theano_rng, space, mask_value, per_example)
            for part, space in zip(state, spaces)
        )
    order = list(range(state.ndim))
    if isinstance(input_space, Conv2DSpace):
        # The order that convolutions take: with it, the mask need not be moved to suit them.
        order = [input_space.axes.index(axis) for axis in ("b", "c", 0, 1)]
    size = [state.shape[axis] for axis in order]
    mask = theano_rng.binomial(size=size if per_example else size[1:], p=include_prob)
    if not per_example:
        mask = at.shape_padleft(mask)
    if order != sorted(order):
        mask = mask.dimshuffle([order.index(axis) for axis in range(state.ndim)])
    if mask_value == 0:
        return state * (mask * scale)
    return at.switch(mask, state * scale, mask_value)
