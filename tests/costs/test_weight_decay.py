"""Penalties on weights, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.backend import floatX
from adversarial.config.yaml_parse import load
from adversarial.costs.cost import SumOfCosts
from adversarial.costs.default import Default, L1WeightDecay, WeightDecay
from adversarial.models.mlp import MLP, CompositeLayer, Linear, RectifiedLinear, SpaceConverter
from adversarial.space import VectorSpace
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD

pytestmark = pytest.mark.usefixtures("fast_compile")


def network():
    """Two layers with weights, and between them one without."""
    layers = [
        RectifiedLinear(layer_name="h", dim=4, irange=1.0),
        SpaceConverter("c", VectorSpace(4)),
        Linear(2, "y", irange=1.0),
    ]
    return MLP(layers, nvis=6)


@pytest.mark.parametrize("kind, size", [(WeightDecay, np.square), (L1WeightDecay, np.abs)])
def test_value(kind, size, evaluate):
    mlp = network()
    first, _, last = mlp.layers
    W, V = first.get_weights(), last.get_weights()
    cost = kind([0.5, 0, 0.25])
    expected = 0.5 * size(W).sum() + 0.25 * size(V).sum()
    assert evaluate(cost.expr(mlp, None)) == pytest.approx(expected, rel=1e-5)
    assert kind([0, 0.0, 0]).expr(mlp, None).dtype == floatX
    with pytest.raises(NotImplementedError, match="SpaceConverter has no weights"):
        kind(0.5).expr(mlp, None)
    with pytest.raises(ValueError, match="2 weight decay coefficients for 3 layers"):
        kind([0.5, 0.5]).expr(mlp, None)


def test_coefficients_by_name(evaluate):
    mlp = network()
    expected = 0.5 * (mlp.layers[0].get_weights() ** 2).sum()
    found = WeightDecay({mlp.layers[0].layer_name: 0.5}).expr(mlp, None)
    assert evaluate(found) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match=r"weight decay coefficient of 'h9': the layers are \['"):
        WeightDecay({"h9": 0.5}).expr(mlp, None)


def test_layers_of_layers_have_lists_of_their_own(evaluate):
    inner = MLP(
        [Linear(dim=3, layer_name="a", irange=1.0), Linear(2, "b", irange=1.0)], layer_name="inner"
    )
    both = CompositeLayer("both", [Linear(2, "d", irange=1.0), Linear(3, "e", irange=1.0)])
    mlp = MLP([inner, both], nvis=4)
    weights = [layer.get_weights() for layer in [*inner.layers, *both.layers]]
    coeffs = [[0.1, 0.2], [0, 0.4]]
    expected = sum(c * (W**2).sum() for c, W in zip([0.1, 0.2, 0, 0.4], weights))
    assert evaluate(WeightDecay(coeffs).expr(mlp, None)) == pytest.approx(expected, rel=1e-5)


def test_a_step_with_both_penalties(data):
    """Of one linear layer: the gradient of the loss, 2 c W and c sign(W)."""
    mlp = MLP([Linear(dim=2, layer_name="y", irange=1.0)], nvis=6)
    W, b = mlp.get_param_values()
    cost = SumOfCosts([Default(), [0.5, WeightDecay([0.1])], L1WeightDecay(0.01)])
    algorithm = SGD(0.1, cost=cost, batch_size=23, monitoring_dataset=data)
    train = Train(data, mlp, algorithm)
    train.main_loop(max_epochs=1)
    error = data.X @ W + b - data.y
    gradient = 2 * data.X.T @ error / 23 + 2 * 0.05 * W + 0.01 * np.sign(W)
    np.testing.assert_allclose(mlp.layers[0].get_weights(), W - 0.1 * gradient, atol=1e-5)
    channels = mlp.monitor.channels
    assert channels["term_1_weight_decay"].val_record[0] == pytest.approx(
        0.1 * (W**2).sum(), rel=1e-5
    )
    assert "term_2_l1_penalty" in channels


def test_a_yaml_of_2014_names_them():
    cost = load("""
        !obj:pylearn2.costs.cost.SumOfCosts { costs: [ !obj:pylearn2.costs.mlp.Default {},
            !obj:pylearn2.costs.mlp.WeightDecay { coeffs: [ .0005, .0005 ] },
            !obj:pylearn2.costs.mlp.L1WeightDecay { coeffs: [ [ .0005, 0 ], 0 ] } ] }
    """)
    assert [type(part) for part in cost.costs] == [Default, WeightDecay, L1WeightDecay]
    assert cost.costs[2].coeffs == [[0.0005, 0], 0]
