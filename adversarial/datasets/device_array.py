"""A data set's arrays as shared variables, whose rows compiled functions take by index.

Each `ArrayDataset` holds one `DeviceArrays`. The engine keeps a shared variable where it computes
(in a GPU's memory, with JAX), so a function of a minibatch's indices copies no data when called:

>>> import aesara.tensor as at
>>> from adversarial import backend
>>> X = np.arange(6, dtype="float32").reshape(3, 2)
>>> arrays, indices = DeviceArrays(), at.lvector("indices")
>>> first = backend.function([indices], arrays.rows("features", X, indices).sum(axis=1))
>>> first([0, 2]).tolist()
[1.0, 9.0]
"""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.datasets.finite import check_finite_array


class DeviceArrays:
    """One shared variable for each array of a data set, made when its rows are first asked for.

    On the CPU the variable borrows the data set's own array, so that nothing is stored twice.

    Attributes
    ----------
    is_stale : bool
        Whether the data set's arrays may have changed since the variables were set.

    Examples
    --------
    >>> arrays = DeviceArrays()
    >>> rows = arrays.rows("features", np.zeros((3, 2), "float32"), at.lvector("indices"))
    >>> rows.type.shape, arrays.sources()
    ((None, 2), ['features'])
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[np.ndarray, Any]] = {}  # source -> (array, shared variable)
        # Whether the data set's arrays may have changed since the variables were set.
        self.is_stale = False

    def rows(self, source: str, array: np.ndarray, indices: Any) -> Any:
        """The symbolic rows ``array[indices]``.

        Parameters
        ----------
        source : str
            The array's name, "features" or "targets"; each has one shared variable.
        array : numpy.ndarray
            Examples along the first axis.
        indices : int64 vector (Aesara)

        Raises
        ------
        ValueError
            Where `array` takes the place of an earlier one and holds NaN or infinity.
        """
        # Aesara forgets the shape of a row, which rewrites can use.
        return at.specify_shape(self._variable(source, array)[indices], (None, *array.shape[1:]))

    def sources(self) -> list[str]:
        """The names of the arrays that compiled functions may be using."""
        return list(self._kept)

    def update(self, source: str, array: np.ndarray) -> None:
        """Make functions that are already compiled take their rows from `array`.

        Raises
        ------
        ValueError
            Where its rows have another shape or type than those that functions were compiled for.
        """
        self._set_value(source, array)

    def _set_value(self, source: str, array: np.ndarray) -> None:
        variable = self._kept[source][1]
        array = np.asarray(array)
        check_finite_array(array, f"the {source} of a data set in use")
        old, new = np.dtype(variable.dtype), array.dtype
        if array.shape[1:] != variable.type.shape[1:] or (old.kind != new.kind and old.kind != "f"):
            raise ValueError(
                f"the {source} of a data set in use became {_describe(new, array.shape)}, and were "
                f"{_describe(old, variable.get_value(borrow=True).shape)} when functions were "
                "compiled: call setup again for rows of another kind"
            )
        variable.set_value(np.ascontiguousarray(array, dtype=old), borrow=True)
        self._kept[source] = array, variable

    def _variable(self, source: str, array: np.ndarray) -> Any:
        old, variable = self._kept.get(source, (None, None))
        if old is array:
            return variable
        if old is not None and old.shape[1:] == array.shape[1:] and old.dtype == array.dtype:
            # Functions that are already compiled then see the new values too.
            self._set_value(source, array)
            return variable
        # Taking rows of a strided array would copy all of it each time.
        variable = backend.shared(
            np.ascontiguousarray(array), name=source, borrow=True, shape=(None, *array.shape[1:])
        )
        self._kept[source] = array, variable
        return variable


def _describe(dtype: np.dtype, shape: tuple[int, ...]) -> str:
    return f"{' x '.join(map(str, shape))} {dtype}"
