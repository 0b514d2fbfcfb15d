"""What commands are given: the data of a model or a YAML file, and the records of a training."""

from __future__ import annotations

import codecs
import csv
import fnmatch
import io
import os
import sys
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.config import yaml_parse
from adversarial.config.nodes import train_environment
from adversarial.evaluation import parzen_protocol
from adversarial.evaluation.compatibility import check_compatible
from adversarial.evaluation.parzen_protocol import Split, load_split, split_of
from adversarial.evaluation.sampling import generator_of
from adversarial.files import inputs
from adversarial.files.opening import open_regular
from adversarial.monitor.channel import TIMESTAMPS
from adversarial.scripts import cli
from adversarial.space import Conv2DSpace
from adversarial.train import Train
from adversarial.utils.string_utils import nearest

# Of a table of channels, in bytes; as Python's text it takes ten times as much memory.
MAX_TABLE = 64 << 20
COUNTS = ("epochs", "batches", "examples", "seconds")


def training_set(model: Any, allow_modules: Collection[str] = (), path: str | None = None) -> Any:
    """The data set that the model file `path` says the model was trained on.

    The YAML of the data set is that of the model file, so what it may read is limited; see
    `adversarial.files.inputs`.
    """
    source = getattr(model, "dataset_yaml_src", None)
    if not source:
        raise ValueError(
            "the model file does not say which data set the model was trained on "
            "(those that train.py saves do)"
        )
    if not isinstance(source, str):
        raise ValueError("the model file says in no valid form which data set it was trained on")
    environ = {} if path is None else _environment_of(path, source, allow_modules)
    name = "the model file" if path is None else path
    with inputs.confined(name, getattr(model, "dataset_yaml_inputs", ())):
        return yaml_parse.load(source, environ, allow_modules=allow_modules, name=name)


def _environment_of(path: str, source: str, allow_modules: Collection[str]) -> dict[str, str]:
    """The variables that speak of the YAML file by which the model file `path` was trained.

    Where the file does not tell which that was, they speak of the model file itself.
    """
    if "PYLEARN2_TRAIN_" not in source and "ADVERSARIAL_TRAIN_" not in source:
        return {}
    training = modelfile.load_training(path, allow_modules)
    about = training.get("experiment") if isinstance(training, dict) else None
    described = about.get("yaml_path") if isinstance(about, dict) else None
    if isinstance(described, str):
        return train_environment(os.path.normpath(os.path.join(os.path.dirname(path), described)))
    return train_environment(path)


def dataset_in(path: str, allow_modules: Collection[str] = ()) -> Any:
    """The data set that a YAML file describes, alone or as an experiment's, or a model's."""
    if is_model_file(path):
        return training_set(modelfile.load(path, allow_modules=allow_modules), allow_modules, path)
    described = yaml_parse.load_path(path, instantiate=False, allow_modules=allow_modules)
    if isinstance(described, yaml_parse.Proxy) and described.callable is Train:
        source = described.keywords["dataset"].yaml_src
        environ = train_environment(path)
        return yaml_parse.load(source, environ, allow_modules=allow_modules, name=path)
    return yaml_parse.load_path(path, allow_modules=allow_modules)


def examples_of(dataset: Any) -> np.ndarray:
    """All examples, as rows; ValueError where it has none."""
    if not hasattr(dataset, "get_design_matrix"):
        raise ValueError(f"the data set, a {type(dataset).__name__}, has no rows of numbers")
    return dataset.get_design_matrix()


class EvaluationData:
    """What a model is scored on.

    Parameters
    ----------
    model : AdversaryPair or Generator
    path : str
        The model's file, for messages.
    given : str, optional
        'mnist', 'tfd' or a YAML file; without it, the data set that the model was trained on.
    allow_modules : names of modules whose classes a file may use

    Attributes
    ----------
    name : str
        For people.
    dataset
        A data set, whose validation and test sets are used, or a name of DATASETS.
    own
        The data set that the model was trained on, if it is known.
    own_rows : (n, dimension) array, optional
        Its examples.
    has_folds : bool

    Raises
    ------
    ValueError
        Where the data set cannot be told, or the model's samples have another width.
    """

    def __init__(
        self, model: Any, path: str, given: str | None, allow_modules: Collection[str] = ()
    ) -> None:
        self._model, self._path = model, path
        self._is_checked = False
        with cli.blaming(path):
            self._width = generator_of(model).get_output_space().get_total_dimension()
        if given in parzen_protocol.DATASETS:
            parzen_protocol.check_dimension(given, self._width, path)
        self.own = None
        try:
            self.own = training_set(model, allow_modules, path)
        except (ValueError, TypeError, OSError, ImportError) as error:
            if given is None:
                where = "" if path in str(error) else f"{path}: "
                raise ValueError(
                    f"{where}{error}; --dataset names what to score on: mnist, tfd or a YAML file"
                ) from error
        self.own_rows = None if self.own is None else examples_of(self.own)
        self.dataset: Any = given
        self.name = str(given)
        if given is None or (
            given in parzen_protocol.DATASETS and parzen_protocol.is_named(given, self.own)
        ):
            self.dataset = self.own
            names = [
                name
                for name in parzen_protocol.DATASETS
                if parzen_protocol.is_named(name, self.own)
            ]
            self.name = (*names, type(self.own).__name__)[0]
        elif given not in parzen_protocol.DATASETS:
            self.dataset = dataset_in(given, allow_modules)
        self.has_folds = parzen_protocol.has_folds(self.dataset)

    def split(self, fold: int = 0, limit_size: int = 1000, score_valid: bool = False) -> Split:
        """The examples of a fold, which is 0 where there are none; see `parzen_protocol.split_of`.

        Raises
        ------
        ValueError
            Where the data lacks a set, or differs from samples in shape or scale.
        """
        if isinstance(self.dataset, str):
            split = load_split(self.dataset, self._width, fold, limit_size, score_valid)
        else:
            itself = self.dataset is not self.own
            split = split_of(self.dataset, fold, limit_size, score_valid, itself=itself)
            if limit_size and not hasattr(self.dataset, "get_valid_set"):
                print(
                    f"note: {self.name} has no validation set: its first {len(split.valid)} test "
                    "examples choose sigma, and only the others are scored",
                    file=sys.stderr,
                )
        if not self._is_checked:
            # Once: the folds of a data set have one shape and scale.
            with cli.blaming(self._path):
                check_compatible(
                    self._model, self._path, split.scored, self.dataset, self.name, self.own_rows
                )
            self._is_checked = True
        return split


def examples_for(
    model: Any, path: str, given: str | None, allow_modules: Collection[str] = ()
) -> Any:
    """The data set whose examples a picture shows beside samples of a model, from the file `path`.

    The one that it was trained on; with `given`, that of this YAML file.  ValueError where its
    width, shape or scale is not that of what the model was trained on or, where that is not to be
    had, makes.
    """
    if given is None:
        return training_set(model, allow_modules, path)
    dataset = dataset_in(given, allow_modules)
    try:
        own = examples_of(training_set(model, allow_modules, path))
    except (ValueError, TypeError, OSError, ImportError):
        own = None
    rows = examples_of(dataset)
    check_compatible(model, path, rows, dataset, given, own, _width_of_data(model, own))
    return dataset


def _width_of_data(model: Any, own: np.ndarray | None) -> int:
    """Numbers in an example of the data of a model, whose rows may be known."""
    if own is not None:
        return own.shape[1]
    generator = generator_of(model)
    taken = generator.get_input_space()  # images, of one that completes them
    space = taken if isinstance(taken, Conv2DSpace) else generator.get_output_space()
    return space.get_total_dimension()


def is_model_file(path: str) -> bool:
    """Whether it is a model file by its content; OSError where there is no such file."""
    with open_regular(path) as stream:
        return zipfile.is_zipfile(stream)


@dataclass(frozen=True)
class Record:
    """One channel's values, and what had been trained by each: `counts` by the names COUNTS."""

    values: np.ndarray
    counts: dict[str, np.ndarray]

    def at(self, epoch: int) -> float | None:
        """The value after `epoch`; None if it was not measured."""
        found = np.flatnonzero(self.counts["epochs"] == epoch)
        return float(self.values[found[-1]]) if found.size else None


class History(dict[str, Record]):
    """What a training recorded, by channel.

    `trained` counts what the model has been trained by, where that is known: of a training that
    was stopped within an epoch, more than it had been when it was measured last.
    """

    trained: dict[str, float] | None = None


def read_history(path: str, allow_modules: Collection[str] = ()) -> History:
    """What a training recorded, from a model file, or the CSV that train.py leaves."""
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
    """The epochs, batches and examples that a model has been trained by; None if unknown."""
    monitor = getattr(model, "monitor", None)
    if monitor is None:
        return None
    seen = (monitor.get_epochs_seen(), monitor.get_batches_seen(), monitor.get_examples_seen())
    return dict(zip(COUNTS, seen))


def in_words(counts: dict[str, float]) -> str:
    """Counts by the names COUNTS, for people."""
    return ", ".join(
        f"{count:,.0f} {'mini' if name == 'batches' else ''}{name}"
        for name, count in counts.items()
    )


def history_of(model: Any) -> History:
    """The records in a model's monitor."""
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
    try:
        table = np.array(
            [[float(cell.replace(decimal, ".") or "nan") for cell in row] for row in rows[1:]],
            dtype=float,
        )
        table = table.reshape(-1, len(rows[0]))
    except ValueError:
        raise ValueError(f"{path}: has a row that is not {len(rows[0])} numbers") from None
    history = History()
    for column, name in enumerate(rows[0][3:], start=3):
        measured = np.array([row[column] != "" for row in rows[1:]], dtype=bool)
        if measured.any():
            counts = {count: table[measured, i] for i, count in enumerate(COUNTS[:3])}
            history[name] = Record(table[measured, column], counts)
    return history


def _rows(raw: bytes) -> tuple[list[list[str]], str]:
    """The cells of a table, and its decimal point.

    As MonitorCSV writes it, or a spreadsheet that has saved it since: with a byte order mark, with
    semicolons or tabs for commas, and then perhaps commas for decimal points.
    """
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if utf16 else "utf-8-sig")
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep="):  # tells Excel what stands between cells
        text, first = rest, rest.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = [[cell.strip() for cell in row] for row in cells]
    return [row for row in rows if any(row)], "." if delimiter == "," else ","


def choose_channels(history: dict[str, Record], patterns: Sequence[str], path: str) -> list[str]:
    """The channels that `patterns` name, ``*`` standing for anything; ValueError if none."""
    chosen: list[str] = []
    for pattern in patterns:
        found = fnmatch.filter(history, pattern)
        if not found:
            close = nearest(pattern, history)
            hint = f"; did you mean {close}?" if close else ""
            raise ValueError(f"{path}: has no channel {pattern}{hint}")
        chosen += [name for name in found if name not in chosen]
    return chosen
