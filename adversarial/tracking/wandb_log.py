"""`WandBLog`, a run of Weights & Biases."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from adversarial.tracking.run_file import RunFile


class WandBLog:
    """A run of Weights & Biases, as a `Log`.

    Steps that the run has cannot be removed, and wandb ignores values for them. A resumed training
    has the same values again.
    """

    def __init__(self, path: str, project: Optional[str], mode: str) -> None:
        # The import itself would report errors to wandb's makers.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        self._wandb = wandb
        self._file = RunFile(path)
        self._project: Any = project
        self._mode: Any = mode
        self._run: Any = None
        self._step: Optional[int] = None
        self._values: dict[str, Any] = {}

    def rewind(self, step: int) -> Optional[int]:
        if self._run is None:
            known = self._file.read() if step else None
            identity = known or secrets.token_hex(8)
            folder = os.path.dirname(self._file.path)
            self._file.write(identity)
            self._file.check_folder("wandb")
            self._run = self._wandb.init(
                project=self._project,
                id=identity,
                name=os.path.basename(folder) or None,
                resume="allow" if known else None,
                mode=self._mode,
                dir=folder,
                save_code=False,
                settings=_settings(self._wandb),
            )
        self._values, self._step = {}, None
        return self._run.step - 1 if self._run.step else None

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        if self._step is not None and step != self._step:
            self.flush()
        self._step = step
        self._values.update(values)

    def image(self, name: str, pixels: np.ndarray, step: int) -> None:
        self._values[name] = self._wandb.Image(pixels)

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        self._values[name] = self._wandb.Histogram(values.ravel().tolist())

    def text(self, name: str, text: str) -> None:
        self._run.config.update({name: text})

    def flush(self) -> None:
        if self._values:
            self._run.log(self._values, step=self._step)
        self._values = {}


def _settings(wandb: Any) -> Any:
    """Settings with which only what is logged is sent, in so far as this version has them."""
    wanted: dict[str, Any] = dict(
        console="off",
        disable_code=True,
        disable_git=True,
        host="host",
        silent=True,
        x_disable_machine_info=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    known = wandb.Settings.model_fields
    return wandb.Settings(**{name: value for name, value in wanted.items() if name in known})
