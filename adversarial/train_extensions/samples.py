"""`SampleGrid`, which draws a grid of samples to a picture at each save."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from adversarial import backend
from adversarial.evaluation.sampling import RepeatedSamples, generator_of
from adversarial.files import outputs
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.dispatch import warn_of_fault
from adversarial.utils.budget import spend
from adversarial.viewer.samples import Sheet, to_unit, view_of

log = logging.getLogger(__name__)

# Nanoseconds to place a sample, bytes to draw it (as large as those of MNIST), and bytes for each
# cell of a grid that shows a pixel as scale x scale.
_PER_SAMPLE, _SAMPLE, _CELL = 14_000, 10_000, 3000


class SampleGrid(TrainExtension):
    """Draws a grid of samples to a file after each save, always from the same noise z.

    The random streams of training are not used. A model without a generator, or whose samples are
    no images, gets no picture; a failure to write the picture is a warning.

    Parameters
    ----------
    path : str
        The picture; its ending (.png) says the format.
    rows, cols : int
        Images in a column and in a row of the grid.
    seed : int
        For z, from 0 to 2^32 - 1.
    scale : int
        The width of a pixel of the model in pixels of the picture.

    Raises
    ------
    OutsideError
        If the file may not be written there; see `files.outputs`.
    TypeError
        If `path` is not a path.
    ValueError
        If `path` does not end as a picture, a number is out of range, or
        rows * cols * scale^2 exceeds 1,000,000.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
    >>> data = DenseDesignMatrix(topo_view=np.zeros((1, 2, 2, 1)))  # samples are 2 x 2 pixels
    >>> grid = SampleGrid("samples.png", rows=2, cols=3)
    >>> grid.setup(generator, data, None)
    >>> grid.on_save(generator, data, None)
    >>> np.fromfile("samples.png", "u1")[1:4].tobytes()
    b'PNG'
    """

    only_watches = True

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        return outputs.named(arguments, "path")

    def __init__(
        self,
        path: str | os.PathLike[str],
        rows: int = 10,
        cols: int = 10,
        seed: int = 0,
        scale: int = 2,
    ) -> None:
        self.path = outputs.admitted(path)
        if os.path.splitext(os.fspath(path))[1].lower() not in outputs.PICTURES:
            raise ValueError(
                f"path of SampleGrid must end in one of {', '.join(outputs.PICTURES)}, not {path!r}"
            )
        for name, value, least in (
            ("rows", rows, 1),
            ("cols", cols, 1),
            ("scale", scale, 1),
            ("seed", seed, 0),
        ):
            if not isinstance(value, (int, np.integer)) or not least <= value < 1 << 32:
                raise ValueError(
                    f"{name} of SampleGrid must be a whole number of at least {least}, "
                    f"not {value!r}"
                )
        spend(
            f"rows, cols and scale of SampleGrid ask for {rows} x {cols} samples, each pixel as "
            f"{scale} x {scale}",
            time=_PER_SAMPLE * rows * cols,
            briefly=rows * cols * (_SAMPLE + _CELL * scale**2),
        )
        self.rows = rows
        self.cols = cols
        self.seed = seed
        self.scale = scale
        self._draw: Any = None
        self._view: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_draw": None, "_view": None}

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compile the sampling, if the model makes images."""
        try:
            generator_of(model)
            self._view = view_of(model, dataset)
        except ValueError as error:
            log.info("no picture of samples: %s", error)
        except Exception as error:
            warn_of_fault("SampleGrid", error)
        else:
            # Here rather than at the first save: all compilation is before the first epoch.
            self._draw = RepeatedSamples(model, self.rows * self.cols, self.seed)

    def on_save(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Draw the picture."""
        if self._view is None:
            return
        if self._draw is None:
            self._draw = RepeatedSamples(model, self.rows * self.cols, self.seed)
        samples = self._draw()
        if not np.isfinite(samples).all():
            log.warning("no picture of samples: they are not finite; the model has diverged")
            return
        if not backend.is_first_process():
            return
        sheet = Sheet(to_unit(self._view.images(samples)), self.rows, self.cols)
        try:
            sheet.save(self.path, self.scale)
        except OSError as error:
            log.warning("could not write %s: %s", self.path, error.strerror or error)
