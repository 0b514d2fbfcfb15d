"""`Monitor`: the channels of a model, how they are set up, and how they are recorded."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Optional

import aesara.tensor as at
from aesara.compile.sharedvalue import SharedVariable
from aesara.graph.basic import Constant, graph_inputs

from adversarial.monitor.channel import TIMESTAMPS, MonitorChannel
from adversarial.monitor.experience import Experience
from adversarial.monitor.measurement import Measurement, ShowProgress
from adversarial.monitor.monitored_data import MonitoredData, substitute_batch
from adversarial.space import NullSpace
from adversarial.utils.checks import check_name
from adversarial.utils.seeding import Seed

DEFAULT_SEED: Seed = (2013, 2, 18)
# Attributes that are not saved; `Train` sets `between_batches` while it trains.
_NOT_SAVED = (
    "_began",
    "_datasets",
    "_measurement",
    "_mode",
    "_of_set_up",
    "between_batches",
    "set_ups",
    "show_progress",
)


def _nothing() -> None:
    """The default of `between_batches`."""


class Monitor(Experience):
    """The channels of a model, and the data sets that they are measured on.

    Channels that depend neither on data nor on random draws are computed once a monitoring, the
    others on every monitoring batch.

    Parameters
    ----------
    model : Model

    Attributes
    ----------
    channels : OrderedDict of str to MonitorChannel
    training_succeeded : bool
        Whether the last `Train.main_loop` ended as it should: by the criterion, an extension, the
        largest number of epochs or the time budget, and not by a signal or an error.
    set_ups : int
        How many trainings of this process have added their channels.
    between_batches : callable
        Called after each batch of a monitoring; may raise Interrupted.
    show_progress : callable or None
        Called after each batch with the data set's name, the number of examples that are measured,
        and that of all, or None where it is unknown. By default, a line in the log now and then.

    Examples
    --------
    >>> from adversarial.backend import shared
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.models.mlp import MLP, Linear
    >>> data = DenseDesignMatrix(X=[[1.0, 2.0], [3.0, 6.0]])
    >>> monitor = Monitor.get_monitor(MLP([Linear(1, "y", irange=0.1)], nvis=2))
    >>> monitor.add_dataset(data, batch_size=1)
    >>> X = at.matrix("X")
    >>> monitor.add_channel("mean", X, X.mean())
    >>> monitor()
    >>> list(monitor.channels["mean"].val_record)
    [3.0]
    """

    between_batches: Callable[[], None] = staticmethod(_nothing)
    show_progress: Optional[ShowProgress] = None

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.channels: OrderedDict[str, MonitorChannel] = OrderedDict()
        self.training_succeeded = False
        self._forget_set_up()

    def _forget_set_up(self) -> None:
        """Set what is not saved, the rest of the state being that of a model in a file."""
        self._mode: Any = None
        self._datasets: list[MonitoredData] = []
        self._measurement: Optional[Measurement] = None
        self.set_ups = 0
        # What the last set-up of a training added: names of channels, and data sets.
        self._of_set_up: tuple[set[str], list[MonitoredData]] = set(), []

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in _NOT_SAVED}
        return {**state, "_seconds_before": self._seconds()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Files of earlier versions may lack `engines`.
        vars(self).update({"engines": [], **state})
        self._began = time.monotonic()
        self._forget_set_up()

    @classmethod
    def get_monitor(cls, model: Any) -> Monitor:
        """The model's monitor, made if it has none."""
        if getattr(model, "monitor", None) is None:
            model.monitor = cls(model)
        return model.monitor

    def go_on_from(self, earlier: Monitor) -> None:
        """Take over the records, counts and clock of `earlier`, which was read from a file."""
        self.take_counts(earlier)
        self._take_clock_and_engines(earlier)
        self.training_succeeded = False
        for name, channel in earlier.channels.items():
            if name in self.channels:
                self.channels[name].take_records(channel)
            else:
                self.channels[name] = channel
        for name, channel in self.channels.items():
            if name not in earlier.channels:
                channel.take_records(None)
        self._share_timestamps()

    # Set-up

    @contextlib.contextmanager
    def setting_up(self) -> Iterator[None]:
        """Within this block a training adds its channels and data sets.

        The channels and data sets of an earlier training of this process are taken out first. The
        records of such a channel stay, and go on if the new training adds the channel again. What
        was added outside of such a block stays.
        """
        names, entries = self._of_set_up
        for name in names & self.channels.keys():
            channel = self.channels[name]
            channel.val = None
            # Its own copies: channels that are still measured may share the timestamps, and go on.
            channel.take_records(channel)
        used = {id(c.dataset) for c in self.channels.values() if c.val is not None}
        self._datasets = [
            entry for entry in self._datasets if id(entry.dataset) in used or entry not in entries
        ]
        if names or entries:
            self._measurement = self._mode = None
        names_before = {name for name, c in self.channels.items() if c.val is not None}
        entries_before = list(self._datasets)
        self.set_ups += 1
        try:
            yield
        finally:
            live = {name for name, c in self.channels.items() if c.val is not None}
            added = [entry for entry in self._datasets if entry not in entries_before]
            self._of_set_up = live - names_before, added

    def set_theano_function_mode(self, mode: Any) -> None:
        """Compile the channels in this mode; ValueError if they compile in another one already."""
        if self._mode is not None and self._mode != mode:
            raise ValueError(f"the monitor already compiles in mode {self._mode}, not {mode}")
        self._mode = mode

    def add_dataset(
        self,
        dataset: Any,
        mode: Any = "sequential",
        batch_size: Any = None,
        num_batches: Any = None,
        seed: Any = DEFAULT_SEED,
    ) -> None:
        """Measure channels on a data set, or on each of a list of them.

        Parameters
        ----------
        dataset : Dataset or list of Dataset
            With a list, each other argument may be a list with a value for each data set.
        mode : str
            How minibatches are drawn; see `adversarial.utils.iteration`.
        batch_size, num_batches : int, optional
        seed : int or tuple of int
            For the modes that draw at random.

        Raises
        ------
        ValueError
            If a list has another length than that of the data sets, or a data set is monitored
            already.
        """
        if not isinstance(dataset, (list, tuple)):
            self._add_dataset(dataset, mode, batch_size, num_batches, seed)
            return
        columns: dict[str, Any] = dict(mode=mode, batch_size=batch_size)
        columns.update(num_batches=num_batches, seed=seed)
        for name, value in columns.items():
            columns[name] = value if isinstance(value, list) else [value] * len(dataset)
            if len(columns[name]) != len(dataset):
                raise ValueError(f"{name} has {len(value)} values for {len(dataset)} data sets")
        for row in zip(dataset, *columns.values()):
            self._add_dataset(*row)

    def _add_dataset(self, dataset: Any, mode: str, size: Any, number: Any, seed: Any) -> None:
        if any(entry.dataset is dataset for entry in self._datasets):
            raise ValueError("this data set is monitored already")
        seed = DEFAULT_SEED if seed is None else seed  # as in 2014
        self._datasets.append(MonitoredData(dataset, mode, size, number, seed))
        self._measurement = None

    @property
    def batch_size(self) -> list[Optional[int]]:
        return [entry.batch_size for entry in self._datasets]

    @property
    def num_batches(self) -> list[Optional[int]]:
        return [entry.num_batches for entry in self._datasets]

    def setup(
        self,
        dataset: Any,
        cost: Any,
        batch_size: Optional[int],
        num_batches: Optional[int] = None,
        extra_costs: Any = None,
        mode: str = "sequential",
    ) -> None:
        """Add the channels of the model and of costs, and each cost's value as `objective`.

        Parameters
        ----------
        dataset : Dataset or dict of str to Dataset
            A name in the dict is put before the names of the channels on its data set.
        cost : Cost or None
        batch_size, num_batches, mode
            As for `add_dataset`.
        extra_costs : list of Cost or dict of str to Cost, optional
            A name in the dict (`cost_0` and so on for a list) is put before the channels' names.
        """
        datasets = dataset if isinstance(dataset, dict) else {"": dataset}
        costs = {"": cost}
        costs.update(
            extra_costs
            if isinstance(extra_costs, dict)
            else {f"cost_{i}": extra for i, extra in enumerate(extra_costs or [])}
        )
        for name, data in datasets.items():
            if not any(entry.dataset is data for entry in self._datasets):
                self.add_dataset(data, mode, batch_size, num_batches)
            prefix = f"{name}_" if name else ""
            feed = self._entry(data).feed
            specs = self.model.get_monitoring_data_specs()
            batch = feed.batch(specs)
            self._add(prefix, self.model.get_monitoring_channels(batch), specs, data)
            for cost_name, one_cost in costs.items():
                if one_cost is None:
                    continue
                cost_prefix = prefix + (f"{cost_name}_" if cost_name else "")
                specs = one_cost.get_data_specs(self.model)
                batch = feed.batch(specs)
                found = one_cost.get_monitoring_channels(self.model, batch)
                self._add(cost_prefix, found, specs, data)
                # A cost may give its own value among its channels.
                value = None if "objective" in found else one_cost.expr(self.model, batch)
                if value is not None:
                    self._add(cost_prefix, {"objective": value}, specs, data)

    def _add(self, prefix: str, found: dict, specs: Any, dataset: Any) -> None:
        feed = self._entry(dataset).feed
        for name, value in found.items():
            value, prereqs = value if isinstance(value, tuple) else (value, None)
            self.add_channel(prefix + name, feed.inputs, value, dataset, prereqs, specs)

    def add_channel(
        self,
        name: str,
        ipt: Any,
        val: Any,
        dataset: Any = None,
        prereqs: Optional[list[Callable]] = None,
        data_specs: Any = None,
    ) -> None:
        """Add a channel; one of this name that was read from a file gives it its records.

        Parameters
        ----------
        name : str
        ipt : symbolic variable, nested tuple of them, or None
            The variables that stand for a batch in `val`, laid out as `data_specs` says; None if
            `val` depends on no data.
        val : symbolic scalar
            What is recorded: its mean over the batches of a monitoring, weighted by their sizes.
        dataset : Dataset, optional
            One of the monitored data sets; may be left out if there is only one.
        prereqs : list of callable, optional
            Called with each batch before `val` is computed.
        data_specs : (space, source), optional
            By default the model's input.

        Raises
        ------
        ValueError
            If `name` has control characters, there is a channel of this name, the data set is not
            monitored, `val` is no scalar, or `val` depends on variables that are not in `ipt`.
        """
        check_name("the name of a channel", name)
        old = self.channels.get(name)
        if old is not None and old.val is not None:
            raise ValueError(f"a channel named {name!r} exists already")
        if dataset is None:
            if len(self._datasets) != 1:
                raise ValueError(f"channel {name!r}: say which of the data sets it is measured on")
            dataset = self._datasets[0].dataset
        feed = self._entry(dataset).feed
        val = at.as_tensor_variable(val)
        if val.ndim != 0:
            raise ValueError(f"channel {name!r} is not a scalar but has {val.ndim} axes")
        specs = data_specs
        if ipt is None or ipt is feed.inputs or any(ipt is own for own in feed.inputs):
            specs = specs if specs is not None else (NullSpace(), "")
        else:
            if specs is None:
                specs = (self.model.get_input_space(), self.model.get_input_source())
            val = substitute_batch(name, val, ipt, feed.batch(specs))
        free = [
            v
            for v in graph_inputs([val])
            if not (
                isinstance(v, (Constant, SharedVariable)) or any(v is own for own in feed.inputs)
            )
        ]
        if free:
            raise ValueError(
                f"channel {name!r} depends on {', '.join(map(str, free))}, which ipt does not name"
            )
        self.channels[name] = MonitorChannel(ipt, val, name, specs, dataset, prereqs, old)
        self._measurement = None

    def _entry(self, dataset: Any) -> MonitoredData:
        for entry in self._datasets:
            if entry.dataset is dataset:
                return entry
        raise ValueError("the data set of this channel is not monitored; add it by add_dataset")

    # Measuring

    def redo_theano(self) -> None:
        """Compile the channels; called before the first monitoring after a change."""
        channels = [channel for channel in self.channels.values() if channel.val is not None]
        self._measurement = Measurement(channels, self._datasets, self._mode)
        self._share_timestamps()

    def _share_timestamps(self) -> None:
        distinct: list[MonitorChannel] = []
        for channel in self.channels.values():
            if channel.val is not None:
                channel.share_timestamps(distinct)

    def __call__(self) -> None:
        """Measure every channel once, and add the values to the records.

        Raises
        ------
        Interrupted, PeerLost
            If `between_batches` does. Then nothing is recorded and all random streams are as they
            were, so that a later call measures what this one would have.
        """
        if self._measurement is None:
            self.redo_theano()
        assert self._measurement is not None
        self._record(self._measurement(self.between_batches, self.show_progress))

    def _record(self, measured: list[tuple[MonitorChannel, float]]) -> None:
        now = (self._epochs_seen, self._batches_seen, self._examples_seen, self._seconds())
        # Channels that share their timestamps also agree on whether the last one is replaced.
        stamped = {id(channel.epoch_record): channel for channel, _ in measured}
        again = {channel for channel, _ in measured if channel.remeasures(now)}
        for channel, value in measured:
            _put(channel.val_record, float(value), channel in again)
        for channel in stamped.values():
            for name, count in zip(TIMESTAMPS, now):
                _put(getattr(channel, name), count, channel in again)


def _put(record: Any, value: float, again: bool) -> None:
    if again:
        record[-1] = value
    else:
        record.append(value)


def add_data_free_channel(monitor: Monitor, dataset: Any, name: str, value: Any) -> None:
    """Add a channel whose value depends on no data.

    Parameters
    ----------
    monitor : Monitor
    dataset : Dataset or dict of str to Dataset
        A monitored data set; the first of a dict.
    name : str
    value : symbolic scalar
    """
    if isinstance(dataset, dict):
        dataset = next(iter(dataset.values()))
    monitor.add_channel(name, None, value, dataset=dataset)
