"""`Tracker`: logs a training to TensorBoard, Weights & Biases, MLflow or a tracker of your own.

The modules `tensorboard`, `wandb` and `mlflow` derive from `Tracker`, and say which arguments a
YAML file gives. `adversarial.tracking` has the parts that know the tools.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from adversarial import backend
from adversarial.evaluation.sampling import RepeatedSamples, generator_of
from adversarial.files import outputs
from adversarial.tracking import Log
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.report import COUNTS, records
from adversarial.utils.budget import spend
from adversarial.viewer.grid import grid_of
from adversarial.viewer.samples import to_unit, view_of

# What `train.py --track` takes.
TOOLS = ("tensorboard", "wandb", "mlflow")
# Samples in a picture, and its columns.
SAMPLES, COLUMNS = 100, 10
# Nanoseconds to draw a sample, and bytes to place it, as of `SampleGrid`.
_PER_SAMPLE, _SAMPLE = 14_000, 20_000


class Tracker(TrainExtension):
    """Logs all channels, a picture of samples and histograms of all parameters after each epoch.

    It only watches: training is the same without it, and its errors are warnings. A resumed or
    rolled back training continues the same log.

    Parameters
    ----------
    log_dir : str
        The folder of the log.
    samples_every, histograms_every : int
        Epochs from one picture or histogram to the next; 0: none.
    seed : int
        For the noise z of the samples, which is always the same.

    Raises
    ------
    ImportError
        If the tool is not installed.
    OutsideError
        If files may not be written there; see `files.outputs`.
    ValueError
        If a number is negative.

    Examples
    --------
    >>> class Printed:
    ...     def rewind(self, step): return None
    ...     def scalars(self, values, step): print(step, values)
    ...     def flush(self): pass
    >>> class Print(Tracker):
    ...     def _open(self): return Printed()
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)
    >>> channel = monitor.channels["cost"] = MonitorChannel(None, None, "cost", None, None)
    >>> channel.val_record.append(0.5); channel.epoch_record.append(0)
    >>> channel.batch_record.append(0); channel.example_record.append(0)
    >>> Print("log", histograms_every=0).on_monitor(model, None, None)
    0 {'cost': 0.5}
    """

    only_watches = True
    # The file in the log's folder that stands for it: it is locked, and has the run's mark.
    _file = "/log.csv"

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        path = arguments.get("path")  # of an instance
        if path is None and isinstance(arguments.get("log_dir"), (str, os.PathLike)):
            path = cls._path(arguments["log_dir"])
        # Not the lock of the path itself: TensorBoard reads each file with tfevents in its name.
        return [] if path is None else [outputs.Output(path, outputs.beside(path, ".csv"))]

    @classmethod
    def _path(cls, log_dir: str | os.PathLike[str]) -> str:
        """The log's file, in the folder that `--out` and `--seed` make of `log_dir`."""
        if not isinstance(log_dir, (str, os.PathLike)) or not os.fspath(log_dir).strip():
            raise ValueError(f"log_dir of {cls.__name__} must be a folder's name, not {log_dir!r}")
        folder = os.fspath(log_dir).rstrip("/" + os.sep)
        return outputs.admitted(outputs.beside(outputs.admitted(folder + ".csv"), cls._file))

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        samples_every: int = 1,
        histograms_every: int = 1,
        seed: int = 0,
    ) -> None:
        for name, value in (
            ("samples_every", samples_every),
            ("histograms_every", histograms_every),
            ("seed", seed),
        ):
            if not isinstance(value, int) or not 0 <= value < 1 << 32:
                raise ValueError(
                    f"{name} of {type(self).__name__} must be a whole number that is not "
                    f"negative, not {value!r}"
                )
        self.path = self._path(log_dir)
        spend(
            f"pictures of {SAMPLES} samples",
            time=_PER_SAMPLE * SAMPLES,
            briefly=_SAMPLE * SAMPLES,
        )
        self.samples_every = samples_every
        self.histograms_every = histograms_every
        self.seed = seed
        self.about: dict[str, str] = {}  # texts about the experiment, by their names
        self._log: Optional[Log] = None
        self._next: Optional[int] = None
        self._draw: Any = None
        self._view: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_log": None, "_next": None, "_draw": None, "_view": None}

    def _open(self) -> Log:
        """The log, opened when the first epoch is logged."""
        raise NotImplementedError(f"{type(self).__name__} does not define _open")

    def note_experiment(self, experiment: Mapping[str, Any]) -> None:
        """Take over the YAML text, the changed arguments and the seed of a run."""
        text = experiment.get("yaml", "")
        options = [f"--set {setting}" for setting in experiment.get("settings", ())]
        if experiment.get("seed") is not None:
            options.append(f"--seed {experiment['seed']}")
        self.about = {"experiment": text, **({"options": " ".join(options)} if options else {})}

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Compile the sampling, if the model makes images."""
        self._log = None  # another training, another run
        self._next = None
        self._draw = None
        if not self.samples_every:
            return
        try:
            generator_of(model)
            self._view = view_of(model, dataset)
        except ValueError:  # no generator, or samples that are no images
            return
        self._draw = RepeatedSamples(model, SAMPLES, self.seed)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Log the epoch."""
        epoch = model.monitor.get_epochs_seen()
        rows = None
        if self._draw is not None and epoch % self.samples_every == 0:
            rows = self._draw()  # all processes draw together
        if not backend.is_first_process():
            return
        try:
            self._log_epoch(model, epoch, rows)
        except Exception:
            self._next = None  # the log may end within an entry
            raise

    def _log_epoch(self, model: Any, epoch: int, rows: Optional[np.ndarray]) -> None:
        if self._log is None:
            self._log = self._open()
        if self._next is None or epoch < self._next:
            last = self._log.rewind(epoch)
            self._next = 0 if last is None else last + 1
            if last is None:
                for name, text in self.about.items():
                    self._log.text(name, text)
        channels = model.monitor.channels
        names = sorted(name for name, channel in channels.items() if len(channel.val_record))
        for row in records(channels, names, after=self._next - 1):
            found = zip(names, row[len(COUNTS) :])
            self._log.scalars({name: value for name, value in found if value is not None}, row[0])
        if rows is not None and np.isfinite(rows).all():
            images = to_unit(self._view.images(rows))
            grid = grid_of(images, -(-len(images) // COLUMNS), COLUMNS)
            self._log.image("samples", np.asarray(grid.to_image()), epoch)
        if self.histograms_every and epoch % self.histograms_every == 0:
            for name, values in parameters_of(model).items():
                if np.isfinite(values).all():
                    self._log.histogram(name, values, epoch)
        self._log.flush()
        # A tool that cannot remove steps may have later ones already, which are not sent again.
        self._next = max(self._next, epoch + 1)


def tracker(tool: str, save_path: Optional[str]) -> Tracker:
    """The extension for a tool of TOOLS that the user has named: `train.py --track TOOL`.

    The log is in a folder beside the model file `save_path`. Servers and projects are those that
    the user's environment variables name.

    Raises
    ------
    ImportError
        If the tool is not installed.
    ValueError
        If the training saves no model.
    """
    if save_path is None:
        raise ValueError(f"--track {tool}: the YAML file has no save_path, beside which to log")
    log_dir = os.path.splitext(outputs.beside(save_path, ".csv"))[0]
    environ = os.environ.get
    if tool == "tensorboard":
        from adversarial.train_extensions.tensorboard import TensorBoard

        return TensorBoard(log_dir)
    if tool == "wandb":
        from adversarial.train_extensions.wandb import WandB

        return WandB(log_dir, mode=environ("WANDB_MODE") or "online")
    from adversarial.train_extensions.mlflow import MLflow

    uri, experiment = environ("MLFLOW_TRACKING_URI"), environ("MLFLOW_EXPERIMENT_NAME")
    return MLflow(log_dir, uri or None, experiment or "adversarial")


def parameters_of(model: Any) -> dict[str, np.ndarray]:
    """The values of a model's parameters by their names, with the player's name before them.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> list(parameters_of(MLP([Linear(1, "y", irange=0.1)], nvis=1)))
    ['y_W', 'y_b']
    """
    found: dict[str, np.ndarray] = {}
    players = [
        (f"{name}/", getattr(model, name))
        for name in ("generator", "discriminator", "inferer")
        if getattr(model, name, None) is not None
    ]
    for start, player in players or [("", model)]:
        for number, param in enumerate(player.get_params()):
            name = f"{start}{param.name or number}"
            found[name if name not in found else f"{name}_{number}"] = param.get_value(borrow=True)
    return found


def missing(library: str, extra: str) -> ImportError:
    """The error for a tool that is not installed."""
    return ImportError(f'{library} is not installed; run: pip install -e ".[{extra}]"')
