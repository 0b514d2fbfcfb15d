from __future__ import annotations

import numpy as np
from PIL import Image

DATA = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
    topo_view: !obj:numpy.full { shape: [%d, 2, 3, %d], fill_value: %s } }"""


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def write(tmp_path, n, channels, value):
    path = tmp_path / "data.yaml"
    path.write_text(DATA % (n, channels, value))
    return path


def test_examples_of_a_model(command, model, capsys):
    assert command(model, "--rows", 2, "--cols", 3, "--scale", 1) == 0
    path = model.with_name("faces.v2_examples.png")
    assert capsys.readouterr().out.splitlines() == [
        "6 of 50 examples of DenseDesignMatrix",
        str(path),
    ]
    picture = pixels(path)
    assert picture.shape == (2 * 8 + 2, 3 * 8 + 2, 3)
    assert (picture[2:8, 2:8] == 0).all()


def test_shape_and_colours_are_the_data_sets_own(command, tmp_path):
    source = write(tmp_path, 4, 3, "[1., .2, 0.]")
    assert command(source, "--rows", 1, "--cols", 2, "--scale", 1) == 0
    picture = pixels(tmp_path / "data_examples.png")
    assert picture.shape == (2 + 4, 2 * 5 + 2, 3)
    assert (picture[2:4, 2:5] == [255, 51, 0]).all()


def test_values_around_zero_are_scaled_by_their_greatest_magnitude(command, tmp_path):
    source = write(tmp_path, 1, 3, "[-4., 2., 0.]")
    assert command(source, "--scale", 1, "--out", tmp_path / "a.png") == 0
    assert (abs(pixels(tmp_path / "a.png")[2:4, 2:5] - [0, 191, 128]) <= 1).all()


def test_no_more_than_there_are(command, tmp_path, capsys):
    source = write(tmp_path, 5, 1, "1.")
    assert command(source, "--cols", 3, "--scale", 1) == 0
    assert "5 of 5 examples" in capsys.readouterr().out
    assert pixels(tmp_path / "data_examples.png").shape == (2 * 4 + 2, 3 * 5 + 2, 3)


def test_seed_chooses(command, tmp_path):
    source = tmp_path / "data.yaml"
    source.write_text("""!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 36 } }""")
    pictures = []
    out = tmp_path / "a.png"
    for seed in (1, 1, 2):
        argv = ["--rows", 1, "--cols", 4, "--seed", seed, "--out", out, "--overwrite"]
        assert command(source, *argv) == 0
        pictures.append(pixels(out))
    assert (pictures[0] == pictures[1]).all() and (pictures[0] != pictures[2]).any()


def test_mistakes_are_one_line(refused, tmp_path, model):
    odd = tmp_path / "odd.yaml"
    odd.write_text("""!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.ones { shape: [2, 7] } }""")
    assert "examples of 7 numbers cannot be shown" in refused(odd)
    assert "the data set does not say what shape" in refused(odd)
    odd.write_text("{a: 1}")
    assert "a dict, has no rows" in refused(odd)
    odd.write_text("!obj:os.system {}")
    assert "odd.yaml" in refused(odd)
    assert "none.yaml" in refused(tmp_path / "none.yaml")
    assert "there is no folder" in refused(model, "--out", tmp_path / "no" / "a.png")
