"""The rivals of Table 1: formulas against NumPy, and samplers against distributions known exactly.

The distribution of a small RBM or deep belief network is known by enumeration of all states. A
contractive auto-encoder and a GSN of linear units have Gaussian chains: x' = A x + noise, whose
stationary covariance solves the Lyapunov equation S = A S A^T + Q.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import aesara.tensor as at
import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov
from scipy.special import expit
from scipy.stats import chisquare

from adversarial import backend, modelfile
from adversarial.config import yaml_parse
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.sampling import draw_samples
from adversarial.scripts import cli, evaluate, parzen_ll, show_samples
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD
from sandbox.table1.rivals.contractive import (
    Autoencoder,
    ContractiveReconstruction,
    StackedAutoencoders,
)
from sandbox.table1.rivals.dbn import RBM, ContrastiveDivergence, DeepBeliefNetwork
from sandbox.table1.rivals.gsn import GSN, Walkback

pytestmark = pytest.mark.usefixtures("fast_compile")

RIVALS = Path(__file__).parents[2] / "sandbox" / "table1" / "rivals"


def states(n):
    """All 2^n vectors of n bits."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def number_of(bits):
    """The row of `states` that each row of bits is."""
    return np.asarray(bits).round().astype(int) @ (1 << np.arange(bits.shape[1])[::-1])


def randomise(model, scale=1.0, seed=5):
    """Set all parameters, those of all layers too, to normal numbers; returns the model."""
    rng = np.random.RandomState(seed)
    for part in getattr(model, "layers", [model]):
        for param in part.get_params():
            param.set_value(scale * rng.normal(size=param.get_value().shape).astype("float32"))
    return model


def values_of(layer):
    return [param.get_value().astype(float) for param in (layer.W, layer.b, layer.c)]


def slope_at(function, params, direction, step=1e-4):
    """The derivative of a function of arrays along `direction`, by central differences."""
    ends = [function([p + sign * step * d for p, d in zip(params, direction)]) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)


def check_gradients(gradients, params, function):
    """`gradients` are those of `function`, along three random directions."""
    rng = np.random.RandomState(8)
    for _ in range(3):
        direction = [rng.normal(size=p.shape) for p in params]
        found = sum((g * d).sum() for g, d in zip(gradients, direction))
        assert found == pytest.approx(slope_at(function, params, direction), rel=1e-3, abs=1e-4)


# Restricted Boltzmann machines


def energies(rbm):
    """E(v, h) of all states, (2^nvis, 2^dim)."""
    W, b, c = values_of(rbm)
    v, h = states(len(b)), states(len(c))
    return -(v @ W @ h.T) - (v @ b)[:, None] - (h @ c)[None, :]


def joint(rbm):
    """p(v, h) of all states."""
    weights = np.exp(-energies(rbm))
    return weights / weights.sum()


def test_free_energy_is_that_of_the_sum_over_hidden_states(evaluate):
    rbm = randomise(RBM(4, 3, irange=0.0))
    found = evaluate(rbm.free_energy(at.constant(states(4).astype("float32"))))
    np.testing.assert_allclose(found, -np.log(np.exp(-energies(rbm)).sum(axis=1)), atol=1e-5)


def test_each_step_draws_from_the_conditional_distributions(evaluate):
    rbm = randomise(RBM(2, 3, irange=0.0))
    p = joint(rbm)
    v = np.repeat(states(2)[[1]], 20000, axis=0).astype("float32")
    streams = backend.RandomStreams(3)
    v_next, h = evaluate(list(rbm.gibbs(at.constant(v), streams)))
    of_h = p[1] / p[1].sum()
    assert chisquare(np.bincount(number_of(h), minlength=8), 20000 * of_h).pvalue > 1e-3
    of_v = of_h @ (p / p.sum(axis=0)).T
    assert chisquare(np.bincount(number_of(v_next), minlength=4), 20000 * of_v).pvalue > 1e-3


def exact_gradient(rbm, rows):
    """The gradient of -log p averaged over `rows`, by enumeration."""
    W, b, c = values_of(rbm)
    p = joint(rbm).sum(axis=1)

    def expected(v, weights):
        h = expit(v @ W + c)
        return [-(v * weights[:, None]).T @ h, -weights @ v, -weights @ h]

    of_data = expected(rows, np.full(len(rows), 1 / len(rows)))
    return [a - m for a, m in zip(of_data, expected(states(len(b)), p))]


@pytest.mark.parametrize("chains", [0, 10000])
def test_contrastive_divergence_with_many_steps_is_the_gradient_of_the_likelihood(evaluate, chains):
    """Both kinds of chains end in the model's distribution; the standard error is about 0.005."""
    dbn = DeepBeliefNetwork([randomise(RBM(4, 3, irange=0.0), 0.7)])
    rows = np.random.RandomState(1).uniform(size=(5, 4))
    batch = np.tile(rows, (2000, 1)).astype("float32")
    gradients, updates = ContrastiveDivergence(steps=25, chains=chains).get_gradients(
        dbn, at.constant(batch)
    )
    assert len(updates) == bool(chains)
    assert list(gradients) == dbn.layers[0].get_params()
    for found, exact in zip(evaluate(list(gradients.values())), exact_gradient(dbn.top, rows)):
        np.testing.assert_allclose(found, exact, atol=0.02)
        assert np.abs(exact).max() > 0.05


def test_one_step_is_the_difference_of_two_statistics(evaluate):
    """CD-1 by hand, from the ends of the chains; with weight decay, for the second layer."""
    dbn = randomise(DeepBeliefNetwork([RBM(5, 4, irange=0.0), RBM(4, 3, irange=0.0)]))
    rows = np.random.RandomState(1).uniform(size=(6, 5)).astype("float32")
    cost = ContrastiveDivergence(steps=1, weight_decay=0.1)
    gradients, _ = cost.get_gradients(dbn, at.constant(rows))
    v = dbn.below_top(at.constant(rows))
    W0, _, c0 = values_of(dbn.layers[0])
    start = expit(rows @ W0 + c0)
    np.testing.assert_allclose(evaluate(v), start, atol=1e-6)
    # New streams of the same seed give the same chains.
    again = ContrastiveDivergence(steps=1)
    _, _, (end,) = again.objective(dbn.top, v)
    *found, end = evaluate([*gradients.values(), end])
    assert set(np.unique(end)) == {0, 1}
    W, _, c = values_of(dbn.top)
    h, h_end = expit(start @ W + c), expit(end @ W + c)
    expected = [
        -(start.T @ h - end.T @ h_end) / 6 + 0.1 * W,
        -(start - end).mean(axis=0),
        -(h - h_end).mean(axis=0),
    ]
    assert list(gradients) == dbn.top.get_params()
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=1e-5)


def trained(model, cost, epochs=1, rows=None):
    """A Train object after some epochs on rows from 0 to 1."""
    rows = np.random.RandomState(3).uniform(size=(40, 4)) if rows is None else rows
    data = DenseDesignMatrix(X=rows)
    algorithm = SGD(0.1, cost=cost, batch_size=10, monitoring_dataset={"train": data})
    train = Train(data, model, algorithm)
    train.setup()
    for _ in range(epochs):
        train.model.monitor()
        train.algorithm.train(data)
    train.model.monitor()
    return train


def test_persistent_chains_go_on_and_layers_below_stay():
    dbn = randomise(DeepBeliefNetwork([RBM(4, 3, irange=0.0), RBM(3, 2, irange=0.0)]))
    lower, cost = [p.get_value() for p in dbn.layers[0].get_params()], ContrastiveDivergence(1, 7)
    train = trained(dbn, cost)
    first = cost.particles.get_value()
    assert first.shape == (7, 3) and set(np.unique(first)) <= {0, 1}
    train.algorithm.train(train.dataset)
    assert (cost.particles.get_value() != first).any()
    for before, param in zip(lower, dbn.layers[0].get_params()):
        np.testing.assert_array_equal(before, param.get_value())


def test_monitored_are_free_energy_and_reconstruction():
    dbn = randomise(DeepBeliefNetwork([RBM(4, 3, irange=0.0)]))
    train = trained(dbn, ContrastiveDivergence(), epochs=0)
    x, (W, b, c) = train.dataset.X.astype(float), values_of(dbn.top)
    channels = dbn.monitor.channels
    energy = -x @ b - np.log1p(np.exp(x @ W + c)).sum(axis=1)
    assert channels["train_free_energy"].val_record[-1] == pytest.approx(energy.mean(), rel=1e-5)
    again = expit(expit(x @ W + c) @ W.T + b)
    entropy = -(x * np.log(again) + (1 - x) * np.log(1 - again)).sum(axis=1).mean()
    assert channels["train_objective"].val_record[-1] == pytest.approx(entropy, rel=1e-5)


def test_training_raises_the_likelihood_of_the_data():
    """Two patterns; after training, the model has most of its mass on them."""
    patterns = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], float)
    dbn = DeepBeliefNetwork([RBM(4, 3, irange=0.1)])
    trained(dbn, ContrastiveDivergence(1, chains=50), 300, np.tile(patterns, (10, 1)))
    p = joint(dbn.top).sum(axis=1)
    of_patterns = p[number_of(patterns)]  # before training 1 / 16 each
    assert of_patterns.sum() > 0.7 and of_patterns.min() > 0.2


# The samplers of RBMs and deep belief networks


@pytest.mark.parametrize("burn_in, right", [(60, True), (0, False)])
def test_the_chain_of_an_rbm_has_the_distribution_of_enumeration(either_engine, burn_in, right):
    """4000 independent chains; without burn-in the test does find the difference."""
    dbn = randomise(DeepBeliefNetwork([RBM(4, 2, irange=0.0)], burn_in, 1), 0.9)
    sampler = dbn.sampler(4000, seed=1)
    rows = sampler()
    v, h = (array.get_value() for array in sampler.state)
    counts = np.bincount(number_of(np.concatenate([v, h], axis=1)), minlength=64)
    assert (chisquare(counts, 4000 * joint(dbn.top).ravel()).pvalue > 1e-3) == right
    W, b, _ = values_of(dbn.top)
    np.testing.assert_allclose(rows, expit(h @ W.T + b), atol=1e-5)


@pytest.mark.parametrize("sizes", [(5, 3, 2), (5, 3, 3, 2)])
def test_samples_of_a_deep_belief_network_have_the_distribution_of_enumeration(sizes):
    layers = [RBM(nvis, dim, irange=0.0) for nvis, dim in zip(sizes, sizes[1:])]
    dbn = randomise(DeepBeliefNetwork(layers, burn_in=60), 0.9)
    p = joint(dbn.top).sum(axis=1)
    for layer in layers[-2:0:-1]:  # p(h of the lowest layer), through the layers in between
        W, b, _ = values_of(layer)
        means = expit(states(layer.dim) @ W.T + b)
        bits = states(layer.nvis)
        given = np.where(bits[None] == 1, means[:, None], 1 - means[:, None]).prod(axis=2)
        p = p @ given
    W, b, _ = values_of(layers[0])
    images = expit(states(3) @ W.T + b)  # the only images that there are
    rows = draw_samples(dbn, 4000, batch_size=4000)
    distances = np.abs(rows[:, None] - images[None]).max(axis=2)
    assert distances.min(axis=1).max() < 1e-4
    counts = np.bincount(distances.argmin(axis=1), minlength=8)
    assert chisquare(counts, 4000 * p).pvalue > 1e-3
    # And the pixels: those of the model are binary, with the images as probabilities.
    pixels = np.random.RandomState(2).uniform(size=rows.shape) < rows
    of_pixels = [
        p @ np.where(bits == 1, images, 1 - images).prod(axis=1) for bits in states(sizes[0])
    ]
    counts = np.bincount(number_of(pixels), minlength=2 ** sizes[0])
    assert chisquare(counts, 4000 * np.array(of_pixels)).pvalue > 1e-3


# Contractive auto-encoders


def jacobian(layer, x, step=1e-5):
    """The encoder's Jacobian at a point, (dim, nvis), by central differences."""
    W, _, c = values_of(layer)
    function = (lambda z: z) if layer.units == "linear" else expit
    ends = [function((x + sign * step * np.eye(len(x))) @ W + c) for sign in (1, -1)]
    return (ends[0] - ends[1]).T / (2 * step)


@pytest.mark.parametrize("units", ["sigmoid", "linear"])
def test_contraction_is_the_squared_norm_of_the_jacobian(evaluate, units):
    layer = randomise(Autoencoder(4, 3, irange=0.0, units=units))
    rows = np.random.RandomState(1).uniform(size=(6, 4))
    expected = np.mean([(jacobian(layer, x) ** 2).sum() for x in rows])
    found = evaluate(layer.contraction(at.constant(rows.astype("float32"))))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("units", ["sigmoid", "linear"])
def test_contractive_objective_and_its_gradient(evaluate, units):
    layers = [Autoencoder(n, m, irange=0.0, units=units) for n, m in ((5, 4), (4, 3))]
    stack = randomise(StackedAutoencoders(layers), 0.5)
    rows = np.random.RandomState(1).uniform(size=(6, 5))
    W0, _, c0 = values_of(layers[0])
    function = (lambda z: z) if units == "linear" else expit
    v = function(rows @ W0 + c0)

    def objective(params):
        W, b, c = params
        h = function(v @ W + c)
        z = h @ W.T + b
        if units == "linear":
            error, slope = ((v - z) ** 2).sum(axis=1) / 2, np.ones_like(h)
        else:
            error = (np.log1p(np.exp(z)) - v * z).sum(axis=1)
            slope = h * (1 - h)
        penalty = sum(((s[:, None] * W.T) ** 2).sum() for s in slope) / len(v)
        return error.mean() + 0.3 * penalty

    cost = ContractiveReconstruction(0.3)
    gradients, _ = cost.get_gradients(stack, at.constant(rows.astype("float32")))
    (value, params) = gradients.objectives["of the top layer"]
    assert params == stack.top.get_params()
    value, *found = evaluate([value, *gradients.values()])
    own = values_of(stack.top)
    assert value == pytest.approx(objective(own), rel=1e-5)
    check_gradients(found, own, objective)


def test_contraction_makes_the_encoder_less_sensitive():
    norms = []
    for contraction in (0.0, 10.0):
        stack = StackedAutoencoders([Autoencoder(4, 6, irange=1.0, seed=1)])
        train = trained(stack, ContractiveReconstruction(contraction), epochs=30)
        norms.append(train.model.monitor.channels["train_contraction"].val_record[-1])
    assert norms[1] < norms[0] / 2


@pytest.mark.parametrize("level", [0, 1])
def test_noise_of_the_chain_has_the_covariance_of_the_jacobians(evaluate, level):
    """Before it is decoded, h moves by J J^T e, of covariance std^2 (J J^T)^2."""
    layers = [Autoencoder(6, 4, irange=0.0), Autoencoder(4, 3, irange=0.0)]
    stack = randomise(StackedAutoencoders(layers, noise=0.7, level=level))
    x = np.random.RandomState(1).uniform(size=layers[level].nvis)
    start = at.constant(np.tile(x, (20000, 1)).astype("float32"))
    with pytest.MonkeyPatch.context() as patch:  # the last encoder's h, instead of the decoded one
        patch.setattr(stack, "_decoded", lambda h, layers: h)
        (moved,) = evaluate(list(stack.next_state([start])))
    J, h = np.eye(len(x)), x
    for layer in layers[level:]:
        J, h = jacobian(layer, h) @ J, expit(h @ layer.W.get_value() + layer.c.get_value())
    check_covariance(moved, h, 0.7**2 * np.linalg.matrix_power(J @ J.T, 2))


def check_covariance(rows, mean, covariance):
    """Rows are of this mean and covariance, within five standard errors of each entry."""
    n, rows = len(rows), rows - mean
    diagonal = np.diag(covariance)
    errors = rows.mean(axis=0) / np.sqrt(diagonal / n)
    assert np.abs(errors).max() < 5
    of_entries = np.sqrt((np.outer(diagonal, diagonal) + covariance**2) / n)
    errors = (rows.T @ rows / n - covariance) / of_entries
    assert np.abs(errors).max() < 5


@pytest.mark.parametrize("level", [0, 1])
def test_chain_of_linear_autoencoders_has_the_covariance_of_the_lyapunov_equation(level):
    """x' = x E E^T + noise E^T E ... : a contraction if the singular values of E are below 1."""
    layers = [Autoencoder(n, m, irange=0.0, units="linear") for n, m in ((5, 4), (4, 3))]
    stack = StackedAutoencoders(layers, noise=0.8, level=level, burn_in=60, thinning=3)
    randomise(stack)
    for layer in layers:
        # Singular values of similar size, so that the chain moves in all directions.
        U, _, V = np.linalg.svd(layer.W.get_value(), full_matrices=False)
        layer.W.set_value(((U * np.linspace(0.8, 0.95, layer.dim)) @ V).astype("float32"))
    E, shift = np.eye(layers[level].nvis), np.zeros(layers[level].nvis)
    for layer in layers[level:]:
        W, _, c = values_of(layer)
        E, shift = E @ W, shift @ W + c
    for layer in layers[: level - 1 if level else None : -1]:
        W, b, _ = values_of(layer)
        shift = shift @ W.T + b
    A = E @ E.T
    noise = 0.8**2 * A @ A @ A
    covariance = solve_discrete_lyapunov(A, noise)
    mean = np.linalg.solve(np.eye(len(A)) - A, shift)
    sampler = stack.sampler(8000, seed=1)
    rows = sampler()
    state = sampler.state[0].get_value()
    # The chain lives in the space that E spans, so directions are compared there.
    basis = np.linalg.svd(E)[0][:, : np.linalg.matrix_rank(E)]
    check_covariance((state - mean) @ basis, 0, basis.T @ covariance @ basis)
    expected = state
    for layer in layers[:level][::-1]:
        W, b, _ = values_of(layer)
        expected = expected @ W.T + b
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    # Three steps later, the chain remembers A^3 of where it was.
    sampler()
    later = (sampler.state[0].get_value() - mean) @ basis
    before = (state - mean) @ basis
    memory = basis.T @ np.linalg.matrix_power(A, 3) @ covariance @ basis
    scale = np.sqrt(np.outer(*[np.diag(basis.T @ covariance @ basis)] * 2) / len(rows))
    assert np.abs((later.T @ before / len(rows) - memory) / scale).max() < 6
    assert np.abs(memory / scale).max() > 20


# Generative stochastic networks


class Recorded:
    """In place of random streams: NumPy's numbers, which are also kept for the reference."""

    def __init__(self):
        self.rng, self.drawn = np.random.RandomState(4), []

    def _keep(self, values):
        self.drawn.append(values.astype("float32"))
        return at.constant(self.drawn[-1])

    def uniform(self, shape):
        return self._keep(self.rng.uniform(size=tuple(shape.eval())))

    def normal(self, shape):
        return self._keep(self.rng.normal(size=tuple(shape.eval())))

    def binomial(self, shape):
        return self._keep(self.rng.binomial(1, 0.5, size=tuple(shape.eval())))


def walkback_by_hand(gsn, x, steps, drawn, params):
    """The loss of Walkback, with the random numbers in the list `drawn`, in their order."""
    drawn = iter(drawn)
    weights, biases = params[: len(gsn.dims)], params[len(gsn.dims) :]
    tanh = gsn.units == "tanh"
    layers = [None, *(np.zeros((len(x), dim)) for dim in gsn.dims)]
    mean, losses = None, []
    for step in range(steps):
        image = x
        if step and tanh:
            image = (next(drawn) < mean).astype(float)
        elif step:
            image = mean
        if tanh:
            kept = next(drawn) >= gsn.corruption
            image = np.where(kept, image, next(drawn))
        else:
            image = image + gsn.corruption * next(drawn)
        layers[0] = image
        order = [*range(1, len(layers), 2), *range(2, len(layers), 2)]
        for k in order:
            z = layers[k - 1] @ weights[k - 1] + biases[k]
            if k + 1 < len(layers):
                z = z + layers[k + 1] @ weights[k].T
            std = gsn.noise[k - 1]
            if std:
                z = z + std * next(drawn)
            layers[k] = np.tanh(z) if tanh else z
            if std:
                layers[k] = layers[k] + std * next(drawn)
        z = layers[1] @ weights[0].T + biases[0]
        if tanh:
            mean = expit(z)
            losses.append(-(x * np.log(mean) + (1 - x) * np.log(1 - mean)).sum(axis=1).mean())
        else:
            mean = z
            losses.append(((x - z) ** 2).sum(axis=1).mean() / 2)
    assert next(drawn, None) is None
    return np.mean(losses)


@pytest.mark.parametrize("units", ["tanh", "linear"])
@pytest.mark.parametrize("dims", [[4], [4, 3], [4, 3, 2]])
def test_walkback_and_its_gradient(evaluate, units, dims):
    gsn = GSN(5, dims, corruption=0.4, noise=[0.0, 0.8, 0.5][: len(dims)], units=units)
    randomise(gsn, 0.5)
    rows = np.random.RandomState(1).uniform(size=(6, 5)).astype("float32")
    gsn.theano_rng = recorded = Recorded()
    gradients, _ = Walkback(steps=3).get_gradients(gsn, at.constant(rows))
    (value, _) = gradients.objectives["of the model"]
    value, *found = evaluate([value, *gradients.values()])
    own = [p.get_value().astype(float) for p in gsn.get_params()]

    def objective(params):
        return walkback_by_hand(gsn, rows.astype(float), 3, recorded.drawn, params)

    assert value == pytest.approx(objective(own), rel=1e-5)
    check_gradients(found, own, objective)


def test_corruption_is_salt_and_pepper(evaluate):
    gsn = GSN(5, [4], corruption=0.3)
    x = np.full((4000, 5), 0.25, "float32")
    found = evaluate(gsn.corrupted(at.constant(x)))
    shares = [(found == value).mean() for value in (0, 0.25, 1)]
    np.testing.assert_allclose(shares, [0.15, 0.7, 0.15], atol=0.015)


def linear_chain(gsn):
    """(A, B, c) of a step x' = A x + B noise + c of the state (image, hidden layers) of a GSN."""
    weights, biases = (
        [p.get_value().astype(float) for p in ps] for ps in (gsn.weights, gsn.biases)
    )
    sizes = [gsn.nvis, *gsn.dims]
    ends = np.cumsum(sizes)
    noises = [(0, gsn.corruption)] + [(k, s) for k, s in enumerate(gsn.noise, 1) for _ in range(2)]

    def step(state, noise, shift):
        layers = np.split(state, ends[:-1])
        parts = np.split(noise, np.cumsum([sizes[k] for k, _ in noises])[:-1])
        added = [np.zeros(size) for size in sizes]
        for (k, std), part in zip(noises, parts):
            added[k] = added[k] + std * part
        layers[0] = layers[0] + added[0]
        for k in [*range(1, len(sizes), 2), *range(2, len(sizes), 2)]:
            layers[k] = layers[k - 1] @ weights[k - 1] + added[k] + shift * biases[k]
            if k + 1 < len(sizes):
                layers[k] = layers[k] + layers[k + 1] @ weights[k].T
        layers[0] = layers[1] @ weights[0].T + shift * biases[0]
        return np.concatenate(layers)

    n, m = ends[-1], sum(sizes[k] for k, _ in noises)
    A = np.stack([step(row, np.zeros(m), 0) for row in np.eye(n)], axis=1)
    B = np.stack([step(np.zeros(n), row, 0) for row in np.eye(m)], axis=1)
    return A, B, step(np.zeros(n), np.zeros(m), 1)


@pytest.mark.parametrize("dims", [[3], [4, 3], [4, 3, 2]])
def test_chain_of_a_linear_gsn_has_the_covariance_of_the_lyapunov_equation(dims):
    gsn = GSN(2, dims, 0.6, [0.5, 0.7, 0.4][: len(dims)], units="linear", burn_in=40, thinning=2)
    randomise(gsn)
    for W in gsn.weights:
        W.set_value(0.6 * W.get_value() / np.linalg.norm(W.get_value(), 2))
    A, B, shift = linear_chain(gsn)
    assert np.abs(np.linalg.eigvals(A)).max() < 0.8
    covariance = solve_discrete_lyapunov(A, B @ B.T)
    mean = np.linalg.solve(np.eye(len(A)) - A, shift)
    sampler = gsn.sampler(8000, seed=1)
    rows = sampler()
    state = np.concatenate([array.get_value() for array in sampler.state], axis=1)
    np.testing.assert_array_equal(rows, state[:, :2])
    check_covariance(rows, mean[:2], covariance[:2, :2])
    check_covariance(state[:, 2:], mean[2:], covariance[2:, 2:])


# Samples by seed, models in files, training that is resumed


def small_models():
    return {
        "dbn": randomise(DeepBeliefNetwork([RBM(4, 3, 0.0), RBM(3, 2, 0.0)], 5, 2)),
        "contractive": randomise(
            StackedAutoencoders([Autoencoder(4, 3, 0.0), Autoencoder(3, 2, 0.0)], burn_in=5)
        ),
        "gsn": GSN(4, [3, 2], burn_in=5),
    }


@pytest.mark.parametrize("name", ["dbn", "contractive", "gsn"])
def test_the_seed_decides_and_a_file_keeps_the_model(name, tmp_path):
    model = small_models()[name]
    streams, state = model.theano_rng, model.theano_rng.state.get_value()
    first = draw_samples(model, 7, seed=1, batch_size=3)
    assert first.shape == (7, 4) and (first >= 0).all() and (first <= 1).all()
    np.testing.assert_array_equal(draw_samples(model, 7, seed=1, batch_size=3), first)
    assert (draw_samples(model, 7, seed=2, batch_size=3) != first).any()
    assert model.theano_rng is streams
    np.testing.assert_array_equal(streams.state.get_value(), state)
    modelfile.save(str(tmp_path / "model.pkl"), model)
    again = modelfile.load(str(tmp_path / "model.pkl"))
    np.testing.assert_array_equal(draw_samples(again, 7, seed=1, batch_size=3), first)


DATA = """&data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } }"""
PHASE = """- !obj:adversarial.train.Train {
    dataset: %s,
    model: %s,
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1, monitoring_dataset: { train: *data },
        cost: %s,
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 2 } },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}_${PYLEARN2_TRAIN_PHASE}.pkl",
    save_freq: 1 }
"""
ROOM = "!obj:sandbox.table1.rivals"
LAYERS = {
    "dbn": f"{ROOM}.dbn.RBM {{ nvis: %d, dim: %d, irange: .1 }}",
    "contractive": f"{ROOM}.contractive.Autoencoder {{ nvis: %d, dim: %d, irange: .1 }}",
}
STACKS = {
    "dbn": f"{ROOM}.dbn.DeepBeliefNetwork {{ layers: [%s], burn_in: 3 }}",
    "contractive": f"{ROOM}.contractive.StackedAutoencoders {{ layers: [%s], burn_in: 3 }}",
}
COSTS = {
    "dbn": f"{ROOM}.dbn.ContrastiveDivergence {{ steps: 2, chains: 4 }}",
    "contractive": f"{ROOM}.contractive.ContractiveReconstruction {{ contraction: .1 }}",
}


def phases_of(name):
    if name == "gsn":
        model = f"{ROOM}.gsn.GSN {{ nvis: 9, dims: [5, 4], burn_in: 3 }}"
        return [PHASE % (DATA, model, f"{ROOM}.gsn.Walkback {{ steps: 3 }}")]
    lower, upper = LAYERS[name] % (9, 5), LAYERS[name] % (5, 4)
    return [
        PHASE % (DATA, STACKS[name] % f"&lower {lower}", COSTS[name]),
        PHASE % ("*data", STACKS[name] % f"*lower, {upper}", COSTS[name]),
    ]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("name", ["dbn", "contractive", "gsn"])
def test_resuming_is_exact(name, run, folder, monkeypatch):
    """A run of all epochs, and one that dies after the first epoch of its last phase."""
    phases = phases_of(name)
    for stem in ("whole", "parts"):
        (folder / f"{stem}.yaml").write_text("".join(phases))
    last = f"phase{len(phases)}"
    assert run("whole.yaml") == (0, "")
    write, saves = Train._write, []

    def dying(train, *args, **kwargs):
        done = write(train, *args, **kwargs)
        saves.append(train)
        if len(saves) == 2 * len(phases) - 1:
            raise Killed
        return done

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Train, "_write", dying)
        run("parts.yaml")
    assert modelfile.load(f"parts_{last}.pkl").monitor.get_epochs_seen() == 1
    assert run("--resume", f"parts_{last}.pkl") == (0, "")
    whole, parts = (modelfile.load(f"{stem}_{last}.pkl") for stem in ("whole", "parts"))
    for one, other in zip(whole.get_param_values(), parts.get_param_values()):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(draw_samples(whole, 5), draw_samples(parts, 5))


# The commands


@pytest.fixture
def model_file(run, folder):
    (folder / "gsn.yaml").write_text(phases_of("gsn")[0])
    (folder / "data.yaml").write_text(DATA.replace("&data ", ""))
    assert run("gsn.yaml")[0] == 0
    return "gsn_phase1.pkl"


def test_commands_score_and_show_any_model_with_a_sampler(model_file, capfd):
    options = ["--dataset", "data.yaml"]
    parzen_ll.main([model_file, "-n", "50", *options])
    assert re.search(r"DenseDesignMatrix test set|data.yaml test set", capfd.readouterr().out)
    metrics = "parzen_ll,nearest_distance,two_sample_pixels"
    evaluate.main([model_file, "-n", "20", "--metrics", metrics, *options])
    out = capfd.readouterr().out
    assert all(name in out for name in metrics.split(","))
    evaluate.main([model_file, "-n", "20", *options])
    assert "path_length" not in capfd.readouterr().out
    show_samples.main([model_file, "--rows", "2", "--cols", "3"])
    show_samples.main([model_file, "--num", "7", "--out", "s.npy"])
    np.testing.assert_array_equal(
        np.load("s.npy"), draw_samples(modelfile.load(model_file), 7).astype("float32")
    )


def test_what_needs_noise_says_so(model_file, capfd):
    for main, argv in (
        (show_samples.main, [model_file, "--interpolate"]),
        (evaluate.main, [model_file, "--metrics", "ais_ll", "--dataset", "data.yaml"]),
    ):
        assert cli.run(lambda main=main, argv=argv: main(argv)) == 1
        assert "GSN has no generator (it draws its samples itself)" in capfd.readouterr().err


# Mistakes


@pytest.mark.parametrize(
    "text, message",
    [
        (f"{ROOM}.dbn.RBM {{ nvis: 0, dim: 2, irange: .1 }}", "nvis must be a positive integer"),
        (f"{ROOM}.dbn.RBM {{ nvis: 2, dim: 2, irange: -1. }}", "irange must not be negative"),
        (f"{ROOM}.dbn.RBM {{ nvis: 2, dim: 2, irange: .1, init_bias: [1.] }}", "shape"),
        (f"{ROOM}.dbn.RBM {{ nvis: 99999999, dim: 99999999, irange: .1 }}", "too large"),
        (f"{ROOM}.dbn.DeepBeliefNetwork {{ layers: [] }}", "at least one RBM"),
        (
            f"{ROOM}.dbn.DeepBeliefNetwork {{ layers: [{LAYERS['contractive'] % (2, 2)}] }}",
            "layers must hold RBM objects",
        ),
        (
            f"{ROOM}.dbn.DeepBeliefNetwork {{ layers: [{LAYERS['dbn'] % (4, 3)},\n"
            f"{LAYERS['dbn'] % (2, 2)}] }}",
            "line 2\\) has 2 visible units, but the layer below \\(.*line 1\\) has 3 hidden",
        ),
        (
            f"{ROOM}.dbn.DeepBeliefNetwork {{ layers: [{LAYERS['dbn'] % (4, 3)}], burn_in: -1 }}",
            "burn_in must be a whole number of at least 0, not -1",
        ),
        (f"{ROOM}.dbn.ContrastiveDivergence {{ steps: 0 }}", "steps must be a whole number"),
        (f"{ROOM}.dbn.ContrastiveDivergence {{ steps: 1000000000 }}", "steps of contrastive"),
        (f"{ROOM}.dbn.ContrastiveDivergence {{ chains: -1 }}", "chains must be a whole number"),
        (f"{ROOM}.dbn.ContrastiveDivergence {{ weight_decay: -.1 }}", "weight_decay must be"),
        (f"{ROOM}.contractive.ContractiveReconstruction {{ contraction: -1. }}", "contraction"),
        (
            f"{ROOM}.contractive.StackedAutoencoders {{ layers: "
            f"[{LAYERS['contractive'] % (2, 2)}], noise: -1. }}",
            "noise must be a number of at least 0",
        ),
        (
            f"{ROOM}.contractive.StackedAutoencoders {{ layers: "
            f"[{LAYERS['contractive'] % (2, 2)}], level: 1 }}",
            "level must be less than the number of layers",
        ),
        (
            f"{ROOM}.contractive.Autoencoder {{ nvis: 2, dim: 2, irange: .1, units: relu }}",
            "units must be one of sigmoid, linear",
        ),
        (f"{ROOM}.gsn.GSN {{ nvis: 2, dims: 3 }}", "dims must be a list"),
        (f"{ROOM}.gsn.GSN {{ nvis: 2, dims: [3, 0] }}", r"dims\[1\] must be a positive integer"),
        (f"{ROOM}.gsn.GSN {{ nvis: 2, dims: [3], corruption: 1.5 }}", "corruption"),
        (f"{ROOM}.gsn.GSN {{ nvis: 2, dims: [3], noise: [1., 2.] }}", "2 numbers for 1 hidden"),
        (f"{ROOM}.gsn.GSN {{ nvis: 2, dims: [3], units: relu }}", "units must be one of tanh"),
        (f"{ROOM}.gsn.GSN {{ nvis: 2, dims: [3], thinning: 0 }}", "thinning must be a whole"),
        (f"{ROOM}.gsn.Walkback {{ steps: 0 }}", "steps must be a whole number of at least 1"),
    ],
)
def test_mistakes_are_named_with_file_and_line(text, message, tmp_path):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        yaml_parse.load_path(str(tmp_path / "bad.yaml"))
    assert re.search(r"bad\.yaml line \d", str(caught.value))


def test_a_cost_of_layers_needs_layers():
    with pytest.raises(TypeError, match="no method below_top"):
        ContrastiveDivergence().get_gradients(GSN(2, [2]), at.zeros((1, 2)))
    with pytest.raises(TypeError, match="no method silent"):
        Walkback().expr(RBM(2, 2, irange=0.1), at.zeros((1, 2)))


@pytest.mark.parametrize("stem", sorted(path.stem for path in RIVALS.glob("*.yaml")))
def test_the_experiments_are_the_ones_of_their_page(stem):
    """Their YAML can be read, and names the classes of its module."""
    name = stem.partition("_")[0]
    text = (RIVALS / f"{stem}.yaml").read_text()
    found = yaml_parse.load_path(str(RIVALS / f"{stem}.yaml"), instantiate=False)
    phases = found if isinstance(found, list) else [found]
    assert len(phases) == (1 if name == "gsn" else 2)
    assert f"sandbox.table1.rivals.{name}." in text
