"""`Samples`, an array of samples that a notebook shows as images.

`AdversaryPair.sample` returns it, and the extension `InlineSamples` shows it.
"""

from __future__ import annotations

import io
import math
import os
from typing import Any, Optional

import numpy as np

from adversarial.evaluation.sampling import draw_samples
from adversarial.viewer.grid import grid_of, save_grid
from adversarial.viewer.samples import View, to_unit, view_of

# As many as `SampleGrid` and `show_samples` draw.
MOST_SHOWN, MOST_COLUMNS = 100, 10


class Samples(np.ndarray):
    """Samples as rows of a design matrix, (n, dimension): a NumPy array that is shown as images.

    Some of the rows, `samples[10:20]`, are such an array, too. Other shapes are shown as numbers.

    Examples
    --------
    >>> samples = Samples.of(np.zeros((12, 784)), View((28, 28, 1)))
    >>> samples.images().shape
    (12, 28, 28, 1)
    >>> samples[:4]._repr_png_()[1:4]
    b'PNG'
    """

    view_of_rows: Optional[View] = None

    @classmethod
    def of(cls, rows: np.ndarray, view: Optional[View]) -> Samples:
        """`rows` (n, dimension), not copied, which `view` makes images of, if they are images."""
        samples = np.asarray(rows).view(cls)
        samples.view_of_rows = view
        return samples

    def __array_finalize__(self, array: Any) -> None:
        self.view_of_rows = getattr(array, "view_of_rows", None)

    def images(self) -> np.ndarray:
        """The samples as images, (n, height, width, channels).

        Raises
        ------
        ValueError
            If they are no images.
        """
        if not self._are_images():
            raise ValueError(f"an array of shape {self.shape} is no samples that are images")
        assert self.view_of_rows is not None
        return self.view_of_rows.images(np.asarray(self))

    def save(self, path: str | os.PathLike[str], scale: int = 2) -> None:
        """Write a picture of all samples, enlarged by the factor `scale`."""
        images = to_unit(self.images())
        save_grid(images, path, *_shape_of_grid(len(images)), scale=scale)

    def _are_images(self) -> bool:
        view = self.view_of_rows
        return view is not None and self.ndim == 2 and self.shape[1] == math.prod(view.shape)

    def _repr_png_(self) -> Optional[bytes]:
        """The first samples as a picture, for IPython; None shows the array as numbers."""
        if not self._are_images() or not len(self) or not np.isfinite(self).all():
            return None
        first = Samples.of(self[:MOST_SHOWN], self.view_of_rows)
        images = to_unit(first.images())
        stream = io.BytesIO()
        grid_of(images, *_shape_of_grid(len(images))).to_image(2).save(stream, format="PNG")
        return stream.getvalue()


def _shape_of_grid(n: int) -> tuple[int, int]:
    columns = max(1, min(n, MOST_COLUMNS))
    return -(-n // columns), columns


def samples_of(model: Any, n: int, seed: int = 0) -> Samples:
    """`n` samples of an `AdversaryPair` or a `Generator`; see `AdversaryPair.sample`.

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> samples_of(generator, 10).images().shape
    (10, 2, 2, 1)
    """
    # Always in batches of one size, so that one compiled function serves all numbers of samples.
    rows = draw_samples(model, max(n, MOST_SHOWN) if n > 0 else n, seed)[: max(n, 0)]
    try:
        view = view_of(model)
    except ValueError:  # samples that are no images
        view = None
    return Samples.of(rows.astype("float32", copy=False), view)
