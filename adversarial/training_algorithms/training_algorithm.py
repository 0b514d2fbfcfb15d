"""The base class of training algorithms, and the errors that they raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from adversarial.datasets.feed import check_dataset
from adversarial.modelfile import Persistent
from adversarial.utils.budget import spend

# Nanoseconds to compile the channels of a small network for one more monitored data set.
_PER_MONITORED = 700_000_000


class TrainingDiverged(ValueError):
    """A parameter or an objective is infinite or NaN."""


class DataOverflow(TrainingDiverged):
    """A parameter or an objective is infinite or NaN because the data are too large to compute."""


class NoBatchSizeError(ValueError):
    """Neither the algorithm nor the model has a batch size."""


def _nothing() -> None:
    """The default of `between_minibatches`."""


class TrainingAlgorithm(Persistent):
    """Fits a model to a data set, an epoch at a time.

    A subclass defines `setup`, `train` and `continue_learning`.

    Attributes
    ----------
    between_minibatches : callable
        Called without arguments after each minibatch and its `update_callbacks`. `Train` stops a
        training by raising an exception in it; calling `train` again then goes on with the next
        minibatch.

    Examples
    --------
    >>> class Halving(TrainingAlgorithm):
    ...     def setup(self, model, dataset):
    ...         self.model = model
    ...     def train(self, dataset):
    ...         self.model.set_param_values([value / 2 for value in self.model.get_param_values()])
    ...     def continue_learning(self, model):
    ...         return False
    >>> from adversarial.models.mlp import MLP, Linear
    >>> model, algorithm = MLP([Linear(1, "y", init_bias=1.0, irange=0.1)], nvis=1), Halving()
    >>> algorithm.setup(model, None)
    >>> algorithm.train(None)
    >>> model.layers[0].get_biases()
    array([0.5], dtype=float32)
    """

    between_minibatches: Callable[[], None] = staticmethod(_nothing)

    def setup(self, model: Any, dataset: Any) -> None:
        """Prepare to train `model` on `dataset`; called once, before the first epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not define setup")

    def train(self, dataset: Any) -> None:
        """Train for one epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not define train")

    def continue_learning(self, model: Any) -> bool:
        """Whether to train for another epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not define continue_learning")

    def _register_update_callbacks(self, update_callbacks: Any) -> None:
        if update_callbacks is None:
            update_callbacks = []
        elif not isinstance(update_callbacks, (list, tuple)):
            update_callbacks = [update_callbacks]
        for callback in update_callbacks:
            if not callable(callback):
                raise TypeError(f"update_callbacks holds {callback!r}, which cannot be called")
        self.update_callbacks = list(update_callbacks)

    def _set_monitoring_dataset(self, monitoring_dataset: Any) -> None:
        """Keep {name: dataset}; a single data set gets the empty name."""
        if monitoring_dataset is not None and not isinstance(monitoring_dataset, dict):
            monitoring_dataset = {"": monitoring_dataset}
        for name, dataset in (monitoring_dataset or {}).items():
            check_dataset(f"monitoring_dataset `{name}`" if name else "monitoring_dataset", dataset)
        count = len(monitoring_dataset or ())
        spend(
            f"monitoring_dataset has {count} data sets, and channels are compiled for each",
            time=_PER_MONITORED * max(count - 1, 0),
        )
        self.monitoring_dataset: Optional[dict[str, Any]] = monitoring_dataset
