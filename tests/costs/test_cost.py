"""The base of costs, sums of them, and the losses of an MLP."""

from __future__ import annotations

from collections import OrderedDict

import aesara.tensor as at
import numpy as np
import pytest

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.backend import floatX, shared
from adversarial.costs.cost import (
    Cost,
    LpPenalty,
    MethodCost,
    NullDataSpecsMixin,
    SumOfCosts,
)
from adversarial.costs.default import Default, WeightDecay
from adversarial.costs.dropout import Dropout
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.monitor import Monitor
from adversarial.space import CompositeSpace, NullSpace, VectorSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


@pytest.fixture
def mlp():
    return MLP([Linear(dim=2, layer_name="h", irange=1.0)], nvis=3)


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


def squared_error(mlp, x, y):
    W, b = mlp.get_param_values()
    return ((y - x @ W - b) ** 2).sum(axis=1).mean()


def test_default_is_the_loss_of_the_top_layer(mlp, evaluate):
    x, y = random(5, 3), random(5, 2, seed=1)
    cost = Default()
    space, source = cost.get_data_specs(mlp)
    assert space == CompositeSpace([VectorSpace(3), VectorSpace(2)])
    assert source == ("features", "targets")
    assert isinstance(mlp.get_default_cost(), Default)
    gradients, updates = cost.get_gradients(mlp, (shared(x), shared(y)))
    value, dW, db = evaluate([cost.expr(mlp, (shared(x), shared(y))), *gradients.values()])
    W = mlp.layers[0].get_weights()
    error = x @ W - y
    assert value == pytest.approx(squared_error(mlp, x, y), rel=1e-5) and not updates
    np.testing.assert_allclose(dW, 2 * x.T @ error / 5, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(db, 2 * error.sum(axis=0) / 5, rtol=1e-4, atol=1e-6)


def test_dropout(mlp, evaluate):
    """Masks are 0 or 1, so a net without dropout on the masked, scaled input costs the same."""
    mlp.layers[0].set_weights(np.eye(3)[:, :2])
    x, y = np.ones((50, 3), dtype=floatX), np.zeros((50, 2), dtype=floatX)
    cost = Dropout(0.3, {"h": 0.6}, 7.0, {"h": 5.0})
    kept = 50 * evaluate(cost.expr(mlp, (shared(x), shared(y)))) / 25  # of 50 x 2 outputs
    assert kept == pytest.approx(round(float(kept)), abs=1e-3) and 45 <= kept <= 75
    common = Dropout(0.5, per_example=False).expr(mlp, (shared(x), shared(y)))
    assert float(evaluate(common)) in (0.0, 4.0, 8.0)  # one mask for all examples


class Constant(NullDataSpecsMixin, Cost):
    """A cost without data: coefficient * sum of squares of the parameters."""

    def expr(self, model, data, **kwargs):
        value = sum((param**2).sum() for param in model.get_params())
        value.name = "squares"
        return value

    def get_gradients(self, model, data, **kwargs):
        gradients, _ = super().get_gradients(model, data)
        return gradients, OrderedDict([(model.counter, model.counter + 1)])


def test_sum_of_costs(mlp, evaluate):
    mlp.counter = shared(0.0)
    total = SumOfCosts([Default(), (0.5, Constant())])
    assert total.supervised
    space, source = total.get_data_specs(mlp)
    assert source == (("features", "targets"), "")
    assert space == CompositeSpace([CompositeSpace([VectorSpace(3), VectorSpace(2)]), NullSpace()])
    x, y = random(5, 3), random(5, 2, seed=1)
    data = ((shared(x), shared(y)), None)
    gradients, updates = total.get_gradients(mlp, data)
    assert list(updates) == [mlp.counter]
    channels = total.get_monitoring_channels(mlp, data)
    names = ["term_0_mean", "term_1_squares", "objective"]  # Aesara named the first
    assert list(channels) == names
    W, b = mlp.get_param_values()
    value, dW, *parts = evaluate(
        [total.expr(mlp, data), gradients[mlp.layers[0].W], *(channels[name] for name in names)]
    )
    error, squares = squared_error(mlp, x, y), (W**2).sum() + (b**2).sum()
    np.testing.assert_allclose(parts, [error, squares, error + 0.5 * squares], rtol=1e-5)
    assert value == pytest.approx(error + 0.5 * squares, rel=1e-5)
    np.testing.assert_allclose(dW, 2 * x.T @ (x @ W - y) / 5 + W, rtol=1e-4, atol=1e-6)


class Measured(Default):
    """A cost that measures its own value along with the rest."""

    def get_monitoring_channels(self, model, data, **kwargs):
        return OrderedDict(objective=shared(5.0, "five"), other=shared(6.0))


def test_the_objective_of_a_part_is_a_term_of_the_sum(mlp):
    data = ((at.matrix(), at.matrix()), (at.matrix(), at.matrix()))
    total = SumOfCosts([Measured(), Measured()])
    names = list(total.get_monitoring_channels(mlp, data))
    assert names == ["other", "term_0_five", "term_1_five", "objective"]


class Gradients(Default):
    """A cost with gradients and no value."""

    def expr(self, model, data, **kwargs):
        return None


def monitored(model, cost, **arrays):
    """The value of each channel of `cost` on one batch."""
    monitor = Monitor.get_monitor(model)
    monitor.setup(dataset=DenseDesignMatrix(**arrays), cost=cost, batch_size=20)
    monitor()
    return {name: channel.val_record[-1] for name, channel in monitor.channels.items()}


class Named(Dropout):
    """Dropout's loss under a name, so that channels of nested sums can be told apart."""

    def __init__(self, name, *args):
        super().__init__(*args)
        self.name = name

    def expr(self, model, data, **kwargs):
        value = super().expr(model, data, **kwargs)
        value.name = self.name
        return value


def test_terms_and_objective_are_of_one_draw(mlp):
    """Also where sums are nested: the weighted terms add up to the objective that is monitored."""
    inner = SumOfCosts([(3.0, Named("b", 0.3)), Named("c"), Gradients()])
    total = SumOfCosts([(2.0, Named("a", 0.5)), (0.5, inner)])
    value = monitored(mlp, total, X=random(20, 3), y=random(20, 2, seed=1))
    inner_sum = 3.0 * value["term_0_b"] + value["term_1_c"]
    assert value["term_1"] == pytest.approx(inner_sum, rel=1e-5)
    assert value["objective"] == pytest.approx(2.0 * value["term_0_a"] + 0.5 * inner_sum, rel=1e-5)


def test_the_terms_of_the_two_players_and_a_penalty_add_up():
    pair = AdversaryPair(
        generator=Generator(MLP([Linear(dim=3, layer_name="y", irange=1.0)], nvis=2)),
        discriminator=MLP([Linear(dim=9, layer_name="h", irange=1.0),
                           Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=3),
    )  # fmt: skip
    game = AdversaryCost2(
        scale_grads=0,
        discriminator_default_input_include_prob=0.5,
        discriminator_default_input_scale=2.0,
    )
    total = SumOfCosts([game, (0.1, LpPenalty([pair.discriminator.layers[0].W], p=2))])
    value = monitored(pair, total, X=random(20, 3))
    game = value["objective_d"] + value["objective_g"]
    (penalty,) = [v for name, v in value.items() if name.startswith("term_1")]
    assert value["objective"] == pytest.approx(game + 0.1 * penalty, rel=1e-5)
    # A divergence is reported by the numbers of the channels.
    gradients, _ = total.get_gradients(pair, (at.matrix(), ()))
    assert list(gradients.objectives) == [
        "of the discriminator, term 0",
        "of the generator, term 0",
        "of the model, term 1",
    ]


def test_sums_that_make_no_sense(mlp):
    mlp.counter = shared(0.0)
    with pytest.raises(ValueError, match="empty"):
        SumOfCosts([])
    with pytest.raises(TypeError, match="0.5"):
        SumOfCosts([0.5])
    with pytest.raises(TypeError, match="costs must be a list, not <"):
        SumOfCosts(Constant())
    with pytest.raises(ValueError, match="update"):
        SumOfCosts([Constant(), Constant()]).get_gradients(mlp, (None, None))


def test_penalty(evaluate):
    a, b = random(3, 2), random(4, seed=1)
    penalty = LpPenalty([shared(a), shared(b)], p=3)
    assert penalty.get_data_specs(None) == (NullSpace(), "")
    expected = (abs(a) ** 3).sum() + (abs(b) ** 3).sum()
    assert evaluate(penalty.expr(None, None)) == pytest.approx(expected, rel=1e-5)


def test_a_method_as_cost(mlp, evaluate):
    cost, (x, y) = MethodCost("cost_from_X"), (random(5, 3), random(5, 2, seed=1))
    assert cost.get_data_specs(mlp) == Default().get_data_specs(mlp)
    value = evaluate(cost.expr(mlp, (shared(x), shared(y))))
    assert value == pytest.approx(squared_error(mlp, x, y), rel=1e-5)
    specs = (VectorSpace(3), "features")
    assert MethodCost("fprop", specs).get_data_specs(mlp) == specs
    with pytest.raises(ValueError, match="is no cost of MLP, which has no 'energy'"):
        MethodCost("energy").get_data_specs(mlp)
    with pytest.raises(ValueError, match="no fprop_data_specs"):
        MethodCost("fprop").get_data_specs(mlp)


def test_a_cost_of_a_network_is_none_of_a_pair():
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=0.1)], nvis=3)
    pair = AdversaryPair(Generator(MLP([Linear(3, "x", irange=0.1)], nvis=2)), D)
    for cost, name in ((Dropout(), "dropout_fprop"), (WeightDecay(0.1), "layers")):
        says = f"{type(cost).__name__} is no cost of AdversaryPair, which has no '{name}'"
        with pytest.raises(ValueError, match=says):
            cost.expr(pair, (at.matrix(), at.matrix()))


def test_the_base_names_the_class_that_lacks_a_method(mlp):
    with pytest.raises(NotImplementedError, match="Cost"):
        Cost().expr(mlp, at.matrix())
    with pytest.raises(NotImplementedError, match="Cost"):
        Cost().get_data_specs(mlp)
