"""What `Train` does besides training: extensions are called around each epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from adversarial.backend import assign
from adversarial.files import outputs
from adversarial.modelfile import Persistent
from adversarial.monitor import add_data_free_channel
from adversarial.monitor.lookup import channel_values, find_channel


class TrainExtension(Persistent):
    """Base of the extensions. Override what is needed; the base does nothing.

    Attributes
    ----------
    only_watches : bool
        Whether training is the same without it: nothing of it belongs to a saved training, and it
        is shown the last monitoring again when a training is resumed. It is called once the model
        is saved, and what it raises is a warning.
    """

    only_watches = False

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        """The files that an instance with these arguments will write: see `files.outputs`."""
        return []

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called once before training, after the algorithm's own setup."""

    def check_channels(self, model: Any) -> None:
        """ValueError if a channel that this will read is missing. Called after every `setup`.

        The base looks for the channel that an attribute `channel_name` names, if there is one.
        """
        name = getattr(self, "channel_name", None)
        if isinstance(name, str):
            find_channel(model, name)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called after each monitoring: before the first epoch and after every epoch.

        May raise StopIteration, which ends the training as its criterion would: the model is saved,
        and nothing has failed. May change the data by `dataset.X = ...` or `dataset.y = ...` and
        the methods that set these: training and monitoring use it from then on.
        """

    def on_save(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called just before the model is saved; just after it where `only_watches`."""

    def on_resume(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Called once a training that is resumed, or rolled back, has what was saved.

        An extension that changes the data changes it here as it was: data is not saved.
        """


class EpochExtension(TrainExtension):
    """Base of the extensions that act by the number of epochs since they began.

    The number comes from the monitor, not from how often `on_monitor` ran, so a training that
    was saved, restored and monitored again goes on with the right one.
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
    epoch_updates : sequence of (epoch, shared variable, value)
        Epoch 0 is before training. Each named variable becomes a monitor channel of its name.

    Raises
    ------
    ValueError
        If an entry is not such a triple, or its variable not shared.
    """

    def __init__(self, epoch_updates: Iterable[Sequence[Any]]) -> None:
        super().__init__()
        self._updates: list[tuple[int, Any, Any]] = []
        for entry in epoch_updates:
            if len(entry) != 3:
                raise ValueError(f"epoch_updates takes (epoch, variable, value), not {entry!r}")
            epoch, variable, value = entry
            if not hasattr(variable, "set_value"):
                raise ValueError(f"epoch_updates can set shared variables only, not {variable!r}")
            self._updates.append((int(epoch), variable, value))

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the channels, where there is a monitoring dataset."""
        monitor = getattr(model, "monitor", None)
        channels = {} if monitor is None else monitor.channels
        monitored = [c.dataset for c in channels.values() if c.dataset is not None]
        for _, variable, _ in self._updates:
            if monitored and variable.name is not None and _is_free(monitor, variable.name):
                add_data_free_channel(monitor, monitored[0], variable.name, variable)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set what is due."""
        now = self._epochs_done(model)
        for epoch, variable, value in self._updates:
            if epoch == now:
                assign(variable, value)


class ChannelSmoother(TrainExtension):
    """Publishes the mean of a channel's last `k` values as another channel.

    Extensions that read the new channel must stand after this one in the list.

    Parameters
    ----------
    channel_to_smooth, channel_to_publish : str
    k : int
        At least 1.

    Raises
    ------
    ValueError
        If `k` is less than 1; at setup, if there is no channel to smooth.
    """

    def __init__(self, channel_to_smooth: str, channel_to_publish: str, k: int = 5) -> None:
        self.channel_to_smooth = channel_to_smooth
        self.channel_to_publish = channel_to_publish
        self.k = int(k)
        if self.k < 1:
            raise ValueError(f"k must be at least 1 value, not {k}")

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the channel; the monitor records a placeholder that `on_monitor` replaces."""
        source = find_channel(model, self.channel_to_smooth)
        if _is_free(model.monitor, self.channel_to_publish):
            add_data_free_channel(model.monitor, source.dataset, self.channel_to_publish, -1.0)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Replace the published channel's newest value."""
        values = channel_values(model, self.channel_to_smooth)[-self.k :]
        channel_values(model, self.channel_to_publish)[-1] = float(np.mean(values))


def _is_free(monitor: Any, name: str) -> bool:
    """Whether a channel `name` can be added: none is there, or one restored from a file."""
    channel = monitor.channels.get(name)
    return channel is None or channel.val is None
