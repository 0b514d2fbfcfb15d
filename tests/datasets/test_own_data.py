"""The classes for own data give what Pillow and NumPy read from the same files."""

from __future__ import annotations

import numpy as np
import pytest
from own_files import idx_bytes, pictures, planar, save_folder, save_idx, save_png
from PIL import Image

from adversarial.config import yaml_parse
from adversarial.datasets.csv_file import CSVFile
from adversarial.datasets.dense_design_matrix import dataset_range
from adversarial.datasets.feed import feed_of, is_streamed
from adversarial.datasets.fingerprint import fingerprint
from adversarial.datasets.hdf5_file import HDF5File
from adversarial.datasets.idx_file import IDXFile
from adversarial.datasets.image_folder import ImageFolder
from adversarial.datasets.numpy_file import NumpyFile
from adversarial.datasets.preprocessing import RemapInterval
from adversarial.datasets.source import ScaledRows
from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.models.centering import SubtractRealMean
from adversarial.models.initialization import init_sigmoid_bias_from_marginals, marginals
from adversarial.space import Conv2DSpace, VectorSpace

ALL = {"train": 1}
COUNT = 30


def write(kind, folder, images):
    """A data set of these images in a format; its class and arguments."""
    rows = images.reshape(len(images), -1)
    shape = list(images.shape[1:])
    if kind == "folder":
        return ImageFolder, {"path": str(save_folder(folder / "images", images))}
    if kind == "npy":
        np.save(folder / "a.npy", images)
        return NumpyFile, {"path": str(folder / "a.npy")}
    if kind == "fortran":
        np.save(folder / "a.npy", np.asfortranarray(images))
        return NumpyFile, {"path": str(folder / "a.npy")}
    if kind == "npz":
        np.savez(folder / "a.npz", other=np.zeros(3), X=images)
        return NumpyFile, {"path": str(folder / "a.npz")}
    if kind == "packed":
        np.savez_compressed(folder / "a.npz", other=np.zeros(3), images=images)
        return NumpyFile, {"path": str(folder / "a.npz"), "key": "images"}
    if kind == "hdf5":
        tables = pytest.importorskip("tables")
        with tables.open_file(folder / "a.h5", "w") as file:
            file.create_carray("/inside", "X", obj=images, createparents=True)
        return HDF5File, {"path": str(folder / "a.h5"), "key": "inside/X"}
    if kind == "csv":
        np.savetxt(folder / "a.csv", rows, fmt="%d", delimiter=",")
        axes = ["b", 0, 1, "c"]
        return CSVFile, {
            "path": str(folder / "a.csv"),
            "shape": shape,
            "axes": axes,
            "data_range": [0, 255],
        }
    assert kind == "idx"
    images = images[..., 0] if images.shape[3] == 1 else images
    return IDXFile, {"path": str(save_idx(folder / "a-idx3-ubyte.gz", images))}


KINDS = ("folder", "npy", "fortran", "npz", "packed", "hdf5", "csv", "idx")


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_pixels(tmp_path, kind, channels, in_memory):
    images = pictures(COUNT, channels=channels)
    cls, arguments = write(kind, tmp_path, images)
    expected = np.divide(planar(images), 255, dtype=np.float32)
    order = np.random.RandomState(3).permutation(COUNT)
    for part, rows in ("train", order[:24]), ("valid", order[24:27]), ("test", order[27:]):
        data = cls(**arguments, which_set=part, seed=3, in_memory=in_memory)
        assert is_streamed(data) is not in_memory
        np.testing.assert_array_equal(np.asarray(data.X), expected[rows])
        np.testing.assert_array_equal(data.indices, rows)
        assert data.view_shape() == (6, 5, channels)
        shown = data.get_topological_view(np.asarray(data.X))
        np.testing.assert_array_equal(shown, np.float32(images[rows]) / np.float32(255))
        assert data.value_range == (0, 1)


@pytest.mark.parametrize("axes", [("b", 1, 0, "c"), ("b", "c", 1, 0), ("b", 0, "c", 1)])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_axes_of_images(tmp_path, axes, channels):
    images = pictures(COUNT, channels=max(channels, 1))
    array = images.transpose([("b", 0, 1, "c").index(axis) for axis in axes])
    if not channels:  # grey images of three axes
        array = array.squeeze(axes.index("c"))
    np.save(tmp_path / "a.npy", array)
    data = NumpyFile(str(tmp_path / "a.npy"), axes=list(axes), split=ALL, seed=None, scale=None)
    assert data.view_shape() == images.shape[1:]
    np.testing.assert_array_equal(data.get_topological_view(), images)


@pytest.mark.parametrize("kind", KINDS)
def test_minibatches_from_the_file_are_those_from_memory(tmp_path, kind):
    cls, arguments = write(kind, tmp_path, pictures(COUNT, channels=3))
    specs = [
        (VectorSpace(90), "features"),
        (Conv2DSpace((6, 5), num_channels=3, axes=("b", 0, 1, "c")), "features"),
    ]
    for spec in specs:
        for mode in "sequential", "shuffled_sequential", "random_uniform":
            batches = []
            for in_memory in True, False:
                data = cls(**arguments, in_memory=in_memory)
                rng = None if mode == "sequential" else 5
                options = dict(batch_size=7, num_batches=3, rng=rng, data_specs=spec)
                batches.append(list(data.iterator(mode, **options)))
            assert len(batches[0]) == 3
            for ours, theirs in zip(*batches):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("scale", [[0, 1], [-1, 1], "standardize", None])
def test_scales_are_fitted_to_the_training_part_only(tmp_path, scale):
    rng = np.random.RandomState(2)
    values = rng.normal(size=(40, 6, 5, 3)).astype(np.float32) * 3 + 7
    values[30:] *= 10  # the test part is of another scale
    np.save(tmp_path / "a.npy", values)
    split = {"train": [0, 30], "test": [30, 40]}
    train = values[:30].astype(float)
    if scale is None:
        offset, factor = 0, 1
    elif scale == "standardize":
        offset, factor = train.mean(axis=(0, 1, 2)), 1 / train.std(axis=(0, 1, 2))
    else:
        factor = (scale[1] - scale[0]) / (train.max() - train.min())
        offset = train.min() - scale[0] / factor
    expected = planar((values - offset) * factor)
    for in_memory in True, False:
        data = NumpyFile(str(tmp_path / "a.npy"), split=split, scale=scale, in_memory=in_memory)
        test = data.get_test_set()
        np.testing.assert_allclose(np.asarray(data.X), expected[:30], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(np.asarray(test.X), expected[30:], rtol=1e-5, atol=1e-5)
        assert not hasattr(data, "get_valid_set")
        assert abs(data.adjust_for_viewer(np.asarray(data.X))).max() <= 1
        np.testing.assert_allclose(
            data.scaling.undo(data.X[:30]), planar(train), rtol=1e-5, atol=1e-5
        )


def test_measurements_are_scaled_column_by_column(tmp_path):
    rows = np.random.RandomState(0).normal([0, 100], [1, 30], (50, 2))
    np.save(tmp_path / "a.npy", rows)
    data = NumpyFile(str(tmp_path / "a.npy"), split=ALL, seed=None, scale="standardize")
    np.testing.assert_allclose(data.X, (rows - rows.mean(0)) / rows.std(0), atol=1e-5)
    assert data.view_converter is None


def test_what_asks_for_all_rows_gets_it_from_the_file(tmp_path, monkeypatch):
    cls, arguments = write("npy", tmp_path, pictures(COUNT))
    memory = cls(**arguments, in_memory=True)
    disk = cls(**arguments, in_memory=False)
    assert disk.X.min() == memory.X.min() and disk.X.max() == memory.X.max()
    np.testing.assert_allclose(disk.X.mean(axis=0), memory.X.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(marginals(disk), marginals(memory), rtol=1e-6)
    np.testing.assert_allclose(
        init_sigmoid_bias_from_marginals(disk), init_sigmoid_bias_from_marginals(memory), rtol=1e-5
    )
    np.testing.assert_array_equal(disk.X[3:9:2, :4], memory.X[3:9:2, :4])
    np.testing.assert_array_equal(disk.X[5], memory.X[5])
    mask = np.arange(24) % 3 == 0
    np.testing.assert_array_equal(disk.X[mask], memory.X[mask])
    assert fingerprint(disk) == fingerprint(cls(**arguments, in_memory=False))
    assert fingerprint(disk) != fingerprint(disk.get_test_set())
    np.testing.assert_array_equal(
        disk.get_batch_design(5), memory.get_batch_design(5)
    )  # the same rng
    queries = memory.X[[3, 7]] + np.float32(0.01)
    assert nearest_neighbors(memory.X, queries).tolist() == [3, 7]
    with monkeypatch.context() as patched:
        patched.setattr(ScaledRows, "__array__", None)  # never as a whole
        assert nearest_neighbors(disk.X, queries).tolist() == [3, 7]
    with pytest.raises(TypeError, match="cannot be saved"):
        disk.__getstate__()
    for data in disk, memory:
        np.testing.assert_array_equal(data.get_topological_view(), memory.X.reshape(-1, 6, 5, 1))
        np.testing.assert_allclose(
            SubtractRealMean("x", data)._mean, memory.X.mean(axis=0, keepdims=True), rtol=1e-6
        )


@pytest.mark.parametrize("change", ["part", "restrict", "preprocessor"])
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_changed_data_set_is_in_memory(tmp_path, in_memory, change):
    cls, arguments = write("npy", tmp_path, pictures(COUNT))
    data = cls(**arguments, in_memory=in_memory)
    expected, indices = np.asarray(data.X), data.indices
    if change == "preprocessor":
        data.apply_preprocessor(RemapInterval([0, 1], [-1, 1]))
        expected = 2 * expected - 1
    else:
        expected, indices = expected[2:7], indices[2:7]
        if change == "part":
            data = dataset_range(data, 2, 7)
        else:
            data.restrict(2, 7)
    assert not data.reads_from_disk and not is_streamed(data)
    np.testing.assert_array_equal(data.X, expected)
    np.testing.assert_array_equal(data.indices, indices)


def test_biases_of_grey_pictures_without_black(tmp_path):
    images = pictures(COUNT).clip(10, 200)
    cls, arguments = write("npy", tmp_path, images)
    data = cls(**arguments, split=ALL, seed=None)
    mean = planar(images).mean(axis=0) / 255
    np.testing.assert_allclose(
        init_sigmoid_bias_from_marginals(data), np.log(mean / (1 - mean)), rtol=1e-4
    )
    other = cls(**arguments, split=ALL, scale=[-1, 1])
    with pytest.raises(ValueError, match="spans 0 to 1"):
        init_sigmoid_bias_from_marginals(other)


def test_a_data_set_too_large_for_memory_is_streamed(tmp_path, monkeypatch):
    cls, arguments = write("npy", tmp_path, pictures(COUNT))
    limit = 4 * 24 * 30
    for most, streamed in (limit, False), (limit - 1, True):
        monkeypatch.setattr("adversarial.datasets.own_data.IN_MEMORY", most)
        data = cls(**arguments)
        assert data.reads_from_disk is streamed
        assert type(feed_of(data)).__name__ == ("StreamedFeed" if streamed else "IndexedFeed")


# Classes


def test_subfolders_are_classes(tmp_path):
    images = pictures(20)
    names = ["cat", "dog10", "dog9", "Ant"]
    folder = save_folder(tmp_path / "pets", images, [names[i % 4] for i in range(20)])
    data = ImageFolder(str(folder), split=ALL, seed=None)
    assert data.class_names == ["Ant", "cat", "dog9", "dog10"]
    expected = [i for name in data.class_names for i in range(20) if names[i % 4] == name]
    np.testing.assert_array_equal(data.X, planar(images[expected]) / np.float32(255))
    assert data.y.tolist() == [[label] for label in range(4) for _ in range(5)]
    assert data.y_labels == 4
    # Each part has its share of each class.
    halves = {"train": 0.6, "test": 0.4}
    test = ImageFolder(str(folder), split=halves, which_set="test")
    assert np.bincount(test.y[:, 0]).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("nested", [True, False])
def test_subfolders_that_are_parts(tmp_path, nested):
    images = pictures(30)
    classes = ["a", "b"] if nested else [""]
    for part, rows in ("train", range(20)), ("val", range(20, 24)), ("test", range(24, 30)):
        for i in rows:
            save_png(tmp_path / part / classes[i % len(classes)] / f"{i}.png", images[i])
    data = ImageFolder(str(tmp_path), seed=None)
    assert [len(d.X) for d in (data, data.get_valid_set(), data.get_test_set())] == [20, 4, 6]
    assert data.class_names == (["a", "b"] if nested else None)
    test = data.get_test_set()
    order = sorted(range(24, 30), key=lambda i: (i % len(classes), i))
    np.testing.assert_array_equal(test.X, planar(images[order]) / np.float32(255))


def test_idx_files_named_as_those_of_mnist(tmp_path):
    images, labels = pictures(40), np.arange(40) % 10
    for prefix, rows, suffix in ("train", slice(30), ""), ("t10k", slice(30, 40), ".gz"):
        save_idx(tmp_path / f"{prefix}-images-idx3-ubyte{suffix}", images[rows, ..., 0])
        save_idx(tmp_path / f"{prefix}-labels-idx1-ubyte{suffix}", labels[rows])
    data = IDXFile(str(tmp_path), seed=None)
    sets = data, data.get_valid_set(), data.get_test_set()
    assert [len(each.X) for each in sets] == [27, 3, 10]
    for each, whole in zip(sets, (slice(30), slice(30), slice(30, 40))):
        rows = planar(images[whole])[each.indices] / np.float32(255)
        np.testing.assert_array_equal(each.X, rows)
        assert each.y[:, 0].tolist() == labels[whole][each.indices].tolist()
    assert data.y_labels == 10 and data.class_names == [str(i) for i in range(10)]


def test_emnist_is_transposed(tmp_path):
    images = pictures(10)
    (tmp_path / "emnist-letters-train-images-idx3-ubyte").write_bytes(
        idx_bytes(images[..., 0].transpose(0, 2, 1))
    )
    (tmp_path / "emnist-digits-train-images-idx3-ubyte").write_bytes(idx_bytes(images[:5, ..., 0]))
    data = IDXFile(str(tmp_path), name="letters", transposed=True, split=ALL, seed=None)
    np.testing.assert_array_equal(data.X, planar(images) / np.float32(255))
    with pytest.raises(ValueError, match="several files of images for 'train'.*\nname: WORD"):
        IDXFile(str(tmp_path))
    with pytest.raises(ValueError, match="no file of training images.*'kana'"):
        IDXFile(str(tmp_path), name="kana")


def test_the_parts_of_one_set_of_emnist(tmp_path):
    images = pictures(30)
    for name, seed in ("letters", 0), ("digits", 1):
        for part, rows in ("train", slice(20)), ("test", slice(20, 30)):
            path = tmp_path / f"emnist-{name}-{part}-images-idx3-ubyte"
            save_idx(path, pictures(30, seed=seed)[rows, ..., 0].transpose(0, 2, 1))
    data = IDXFile(str(tmp_path), name="letters", transposed=True, seed=None)
    rows = planar(images) / np.float32(255)
    np.testing.assert_array_equal(data.get_valid_set().X, rows[18:20])
    np.testing.assert_array_equal(data.get_test_set().X, rows[20:])


def test_a_file_for_each_part(tmp_path):
    images = pictures(30)
    arrays = {"x_train": images[:20], "x_test": images[20:]}
    labels = {"y_train": np.arange(20) % 3, "y_test": np.arange(10) % 3}
    np.savez(tmp_path / "a.npz", **arrays, **labels)
    data = NumpyFile(
        str(tmp_path / "a.npz"),
        key={"train": "x_train", "test": "x_test"},
        targets={"train": "y_train", "test": "y_test"},
        seed=None,
    )
    sets = data, data.get_valid_set(), data.get_test_set()
    assert [len(each.X) for each in sets] == [18, 2, 10]
    np.testing.assert_array_equal(sets[2].X, planar(images[20:]) / np.float32(255))
    assert sets[2].y[:, 0].tolist() == [i % 3 for i in range(10)]
    with pytest.raises(ValueError, match="'test' has a file of its own"):
        NumpyFile(**data.args | {"split": {"train": 0.5, "test": 0.5}})


def test_targets_that_are_numbers(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((10, 2)), y=np.linspace(0, 1, 10), z=np.ones((10, 3)))
    data = NumpyFile(str(tmp_path / "a.npz"), targets="y", split=ALL, seed=None, scale=None)
    assert data.y.dtype == np.float32 and data.y_labels is None and data.class_names is None
    assert data.y.shape == (10, 1)
    assert NumpyFile(str(tmp_path / "a.npz"), targets="z", split=ALL, scale=None).y.shape == (10, 3)


def test_names_and_numbers_of_classes(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((4, 2)), y=np.array([0, 2, 1, 0]), z=list("bcab"))
    options = dict(path=str(tmp_path / "a.npz"), split=ALL, seed=None, scale=None)
    data = NumpyFile(targets="y", classes=["zero", "one", "two", "three"], **options)
    assert data.y_labels == 4 and data.class_names[3] == "three"
    assert NumpyFile(targets="y", classes=7, **options).y_labels == 7
    data = NumpyFile(targets="z", **options)
    assert data.y[:, 0].tolist() == [1, 2, 0, 1] and data.class_names == ["a", "b", "c"]
    data = NumpyFile(targets="z", classes=["c", "b", "a"], **options)
    assert data.y[:, 0].tolist() == [1, 0, 2, 1]
    with pytest.raises(ValueError, match=r"example 1: label 2 is outside 0 to 1"):
        NumpyFile(targets="y", classes=2, **options)
    with pytest.raises(ValueError, match=r"example 2: label 'a' is none of the classes 'b', 'c'"):
        NumpyFile(targets="z", classes=["b", "c"], **options)
    with pytest.raises(ValueError, match="classes is 2, but .* has 'a', 'b', 'c'"):
        NumpyFile(targets="z", classes=2, **options)
    with pytest.raises(ValueError, match="has no labels"):
        NumpyFile(classes=2, **options)
    with pytest.raises(ValueError, match="stratified needs classes"):
        NumpyFile(stratified=True, **options)
    ranges = {**options, "split": {"train": [0, 2], "test": [2, 4]}}
    with pytest.raises(ValueError, match="stratified needs fractions in split"):
        NumpyFile(targets="z", stratified=True, **ranges)
    assert NumpyFile(targets="z", stratified=False, **ranges).y.shape == (2, 1)


@pytest.mark.parametrize("path", ["images", "images/"])
def test_from_a_yaml_under_the_data_path(tmp_path, monkeypatch, path):
    save_folder(tmp_path / "images", pictures(10))
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(tmp_path))
    data = yaml_parse.load(
        f"""!obj:adversarial.datasets.image_folder.ImageFolder {{
            path: {path}, which_set: valid, scale: [-1, 1]
        }}"""
    )
    assert data.X.shape == (1, 30) and data.value_range == (-1, 1)
    with pytest.raises(yaml_parse.YamlError, match="line 1: .*unknown argument `pth`"):
        yaml_parse.load("!obj:adversarial.datasets.image_folder.ImageFolder { pth: images }")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"which_set": "dev"}, "'train', 'valid' and 'test', not 'dev'"),
        ({"which_set": "valid", "split": ALL}, "which_set is 'valid', but split has no such part"),
        ({"seed": -1}, "seed must be"),
        ({"scale": "unit"}, "scale must be"),
        ({"path": "nowhere.npy"}, "nowhere.npy does not exist in this folder"),
        ({"path": "~nobody-of-this-name/a.npy"}, "~nobody-of-this-name/a.npy does not exist"),
        ({"path": {"test": "a.npy"}}, "path must be one value"),
        ({"path": 7}, "a path must be text"),
        ({"split": {"train": [0, 11]}}, "a.npy: split: 'train' ends at 11"),
    ],
)
def test_arguments_refused(tmp_path, options, message):
    np.save(tmp_path / "a.npy", np.zeros((10, 2)))
    with pytest.raises(ValueError, match=message):
        NumpyFile(**{"path": str(tmp_path / "a.npy"), **options})


def test_numbers_of_numpy_are_arguments(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.arange(240).reshape(20, 12), y=np.arange(20) % 2)
    start, stop = np.array([5, 15])
    options = dict(
        seed=np.int64(3),
        scale=np.array([-1, 1]),
        data_range=(np.float32(0), np.int64(239)),
        shape=tuple(np.array([3, 4])),
        classes=np.int64(2),
    )
    for split in {"train": (start, stop)}, {"train": np.float32(0.5), "test": np.float32(0.5)}:
        data = NumpyFile(str(tmp_path / "a.npz"), targets="y", split=split, **options)
        assert data.X.shape == (10, 12) and -1 <= data.X.min() < data.X.max() <= 1
    (tmp_path / "a.csv").write_text("1,2,3\n4,5,6\n")
    table = CSVFile(str(tmp_path / "a.csv"), leave_out=[np.int64(1)], split=ALL, seed=None)
    assert table.columns == ["0", "2"]


@pytest.mark.parametrize(
    "options", [{}, {"size": [5, 6]}, {"channels": 1}, {"size": [5, 6], "channels": 1}]
)
def test_sixteen_bits(tmp_path, options):
    deep = np.random.RandomState(0).randint(0, 65536, (4, 5, 6)).astype(np.uint16)
    for i, image in enumerate(deep):
        save_path = tmp_path / f"{i}.png"
        Image.fromarray(image).save(save_path)
    data = ImageFolder(str(tmp_path), split=ALL, seed=None, **options)
    np.testing.assert_array_equal(data.X, deep.reshape(4, -1) / np.float32(65535))


def test_sixteen_bits_of_the_training_part_are_kept_in_all_parts(tmp_path):
    pixels = pictures(4, (5, 6))[..., 0]
    for part, images in ("train", pixels.astype(np.uint16) * 257), ("test", pixels):
        for i, image in enumerate(images):
            (tmp_path / part).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / part / f"{i}.png")
    data = ImageFolder(str(tmp_path), size=[5, 6], channels=1, split=ALL, seed=None)
    assert data.scaling.span == 65535
    np.testing.assert_array_equal(data.get_test_set().X, data.X)
