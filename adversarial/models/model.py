"""The base of everything that has parameters."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from functools import cached_property
from typing import Any, Optional

import numpy as np

from adversarial.modelfile import Persistent
from adversarial.space import NullSpace, Space


class Model(Persistent):
    """A set of parameters between an input space and an output space.

    A subclass fills `_params` (a list of shared variables), `input_space` and `output_space`. It
    need not call this class's constructor, and may have any of the attributes below, and
    `_params`, as an attribute of the class.

    Attributes
    ----------
    extensions : list
        Objects whose `post_modify_updates(updates, model)` may change every update.
    tag : defaultdict of dict
        Room for notes of training extensions, `model.tag["owner"]["what"] = value`; saved with
        the model.
    """

    # Made when first asked for, so that a class which does not call the constructor has them, and
    # one that has an attribute of such a name keeps it.
    names_to_del: set[str] = cached_property(lambda self: set())  # type: ignore[assignment]
    extensions: list = cached_property(lambda self: [])  # type: ignore[assignment]
    tag: dict = cached_property(lambda self: defaultdict(dict))  # type: ignore[assignment]
    _params: list = cached_property(lambda self: [])  # type: ignore[assignment]
    _test_batch_size = 2
    # Of the subclass, or set by it.
    input_space: Any
    output_space: Any

    def __init__(self, extensions: Optional[list] = None) -> None:
        if extensions is not None:
            self.extensions = list(extensions)
        # Made now, they come first among the attributes, as in files that were saved before they
        # could be made later: a checkpoint calls a variable by the first path that leads to it.
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
        """Parameters that are the class's, which all its objects share, and not this object's."""
        own = None if "_params" in vars(self) else getattr(type(self), "_params", None)
        return list(own) if isinstance(own, (list, tuple)) else []

    def __setstate__(self, state: dict[str, Any]) -> None:
        # What is the class's stays there, where methods find it, with the values that were saved.
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
        """The parameters' values, in the order of `get_params`."""
        return [param.get_value(borrow=borrow) for param in self.get_params()]

    def set_param_values(self, values: list[np.ndarray], borrow: bool = False) -> None:
        """Set all parameters; ValueError when the number or a shape differs."""
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
        """All parameters in one vector."""
        return np.concatenate([value.ravel() for value in self.get_param_values(borrow=True)])

    def set_param_vector(self, vector: np.ndarray) -> None:
        """The inverse of `get_param_vector`."""
        old = self.get_param_values(borrow=True)
        total = sum(value.size for value in old)
        if vector.shape != (total,):
            raise ValueError(f"expected a vector of {total} values, got shape {vector.shape}")
        ends = np.cumsum([value.size for value in old])
        parts = np.split(vector, ends[:-1])
        self.set_param_values([part.reshape(v.shape) for part, v in zip(parts, old)])

    def get_lr_scalers(self) -> OrderedDict:
        """Parameter -> factor on its learning rate, for those that have one."""
        return OrderedDict()

    def modify_updates(self, updates: OrderedDict) -> None:
        """Apply the model's constraints to the new values in `updates`, in place."""
        self._disallow_censor_updates()
        self._modify_updates(updates)
        for extension in self.extensions:
            extension.post_modify_updates(updates, self)

    def _modify_updates(self, updates: OrderedDict) -> None:
        """What a subclass overrides: by default there are no constraints."""

    def censor_updates(self, updates: OrderedDict) -> None:
        """An older name of `modify_updates`, to be called but not overridden."""
        self.modify_updates(updates)

    def _overrides_censor_updates(self) -> bool:
        return type(self).censor_updates is not Model.censor_updates

    def _disallow_censor_updates(self) -> None:
        # Or its constraints would be left out in silence.
        if self._overrides_censor_updates():
            raise TypeError(
                f"{type(self).__name__} overrides censor_updates, which is not called any more: "
                "name it _modify_updates"
            )

    def _ensure_extensions(self) -> None:
        """A name of 2014: every model has its `extensions` from the beginning."""

    def enforce_constraints(self) -> None:
        """Bring the present parameter values within the constraints."""
        from adversarial import backend

        updates = OrderedDict((param, param) for param in self.get_params())
        self.modify_updates(updates)
        changed = OrderedDict((p, u) for p, u in updates.items() if u is not p)
        if changed:
            # Once is not worth the time of a C++ compiler.
            backend.function([], updates=changed, mode="FAST_COMPILE")()

    # Spaces and data

    def get_input_space(self) -> Space:
        return self.input_space

    def get_output_space(self) -> Space:
        return self.output_space

    def get_target_space(self) -> Space:
        return self.get_output_space()

    def get_input_source(self) -> str:
        return "features"

    def get_target_source(self) -> str:
        return "targets"

    def get_input_dim(self) -> int:
        return self.get_input_space().get_total_dimension()

    def get_output_dim(self) -> int:
        return self.get_output_space().get_total_dimension()

    def set_batch_size(self, batch_size: int) -> None:
        """Tell the model which minibatch size to expect; most need not know."""

    def get_test_batch_size(self) -> int:
        return self._test_batch_size

    # Monitoring

    def get_monitoring_channels(self, data: Any) -> OrderedDict:
        """Channel name -> symbolic scalar for `data`, a batch of `get_monitoring_data_specs`."""
        return OrderedDict()

    def get_monitoring_data_specs(self) -> tuple:
        return (NullSpace(), "")

    # Training

    def get_default_cost(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no default cost; give one in `cost`")

    def train_all(self, dataset: Any) -> None:
        """One epoch by the model's own algorithm; for models trained without an `algorithm`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no training algorithm of its own; give `algorithm` to Train"
        )

    def train_batch(self, dataset: Any, batch_size: int) -> bool:
        raise NotImplementedError(f"{type(self).__name__} does not train by batches of its own")

    def continue_learning(self) -> bool:
        raise NotImplementedError(
            f"{type(self).__name__} has no training algorithm of its own; give `algorithm` to Train"
        )

    def score(self, batch: Any) -> Any:
        """Gradient of log p with respect to `batch`, for models with a free energy."""
        import aesara.tensor as at

        return at.grad(-self.free_energy(batch).sum(), batch)

    def free_energy(self, batch: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no free energy")

    # Weights as pictures

    def get_weights(self) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} has no single weight matrix")

    def get_weights_format(self) -> tuple[str, str]:
        return ("v", "h")

    def get_weights_topo(self) -> np.ndarray:
        raise NotImplementedError(f"the weights of {type(self).__name__} are not images")

    def get_weights_view_shape(self) -> tuple[int, int]:
        raise NotImplementedError(f"{type(self).__name__} suggests no grid for its weights")

    # Housekeeping

    def register_names_to_del(self, names: str | list[str]) -> None:
        """Attributes (one name or several) that are not saved with the model."""
        names = [names] if isinstance(names, str) else names
        self.names_to_del = self.names_to_del.union(names)

    def redo_theano(self) -> None:
        """Rebuild compiled functions; models here keep none."""

    redo_aesara = redo_theano

    def print_versions(self) -> None:
        """Print the versions of the libraries at work."""
        import aesara

        print(f"numpy {np.__version__}, aesara {aesara.__version__}")
