"""The divergence of classes equals SciPy's, and its error the spread of repetitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from adversarial.evaluation.metrics.class_kl import class_kl


class FirstNumber:
    """A classifier that reads the class."""

    @staticmethod
    def classes(rows):
        return rows[:, 0].astype(int)


def rows(*counts):
    return np.repeat(np.arange(len(counts)), counts)[:, None].astype(float)


def test_value_is_scipys_and_missing_classes_are_named():
    found = class_kl(rows(30, 1, 0, 69), rows(25, 25, 25, 25), FirstNumber)
    assert found.value == pytest.approx(entropy([0.3, 0.01, 0, 0.69], [0.25] * 4))
    assert found.details["samples"] == [0.3, 0.01, 0, 0.69]
    assert found.details["data"] == [0.25] * 4
    assert found.details["missing"] == [1, 2]
    assert found.notes[1] == "class 2 is missing among the samples"
    assert class_kl(rows(3, 4), rows(3, 4), FirstNumber).value == 0
    # A class that no test example has counts as half an example of the four.
    expected = 0.5 * np.log(0.5 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    expected += 0.25 * np.log(0.25 / (0.5 / 4))
    found = class_kl(rows(2, 1, 1), rows(2, 2), FirstNumber)
    assert found.value == pytest.approx(expected)


def test_the_standard_error_is_the_deviation_of_repetitions():
    rng = np.random.RandomState(0)
    p, q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]
    tries = [
        class_kl(
            rows(*rng.multinomial(900, p)),
            rows(*rng.multinomial(700, q)),
            FirstNumber,
        )
        for _ in range(300)
    ]
    deviation = np.std([each.value for each in tries])
    assert np.mean([each.uncertainty for each in tries]) == pytest.approx(deviation, rel=0.15)
    assert np.mean([each.value for each in tries]) == pytest.approx(entropy(p, q), abs=0.01)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no method `classes`"):
        class_kl(rows(2, 2), rows(2, 2), np.negative)
    with pytest.raises(ValueError, match="says that all 5 test examples are of class 0"):
        class_kl(rows(2, 2), rows(5), FirstNumber)
    with pytest.raises(ValueError, match="samples contain NaN"):
        class_kl(rows(2, 2) * np.nan, rows(2, 2), FirstNumber)
