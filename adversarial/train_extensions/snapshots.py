"""`Snapshots`, which keeps the model of given epochs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

from adversarial import modelfile
from adversarial.files import outputs
from adversarial.train_extensions import TrainExtension
from adversarial.utils.checks import check_list

PLACE = "{epoch}"


class Snapshots(TrainExtension):
    """Saves the model after given epochs, each to a file of its own.

    A failure to write is a warning, and training goes on.

    Parameters
    ----------
    epochs : iterable of int
        Epoch 0 is before training.
    save_path : str
        The files' path, with {epoch} in place of the number.

    Raises
    ------
    ValueError
        If an epoch is not a whole number of at least 0, or the file's name has no {epoch}.

    Examples
    --------
    >>> Snapshots([1, 10, 100], "mnist_{epoch}.pkl").path(10)
    '...mnist_10.pkl'
    """

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        epochs = arguments.get("epochs")
        return [
            outputs.Output(pattern.replace(PLACE, str(epoch)), lock)
            for pattern, lock in outputs.named(arguments, "save_path")
            for epoch in (epochs if isinstance(epochs, list) else [])
        ]

    def __init__(self, epochs: Iterable[int], save_path: str | os.PathLike[str]) -> None:
        check_list("epochs", epochs)
        self.epochs = list(epochs)
        self.save_path = outputs.admitted(save_path)
        for epoch in self.epochs:
            if isinstance(epoch, bool) or not isinstance(epoch, Integral) or epoch < 0:
                raise ValueError(f"epochs must be whole numbers of at least 0, not {epoch!r}")
        if PLACE not in os.path.basename(self.save_path):
            raise ValueError(f"save_path needs {PLACE} in the file's name, not {self.save_path!r}")

    def path(self, epoch: int) -> str:
        """The file of the model after `epoch`."""
        return self.save_path.replace(PLACE, str(epoch))

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Save, if this is one of the epochs."""
        epoch = model.monitor.get_epochs_seen()
        if epoch in self.epochs:
            modelfile.try_to_save(self.path(epoch), model)
