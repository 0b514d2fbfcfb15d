"""Reports of the monitor's channels: a table on the screen, and a CSV file of all channels.

`scripts/train.py` adds both extensions to those of the YAML. The rows come from the records in
`model.monitor.channels`.
"""

from __future__ import annotations

import bisect
import contextlib
import csv
import io
import itertools
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Optional

import numpy as np

from adversarial import backend
from adversarial.files import outputs
from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import open_beside, open_regular
from adversarial.train_extensions import TrainExtension

log = logging.getLogger(__name__)

COUNTS = ("epochs_seen", "batches_seen", "examples_seen")
ROWS_BETWEEN_HEADERS = 25
_LONGEST_ROW = 1 << 20  # bytes


class Column(NamedTuple):
    """A column of the table.

    Attributes
    ----------
    above, title : str
        The two lines of the heading. Neighbours with the same first line share it.
    channel : str
        The channel's name, without the name of its data set.
    form : str
        The format of a value, such as "7.4f".

    Examples
    --------
    >>> column = Column("mean D on", "data", "dis_on_data_y_mean_x_mean_u", "5.3f")
    >>> f"{0.51234:{column.form}}"
    '0.512'
    """

    above: str
    title: str
    channel: str
    form: str


# Columns whose channel does not exist are left out.
GAN_COLUMNS = (
    Column("objective", "of D", "objective_d", "7.4f"),
    Column("objective", "of G", "objective_g", "7.4f"),
    Column("gen_ll,", "nats", "gen_ll", "7.1f"),
    Column("mean D on", "data", "dis_on_data_y_mean_x_mean_u", "5.3f"),
    Column("mean D on", "samples", "dis_on_samp_y_mean_x_mean_u", "5.3f"),
    Column("D wrong on", "data", "false_negatives", "5.3f"),
    Column("D wrong on", "samples", "false_positives", "5.3f"),
)
OTHER_COLUMNS = (
    Column("", "objective", "objective", "9.4f"),
    Column("", "misclass", "misclass", "8.4f"),
)
TRAINING_COLUMNS = (
    Column("learning", "rate", "learning_rate", "8.6f"),
    Column("momen-", "tum", "momentum", "6.3f"),
    Column("time,", "s", "training_seconds_this_epoch", "6.1f"),
)
# Which data set's channel is shown: data that the model was not trained on say more. These are
# beginnings of names of data sets, the best first; other names come between "test" and "train".
PREFERRED = ("valid", "val", "dev", "held", "test")
LAST = "train"


class EpochTable(TrainExtension):
    """Prints a row with the most important channels after each monitoring.

    Parameters
    ----------
    all_channels : bool
        Print all channels instead, each on a line of its own.
    show : callable, optional
        Called with each line, a str; by default the line is printed to stdout.

    Examples
    --------
    >>> from adversarial.backend import shared
    >>> from adversarial.datasets.mixture import GaussianMixture
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)
    >>> monitor.add_dataset(GaussianMixture([0.0], [1.0], num_examples=2), batch_size=2)
    >>> monitor.add_channel("momentum", None, shared(0.5))
    >>> monitor()
    >>> EpochTable().on_monitor(model, None, None)
          momen-
    epoch    tum
        0  0.500
    """

    only_watches = True

    def __init__(
        self, all_channels: bool = False, show: Optional[Callable[[str], Any]] = None
    ) -> None:
        self.all_channels = all_channels
        self._show = show
        self._rows = 0
        self._columns: list[Column] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_show": None, "_rows": 0, "_columns": []}

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Print the last value of each channel that is measured."""
        latest = {
            name: channel.val_record[-1]
            for name, channel in model.monitor.channels.items()
            # One without `val` is the record of an earlier training, and is not measured any more.
            if channel.val is not None and len(channel.val_record)
        }
        if not latest:
            return
        show = self._show or _print
        epoch = model.monitor.get_epochs_seen()
        if self.all_channels:
            show(f"epoch {epoch}")
            for name in sorted(latest):
                show(f"    {name}: {latest[name]:.6g}")
            return
        of_the_model = GAN_COLUMNS if _find("objective_d", latest) else OTHER_COLUMNS
        shown = [
            (column, name)
            for column in of_the_model + TRAINING_COLUMNS
            if (name := _find(column.channel, latest))
        ]
        columns, widths = [column for column, _ in shown], []
        if columns != self._columns:  # a channel that a resumed training adds has a value later
            self._columns, self._rows = columns, 0
        headings = ["     "]
        for above, group in itertools.groupby(columns, lambda column: column.above):
            own = [max(len(c.title), int(float(c.form[:-1]))) for c in group]
            if len(own) == 1:
                own = [max(len(above), *own)]
            widths += own
            joint = sum(own) + len(own) - 1
            headings.append(f"{above:^{joint}}" if len(own) > 1 else f"{above:>{joint}}")
        cells = [_cell(latest[name], c.form, w) for (c, name), w in zip(shown, widths)]
        if self._rows % ROWS_BETWEEN_HEADERS == 0:
            show(" ".join(headings))
            show(" ".join(["epoch", *(f"{c.title:>{w}}" for c, w in zip(columns, widths))]))
        show(" ".join([f"{epoch:5d}", *cells]))
        self._rows += 1


class MonitorCSV(TrainExtension):
    """Writes a CSV file with a row for each epoch and a column for each channel.

    A training that is resumed first writes all rows of the monitor's records again, so the file has
    neither a gap nor an epoch twice. If an epoch was measured twice, the first values count. A
    failure to write is a warning.

    Parameters
    ----------
    path : str
        The file to write.

    Raises
    ------
    OutsideError
        If the file may not be written there; see `files.outputs`.
    TypeError, ValueError
        If `path` is not a path.

    Examples
    --------
    In a YAML file, in the list of extensions:
    `!obj:adversarial.train_extensions.report.MonitorCSV { path: mnist.csv }`.

    >>> from adversarial.backend import shared
    >>> from adversarial.datasets.mixture import GaussianMixture
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)
    >>> monitor.add_dataset(GaussianMixture([0.0], [1.0], num_examples=2), batch_size=2)
    >>> monitor.add_channel("momentum", None, shared(0.5))
    >>> monitor()
    >>> MonitorCSV("mnist.csv").on_monitor(model, None, None)
    >>> np.loadtxt("mnist.csv", str).tolist()
    ['epochs_seen,batches_seen,examples_seen,momentum', '0,0,0,0.5']
    """

    only_watches = True

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        return outputs.named(arguments, "path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = outputs.admitted(path)
        self._names: Optional[list[str]] = None
        self._last_epoch = -1

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_names": None, "_last_epoch": -1}

    @staticmethod
    def is_table(path: str | os.PathLike[str]) -> bool:
        """Whether the file `path` begins as a table of channels, of this or another training."""
        return _first_row(path) is not None

    @staticmethod
    def wrote(path: str | os.PathLike[str], model: Any) -> bool:
        """Whether the file `path` begins as the table of the training that made `model`.

        Compares the first row, in the columns that the file and the model both have: others may
        have been added since.
        """
        channels = model.monitor.channels
        names = [name for name in channels if len(channels[name].val_record)]
        if not names:
            return False
        table = _as_csv([[*COUNTS, *names], *records(channels, names, after=-1)[:1]]).decode()
        own = dict(zip(*csv.reader(io.StringIO(table))))
        found = _first_row(path) or {}
        common = own.keys() & found.keys()
        return len(common) > len(COUNTS) and all(own[name] == found[name] for name in common)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the rows that the file lacks, or write all of them."""
        channels = model.monitor.channels
        names = sorted(name for name in channels if len(channels[name].val_record))
        if not names:
            return
        if self._names is None and self.wrote(self.path, model):
            outputs.permit([self.path])  # this training left it when it was killed
        try:
            # After a rollback, the rows of later epochs are removed as well.
            if names != self._names or model.monitor.get_epochs_seen() <= self._last_epoch:
                rows = records(channels, names, after=-1)
                with atomic_write(self.path) as stream:
                    stream.write(_as_csv([[*COUNTS, *names], *rows]))
            else:
                rows = records(channels, names, after=self._last_epoch)
                outputs.check(self.path)
                # The file may have been replaced by a named pipe, on which opening would block.
                table = open_beside(os.path.realpath(self.path), os.O_WRONLY | os.O_APPEND)
                with os.fdopen(table, "ab") as stream:
                    stream.write(_as_csv(rows))
        except OSError as error:
            # The file may end within a row: write all rows next time.
            self._names = None
            log.warning("could not write %s: %s", self.path, error.strerror or error)
        else:
            self._names = names
            self._last_epoch = rows[-1][0] if rows else self._last_epoch


def records(channels: dict[str, Any], names: list[str], after: int) -> list[list]:
    """A row for each epoch later than `after`: COUNTS, then the values of the channels `names`."""
    rows: dict[int, list] = {}
    for column, name in enumerate(names, start=len(COUNTS)):
        channel = channels[name]
        first = bisect.bisect_right(channel.epoch_record, after)
        for i in range(first, len(channel.epoch_record)):
            epoch = channel.epoch_record[i]
            if epoch not in rows:
                counts = [epoch, channel.batch_record[i], channel.example_record[i]]
                rows[epoch] = counts + [None] * len(names)
            if rows[epoch][column] is None:
                rows[epoch][column] = channel.val_record[i]
    return [rows[epoch] for epoch in sorted(rows)]


def _first_row(path: str | os.PathLike[str]) -> Optional[dict[str, str]]:
    """The first row of a table of channels, by column; None if the file is no such table."""
    try:
        with open_regular(path) as stream:
            lines = [stream.readline(_LONGEST_ROW).decode() for _ in range(2)]
        names, values = csv.reader(lines)
    except (OSError, ValueError, csv.Error):  # a ValueError also where a line is missing
        return None
    return dict(zip(names, values)) if tuple(names[: len(COUNTS)]) == COUNTS else None


def _as_csv(rows: list[list]) -> bytes:
    # NumPy prints a float32 with the fewest digits that give the same float32 again.
    shortest = np.dtype(backend.floatX).type
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [shortest(value) if isinstance(value, float) else value for value in row] for row in rows
    )
    return text.getvalue().encode("utf-8", "backslashreplace")  # lone surrogates


def _print(line: str) -> None:
    with contextlib.suppress(OSError):  # the reader of a pipe may have ended; training goes on
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _find(channel: str, names: Any) -> Optional[str]:
    """`channel` itself, or the channel of that name on the most preferred data set."""
    if channel in names:
        return channel
    found = [name for name in names if name.endswith(f"_{channel}")]
    return min(found, key=_rank, default=None)


def _rank(name: str) -> int:
    """The place of a channel's data set in the order of preference, from 0."""
    best = next((i for i, start in enumerate(PREFERRED) if name.startswith(start)), len(PREFERRED))
    return best + name.startswith(LAST)


def _cell(value: float, form: str, width: int) -> str:
    """`value` in the format `form`, with fewer digits if it would be wider than `width`.

    >>> _cell(0.12345, "7.4f", 7), _cell(123456.0, "7.4f", 7), _cell(-1e300, "5.3f", 5)
    (' 0.1235', '1.2e+05', '*****')
    """
    texts = [f"{value:{form}}", *(f"{value:.{digits}g}" for digits in range(4, 0, -1))]
    return f"{next((text for text in texts if len(text) <= width), '*' * width):>{width}}"
