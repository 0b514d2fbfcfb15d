"""`WandBLog`, a run of Weights & Biases."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from adversarial.tracking.run_file import RunFile

# By the files of their logs. wandb finishes them when the process ends.
_open_runs: dict[str, Any] = {}


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
        self._last: Optional[int] = None  # the last step that the run has
        self._step: Optional[int] = None
        self._values: dict[str, Any] = {}

    def rewind(self, step: int) -> Optional[int]:
        if self._run is None:
            path = os.path.abspath(self._file.path)
            before = _open_runs.pop(path, None)
            if before is not None:  # of an earlier training of this process
                before.finish()
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
                reinit="create_new",  # by default, an open run of this process is returned
                mode=self._mode,
                dir=folder,
                save_code=False,
                settings=_settings(self._wandb),
            )
            _open_runs[path] = self._run
            self._last = self._run.step - 1 if self._run.step else None
        self._values, self._step = {}, None
        return self._last

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._add(values, step)

    def image(self, name: str, pixels: np.ndarray, step: int) -> None:
        self._add({name: self._wandb.Image(pixels)}, step)

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        self._add({name: self._wandb.Histogram(values.ravel().tolist())}, step)

    def _add(self, values: Mapping[str, Any], step: int) -> None:
        if step != self._step:
            self.flush()
        self._step = step
        self._values.update(values)

    def text(self, name: str, text: str) -> None:
        self._run.config.update({name: text})

    def flush(self) -> None:
        if self._values:
            assert self._step is not None
            self._run.log(self._values, step=self._step)
            self._last = max(self._step, -1 if self._last is None else self._last)
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
