"""Extensions that keep the best model of a training, in memory or in a file."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import modelfile
from adversarial.backend import function
from adversarial.datasets.feed import check_dataset, feed_of
from adversarial.files import outputs
from adversarial.monitor.lookup import channel_values
from adversarial.train_extensions import TrainExtension
from adversarial.utils.checks import check_part

log = logging.getLogger(__name__)


class KeepBestParams(TrainExtension):
    """Keeps the parameters with the lowest cost on a data set, in memory.

    Parameters
    ----------
    model : Model
    cost : Cost
    monitoring_dataset : Dataset
        The cost is its mean over all of these examples.
    batch_size : int
        Examples in a minibatch.

    Attributes
    ----------
    best_cost : float
        Infinite before the first monitoring.
    best_params : list of array
        In the order of the model's `get_params()`.

    Raises
    ------
    TypeError
        If `model` is no model; at setup, if `cost` or `monitoring_dataset` is something else.
    ValueError
        If `batch_size` is less than 1; while training, if it was restored from a saved training and
        has no data.

    Examples
    --------
    >>> from adversarial.backend import assign
    >>> from adversarial.costs.cost import LpPenalty
    >>> from adversarial.datasets.mixture import GaussianMixture
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor, (W, b) = Monitor.get_monitor(model), model.get_params()
    >>> data = GaussianMixture([0.0], [1.0], num_examples=2)
    >>> best = KeepBestParams(model, LpPenalty([b], p=2), data, batch_size=2)
    >>> for bias in (3.0, 1.0, 2.0):
    ...     assign(b, [bias])
    ...     best.on_monitor(model, None, None)
    >>> best.best_cost, best.get_best_params()[1].tolist()
    (1.0, [1.0])
    """

    may_be_interrupted = True

    def __init__(self, model: Any, cost: Any, monitoring_dataset: Any, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1 example, is {batch_size}")
        check_part("model of KeepBestParams", model, "get_params")
        self.model = model
        self.cost = cost
        self.dataset = monitoring_dataset
        self.batch_size = batch_size
        self.best_cost = np.inf
        self.best_params = _values_of(model)
        self._cost_function: Any = None
        self._feed: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # Data are not part of a saved training.
        return {**self.__dict__, "dataset": None, "_cost_function": None, "_feed": None}

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compile the cost; TypeError if it is no cost, or the data are no data set."""
        check_part("cost of KeepBestParams", self.cost, "expr")
        if self.dataset is not None:
            check_dataset("monitoring_dataset of KeepBestParams", self.dataset)
            self._compile()

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Keep the parameters if they are the best so far."""
        cost = self._mean_cost(model.monitor.between_batches)
        if cost < self.best_cost:
            self.best_cost = cost
            self.best_params = _values_of(self.model)

    def get_best_params(self) -> list[np.ndarray]:
        """The best parameters so far, in the order of the model's get_params()."""
        return self.best_params

    def _mean_cost(self, between_batches: Callable[[], None] = lambda: None) -> float:
        if self.dataset is None:
            raise ValueError("KeepBestParams was restored without data: set its dataset again")
        if self._cost_function is None:
            self._compile()
        total, count = 0.0, 0
        for batch in self._feed.minibatches("sequential", self.batch_size, None, None):
            total += len(batch) * float(self._cost_function(*self._feed.arguments(batch)))
            count += len(batch)
            between_batches()
        return total / count

    def _compile(self) -> None:
        self._feed = feed_of(self.dataset)
        data = self._feed.batch(self.cost.get_data_specs(self.model))
        cost = at.mean(self.cost.expr(self.model, data))
        self._cost_function = function(self._feed.inputs, cost, name="best_params_cost")


class MonitorBasedSaveBest(TrainExtension):
    """Saves the model, or keeps a copy of it, each time a channel reaches a new best value.

    Parameters
    ----------
    channel_name : str
    save_path : str, optional
        The file of the best model.
    store_best_model : bool
        Keep a copy in the attribute `best_model`. Needed if there is no `save_path`.
    start_epoch : int
        Ignore the channel until the model has seen so many epochs.
    higher_is_better : bool
        The best value is the highest one instead of the lowest one.
    tag_key : str, optional
        The entry of `model.tag` that gets `best_cost`, `channel_name` and the file's name as
        `save_path`; by default the name of this class.

    Attributes
    ----------
    best_cost : float
        The best value so far.
    best_model : Model or None

    Raises
    ------
    ValueError
        If neither `save_path` nor `store_best_model` is given, or there is no such channel.

    Examples
    --------
    >>> best = MonitorBasedSaveBest("valid_gen_ll", "best.pkl", higher_is_better=True)
    """

    kept_whole = ("best_model",)

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        return outputs.named(arguments, "save_path")

    def __init__(
        self,
        channel_name: str,
        save_path: str | None = None,
        store_best_model: bool = False,
        start_epoch: int = 0,
        higher_is_better: bool = False,
        tag_key: str | None = None,
    ) -> None:
        if save_path is None and not store_best_model:
            raise ValueError("give MonitorBasedSaveBest a save_path, store_best_model or both")
        self.channel_name = channel_name
        self.save_path = None if save_path is None else outputs.admitted(save_path)
        self.store_best_model = store_best_model
        self.start_epoch = start_epoch
        self.higher_is_better = higher_is_better
        self._tag_key = type(self).__name__ if tag_key is None else tag_key
        self.best_cost = -np.inf if higher_is_better else np.inf
        self.best_model: Any = None

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Write the entry of the model's tag."""
        entry = model.tag.setdefault(self._tag_key, {})
        if entry.get("channel_name", self.channel_name) != self.channel_name:
            log.warning(
                "model.tag['%s'] already belongs to channel %s; give each MonitorBasedSaveBest "
                "its own tag_key",
                self._tag_key,
                entry["channel_name"],
            )
        entry["channel_name"] = self.channel_name
        # Model files are given to others: the tag names neither the machine nor the folder.
        entry.pop("hostname", None)
        if self.save_path is not None:
            entry["save_path"] = os.path.basename(self.save_path)
        self._update_tag(model)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Save the model if it is the best so far."""
        value = float(channel_values(model, self.channel_name)[-1])
        better = value > self.best_cost if self.higher_is_better else value < self.best_cost
        if not better or model.monitor.get_epochs_seen() < self.start_epoch:
            return
        before, self.best_cost = self.best_cost, value
        self._update_tag(model)
        if self.store_best_model:
            self.best_model = copy.deepcopy(model)
        if self.save_path is not None:
            log.info("%s %g is the best so far: %s", self.channel_name, value, self.save_path)
            if not modelfile.try_to_save(self.save_path, model) and not self.store_best_model:
                # Nothing was saved: the best saved value is still the one before.
                self.best_cost = before
                self._update_tag(model)

    def _update_tag(self, model: Any) -> None:
        model.tag.setdefault(self._tag_key, {})["best_cost"] = self.best_cost


def _values_of(model: Any) -> list[np.ndarray]:
    return [param.get_value() for param in model.get_params()]
