from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from adversarial.datasets.mixture import GaussianMixture
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.viewer.game import ARROWS, BANDWIDTH, Moment, draw_game, moment_of

X = np.linspace(-3, 3, 61)


@pytest.fixture(autouse=True)
def nothing_to_compile(fast_compile):
    pass


def game(noise="gaussian", nvis=1, dim=1):
    """G(z) = 1 - z / 2, D(x) = sigmoid(2 x + 1)."""
    G = MLP([Linear(layer_name="y", dim=dim, irange=0.1)], nvis=nvis)
    D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.1)], nvis=dim)
    if nvis == dim == 1:
        for network, slope, shift in ((G, -0.5, 1.0), (D, 2.0, 1.0)):
            network.layers[0].set_weights(np.array([[slope]]))
            network.layers[0].set_biases(np.array([shift]))
    return AdversaryPair(Generator(G, noise=noise), D)


def test_curves_are_those_of_the_two_players():
    data = GaussianMixture([0.0], [1.0], num_examples=1)
    moment = moment_of(game(), data.density, X, "then")
    assert moment.title == "then"
    np.testing.assert_allclose(moment.p_data, norm.pdf(X))
    np.testing.assert_allclose(moment.D, expit(2 * X + 1), rtol=1e-4)
    # The Parzen window adds its variance to that of p_g.
    smoothed = norm.pdf(X, 1, np.hypot(0.5, BANDWIDTH))
    np.testing.assert_allclose(moment.p_g, smoothed, atol=0.03)


@pytest.mark.parametrize("noise, steps_of_z", [("gaussian", norm.cdf), ("uniform", None)])
def test_arrows_start_equally_probable_steps_apart(noise, steps_of_z):
    moment = moment_of(game(noise), norm.pdf, X)
    z, x = moment.arrows.T
    np.testing.assert_allclose(x, 1 - z / 2, rtol=1e-5)
    probable = steps_of_z(z) if steps_of_z else (z / np.sqrt(3) + 1) / 2
    np.testing.assert_allclose(np.diff(probable), 1 / (ARROWS + 1), rtol=1e-5)
    assert moment_of(game(nvis=2), norm.pdf, X).arrows.shape == (0, 2)


def test_optimum_and_the_distance_from_it():
    p_data, p_g = np.array([0.2, 0.3, 0.0, 0.0]), np.array([0.2, 0.1, 0.4, 1e-9])
    D = np.array([0.5, 0.75, 0.25, 1.0])
    moment = Moment("", np.arange(4.0), p_data, p_g, D, np.empty((0, 2)))
    np.testing.assert_allclose(moment.optimum, [0.5, 0.75, 0.0, np.nan])
    # Only the third point is off, by 1/4; it weighs 0.4 of 1.2.
    assert moment.distance == pytest.approx(np.sqrt(0.4 / 1.2) / 4, rel=1e-6)


def test_only_points_on_a_line_are_drawn():
    with pytest.raises(ValueError, match="G makes 2 numbers"):
        moment_of(game(dim=2), norm.pdf, X)


def test_a_game_has_two_players():
    with pytest.raises(ValueError, match="a Generator has no D"):
        moment_of(game().generator, norm.pdf, X)


def test_a_game_that_diverged_is_named():
    broken = game()
    broken.generator.mlp.layers[0].set_biases(np.array([np.nan]))
    with pytest.raises(ValueError, match="has diverged"):
        moment_of(broken, norm.pdf, X)


def test_a_panel_a_moment():
    pytest.importorskip("matplotlib")
    moments = [moment_of(game(noise), norm.pdf, X, noise) for noise in ("gaussian", "uniform")]
    figure = draw_game(moments)
    assert len(figure.axes) == 4
    for axes, moment in zip(figure.axes, moments):
        assert axes.get_title() == moment.title
        drawn = {line.get_ydata().tobytes() for line in axes.get_lines()}
        for curve in (moment.p_data, moment.p_g, moment.D, moment.optimum):
            assert np.asarray(curve).tobytes() in drawn
