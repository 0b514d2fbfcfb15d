"""The table of a sweep: a CSV file, of which a row is one score of one training."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adversarial.files.opening import open_text

COLUMNS = ("variant", "seed", "epoch", "seconds", "d_updates", "score", "standard_error", "sigma")


class Course(NamedTuple):
    """One training: what its scores were after so many seconds and updates of D, vectors."""

    seconds: np.ndarray
    d_updates: np.ndarray
    score: np.ndarray

    def at(self, axis: str, value: float) -> float:
        """The score after `value` of "seconds" or "d_updates": the mean over their last quarter.

        The curve is taken as straight between scores. One score alone would say little, since from
        one epoch to the next the game goes up and down by tens of nats.
        """
        points = np.linspace(0.75 * value, value, 101)
        return float(np.interp(points, getattr(self, axis), self.score).mean())


def append(path: str, variant: str, seed: int, rows: Sequence[tuple]) -> None:
    """Add the rows of a training, COLUMNS from `epoch` on, all at once."""
    new = not os.path.exists(path)
    with open(path, "a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(COLUMNS)
        writer.writerows([variant, seed, *row] for row in rows)


def read(path: str) -> dict[str, dict[int, Course]]:
    """The trainings by variant and seed, in the table's order; ValueError if it is none."""
    with open_text(path, newline="") as stream:
        lines = list(csv.reader(stream))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ValueError(f"{path}: is no table of a sweep: it does not begin {','.join(COLUMNS)}")
    rows: dict[str, dict[int, list]] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            variant, seed, *numbers = line
            _, seconds, d_updates, score, _, _ = map(float, numbers)
            trainings = rows.setdefault(variant, {})
            trainings.setdefault(int(seed), []).append((seconds, d_updates, score))
        except ValueError:
            raise ValueError(f"{path} line {number}: is no row of a sweep") from None
    if not rows:
        raise ValueError(f"{path}: holds no training")
    return {
        variant: {seed: Course(*np.array(scores).T) for seed, scores in trainings.items()}
        for variant, trainings in rows.items()
    }
