"""What a sweep trains: all combinations of settings with all seeds, and the names of the runs.

`scripts/sweep.py` makes a plan of its arguments. The name of a run follows from its settings, its
seed and, if several YAML files are given, its experiment: the same command finds the same
folders again.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

# File systems allow 255 bytes; files in the folder and a digest need some.
_LONGEST_NAME = 120
MOST_RUNS = 10_000  # more is a slip of the keyboard


@dataclass(frozen=True)
class Group:
    """Runs that differ only in their seed.

    Attributes
    ----------
    config : str
        Path of the YAML file.
    settings : tuple of (path, value)
        As in `train.py --set PATH=VALUE`.
    """

    config: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def stem(self) -> str:
        """The name of the YAML file without its ending."""
        return os.path.splitext(os.path.basename(self.config))[0]


@dataclass(frozen=True)
class RunPlan:
    """One run: its folder's name, its group and its seed."""

    name: str
    group: Group
    seed: int


def split_values(option: str) -> tuple[str, list[str]]:
    """The path and the values of an argument of `--set`.

    The values are those of a YAML list, as text. A value that contains a comma must be in quotes or
    brackets.

    Raises
    ------
    ValueError
        If the argument is no path with at least one value, or names a value twice.

    Examples
    --------
    >>> split_values("algorithm.learning_rate=.05,.1")
    ('algorithm.learning_rate', ['.05', '.1'])
    >>> split_values("model.steps=[1, 2],[3]")
    ('model.steps', ['[1, 2]', '[3]'])
    """
    path, equals, text = option.partition("=")
    path = path.strip()
    if not equals or not path:
        raise ValueError(f"--set {option}: must be PATH=VALUE or PATH=VALUE,VALUE,...")
    try:
        listed = f"[{text}]"
        node = yaml.compose(listed, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error)
        raise ValueError(
            f"--set {option}: the values are no YAML list ({' '.join(problem.split())})\n"
            "Put a value that contains commas, brackets or braces in quotes: "
            f"""--set "{path}='...','...'" """.rstrip()
        ) from None
    values = [
        listed[item.start_mark.index : item.end_mark.index].strip()
        for item in getattr(node, "value", ())
    ]
    if text.rstrip().endswith(","):
        raise ValueError(f"--set {option}: there is no value after the last comma")
    if not values:
        raise ValueError(f"--set {option}: there is no value after {path}=")
    # .1 and 0.1 are one number; what has a tag, such as !!int [1], may be none.
    numbers = [
        yaml.safe_load(value)
        if item.tag.endswith((":int", ":float")) and item.value == value
        else value
        for value, item in zip(values, getattr(node, "value", ()))
    ]
    twice = [value for value, count in Counter(numbers).items() if count > 1]
    if twice:
        raise ValueError(f"--set {option}: the value {twice[0]} is given twice")
    return path, values


def split_seeds(text: str) -> list[int]:
    """The seeds of an argument of `--seeds`, in order.

    Raises
    ------
    ValueError
        If the text is no list of seeds and ranges, or names a seed twice.

    Examples
    --------
    >>> split_seeds("0-3,7")
    [0, 1, 2, 3, 7]
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)
        if match is None:
            raise ValueError(f"--seeds {text}: must be seeds and ranges, such as 0-9 or 0,3,10-19")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"--seeds {text}: the range {part.strip()} ends before it begins")
        if last >= 2**32:
            raise ValueError(f"--seeds {text}: a seed is below 2**32")
        if last - first >= MOST_RUNS:
            raise ValueError(f"--seeds {text}: has more than {MOST_RUNS:,} seeds")
        seeds += range(first, last + 1)
    twice = [seed for seed, count in Counter(seeds).items() if count > 1]
    if twice:
        raise ValueError(f"--seeds {text}: seed {twice[0]} is given twice")
    return seeds


def groups_of(configs: Sequence[str], options: Sequence[str]) -> list[Group]:
    """All combinations of the YAML files and of the values of all `--set`.

    Raises
    ------
    ValueError
        If two files have the same name, or two options the same path.
    """
    stems = Counter(Group(config).stem for config in configs)
    for stem, count in stems.items():
        if count > 1:
            raise ValueError(f"{count} YAML files are called {stem}: the runs would be, too")
    grid = [split_values(option) for option in options]
    for path, count in Counter(path for path, _ in grid).items():
        if count > 1:
            raise ValueError(
                f"--set {path} is given {count} times: give all values in one, {path}=A,B"
            )
    number = len(configs)
    for _, values in grid:
        number *= len(values)
    if number > MOST_RUNS:
        raise ValueError(f"{number:,} combinations of settings: more than {MOST_RUNS:,}")
    return [
        Group(config, tuple(zip((path for path, _ in grid), values)))
        for config in configs
        for values in itertools.product(*(values for _, values in grid))
    ]


def some_of(groups: Sequence[Group], number: int) -> list[Group]:
    """`number` of the groups, drawn at random: always the same ones, and more of them if asked for.

    >>> groups = groups_of(["gan.yaml"], ["rate=1,2,3,4", "dim=1,2,3,4"])
    >>> set(some_of(groups, 3)) < set(some_of(groups, 5))
    True
    """
    order = list(range(len(groups)))
    random.Random(0).shuffle(order)
    return [groups[i] for i in sorted(order[:number])]


def runs_of(
    groups: Sequence[Group], seeds: Sequence[int], several: bool | None = None
) -> list[RunPlan]:
    """Every group with every seed: all groups with the first seed, then all with the second...

    So a sweep that is stopped early has compared all groups. `several` says whether several YAML
    files are given, of which the groups may have one only; by default, the groups have all.
    """
    if len(groups) * len(seeds) > MOST_RUNS:
        raise ValueError(f"{len(groups) * len(seeds):,} runs: more than {MOST_RUNS:,}")
    if several is None:
        several = len({group.config for group in groups}) > 1
    return [RunPlan(_name(group, seed, several), group, seed) for seed in seeds for group in groups]


def short_paths(paths: Sequence[str]) -> dict[str, str]:
    """The last part of each path, or the whole path if others end alike.

    >>> short_paths(["algorithm.learning_rate", "model.nvis"])
    {'algorithm.learning_rate': 'learning_rate', 'model.nvis': 'nvis'}
    """
    last = {
        path: re.sub(r".*?([^.]+(\.\d+|\[\d+\])*)$", r"\1", path) for path in dict.fromkeys(paths)
    }
    count = Counter(last.values())
    return {path: short if count[short] == 1 else path for path, short in last.items()}


def labels_of(groups: Sequence[Group]) -> dict[Group, str]:
    """What tables and plots call each group: what differs between the groups.

    >>> a, b = groups_of(["gan.yaml"], ["algorithm.learning_rate=.1,.2", "model.dim=5"])
    >>> list(labels_of([a, b]).values())
    ['learning_rate=.1', 'learning_rate=.2']
    """
    several = len({group.config for group in groups}) > 1
    short = short_paths([path for group in groups for path, _ in group.settings])
    values: dict[str, set[str]] = {}
    for group in groups:
        settings = dict(group.settings)
        for path in short:
            values.setdefault(path, set()).add(settings.get(path, ""))
    labels = {}
    for group in groups:
        parts = [group.stem] if several else []
        parts += [
            f"{short[path]}={value}" for path, value in group.settings if len(values[path]) > 1
        ]
        labels[group] = ", ".join(parts) or group.stem
    return labels


def _name(group: Group, seed: int, several: bool) -> str:
    """The name of a run's folder."""
    short = short_paths([path for path, _ in group.settings])
    parts = [group.stem] if several else []
    parts += [f"{short[path]}={value}" for path, value in group.settings]
    exact = ",".join(parts)
    plain = re.sub(r"[^\w.+=,-]+", "_", exact, flags=re.ASCII)
    # Two experiments, or two settings, may look alike without these characters.
    identity = (group.stem, group.settings) if several else group.settings
    if plain != exact or len(plain) > _LONGEST_NAME or plain.startswith((".", "-")):
        digest = hashlib.sha256(repr(identity).encode()).hexdigest()[:8]
        plain = f"{plain[:_LONGEST_NAME].lstrip('.-')}_{digest}"
    return f"{plain},seed={seed}" if plain else f"seed={seed}"
