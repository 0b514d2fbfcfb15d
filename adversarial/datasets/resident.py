"""A dataset's arrays where compiled functions can take rows from them."""

from __future__ import annotations

from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.datasets.finite import check_finite


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
        check_finite(array, f"the {source} of a data set in use")
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
                variable = backend.shared(
                    np.ascontiguousarray(array),
                    name=source,
                    borrow=True,
                    shape=(None, *array.shape[1:]),
                )
                self._kept[source] = array, variable
        return variable


class ResidentMixin:
    """What a dataset with `ResidentArrays` does when it is changed."""

    # The attributes that compiled functions have a copy of, or depend on.
    in_functions = ("X", "y", "view_converter")
    # The shape of images that functions were compiled for.
    _compiled_view: Optional[tuple] = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in self.in_functions:
            self._note_change()

    def _note_change(self) -> None:
        resident = self.__dict__.get("_resident")
        if resident is not None and resident.sources():
            resident.is_stale = True

    def follow_changes(self) -> None:
        """Have compiled functions use the data as it is now.

        Called before each pass over the data (an epoch, a monitoring), it sees what was assigned to
        `X` and `y`, and what the methods that set them or `apply_preprocessor` changed. The number
        of rows may change, what a row is may not: ValueError.
        """
        resident = self._resident
        if not resident.is_stale:
            return
        self._check_labels()
        self._check_targets()
        view = None if self.view_converter is None else tuple(self.view_converter.shape)
        if "features" in resident.sources() and self._compiled_view not in (None, view):
            raise ValueError(
                f"the images of a data set in use became {view} (rows, columns, "
                f"channels), and were {self._compiled_view} when functions were "
                "compiled: call setup again for images of another shape"
            )
        for source in resident.sources():
            resident.follow(source, self._column(source)[0])
        resident.is_stale = False


def _describe(dtype: np.dtype, shape: tuple) -> str:
    return f"{' x '.join(map(str, shape))} {dtype}"
