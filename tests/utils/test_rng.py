from __future__ import annotations

import logging

import numpy as np
import pytest

from adversarial.utils.rng import make_np_rng
from adversarial.utils.timing import log_timing


def test_a_seed_makes_a_generator():
    for given, seed in [((7,), 7), (([1, 2],), [1, 2]), ((None, 5), 5), ((), 42), ((0, 5), 0)]:
        expected = np.random.RandomState(seed).uniform(size=3)
        np.testing.assert_array_equal(make_np_rng(*given).uniform(size=3), expected)


def test_a_generator_is_itself():
    for rng in (np.random.RandomState(1), np.random.default_rng(1)):
        assert make_np_rng(rng, 5, which_method=["uniform", "normal"]) is rng
    with pytest.raises(TypeError, match="has no method randn"):
        make_np_rng(np.random.default_rng(1), which_method="randn")


def test_timing(caplog):
    log = logging.getLogger("work")
    with caplog.at_level(logging.INFO), log_timing(log, "Sorting"):
        pass
    first, last = caplog.messages
    assert first == "Sorting..." and last.startswith("Sorting done. Time elapsed: 0.0")
    with caplog.at_level(logging.INFO), log_timing(log, "x", logging.WARNING, "That took"):
        pass
    assert caplog.messages[-1].startswith("That took 0.0")
