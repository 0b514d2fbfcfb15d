"""The tables of a sweep, from what its runs have left in their folders.

`scripts/sweep.py` writes them. They depend on the runs' results only, not on when and where these
ran: so a sweep that was interrupted leaves the same files, to the bit, as one that was not.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional

import numpy as np

from adversarial.files import outputs, placement
from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import open_text
from adversarial.scripts.inputs.histories import History, Record, choose_channels, read_history
from adversarial.sweep.plan import Group, RunPlan, labels_of, short_paths
from adversarial.sweep.records import SCORES, Progress, State
from adversarial.utils.statistics import mean_and_error, significant_mean, to_json
from adversarial.utils.string_utils import matching

RUNS, TABLE, RESULTS, PLOT = "runs.csv", "table.csv", "results.json", "plot.png"
# Without --channel, the channels of the first of these groups that the runs have.
DEFAULT_CHANNELS = (
    ("valid*_objective_d", "valid*_objective_g", "valid*_gen_ll"),
    ("*objective_d", "*objective_g"),
    ("valid*_objective", "valid*_misclass"),
    ("*objective",),
    ("*",),
)
# Without --best-by, the first of these that the runs have, and whether a greater value is better.
# The objectives of a game say nothing about how good its samples are.
DEFAULT_BEST = (("valid*_gen_ll", max), ("valid*_misclass", min))


class Best(NamedTuple):
    """The channel by which the best epoch of a run is chosen, and `max` or `min`."""

    channel: str
    choose: Any


@dataclass
class RunResult:
    """What a run has left.

    Attributes
    ----------
    plan : RunPlan
    state, why : str
        As in `records.Progress`; `why` also says what is wrong with the table of channels.
    history : History
        Its monitor channels; empty if it has measured none.
    epochs : int or None
        The last epoch that was measured.
    values : dict of str to float
        By measure: the final value of each channel, its value at the best epoch, each metric.
    """

    plan: RunPlan
    state: str
    why: str = ""
    history: History = field(default_factory=History)
    epochs: Optional[int] = None
    values: dict[str, float] = field(default_factory=dict)

    @property
    def is_faulty(self) -> bool:
        """Whether the run failed or diverged, or its table of channels is damaged."""
        return self.state in (State.FAILED, State.DIVERGED) or bool(self.why)


def read_run(root: str, plan: RunPlan, models: Sequence[str]) -> RunResult:
    """What a run has left in its folder; `models` are the model files of its phases, in order."""
    folder = os.path.join(root, plan.name)
    progress = Progress.read(folder)
    result = RunResult(plan, progress.state, progress.why)
    tables = [outputs.beside(model, placement.TABLE) for model in models]
    there = [path for path in tables if os.path.exists(path)]
    if not there:
        return result
    try:
        result.history = read_history(there[-1])
    except (OSError, ValueError) as error:
        # MonitorCSV appends: a run that is killed, or a full disk, may leave a part of a row.
        result.why = "; ".join(filter(None, (result.why, str(error))))
        return result
    epochs = [record.counts["epochs"][-1] for record in result.history.values()]
    result.epochs = int(max(epochs))
    return result


class Measures(NamedTuple):
    """The names of the values of runs, in the order of the tables; `shown` are the main ones."""

    all: list[str]
    shown: list[str]


def measure(
    root: str,
    results: Sequence[RunResult],
    channels: Sequence[str] = (),
    best_by: Optional[Best] = None,
    metrics: bool = False,
) -> Measures:
    """Set the values of all runs, and return the names of the measures.

    Parameters
    ----------
    root : the sweep's folder
    results : the runs
    channels : names, in which ``*`` matches any text; () chooses by DEFAULT_CHANNELS
    best_by : the channel by which the best epoch is chosen; None chooses by DEFAULT_BEST
    metrics : whether the models were scored
    """
    finals: dict[str, None] = {}
    best: dict[str, None] = {}
    shown: dict[str, None] = {}
    for result in results:
        if not result.history:
            continue
        chosen = chosen_channels(result.history, channels)
        by, choose = chosen_best(result.history, best_by)
        chosen += [by] if by is not None and by not in chosen else []
        for name in chosen:
            result.values[name] = float(result.history[name].values[-1])
            finals.setdefault(name)
        epoch = None if by is None else _best_epoch(result.history[by], choose)
        if epoch is None:
            continue
        for name in chosen:
            value = result.history[name].at(epoch)
            if value is not None:
                result.values[f"{name}.best"] = value
                best.setdefault(f"{name}.best")
        result.values["best_epoch"] = float(epoch)
        shown.setdefault(f"{by}.best")
    scores: dict[str, None] = {}
    for result in results if metrics else ():
        for name, value in _scores(os.path.join(root, result.plan.name)).items():
            result.values[name] = value
            scores.setdefault(name)
    last = ["best_epoch"] if best else []
    return Measures([*scores, *finals, *best, *last], [*scores, *finals, *shown, *last])


def chosen_channels(history: Mapping[str, Any], patterns: Sequence[str]) -> list[str]:
    """The channels of a run that match `patterns`, or DEFAULT_CHANNELS if there is none."""
    for choice in (patterns,) if patterns else DEFAULT_CHANNELS:
        found = [name for pattern in choice for name in matching(pattern, history)]
        if found:
            return list(dict.fromkeys(found))
    return []


def chosen_best(history: Mapping[str, Any], given: Optional[Best]) -> tuple[Optional[str], Any]:
    """(the channel by which the best epoch of a run is chosen or None, `max` or `min`)."""
    for pattern, choose in (given,) if given is not None else DEFAULT_BEST:
        found = matching(pattern, history)
        if found:
            return found[0], choose
    return None, max


def check_names(
    names: Collection[str], channels: Sequence[str], best_by: Optional[Best], where: str
) -> None:
    """Raise ValueError if `names`, those of the channels of `where`, lack one that is asked for."""
    wanted = [*channels, *([best_by.channel] if best_by is not None else [])]
    choose_channels(dict.fromkeys(names), wanted, where)


def _best_epoch(record: Record, choose: Any) -> Optional[int]:
    finite = np.flatnonzero(np.isfinite(record.values))
    if not finite.size:
        return None
    return int(record.counts["epochs"][choose(finite, key=lambda i: record.values[i])])


def _scores(folder: str) -> dict[str, float]:
    """The metrics of a run's model, and their own uncertainties."""
    path = os.path.join(folder, SCORES)
    if not os.path.exists(path):
        return {}
    try:
        with open_text(path, newline="") as stream:
            return {row["metric"]: float(row["value"]) for row in csv.DictReader(stream)}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(
            f"{path}: is no table of metrics ({type(error).__name__}: {error})\n"
            "Remove it: the same command scores the model again."
        ) from None


class Summary(NamedTuple):
    """A group of runs: its results, and the values of the finished ones by measure."""

    group: Group
    label: str
    runs: list[RunResult]
    values: dict[str, list[float]]

    def count(self, *states: str) -> int:
        return sum(result.state in states for result in self.runs)


def summaries(results: Sequence[RunResult], measures: Sequence[str]) -> list[Summary]:
    """The groups of the runs, in the order of the plan.

    Means are over the runs that are done. One that diverged has no final value that could be
    compared, so it is counted instead.
    """
    labels = labels_of([result.plan.group for result in results])
    groups = []
    for group, label in labels.items():
        runs = [result for result in results if result.plan.group == group]
        done = [result for result in runs if result.state == State.DONE]
        values = {
            name: [result.values[name] for result in done if name in result.values]
            for name in measures
        }
        groups.append(Summary(group, label, runs, values))
    return groups


def write(root: str, results: Sequence[RunResult], measures: Sequence[str]) -> list[Summary]:
    """Write the tables `runs.csv` and `table.csv`, and `results.json` with the content of both."""
    groups = summaries(results, measures)
    several = len({result.plan.group.config for result in results}) > 1
    paths = list(dict.fromkeys(p for result in results for p, _ in result.plan.group.settings))
    short = short_paths(paths)
    own = [*(["experiment"] if several else []), *short.values()]

    def settings(group: Group) -> list[str]:
        given = dict(group.settings)
        return [*([group.stem] if several else []), *(given.get(path, "") for path in paths)]

    runs = [["run", *own, "seed", "state", "epochs", *measures, "why"]]
    for result in results:
        values = [_cell(result.values.get(name)) for name in measures]
        epochs = "" if result.epochs is None else str(result.epochs)
        plan = result.plan
        runs.append(
            [plan.name, *settings(plan.group), str(plan.seed), result.state, epochs]
            + [*values, result.why]
        )
    _write_csv(os.path.join(root, RUNS), runs)
    titles = [title for name in measures for title in (name, f"{name}.se")]
    table = [[*own, "runs", "done", "diverged", "failed", *titles]]
    for summary in groups:
        counts = [
            len(summary.runs),
            *(summary.count(state) for state in (State.DONE, State.DIVERGED, State.FAILED)),
        ]
        cells = [
            _cell(value) for name in measures for value in mean_and_error(summary.values[name])
        ]
        table.append([*settings(summary.group), *map(str, counts), *cells])
    _write_csv(os.path.join(root, TABLE), table)
    with atomic_write(os.path.join(root, RESULTS)) as stream:
        stream.write(to_json(_as_data(groups, measures)).encode() + b"\n")
    return groups


def _as_data(groups: Sequence[Summary], measures: Sequence[str]) -> dict[str, Any]:
    return {
        "groups": [
            {
                "experiment": summary.group.stem,
                "settings": dict(summary.group.settings),
                "done": summary.count(State.DONE),
                "mean": {name: mean_and_error(summary.values[name])[0] for name in measures},
                "standard_error": {
                    name: mean_and_error(summary.values[name])[1] for name in measures
                },
                "runs": [
                    {
                        "run": result.plan.name,
                        "seed": result.plan.seed,
                        "state": result.state,
                        "why": result.why,
                        "epochs": result.epochs,
                        "values": result.values,
                    }
                    for result in summary.runs
                ],
            }
            for summary in groups
        ]
    }


def _cell(value: Optional[float]) -> str:
    """A number with all its digits, or "" for none."""
    return "" if value is None or math.isnan(value) else repr(float(value))


def _write_csv(path: str, rows: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode("utf-8", "backslashreplace"))


def as_text(groups: Sequence[Summary], measures: Sequence[str]) -> list[str]:
    """The lines of the table that the command prints: mean +- standard error of each measure."""
    rows = [["", "runs", *measures]]
    for summary in groups:
        done, diverged = summary.count(State.DONE), summary.count(State.DIVERGED)
        failed = summary.count(State.FAILED)
        count = str(done)
        marks = [f"{n} {what}" for n, what in ((diverged, "diverged"), (failed, "failed")) if n]
        rest = len(summary.runs) - done - diverged - failed
        marks += [f"{rest} to do"] if rest else []
        if marks:
            count = f"{done} of {len(summary.runs)} ({', '.join(marks)})"
        cells = [significant_mean(summary.values[name]) for name in measures]
        rows.append([summary.label, count, *cells])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join(
            f"{cell:<{width}}" if number < 2 else f"{cell:>{width}}"
            for number, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]
