"""The steps of sandbox/minimal.py equal those of the package."""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from aesara.graph.basic import ancestors
from PIL import Image

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.backend import RandomStreams, function
from adversarial.backend.ops.random_draw import Draw
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, RectifiedLinear, Sigmoid
from adversarial.training_algorithms.learning_rule import Momentum
from sandbox import minimal

pytestmark = pytest.mark.usefixtures("fast_compile")
Z, HIDDEN, UNITS, PIXELS, BATCH = 3, 7, 4, 12, 6


@pytest.fixture
def players():
    """The parameters of small players, drawn as `minimal` draws them but larger."""
    rng = np.random.RandomState(3)

    def layers(*sizes):
        made = [minimal.weights(rng, *size, irange=0.7) for size in sizes]
        for _, b in made:
            # If dropout removes all of the few inputs, pieces with equal biases would be equal.
            b.set_value(rng.uniform(-0.1, 0.1, b.get_value().shape).astype("float32"))
        return made

    pieces = UNITS * minimal.PIECES
    return (
        layers((Z, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, PIXELS)),
        layers((PIXELS, pieces), (UNITS, pieces), (UNITS, 1)),
    )


def packages_step(G, D, x, rate, momentum):
    """(the package's pair with these parameters, its updates, the random draws in them)."""
    maxout = [
        Maxout(layer_name=name, num_units=UNITS, num_pieces=minimal.PIECES, irange=0.1)
        for name in ("h0", "h1")
    ]
    rectified = [RectifiedLinear(layer_name=f"h{i}", dim=HIDDEN, irange=0.1) for i in (0, 1)]
    pair = AdversaryPair(
        Generator(
            MLP([*rectified, Sigmoid(layer_name="y", dim=PIXELS, irange=0.1)], nvis=Z),
            noise="uniform",
        ),
        MLP([*maxout, Sigmoid(layer_name="y", dim=1, irange=0.1)], nvis=PIXELS),
    )
    for param, of_minimal in zip(pair.get_params(), [p for layer in G + D for p in layer]):
        assert param.get_value().shape == of_minimal.get_value().shape
        param.set_value(of_minimal.get_value())
    cost = AdversaryCost2(
        scale_grads=0,
        discriminator_default_input_include_prob=0.5,
        discriminator_input_include_probs={"h0": 0.8},
        discriminator_default_input_scale=2.0,
        discriminator_input_scales={"h0": 1.25},
    )
    gradients, _ = cost.get_gradients(pair, x)
    updates = Momentum(momentum).get_updates(rate, gradients)
    drawn = {v for v in ancestors(updates.values()) if v.owner and isinstance(v.owner.op, Draw)}
    noise_first = sorted(
        drawn,
        key=lambda v: (v.owner.inputs[0] is not pair.generator.theano_rng.state, v.owner.op.stream),
    )
    return pair, updates, noise_first


def test_steps_equal_those_of_the_package(players):
    """Given the same noise and dropout masks; five steps, with momentum."""
    G, D = players
    x, rate, momentum = at.fmatrix("x"), np.float32(0.3), 0.6
    pair, updates, drawn = packages_step(G, D, x, rate, momentum)
    given = [v.type(f"draw{i}") for i, v in enumerate(drawn)]
    of_package = function([x, *given], [], updates=updates, givens=list(zip(drawn, given)))

    masks = iter(given[1:])
    d, g, _ = minimal.objectives(G, D, x, given[0], lambda shape, p: next(masks))
    of_minimal = aesara.function(
        [x, *given], [], updates=minimal.momentum_updates(d, g, D, G, rate, np.float32(momentum))
    )

    rng = np.random.RandomState(1)
    widths = [(Z, None), *[(PIXELS, 0.8), (UNITS, 0.5), (UNITS, 0.5)] * 2]
    for _ in range(5):
        values = [
            rng.uniform(-1.7, 1.7, (BATCH, width))
            if p is None
            else rng.uniform(size=(BATCH, width)) < p
            for width, p in widths
        ]
        batch = [v.astype("float32") for v in [rng.uniform(size=(BATCH, PIXELS)), *values]]
        of_package(*batch)
        of_minimal(*batch)
    before = [layer for player in players for layer in player]
    for param, own in zip(pair.get_params(), [p for layer in before for p in layer]):
        np.testing.assert_allclose(own.get_value(), param.get_value(), rtol=1e-5, atol=1e-6)


def test_noise_and_masks_have_the_papers_distributions():
    streams = RandomStreams(0)
    kept = minimal.dropout(at.ones((200, 300)), 0.8, streams.binomial)
    values = function([], kept)()
    assert set(np.unique(values)) == {0.0, np.float32(1.25)}
    assert (values > 0).mean() == pytest.approx(0.8, abs=0.01)


def test_it_runs(monkeypatch, tmp_path, capsys):
    """With a few images, from `main` to the picture."""
    images = np.random.RandomState(0).randint(0, 256, (200, 28, 28), dtype="uint8")
    monkeypatch.setattr(minimal, "load_arrays", lambda which: (images, None))
    monkeypatch.chdir(tmp_path)
    minimal.main(epochs=1)
    assert capsys.readouterr().out.startswith("epoch 1: D's objective 0.")
    assert Image.open("minimal.png").size == (280, 280)
