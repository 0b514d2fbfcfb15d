"""`MLflowLog`, a run of MLflow, in a folder or at a server."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

import numpy as np

from adversarial.tracking.run_file import RunFile

# The most that MLflow takes in one call.
METRICS_IN_A_CALL = 1000


class MLflowLog:
    """A run of MLflow, as a `Log`; histograms and texts are files of it.

    Values that were logged cannot be removed. A resumed training has the same values again.
    """

    def __init__(self, path: str, tracking_uri: Optional[str], experiment: str) -> None:
        # MLflow reports its use to its makers, unless it is told not to.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # Of a folder as a store, MLflow says that a data base is better.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow.tracking import MlflowClient

        self._file = RunFile(path)
        folder = self._file.check_folder("mlruns")
        self._name = os.path.basename(os.path.dirname(folder))
        self._client = MlflowClient(tracking_uri or Path(folder).as_uri())
        self._experiment = experiment
        self._run: Any = None  # the identity, once it is known
        self._last: Optional[int] = None
        self._metrics: list[Any] = []

    def rewind(self, step: int) -> Optional[int]:
        self._metrics = []
        if self._run is None:
            if not step:
                # Forgets the run of an earlier training, now: the server may refuse until later.
                self._file.write("")
            self._run = self._known_run()
        if self._run is None:
            found = self._client.get_experiment_by_name(self._experiment)
            group = found.experiment_id if found else None
            group = group or self._client.create_experiment(self._experiment)
            # Without the tags that MLflow adds: the user's name and the command.
            self._run = self._client.create_run(group, run_name=self._name).info.run_id
            self._file.write(self._run)
        return self._last

    def _known_run(self) -> Optional[str]:
        """The run of the file, if it still exists; notes the last step that it has."""
        known = self._file.read()
        if known is None:
            return None
        from mlflow.exceptions import MlflowException

        try:
            data = self._client.get_run(known).data
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise  # a server that is down, or a login that has expired: it is asked again
            return None
        steps = [
            metric.step
            for name in data.metrics
            for metric in self._client.get_metric_history(known, name)
        ]
        self._last = max(steps, default=None)
        return known

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._metrics += [Metric(_name(n), value, now, step) for n, value in values.items()]

    def image(self, name: str, pixels: np.ndarray, step: int) -> None:
        self._client.log_image(self._run, pixels, artifact_file=f"{_name(name)}/{step:06d}.png")

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        counts, edges = np.histogram(values, bins=30)
        found = {"counts": counts.tolist(), "edges": edges.tolist()}
        file = f"histograms/{_name(name)}/{step:06d}.json"
        self._client.log_text(self._run, json.dumps(found), file)

    def text(self, name: str, text: str) -> None:
        self._client.log_text(self._run, text, f"{_name(name)}.txt")

    def flush(self) -> None:
        # A step counts as sent when all of it is: what fails is sent again (see `rewind`).
        metrics, self._metrics = self._metrics, []
        for start in range(0, len(metrics), METRICS_IN_A_CALL):
            part = metrics[start : start + METRICS_IN_A_CALL]
            self._client.log_batch(self._run, metrics=part)
        if metrics:
            self._last = metrics[-1].step


def _name(name: str) -> str:
    """`name` with characters that MLflow takes, and none with which a path leads elsewhere."""
    return "".join(c if c.isalnum() or c in "_- /" else "_" for c in name).lstrip("/")
