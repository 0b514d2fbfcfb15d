"""CSV files of the scores of a search."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import open_text


def write(path: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table, which begins with a row of the column names."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(columns)
    table.writerows(rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())


def read(path: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table, each as a dict of column name to text.

    Raises
    ------
    ValueError
        If the file does not have these columns, or a row has more or fewer of them.
    """
    try:
        with open_text(path, newline="") as stream:
            table = csv.DictReader(stream)
            if tuple(table.fieldnames or ()) != tuple(columns):
                raise ValueError(f"{path}: the first line must be {','.join(columns)}")
            rows = list(table)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is no table of scores: {error}") from None
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{path}, line {number}: has not {len(columns)} values")
    return rows
