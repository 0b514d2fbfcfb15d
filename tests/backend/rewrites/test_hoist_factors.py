"""One gradient for two objectives through convolutions: against the plain graph, on any shapes."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.mode import get_default_mode
from aesara.tensor.nnet.corr import CorrMM, CorrMM_gradInputs, CorrMM_gradWeights
from aesara.tensor.type import TensorType
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.pooling import MaxPoolGrad
from adversarial.backend.rewrites import TAG

PLAIN = get_default_mode().excluding(TAG)
MAPS, SIZE, HIDDEN = 2, (7, 6), 5
# Images, their maps after each pooling, and the features of the dense layer.
SHAPES = [(MAPS, *SIZE), (3, 4, 3), (4, 2, 2), (HIDDEN,)]


def parameters(tied):
    rng = np.random.RandomState(0)
    shapes = [
        (6, 2, 3, 3),
        (6,) if tied else (6, 7, 6),
        (8, 3, 3, 3),
        (8,) if tied else (8, 4, 3),
        (16, 2 * HIDDEN),
        (2 * HIDDEN,),
        (HIDDEN, 1),
    ]
    return [
        backend.shared(rng.uniform(-0.5, 0.5, shape), f"p{i}") for i, shape in enumerate(shapes)
    ]


def logits(x, masks, params):
    """A discriminator: two convolutions, a dense layer, all maxout, under dropout; (batch, 1)."""
    W0, b0, W1, b1, W2, b2, w = params
    for W, b, mask in ((W0, b0, masks[0]), (W1, b1, masks[1])):
        z = backend.conv2d(
            x * mask * 2,
            W,
            input_shape=(None, *x.type.shape[1:]),
            filter_shape=W.type.shape,
            border_mode=(1, 1),
            filter_flip=False,
        )
        z = z + (b.dimshuffle("x", 0, "x", "x") if b.ndim == 1 else b.dimshuffle("x", 0, 1, 2))
        x = at.specify_shape(
            backend.max_pool(z, (2, 2), (2, 2), 2),
            (None, *(SHAPES[1] if W is W0 else SHAPES[2])),
        )
    x = at.specify_shape((x * masks[2]).dimshuffle(0, 2, 3, 1), (None, 2, 2, 4)).reshape((-1, 16))
    h = backend.maxout(at.dot(x, W2) + b2, 2)
    return at.dot(h * masks[3] * 2, w)


def players(tied, mode):
    """A function of x, s and eight masks; it returns D's gradients, and G's at s."""
    params = parameters(tied)
    x, s = (TensorType("float32", (None, MAPS, *SIZE))(name) for name in "xs")
    of_x, of_s = ([TensorType("float32", (None, *shape))() for shape in SHAPES] for _ in "xs")
    real, fake = logits(x, of_x, params), logits(s, of_s, params)
    d = 0.5 * (at.softplus(-real).mean() + at.softplus(fake).mean())
    g = at.softplus(-fake).mean()
    outputs = [*at.grad(d, params, consider_constant=[s]), at.grad(g, s)]
    return backend.function([x, s, *of_x, *of_s], outputs, mode=mode)


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def pair(request):
    return players(request.param, None), players(request.param, PLAIN)


def count(function, kind):
    return sum(isinstance(node.op, kind) for node in function.maker.fgraph.apply_nodes)


def test_one_pass_down_for_both_objectives(pair):
    ours, plain = pair
    # Two layers, for data and for samples; images are reached for samples alone.
    assert [count(ours, kind) for kind in (MaxPoolGrad, CorrMM_gradInputs)] == [4, 3]
    assert [count(plain, kind) for kind in (MaxPoolGrad, CorrMM_gradInputs)] == [6, 4]
    assert count(ours, CorrMM_gradWeights) == count(plain, CorrMM_gradWeights) == 4
    assert count(ours, CorrMM) == count(plain, CorrMM) == 4


@settings(max_examples=30)
@given(
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
)
def test_equal_to_the_plain_graph(pair, n, m, seed, scale):
    rng = np.random.RandomState(seed)
    values = [(scale * rng.randn(rows, *SHAPES[0])).astype("f") for rows in (n, m)]
    values += [
        (rng.uniform(size=(rows, *shape)) < 0.7).astype("f") for rows in (n, m) for shape in SHAPES
    ]
    ours, plain = pair
    for a, b in zip(ours(*values), plain(*values)):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5 * max(1.0, np.abs(b).max()))


def test_rows_that_are_not_examples_keep_their_factor():
    """A reshape that splits or joins rows, or an axis moved to the front."""
    column, v = at.fcol(), TensorType("float32", (None, 6))()
    joined = (column * v).reshape((-1, 12))
    moved = (column * v).reshape((-1, 2, 3)).dimshuffle(1, 0, 2)
    function, plain = (
        backend.function([column, v], [at.exp(joined), at.exp(moved)], mode=mode)
        for mode in (None, PLAIN)
    )
    rng = np.random.RandomState(1)
    values = rng.randn(4, 1).astype("f"), rng.randn(4, 6).astype("f")
    for a, b in zip(function(*values), plain(*values)):
        np.testing.assert_allclose(a, b, rtol=1e-5)
