"""`Report`: the results of one model, as text, JSON and CSV; `scripts.evaluate` fills it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from adversarial.evaluation.metric import Result
from adversarial.files.atomic_write import atomic_write

TITLES = "model,metric,value,uncertainty,unit,num_samples,seed,data,classifier,seconds".split(",")


@dataclass
class Report:
    """The results of one model, or of a baseline.

    Attributes
    ----------
    name : str
    num_samples, seed : int
    results, seconds : dict
        By the names of the metrics.
    left_out : dict
        The names of the metrics that were left out, by the reason.
    data : str, optional
        The name of what judged.
    """

    name: str
    num_samples: int
    seed: int
    results: dict[str, Result] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    data: Optional[str] = None

    def lines(self) -> list[str]:
        """The results for people."""
        by = f"; judged by the test examples of {self.data}" if self.data else ""
        width = max(map(len, self.results), default=0)
        return [
            f"{self.name}: {self.num_samples} samples, seed {self.seed}{by}",
            *(f"{name:<{width}}  {result}" for name, result in self.results.items()),
        ]

    def as_data(self) -> dict[str, Any]:
        """The results for `to_json`, which makes null of an unknown error."""
        return {
            "model": self.name,
            "data": self.data,
            "num_samples": self.num_samples,
            "seed": self.seed,
            "metrics": {
                name: {
                    "value": result.value,
                    "uncertainty": result.uncertainty,
                    "unit": result.unit,
                    "details": dict(result.details),
                }
                for name, result in self.results.items()
            },
        }


def notes_of(reports: Sequence[Report]) -> list[str]:
    """What metrics note, and which ones were left out: each once for a model and baselines."""
    lines = dict.fromkeys(
        f"note: {metric}: {note}"
        for report in reports
        for metric, result in report.results.items()
        for note in result.notes
    )
    # A line for each reason, not for each metric or report.
    left_out: dict[tuple[str, str], list[str]] = {}
    for report in reports:
        for reason, metrics in report.left_out.items():
            left_out.setdefault((reason, ", ".join(metrics)), []).append(report.name)
    for (reason, listed), names in left_out.items():
        reason = "; ".join(reason.splitlines())
        lines[f"note: {', '.join(names)}: left out: {listed} ({reason})"] = None
    return list(lines)


def write_csv(path: str, reports: Sequence[Report]) -> None:
    """Write a table with one row a metric; an unknown uncertainty is an empty cell."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(TITLES)
    for report in reports:
        for name, result in report.results.items():
            error = "" if math.isnan(result.uncertainty) else repr(result.uncertainty)
            row = [report.name, name, repr(result.value), error, result.unit]
            row += [str(report.num_samples), str(report.seed), report.data or ""]
            row += [result.details.get("classifier", ""), f"{report.seconds[name]:.3g}"]
            table.writerow(row)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode("utf-8"))
