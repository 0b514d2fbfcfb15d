"""Trains variants of an experiment with several seeds, as a sweep, and collects their scores.

`sandbox.table1.search` and `sandbox.coordination.sweep` call this. Each variant becomes a YAML file
with one more extension, a `scoring.ScoreTable`, in a folder beside the table of scores; these files
are what `adversarial.scripts.sweep` trains. So a search is stopped, continued, and run on a cluster
as any sweep (docs/SWEEPS.md).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

from adversarial.files.atomic_write import atomic_write
from adversarial.scripts import cli, sweep
from adversarial.sweep.plan import groups_of, runs_of
from adversarial.sweep.records import Progress, State
from sandbox import score_table
from sandbox.variants import replace_text, variant

RUNS = "runs"  # the sweep's folder, beside the YAML files
SCORES = "${PYLEARN2_TRAIN_FILE_FULL_STEM}.scores.npy"


class Scored(NamedTuple):
    """A training, and the rows of its `ScoreTable`.

    Attributes
    ----------
    variant : str
    seed : int
    rows : array
    diverged : bool
    """

    variant: str
    seed: int
    rows: np.ndarray
    diverged: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a sweep that both commands have."""
    add = parser.add_argument
    add("--workers", type=cli.positive_int, metavar="N", help="trainings at once (one a processor)")
    add("--scheduler", metavar="ADDRESS", help="a running Dask scheduler (docs/SWEEPS.md)")
    cli.add_engine_option(parser)


def train_and_collect(
    args: argparse.Namespace,
    experiment: str,
    names: Sequence[str],
    seeds: Sequence[int],
    extension: str,
    columns: Sequence[str],
    table: Optional[str] = None,
    options: Sequence[str] = (),
) -> tuple[int, list[Scored]]:
    """Train variants, and write the table of their scores, `args.table`.

    Parameters
    ----------
    args : what the command was given
    experiment, names, table : see `sandbox.variants.variant`
    seeds : sequence of int
    extension : str
        The YAML of the `ScoreTable`.
    columns : sequence of str
        Of the table: variant, seed and what the `ScoreTable` writes.
    options : sequence of str
        Others for `adversarial.scripts.sweep`.

    Returns
    -------
    The exit status of the sweep, and the trainings.

    Raises
    ------
    ValueError
        If a variant does not exist.
    FileExistsError
        If the table is there, and was not made by this search.
    """
    # A search that is continued replaces its own table, which is read below.
    cli.output_path(args.table, "table", "", overwrite=True)
    folder = os.path.splitext(args.table)[0]
    texts = {name: variant(experiment, name, table) for name in names}
    if os.path.exists(args.table):
        score_table.read(args.table, columns)
        if not os.path.isdir(folder):
            raise FileExistsError(f"{args.table} exists, and the folder of its search does not")
    os.makedirs(folder, exist_ok=True)
    configs = []
    for name, text in texts.items():
        configs.append(os.path.join(folder, f"{name}.yaml"))
        with atomic_write(configs[-1]) as stream:
            stream.write(
                replace_text(text, {"extensions: [": f"extensions: [ {extension},"}).encode()
            )
    root = os.path.join(folder, RUNS)
    words = ["--seeds", ",".join(map(str, seeds)), "--out", root, *options]
    for option in ("workers", "scheduler", "backend"):
        value = getattr(args, option)
        words += [f"--{option}", str(value)] if value is not None else []
    status = sweep.main([*configs, *words])
    found = list(_scored(root, configs, seeds))
    rows: list[Sequence[Any]] = []
    for training in found:
        rows += [(training.variant, training.seed, int(row[0]), *row[1:]) for row in training.rows]
        if training.diverged:
            epoch, seconds = training.rows[-1][:2] if len(training.rows) else (0, 0.0)
            blank = [np.nan] * (len(columns) - 4)
            rows.append((training.variant, training.seed, int(epoch) + 1, seconds, *blank))
    score_table.write(args.table, columns, rows)
    return status, found


def _scored(root: str, configs: Sequence[str], seeds: Sequence[int]) -> Iterator[Scored]:
    for plan in runs_of(groups_of(configs, []), seeds):
        folder = os.path.join(root, plan.name)
        path = os.path.join(folder, f"{plan.group.stem}.scores.npy")
        if os.path.exists(path):
            rows = np.load(path)
        else:
            rows = np.empty((0, 2))
        diverged = Progress.read(folder).state == State.DIVERGED
        if len(rows) or diverged:
            yield Scored(plan.group.stem, plan.seed, rows, diverged)
