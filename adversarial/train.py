"""`Train`, the training loop: epochs, monitoring, extensions and saves.

`config` makes a `Train` object from a YAML file, and `scripts.train` calls its `main_loop`. The
loop over minibatches is in `training_algorithms.sgd`, saving and resuming in the base class.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Optional

import numpy as np

from adversarial import backend, checkpoint, preflight
from adversarial.datasets.feed import check_dataset, num_examples
from adversarial.files.atomic_write import check_writable, make_folder
from adversarial.models.mlp import MLP
from adversarial.models.mlp.composite import check_image_order
from adversarial.monitor import Monitor, add_data_free_channel
from adversarial.recovery import Recoverable, TrainingProgress, initialize
from adversarial.signals import STOPS, Interrupted, StopRequest
from adversarial.train_extensions import dispatch
from adversarial.training_algorithms.training_algorithm import DataOverflow, TrainingDiverged
from adversarial.utils.checks import check_part

log = logging.getLogger(__name__)

NAN_POLICIES = ("stop", "rollback")


class Train(Recoverable):
    """An experiment: a model, the data and the algorithm that trains it on them.

    Parameters
    ----------
    dataset : Dataset
    model : Model
    algorithm : TrainingAlgorithm, optional
        Without one, the model's method `train_all` trains it.
    save_path : str, optional
        The model file.
    save_freq : int
        The number of epochs from one save to the next; there is also a save at the end. 0: never.
    extensions : list of TrainExtension, optional
        Called at set-up, at each monitoring, and before each save.
    allow_overwrite : bool
        False: raise FileExistsError if the model file exists when a new training begins.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.models.mlp import Linear
    >>> from adversarial.training_algorithms.sgd import SGD
    >>> data, model = DenseDesignMatrix([[1.0]], y=[[2.0]]), MLP([Linear(1, "y", irange=1)], nvis=1)
    >>> Train(data, model, SGD(0.1, batch_size=1)).main_loop(max_epochs=2)
    >>> model.monitor.get_epochs_seen()
    2
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
        check_dataset("dataset", dataset)
        check_part("model", model, "get_params")
        if algorithm is not None:
            check_part("algorithm", algorithm, "train")
        if not isinstance(extensions or [], (list, tuple)):
            raise TypeError(f"extensions must be a list, not {extensions!r:.80}")
        for extension in extensions or []:
            check_part("one of the extensions", extension, "on_monitor")
        if num_examples(dataset) == 0:
            raise ValueError("the dataset holds no example to train on")
        super().__init__(dataset, model, algorithm, save_path, save_freq, extensions)
        self.allow_overwrite = allow_overwrite
        # Whether the last `main_loop` ended because its time budget was spent, and how many epochs
        # the model had when it began.
        self.is_out_of_time = False
        self.epochs_before = 0
        self._set_up: Optional[tuple[list[Any], Any]] = None
        # Whether the observers' `on_monitor` has yet to be called for the last monitoring.
        self._observers_wait = False
        if isinstance(model, MLP) and getattr(dataset, "view_converter", None) is not None:
            check_image_order(model, taken="a row of the data set")
        # The scripts that load the model file need these to load the data and to show images.
        model.dataset_yaml_src = getattr(dataset, "yaml_src", None)
        read = getattr(dataset, "yaml_inputs", None)
        if read:
            model.dataset_yaml_inputs = read
        model.view_converter = getattr(dataset, "view_converter", None)

    def setup(self) -> None:
        """Check the save path, compile, set extensions up, and enforce the model's constraints.

        The first `main_loop` calls this. A later one does if the model, a dataset, the algorithm,
        its cost, learning rule or an extension was replaced, or another `Train` set up the model.
        """
        self._check_save_path()
        preflight.before_compiling(self)
        monitor = self.model.monitor = Monitor.get_monitor(self.model)
        monitor.note_engine()
        with say_if_slow(backend.compiling()), monitor.setting_up():
            if self.algorithm is not None:
                with preflight.naming_deep_networks(self.model):
                    self.algorithm.setup(model=self.model, dataset=self.dataset)
                self._add_time_channels()
            self.setup_extensions()
            preflight.before_training(self)
            monitor.redo_theano()
        # Steps constrain the parameters that they compute; the initial ones are constrained here.
        # The parameters of a resumed training were constrained before they were saved.
        if self._resume_from is None and hasattr(self.model, "enforce_constraints"):
            self.model.enforce_constraints()
        self._set_up = self._parts()

    def _parts(self) -> tuple[list[Any], Any]:
        """(the objects whose replacement needs a new `setup`, the monitor's count of set-ups)."""
        monitor, algorithm = getattr(self.model, "monitor", None), self.algorithm
        used = [getattr(algorithm, name, None) for name in ("cost", "learning_rule")]
        monitored = preflight.monitored_sets(algorithm).values()
        parts = [self.model, monitor, self.dataset, algorithm, *used, *monitored, *self.extensions]
        return parts, getattr(monitor, "set_ups", None)

    def _is_set_up(self) -> bool:
        if self._set_up is None:
            return False
        (before, number), (now, number_now) = self._set_up, self._parts()
        same = len(before) == len(now) and all(old is new for old, new in zip(before, now))
        return same and number == number_now

    def _check_save_path(self) -> None:
        if self.save_path is None:
            return
        path = self.save_path
        check_writable(path)
        if os.path.exists(path) and not self.allow_overwrite and self._is_new():
            raise FileExistsError(f"{path} exists and allow_overwrite is off: move it away first")

    def _is_new(self) -> bool:
        return self._resume_from is None and self.last_save is None

    def _add_time_channels(self) -> None:
        monitored = getattr(self.algorithm, "monitoring_dataset", None)
        if not monitored:
            return
        for channel in (self.training_seconds, self.total_seconds):
            add_data_free_channel(self.model.monitor, monitored, channel.name, channel)

    def setup_extensions(self) -> None:
        dispatch.set_up(self.extensions, self.model, self.dataset, self.algorithm)

    def exceeded_time_budget(self, t0: float, time_budget: Optional[float]) -> bool:
        """Whether `time_budget` seconds have passed since `t0` (time.monotonic())."""
        if time_budget is None:
            return False
        # Several processes have to leave the loop together.
        if not backend.agree(int(time.monotonic() - t0 >= time_budget)):
            return False
        log.info("time budget of %g s spent", time_budget)
        return True

    def main_loop(
        self,
        time_budget: Optional[float] = None,
        max_epochs: Optional[int] = None,
        nan_policy: str = "stop",
    ) -> None:
        """Train until the termination criterion ends the training.

        The criterion is evaluated before the first epoch and after each epoch. If a signal,
        `max_epochs` or `time_budget` ended the last call, this continues that training. If the
        criterion ended it, this begins another training, for which an `EpochCounter` counts from 0.

        Parameters
        ----------
        time_budget : float, optional
            The number of seconds after which no epoch begins.
        max_epochs : int, optional
            The largest number of epochs, those before a resumption included. 0 is a dry run:
            compile and measure, but call no extension, train nothing and save nothing.
        nan_policy : str
            What to do if a parameter or objective is not finite. The model file stays, and the
            diverged state is saved beside it (.diverged.pkl). 'stop' raises TrainingDiverged.
            'rollback' restores the last save (or the beginning), multiplies the learning rate by
            `recovery.ROLLBACK_FACTOR` and continues, at most `MOST_ROLLBACKS` times.

        Raises
        ------
        Interrupted
            After SIGINT, SIGTERM, SIGHUP or SIGUSR1, when the current minibatch is done and the
            model is saved. A signal in a monitoring, or in an extension that `may_be_interrupted`,
            ends it between two batches; a resumed training repeats the whole monitoring.
        TrainingDiverged
            See `nan_policy`.
        """
        if nan_policy not in NAN_POLICIES:
            raise ValueError(f"nan_policy must be one of {NAN_POLICIES}, not {nan_policy!r}")
        t0 = time.monotonic()
        if self._resume_from is not None or not self._is_set_up():
            self.setup()
        monitor = self.model.monitor
        begun_at = monitor.get_epochs_seen()
        if self._resume_from is not None:
            self._go_back_to_saved()
            begun_at = self._course.first_epoch or 0
        elif self._course.is_finished:
            self._course = TrainingProgress()
        can_roll_back = nan_policy == "rollback"
        self._last_good = checkpoint.Snapshot(self.roots()) if can_roll_back else None
        if max_epochs == 0:
            self._measure()
            return
        if self.save_path is not None and backend.is_first_process():
            make_folder(self.save_path)
        until = None if max_epochs is None else begun_at + max_epochs
        # The counts of a model that has not been trained since, which need not be saved. None if an
        # epoch has yet to be measured: that changes the model's records.
        untouched = self._seen() if self._course.is_measured else None
        self.is_out_of_time = False
        self.epochs_before = monitor.get_epochs_seen()
        monitor.training_succeeded = False
        with StopRequest() as stop:
            if self.algorithm is not None:
                # Signals are handled between minibatches only, so a step is always complete.
                self.algorithm.between_minibatches = stop.check
            monitor.between_batches = stop.check
            try:
                while True:
                    try:
                        self._run(t0, time_budget, until, stop)
                        break
                    except TrainingDiverged as error:
                        self._keep_diverged()
                        self._check_data_overflow(error)
                        if nan_policy != "rollback":
                            raise
                        self._roll_back(error)
            except Interrupted:
                # Before the first minibatch, do not replace a trained model by an untrained one.
                if self.save_freq and self._seen() != untouched:
                    self.save()
                raise
            except backend.PeerLost:
                # Only the file: extensions might compute together with the process that has died.
                if self.save_freq and self.save_path is not None and self._seen() != untouched:
                    self._write(self.save_path)
                raise
            finally:
                vars(monitor).pop("between_batches", None)
            monitor.training_succeeded = True
            # A signal during this last save is handled after it.
            if self.save_freq and not (self.is_saved and self._seen() == untouched):
                self.save()
        self._call_observers()
        if stop.signum is not None:
            raise Interrupted(stop.signum)

    def _run(
        self, t0: float, time_budget: Optional[float], until: Optional[int], stop: StopRequest
    ) -> None:
        """Train up to epoch `until`, or as long as the criterion and the extensions say."""
        monitor, course = self.model.monitor, self._course
        go_on = True
        if course.first_epoch is None:
            go_on = self.run_callbacks_and_monitoring()
            course.first_epoch = monitor.get_epochs_seen()
        else:
            self._observers_wait = course.is_measured
        # In files of an earlier version, the criterion has not been evaluated in the first epoch.
        if not course.is_asked and monitor.get_epochs_seen() == course.first_epoch:
            initialize(getattr(self.algorithm, "termination_criterion", None), self.model)
            course.is_finished = not (self._continue_learning() and go_on)
        course.is_asked = True
        if not course.is_finished:
            self._call_observers()
        while True:
            stop.check()
            epoch_began = time.monotonic()
            if course.is_measured:
                if course.is_finished or (until is not None and monitor.get_epochs_seen() >= until):
                    return
                if self.exceeded_time_budget(t0, time_budget):
                    self.is_out_of_time = True
                    return
                epoch_began -= course.epoch_seconds
                try:
                    self._train_epoch()
                finally:
                    course.epoch_seconds = time.monotonic() - epoch_began
                backend.assign(self.training_seconds, course.epoch_seconds)
                course.epoch_seconds = 0.0
                monitor.report_epoch()
                course.is_measured = False
            go_on = self.run_callbacks_and_monitoring()
            course.is_measured = True
            backend.assign(self.total_seconds, time.monotonic() - epoch_began)
            course.is_finished = not (self._continue_learning() and go_on)
            epochs = monitor.get_epochs_seen()
            if course.is_finished or epochs == until:
                return  # `main_loop` saves the model, and then calls the observers
            if self.save_freq and (self._save_failed or epochs % self.save_freq == 0):
                self.save()
            self._call_observers()

    def _train_epoch(self) -> None:
        if self.algorithm is not None:
            # Callbacks such as `EpochMonitor` measure within an epoch. A signal does not end that
            # measurement but the minibatch, once all callbacks were called: a resumed training goes
            # on with the next minibatch, and would repeat neither.
            monitor = self.model.monitor
            check = vars(monitor).pop("between_batches", None)
            try:
                self.algorithm.train(dataset=self.dataset)
            finally:
                if check is not None:
                    monitor.between_batches = check
        else:
            self.model.train_all(dataset=self.dataset)

    def _continue_learning(self) -> bool:
        if self.algorithm is not None:
            return bool(self.algorithm.continue_learning(self.model))
        return bool(self.model.continue_learning())

    def run_callbacks_and_monitoring(self) -> bool:
        """Measure the channels, and call the participants among the extensions.

        Returns False if one of them raised StopIteration, which ends the training. The observers
        are called later, when the model has been saved (`train_extensions.dispatch`).
        """
        before = None
        if any(getattr(each, "may_be_interrupted", False) for each in self.extensions):
            before = checkpoint.Snapshot(self.roots())
        self._measure()
        self._observers_wait = True
        try:
            return dispatch.call_participants_on_monitor(
                self.extensions, self.model, self.dataset, self.algorithm
            )
        except STOPS as stop:
            if before is not None:
                # A participant before this one may have acted on this monitoring. The resumed
                # training repeats the monitoring and calls all of them, so undo what they did.
                if isinstance(stop, Interrupted):
                    self._restore(before)
                else:  # without `on_resume`: it might compute together with the lost process
                    before.restore(self.roots())
                self._observers_wait = False
            raise

    def _measure(self) -> None:
        self.model.monitor()
        self._check_objectives()

    def _call_observers(self) -> None:
        """Call the observers' `on_monitor`, unless it was called since the last monitoring."""
        if self._observers_wait:
            self._observers_wait = False
            dispatch.call_observers(
                self.extensions, "on_monitor", self.model, self.dataset, self.algorithm
            )

    def _check_data_overflow(self, error: TrainingDiverged) -> None:
        """Raise DataOverflow if the data are so large that they explain `error`."""
        data = preflight.too_large(self)
        if data is not None:
            what = str(error).partition(": the run has diverged")[0]
            raise DataOverflow(
                f"{what}: {data}, which overflow in float32; divide the data by their largest "
                "value, or standardize their columns"
            ) from error

    def _check_objectives(self) -> None:
        for name, channel in self.model.monitor.channels.items():
            words = name.split("_")
            # Without `val`, it is the record of a training before this one.
            measured = channel.val is not None and len(channel.val_record)
            if measured and "objective" in words[-2:]:
                if not np.isfinite(channel.val_record[-1]):
                    raise TrainingDiverged(
                        f"the channel {name} is {channel.val_record[-1]} after epoch "
                        f"{self.model.monitor.get_epochs_seen()}: the run has diverged; a lower "
                        "learning_rate may help"
                    )


@contextlib.contextmanager
def say_if_slow(line: str, seconds: float = 2.0) -> Iterator[None]:
    """Log `line` if the block takes longer than `seconds`."""
    timer = threading.Timer(seconds, log.info, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


if __name__ == "__main__":  # `python -m adversarial.train` is train.py
    from adversarial.scripts.train import command

    sys.exit(command())
