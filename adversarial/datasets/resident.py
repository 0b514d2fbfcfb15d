"""A dataset's arrays where compiled functions can take rows from them."""
from __future__ import annotations

import aesara.tensor as at
import numpy as np

from adversarial import backend


class ResidentArrays:
    """One shared variable for each array of a dataset, made when first asked for.

    On the CPU the variable borrows the dataset's own array, so that nothing is stored twice.
    """

    def __init__(self):
        self._kept = {}  # source -> (array, shared variable)

    def rows(self, source: str, array: np.ndarray, indices):
        """The symbolic rows ``array[indices]``; `indices` is an int64 vector."""
        # Aesara forgets the shape of a row, which rewrites can use.
        return at.specify_shape(self._variable(source, array)[indices], (None, *array.shape[1:]))

    def _variable(self, source: str, array: np.ndarray):
        old, variable = self._kept.get(source, (None, None))
        if old is not array:
            if old is not None and old.shape == array.shape and old.dtype == array.dtype:
                # Functions that are already compiled then see the new values too.
                variable.set_value(np.ascontiguousarray(array), borrow=True)
            else:
                # Taking rows of a strided array would copy all of it each time.
                variable = backend.shared(np.ascontiguousarray(array), name=source, borrow=True)
            self._kept[source] = array, variable
        return variable
