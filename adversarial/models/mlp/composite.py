"""Layers without weights of their own: they convert, combine and flatten the output of others."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

from aesara.tensor.basic import Join
from aesara.tensor.shape import Reshape, SpecifyShape

from adversarial.models.channels import unit_channels
from adversarial.models.mlp.aggregate import get_lr_scalers_from_layers, weight_decay
from adversarial.models.mlp.layer import Layer
from adversarial.space import CompositeSpace, Conv2DSpace, IndexSpace, Space, VectorSpace
from adversarial.space.image_rows import depends_on_order
from adversarial.utils.checks import check_list

if TYPE_CHECKING:
    from adversarial.models.mlp.network import MLP


class SpaceConverter(Layer):
    """Converts its input to another space of equally many numbers, such as vectors to images.

    A vector holds an image pixel after pixel, as `Conv2DSpace` has it. A row of a data set does not
    (`adversarial.space.image_rows`), and `check_image_order` refuses a network in which this layer
    would take one for the other.

    Parameters
    ----------
    layer_name : str
    output_space : Space

    Raises
    ------
    ValueError
        For an input of another number of values.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> images = Conv2DSpace((7, 7), num_channels=16)
    >>> MLP([SpaceConverter("images", images)], nvis=784).get_output_space().shape
    (7, 7)
    """

    def __init__(self, layer_name: str, output_space: Space) -> None:
        super().__init__(layer_name)
        self.output_space = output_space

    def set_input_space(self, space: Space) -> None:
        have, want = space.get_total_dimension(), self.output_space.get_total_dimension()
        if have != want:
            raise ValueError(
                f"layer {self.layer_name!r} cannot convert {space} ({have} values) "
                f"to {self.output_space} ({want} values)"
            )
        self.input_space = space

    def fprop(self, state_below: Any) -> Any:
        return self.input_space.format_as(state_below, self.output_space)


def check_image_order(network: MLP, taken: str, made: str = "") -> None:
    """Check that no SpaceConverter mistakes rows of a data set for vectors, or the reverse.

    Parameters
    ----------
    network : MLP
    taken : str
        What the message calls the network's input if that is rows of a data set; '' if it is not.
    made : str
        The same for its output.

    Raises
    ------
    ValueError
        If one does; the message names the layer and what to do.
    """
    for layers, what, remedy in (
        (network.layers, taken, "give the network input_space: Conv2DSpace in place of nvis"),
        (network.layers[::-1], made, "leave the layer out: images and rows are converted"),
    ):
        # Layers before it without parameters that keep the space keep each value in its place.
        moving = (o for o in layers if o.get_params() or o.input_space != o.get_output_space())
        layer = next(moving, None)
        if not what or not isinstance(layer, SpaceConverter):
            continue
        images, rows = layer.input_space, layer.output_space
        if what == taken:
            images, rows = rows, images
        if depends_on_order(images) and isinstance(rows, VectorSpace):
            raise ValueError(
                f"layer {layer.layer_name!r} has the numbers of an image pixel after pixel, but "
                f"{what} holds them channel after channel: {remedy}"
            )


class CompositeLayer(Layer):
    """Several layers side by side; the output is the tuple of their outputs.

    Parameters
    ----------
    layer_name : str
    layers : list of Layer
    inputs_to_layers : dict, optional
        Position in a composite input -> list of the positions of the layers that receive it; none
        of them for an empty list. An input that is not in the dict goes to every layer, and by
        default every layer receives the whole input.

    Raises
    ------
    TypeError
        If `layers` is not a list.
    ValueError
        For an empty list, or a route from or to nothing.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> parts = [Linear(2, "a", irange=0.1), Linear(3, "b", irange=0.1)]
    >>> MLP([CompositeLayer("c", parts)], nvis=4).get_output_space()
    CompositeSpace(VectorSpace(dim=2, dtype=float32), VectorSpace(dim=3, dtype=float32))
    """

    def __init__(
        self,
        layer_name: str,
        layers: list[Layer],
        inputs_to_layers: Optional[dict[int, list[int]]] = None,
    ) -> None:
        super().__init__(layer_name)
        check_list(f"layers of {layer_name!r}", layers)
        if not layers:
            raise ValueError(f"layer {layer_name!r}: layers is empty")
        for name, number in Counter(layer.layer_name for layer in layers).items():
            if number > 1:  # their channels would have one name
                raise ValueError(f"layer {layer_name!r}: {number} layers are named {name!r}")
        self.layers = list(layers)
        self.inputs_to_layers = None
        if inputs_to_layers is not None:
            for source, targets in inputs_to_layers.items():
                if any(not 0 <= t < len(layers) for t in targets):
                    raise ValueError(f"inputs_to_layers[{source!r}] = {targets}: no such layer")
            self.inputs_to_layers = {int(k): list(v) for k, v in inputs_to_layers.items()}

    @property
    def routing_needed(self) -> bool:
        """Whether layers receive parts of the input instead of the whole."""
        return self.inputs_to_layers is not None

    def set_mlp(self, mlp: MLP) -> None:
        super().set_mlp(mlp)
        for layer in self.layers:
            layer.set_mlp(mlp)

    def set_batch_size(self, batch_size: int) -> None:
        for layer in self.layers:
            layer.set_batch_size(batch_size)

    def _sources(self, position: int) -> list[int]:
        routes = self.inputs_to_layers or {}
        return [source for source, targets in sorted(routes.items()) if position in targets]

    def _complete_routes(self, space: Space) -> Sequence[Space]:
        """Add the inputs that `inputs_to_layers` leaves out, which go to all layers.

        Returns the spaces of all inputs.
        """
        if not isinstance(space, CompositeSpace):
            raise ValueError(f"layer {self.layer_name!r} routes inputs, so it needs a composite")
        given, count = self.inputs_to_layers or {}, len(space.components)
        for source in given:
            if not 0 <= source < count:
                raise ValueError(
                    f"layer {self.layer_name!r}: inputs_to_layers routes input {source}, and there "
                    f"are {count}, from 0 on"
                )
        everywhere = list(range(len(self.layers)))
        self.inputs_to_layers = {i: given.get(i, everywhere) for i in range(count)}
        return space.components

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        inputs = self._complete_routes(space) if self.routing_needed else ()
        for position, layer in enumerate(self.layers):
            if self.routing_needed:
                sources = self._sources(position)
                if not sources:
                    raise ValueError(f"inputs_to_layers feeds nothing to {layer.layer_name!r}")
                parts = [inputs[source] for source in sources]
                layer.set_input_space(parts[0] if len(parts) == 1 else CompositeSpace(parts))
            else:
                layer.set_input_space(space)
        self.output_space = CompositeSpace([layer.get_output_space() for layer in self.layers])
        self._params = [param for layer in self.layers for param in layer.get_params()]

    def _input_of(self, position: int, state_below: Any) -> Any:
        if not self.routing_needed:
            return state_below
        parts = tuple(state_below[src] for src in self._sources(position))
        return parts[0] if len(parts) == 1 else parts

    def fprop(self, state_below: Any) -> tuple:
        return tuple(
            layer.fprop(self._input_of(position, state_below))
            for position, layer in enumerate(self.layers)
        )

    def get_target_space(self) -> Space:
        return CompositeSpace([layer.get_target_space() for layer in self.layers])

    def cost(self, Y: tuple, Y_hat: tuple) -> Any:
        return sum(layer.cost(y, y_hat) for layer, y, y_hat in zip(self.layers, Y, Y_hat))

    def get_weight_decay(self, coeff: Any) -> Any:
        return weight_decay(self.layers, "get_weight_decay", coeff)

    def get_l1_weight_decay(self, coeff: Any) -> Any:
        return weight_decay(self.layers, "get_l1_weight_decay", coeff)

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        channels = OrderedDict()
        for position, layer in enumerate(self.layers):
            found = layer.get_layer_monitoring_channels(
                None if state_below is None else self._input_of(position, state_below),
                None if state is None else state[position],
                None if targets is None else targets[position],
            )
            for name, value in found.items():
                channels[f"{layer.layer_name}_{name}"] = value
        return channels

    def _modify_updates(self, updates: OrderedDict) -> None:
        for layer in self.layers:
            layer.modify_updates(updates)

    def get_lr_scalers(self) -> OrderedDict:
        return get_lr_scalers_from_layers(self)


class Sum(Layer):
    """The sum of the parts of a composite input, all of one space.

    Parameters
    ----------
    layer_name : str

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> space = CompositeSpace([VectorSpace(3), VectorSpace(3)])
    >>> MLP([Sum("s")], input_space=space).get_output_space()
    VectorSpace(dim=3, dtype=float32)
    """

    def __init__(self, layer_name: str) -> None:
        super().__init__(layer_name)

    def set_input_space(self, space: Space) -> None:
        if not isinstance(space, CompositeSpace):
            raise TypeError(f"layer {self.layer_name!r} sums a composite, not {space}")
        first = space.components[0]
        for part in space.components[1:]:
            if part != first:
                raise ValueError(f"layer {self.layer_name!r} cannot add {part} to {first}")
        self.input_space = space
        self.output_space = first

    def fprop(self, state_below: tuple) -> Any:
        return sum(state_below[1:], state_below[0])

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        if state is None:
            state = self.fprop(state_below)
        if isinstance(self.output_space, Conv2DSpace):
            over = [i for i, axis in enumerate(self.output_space.axes) if axis != "c"]
        else:
            over = [0]
        return unit_channels(state, over, "{}_x.{}_u")


class FlattenerLayer(Layer):
    """A layer whose output is that of `raw_layer`, flattened into one vector.

    For a CompositeLayer, whose output is a tuple, the parts are laid side by side, shape
    (batch, sum of their sizes), and targets have the same form. The loss is that of the parts.

    Parameters
    ----------
    raw_layer : Layer

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> parts = [Linear(2, "a", irange=0.1), Linear(3, "b", irange=0.1)]
    >>> MLP([FlattenerLayer(CompositeLayer("c", parts))], nvis=4).get_output_space()
    VectorSpace(dim=5, dtype=float32)
    """

    def __init__(self, raw_layer: Layer) -> None:
        super().__init__(raw_layer.layer_name)
        self.raw_layer = raw_layer

    def set_mlp(self, mlp: MLP) -> None:
        super().set_mlp(mlp)
        self.raw_layer.set_mlp(mlp)

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        self.raw_layer.set_input_space(space)
        total = self.raw_layer.get_output_space().get_total_dimension()
        self.output_space = VectorSpace(total)

    def set_batch_size(self, batch_size: int) -> None:
        self.raw_layer.set_batch_size(batch_size)

    def get_params(self) -> list:
        return self.raw_layer.get_params()

    def get_weights(self) -> Any:
        return self.raw_layer.get_weights()

    def get_weights_format(self) -> tuple[str, str]:
        return self.raw_layer.get_weights_format()

    def get_weights_view_shape(self) -> tuple[int, int]:
        return self.raw_layer.get_weights_view_shape()

    def get_weights_topo(self) -> Any:
        return self.raw_layer.get_weights_topo()

    def get_lr_scalers(self) -> OrderedDict:
        return self.raw_layer.get_lr_scalers()

    def _modify_updates(self, updates: OrderedDict) -> None:
        self.raw_layer.modify_updates(updates)

    def get_weight_decay(self, coeff: Any) -> Any:
        return self.raw_layer.get_weight_decay(coeff)

    def get_l1_weight_decay(self, coeff: Any) -> Any:
        return self.raw_layer.get_l1_weight_decay(coeff)

    def fprop(self, state_below: Any) -> Any:
        raw = self.raw_layer.fprop(state_below)
        return self.raw_layer.get_output_space().format_as(raw, self.output_space)

    def _raw_state(self, vectors: Any) -> Any:
        """The output of `raw_layer` that became `vectors`.

        If the graph shows that `vectors` is what `fprop` returned, these are the variables that it
        joined. A loss finds its logits in these (see `cross_entropy`), but not in a slice of the
        joined vector.
        """
        space = self.raw_layer.get_output_space()
        if isinstance(space, CompositeSpace):
            pieces = _joined(vectors)
            flats = [VectorSpace(part.get_total_dimension()) for part in space.components]
            if [piece.type.shape[1] for piece in pieces] == [flat.dim for flat in flats]:
                return tuple(
                    part.undo_format_as(piece, flat)
                    for part, piece, flat in zip(space.components, pieces, flats)
                )
        return space.undo_format_as(vectors, self.output_space)

    def _raw_targets(self, vectors: Any) -> Any:
        return self.raw_layer.get_target_space().undo_format_as(vectors, self.get_target_space())

    def get_target_space(self) -> Space:
        space = self.raw_layer.get_target_space()
        if _has_class_numbers(space):
            raise ValueError(
                f"layer {self.layer_name!r} takes targets as one vector, and those of a part are "
                "class numbers: leave out binary_target_dim, or FlattenerLayer"
            )
        return VectorSpace(space.get_total_dimension())

    def cost(self, Y: Any, Y_hat: Any) -> Any:
        return self.raw_layer.cost(self._raw_targets(Y), self._raw_state(Y_hat))

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        return self.raw_layer.get_layer_monitoring_channels(
            state_below,
            None if state is None else self._raw_state(state),
            None if targets is None else self._raw_targets(targets),
        )


def _has_class_numbers(space: Space) -> bool:
    if isinstance(space, CompositeSpace):
        return any(map(_has_class_numbers, space.components))
    return isinstance(space, IndexSpace)


def _joined(vectors: Any) -> list:
    """The variables that the graph of `vectors` joins along axis 1; [] if it joins none."""
    while getattr(vectors, "owner", None) is not None:
        op = vectors.owner.op
        if isinstance(op, Join):
            return vectors.owner.inputs[1:]
        if not isinstance(op, (Reshape, SpecifyShape)):
            break
        vectors = vectors.owner.inputs[0]
    return []
