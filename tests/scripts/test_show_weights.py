from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from adversarial.viewer.weights import patches_of


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_picture_and_norms(command, model, pair, capsys):
    assert command(model, "--scale", 1) == 0
    path = model.with_name("faces.v2_weights.png")
    norms = np.linalg.norm(pair.discriminator.layers[0].get_weights(), axis=0)
    assert capsys.readouterr().out.splitlines() == [
        "8 of 8 images, each what a unit looks for",
        f"norms: least {norms.min():.4g}, mean {norms.mean():.4g}, greatest {norms.max():.4g}",
        str(path),
    ]
    # Two rows of two units of two pieces: cells of 6 pixels, 2 of padding.
    picture = pixels(path)
    assert picture.shape == (2 * 8 + 2, 4 * 8 + 2, 3)
    first = patches_of(pair).images[0, :, :, 0]
    expected = np.rint((first / np.abs(first).max() / 2 + 0.5) * 255)
    np.testing.assert_allclose(picture[2:8, 2:8, 0], expected, atol=1)


def test_player_layer_order_and_size(command, model, pair, tmp_path, capsys):
    out = tmp_path / "g.png"
    argv = ["--player", "generator", "--sort", "--rows", 1, "--cols", 3, "--rescale", "global"]
    assert command(model, *argv, "--scale", 1, "--out", out) == 0
    assert "3 of 5 images, each what a unit below paints" in capsys.readouterr().out
    W = pair.generator.mlp.layers[0].get_weights()
    strongest = W[np.argmax(np.linalg.norm(W, axis=1))].reshape(6, 6)
    expected = np.rint((strongest / np.abs(W).max() / 2 + 0.5) * 255)
    np.testing.assert_allclose(pixels(out)[2:8, 2:8, 0], expected, atol=1)
    assert command(model, "--layer", "y", "--out", out, "--overwrite") == 0
    assert "1 of 1 images, each weights into a unit" in capsys.readouterr().out


def test_mistakes_are_one_line(refused, model, tmp_path):
    assert "no layer 'z' with weights; it has h0, y" in refused(model, "--layer", "z")
    assert "has no inferer" in refused(model, "--player", "inferer")
    assert "there is no folder" in refused(model, "--out", tmp_path / "no" / "a.png")
    assert "image format" in refused(model, "--out", tmp_path / "a.nothing")
    assert "none.pkl" in refused(tmp_path / "none.pkl")


def test_usage(command, capsys):
    for argv, message in [
        ([], "required: model"),
        (["a.pkl", "--rescale", "most"], "invalid choice: 'most'"),
        (["a.pkl", "--rows", "0"], "must be at least 1"),
    ]:
        with pytest.raises(SystemExit) as caught:
            command(*argv)
        assert caught.value.code == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
