from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from adversarial.backend import floatX
from adversarial.models.symbolic_parzen import aesara_parzen, log_mean_exp, theano_parzen

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def test_log_mean_exp_does_not_overflow(evaluate):
    A = at.matrix()
    a = np.array([[1000, 1001, 999], [-1000, -1001, -2000], [0, 1, 2]], dtype=floatX)
    expected = logsumexp(a.astype("float64"), axis=1) - np.log(3)
    np.testing.assert_allclose(evaluate(log_mean_exp(A), {A: a}), expected, rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.2, 1.0])
def test_against_the_mean_of_normal_densities(sigma, evaluate):
    rng = np.random.RandomState(0)
    x, mu = rng.uniform(size=(7, 5)).astype(floatX), rng.uniform(size=(11, 5)).astype(floatX)
    density = np.mean([multivariate_normal(m, sigma**2).pdf(x) for m in mu], axis=0)
    X, M = at.matrix(), at.matrix()
    found = evaluate(theano_parzen(X, M, sigma), {X: x, M: mu})
    np.testing.assert_allclose(found, np.log(density), rtol=1e-4, atol=1e-4)
    assert aesara_parzen is theano_parzen
