from __future__ import annotations

import numpy as np
import pytest

from adversarial.datasets.contrast import global_contrast_normalize


def test_gcn_55_gives_every_image_that_norm_and_leaves_the_input():
    X = np.random.RandomState(0).randint(256, size=(10, 3072)).astype(np.uint8)
    normalized = global_contrast_normalize(X, scale=55.0)
    assert normalized.dtype == np.float32 and X.dtype == np.uint8
    assert np.allclose(np.linalg.norm(normalized, axis=1), 55, rtol=1e-4)
    assert np.allclose(normalized.mean(axis=1), 0, atol=1e-5)
    constant = global_contrast_normalize(np.full((1, 9), 7.0, np.float32), scale=55.0)
    assert np.array_equal(constant, np.zeros((1, 9)))
    with pytest.raises(ValueError, match="scale 0 is below"):
        global_contrast_normalize(X, scale=0)


def test_a_negative_number_of_rows_at_a_time():
    with pytest.raises(ValueError, match="batch_size must be a number of rows, not -5"):
        global_contrast_normalize(np.ones((3, 4)), batch_size=-5)
