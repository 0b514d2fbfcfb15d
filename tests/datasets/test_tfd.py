"""The Toronto Face Database: sets and folds as its file says, on drawn faces."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from adversarial.datasets.data_path import DataUnavailable
from adversarial.datasets.preprocessing import Standardize
from adversarial.datasets.tfd import TFD
from adversarial.files.opening import BadFile

make_tfd = runpy.run_path(str(Path(__file__).with_name("make_tfd.py")))["make_tfd"]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """(data path, the file's arrays)"""
    root = tmp_path_factory.mktemp("tfd")
    path = make_tfd(root)
    make_tfd(root, size=96, labeled=70, unlabeled=10)
    return root, scipy.io.loadmat(path)


@pytest.fixture
def file(faces, data_path, monkeypatch):
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(faces[0]))
    return faces[1]


SETS = {"unlabeled": [0], "train": [1], "valid": [2], "test": [3], "full_train": [1, 2]}


@pytest.mark.parametrize("fold", range(5))
@pytest.mark.parametrize("which_set", SETS)
def test_sets_and_folds(file, which_set, fold):
    dataset = TFD(which_set, fold=fold)
    chosen = [i for i in range(200) if file["folds"][i, fold] in SETS[which_set]]
    assert 0 < len(chosen) < 200
    assert np.array_equal(dataset.X, file["images"][chosen].reshape(-1, 2304))
    assert dataset.X.dtype == np.float32
    if which_set == "unlabeled":
        assert dataset.y is None and dataset.y_identity is None
    else:
        assert np.array_equal(dataset.y, file["labs_ex"][chosen] - 1.0)
        assert np.array_equal(dataset.y_identity, file["labs_id"][chosen])
        assert dataset.y_labels == 7 and dataset.y.dtype == np.int64


def test_the_folds_of_a_set_differ_and_divide_the_labeled_faces(file):
    sizes = [TFD(s).get_num_examples() for s in ("train", "valid", "test")]
    assert sum(sizes) == 140 and TFD("full_train").get_num_examples() == sum(sizes[:2])
    assert not np.array_equal(TFD("valid", fold=0).X, TFD("valid", fold=1).X)


@pytest.mark.parametrize(
    "center, scale, expected",
    [
        (False, False, lambda X: X),
        (True, False, lambda X: X - 127.5),
        (False, True, lambda X: X / 255),
        (True, True, lambda X: (X - 127.5) / 127.5),
    ],
)
def test_center_and_scale(file, center, scale, expected):
    raw = TFD("valid").X.astype(float)
    dataset = TFD("valid", center=center, scale=scale)
    assert np.allclose(dataset.X, expected(raw), atol=1e-5)
    assert np.allclose(dataset.adjust_for_viewer(dataset.X), raw / 127.5 - 1, atol=1e-5)
    assert np.allclose(
        dataset.adjust_to_be_viewed_with(dataset.X, None), raw / 127.5 - 1, atol=1e-5
    )


def test_example_range_and_shuffling(file):
    whole = TFD("train")
    part = TFD("train", example_range=[10, 30])
    assert np.array_equal(part.X, whole.X[10:30]) and np.array_equal(part.y, whole.y[10:30])
    order = np.random.RandomState(132987).permutation(20)
    shuffled = TFD("train", example_range=[10, 30], shuffle=True)
    assert np.array_equal(shuffled.X, part.X[order]) and np.array_equal(shuffled.y, part.y[order])
    assert np.array_equal(shuffled.y_identity, part.y_identity[order])
    order = np.random.RandomState(5).permutation(20)
    for chosen in ({"seed": 5}, {"rng": np.random.RandomState(5)}):
        shuffled = TFD("train", example_range=[10, 30], shuffle=True, **chosen)
        assert np.array_equal(shuffled.X, part.X[order])
    part.restrict(5, 8)
    assert np.array_equal(part.y_identity, whole.y_identity[15:18])


def test_a_fitted_preprocessor_is_applied(file):
    train, standardize = TFD("train", scale=True), Standardize()
    standardize.apply(train, can_fit=True)
    raw = TFD("train", scale=True).X.astype(float)
    dataset = TFD("valid", scale=True, preprocessor=standardize)
    expected = (TFD("valid", scale=True).X - raw.mean(axis=0)) / (raw.std(axis=0) + 1e-4)
    assert np.allclose(dataset.X, expected, atol=1e-3)
    test = (TFD("test", scale=True).X - raw.mean(axis=0)) / (raw.std(axis=0) + 1e-4)
    assert np.allclose(dataset.get_test_set().X, test, atol=1e-3)


def test_images_and_axes(file):
    images = TFD("valid", axes=("c", 0, 1, "b")).get_topological_view()
    chosen = file["images"][file["folds"][:, 0] == 2]
    assert np.array_equal(images[0, :, :, 3], chosen[3])


def test_large_faces(file):
    dataset = TFD("train", image_size=96, scale=True)
    assert dataset.X.shape[1] == 96 * 96 and dataset.view_shape() == (96, 96, 1)


def test_the_test_set_of_this_or_another_fold(file):
    train = TFD("train", fold=2, scale=True)
    assert np.array_equal(train.get_test_set().X, TFD("test", fold=2, scale=True).X)
    assert np.array_equal(train.get_test_set(fold=0).X, TFD("test", fold=0, scale=True).X)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"which_set": "validation"}, "'full_train', not 'validation'"),
        ({"which_set": "train", "fold": 5}, "fold must be from 0 to 4, not 5"),
        ({"which_set": "train", "image_size": 64}, "image_size must be 48 or 96, not 64"),
        ({"which_set": "valid", "example_range": [0, 9999]}, "start 0 and stop 9999"),
        (
            {"which_set": "valid", "example_range": [0, 9, 2]},
            r"must be \[start, stop\], not \[0, 9",
        ),
        (
            {"which_set": "valid", "example_range": 9},
            r"example_range must be \[start, stop\], not 9",
        ),
    ],
)
def test_mistakes_are_named(file, arguments, message):
    with pytest.raises(ValueError, match=message):
        TFD(**arguments)


def test_how_to_get_it(data_path):
    with pytest.raises(DataUnavailable) as caught:
        TFD("train")
    for part in (
        "TFD_48x48.mat",
        "Josh Susskind (josh@mplab.ucsd.edu)",
        "faces/TFD/",
        "PYLEARN2_DATA_PATH",
        str(data_path),
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"images": None}, "no array 'images'"),
        ({"images": np.zeros((200, 48, 47))}, r"'images' has shape \(200, 48, 47\)"),
        ({"folds": np.zeros((200, 4))}, r"'folds' has shape \(200, 4\), expected \(200, 5\)"),
        ({"labs_id": np.zeros((199, 1))}, r"'labs_id' has shape \(199, 1\)"),
        ({"labs_ex": np.array([["a"]] * 200)}, "'labs_ex' holds something else than real numbers"),
        ({"labs_ex": np.full((200, 1), 8)}, "expressions from 8 to 8 in the set 'train'"),
        ({"folds": np.zeros((200, 5))}, "no example of the set 'train' in fold 0"),
    ],
)
def test_files_of_another_form_are_named(file, data_path, monkeypatch, change, message):
    content = {
        k: v for k, v in {**file, **change}.items() if v is not None and not k.startswith("_")
    }
    folder = data_path / "faces" / "TFD"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(data_path))
    scipy.io.savemat(folder / "TFD_48x48.mat", content)
    with pytest.raises(BadFile, match=message):
        TFD("train")


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file" + b"\0" * 200, b"x" * 500])
def test_files_that_are_no_matlab_files_are_named(data_path, content):
    path = data_path / "faces" / "TFD" / "TFD_48x48.mat"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(BadFile, match="TFD_48x48.mat: "):
        TFD("train")
