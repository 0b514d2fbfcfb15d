"""What a model has been trained on: epochs, minibatches, examples, seconds, and by which engine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from adversarial import backend
from adversarial.modelfile import Persistent


class Experience(Persistent):
    """Counts what a model is trained on; the base class of `Monitor`.

    Attributes
    ----------
    engines : list of (int, str)
        The number of epochs seen and what computed from then on (`backend.describe()`), at each
        change of engine or devices.

    Examples
    --------
    >>> experience = Experience()
    >>> experience.report_batch(100)
    >>> experience.report_batch(50)
    >>> experience.report_epoch()
    >>> experience.get_epochs_seen(), experience.get_batches_seen(), experience.get_examples_seen()
    (1, 2, 150)
    """

    def __init__(self) -> None:
        self.engines: list[tuple[int, str]] = []
        self._epochs_seen = 0
        self._batches_seen = 0
        self._examples_seen = 0
        self._seconds_before = 0.0
        self._began = time.monotonic()

    def get_epochs_seen(self) -> int:
        return self._epochs_seen

    def get_batches_seen(self) -> int:
        return self._batches_seen

    def get_examples_seen(self) -> int:
        return self._examples_seen

    def report_batch(self, num_examples: int) -> None:
        """Count a training minibatch."""
        self._batches_seen += 1
        self._examples_seen += num_examples

    def report_epoch(self) -> None:
        """Count a training epoch."""
        self._epochs_seen += 1

    def note_engine(self) -> None:
        """Add the engine in use to `engines`, if it is another than before."""
        text = backend.describe()
        if not self.engines or self.engines[-1][1] != text:
            self.engines.append((self._epochs_seen, text))

    def take_counts(self, earlier: Experience) -> None:
        """Go on from the counts of `earlier`."""
        self._epochs_seen = earlier._epochs_seen
        self._batches_seen = earlier._batches_seen
        self._examples_seen = earlier._examples_seen

    @contextlib.contextmanager
    def back_at(self, epochs: int) -> Iterator[None]:
        """Within this block, as many epochs have been seen as when a training began."""
        now, self._epochs_seen = self._epochs_seen, epochs
        try:
            yield
        finally:
            self._epochs_seen = now

    def take_clock(self, earlier: Experience) -> None:
        """Go on from the seconds of `earlier`."""
        self._seconds_before = earlier._seconds()
        self._began = time.monotonic()

    def _take_clock_and_engines(self, earlier: Experience) -> None:
        self._seconds_before = earlier._seconds_before
        self._began = time.monotonic()
        self.engines = [*earlier.engines]
        self.note_engine()

    def _seconds(self) -> float:
        """Seconds since the model was first monitored, without those between two processes."""
        return self._seconds_before + time.monotonic() - self._began
