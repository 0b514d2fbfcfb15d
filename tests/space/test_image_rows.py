"""Images as rows of a data set."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.space import (
    Conv2DSpace,
    VectorSpace,
    format_data,
)


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b"), ("b", "c", 0, 1)])
def test_images_as_rows_of_a_data_set(axes):
    """A row holds an image channel after channel; both directions, numeric and symbolic."""
    space, vectors = Conv2DSpace((2, 3), num_channels=3, axes=axes), VectorSpace(18)
    rows = np.arange(36, dtype="float32").reshape(2, 18)
    lengths = {"b": 2, 0: 2, 1: 3, "c": 3}
    expected = np.empty([lengths[axis] for axis in axes], "float32")
    for index in np.ndindex(2, 2, 3, 3):
        b, r, c, k = index
        place = {"b": b, 0: r, 1: c, "c": k}
        expected[tuple(place[axis] for axis in axes)] = rows[b, 6 * k + 3 * r + c]
    np.testing.assert_array_equal(format_data(rows, vectors, space), expected)
    np.testing.assert_array_equal(format_data(expected, space, vectors), rows)
    X, images = vectors.make_aesara_batch(), space.make_aesara_batch()
    found = format_data(X, vectors, space).eval({X: rows})
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(format_data(images, space, vectors).eval({images: found}), rows)
    with pytest.raises(ValueError, match="different sizes"):
        format_data(rows, vectors, Conv2DSpace((2, 2), num_channels=3))
