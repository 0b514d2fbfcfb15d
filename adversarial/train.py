"""The train loop: epochs, monitoring, callbacks and saves."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import numpy as np

from adversarial import backend
from adversarial.monitor import Monitor
from adversarial.space import NullSpace
from adversarial.utils import serial
from adversarial.utils.signals import Interrupted, StopRequest

log = logging.getLogger(__name__)

COMPILING = (
    "compiling; the first time this takes up to a minute, because every operation becomes C++ "
    "that g++ has to compile (later starts find the results)"
)


class Train:
    """An experiment: a model, the data and the algorithm that trains it on them.

    Parameters
    ----------
    dataset : Dataset
    model : Model
    algorithm : TrainingAlgorithm, optional
        Without one the model trains itself, by its `train_all`.
    save_path : str, optional
        The model file.
    save_freq : int
        Save after every so many epochs, and at the end; 0 never saves.
    extensions : list of TrainExtension, optional
        Called at set-up, at each monitoring, and before each save.
    allow_overwrite : bool
        False: refuse to begin when the model file exists.
    """

    def __init__(
        self,
        dataset: Any,
        model: Any,
        algorithm: Any = None,
        save_path: Optional[str] = None,
        save_freq: int = 0,
        extensions: Optional[list] = None,
        allow_overwrite: bool = True,
    ) -> None:
        if not isinstance(save_freq, int) or save_freq < 0:
            raise ValueError(f"save_freq must be an integer of at least 0, not {save_freq!r}")
        if save_freq and save_path is None:
            raise ValueError(f"save_freq is {save_freq}, but no save_path is given")
        self.dataset = dataset
        self.model = model
        self.algorithm = algorithm
        self.save_path = save_path
        self.save_freq = save_freq
        self.allow_overwrite = allow_overwrite
        self.extensions = list(extensions or [])
        self._saved_at: Optional[tuple[int, int]] = None
        self.training_seconds = backend.shared(0.0, "training_seconds_this_epoch")
        self.total_seconds = backend.shared(0.0, "total_seconds_last_epoch")
        # What `!pkl:` users and the scripts need to find the data and its pictures again.
        model.dataset_yaml_src = getattr(dataset, "yaml_src", None)
        model.view_converter = getattr(dataset, "view_converter", None)

    def setup(self) -> None:
        """Check the save path, compile, and set extensions up."""
        self._check_save_path()
        self.model.monitor = Monitor.get_monitor(self.model)
        with say_if_slow(COMPILING):
            if self.algorithm is not None:
                self.algorithm.setup(model=self.model, dataset=self.dataset)
                self._add_time_channels()
            self.setup_extensions()
            self.model.monitor.redo_theano()

    def _check_save_path(self) -> None:
        if self.save_path is None:
            return
        path = Path(self.save_path)
        if path.exists() and not self.allow_overwrite:
            raise FileExistsError(f"{path} exists and allow_overwrite is off: move it away first")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"{path.parent}, where the model is to be saved, is no folder")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(f"{path}, where the model is to be saved, is not writable")
        if path.exists() and not path.is_file():
            raise FileExistsError(f"{path}, where the model is to be saved, is no file")

    def _add_time_channels(self) -> None:
        monitored = getattr(self.algorithm, "monitoring_dataset", None)
        if not monitored:
            return
        first = next(iter(monitored.values()))
        for channel in (self.training_seconds, self.total_seconds):
            self.model.monitor.add_channel(
                channel.name, None, channel, dataset=first, data_specs=(NullSpace(), "")
            )

    def setup_extensions(self) -> None:
        for extension in self.extensions:
            extension.setup(self.model, self.dataset, self.algorithm)

    def exceeded_time_budget(self, t0: float, time_budget: Optional[float]) -> bool:
        """Whether `time_budget` seconds have gone since `t0` (time.monotonic())."""
        if time_budget is None or time.monotonic() - t0 < time_budget:
            return False
        log.info("time budget of %g s spent", time_budget)
        return True

    def main_loop(self, time_budget: Optional[float] = None) -> None:
        """Train until the criterion says stop, or `time_budget` seconds are spent.

        Interrupted after SIGINT or SIGTERM, once the minibatch is done and the model saved.
        """
        t0 = time.monotonic()
        self.setup()
        untrained = self._seen()
        with StopRequest() as stop:
            try:
                self._run(t0, time_budget, stop)
            except Interrupted:
                # A model that has not been trained must not replace one that has.
                if self.save_freq and self._seen() != untrained:
                    self.save()
                raise
        self.model.monitor.training_succeeded = True
        if self.save_freq:
            self.save()

    def _run(self, t0: float, time_budget: Optional[float], stop: StopRequest) -> None:
        monitor = self.model.monitor
        self.run_callbacks_and_monitoring()
        if self.algorithm is not None:
            # Between minibatches only: a step is never torn in two.
            self.algorithm.update_callbacks.append(lambda algorithm: stop.check())
        while True:
            stop.check()
            if self.exceeded_time_budget(t0, time_budget):
                return
            epoch_began = time.monotonic()
            go_on = self._train_epoch()
            _set(self.training_seconds, time.monotonic() - epoch_began)
            monitor.report_epoch()
            self.run_callbacks_and_monitoring()
            _set(self.total_seconds, time.monotonic() - epoch_began)
            if self.algorithm is not None:
                go_on = self.algorithm.continue_learning(self.model)
            if not go_on:
                return
            if self.save_freq and monitor.get_epochs_seen() % self.save_freq == 0:
                self.save()

    def _train_epoch(self) -> bool:
        if self.algorithm is not None:
            self.algorithm.train(dataset=self.dataset)
            return True
        self.model.train_all(dataset=self.dataset)
        return self.model.continue_learning()

    def run_callbacks_and_monitoring(self) -> None:
        """Measure the channels, then call the extensions."""
        self.model.monitor()
        for extension in self.extensions:
            extension.on_monitor(self.model, self.dataset, self.algorithm)

    def save(self) -> None:
        """Write the model file; a failure is a warning, so that training goes on."""
        for extension in self.extensions:
            extension.on_save(self.model, self.dataset, self.algorithm)
        if self.save_path is None:
            return
        try:
            serial.save(self.save_path, self.model)
        except OSError as error:
            log.warning("could not save %s: %s", self.save_path, error.strerror or error)
        else:
            self._saved_at = self._seen()

    @property
    def is_saved(self) -> bool:
        """Whether the model file holds the model as it is now."""
        return self._saved_at == self._seen()

    def _seen(self) -> tuple[int, int]:
        return self.model.monitor.get_epochs_seen(), self.model.monitor.get_batches_seen()


@contextlib.contextmanager
def say_if_slow(line: str, seconds: float = 2.0) -> Iterator[None]:
    """Log `line` if the block takes longer than so many seconds."""
    timer = threading.Timer(seconds, log.info, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _set(variable: Any, seconds: float) -> None:
    variable.set_value(np.asarray(seconds, dtype=variable.dtype))
