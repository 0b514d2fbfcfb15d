"""The size of arrays that a YAML file describes is checked before they are made."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.config import yaml_parse
from adversarial.config.arrays import spend_for
from adversarial.config.nodes import MEMORY, YamlError
from adversarial.utils.budget import SECOND, Budget, Fault

LIMIT = MEMORY // 8


def spend(target, arguments):
    with Budget(MEMORY, 100 * SECOND, "{what}: too large").active():
        spend_for(target, arguments)


@pytest.mark.parametrize(
    ("target", "arguments", "more"),
    [
        (np.zeros, {"shape": LIMIT}, {"shape": LIMIT + 1}),
        (np.ones, {"shape": [4, LIMIT // 4]}, {"shape": [4, LIMIT // 4 + 1]}),
        (np.full, {"shape": [LIMIT], "fill_value": 2}, {"shape": [LIMIT + 1], "fill_value": 2}),
        (
            np.full,
            {"shape": 1000, "fill_value": "a" * 100},
            {"shape": LIMIT, "fill_value": "a" * 100},
        ),
        (np.zeros, {"shape": MEMORY, "dtype": "u1"}, {"shape": 15, "dtype": "S90000000"}),
        (np.eye, {"N": 1000, "M": LIMIT // 1000}, {"N": 100_000}),
        (np.arange, {"stop": 5, "start": 0}, {"start": 0, "stop": 1, "step": 1e-12}),
        (np.linspace, {"start": 0, "stop": 1}, {"start": 0, "stop": 1, "num": LIMIT + 1}),
        (np.array, {"object": [["a", "b"], [1]]}, {"object": ["a" * 100_000] + ["b"] * 4000}),
    ],
)
def test_limits(target, arguments, more):
    spend(target, arguments)
    with pytest.raises(Fault, match="too large"):
        spend(target, more)


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        (np.zeros, {"shape": "many"}),
        (np.zeros, {"shape": None}),
        (np.zeros, {}),
        (np.arange, {"start": 0, "stop": 5, "step": 0}),
        (np.zeros, {"shape": 3, "dtype": "nonsense"}),
        (np.random.RandomState, {"seed": 10**12}),
        (dict, {"shape": 10**12}),
    ],
)
def test_the_rest_is_left_to_numpy(target, arguments):
    spend(target, arguments)


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        (np.array, {"object": [np.zeros(1_000_000)] * 200}),
        (np.linspace, {"start": np.zeros(30_000), "stop": 1, "num": 40_000}),
        (np.logspace, {"start": 0, "stop": np.zeros(30_000), "num": 40_000}),
        (np.full, {"shape": 400, "fill_value": "a" * 900_000}),
        (np.zeros, {"shape": LIMIT // 4, "dtype": object}),
        (dict, {"X": [np.zeros(1_000_000)] * 200}),
        (dict, {"X": [[np.zeros(1_000_000)] * 10] * 20}),
        (np.zeros, {"shape": 10**400}),
    ],
)
def test_what_arguments_make_together(target, arguments):
    with pytest.raises(Fault, match="too large"):
        spend(target, arguments)


def test_all_arrays_of_a_file_add_up():
    arrays = "".join(f"- !obj:numpy.zeros {{shape: {1 << 24}}}\n" for _ in range(9))
    with pytest.raises(YamlError, match="line 8.*zeros: an array of 1.34e.08 bytes: too large"):
        yaml_parse.load(arrays)
