"""Rules that turn gradients into parameter updates.

A rule's accumulators (velocities, running squares) are shared variables kept in
`LearningRule.accumulators`, so that a saved rule goes on exactly where it stopped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial.backend import shared
from adversarial.space import NullSpace
from adversarial.utils.serial import Persistent


class LearningRule(Persistent):
    """Base of the learning rules.

    Attributes
    ----------
    accumulators : OrderedDict of str to shared variable
        What the rule remembers between minibatches, by name: `<what>_<parameter's name>`,
        with `#2`, `#3`... where several parameters carry one name (a generator and a
        discriminator may both have an `h0_W`).
    """

    def __init__(self) -> None:
        self.accumulators: OrderedDict[str, Any] = OrderedDict()
        self._owners: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        # The owners tie names to the parameters of this process; a restored rule meets its
        # parameters again in `get_updates`, in the same order.
        return {name: value for name, value in self.__dict__.items() if name != "_owners"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._owners = {}

    def add_channels_to_monitor(self, monitor: Any, monitoring_dataset: Any) -> None:
        """Add the rule's own channels to `monitor`. The base adds none.

        Called after `get_updates`. `monitoring_dataset` is a dataset or a dict of datasets.
        """

    def get_updates(
        self,
        learning_rate: Any,
        grads: Mapping[Any, Any],
        lr_scalers: Mapping[Any, float] | None = None,
    ) -> OrderedDict:
        """Return the updates of one minibatch.

        Parameters
        ----------
        learning_rate : float or 0-d symbolic scalar
        grads : OrderedDict
            Parameter (shared variable) to gradient (symbolic, the parameter's shape).
        lr_scalers : dict, optional
            Parameter to a factor of its learning rate; 1 where a parameter is missing.

        Returns
        -------
        OrderedDict
            Shared variable to its new value, the accumulators' included.
        """
        updates: OrderedDict[Any, Any] = OrderedDict()
        scalers = {} if lr_scalers is None else lr_scalers
        for param, grad in grads.items():
            if grad.dtype != param.dtype:
                raise TypeError(
                    f"the gradient of {param.name} is {grad.dtype}, the parameter is "
                    f"{param.dtype}; cast one of them"
                )
            # Cast, or a float64 factor would make the whole update float64.
            scale = at.cast(learning_rate, param.dtype)
            if param in scalers:
                scale = scale * np.asarray(scalers[param], dtype=param.dtype)
            updates.update(self._update(param, grad, scale))
        return updates

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        """Updates of one parameter, given its own (scaled) learning rate."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_updates")

    def _accumulator(self, what: str, param: Any) -> Any:
        """The shared variable that keeps `what` for `param`: restored, or new and zero."""
        base = name = f"{what}_{param.name}"
        number = 1
        while self._owners.setdefault(name, param) is not param:
            number += 1
            name = f"{base}#{number}"
        value = param.get_value(borrow=True)
        found = self.accumulators.get(name)
        if found is None:
            found = self.accumulators[name] = shared(np.zeros_like(value), name=name)
        elif found.get_value(borrow=True).shape != value.shape:
            raise ValueError(
                f"the saved {name} of this {type(self).__name__} has shape "
                f"{found.get_value(borrow=True).shape}, the parameter {param.name} has "
                f"{value.shape}: the rule was saved with another model"
            )
        return found


class Momentum(LearningRule):
    """Gradient descent with momentum: inc = momentum * inc - lr * grad; param += inc.

    Parameters
    ----------
    init_momentum : float
        In [0, 1). Kept in the shared scalar `momentum`, which `MomentumAdjustor` moves.
    nesterov_momentum : bool
        Look ahead: param += momentum * inc - lr * grad, with the new inc (Bengio,
        Boulanger-Lewandowski and Pascanu, "Advances in Optimizing Recurrent Networks", 2013).

    Raises
    ------
    ValueError
        If `init_momentum` is outside [0, 1).

    References
    ----------
    Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", section 9.
    """

    def __init__(self, init_momentum: float, nesterov_momentum: bool = False) -> None:
        super().__init__()
        self.momentum = shared(_fraction("init_momentum", init_momentum), name="momentum")
        self.nesterov_momentum = nesterov_momentum

    def add_channels_to_monitor(self, monitor: Any, monitoring_dataset: Any) -> None:
        """Add the channel `momentum`."""
        add_plain_channel(monitor, monitoring_dataset, "momentum", self.momentum)

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        velocity = self._accumulator("vel", param)
        momentum = at.cast(self.momentum, param.dtype)
        step = learning_rate * grad
        new_velocity = momentum * velocity - step
        increment = momentum * new_velocity - step if self.nesterov_momentum else new_velocity
        return [(velocity, new_velocity), (param, param + increment)]


class AdaDelta(LearningRule):
    """AdaDelta (Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012).

    The learning rate takes the place of the paper's epsilon, under both square roots.

    Parameters
    ----------
    decay : float
        In [0, 1): rho, how much of the running squares stays after each minibatch.

    Raises
    ------
    ValueError
        If `decay` is outside [0, 1).
    """

    def __init__(self, decay: float = 0.95) -> None:
        super().__init__()
        self.decay = _fraction("decay", decay)

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        square_grad = self._accumulator("mean_square_grad", param)
        square_step = self._accumulator("mean_square_dx", param)
        keep = at.constant(self.decay, dtype=param.dtype)
        new_square_grad = keep * square_grad + (1 - keep) * at.square(grad)
        ratio = at.sqrt(square_step + learning_rate) / at.sqrt(new_square_grad + learning_rate)
        step = -ratio * grad
        return [
            (square_grad, new_square_grad),
            (square_step, keep * square_step + (1 - keep) * at.square(step)),
            (param, param + step),
        ]


class AdaGrad(LearningRule):
    """AdaGrad (Duchi, Hazan and Singer, "Adaptive Subgradient Methods", JMLR 2011).

    Parameters
    ----------
    max_scaling : float
        Positive: no gradient is multiplied by more than the learning rate times this.

    Raises
    ------
    ValueError
        If `max_scaling` is not positive.
    """

    def __init__(self, max_scaling: float = 1e5) -> None:
        super().__init__()
        self.eps = 1.0 / _positive("max_scaling", max_scaling)

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        square = self._accumulator("sum_square_grad", param)
        new_square = square + at.square(grad)
        divisor = at.maximum(np.asarray(self.eps, dtype=param.dtype), at.sqrt(new_square))
        return [(square, new_square), (param, param - learning_rate * grad / divisor)]


class RMSProp(LearningRule):
    """RMSProp (Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6, 2012).

    Divides the learning rate of each weight by the running root mean square of its gradient.

    Parameters
    ----------
    decay : float
        In [0, 1): how much of the running square stays after each minibatch. Kept in the
        shared scalar `decay`.
    max_scaling : float
        Positive: no gradient is multiplied by more than the learning rate times this.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    def __init__(self, decay: float = 0.9, max_scaling: float = 1e5) -> None:
        super().__init__()
        self.decay = shared(_fraction("decay", decay), name="decay")
        self.epsilon = 1.0 / _positive("max_scaling", max_scaling)

    def add_channels_to_monitor(self, monitor: Any, monitoring_dataset: Any) -> None:
        """Add the minimum, mean and maximum of each parameter's running square."""
        for name, square in self.accumulators.items():
            for suffix, reduce in (("min", at.min), ("max", at.max), ("mean", at.mean)):
                add_plain_channel(monitor, monitoring_dataset, f"{name}_{suffix}", reduce(square))

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        square = self._accumulator("mean_square_grad", param)
        keep = at.cast(self.decay, param.dtype)
        new_square = keep * square + (1 - keep) * at.square(grad)
        divisor = at.maximum(np.asarray(self.epsilon, dtype=param.dtype), at.sqrt(new_square))
        return [(square, new_square), (param, param - learning_rate * grad / divisor)]


def _fraction(name: str, value: float) -> float:
    value = float(value)
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{name} must be at least 0 and less than 1, not {value}")
    return value


def _positive(name: str, value: float) -> float:
    value = float(value)
    if not value > 0.0:
        raise ValueError(f"{name} must be positive, not {value}")
    return value


def add_plain_channel(monitor: Any, dataset: Any, name: str, value: Any) -> None:
    """Add a channel that needs no data. `dataset` is a dataset or a dict of datasets."""
    if isinstance(dataset, Mapping):
        dataset = next(iter(dataset.values()))
    monitor.add_channel(
        name=name, ipt=None, val=value, dataset=dataset, data_specs=(NullSpace(), "")
    )
