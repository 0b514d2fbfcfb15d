"""The compiled functions that compute the values of all channels.

Channels that depend neither on data nor on random draws are computed once by one function. For
each monitored data set, another function computes the other channels on a minibatch; their values
are averaged over the minibatches.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Optional

import aesara.tensor as at
from aesara.compile.sharedvalue import SharedVariable
from aesara.graph.basic import ancestors

from adversarial import backend
from adversarial.monitor.channel import MonitorChannel
from adversarial.monitor.monitored_data import MonitoredData
from adversarial.signals import STOPS

log = logging.getLogger(__name__)
# The time between two lines in the log, of a monitoring that takes long.
SECONDS_BETWEEN_LINES = 5.0
# Takes the name of a data set, how many of its examples are measured, and of how many if known.
ShowProgress = Callable[[str, int, Optional[int]], None]


class Measurement:
    """Computes the values of channels when called.

    Parameters
    ----------
    channels : sequence of MonitorChannel
        Each with a `val`, and measured on one of `datasets`.
    datasets : sequence of MonitoredData
        What the minibatches are drawn from.
    mode : str, Aesara mode or None
        To compile in; None for the default.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.space import VectorSpace
    >>> data = MonitoredData(DenseDesignMatrix(X=[[1.0], [2.0], [6.0]]), "sequential", 2, None, 0)
    >>> x = data.feed.batch((VectorSpace(1), "features"))
    >>> channel = MonitorChannel(x, x.mean(), "mean", None, data.dataset)
    >>> measure = Measurement([channel], [data], mode="FAST_COMPILE")
    >>> [(channel.name, float(value)) for channel, value in measure(lambda: None)]
    [('mean', 3.0)]
    """

    def __init__(
        self, channels: Sequence[MonitorChannel], datasets: Sequence[MonitoredData], mode: Any
    ) -> None:
        self._once: list[MonitorChannel] = []
        per_batch: list[MonitorChannel] = []
        feeds = {id(data.dataset): data.feed for data in datasets}
        for channel in channels:
            # A channel with prerequisites may read a variable that these set for each batch.
            inputs = feeds[id(channel.dataset)].inputs
            changes = channel.prereqs or _varies(channel.val, inputs)
            (per_batch if changes else self._once).append(channel)
        self._streams = _random_streams(channel.val for channel in per_batch)
        # Without C: compilation would take longer than it can save once an epoch.
        once = self._once
        self._compute_once = _compile([], once, mode or "FAST_COMPILE") if once else list
        self._on_data = []
        for data in datasets:
            own = [channel for channel in per_batch if channel.dataset is data.dataset]
            if own:
                self._on_data.append((data, own, _compile(data.feed.inputs, own, mode)))

    def __call__(
        self, between_batches: Callable[[], None], show_progress: Optional[ShowProgress] = None
    ) -> list[tuple[MonitorChannel, float]]:
        """Measure all channels.

        Parameters
        ----------
        between_batches : callable
            Called after each batch. If it raises one of `signals.STOPS`, all random streams and
            data sets are put back to where they were.
        show_progress : callable, optional
            As of `Progress`.

        Returns
        -------
        list of (channel, value)
        """
        measured = list(zip(self._once, self._compute_once()))
        before = [(stream, stream.get_value()) for stream in self._streams]
        positions = [(data.feed, data.feed.rng_state()) for data, _, _ in self._on_data]
        progress = Progress(between_batches, show_progress)
        try:
            for data, channels, compute in self._on_data:
                # A prerequisite that several channels share is called once a batch.
                prereqs = list(dict.fromkeys(p for c in channels for p in c.prereqs))
                measured += zip(channels, data.mean(compute, prereqs, progress))
        except STOPS:
            for stream, value in before:
                stream.set_value(value)
            for feed, position in positions:
                feed.set_rng_state(position)
            raise
        return measured


class Progress:
    """Called after each batch of a monitoring: calls `between_batches`, and shows the progress.

    Parameters
    ----------
    between_batches : callable
        Takes no arguments. What it raises ends the monitoring.
    show : callable, optional
        Takes the same arguments as a call of this. By default, a line in the log now and then.

    Examples
    --------
    >>> progress = Progress(lambda: print("a batch is measured"))
    >>> progress("MNIST", 100, 10000)
    a batch is measured
    """

    def __init__(
        self, between_batches: Callable[[], None], show: Optional[ShowProgress] = None
    ) -> None:
        self._between_batches = between_batches
        self._show = show or self._log
        self._logged = time.monotonic()

    def __call__(self, name: str, examples: int, total: Optional[int]) -> None:
        """`examples` of `total` have been measured; None where the data set is a stream."""
        self._between_batches()
        self._show(name, examples, total)

    def _log(self, name: str, examples: int, total: Optional[int]) -> None:
        if time.monotonic() - self._logged >= SECONDS_BETWEEN_LINES:
            self._logged = time.monotonic()
            of_all = "" if total is None else f" of {total:,}"
            log.info("measuring: %s%s examples of %s", f"{examples:,}", of_all, name)


def _compile(inputs: list, channels: list[MonitorChannel], mode: Any) -> Callable[..., Any]:
    """A function from a minibatch to the values of the channels."""
    values = [at.cast(channel.val, backend.floatX) for channel in channels]
    return backend.function(inputs, values, name="monitor", mode=mode)


def _random_streams(values: Iterable[Any]) -> list[Any]:
    """The shared variables that computing `values` changes."""
    return [
        var
        for var in dict.fromkeys(ancestors(list(values)))
        if isinstance(var, SharedVariable) and var.default_update is not None
    ]


def _varies(value: Any, inputs: list) -> bool:
    """Whether `value` depends on the minibatch or on random draws."""
    return any(
        any(var is own for own in inputs)
        or (isinstance(var, SharedVariable) and var.default_update is not None)
        for var in ancestors([value])
    )
