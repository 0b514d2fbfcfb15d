from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.special import expit

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.initialization import (
    WeightInit,
    bias_from_marginals,
    init_sigmoid_bias_from_marginals,
    marginals,
)
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, ConvRectifiedLinear, Linear
from adversarial.space import Conv2DSpace


def weights(*shape, allowed=None, **how):
    return WeightInit(**how).draw(np.random.RandomState(0), shape, allowed)


def test_uniform_weights_fill_their_range():
    W = weights(200, 100, irange=0.05)
    assert abs(W).max() <= 0.05 and W.min() < -0.0499 and W.max() > 0.0499
    assert abs(W.mean()) < 0.05 * 4 / np.sqrt(3 * W.size)


def test_include_prob_is_the_fraction_of_weights_kept():
    W = weights(200, 100, irange=0.05, include_prob=0.3)
    assert (W != 0).mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / W.size))


def test_normal_weights():
    W = weights(200, 100, istdev=0.5)
    assert W.std() == pytest.approx(0.5, rel=0.02) and abs(W).max() > 1.5


def test_sparse_init_is_the_number_of_weights_of_each_unit():
    W = weights(50, 30, sparse_init=7, sparse_stdev=2.0)
    assert ((W != 0).sum(axis=0) == 7).all()
    assert W[W != 0].std() == pytest.approx(2.0, rel=0.25)
    # Different units have weights at different inputs.
    assert len({tuple(np.flatnonzero(column)) for column in W.T}) > 25


def test_sparse_weights_stay_where_they_are_allowed():
    allowed = np.zeros((50, 30))
    allowed[::5] = 1
    W = weights(50, 30, sparse_init=7, allowed=allowed)
    assert ((W != 0).sum(axis=0) == 7).all() and not W[allowed == 0].any()
    with pytest.raises(ValueError, match="sparse_init=11, but unit 0 has 10 inputs"):
        weights(50, 30, sparse_init=11, allowed=allowed)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (dict(sparse_init=0.1), "layer 'h': sparse_init is the number of weights .*, not 0.1"),
        (dict(sparse_init=7.5), "whole number, not 7.5"),
        (dict(sparse_init="15"), "layer 'h': sparse_init must be a number, not '15'"),
        (dict(irange="0.05"), "layer 'h': irange must be a number, not '0.05'"),
        (dict(istdev=[0.1]), r"istdev must be a number, not \[0.1\]"),
        (dict(irange=-0.1), "irange must not be negative, got -0.1"),
    ],
)
def test_numbers_that_weights_cannot_have(how, message):
    """A share of the inputs, taken for a number of them, would make all weights zero."""
    for make in (partial(Linear, 20, "h"), partial(Maxout, "h", 10, 2)):
        with pytest.raises(ValueError, match=message):
            make(**how)


def test_whole_numbers_of_any_type_are_numbers_of_weights():
    for count in (3, 3.0, np.int64(3)):
        layer = Linear(dim=20, layer_name="h", sparse_init=count)
        MLP([layer], nvis=15)
        assert ((layer.get_weights() != 0).sum(axis=0) == 3).all()


@pytest.mark.parametrize(
    "layer",
    [Linear(dim=20, layer_name="h", sparse_init=3), Maxout("h", 10, 2, sparse_init=3)],
    ids=["linear", "maxout"],
)
def test_layers_hand_the_arguments_on(layer):
    MLP([layer], nvis=15)
    assert ((layer.get_weights() != 0).sum(axis=0) == 3).all()
    assert not layer.get_biases().any()


def test_seed_decides():
    def first(seed):
        layer = Linear(dim=20, layer_name="h", irange=1.0)
        MLP([layer], nvis=15, seed=seed)
        return layer.get_weights()

    assert (first([1, 2]) == first([1, 2])).all()
    assert (first([1, 2]) != first([1, 3])).all()
    assert (first(None) == first([2013, 1, 4])).all()


def test_bias_from_marginals_inverts_the_sigmoid_and_clips():
    means = np.array([0.0, 1e-9, 0.1, 0.5, 0.9, 1.0])
    bias = bias_from_marginals(means)
    assert np.isfinite(bias).all()
    np.testing.assert_allclose(expit(bias), [1e-7, 1e-7, 0.1, 0.5, 0.9, 1 - 1e-7], rtol=1e-8)


def test_bias_from_a_dataset(data):
    np.testing.assert_allclose(
        expit(init_sigmoid_bias_from_marginals(data)), data.X.mean(axis=0), rtol=1e-5
    )
    np.testing.assert_allclose(marginals(data), data.X.mean(axis=0))


def test_bias_from_targets():
    y = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])
    bias = init_sigmoid_bias_from_marginals(DenseDesignMatrix(X=np.zeros((4, 3)), y=y), use_y=True)
    np.testing.assert_allclose(expit(bias), y.mean(axis=0))


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b")])
def test_bias_of_half_images(axes):
    images = np.random.RandomState(0).uniform(size=(9, 3, 5, 2))
    images.flat[:2] = 0, 1
    order = [("b", 0, 1, "c").index(axis) for axis in axes]
    dataset = DenseDesignMatrix(topo_view=images.transpose(order), axes=axes)
    bias = init_sigmoid_bias_from_marginals(dataset, side="right")
    np.testing.assert_allclose(
        expit(bias), images[:, :, 2:].mean(axis=0).ravel(), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(ValueError, match="side must be one of .* not 'middle'"):
        init_sigmoid_bias_from_marginals(dataset, side="middle")


@pytest.mark.parametrize("low, high", [(0.0, 0.5), (0.1, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_bias_wants_data_that_spans_0_to_1(low, high):
    X = np.array([[low, high]])
    with pytest.raises(ValueError, match=rf"spans {low}.* to {high}"):
        init_sigmoid_bias_from_marginals(DenseDesignMatrix(X=X))


def test_bias_wants_what_it_is_made_of():
    rows = DenseDesignMatrix(X=np.array([[0.0, 1.0]]))
    with pytest.raises(ValueError, match="targets need a data set that has targets"):
        init_sigmoid_bias_from_marginals(rows, use_y=True)
    with pytest.raises(ValueError, match="left half of images need a data set of images"):
        init_sigmoid_bias_from_marginals(rows, side="left")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name", "irange istdev sparse_stdev include_prob init_bias W_lr_scale b_lr_scale".split()
)
@pytest.mark.parametrize("kind", ["dense", "convolutional"])
def test_numbers_that_are_not_finite_are_refused_by_name(kind, name, number):
    way = {} if name in ("irange", "istdev") else {"irange": 0.1}
    with pytest.raises(ValueError, match=f"'h'.*{name}"):
        if kind == "dense":
            MLP(nvis=3, layers=[Linear(layer_name="h", dim=2, **way, **{name: number})])
        else:
            layer = ConvRectifiedLinear(
                layer_name="h",
                output_channels=2,
                kernel_shape=[2, 2],
                pool_shape=[1, 1],
                pool_stride=[1, 1],
                **way,
                **{name: number},
            )
            MLP(input_space=Conv2DSpace(shape=[3, 3], num_channels=1), layers=[layer])


def test_an_array_of_biases_is_finite():
    with pytest.raises(ValueError, match="layer 'h': init_bias must be finite"):
        Linear(layer_name="h", dim=2, irange=0.1, init_bias=[0.0, np.nan])
