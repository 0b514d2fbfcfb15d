"""Continues a training with an edited YAML file: `train.py --resume MODEL --config NEW.yaml`.

A resumed experiment is made anew from its YAML file. Then every value that training can change is
set to what was saved (`checkpoint`). An edited value must not be overwritten in this way. To find
the edited values, `Run` makes the experiment of the old file and that of the new file, and
`Edits.between` compares them before either has trained. A number that differs was edited, and
`Saved.restore` leaves it as the new file says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from adversarial import checkpoint

# Attributes of schedules that hold the initial value of another variable -> the path of that
# variable. An edit of the variable is also an edit of these attributes.
_INITIAL_VALUES = {
    "_base_lr": "algorithm.learning_rate",
    "_init_lr": "algorithm.learning_rate",
    "_init_momentum": "algorithm.learning_rule.momentum",
}
_LISTS = ("extensions", "callbacks")


@dataclass
class Edits:
    """The differences between the experiments of the old and of the edited YAML file.

    Attributes
    ----------
    changed : dict of str to (old value, new value)
        The edited values, by path (`algorithm.learning_rate`).
    moved : dict of str to str or None
        For each extension and callback of the old file (`extensions[0]`), the one of the new file
        that gets its state; None if it was removed.
    """

    changed: dict[str, tuple[Any, Any]]
    moved: dict[str, Optional[str]]

    @classmethod
    def between(cls, old: Mapping[str, Any], new: Mapping[str, Any]) -> Edits:
        """Compare two experiments, given by their roots (`Train.roots`), before they are set up."""
        moved = {}
        for name in _LISTS:
            moved.update(_moved(name, old[name], new[name]))
        edits = cls({}, moved)
        before = {
            edits.place(path): slot.value
            for path, slot in checkpoint.slots(old, aliases=True).items()
        }
        for path, slot in checkpoint.slots(new, aliases=True).items():
            if path in before and _is_setting(slot.value) and _is_setting(before[path]):
                if not _equal(before[path], slot.value):
                    edits.changed[path] = _number(before[path]), _number(slot.value)
        return edits

    def place(self, path: str) -> Optional[str]:
        """The path in the new experiment of the old experiment's value `path`; None if removed."""
        found = re.match(r"(?:extensions|callbacks)\[\d+\]", path)
        if found is None:
            return path
        target = self.moved.get(found[0])
        return None if target is None else target + path[found.end() :]

    def value(self, path: str, saved: Any) -> Any:
        """The value to set at `path`, if `saved` is the saved value."""
        source = _INITIAL_VALUES.get(path.rpartition(".")[2], path)
        if source not in self.changed:
            return saved
        old, new = self.changed[source]
        if source in _INITIAL_VALUES.values() and old and _is_number(saved):
            # A schedule has changed the old value by a factor; apply this factor to the new value.
            return _number(saved) / old * new
        return new

    def in_words(self) -> list[str]:
        """A line of text for each edited value."""
        return [
            f"{path}: {new!r:.80} instead of {old!r:.80}"
            for path, (old, new) in sorted(self.changed.items())
        ]


def _moved(name: str, old: list, new: list) -> dict[str, Optional[str]]:
    """Match each element of `old` with the one of `new` of its class with most equal settings."""
    moved: dict[str, Optional[str]] = {f"{name}[{i}]": None for i in range(len(old))}
    pairs = [
        (-_common_settings(item, other), i, j)
        for i, item in enumerate(old)
        for j, other in enumerate(new)
        if type(item) is type(other)
    ]
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if moved[f"{name}[{i}]"] is None and j not in taken:
            moved[f"{name}[{i}]"] = f"{name}[{j}]"
            taken.add(j)
    return moved


def _common_settings(one: Any, other: Any) -> int:
    """The number of plain attributes that are equal in both objects."""
    mine, others = (getattr(item, "__dict__", {}) for item in (one, other))
    return sum(
        name in others
        and _is_setting(value)
        and _is_setting(others[name])
        and _equal(value, others[name])
        for name, value in mine.items()
    )


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(_number(one) == _number(other))
    except ValueError:  # arrays within lists
        return False


def _is_setting(value: Any) -> bool:
    """Whether `value` can be an argument in a YAML file: plain data, but not an array."""
    return _is_number(value) or (
        checkpoint.is_plain(value) and not isinstance(value, (np.ndarray, *checkpoint.GENERATORS))
    )


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "biuf"
    return isinstance(value, (bool, int, float, np.number))


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, (np.ndarray, np.generic)) else value
