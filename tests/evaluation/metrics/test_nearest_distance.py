"""`nearest_distance` equals a loop over samples and training examples."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.evaluation.metrics.nearest_distance import nearest_distance


def test_value_error_and_details_are_those_of_a_loop():
    rng = np.random.RandomState(0)
    samples, training = rng.rand(20, 3), rng.rand(30, 3)
    expected = [min(np.linalg.norm(x - s) for x in training) for s in samples]
    found = nearest_distance(samples, training)
    assert found.value == pytest.approx(np.mean(expected))
    assert found.uncertainty == pytest.approx(np.std(expected) / 20**0.5)
    assert found.details["least"] == pytest.approx(min(expected))
    assert found.details["median"] == pytest.approx(np.median(expected))


def test_samples_that_repeat_training_examples_have_distance_0():
    training = np.random.RandomState(1).rand(10, 4).astype("float32")
    assert nearest_distance(training[[3, 3, 7]], training).value == 0
