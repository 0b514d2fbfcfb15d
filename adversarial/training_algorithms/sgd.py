"""Minibatch stochastic gradient descent; the players of a game move in one simultaneous step.

`setup` makes one compiled function of the cost's gradients and the learning rule's updates: from
the indices of a minibatch to new parameters. `train` calls it for each minibatch of an epoch.

    data[indices] -> cost.get_gradients -> learning_rule.get_updates -> model.modify_updates
                     (adversarial.costs)                                (norm constraints)

Subclasses compile several steps (`k_steps`: `_compile`) or choose among them (`_on_minibatch`).
"""

from __future__ import annotations

import copy
import itertools
import logging
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Optional

import aesara.tensor as at
import numpy as np
from aesara.compile.mode import Mode, predefined_modes

from adversarial import backend
from adversarial.datasets.feed import feed_of, is_streamed, num_examples
from adversarial.models.mlp.sizes import positive_size
from adversarial.monitor import Monitor, add_data_free_channel
from adversarial.signals import STOPS
from adversarial.training_algorithms.divergence import DivergenceCheck
from adversarial.training_algorithms.learning_rule import LearningRule, Momentum
from adversarial.training_algorithms.training_algorithm import (
    NoBatchSizeError,
    TrainingAlgorithm,
)
from adversarial.utils.checks import check_finite, check_part
from adversarial.utils.iteration import is_stochastic, resolve_iterator_class
from adversarial.utils.seeding import Seed, numpy_rng

log = logging.getLogger(__name__)

DEFAULT_SEED = (2012, 10, 5)


class SGD(TrainingAlgorithm):
    """Minibatch gradient descent in which all players move at once.

    Parameters
    ----------
    learning_rate : float
        Positive; by default that of the paper's experiments. Kept in the shared variable
        `learning_rate`, which schedules change.
    cost : Cost, optional
        By default the model's default cost.
    batch_size : int, optional
        Examples in a minibatch; by default the model's batch size.
    monitoring_batch_size, monitoring_batches : int, optional
        Examples in a monitoring batch, and how many of these; by default `batch_size` and
        `batches_per_iter`, or with only one of the two given, `batch_size` and all.
    monitoring_dataset : Dataset or dict of str to Dataset, optional
        What channels are measured on, before the first epoch and after each; the names are put
        before the channels' names. None or {}: nothing is measured.
    monitor_iteration_mode : str
        How monitoring batches are drawn; see `adversarial.utils.iteration`.
    termination_criterion : TerminationCriterion, optional
        Without one, training goes on until it is stopped.
    update_callbacks : callable or list of callable, optional
        Called with this object after every minibatch. At setup, the method `check_algorithm` of
        those that have it is called likewise; it raises ValueError if this object lacks something.
    learning_rule : LearningRule, optional
        By default plain gradient descent.
    set_batch_size : bool
        Let `batch_size` win against another one of the model, which is an error otherwise.
    train_iteration_mode : str, optional
        How minibatches are drawn, by default 'shuffled_sequential'.
    batches_per_iter : int, optional
        Minibatches in an epoch, by default as many as the data have.
    theano_function_mode : optional
        The mode in which Aesara compiles.
    monitoring_costs : list of Cost or dict of str to Cost, optional
        Further costs whose channels are monitored.
    seed : int or list of int
        For the order of the minibatches.
    init_momentum : float, optional
        The old spelling of `learning_rule: Momentum(init_momentum)`.

    Attributes
    ----------
    batches_this_epoch, batches_per_epoch : int
        Minibatches done in this epoch, and in a whole one (0 if unknown).
    learning_rate_scale : shared variable
        A factor of the learning rate that no schedule changes, 1 at first; a rollback after a
        divergence lowers it.

    Raises
    ------
    TypeError
        If a part (cost, learning rule, criterion, callback) is of another kind.
    ValueError
        If a number is out of its range, or two arguments contradict each other.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.models.mlp import MLP, Linear
    >>> data = DenseDesignMatrix(X=[[1.0], [2.0]], y=[[2.0], [4.0]])
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> sgd = SGD(learning_rate=0.1, batch_size=2)
    >>> sgd.setup(model, data)
    >>> for epoch in range(300):
    ...     sgd.train(data)
    >>> model.layers[0].get_weights().round(1)
    array([[2.]], dtype=float32)
    """

    _kind = "SGD"  # what messages call this class and its subclasses

    def __init__(
        self,
        learning_rate: float = 0.1,
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
        further = monitoring_costs or ()
        if not isinstance(further, (list, tuple, dict)):
            raise TypeError(
                f"monitoring_costs must be a list or dict of costs, not {further!r:.80}"
            )
        for part in further.values() if isinstance(further, dict) else further:
            if part is not None:
                check_part("one of the monitoring_costs", part, "get_monitoring_channels")
        _check_mode(theano_function_mode)
        if monitoring_dataset is None and (monitoring_batch_size or monitoring_batches):
            raise ValueError("monitoring_batch_size and monitoring_batches need monitoring_dataset")
        check_finite(learning_rate=learning_rate)
        if not float(learning_rate) > 0:
            raise ValueError(f"learning_rate must be positive, not {learning_rate!r}")
        batch_size, batches_per_iter, monitoring_batch_size = (
            None if size is None else positive_size(self._kind, name, size)
            for name, size in (
                ("batch_size", batch_size),
                ("batches_per_iter", batches_per_iter),
                ("monitoring_batch_size", monitoring_batch_size),
            )
        )
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
        # While an epoch is under way: the random generator as it was when the epoch began.
        self._rng_of_epoch: Optional[np.random.RandomState] = None
        # Likewise, the position of a data set with an iterator of its own.
        self._data_rng_of_epoch: Any = None
        # What the minibatches of that epoch depend on; None in files of an earlier version.
        self._layout_of_epoch: Optional[list] = None

    # Set-up

    def setup(self, model: Any, dataset: Any) -> None:
        """Compile the step, and add the monitor's channels.

        Raises
        ------
        NoBatchSizeError
            If neither this object nor the model has a batch size.
        TrainingDiverged
            If a parameter is infinite or NaN already.
        ValueError
            If the model has no parameters, or the cost's gradients do not fit the model.
        """
        if self.cost is None:
            self.cost = model.get_default_cost()
        self._set_monitoring_dataset(self.monitoring_dataset)  # it may have been replaced
        self.model = model
        self.params = list(model.get_params())
        if not self.params:
            raise ValueError(f"{model!r} has no parameters to train")
        self._synchronize_batch_size(model)
        self.monitor = Monitor.get_monitor(model)
        self._divergence = DivergenceCheck(model, self.params)
        self._divergence.check_parameters("at the beginning")
        for callback in self.update_callbacks:
            check = getattr(callback, "check_algorithm", None)
            if check is not None:
                check(self)
        self._feed = feed_of(dataset)
        self._rng_of_epoch = self._data_rng_of_epoch = None  # no epoch is under way
        data = self._feed.batch(self.cost.get_data_specs(model))
        gradients, updates = self.cost.get_gradients(model, data)
        self._objectives = dict(getattr(gradients, "objectives", {}))
        self._compile(self._feed.inputs, gradients, updates)
        # After `_compile`, since a learning rule has channels of its accumulators, which
        # `get_updates` makes.
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
            own = None  # set by an earlier algorithm, not by the user
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
        data = self.monitoring_dataset
        add_data_free_channel(self.monitor, data, "learning_rate", self._scaled_rate())
        if self.learning_rule is not None:
            self.learning_rule.add_channels_to_monitor(self.monitor, next(iter(data.values())))

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
        """Compile the step, or several, from the gradients and the cost's further updates."""
        self._step = self._compile_step(inputs, gradients, updates)

    def _compile_step(self, inputs: list, gradients: OrderedDict, updates: OrderedDict) -> Any:
        """Compile the function that moves the parameters in `gradients` on a minibatch.

        The function returns a mapping: the objectives by name, and `finite`, whether these and all
        new parameters are finite.
        """
        foreign = [param for param in gradients if param not in self.params]
        if foreign:
            raise ValueError(f"the cost has a gradient for {foreign[0]}, not a model parameter")
        scalers = {p: s for p, s in self.model.get_lr_scalers().items() if p in gradients}
        moves = self._new_parameters(gradients, scalers)
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

    def _new_parameters(self, gradients: OrderedDict, scalers: dict) -> OrderedDict:
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
        """Train for one epoch, or for the rest of one that was interrupted.

        Raises
        ------
        TrainingDiverged
            After a minibatch that left a parameter or an objective infinite or NaN.
        ValueError
            If `dataset` is not the one of `setup`.
        """
        self._divergence.check_parameters("at the beginning")
        self._divergence.forget()
        try:
            for batch in self._minibatches(dataset):
                self._on_minibatch(batch)
                self.batches_this_epoch += 1
                self.monitor.report_batch(len(batch))
                for callback in self.update_callbacks:
                    callback(self)
                self.between_minibatches()
        except STOPS:
            self._divergence.finish()
            raise
        self._divergence.finish()
        self._rng_of_epoch = self._data_rng_of_epoch = None

    def _minibatches(self, dataset: Any) -> Iterator[Any]:
        """The minibatches of this epoch that are still to come, as the feed gives them."""
        if dataset is not self._feed.dataset:
            raise ValueError("this algorithm was set up for another data set: call setup again")
        mode = str(self.train_iteration_mode)
        layout = [num_examples(dataset), self.batch_size, self.batches_per_iter, mode]
        if self._rng_of_epoch is not None and self._layout_of_epoch not in (None, layout):
            log.warning(
                "the epoch under way begins anew: the %d minibatches that it has done were drawn "
                "with another batch size or iteration mode, or from another number of examples",
                self.batches_this_epoch,
            )
            self._rng_of_epoch = None
        if self._rng_of_epoch is None:
            self._layout_of_epoch = layout
            self._rng_of_epoch = copy.deepcopy(self.rng)
            self._data_rng_of_epoch = self._feed.rng_state()
            self.batches_this_epoch = 0
        else:
            self.rng.set_state(self._rng_of_epoch.get_state(legacy=False))
            self._feed.set_rng_state(self._data_rng_of_epoch)
        batches = self._feed.minibatches(
            self.train_iteration_mode,
            self.batch_size,
            self.batches_per_iter,
            self.rng if is_stochastic(self.train_iteration_mode) else None,
        )
        self.batches_per_epoch = batches.num_batches or 0
        # The minibatches that an interrupted epoch has done are drawn again and skipped.
        for _ in itertools.islice(batches, self.batches_this_epoch):
            pass
        yield from batches

    def _on_minibatch(self, batch: Any) -> None:
        self._call_step(self._step, batch)

    def _call_step(self, step: Any, batch: Any) -> None:
        """Call a compiled step; TrainingDiverged if its results are not finite."""
        results = step(*self._feed.arguments(batch))
        self._divergence.add(results, f"after minibatch {self.batches_this_epoch + 1}")

    def continue_learning(self, model: Any) -> bool:
        if self.termination_criterion is None:
            return True
        return self.termination_criterion.continue_learning(model)


def _check_mode(mode: Any) -> None:
    """ValueError unless it is a mode of Aesara, in which functions are compiled later."""
    if mode is None or isinstance(mode, Mode):
        return
    names = (*predefined_modes, "Mode", "DebugMode", "NanGuardMode")
    if mode not in names:
        raise ValueError(
            f"theano_function_mode {mode!r:.80} is no mode of Aesara: choose one of "
            f"{', '.join(names)}"
        )
