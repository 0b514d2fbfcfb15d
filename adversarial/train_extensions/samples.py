"""A picture of samples at each save."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from adversarial import backend
from adversarial.evaluation.sampling import as_rows, fresh_streams, generator_of
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.calling import warn_of
from adversarial.utils import outputs
from adversarial.viewer.samples import Sheet, to_unit, view_of

log = logging.getLogger(__name__)


class SampleGrid(TrainExtension):
    """Draws a grid of samples to a file before each save, always from the same points z.

    Training's random streams are left alone. A model without a generator, or whose samples are no
    images, gets no picture; a failure to write one is a warning.

    Parameters
    ----------
    path : str
        Its ending (.png) tells the format.
    rows, cols : int
        Of the grid.
    seed : int
        For z.
    scale : int
        Screen pixels for each of the model's.
    """

    only_watches = True

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        return outputs.named(arguments, "path")

    def __init__(
        self, path: str | os.PathLike[str], rows: int = 10, cols: int = 10, seed: int = 0,
        scale: int = 2,
    ) -> None:
        self.path = outputs.admitted(path)
        self.rows = rows
        self.cols = cols
        self.seed = seed
        self.scale = scale
        self._draw: Any = None
        self._view: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_draw": None, "_view": None}

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """See whether there are images to draw."""
        try:
            self._view = view_of(model, dataset)
        except ValueError as error:
            log.info("no picture of samples: %s", error)
        except Exception as error:
            warn_of("SampleGrid", error)
        else:
            # Before the first epoch, as everything that is compiled.
            self._compile(generator_of(model))

    def _compile(self, generator: Any) -> None:
        # Its streams are its own and never advance, so that z, and any dropout that is part of G,
        # are the same each time.
        with fresh_streams(generator, self.seed):
            samples = generator.sample(self.rows * self.cols)
            self._draw = backend.function([], samples, name="samples", no_default_updates=True)

    def on_save(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Draw the picture."""
        if self._view is None:
            return
        generator = generator_of(model)
        if self._draw is None:
            self._compile(generator)
        samples = as_rows(self._draw(), generator)
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
