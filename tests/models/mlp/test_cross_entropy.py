"""Losses of probabilities: exact if the graph has a logit, else clipped."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from aesara.printing import Print
from aesara.tensor.special import softmax
from scipy.special import expit, log_softmax
from sklearn.metrics import log_loss

from adversarial.backend import floatX, shared
from adversarial.costs.default import Default
from adversarial.models.mlp import MLP, Linear, Sigmoid, Softmax
from adversarial.models.mlp.cross_entropy import (
    binary_cross_entropy,
    log_probabilities,
    sigmoid_logit,
    softmax_logit,
)
from adversarial.models.mlp.layer import Layer

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

Z = np.array([[-200.0, -3.0, 0.5], [0.0, 7.0, 150.0]], dtype=floatX)
Y = np.array([[1.0, 0.0, 0.3], [0.5, 1.0, 0.0]], dtype=floatX)


def exact(z, y):
    z, y = z.astype("float64"), y.astype("float64")
    return y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda v: v,
        lambda v: v.T,
        lambda v: v.reshape((3, 2)),
        lambda v: v.flatten(),
        lambda v: v[1:, ::2],
        lambda v: v.dimshuffle("x", 1, 0),
        lambda v: at.cast(v, "float64"),
        lambda v: at.specify_shape(v, (2, 3)),
    ],
)
def test_the_logit_is_found_through_reshapes_and_transpositions(arrange, evaluate):
    """The loss and its derivative are exact where the sigmoid saturates."""
    z, y = shared(Z), shared(Y)
    p, target = arrange(at.sigmoid(z)), arrange(y)
    assert sigmoid_logit(p) is not None
    loss = binary_cross_entropy(target, p)
    value, slope = evaluate([loss.sum(), at.grad(loss.sum(), z)])
    chosen, of_y = evaluate([arrange(z), target])
    assert value == pytest.approx(exact(chosen, of_y).sum(), rel=1e-6)
    counted = evaluate(at.grad(arrange(z).sum(), z))  # 1 where the entry is taken
    np.testing.assert_allclose(slope, counted * (expit(Z) - Y), rtol=1e-5, atol=1e-7)


def test_print_is_looked_through():
    z = at.matrix()
    assert sigmoid_logit(Print("p")(at.sigmoid(z))) is not None
    assert softmax_logit(Print("p")(softmax(z, axis=-1))) is z


@pytest.mark.parametrize("of", [lambda z: z, lambda z: 1 - at.sigmoid(z), lambda z: at.tanh(z)])
def test_no_logit_is_made_up(of):
    assert sigmoid_logit(of(at.matrix())) is None
    assert softmax_logit(of(at.matrix())) is None


def test_a_softmax_over_another_axis_has_no_logit():
    assert softmax_logit(softmax(at.matrix(), axis=0)) is None


def test_probabilities_without_a_logit(evaluate):
    p = np.array([[0.2, 0.9, 0.0], [0.5, 0.01, 1.0]], dtype=floatX)
    y = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]], dtype=floatX)
    found = evaluate(binary_cross_entropy(shared(y), shared(p)))
    assert np.isfinite(found).all()
    assert found.mean() == pytest.approx(log_loss(y.ravel(), p.ravel().astype("float64")), rel=1e-5)
    rows = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], dtype=floatX)
    logs = evaluate(log_probabilities(shared(rows)))
    assert np.isfinite(logs).all()
    np.testing.assert_allclose(np.exp(logs), rows, atol=2e-7)


def test_softmax_layer_takes_any_softmax(evaluate):
    layer = Softmax(n_classes=3, layer_name="y", irange=0.0)
    MLP([layer], nvis=3)
    one_hot = np.eye(3, dtype=floatX)[[2, 0]]
    expected = -(one_hot * log_softmax(Z.astype("float64"), axis=1)).sum(axis=1).mean()
    for probabilities in (softmax(shared(Z), axis=-1), softmax(shared(Z), axis=1)):
        assert evaluate(layer.cost(shared(one_hot), probabilities)) == pytest.approx(expected)
    by_hand = np.exp(log_softmax(Z / 50, axis=1)).astype(floatX)  # no softmax in the graph
    expected = -(one_hot * log_softmax(Z / 50.0, axis=1)).sum(axis=1).mean()
    assert evaluate(layer.cost(shared(one_hot), shared(by_hand))) == pytest.approx(expected, 1e-4)


class Steep(Sigmoid):
    def fprop(self, state_below):
        return at.sigmoid(2 * self._linear_part(state_below))


class Rational(Sigmoid):
    """Another function to (0, 1), whose graph has no logit."""

    def _activate(self, z):
        return rational(z)


def rational(z):
    return 0.5 + 0.5 * z / (1 + abs(z))


class Twice(Layer):
    """A custom layer whose output is a sigmoid, with the loss of this package."""

    def __init__(self, layer_name):
        super().__init__(layer_name)
        self._params = []

    def set_input_space(self, space):
        self.input_space = self.output_space = space

    def fprop(self, state_below):
        return at.sigmoid(2 * state_below)

    def cost_matrix(self, Y, Y_hat):
        return binary_cross_entropy(Y, Y_hat)


@pytest.mark.parametrize(
    "layers, function",
    [
        (lambda: [Steep(dim=2, layer_name="y", irange=1.0)], lambda z: expit(2 * z)),
        (lambda: [Rational(dim=2, layer_name="y", irange=1.0)], rational),
        (lambda: [Linear(dim=2, layer_name="h", irange=1.0), Twice("y")], lambda z: expit(2 * z)),
    ],
)
def test_subclasses_train(layers, function, evaluate):
    """The gradient is that of central differences of the loss in double precision."""
    mlp = MLP(layers(), nvis=3)
    rng = np.random.RandomState(3)
    x, y = rng.normal(size=(5, 3)), rng.uniform(size=(5, 2))
    W = mlp.layers[0].get_weights().astype("float64")

    over_units = np.mean if isinstance(mlp.layers[-1], Sigmoid) else np.sum

    def loss(W):
        p = function(x @ W)
        return -over_units(y * np.log(p) + (1 - y) * np.log(1 - p), axis=1).mean()

    numeric = np.zeros_like(W)
    for place in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[place] = 1e-5
        numeric[place] = (loss(W + step) - loss(W - step)) / 2e-5
    batch = (shared(x.astype(floatX)), shared(y.astype(floatX)))
    gradients, _ = Default().get_gradients(mlp, batch)
    value, slope = evaluate([Default().expr(mlp, batch), gradients[mlp.layers[0].W]])
    assert value == pytest.approx(loss(W), rel=1e-5)
    np.testing.assert_allclose(slope, numeric, rtol=1e-3, atol=1e-5)
