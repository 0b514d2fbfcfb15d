"""Figure 1 of the paper is made again by the commands of docs/FIGURES.md, from less data."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from adversarial import modelfile
from adversarial.config import yaml_parse
from adversarial.scripts import show_game, train
from adversarial.viewer.game import moment_of

ROOT = Path(__file__).parents[1]
X = np.linspace(-1.5, 1.5, 201)


def params(path):
    pair = modelfile.load(path)
    return [
        np.concatenate([p.get_value().ravel() for p in player.get_params()])
        for player in (pair.generator, pair.discriminator)
    ]


def test_figure_1_is_made_again_by_its_commands(tmp_path, monkeypatch, fast_compile):
    """A game of five epochs of 20 minibatches, then panels (b) and (c), which continue it."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    for name in ("figure1", "figure1_panels"):
        shutil.copy(ROOT / "yaml" / f"{name}.yaml", ".")
    few = ["--quiet", "--set", "dataset.num_examples=4000"]
    valid = ["--set", "algorithm.monitoring_dataset.valid.num_examples=500"]
    assert train.main(["figure1.yaml", "--max-epochs", "5", *few, *valid]) == 0
    few[-1] = f"phase1.{few[-1]}"
    assert train.main(["figure1_panels.yaml", *few]) == 0
    panels = ["figure1_5.pkl", "figure1_panels_b.pkl", "figure1_panels_c.pkl"]

    (G_a, D_a), (G_b, D_b), (G_c, D_c) = map(params, panels)
    # (b) moves D alone, (c) moves G alone.
    np.testing.assert_array_equal(G_a, G_b)
    np.testing.assert_array_equal(D_b, D_c)
    assert np.abs(D_b - D_a).max() > 0.01 < np.abs(G_c - G_b).max()
    pair = modelfile.load(panels[0])
    density = yaml_parse.load(pair.dataset_yaml_src).density
    a, b, c = (moment_of(modelfile.load(path), density, X) for path in panels)
    # Trained alone, D comes nearer to p_data / (p_data + p_g).
    assert b.distance < a.distance
    # D's gradient takes samples to where D finds more data.
    assert (c.p_g * b.D).sum() / c.p_g.sum() > (b.p_g * b.D).sum() / b.p_g.sum()

    titles = [word for title in ("(a)", "(b)", "(c)") for word in ("--title", title)]
    show_game.main([*panels, *titles, "--out", "panels.png"])
    with Image.open("panels.png") as image:
        assert image.width > image.height
    show_game.main(["figure1_0.pkl", "figure1_5.pkl", "--out", "game.gif"])
    with Image.open("game.gif") as image:
        assert len(list(ImageSequence.Iterator(image))) == 2
