"""Games so small that the theory of section 4 of the paper gives their answers as numbers."""

from __future__ import annotations

from types import SimpleNamespace

import aesara.tensor as at
import numpy as np
import pytest
from scipy import integrate, stats

from adversarial import AdversaryPair, Generator, backend
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, Sigmoid


def tabular_pair(outcomes):
    """G draws one of so many outcomes, as a one-hot row; D has a logit for each.

    How likely they are is for `set_p_g`.  Steep sigmoids of z say which thresholds it has passed,
    and their differences are the outcome: all layers are the package's own.
    """
    steps = Sigmoid(dim=outcomes, layer_name="steps", irange=0.0)
    last = Linear(dim=outcomes, layer_name="outcome", irange=0.0)
    G = Generator(MLP([steps, last], nvis=1), noise="uniform")
    last.set_weights(np.eye(outcomes) - np.eye(outcomes, k=-1))
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=0.0)], nvis=outcomes)
    return AdversaryPair(G, D, monitor_generator=False, monitor_discriminator=False)


def set_p_g(pair, p_g):
    """From now on, the G of a `tabular_pair` draws outcome k with probability p_g[k]."""
    # z is uniform on [-sqrt 3, sqrt 3]; outcome k is what lies above thresholds 0 to k alone.
    thresholds = np.sqrt(3) * (2 * (np.cumsum(p_g) - p_g) - 1)
    thresholds[0] = -2.0
    steepness, steps = 1e6, pair.generator.mlp.layers[0]
    steps.set_weights(np.full((1, len(p_g)), steepness))
    steps.set_biases(-steepness * thresholds)


def line_pair(mean=0.0, deviation=1.0):
    """G(z) = mean + deviation * z, so that p_g is normal; D is a maxout network on the line."""
    y = Linear(dim=1, layer_name="y", irange=0.0)
    G = Generator(MLP([y], nvis=1))
    y.set_weights([[deviation]])
    y.set_biases([mean])
    units, pieces = 40, 5
    bias = np.random.RandomState(0).uniform(-3, 3, size=units * pieces)
    D = [
        Maxout("h", units, pieces, irange=1.0, init_bias=bias),
        Sigmoid(dim=1, layer_name="y", irange=0.1),
    ]
    return AdversaryPair(G, MLP(D, nvis=1), monitor_generator=False, monitor_discriminator=False)


def p_g_of(pair):
    """The normal distribution of the samples of a `line_pair`, as it is now."""
    W, b = pair.generator.mlp.get_param_values()
    return stats.norm(float(b[0]), abs(float(W[0, 0])))


def opinion_of(pair):
    """D as a NumPy function of a batch (n, dim): probabilities (n,)."""
    X = at.matrix()
    D = backend.function([X], pair.discriminator.fprop(X))
    return lambda x: D(np.asarray(x, backend.floatX))[:, 0]


def jsd_on_a_line(p, q):
    """Jensen-Shannon divergence of two SciPy distributions, in nats, by numerical integration."""

    def kl_to_the_middle(a, b):
        def integrand(x):
            return a.pdf(x) * (a.logpdf(x) - np.logaddexp(a.logpdf(x), b.logpdf(x)) + np.log(2))

        reach = 10 * a.std()
        return integrate.quad(integrand, a.mean() - reach, a.mean() + reach, limit=200)[0]

    return 0.5 * (kl_to_the_middle(p, q) + kl_to_the_middle(q, p))


def distance_of_d(D, p_data, p_g):
    """The mean of |D(x) - p_data / (p_data + p_g)| where x is data or a sample, evenly likely."""
    x = np.concatenate([quantiles(p, 500) for p in (p_data, p_g)])
    optimum = p_data.pdf(x) / (p_data.pdf(x) + p_g.pdf(x))
    return abs(D(x) - optimum[:, 0]).mean()


def quantiles(distribution, n):
    """(n, 1): the middles of n equally likely parts, which stand for p_data without chance."""
    return distribution.ppf((np.arange(n) + 0.5) / n)[:, None].astype(backend.floatX)


@pytest.fixture(scope="module")
def theory():
    return SimpleNamespace(
        tabular_pair=tabular_pair,
        set_p_g=set_p_g,
        line_pair=line_pair,
        p_g_of=p_g_of,
        opinion_of=opinion_of,
        jsd_on_a_line=jsd_on_a_line,
        distance_of_d=distance_of_d,
        quantiles=quantiles,
    )
