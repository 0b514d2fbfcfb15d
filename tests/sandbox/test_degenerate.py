"""Data on a curve, and the denoising chain that is compared with a generator."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.scripts import cli
from adversarial.utils import serial
from sandbox.degenerate import (
    DenoisingChain,
    HalfCircles,
    distances,
    measure,
    nearest_place,
    points_at,
)
from sandbox.degenerate.measure import PIECES, of_chain, of_samples


def a_fine_curve(n=20001):
    along = np.linspace(0, 1, n)
    return [points_at(np.full(n, which), along) for which in (0, 1)]


def test_distances_are_those_from_a_fine_division_of_the_curve():
    points = np.random.RandomState(0).uniform(-2, 2, size=(50, 2))
    curves = a_fine_curve()
    expected = [
        np.sqrt(((points[:, None] - curve) ** 2).sum(axis=2)).min(axis=1) for curve in curves
    ]
    np.testing.assert_allclose(distances(points), np.transpose(expected), atol=1e-4)
    which, along = nearest_place(points)
    nearest = points_at(which, along)
    found = np.sqrt(((points - nearest) ** 2).sum(axis=1))
    np.testing.assert_allclose(found, distances(points).min(axis=1), atol=1e-9)


def test_data_cover_the_curve_evenly_and_have_no_width():
    X = HalfCircles(20000, seed=3).get_design_matrix()
    measured = of_samples("data", X)
    assert measured.far < 1e-6
    # Equal shares of PIECES: the variation of 20,000 independent draws is about 0.018.
    assert measured.uneven < 0.03
    assert measured.switches == pytest.approx(0.5, abs=0.02)
    with pytest.raises(ValueError, match="num_examples must be a positive integer"):
        HalfCircles(0)


def test_samples_of_half_of_the_curve_are_uneven():
    along = np.random.RandomState(0).uniform(size=4000)
    measured = of_samples("half", points_at(np.zeros(4000, int), along))
    assert measured.uneven == pytest.approx(0.5, abs=0.03) and measured.switches == 0
    assert PIECES % 2 == 0


def test_reconstruction_is_the_mean_of_the_data_given_a_noisy_point():
    rng = np.random.RandomState(1)
    data, y = rng.normal(size=(30, 2)), rng.normal(size=(4, 2))
    chain = DenoisingChain(data, noise=0.7)
    for point, found in zip(y, chain.reconstruct(y)):
        weights = [np.exp(-np.sum((point - x) ** 2) / (2 * 0.7**2)) for x in data]
        np.testing.assert_allclose(found, np.average(data, axis=0, weights=weights))
    # Where all weights would underflow, the nearest point is left.
    far = np.array([[1e3, 0.0]])
    np.testing.assert_array_equal(chain.reconstruct(far)[0], data[data[:, 0].argmax()])
    with pytest.raises(ValueError, match="noise is a deviation and positive"):
        DenoisingChain(data, 0.0)


@pytest.mark.parametrize("noise", [0.5, 1.5])
def test_on_gaussian_data_the_chain_draws_from_their_distribution(noise):
    """There the best reconstruction is linear and its error Gaussian, so the chain is exact.

    With data of variance 1: r(y) = y / (1 + noise^2), and the error has the variance
    noise^2 / (1 + noise^2). One step has the correlation 1 / (1 + noise^2).
    """
    data = np.random.default_rng(0).standard_normal((1500, 1))
    data = (data - data.mean()) / data.std()
    chain = DenoisingChain(data, noise, seed=1)
    assert chain.spread == pytest.approx(noise / np.hypot(1, noise), rel=0.05)
    states = np.stack(list(chain.states(data[:100], 120)))[20:, :, 0]
    # 10,000 states, as good as 10,000 (1 - r) / (1 + r) independent ones.
    r = 1 / (1 + noise**2)
    independent = states.size * (1 - r) / (1 + r)
    assert abs(states.mean()) < 4 / np.sqrt(independent) + 0.02
    assert states.var() == pytest.approx(1, abs=4 * np.sqrt(2 / independent) + 0.05)
    step = np.corrcoef(states[:-1].ravel(), states[1:].ravel())[0, 1]
    assert step == pytest.approx(r, abs=0.04)


def test_a_chain_mixes_only_when_it_is_blurred():
    sharp, blurred = (of_chain(noise, num_samples=500) for noise in (0.05, 0.5))
    assert sharp.distance < 0.04 and sharp.switches < 0.001
    assert blurred.distance > 0.1 and blurred.switches > 0.2


def test_the_command_measures_and_draws(tmp_path, monkeypatch, capsys, fast_compile):
    pytest.importorskip("matplotlib")
    # Quickly: one chain.
    monkeypatch.setattr(measure, "NOISES", (0.1,))
    monkeypatch.setattr(measure, "BURN_IN", 1)
    G = MLP([Linear(layer_name="y", dim=2, irange=0.5)], nvis=1)
    D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.5)], nvis=2)
    serial.save(tmp_path / "line.pkl", AdversaryPair(Generator(G, noise="uniform"), D))
    measure.main([str(tmp_path / "line.pkl"), "--samples", "300", "--json"])
    text, _, path = capsys.readouterr().out.rstrip().rpartition("\n")
    names = [row["name"] for row in json.loads(text)]
    assert names == ["data", "generator", "chain, noise 0.1"]
    assert path == str(tmp_path / "line_degenerate.png")
    with Image.open(path) as image:
        assert np.ptp(np.asarray(image.convert("L"))) > 100


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Generator(MLP([Sigmoid(layer_name="y", dim=6, irange=0.5)], nvis=1)), "samples of 6 "),
        (MLP([Linear(layer_name="y", dim=2, irange=0.5)], nvis=1), "of class MLP has no generator"),
    ],
)
def test_a_model_of_something_else(model, message, tmp_path, capsys, fast_compile):
    pytest.importorskip("matplotlib")
    path = str(tmp_path / "other.pkl")
    serial.save(path, model)
    assert cli.run(lambda: measure.main([path, "--samples", "20"])) == 1
    out, err = capsys.readouterr()
    assert out == "" and f"error: {path}" in err and message in err and err.count("\n") == 1
