"""SpaceConverter, CompositeLayer, Sum and FlattenerLayer."""

from __future__ import annotations

import itertools

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.backend import floatX, shared
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import (
    MLP,
    CompositeLayer,
    FlattenerLayer,
    Linear,
    Sigmoid,
    Softmax,
    SpaceConverter,
)
from adversarial.models.mlp.composite import Sum
from adversarial.space import CompositeSpace, Conv2DSpace, IndexSpace, VectorSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

IMAGES = Conv2DSpace((4, 5), num_channels=2)


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


def linear(name, dim=2, **kwargs):
    return Linear(dim=dim, layer_name=name, irange=1.0, use_bias=False, **kwargs)


def test_every_layer_sees_the_whole_input(evaluate):
    a, b = linear("a", 2, W_lr_scale=0.5), linear("b", 3, max_col_norm=0.1)
    side_by_side = CompositeLayer("c", [a, b])
    mlp, x = MLP([side_by_side], nvis=4), random(5, 4)
    assert mlp.get_output_space() == CompositeSpace([VectorSpace(2), VectorSpace(3)])
    assert mlp.get_params() == [a.W, b.W] and mlp.get_lr_scalers() == {a.W: 0.5}
    ya, yb = evaluate(list(mlp.fprop(shared(x))))
    np.testing.assert_allclose(ya, x @ a.get_weights(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(yb, x @ b.get_weights(), rtol=1e-5, atol=1e-6)
    assert {"c_a_col_norms_max", "c_b_mean_x_mean_u"} <= set(mlp.get_monitoring_channels(shared(x)))
    mlp.enforce_constraints()
    np.testing.assert_allclose(np.linalg.norm(b.get_weights(), axis=0), 0.1, rtol=1e-5)


def test_losses_and_decays_add_up(evaluate):
    a, b = linear("a", 2), linear("b", 3)
    mlp, x = MLP([CompositeLayer("c", [a, b])], nvis=4), random(5, 4)
    Y = random(5, 2, seed=1), random(5, 3, seed=2)
    Wa, Wb = a.get_weights(), b.get_weights()
    cost = mlp.cost(tuple(map(shared, Y)), mlp.fprop(shared(x)))
    found = evaluate([cost, mlp.get_weight_decay(0.1), mlp.get_l1_weight_decay([[0, 0.5]])])
    expected = [
        ((Y[0] - x @ Wa) ** 2).sum(axis=1).mean() + ((Y[1] - x @ Wb) ** 2).sum(axis=1).mean(),
        0.1 * ((Wa**2).sum() + (Wb**2).sum()),
        0.5 * abs(Wb).sum(),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_routing(evaluate):
    """Input 0 goes to both layers, input 1 only to the second, which adds the two."""
    a, both = linear("a", 2), Sum("both")
    routed = CompositeLayer("c", [a, both], inputs_to_layers={0: [0, 1], 1: [1]})
    MLP([routed], input_space=CompositeSpace([VectorSpace(4), VectorSpace(4)]))
    x0, x1 = random(5, 4), random(5, 4, seed=1)
    ya, total = evaluate(list(routed.fprop((shared(x0), shared(x1)))))
    np.testing.assert_allclose(ya, x0 @ a.get_weights(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(total, x0 + x1, rtol=1e-6)
    channels = routed.get_layer_monitoring_channels((shared(x0), shared(x1)))
    assert {"a_mean_x_mean_u", "both_mean_x.mean_u"} <= set(channels)


def test_an_input_without_a_route_goes_everywhere(evaluate):
    """Input 1 only to the second layer, input 2 to none, as in 2014's documentation."""
    a, both = linear("a", 2), Sum("both")
    routed = CompositeLayer("c", [a, both], inputs_to_layers={1: [1], 2: []})
    MLP([routed], input_space=CompositeSpace([VectorSpace(4)] * 3))
    x0, x1, x2 = (random(5, 4, seed=seed) for seed in range(3))
    ya, total = evaluate(list(routed.fprop((shared(x0), shared(x1), shared(x2)))))
    np.testing.assert_allclose(ya, x0 @ a.get_weights(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(total, x0 + x1, rtol=1e-6)


def test_wrong_routes():
    with pytest.raises(ValueError, match=r"inputs_to_layers\[0\] = \[2\]"):
        CompositeLayer("c", [linear("a"), linear("b")], inputs_to_layers={0: [2]})
    with pytest.raises(ValueError, match="layers is empty"):
        CompositeLayer("c", [])
    with pytest.raises(ValueError, match="layer 'c': 2 layers are named 'a'"):
        CompositeLayer("c", [linear("a"), linear("b"), linear("a")])
    with pytest.raises(TypeError, match="layers of 'c' must be a list, not <Linear a>"):
        CompositeLayer("c", linear("a"))
    lonely = CompositeLayer("c", [linear("a"), linear("b")], inputs_to_layers={0: [0], 1: []})
    with pytest.raises(ValueError, match="feeds nothing to 'b'"):
        MLP([lonely], input_space=CompositeSpace([VectorSpace(4), VectorSpace(4)]))
    for source in (2, -1):
        nothing = CompositeLayer("c", [linear("a")], inputs_to_layers={source: [0]})
        with pytest.raises(
            ValueError, match=rf"'c': inputs_to_layers routes input {source}, .* are 2, from 0"
        ):
            MLP([nothing], input_space=CompositeSpace([VectorSpace(4), VectorSpace(4)]))
    vectors = CompositeLayer("c", [linear("a")], inputs_to_layers={0: [0]})
    with pytest.raises(ValueError, match="needs a composite"):
        MLP([vectors], nvis=4)


AXES = list(itertools.permutations(("b", 0, 1, "c")))


@pytest.mark.parametrize("axes", AXES, ids=str)
def test_vectors_become_images_and_back(axes, evaluate):
    """Value (r * columns + c) * channels + k is channel k of pixel (r, c)."""
    space = Conv2DSpace((2, 3), num_channels=4, axes=axes)
    mlp = MLP([SpaceConverter("s", space)], nvis=24)
    x = random(5, 24)
    images = x.reshape(5, 2, 3, 4)
    order = [("b", 0, 1, "c").index(axis) for axis in axes]
    np.testing.assert_array_equal(evaluate(mlp.fprop(shared(x))), images.transpose(order))
    back = MLP([SpaceConverter("s", VectorSpace(24))], input_space=space)
    X = at.tensor4()
    np.testing.assert_array_equal(evaluate(back.fprop(X), {X: images.transpose(order)}), x)


@pytest.mark.parametrize("axes", AXES[::5], ids=str)
def test_images_change_their_axes(axes, evaluate):
    have = Conv2DSpace((2, 3), num_channels=4, axes=("c", 0, 1, "b"))
    want = Conv2DSpace((2, 3), num_channels=4, axes=axes)
    mlp, x = MLP([SpaceConverter("s", want)], input_space=have), random(4, 2, 3, 5)
    moved = x.transpose([("c", 0, 1, "b").index(axis) for axis in axes])
    np.testing.assert_array_equal(evaluate(mlp.fprop(shared(x))), moved)


def test_conversion_keeps_the_number_of_values():
    with pytest.raises(ValueError, match=r"\(24 values\) .* \(25 values\)"):
        MLP([SpaceConverter("s", VectorSpace(25))], nvis=24)


def two_heads(flat):
    heads = CompositeLayer(
        "y",
        [
            Sigmoid(dim=2, layer_name="a", irange=1.0, W_lr_scale=0.5),
            Softmax(3, "b", irange=1.0, max_col_norm=0.5),
        ],
    )
    return MLP([FlattenerLayer(heads) if flat else heads], nvis=4, seed=[5])


def test_a_flattened_layer_is_that_layer(evaluate):
    """Output, loss, gradients, decay, scales and constraints; targets are vectors."""
    flat, raw = two_heads(True), two_heads(False)
    assert flat.get_output_space() == flat.get_target_space() == VectorSpace(5)
    assert flat.layer_names == {"y"}
    x = shared(random(6, 4))
    Y = (random(6, 2, seed=1) > 0).astype(floatX), np.eye(3, dtype=floatX)[[0, 1, 2, 0, 1, 2]]
    values = []
    for mlp, target in ((flat, shared(np.hstack(Y))), (raw, tuple(map(shared, Y)))):
        cost = mlp.cost(target, mlp.fprop(x))
        values.append(evaluate([cost, mlp.get_weight_decay(0.1), *at.grad(cost, mlp.get_params())]))
        assert list(mlp.get_lr_scalers().values()) == [0.5]
        channels = mlp.get_monitoring_channels((x, target))
        assert "y_b_misclass" in channels
        values[-1].append(evaluate(channels["y_b_misclass"]))
        mlp.enforce_constraints()
    for ours, theirs in zip(*values):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(flat.get_param_vector(), raw.get_param_vector())
    together = evaluate(flat.fprop(x))
    np.testing.assert_allclose(together, np.hstack(evaluate(list(raw.fprop(x)))), rtol=1e-5)


def test_a_flattened_loss_keeps_its_digits(evaluate):
    """The loss is exact at logits of 200, where 1 - sigmoid is 0, though the output is joined."""
    heads = CompositeLayer("y", [linear("z", 1), Sigmoid(dim=1, layer_name="a", irange=1.0)])
    mlp = MLP([FlattenerLayer(heads)], nvis=1)
    heads.layers[0].set_weights([[0.0]])
    heads.layers[1].set_weights([[200.0]])
    x = shared(np.ones((1, 1)))
    assert evaluate(mlp.cost(shared(np.zeros((1, 2))), mlp.fprop(x))) == pytest.approx(200)


def test_sum(evaluate):
    parts = [Linear(dim=3, layer_name=name, irange=1.0) for name in "abc"]
    mlp = MLP([CompositeLayer("parts", parts), Sum("sum")], nvis=6)
    x = random(5, 6)
    expected = sum(x @ part.get_weights() for part in parts)
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-4, atol=1e-6)
    assert mlp.get_output_space() == VectorSpace(3)


def test_channels_of_a_sum_of_images(evaluate):
    """Units are channels: positions count as examples."""
    layer = Sum("sum")
    MLP([layer], input_space=CompositeSpace([IMAGES, IMAGES]))
    x = random(3, 4, 5, 2), random(3, 4, 5, 2, seed=1)
    found = layer.get_layer_monitoring_channels(tuple(map(shared, x)))
    total = x[0] + x[1]
    expected = total.max(axis=(0, 1, 2)).mean()
    assert evaluate(found["max_x.mean_u"]) == pytest.approx(expected, rel=1e-5)


def test_sum_wants_equal_parts():
    with pytest.raises(TypeError, match="VectorSpace"):
        MLP([Sum("sum")], nvis=3)
    unequal = CompositeSpace([VectorSpace(3), VectorSpace(4)])
    with pytest.raises(ValueError, match="dim=4.*dim=3"):
        MLP([Sum("sum")], input_space=unequal)


def test_targets_of_each_part(evaluate):
    """Class numbers for one part, one-hot rows for the other."""

    def heads():
        numbers = Softmax(4, "a", irange=0.0, binary_target_dim=1)
        return CompositeLayer("y", [numbers, Softmax(3, "b", irange=0.0)])

    mlp = MLP([heads()], nvis=2)
    assert mlp.get_target_space() == CompositeSpace([IndexSpace(4, 1), VectorSpace(3)])
    Y = shared(np.array([[3], [0]])), shared(np.eye(3)[[1, 2]])
    cost = mlp.cost(Y, mlp.fprop(shared(random(2, 2))))
    assert evaluate(cost) == pytest.approx(np.log(4) + np.log(3), rel=1e-6)
    with pytest.raises(ValueError, match="'y' takes targets as one vector, .* leave out binary_"):
        MLP([FlattenerLayer(heads())], nvis=2).get_target_space()


class Remembering(Linear):
    """A layer that asks for the size of minibatches."""

    asked = None

    def set_batch_size(self, batch_size):
        self.asked = batch_size


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_layers_side_by_side_are_told_the_size_of_minibatches(flat, nested):
    layers = [Remembering(dim=2, layer_name=name, irange=1.0) for name in "ab"]
    parts = layers
    if nested:
        parts = [MLP([layer], layer_name=f"n{layer.layer_name}") for layer in layers]
    heads = CompositeLayer("c", parts)
    mlp = MLP([FlattenerLayer(heads) if flat else heads], nvis=3)
    mlp.set_batch_size(7)
    assert [layer.asked for layer in layers] == [7, 7]


def test_the_weights_of_a_flattened_layer_are_its_own():
    """Of images, which `adversarial-show-weights` draws; in 2014, too."""
    layer = Maxout("h", 3, 2, irange=1.0)
    mlp = MLP([FlattenerLayer(layer)], input_space=IMAGES)
    np.testing.assert_array_equal(mlp.get_weights(), layer.W.get_value())
    assert mlp.get_weights_topo().shape == (6, 4, 5, 2)
    assert mlp.get_weights_view_shape() == (3, 2)
    assert mlp.get_weights_format() == ("v", "h")
