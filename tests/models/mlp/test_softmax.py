from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.mode import Mode
from scipy.special import log_softmax, softmax

from adversarial.backend import floatX, function, shared
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Softmax
from adversarial.space import IndexSpace, VectorSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


@pytest.mark.parametrize("non_redundant", [False, True])
def test_value_loss_and_gradients(non_redundant, evaluate):
    layer = Softmax(n_classes=3, layer_name="y", irange=1.0, non_redundant=non_redundant)
    mlp = MLP([layer], nvis=4)
    x, y = random(5, 4), np.eye(3, dtype=floatX)[[0, 2, 1, 1, 0]]
    X, Y = at.matrix(), at.matrix()
    p = mlp.fprop(X)
    cost = mlp.cost(Y, p)
    found = evaluate([p, cost, *at.grad(cost, [layer.W, layer.b])], {X: x, Y: y})

    z = x @ layer.get_weights().astype("float64") + layer.get_biases()
    if non_redundant:
        z = np.hstack([np.zeros((5, 1)), z])
    dz = ((softmax(z, axis=1) - y) / 5)[:, int(non_redundant) :]
    expected = [softmax(z, axis=1), -(y * log_softmax(z, axis=1)).sum() / 5, x.T @ dz, dz.sum(0)]
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_loss_keeps_its_digits():
    """At logits of 100 apart and more; compiled as in training."""
    layer = Softmax(n_classes=3, layer_name="y", no_affine=True)
    mlp = MLP([layer], nvis=3)
    assert mlp.get_params() == []
    z = np.array([[100, -100, 0], [-100, -100, 100], [1, 2, 3], [99, 100, 98]], dtype=floatX)
    X, Y = at.matrix(), at.matrix()
    losses = mlp.cost_matrix(Y, mlp.fprop(X))
    f = function([X, Y], [losses, at.grad(losses.sum(), X)], mode="FAST_RUN")
    for label in range(3):
        y = np.eye(3, dtype=floatX)[[label] * 4]
        loss, slope = f(z, y)
        z64 = z.astype("float64")
        np.testing.assert_allclose(loss, -y * log_softmax(z64, axis=1), rtol=1e-5, atol=1e-37)
        np.testing.assert_allclose(slope, softmax(z64, axis=1) - y, rtol=1e-4, atol=1e-7)


def test_class_numbers_as_targets(evaluate):
    layer = Softmax(n_classes=3, layer_name="y", irange=1.0, binary_target_dim=1)
    mlp = MLP([layer], nvis=4)
    assert mlp.get_target_space() == IndexSpace(max_labels=3, dim=1)
    assert mlp.get_output_space() == VectorSpace(3)
    x, y = random(5, 4), np.array([[0], [2], [1], [1], [0]])
    log_p = log_softmax(x @ layer.get_weights(), axis=1)
    cost = mlp.cost_from_X((shared(x), shared(y)))
    np.testing.assert_allclose(evaluate(cost), -log_p[np.arange(5), y[:, 0]].mean(), rtol=1e-5)
    channels = mlp.get_monitoring_channels((shared(x), shared(y)))
    assert evaluate(channels["y_misclass"]) == pytest.approx(
        (log_p.argmax(axis=1) != y[:, 0]).mean()
    )


@pytest.mark.parametrize("labels", [[[0, 2]], [[1, 1]], [[0, 2, 1], [1, 1, 2]]])
def test_several_class_numbers_an_example(labels, evaluate):
    y = np.array(labels)
    layer = Softmax(n_classes=3, layer_name="y", irange=1.0, binary_target_dim=y.shape[1])
    mlp = MLP([layer], nvis=4)
    x = random(len(y), 4)
    log_p = log_softmax(x @ layer.get_weights(), axis=1)
    expected = -np.mean([sum(log_p[n, k] for k in row) for n, row in enumerate(y)])
    misses = np.mean([log_p[n].argmax() not in row for n, row in enumerate(y)])
    channels = mlp.get_monitoring_channels((shared(x), shared(y)))
    found = evaluate(
        [mlp.cost_from_X((shared(x), shared(y))), channels["y_nll"], channels["y_misclass"]]
    )
    np.testing.assert_allclose(found, [expected, expected, misses], rtol=1e-5)


@pytest.mark.parametrize("numbers", [None, 1, 2])
def test_errors_are_counted_without_a_compiler(numbers):
    """Aesara's fast_run in Python, as AESARA_FLAGS=cxx= has it, computes ~True as -2: true."""
    layer = Softmax(n_classes=3, layer_name="y", irange=1.0, binary_target_dim=numbers)
    mlp = MLP([layer], nvis=4)
    x, labels = random(12, 4), np.random.RandomState(1).randint(3, size=(12, numbers or 1))
    targets = np.eye(3, dtype=floatX)[labels[:, 0]] if numbers is None else labels
    X, Y = at.matrix(), mlp.get_target_space().make_theano_batch()
    channel = mlp.get_monitoring_channels((X, Y))["y_misclass"]
    chosen = (x @ layer.get_weights()).argmax(axis=1)
    misses = np.mean([best not in row for best, row in zip(chosen, labels)])
    found = aesara.function([X, Y], channel, mode=Mode("py", "fast_run"))(x, targets)
    assert found == pytest.approx(misses) and 0 < misses < 1


def test_two_targets_without_weights(evaluate):
    layer = Softmax(n_classes=3, layer_name="y", irange=0.0, binary_target_dim=2)
    mlp = MLP([layer], nvis=2)
    y = np.array([[0, 1], [2, 2], [1, 0], [0, 2]])
    cost = mlp.cost_from_X((shared(random(4, 2)), shared(y)))
    assert evaluate(cost) == pytest.approx(2 * np.log(3), rel=1e-6)


def test_channels(evaluate):
    layer = Softmax(n_classes=3, layer_name="y", irange=1.0)
    mlp = MLP([layer], nvis=4)
    x, y = random(6, 4), np.eye(3, dtype=floatX)[[0, 2, 1, 1, 0, 2]]
    found = mlp.get_monitoring_channels((shared(x), shared(y)))
    names = ["mean_max_class", "max_max_class", "min_max_class", "misclass", "nll"]
    values = evaluate([found["y_" + name] for name in names])
    p = softmax(x @ layer.get_weights(), axis=1)
    best = p.max(axis=1)
    wrong = (p.argmax(axis=1) != y.argmax(axis=1)).mean()
    nll = -np.log((p * y).sum(axis=1)).mean()
    np.testing.assert_allclose(values, [best.mean(), best.max(), best.min(), wrong, nll], rtol=1e-5)


@pytest.mark.parametrize("non_redundant", [False, True])
def test_bias_from_class_frequencies(non_redundant, evaluate):
    X, labels = np.zeros((8, 4)), np.array([0, 0, 0, 0, 1, 2, 2, 2])
    for y in (labels[:, None], np.eye(3)[labels]):
        layer = Softmax(
            n_classes=3,
            layer_name="y",
            irange=0.0,
            non_redundant=non_redundant,
            init_bias_target_marginals=DenseDesignMatrix(X=X, y=y),
        )
        p = evaluate(MLP([layer], nvis=4).fprop(shared(np.ones((1, 4)))))
        np.testing.assert_allclose(p, [[4 / 8, 1 / 8, 3 / 8]], rtol=1e-5)


def test_bias_is_that_of_2014():
    """The logarithms of the frequencies, or of the columns' means, less their mean."""
    means = np.random.RandomState(0).uniform(size=(5, 3))
    X = np.zeros((5, 4))
    for dataset, marginals in (
        (
            DenseDesignMatrix(X=X, y=np.array([[0], [1], [1], [2], [2]]), y_labels=3),
            [0.2, 0.4, 0.4],
        ),
        (DenseDesignMatrix(X=X, y=means), means.mean(axis=0)),
    ):
        layer = Softmax(3, "y", irange=0.1, init_bias_target_marginals=dataset)
        logs = np.log(marginals)
        np.testing.assert_allclose(layer.get_biases(), logs - logs.mean(), rtol=1e-5)


@pytest.mark.parametrize("labels, columns", [(3, 3), (3, 2), (None, 2)])
def test_frequencies_need_one_label_an_example(labels, columns):
    y = np.array([[0, 1, 2], [1, 1, 0], [2, 0, 1], [2, 2, 2]])[:, :columns]
    dataset = DenseDesignMatrix(X=np.zeros((4, 1)), y=y, y_labels=labels)
    for kind in (ValueError, AssertionError):
        with pytest.raises(kind, match=rf"one label an example.* shape \(4, {columns}\)"):
            Softmax(3, "y", irange=0.1, init_bias_target_marginals=dataset)


def test_the_number_of_classes_may_be_one_of_numpy(evaluate):
    """As y.max() + 1 is."""
    layer = Softmax(np.int64(3), "y", irange=0.0)
    mlp = MLP([layer], nvis=2)
    assert type(layer.n_classes) is int and mlp.get_output_space().dim == 3
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(np.ones((4, 2))))), 1 / 3, rtol=1e-6)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(n_classes=1), "layer 'y': n_classes must be at least 2, not 1"),
        (dict(n_classes=2.5), "layer 'y': n_classes must be a positive integer, not 2.5"),
        (dict(n_classes="3"), "n_classes must be a positive integer, not '3'"),
        (dict(no_affine=True), "no_affine"),
        (
            dict(
                init_bias_target_marginals=DenseDesignMatrix(
                    X=np.zeros((2, 1)), y=np.array([[0], [1]])
                )
            ),
            r"frequencies are \[0.5, 0.5, 0.0\], and 3 are needed",
        ),
        (
            dict(init_bias_target_marginals=DenseDesignMatrix(X=np.zeros((2, 1)))),
            "needs a data set that has targets",
        ),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        Softmax(**{**dict(n_classes=3, layer_name="y", irange=1.0), **wrong})


def test_no_affine_needs_as_many_inputs_as_classes():
    with pytest.raises(ValueError, match="needs 3 inputs, got 4"):
        MLP([Softmax(n_classes=3, layer_name="y", no_affine=True)], nvis=4)


def test_a_layer_without_weights_has_none_to_decay():
    layer = Softmax(n_classes=3, layer_name="y", no_affine=True, max_col_norm=1.0)
    mlp = MLP([layer], nvis=3)
    mlp.enforce_constraints()
    for call in (
        lambda: mlp.get_weight_decay(0.1),
        lambda: mlp.get_l1_weight_decay([0.1]),
        layer.get_weights,
        lambda: layer.set_weights(np.eye(3)),
    ):
        with pytest.raises(NotImplementedError, match="'y' was made without weights"):
            call()
