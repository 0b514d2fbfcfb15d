"""Finds the objects that phases of an experiment share, for a run that is resumed in a later phase.

Phases can share an object by a YAML anchor. The object is made once, and each phase uses it in the
state in which the phase before left it. So a resumed run also makes the earlier phases that share
an object with a later one. It sets them up and restores them from their model files, without
training them. The model file that is resumed holds the state of its own phase, shared objects
included. If that is all that is needed of an earlier phase, its file may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adversarial import checkpoint
from adversarial.config.phase import Phase
from adversarial.config.proxy import Proxy
from adversarial.datasets.dataset import Dataset
from adversarial.train_extensions import dispatch


def needed(phases: Sequence[Phase], start: int, resumed: int) -> list[int]:
    """The phases before `start` that share an object with a later phase, directly or indirectly.

    `resumed` is the phase whose model file is resumed. A data set that this phase uses does not
    require an earlier phase: its state, a random generator, is in the file. An object inside the
    data set does, if a later phase also uses it outside the data set: then the earlier phase may
    have to make it first.
    """
    found: list[int] = []
    for number in reversed(range(start)):
        later = [phases[other] for other in (*found, *range(start, len(phases)))]
        data: list[Proxy] = []
        if number < resumed:
            own = set(phases[number].calls())
            data = [call for call in phases[resumed].calls() if call in own and _makes_data(call)]
        if phases[number].shared_with(later, except_for=data):
            found.insert(0, number)
    return found


def not_held(train: Any, phase: Phase, calls: Sequence[Proxy]) -> list[Proxy]:
    """The elements of `calls` whose objects, made by `phase`, have state that `train` lacks."""
    found = []
    for call in calls:
        value = phase.made(call)
        if checkpoint.is_plain(value) and not isinstance(value, checkpoint.GENERATORS):
            continue
        if dispatch.is_observer(value):  # observers have no state
            continue
        slots = checkpoint.slots({**train.roots(), _SHARED: _Holder(value)})
        if any(path.startswith(f"{_SHARED}.") for path in slots):
            found.append(call)
    return found


_SHARED = "shared"


class _Holder:
    def __init__(self, value: Any) -> None:
        self.value = value


def _makes_data(call: Proxy) -> bool:
    return isinstance(call.callable, type) and issubclass(call.callable, Dataset)
