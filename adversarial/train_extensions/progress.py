"""Progress bars of epochs and of monitorings; without a terminal, a line every few seconds."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Optional

from tqdm import tqdm

from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.dispatch import warn_of_fault

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 5.0


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def bar_class() -> Any:
    """tqdm; in a notebook, the bar that notebooks draw."""
    if not is_notebook():
        return tqdm
    from tqdm.auto import tqdm as notebook_bar

    return notebook_bar


class Progress(TrainExtension):
    """Shows on stderr, within each epoch, the examples per second and the time left.

    Parameters
    ----------
    bar : bool, optional
        True for a bar, which is removed after the epoch, and another one while the channels are
        measured; False for lines in the log. By default bars if stderr is a terminal, or in a
        notebook.
    seconds_between_lines : float
        The least number of seconds between two lines.

    Examples
    --------
    It is called after each minibatch:

    >>> from adversarial.training_algorithms.sgd import SGD
    >>> algorithm = SGD(0.1)
    >>> Progress(bar=False).setup(None, None, algorithm)
    >>> len(algorithm.update_callbacks)
    1
    """

    only_watches = True

    def __init__(
        self, bar: Optional[bool] = None, seconds_between_lines: float = SECONDS_BETWEEN_LINES
    ) -> None:
        self.bar = sys.stderr.isatty() or is_notebook() if bar is None else bar
        self.seconds_between_lines = seconds_between_lines
        self._shown: Optional[tqdm] = None
        # The data set of the bar that is shown, if that is of a monitoring.
        self._measuring: Optional[str] = None
        self._failed = False
        self._epoch = 0
        # The number of minibatches done at the first call in this epoch: above 1 in an epoch that
        # is resumed.
        self._first: Optional[int] = None
        self._began = self._last = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shown": None, "_measuring": None}

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add an update callback to the algorithm, and a callback to the monitor, if they can.

        The update callback of another Progress, of an earlier training, is removed.
        """
        monitor = getattr(model, "monitor", None)
        if self.bar and monitor is not None:
            monitor.show_progress = self._on_measured
        callbacks = getattr(algorithm, "update_callbacks", None)
        if callbacks is not None:
            owners = [getattr(each, "__self__", None) for each in callbacks]
            others = [c for c, o in zip(callbacks, owners) if not isinstance(o, Progress)]
            callbacks[:] = [*others, self._on_minibatch]

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Remove the bar: the epoch is over and measured."""
        self.close()
        self._epoch = model.monitor.get_epochs_seen()
        self._first = None

    def close(self) -> None:
        """Remove the bar, if one is shown."""
        shown, self._shown, self._measuring = self._shown, None, None
        if shown is not None:
            try:
                shown.close()
            except Exception as error:
                warn_of_fault("Progress", error)

    def _on_minibatch(self, algorithm: Any) -> None:
        self._attempt(self._update_bar if self.bar else self._log_line, algorithm)

    def _on_measured(self, name: str, examples: int, total: Optional[int]) -> None:
        self._attempt(self._measured, name, examples, total)

    def _attempt(self, show: Callable[..., None], *arguments: Any) -> None:
        """Call `show`; after an error of the terminal, which must not end the training, no more."""
        if self._failed:
            return
        try:
            show(*arguments)
        except Exception as error:
            self._failed = True
            warn_of_fault("Progress", error)

    def _update_bar(self, algorithm: Any) -> None:
        if self._shown is None:
            self._shown = self._new_bar(
                f"epoch {self._epoch + 1}",
                total=algorithm.batches_per_epoch * algorithm.batch_size or None,
                initial=(algorithm.batches_this_epoch - 1) * algorithm.batch_size,
            )
        self._shown.update(algorithm.batch_size)

    def _measured(self, name: str, examples: int, total: Optional[int]) -> None:
        # Two data sets of the same class have the same name; the count of each begins anew.
        if self._shown is None or self._measuring != name or examples <= self._shown.n:
            self.close()
            self._shown, self._measuring = self._new_bar(f"measuring {name}", total), name
        self._shown.update(examples - self._shown.n)

    def _new_bar(self, description: str, total: Optional[int], initial: int = 0) -> tqdm:
        return bar_class()(
            total=total,
            initial=initial,
            desc=description,
            unit=" examples",
            unit_scale=True,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {rate_noinv_fmt}, {remaining} left",
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
        )

    def _log_line(self, algorithm: Any) -> None:
        now = time.monotonic()
        done, total = algorithm.batches_this_epoch, algorithm.batches_per_epoch
        if self._first is None:
            self._first, self._began, self._last = done, now, now
        if now - self._last < self.seconds_between_lines or done in (self._first, total):
            return
        self._last = now
        seconds_a_batch = (now - self._began) / (done - self._first)
        if not total:  # the length of a stream is unknown
            log.info(
                "epoch %d: minibatch %d, %.0f examples/s",
                self._epoch + 1,
                done,
                algorithm.batch_size / seconds_a_batch,
            )
            return
        log.info(
            "epoch %d: minibatch %d of %d, %.0f examples/s, %.0f s left",
            self._epoch + 1,
            done,
            total,
            algorithm.batch_size / seconds_a_batch,
            (total - done) * seconds_a_batch,
        )
