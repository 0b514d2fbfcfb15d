"""Spaces, batches and conversions that several tests of spaces share."""

from __future__ import annotations

import adversarial.backend as backend  # isort: split

import numpy as np

from adversarial.space import (
    CompositeSpace,
    Conv2DSpace,
    Space,
    VectorSpace,
)


def flat(parts):
    return [leaf for part in parts for leaf in flat(part)] if isinstance(parts, tuple) else [parts]


def run(source: Space, target: Space, batch, method: str = "format_as"):
    """`batch` through the symbolic conversion, which must promise a true static shape."""
    owner, other = (source, target) if method == "format_as" else (target, source)
    inputs = source.make_theano_batch()
    outputs = getattr(owner, method)(inputs, other)
    target.validate(outputs)
    fn = backend.function(flat(inputs), flat(outputs), mode="FAST_COMPILE")
    values = fn(*flat(batch))
    for variable, value in zip(flat(outputs), values):
        assert variable.dtype == value.dtype
        known = variable.type.shape
        assert sum(n is None for n in known) == 1, "only the batch axis is open"
        assert all(n in (None, m) for n, m in zip(known, value.shape))
    return values


def images(space: Conv2DSpace, n: int) -> np.ndarray:
    size = n * space.get_total_dimension()
    shape = space.get_origin_batch(n).shape
    return np.random.RandomState(size).permutation(size).reshape(shape).astype(space.dtype)


def nested() -> CompositeSpace:
    image = Conv2DSpace((2, 2), num_channels=2, axes=("c", 0, 1, "b"))
    return CompositeSpace([VectorSpace(3), CompositeSpace([image, VectorSpace(1)])])


def nested_batch(n: int) -> tuple:
    rng = np.random.RandomState(0)
    draw = lambda *shape: rng.rand(*shape).astype(backend.floatX)  # noqa: E731
    return draw(n, 3), (draw(2, 2, 2, n), draw(n, 1))
