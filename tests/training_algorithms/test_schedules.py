from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from adversarial.backend import floatX, shared
from adversarial.training_algorithms.schedules import (
    AnnealedLearningRate,
    ExponentialDecay,
    LinearDecay,
)
from adversarial.utils import serial


def an_algorithm(learning_rate=0.1):
    return SimpleNamespace(learning_rate=shared(learning_rate, name="learning_rate"))


def rates(schedule, algorithm, count):
    """The learning rate after each of `count` minibatches."""
    seen = []
    for _ in range(count):
        schedule(algorithm)
        seen.append(float(algorithm.learning_rate.get_value()))
    return np.array(seen)


def test_exponential_decay_reproduces_the_reference_run():
    # Learning rates that the original recorded for mnist.yaml, 500 minibatches an epoch.
    reference = {1: 0.099800296, 2: 0.099600844, 13: 0.097433485, 28: 0.09455388, 150: 0.07408187}
    seen = rates(ExponentialDecay(1.000004, 0.000001), an_algorithm(0.1), 150 * 500)
    for epoch, rate in reference.items():
        np.testing.assert_allclose(seen[500 * epoch - 1], rate, rtol=2e-6)


def test_exponential_decay_stops_at_the_minimum():
    algorithm = an_algorithm(0.1)
    seen = rates(ExponentialDecay(2.0, 0.003), algorithm, 2000)
    np.testing.assert_allclose(seen[:6], [0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.003], rtol=1e-6)
    # 2**2000 is beyond a float64.
    assert seen[-1] == np.float32(0.003)
    assert algorithm.learning_rate.get_value().dtype == floatX


def test_exponential_decay_takes_the_strings_of_yaml():
    schedule = ExponentialDecay("1.000004", "1e-6")
    assert (schedule.decay_factor, schedule.min_lr) == (1.000004, 1e-6)


def test_linear_decay_steps_from_start_to_saturate():
    seen = rates(LinearDecay(start=3, saturate=6, decay_factor=0.2), an_algorithm(1.0), 8)
    # Steps of (1 - .2) / (6 - 3 + 1), the first with the third minibatch.
    np.testing.assert_allclose(seen, [1.0, 1.0, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2], rtol=1e-6)


def test_annealed_learning_rate_is_one_over_t():
    seen = rates(AnnealedLearningRate(4), an_algorithm(0.5), 8)
    np.testing.assert_allclose(seen, 0.5 * np.minimum(1, 4 / np.arange(1, 9)), rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExponentialDecay(1.01, 1e-6),
        lambda: LinearDecay(2, 9, 0.1),
        lambda: AnnealedLearningRate(2),
    ],
)
def test_restored_schedule_goes_on(make, tmp_path):
    straight = rates(make(), an_algorithm(), 6)
    algorithm, schedule = an_algorithm(), make()
    first = rates(schedule, algorithm, 3)
    serial.save(str(tmp_path / "schedule.pkl"), schedule)
    rest = rates(serial.load(str(tmp_path / "schedule.pkl")), algorithm, 3)
    np.testing.assert_array_equal(np.concatenate([first, rest]), straight)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExponentialDecay(0.998, 1e-6), "decay_factor .* not 0.998"),
        (lambda: ExponentialDecay(1.1, -1.0), "min_lr .* is -1.0"),
        (lambda: LinearDecay(0, 5, 0.1), "start 0, saturate 5"),
        (lambda: LinearDecay(5, 5, 0.1), "start 5, saturate 5"),
        (lambda: LinearDecay(1, 5, 0.0), "decay_factor .* not 0.0"),
        (lambda: AnnealedLearningRate(0), "anneal_start .* not 0.0"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()
