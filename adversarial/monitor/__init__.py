"""The monitor: scalars of a model, measured on monitoring data between epochs, and their history.

A *channel* is a symbolic scalar with a name and a record of its values. A training algorithm's
`setup` calls `Monitor.setup`, which adds the channels of the model and the cost; extensions add
others by `add_channel`. `adversarial.train.Train` then calls the monitor before the first epoch and
after each, and writes it into the model file. Termination criteria and extensions find a channel by
`find_channel`; the scripts `print_monitor` and `plot_monitor` read the records from the file.

    monitor         `Monitor`: the channels of a model, and how they are set up and recorded
    experience      what a model has been trained on so far: epochs, minibatches, seconds
    channel         one channel and its records
    monitored_data  a monitoring data set, and how minibatches are drawn from it
    measurement     the compiled functions that compute all channels
    lookup          finding a channel by its name
    push            several trainings of one model
"""

from adversarial.monitor.channel import MonitorChannel
from adversarial.monitor.lookup import channel_values, find_channel, read_channel
from adversarial.monitor.monitor import Monitor, add_data_free_channel
from adversarial.monitor.push import get_channel, push_monitor

__all__ = [
    "Monitor",
    "MonitorChannel",
    "add_data_free_channel",
    "channel_values",
    "find_channel",
    "get_channel",
    "push_monitor",
    "read_channel",
]
