"""Bad files of own data: the message names the file, the place and what to do."""

from __future__ import annotations

import ctypes
import gzip
import io
import os
import resource
import sys
import warnings
import zipfile

import numpy as np
import pytest
from own_files import idx_bytes, pictures, save_folder, save_idx, save_png
from PIL import Image

from adversarial.config import yaml_parse
from adversarial.datasets import data_file
from adversarial.datasets.csv_file import CSVFile
from adversarial.datasets.hdf5_file import HDF5File
from adversarial.datasets.idx_file import IDXFile
from adversarial.datasets.image_folder import ImageFolder
from adversarial.datasets.numpy_file import NumpyFile
from adversarial.files import inputs
from adversarial.utils import budget

IMAGES = pictures(20)


def refused(message, cls, path, **options):
    with pytest.raises(ValueError, match=message) as caught:
        cls(str(path), **options)
    return str(caught.value)


# Images


def damage(path, content):
    path.write_bytes(content(path.read_bytes()))


@pytest.mark.parametrize(
    "content",
    [
        lambda raw: raw[:60],  # truncated
        lambda raw: b"",
        lambda raw: b"not an image at all",
        lambda raw: raw[:45] + bytes(20) + raw[65:],  # damaged pixels
        lambda raw: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
@pytest.mark.parametrize("size", [None, [6, 5]])
def test_a_damaged_image_is_named(tmp_path, content, size):
    save_folder(tmp_path, IMAGES)
    damage(tmp_path / "7.png", content)
    refused(r"7\.png: cannot be read as an image", ImageFolder, tmp_path, size=size, channels=1)


def test_a_damaged_image_is_named_when_it_is_streamed(tmp_path):
    save_folder(tmp_path, IMAGES)
    damage(tmp_path / "7.png", lambda raw: raw[:60])
    options = dict(size=[6, 5], channels=1, in_memory=False, split={"train": 1})
    data = ImageFolder(str(tmp_path), **options)
    with pytest.raises(ValueError, match=r"7\.png: cannot be read as an image"):
        list(data.iterator("sequential", batch_size=5))


def test_an_image_of_another_size_is_named(tmp_path):
    save_folder(tmp_path, IMAGES)
    save_png(tmp_path / "12.png", pictures(1, (9, 5))[0])
    said = refused(r"12\.png: has 9 x 5 pixels", ImageFolder, tmp_path)
    assert "size: [6, 5] resizes all images to this size" in said
    assert ImageFolder(str(tmp_path), size=[6, 5]).view_shape() == (6, 5, 1)


def test_a_bomb_is_not_unpacked(tmp_path):
    save_folder(tmp_path, IMAGES)
    stream = io.BytesIO()
    Image.new("1", (60000, 30000)).save(stream, "PNG")
    assert len(stream.getvalue()) < 300 << 10_000
    (tmp_path / "5.png").write_bytes(stream.getvalue())
    refused(r"5\.png", ImageFolder, tmp_path, size=[6, 5], channels=1)
    Image.new("1", (12000, 12000)).save(tmp_path / "5.png")
    refused(r"5\.png: its header says 12000 x 12000 pixels", ImageFolder, tmp_path)


def test_no_image(tmp_path):
    refused("holds no image.*it is empty", ImageFolder, tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    refused("holds no image.*its files: 1 .txt", ImageFolder, tmp_path)
    refused("is not a folder", ImageFolder, tmp_path / "notes.txt")


def test_one_image(tmp_path):
    save_folder(tmp_path, IMAGES[:1])
    refused("1 example leaves none for 'valid'", ImageFolder, tmp_path)
    assert ImageFolder(str(tmp_path), split={"train": 1}).X.shape == (1, 30)


def test_hidden_and_other_files_are_ignored(tmp_path):
    save_folder(tmp_path, IMAGES)
    for name in ".DS_Store", "._1.png", "Thumbs.db", "labels.csv":
        (tmp_path / name).write_bytes(b"x")
    save_folder(tmp_path / "__MACOSX", IMAGES)
    (tmp_path / ".cache").mkdir()
    assert len(ImageFolder(str(tmp_path), split={"train": 1}).X) == 20


def test_images_beside_classes(tmp_path):
    save_folder(tmp_path, IMAGES, ["a", "b"] * 10)
    save_png(tmp_path / "stray.png", IMAGES[0])
    refused("has images beside folders of images: 1, such as stray.png", ImageFolder, tmp_path)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links")
def test_links(tmp_path, monkeypatch):
    folder = save_folder(tmp_path / "images", IMAGES)
    save_png(tmp_path / "private.png", IMAGES[0])
    os.symlink(folder / "3.png", folder / "again.png")
    assert len(ImageFolder(str(folder), split={"train": 1}).X) == 21
    os.symlink(tmp_path / "private.png", folder / "x.png")
    said = refused(r"x\.png is a link that leads out of the folder", ImageFolder, folder)
    assert "ADVERSARIAL_TRUST_PATHS=1" in said
    monkeypatch.setenv("ADVERSARIAL_TRUST_PATHS", "1")
    assert len(ImageFolder(str(folder), split={"train": 1}).X) == 22
    monkeypatch.delenv("ADVERSARIAL_TRUST_PATHS")
    os.remove(folder / "x.png")
    os.symlink(tmp_path, folder / "inside")
    refused("inside is a link to a folder", ImageFolder, folder)
    os.remove(folder / "inside")
    os.symlink(folder, tmp_path / "given")  # the user names this one
    assert len(ImageFolder(str(tmp_path / "given"), split={"train": 1}).X) == 21
    os.mkfifo(folder / "pipe.png")
    refused(r"pipe\.png: is not a regular file", ImageFolder, folder)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links")
@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_part_that_is_a_link(tmp_path, part, monkeypatch):
    private = save_folder(tmp_path / "private", IMAGES)
    for name in {"train", "val", "test"} - {part}:
        save_folder(tmp_path / "images" / name, IMAGES)
    os.symlink(private, tmp_path / "images" / part)
    said = refused(f"images/{part} is a link to a folder", ImageFolder, tmp_path / "images")
    assert "ADVERSARIAL_TRUST_PATHS=1" in said
    monkeypatch.setenv("ADVERSARIAL_TRUST_PATHS", "1")
    assert len(ImageFolder(str(tmp_path / "images")).get_test_set().X) == 20


@pytest.mark.parametrize(
    "options, message",
    [
        ({"size": [6]}, "size must be"),
        ({"size": [0, 5]}, "size must be"),
        ({"resize": "fit"}, "resize must be one of crop, stretch, pad"),
        ({"channels": 2}, "channels must be 1"),
    ],
)
def test_arguments_of_a_folder(tmp_path, options, message):
    refused(message, ImageFolder, save_folder(tmp_path, IMAGES), **options)


def test_a_float_image(tmp_path):
    Image.fromarray(np.zeros((6, 5), np.float32)).save(tmp_path / "a.tif")
    refused("a.tif: .*floating-point", ImageFolder, tmp_path, split={"train": 1})


# NumPy


def test_an_array_that_is_not_there(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=np.arange(20))
    said = refused(
        "has no array 'image'; did you mean 'images'", NumpyFile, tmp_path / "a.npz", key="image"
    )
    assert "images [20, 6, 5, 1], labels [20]" in said
    refused("has no array 'z'", NumpyFile, tmp_path / "a.npz", targets="z")
    np.savez(tmp_path / "b.npz", one=IMAGES, two=IMAGES)
    refused(r"several arrays: give key.*one \[20, 6, 5, 1\]", NumpyFile, tmp_path / "b.npz")
    np.save(tmp_path / "a.npy", IMAGES)
    refused("no .npz file", NumpyFile, tmp_path / "a.npy", key="x")


class Spy:
    def __reduce__(self):
        return sys.exit, ("unpickled",)


def test_pickles_are_not_read(tmp_path):
    objects = np.array([Spy(), None], object)
    np.savez(tmp_path / "a.npz", X=objects)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    for name in "a.npz", "a.npy":
        refused("Python objects", NumpyFile, tmp_path / name)


@pytest.mark.parametrize(
    "array, message",
    [
        (np.array(["a", "b"]), "holds no numbers"),
        (np.zeros((5, 2), complex), "holds no numbers"),
        (np.zeros((5, 2, 2, 1, 1)), "at most four axes"),
        (np.zeros((0, 2)), "holds no example"),
        (np.zeros(()), "holds no example"),
        (np.zeros((5, 7, 7, 7)), "which axis is that of channels"),
        (np.zeros((5, 3, 7, 3)), "which axis is that of channels"),
    ],
)
def test_arrays_that_are_no_examples(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    refused(message, NumpyFile, tmp_path / "a.npy", scale=None)


@pytest.fixture
def types_of_numpy_2():
    """Types of results as in NumPy 2: float16 numbers and a Python float make float16."""
    change = getattr(np, "_set_promotion_state", None)  # of NumPy 1 alone
    if change is not None:
        change("weak")
    yield
    if change is not None:
        change("legacy")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("scale", [[0, 1], None])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.usefixtures("types_of_numpy_2")
def test_numbers_that_are_not_finite(tmp_path, bad, scale, dtype):
    values = np.random.RandomState(0).normal(size=(30, 4)).astype(dtype)
    values[17, 2] = bad
    np.save(tmp_path / "a.npy", values)
    path = tmp_path / "a.npy"
    split = {"train": 1}
    refused(
        r"a.npy: example 17, column 2, is .*not finite", NumpyFile, path, scale=scale, split=split
    )
    if scale is None:
        data = NumpyFile(str(path), scale=None, split=split, in_memory=False)
        with pytest.raises(ValueError, match="example 17, column 2"):
            data.X.min()


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("scale", [[0, 1], "standardize", None])
def test_whole_numbers_that_float64_rounds(tmp_path, dtype, scale):
    values = np.arange(40, dtype=dtype).reshape(20, 2)
    values[:, 1] += 2**62
    path = tmp_path / "a.npy"
    np.save(path, values)
    message = "example 0, column 1, is 4611686018427387905, a whole number beyond 2\\*\\*53"
    refused(message, NumpyFile, path, scale=scale, split={"train": [0, 20]})
    values[:, 1] -= 2**62 - (2**53 - 39)
    np.save(path, values)
    scaled = NumpyFile(str(path), scale=[0, 1], split={"train": [0, 20]}).X
    np.testing.assert_allclose(scaled[:, 1], np.arange(20) / 19, rtol=1e-6)


def test_numbers_beyond_float32(tmp_path):
    values = np.ones((20, 2))
    values[3, 1] = 1e39
    np.save(tmp_path / "a.npy", values)
    refused(
        "example 3, column 1, is 1e.39, which is too large",
        NumpyFile,
        tmp_path / "a.npy",
        split={"train": 1},
    )


def test_damaged_arrays(tmp_path):
    for name, save in (("a.npy", np.save), ("a.npz", np.savez), ("b.npz", np.savez_compressed)):
        path = tmp_path / name
        save(path, IMAGES)
        raw = path.read_bytes()
        for content in raw[: len(raw) // 2], raw[:20], b"\x93NUMPY\x09\x09" + raw[8:], b"":
            path.write_bytes(content)
            refused(name, NumpyFile, path)


def test_an_npz_that_claims_more_than_it_has(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 28, 28), }"
    array = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("X.npy", array)
    refused("a.npz: .*of shape", NumpyFile, tmp_path / "a.npz")
    (tmp_path / "a.npy").write_bytes(array)
    refused("a.npy: .*of shape", NumpyFile, tmp_path / "a.npy")


def test_shapes_that_do_not_fit(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 30)))
    path = tmp_path / "a.npy"
    refused(r"rows of 30 numbers, and shape \[6, 6, 1\]", NumpyFile, path, shape=[6, 6])
    refused(r"shape must be \[rows, columns\]", NumpyFile, path, shape=[30])
    refused("axes must begin with 'b'", NumpyFile, path, shape=[6, 5], axes=["c", "b", 0, 1])
    refused("axes says nothing without shape", NumpyFile, path, axes=["b", 1, 0, "c"])
    np.save(path, IMAGES)
    refused(r"images of shape \[6, 5, 1\], not \[5, 6, 1\]", NumpyFile, path, shape=[5, 6])


def test_targets_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "a.npz", X=IMAGES, few=np.arange(3), cube=np.zeros((20, 2, 2)))
    path = tmp_path / "a.npz"
    refused("3 targets, but .*20 examples", NumpyFile, path, key="X", targets="few")
    refused("cannot be targets", NumpyFile, path, key="X", targets="cube")
    for bad in (np.nan, np.inf, 1e39):
        np.savez(tmp_path / "c.npz", X=IMAGES, y=np.where(np.arange(20) == 7, bad, 0.5))
        message = r"c.npz \(array 'X'\): example 7: a target is not finite in float32: \["
        refused(message, NumpyFile, tmp_path / "c.npz", targets="y", split={"train": 1}, seed=None)
    np.savez(tmp_path / "b.npz", X=IMAGES, y=np.arange(20) - 1)
    refused("example 0: label -1 is outside", NumpyFile, tmp_path / "b.npz", targets="y")
    texts = np.array([["cat", "black"], ["dog", "white"]] * 10)
    np.savez(tmp_path / "d.npz", X=IMAGES, two=texts, one=texts[:, :1], y=np.arange(20) % 2)
    path = tmp_path / "d.npz"
    refused(r"cannot be targets: it is <U5 of shape \(20, 2\)", NumpyFile, path, targets="two")
    assert NumpyFile(str(path), targets="one").class_names == ["cat", "dog"]
    for targets in "one", "y":
        message = "different names, but 'cat' is there twice"
        refused(message, NumpyFile, path, targets=targets, classes=["cat", "cat"])


def test_names_of_classes_in_another_encoding_stay_apart(tmp_path):
    names = [name.encode("latin1") for name in ("caf\xe9", "caf\xe8")]
    np.savez(tmp_path / "a.npz", X=IMAGES, y=np.array(names * 10))
    data = NumpyFile(str(tmp_path / "a.npz"), targets="y", split={"train": 1}, seed=None)
    assert data.y.ravel().tolist() == [1, 0] * 10 and len(set(data.class_names)) == 2


def test_parts_that_share_examples_or_labels(tmp_path):
    rows = np.random.RandomState(0).rand(20, 3)
    path = tmp_path / "a.npz"
    np.savez(path, x=rows, other=rows[::-1], y=np.arange(20) % 2, z=np.arange(20) % 2)
    both = {"train": "x", "test": "x"}
    labels = {"train": "y", "test": "z"}
    refused("'train' and 'test' are both .*a.npz", NumpyFile, path, key=both)
    refused("'train' and 'test' are both", NumpyFile, path, key="x", targets=labels)
    key = {"train": "x", "valid": "other", "test": "other"}
    refused("'test' and 'valid' are both", NumpyFile, path, key=key)
    np.savetxt(tmp_path / "a.csv", rows, delimiter=",")
    files = dict.fromkeys(("train", "test"), str(tmp_path / "a.csv"))
    with pytest.raises(ValueError, match="'train' and 'test' are both .*a.csv"):
        CSVFile(files)
    key = {"train": "x", "test": "other"}
    refused(
        "targets must also give those of 'test'", NumpyFile, path, key=key, targets=dict(train="y")
    )
    data = NumpyFile(str(path), key=key, targets=labels)
    assert data.get_test_set().y.sum() == 10


def test_parts_of_several_shapes(tmp_path):
    np.savez(tmp_path / "a.npz", a=IMAGES, b=pictures(5, (7, 5)))
    key = {"train": "a", "test": "b"}
    refused(r"shape \[7, 5, 1\], but", NumpyFile, tmp_path / "a.npz", key=key, which_set="test")


# CSV

TABLE = "a,b,kind\n" + "1,2,x\n" * 12


@pytest.mark.parametrize(
    "text, options, message",
    [
        ("", {}, "holds no row"),
        ("a,b\n", {"header": True}, "holds no row of numbers"),
        (TABLE, {}, r"line 2, column 2 \('kind'\), holds 'x', which is no number"),
        (TABLE, {"label": "knd"}, "label is 'knd', which is no column; did you mean 'kind'"),
        (TABLE, {"label": 5}, "label is column 5, but the columns are 0 to 2"),
        (TABLE, {"label": "kind", "leave_out": ["a", "b"]}, "no column is left"),
        (TABLE, {"label": "kind", "leave_out": "a"}, "leave_out must be a list"),
        (TABLE, {"delimiter": "::"}, "delimiter must be one character"),
        (
            TABLE + "3,,x\n1,NA,x\n",
            {"label": "kind"},
            r"line 14, column 1 \('b'\), has no value; so has a cell of 1 more",
        ),
        (TABLE + "3,1,\n", {"label": "kind"}, r"line 14, column 2 \('kind'\), has no value"),
        (TABLE + "3,1\n", {"label": "kind"}, "line 14 has 2 cells, but the first line has 3"),
        (TABLE + "3,inf,x\n", {"label": "kind"}, "line 14, .*'inf', which is not finite"),
        (TABLE + "3,1e999,x\n", {"label": "kind"}, "line 14, .*'1e999', which is not finite"),
        (TABLE + f"{2**62 + 1},1,x\n", {"label": "kind"}, "line 14, .* that float64 rounds"),
        (TABLE + "3,two,x\n", {"label": "kind"}, "line 14, .*'two', which is no number"),
        ("a,b\n", {}, "holds no row of numbers"),
        ("a;b\n" + "1,5;2,5\n" * 12, {}, "line 2, column 0 .*'1,5', .*\nWrite decimal points"),
        (TABLE, {"label": "knd"}, "; did you mean 'kind'\\? It has 'a', 'b', 'kind'"),
        (TABLE, {"label": "unlike"}, "is no column\\. It has 'a', 'b', 'kind'"),
        (TABLE, {"label": "kind", "classes": ["x", "y", "x"]}, "different names, but 'x' is"),
        ("1;2,5\n" * 12, {}, "line 1, column 1, holds '2,5', .*\nWrite decimal points"),
        ("1,2\n" * 12, {"label": "kind"}, "no header: give the number"),
        ('1,"2\n' * 3, {}, "is not a table"),
    ],
)
def test_tables(tmp_path, text, options, message):
    (tmp_path / "a.csv").write_text(text)
    said = refused(message, CSVFile, tmp_path / "a.csv", **options)
    assert "a.csv" in said or "must be" in said


def test_a_column_beyond_float32_is_refused_without_a_warning(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 12 + "1e39,2\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused("line 14, column 0, is 1e\\+39", CSVFile, tmp_path / "a.csv", split={"train": 1})


def test_a_table_in_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes("größe\n1\n2\n".encode("utf-16"))
    refused("a.csv: is not text in UTF-8", CSVFile, tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes("\ufeffgröße\n1\n2\n".encode())
    data = CSVFile(str(tmp_path / "a.csv"), split={"train": 1})
    assert data.columns == ["größe"]


def test_lines_with_missing_values_are_left_out(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n,3\n4,n/a\n\n5,6\n")
    data = CSVFile(
        str(tmp_path / "a.csv"), drop_missing=True, split={"train": 1}, seed=None, scale=None
    )
    assert data.X.tolist() == [[1, 2], [5, 6]]


def test_a_class_may_be_called_none(tmp_path):
    names = ["none", "-", "?", "NA", "minor"] * 4
    text = "\n".join(["a,damage", *(f"{i},{name}" for i, name in enumerate(names))])
    (tmp_path / "a.csv").write_text(text + "\n,minor\n77,\n")
    options = dict(label="damage", split={"train": 1}, seed=None, scale=None)
    refused(
        r"line 22, column 0 \('a'\), has no value; so has a cell of 1 more line",
        CSVFile,
        tmp_path / "a.csv",
        **options,
    )
    dropped = CSVFile(str(tmp_path / "a.csv"), drop_missing=True, **options)
    (tmp_path / "a.csv").write_text(text)
    for data in dropped, CSVFile(str(tmp_path / "a.csv"), **options):
        assert data.X.ravel().tolist() == list(range(20))
        assert [data.class_names[i] for i in data.y[:, 0]] == names


@pytest.mark.parametrize("word", ["", "NA", "nan", "none", "-"])
@pytest.mark.parametrize("labels", [["0", "1", "2"], ["0.5", "1", "2.5"]])
def test_a_missing_label_among_numbers(tmp_path, word, labels):
    lines = [f"{i},{label}" for i, label in enumerate([*labels, word, *labels])]
    (tmp_path / "a.csv").write_text("\n".join(["a,price", *lines]))
    options = dict(label="price", split={"train": 1}, seed=None, scale=None)
    path = tmp_path / "a.csv"
    refused(r"line 5, column 1 \('price'\), has no value\n", CSVFile, path, **options)
    data = CSVFile(str(path), drop_missing=True, **options)
    assert data.X.ravel().tolist() == [0, 1, 2, 4, 5, 6]
    assert data.y.ravel().tolist() == [float(label) for label in labels * 2]


def test_a_label_of_the_test_file_that_training_lacks(tmp_path):
    (tmp_path / "a.csv").write_text("a,kind\n" + "1,x\n2,y\n" * 6)
    (tmp_path / "b.csv").write_text("a,kind\n1,x\n2,zebra\n")
    path = {"train": str(tmp_path / "a.csv"), "test": str(tmp_path / "b.csv")}
    with pytest.raises(
        ValueError, match="b.csv: line 3: label 'zebra' is none of the classes 'x', 'y'"
    ):
        CSVFile(path, label="kind", which_set="test")
    (tmp_path / "b.csv").write_text("b,kind\n1,x\n")
    with pytest.raises(ValueError, match="b.csv has other columns"):
        CSVFile(path, label="kind", which_set="test")


def test_a_table_that_was_parsed_before_is_checked_and_noted(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n3,4\n" * 6)
    noted = []
    kept = []  # as long as a data set holds the table, others take it from there
    for _ in range(2):
        with inputs.noting() as found:
            kept.append(CSVFile(str(tmp_path / "a.csv")))
        noted.append(set(found))
    assert kept[0]._kept_tables and not kept[1]._kept_tables
    assert len(noted[0]) == 1 and noted[1] == noted[0]
    with inputs.confined("forged.pkl"):
        refused("a.csv, and does not hold its checksum", CSVFile, tmp_path / "a.csv")
    with inputs.confined("honest.pkl", list(noted[0])):
        CSVFile(str(tmp_path / "a.csv"))


def two_tables(folder, train, test):
    """CSVFile of a training and a test file with a column of numbers and these labels."""
    paths = {}
    for part, labels in ("train", train), ("test", test):
        paths[part] = str(folder / f"{part}.csv")
        lines = [f"{i},{label}" for i, label in enumerate(labels)]
        (folder / f"{part}.csv").write_text("\n".join(["a,kind", *lines]))
    return CSVFile(paths, label="kind", split={"train": 1}, seed=None)


def test_labels_of_the_test_file_are_of_the_kind_of_those_for_training(tmp_path):
    signs = two_tables(tmp_path, [-1, 1] * 6, [1, 1])
    assert signs.class_names == ["1", "-1"] and signs.get_test_set().y.tolist() == [[0], [0]]
    prices = two_tables(tmp_path, [1.5, 2.5] * 6, [2, 3, -1]).get_test_set()
    assert prices.y.dtype == np.float32 and prices.y.tolist() == [[2], [3], [-1]]
    assert prices.class_names is None
    assert two_tables(tmp_path, [0, 1] * 6, ["1.0"]).get_test_set().y.tolist() == [[1]]


@pytest.mark.parametrize(
    "train, test, message",
    [
        ([*range(10)] * 2, [1, "NA?", 2], "test.csv: line 3: label 'NA\\?' is no class number, as"),
        ([0, 1] * 6, [1, 0.5], "test.csv: line 3: label '0.5' is no class number, as"),
        ([0, 1] * 6, [0, 0, -1], "test.csv: line 4: label '-1' is no class number, as"),
        ([0.5, 1] * 6, ["low"], "test.csv: line 2: label 'low' is no number, as .*train.csv are"),
        ([0, 1] * 6, ["1e300"], "line 2: label '1e300' is no class number"),
    ],
)
def test_labels_of_another_kind_are_named_before_the_training(tmp_path, train, test, message):
    with pytest.raises(ValueError, match=message):
        two_tables(tmp_path, train, test)


def two_arrays(folder, train, test, **options):
    """NumpyFile of two .npz files, each with examples and labels."""
    for part, (examples, labels) in ("train", train), ("test", test):
        np.savez(folder / f"{part}.npz", X=examples, y=labels)
    path = {part: str(folder / f"{part}.npz") for part in ("train", "test")}
    return NumpyFile(path, targets="y", split={"train": 1}, seed=None, **options)


@pytest.mark.parametrize(
    "train, test, message",
    [
        (np.arange(20), list("ab"), "labels that are texts, but those of .* are class numbers"),
        (list("ab") * 10, [0, 1], "labels that are class numbers, but those of .* are texts"),
        (np.arange(20), [0.0, 1.0], "labels that are numbers, but those of .* class numbers"),
        (np.ones((20, 3)), np.ones((2, 2)), "labels that are 2 numbers an .* are 3 numbers an"),
    ],
)
def test_arrays_of_labels_of_another_kind(tmp_path, train, test, message):
    with pytest.raises(ValueError, match=r"test.npz \(array 'X'\) has " + message):
        two_arrays(tmp_path, (IMAGES, train), (IMAGES[:2], np.asarray(test)))


def test_targets_that_are_whole_in_the_test_file_only(tmp_path):
    data = two_arrays(tmp_path, (IMAGES, np.arange(20) / 2), (IMAGES[:2], np.array([3, 4])))
    test = data.get_test_set()
    assert test.y.tolist() == [[3], [4]] and test.y.dtype == np.float32
    assert test.class_names is None


@pytest.mark.parametrize("types", [("uint8", "float32"), ("float64", "uint8"), ("uint8", "uint16")])
@pytest.mark.parametrize("scale", [[0, 1], "standardize"])
def test_parts_whose_types_have_different_ranges(tmp_path, types, scale):
    files = [(IMAGES.astype(dtype), np.arange(20)) for dtype in types]
    message = f"test.npz .* holds {types[1]}, but .*train.npz .* holds {types[0]}"
    with pytest.raises(ValueError, match=message):
        two_arrays(tmp_path, *files, scale=scale)
    data = two_arrays(tmp_path, *files, scale=[0, 1], data_range=[0, 255])
    np.testing.assert_array_equal(data.X, data.get_test_set().X)
    assert two_arrays(tmp_path, *files, scale=None).get_test_set().X.max() == 255


# idx


def test_idx_files(tmp_path):
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    save_idx(images, IMAGES[..., 0])
    save_idx(labels, np.arange(19))
    refused("has 19 labels, but .* has 20 images", IDXFile, tmp_path)
    refused("holds labels, not images", IDXFile, labels)
    refused("holds no labels", IDXFile, images, targets=str(images))
    labels.write_bytes(b"\0\0\x08\x01")
    refused("ends within its header", IDXFile, tmp_path)
    os.remove(labels)
    raw = idx_bytes(IMAGES[..., 0])
    for content, message in (
        (raw[:-1], "the file has 615"),
        (raw + b"\0", "the file has 617"),
        (b"\0\0\x0d" + raw[3:], "not an idx file of unsigned bytes"),
        (b"", "not an idx file"),
        (gzip.compress(raw)[:-20], "gzip"),
        (gzip.compress(idx_bytes(IMAGES[..., 0])[:-3]), "holds only"),
    ):
        images.write_bytes(content)
        refused(f"train-images-idx3-ubyte: .*{message}", IDXFile, tmp_path)
    os.remove(images)
    refused("no file of training images", IDXFile, tmp_path)


# HDF5


def test_without_pytables(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tables", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="needs PyTables: pip install"):
        HDF5File(str(tmp_path / "a.h5"))


def test_an_open_hdf5_file_does_not_block_its_name_in_another_folder(tmp_path, monkeypatch):
    tables = pytest.importorskip("tables")
    kept = []
    for name in "ab":
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with tables.open_file("x.h5", "w") as file:
            file.create_array("/", "images", IMAGES)
        kept.append(HDF5File("x.h5", in_memory=False))


def test_hdf5_files(tmp_path):
    tables = pytest.importorskip("tables")
    path = tmp_path / "a.h5"
    with tables.open_file(path, "w") as file:
        file.create_array("/", "images", IMAGES)
        file.create_array("/", "more", IMAGES)
        file.create_array("/", "text", np.array([b"a", b"b"]))
    assert HDF5File(str(path)).X.shape == (16, 30)
    said = refused("has no array 'image'; did you mean 'images'", HDF5File, path, key="image")
    assert "images [20, 6, 5, 1], more [20, 6, 5, 1]" in said
    refused("holds no numbers", HDF5File, path, key="text")
    refused("2 targets, but", HDF5File, path, key="images", targets="text")
    raw = path.read_bytes()
    for content in raw[: len(raw) // 3], raw[:8] + bytes(100), b"not HDF5":
        (tmp_path / "b.h5").write_bytes(content)
        refused("b.h5", HDF5File, tmp_path / "b.h5")
        os.remove(tmp_path / "b.h5")


@pytest.mark.parametrize("links", [1, 2])
def test_hdf5_with_a_group_inside_itself(tmp_path, links):
    tables = pytest.importorskip("tables")
    with tables.open_file(tmp_path / "a.h5", "w") as file:
        file.create_array("/a", "X", IMAGES, createparents=True)
        for i in range(links):
            file.create_hard_link("/a", f"again{i}", "/a")
    refused("a.h5: has more than 10000 groups, or more than 32", HDF5File, tmp_path / "a.h5")


def test_hdf5_that_leads_to_other_files(tmp_path):
    tables = pytest.importorskip("tables")
    with tables.open_file(tmp_path / "private.h5", "w") as file:
        file.create_array("/", "X", IMAGES)
    with tables.open_file(tmp_path / "a.h5", "w") as file:
        file.create_array("/", "Y", IMAGES)
        file.create_external_link("/", "X", "private.h5:/X")
    refused(r"has no array 'X'.*It has Y \[20, 6, 5, 1\]", HDF5File, tmp_path / "a.h5", key="X")


def test_hdf5_whose_numbers_are_in_another_file(tmp_path, monkeypatch):
    tables = pytest.importorskip("tables")
    (tmp_path / "private").write_bytes(bytes(range(60)))
    path = tmp_path / "a.h5"
    library = ctypes.CDLL(tables.hdf5extension.__file__)
    number = ctypes.c_int64

    def call(name, *arguments):
        function = getattr(library, name)
        function.restype = number
        result = function(*arguments)
        assert result >= 0, name
        return number(result)

    with tables.open_file(path, "w"):
        pass
    file = call("H5Fopen", str(path).encode(), 1, number(0))
    shape = (ctypes.c_uint64 * 2)(20, 3)
    space = call("H5Screate_simple", 2, shape, None)
    kind = number.in_dll(library, "H5P_CLS_DATASET_CREATE_ID_g")
    properties = call("H5Pcreate", kind)
    name = str(tmp_path / "private").encode()
    call("H5Pset_external", properties, name, number(0), ctypes.c_uint64(60))
    byte = number.in_dll(library, "H5T_NATIVE_UCHAR_g")
    zero = number(0)
    stored = call("H5Dcreate2", file, b"X", byte, space, zero, properties, zero)
    for close, what in ("H5Dclose", stored), ("H5Pclose", properties), ("H5Fclose", file):
        call(close, what)
    refused("a.h5: the numbers of 'X' are in other files", HDF5File, path)
    monkeypatch.setenv("ADVERSARIAL_TRUST_PATHS", "1")
    data = HDF5File(str(path), split={"train": 1}, seed=None, scale=None)
    assert data.X.ravel().tolist() == list(range(60))


# Data larger than memory, and budgets


def sparse(path, shape, dtype="float32"):
    """An .npy file of this shape, of zeros that take no room on the disk."""
    header = f"{{'descr': '{np.dtype(dtype).str}', 'fortran_order': False, 'shape': {shape}, }}"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little"))
        file.write(header.encode().ljust(117) + b"\n")
        file.truncate(file.tell() + int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return path


def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_ten_gigabytes_need_no_memory_and_no_budget(tmp_path):
    path = sparse(tmp_path / "large.npy", (3_400_000, 28, 28))
    before = peak_kib()
    data = yaml_parse.load(
        f"!obj:adversarial.datasets.numpy_file.NumpyFile {{ path: {path}, scale: null }}"
    )
    assert data.reads_from_disk and data.X.shape == (2_720_000, 784)
    batches = data.iterator("shuffled_sequential", batch_size=100, rng=0)
    assert next(batches).shape == (100, 784)
    assert peak_kib() - before < 300 << 10


def test_a_compressed_npz_cannot_be_a_bomb(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((3000, 200, 200), np.uint8))
    with budget.Budget.of_bytes(1000).active():
        refused("takes far more memory or time", NumpyFile, tmp_path / "a.npz")


def test_a_folder_of_bombs_is_refused(tmp_path):
    for i in range(5):
        Image.new("L", (3000, 3000)).save(tmp_path / f"{i}.png")
    small = budget.Budget(1 << 30, 100_000_000, "takes far more memory or time ({what})")
    with small.active():
        refused("takes far more.*pixels of", ImageFolder, tmp_path, size=[6, 5], split={"train": 1})


def test_the_digest_of_a_large_file_is_of_parts_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(data_file, "_WHOLE_DIGEST", 4096)
    monkeypatch.setattr(data_file, "_DIGEST_BLOCK", 64)
    path = tmp_path / "a"
    rng = np.random.RandomState(0)
    raw = bytearray(rng.bytes(100_000))

    def digest():
        path.write_bytes(raw)
        with open(path, "rb") as stream:
            return data_file.digest_of_data(stream)

    first = digest()
    assert digest() == first
    raw[0] ^= 1
    second = digest()
    raw[-1] ^= 1
    third = digest()
    assert len({first, second, third}) == 3
