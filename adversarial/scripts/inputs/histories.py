"""What the monitor of a training recorded, from a model file or a table of channels (.csv)."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.files.opening import open_regular
from adversarial.monitor.channel import TIMESTAMPS
from adversarial.scripts.inputs.datasets import is_model_file
from adversarial.utils.string_utils import matching, nearest

# Bytes of a table of channels; as Python objects it takes ten times as much memory.
MAX_TABLE = 64 << 20
# What is counted when a channel is measured.
COUNTS = ("epochs", "batches", "examples", "seconds")


@dataclass(frozen=True)
class Record:
    """The values of one channel.

    Attributes
    ----------
    values : (n,) array
    counts : for each name of COUNTS, an (n,) array: how much had been trained at each value

    Examples
    --------
    >>> record = Record(np.array([0.7, 0.5]), {"epochs": np.array([0, 1])})
    >>> record.at(1), record.at(2)
    (0.5, None)
    """

    values: np.ndarray
    counts: dict[str, np.ndarray]

    def at(self, epoch: int) -> float | None:
        """The value after `epoch`; None if it was not measured."""
        found = np.flatnonzero(self.counts["epochs"] == epoch)
        return float(self.values[found[-1]]) if found.size else None


class History(dict[str, Record]):
    """The records of a training, by channel.

    Attributes
    ----------
    trained : dict or None
        How much the model has been trained, by names of COUNTS, if that is known. A training that
        was stopped within an epoch has trained more than at its last measurement.
    """

    trained: dict[str, float] | None = None


def read_history(path: str, allow_modules: Collection[str] = ()) -> History:
    """The records of a training, from a model file or from the CSV that train.py writes.

    Raises
    ------
    ValueError
        Where the file is neither, or nothing was monitored.
    """
    if is_model_file(path):
        model = modelfile.load(path, allow_modules=allow_modules)
        try:
            history = history_of(model)
            history.trained = trained_by(model)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    elif os.path.splitext(path)[1].lower() == ".csv":
        history = _from_csv(path)
    else:
        modelfile.load(path)  # says what is wrong with it
        raise ValueError(f"{path}: is no model file")
    if not history:
        raise ValueError(f"{path}: nothing was monitored")
    return history


def trained_by(model: Any) -> dict[str, float] | None:
    """How many epochs, batches and examples a model has been trained for; None if unknown."""
    monitor = getattr(model, "monitor", None)
    if monitor is None:
        return None
    seen = (monitor.get_epochs_seen(), monitor.get_batches_seen(), monitor.get_examples_seen())
    return dict(zip(COUNTS, seen))


def in_words(counts: dict[str, float]) -> str:
    """Counts, by names of COUNTS, in words.

    Examples
    --------
    >>> in_words({"epochs": 3, "batches": 1500})
    '3 epochs, 1,500 minibatches'
    """
    return ", ".join(
        f"{count:,.0f} {'mini' if name == 'batches' else ''}{name}"
        for name, count in counts.items()
    )


def history_of(model: Any) -> History:
    """The records in the monitor of a model."""
    monitor = getattr(model, "monitor", None)
    channels = {} if monitor is None else monitor.channels
    records = History()
    # In a file of an earlier version any number of channels may share one list: converted once.
    vectors: dict[tuple[int, str], np.ndarray] = {}

    def vector(channel: Any, name: str) -> np.ndarray:
        key = id(getattr(channel, name)), name
        if key not in vectors:
            vectors[key] = channel.vector(name)
        return vectors[key]

    for key in sorted(channels):
        channel = channels[key]
        if len(channel.val_record):
            counts = {count: vector(channel, name) for count, name in zip(COUNTS, TIMESTAMPS)}
            records[key] = Record(vector(channel, "val_record"), counts)
    return records


def _from_csv(path: str) -> History:
    with open_regular(path) as raw:
        if os.fstat(raw.fileno()).st_size > MAX_TABLE:
            raise ValueError(f"{path}: is larger than {MAX_TABLE >> 20} MiB")
        try:
            rows, decimal = _rows(raw.read())
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: is no table of a monitor: {error}") from None
    columns = [f"{count}_seen" for count in COUNTS[:3]]
    if not rows or rows[0][:3] != columns:
        raise ValueError(f"{path}: is no table of a monitor: it does not begin {','.join(columns)}")
    wrong = f"{path}: has a row that is not {len(rows[0])} numbers"
    if any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(wrong)
    try:
        table = np.array(
            [[float(cell.replace(decimal, ".") or "nan") for cell in row] for row in rows[1:]],
            dtype=float,
        )
        table = table.reshape(-1, len(rows[0]))
    except ValueError:
        raise ValueError(wrong) from None
    if not np.isfinite(table[:, :3]).all():
        raise ValueError(f"{path}: has a row without finite numbers for {', '.join(columns)}")
    history = History()
    for column, name in enumerate(rows[0][3:], start=3):
        measured = np.array([row[column] != "" for row in rows[1:]], dtype=bool)
        if measured.any():
            counts = {count: table[measured, i] for i, count in enumerate(COUNTS[:3])}
            history[name] = Record(table[measured, column], counts)
    return history


def _rows(raw: bytes) -> tuple[list[list[str]], str]:
    """The cells of a table, and its decimal point.

    The table is one that MonitorCSV wrote, or that a spreadsheet program has saved since: possibly
    with a byte order mark, semicolons or tabs in place of commas, and decimal commas.
    """
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if utf16 else "utf-8-sig")
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep="):  # tells Excel the delimiter
        text, first = rest, rest.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = [[cell.strip() for cell in row] for row in cells]
    return [row for row in rows if any(row)], "." if delimiter == "," else ","


def choose_channels(history: Mapping[str, Any], patterns: Sequence[str], path: str) -> list[str]:
    """The channels that match any of `patterns`, in which ``*`` matches any text.

    Raises
    ------
    ValueError
        For a pattern that matches no channel.

    Examples
    --------
    >>> choose_channels({"valid_d": None, "valid_g": None, "train_d": None}, ["valid*"], "gan.pkl")
    ['valid_d', 'valid_g']
    """
    chosen: list[str] = []
    for pattern in patterns:
        found = matching(pattern, history)
        if not found:
            close = nearest(pattern, history)
            hint = f"; did you mean {close}?" if close else ""
            raise ValueError(f"{path}: has no channel {pattern}{hint}")
        chosen += [name for name in found if name not in chosen]
    return chosen
