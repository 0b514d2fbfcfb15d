"""What reading a file may take: memory and time, in proportion to the size of the file.

A file from elsewhere can be made so that a few of its bytes become gigabytes, or are computed with
for minutes.  Each limit on one array or one list lets many of them through; so all that is made of
one file draws on one budget.
"""

from __future__ import annotations

from adversarial.modelfile.npy import Fault

# Bytes that the smallest file may take ...
FREE = 1 << 26
# ... and for each byte of its own.  Objects take ten to thirty times the memory of the line of JSON
# that describes them; arrays, of which honest files mostly consist, take one or two bytes a byte.
PER_BYTE = 50


class Budget:
    """Bytes that reading a file of `size` bytes may still take.

    Time counts, too: what takes as long as writing a byte of memory, a nanosecond, costs as much.

    >>> Budget(1000).spend(1 << 30, "an array")      # doctest: +SKIP
    Fault: takes far more memory or time to read than its 1,000 bytes are worth (an array)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = FREE + PER_BYTE * size

    def spend(self, amount: int, what: str) -> None:
        """Take `amount` bytes, or nanoseconds; raises `Fault` where they are not left."""
        self.left -= amount
        if self.left < 0:
            raise Fault(
                f"takes far more memory or time to read than its {self.size:,} bytes are worth "
                f"({what})"
            )
