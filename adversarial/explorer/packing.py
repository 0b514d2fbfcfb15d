"""Packs programs for the page: JSON, and the constants of all programs as one string of bytes.

In the JSON, a program is what `Program.describe` says, without the values, and with its constants
as a list of [name, {"shape": [rows, columns], "type": "float16", "at": 0}]. `at` counts bytes; each
array begins at a multiple of 8 and is in row-major order, little-endian. The types:

- "float16" or "float32", of a constant of floats;
- "int32" and "uint8", of whole numbers and booleans.

`weights.js` reads this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adversarial.export.program import Program

# Smaller arrays, such as biases, are kept as float32: they would save nothing.
SMALL = 4096
_ALIGNMENT = 8


class Packer:
    """Collects the constants of programs.

    Parameters
    ----------
    half : bool
        Store large arrays as float16, which halves the page; else all floats are float32.

    Attributes
    ----------
    data : bytearray
        The constants so far.

    Examples
    --------
    >>> packer = Packer()
    >>> packer.add("W", np.zeros((100, 50), "float32"))
    ['W', {'shape': [100, 50], 'type': 'float16', 'at': 0}]
    >>> len(packer.data)
    10000
    """

    def __init__(self, half: bool = True) -> None:
        self.half = half
        self.data = bytearray()

    def program(self, program: Program) -> dict[str, Any]:
        """The JSON of a program, whose constants are added to `data`."""
        described = program.describe()
        return {
            "inputs": described["inputs"],
            "outputs": described["outputs"],
            "nodes": [
                {key: node[key] for key in ("op", "inputs", "output", "attributes")}
                for node in described["nodes"]
            ],
            "constants": [self.add(name, value) for name, value in program.constants.items()],
        }

    def add(self, name: str, value: np.ndarray) -> list[Any]:
        """Append a constant to `data`; returns its entry in the JSON."""
        packed = self._packed(np.asarray(value))
        self.data.extend(bytes(-len(self.data) % _ALIGNMENT))
        start = len(self.data)
        little = packed.dtype.newbyteorder("<")
        self.data.extend(np.ascontiguousarray(packed, little).tobytes())
        return [name, {"shape": list(value.shape), "type": packed.dtype.name, "at": start}]

    def _packed(self, value: np.ndarray) -> np.ndarray:
        kind = value.dtype.kind
        if kind == "b":
            return value.astype("uint8")
        if kind in "iu":
            # Ends of slices lie beyond the array, where int32 does as well.
            limits = np.iinfo("int32")
            return np.clip(value, limits.min, limits.max).astype("int32")
        large = self.half and value.size >= SMALL
        if large and np.abs(value).max() <= np.finfo("float16").max:
            return value.astype("float16")
        return value.astype("float32")
