"""The design matrix: arrays and images in and out, minibatches, folds, and saving."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

from adversarial import backend
from adversarial.datasets.dense_design_matrix import (
    DefaultViewConverter,
    DenseDesignMatrix,
    convert_to_one_hot,
    dataset_range,
    from_dataset,
    set_axes,
)
from adversarial.space import CompositeSpace, Conv2DSpace, IndexSpace, NullSpace, VectorSpace
from adversarial.utils import iteration, serial

N, DIM = 12, 18  # 3 x 3 images of 2 channels


@pytest.fixture
def rows():
    return np.random.RandomState(1).rand(N, DIM).astype("float32")


@pytest.fixture
def dataset(rows):
    return DenseDesignMatrix(
        X=rows,
        y=np.arange(N)[:, None] % 4,
        y_labels=4,
        view_converter=DefaultViewConverter((3, 3, 2)),
    )


def test_topological_view_in_and_out(rows):
    images = np.random.RandomState(2).rand(2, 3, 5, N)  # c, 0, 1, b
    dataset = DenseDesignMatrix(topo_view=images, axes=("c", 0, 1, "b"))
    assert dataset.X.shape == (N, 30) and dataset.X.dtype == np.float32
    assert dataset.X[4, 15 + 2 * 5 + 3] == np.float32(images[1, 2, 3, 4])
    assert np.allclose(dataset.get_topological_view(), images)
    assert dataset.get_topo_batch_axis() == 3
    assert dataset.view_shape() == dataset.weights_view_shape() == (3, 5, 2)
    assert np.array_equal(dataset.get_design_matrix(dataset.get_topological_view()), dataset.X)
    assert set_axes(dataset, ("b", 0, 1, "c")) is dataset
    assert np.allclose(dataset.get_topological_view(), images.transpose(3, 1, 2, 0))
    assert np.allclose(dataset.get_weights_view(dataset.X[:2]), images.transpose(3, 1, 2, 0)[:2])


def test_get_formatted_view(dataset):
    space = Conv2DSpace((3, 3), num_channels=2, axes=("b", "c", 0, 1))
    assert np.array_equal(
        dataset.get_formatted_view(dataset.X[:2], space), dataset.X[:2].reshape(2, 2, 3, 3)
    )


def test_data_specs(dataset, rows):
    space, source = dataset.get_data_specs()
    assert source == ("features", "targets")
    assert space.components[0] == VectorSpace(DIM)
    assert space.components[1] == IndexSpace(max_labels=4, dim=1)
    assert DenseDesignMatrix(X=rows).get_data_specs() == (VectorSpace(DIM), "features")
    space, _ = DenseDesignMatrix(X=rows, y=np.zeros((N, 5))).get_data_specs()
    assert space.components[1] == VectorSpace(5)
    assert dataset.has_targets() and not DenseDesignMatrix(X=rows).has_targets()


def test_numeric_iteration_formats_images_and_targets(dataset):
    specs = (
        CompositeSpace(
            (Conv2DSpace((3, 3), num_channels=2, axes=("c", 0, 1, "b")), VectorSpace(4))
        ),
        ("features", "targets"),
    )
    batches = list(dataset.iterator("sequential", batch_size=5, data_specs=specs))
    images = np.concatenate([x for x, _ in batches], axis=3)
    assert np.array_equal(images, dataset.X.reshape(N, 2, 3, 3).transpose(1, 2, 3, 0))
    assert np.array_equal(np.concatenate([y for _, y in batches]), np.eye(4)[np.arange(N) % 4])


@pytest.mark.parametrize("mode", iteration._MODES)
def test_images_and_targets_stay_together_in_every_mode(dataset, rows, mode):
    space = Conv2DSpace((3, 3), num_channels=2, axes=("c", 0, 1, "b"))
    specs = CompositeSpace((space, IndexSpace(max_labels=4, dim=1))), ("features", "targets")
    batches = list(dataset.iterator(mode, batch_size=5, num_batches=2, data_specs=specs))
    assert len(batches) == 2
    for images, y in batches:
        for image, label in zip(np.moveaxis(images, 3, 0), y[:, 0]):
            found = np.flatnonzero((rows == image.reshape(-1)).all(axis=1))
            assert len(found) == 1 and found[0] % 4 == label


def test_iteration_gives_rows_by_default_and_moves_the_datasets_own_generator(dataset):
    assert np.array_equal(next(dataset.iterator(batch_size=3)), dataset.X[:3])
    first = next(dataset.iterator("shuffled_sequential", 3))
    assert not np.array_equal(first, next(dataset.iterator("shuffled_sequential", 3)))
    dataset.restart_stream()
    assert np.array_equal(first, next(dataset.iterator("shuffled_sequential", 3)))


def test_symbolic_batch_equals_the_rows(dataset):
    indices = at.lvector()
    space = CompositeSpace(
        (
            Conv2DSpace((3, 3), num_channels=2, axes=("c", 0, 1, "b")),
            VectorSpace(DIM),
            VectorSpace(4),
            IndexSpace(max_labels=4, dim=1),
            NullSpace(),
        )
    )
    source = "features", "features", "targets", "targets", ""
    images, flat, one_hot, numbers, nothing = dataset.symbolic_batch(indices, (space, source))
    assert nothing is None
    f = backend.function([indices], [images, flat, one_hot, numbers])
    chosen = [7, 0, 7]
    images, flat, one_hot, numbers = f(chosen)
    assert np.array_equal(images, dataset.X[chosen].reshape(3, 2, 3, 3).transpose(1, 2, 3, 0))
    assert np.array_equal(flat, dataset.X[chosen]) and flat.dtype == backend.floatX
    assert np.array_equal(one_hot, np.eye(4)[[3, 0, 3]])
    assert np.array_equal(numbers, [[3], [0], [3]]) and numbers.dtype.kind == "i"


def test_symbolic_batches_share_one_copy_without_doubling_memory(dataset):
    indices = at.lvector()
    specs = VectorSpace(DIM), "features"
    first, second = (dataset.symbolic_batch(indices, specs) for _ in range(2))
    f = backend.function([indices], [first, second], mode="FAST_COMPILE")
    (shared,) = {v for v in f.maker.fgraph.variables if v.name == "features"}
    assert shared.owner is None
    array, variable = dataset._device._kept["features"]
    assert np.shares_memory(variable.get_value(borrow=True), dataset.X)
    dataset.set_design_matrix(dataset.X + 1)  # compiled functions see new rows
    dataset.symbolic_batch(indices, specs)
    assert np.array_equal(f([3])[0], dataset.X[[3]])


def test_a_memory_map_is_not_copied(rows, tmp_path):
    np.save(tmp_path / "x.npy", rows)
    dataset = DenseDesignMatrix(X=np.load(tmp_path / "x.npy", mmap_mode="r"))
    indices = at.lvector()
    batch = dataset.symbolic_batch(indices, (VectorSpace(DIM), "features"))
    assert np.array_equal(batch.eval({indices: [2, 9]}), rows[[2, 9]])
    _, variable = dataset._device._kept["features"]
    assert isinstance(dataset.X.base, np.memmap)
    assert np.shares_memory(variable.get_value(borrow=True), dataset.X)


def test_symbolic_targets_of_one_axis_become_a_column(rows):
    dataset = DenseDesignMatrix(X=rows, y=np.arange(N) % 3, y_labels=3)
    indices = at.lvector()
    numbers = dataset.symbolic_batch(indices, (IndexSpace(max_labels=3, dim=1), "targets"))
    assert np.array_equal(numbers.eval({indices: [4, 5]}), [[1], [2]])


def test_symbolic_batch_refuses_sources_it_has_not(rows):
    dataset = DenseDesignMatrix(X=rows)
    with pytest.raises(ValueError, match="no 'targets', only"):
        dataset.symbolic_batch(at.lvector(), (VectorSpace(1), "targets"))
    with pytest.raises(ValueError, match="1 spaces for the sources"):
        dataset.symbolic_batch(
            at.lvector(), (CompositeSpace((VectorSpace(DIM),)), ("features", "features"))
        )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "either X or topo_view"),
        ({"X": np.zeros((2, 3)), "topo_view": np.zeros((2, 1, 1, 3))}, "either X or topo_view"),
        (
            {
                "topo_view": np.zeros((2, 1, 1, 3)),
                "view_converter": DefaultViewConverter((1, 1, 3)),
            },
            "brings its own",
        ),
        ({"topo_view": np.zeros((2, 3, 3))}, r"four axes .* not shape \(2, 3, 3\)"),
        ({"X": np.zeros(3)}, r"two axes, not shape \(3,\)"),
        ({"X": np.array([[1, np.nan], [np.nan, 0]])}, "holds 2 numbers .* row 0, column 1 is nan"),
        ({"X": np.zeros((2, 3)), "y": np.zeros((3, 1))}, r"2 examples .* shape \(3, 1\)"),
        ({"X": np.zeros((2, 3)), "y": np.zeros((2, 1)), "y_labels": 3}, "y holds float64"),
        (
            {"X": np.zeros((2, 3)), "y": np.array([0, 3]), "y_labels": 3},
            "from 0 to 3, outside 0 to 2",
        ),
        ({"X": np.zeros((2, 3)), "y_labels": 3}, "there is no y"),
        ({"X": np.array([[0, -1]]), "X_labels": 3}, "from -1 to 0, outside 0 to 2"),
        ({"X": np.ones((2, 3)) * 1j}, "design matrix holds complex128, not real numbers"),
        ({"X": np.array([["1", "2"]])}, "design matrix holds <U1, not real numbers"),
        ({"X": np.zeros((2, 3)), "y": ["cat", "dog"]}, "y holds <U3, not real numbers"),
        (
            {"X": np.zeros((2, 3)), "view_converter": DefaultViewConverter((1, 1, 4))},
            r"rows of 3 numbers are no images of shape \(1, 1, 4\)",
        ),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DenseDesignMatrix(**arguments)


def test_class_numbers_as_features_stay_integers():
    dataset = DenseDesignMatrix(X=np.array([[0, 2], [1, 1]]), X_labels=3)
    assert dataset.X.dtype.kind == "i"
    assert dataset.get_data_specs() == (IndexSpace(max_labels=3, dim=2), "features")


def test_images_need_a_view_converter(rows):
    with pytest.raises(ValueError, match="no view converter"):
        DenseDesignMatrix(X=rows).get_topological_view()


def test_restrict(dataset, rows):
    dataset.restrict(None, None)
    assert dataset.get_num_examples() == N
    dataset.restrict(2, 5)
    assert np.array_equal(dataset.X, rows[2:5]) and dataset.y.ravel().tolist() == [2, 3, 0]
    assert not np.shares_memory(dataset.X, rows)
    with pytest.raises(ValueError, match="start 2 and stop 9 do not select from 3"):
        dataset.restrict(2, 9)


def test_one_hot(dataset, rows):
    assert convert_to_one_hot(dataset) is dataset
    assert np.array_equal(dataset.y, np.eye(4)[np.arange(N) % 4])
    assert dataset.get_data_specs()[0].components[1] == VectorSpace(4)
    from_one = DenseDesignMatrix(X=rows, y=np.arange(N) % 3 + 1)
    from_one.convert_to_one_hot(min_class=1)
    assert np.array_equal(from_one.y, np.eye(3)[np.arange(N) % 3])
    with pytest.raises(ValueError, match="only integer targets"):
        dataset.convert_to_one_hot()
    with pytest.raises(ValueError, match="class 0 is below min_class 1"):
        DenseDesignMatrix(X=rows, y=np.arange(N) % 3).convert_to_one_hot(min_class=1)


def together(parts):
    return sorted(map(tuple, np.concatenate(parts).tolist()))


def test_folds_and_holdouts(dataset, rows):
    folds = dataset.split_dataset_nfolds(5)
    assert [len(f) for f in folds] == [3, 3, 2, 2, 2]
    assert np.array_equal(np.concatenate(folds), rows)
    train, valid = dataset.split_dataset_holdout(train_size=9)
    assert np.array_equal(train, rows[:9]) and np.array_equal(valid, rows[9:])
    assert len(dataset.split_dataset_holdout(train_prop=0.25)[0]) == 3

    shuffled = dataset.bootstrap_nfolds(5, rng=3)
    assert [len(f) for f in shuffled] == [3, 3, 2, 2, 2]
    assert not np.array_equal(np.concatenate(shuffled), rows)
    assert together(shuffled) == together([rows])
    parts = dataset.bootstrap_holdout(train_prop=0.5)
    assert [len(p) for p in parts] == [6, 6] and together(parts) == together([rows])
    for arguments, message in (
        ({}, "either train_size or train_prop"),
        ({"train_size": N}, "12 out of 12"),
        ({"train_prop": 0.01}, "0 out of 12"),
    ):
        with pytest.raises(ValueError, match=message):
            dataset.split_dataset_holdout(**arguments)
    with pytest.raises(ValueError, match="12 examples into 13 folds"):
        dataset.split_dataset_nfolds(13)


def test_random_neighbours_and_the_position_of_the_stream(dataset, rows):
    position = dataset.get_stream_position()
    X, y = dataset.get_batch_design(4, include_labels=True)
    start = int(np.flatnonzero((rows == X[0]).all(axis=1))[0])
    assert np.array_equal(X, rows[start : start + 4])
    assert np.array_equal(y.ravel(), np.arange(start, start + 4) % 4)
    later = [dataset.get_batch_design(4) for _ in range(4)]
    dataset.set_stream_position(position)
    assert np.array_equal(dataset.get_batch_design(4), X)
    assert all(np.array_equal(dataset.get_batch_design(4), batch) for batch in later)
    assert dataset.get_batch_topo(4).shape == (4, 3, 3, 2)
    images, y = dataset.get_batch_topo(4, include_labels=True)
    assert images.shape == (4, 3, 3, 2) and y.shape == (4, 1)


def test_parts_of_a_dataset_stand_alone(dataset, rows):
    part = dataset_range(dataset, 3, 6)
    assert np.array_equal(part.X, rows[3:6]) and part.y.ravel().tolist() == [3, 0, 1]
    part.X[:] = 0
    part.set_view_converter_axes(("c", 0, 1, "b"))
    assert np.array_equal(dataset.X, rows) and dataset.view_converter.axes[0] == "b"
    some = from_dataset(dataset, 4)
    assert some.get_num_examples() == 4 and together([some.X]) != together([some.X[:1]] * 4)
    with pytest.raises(ValueError, match="start 10 and stop 20"):
        dataset_range(dataset, 10, 20)


def test_scaling_for_the_viewer(dataset):
    shown = dataset.adjust_for_viewer(np.array([[1.0, -4.0]]))
    assert np.array_equal(shown, [[0.25, -1.0]])
    shown = dataset.adjust_to_be_viewed_with(np.array([[1.0, -4.0]]), np.array([[2.0]]))
    assert np.array_equal(shown, [[0.5, -1.0]])


class Halve:
    def apply(self, dataset, can_fit):
        self.can_fit = can_fit
        dataset.set_design_matrix(dataset.get_design_matrix() / 2)


def test_a_preprocessor_is_applied_at_the_end(rows):
    halve = Halve()
    dataset = DenseDesignMatrix(X=rows, preprocessor=halve, fit_preprocessor=True)
    assert np.array_equal(dataset.X, rows / 2) and halve.can_fit


def test_saving_leaves_shared_variables_out(dataset, tmp_path):
    dataset.symbolic_batch(at.lvector(), (VectorSpace(DIM), "features"))
    serial.save(str(tmp_path / "d.pkl"), dataset)
    again = serial.load(str(tmp_path / "d.pkl"))
    assert np.array_equal(again.X, dataset.X) and np.array_equal(again.y, dataset.y)
    assert np.array_equal(again.get_batch_design(3), dataset.get_batch_design(3))
    indices = at.lvector()
    batch = again.symbolic_batch(indices, (VectorSpace(DIM), "features"))
    assert np.array_equal(batch.eval({indices: [2]}), dataset.X[[2]])


def test_saving_the_rows_aside_and_compressed(dataset, tmp_path):
    aside = tmp_path / "rows.npy"
    dataset.use_design_loc(str(aside))
    serial.save(str(tmp_path / "d.pkl"), dataset)
    assert np.array_equal(np.load(aside), dataset.X)
    assert np.array_equal(serial.load(str(tmp_path / "d.pkl")).X, dataset.X)
    with pytest.raises(ValueError, match="must end in .npy"):
        dataset.use_design_loc("rows")

    dataset.enable_compression()
    serial.save(str(tmp_path / "d.pkl"), dataset)
    assert np.load(aside).dtype == np.uint8
    again = serial.load(str(tmp_path / "d.pkl"))
    assert again.X.dtype == np.float32
    assert np.abs(again.X - dataset.X).max() <= 0.501 / 255


def test_a_part_is_saved_beside_the_whole(rows, tmp_path):
    whole = DenseDesignMatrix(X=rows)
    whole.use_design_loc(tmp_path / "X.npy")
    part = dataset_range(whole, 1, 3)
    serial.save(tmp_path / "whole.pkl", whole)
    serial.save(tmp_path / "part.pkl", part)
    assert np.array_equal(serial.load(tmp_path / "whole.pkl").X, whole.X)
    assert np.array_equal(serial.load(tmp_path / "part.pkl").X, whole.X[1:3])


def test_class_numbers_as_features_are_saved_as_they_are(tmp_path):
    data = DenseDesignMatrix(X=np.array([[0, 2], [1, 1]]), X_labels=3, y=np.array([0, 1]))
    data.enable_compression()
    serial.save(tmp_path / "d.pkl", data)
    again = serial.load(tmp_path / "d.pkl")
    assert again.X.dtype == data.X.dtype and np.array_equal(again.X, data.X)
    assert [batch.tolist() for batch in again.iterator(batch_size=2)] == [data.X.tolist()]


def test_images_without_any_light_are_shown():
    data = DenseDesignMatrix(topo_view=np.zeros((2, 3, 3, 1)))
    assert np.array_equal(data.adjust_for_viewer(data.X), data.X)
    assert np.array_equal(data.adjust_to_be_viewed_with(data.X + 5, data.X), data.X + 1)


def test_rows_of_unknown_order_are_no_colour_images():
    space = Conv2DSpace((3, 2), num_channels=3)
    with pytest.raises(ValueError, match=r"does not say how its rows .* shape \[3, 2, 3\]"):
        next(
            DenseDesignMatrix(X=np.zeros((4, 18))).iterator(
                batch_size=2, data_specs=(space, "features")
            )
        )
    grey = Conv2DSpace((3, 6), num_channels=1)
    batch = next(
        DenseDesignMatrix(X=np.arange(36.0).reshape(2, 18)).iterator(
            batch_size=2, data_specs=(grey, "features")
        )
    )
    assert np.array_equal(batch[..., 0].ravel(), np.arange(36))


def test_a_view_converter_of_the_users_own_needs_no_shape():
    class Upright:
        def design_mat_to_topo_view(self, rows):
            return rows.reshape(len(rows), 3, 2, 1)

    dataset = DenseDesignMatrix(X=np.zeros((4, 6)), view_converter=Upright())
    assert dataset.get_topological_view().shape == (4, 3, 2, 1)
