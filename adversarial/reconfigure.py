"""Continues a training with an edited YAML file: `train.py --resume MODEL --config NEW.yaml`.

A resumed experiment is made anew from its YAML file. Then every value that training can change is
set to what was saved (`checkpoint`). An edited value must not be overwritten in this way. To find
the edited values, `Run` makes the experiment of the old file and that of the new file, and
`Edits.between` compares them before either has trained. A number that differs was edited, and
`Saved.restore` leaves it as the new file says.
"""

from __future__ import annotations

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
# The paths that lists of `Train.roots` have. Callbacks have two: as part of the algorithm, whose
# `Persistent` attributes are found first, and of their own.
_LISTS = {
    "extensions": "extensions",
    "callbacks": "callbacks",
    "algorithm.update_callbacks": "callbacks",
}


@dataclass
class Edits:
    """The differences between the experiments of the old and of the edited YAML file.

    Attributes
    ----------
    changed : dict of str to (old value, new value)
        The edited values, by path (`algorithm.learning_rate`).
    moved : dict of str to str or None
        For each extension, callback and termination criterion of the old file (`extensions[0]`),
        the one of the new file that gets its state; None if it was removed.
    new_criteria : list of TerminationCriterion
        The criteria that the new file introduces, without those that only combine others.
    is_criterion_edited : bool
        Whether a criterion was introduced, removed, moved, or has other settings.
    """

    changed: dict[str, tuple[Any, Any]]
    moved: dict[str, Optional[str]]
    new_criteria: list[Any]
    is_criterion_edited: bool

    @classmethod
    def between(cls, old: Mapping[str, Any], new: Mapping[str, Any]) -> Edits:
        """Compare two experiments, given by their roots (`Train.roots`), before they are set up."""
        moved = {}
        for path, name in _LISTS.items():
            moved.update(_moved(_numbered(path, old[name]), _numbered(path, new[name])))
        criteria = [_criteria(roots.get("algorithm")) for roots in (old, new)]
        moved.update(_moved(*criteria))
        new_criteria = [
            criterion
            for path, criterion in criteria[1].items()
            if path not in moved.values() and not hasattr(criterion, "_criteria")
        ]
        edits = cls({}, moved, new_criteria, not _same_parts(*criteria))
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
        parts = [part for part in self.moved if path.startswith(f"{part}.")]
        if not parts:
            return path
        part = max(parts, key=len)  # a criterion may lie within another
        target = self.moved[part]
        return None if target is None else target + path[len(part) :]

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

    def concerns(self, part: str) -> bool:
        """Whether the new file introduces the part at this path, or gives it other settings."""
        is_new = part not in self.moved.values()
        return is_new or any(path.startswith(f"{part}.") for path in self.changed)

    def in_words(self) -> list[str]:
        """A line of text for each edited value."""
        return [
            f"{path}: {new!r:.80} instead of {old!r:.80}"
            for path, (old, new) in sorted(self.changed.items())
        ]


def _numbered(path: str, parts: list) -> dict[str, Any]:
    """The elements of a list, by path."""
    return {f"{path}[{i}]": part for i, part in enumerate(parts)}


def _criteria(algorithm: Any) -> dict[str, Any]:
    """The termination criterion of `algorithm`, and those that it combines, by path."""
    criterion = getattr(algorithm, "termination_criterion", None)
    found = {} if criterion is None else {"algorithm.termination_criterion": criterion}
    waiting = list(found.items())
    while waiting:
        path, criterion = waiting.pop()
        inner = _numbered(f"{path}._criteria", getattr(criterion, "_criteria", []))
        found.update(inner)
        waiting += inner.items()
    return found


def _moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Optional[str]]:
    """Match each part of `old` with the one of `new` of its class with most equal settings."""
    moved: dict[str, Optional[str]] = dict.fromkeys(old)
    pairs = [
        (-_common_settings(part, other), i, j, path, place)
        for i, (path, part) in enumerate(old.items())
        for j, (place, other) in enumerate(new.items())
        if type(part) is type(other)
    ]
    for *_, path, place in sorted(pairs):
        if moved[path] is None and place not in moved.values():
            moved[path] = place
    return moved


def _same_parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the parts have the same places, classes and settings."""
    return old.keys() == new.keys() and all(
        type(part) is type(new[path])
        and len(_settings(part)) == len(_settings(new[path])) == _common_settings(part, new[path])
        for path, part in old.items()
    )


def _common_settings(one: Any, other: Any) -> int:
    """The number of plain attributes that are equal in both objects."""
    mine, others = _settings(one), _settings(other)
    return sum(name in others and _equal(value, others[name]) for name, value in mine.items())


def _settings(part: Any) -> dict[str, Any]:
    """The attributes of `part` that can be arguments in a YAML file."""
    found = getattr(part, "__dict__", {})
    return {name: value for name, value in found.items() if _is_setting(value)}


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
