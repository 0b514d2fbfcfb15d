"""`Model`, the base of all that has parameters: layers, networks and the two players.

A cost asks a model for its parameters, spaces and loss; a training algorithm has it constrain its
updates; the monitor asks for its channels.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Optional, TypeVar, cast

import numpy as np

from adversarial.modelfile import Persistent
from adversarial.space import NullSpace, Space
from adversarial.utils.positional import FullSignature

if TYPE_CHECKING:
    from adversarial.datasets.dataset import Dataset

T = TypeVar("T")


def _on_first_use(make: Callable[[], T]) -> T:
    """An attribute of the class that is `make()` on each object, from its first use on."""
    return cast(T, cached_property(lambda self: make()))


class Model(Persistent):
    """Parameters between an input space and an output space.

    A subclass sets `_params`, a list of shared variables, `input_space` and `output_space`. As in
    2014 it need not call this constructor, and any of the attributes below may belong to the class.

    Parameters
    ----------
    extensions : list, optional
        Objects whose `post_modify_updates(updates, model)` may change every update.

    Attributes
    ----------
    extensions : list
    tag : defaultdict of dict
        Notes of training extensions, `model.tag["owner"]["what"] = value`; saved with the model.
    names_to_del : set of str
        Attributes that are not saved.

    Examples
    --------
    >>> from adversarial import backend
    >>> class Line(Model):
    ...     def __init__(self):
    ...         self._params = [backend.shared(2.0, "slope")]
    >>> Line().get_param_values()
    [array(2., dtype=float32)]
    """

    __signature__ = FullSignature()
    # A subclass that does not call the constructor has these, too, and one that sets such an
    # attribute of the class keeps it.
    names_to_del: set[str] = _on_first_use(set)
    extensions: list[Any] = _on_first_use(list)
    tag: dict[str, dict] = _on_first_use(lambda: defaultdict(dict))
    _params: list[Any] = _on_first_use(list)
    input_space: Space
    output_space: Space

    def __init__(self, extensions: Optional[list] = None) -> None:
        if extensions is not None:
            self.extensions = list(extensions)
        # Made here they are the first attributes, as in older model files: a checkpoint finds a
        # variable by the first path of attributes that leads to it.
        self.names_to_del, self.extensions, self.tag, self._params  # noqa: B018

    def __getstate__(self) -> dict[str, Any]:
        left_out = self.names_to_del
        state = {k: v for k, v in self.__dict__.items() if k not in left_out}
        if type(state.get("tag")) is defaultdict:
            state["tag"] = dict(state["tag"])
        if self._of_class():
            state["_params"] = self._of_class()
        return state

    def _of_class(self) -> list:
        """`_params` of the class, which all its objects share; empty if the object has its own."""
        own = None if "_params" in vars(self) else getattr(type(self), "_params", None)
        return list(own) if isinstance(own, (list, tuple)) else []

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Parameters of the class stay there, where methods find them, and get the saved values.
        for own, saved in zip(self._of_class(), state.get("_params", ())):
            own.set_value(saved.get_value(borrow=True))
        if self._of_class():
            state = {name: value for name, value in state.items() if name != "_params"}
        self.__dict__.update(state)
        if type(state.get("tag")) is dict:
            self.tag = defaultdict(dict, state["tag"])

    def __repr__(self) -> str:
        name = getattr(self, "layer_name", None)
        return f"<{type(self).__name__}{' ' + name if name else ''}>"

    # Parameters

    def get_params(self) -> list:
        """The shared variables that training changes."""
        return list(self._params)

    def get_param_values(self, borrow: bool = False) -> list[np.ndarray]:
        """The values of the parameters, in the order of `get_params`.

        Parameters
        ----------
        borrow : bool
            Return the parameters' own arrays instead of copies, where possible.
        """
        return [param.get_value(borrow=borrow) for param in self.get_params()]

    def set_param_values(self, values: list[np.ndarray], borrow: bool = False) -> None:
        """Set the values of all parameters, in the order of `get_params`.

        Raises
        ------
        ValueError
            If the number of values or the shape of one differs.
        """
        params = self.get_params()
        if len(values) != len(params):
            raise ValueError(f"{len(values)} values given for {len(params)} parameters")
        for param, value in zip(params, values):
            old = param.get_value(borrow=True)
            value = np.asarray(value, dtype=old.dtype)
            if value.shape != old.shape:
                raise ValueError(f"{param.name} has shape {old.shape}, not {value.shape}")
            param.set_value(value, borrow=borrow)

    def get_param_vector(self) -> np.ndarray:
        """All parameters in one vector, in the order of `get_params`."""
        return np.concatenate([value.ravel() for value in self.get_param_values(borrow=True)])

    def set_param_vector(self, vector: np.ndarray) -> None:
        """The inverse of `get_param_vector`; ValueError for a vector of another length."""
        old = self.get_param_values(borrow=True)
        total = sum(value.size for value in old)
        if vector.shape != (total,):
            raise ValueError(f"expected a vector of {total} values, got shape {vector.shape}")
        ends = np.cumsum([value.size for value in old])
        parts = np.split(vector, ends[:-1])
        self.set_param_values([part.reshape(v.shape) for part, v in zip(parts, old)])

    def get_lr_scalers(self) -> OrderedDict:
        """Parameter -> factor on its learning rate; parameters without one have the factor 1."""
        return OrderedDict()

    def modify_updates(self, updates: OrderedDict) -> None:
        """Apply the model's constraints and extensions to updates.

        Parameters
        ----------
        updates : dict
            Shared variable -> its new value, symbolic; changed in place.
        """
        # Its constraints would be left out without a word.
        if type(self).censor_updates is not Model.censor_updates:
            raise TypeError(
                f"{type(self).__name__} overrides censor_updates, which is not called any more: "
                "name it _modify_updates"
            )
        self._modify_updates(updates)
        for extension in self.extensions:
            extension.post_modify_updates(updates, self)

    def _modify_updates(self, updates: OrderedDict) -> None:
        """Apply the model's constraints to `updates`, in place: none, unless a subclass has any."""

    def censor_updates(self, updates: OrderedDict) -> None:
        """`modify_updates` under an older name, which may be called but not overridden."""
        self.modify_updates(updates)

    def enforce_constraints(self) -> None:
        """Bring the present parameter values within the constraints."""
        from adversarial import backend

        updates = OrderedDict((param, param) for param in self.get_params())
        self.modify_updates(updates)
        changed = OrderedDict((p, u) for p, u in updates.items() if u is not p)
        if changed:
            # Called once: compiling it to C would take longer than running it.
            backend.function([], updates=changed, mode="FAST_COMPILE")()

    # Spaces and data

    def get_input_space(self) -> Space:
        return self.input_space

    def get_output_space(self) -> Space:
        return self.output_space

    def get_target_space(self) -> Space:
        """The space of the targets that the model's loss compares its output with."""
        return self.get_output_space()

    def get_input_source(self) -> Any:
        """The data set's name for the model's input; of a CompositeSpace a tuple of names."""
        return "features"

    def get_target_source(self) -> Any:
        """The data set's name for the model's targets; of a CompositeSpace a tuple of names."""
        return "targets"

    def get_input_dim(self) -> int:
        """Numbers in one input."""
        return self.get_input_space().get_total_dimension()

    def get_output_dim(self) -> int:
        """Numbers in one output."""
        return self.get_output_space().get_total_dimension()

    def set_batch_size(self, batch_size: int) -> None:
        """Tell the model the size of minibatches; most models have no use for it."""

    # Monitoring

    def get_monitoring_channels(self, data: Any) -> OrderedDict:
        """Channel name -> symbolic scalar for `data`, a batch of `get_monitoring_data_specs`."""
        return OrderedDict()

    def get_monitoring_data_specs(self) -> tuple:
        """(space, source) of the data that `get_monitoring_channels` takes."""
        return (NullSpace(), "")

    # Training

    def get_default_cost(self) -> Any:
        """The cost to minimise if the training algorithm is given none."""
        raise NotImplementedError(f"{type(self).__name__} has no default cost; give one in `cost`")

    def train_all(self, dataset: Dataset) -> None:
        """Train one epoch by an algorithm of the model's own; called if `Train` has none."""
        raise NotImplementedError(
            f"{type(self).__name__} has no training algorithm of its own; give `algorithm` to Train"
        )

    def continue_learning(self) -> bool:
        """Whether `train_all` shall be called again."""
        raise NotImplementedError(
            f"{type(self).__name__} has no training algorithm of its own; give `algorithm` to Train"
        )

    # Weights as images

    def get_weights(self) -> np.ndarray:
        """The weight matrix, or that of the lowest layer, for viewers."""
        raise NotImplementedError(f"{type(self).__name__} has no single weight matrix")

    def get_weights_format(self) -> tuple[str, str]:
        """What the axes of `get_weights` are: 'v' for inputs (visible), 'h' for units (hidden)."""
        return ("v", "h")

    def get_weights_topo(self) -> np.ndarray:
        """The weights as images, (units, rows, columns, channels)."""
        raise NotImplementedError(f"the weights of {type(self).__name__} are not images")

    def get_weights_view_shape(self) -> tuple[int, int]:
        """Rows and columns of a grid of images in which units that belong together are a row."""
        raise NotImplementedError(f"{type(self).__name__} suggests no grid for its weights")

    # Housekeeping

    def register_names_to_del(self, names: str | list[str]) -> None:
        """Leave attributes out of model files.

        Parameters
        ----------
        names : str or list of str
        """
        names = [names] if isinstance(names, str) else names
        self.names_to_del = self.names_to_del.union(names)
