"""SoftmaxRegression against an MLP with one Softmax."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
from scipy.special import softmax

from adversarial.models.softmax_regression import SoftmaxRegression
from adversarial.utils import serial


def test_gives_the_softmax_of_a_linear_map(tmp_path):
    model = SoftmaxRegression(n_classes=3, irange=0.5, nvis=4, max_col_norm=0.3, seed=7)
    model.enforce_constraints()
    W = model.layers[0].get_weights()
    assert np.linalg.norm(W, axis=0).max() <= 0.3001
    serial.save(tmp_path / "model.pkl", model)
    again = serial.load(tmp_path / "model.pkl")
    x = np.random.RandomState(0).randn(5, 4).astype("float32")
    X = at.matrix()
    np.testing.assert_allclose(again.fprop(X).eval({X: x}), softmax(x @ W, axis=1), rtol=1e-5)
    assert isinstance(again, SoftmaxRegression) and again.layers[0].layer_name == "y"
