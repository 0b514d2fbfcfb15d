"""What the phases of an experiment share, found again when a run is resumed in a later one.

An object that phases share by an anchor is made once, and each phase finds it as the one before
left it. So a resumed run makes also the earlier phases that share something with those it goes on
with. It sets them up and restores them from their model files, but does not train them again. The
file that is resumed holds the state of its own phase, shared objects included: an earlier phase's
file may be missing where that is all there is to restore.
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
    """The phases before `start` that share something with one from there on, directly or not.

    `resumed` is the phase whose file there is. A data set that this phase uses is no reason to make
    an earlier one: its state, a random generator, is in the file. What is inside the data set is
    one where a later phase also uses it elsewhere: the earlier phase may have to make it first.
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
    """Those of `calls`, which `phase` has made, whose state is not among that of `train`."""
    found = []
    for call in calls:
        value = phase.made(call)
        if checkpoint.is_plain(value) and not isinstance(value, checkpoint.GENERATORS):
            continue
        if dispatch.is_observer(value):  # which has no part in the training
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
