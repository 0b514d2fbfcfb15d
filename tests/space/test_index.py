"""Labels and their one-hot vectors."""

from __future__ import annotations

import adversarial.backend as backend  # isort: split

import numpy as np
import pytest
from space_test_things import run

from adversarial.space import (
    Conv2DSpace,
    IndexSpace,
    VectorSpace,
)


def test_index_to_one_hot():
    labels = np.array([[0, 2], [4, 4], [1, 0]])
    space = IndexSpace(max_labels=5, dim=2)
    eye = np.eye(5, dtype=backend.floatX)

    concatenated = np.concatenate([eye[labels[:, 0]], eye[labels[:, 1]]], axis=1)
    both = VectorSpace(10)
    np.testing.assert_array_equal(space.np_format_as(labels, both), concatenated)
    np.testing.assert_array_equal(run(space, both, labels)[0], concatenated)
    np.testing.assert_array_equal(space.undo_np_format_as(concatenated, both), labels)
    np.testing.assert_array_equal(run(both, space, concatenated, "undo_format_as")[0], labels)

    merged = np.maximum(eye[labels[:, 0]], eye[labels[:, 1]])
    np.testing.assert_array_equal(space.np_format_as(labels, VectorSpace(5)), merged)
    np.testing.assert_array_equal(run(space, VectorSpace(5), labels)[0], merged)
    with pytest.raises(ValueError, match="do not keep the order"):
        space.undo_np_format_as(merged, VectorSpace(5))


def test_index_to_one_hot_of_single_labels_and_own_dtype():
    space = IndexSpace(max_labels=3, dim=1, dtype="uint8")
    labels = np.array([[2], [0]], dtype="uint8")
    out = space.np_format_as(labels, VectorSpace(3, dtype="float64"))
    assert out.dtype == "float64"
    np.testing.assert_array_equal(out, np.eye(3)[[2, 0]])
    back = space.undo_np_format_as(out, VectorSpace(3, dtype="float64"))
    assert back.dtype == "uint8"
    np.testing.assert_array_equal(back, labels)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (VectorSpace(7), ValueError),
        (IndexSpace(5, 3), ValueError),
        (IndexSpace(4, 2), ValueError),
        (Conv2DSpace((1, 2), num_channels=1), TypeError),
    ],
)
def test_index_refuses_other_targets(target, error):
    with pytest.raises(error):
        IndexSpace(5, 2).np_format_as(np.array([[0, 2]]), target)
