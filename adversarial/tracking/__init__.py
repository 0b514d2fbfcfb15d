"""Logs of trainings, as other tools read them: TensorBoard, Weights & Biases, MLflow.

`Log` is what the extension `train_extensions.tracking.Tracker` calls: numbers, pictures, histograms
and text, each of an epoch. A module beside this one has the `Log` of a tool. To add a tool, write
such a class and an extension that opens it. No YAML file may name the classes of this package: the
extensions check paths and permissions first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional, Protocol

import numpy as np


class Log(Protocol):
    """What a tool must take. Steps are epochs; each call is for a later step, or for the same."""

    def rewind(self, step: int) -> Optional[int]:
        """Remove what was logged for `step` and later, if the tool can; return the last step left.

        None if nothing has been logged. Called at first, and for each step that is there already,
        since a training went back.
        """

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Log numbers by their names."""

    def image(self, name: str, pixels: np.ndarray, step: int) -> None:
        """Log a picture (height, width, 3), uint8."""

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        """Log the distribution of an array."""

    def text(self, name: str, text: str) -> None:
        """Log a text that belongs to the whole training."""

    def flush(self) -> None:
        """Write what was logged since the last call. Called after each epoch."""
