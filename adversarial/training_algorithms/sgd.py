"""Minibatch stochastic gradient descent, all players in one simultaneous step."""

from __future__ import annotations

import copy
import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.datasets.feed import feed_of, is_streamed
from adversarial.monitor import Monitor
from adversarial.space import NullSpace
from adversarial.training_algorithms.learning_rule import LearningRule, Momentum
from adversarial.training_algorithms.training_algorithm import (
    NoBatchSizeError,
    TrainingAlgorithm,
    TrainingDiverged,
)
from adversarial.utils.iteration import is_stochastic, resolve_iterator_class
from adversarial.utils.parts import check_finite, check_part
from adversarial.utils.seeding import Seed, numpy_rng
from adversarial.utils.signals import Interrupted

log = logging.getLogger(__name__)

DEFAULT_SEED = (2012, 10, 5)


class SGD(TrainingAlgorithm):
    """One compiled function makes a step from the indices of a minibatch.

    Parameters
    ----------
    learning_rate : float
        `self.learning_rate` is a shared variable that callbacks may change.
    cost : Cost, optional
        Else the model's default cost.
    batch_size : int, optional
        Else the model's own.
    monitoring_dataset : Dataset or dict of str to Dataset, optional
        Monitored before the first epoch and after each, in batches of `monitoring_batch_size`
        (else batch_size), `monitoring_batches` of them (else all). None or {}: nothing is.
    monitoring_costs : list of Cost, optional
        Further costs whose channels are monitored.
    termination_criterion : TerminationCriterion, optional
        Without one, training goes on until it is stopped.
    update_callbacks : callable or list, optional
        Called with this object after every minibatch.
    learning_rule : LearningRule, optional
        Else plain descent.  `init_momentum` is the old way to ask for Momentum.
    train_iteration_mode : str
        How minibatches are drawn, 'shuffled_sequential' by default; `batches_per_iter` of them
        an epoch (else all).
    theano_function_mode : optional
        The mode in which functions are compiled.
    seed : int or list of int
        For the order of the minibatches.

    Attributes
    ----------
    batches_this_epoch, batches_per_epoch : int
        Minibatches done in this epoch, and in a whole one.
    learning_rate_scale : shared variable
        1, multiplies the learning rate; for those who lower it whatever the schedules say.
    """

    _kind = "SGD"  # for messages

    def __init__(
        self,
        learning_rate: float,
        cost: Any = None,
        batch_size: Optional[int] = None,
        monitoring_batch_size: Optional[int] = None,
        monitoring_batches: Optional[int] = None,
        monitoring_dataset: Any = None,
        monitor_iteration_mode: str = "sequential",
        termination_criterion: Any = None,
        update_callbacks: Any = None,
        learning_rule: Optional[LearningRule] = None,
        set_batch_size: bool = False,
        train_iteration_mode: Optional[str] = None,
        batches_per_iter: Optional[int] = None,
        theano_function_mode: Any = None,
        monitoring_costs: Optional[list] = None,
        seed: Seed = DEFAULT_SEED,
        *,
        init_momentum: Optional[float] = None,
    ) -> None:
        if isinstance(cost, (list, tuple, set)):
            raise TypeError("cost must be one Cost; add several with SumOfCosts")
        for name, part, method in (
            ("cost", cost, "get_gradients"),
            ("learning_rule", learning_rule, "get_updates"),
            ("termination_criterion", termination_criterion, "continue_learning"),
        ):
            if part is not None:
                check_part(name, part, method)
        if monitoring_dataset is None and (monitoring_batch_size or monitoring_batches):
            raise ValueError("monitoring_batch_size and monitoring_batches need monitoring_dataset")
        check_finite(learning_rate=learning_rate)
        if not float(learning_rate) > 0:
            raise ValueError(f"learning_rate must be positive, not {learning_rate!r}")
        for name, size in (
            ("batch_size", batch_size),
            ("batches_per_iter", batches_per_iter),
            ("monitoring_batch_size", monitoring_batch_size),
        ):
            if size is not None and not (isinstance(size, int) and size > 0):
                raise ValueError(f"{name} must be a positive integer, not {size!r}")
        if init_momentum:
            if learning_rule is not None:
                raise ValueError("give learning_rule or init_momentum, not both")
            learning_rule = Momentum(init_momentum)
        self.learning_rate = backend.shared(float(learning_rate), "learning_rate")
        self.learning_rate_scale = backend.shared(1.0, "learning_rate_scale")
        self.learning_rule = learning_rule
        self.cost = cost
        self.batch_size = batch_size
        self.set_batch_size = set_batch_size
        self.batches_per_iter = batches_per_iter
        self._set_monitoring_dataset(monitoring_dataset)
        self.monitoring_batch_size = monitoring_batch_size
        self.monitoring_batches = monitoring_batches
        self.monitor_iteration_mode = monitor_iteration_mode
        self.monitoring_costs = monitoring_costs
        self.termination_criterion = termination_criterion
        self._register_update_callbacks(update_callbacks)
        self.train_iteration_mode = train_iteration_mode or "shuffled_sequential"
        resolve_iterator_class(self.train_iteration_mode)
        self.theano_function_mode = theano_function_mode
        self.rng = numpy_rng(seed, DEFAULT_SEED)
        self.batches_this_epoch = 0
        self.batches_per_epoch = 0
        # Steps that were called and not yet looked at, and when that was.
        self._unchecked: deque[tuple[Mapping, str]] = deque()
        # While an epoch is under way, the generator as it was when the epoch began.
        self._rng_of_epoch: Optional[np.random.RandomState] = None
        # And that of a data set with an iterator of its own.
        self._data_rng_of_epoch: Any = None

    # Set-up

    def setup(self, model: Any, dataset: Any) -> None:
        """Compile the step, and set the monitor up."""
        if self.cost is None:
            self.cost = model.get_default_cost()
        self.model = model
        self.params = list(model.get_params())
        if not self.params:
            raise ValueError(f"{model!r} has no parameters to train")
        self._synchronize_batch_size(model)
        self.monitor = Monitor.get_monitor(model)
        self._check_parameters()
        self._feed = feed_of(dataset)
        self._rng_of_epoch = self._data_rng_of_epoch = None  # no epoch is under way
        data = self._feed.batch(self.cost.get_data_specs(model))
        gradients, updates = self.cost.get_gradients(model, data)
        self._objectives = dict(getattr(gradients, "objectives", {}))
        self._compile(self._feed.inputs, gradients, updates)
        # After the step, since a learning rule's channels are of what its updates made.
        self._setup_monitor(model)
        used = [dataset, *(self.monitoring_dataset or {}).values()]
        streamed = sorted({type(each).__name__ for each in used if is_streamed(each)})
        if streamed:
            log.info(
                "minibatches of %s come from its own iterator(), one at a time: this is "
                "slower than rows of a data set in memory",
                ", ".join(streamed),
            )

    def _synchronize_batch_size(self, model: Any) -> None:
        own = getattr(model, "batch_size", None)
        if own == getattr(model, "batch_size_of_algorithm", None) and self.batch_size is not None:
            own = None  # as another algorithm left it
        if self.batch_size is None:
            if own is None:
                raise NoBatchSizeError(
                    f"batch_size is given neither to {self._kind} nor to the model"
                )
            self.batch_size = own
        elif own is not None and own != self.batch_size and not self.set_batch_size:
            raise ValueError(
                f"{self._kind} has batch_size {self.batch_size}, the model {own}; "
                f"set_batch_size: 1 lets {self._kind}'s win"
            )
        elif own is None:
            model.batch_size_of_algorithm = self.batch_size
        model.set_batch_size(self.batch_size)

    def _setup_monitor(self, model: Any) -> None:
        self._monitor_data()
        if not self.monitoring_dataset:
            return
        first = next(iter(self.monitoring_dataset.values()))
        self.monitor.add_channel(
            "learning_rate", None, self._scaled_rate(), dataset=first, data_specs=(NullSpace(), "")
        )
        if self.learning_rule is not None:
            self.learning_rule.add_channels_to_monitor(self.monitor, first)

    def _monitor_data(self) -> None:
        """Add the channels of the model and of the costs on the monitoring data sets."""
        if not self.monitoring_dataset:
            return
        if self.monitoring_batch_size is None and self.monitoring_batches is None:
            self.monitoring_batch_size = self.batch_size
            self.monitoring_batches = self.batches_per_iter
        if self.theano_function_mode is not None:
            self.monitor.set_theano_function_mode(self.theano_function_mode)
        self.monitor.setup(
            dataset=self.monitoring_dataset,
            cost=self.cost,
            batch_size=self.monitoring_batch_size or self.batch_size,
            num_batches=self.monitoring_batches,
            extra_costs=self.monitoring_costs,
            mode=self.monitor_iteration_mode,
        )

    def _compile(self, inputs: list, gradients: OrderedDict, updates: OrderedDict) -> None:
        """Make the compiled step(s) from symbolic gradients and the cost's own updates."""
        self._step = self._compile_step(inputs, gradients, updates)

    def _compile_step(self, inputs: list, gradients: OrderedDict, updates: OrderedDict) -> Any:
        """A function of a minibatch that moves the parameters named in `gradients`.

        It returns the objectives, by name, and whether these and all new values are `finite`.
        """
        foreign = [param for param in gradients if param not in self.params]
        if foreign:
            raise ValueError(f"the cost has a gradient for {foreign[0]}, not a model parameter")
        scalers = {p: s for p, s in self.model.get_lr_scalers().items() if p in gradients}
        moves = self._moves(gradients, scalers)
        self.model.modify_updates(moves)
        clash = [var for var in moves if var in updates]
        if clash:
            raise ValueError(f"the cost and the learning rule both update {clash[0]}")
        moves.update(updates)
        objectives = {
            name: at.cast(value, backend.floatX)
            for name, (value, params) in self._objectives.items()
            if any(param in gradients for param in params)
        }
        new = [moves[param] for param in gradients]
        outputs = {**objectives, "finite": backend.all_finite([*objectives.values(), *new])}
        return backend.function(
            inputs, outputs, updates=moves, name="sgd_update", mode=self.theano_function_mode
        )

    def _moves(self, gradients: OrderedDict, scalers: dict) -> OrderedDict:
        rate = self._scaled_rate()
        if self.learning_rule is not None:
            return self.learning_rule.get_updates(rate, gradients, scalers)
        return OrderedDict(
            (param, param - rate * scalers.get(param, 1.0) * gradient)
            for param, gradient in gradients.items()
        )

    def _scaled_rate(self) -> Any:
        return self.learning_rate * self.learning_rate_scale

    # Training

    def train(self, dataset: Any) -> None:
        """One epoch, or what is left of one that was interrupted.

        TrainingDiverged after a minibatch that left a parameter or an objective not finite.
        """
        self._check_parameters()
        self._unchecked.clear()
        try:
            for batch in self._minibatches(dataset):
                self._on_minibatch(batch)
                self.batches_this_epoch += 1
                self.monitor.report_batch(len(batch))
                for callback in self.update_callbacks:
                    callback(self)
                self.between_minibatches()
        except Interrupted:
            self._check_steps()
            raise
        self._check_steps()
        self._rng_of_epoch = self._data_rng_of_epoch = None

    def _minibatches(self, dataset: Any) -> Iterator[Any]:
        """Each minibatch of an epoch that is still to come, as the feed gives it."""
        if dataset is not self._feed.dataset:
            raise ValueError("this algorithm was set up for another data set: call setup again")
        if self._rng_of_epoch is None:
            self._rng_of_epoch = copy.deepcopy(self.rng)
            self._data_rng_of_epoch = self._feed.position()
            self.batches_this_epoch = 0
        else:
            self.rng.set_state(self._rng_of_epoch.get_state(legacy=False))
            self._feed.go_back(self._data_rng_of_epoch)
        batches = self._feed.minibatches(
            self.train_iteration_mode,
            self.batch_size,
            self.batches_per_iter,
            self.rng if is_stochastic(self.train_iteration_mode) else None,
        )
        self.batches_per_epoch = batches.num_batches or 0
        # Of an interrupted epoch, those done before are drawn again and left out.
        for _ in itertools.islice(batches, self.batches_this_epoch):
            pass
        yield from batches

    def _on_minibatch(self, batch: Any) -> None:
        self._take(self._step, batch)

    def _take(self, step: Any, batch: Any) -> None:
        """Call a compiled step; TrainingDiverged names what it left not finite.

        Where calls are made several at once, that is known once they are.
        """
        when = f"after minibatch {self.batches_this_epoch + 1}"
        self._unchecked.append((step(*self._feed.arguments(batch)), when))
        while self._unchecked and backend.is_made(self._unchecked[0][0]):
            self._check_step(*self._unchecked.popleft())

    def _check_steps(self) -> None:
        while self._unchecked:
            self._check_step(*self._unchecked.popleft())

    def _check_step(self, found: Mapping[str, np.ndarray], when: str) -> None:
        if found["finite"]:
            return
        self._check_parameters(when)
        for name, value in found.items():
            if name != "finite" and not np.isfinite(value):
                raise TrainingDiverged(self._diverged(f"the objective {name}", when))

    def _check_parameters(self, when: str = "at the beginning") -> None:
        for param in self.params:
            if not np.isfinite(param.get_value(borrow=True)).all():
                raise TrainingDiverged(self._diverged(self._parameter(param), when))

    def _parameter(self, param: Any) -> str:
        # A generator and a discriminator may both have an h0_W.
        for player in ("generator", "discriminator", "inferer"):
            owner = getattr(self.model, player, None)
            if owner is not None and any(param is own for own in owner.get_params()):
                return f"parameter {param.name} of the {player}"
        return f"parameter {param.name}"

    def _diverged(self, what: str, when: str) -> str:
        epoch = self.model.monitor.get_epochs_seen() + 1
        return (
            f"{what} is not finite {when} of epoch {epoch}: the run has diverged; "
            "a lower learning_rate may help"
        )

    def continue_learning(self, model: Any) -> bool:
        if self.termination_criterion is None:
            return True
        return self.termination_criterion.continue_learning(model)
