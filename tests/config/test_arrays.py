"""Arrays that a YAML asks for are measured before they are made."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.config.arrays import MAX_ARRAY, check_size

LIMIT = MAX_ARRAY // 8


@pytest.mark.parametrize(("target", "arguments", "more"), [
    (np.zeros, {"shape": LIMIT}, {"shape": LIMIT + 1}),
    (np.ones, {"shape": [4, LIMIT // 4]}, {"shape": [4, LIMIT // 4 + 1]}),
    (np.full, {"shape": [LIMIT], "fill_value": 2}, {"shape": [LIMIT + 1], "fill_value": 2}),
    (np.full, {"shape": 1000, "fill_value": "a" * 100}, {"shape": LIMIT, "fill_value": "a" * 100}),
    (np.zeros, {"shape": MAX_ARRAY, "dtype": "u1"}, {"shape": 9, "dtype": "S90000000"}),
    (np.eye, {"N": 1000, "M": LIMIT // 1000}, {"N": 100_000}),
    (np.arange, {"stop": 5, "start": 0}, {"start": 0, "stop": 1, "step": 1e-12}),
    (np.linspace, {"start": 0, "stop": 1}, {"start": 0, "stop": 1, "num": LIMIT + 1}),
    (np.array, {"object": [["a", "b"], [1]]}, {"object": ["a" * 100_000] + ["b"] * 2000}),
])
def test_limits(target, arguments, more):
    check_size(target, arguments)
    with pytest.raises(ValueError, match="256 MiB at most"):
        check_size(target, more)


@pytest.mark.parametrize(("target", "arguments"), [
    (np.zeros, {"shape": "many"}), (np.zeros, {"shape": None}), (np.zeros, {}),
    (np.arange, {"start": 0, "stop": 5, "step": 0}), (np.zeros, {"shape": 3, "dtype": "nonsense"}),
    (np.random.RandomState, {"seed": 10**12}), (dict, {"shape": 10**12}),
])
def test_the_rest_is_left_to_numpy(target, arguments):
    check_size(target, arguments)
