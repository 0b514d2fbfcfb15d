"""The MLP: propagation, dropout, parameters, files."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.backend import floatX, function, shared
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid, apply_dropout
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def two_layers(**kwargs):
    layers = [
        RectifiedLinear(dim=5, layer_name="h0", irange=1.0),
        Linear(dim=3, layer_name="h1", irange=1.0, W_lr_scale=0.5),
    ]
    return MLP(layers, **{**dict(nvis=4), **kwargs})


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


def ones(*shape):
    return shared(np.ones(shape))


def by_hand(mlp, x):
    (W0, b0, W1, b1) = mlp.get_param_values()
    return np.maximum(x @ W0 + b0, 0) @ W1 + b1


def test_fprop(evaluate):
    mlp, x = two_layers(), random(6, 4)
    states = mlp.fprop(shared(x), return_all=True)
    values = evaluate(states)
    np.testing.assert_allclose(values[1], by_hand(mlp, x), rtol=1e-5, atol=1e-6)
    assert values[0].shape == (6, 5)


def identity(width, name="h"):
    """A net whose output is its input after dropout."""
    layer = Linear(dim=width, layer_name=name, irange=0.0)
    mlp = MLP([layer], nvis=width)
    layer.set_weights(np.eye(width))
    return mlp


@pytest.mark.parametrize("keep, scale", [(0.5, 2.0), (0.8, 1.25), (0.3, 1.0)])
def test_dropout_keeps_and_scales(keep, scale, evaluate):
    mlp = identity(50)
    out = evaluate(mlp.dropout_fprop(ones(400, 50), keep, default_input_scale=scale))
    assert set(np.unique(out)) == {0.0, scale}
    for axis in (None, 0, 1):  # over all, for each input, for each example
        kept = (out != 0).mean(axis=axis)
        n = out.size / kept.size
        np.testing.assert_allclose(kept, keep, atol=5 * np.sqrt(keep * (1 - keep) / n))


def test_dropout_masks_are_new_each_time():
    mlp = identity(50)
    f = function([], mlp.dropout_fprop(ones(20, 50), 0.5))
    assert (f() != f()).any()


def test_per_example_masks(evaluate):
    mlp, x = identity(50), ones(20, 50)
    own, common = evaluate(
        [mlp.dropout_fprop(x, 0.5), mlp.dropout_fprop(x, 0.5, per_example=False)]
    )
    assert len(np.unique(own, axis=0)) == 20
    assert len(np.unique(common, axis=0)) == 1 and 0 < (common == 0).sum() < common.size


def test_common_mask_of_images(evaluate):
    """Masks are per example along the batch axis of the space."""
    rng = identity(3).theano_rng
    space = Conv2DSpace((4, 5), num_channels=3, axes=("c", 0, 1, "b"))
    out = evaluate(
        apply_dropout(ones(3, 4, 5, 7), 0.5, 2.0, rng, input_space=space, per_example=False)
    )
    assert (out == out[..., :1]).all() and 0 < (out == 0).mean() < 1


def test_dropped_values_may_be_other_than_zero(evaluate):
    rng = identity(3).theano_rng
    out = evaluate(apply_dropout(ones(30, 4), 0.5, 2.0, rng, mask_value=-1.0))
    assert set(np.unique(out)) == {-1.0, 2.0}
    parts = evaluate(list(apply_dropout((ones(30, 4),) * 2, 0.5, 2.0, rng)))
    assert (parts[0] != parts[1]).any()


@pytest.mark.parametrize("of_class", [True, False])
def test_dropout_input_mask_value(of_class, evaluate):
    class Below(Linear):
        dropout_input_mask_value = -3.0

    layer = (Below if of_class else Linear)(dim=50, layer_name="h", irange=0.0)
    layer.dropout_input_mask_value = -3.0
    mlp = MLP([layer], nvis=50)
    layer.set_weights(np.eye(50))
    drawn = evaluate(mlp.dropout_fprop(ones(20, 50)))
    assert set(np.unique(drawn)) == {-3.0, 2.0}


def test_no_dropout_but_where_it_is_asked_for(evaluate):
    mlp, x = two_layers(), shared(random(200, 4))
    plain = mlp.fprop(x)
    none = mlp.dropout_fprop(x, 1.0, default_input_scale=1.0)
    below = mlp.dropout_fprop(x, 1.0, {"h0": 0.5}, 1.0, {"h0": 2.0}, return_all=True)
    above = mlp.dropout_fprop(x, 0.5, {"h0": 1.0}, return_all=True)
    h0 = mlp.layers[0].fprop(x)
    values = evaluate([plain, none, *below, *above, h0])
    plain, none, below_h0, _, above_h0, above_h1, h0 = values
    np.testing.assert_array_equal(plain, none)
    np.testing.assert_array_equal(above_h0, h0)
    assert (below_h0 != h0).any() and (above_h1 != plain).any()


def test_default_dropout_is_one_half_twice(evaluate):
    out = evaluate(identity(50).dropout_fprop(ones(20, 50)))
    assert set(np.unique(out)) == {0.0, 2.0} and 0.4 < (out == 0).mean() < 0.6


@pytest.mark.parametrize("argument", ["input_include_probs", "input_scales"])
def test_layers_must_exist(argument):
    with pytest.raises(ValueError, match=r"'hO' \(there are \['h0', 'h1'\]\)"):
        two_layers().dropout_fprop(at.matrix(), **{argument: {"hO": 0.5}})


def test_misspelt_layers_are_recognised():
    with pytest.raises(ValueError, match="'hidden1' .* did you mean 'hidden_1'"):
        identity(3, "hidden_1").dropout_fprop(at.matrix(), 0.5, {"hidden1": 0.5})


@pytest.mark.parametrize("prob", [0, -0.5, 1.5])
def test_include_prob_is_a_probability(prob):
    with pytest.raises(ValueError, match=str(prob)):
        two_layers().dropout_fprop(at.matrix(), prob)


def test_parameters_and_freezing():
    mlp = two_layers()
    h0, h1 = mlp.layers
    assert mlp.get_params() == [h0.W, h0.b, h1.W, h1.b]
    assert mlp.get_lr_scalers() == {h1.W: 0.5}
    mlp.freeze([h0.W, h0.b])
    assert mlp.get_params() == [h1.W, h1.b] and mlp.get_lr_scalers() == {h1.W: 0.5}
    mlp.freeze([h1.W])
    assert mlp.get_params() == [h1.b] and mlp.get_lr_scalers() == {}


def test_parameters_as_one_vector():
    mlp = two_layers()
    vector = mlp.get_param_vector()
    assert vector.shape == (4 * 5 + 5 + 5 * 3 + 3,)
    mlp.set_param_vector(vector[::-1].copy())
    np.testing.assert_array_equal(mlp.get_param_vector(), vector[::-1])
    assert mlp.layers[1].get_biases().tolist() == vector[:3][::-1].tolist()
    with pytest.raises(ValueError, match=r"43 .*\(4,\)"):
        mlp.set_param_vector(np.zeros(4))
    with pytest.raises(ValueError, match="1 values given for 4"):
        mlp.set_param_values([np.zeros((4, 5))])
    with pytest.raises(ValueError, match=r"h0_W has shape \(4, 5\), not \(5, 4\)"):
        mlp.set_param_values([np.zeros((5, 4)), np.zeros(5), np.zeros((5, 3)), np.zeros(3)])


def test_weight_decay_by_layer(evaluate):
    mlp = two_layers()
    W0, _, W1, _ = mlp.get_param_values()
    both = evaluate([mlp.get_weight_decay([0.1, 0.2]), mlp.get_l1_weight_decay([0, 0.2])])
    expected = [0.1 * (W0**2).sum() + 0.2 * (W1**2).sum(), 0.2 * abs(W1).sum()]
    np.testing.assert_allclose(both, expected, rtol=1e-5)


@pytest.mark.parametrize("coeffs", [0, [0, 0], [0.0, [0, 0]], (0, 0)])
def test_no_weight_decay_is_a_constant(coeffs, evaluate):
    inner = MLP(
        [Linear(dim=2, layer_name="a", irange=1.0), Linear(2, "b", irange=1.0)], layer_name="y"
    )
    mlp = MLP([Linear(dim=5, layer_name="h", irange=1.0), inner], nvis=3)
    for decay in (mlp.get_weight_decay(coeffs), mlp.get_l1_weight_decay(coeffs)):
        assert decay.dtype == floatX and decay.ndim == 0 and evaluate(decay) == 0
        at.grad(decay, mlp.get_params(), disconnected_inputs="ignore")


def test_weight_decay_of_a_wrong_number_of_layers():
    with pytest.raises(ValueError, match="1 weight decay coefficients for 2 layers"):
        two_layers().get_weight_decay([0.1])


def test_layers_can_be_added(evaluate):
    mlp, x = two_layers(), random(6, 4)
    mlp.add_layers([Sigmoid(dim=2, layer_name="y", irange=1.0)])
    assert mlp.get_output_space() == VectorSpace(2) and len(mlp.get_params()) == 6
    with pytest.raises(ValueError, match="two layers are named 'y'"):
        mlp.add_layers([Sigmoid(dim=2, layer_name="y", irange=1.0)])
    assert evaluate(mlp.fprop(shared(x))).shape == (6, 2)


def test_a_net_as_a_layer(evaluate):
    inner = MLP([Linear(dim=5, layer_name="a", irange=1.0)], layer_name="inner")
    outer = MLP([inner, Linear(dim=2, layer_name="b", irange=1.0)], nvis=4)
    x = random(6, 4)
    Wa, ba, Wb, bb = outer.get_param_values()
    np.testing.assert_allclose(
        evaluate(outer.fprop(shared(x))), (x @ Wa + ba) @ Wb + bb, rtol=1e-4, atol=1e-6
    )
    assert "inner_a_col_norms_max" in outer.get_monitoring_channels(shared(x))


def test_channels_with_and_without_targets():
    mlp = two_layers()
    mlp.add_layers([Sigmoid(dim=2, layer_name="y", irange=1.0)])
    X, Y = at.matrix(), at.matrix()
    without, with_targets = (mlp.get_monitoring_channels(data) for data in (X, (X, Y)))
    assert set(with_targets) - set(without) == {
        "y_01_loss",
        "y_kl",
        "y_misclass",
        "y_precision",
        "y_recall",
        "y_f1",
    }
    space, source = mlp.get_monitoring_data_specs()
    assert source == ("features", "targets") and space.components[1] == VectorSpace(2)
    assert two_layers(monitor_targets=False).get_monitoring_data_specs() == (
        VectorSpace(4),
        "features",
    )


def test_file(tmp_path, evaluate):
    """A loaded net computes the same, and its next dropout masks are the same."""
    path, x = tmp_path / "net.pkl", shared(random(6, 4))
    mlp = two_layers()
    dropped = function([], mlp.dropout_fprop(x))
    first = dropped()
    serial.save(path, mlp)
    again = serial.load(path)
    assert [p.name for p in again.get_params()] == ["h0_W", "h0_b", "h1_W", "h1_b"]
    assert again.layers[0].mlp is again
    assert again.get_lr_scalers() == {again.layers[1].W: 0.5}
    np.testing.assert_array_equal(*(evaluate(net.fprop(x)) for net in (mlp, again)))
    second = dropped()
    np.testing.assert_array_equal(evaluate(again.dropout_fprop(x)), second)
    assert (second != first).any()
    again.add_layers([Linear(dim=1, layer_name="top", irange=1.0)])


def test_wrong_arguments():
    layer = Linear(dim=5, layer_name="h", irange=1.0)
    with pytest.raises(ValueError, match="at least one layer"):
        MLP([], nvis=4)
    with pytest.raises(ValueError, match="nvis or input_space"):
        MLP([Linear(dim=5, layer_name="h", irange=1.0)])
    with pytest.raises(ValueError, match="not both"):
        MLP([layer], nvis=4, input_space=VectorSpace(4))
    with pytest.raises(TypeError, match="str"):
        MLP(["h"], nvis=4)
    with pytest.raises(ValueError, match="Linear .* no layer_name"):
        MLP([Linear(dim=5, layer_name=None, irange=1.0)], nvis=4)
    MLP([layer], nvis=4)
    with pytest.raises(ValueError, match="'h' already belongs to another"):
        MLP([layer], nvis=4)
