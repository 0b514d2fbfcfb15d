"""docs/DATA.md, followed to the letter: each of its data sets is read, its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from own_files import pictures, planar, save_folder, save_idx

from adversarial.config import yaml_parse

PAGE = Path(__file__).parents[2] / "docs" / "DATA.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def files(folder):
    """The files that the page names."""
    images = pictures(40, (28, 28))
    labels = np.arange(40) % 10
    save_folder(folder / "flowers", pictures(40, (30, 40), channels=3))
    np.savez("fashion.npz", X=images, y=labels)
    arrays = dict(x_train=images, y_train=labels, x_test=images, y_test=labels)
    np.savez("mnist.npz", **arrays)
    np.save("large.npy", images)
    lines = [f"{i},{i / 2},{i % 7},{('setosa', 'virginica')[i % 2]}" for i in range(40)]
    Path("iris.csv").write_text("id,petal,sepal,species\n" + "\n".join(lines))
    tables = pytest.importorskip("tables")
    with tables.open_file("fashion.h5", "w") as file:
        file.create_array("/train", "images", images, createparents=True)
        file.create_array("/train", "labels", labels)
    Path("fashion-mnist").mkdir()
    for prefix in "train", "t10k":
        save_idx(Path(f"fashion-mnist/{prefix}-images-idx3-ubyte.gz"), images[..., 0])
        save_idx(Path(f"fashion-mnist/{prefix}-labels-idx1-ubyte.gz"), labels)
    return folder


SNIPPETS = blocks("yaml")


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_data_sets_of_the_page(files, number):
    snippet = SNIPPETS[number]
    assert 3 <= len(snippet.splitlines()) <= 8
    data = yaml_parse.load("{\n" + snippet + "\n}")["dataset"]
    has_own_test = "x_test" in snippet or "fashion-mnist" in snippet
    assert len(data.X) == (36 if has_own_test else 32)
    assert np.isfinite(np.asarray(data.X)).all()
    valid, test = data.get_valid_set(), data.get_test_set()
    assert len(valid.X) == 4 and len(test.X) == (40 if has_own_test else 4)


def test_every_class_and_argument_is_on_the_page():
    page = PAGE.read_text()
    for name in ("ImageFolder", "NumpyFile", "CSVFile", "HDF5File", "IDXFile"):
        assert any(name in snippet for snippet in SNIPPETS)
    words = (
        "which_set split seed stratified scale data_range classes in_memory size resize channels"
    )
    for word in (words + " key targets shape axes label leave_out header delimiter name").split():
        assert word in page, word


def test_the_python_of_the_page(files):
    (code,) = blocks("python")
    exec(code, {})
    stored = np.load("flowers.npy")
    assert stored.dtype == np.uint8 and stored.shape == (40, 24 * 20 * 3)
    from adversarial.datasets.image_folder import ImageFolder

    folder = ImageFolder("flowers", size=[24, 20], split={"train": 1}, seed=None)
    again = yaml_parse.load(
        "!obj:adversarial.datasets.numpy_file.NumpyFile { path: flowers.npy, "
        "shape: [24, 20, 3], split: { train: 1 }, seed: null }"
    )
    np.testing.assert_array_equal(folder.X, again.X)
    assert folder.view_shape() == again.view_shape()


def test_the_table_of_layers(files):
    """Of each scale, the data lie in the range of the last layer that the page names."""
    for scale, low, high in (("[0, 1]", 0, 1), ("[-1, 1]", -1, 1)):
        data = yaml_parse.load(
            f"!obj:adversarial.datasets.numpy_file.NumpyFile {{ path: large.npy, scale: {scale} }}"
        )
        assert data.X.min() >= low and data.X.max() <= high
        images = pictures(40, (28, 28))
        expected = planar(images)[data.indices] / 255.0 * (high - low) + low
        np.testing.assert_allclose(data.X, expected, atol=1e-6)
