"""Binary matrices of the language Lush, in which NORB and other data sets of the time came."""

from __future__ import annotations

import math
import os
import struct

import numpy as np

from adversarial.files.opening import BadFile, open_regular

# The number that begins a file -> the type of its elements.
DTYPES = {
    0x1E3D4C51: "<f4",
    0x1E3D4C53: "<f8",
    0x1E3D4C54: "<i4",
    0x1E3D4C55: "u1",
    0x1E3D4C56: "<i2",
}
MOST_AXES = 8


def read_bin_lush_matrix(filepath: str | os.PathLike[str]) -> np.ndarray:
    """The array in the file `filepath`.

    The file holds little-endian 32-bit integers, a magic number, the number of axes n, and max(n,
    3) lengths (none for n = 0), of which those beyond n are 1; then the elements.

    Raises
    ------
    BadFile
        When it holds anything else; OSError when it cannot be opened.
    """
    with open_regular(filepath) as stream:
        size = os.fstat(stream.fileno()).st_size
        head = stream.read(8)
        if len(head) < 8:
            raise BadFile(f"{filepath}: {len(head)} bytes are no Lush matrix")
        magic, axes = struct.unpack("<ii", head)
        if magic not in DTYPES:
            raise BadFile(f"{filepath}: begins with {magic}, which is no Lush matrix's number")
        if not 0 <= axes <= MOST_AXES:
            raise BadFile(f"{filepath}: says that it has {axes} axes")
        listed = max(axes, 3) if axes else 0
        lengths = stream.read(4 * listed)
        if len(lengths) < 4 * listed:
            raise BadFile(f"{filepath}: ends within its {listed} lengths")
        shape = struct.unpack(f"<{listed}i", lengths)[:axes]
        dtype = np.dtype(DTYPES[magic])
        held = size - 8 - 4 * listed
        if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != held:
            raise BadFile(
                f"{filepath}: holds {held} bytes of elements, which are not "
                f"{'x'.join(map(str, shape)) or 1} of {dtype.itemsize}"
            )
        return np.frombuffer(stream.read(held), dtype).reshape(shape).copy()
