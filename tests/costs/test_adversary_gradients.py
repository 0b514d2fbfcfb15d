"""The gradients that training uses, against backpropagation by hand and finite differences."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import OrderedDict
from pathlib import Path

import aesara.tensor as at
import numpy as np
import pytest
from aesara.graph.basic import ancestors
from time_bounds import LONGEST

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.backend import floatX, function
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, RectifiedLinear, Sigmoid
from adversarial.training_algorithms import k_steps
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.sgd import SGD

# The dropout of the paper's experiments: layer -> (include_prob, scale).
DROPOUT = OrderedDict(h0=(0.8, 1.25), h1=(0.5, 2.0), y=(0.5, 2.0))


def paper_cost(**kwargs):
    return AdversaryCost2(
        scale_grads=0,
        discriminator_default_input_include_prob=0.5,
        discriminator_input_include_probs={"h0": 0.8},
        discriminator_default_input_scale=2.0,
        discriminator_input_scales={"h0": 1.25},
        **kwargs,
    )


def mnist_pair(noise, hidden, image, units):
    """The paper's MNIST model, at any size, with biases that are not zero."""
    G = MLP(
        [
            RectifiedLinear(dim=hidden, layer_name="h0", irange=0.05),
            RectifiedLinear(dim=hidden, layer_name="h1", irange=0.05),
            Sigmoid(dim=image, layer_name="y", irange=0.05),
        ],
        nvis=noise,
    )
    D = MLP(
        [
            Maxout("h0", units, 5, irange=0.005),
            Maxout("h1", units, 5, irange=0.005),
            Sigmoid(dim=1, layer_name="y", irange=0.005),
        ],
        nvis=image,
    )
    pair = AdversaryPair(Generator(G, noise="uniform"), D)
    rng = np.random.RandomState(0)
    for param in pair.get_params():
        if param.ndim == 1:
            param.set_value(rng.uniform(-0.05, 0.05, param.get_value().shape).astype(floatX))
    return pair


def enlarge(pair):
    """Give parameters values with which each player can tell what the other does."""
    rng = np.random.RandomState(3)
    for param in pair.get_params():
        param.set_value(rng.uniform(-0.5, 0.5, param.get_value().shape).astype(floatX))


SMALL = dict(noise=10, hidden=30, image=20, units=8)
REAL = dict(noise=100, hidden=1200, image=784, units=240)


def assert_close(ours, theirs, what, tolerance=1e-4):
    """Relative to the whole array, and for each value to its greatest."""
    assert ours.shape == theirs.shape, what
    error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    assert error < tolerance, f"{what}: relative error {error:.2g}"
    worst = abs(ours - theirs).max() / abs(theirs).max()
    assert worst < tolerance, f"{what}: one value is off by {worst:.2g} of the greatest"


@pytest.mark.parametrize("sizes, batch", [(SMALL, 12), (REAL, 100)], ids=["small", "real size"])
def test_compiled_gradients_are_those_by_hand(sizes, batch, by_hand):
    """Compiled as for training; noise and masks are those that the same call drew."""
    pair, cost = mnist_pair(**sizes), by_hand.recorded(paper_cost())
    generator, D = pair.generator, pair.discriminator
    X = at.matrix()
    gradients, updates = cost.get_gradients(pair, X)
    assert list(gradients) == D.get_params() + generator.get_params() and not updates
    ((_, d, g, i),) = cost.seen
    assert i == 0
    drawn = by_hand.draws([d, g], generator.theano_rng, D.theano_rng)
    assert len(drawn) == 1 + 2 * len(DROPOUT)
    f = function([X], [d, g, *drawn, *gradients.values()])

    x = np.random.RandomState(1).uniform(size=(batch, sizes["image"])).astype(floatX)
    d, g, z, *rest = f(x)
    masks, gradients = rest[:6], rest[6:]
    for mask, (keep, _) in zip(masks, [*DROPOUT.values()] * 2):
        assert set(np.unique(mask)) == {0, 1}
        assert mask.mean() == pytest.approx(keep, abs=5 * 0.5 / np.sqrt(mask.size))
    masks = [mask * scale for mask, (_, scale) in zip(masks, [*DROPOUT.values()] * 2)]
    expected = by_hand.play(
        by_hand.read(D, top="Linear"), by_hand.read(generator.mlp), x, z, masks[:3], masks[3:]
    )
    assert d == pytest.approx(expected.d, rel=1e-5)
    assert g == pytest.approx(expected.g, rel=1e-5)
    names = [
        f"{who} {p.name}"
        for who, player in (("D", D), ("G", generator))
        for p in player.get_params()
    ]
    for name, ours, theirs in zip(names, gradients, expected.d_gradients + expected.g_gradients):
        assert_close(ours, theirs, name)


def test_the_reference_agrees_with_finite_differences(by_hand):
    """Backpropagation by hand, in float64, is the slope of the objectives by hand."""
    pair, rng = mnist_pair(4, 5, 6, 3), np.random.RandomState(2)
    D, G = by_hand.read(pair.discriminator, top="Linear"), by_hand.read(pair.generator.mlp)
    x, z = rng.uniform(size=(7, 6)), rng.uniform(-1, 1, size=(7, 4))
    masks = [rng.randint(2, size=(7, width)) * 2.0 for width in (6, 3, 3) * 2]
    game = by_hand.play(D, G, x, z, masks[:3], masks[3:])
    for net, name, gradients in ((D, "d", game.d_gradients), (G, "g", game.g_gradients)):
        arrays = [array for layer in net for array in layer[1:3]]
        for array, gradient in zip(arrays, gradients):
            for place in np.ndindex(array.shape):
                values, old = [], array[place]
                for step in (1e-6, -1e-6):
                    array[place] = old + step
                    values.append(getattr(by_hand.play(D, G, x, z, masks[:3], masks[3:]), name))
                array[place] = old
                slope = (values[0] - values[1]) / 2e-6
                assert slope == pytest.approx(gradient[place], rel=1e-5, abs=1e-9)


LEARNING_RATE = 0.5


class Stepper:
    """Training of a small model by hand beside an algorithm, on the noise and masks it draws."""

    def __init__(self, algorithm_class, by_hand, **kwargs):
        self.by_hand = by_hand
        self.pair, cost = mnist_pair(**SMALL), by_hand.recorded(paper_cost())
        enlarge(self.pair)
        self.X = np.random.RandomState(1).uniform(size=(24, SMALL["image"])).astype(floatX)
        # A large step, so that an update of one player from the other's new state would show.
        self.algorithm = algorithm_class(LEARNING_RATE, cost=cost, batch_size=12, **kwargs)
        self.algorithm.setup(self.pair, DenseDesignMatrix(X=self.X))
        ((_, d, g, _),) = cost.seen
        streams = self.pair.generator.theano_rng, self.pair.discriminator.theano_rng
        self.states = [stream.state for stream in streams]
        drawn = by_hand.draws([d, g], *streams)
        (indices,) = {v for v in ancestors(drawn) if v.name == "indices"}
        self.draw = function([indices], drawn, mode="FAST_COMPILE")

    def next_gradients(self, indices):
        """By hand, those of the step that comes next: parameter -> gradient."""
        begin = [state.get_value() for state in self.states]
        z, *masks = self.draw(indices)
        for state, value in zip(self.states, begin):
            state.set_value(value)
        masks = [mask * scale for mask, (_, scale) in zip(masks, [*DROPOUT.values()] * 2)]
        D, G = self.pair.discriminator, self.pair.generator
        game = self.by_hand.play(
            self.by_hand.read(D, top="Linear"),
            self.by_hand.read(G.mlp),
            self.X[indices],
            z,
            masks[:3],
            masks[3:],
        )
        return dict(zip(D.get_params() + G.get_params(), game.d_gradients + game.g_gradients))

    def values(self):
        return {param: param.get_value().astype("float64") for param in self.pair.get_params()}


def test_one_simultaneous_step(by_hand):
    """Both players move by one draw, from where both were; compiled as for training."""
    stepper = Stepper(SGD, by_hand, learning_rule=Momentum(0.5))
    increments = {param: 0.0 for param in stepper.pair.get_params()}
    for start in (0, 12):
        indices = np.arange(start, start + 12)
        gradients, before = stepper.next_gradients(indices), stepper.values()
        stepper.algorithm._step(indices)
        after = stepper.values()
        for param, gradient in gradients.items():
            increments[param] = 0.5 * increments[param] - LEARNING_RATE * gradient
            moved = after[param] - before[param]
            assert_close(moved, increments[param], param.name, tolerance=1e-3)


def test_k_steps_move_one_player_at_a_time(by_hand, fast_compile):
    """D by one draw, then G by a new one, against the D that has just moved."""
    stepper = Stepper(k_steps.SGD, by_hand)
    indices = np.arange(12)
    players = (stepper.pair.discriminator, "_d_step"), (stepper.pair.generator, "_g_step")
    for player, step in players:
        gradients, before = stepper.next_gradients(indices), stepper.values()
        getattr(stepper.algorithm, step)(indices)
        after = stepper.values()
        for param, gradient in gradients.items():
            moved = after[param] - before[param]
            if param in player.get_params():
                assert_close(moved, -LEARNING_RATE * gradient, param.name, tolerance=1e-3)
            else:
                assert not moved.any()


FLOAT64 = textwrap.dedent(
    """
    import importlib.util, sys
    import adversarial  # sets Aesara up
    spec = importlib.util.spec_from_file_location("gradients", sys.argv[1])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.check_finite_differences()
    """
)


def check_finite_differences():
    """Runs in a process of its own, where Aesara computes in float64."""
    assert floatX == "float64"
    pair, cost = mnist_pair(4, 5, 6, 3), paper_cost()
    enlarge(pair)
    make, seen = cost.get_samples_and_objectives, []
    cost.get_samples_and_objectives = lambda *a: (seen.append(make(*a)), seen[-1])[1]
    X = at.matrix()
    gradients, _ = cost.get_gradients(pair, X)
    ((_, d, g, _),) = seen
    f = function([X], list(gradients.values()), mode="FAST_COMPILE")
    objectives = function([X], [d, g], mode="FAST_COMPILE")
    x = np.random.RandomState(1).uniform(size=(7, 6))
    states = [owner.theano_rng.state for owner in (pair.generator, pair.discriminator)]
    begin = [state.get_value() for state in states]

    def evaluate(function):
        for state, value in zip(states, begin):
            state.set_value(value)  # the same noise and masks each time
        return function(x)

    slopes = evaluate(f)
    in_d = set(pair.discriminator.get_params())
    checked = 0
    for param, slope in zip(gradients, slopes):
        assert slope.dtype == "float64" and abs(slope).max() > 1e-4, param.name
        value = param.get_value()
        for place in np.ndindex(value.shape):
            ends, old = [], value[place]
            for step in (1e-6, -1e-6):
                value[place] = old + step
                param.set_value(value)
                ends.append(evaluate(objectives)[0 if param in in_d else 1])
            value[place] = old
            param.set_value(value)
            found = (ends[0] - ends[1]) / 2e-6
            assert abs(found - slope[place]) < 1e-5 * abs(slope).max(), (param.name, place)
            checked += 1
    print(f"checked {checked}")


def test_compiled_gradients_agree_with_finite_differences_in_float64():
    import adversarial

    root = Path(adversarial.__file__).parents[1]
    environment = {
        **os.environ,
        "AESARA_FLAGS": "floatX=float64,cxx=",
        "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FLOAT64, __file__],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stderr
    sizes = 4 * 5 + 5 + 5 * 5 + 5 + 5 * 6 + 6 + 6 * 15 + 15 + 3 * 15 + 15 + 3 + 1
    assert f"checked {sizes}" in done.stdout
