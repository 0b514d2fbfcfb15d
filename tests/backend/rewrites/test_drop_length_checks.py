"""Lengths compared with themselves are not compared; others are, as before."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.mode import get_default_mode
from aesara.raise_op import Assert

from adversarial import backend
from adversarial.backend.rewrites import TAG

PLAIN = get_default_mode().excluding(TAG)


def comparisons(function):
    return sum(isinstance(node.op, Assert) for node in function.maker.fgraph.apply_nodes)


def dropped(x):
    """Two layers of maxout under dropout, whose masks take their shapes from what they fall on."""
    streams = backend.RandomStreams(1, "masks")
    for features in (6, 4):
        W = backend.shared(np.ones((features, 8)))
        mask = streams.binomial(size=[x.shape[0], x.shape[1]], p=0.5)
        x = backend.maxout(at.dot(x * mask, W) + W[0], 2)
    return x


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_a_length_is_its_own(rows):
    x = at.fmatrix()
    ours, plain = (backend.function([x], dropped(x), mode=mode) for mode in (None, PLAIN))
    assert comparisons(ours) == 0 < comparisons(plain)
    values = np.ones((rows, 6), "f")
    np.testing.assert_array_equal(ours(values), plain(values))


def test_lengths_of_two_arrays_are_compared():
    x, y = at.fmatrix(), at.fmatrix()
    function = backend.function([x, y], (at.exp(x) + at.exp(y)).shape)
    assert comparisons(function) > 0
    np.testing.assert_array_equal(function(np.ones((1, 3), "f"), np.ones((4, 3), "f")), [4, 3])
    with pytest.raises(AssertionError, match="Could not broadcast"):
        function(np.ones((2, 3), "f"), np.ones((4, 3), "f"))
