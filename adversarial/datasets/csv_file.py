"""Own data in a text file of rows of numbers: CSV, with any delimiter."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import operator
import os
import re
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from adversarial.datasets.data_file import find, open_data
from adversarial.datasets.own_data import OwnData
from adversarial.datasets.source import LARGEST_WHOLE, Source, rows_of
from adversarial.files.opening import BadFile
from adversarial.utils.budget import spend
from adversarial.utils.string_utils import nearest

# The comma comes late, since it can be in numbers and in texts.
DELIMITERS = ("\t", ";", "|", ",", " ")
# What stands for a missing value, beside an empty cell; in any case.
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-"))
_BLOCK = 4096  # lines that are converted at a time
_MAX_COLUMNS = 1_000_000
# Tables that data sets in use hold, so that the sets for training, validation and test parse a file
# once; larger ones would take too much memory beside the data sets.
_LARGEST_KEPT = 1 << 28
_tables: weakref.WeakValueDictionary[Any, _Table] = weakref.WeakValueDictionary()
_WHOLE = re.compile(r"[+-]?\d+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")


class CSVFile(OwnData):
    """Rows of numbers in a text file, with a column of labels or without.

    All rows are held in memory; save files larger than memory as .npy once, for `NumpyFile`.

    Parameters
    ----------
    path : str, or dict of part to str
        The file; or one for each of 'train', 'test' and perhaps 'valid'.
    label : str or int, optional
        The column of labels or other targets: its name, or its number from 0 (-1 is the last).
        Whole numbers from 0 are class numbers; texts, and whole numbers of which some are below 0,
        are names of classes; other numbers are targets.
    leave_out : list of str or int
        Columns that are not used.
    header : bool, optional
        Whether the first line has the names of the columns; by default if it has a text where the
        second line has a number.
    delimiter : str, optional
        What is between two cells; by default the tab, semicolon, bar or comma that the first two
        lines have equally often, or else blanks.
    drop_missing : bool
        Leave out lines with an empty cell, or one that says NA, NaN, null, none, - or ?; otherwise
        such a cell is an error that names its line and column. Among labels that are texts, only an
        empty cell is missing: none or - may be the name of a class.
    shape : [rows, columns] or [rows, columns, channels], optional
        Of the images, if rows are pixels.
    axes : order of 'b', 0, 1 and 'c', optional
        Of the images from which the rows were made; by default one channel follows the other.
    **common
        which_set, split, seed, stratified, scale, data_range, classes, in_memory: see `OwnData`.

    Examples
    --------
    >>> with open("iris.csv", "w") as file:
    ...     size = file.write("petal,sepal,species\\n" + "1.5,2,setosa\\n3.5,4,virginica\\n" * 5)
    >>> data = CSVFile("iris.csv", label="species", scale=None)
    >>> data.X.shape, data.columns, data.class_names
    ((8, 2), ['petal', 'sepal'], ['setosa', 'virginica'])
    """

    def __init__(
        self,
        path: Any,
        label: Any = None,
        leave_out: Sequence[Any] = (),
        header: bool | None = None,
        delimiter: str | None = None,
        drop_missing: bool = False,
        shape: Sequence[int] | None = None,
        axes: Sequence | None = None,
        **common: Any,
    ) -> None:
        if not isinstance(leave_out, (list, tuple)):
            raise ValueError(f"leave_out must be a list of columns, not {leave_out!r:.80}")
        if delimiter is not None and not (isinstance(delimiter, str) and len(delimiter) == 1):
            raise ValueError(f"delimiter must be one character, not {delimiter!r:.80}")
        self._keep_arguments(
            path=path,
            label=label,
            leave_out=leave_out,
            header=header,
            delimiter=delimiter,
            drop_missing=drop_missing,
            shape=shape,
            axes=axes,
            **common,
        )
        self.columns: list[str] = []
        self._kept_tables: dict[Any, _Table] = {}
        super().__init__(**common)

    def _open(self, part: str) -> Source:
        path = find(self._of("path", part))
        names = ("label", "leave_out", "header", "delimiter", "drop_missing")
        options = {name: self.args[name] for name in names}
        found = os.stat(path)
        key = (str(path), found.st_size, found.st_mtime_ns, repr(options))
        table = _tables.get(key)
        if table is None:
            table = read_table(path, **options)
            if table.rows.nbytes <= _LARGEST_KEPT:
                self._kept_tables[key] = _tables[key] = table
        else:
            with open_data(path):  # checks and notes the digest, as where the file is parsed
                pass
        labels = None
        if table.labels is not None:
            if part == "train":
                labels = _typed(table.labels)
                self._label_kind = labels.dtype.kind
            else:
                labels = _typed_as(self._label_kind, table, path, self._of("path", "train"))
        if part == "train":
            self.columns = table.columns
        elif table.columns != self.columns and table.has_names:
            raise ValueError(f"{path} has other columns than the training file")
        rows, image = rows_of(table.rows, str(path), self.args["shape"], self.args["axes"])
        lines = table.lines
        return Source(str(path), rows, image, labels, place=lambda i: f"line {lines[i]}")


class _Table:
    """The content of a CSV file.

    Attributes
    ----------
    rows : (n, columns) float64 array
    labels : (n,) array of text, optional
    columns : list of str
        The names of the columns of `rows`.
    lines : (n,) array
        The line of the file in which each row is.
    has_names : bool
        Whether the file has a header.
    """

    rows: np.ndarray
    labels: np.ndarray | None
    columns: list[str]
    lines: np.ndarray
    has_names: bool


class _Head(NamedTuple):
    """The first lines of a CSV file: names of columns (numbers without a header), and cells."""

    names: list[str]
    has_names: bool
    rows: list[tuple[int, list[str]]]


def first_lines(path: Path, most: int) -> _Head:
    """The first `most` lines of a CSV file, as cells; `BadFile` if it is none."""
    with _reader(path) as reader:
        rows: list[tuple[int, list[str]]] = []
        while len(rows) < most:
            found = reader.next_line()
            if found is None:
                break
            rows.append(found)
        return _Head(reader.names, reader.has_names, rows)


def read_table(
    path: Path,
    label: Any = None,
    leave_out: Sequence[Any] = (),
    header: bool | None = None,
    delimiter: str | None = None,
    drop_missing: bool = False,
) -> _Table:
    """The numbers and labels of a CSV file; see `CSVFile`.

    Raises
    ------
    BadFile
        Naming line and column: a missing value, a text, or another number of cells.
    """
    options = label, leave_out, header, delimiter, drop_missing
    with _reader(path, *options) as reader:
        return reader.read()


@contextlib.contextmanager
def _reader(path: Path, *options: Any) -> Iterator[_Reader]:
    with open_data(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        try:
            yield _Reader(path, text, *options)
        except UnicodeDecodeError as error:
            raise BadFile(f"{path}: is not text in UTF-8 ({error.reason})") from None
        except csv.Error as error:
            raise BadFile(f"{path}: is not a table ({error})") from None


class _Reader:
    def __init__(
        self,
        path: Path,
        text: Any,
        label: Any = None,
        leave_out: Sequence[Any] = (),
        header: bool | None = None,
        delimiter: str | None = None,
        drop_missing: bool = False,
    ) -> None:
        self.path, self.drop_missing = path, drop_missing
        self.delimiter = delimiter or _delimiter_of(text)
        self.cells = csv.reader(
            text, delimiter=self.delimiter, skipinitialspace=self.delimiter == " ", strict=True
        )
        self._ahead: list[tuple[int, list[str]]] = []
        self.width = 0  # until the first line is read
        first, second = self.next_line(), self.next_line()
        if first is None:
            raise BadFile(f"{path}: holds no row")
        if self.width > _MAX_COLUMNS:
            raise BadFile(f"{path}: has {self.width} columns, more than {_MAX_COLUMNS}")
        if header is None:
            below = [_is_like_number(cell) for cell in second[1]] if second else []
            named = [bool(cell) and not _is_like_number(cell) for cell in first[1]]
            # A line alone is a header if it has no number.
            header = any(map(operator.and_, named, below)) if second else all(named)
        self.has_names = bool(header)
        self.names = (
            [name.strip() for name in first[1]] if header else [str(i) for i in range(self.width)]
        )
        self._ahead = [line for line in (first, second) if line is not None][1 if header else 0 :]
        self.label = None if label is None else self._column(label, "label")
        out = {self._column(name, "leave_out") for name in leave_out}
        self.used = [i for i in range(self.width) if i not in out and i != self.label]
        if not self.used:
            raise ValueError(f"{path}: no column is left for the data, of {self._listed()}")
        self.missing: list[tuple[int, int]] = []

    def read(self) -> _Table:
        blocks: list[np.ndarray] = []
        labels: list[str] = []
        lines: list[int] = []
        for numbers, rows in self._blocks():
            if self.label is not None:
                labels += [row[self.label].strip() for row in rows]
            block = self._converted(numbers, rows)
            spend(f"{block.size} numbers of {self.path}", 8 * block.size, briefly=1 << 23)
            blocks.append(block)
            lines += numbers
        is_kept = np.ones(len(lines), bool)
        if self.label is not None:
            is_kept = ~_are_missing(labels)
            if not self.drop_missing:
                self.missing += [(lines[i], self.label) for i in np.flatnonzero(~is_kept)]
        if self.missing:
            line, column = min(self.missing)
            others = len({place[0] for place in self.missing}) - 1
            more = f"; so has a cell of {others} more lines" if others else ""
            raise BadFile(
                f"{self.path}: line {line}, {self._named(column)}, has no value{more}\n"
                "Fill such cells, leave_out the column, or drop_missing: true leaves such lines "
                "out."
            )
        if not is_kept.any():
            raise BadFile(f"{self.path}: holds no row of numbers")
        whole = np.concatenate(blocks)
        table = _Table()
        table.rows = _narrowed(whole if is_kept.all() else whole[is_kept])
        table.lines = np.array(lines)[is_kept]
        table.labels = np.array(labels)[is_kept] if self.label is not None else None
        table.columns = [self.names[i] for i in self.used]
        table.has_names = self.has_names
        return table

    def next_line(self) -> tuple[int, list[str]] | None:
        """(number of the line, cells) of the next line that is not empty."""
        if self._ahead:
            return self._ahead.pop(0)
        for row in self.cells:
            if self.delimiter == " " and row and not row[-1]:
                row.pop()  # blanks at the end
            if not any(row):
                continue
            self.width = self.width or len(row)
            if len(row) != self.width:
                raise BadFile(
                    f"{self.path}: line {self.cells.line_num} has {len(row)} cells, but the first "
                    f"line has {self.width} (between them is {self.delimiter!r})"
                )
            return self.cells.line_num, row
        return None

    def _blocks(self) -> Iterator[tuple[list[int], list[list[str]]]]:
        numbers: list[int] = []
        rows: list[list[str]] = []
        while True:
            found = self.next_line()
            if found is not None:
                line, row = found
                if not (self.drop_missing and any(is_missing(row[i]) for i in self.used)):
                    numbers.append(line)
                    rows.append(row)
            if rows and (found is None or len(rows) == _BLOCK):
                yield numbers, rows
                numbers, rows = [], []
            if found is None:
                return

    def _converted(self, lines: list[int], rows: list[list[str]]) -> np.ndarray:
        try:
            block = np.array([list(map(float, map(row.__getitem__, self.used))) for row in rows])
        except ValueError:
            block = np.zeros((len(rows), len(self.used)))
            for place, (line, row) in enumerate(zip(lines, rows)):
                for column, i in enumerate(self.used):
                    block[place, column] = self._number(row[i], line, i)
            return block
        for place, column in np.argwhere(~(np.abs(block) <= LARGEST_WHOLE)):
            i = self.used[column]
            self._number(rows[place][i], lines[place], i)
        return block

    def _number(self, cell: str, line: int, column: int) -> float:
        """The number in a cell; a missing one is noted, anything else refused."""
        cell = cell.strip()
        if is_missing(cell):
            self.missing.append((line, column))
            return 0.0
        try:
            value = float(cell)
        except ValueError:
            advice = "Leave_out the column, or give label its name if it holds the labels."
            if _DECIMAL_COMMA.fullmatch(cell):
                advice = "Write decimal points instead of commas."
            raise BadFile(
                f"{self.path}: line {line}, {self._named(column)}, holds {cell!r:.80}, which is no "
                f"number\n{advice}"
            ) from None
        if not math.isfinite(value):
            raise BadFile(
                f"{self.path}: line {line}, {self._named(column)}, holds {cell!r:.80}, which is "
                "not finite"
            )
        if abs(value) > LARGEST_WHOLE and _WHOLE.fullmatch(cell) and int(cell) != int(value):
            raise BadFile(
                f"{self.path}: line {line}, {self._named(column)}, holds {cell!r:.80}, a whole "
                "number that float64 rounds\nLeave_out the column if it has identifiers, or "
                "subtract the smallest number from it."
            )
        return value

    def _column(self, which: Any, argument: str) -> int:
        if isinstance(which, (int, np.integer)) and not isinstance(which, bool):
            if not -self.width <= which < self.width:
                raise ValueError(
                    f"{self.path}: {argument} is column {which}, but the columns are 0 to "
                    f"{self.width - 1}"
                )
            return int(which) % self.width
        if self.has_names and self.names.count(which) == 1:
            return self.names.index(which)
        if self.names.count(which) > 1 and self.has_names:
            raise ValueError(f"{self.path}: several columns are called {which!r}: give numbers")
        close = nearest(str(which), self.names) if self.has_names else None
        hint = f"; did you mean {close!r}?" if close else "."
        where = self._listed() if self.has_names else "no header: give the number of the column"
        raise ValueError(
            f"{self.path}: {argument} is {which!r:.80}, which is no column{hint} It has {where}"
        )

    def _listed(self, most: int = 20) -> str:
        more = f" and {len(self.names) - most} more" if len(self.names) > most else ""
        return ", ".join(map(repr, self.names[:most])) + more

    def _named(self, column: int) -> str:
        name = f" ({self.names[column]!r:.80})" if self.has_names else ""
        return f"column {column}{name}"


def _delimiter_of(text: Any) -> str:
    """The first of DELIMITERS that the first two lines have equally often, else most often."""
    lines: list[str] = []
    while len(lines) < 2:
        line = text.readline(1 << 24)
        if not line:
            break
        if line.strip():
            # Quoted cells may hold any character.
            lines.append(re.sub(r'"[^"]*"', "", line.strip("\r\n ")))
    text.seek(0)
    if not lines:
        return ","
    for delimiter in DELIMITERS[:-1]:
        if len({line.count(delimiter) for line in lines} | {0}) == 2 and delimiter in lines[-1]:
            return delimiter
    most = max(DELIMITERS[:-1], key=lines[0].count)
    return most if most in lines[0] else " " if " " in lines[0] else ","


def is_missing(cell: str) -> bool:
    """Whether `cell` stands for a missing value."""
    return cell.strip().lower() in MISSING


def _are_missing(labels: Sequence[str]) -> np.ndarray:
    """Which labels are missing: empty ones, and among numbers also NA and other such words.

    Among texts, these words may be the names of classes.
    """
    are_numbers = all(map(is_number, labels))
    return np.array([is_missing(label) if are_numbers else not label for label in labels], bool)


def _is_like_number(cell: str) -> bool:
    # A decimal comma is a mistake in a number, not a name.
    return is_number(cell) or _DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def is_number(cell: str) -> bool:
    """Whether `cell` is a number, or a missing one."""
    if is_missing(cell):
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _narrowed(rows: np.ndarray) -> np.ndarray:
    """`rows` as float32 if that changes no number, as of pixels."""
    with np.errstate(over="ignore"):  # then the numbers differ
        narrow = rows.astype(np.float32)
    return narrow if np.array_equal(narrow, rows) else rows


def _typed(texts: np.ndarray) -> np.ndarray:
    """Labels as class numbers, as other numbers, or as texts."""
    try:
        numbers = texts.astype(np.float64)
    except ValueError:
        return texts
    if not np.isfinite(numbers).all():
        return texts
    if (numbers == np.rint(numbers)).all() and np.abs(numbers).max() < 2**53:
        # Such as -1 and 1: two classes, though no class numbers.
        return numbers.astype(np.int64) if numbers.min() >= 0 else texts
    return numbers


def largest_class(texts: np.ndarray) -> int:
    """The largest class number among labels; -1 if they are no class numbers."""
    labels = _typed(texts)
    return int(labels.max()) if labels.dtype.kind == "i" else -1


def _typed_as(kind: str, table: _Table, path: Path, train: str) -> np.ndarray:
    """The labels of another part's file in the type that `_typed` gave those of the file `train`.

    Which of them are numbers is decided once, for all parts: a small test part may hold "1" of the
    classes "-1" and "1", or prices that happen to be whole.
    """
    texts = np.asarray(table.labels)
    if kind == "U":
        return texts
    numbers = np.array([_number_of(text) for text in texts.tolist()])
    is_other = ~np.isfinite(numbers)
    if kind == "i":
        is_other |= (numbers != np.rint(numbers)) | (numbers < 0) | (numbers >= 2**53)
    if is_other.any():
        first = int(np.argmax(is_other))
        what = "class number" if kind == "i" else "number"
        raise BadFile(
            f"{path}: line {table.lines[first]}: label {texts.item(first)!r:.80} is no {what}, as "
            f"the labels of {train} are"
        )
    return numbers.astype(np.int64) if kind == "i" else numbers


def _number_of(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
