"""Known damage to real digits moves each metric in the direction that is known beforehand.

"Samples" are test digits that are held out from the data, damaged. Each entry of EXPECTED says
whether the metric rises (+), falls (-) or stays within its error (0) compared with undamaged ones;
"?" is not predicted. docs/EVALUATION.md has the values, which benchmarks/metric_damage.py prints.
"""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.datasets.data_path import DataUnavailable
from adversarial.evaluation.features import digit_features
from adversarial.evaluation.metric import Inputs, all_metrics
from benchmarks.metric_damage import DAMAGES, Digits, inputs_of

#                       dropped  blurred  noisy  memorised  shrunk
EXPECTED = {
    "fid":                 "+        +        +      0          +",
    "fid_pixels":          "+        +        +      0          +",
    "kid":                 "+        +        +      0          +",
    "kid_pixels":          "+        ?        +      0          0",
    "precision":           "0        ?        -      0          ?",
    "recall":              "-        -        -      0          -",
    "density":             "0        +        -      0          ?",
    "coverage":            "-        -        -      0          -",
    "two_sample":          "+        +        +      0          +",
    "two_sample_pixels":   "+        +        +      0          +",
    "class_kl":            "+        0        0      0          0",
    "ndb":                 "+        ?        0      ?          ?",
    "support_size":        "?        -        +      0          -",
    "memorisation":        "0        0        0      +          0",
    "memorisation_pixels": "0        0        0      +          0",
    "nearest_distance":    "+        -        +      -          -",
    # Fooled: Parzen windows prefer blurred digits and shrunk ones to the digits themselves.
    "parzen_ll":           "-        +        -      0          +",
}  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    try:
        return Digits(1000)
    except DataUnavailable as error:
        pytest.skip(f"no MNIST, and no way to fetch it: {error}")


@pytest.fixture(scope="module")
def features(digits):
    return digit_features()


@pytest.fixture(scope="module")
def undamaged(digits, features):
    return compute(digits, features, digits.samples)


def compute(digits, features, samples):
    inputs = Inputs(**inputs_of(digits, features, samples))
    return {name: all_metrics()[name].compute(inputs) for name in EXPECTED}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_moves_metrics_as_expected(digits, features, undamaged, damage):
    found = compute(digits, features, DAMAGES[damage](digits))
    wrong = {}
    for name, signs in EXPECTED.items():
        sign = signs.split()[list(DAMAGES).index(damage)]
        change = found[name].value - undamaged[name].value
        errors = [each.uncertainty for each in (found[name], undamaged[name])]
        error = float(np.hypot(*np.nan_to_num(errors)))
        holds = {
            "+": change > 2 * error,
            "-": change < -2 * error,
            "0": abs(change) < 3 * error,
            "?": True,
        }
        if not holds[sign]:
            wrong[name] = (sign, undamaged[name], found[name])
    assert not wrong
