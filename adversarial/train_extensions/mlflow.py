"""`MLflow`, which logs a training to MLflow: to a folder, or to a server."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any, Optional

from adversarial.files import uploads
from adversarial.tracking import Log
from adversarial.tracking.mlflow_log import MLflowLog
from adversarial.train_extensions.tracking import Tracker, missing


class MLflow(Tracker):
    """Logs channels, samples, histograms and the YAML text to MLflow.

    Parameters
    ----------
    log_dir : str
        The folder of this run.
    tracking_uri : str, optional
        A server; in a YAML file, this needs `--allow-upload`. By default the data stay in
        `log_dir`, for `mlflow ui --backend-store-uri LOG_DIR/mlruns`.
    experiment : str
        The name of MLflow's experiment, a group of runs.
    samples_every, histograms_every, seed
        As `Tracker` takes them.

    Raises
    ------
    ImportError, OutsideError, ValueError
        As of `Tracker`.
    PermissionError
        At setup, if a YAML file gives a `tracking_uri` without `--allow-upload`.

    Examples
    --------
    In a YAML file, in the list of extensions::

        !obj:adversarial.train_extensions.mlflow.MLflow {
            log_dir: "${PYLEARN2_TRAIN_FILE_FULL_STEM}"
        }

    >>> MLflow("runs/mnist").path
    'runs/mnist/mlflow.csv'
    """

    _file = "/mlflow.csv"

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        tracking_uri: Optional[str] = None,
        experiment: str = "adversarial",
        samples_every: int = 1,
        histograms_every: int = 1,
        seed: int = 0,
    ) -> None:
        for name, value in (("tracking_uri", tracking_uri), ("experiment", experiment)):
            if value is not None and not (isinstance(value, str) and value.strip()):
                raise ValueError(f"{name} of MLflow must be text, not {value!r}")
        if find_spec("mlflow") is None:
            raise missing("mlflow", "mlflow")
        super().__init__(log_dir, samples_every, histograms_every, seed)
        self.tracking_uri = tracking_uri
        self.experiment = experiment

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compile the sampling, and check that data may be sent."""
        if self.tracking_uri is not None:
            uploads.check(self, self.tracking_uri)
        super().setup(model, dataset, algorithm)

    def _open(self) -> Log:
        return MLflowLog(self.path, self.tracking_uri, self.experiment)
