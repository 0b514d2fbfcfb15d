from __future__ import annotations

import re

import numpy as np
import pytest

from adversarial.scripts.summarize_model import described, shape_of
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.utils import serial


def test_layers_shapes_and_counts(command, model, pair, capsys):
    assert command(model) == 0
    lines = capsys.readouterr().out.splitlines()
    D = 36 * 8 + 8 + 4 + 1
    G = 5 * 36 + 36
    assert lines[0] == (
        f"AdversaryPair of {G + D} parameters, trained for 3 epochs, 30 minibatches, 3,000 examples"
    )
    text = "\n".join(lines)
    for line in (
        f"generator: {G} parameters\n  takes vectors of 5\n  y: Sigmoid, puts out vectors of 36",
        f"discriminator: {D} parameters\n  takes vectors of 36\n"
        "  h0: Maxout, puts out vectors of 4",
    ):
        assert line in text
    assert "inferer" not in text
    names = re.findall(r"^    (\w+) \(([\dx ]+)\)", text, re.M)
    assert names == [
        ("y_W", "5 x 36"),
        ("y_b", "36"),
        ("h0_W", "36 x 8"),
        ("h0_b", "8"),
        ("y_W", "4 x 1"),
        ("y_b", "1"),
    ]


def test_statistics_are_those_of_the_values(pair):
    param = pair.generator.mlp.layers[0].get_params()[0]
    W = param.get_value().astype(float)
    found = dict(re.findall(r"(\w+) (-?[\d.e-]+)(?:  |$)", described(param).split(": ")[1]))
    expected = {
        "min": W.min(),
        "mean": W.mean(),
        "max": W.max(),
        "deviation": W.std(),
        "norm": np.sqrt((W**2).sum()),
    }
    assert {k: float(v) for k, v in found.items()} == pytest.approx(expected, rel=1e-3)


def test_spaces_in_words():
    assert shape_of(VectorSpace(1200)) == "vectors of 1,200"
    space = Conv2DSpace((10, 8), num_channels=80, axes=("c", 0, 1, "b"))
    assert shape_of(space) == "images of 10 x 8, 80 channels, axes (c, 0, 1, b)"


def test_parts_of_a_model(command, pair, tmp_path, capsys):
    for part, expected in ((pair.generator, "generator:"), (pair.discriminator, "network:")):
        path = tmp_path / "part.pkl"
        serial.save(path, part)
        assert command(path) == 0
        assert expected in capsys.readouterr().out
    assert command(path, path) == 0
    assert capsys.readouterr().out.count(f"{path}\n") == 2


def test_mistakes_are_one_line(refused, pair, tmp_path):
    path = tmp_path / "layer.pkl"
    serial.save(path, {"not": "a model"})
    assert "a dict has no layers" in refused(path)
    assert "none.pkl" in refused(tmp_path / "none.pkl")
    assert "conftest.py" in refused(__file__.replace("test_summarize_model", "conftest"))
