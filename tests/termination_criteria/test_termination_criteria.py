from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

from adversarial.termination_criteria import (
    And,
    ChannelInf,
    ChannelTarget,
    EpochCounter,
    MatchChannel,
    MonitorBased,
    Or,
    PatienceBasedTermCrit,
    TerminationCriterion,
)
from adversarial.utils import serial


class Monitor:
    def __init__(self, **channels):
        self.epochs = 0
        self.channels = OrderedDict(
            (name, SimpleNamespace(val="symbol", val_record=list(values)))
            for name, values in channels.items()
        )

    def get_epochs_seen(self):
        return self.epochs


def a_model(**channels):
    return SimpleNamespace(monitor=Monitor(**channels))


def answers(criterion, values, channel="objective", before=()):
    """The criterion's answers after each epoch in which `channel` takes the next value."""
    model = a_model(**{channel: list(before)})
    given = []
    for value in values:
        model.monitor.channels[channel].val_record.append(value)
        model.monitor.epochs += 1
        given.append(criterion.continue_learning(model))
    return given


def epochs_trained(criterion, model, limit=50):
    for epoch in range(1, limit + 1):
        model.monitor.epochs += 1
        if not criterion.continue_learning(model):
            return epoch
    return None


def test_monitor_based_stops_n_epochs_after_the_last_sufficient_fall():
    values = [10.0, 8.0, 7.9, 7.8, 7.7, 7.6]
    assert answers(MonitorBased(0.1, 3), values) == [True, True, True, True, False, False]
    assert answers(MonitorBased(0.0, 3), values) == [True] * 6


def test_monitor_based_measures_against_the_lowest_value():
    # 7.3 is 10 % below 8.2, the value of the last sufficient fall, but not below the lowest, 7.5.
    assert answers(MonitorBased(0.1, 2), [10.0, 8.2, 7.5, 7.3]) == [True, True, True, False]


def test_monitor_based_counts_nan_as_no_improvement():
    assert answers(MonitorBased(0.01, 2), [1.0, np.nan, np.nan]) == [True, True, False]


def test_channels_below_zero():
    """-11 is 10 % below -10, and -9.5 above it."""
    assert answers(MonitorBased(0.1, 2), [-10.0, -9.5, -9.4]) == [True, True, False]
    assert answers(MonitorBased(0.1, 2), [-10.0, -11.1, -11.2]) == [True, True, True]
    assert answers(PatienceBasedTermCrit(0.1, 3), [-10.0, -9.5, -9.0]) == [True, True, False]
    assert answers(PatienceBasedTermCrit(0.1, 3), [-10.0, -9.5, -12.0]) == [True, True, True]


def test_monitor_based_default_channel():
    assert answers(MonitorBased(), [1.0], channel="only") == [True]
    model = a_model(valid_objective=[1.0], objective=[2.0])
    criterion = MonitorBased()
    criterion.continue_learning(model)
    assert criterion.best_value == 2.0
    with pytest.raises(ValueError, match="no channel 'objective'.*did you mean 'objectives'"):
        MonitorBased().continue_learning(a_model(objectives=[1.0], other=[2.0]))


def test_the_only_channel_is_the_one_that_is_measured():
    """Also beside the record of an earlier training, which the check before training leaves out."""
    for earlier in ("other", "objective"):
        model = a_model(**{earlier: [1.0]}, only=[2.0])
        model.monitor.channels[earlier].val = None
        criterion = MonitorBased()
        criterion.continue_learning(model)
        assert criterion.best_value == 2.0


def test_patience_grows_with_each_new_best():
    # A new best at value 3 (of one before training and two epochs): patience 6.
    criterion = PatienceBasedTermCrit(0.1, 4)
    given = answers(criterion, [9.0, 5.0, 5.0, 5.0, 5.0], before=[10.0])
    assert criterion.patience == 6.0
    assert given == [True, True, True, True, False]
    assert answers(PatienceBasedTermCrit(0.1, 4, 1.0), [5.0] * 4) == [True, True, True, False]


def test_a_criterion_of_two_trainings_begins_anew():
    criterion = PatienceBasedTermCrit(0.1, 2, 10.0)
    assert answers(criterion, [9.0, 5.0, 1.0]) == [True] * 3
    criterion.initialize(None)
    assert answers(criterion, [20.0, 20.0]) == [True, True]
    assert (criterion.patience, criterion.best_value) == (10.0, 20.0)


def test_channel_target_and_inf():
    values = [0.6, np.nan, 0.51, 0.5]
    assert answers(ChannelTarget("x", 0.5), values, channel="x") == [True, True, True, False]
    values = [1.0, np.nan, -np.inf]
    assert answers(ChannelInf("x"), values, channel="x") == [True, True, False]


def test_match_channel_compares_with_the_earlier_run():
    model = a_model(train_nll=[3.0])
    model.first_run = Monitor(valid_nll=[4.0, 2.0])
    criterion = MatchChannel("train_nll", "valid_nll", "first_run")
    assert criterion.continue_learning(model)
    model.monitor.channels["train_nll"].val_record.append(2.0)
    assert not criterion.continue_learning(model)
    with pytest.raises(ValueError, match="no second_run"):
        MatchChannel("train_nll", "valid_nll", "second_run").continue_learning(model)


@pytest.mark.parametrize("initialize", [True, False])
def test_epoch_counter(initialize):
    def trained(criterion, seen):
        model = a_model()
        model.monitor.epochs = seen
        if initialize:
            criterion.initialize(model)
        return epochs_trained(criterion, model)

    assert trained(EpochCounter(5), seen=0) == 5
    assert trained(EpochCounter(5), seen=7) == 5
    assert trained(EpochCounter(9, new_epochs=False), seen=7) == 2
    assert trained(EpochCounter(5, new_epochs=False), seen=7) == 1


def test_epoch_counter_goes_on_after_a_restart(tmp_path):
    model, criterion = a_model(), EpochCounter(5)
    for _ in range(3):
        model.monitor.epochs += 1
        assert criterion.continue_learning(model)
    serial.save(str(tmp_path / "criterion.pkl"), criterion)
    assert epochs_trained(serial.load(str(tmp_path / "criterion.pkl")), model) == 2


def test_and_stops_with_the_first_or_with_the_last():
    values = [3.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    first = And([EpochCounter(5), ChannelTarget("objective", 2.5)])
    assert answers(first, values) == [True, False, False, False, False, False]
    last = Or([ChannelTarget("objective", 2.5), EpochCounter(5)])
    assert answers(last, values) == [True, True, True, True, False, False]


def test_or_asks_every_criterion_each_time():
    # The countdown runs while the other criterion alone would keep training going.
    criterion = Or([EpochCounter(4), MonitorBased(0.01, 2)])
    assert answers(criterion, [1.0] * 5) == [True, True, True, False, False]


def test_combinations_refuse_other_things():
    with pytest.raises(TypeError, match="And takes termination criteria, not int 3"):
        And([EpochCounter(2), 3])
    for combination in (And, Or):
        name = combination.__name__
        with pytest.raises(ValueError, match=f"the criteria of {name} are an empty list"):
            combination([])


def test_the_base_names_the_class_that_lacks_a_method():
    with pytest.raises(NotImplementedError, match="TerminationCriterion"):
        TerminationCriterion().continue_learning(a_model())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MonitorBased(N=0), "N must be .* not 0"),
        (lambda: MonitorBased(prop_decrease=1.0), "prop_decrease .* not 1.0"),
        (lambda: PatienceBasedTermCrit(-0.1, 3), "prop_decrease .* not -0.1"),
        (lambda: EpochCounter(-1), "max_epochs .* is -1"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_channel_without_a_value():
    model = a_model(valid_objective_g=[])
    with pytest.raises(ValueError, match="'valid_objective_g' has no value yet"):
        ChannelTarget("valid_objective_g", 0).continue_learning(model)
