from __future__ import annotations

import numpy as np
import pytest

from adversarial.utils import seeding


def test_words():
    assert seeding.seed_words(None, [1, 2]) == [1, 2]
    assert seeding.seed_words(5, [1, 2]) == [5]
    assert seeding.seed_words((3, np.int64(4)), 7) == [3, 4]
    seeding.set_base_seed(9)
    assert seeding.seed_words(None, 7) == [7, 9]
    assert seeding.seed_words([3, 4], 7) == [3, 4, 9]


def test_each_base_seed_is_another_replicate():
    def draw():
        return seeding.numpy_rng(None, [2013, 1, 4]).randint(2**31)

    assert draw() == np.random.RandomState([2013, 1, 4]).randint(2**31)
    drawn = [draw()]
    for seed in (0, 1, 2**32 - 1):
        seeding.set_base_seed(seed)
        assert draw() == draw()
        drawn.append(draw())
    assert len(set(drawn)) == 4


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_wrong_base_seed(seed):
    with pytest.raises(ValueError, match=f"seed {seed} "):
        seeding.set_base_seed(seed)
