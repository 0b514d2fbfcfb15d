"""`TensorBoard`, which logs a training to a file that TensorBoard shows."""

from __future__ import annotations

import os
from importlib.util import find_spec

from adversarial.tracking import Log
from adversarial.tracking.event_file import EventFile
from adversarial.train_extensions.tracking import Tracker, missing


class TensorBoard(Tracker):
    """Logs channels, samples, histograms and the YAML text, for `tensorboard --logdir FOLDER`.

    Parameters
    ----------
    log_dir : str
        The folder of this run, whose file is `events.tfevents`. TensorBoard shows all runs in the
        folders of a folder.
    samples_every, histograms_every, seed
        As `Tracker` takes them.

    Raises
    ------
    ImportError, OutsideError, ValueError
        As of `Tracker`.

    Examples
    --------
    In a YAML file, in the list of extensions::

        !obj:adversarial.train_extensions.tensorboard.TensorBoard {
            log_dir: "${PYLEARN2_TRAIN_DIR}logs/mnist"
        }

    >>> TensorBoard("logs/mnist").path
    'logs/mnist/events.tfevents'
    """

    _file = "/events.tfevents"

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        samples_every: int = 1,
        histograms_every: int = 1,
        seed: int = 0,
    ) -> None:
        if find_spec("tensorboardX") is None:
            raise missing("tensorboardX", "tensorboard")
        super().__init__(log_dir, samples_every, histograms_every, seed)

    def _open(self) -> Log:
        return EventFile(self.path)
