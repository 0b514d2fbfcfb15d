"""Learning rules: what becomes of a parameter, given its gradient and the learning rate.

`SGD(learning_rule=...)` calls `get_updates` once, when it compiles its step. What a rule remembers
between minibatches is in `LearningRule.accumulators`, so that a training can be resumed exactly.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial.backend import shared
from adversarial.modelfile import Persistent
from adversarial.monitor import add_data_free_channel


class LearningRule(Persistent):
    """Base class of rules. A subclass defines `_update`, which may call `_accumulator`.

    Attributes
    ----------
    accumulators : OrderedDict of str to shared variable
        Shared variables that the rule remembers, by name: `<what>_<parameter's name>`, with `#2`,
        `#3`... where parameters have the same name (G and D may both have an `h0_W`).

    Examples
    --------
    >>> class SignDescent(LearningRule):
    ...     def _update(self, param, grad, learning_rate):
    ...         return [(param, param - learning_rate * at.sgn(grad))]
    >>> SignDescent().get_updates(0.1, {(W := shared([1.0, 2.0])): 2 * W})[W].eval()
    array([0.9, 1.9], dtype=float32)
    """

    def __init__(self) -> None:
        self.accumulators: OrderedDict[str, Any] = OrderedDict()
        self._owners: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        # The owners are the parameters of this process. A restored rule is given its parameters
        # again by `get_updates`, in the same order.
        return {name: value for name, value in self.__dict__.items() if name != "_owners"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._owners = {}

    def add_channels_to_monitor(self, monitor: Any, monitoring_dataset: Any) -> None:
        """Add the rule's own channels, here none, to the monitor; called after `get_updates`.

        Parameters
        ----------
        monitor : Monitor
        monitoring_dataset : Dataset or dict of str to Dataset
            What is monitored; the first of a dict.
        """

    def get_updates(
        self,
        learning_rate: Any,
        grads: Mapping[Any, Any],
        lr_scalers: Mapping[Any, float] | None = None,
    ) -> OrderedDict:
        """The updates of one minibatch.

        Parameters
        ----------
        learning_rate : float or symbolic scalar
        grads : OrderedDict
            Parameter (shared variable) to gradient (symbolic, of the parameter's shape and type).
        lr_scalers : dict, optional
            Parameter to a factor of its learning rate; 1 for parameters that are missing.

        Returns
        -------
        OrderedDict
            Shared variable to new value: the parameters and the rule's accumulators.

        Raises
        ------
        TypeError
            If a gradient has another dtype than its parameter.
        """
        updates: OrderedDict[Any, Any] = OrderedDict()
        scalers = {} if lr_scalers is None else lr_scalers
        for param, grad in grads.items():
            if grad.dtype != param.dtype:
                raise TypeError(
                    f"the gradient of {param.name} is {grad.dtype}, the parameter is "
                    f"{param.dtype}; cast one of them"
                )
            # Without the cast, a float64 learning rate would make the update float64.
            scale = at.cast(learning_rate, param.dtype)
            if param in scalers:
                scale = scale * np.asarray(scalers[param], dtype=param.dtype)
            updates.update(self._update(param, grad, scale))
        return updates

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        """[(shared variable, new value), ...] of `param`; `learning_rate` has its factor."""
        raise NotImplementedError(f"{type(self).__name__} does not define _update")

    def _accumulator(self, what: str, param: Any, scalar: bool = False) -> Any:
        """The shared variable that keeps `what` for `param`: the restored one, or zeros.

        It has the shape of `param`, or with `scalar` no axis.
        """
        base = name = f"{what}_{param.name}"
        number = 1
        while self._owners.setdefault(name, param) is not param:
            number += 1
            name = f"{base}#{number}"
        value = param.get_value(borrow=True)
        shape = () if scalar else value.shape
        found = self.accumulators.get(name)
        if found is None:
            zeros = np.zeros(shape, value.dtype)
            found = self.accumulators[name] = shared(zeros, name=name, dtype=value.dtype)
        elif found.get_value(borrow=True).shape != shape:
            raise ValueError(
                f"the saved {name} of this {type(self).__name__} has shape "
                f"{found.get_value(borrow=True).shape}, the parameter {param.name} has "
                f"{value.shape}: the rule was saved with another model"
            )
        return found


class Momentum(LearningRule):
    """Gradient descent with momentum, the rule of the paper's experiments (Algorithm 1).

    With velocity v, learning rate r and gradient g, each minibatch makes

        v <- momentum * v - r * g
        parameter <- parameter + v

    Parameters
    ----------
    init_momentum : float
        In [0, 1); by default that of the paper's experiments. Kept in the shared scalar `momentum`,
        which `MomentumAdjustor` changes.
    nesterov_momentum : bool
        Add momentum * v - r * g, with the new v, to the parameter.

    Raises
    ------
    ValueError
        If `init_momentum` is outside [0, 1).

    References
    ----------
    Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", 2010, section 9.
    Bengio et al., "Advances in Optimizing Recurrent Networks", 2013, for `nesterov_momentum`.

    Examples
    --------
    >>> Momentum(0.5, True).get_updates(0.1, {(W := shared([1.0, -2.0])): 2 * W})[W].eval().round(2)
    array([ 0.7, -1.4], dtype=float32)
    """

    def __init__(self, init_momentum: float = 0.5, nesterov_momentum: bool = False) -> None:
        super().__init__()
        self.momentum = shared(_fraction("init_momentum", init_momentum), name="momentum")
        self.nesterov_momentum = nesterov_momentum

    def add_channels_to_monitor(self, monitor: Any, monitoring_dataset: Any) -> None:
        """Add the channel `momentum`."""
        add_data_free_channel(monitor, monitoring_dataset, "momentum", self.momentum)

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        velocity = self._accumulator("vel", param)
        momentum = at.cast(self.momentum, param.dtype)
        step = learning_rate * grad
        new_velocity = momentum * velocity - step
        increment = momentum * new_velocity - step if self.nesterov_momentum else new_velocity
        return [(velocity, new_velocity), (param, param + increment)]


class AdaDelta(LearningRule):
    """AdaDelta; the algorithm's learning rate is the method's epsilon, under both square roots.

    Parameters
    ----------
    decay : float
        rho, in [0, 1): the weight of the past in the running means of squares.

    Raises
    ------
    ValueError
        If `decay` is outside [0, 1).

    References
    ----------
    Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, Algorithm 1.

    Examples
    --------
    >>> AdaDelta(0.75).get_updates(0.01, {(W := shared([1.0, -2.0])): 2 * W})[W].eval().round(2)
    array([ 0.8, -1.8], dtype=float32)
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
    """AdaGrad: divides each weight's learning rate by the root of its sum of squared gradients.

    Parameters
    ----------
    max_scaling : float
        Positive: the most that a division multiplies the learning rate by.

    Raises
    ------
    ValueError
        If `max_scaling` is not positive.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", Journal of Machine Learning Research, 2011.

    Examples
    --------
    >>> AdaGrad().get_updates(0.1, {(W := shared([1.0, -2.0])): 2 * W})[W].eval().round(2)
    array([ 0.9, -1.9], dtype=float32)
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
    """RMSProp: divides the learning rate of each weight by the running RMS of its gradient.

    Parameters
    ----------
    decay : float
        In [0, 1): weight of the past in the mean of squares; kept in the shared scalar `decay`.
    max_scaling : float
        Positive: the most that a division multiplies the learning rate by.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012.

    Examples
    --------
    >>> RMSProp(decay=0.75).get_updates(0.1, {(W := shared([1.0, -2.0])): 2 * W})[W].eval().round(2)
    array([ 0.8, -1.8], dtype=float32)
    """

    def __init__(self, decay: float = 0.9, max_scaling: float = 1e5) -> None:
        super().__init__()
        self.decay = shared(_fraction("decay", decay), name="decay")
        self.epsilon = 1.0 / _positive("max_scaling", max_scaling)

    def add_channels_to_monitor(self, monitor: Any, monitoring_dataset: Any) -> None:
        """Add the minimum, mean and maximum of each parameter's running square."""
        for name, square in self.accumulators.items():
            for suffix, reduce in (("min", at.min), ("max", at.max), ("mean", at.mean)):
                add_data_free_channel(
                    monitor, monitoring_dataset, f"{name}_{suffix}", reduce(square)
                )

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        square = self._accumulator("mean_square_grad", param)
        keep = at.cast(self.decay, param.dtype)
        new_square = keep * square + (1 - keep) * at.square(grad)
        divisor = at.maximum(np.asarray(self.epsilon, dtype=param.dtype), at.sqrt(new_square))
        return [(square, new_square), (param, param - learning_rate * grad / divisor)]


class Adam(LearningRule):
    """Adam, which many later GANs use with beta1 = 0.5; with `weight_decay`, AdamW.

    With gradient g and learning rate r, step t = 1, 2, ... makes

        m <- beta1 * m + (1 - beta1) * g
        v <- beta2 * v + (1 - beta2) * g^2
        parameter <- (1 - r * weight_decay) * parameter
                     - r * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Where D and G make separate steps (`k_steps.SGD`), each player has its own t.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1): the weights of the past in the running means of the gradient and of its square.
    epsilon : float
        Positive: added to the root of the mean square.
    weight_decay : float
        Not negative: decay of all parameters, relative to the learning rate.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, Algorithm 1.
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017, Algorithm 2.

    Examples
    --------
    >>> W = shared([1.0])  # a first step is as long as the learning rate, whatever the gradient
    >>> Adam().get_updates(0.1, {W: 2 * W})[W].eval()
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__()
        self.beta1 = _fraction("beta1", beta1)
        self.beta2 = _fraction("beta2", beta2)
        self.epsilon = _positive("epsilon", epsilon)
        if not 0.0 <= float(weight_decay) < float("inf"):
            raise ValueError(f"weight_decay must be at least 0 and finite, not {weight_decay}")
        self.weight_decay = float(weight_decay)
        # The steps of all compiled functions together, in trainings that earlier versions have
        # saved; else 0. What has been counted since is in the accumulators.
        self.steps = shared(0.0, name="steps")
        self._t: Any = None  # t of the step whose updates are being made

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_t": None}

    def get_updates(
        self,
        learning_rate: Any,
        grads: Mapping[Any, Any],
        lr_scalers: Mapping[Any, float] | None = None,
    ) -> OrderedDict:
        """As `LearningRule.get_updates`; also counts the steps of these parameters.

        Each call has a count of its own: the players of `k_steps.SGD` make separate steps.
        """
        if not grads:  # all parameters are frozen
            return OrderedDict()
        count = self._accumulator("steps", next(iter(grads)), scalar=True)
        new_count = count + at.constant(1, dtype=count.dtype)
        self._t = self.steps + new_count
        updates = super().get_updates(learning_rate, grads, lr_scalers)
        updates[count] = new_count
        return updates

    def _update(self, param: Any, grad: Any, learning_rate: Any) -> list[tuple[Any, Any]]:
        mean, square = self._accumulator("mean_grad", param), self._accumulator("mean_sq", param)

        def constant(value: float) -> Any:
            return at.constant(value, dtype=param.dtype)

        # 1 - beta is computed in float64: in float32, 1 - 0.999 has only five correct digits.
        new_mean = constant(self.beta1) * mean + constant(1 - self.beta1) * grad
        new_square = constant(self.beta2) * square + constant(1 - self.beta2) * at.square(grad)
        step = learning_rate / self._weight_of_all(self.beta1, param) * new_mean
        root = at.sqrt(new_square) / at.sqrt(self._weight_of_all(self.beta2, param))
        new_param = param - step / (root + constant(self.epsilon))
        if self.weight_decay:
            new_param = new_param - learning_rate * constant(self.weight_decay) * param
        return [(mean, new_mean), (square, new_square), (param, new_param)]

    def _weight_of_all(self, beta: float, param: Any) -> Any:
        """1 - beta^t: the sum of the weights of all gradients so far in a running mean."""
        if beta == 0:
            return at.constant(1, dtype=param.dtype)
        # As above, 1 - beta^t would lose digits.
        log_beta = at.constant(np.log(beta), dtype=param.dtype)
        return -at.expm1(log_beta * at.cast(self._t, param.dtype))


def _fraction(name: str, value: float) -> float:
    value = float(value)
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{name} must be at least 0 and less than 1, not {value}")
    return value


def _positive(name: str, value: float) -> float:
    value = float(value)
    if not 0.0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, not {value}")
    return value
