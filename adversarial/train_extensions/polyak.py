"""Polyak averaging: the mean of the parameters over the steps of training.

After n looks at the parameters theta_1 ... theta_n, the mean is kept by
mean <- mean + (theta_n - mean) / n, in a compiled function that runs after each minibatch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import modelfile
from adversarial.backend import function, shared
from adversarial.files import outputs
from adversarial.modelfile import Persistent
from adversarial.train_extensions import EpochExtension


@contextmanager
def set_aside(params: Iterable[Any], values: Iterable[np.ndarray]) -> Iterator[None]:
    """Give the shared variables `params` other values within a `with` block."""
    params = list(params)
    own = [param.get_value() for param in params]
    try:
        for param, value in zip(params, values):
            param.set_value(value)
        yield
    finally:
        for param, value in zip(params, own):
            param.set_value(value)


class _PolyakWorker(Persistent):
    """Update callback that keeps the running mean of a model's parameters.

    The mean has equal weights. It is over the parameters after each `every`-th call since `begin`.
    """

    new_at_start = ("every",)  # the YAML may be edited before a training is resumed

    def __init__(self, model: Any, every: int = 1) -> None:
        self.every = every
        self._calls = 0
        self._params = list(model.get_params())
        self._means = [
            shared(param.get_value(), name=f"mean_{param.name}") for param in self._params
        ]
        self._steps = shared(np.int64(0), name="polyak_steps")
        self.has_begun = False
        self._average: Any = None  # the compiled function

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_average": None}

    @property
    def param_to_mean(self) -> OrderedDict:
        """Parameter to mean, both shared variables."""
        return OrderedDict(zip(self._params, self._means))

    def bind(self, model: Any) -> None:
        """Go on with the parameters of `model`, in a process after the one that began.

        ValueError if they have other shapes than the means.
        """
        params = list(model.get_params())
        shapes = [param.get_value(borrow=True).shape for param in params]
        means = [mean.get_value(borrow=True).shape for mean in self._means]
        if shapes != means:
            raise ValueError(
                f"the saved averages have shapes {means}, the model's parameters {shapes}: "
                "they were saved with another model"
            )
        self._params = params
        self._average = None

    def begin(self) -> None:
        """Start a new mean with the next call."""
        for param, mean in self.param_to_mean.items():
            mean.set_value(param.get_value())
        self._steps.set_value(np.int64(0))
        self._calls = 0
        self.has_begun = True

    def __call__(self, algorithm: Any) -> None:
        """Called after each minibatch."""
        if not self.has_begun:
            return
        self._calls += 1
        if self._calls % self.every:
            return
        if self._average is None:
            self.compile()
        self._average()

    def compile(self) -> None:
        """Compile the update of the means.

        Called before the first epoch, so that a full disk cannot end a training in the middle.
        """
        steps = self._steps + 1
        updates = OrderedDict({self._steps: steps})
        for param, mean in self.param_to_mean.items():
            updates[mean] = mean + (param - mean) / at.cast(steps, mean.dtype)
        self._average = function([], updates=updates, name="polyak_average")


class PolyakAveraging(EpochExtension):
    """Keeps the mean of the parameters over a training, which it does not change.

    Parameters
    ----------
    start : int
        The number of epochs before averaging begins.
    save_path : str, optional
        The file of the model with the averaged parameters.
    save_freq : int
        Save it after every so many epochs.
    every : int
        Add the parameters to the mean after every so many minibatches. They change little from one
        minibatch to the next, and adding reads all parameters and writes all means.

    Raises
    ------
    ValueError
        If `start` is negative, or `save_freq` or `every` less than 1; at setup, if the algorithm
        has no `update_callbacks`.

    References
    ----------
    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992.
    Swersky, Chen, Marlin and de Freitas, "A Tutorial on Stochastic Approximation Algorithms for
    Training Restricted Boltzmann Machines and Deep Belief Nets", 2010.

    Examples
    --------
    >>> average = PolyakAveraging(start=50, save_path="averaged.pkl", save_freq=10)
    """

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        return outputs.named(arguments, "save_path")

    def __init__(
        self, start: int, save_path: str | None = None, save_freq: int = 1, every: int = 1
    ) -> None:
        super().__init__()
        if start < 0:
            raise ValueError(f"start must not be negative, is {start}")
        if save_freq < 1:
            raise ValueError(f"save_freq must be at least 1 epoch, is {save_freq}")
        if every < 1:
            raise ValueError(f"every must be at least 1 minibatch, is {every}")
        self.start = start
        self.every = every
        self.save_path = None if save_path is None else outputs.admitted(save_path)
        self.save_freq = save_freq
        self._worker: _PolyakWorker | None = None

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Add the update callback to the algorithm."""
        callbacks = getattr(algorithm, "update_callbacks", None)
        if callbacks is None:
            raise ValueError(
                "PolyakAveraging needs an algorithm with update_callbacks (SGD), not "
                f"{'none at all' if algorithm is None else type(algorithm).__name__}"
            )
        if self._worker is None:
            self._worker = _PolyakWorker(model, self.every)
        else:
            self._worker.bind(model)
        worker = self._worker
        if not any(callback is worker for callback in callbacks):
            callbacks.append(worker)
        worker.compile()

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Begin averaging, or save, when due."""
        done = self._epochs_done(model)
        if done < self.start or self._worker is None:
            return
        if not self._worker.has_begun:
            self._worker.begin()
            if hasattr(model, "add_polyak_channels"):
                model.add_polyak_channels(self._worker.param_to_mean, algorithm.monitoring_dataset)
        elif self.save_path is not None and done > self.start and done % self.save_freq == 0:
            with self.averaged(model):
                modelfile.try_to_save(self.save_path, model)

    def begin_anew(self) -> None:
        """Start a new mean with the next minibatch; ValueError if averaging has not begun."""
        self._begun_worker().begin()

    def _begun_worker(self) -> _PolyakWorker:
        if self._worker is None or not self._worker.has_begun:
            raise ValueError(f"there is no average yet: averaging begins after epoch {self.start}")
        return self._worker

    @contextmanager
    def averaged(self, model: Any) -> Iterator[Any]:
        """Give `model` the averaged parameters within a `with` block.

        Raises
        ------
        ValueError
            If averaging has not begun.
        """
        means = [mean.get_value() for mean in self._begun_worker().param_to_mean.values()]
        with set_aside(model.get_params(), means):
            yield model
