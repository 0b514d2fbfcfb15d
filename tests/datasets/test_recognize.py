"""What `recognize` says of a path is what the class it names reads."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from own_files import pictures, save_folder, save_idx, save_png
from PIL import Image

from adversarial.datasets.recognize import recognize


def made(found, **options):
    module, _, name = found.cls.rpartition(".")
    data = getattr(importlib.import_module(module), name)(**found.arguments, **options)
    assert data.X.shape[1] == found.dimension
    assert (data.view_converter and data.view_shape()) == found.image
    assert data.class_names == found.class_names
    return data


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_of_images(tmp_path, channels):
    save_folder(tmp_path / "a", pictures(20, channels=channels), ["x", "y"] * 10)
    found = recognize(tmp_path / "a")
    assert found.cls == "adversarial.datasets.image_folder.ImageFolder"
    assert (found.count, found.image, found.low, found.high) == (20, (6, 5, channels), 0, 255)
    assert found.class_names == ["x", "y"] and found.notes == () and found.own_parts == ()
    assert found.arguments == {"path": str(tmp_path / "a")}
    made(found)


def test_images_of_several_sizes(tmp_path):
    for i, image in enumerate([*pictures(5), *pictures(2, (9, 9)), *pictures(2, (3, 3))]):
        save_png(tmp_path / f"{i}.png", image)
    Image.new("RGBA", (5, 6)).save(tmp_path / "clear.png")
    found = recognize(tmp_path)
    assert found.arguments["size"] == [6, 5] and found.image == (6, 5, 3)
    assert "3 sizes, from (3, 3) to (9, 9)" in found.notes[0] and "over white" in found.notes[1]
    made(found)


def test_folders_that_are_parts(tmp_path):
    for part, count in ("train", 10), ("val", 4), ("test", 6):
        save_folder(tmp_path / part, pictures(count))
    found = recognize(tmp_path)
    assert found.count == 20 and found.own_parts == ("valid", "test")
    assert len(made(found).get_test_set().X) == 6


def test_arrays_named_by_parts(tmp_path):
    arrays = {f"X_{part}": pictures(n, channels=3) for part, n in (("train", 20), ("test", 5))}
    labels = {f"labels_{part}": np.arange(n) % 7 for part, n in (("train", 20), ("test", 5))}
    np.savez(tmp_path / "a.npz", **arrays, **labels)
    found = recognize(tmp_path / "a.npz")
    assert found.arguments["targets"] == {"train": "labels_train", "test": "labels_test"}
    assert found.count == 25 and found.own_parts == ("test",)
    data = made(found)
    assert len(data.X) == 18 and sorted(data.get_test_set().y[:, 0]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "train, other, part",
    [
        ("x_train", "values", None),
        ("train_images", "latest", None),
        ("strain", "test", None),
        ("train_images", "val_images", "valid"),
        ("trainX", "testX", "test"),
        ("xtrain", "xvalid", "valid"),
        ("training", "validation", "valid"),
        ("train/data", "test/data", "test"),
    ],
)
def test_words_that_name_a_part(tmp_path, train, other, part):
    rows = np.random.RandomState(0).rand(20, 3)
    np.savez(tmp_path / "a.npz", **{train: rows, other: rows[:9]})
    found = recognize(tmp_path / "a.npz")
    assert found.own_parts == ((part,) if part else ()) and found.count == (29 if part else 20)
    assert found.arguments["key"] == ({"train": train, part: other} if part else train)


def test_arrays_of_one_part(tmp_path):
    tables = pytest.importorskip("tables")
    X, y = np.random.RandomState(0).normal(size=(30, 4)), np.arange(30) % 3
    np.savez(tmp_path / "a.npz", measured=X, targets=y, other=np.zeros(5))
    np.save(tmp_path / "a.npy", X)
    with tables.open_file(tmp_path / "a.h5", "w") as file:
        file.create_array("/data", "X", X, createparents=True)
        file.create_array("/data", "y", y)
    for name, key, targets in (
        ("a.npz", "measured", "targets"),
        ("a.h5", "data/X", "data/y"),
        ("a.npy", None, None),
    ):
        found = recognize(tmp_path / name)
        assert found.arguments.get("key") == key and found.arguments.get("targets") == targets
        assert (found.count, found.image, found.dtype) == (30, None, "float64")
        assert found.low == X.min() and found.high == X.max()
        made(found)


def test_a_number_beside_the_examples(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, X=3.0, y=np.arange(30) % 3, other=np.random.RandomState(0).rand(30, 4))
    found = recognize(path)
    assert (found.arguments["key"], found.arguments["targets"]) == ("other", "y")


@pytest.mark.parametrize("parts", [("",), ("_train", "_test")])
def test_one_hot_labels_are_no_examples(tmp_path, parts):
    path = tmp_path / "a.npz"
    X = np.random.RandomState(0).rand(30, 4)
    arrays = {
        f"{name}{part}": rows for part in parts for name, rows in (("x", X), ("y", np.eye(30)))
    }
    if len(parts) == 2:
        arrays["x_test"] = X + 1
    np.savez(path, **arrays)
    found = recognize(path)
    assert found.dimension == 4 and "targets" not in found.arguments
    made(found)


def test_images_that_are_called_targets_are_examples(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, target_images=np.random.RandomState(0).rand(30, 4, 4), points=np.eye(30))
    assert recognize(path).arguments["key"] == "points"
    np.savez(path, target_images=np.random.RandomState(0).rand(30, 8, 8), points=np.eye(30))
    assert recognize(path).arguments["key"] == "target_images"


def test_columns_of_one_name(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"{i / 7:.3f},1,{i / 3:.3f},{'xy'[i % 2]}\n" for i in range(20))
    path.write_text("a,a,kind,kind\n" + rows)
    found = recognize(path)
    assert found.arguments["leave_out"] == [1] and found.arguments["label"] == 3
    made(found)


def test_whole_numbers_that_are_too_many_for_classes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,target\n" + "".join(f"{i / 7:.3f},{i * 10000}\n" for i in range(20)))
    found = recognize(path)
    assert found.arguments["leave_out"] == ["target"] and "label" not in found.arguments
    assert "Column 'target' is left out: its numbers are no classes." in found.notes
    made(found)


def test_idx_files(tmp_path):
    for prefix, count in ("train", 20), ("t10k", 10):
        save_idx(tmp_path / f"{prefix}-images-idx3-ubyte.gz", pictures(count)[..., 0])
        save_idx(tmp_path / f"{prefix}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    found = recognize(tmp_path)
    assert found.count == 30 and found.image == (6, 5, 1) and found.own_parts == ("test",)
    made(found)
    alone = recognize(tmp_path / "train-images-idx3-ubyte.gz")
    assert alone.count == 20 and alone.class_names is None


def test_tables(tmp_path):
    lines = [f"{i},{i / 7:.3f},{'ab'[i % 2]}lue,{'' if i == 60 else i % 5}" for i in range(80)]
    path = tmp_path / "a.csv"
    path.write_text("id,weight,colour,size\n" + "\n".join(lines))
    found = recognize(path)
    assert found.arguments["label"] == "colour" and found.arguments["drop_missing"]
    assert found.count == 79 and found.dimension == 2 and found.class_names == ["alue", "blue"]
    assert found.arguments["leave_out"] == ["id"]
    made(found)


def test_a_table_of_pixels(tmp_path):
    rows = pictures(20, (8, 8)).reshape(20, -1)
    path = tmp_path / "a.csv"
    header = ",".join(["label", *(f"pixel{i}" for i in range(64))])
    np.savetxt(
        path,
        np.column_stack([np.arange(20) % 4, rows]),
        fmt="%d",
        delimiter=",",
        header=header,
        comments="",
    )
    found = recognize(path)
    assert found.image == (8, 8, 1) and found.arguments["label"] == "label"
    assert (found.low, found.high) == (0, 255)
    data = made(found, split={"train": 1}, seed=None)
    np.testing.assert_array_equal(data.X, rows / np.float32(255))


def test_nothing_of_the_kind(tmp_path):
    (tmp_path / "a.txt").write_text("not a table\nat all, or so")
    (tmp_path / "empty").mkdir()
    (tmp_path / "uneven.csv").write_text("a,b,c\n1,2,3\n4,5\n")
    (tmp_path / "narrow.csv").write_text("a,b,c\n4,5\n")
    save_png(tmp_path / "one.png", pictures(1)[0])
    for name, message in (
        ("a.txt", "Read are folders of images"),
        ("uneven.csv", "uneven.csv: line 3 has 2 cells, but the first line has 3"),
        ("narrow.csv", "narrow.csv: line 2 has 2 cells, but the first line has 3"),
        ("empty", "holds no image"),
        ("one.png", "is one image: give the folder"),
        ("gone", "does not exist"),
    ):
        with pytest.raises(ValueError, match=message):
            recognize(tmp_path / name)


def columns_file(tmp_path, header, count=60, kinds="ab"):
    """A table in which a column's content follows from its name."""
    rng = np.random.RandomState(0)
    content = {
        "size": rng.normal(size=count).round(3),
        "count": np.arange(count) // 2,
        "flat": np.full(count, 7),
        "shuffled": rng.permutation(count) + 1000,
        "rows": np.arange(count),
        "kind": np.array([kinds[i % len(kinds)] for i in range(count)]),
        "name": np.array([f"n{i}" for i in range(count)]),
    }
    lines = zip(*(content[kind].tolist() for _, kind in header))
    names = ",".join(name for name, _ in header)
    text = "\n".join([names, *(",".join(map(str, line)) for line in lines)])
    (tmp_path / "a.csv").write_text(text + "\n")
    return tmp_path / "a.csv"


@pytest.mark.parametrize("name", ["id", "Id", "PassengerId", "sample_no", "Unnamed: 0", "index"])
def test_a_column_of_identifiers_is_left_out(tmp_path, name):
    path = columns_file(tmp_path, [(name, "shuffled"), ("a", "size"), ("kind", "kind")])
    found = recognize(path)
    assert found.arguments["leave_out"] == [name] and found.dimension == 1
    assert f"Column {name!r} is left out: it numbers the lines" in found.notes[0]
    made(found)


@pytest.mark.parametrize(
    "name, kind", [("id", "count"), ("fluid", "shuffled"), ("a", "shuffled"), ("id", "size")]
)
def test_a_column_of_measurements_stays(tmp_path, name, kind):
    found = recognize(columns_file(tmp_path, [(name, kind), ("b", "size")]))
    assert found.dimension == 2 and found.notes == () and "leave_out" not in found.arguments


def test_columns_that_count_and_constants_are_left_out(tmp_path):
    header = [("t", "rows"), ("a", "size"), ("unit", "flat"), ("kind", "kind")]
    found = recognize(columns_file(tmp_path, header))
    assert found.arguments["leave_out"] == ["t", "unit"] and found.arguments["label"] == "kind"
    assert "'t' is left out: it numbers" in found.notes[0]
    assert "'unit' is left out: it has the same number in all lines" in found.notes[1]
    made(found)
    # Without a header, too.
    np.savetxt(tmp_path / "b.csv", np.column_stack([np.arange(50), np.arange(50) % 7]), "%d", ",")
    assert recognize(tmp_path / "b.csv").arguments["leave_out"] == [0]


def test_texts_that_are_all_different_are_no_classes(tmp_path):
    found = recognize(columns_file(tmp_path, [("a", "size"), ("who", "name")]))
    assert "label" not in found.arguments and found.arguments["leave_out"] == ["who"]
    assert "'who' is left out: its texts are all different" in found.notes[0]
    made(found)


def test_images_keep_constant_pixels_but_not_an_identifier(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (50, 64))
    pixels[:, 0] = 0
    table = np.column_stack([np.arange(50), pixels])
    header = ",".join(["id", *(f"p{i}" for i in range(64))])
    np.savetxt(tmp_path / "a.csv", table, "%d", ",", header=header, comments="")
    found = recognize(tmp_path / "a.csv")
    assert found.image == (8, 8, 1) and found.arguments["leave_out"] == ["id"]
    made(found)


def test_columns_that_the_user_chose(tmp_path):
    header = [("id", "shuffled"), ("a", "size"), ("unit", "flat"), ("kind", "kind")]
    path = columns_file(tmp_path, header)
    found = recognize(path, ["unit", "id"])
    assert found.arguments["leave_out"] == ["a"] and found.dimension == 2 and found.notes == ()
    made(found)
    with pytest.raises(ValueError, match=r"a.csv: has no column 'ID'; it has id, a, unit, kind"):
        recognize(path, ["ID"])
    with pytest.raises(ValueError, match="line 2, column 3 .*'kind'.*, holds 'a'"):
        recognize(path, ["kind"])
    np.save(tmp_path / "a.npy", np.zeros((5, 2)))
    with pytest.raises(ValueError, match=r"a.npy is no table \(CSV\)"):
        recognize(tmp_path / "a.npy", ["a"])
