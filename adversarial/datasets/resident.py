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
        # Whether the dataset's arrays may have changed since the variables were set.
        self.is_stale = False

    def rows(self, source: str, array: np.ndarray, indices):
        """The symbolic rows ``array[indices]``; `indices` is an int64 vector."""
        # Aesara forgets the shape of a row, which rewrites can use.
        return at.specify_shape(self._variable(source, array)[indices], (None, *array.shape[1:]))

    def sources(self) -> list[str]:
        """The arrays that compiled functions may be using."""
        return list(self._kept)

    def follow(self, source: str, array) -> None:
        """Have functions that are compiled already take their rows from `array`.

        ValueError where its rows are of another kind than those they were compiled for.
        """
        self._follow(source, array)

    def _follow(self, source: str, array) -> None:
        variable = self._kept[source][1]
        array = np.asarray(array)
        old, new = np.dtype(variable.dtype), array.dtype
        if array.shape[1:] != variable.type.shape[1:] or (old.kind != new.kind and old.kind != "f"):
            raise ValueError(
                f"the {source} of a data set in use became {_describe(new, array.shape)}, and were "
                f"{_describe(old, variable.get_value(borrow=True).shape)} when functions were "
                "compiled: call setup again for rows of another kind"
            )
        variable.set_value(np.ascontiguousarray(array, dtype=old), borrow=True)
        self._kept[source] = array, variable

    def _variable(self, source: str, array: np.ndarray):
        old, variable = self._kept.get(source, (None, None))
        if old is not array:
            if old is not None and old.shape[1:] == array.shape[1:] and old.dtype == array.dtype:
                # Functions that are already compiled then see the new values too.
                self._follow(source, array)
            else:
                # Taking rows of a strided array would copy all of it each time.
                variable = backend.shared(np.ascontiguousarray(array), name=source, borrow=True,
                                          shape=(None, *array.shape[1:]))
                self._kept[source] = array, variable
        return variable


def _describe(dtype: np.dtype, shape: tuple) -> str:
    return f"{' x '.join(map(str, shape))} {dtype}"
