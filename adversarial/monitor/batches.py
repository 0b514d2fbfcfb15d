"""The minibatches on which channels are measured, for `adversarial.monitor.Monitor`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Optional

import aesara.tensor as at
import numpy as np
from aesara.compile.sharedvalue import SharedVariable
from aesara.graph.basic import ancestors, clone_replace

from adversarial.datasets.feed import feed_of
from adversarial.utils.iteration import is_stochastic, resolve_iterator_class

log = logging.getLogger(__name__)
# After so many seconds without a sign of life, a monitoring says how far it is.
SECONDS_BETWEEN_LINES = 5.0


class MonitoredData:
    """A monitoring data set and how minibatches are drawn from it."""

    def __init__(
        self,
        dataset: Any,
        mode: str,
        batch_size: Optional[int],
        num_batches: Optional[int],
        seed: Any,
    ) -> None:
        self.dataset = dataset
        resolve_iterator_class(mode)  # refuses an unknown one
        self.mode = mode
        self.stochastic = is_stochastic(mode)
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.seed = list(seed) if not isinstance(seed, int) else seed
        self.feed = feed_of(dataset)

    @property
    def indices(self) -> Any:
        """What stands for a minibatch of a data set in memory."""
        return self.feed.inputs[0]

    def mean(self, function: Callable, prereqs: list[Callable], watch: Watch) -> np.ndarray:
        """The mean of `function`'s vectors over minibatches, weighted by their sizes."""
        # The same minibatches at each monitoring, so that epochs can be compared.
        rng = np.random.RandomState(self.seed) if self.stochastic else None
        total, examples = 0.0, 0
        for batch in self.feed.minibatches(self.mode, self.batch_size, self.num_batches, rng):
            for prereq in prereqs:
                prereq(self.feed.design_matrix(batch))
            values = function(*self.feed.arguments(batch))
            total = total + len(batch) * np.asarray(values, dtype="float64")
            examples += len(batch)
            watch(type(self.dataset).__name__, examples)
        if not examples:
            raise ValueError(f"the monitored {type(self.dataset).__name__} gave no examples")
        return total / examples


class Watch:
    """Called after each batch of a monitoring: looks for signals, and says how far it is."""

    def __init__(self, between_batches: Callable[[], None]) -> None:
        self._between_batches = between_batches
        self._told = time.monotonic()

    def __call__(self, name: str, examples: int) -> None:
        self._between_batches()
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            log.info("measuring: %s examples of %s", f"{examples:,}", name)


def random_streams(values: Iterable[Any]) -> list[Any]:
    """The shared variables that computing `values` moves on."""
    return [
        var
        for var in dict.fromkeys(ancestors(list(values)))
        if isinstance(var, SharedVariable) and var.default_update is not None
    ]


def on_batch(name: str, value: Any, inputs: Any, batch: Any) -> Any:
    """`value` computed from `batch`, which takes the place of `inputs` (nested alike)."""
    inputs, batch = _flat(inputs), _flat(batch)
    if len(inputs) != len(batch):
        raise ValueError(
            f"channel {name!r}: ipt holds {len(inputs)} variables, and a batch as its "
            f"data_specs say {len(batch)}"
        )
    replace = {}
    for var, part in zip(inputs, batch):
        if var.ndim != part.ndim:
            raise ValueError(
                f"channel {name!r}: {var} in ipt has {var.ndim} axes, and a batch as "
                f"its data_specs say {part.ndim}"
            )
        replace[var] = at.cast(part, var.dtype)
    return clone_replace(value, replace)


def _flat(nested: Any) -> list:
    if isinstance(nested, (tuple, list)):
        return [leaf for item in nested for leaf in _flat(item)]
    return [] if nested is None else [nested]


def varies(value: Any, inputs: list) -> bool:
    """Whether `value` depends on the minibatch or on random draws."""
    return any(
        any(var is own for own in inputs)
        or (isinstance(var, SharedVariable) and var.default_update is not None)
        for var in ancestors([value])
    )
