"""Saves a training, resumes it from a model file, and rolls it back when it has diverged.

`Recoverable` is the base class of `Train`. It defines the state of a training
(`Recoverable.roots`); `Train` defines the training loop. `checkpoint` reads and restores the state.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable
from typing import Any, Optional, Union

from adversarial import backend, checkpoint, modelfile
from adversarial.files import outputs, placement
from adversarial.modelfile import Persistent
from adversarial.reconfigure import Edits
from adversarial.train_extensions import dispatch
from adversarial.training_algorithms.training_algorithm import TrainingDiverged
from adversarial.utils import memory

log = logging.getLogger(__name__)

# The factor of the learning rate in a rollback, and the largest number of rollbacks of a training.
ROLLBACK_FACTOR = 0.5
MOST_ROLLBACKS = 5


class TrainingProgress(Persistent):
    """The progress of a training, apart from the counts of the monitor."""

    def __init__(self) -> None:
        self.first_epoch: Optional[int] = None  # None until training has begun
        self.is_asked = False  # whether the criterion has been evaluated before the first epoch
        self.is_finished = False  # whether the criterion, or an extension, has ended the training
        # Whether the monitoring after the last epoch is complete: channels measured, participants
        # called, criterion evaluated.
        self.is_measured = True
        self.epoch_seconds = 0.0  # the seconds that the unfinished epoch has taken so far
        self.rollbacks = 0


class Recoverable:
    """A training that can be saved, resumed and rolled back.

    Parameters
    ----------
    dataset : Dataset
    model : Model
    algorithm : TrainingAlgorithm, optional
    save_path : str, optional
        The model file.
    save_freq : int
        The number of epochs from one save to the next; there is also a save at the end. 0: never.
    extensions : list of TrainExtension, optional
    """

    def __init__(
        self,
        dataset: Any,
        model: Any,
        algorithm: Any,
        save_path: Optional[str],
        save_freq: int,
        extensions: Optional[list],
    ) -> None:
        self.dataset = dataset
        self.model = model
        self.algorithm = algorithm
        self.save_path = None if save_path is None else outputs.admitted(save_path)
        self.save_freq = save_freq
        self.extensions = list(extensions or [])
        # The description of the experiment (YAML text, seed, ...) by which `Run` makes it again; a
        # dict of plain data, which is saved in the model file.
        self.experiment: Optional[dict[str, Any]] = None
        # Modules of the user's own whose classes the model file may contain.
        self.allow_modules: Collection[str] = ()
        self._course = TrainingProgress()
        # (epochs, minibatches) of the model in the model file; None before the first save.
        self.last_save: Optional[tuple[int, int]] = None
        # The path of the saved state of a diverged training; None if there is none.
        self.diverged_path: Optional[str] = None
        self._save_failed = False
        self._resume_from: Optional[checkpoint.Saved] = None
        self._edits: Optional[Edits] = None
        # The state that a rollback restores, that of the last save or of the beginning; None if
        # there are no rollbacks. It is in memory, since the model file may be gone by then, and of
        # several processes only the first writes it.
        self._last_good: Optional[checkpoint.Snapshot] = None
        self.training_seconds = backend.shared(0.0, "training_seconds_this_epoch")
        self.total_seconds = backend.shared(0.0, "total_seconds_last_epoch")

    def setup(self) -> None:
        """Compile, and set up the parts of the training."""
        raise NotImplementedError

    def _continue_learning(self) -> bool:
        raise NotImplementedError

    def resume(
        self, saved: Union[checkpoint.Saved, str, os.PathLike[str]], edits: Optional[Edits] = None
    ) -> None:
        """Make `main_loop` continue from `saved`, or from the model file of that path.

        This object must have been made from the same YAML as the saved one, except for `edits`.
        """
        if isinstance(saved, (str, os.PathLike)):
            saved = checkpoint.read(os.fspath(saved), self.allow_modules)
        saved.prepare(self.model)
        self._resume_from = saved
        self._edits = edits

    def restore_finished(self) -> None:
        """Set up, and restore the state at the end of `main_loop` from the file given to `resume`.

        Used for a finished phase, which is not trained again. Without a file, only sets up.
        """
        self.setup()
        if self._resume_from is not None:
            self._go_back_to_saved()
        self.model.monitor.training_succeeded = True

    def call_observers_again(self, added: Collection[Any]) -> None:
        """Call the observers again as after the last save and monitoring.

        `added` are the extensions that have been appended to `extensions` since `restore_finished`.
        """
        parts = (self.model, self.dataset, self.algorithm)
        dispatch.set_up(list(added), *parts)
        dispatch.call_observers(self.extensions, "on_save", *parts)
        dispatch.call_observers(self.extensions, "on_monitor", *parts)

    def _go_back_to_saved(self) -> None:
        assert self._resume_from is not None
        self._restore_saved(self._resume_from)
        self._resume_from = None
        self.last_save = self._seen()

    def save(self) -> None:
        """Write the model file; a failure is logged, and training goes on.

        Calls `on_save` of participants before, and of observers after it.
        """
        parts = (self.model, self.dataset, self.algorithm)
        dispatch.call_participants_on_save(self.extensions, *parts)
        if self.save_path is not None:
            self._save_failed = not self._write(self.save_path)
            memory.trim_heap()
            if not self._save_failed:
                self.last_save = self._seen()
        # Also if the file could not be written: other processes do not know of that.
        if self._last_good is not None:
            self._last_good = checkpoint.Snapshot(self.roots())
        dispatch.call_observers(self.extensions, "on_save", *parts)

    def _write(self, path: str) -> bool:
        return modelfile.try_to_save(path, self.model, self._training())

    def _training(self) -> dict[str, Any]:
        return checkpoint.document(self.roots(), self.experiment)

    def roots(self) -> dict[str, Any]:
        """The objects that hold the state of the training, by name. Observers have no state."""
        return {
            "model": self.model,
            "extensions": [each for each in self.extensions if not dispatch.is_observer(each)],
            "algorithm": self.algorithm,
            "callbacks": list(getattr(self.algorithm, "update_callbacks", ())),
            "course": self._course,
            "dataset": _Holder(self.dataset, self.training_seconds, self.total_seconds),
        }

    def _restore_saved(self, saved: checkpoint.Saved) -> None:
        other = checkpoint.other_machine(saved.machine)
        if other is not None:
            log.warning(
                "%s was trained with %s: the numbers will agree closely, but not bit for bit",
                saved.name,
                other,
            )
        edits, self._edits = self._edits, None
        lost = saved.restore(self.roots(), edits)
        if edits is not None:
            self._go_on_by_edited_criterion(edits)
        self._after_restoring(lost)
        if edits is not None:
            extensions = self.roots()["extensions"]
            edited = [e for i, e in enumerate(extensions) if edits.concerns(f"extensions[{i}]")]
            self._call(edited, "on_edit")

    def _restore(self, snapshot: checkpoint.Snapshot) -> None:
        self._after_restoring(snapshot.restore(self.roots()))

    def _after_restoring(self, lost: list[str]) -> None:
        if lost:
            log.warning(
                "not all that was saved has a place in the experiment as it is now (%s): training "
                "goes on, but not bit for bit",
                ", ".join(lost[:5]),
            )
        self._call(self.extensions, "on_resume")

    def _call(self, extensions: Iterable[Any], method: str) -> None:
        for extension in extensions:
            if hasattr(extension, method):  # it need not be a TrainExtension
                dispatch.call(extension, method, self.model, self.dataset, self.algorithm)

    def _go_on_by_edited_criterion(self, edits: Edits) -> None:
        """Initialize new criteria, and evaluate one that was edited or had ended the training.

        The edited file says when this training ends, not how much longer it lasts: a new criterion
        is as if the training had begun with it.
        """
        with self.model.monitor.back_at(self._course.first_epoch or 0):
            for criterion in edits.new_criteria:
                initialize(criterion, self.model)
        if self._course.is_finished or edits.is_criterion_edited:
            before = checkpoint.Snapshot(self.roots())
            try:
                finished = not self._continue_learning()
            except (IndexError, ValueError):
                # It reads a channel that the edited file introduces, which has no value yet.
                finished = False
            # Some criteria count how often they are asked, and were asked about this epoch before.
            before.restore(self.roots())
            self._course.is_finished = finished

    def _keep_diverged(self) -> None:
        if self.save_path is not None:
            path = outputs.beside(self.save_path, placement.DIVERGED)
            self.diverged_path = path if self._write(path) else None

    def _roll_back(self, error: TrainingDiverged) -> None:
        """Restore the last good state and lower the learning rate.

        Raises `error` if there is no such state, or after MOST_ROLLBACKS rollbacks.
        """
        rollbacks = self._course.rollbacks + 1
        scale = getattr(self.algorithm, "learning_rate_scale", None)
        if rollbacks > MOST_ROLLBACKS or scale is None or self._last_good is None:
            raise error
        lowered = float(scale.get_value()) * ROLLBACK_FACTOR
        self._restore(self._last_good)
        self._course.rollbacks = rollbacks
        backend.assign(scale, lowered)
        log.warning("%s", error)
        log.warning(
            "rolled back to epoch %d, minibatch %d; going on with %g times the learning rate "
            "(rollback %d of %d)",
            *self._seen(),
            lowered,
            rollbacks,
            MOST_ROLLBACKS,
        )

    @property
    def is_saved(self) -> bool:
        """Whether the model file holds the model as it is now."""
        return self.last_save == self._seen()

    def _seen(self) -> tuple[int, int]:
        return self.model.monitor.get_epochs_seen(), self.model.monitor.get_batches_seen()


def initialize(criterion: Any, model: Any) -> None:
    """Call the method `initialize` of a termination criterion, if it has one."""
    if hasattr(criterion, "initialize"):
        criterion.initialize(model)


class _Holder:
    """Groups objects, so that `roots` can hold their states under one name."""

    def __init__(self, *things: Any) -> None:
        self.things = list(things)
