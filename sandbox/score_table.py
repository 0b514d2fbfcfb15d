"""CSV files of scores, to which a search appends the rows of one training at a time."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from typing import Any

from adversarial.files.opening import open_text


def append(path: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows to a table. A new table begins with a row of the column names."""
    new = not os.path.exists(path)
    with open(path, "a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(columns)
        writer.writerows(rows)


def read(path: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table, each as a dict of column name to text.

    Raises
    ------
    ValueError
        If the file does not have these columns.
    """
    with open_text(path, newline="") as stream:
        rows = csv.DictReader(stream)
        if tuple(rows.fieldnames or ()) != tuple(columns):
            raise ValueError(f"{path}: the first line must be {','.join(columns)}")
        return list(rows)
