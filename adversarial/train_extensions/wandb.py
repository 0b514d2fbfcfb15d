"""`WandB`, which logs a training to Weights & Biases."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any, Optional

from adversarial.files import uploads
from adversarial.tracking import Log
from adversarial.tracking.wandb_log import WandBLog
from adversarial.train_extensions.tracking import Tracker, missing

MODES = ("online", "offline")


class WandB(Tracker):
    """Logs channels, samples, histograms and the YAML text to Weights & Biases.

    The user's own account is used (`wandb login`). In a YAML file, only the mode 'offline' needs no
    `--allow-upload`; it writes to `log_dir`, and `wandb sync` sends that later. Neither the code
    nor data about the machine are sent.

    Parameters
    ----------
    log_dir : str
        The folder of this run.
    project : str, optional
        By default that of wandb's own settings.
    mode : 'online' or 'offline'
    samples_every, histograms_every, seed
        As `Tracker` takes them.

    Raises
    ------
    ImportError, OutsideError, ValueError
        As of `Tracker`.
    PermissionError
        At setup, if a YAML file asks for the mode 'online' without `--allow-upload`.

    Examples
    --------
    In a YAML file, in the list of extensions::

        !obj:adversarial.train_extensions.wandb.WandB {
            log_dir: "${PYLEARN2_TRAIN_FILE_FULL_STEM}", project: gan, mode: offline
        }

    >>> WandB("runs/mnist", project="gan").mode
    'online'
    """

    _file = "/wandb.csv"

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        project: Optional[str] = None,
        mode: str = "online",
        samples_every: int = 1,
        histograms_every: int = 1,
        seed: int = 0,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode of WandB must be one of {', '.join(MODES)}, not {mode!r}")
        if project is not None and not isinstance(project, str):
            raise ValueError(f"project of WandB must be a name, not {project!r}")
        if find_spec("wandb") is None:
            raise missing("wandb", "wandb")
        super().__init__(log_dir, samples_every, histograms_every, seed)
        self.project = project
        self.mode = mode

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compile the sampling, and check that data may be sent."""
        if self.mode == "online":
            uploads.check(self, "Weights & Biases")
        super().setup(model, dataset, algorithm)

    def _open(self) -> Log:
        return WandBLog(self.path, self.project, self.mode)
