from __future__ import annotations

import numpy as np
import pytest

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.preprocessing import ZCA
from adversarial.datasets.zca_dataset import ZCA_Dataset
from adversarial.utils import serial


@pytest.fixture
def whitened():
    """(images as they were, whitened data set, preprocessor)"""
    rng = np.random.RandomState(0)
    images = rng.normal(size=(30, 2, 3, 1)).astype("float32")
    data = DenseDesignMatrix(topo_view=images, y=np.arange(30)[:, None] % 3, y_labels=4)
    before = data.X.copy()
    zca = ZCA(filter_bias=0.01)
    data.apply_preprocessor(zca, can_fit=True)
    return before, data, zca


def test_a_part_of_it(whitened):
    before, data, zca = whitened
    part = ZCA_Dataset(data, zca, start=5, stop=20, axes=["c", 0, 1, "b"])
    np.testing.assert_array_equal(part.X, data.X[5:20])
    np.testing.assert_array_equal(part.y, np.eye(4)[np.arange(5, 20) % 3])
    assert part.get_topological_view().shape == (1, 2, 3, 15)
    assert data.view_converter.axes == ("b", 0, 1, "c") and data.y.shape == (30, 1)
    np.testing.assert_allclose(part.mapback(part.X), before[5:20], atol=1e-4)
    shown = part.mapback_for_viewer(part.X)
    np.testing.assert_allclose(
        shown, before[5:20] / np.abs(before[5:20]).max(axis=1, keepdims=True), atol=1e-3
    )


def test_classes_that_a_part_lacks_are_there(whitened):
    _, data, zca = whitened
    data.y_labels = None
    assert ZCA_Dataset(data, zca, start=0, stop=2).y.shape == (2, 3)
    kept = ZCA_Dataset(data, zca, convert_to_one_hot=False)
    np.testing.assert_array_equal(kept.y, data.y)


def test_from_files(whitened, tmp_path):
    _, data, zca = whitened
    serial.save(tmp_path / "train.pkl", data)
    serial.save(tmp_path / "preprocessor.pkl", zca)
    found = ZCA_Dataset(
        serial.load(tmp_path / "train.pkl"), serial.load(tmp_path / "preprocessor.pkl")
    )
    np.testing.assert_array_equal(found.X, data.X)
    serial.save(tmp_path / "again.pkl", found)
    assert serial.load(tmp_path / "again.pkl").mapback(data.X).shape == data.X.shape


def test_what_is_wrong(whitened):
    _, data, zca = whitened
    with pytest.raises(TypeError, match="preprocessor cannot be 3"):
        ZCA_Dataset(data, 3)
    with pytest.raises(ValueError, match="31"):
        ZCA_Dataset(data, zca, stop=31)
