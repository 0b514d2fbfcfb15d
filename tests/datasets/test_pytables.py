"""A design matrix in an HDF5 file behaves as one in memory, and the file holds its values."""

from __future__ import annotations

import pickle

import aesara.tensor as at
import numpy as np
import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import AdversaryCost2, AdversaryPair, Generator, backend
from adversarial.datasets import pytables
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix, dataset_range
from adversarial.datasets.preprocessing import (
    ZCA,
    GlobalContrastNormalization,
    MakeUnitNorm,
    RemoveMean,
    Standardize,
)
from adversarial.datasets.pytables import DenseDesignMatrixPyTables, _StoredRows, ensure_tables
from adversarial.models.centering import SubtractRealMean
from adversarial.models.initialization import marginals
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD

ROWS, DIM = 40, 6
X = np.random.RandomState(5).uniform(size=(ROWS, DIM)).astype("float32")
Y = np.random.RandomState(6).uniform(size=(ROWS, 2)).astype("float32")


@pytest.fixture
def file(tmp_path):
    """An open file that holds X and Y."""
    handle, node = DenseDesignMatrixPyTables.init_hdf5(tmp_path / "data.h5", (X.shape, Y.shape))
    DenseDesignMatrixPyTables.fill_hdf5(handle, X, Y, node, batch_size=7)
    with handle:
        yield handle


@pytest.fixture
def stored(file):
    return DenseDesignMatrixPyTables(X=file.root.Data.X, y=file.root.Data.y)


def test_the_file_holds_what_was_written(tmp_path, file):
    file.close()
    with tables.open_file(str(tmp_path / "data.h5")) as again:
        assert again.root.Data.X.dtype == np.float32
        np.testing.assert_array_equal(again.root.Data.X[:], X)
        np.testing.assert_array_equal(again.root.Data.y[:], Y)


@pytest.mark.parametrize(
    "mode",
    [
        "sequential",
        "shuffled_sequential",
        "random_slice",
        "random_uniform",
        "batchwise_shuffled_sequential",
    ],
)
def test_minibatches_are_those_of_the_matrix_in_memory(stored, mode):
    memory = DenseDesignMatrix(X=X, y=Y)
    assert stored.get_num_examples() == ROWS
    count = None if "sequential" in mode else 5
    specs = memory.get_data_specs()
    pairs = zip(*(d.iterator(mode, 7, count, data_specs=specs) for d in (stored, memory)))
    seen = 0
    for (rows, targets), (want, wanted) in pairs:
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(rows, want)
        np.testing.assert_array_equal(targets, wanted)
        seen += len(rows)
    assert seen >= 35


@settings(max_examples=30)
@given(rows=st.lists(st.integers(0, ROWS - 1), max_size=60))
def test_rows_in_any_order_and_more_than_once(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "data.h5"
    handle, node = DenseDesignMatrixPyTables.init_hdf5(path, (X.shape, Y.shape))
    with handle:
        DenseDesignMatrixPyTables.fill_hdf5(handle, X, node=node)
        indices = np.array(rows, dtype="int64")
        found = _StoredRows(node.X)[indices]
        assert found.shape == (len(rows), DIM)
        np.testing.assert_array_equal(found, X[indices])


def test_a_mask_a_number_and_all(stored):
    mask = X[:, 0] > 0.5
    np.testing.assert_array_equal(stored.X[mask], X[mask])
    np.testing.assert_array_equal(stored.X[3], X[3])
    np.testing.assert_array_equal(np.asarray(stored.X), X)
    np.testing.assert_array_equal(stored.X.__array__(copy=True), X)  # as NumPy 2 calls it
    assert len(stored.X) == ROWS


@pytest.mark.parametrize("axis", [0, None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_means_and_deviations_are_those_of_the_matrix_in_memory(stored, axis, keepdims):
    for name in "mean", "std":
        found = getattr(stored.X, name)(axis=axis, keepdims=keepdims and axis == 0)
        wanted = getattr(X, name)(axis=axis, keepdims=keepdims and axis == 0)
        assert np.shape(found) == np.shape(wanted) and found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert stored.X.mean(axis=0, dtype="float64").dtype == np.float64
    sizes = [(rows.size, rows.nbytes, rows.itemsize, rows.ndim) for rows in (stored.X, X)]
    assert sizes[0] == sizes[1] and stored.X.min() == X.min() and stored.X.max() == X.max()


@pytest.mark.parametrize("axis", [0, 1, None])
def test_functions_of_numpy_take_rows_in_a_file(stored, axis):
    for function in np.min, np.max, np.mean, np.std:
        np.testing.assert_allclose(function(stored.X, axis=axis), function(X, axis=axis), rtol=1e-5)
    np.testing.assert_allclose(np.std(stored.X, ddof=1), np.std(X, ddof=1), rtol=1e-5)


def test_what_is_estimated_from_rows_in_a_file(stored):
    memory = DenseDesignMatrix(X=X)
    np.testing.assert_allclose(marginals(stored), marginals(memory), rtol=1e-5)
    layers = [SubtractRealMean("x", data, also_sd=True) for data in (stored, memory)]
    np.testing.assert_allclose(layers[0]._mean, layers[1]._mean, rtol=1e-5)
    np.testing.assert_allclose(layers[0]._sd, layers[1]._sd, rtol=1e-5)


@pytest.mark.parametrize(
    "preprocessor",
    [
        RemoveMean(),
        RemoveMean(axis=1),
        RemoveMean(axis=None),
        Standardize(),
        Standardize(global_mean=True, global_std=True),
        MakeUnitNorm(),
        GlobalContrastNormalization(),
        ZCA(),
    ],
)
def test_preprocessors_read_rows_in_a_file(file, preprocessor):
    stored = DenseDesignMatrixPyTables(X=file.root.Data.X)
    preprocessor.apply(stored, can_fit=True)
    memory = DenseDesignMatrix(X=X)
    preprocessor.apply(memory, can_fit=True)
    np.testing.assert_array_equal(stored.X, memory.X)
    np.testing.assert_array_equal(file.root.Data.X[:], X)


@pytest.mark.parametrize("kind", ["part", "restricted"])
def test_a_part_of_the_rows_leaves_the_file_as_it_is(file, kind):
    data = DenseDesignMatrixPyTables(X=file.root.Data.X)
    data.h5file = file
    part = dataset_range(data, 4, 6)
    if kind == "restricted":
        data.restrict(4, 6)
        part = data
    part.set_design_matrix(np.full((2, DIM), -1.0))
    assert (part.X == -1).all() and len(part.X) == 2
    np.testing.assert_array_equal(file.root.Data.X[:], X)


def test_compiled_functions_read_the_rows_that_they_take(stored, file):
    indices = at.lvector()
    rows = stored.symbolic_batch(indices, (stored.get_data_specs()[0].components[0], "features"))
    run = backend.function([indices], [rows, rows.shape])
    wanted = np.array([7, 3, 3, 39])
    found, shape = run(wanted)
    np.testing.assert_array_equal(found, X[wanted])
    assert shape.tolist() == [4, DIM]
    file.root.Data.X[3] = -1  # nothing of it is in memory
    assert (run(wanted)[0][1:3] == -1).all()


def trained(dataset):
    G = MLP([Linear(dim=DIM, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=DIM)
    pair = AdversaryPair(Generator(G), D)
    algorithm = SGD(0.1, cost=AdversaryCost2(), batch_size=4, monitoring_dataset={"valid": dataset})
    Train(dataset, pair, algorithm).main_loop(max_epochs=3)
    return pair.get_param_vector(), pair.monitor.channels["valid_objective_d"].val_record


@pytest.mark.usefixtures("fast_compile")
def test_training_is_the_same_as_from_memory(stored):
    params, record = trained(stored)
    expected, of_memory = trained(DenseDesignMatrix(X=X, y=Y))
    np.testing.assert_array_equal(params, expected)
    assert record == of_memory


def test_rows_are_written_in_parts(file):
    data = DenseDesignMatrixPyTables(X=file.root.Data.X)
    data.h5file = file
    data.set_design_matrix(2 * X[:5], start=30)
    np.testing.assert_array_equal(data.X[28:36], np.concatenate([X[28:30], 2 * X[:5], X[35:36]]))
    images = np.random.RandomState(1).uniform(size=(1, 3, 2, 4)).astype("float32")
    data.set_topological_view(images, axes=("c", 0, 1, "b"), start=10)
    turned = images.transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(data.X[10:14], turned.reshape(4, DIM))
    np.testing.assert_array_equal(data.get_topological_view(data.X[10:14]), images)
    assert data.get_topological_view().shape == (1, 3, 2, ROWS)


def test_in_memory_it_is_a_dense_design_matrix():
    images = np.random.RandomState(1).uniform(size=(4, 3, 2, 1)).astype("float32")
    data = DenseDesignMatrixPyTables(topo_view=images, y=np.array([0, 1, 1, 0]), y_labels=2)
    np.testing.assert_array_equal(data.get_topological_view(), images)
    data.set_design_matrix(X)
    np.testing.assert_array_equal(data.X, X)


def test_resize(file):
    file, node = DenseDesignMatrixPyTables.resize(file, 5, 25)
    np.testing.assert_array_equal(node.X[:], X[5:25])
    file, node = DenseDesignMatrixPyTables.resize(file, None, 7)  # of what has been left
    np.testing.assert_array_equal(node.X[:], X[5:12])
    np.testing.assert_array_equal(node.y[:], Y[5:12])


def test_resize_from_here_to_the_end(file):
    file.create_group("/", "Data_")  # left by one that was stopped
    file, node = DenseDesignMatrixPyTables.resize(file, 30, None)
    np.testing.assert_array_equal(node.X[:], X[30:])
    assert list(file.root._v_children) == ["Data"]


def test_class_numbers_in_a_file(tmp_path):
    with tables.open_file(str(tmp_path / "n.h5"), "w") as handle:
        numbers = handle.create_array("/", "numbers", np.array([[0], [3], [2]]))
        assert DenseDesignMatrixPyTables(X=numbers, X_labels=4).X[1] == [3]
        with pytest.raises(ValueError, match="X holds class numbers from 0 to 3, outside 0 to 2"):
            DenseDesignMatrixPyTables(X=numbers, X_labels=3)
        cube = handle.create_array("/", "cube", np.zeros((2, 2, 2)))
        with pytest.raises(ValueError, match="two axes"):
            DenseDesignMatrixPyTables(X=cube)


def test_mistakes(file, stored):
    fill = DenseDesignMatrixPyTables.fill_hdf5
    with pytest.raises(ValueError, match=r"shape \(5, 6\) does not fit into X .* from row 36 on"):
        fill(file, X[:5], start=36)
    with pytest.raises(ValueError, match=r"shape \(5, 5\) does not fit"):
        fill(file, X[:5, :5])
    with pytest.raises(ValueError, match="fit into y"):
        fill(file, X[:5], X[:5])
    with pytest.raises(ValueError, match="at least 1, is 0"):
        fill(file, X, batch_size=0)
    with pytest.raises(ValueError, match="holds 6 numbers that are not finite"):
        fill(file, X[:1] * np.nan)
    with pytest.raises(ValueError, match="start 3 and stop 41 do not select from 40"):
        DenseDesignMatrixPyTables.resize(file, 3, 41)
    for shapes in ([(3, 4)], [(3, 4), (2, 1)]):
        with pytest.raises(ValueError, match="shapes must be those of X and y"):
            DenseDesignMatrixPyTables.init_hdf5("never.h5", shapes)
    with pytest.raises(ValueError, match="four axes"):
        stored.set_topological_view(X)
    with pytest.raises(TypeError, match="cannot be saved"):
        pickle.dumps(stored)
    file.root.Data.X[2, 3] = np.nan
    with pytest.raises(ValueError, match="holds 1 number that is not finite"):
        DenseDesignMatrixPyTables(X=file.root.Data.X)


def test_without_pytables(monkeypatch):
    ensure_tables()
    monkeypatch.setattr(pytables.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install"):
        DenseDesignMatrixPyTables(X=X)
