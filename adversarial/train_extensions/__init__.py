"""Train extensions: what happens between epochs, beside training and monitoring.

`adversarial.train.Train` calls `setup` of each extension before the first epoch, `on_monitor` after
each monitoring (before the first epoch and after every one), and `on_save` with each model file;
`dispatch` has the order. This module has the base classes and the extensions of Pylearn2's module;
the others:

    learning_rate, momentum, activate_generator    schedules by the epoch
    epoch_schedule                                 the base class of some of these
    best_params, polyak, snapshots                 models kept beside the last one
    metrics                                        metrics of samples as channels
    report, progress, samples, inline_samples      what a user sees; observers
    tensorboard, wandb, mlflow                     logs for other tools; observers
    tracking                                       the base class of these
    window_flip                                    random windows of images
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from adversarial.backend import assign
from adversarial.files import outputs
from adversarial.modelfile import Persistent
from adversarial.monitor import add_data_free_channel
from adversarial.monitor.lookup import channel_values, find_channel, only_measured
from adversarial.utils.checks import check_list


class TrainExtension(Persistent):
    """Base class of extensions, whose methods do nothing.

    Every method takes the model, the training data set and the training algorithm.

    Attributes
    ----------
    only_watches : bool
        True in an observer: training is the same without it. An observer is called after the model
        is saved, its errors are warnings, its state is not saved, and when a training is resumed
        its `on_monitor` is called for the last monitoring again.
    may_be_interrupted : bool
        True where `on_monitor` takes long and calls `model.monitor.between_batches()` now and then.
        That call raises `signals.Interrupted` once a signal has come. The training is then saved as
        it was before the monitoring, which is repeated when it is resumed.

    Examples
    --------
    >>> class Diary(TrainExtension):
    ...     only_watches = True
    ...     def on_monitor(self, model, dataset, algorithm):
    ...         print(model.monitor.get_epochs_seen(), "epochs")
    """

    only_watches = False
    may_be_interrupted = False

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        """The files that an instance with these arguments will write; see `files.outputs`.

        They are checked before training begins. `arguments` are those of the constructor, by name.
        """
        return []

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called once before training, after the algorithm's own `setup`. May add channels."""

    def check_channels(self, model: Any) -> None:
        """Raise ValueError if a channel that this extension reads is missing.

        Called after the `setup` of all extensions. The base class looks for the channel
        `channel_name`, if the extension has such an attribute.
        """
        name = getattr(self, "channel_name", None)
        if isinstance(name, str):
            find_channel(model, name)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called after each monitoring: before the first epoch and after every epoch.

        May raise StopIteration to end the training successfully, as a termination criterion does.
        May assign to `dataset.X` and `dataset.y`: training and monitoring use the new data.
        """

    def on_save(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called just before the model is saved; for an observer, just after."""

    def on_resume(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called when a training is resumed or rolled back, after its saved state is restored.

        Data are not saved: an extension that changes the data makes the same change here.
        """

    def on_edit(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called after `on_resume` where an edited YAML file adds this extension or changes it."""


class EpochExtension(TrainExtension):
    """Base class of extensions that act by the number of epochs since their first call.

    The number comes from the monitor, not from how often `on_monitor` was called, so that a
    training that is saved, restored and monitored again goes on with the right number.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)
    >>> class Countdown(EpochExtension):
    ...     def on_monitor(self, model, dataset, algorithm):
    ...         print(3 - self._epochs_done(model), "epochs left")
    >>> countdown = Countdown()
    >>> countdown.on_monitor(model, None, None)
    3 epochs left
    >>> monitor.report_epoch()
    >>> countdown.on_monitor(model, None, None)
    2 epochs left
    """

    def __init__(self) -> None:
        self._first_epoch: int | None = None

    def _epochs_done(self, model: Any) -> int:
        """Epochs since the first call of `on_monitor`: 0 then."""
        seen = model.monitor.get_epochs_seen()
        if self._first_epoch is None:
            self._first_epoch = seen
        return seen - self._first_epoch


class SharedSetter(EpochExtension):
    """Sets shared variables after given numbers of epochs.

    Parameters
    ----------
    epoch_updates : sequence of (int, shared variable, float)
        Epoch, variable and value; epoch 0 is before training. The name of a variable becomes a
        monitor channel.

    Raises
    ------
    ValueError
        If an entry is no such triple, or its variable is not shared.

    Examples
    --------
    >>> from adversarial.backend import shared
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)  # no epoch is done
    >>> rate = shared(0.5, "rate")
    >>> setter = SharedSetter([(0, rate, 0.25), (1, rate, 0.125)])
    >>> setter.on_monitor(model, None, None)
    >>> float(rate.get_value())
    0.25
    """

    def __init__(self, epoch_updates: Iterable[Sequence[Any]]) -> None:
        super().__init__()
        self._updates: list[tuple[int, Any, Any]] = []
        check_list("epoch_updates", epoch_updates)
        for entry in epoch_updates:
            check_list("an entry of epoch_updates", entry)
            if len(entry) != 3:
                raise ValueError(f"epoch_updates takes (epoch, variable, value), not {entry!r}")
            epoch, variable, value = entry
            if not hasattr(variable, "set_value"):
                raise ValueError(f"epoch_updates can set shared variables only, not {variable!r}")
            self._updates.append((int(epoch), variable, value))

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the channels, if anything is monitored."""
        monitor = getattr(model, "monitor", None)
        if monitor is None:
            return
        monitored = [c.dataset for c in monitor.channels.values() if c.val is not None]
        for _, variable, _ in self._updates:
            if not monitored or variable.name is None:
                continue
            channel = monitor.channels.get(variable.name)
            # A measured channel of this name stays as it is, such as `momentum`, which the learning
            # rule adds. One without `val` is only the record from a file.
            if channel is None or channel.val is None:
                add_data_free_channel(monitor, monitored[0], variable.name, variable)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the variables of this epoch."""
        now = self._epochs_done(model)
        for epoch, variable, value in self._updates:
            if epoch == now:
                assign(variable, value)


class ChannelSmoother(TrainExtension):
    """Adds a channel with the mean of another channel's last `k` values.

    Extensions that read the new channel must come after this one in the list of extensions.

    Parameters
    ----------
    channel_to_smooth : str
    channel_to_publish : str
        The name of the new channel.
    k : int
        At least 1.

    Raises
    ------
    ValueError
        If `k` is less than 1; at setup, if there is no channel to smooth, or `channel_to_publish`
        is the name of another channel.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> channels = Monitor.get_monitor(model).channels
    >>> for name, values in (("cost", [9.0, 2.0, 4.0]), ("smooth_cost", [9.0, 5.5, -1.0])):
    ...     channels[name] = MonitorChannel(None, None, name, None, None)
    ...     channels[name].val_record.extend(values)
    >>> ChannelSmoother("cost", "smooth_cost", k=2).on_monitor(model, None, None)
    >>> channels["smooth_cost"].val_record.tolist()
    [9.0, 5.5, 3.0]
    """

    def __init__(self, channel_to_smooth: str, channel_to_publish: str, k: int = 5) -> None:
        self.channel_to_smooth = channel_to_smooth
        self.channel_to_publish = channel_to_publish
        self.k = int(k)
        if self.k < 1:
            raise ValueError(f"k must be at least 1 value, not {k}")

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the channel; the monitor records -1, which `on_monitor` replaces."""
        with only_measured(model.monitor):
            source = find_channel(model, self.channel_to_smooth)
        add_data_free_channel(model.monitor, source.dataset, self.channel_to_publish, -1.0)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Replace the last value of the new channel."""
        values = channel_values(model, self.channel_to_smooth)[-self.k :]
        channel_values(model, self.channel_to_publish)[-1] = float(np.mean(values))
