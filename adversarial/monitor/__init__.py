"""Channels: scalars measured on monitoring data between epochs, and their records."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Optional

import aesara.tensor as at
from aesara.compile.sharedvalue import SharedVariable
from aesara.graph.basic import Constant, graph_inputs

from adversarial import backend
from adversarial.monitor.batches import MonitoredData, Watch, on_batch, random_streams, varies
from adversarial.monitor.channel import OCCASIONS, MonitorChannel
from adversarial.monitor.channel import get_monitor_doc as get_monitor_doc  # found here since 2014
from adversarial.space import NullSpace
from adversarial.utils.serial import Persistent
from adversarial.utils.signals import Interrupted


def _nothing() -> None:
    """What is called between two batches unless someone asks for more."""


class Monitor(Persistent):
    """The channels of a model, and what they are measured on.

    Channels that depend neither on data nor on random draws are computed once a monitoring,
    the others on every monitoring batch.
    """

    # Called after each batch of a monitoring; it may raise Interrupted (see `__call__`).
    between_batches: Callable[[], None] = staticmethod(_nothing)

    def __init__(self, model: Any) -> None:
        self.model = model
        self.channels: OrderedDict[str, MonitorChannel] = OrderedDict()
        self.names_to_del: set[str] = set()
        self.training_succeeded = False
        # (epochs seen, engine and devices) at each change of these.
        self.engines: list[tuple[int, str]] = []
        self._epochs_seen = 0
        self._batches_seen = 0
        self._examples_seen = 0
        self._seconds_before = 0.0
        self._began = time.monotonic()
        self._mode = None
        self._datasets: list[MonitoredData] = []
        self._functions: Optional[tuple] = None
        self._streams: list[Any] = []
        self.set_ups = 0
        # What the last set-up of a training added: names of channels, and data sets.
        self._of_set_up: tuple[set, list] = set(), []

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k not in self.names_to_del}
        state.update(
            _seconds_before=self._seconds(),
            _began=None,
            _mode=None,
            _datasets=[],
            _functions=None,
            _streams=[],
            set_ups=0,
            _of_set_up=(set(), []),
        )
        state.pop("between_batches", None)  # of a training under way
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Files from before engines were noted have none.
        self.__dict__.update({"engines": [], **state, "set_ups": 0, "_of_set_up": (set(), [])})
        self._began = time.monotonic()

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._began

    @classmethod
    def get_monitor(cls, model: Any) -> Monitor:
        """The model's monitor, made if it has none."""
        if getattr(model, "monitor", None) is None:
            model.monitor = cls(model)
        return model.monitor

    # What has been trained on

    def get_epochs_seen(self) -> int:
        return self._epochs_seen

    def get_batches_seen(self) -> int:
        return self._batches_seen

    def get_examples_seen(self) -> int:
        return self._examples_seen

    def report_batch(self, num_examples: int) -> None:
        """Count a training minibatch."""
        self._batches_seen += 1
        self._examples_seen += num_examples

    def report_epoch(self) -> None:
        """Count a training epoch."""
        self._epochs_seen += 1

    def go_on_from(self, earlier: Monitor) -> None:
        """Take over the records, counts and clock of `earlier`, which a file held."""
        self._epochs_seen = earlier._epochs_seen
        self._batches_seen = earlier._batches_seen
        self._examples_seen = earlier._examples_seen
        self.training_succeeded = False
        self._seconds_before = earlier._seconds_before
        self._began = time.monotonic()
        self.engines = [*earlier.engines]
        self.note_engine()
        for name, channel in earlier.channels.items():
            if name in self.channels:
                self.channels[name].take_records(channel)
            else:
                self.channels[name] = channel
        for name, channel in self.channels.items():
            if name not in earlier.channels:
                channel.take_records(None)
        self._share_occasions()

    def note_engine(self) -> None:
        """Keep in mind what computes from now on."""
        text = backend.describe()
        if not self.engines or self.engines[-1][1] != text:
            self.engines.append((self._epochs_seen, text))

    # Set-up

    @contextlib.contextmanager
    def setting_up(self) -> Iterator[None]:
        """Within this block a training adds its channels and data sets.

        Those that an earlier training had added end here: the records of such a channel stay, as
        if a file had held them, and go on if the new training adds it again.  What was added
        outside of such a block stays.
        """
        names, entries = self._of_set_up
        for name in names & self.channels.keys():
            self.channels[name].val = None
        used = {id(c.dataset) for c in self.channels.values() if c.val is not None}
        self._datasets = [
            entry for entry in self._datasets if id(entry.dataset) in used or entry not in entries
        ]
        if names or entries:
            self._functions = self._mode = None
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
        """Compile the channels in this mode."""
        if self._mode is not None and self._mode != mode:
            raise ValueError(f"the monitor already compiles in mode {self._mode}, not {mode}")
        self._mode = mode

    def add_dataset(
        self,
        dataset: Any,
        mode: Any = "sequential",
        batch_size: Any = None,
        num_batches: Any = None,
        seed: Any = (2013, 2, 18),
    ) -> None:
        """Monitor on `dataset`: how minibatches are drawn from it, and how many.

        Parameters
        ----------
        dataset : Dataset, or list of them
            For a list, each other argument may be a list as well, of one value a data set.
        mode : str
            See `adversarial.utils.iteration`.
        batch_size, num_batches : int, optional
        seed : int, tuple or list of int
            For the modes that draw at random. With a list of data sets, a list is of their seeds.

        Raises
        ------
        ValueError
            When a list has another length than that of the data sets, or a data set is monitored
            already.
        """
        if not isinstance(dataset, (list, tuple)):
            self._add_dataset(dataset, mode, batch_size, num_batches, seed)
            return
        columns = []
        for name, value in (
            ("mode", mode),
            ("batch_size", batch_size),
            ("num_batches", num_batches),
            ("seed", seed),
        ):
            if not isinstance(value, list):
                value = [value] * len(dataset)
            if len(value) != len(dataset):
                raise ValueError(f"{name} has {len(value)} values for {len(dataset)} data sets")
            columns.append(value)
        for row in zip(dataset, *columns):
            self._add_dataset(*row)

    def _add_dataset(
        self,
        dataset: Any,
        mode: str,
        batch_size: Optional[int],
        num_batches: Optional[int],
        seed: Any,
    ) -> None:
        if any(entry.dataset is dataset for entry in self._datasets):
            raise ValueError("this data set is monitored already")
        if seed is None:  # in 2014, "the default one"
            seed = (2013, 2, 18)
        self._datasets.append(MonitoredData(dataset, mode, batch_size, num_batches, seed))
        self._functions = None

    @property
    def batch_size(self) -> list:
        return [entry.batch_size for entry in self._datasets]

    @property
    def num_batches(self) -> list:
        return [entry.num_batches for entry in self._datasets]

    def setup(
        self,
        dataset: Any,
        cost: Any,
        batch_size: int,
        num_batches: Optional[int] = None,
        extra_costs: Any = None,
        mode: str = "sequential",
    ) -> None:
        """Add the channels of the model, of `cost` (with its value, `objective`) and extra costs.

        `dataset` is one data set or {name: data set}; a name is put before its channels' names.
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
                # A cost may measure its own value along with its other channels.
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
        """Record `val`, a symbolic scalar, as `name` at each monitoring on `dataset`.

        Parameters
        ----------
        name : str
        ipt : symbolic variable, nested tuple of them, or None
            What stands for a batch in `val`, laid out as `data_specs` says; None if `val` depends
            on no data.
        val : symbolic scalar
            Over the batches of a monitoring, its mean weighted by batch size is recorded.
        dataset : Dataset, optional
            Needed where more than one is monitored.
        prereqs : list of callable, optional
            Called with each batch before `val` is computed.
        data_specs : (space, source), optional
            By default the model's input.

        Raises
        ------
        ValueError
            When the name is taken, the data set not monitored, `val` not a scalar, or `val`
            depends on variables that are not in `ipt`.

        A channel restored from a file keeps its record.

        Examples
        --------
        >>> X = at.matrix("X")  # doctest: +SKIP
        >>> monitor.add_channel(  # doctest: +SKIP
        ...     "mean", X, X.mean(), dataset, data_specs=(VectorSpace(3), "features"))
        """
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
            val = on_batch(name, val, ipt, feed.batch(specs))
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
        self._functions = None

    def _entry(self, dataset: Any) -> MonitoredData:
        for entry in self._datasets:
            if entry.dataset is dataset:
                return entry
        raise ValueError("the data set of this channel is not monitored; add it by add_dataset")

    def _sanity_check(self) -> None:
        """Every record is as long as every other one of its channel."""
        for channel in self.channels.values():
            if len(channel.val_record) != len(channel.epoch_record):
                raise ValueError(f"channel {channel.name!r} has a broken record")

    def register_names_to_del(self, names: list[str]) -> None:
        """Attributes that are not saved."""
        self.names_to_del = self.names_to_del.union(names)

    def redo_theano(self) -> None:
        """Compile the channels: done by itself before the first monitoring after a change."""
        once: list[MonitorChannel] = []
        per_batch: dict[int, list] = {id(entry): [] for entry in self._datasets}
        for channel in self.channels.values():
            if channel.val is None:
                continue
            entry = self._entry(channel.dataset)
            # A prerequisite may compute, from each batch, what a channel then reads.
            if channel.prereqs or varies(channel.val, entry.feed.inputs):
                per_batch[id(entry)].append(channel)
            else:
                once.append(channel)
        self._streams = random_streams(
            channel.val for channels in per_batch.values() for channel in channels
        )
        self._functions = (
            # Not worth the time of g++ for what runs once an epoch.
            (once, self._compile([], once, self._mode or "FAST_COMPILE")),
            [
                (
                    entry,
                    found := per_batch[id(entry)],
                    self._compile(entry.feed.inputs, found, self._mode),
                )
                for entry in self._datasets
            ],
        )

        self._share_occasions()

    redo_aesara = redo_theano

    def _share_occasions(self) -> None:
        distinct: list[MonitorChannel] = []
        for channel in self.channels.values():
            if channel.val is not None:
                channel.share_occasions(distinct)

    @staticmethod
    def _compile(inputs: list, channels: list[MonitorChannel], mode: Any) -> Any:
        """A function that gives the list of the channels' values."""
        if not channels:
            return None
        values = [at.cast(channel.val, backend.floatX) for channel in channels]
        return backend.function(inputs, values, name="monitor", mode=mode)

    # Monitoring

    def __call__(self) -> None:
        """Measure every channel once and add it to its record.

        Where `between_batches` raises Interrupted, nothing is recorded and all random streams are
        as they were, so that a later call measures what this one would have.
        """
        if self._functions is None:
            self.redo_theano()
        (once, function), per_dataset = self._functions
        measured = list(zip(once, function())) if once else []
        before = [(stream, stream.get_value()) for stream in self._streams]
        positions = [(entry.feed, entry.feed.position()) for entry, _, _ in per_dataset]
        watch = Watch(self.between_batches)
        try:
            for entry, channels, function in per_dataset:
                # Channels may share a prerequisite: once a batch is enough.
                prereqs = list(dict.fromkeys(p for channel in channels for p in channel.prereqs))
                if channels:
                    measured += zip(channels, entry.mean(function, prereqs, watch))
        except Interrupted:
            for stream, value in before:
                stream.set_value(value)
            for feed, position in positions:
                feed.go_back(position)
            raise
        self._record(measured)

    def run_prereqs(self, data: Any, dataset: Any) -> None:
        """Call the prerequisites of the channels on `dataset` with `data`."""
        for channel in self.channels.values():
            if channel.dataset is dataset:
                for prereq in channel.prereqs:
                    prereq(data)

    def _record(self, measured: list[tuple[MonitorChannel, Any]]) -> None:
        now = (self._epochs_seen, self._batches_seen, self._examples_seen, self._seconds())
        # Channels that share the records of occasions share also whether the last is replaced.
        occasions = {id(channel.epoch_record): channel for channel, _ in measured}
        again = {channel for channel, _ in measured if channel.remeasures(now)}
        for channel, value in measured:
            _put(channel.val_record, float(value), channel in again)
        for channel in occasions.values():
            for name, count in zip(OCCASIONS, now):
                _put(getattr(channel, name), count, channel in again)


def _put(record: Any, value: Any, again: bool) -> None:
    if again:
        record[-1] = value
    else:
        record.append(value)


def push_monitor(
    model: Any, name: str, transfer_experience: bool = False, save_records: bool = False
) -> Any:
    """Put the model's monitor aside as attribute `name`, so that the next training gets a new one.

    With `transfer_experience` the new one goes on counting epochs; with `save_records` it also
    keeps the records. The first measurement of the next training then takes the place of the last
    one of the training before, which is of the same epoch.
    """
    if hasattr(model, name):
        raise ValueError(f"the model already has an attribute {name!r}")
    old = model.monitor
    setattr(model, name, old)
    model.monitor = None
    if transfer_experience or save_records:
        new = Monitor.get_monitor(model)
        new._epochs_seen = old._epochs_seen
        new._batches_seen = old._batches_seen
        new._examples_seen = old._examples_seen
        if save_records:
            for channel in old.channels.values():
                kept = MonitorChannel(None, None, channel.name, None, None, None, channel)
                kept.remeasures_last = True
                new.channels[channel.name] = kept
    return model


def add_data_free_channel(monitor: Monitor, dataset: Any, name: str, value: Any) -> None:
    """Add a channel whose value depends on no data.

    Parameters
    ----------
    monitor : Monitor
    dataset : Dataset or dict of str to Dataset
        A monitored data set, after which the channel is measured; the first of a dict.
    name : str
    value : symbolic scalar
    """
    if isinstance(dataset, dict):
        dataset = next(iter(dataset.values()))
    monitor.add_channel(name, None, value, dataset=dataset)


def read_channel(model: Any, channel_name: str, monitor_name: str = "monitor") -> float:
    """The last value of a channel."""
    return getattr(model, monitor_name).channels[channel_name].val_record[-1]


def get_channel(model: Any, dataset: Any, channel: str, cost: Any, batch_size: int) -> Any:
    """A function that measures one channel of `model` under `cost` on `dataset` when called."""
    model = push_monitor(model, "_spare_monitor") if getattr(model, "monitor", None) else model
    monitor = Monitor.get_monitor(model)
    monitor.setup(dataset=dataset, cost=cost, batch_size=batch_size)

    def measure() -> float:
        monitor()
        return monitor.channels[channel].val_record[-1]

    return measure
