"""Each preprocessor against its formula in double precision."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

from adversarial import backend
from adversarial.datasets import preprocessing as pp
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.utils import serial

N, DIM = 50, 6


def rows(seed=0):
    rng = np.random.RandomState(seed)
    return (rng.randn(N, DIM) @ rng.randn(DIM, DIM) + rng.randn(DIM)).astype("float32")


def applied(preprocessor, X, can_fit=True):
    dataset = DenseDesignMatrix(X=X.copy())
    preprocessor.apply(dataset, can_fit)
    assert dataset.X.dtype == np.float32
    return dataset.X


@pytest.mark.parametrize("axis", [0, 1, None])
def test_remove_mean(axis):
    X, other = rows(), rows(1)
    remove = pp.RemoveMean(axis)
    exact = X.astype(float)
    assert np.allclose(applied(remove, X), exact - exact.mean(axis=axis, keepdims=True), atol=1e-5)
    mean = other.mean(axis=1, keepdims=True) if axis == 1 else exact.mean(axis=axis)
    assert np.allclose(applied(remove, other, can_fit=False), other - mean, atol=1e-5)


@pytest.mark.parametrize("global_mean", [False, True])
@pytest.mark.parametrize("global_std", [False, True])
def test_standardize(global_mean, global_std):
    X, other = rows(), rows(1)
    standardize = pp.Standardize(global_mean, global_std, std_eps=0.01)
    exact = X.astype(float)
    mean = exact.mean(axis=None if global_mean else 0)
    std = exact.std(axis=None if global_std else 0)
    assert np.allclose(applied(standardize, X), (exact - mean) / (std + 0.01), atol=1e-5)
    assert np.allclose(applied(standardize, other, False), (other - mean) / (std + 0.01), atol=1e-5)


def test_make_unit_norm_and_rows_of_zeros():
    X = rows()
    X[3] = 0
    expected = np.array([x / (np.linalg.norm(x) or 1) for x in X.astype(float)])
    assert np.allclose(applied(pp.MakeUnitNorm(), X), expected, atol=1e-6)


def test_remap_interval():
    X = rows()
    expected = np.interp(X, [-50, 50], [-1, 3])
    assert np.allclose(applied(pp.RemapInterval([-50, 50], [-1, 3]), X), expected, atol=1e-5)
    for ends in ([1, 0], [0, 1, 2], [0, 0]):
        with pytest.raises(ValueError, match="map_to must be .low, high."):
            pp.RemapInterval([0, 1], ends)


@pytest.mark.parametrize(
    "preprocessor",
    [
        pp.RemoveMean(),
        pp.RemoveMean(axis=1),
        pp.Standardize(),
        pp.Standardize(True, True),
        pp.MakeUnitNorm(),
        pp.RemapInterval([0, 1], [-1, 1]),
    ],
    ids=lambda p: type(p).__name__,
)
def test_as_block_does_the_same_to_a_symbolic_minibatch(preprocessor):
    X = rows()
    expected = applied(preprocessor, X)
    batch = at.fmatrix()
    block = backend.function([batch], preprocessor.as_block()(batch), mode="FAST_COMPILE")
    assert np.allclose(block(X), expected, atol=1e-6)


@pytest.mark.parametrize(
    "preprocessor", [pp.RemoveMean(), pp.Standardize(), pp.ZCA()], ids=lambda p: type(p).__name__
)
def test_what_must_learn_says_so(preprocessor):
    with pytest.raises(ValueError, match=f"{type(preprocessor).__name__} has not seen any data"):
        applied(preprocessor, rows(), can_fit=False)


def test_pipeline_learns_step_by_step():
    X, other = rows(), rows(1)
    pipeline = pp.Pipeline([pp.RemapInterval([0, 2], [0, 1]), pp.RemoveMean()])
    pipeline.items.append(pp.MakeUnitNorm())
    applied(pipeline, X)
    halved = other / 2 - (X.astype(float) / 2).mean(axis=0)
    expected = halved / np.linalg.norm(halved, axis=1, keepdims=True)
    assert np.allclose(applied(pipeline, other, False), expected, atol=1e-5)
    assert pp.Pipeline().items == []


@pytest.mark.parametrize("subtract_mean", [True, False])
@pytest.mark.parametrize("use_std", [True, False])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_global_contrast_normalization(subtract_mean, use_std, batch_size):
    X = rows()
    X[4] = 2.5  # no contrast at all
    gcn = pp.GlobalContrastNormalization(subtract_mean, 55.0, 0.1, use_std, 0.1, batch_size)
    expected = []
    for x in X.astype(float):
        centred = x - x.mean() if subtract_mean else x
        spread = centred.var(ddof=1) if use_std else (centred**2).sum()
        divisor = np.sqrt(0.1 + spread) / 55
        expected.append(centred / (divisor if divisor >= 0.1 else 1))
    assert np.allclose(applied(gcn, X), expected, rtol=1e-4, atol=1e-4)


def reference_zca(X, bias, drop=0):
    """From the singular values of the centred rows, another road than the covariance's."""
    exact = X.astype(float)
    centred = exact - exact.mean(axis=0)
    _, s, vt = np.linalg.svd(centred / np.sqrt(len(X)), full_matrices=True)
    values, vt = (s**2 + bias)[: DIM - drop], vt[: DIM - drop]
    return vt.T @ np.diag(values**-0.5) @ vt, exact.mean(axis=0)


@pytest.mark.parametrize(
    "arguments, drop", [({}, 0), ({"n_components": 4}, 2), ({"n_drop_components": 1}, 1)]
)
def test_zca(arguments, drop):
    X, other = rows(), rows(1)
    zca = pp.ZCA(filter_bias=0.05, **arguments)
    P, mean = reference_zca(X, 0.05, drop)
    assert np.allclose(applied(zca, X), (X - mean) @ P, atol=1e-4)
    assert np.allclose(applied(zca, other, False), (other - mean) @ P, atol=1e-4)


def test_zca_makes_columns_uncorrelated():
    whitened = applied(pp.ZCA(filter_bias=0), rows())
    assert np.allclose(whitened.T @ whitened / N, np.eye(DIM), atol=1e-3)


@pytest.mark.parametrize("store_inverse", [True, False])
def test_zca_inverse(store_inverse):
    X = rows()
    zca = pp.ZCA(store_inverse=store_inverse)
    whitened = applied(zca, X)
    assert (zca.inv_P_ is not None) == store_inverse
    assert np.allclose(zca.inverse(whitened), X, atol=1e-3)


def test_zca_mistakes():
    with pytest.raises(ValueError, match="not both"):
        pp.ZCA(n_components=2, n_drop_components=2)
    with pytest.raises(ValueError, match="cannot keep 9 of 6"):
        pp.ZCA(n_components=9).fit(rows())
    flat = rows()
    flat[:, 0] = flat[:, 1]
    with pytest.raises(ValueError, match="larger filter_bias"):
        pp.ZCA(filter_bias=-1e-4).fit(flat)
    with pytest.raises(ValueError, match="floating point matrix"):
        pp.ZCA().fit(np.zeros((3, 3), int))
    with pytest.raises(ValueError, match="end in .npz"):
        pp.ZCA().set_matrices_save_path("x")


@pytest.mark.parametrize("aside", [False, True])
def test_a_fitted_pipeline_is_saved(tmp_path, aside):
    X, other = rows(), rows(1)
    pipeline = pp.Pipeline([pp.Standardize(), pp.ZCA()])
    applied(pipeline, X)
    if aside:
        pipeline.items[1].set_matrices_save_path(tmp_path / "zca.npz")
    path = str(tmp_path / "pipeline.pkl")
    serial.save(path, pipeline)
    assert (tmp_path / "zca.npz").exists() == aside
    again = serial.load(path)
    assert np.array_equal(applied(again, other, False), applied(pipeline, other, False))
    assert np.array_equal(again.items[1].inv_P_, pipeline.items[1].inv_P_)


def test_the_base_classes_say_what_is_missing():
    for call in (
        lambda: pp.Preprocessor().apply(None),
        lambda: pp.ExamplewisePreprocessor().transform(None),
    ):
        with pytest.raises(NotImplementedError, match="Preprocessor does not implement"):
            call()
    with pytest.raises(ValueError, match="axis must be 0, 1 or None, not 2"):
        pp.RemoveMean(axis=2)
