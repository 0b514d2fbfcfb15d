"""Limits the memory and the time that an untrusted file may take.

A small file can be made so that loading it takes gigabytes or minutes (a decompression bomb). A
limit on each array would not help against many arrays. So each file has one `Budget`. Code that
allocates memory or computes for the file first spends from it:

    with Budget.of_bytes(1000).active():
        spend("an array", memory=1 << 30)    # Fault: takes far more memory or time to read than ...

`modelfile`, `npy` and `mat` make a budget for each file that they read; `yaml_parse` makes one for
all objects that a YAML file describes. Constructors of data sets and layers call `spend`, which
finds the budget that is active. If Python code calls them, and no budget is active, the limits
PYTHON_MEMORY and PYTHON_TIME hold for each call.

The amounts are estimates from measurements on one machine, not measured at run time, so that a file
is accepted or refused on all machines alike.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar

GIBIBYTE = 1 << 30
SECOND = 1_000_000_000  # time is counted in nanoseconds

# The budget of an empty file, in bytes and nanoseconds.
FREE_MEMORY = 1 << 26
FREE_TIME = 3 * SECOND
# Added to both budgets per byte of a file. Objects take up to 30 times the memory of their JSON.
PER_BYTE = 40
# Per byte of an array in a model file: 1 for the byte, 4 for a float32 that was compressed to 8
# bits, and 4 for a temporary copy.
PER_ARRAY_BYTE = 10
# Per byte of compressed data: images are hardly compressed more than 20 times.
PER_PACKED_BYTE = 20
# Added per byte of a data file, during the call that opens it: MNIST's 9.9 MB become 188 MB of
# float32, beside the raw bytes and a copy of the selected rows. The data sets for training,
# validation and monitoring may each open the file.
PER_DATA_BYTE = 50
MOST_OPENINGS = 3
# Limits of each call of `spend` by Python code, without an active budget.
PYTHON_MEMORY = 8 * GIBIBYTE
PYTHON_TIME = 600 * SECOND


class Fault(ValueError):
    """A fault of a file. The message lacks the file's name, which the caller adds."""


class Budget:
    """The memory and the time that are left for the objects of a file.

    Parameters
    ----------
    memory, time : int
        In bytes and nanoseconds.
    excess : str
        The message if they are exceeded; `{what}` is replaced by the argument `what` of `spend`.
    """

    def __init__(self, memory: int, time: int, excess: str) -> None:
        self.memory: float = memory
        self.time: float = time
        self._excess = excess
        # Reading a file that another file names spends from the budgets of both.
        self._outer = _active.get()
        self._openings: dict[tuple[int, int], int] = {}

    @classmethod
    def of_bytes(cls, size: int, per_byte: int = PER_BYTE) -> Budget:
        """The budget of a file of `size` bytes.

        >>> Budget.of_bytes(1000).spend("an array", memory=1 << 30)
        Traceback (most recent call last):
        ...
        adversarial.utils.budget.Fault: takes far more memory or time to read than its 1,000 bytes \
are worth (an array)
        """
        budget = cls(
            FREE_MEMORY,
            FREE_TIME,
            f"takes far more memory or time to read than its {size:,} bytes are worth ({{what}})",
        )
        budget.grow(size * per_byte)
        return budget

    def grow(self, amount: int) -> None:
        """Add `amount` bytes and `amount` nanoseconds."""
        self.memory += amount
        self.time += amount

    def spend(self, what: str, memory: float = 0, time: float = 0, briefly: float = 0) -> None:
        """Subtract `memory` and `time`; `briefly` are bytes that are allocated only temporarily.

        Raises
        ------
        Fault
            If less is left.
        """
        enough = memory + briefly <= self.memory and time <= self.time
        if not enough:
            raise Fault(self._excess.format(what=what))
        if self._outer is not None:
            self._outer.spend(what, memory, time, briefly)
        # The code that allocates the array reports a negative size.
        self.memory -= max(memory, 0)
        self.time -= max(time, 0)

    @contextlib.contextmanager
    def active(self) -> Iterator[Budget]:
        """Within this block, the function `spend` spends from this budget."""
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Within this block, a call of the file runs; what data files add is removed at its end."""
        before = self.memory, self.time
        try:
            with self.active():
                yield
        finally:
            self.memory, self.time = min(self.memory, before[0]), min(self.time, before[1])

    def opened(self, found: os.stat_result) -> None:
        """Add to the budget for a data file that has been opened; `found` is its `os.fstat`."""
        file = found.st_dev, found.st_ino
        self._openings[file] = self._openings.get(file, 0) + 1
        if self._openings[file] <= MOST_OPENINGS:
            self.grow(PER_DATA_BYTE * found.st_size)


_active: ContextVar[Budget | None] = ContextVar("budget", default=None)


def spend(what: str, memory: float = 0, time: float = 0, briefly: float = 0) -> None:
    """Spend from the budget of the file that is being read; `Fault`, a ValueError, if too much.

    Parameters
    ----------
    what : str
        For the message: "a parameter of 5 x 10 values".
    memory : int
        In bytes.
    time : int
        In nanoseconds.
    briefly : int
        Bytes that are needed in addition to `memory`, and freed soon.
    """
    budget = _active.get()
    if budget is None:
        budget = Budget(PYTHON_MEMORY, PYTHON_TIME, "{what}: too large for any machine")
    budget.spend(what, memory, time, briefly)


def opened(found: os.stat_result) -> None:
    """Add to the active budget, if there is one, for a data file that has been opened."""
    budget = _active.get()
    if budget is not None:
        budget.opened(found)


@contextlib.contextmanager
def trusted() -> Iterator[None]:
    """Within this block, the user's own code runs, and no budget is active."""
    token = _active.set(None)
    try:
        yield
    finally:
        _active.reset(token)
