"""`MLP`, a stack of layers."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Optional, Union

from adversarial import backend
from adversarial.models.mlp.aggregate import get_lr_scalers_from_layers, weight_decay
from adversarial.models.mlp.dropout import apply_dropout
from adversarial.models.mlp.layer import Layer
from adversarial.models.mlp.sizes import spend_for_batches
from adversarial.space import CompositeSpace, Space, VectorSpace
from adversarial.space.data_specs import nested_source
from adversarial.utils.seeding import Seed, numpy_rng


class MLP(Layer):
    """Layers applied one after the other: a generator's network, a discriminator, a classifier.

    It is a layer itself, so that an MLP can be a layer of another.

    Parameters
    ----------
    layers : list of Layer
        From the input up; their names are different.
    batch_size : int, optional
        Size of minibatches, kept for layers that ask for it.
    input_space : Space, optional
        Exactly one of this and `nvis`, except in an MLP that is a layer of another.
    input_source, target_source : str or list
        The data set's names for input and targets; of a CompositeSpace a list of names, nested as
        the space is.
    nvis : int, optional
        The input is vectors of so many numbers.
    seed : int or list of int, optional
        For initial weights and dropout masks.
    layer_name : str, optional
        For an MLP that is a layer of another.
    monitor_targets : bool
        Monitor the top layer's error against the targets, if a cost supplies them.

    Raises
    ------
    TypeError
        If `layers` holds anything but layers.
    ValueError
        For two layers of one name, an empty list, or an input space given twice or not at all.

    References
    ----------
    "Generative Adversarial Nets", section 3: G and D are multilayer perceptrons.

    Examples
    --------
    >>> from adversarial.models.mlp import RectifiedLinear, Sigmoid
    >>> mlp = MLP(
    ...     nvis=784,
    ...     layers=[
    ...         RectifiedLinear(layer_name="h0", dim=200, irange=0.05),
    ...         Sigmoid(layer_name="y", dim=1, irange=0.05),
    ...     ],
    ... )
    >>> [param.get_value().shape for param in mlp.get_params()]
    [(784, 200), (200,), (200, 1), (1,)]
    """

    def __init__(
        self,
        layers: list[Layer],
        batch_size: Optional[int] = None,
        input_space: Optional[Space] = None,
        input_source: Union[str, Sequence[Any]] = "features",
        target_source: Union[str, Sequence[Any]] = "targets",
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
        self.rng = numpy_rng(seed, [2013, 1, 4])
        self._adopt(layers)
        # An MLP that is a layer of another gets its input space from the layer below.
        if nvis is not None:
            self.set_input_space(VectorSpace(nvis))
        elif input_space is not None:
            self.set_input_space(input_space)
        elif layer_name is None:
            raise ValueError("an MLP needs nvis or input_space")

    def _adopt(self, layers: Iterable[Layer]) -> None:
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

    def set_mlp(self, mlp: MLP) -> None:
        super().set_mlp(mlp)
        self.rng = mlp.rng

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        self._update_layer_input_spaces()
        # Seeded after the weights are drawn, so that networks of different shapes have different
        # dropout masks.
        self.theano_rng = backend.RandomStreams(int(self.rng.randint(2**31)), "dropout")

    def _update_layer_input_spaces(self) -> None:
        space = self.input_space
        spend_for_batches("the input", space)
        for layer in self.layers:
            layer.set_input_space(space)
            space = layer.get_output_space()
            spend_for_batches(f"layer {layer.layer_name!r}", space)

    def add_layers(self, layers: list[Layer]) -> None:
        """Put new layers on top, and draw their parameters."""
        space = self.layers[-1].get_output_space() if self.layers else self.input_space
        self._adopt(layers)
        for layer in layers:
            layer.set_input_space(space)
            space = layer.get_output_space()
            spend_for_batches(f"layer {layer.layer_name!r}", space)

    def freeze(self, parameter_set: Iterable) -> None:
        """Leave these parameters out of `get_params`, and so out of training."""
        self.freeze_set = [*self.freeze_set, *parameter_set]

    # Spaces and data

    def get_input_space(self) -> Space:
        if "input_space" not in self.__dict__:
            raise ValueError(
                f"the network {self.layer_name!r} has no input space: give it nvis or input_space, "
                "or make it a layer of another"
            )
        return self.input_space

    def get_output_space(self) -> Space:
        return self.layers[-1].get_output_space()

    def get_target_space(self) -> Space:
        return self.layers[-1].get_target_space()

    def get_input_source(self) -> Any:
        return nested_source(self.input_source, self.get_input_space())

    def get_target_source(self) -> Any:
        return nested_source(self.target_source, self.get_target_space())

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
        """`fprop` with dropout on the input of each layer.

        Dropped values become the layer's `dropout_input_mask_value`, which is 0 unless the layer
        has another.

        Parameters
        ----------
        state_below : symbolic batch
        default_input_include_prob, default_input_scale : float
            The probability that a value of a layer's input is kept, and the factor on what is kept.
        input_include_probs, input_scales : dict of str to float, optional
            The same for single layers, by name.
        per_example : bool
            Draw a mask for each example instead of one for the whole batch.
        return_all : bool
            Return the list of every layer's output instead of the top one's.

        Raises
        ------
        ValueError
            For a layer that does not exist, or a probability outside (0, 1].

        References
        ----------
        G. Hinton et al., "Improving neural networks by preventing co-adaptation of feature
        detectors", 2012, arXiv 1207.0580. "Generative Adversarial Nets", section 5: dropout in D.

        Examples
        --------
        >>> from adversarial.models.mlp import Linear
        >>> import numpy as np
        >>> mlp = MLP([Linear(dim=50, layer_name="h0", irange=0.0)], nvis=50)
        >>> mlp.layers[0].set_weights(np.eye(50))
        >>> out = mlp.dropout_fprop(backend.shared(np.ones((20, 50))), 0.5, None, 2.0)
        >>> np.unique(backend.function([], out)()).tolist()
        [0.0, 2.0]
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
        """`apply_dropout` with the random streams of this network."""
        return apply_dropout(state, include_prob, scale, self.theano_rng, **kwargs)

    def _validate_layer_names(self, names: Iterable[str]) -> None:
        known = [layer.layer_name for layer in self.layers]
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(str(name), known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"no layer is named {name!r} (there are {known}){hint}")

    # The loss

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
        """The loss for `data`, (inputs, targets), without dropout."""
        X, Y = data
        return self.cost(Y, self.fprop(X))

    def cost_from_X_data_specs(self) -> tuple:
        """(space, source) of the data that `cost_from_X` takes; `MethodCost` asks for them."""
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
