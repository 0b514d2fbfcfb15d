"""What a file may become is in proportion to its size, whatever it is made of."""

from __future__ import annotations

import pytest

from adversarial.modelfile.budget import FREE, PER_BYTE, Budget
from adversarial.modelfile.npy import Fault


def test_all_that_is_taken_adds_up():
    budget = Budget(1000)
    for _ in range(10):
        budget.spend(FREE // 10, "lists")
    budget.spend(1000 * PER_BYTE - 10, "lists")
    with pytest.raises(Fault, match=r"its 1,000 bytes are worth \(tuples\)"):
        budget.spend(20, "tuples")


def test_a_larger_file_may_take_more():
    for size in (0, 10_000, 10**9):
        budget = Budget(size)
        budget.spend(FREE + PER_BYTE * size, "all")
        with pytest.raises(Fault):
            budget.spend(1, "one more")
