"""The histories of several trainings, in groups that differ only in their seed.

`plot_monitor` and `print_monitor` draw and print the mean of each group, with its standard error.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from adversarial import modelfile
from adversarial.files import outputs, placement
from adversarial.scripts.inputs.datasets import is_model_file
from adversarial.scripts.inputs.histories import History, read_history
from adversarial.sweep.plan import Group, labels_of
from adversarial.sweep.records import SWEEP, read_sweep


class Replicates(NamedTuple):
    """Trainings that differ only in their seed: what they are called, their files and histories."""

    label: str
    paths: list[str]
    histories: list[History]


def is_sweep(path: str) -> bool:
    """Whether `path` is the folder of a sweep (docs/SWEEPS.md)."""
    return os.path.isdir(path)


def read_replicates(paths: Sequence[str], allow_modules: Collection[str] = ()) -> list[Replicates]:
    """The trainings of model files, tables of channels and sweeps, in groups.

    A model file says by which YAML, settings and seed it was trained; of a table, the model file
    beside it. Tables without a model file are one group.

    Raises
    ------
    ValueError
        Where a file is neither, a folder is of no sweep, or no run of a sweep has begun; where two
        files are of one training, which would count twice.
    """
    found: dict[tuple[Any, ...], list[str]] = {}
    groups: dict[tuple[Any, ...], Group] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for path in paths:
        members = _of_sweep(path) if is_sweep(path) else [(*_origin(path, allow_modules), path)]
        for key, group, which, member in members:
            if (key, which) in seen:
                raise ValueError(
                    f"{member}: is of the same training as {seen[key, which]}, so that it would "
                    "count twice: give files of different seeds"
                )
            seen[key, which] = member
            found.setdefault(key, []).append(member)
            groups.setdefault(key, group)
    names = labels_of(list(groups.values()))
    labels = {key: names[group] for key, group in groups.items()}
    for key in groups:
        if sum(label == labels[key] for label in labels.values()) > 1:  # YAMLs of the same name
            labels[key] = f"{labels[key]} ({found[key][0]})"
    return [
        Replicates(labels[key], members, [read_history(each, allow_modules) for each in members])
        for key, members in found.items()
    ]


def _origin(path: str, allow_modules: Collection[str]) -> tuple[tuple[Any, ...], Group, str]:
    """By what a training is grouped, its group, and by what it differs from others in there."""
    model = path
    beside = path.removesuffix(placement.TABLE) + ".pkl"
    if path.endswith(placement.TABLE) and os.path.exists(beside):
        model = beside
    about = modelfile.experiment_of(model, allow_modules) if is_model_file(model) else {}
    if not isinstance(about.get("yaml"), str):
        # A file that does not say how it was trained: several models may be of anything.
        name = path if is_model_file(path) else "tables"
        return (name,), Group(name), path
    given = about.get("settings")
    settings = tuple(
        (name, value) for name, _, value in (str(each).partition("=") for each in given or ())
    )
    config = str(about.get("yaml_path", path))
    key = (about["yaml"], about.get("phase"), settings)
    # Of one YAML text and seed, trainings on other data, or with other values of environment
    # variables (`environ` in files of an earlier version), are other trainings.
    parts = [about.get(name) for name in ("seed", "data", "values", "environ")]
    return key, Group(config, settings), repr(parts)


def _of_sweep(folder: str) -> list[tuple[tuple[Any, ...], Group, str, str]]:
    """The tables of a sweep's runs, each after what `_origin` returns."""
    kept = read_sweep(folder)
    if kept is None:
        raise ValueError(f"{folder}: is not the folder of a sweep: it has no {SWEEP}")
    found = []
    for name, run in kept["runs"].items():
        tables = [outputs.beside(model, placement.TABLE) for model in run["models"]]
        there = [
            path for path in (os.path.join(folder, name, t) for t in tables) if os.path.exists(path)
        ]
        if there:
            group = Group(run["experiment"], tuple(run["settings"].items()))
            found.append((("sweep", folder, group), group, name, there[-1]))
    if not found:
        raise ValueError(f"{folder}: no run of this sweep has measured anything yet")
    return found
