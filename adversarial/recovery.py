"""Saving a training, resuming it from a model file, and rolling back when it has diverged.

`Recoverable` is the base class of `Train`. It knows what the state of a training is
(`Recoverable.roots`) and nothing of the order in which a training proceeds.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any, Optional

from adversarial import backend, checkpoint, modelfile
from adversarial.files import outputs
from adversarial.modelfile import Persistent
from adversarial.reconfigure import Edits
from adversarial.train_extensions import dispatch
from adversarial.training_algorithms.training_algorithm import TrainingDiverged
from adversarial.utils import memory

log = logging.getLogger(__name__)

# What a rollback multiplies the learning rate by, and how many of them a training may have.
ROLLBACK_FACTOR = 0.5
MOST_ROLLBACKS = 5


class TrainingProgress(Persistent):
    """How far a training has come, except for what the monitor counts."""

    def __init__(self) -> None:
        self.first_epoch: Optional[int] = None  # None until training has begun
        self.is_asked = False  # whether the criterion has been asked before the first epoch
        self.is_finished = False  # by the algorithm's own criterion, or an extension
        # Whether the last epoch has been measured, the extensions told and the criterion asked.
        self.is_measured = True
        self.epoch_seconds = 0.0  # that the epoch under way has taken already
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
        Save after every so many epochs, and at the end; 0 never saves.
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
        # What says how to make this object again (a plain dict); kept in the model file.
        self.experiment: Optional[dict[str, Any]] = None
        # Further modules whose classes its own model files may hold.
        self.allow_modules: Collection[str] = ()
        self._course = TrainingProgress()
        # (epochs, minibatches) of what the model file holds; None where it is not of this training.
        self.last_save: Optional[tuple[int, int]] = None
        # Where the state of a training that diverged is kept.
        self.diverged_path: Optional[str] = None
        self._save_failed = False
        self._resume_from: Optional[checkpoint.Saved] = None
        self._edits: Optional[Edits] = None
        # Where a rollback goes: what was saved in this process, or a path.
        self._last_good: Any = None
        self.training_seconds = backend.shared(0.0, "training_seconds_this_epoch")
        self.total_seconds = backend.shared(0.0, "total_seconds_last_epoch")

    def setup(self) -> None:
        """Compile, and set the parts of the training up."""
        raise NotImplementedError

    def _continue_learning(self) -> bool:
        raise NotImplementedError

    def resume(self, saved: checkpoint.Saved, edits: Optional[Edits] = None) -> None:
        """Have `main_loop` go on from `saved` (see `checkpoint.read`).

        This object must have been made as the one that was saved, but for `edits`.
        """
        saved.prepare(self.model)
        self._resume_from = saved
        self._edits = edits

    def bring_back(self) -> None:
        """Be as `main_loop` left this object, by the file given to `resume`, and train no more.

        Without a file it is only set up.
        """
        self.setup()
        if self._resume_from is not None:
            self._go_back_to_saved()
        self.model.monitor.training_succeeded = True

    def tell_again(self, added: Collection[Any]) -> None:
        """Have those who only watch do what they do after the last save and monitoring.

        `added` are those that have been put into `extensions` since `bring_back`.
        """
        parts = (self.model, self.dataset, self.algorithm)
        dispatch.set_up(list(added), *parts)
        dispatch.call_observers(self.extensions, "on_save", *parts)
        dispatch.call_observers(self.extensions, "on_monitor", *parts)

    def _go_back_to_saved(self) -> None:
        assert self._resume_from is not None
        self._restore(self._resume_from)
        self._last_good = self._resume_from
        self._resume_from = None
        self.last_save = self._seen()

    def save(self) -> None:
        """Write the model file; a failure is a warning, so that training goes on.

        Extensions are told before, those that only watch after it.
        """
        parts = (self.model, self.dataset, self.algorithm)
        dispatch.call_participants_on_save(self.extensions, *parts)
        if self.save_path is not None:
            self._save_failed = not self._write(self.save_path)
            memory.give_back()
            if not self._save_failed:
                self.last_save = self._seen()
                self._last_good = self.save_path
        dispatch.call_observers(self.extensions, "on_save", *parts)

    def _write(self, path: str) -> bool:
        return modelfile.try_to_save(path, self.model, self._training())

    def _training(self) -> dict[str, Any]:
        return checkpoint.document(self.roots(), self.experiment)

    def roots(self) -> dict[str, Any]:
        """What holds the state of the training; those who only watch have none."""
        return {
            "model": self.model,
            "extensions": [each for each in self.extensions if not dispatch.is_observer(each)],
            "algorithm": self.algorithm,
            "callbacks": list(getattr(self.algorithm, "update_callbacks", ())),
            "course": self._course,
            "dataset": _Holder(self.dataset, self.training_seconds, self.total_seconds),
        }

    def _restore(self, saved: checkpoint.Saved) -> None:
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
            self._ask_edited_criterion(edits)
        if lost:
            log.warning(
                "not all that was saved has a place in the experiment as it is now (%s): training "
                "goes on, but not bit for bit",
                ", ".join(lost[:5]),
            )
        for extension in self.extensions:
            if hasattr(extension, "on_resume"):  # of a class that 2014 did not derive from ours
                dispatch.call(extension, "on_resume", self.model, self.dataset, self.algorithm)

    def _ask_edited_criterion(self, edits: Edits) -> None:
        """Whether training goes on, by a criterion that was edited or had ended it."""
        of_criterion = [p for p in edits.changed if p.startswith("algorithm.termination_criterion")]
        if self._course.is_finished or of_criterion:
            self._course.is_finished = not self._continue_learning()

    def _keep_diverged(self) -> None:
        if self.save_path is not None:
            path = outputs.beside(self.save_path, outputs.DIVERGED)
            self.diverged_path = path if self._write(path) else None

    def _roll_back(self, error: TrainingDiverged) -> None:
        """To the last good state, with a lower learning rate; `error` when that was done enough."""
        rollbacks = self._course.rollbacks + 1
        scale = getattr(self.algorithm, "learning_rate_scale", None)
        if rollbacks > MOST_ROLLBACKS or scale is None or self._last_good is None:
            raise error
        lowered = float(scale.get_value()) * ROLLBACK_FACTOR
        good = self._last_good
        if not isinstance(good, checkpoint.Saved):
            good = checkpoint.read(good, self.allow_modules)
        self._restore(good)
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


class _Holder:
    """Things whose state is saved under one name."""

    def __init__(self, *things: Any) -> None:
        self.things = list(things)
