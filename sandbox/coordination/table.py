"""The table of a sweep: a CSV file in which each row is one score of one training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox import score_table

COLUMNS = ("variant", "seed", "epoch", "seconds", "d_updates", "score", "standard_error", "sigma")


class ScoreCurve(NamedTuple):
    """The scores of one training.

    Attributes
    ----------
    seconds : array (n,)
        Processor time of the training before each score.
    d_updates : array (n,)
        Number of updates of D before each score.
    score : array (n,)
        In nats.
    """

    seconds: np.ndarray
    d_updates: np.ndarray
    score: np.ndarray

    def at(self, axis: str, value: float) -> float:
        """The score after `value` of "seconds" or "d_updates": the mean over their last quarter.

        Scores are interpolated linearly. A single score would be too noisy, since scores differ by
        tens of nats from one epoch to the next.

        >>> curve = ScoreCurve(np.array([0.0, 8.0]), np.array([0, 80]), np.array([0.0, 8.0]))
        >>> round(curve.at("seconds", 8.0), 3)
        7.0
        """
        points = np.linspace(0.75 * value, value, 101)
        return float(np.interp(points, getattr(self, axis), self.score).mean())


def read(path: str) -> dict[str, dict[int, ScoreCurve]]:
    """The trainings in a table, by variant and seed, in the order of the table.

    Raises
    ------
    ValueError
        If the file is not a table of a sweep, or holds no training.
    """
    rows: dict[str, dict[int, list]] = {}
    for number, row in enumerate(score_table.read(path, COLUMNS), start=2):
        try:
            values = {name: float(row[name]) for name in COLUMNS[2:]}
            trainings = rows.setdefault(row["variant"], {})
            trainings.setdefault(int(row["seed"]), []).append(
                [values[x] for x in ScoreCurve._fields]
            )
        except (TypeError, ValueError):
            raise ValueError(f"{path}, line {number}: not a row of a sweep") from None
    if not rows:
        raise ValueError(f"{path}: holds no training")
    return {
        variant: {seed: ScoreCurve(*np.array(scores).T) for seed, scores in trainings.items()}
        for variant, trainings in rows.items()
    }
