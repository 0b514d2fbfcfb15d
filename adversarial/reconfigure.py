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

# Attributes in which schedules keep what a value was when they began -> where that value is. An
# edit of the value is an edit of these, too.
_REMEMBERED = {
    "_base_lr": "algorithm.learning_rate",
    "_init_lr": "algorithm.learning_rate",
    "_init_momentum": "algorithm.learning_rule.momentum",
}
_LISTS = ("extensions", "callbacks")


@dataclass
class Edits:
    """What an edited YAML file changes.

    Attributes
    ----------
    changed : dict of str to (old value, new value)
        By the path of a value (`algorithm.learning_rate`).
    moved : dict of str to str or None
        Of each extension and callback of the old file (`extensions[0]`), which one of the new file
        goes on with its state; None where it was taken out.
    """

    changed: dict[str, tuple[Any, Any]]
    moved: dict[str, Optional[str]]

    @classmethod
    def between(cls, old: Mapping[str, Any], new: Mapping[str, Any]) -> Edits:
        """The edits between two experiments, by their roots (`Train.roots`), not yet set up."""
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
        """Where a value of the old experiment belongs in the new one; None if nowhere."""
        found = re.match(r"(?:extensions|callbacks)\[\d+\]", path)
        if found is None:
            return path
        target = self.moved.get(found[0])
        return None if target is None else target + path[found.end() :]

    def value(self, path: str, saved: Any) -> Any:
        """What a value is to be, given what was saved of it."""
        source = _REMEMBERED.get(path.rpartition(".")[2], path)
        if source not in self.changed:
            return saved
        old, new = self.changed[source]
        if source in _REMEMBERED.values() and old and _is_number(saved):
            # A schedule has moved it since, and moves the new value by the same factor.
            return _number(saved) / old * new
        return new

    def in_words(self) -> list[str]:
        """The changes, each for people."""
        return [
            f"{path}: {new!r:.80} instead of {old!r:.80}"
            for path, (old, new) in sorted(self.changed.items())
        ]


def _moved(name: str, old: list, new: list) -> dict[str, Optional[str]]:
    """Each goes to the one of its class that has most of its settings; else to the first."""
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
    """How many plain attributes two objects have in common."""
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
    """Whether a value may be an argument of a YAML file, and no array of parameters."""
    return _is_number(value) or (
        checkpoint.is_plain(value) and not isinstance(value, (np.ndarray, *checkpoint.GENERATORS))
    )


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "biuf"
    return isinstance(value, (bool, int, float, np.number))


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, (np.ndarray, np.generic)) else value
