"""The memory and the computing that one file may cause, whatever is in it.

A file from elsewhere can be made so that a few of its bytes become gigabytes, or are computed with
for minutes. A limit on each array or each list lets many of them through. So each file has one
`Budget`, and whatever makes something of the file spends from it, before it takes the memory or
begins to compute:

    with Budget.of_bytes(1000).active():
        spend("an array", memory=1 << 30)    # Fault: takes far more memory or time to read than ...

`serial`, `npy` and `mat` open a budget for each file that they read, `yaml_parse` one for all that
a YAML file describes. Data sets, layers and the like call `spend` without knowing for whom. Where
Python code makes them, and no file, only what no machine should be asked for is refused.

Amounts are estimates, from measurements on one machine, so that a file is judged the same way
everywhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar

GIBIBYTE = 1 << 30
SECOND = 1_000_000_000  # time is counted in nanoseconds

# What the smallest file may take.
FREE_MEMORY = 1 << 26
FREE_TIME = 3 * SECOND
# What each byte of a file adds, in bytes and in nanoseconds. Objects take up to thirty times the
# memory of the JSON that describes them.
PER_BYTE = 40
# Of an array in a model file: one byte is read, four are for what was compressed to 8 bits, and as
# many while that is computed.
PER_ARRAY_BYTE = 10
# Of compressed data. Photographs become smaller by compression, but hardly 20 times.
PER_PACKED_BYTE = 20
# What a data file adds, while the call that opened it runs: MNIST's 9.9 MB become 188 as float32,
# beside the bytes they are made of and a copy of the rows that are kept. Training, validation and
# monitoring may each open it.
PER_DATA_BYTE = 50
MOST_OPENINGS = 3
# For what Python code makes, and no file.
PYTHON_MEMORY = 8 * GIBIBYTE
PYTHON_TIME = 600 * SECOND


class Fault(ValueError):
    """What is wrong with a file, without the file's name."""


class Budget:
    """Bytes and nanoseconds that what a file describes may still take.

    Parameters
    ----------
    memory, time : int
        In bytes and nanoseconds.
    excess : str
        What the message says of a file that wants more; `{what}` is replaced by what wanted it.
    """

    def __init__(self, memory: int, time: int, excess: str) -> None:
        self.memory: float = memory
        self.time: float = time
        self._excess = excess
        # A file that another file names is read on the account of both.
        self._outer = _active.get()
        self._openings: dict[tuple[int, int], int] = {}

    @classmethod
    def of_bytes(cls, size: int, per_byte: int = PER_BYTE) -> Budget:
        """That of a file of `size` bytes.

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
        """Allow so many more bytes, and nanoseconds."""
        self.memory += amount
        self.time += amount

    def spend(self, what: str, memory: float = 0, time: float = 0, briefly: float = 0) -> None:
        """Take so much; `briefly` are bytes that are needed beside these, and given back soon.

        Raises
        ------
        Fault
            If that is not left.
        """
        enough = memory + briefly <= self.memory and time <= self.time
        if not enough:
            raise Fault(self._excess.format(what=what))
        if self._outer is not None:
            self._outer.spend(what, memory, time, briefly)
        # Sizes that do not exist are left to those who make the arrays.
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
        """A call that the file asks for: it may also take what the data files it opens add."""
        before = self.memory, self.time
        try:
            with self.active():
                yield
        finally:
            self.memory, self.time = min(self.memory, before[0]), min(self.time, before[1])

    def opened(self, found: os.stat_result) -> None:
        """A data file has been opened."""
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
        Bytes that are needed beside `memory`, and given back soon.
    """
    budget = _active.get()
    if budget is None:
        budget = Budget(PYTHON_MEMORY, PYTHON_TIME, "{what}: too large for any machine")
    budget.spend(what, memory, time, briefly)


def opened(found: os.stat_result) -> None:
    """Tell the budget of the file that is being read of a data file that was opened for it."""
    budget = _active.get()
    if budget is not None:
        budget.opened(found)


@contextlib.contextmanager
def trusted() -> Iterator[None]:
    """Within this block, code of the user's own runs, for which no file is to blame."""
    token = _active.set(None)
    try:
        yield
    finally:
        _active.reset(token)
