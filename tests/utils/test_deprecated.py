"""Arguments of 2014 that classes have given up."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from adversarial.config.arguments import accepted_arguments
from adversarial.config.yaml_parse import YamlError, load
from adversarial.costs.cost import MethodCost
from adversarial.datasets.cifar10 import CIFAR10
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.mnist import MNIST, MNIST_rotated_background
from adversarial.datasets.preprocessing import GlobalContrastNormalization
from adversarial.datasets.tfd import TFD
from adversarial.utils.deprecated import deprecated_arguments


class Rows:
    @deprecated_arguments(one_hot="it is done elsewhere", max_labels=("labels", int))
    def __init__(self, a, labels=None, **kwargs):
        self.given = (a, labels, kwargs)


def test_what_does_nothing_any_more():
    with pytest.warns(UserWarning, match="Rows: the argument one_hot does nothing any more: it is"):
        assert Rows(1, one_hot=0).given == (1, None, {})


def test_what_has_another_name():
    with pytest.warns(UserWarning, match="max_labels is deprecated: write labels: 3"):
        assert Rows(1, max_labels="3", b=2).given == (1, 3, {"b": 2})
    with pytest.raises(TypeError, match="give labels, not max_labels as well"):
        Rows(1, labels=3, max_labels=3)


def test_nothing_is_said_of_what_is_not_given():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Rows(1, 2, one_hot=None).given == (1, 2, {})


def test_the_signature_names_them():
    accepted = accepted_arguments(Rows)
    assert accepted.names == ("a", "labels", "one_hot", "max_labels")
    assert accepted.required == ("a",) and accepted.open
    assert str(inspect.signature(Rows)).startswith("(a, labels=None, *, one_hot")


@pytest.mark.parametrize("dataset", [MNIST, MNIST_rotated_background, CIFAR10, TFD])
def test_data_sets_that_took_one_hot(dataset):
    """The error is of the set, so the argument has passed."""
    with pytest.warns(UserWarning, match="one_hot does nothing any more: class numbers become"):
        with pytest.raises((ValueError, OSError)):
            dataset(which_set="no such set", one_hot=1)


def test_labels_and_contrast():
    with pytest.warns(UserWarning, match="write y_labels: 4"):
        data = DenseDesignMatrix(X=np.zeros((2, 3)), y=np.array([[0], [3]]), max_labels=4)
    assert data.y_labels == 4
    with pytest.warns(UserWarning):
        old = GlobalContrastNormalization(std_bias=10, use_norm=True)
    assert (old._sqrt_bias, old._use_std) == (10.0, False)
    with pytest.warns(UserWarning, match="supervised"):
        assert MethodCost("cost_from_X", supervised=1).method == "cost_from_X"


@pytest.mark.parametrize(
    "name, what",
    [
        ("pylearn2.models.autoencoder.DenoisingAutoencoder", "autoencoders"),
        ("pylearn2.corruption.BinomialCorruptor", "autoencoders"),
        ("pylearn2.models.rbm.GaussianBinaryRBM", "Boltzmann machines"),
        ("pylearn2.models.dbm.DBM", "Boltzmann machines"),
        ("pylearn2.datasets.cifar100.CIFAR100", "CIFAR-100"),
        ("pylearn2.datasets.svhn.SVHN", "SVHN"),
        ("pylearn2.cross_validation.TrainCV", "cross-validation"),
        ("pylearn2.cross_validation.dataset_iterators.DatasetKFold", "cross-validation"),
        ("pylearn2.gui.get_weights_report.get_weights_report", "reports of weights"),
        ("pylearn2.datasets.csv_dataset.CSVDataset", "CSVDataset .CSVFile reads"),
    ],
)
def test_what_is_out_of_scope_is_named(name, what):
    with pytest.raises(YamlError, match=f"line 1: `{name}` is not part of .* leaves out {what}"):
        load(f"!obj:{name} {{}}", instantiate=False)
